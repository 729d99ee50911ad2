package translate

import (
	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// eventstats adds aggregates to every row. 8.19 has no INLINE STATS, so the rows ride through STATS as text.
func (l *lowering) eventstats(cmd *spl.Stats, rest []spl.Command) {
	l.ensureSource(cmd.Span())
	for _, b := range cmd.By {
		if c := l.peek(b.Field.Text, b.Span()); c.constant != nil && c.constant.Value == nil && !c.hole {
			l.diag("no_group", b.Span(), b.Field.Text, "no row has `"+b.Field.Text+"` at this point, so eventstats adds nothing to any row, in Splunk too. Group by the name that the field has here")
			for i := range cmd.Aggs {
				name := aggName(&cmd.Aggs[i])
				if l.env.cols[name] == nil {
					l.env.bind(name, &column{name: name, typ: "null", constant: &esql.Literal{}})
				}
			}
			return
		}
	}
	limited := hasLimit(l.cmds) || hasFork(l.cmds) // behind which INLINE STATS is refused
	if l.opts.Target == Target9 && !limited {
		l.inlineStats(cmd)
		return
	}
	if !l.settle(cmd, rest) {
		if l.opts.Target == Target9 {
			l.diag("unsupported_command", cmd.Span(), "eventstats", "eventstats needs INLINE STATS, which Elasticsearch refuses behind a limit on rows (head, sort, tail, append); list the fields (table) after it, or move it before the limit. The draft goes on without it")
			l.holesFor(cmd.Aggs)
			return
		}
		l.diag("needs_target_9", cmd.Span(), "eventstats", "eventstats over whole events needs INLINE STATS (9.x), or a list of the fields (table) after it; the draft goes on without it")
		l.holesFor(cmd.Aggs)
		return
	}
	if l.settled != nil {
		l.env, l.settled = l.settled, nil
	}
	l.oneColumn(cmd.Span())
	outer := l.env
	skip := map[string]bool{}
	var keys []*column
	for _, b := range cmd.By {
		if c := outer.cols[b.Field.Text]; c != nil && !c.hole && c.constant == nil {
			skip[c.name] = true
			keys = append(keys, c)
		}
	}
	aggs := append([]spl.Agg(nil), cmd.Aggs...)
	replaced := l.besideOld(aggs)
	p := l.pack(outer.order, skip, cmd.Span())
	p.id = l.eventID
	if !l.aggregated {
		p.id, l.needsID = "_id", true
	}
	row := ""
	if len(p.cols) > 0 || p.id != "" {
		row = l.rowName()
		l.add(&esql.Eval{At: esql.At{Origin: origin(cmd.Span())}, Assigns: []*esql.Assign{{Name: row, Expr: p.row()}}})
		outer.bind(row, &column{name: row, typ: "keyword", computed: true, nonNull: true})
	}
	l.aggregateWith(aggs, cmd.By, cmd.Span(), false, row)
	results := l.env
	l.env = outer
	l.env.unbind(row)
	if row != "" {
		if len(keys) == 0 { // over no rows STATS gives one that holds none
			l.add(&esql.Where{At: esql.At{Origin: origin(cmd.Span())}, Expr: mark(notNull(col(row)), cmd.Span())})
		}
		x := &esql.MvExpand{Field: row}
		x.Origin = origin(cmd.Span())
		l.add(x)
		p.unpack(row)
	}
	if p.id != "" {
		l.eventID = eventColumn
		l.helpers = append(l.helpers, eventColumn)
	}
	fixedBy := make([]string, len(keys))
	for i, k := range keys {
		fixedBy[i] = k.name
	}
	l.env.fixes = true
	for i := range aggs {
		name := aggName(&aggs[i])
		c := results.cols[name]
		if c == nil {
			continue
		}
		if l.env.changed(c.name); len(keys) == len(cmd.By) {
			c.fixed, c.fixedBy = true, fixedBy
		}
		var missing []esql.Expr
		for _, k := range keys {
			if !k.filled && !k.nonNull {
				missing = append(missing, notNull(col(k.name)))
			}
		}
		if len(missing) > 0 && !c.hole && c.constant == nil {
			// a row without the key is in no group
			n := *c
			n.nonNull = false
			l.defineAs(nameOr(replaced[name], name), &n, mark(call("CASE", and(missing...), col(c.name)), cmd.Span()), cmd.Span())
			continue
		}
		if old := replaced[name]; old != "" && !c.hole && c.constant == nil {
			n := *c
			l.defineAs(old, &n, mark(col(c.name), cmd.Span()), cmd.Span())
			l.helpers = append(l.helpers, c.name)
			continue
		}
		l.env.bind(nameOr(replaced[name], name), c)
	}
}

// besideOld gives aggregations a name of their own where a column of the rows has their name: the rows, which ride through
// STATS as text, would bring the old column back. It tells what the names stand for.
func (l *lowering) besideOld(aggs []spl.Agg) (replaced map[string]string) {
	for i := range aggs {
		name := aggName(&aggs[i])
		if c := l.env.cols[name]; (c == nil || c.hole || c.constant != nil) && !l.env.uses(columnName(name), name) {
			continue
		}
		l.unique++
		as := "_new_" + itoa(l.unique)
		if replaced == nil {
			replaced = map[string]string{}
		}
		replaced[as] = name
		aggs[i].As = &spl.Name{At: aggs[i].At, Text: as}
	}
	return replaced
}

func nameOr(name, other string) string {
	if name == "" {
		return other
	}
	return name
}

// rowPrefix begins the names of columns of packed rows.
const rowPrefix = "_row_"

// rowName is the column of packed rows.
func (l *lowering) rowName() string {
	l.unique++
	return rowPrefix + itoa(l.unique)
}

// inlineStats is eventstats on a later target.
func (l *lowering) inlineStats(cmd *spl.Stats) {
	outer := l.env.clone()
	aggregated := l.aggregated
	before := len(l.cmds)
	l.aggregateWith(cmd.Aggs, cmd.By, cmd.Span(), false, "")
	results := l.env
	kept := l.cmds[:before]
	for _, c := range l.cmds[before:] {
		if s, ok := c.(*esql.Stats); ok {
			if len(s.Aggs) == 0 {
				l.diag("option_ignored", cmd.Span(), "eventstats", "eventstats adds nothing but constants to the rows here")
				continue
			}
			s.Inline = true
		}
		kept = append(kept, c)
	}
	l.cmds = kept
	l.env, l.aggregated, l.fullText = outer, aggregated, false // full-text operators are refused behind INLINE STATS
	var missing []esql.Expr
	var fixedBy []string
	for _, b := range cmd.By {
		c := l.peek(b.Field.Text, b.Span())
		if c.hole || c.constant != nil {
			continue
		}
		fixedBy = append(fixedBy, c.name)
		if !c.filled && !c.nonNull {
			missing = append(missing, notNull(col(c.name)))
		}
	}
	l.env.fixes = true
	for i := range cmd.Aggs {
		name := aggName(&cmd.Aggs[i])
		c := results.cols[name]
		if c == nil {
			continue
		}
		if l.env.changed(c.name); len(fixedBy) == len(cmd.By) {
			c.fixed, c.fixedBy = true, fixedBy
		}
		if len(missing) > 0 && !c.hole && c.constant == nil {
			n := *c
			n.nonNull = false
			l.defineAs(name, &n, mark(call("CASE", and(missing...), col(c.name)), cmd.Span()), cmd.Span())
			continue
		}
		l.env.bind(name, c)
	}
}

// holesFor binds the results of aggregations that cannot be computed.
func (l *lowering) holesFor(aggs []spl.Agg) {
	for i := range aggs {
		l.defineHole(aggName(&aggs[i]))
	}
}
