package translate

import (
	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// tail keeps the last rows, last first. On events, which Splunk lists newest first, these are the oldest.
func (l *lowering) tail(cmd *spl.Tail) {
	l.ensureSource(cmd.Span())
	n := cmd.Count
	if n <= 0 {
		n = 10
	}
	if !l.reverseOrder(cmd.Span()) {
		l.diag("order_dependent", cmd.Span(), "tail", "tail keeps the last rows of an order that ES|QL does not have here; sort before it")
	}
	l.limit(n, cmd.Span())
}

// reverse turns the order of the rows around.
func (l *lowering) reverse(cmd *spl.Reverse) {
	l.ensureSource(cmd.Span())
	if !l.reverseOrder(cmd.Span()) {
		l.diag("order_not_kept", cmd.Span(), "reverse", "reverse turns an order around that ES|QL does not have here; a command that keeps the first rows says so itself")
	}
}

// reverseOrder writes the opposite of the order that the rows have; false when they have none.
func (l *lowering) reverseOrder(at spl.Span) bool {
	keys := l.order()
	if keys == nil {
		return false
	}
	s := &esql.Sort{}
	s.Origin = origin(at)
	for _, k := range keys {
		r := *k
		r.Origin = origin(at)
		r.Desc = !k.Desc
		if k.Nulls == "LAST" {
			r.Nulls = "FIRST"
		} else {
			r.Nulls = "LAST"
		}
		s.Keys = append(s.Keys, &r)
	}
	l.add(s)
	return true
}

// order is the sort order of the rows at this point: of the last SORT, else newest first on events, else none.
func (l *lowering) order() []*esql.SortKey {
	for i := len(l.cmds) - 1; i >= 0; i-- {
		switch c := l.cmds[i].(type) {
		case *esql.Sort:
			return c.Keys
		case *esql.Stats, *esql.MvExpand:
			return nil
		}
	}
	if l.aggregated || l.src == nil {
		return nil
	}
	return []*esql.SortKey{{Expr: col("@timestamp"), Desc: true, Nulls: "LAST"}}
}

// filldown carries values down from the row above.
func (l *lowering) filldown(cmd *spl.FillDown) {
	l.ensureSource(cmd.Span())
	l.diag("unsupported_command", cmd.Span(), "filldown", "filldown carries a value from the row above, and ES|QL has no row above; put the value on every row with stats or eventstats by the key it belongs to")
	if len(cmd.Fields) == 0 {
		l.env.setPartial()
	}
	for _, f := range cmd.Fields {
		for _, n := range l.env.names(f.Text) {
			l.defineHole(n)
		}
	}
}
