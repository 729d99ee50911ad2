package translate

import (
	"strconv"
	"strings"

	"github.com/rulebridge/rulebridge/internal/schema"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// tstats is a search over a data model and stats in one. Missing group fields are "unknown" in a data model, so rows
// with a null key stay.
func (l *lowering) tstats(cmd *spl.TStats, rest []spl.Command) {
	if cmd.Kind == "mstats" {
		l.mstats(cmd, rest)
		return
	}
	if hasYes(cmd.Options, "prestats") && l.prestats(cmd, rest) {
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
				l.diag("unsupported_option", o.Span(), o.Name, "tstats "+o.Name+"=t gives rows that only a stats of the same functions and fields right behind it can read, and there is none; write the search as one stats")
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
	l.mustBeFirst("tstats", cmd.Span())
	if !l.tstatsEvents(cmd) {
		return
	}
	by, _ := timedBy(cmd.By, spanOpt)
	l.aggregate(cmd.Aggs, by, cmd.Span(), cmd.From == nil || !l.src.DataModel)
}

// tstatsEvents reads the events that tstats is over; ok is false when there is no source for them.
func (l *lowering) tstatsEvents(cmd *spl.TStats) (ok bool) {
	where := cmd.Where
	switch {
	case cmd.From != nil:
		src, ok := l.schema.DataModel(cmd.From.Text)
		node := ""
		if cmd.Nodename != nil && !l.schema.IsIdentity() {
			if s, found := l.dataSet(cmd.From.Text, cmd.Nodename.Text); found {
				src, ok = s, true
			} else {
				node = cmd.Nodename.Text
			}
		}
		if !ok {
			l.missing("datamodel", cmd.From.Text)
			l.diag("unknown_datamodel", cmd.From.Span(), cmd.From.Text, "data model `"+cmd.From.Text+"` has no counterpart in the schema; add it to the schema overrides")
			l.env = newEnv(false)
			l.env.setPartial()
			return false
		}
		at := cmd.From.Span()
		src = l.withNamed(src)
		switch {
		case node != "":
			l.diag("unsupported_option", cmd.Nodename.Span(), node, "`nodename="+node+"` keeps the events of a data set that the schema does not know; the draft has all of `"+cmd.From.Text+"`: add the condition that makes the data set, or the data set to the schema overrides")
		case cmd.Nodename != nil:
			l.noteIndices(cmd.Nodename.Span(), cmd.Nodename.Text, src.Indices)
		}
		l.noteIndices(at, cmd.From.Text, src.Indices)
		l.useSources([]*schema.Source{src}, at)
	default:
		where = l.chooseSource(where, cmd.Span(), nil)
	}
	l.noteOperatorOrder(where)
	l.noteEventCodes(where)
	for _, x := range conjuncts(where) {
		l.filterAnd(l.searchCond(x, false))
		l.noteChoices(searchChoices(x))
	}
	if x := and(l.pending...); isFalse(x) {
		l.constant(x, cmd.Span())
	}
	l.filterEnd()
	return true
}

// noteOperatorOrder says where the where clause of tstats mixes AND and OR without parentheses.
func (l *lowering) noteOperatorOrder(where spl.SearchExpr) {
	if where == nil {
		return
	}
	var alternatives []*spl.SearchOr // that stand beside other conditions
	spl.Walk(where, func(n spl.Node) bool {
		if and, ok := n.(*spl.SearchAnd); ok {
			for _, x := range and.Exprs {
				if or, ok := x.(*spl.SearchOr); ok {
					alternatives = append(alternatives, or)
				}
			}
		}
		return true
	})
	for _, or := range alternatives {
		from, to := int(or.Span().Start.Offset), int(or.Span().End.Offset)
		if to > len(l.req.Query) || from > to {
			continue
		}
		before, text := strings.TrimRight(l.req.Query[:from], " \t\r\n"), l.req.Query[from:to]
		if strings.HasSuffix(before, "(") || strings.HasPrefix(text, "`") || strings.HasPrefix(text, "(") {
			continue
		}
		l.diag("operator_order", or.Span(), "where", "the where clause of tstats mixes AND and OR without parentheses, and Splunk's manual gives no order for it; the draft joins the alternatives of OR first, as search does. Write the parentheses that are meant")
	}
}

func isYes(v string) bool {
	switch strings.ToLower(v) {
	case "t", "true", "1", "yes":
		return true
	}
	return false
}

// dataSet finds a data set of a model by the name of its node: All_Traffic, or a path below it.
func (l *lowering) dataSet(model, node string) (*schema.Source, bool) {
	root, set, _ := strings.Cut(model, ".")
	last := node[strings.LastIndexByte(node, '.')+1:]
	names := []string{root + "." + node, root + "." + last}
	if node == set || node == root || last == node && strings.EqualFold(model, node) {
		names = append(names, model)
	}
	for _, n := range names {
		if s, ok := l.schema.DataModel(n); ok {
			return s, true
		}
	}
	return nil, false
}

// hasYes says that an option is given and on.
func hasYes(opts []spl.Option, name string) bool {
	for _, o := range opts {
		if strings.EqualFold(o.Name, name) && isYes(o.Value) {
			return true
		}
	}
	return false
}

// timedBy gives _time the span of the whole command, or the one that stands behind another field: by host _time span=1h
// and by _time host span=1h are the same. left is the span where there is no _time.
func timedBy(list []spl.By, span string) (by []spl.By, left *spl.Option) {
	by = append([]spl.By(nil), list...)
	if span != "" {
		left = &spl.Option{Name: "span", Value: span}
	}
	for i, b := range by {
		if b.Bucket == nil || b.Field.Text == "_time" {
			continue
		}
		if _, err := strconv.ParseFloat(b.Bucket.Value, 64); err == nil {
			continue // an interval of the field's own numbers
		}
		if _, ok := parseSpan(b.Bucket.Value); ok {
			left, by[i].Bucket = b.Bucket, nil
		}
	}
	for i, b := range by {
		if b.Field.Text == "_time" {
			if b.Bucket == nil && left != nil {
				o := *left
				o.At = b.At
				by[i].Bucket = &o
			}
			return by, nil
		}
	}
	return by, left
}
