package translate

import (
	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/spl"
)

const defaultSortLimit = 10000

// sort orders rows: SORT, with Splunk's limit written out.
func (l *lowering) sort(cmd *spl.Sort) {
	l.ensureSource(cmd.Span())
	s := l.sortKeys(cmd.Keys, cmd.Desc, cmd.Span())
	if s != nil {
		l.add(s)
	}
	switch {
	case cmd.Limit > 0:
		l.limit(cmd.Limit, cmd.Span())
	case cmd.Limit < 0:
		l.limit(defaultSortLimit, cmd.Span())
		l.diag("default_limit", cmd.Span(), "sort", "sort keeps 10,000 rows where no number is given")
	default:
		l.diag("row_limit", cmd.Span(), "sort", "sort 0 keeps every row; ES|QL returns 1,000 rows without LIMIT, 10,000 at most")
		l.limit(defaultSortLimit, cmd.Span())
	}
}

func (l *lowering) sortKeys(keys []spl.SortKey, desc bool, at spl.Span) *esql.Sort {
	s := &esql.Sort{}
	s.Origin = origin(at)
	l.textOrder = ""
	for _, k := range keys {
		v := l.shown(k.Field.Text, k.Field.Span()).value()
		if v.hole || v.null {
			continue
		}
		x := v.expr
		if k.Func == "num" && isText(v.typ) {
			x = l.readNumber(v)
		}
		if k.Func == "str" && !isText(v.typ) {
			x = call("TO_STRING", x)
		}
		if isText(v.typ) && k.Func != "str" && k.Func != "num" && len(s.Keys) == 0 {
			l.textOrder = k.Field.Text
		}
		key := &esql.SortKey{Expr: mark(x, k.Span()), Desc: k.Desc != desc, Nulls: "LAST"}
		key.Origin = origin(k.Span())
		s.Keys = append(s.Keys, key)
	}
	if len(s.Keys) == 0 {
		return nil
	}
	return s
}

func (l *lowering) limit(n int, at spl.Span) {
	if l.textOrder != "" && l.sorted() && n != defaultSortLimit {
		l.diag("order_dependent", at, "sort", "`"+l.textOrder+"` is text: numbers in it sort by their digits in ES|QL and by their value in Splunk, so other rows may come first; sort by num(…) of a number")
	}
	if n != defaultSortLimit {
		l.sortDecides(at)
	}
	lim := &esql.Limit{N: n}
	lim.Origin = origin(at)
	l.add(lim)
	l.fullText = false
	l.useful = true
}

// sortDecides says what has to be said of the columns that rows are sorted by, because a limit makes them decide.
func (l *lowering) sortDecides(at spl.Span) {
	for _, k := range l.sortedBy() {
		for _, n := range l.env.order {
			if c := l.env.cols[n]; !c.hole && mentions(k.Expr, esql.PrintExpr(col(c.name))) {
				l.used(c, at)
			}
		}
	}
}

// head keeps the first rows. On events these are the newest.
func (l *lowering) head(cmd *spl.Head) {
	l.ensureSource(cmd.Span())
	if cmd.Expr != nil {
		l.diag("unsupported_option", cmd.Span(), "head", "head with a condition stops at the first row that fails it, which ES|QL cannot; use a number")
		return
	}
	if !l.aggregated && !l.sorted() {
		l.add(&esql.Sort{At: esql.At{Origin: origin(cmd.Span())}, Keys: []*esql.SortKey{{Expr: col("@timestamp"), Desc: true}}})
	}
	n := cmd.Count
	if n <= 0 {
		n = 10
	}
	if l.aggregated && !l.sorted() {
		l.diag("order_dependent", cmd.Span(), "head", "head keeps the first rows of an order that ES|QL does not have here; sort before it")
	}
	l.limit(n, cmd.Span())
}

// sorted says that the rows have an order of their own.
func (l *lowering) sorted() bool {
	for i := len(l.cmds) - 1; i >= 0; i-- {
		switch l.cmds[i].(type) {
		case *esql.Sort:
			return true
		case *esql.Stats, *esql.MvExpand:
			return false
		}
	}
	return false
}
