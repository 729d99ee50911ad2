package translate

import (
	"slices"
	"strconv"
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/schema"
	"github.com/rulebridge/rulebridge/internal/spl"
)

func (l *lowering) stats(cmd *spl.Stats, rest []spl.Command) {
	switch cmd.Kind {
	case "stats", "sistats":
	case "eventstats":
		if len(l.env.order) > maxPacked {
			l.diag("too_large", cmd.Span(), "eventstats", "there are more than "+itoa(maxPacked)+" columns to carry past eventstats, and it is left out of the draft; keep the fields that are needed with `fields` before it")
			l.holesFor(cmd.Aggs)
			return
		}
		l.eventstats(cmd, rest)
		return
	case "streamstats":
		l.streamstats(cmd)
		return
	default:
		l.unsupported(cmd)
		l.holesFor(cmd.Aggs)
		return
	}
	l.ensureSource(cmd.Span())
	l.aggOptions(cmd.Options)
	unfilled := l.unfilled
	l.unfilled = nil
	l.aggregate(cmd.Aggs, cmd.By, cmd.Span(), true)
	if len(cmd.Macros) > 0 {
		l.partialStats(cmd)
	}
	if len(unfilled) > 0 {
		l.dropUnfilled(unfilled, cmd.Span())
	}
}

// partialStats follows stats whose aggregations are in part macros without a definition: they may make any column.
func (l *lowering) partialStats(cmd *spl.Stats) {
	for _, m := range cmd.Macros {
		l.unknownMacro(m.Name, m.Span())
	}
	l.env.setPartial()
}

func (l *lowering) aggOptions(opts []spl.Option) {
	for _, o := range opts {
		l.diag("option_ignored", o.Span(), o.Name, "`"+o.Name+"` does not change the rows")
	}
}

// aggregate writes STATS … BY …. dropNull says that rows without a key are dropped, as stats does; data models keep them.
func (l *lowering) aggregate(aggs []spl.Agg, by []spl.By, at spl.Span, dropNull bool) {
	l.aggregateWith(aggs, by, at, dropNull, "")
}

