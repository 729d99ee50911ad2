package translate

import (
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// transaction puts events that belong together into one row. ES|QL cannot look at an event's neighbours, so the draft
// groups by the fields and, with maxspan, by windows that start at the clock.
func (l *lowering) transaction(cmd *spl.Transaction, rest []spl.Command) {
	l.ensureSource(cmd.Span())
	at := cmd.Span()
	if l.aggregated {
		if c := l.env.cols["_time"]; c == nil || c.hole || !isDate(c.typ) {
			l.diag("unsupported_command", at, "transaction", "transaction needs the time of events, which is gone after stats; group by the fields with stats")
			l.env.setPartial()
			return
		}
	}
	var windows []span
	maxspan := ""
	for _, o := range cmd.Options {
		switch strings.ToLower(o.Name) {
		case "maxspan":
			s, ok := parseSpan(o.Value)
			switch {
			case o.Value == "-1":
				l.diag("option_ignored", o.Span(), o.Name, "`maxspan=-1` is no limit")
			case !ok:
				l.diag("unsupported_option", o.Span(), "maxspan", "maxspan="+o.Value+" is no interval of time that ES|QL has; the draft groups without it")
			default:
				windows, maxspan = append(windows, s), o.Value
			}
		case "maxpause":
			l.diag("transaction_window", o.Span(), o.Name, "maxpause="+o.Value+" ends a transaction at a pause; the draft does not look at pauses, so one row can stand for several transactions")
		case "maxevents":
			l.diag("transaction_window", o.Span(), o.Name, "maxevents="+o.Value+" ends a transaction at a number of events; the draft does not, so one row can stand for several transactions")
		default:
			l.diag("option_ignored", o.Span(), o.Name, "`"+o.Name+"` of transaction only concerns incomplete transactions, memory or how values are shown")
		}
	}
	var by []spl.By
	for _, f := range cmd.Fields {
		if c := l.peek(f.Text, f.Span()); c.hole {
			l.lookup(f.Text, f.Span())
			l.diag("unsupported_command", at, "transaction", "transaction groups by `"+f.Text+"`, which has no counterpart; the draft goes on without it")
			l.env.setPartial()
			return
		}
		by = append(by, spl.By{At: f.At, Field: f})
	}
	// Conditions stand in STATS … WHERE, where there is no full text.
	fullText := l.fullText
	l.fullText = false
	start, hasStart := l.transactionFilter(cmd.StartsWith)
	end, hasEnd := l.transactionFilter(cmd.EndsWith)
	l.fullText = fullText

	aggs := []spl.Agg{
		l.madeAgg(at, "count", "", "eventcount"),
		l.madeAgg(at, "min", "_time", "_time"),
		l.madeAgg(at, "max", "_time", "_ended"),
	}
	made := map[string]bool{"_time": true, "eventcount": true, "duration": true, "closed_txn": true, "linecount": true}
	for _, f := range cmd.Fields {
		made[f.Text] = true
	}
	later := map[string]bool{}
	for _, c := range rest {
		for _, n := range assigned(c) {
			later[n] = true
		}
	}
	var holes []string
	for _, n := range namesInOrder(rest) {
		if made[n] || strings.Contains(n, "*") {
			continue
		}
		made[n] = true
		c := l.peek(n, at)
		switch {
		case c.hole && later[n]:
		case c.hole:
			l.lookup(n, at)
			holes = append(holes, n)
		case c.constant == nil:
			aggs = append(aggs, l.madeAgg(at, "values", n, n))
		}
	}
	when := "@timestamp"
	if c := l.env.cols["_time"]; c != nil && !c.hole && isDate(c.typ) {
		when = c.name
	}
	l.aggregate(aggs, by, at, true)
	for _, n := range holes {
		l.defineHole(n)
	}
	st, ok := l.lastStats()
	if !ok {
		return
	}
	o := esql.At{Origin: origin(at)}
	if len(windows) > 0 {
		l.coverSpan(windows[0])
		w := &esql.Assign{At: o, Name: "_window", Expr: mark(call("DATE_TRUNC", windows[0].duration(), col(when)), at)}
		st.By = append([]*esql.Assign{w}, st.By...)
		l.helpers = append(l.helpers, "_window")
	}
	l.helpers = append(l.helpers, "_ended")
	first, last := esql.Expr(col(l.env.cols["_time"].name)), esql.Expr(col("_ended"))
	var complete []esql.Expr
	if hasStart && start != nil {
		st.Aggs = append(st.Aggs, &esql.Assign{At: o, Name: "_started", Expr: mark(call("MIN", col(when)), at), Where: mark(start, at)})
		l.helpers = append(l.helpers, "_started")
		first = col("_started")
		complete = append(complete, notNull(col("_started")))
	}
	if hasEnd && end != nil {
		for _, a := range st.Aggs {
			if a.Name == "_ended" {
				a.Where = mark(end, at)
			}
		}
		complete = append(complete, notNull(col("_ended")))
	}
	if hasStart && hasEnd && start != nil && end != nil {
		complete = []esql.Expr{binary("<=", col("_started"), col("_ended"))}
	}
	l.filter(mark(and(complete...), at))
	seconds := binary("/", binary("-", call("TO_LONG", last), call("TO_LONG", first)), &esql.Literal{Value: 1000.0})
	if namesUsed(rest)["duration"] {
		l.defineAs("duration", &column{typ: "double", nonNull: true}, mark(seconds, at), at)
	}
	l.useful = true
	switch {
	case maxspan != "" && len(complete) > 0:
		l.diag("transaction_window", at, "transaction", "the draft looks for the first and the last event inside windows of "+maxspan+" that start at the clock: two events less than "+maxspan+" apart may fall in two windows, and several transactions of one window are one row")
	case maxspan != "":
		l.diag("transaction_window", at, "transaction", "the draft groups by windows of "+maxspan+" that start at the clock: events less than "+maxspan+" apart may fall in two windows")
	case len(complete) > 0:
		l.diag("transaction_window", at, "transaction", "the draft takes the first start and the last end of each group in the rule's window: several transactions are one row, and events between them count")
	default:
		l.diag("transaction_window", at, "transaction", "the draft makes one row of all events of a group in the rule's window; Splunk starts a new transaction after 1,000 events")
	}
}

func (l *lowering) lastStats() (*esql.Stats, bool) {
	for i := len(l.cmds) - 1; i >= 0; i-- {
		if st, ok := l.cmds[i].(*esql.Stats); ok {
			return st, true
		}
	}
	return nil, false
}

// madeAgg is an aggregation that the compiler itself asks for.
func (l *lowering) madeAgg(at spl.Span, fn, field, as string) spl.Agg {
	a := spl.At{At: at}
	g := spl.Agg{At: a, Func: fn, As: &spl.Name{At: a, Text: as}}
	if field != "" {
		g.Arg = &spl.FieldRef{At: a, Name: field}
	}
	return g
}

// transactionFilter lowers startswith or endswith; given says whether there is one.
func (l *lowering) transactionFilter(f spl.Filter) (x esql.Expr, given bool) {
	switch {
	case f.Search != nil:
		return l.searchCond(f.Search, false), true
	case f.Eval != nil:
		return l.cond(f.Eval, false), true
	}
	return nil, false
}

// namesInOrder lists the field names that commands mention, up to the one that ends with a list of columns.
func namesInOrder(cmds []spl.Command) []string {
	var out []string
	seen := map[string]bool{}
	add := func(n string) {
		if n != "" && !seen[n] {
			seen[n] = true
			out = append(out, n)
		}
	}
	for _, cmd := range cmds {
		spl.Walk(cmd, func(n spl.Node) bool {
			switch n := n.(type) {
			case *spl.Rex:
				add(n.Field.Text)
				return false
			case *spl.Regex:
				add(n.Field.Text)
				return false
			case *spl.Lookup:
				for _, k := range n.Keys {
					add(k.Field.Text)
				}
				return false
			case *spl.FieldRef:
				add(n.Name)
			case *spl.Name:
				add(n.Text)
			}
			return true
		})
		switch c := cmd.(type) {
		case *spl.Stats:
			if c.Kind == "stats" {
				return out
			}
		case *spl.Table:
			return out
		case *spl.Fields:
			if !c.Remove {
				return out
			}
		}
	}
	return out
}
