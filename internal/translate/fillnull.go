package translate

import (
	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// fillnull replaces missing values.
func (l *lowering) fillnull(cmd *spl.FillNull, rest []spl.Command) {
	l.ensureSource(cmd.Span())
	names := cmd.Fields
	if len(names) == 0 {
		if l.env.open {
			l.fillEvents(cmd, rest)
			return
		}
		for _, n := range l.env.order {
			names = append(names, spl.Name{At: cmd.At, Text: n})
		}
	}
	for _, n := range names {
		c := l.lookup(n.Text, n.Span())
		v := c.value()
		switch {
		case v.hole:
			l.diag("depends_on_hole", cmd.Span(), n.Text, "`"+n.Text+"` is not filled, because of the hole in it")
			continue
		case v.null:
			l.defineAs(n.Text, &column{typ: "keyword", nonNull: true}, mark(str(cmd.Value), cmd.Span()), cmd.Span())
			continue
		case v.nonNull:
			l.diag("option_ignored", n.Span(), n.Text, "`"+n.Text+"` always has a value here")
			continue
		}
		fill, typ := esql.Expr(str(cmd.Value)), "keyword"
		x := v
		if num, ok := number(cmd.Value); ok && isNumeric(v.typ) {
			fill, typ = num, v.typ
			if lit, isLit := num.(*esql.Literal); isLit {
				if k, isInt := lit.Value.(int64); isInt && !isInteger(v.typ) {
					fill = &esql.Literal{Value: float64(k)}
				}
			}
		} else {
			x = l.text(v)
		}
		l.defineAs(n.Text, &column{typ: typ, nonNull: true, array: v.array}, mark(call("COALESCE", x.expr, fill), cmd.Span()), cmd.Span())
	}
}

// fillEvents is fillnull of every field of whole events: the fields are those that the rest of the pipeline names.
func (l *lowering) fillEvents(cmd *spl.FillNull, rest []spl.Command) {
	if !l.settle(cmd, rest) || l.settled == nil {
		l.diag("unsupported_option", cmd.Span(), "fillnull", "fillnull of every field needs their names; list them")
		return
	}
	names := l.settled.order
	l.settled = nil
	said := false
	for _, n := range names {
		c := l.peek(n, cmd.Span())
		if c.hole || c.nonNull || c.constant != nil || n == "_time" || l.present[c.name] {
			continue
		}
		if !said {
			said = true
			l.diag("fill_all", cmd.Span(), "fillnull", "fillnull without a list fills the fields that at least one event has; the draft fills every field named below, so events count even where no event has the field")
		}
		v := c.value()
		fill, x := esql.Expr(str(cmd.Value)), l.text(v)
		typ := "keyword"
		if num, ok := number(cmd.Value); ok && isNumeric(v.typ) {
			fill, x, typ = num, v, v.typ
		}
		filled := &column{typ: typ, nonNull: true, array: v.array, pending: c.pending}
		l.defineAs(n, filled, mark(call("COALESCE", x.expr, fill), cmd.Span()), cmd.Span())
	}
}