// aggregateWith also collects the values of a column of packed rows under its own name.
func (l *lowering) aggregateWith(aggs []spl.Agg, by []spl.By, at spl.Span, dropNull bool, row string) {
	l.sayEmptyRow()
	st := &esql.Stats{}
	next := newEnv(false)
	if l.env.partial() {
		next.setPartial()
	}
	l.useful = true

	type key struct {
		spl  string
		c    *column
		expr *esql.Assign
		at   spl.Span
	}
	var few [24]key
	keys := few[:0]
	var present []esql.Expr
	var seen, taken distinct // keys that are one column are tested once
	taken.list = make([]string, 0, len(by)+len(aggs)+1)
	if row != "" {
		taken.add(row)
	}
	for _, b := range by {
		if strings.Contains(b.Field.Text, "*") {
			for _, n := range l.env.names(b.Field.Text) {
				var c *column
				l.reading(toGroup, func() { c = l.used(l.env.cols[n], b.Span()) })
				keys = append(keys, key{n, c, nil, b.Span()})
			}
			continue
		}
		var c *column
		var a *esql.Assign
		l.reading(toGroup, func() { c, a = l.groupKey(b) })
		if c == nil {
			l.diag("depends_on_hole", b.Span(), b.Field.Text, "the draft does not group by `"+b.Field.Text+"`, which could not be translated; settle that error first")
			next.bind(b.Field.Text, &column{name: b.Field.Text, hole: true})
			continue
		}
		if c.domain != "" && l.peer == nil && a == nil {
			// An account without a domain is one, too: no filter for presence.
			keys = append(keys, key{c.domain, &column{name: c.domain, typ: "keyword"}, &esql.Assign{Expr: mark(col(c.domain), b.Span())}, b.Span()})
		}
		keys = append(keys, key{b.Field.Text, c, a, b.Span()})
	}
	for _, k := range keys {
		if k.c.hole {
			next.bind(k.spl, k.c)
			continue
		}
		if dropNull && !k.c.filled && !k.c.nonNull && !l.present[k.c.name] && k.c.constant == nil && k.expr == nil {
			if !seen.has(k.c.name) {
				seen.add(k.c.name)
				present = append(present, mark(notNull(k.c.value().expr), k.at))
			}
		}
	}
	l.filter(and(present...))

	// One piece of memory each for the columns and the assignments of all keys.
	gone := false // a key that no row has
	columns := make([]column, len(keys))
	assigns := make([]esql.Assign, len(keys))
	st.By = make([]*esql.Assign, 0, len(keys))
	for i := range keys {
		k := &keys[i]
		if k.c.hole {
			continue
		}
		c := &columns[i]
		*c = *k.c
		if c.constant != nil {
			if c.constant.Value == nil {
				gone = true
				l.diag("no_group", k.at, k.spl, "no row has `"+k.spl+"` at this point, so grouping by it gives no rows, in Splunk too: the rule never alerts. Group by the name that the field has here")
			} else {
				l.diag("field_absent", k.at, k.spl, "`"+k.spl+"` has one value everywhere here, so it groups nothing")
			}
			next.bind(k.spl, c)
			continue
		}
		a := k.expr
		if a == nil {
			v := k.c.value()
			a = &assigns[i]
			a.Origin, a.Expr = origin(k.at), mark(v.expr, k.at)
			if _, plain := v.expr.(*esql.Column); !plain {
				name := k.spl
				if l.src != nil && l.src.DataModel && !k.c.computed {
					name = name[strings.LastIndexByte(name, '.')+1:]
				}
				a.Name = columnName(name)
				*c = column{name: a.Name, typ: v.typ, computed: true, filled: c.filled, fill: c.fill}
				c.passing(k.c.mapping())
			}
			if dropNull && !k.c.filled {
				c.nonNull = true
			}
			c.array = schema.Single // BY makes one group a value
		}
		a, c.name = l.peer.group(a, c.name)
		if taken.has(c.name) {
			l.diag("option_ignored", k.at, k.spl, "`"+k.spl+"` is the same column as another key")
			next.bind(k.spl, c)
			continue
		}
		taken.add(c.name)
		st.By = append(st.By, a)
		next.bind(k.spl, c)
	}

	var after []*esql.Assign
	var origins []spl.Span
	certain := false // every event has a field that is aggregated
	for i := range aggs {
		certain = certain || l.alwaysThere(&aggs[i])
		l.aggOne(&aggs[i], st, next, &taken, &after, &origins, at)
	}
	if row != "" {
		st.Aggs = append(st.Aggs, &esql.Assign{Name: row, Expr: mark(call("VALUES", col(row)), at)})
	}
	if len(st.Aggs) == 0 && len(st.By) == 0 && gone && dropNull {
		st.Aggs = append(st.Aggs, &esql.Assign{Name: l.rowName(), Expr: mark(call("COUNT", &esql.Star{}), at)})
	}
	if len(st.Aggs) == 0 && len(st.By) == 0 {
		if len(aggs) > 0 || len(by) > 0 {
			l.env = next
			l.env.setPartial()
		}
		return
	}
	st.Origin = origin(at)
	l.cmds = append(l.cmds, st)
	l.aggregated, l.fullText = true, false
	l.env = next
	l.present = nil
	l.helpers, l.eventID = nil, ""
	l.projected = false
	for i, a := range after {
		l.assign(origins[i], a.Name, a.Expr)
	}
	switch {
	case !dropNull:
	case gone:
		l.add(&esql.Where{At: esql.At{Origin: origin(at)}, Expr: mark(boolean(false), at)})
	case len(st.By) == 0 && (len(keys) > 0 || !slices.ContainsFunc(aggs, func(a spl.Agg) bool { return countsRows(a.Func) })):
		l.dropEmptyRow(st, len(keys) > 0, certain, at)
	}
}

