package translate

import (
	"strings"

	"github.com/rulebridge/rulebridge/internal/spl"
)

// top is top and rare: the values that occur most or least, with their count and share. It is stats, eventstats for the
// total, eval, sort and head, and lowered as these.
func (l *lowering) top(cmd *spl.Top, rest []spl.Command) {
	l.ensureSource(cmd.Span())
	at := spl.At{At: cmd.Span()}
	name := func(s string) spl.Name { return spl.Name{At: at, Text: s} }
	count, percent := "count", "percent"
	showCount, showPercent := true, true
	for _, o := range cmd.Options {
		switch strings.ToLower(o.Name) {
		case "countfield":
			count = o.Value
		case "percentfield":
			percent = o.Value
		case "showcount":
			showCount = isYes(o.Value)
		case "showperc":
			showPercent = isYes(o.Value)
		case "useother":
			if isYes(o.Value) {
				l.diag("unsupported_option", o.Span(), "useother", "useother=t adds a row for all other values, which is no event to alert on; leave it out")
			}
		default:
			l.diag("option_ignored", o.Span(), o.Name, "`"+o.Name+"` does not change the rows of "+cmd.Kind)
		}
	}
	used := namesUsed(rest)
	if showPercent && namesNeeded(rest) != nil && !used[percent] && !anyPattern(used, percent) {
		showPercent = false
		l.diag("display_only", cmd.Span(), percent, "`"+percent+"` is not used further down, so the draft leaves it out")
	}
	var by []spl.By
	for _, f := range append(append([]spl.Name(nil), cmd.By...), cmd.Fields...) {
		by = append(by, spl.By{At: f.At, Field: f})
	}
	countName := name(count)
	l.aggregate([]spl.Agg{{At: at, Func: "count", As: &countName}}, by, cmd.Span(), true)
	total := "_total"
	if showPercent {
		var groups []spl.By
		for _, f := range cmd.By {
			groups = append(groups, spl.By{At: f.At, Field: f})
		}
		totalName := name(total)
		l.eventstats(&spl.Stats{At: at, Kind: "eventstats", By: groups, Aggs: []spl.Agg{{
			At: at, Func: "sum", Arg: &spl.FieldRef{At: at, Name: count}, As: &totalName,
		}}}, nil)
		ref := func(n string) spl.Expr { return &spl.FieldRef{At: at, Name: n} }
		num := func(n string) spl.Expr { return &spl.NumberLit{At: at, Text: n} }
		l.assignField(percent, &spl.Call{At: at, Func: "exact", Args: []spl.Expr{&spl.Binary{
			At: at, Op: "/", L: &spl.Binary{At: at, Op: "*", L: ref(count), R: num("100.0")}, R: ref(total),
		}}}, cmd.Span())
		if c := l.env.cols[total]; c != nil {
			l.helpers = append(l.helpers, c.name)
			l.env.unbind(total)
		}
	}
	desc := strings.HasSuffix(cmd.Kind, "top") // and sitop
	if s := l.sortKeys([]spl.SortKey{{At: at, Field: countName, Desc: desc}}, false, cmd.Span()); s != nil {
		l.add(s)
	}
	switch {
	case cmd.Count == 0:
	case len(cmd.By) > 0:
		l.diag("unsupported_option", cmd.Span(), "limit", cmd.Kind+" keeps "+itoa(cmd.Count)+" rows of each group, for which ES|QL has no counterpart; the draft keeps all, so add a condition on `"+count+"`")
	default:
		l.diag("order_not_kept", cmd.Span(), "limit", "of values with the same count, which "+cmd.Kind+" keeps at its limit is arbitrary in both")
		l.limit(cmd.Count, cmd.Span())
	}
	if !showCount {
		if c := l.env.cols[count]; c != nil {
			l.helpers = append(l.helpers, c.name)
			l.env.unbind(count)
		}
	}
}
