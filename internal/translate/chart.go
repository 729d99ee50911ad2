package translate

import (
	"strings"

	"github.com/rulebridge/rulebridge/internal/spl"
)

// chart is chart and timechart, and their si variants. By one field it is stats; a second one makes columns of its values.
func (l *lowering) chart(cmd *spl.Chart, rest []spl.Command) {
	l.ensureSource(cmd.Span())
	kind := strings.TrimPrefix(cmd.Kind, "si") // which write the same rows for a summary index
	span := ""
	at := spl.At{At: cmd.Span()}
	var rows, columns []spl.By
	switch {
	case kind == "timechart":
		rows = []spl.By{{At: at, Field: spl.Name{At: at, Text: "_time"}}}
		columns = cmd.By
	case cmd.Over != nil:
		rows, columns = []spl.By{*cmd.Over}, cmd.By
	case len(cmd.By) > 0:
		rows, columns = append(rows, cmd.By[0]), cmd.By[1:]
	}
	for _, o := range cmd.Options {
		switch o.Name {
		case "span":
			span = o.Value
		case "limit", "useother", "usenull", "otherstr", "nullstr", "agg":
			if len(columns) == 0 {
				l.diag("option_ignored", o.Span(), o.Name, "`"+o.Name+"` concerns the columns of a second field, of which there is none")
				continue
			}
			l.diag("option_ignored", o.Span(), o.Name, "`"+o.Name+"` chooses columns; the draft has those that the rest of the search names")
		case "cont", "partial", "fixedrange", "sep", "format", "dedup_splitvals":
			l.diag("option_ignored", o.Span(), o.Name, "`"+o.Name+"` only concerns how the result is shown")
		case "bins", "minspan", "aligntime", "start", "end":
			l.diag("unsupported_option", o.Span(), o.Name, cmd.Kind+" with "+o.Name+" chooses or moves the intervals by the data; give a span")
		default:
			l.diag("unsupported_option", o.Span(), o.Name, cmd.Kind+" with "+o.Name+" has no counterpart; leave it out")
		}
	}
	if cmd.Where != nil {
		l.diag("unsupported_option", cmd.Where.Span(), "where", cmd.Kind+" with where keeps columns by their values; the draft has those that the rest of the search names. Leave it out or name the columns")
	}
	if kind == "timechart" {
		if span == "" {
			l.diag("unsupported_option", cmd.Span(), "span", cmd.Kind+" without span chooses the interval from the time range; give a span. The draft takes 5m")
			span = "5m"
		}
	}
	if span != "" && len(rows) == 1 && rows[0].Bucket == nil {
		rows[0].Bucket = &spl.Option{At: at, Name: "span", Value: span}
	}
	untable := (*spl.Other)(nil)
	if len(rest) > 0 && len(columns) == 1 {
		if u, ok := rest[0].(*spl.Other); ok && u.Command == "untable" {
			untable = u
		}
	}
	if kind == "timechart" && untable == nil {
		l.emptyIntervals(cmd, rest)
	}
	if len(columns) == 0 {
		l.aggregate(cmd.Aggs, rows, cmd.Span(), true)
		return
	}
	p := &pivot{kind: cmd.Kind, rows: rows, split: columns[0], aggs: cmd.Aggs, named: len(cmd.Aggs) > 1}
	if known := l.pivotOptions(p, cmd.Options); known && len(columns) == 1 {
		if untable != nil && l.untabled(p, untable, rest[1:], cmd.Span()) {
			return
		}
		if l.lowerPivot(p, rest, cmd.Span()) {
			return
		}
	}
	l.aggregate(cmd.Aggs, append(append([]spl.By(nil), rows...), columns...), cmd.Span(), true)
	l.diag("unsupported_command", cmd.Span(), cmd.Kind, cmd.Kind+" makes a column of each value of `"+columns[0].Field.Text+"`; ES|QL has no pivot, so the draft keeps a row for each. Write the rest on these rows")
	l.env.setPartial()
}

// emptyIntervals says that timechart has a row for each interval, also where nothing happened.
func (l *lowering) emptyIntervals(cmd *spl.Chart, rest []spl.Command) {
	if len(rest) > 0 {
		if filtersZero(rest[0]) {
			l.diag("display_only", cmd.Span(), "timechart", "timechart also has rows for intervals without events, which the condition after it leaves out; the draft has none")
			return
		}
	}
	l.diag("truncation", cmd.Span(), "timechart", "timechart also has rows (count 0) for intervals without events, the draft has none; a rule that watches for silence needs another form")
}

// filtersZero says that a command keeps only rows in which some number is above 0.
func filtersZero(cmd spl.Command) bool {
	switch c := cmd.(type) {
	case *spl.Where:
		return needsAbove(c.Expr)
	case *spl.Search:
		for _, x := range conjuncts(c.Expr) {
			if searchesAbove(x) {
				return true
			}
		}
	}
	return false
}

func searchesAbove(e spl.SearchExpr) bool {
	switch e := e.(type) {
	case *spl.Compare:
		return e.Field.Text != "_time" && (e.Op == ">" || e.Op == ">=" || e.Op == "=") && aboveZero(e.Op, e.Value.Text)
	case *spl.SearchOr:
		for _, x := range e.Exprs {
			if !searchesAbove(x) {
				return false
			}
		}
		return true
	}
	return false
}

func needsAbove(e spl.Expr) bool {
	b, ok := e.(*spl.Binary)
	if !ok {
		return false
	}
	switch b.Op {
	case "AND":
		return needsAbove(b.L) || needsAbove(b.R)
	case "OR":
		return needsAbove(b.L) && needsAbove(b.R)
	case ">", ">=", "=", "==":
		f, field := b.L.(*spl.FieldRef)
		n, number := b.R.(*spl.NumberLit)
		return field && number && f.Name != "_time" && aboveZero(b.Op, n.Text)
	}
	return false
}