// alwaysThere says that an aggregation is over a field that no event lacks.
func (l *lowering) alwaysThere(a *spl.Agg) bool {
	f, plain := a.Arg.(*spl.FieldRef)
	if !plain || a.Eval {
		return false
	}
	c := l.peek(f.Name, a.Span())
	return !c.hole && c.constant == nil && (c.nonNull || c.filled || l.present[c.name])
}

// countsRows says that an aggregation has a value where there is no row: 0.
func countsRows(fn string) bool {
	switch fn {
	case "count", "c", "dc", "distinct_count", "estdc":
		return true
	}
	return false
}

// dropEmptyRow follows a STATS without BY. ES|QL gives one row over no events; stats gives one in Splunk only where it counts,
// and none where it groups. Over events that all lack the fields no page says what Splunk gives: the draft gives a row without
// values, which is an approximation, unless a condition behind it drops that row anyway.
func (l *lowering) dropEmptyRow(st *esql.Stats, grouped, certain bool, at spl.Span) {
	e := &emptyRow{at: at, command: l.compilation.command, stats: st}
	for _, a := range st.Aggs {
		e.columns = append(e.columns, a.Name)
	}
	l.sayEmptyRow()
	if certain && !grouped {
		var any []esql.Expr
		for _, c := range e.columns {
			any = append(any, notNull(col(c)))
		}
		l.add(&esql.Where{At: esql.At{Origin: origin(at)}, Expr: mark(or(any...), at)})
		return
	}
	l.unique++
	e.rows = "_rows_" + itoa(l.unique)
	st.Aggs = append(st.Aggs, &esql.Assign{Name: e.rows, Expr: mark(call("COUNT", &esql.Star{}), at)})
	e.where = &esql.Where{At: esql.At{Origin: origin(at)}, Expr: mark(binary(">", col(e.rows), integer(0)), at)}
	l.add(e.where)
	l.helpers = append(l.helpers, e.rows)
	if !grouped {
		l.emptyRow = e
	}
}

// emptyRow is a row of aggregates that are all missing, of which no condition has said yet whether it matters.
type emptyRow struct {
	columns []string
	at      spl.Span
	command string
	// stats counts events in the column rows, by which where drops the row over no events.
	stats *esql.Stats
	rows  string
	where *esql.Where
}

// emptyRowGone says that a condition drops the row of missing aggregates in both, so that no events need no condition of
// their own.
func (l *lowering) emptyRowGone() {
	e := l.emptyRow
	if e == nil || !slices.ContainsFunc(e.columns, func(c string) bool { return l.present[c] }) {
		return
	}
	l.emptyRow = nil
	l.cmds = slices.DeleteFunc(l.cmds, func(c esql.Command) bool { return c == esql.Command(e.where) })
	e.stats.Aggs = slices.DeleteFunc(e.stats.Aggs, func(a *esql.Assign) bool { return a.Name == e.rows })
	l.helpers = slices.DeleteFunc(l.helpers, func(h string) bool { return h == e.rows })
}

// missingWith says that a value is missing where one of the columns is.
func missingWith(x esql.Expr, columns []string) bool {
	if b, ok := x.(*esql.Binary); ok && strings.Contains("+-*/%", b.Op) {
		return missingWith(b.L, columns) || missingWith(b.R, columns)
	}
	for _, c := range inner(nil, x) {
		if slices.Contains(columns, c) {
			return true
		}
	}
	return false
}

// sayEmptyRow is called where a row of missing aggregates begins to matter.
func (l *lowering) sayEmptyRow() {
	e := l.emptyRow
	if e == nil {
		return
	}
	l.emptyRow = nil
	command := l.compilation.command
	l.compilation.command = e.command
	l.diag("empty_aggregate", e.at, "", "over events that all lack the field the draft gives a row without a value, and no page of Splunk says whether stats does. Ask for the field before stats, or for its result behind it")
	l.compilation.command = command
}

