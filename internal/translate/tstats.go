package translate

import (
	"strings"

	"github.com/rulebridge/rulebridge/internal/schema"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// tstats is a search over a data model and stats in one. Missing group fields are "unknown" in a data model, so rows
// with a null key stay.
func (l *lowering) tstats(cmd *spl.TStats) {
	if cmd.Kind != "tstats" {
		l.unsupported(cmd)
		return
	}
	spanOpt, appended := "", false
	for _, o := range cmd.Options {
		switch o.Name {
		case "span":
			spanOpt = o.Value
		case "prestats", "append":
			if isYes(o.Value) {
				appended = appended || o.Name == "append" && l.src != nil
				l.diag("unsupported_option", o.Span(), o.Name, "tstats "+o.Name+"=t is not lowered here; write the search as one stats")
			}
		case "summariesonly":
			l.diag("macro_no_counterpart", o.Span(), o.Name, "`"+o.Name+"` concerns Splunk's acceleration summaries; Elasticsearch needs nothing in its place")
		default:
			l.diag("option_ignored", o.Span(), o.Name, "`"+o.Name+"` does not change the rows")
		}
	}
	if appended { // these rows would be read after the others
		l.diag("unsupported_command", cmd.Span(), "tstats", "the rows that tstats append=t adds are left out; write a search of its own for this data model")
		l.env.setPartial()
		return
	}
	where := cmd.Where
	switch {
	case cmd.From != nil:
		src, ok := l.schema.DataModel(cmd.From.Text)
		if cmd.Nodename != nil {
			if s, found := l.schema.DataModel(cmd.Nodename.Text); found {
				src, ok = s, true
			} else if s, found := l.schema.DataModel(cmd.From.Text + "." + cmd.Nodename.Text); found {
				src, ok = s, true
			}
		}
		if !ok {
			l.missing("datamodel", cmd.From.Text)
			l.diag("unknown_datamodel", cmd.From.Span(), cmd.From.Text, "data model `"+cmd.From.Text+"` has no counterpart in the schema; add it to the schema overrides")
			l.env = newEnv(false)
			l.env.setPartial()
			return
		}
		at := cmd.From.Span()
		if cmd.Nodename != nil {
			l.diag("source_resolved", cmd.Nodename.Span(), cmd.Nodename.Text, "`"+cmd.Nodename.Text+"` is read from "+strings.Join(src.Indices, ", "))
		}
		l.diag("source_resolved", at, cmd.From.Text, "`"+cmd.From.Text+"` is read from "+strings.Join(src.Indices, ", "))
		l.useSources([]*schema.Source{src}, at)
	default:
		where = l.chooseSource(where, cmd.Span())
	}
	l.noteEventCodes(where)
	for _, x := range conjuncts(where) {
		l.filterAnd(l.searchCond(x, false))
	}
	if x := and(l.pending...); isFalse(x) {
		l.constant(x, cmd.Span())
	}
	l.filterEnd()
	by := cmd.By
	if spanOpt != "" {
		by = append([]spl.By(nil), by...)
		for i, b := range by {
			if b.Field.Text == "_time" && b.Bucket == nil {
				o := spl.Option{At: b.At, Name: "span", Value: spanOpt}
				by[i].Bucket = &o
			}
		}
	}
	l.aggregate(cmd.Aggs, by, cmd.Span(), cmd.From == nil || !l.src.DataModel)
}

func isYes(v string) bool {
	switch strings.ToLower(v) {
	case "t", "true", "1", "yes":
		return true
	}
	return false
}
