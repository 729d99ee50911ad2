package translate

import (
	"github.com/rulebridge/rulebridge/internal/spl"
)

// chart is chart and timechart. By one field it is stats; a second one makes columns of its values, for which ES|QL has
// no pivot: then the draft keeps a row for each.
func (l *lowering) chart(cmd *spl.Chart, rest []spl.Command) {
	l.ensureSource(cmd.Span())
	span := ""
	for _, o := range cmd.Options {
		switch o.Name {
		case "span":
			span = o.Value
		case "limit", "useother", "usenull", "otherstr", "nullstr", "agg":
			if len(cmd.By) > 0 {
				l.diag("option_ignored", o.Span(), o.Name, "`"+o.Name+"` chooses columns, which the draft keeps as rows")
				continue
			}
			l.diag("option_ignored", o.Span(), o.Name, "`"+o.Name+"` concerns the columns of a second field, of which there is none")
		case "cont", "partial", "fixedrange", "sep", "format", "dedup_splitvals":
			l.diag("option_ignored", o.Span(), o.Name, "`"+o.Name+"` only concerns how the result is shown")
		case "bins", "minspan", "aligntime", "start", "end":
			l.diag("unsupported_option", o.Span(), o.Name, cmd.Kind+" with "+o.Name+" chooses or moves the intervals by the data; give a span")
		default:
			l.diag("unsupported_option", o.Span(), o.Name, cmd.Kind+" with "+o.Name+" has no counterpart; leave it out")
		}
	}
	at := spl.At{At: cmd.Span()}
	var rows, columns []spl.By
	switch {
	case cmd.Kind == "timechart":
		rows = []spl.By{{At: at, Field: spl.Name{At: at, Text: "_time"}}}
		columns = cmd.By
		if span == "" {
			l.diag("unsupported_option", cmd.Span(), "span", "timechart without span chooses the interval from the time range; give a span. The draft takes 5m")
			span = "5m"
		}
		rows[0].Bucket = &spl.Option{At: at, Name: "span", Value: span}
		l.emptyIntervals(cmd, rest)
	case cmd.Over != nil:
		rows, columns = []spl.By{*cmd.Over}, cmd.By
	case len(cmd.By) > 0:
		rows, columns = cmd.By[:1], cmd.By[1:]
	}
	if cmd.Kind == "chart" && span != "" && len(rows) == 1 && rows[0].Bucket == nil {
		rows = append([]spl.By(nil), rows...)
		rows[0].Bucket = &spl.Option{At: at, Name: "span", Value: span}
	}
	l.aggregate(cmd.Aggs, append(append([]spl.By(nil), rows...), columns...), cmd.Span(), true)
	if len(columns) > 0 {
		l.diag("unsupported_command", cmd.Span(), cmd.Kind, cmd.Kind+" makes a column of each value of `"+columns[0].Field.Text+"`; ES|QL has no pivot, so the draft keeps a row for each. Write the rest on these rows")
		l.env.setPartial()
	}
}

// emptyIntervals says that timechart has a row for each interval, also where nothing happened.
func (l *lowering) emptyIntervals(cmd *spl.Chart, rest []spl.Command) {
	if len(rest) > 0 {
		if w, ok := rest[0].(*spl.Where); ok {
			if b, ok := w.Expr.(*spl.Binary); ok && (b.Op == ">" || b.Op == ">=") {
				if _, number := b.R.(*spl.NumberLit); number && b.R.(*spl.NumberLit).Text != "0" {
					l.diag("display_only", cmd.Span(), "timechart", "timechart also has rows for intervals without events, which the condition after it leaves out; the draft has none")
					return
				}
			}
		}
	}
	l.diag("truncation", cmd.Span(), "timechart", "timechart also has rows (count 0) for intervals without events, the draft has none; a rule that watches for silence needs another form")
}