// groupKey resolves one BY field; nil when it is a hole.
func (l *lowering) groupKey(b spl.By) (*column, *esql.Assign) {
	name := b.Field.Text
	if b.Bucket != nil {
		c := l.lookup(name, b.Field.Span())
		if c.hole {
			return nil, nil
		}
		bucket, typ, ok := l.bucket(c.value(), b.Bucket.Value, b.Bucket.Span())
		if !ok {
			return nil, nil
		}
		if !isDate(c.typ) && !c.nonNull && !c.filled {
			l.filter(mark(notNull(c.value().expr), b.Field.Span()))
		}
		out := columnName(name)
		a := &esql.Assign{Name: out, Expr: mark(bucket, b.Span())}
		a.Origin = origin(b.Span())
		return &column{name: out, typ: typ, computed: true, nonNull: c.nonNull}, a
	}
	var c *column
	read := func() { c = l.lookup(name, b.Field.Span()) }
	if l.peer == nil {
		l.accounts(read) // the domain is a key too
	} else {
		read()
	}
	if c.hole {
		return nil, nil
	}
	if f := c.mapping(); f != nil && f.Held != "" && !c.nonNull && !c.filled && !c.computed && !l.present[c.name] && !l.quiet {
		l.diag("mapping_approximate", b.Field.Span(), f.Source, "some events have `"+f.Held+"` in "+f.Source+", which the pipeline drops, so that they are in no group here: name the event codes, or ask for a value")
	}
	return c, nil
}

// aggOne lowers one aggregation; wildcards in its field stand for every bound column.
func (l *lowering) aggOne(a *spl.Agg, st *esql.Stats, next *env, taken *distinct, after *[]*esql.Assign, origins *[]spl.Span, at spl.Span) {
	l.budget.Step(1)
	name := aggName(a)
	if f, ok := a.Arg.(*spl.FieldRef); ok && strings.Contains(f.Name, "*") && !a.Eval && l.env.cols[f.Name] == nil {
		names := l.env.names(f.Name)
		if len(names) == 0 {
			l.diag("unsupported_expression", a.Span(), a.Func, "`"+f.Name+"` names no columns that are known here; list the fields")
			return
		}
		for _, n := range names {
			one := *a
			ref := *f
			ref.Name = n
			one.Arg = &ref
			if a.As != nil {
				got, _ := matchStar(f.Name, n)
				as := *a.As
				as.Text = fillStar(a.As.Text, got)
				one.As = &as
			}
			l.aggOne(&one, st, next, taken, after, origins, at)
		}
		return
	}
	if a.Func == "sparkline" || isCallOf(a.Arg, "sparkline") {
		l.diag("display_only", a.Span(), "sparkline", "sparkline draws a small chart; the draft has none")
		next.bind(name, &column{name: name, typ: "null", constant: &esql.Literal{}})
		return
	}
	from := l.hold()
	g := l.aggregation(a)
	notes := l.release(from, true)
	var none column
	var of *column // what the result shows values of
	if f, ok := a.Arg.(*spl.FieldRef); ok && showing[a.Func] && !g.hole {
		of = l.env.cols[f.Name]
		if of == nil && l.env.open && l.src != nil {
			of = l.peek(f.Name, a.Span())
		}
	}
	if of == nil || of.hole {
		of = &none
	}
	if of.pending != nil {
		g.pending = of.pending
	}
	g.pending = joined(false, g.pending, notes)
	if a.Func == "values" && of.fixed && of.array == schema.Single && groupsBy(st, of.fixedBy) {
		g.array, g.after = schema.Single, nil
	}
	if x := l.only[a]; x != nil && g.constant == nil {
		g.where = and(x, g.where)
	}
	if g.where != nil && !countsRows(a.Func) {
		g.nonNull = false // a group may have no row that meets the condition
	}
	fills := of.filled && g.where == nil // a group whose rows all fail the condition has nothing, as in Splunk
	if g.hole {
		l.diag("depends_on_hole", a.Span(), name, "`"+name+"` is left out of the draft, because what it counts could not be translated; settle that error first")
		next.bind(name, &column{name: name, hole: true})
		return
	}
	if g.constant != nil {
		l.diag("field_absent", a.Span(), name, "`"+name+"` has nothing to work on: its field is always null")
		next.bind(name, &column{name: name, typ: g.typ, constant: g.constant, computed: true})
		return
	}
	if out, ok := l.peer.shares(g); ok && out == columnName(name) && len(st.By) > 0 {
		c := &column{name: out, typ: g.typ, array: g.array, nonNull: g.nonNull, computed: true, pending: g.pending, filled: fills, fill: of.fill, distinct: g.distinct, lexical: g.lexical, precise: of.precise || !passesValues(a.Func)}
		c.passing(of.mapping())
		next.bind(name, c)
		return
	}
	out := columnName(name)
	for i := 2; taken.has(out) || out == "@timestamp" || l.peer.has(out); i++ {
		l.budget.Step(1)
		out = columnName(name) + "_" + itoa(i)
	}
	taken.add(out)
	x := &esql.Assign{Name: out, Expr: mark(g.expr, a.Span()), Where: mark(g.where, a.Span())}
	x.Origin = origin(a.Span())
	st.Aggs = append(st.Aggs, x)
	if g.after != nil {
		*after = append(*after, &esql.Assign{Name: out, Expr: mark(g.after(col(out)), a.Span())})
		*origins = append(*origins, a.Span())
	}
	c := &column{name: out, typ: g.typ, array: g.array, nonNull: g.nonNull, computed: true, pending: g.pending, filled: fills, fill: of.fill, distinct: g.distinct, lexical: g.lexical, precise: of.precise || !passesValues(a.Func)}
	c.counted = l.countsGroup(a, g, st)
	c.passing(of.mapping())
	next.bind(name, c)
}

