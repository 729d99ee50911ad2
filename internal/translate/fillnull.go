package translate

import (
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// fillnull replaces missing values.
func (l *lowering) fillnull(cmd *spl.FillNull, rest []spl.Command) {
	l.ensureSource(cmd.Span())
	names := cmd.Fields
	every := len(names) == 0
	if every {
		if l.env.open {
			l.fillEvents(cmd, rest)
			return
		}
		for _, n := range l.env.order {
			names = append(names, spl.Name{At: cmd.At, Text: n})
		}
	}
	for _, n := range names {
		from := l.hold()
		c := l.lookup(n.Text, n.Span())
		notes := l.release(from, false)
		v := c.value()
		switch {
		case v.hole:
			l.diag("depends_on_hole", cmd.Span(), n.Text, "the draft does not fill `"+n.Text+"`, which could not be translated; settle that error first")
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
			from = l.hold()
			x = l.filledText(v)
			notes = joined(false, notes, l.release(from, true))
		}
		if every && c.pivoted {
			notes = joined(false, notes, &mappingNote{code: "fill_all", subject: n.Text, message: "where no row has the value that `" + n.Text + "` stands for, Splunk has no such column, which fillnull without a list then does not make; the draft fills it. List the column in fillnull"})
		}
		l.defineAs(n.Text, &column{typ: typ, nonNull: true, array: v.array, pending: notes}, mark(call("COALESCE", x.expr, fill), cmd.Span()), cmd.Span())
	}
}

// filledText is a value that a text fills where it is missing. A time keeps what tells it from others.
func (l *lowering) filledText(v value) value {
	if otherTime(v) {
		return timeAsText(v)
	}
	return l.text(v)
}

// fillEvents is fillnull of every field of whole events: the fields are those that the rest of the pipeline names. Splunk
// fills the fields that at least one event of the search has, and leaves the others missing everywhere.
func (l *lowering) fillEvents(cmd *spl.FillNull, rest []spl.Command) {
	if !l.settle(cmd, rest) || l.settled == nil {
		l.diag("unsupported_option", cmd.Span(), "fillnull", "fillnull of every field needs their names; list them")
		return
	}
	names := l.settled.order
	l.settled = nil
	keys := fillKeys(rest)
	none := true
	defer func() {
		if none {
			l.diag("option_ignored", cmd.Span(), "fillnull", "no field that is needed further down can be missing here, so fillnull has nothing to fill")
		}
	}()
	for _, n := range names {
		c := l.peek(n, cmd.Span())
		if c.hole || c.nonNull || c.filled || c.constant != nil || n == "_time" || l.present[c.name] {
			continue
		}
		none = false
		v := c.value()
		fill, x, typ := esql.Expr(str(cmd.Value)), v, "keyword"
		pending := c.pending
		if num, ok := number(cmd.Value); ok && isNumeric(v.typ) {
			fill, typ = num, v.typ
		} else {
			from := l.hold()
			x = l.filledText(v)
			pending = joined(false, pending, l.release(from, true))
		}
		switch {
		case keys[n]:
			l.unfilled = append(l.unfilled, l.keepUnfilled(n, c, v, cmd.Span()))
		case pending == nil:
			pending = &mappingNote{code: "fill_all", subject: n, message: "where no event of the search has `" + n + "`, fillnull without a list leaves it missing in Splunk, and the draft fills it"}
		}
		filled := &column{typ: typ, nonNull: true, array: v.array, pending: pending}
		l.defineAs(n, filled, mark(call("COALESCE", x.expr, fill), cmd.Span()), cmd.Span())
	}
}

// fillKeys are the fields that a stats right behind fillnull groups by. Only of these can be said after the fact whether an
// event had them, because stats drops all rows where none has.
func fillKeys(rest []spl.Command) map[string]bool {
	if len(rest) == 0 {
		return nil
	}
	st, ok := rest[0].(*spl.Stats)
	if !ok || st.Kind != "stats" {
		return nil
	}
	keys := map[string]bool{}
	for _, b := range st.By {
		if b.Bucket == nil && !strings.Contains(b.Field.Text, "*") {
			keys[b.Field.Text] = true
		}
	}
	return keys
}

// keepUnfilled gives what a field holds before it is filled, in a column that is there after the filling too.
func (l *lowering) keepUnfilled(name string, c *column, v value, at spl.Span) esql.Expr {
	if k, plain := v.expr.(*esql.Column); plain && k.Name != l.freeName(name) {
		return v.expr
	}
	l.unique++
	kept := "_unfilled_" + itoa(l.unique)
	l.assign(at, kept, mark(v.expr, at))
	l.helpers = append(l.helpers, kept)
	return col(kept)
}

// dropUnfilled follows a STATS by filled fields: Splunk has no rows at all where one of the fields is in no event.
func (l *lowering) dropUnfilled(fields []esql.Expr, at spl.Span) {
	i := len(l.cmds) - 1
	for i >= 0 && !isStats(l.cmds[i]) {
		i--
	}
	if i < 0 {
		return
	}
	groups := l.cmds[i].(*esql.Stats)
	all := &esql.Stats{}
	all.Origin = origin(at)
	var found []esql.Expr
	var helpers []string
	l.diag("fill_found", at, "fillnull", "where a field that stats groups by is in no event of the search, fillnull without a list leaves it missing and stats gives no rows; the draft does the same, by counting what each field holds. List the fields in fillnull for a simpler query that alerts then too")
	for _, f := range fields {
		l.unique++
		name := "_found_" + itoa(l.unique)
		helpers = append(helpers, name)
		groups.Aggs = append(groups.Aggs, &esql.Assign{Name: name, Expr: mark(call("COUNT", f), at)})
		all.Aggs = append(all.Aggs, &esql.Assign{Name: name, Expr: mark(call("SUM", col(name)), at)})
		found = append(found, col(name))
	}
	least := found[0]
	if len(found) > 1 {
		least = call("LEAST", found...)
	}
	where := &esql.Where{Expr: mark(binary(">", least, integer(0)), at)}
	if l.opts.Target == Target9 && !hasLimit(l.cmds) && !hasFork(l.cmds) {
		all.Inline = true
		l.add(all, where)
		l.helpers = append(l.helpers, helpers...)
		return
	}
	p := l.pack(l.env.order, nil, at)
	row := l.rowName()
	l.add(&esql.Eval{At: esql.At{Origin: origin(at)}, Assigns: []*esql.Assign{{Name: row, Expr: p.row()}}})
	all.Aggs = append(all.Aggs, &esql.Assign{Name: row, Expr: mark(call("VALUES", col(row)), at)})
	expand := &esql.MvExpand{Field: row}
	expand.Origin = origin(at)
	l.add(all, where, expand)
	p.unpack(row)
	drop := &esql.Drop{Names: helpers}
	drop.Origin = origin(at)
	l.add(drop)
}

func isStats(c esql.Command) bool {
	_, ok := c.(*esql.Stats)
	return ok
}
