package translate

import (
	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// dedup keeps the first row of each combination of values. On events that is the newest: it rides behind its timestamp
// through MAX.
func (l *lowering) dedup(cmd *spl.Dedup, rest []spl.Command) {
	l.ensureSource(cmd.Span())
	for _, o := range cmd.Options {
		switch o.Name {
		case "keepevents", "keepempty", "consecutive":
			if isYes(o.Value) {
				l.diag("unsupported_option", o.Span(), o.Name, "dedup with "+o.Name+" keeps rows by their order, which ES|QL cannot; leave the option out")
				return
			}
		}
		l.diag("option_ignored", o.Span(), o.Name, "`"+o.Name+"` does not change the rows")
	}
	if cmd.Count > 1 {
		l.diag("unsupported_option", cmd.Span(), "dedup", "dedup of more than one row a group has no counterpart in ES|QL")
		return
	}
	if !l.settle(cmd, rest) {
		l.diag("unsupported_command", cmd.Span(), "dedup", "dedup of whole events has no counterpart in ES|QL; name the fields to keep (table) after it, or suppress alerts by "+nameList(cmd.Fields))
		return
	}
	if l.settled != nil {
		l.env, l.settled = l.settled, nil
	}
	outer := l.env
	var by []spl.By
	skip := map[string]bool{}
	var present []esql.Expr
	for _, f := range cmd.Fields {
		if f.Text == "" || f.Text[0] == '-' || f.Text[0] == '+' {
			continue
		}
		c := l.lookup(f.Text, f.Span())
		if c.hole {
			return
		}
		if c.constant != nil {
			continue
		}
		if _, ok := outer.cols[f.Text]; !ok {
			outer.bind(f.Text, c)
		}
		if !c.filled && !c.nonNull && !l.present[c.name] {
			present = append(present, mark(notNull(col(c.name)), f.Span()))
		}
		skip[c.name] = true
		by = append(by, spl.By{At: f.At, Field: f})
	}
	l.filter(and(present...))
	p := l.pack(outer.order, skip, cmd.Span())
	if len(p.cols) == 0 {
		l.aggregateWith(nil, by, cmd.Span(), false, "")
		return
	}
	if l.aggregated && !l.sorted() || len(cmd.SortBy) > 0 {
		l.diag("order_dependent", cmd.Span(), "dedup", "dedup keeps the first row of an order that ES|QL does not have here; which of the rows is kept differs")
	}
	row := l.rowName()
	if !l.aggregated {
		p.first("@timestamp")
	}
	x := p.row()
	st := &esql.Stats{Aggs: []*esql.Assign{{Name: row, Expr: mark(call("MAX", x), cmd.Span())}}}
	st.Origin = origin(cmd.Span())
	for _, b := range by {
		a := &esql.Assign{Expr: mark(col(outer.cols[b.Field.Text].name), b.Span())}
		st.By = append(st.By, a)
	}
	l.add(st)
	l.aggregated, l.fullText, l.present = true, false, map[string]bool{}
	l.helpers, l.eventID = nil, ""
	l.env = outer
	p.unpack(row)
	l.useful = true
}

func nameList(names []spl.Name) string {
	out := ""
	for i, n := range names {
		if i > 0 {
			out += ", "
		}
		out += n.Text
	}
	return out
}