// countsGroup says that an aggregation counts the rows of the groups of stats, of which each has at least one. Other commands
// may have rows for groups without events, as timechart does.
func (l *lowering) countsGroup(a *spl.Agg, g aggregation, st *esql.Stats) bool {
	switch l.compilation.command {
	case "stats", "tstats", "sistats":
	default:
		return false
	}
	return (a.Func == "count" || a.Func == "c") && a.Arg == nil && g.where == nil && l.peer == nil && len(st.By) > 0
}

// atLeast is a comparison with the number of rows in a group where that settles it: nil where not.
func (l *lowering) atLeast(c *column, name, op, text string, at spl.Span, neg bool) esql.Expr {
	if c == nil || !c.counted || c.hole {
		return nil
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil {
		return nil
	}
	switch {
	case (op == "=" || op == "==" || op == "<=") && n < 1, op == "<" && n <= 1:
		l.diag("constant_condition", at, name, "`"+name+"` counts the events of a group, and a group without events gives no row, in Splunk too: it is never below 1. To alert where nothing comes, count without BY")
		return boolean(neg)
	}
	return nil
}

// groupsBy says that a STATS groups by each of the columns.
func groupsBy(st *esql.Stats, columns []string) bool {
	for _, c := range columns {
		if !slices.ContainsFunc(st.By, func(a *esql.Assign) bool {
			k, plain := a.Expr.(*esql.Column)
			return plain && k.Name == c
		}) {
			return false
		}
	}
	return true
}

func isCallOf(e spl.Expr, name string) bool {
	c, ok := e.(*spl.Call)
	return ok && c.Func == name
}

// aggName is the column name Splunk gives.
func aggName(a *spl.Agg) string {
	if a.As != nil {
		return a.As.Text
	}
	if a.Arg == nil {
		return a.Func
	}
	if f, ok := a.Arg.(*spl.FieldRef); ok && !a.Eval {
		return a.Func + "(" + f.Name + ")"
	}
	return a.Func + "(" + spl.PrintExpr(a.Arg) + ")"
}
