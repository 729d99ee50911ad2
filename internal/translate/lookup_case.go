package translate

import (
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/schema"
)

// values makes columns of outputs; all are the rows of the whole table.
func (u *lookupUse) values(outs []lookupOut, all []map[string]string) {
	l := u.l
	literal := u.literal()
	small := len(u.rows) <= caseRows
	for _, o := range outs {
		distinct := map[string]bool{}
		for _, r := range u.rows {
			distinct[r[o.column]] = true
		}
		small = small && len(distinct) <= caseValues && (!literal || !u.several(o))
	}
	if literal && !small {
		u.rows = all
		u.join(u.indexRows())
		return
	}
	full := l.fullText
	defer func() { l.fullText = full }()
	l.fullText = false // EVAL takes no full-text operators
	for _, o := range outs {
		x, several, why := u.caseOf(o)
		if x == nil {
			l.diag("lookup_unsupported", o.at, u.cmd.Table.Text, "`"+o.name+"` of lookup `"+u.cmd.Table.Text+"` is left out of the draft: "+why)
			l.defineHole(o.name)
			continue
		}
		c := &column{typ: "keyword"}
		if several {
			c.array = schema.MaybeArray
		}
		u.define(o, c, x, false)
	}
}

// several says that an event can get several values of an output.
func (u *lookupUse) several(o lookupOut) bool {
	first := map[string]string{}
	for _, r := range u.rows {
		k, _ := u.keyOf(r)
		if v, ok := first[k]; ok && v != r[o.column] {
			return true
		}
		first[k] = r[o.column]
	}
	return false
}

// caseOf writes an output as CASE over the rows; of several matching rows with different values all of them, in file
// order.
func (u *lookupUse) caseOf(o lookupOut) (x esql.Expr, several bool, why string) {
	overlap := false
	if u.most() > 1 {
		overlap = u.overlap(o)
	}
	if len(u.rows) > inlineRows || overlap && len(u.rows) > caseRows {
		return nil, false, "its " + itoa(len(u.rows)) + " rows match wildcards or networks, which LOOKUP JOIN does not; write the rows out as plain values"
	}
	type group struct {
		value string
		rows  []map[string]string
	}
	var groups []group
	at := map[string]int{}
	ordered := u.most() == 1 && u.overlap(o) // the first row that matches decides
	for _, r := range u.rows {
		v := r[o.column]
		i, ok := at[v]
		if ordered && ok && i != len(groups)-1 {
			ok = false
		}
		if !ok {
			i = len(groups)
			at[v] = i
			groups = append(groups, group{value: v})
		}
		groups[i].rows = append(groups[i].rows, r)
	}
	var args, parts []esql.Expr
	for _, g := range groups {
		c := u.matches(g.rows, false)
		if c == nil {
			return nil, false, "its key does not compare with the rows"
		}
		var v esql.Expr = str(g.value)
		switch {
		case overlap && g.value != "":
			parts = append(parts, call("CASE", c, str(g.value+listMark), str("")))
		case overlap:
		case g.value == "":
			args = append(args, c, null())
		default:
			args = append(args, c, v)
		}
	}
	if overlap {
		joined := parts[0]
		if len(parts) > 1 {
			joined = call("CONCAT", parts...)
		}
		h := u.l.helper("lookup_" + o.column)
		u.l.assign(o.at, h, mark(joined, o.at))
		return call("CASE", binary("!=", col(h), str("")), call("SPLIT", call("REPLACE", col(h), str(listMark+`\z`), str("")), str(listMark))), true, ""
	}
	if len(args) == 0 {
		return null(), false, ""
	}
	return call("CASE", args...), false, ""
}

// overlap says that rows with different values may match the same event.
func (u *lookupUse) overlap(o lookupOut) bool {
	for i, a := range u.rows {
		for _, b := range u.rows[i+1:] {
			if a[o.column] != b[o.column] && u.meet(a, b) {
				return true
			}
		}
	}
	return false
}

// meet says that two rows may match the same event.
func (u *lookupUse) meet(a, b map[string]string) bool {
	for _, k := range u.keys {
		x, y := a[k.column], b[k.column]
		if u.folds() {
			x, y = strings.ToLower(x), strings.ToLower(y)
		}
		switch k.kind {
		case "WILDCARD":
			if !patternsMeet(x, y) {
				return false
			}
		case "CIDR":
			if !networksMeet(x, y) {
				return false
			}
		default:
			if x != y {
				return false
			}
		}
	}
	return true
}

// define binds an output to its value; joined says that the value is already in a column of that expression.
func (u *lookupUse) define(o lookupOut, c *column, x esql.Expr, joined bool) {
	l := u.l
	d, hasDefault := u.fallback()
	if hasDefault {
		switch e := x.(type) {
		case *esql.Call:
			if e.Func == "CASE" && !u.emptyCells(o) {
				if len(e.Args)%2 == 0 {
					e.Args = append(e.Args, str(d))
				}
			} else {
				x = call("COALESCE", x, str(d))
			}
		default:
			x = call("COALESCE", x, str(d))
		}
		c.nonNull = !u.emptyCells(o)
	}
	if o.old != nil {
		old := l.text(o.old.value())
		switch {
		case u.cmd.OutputNew && o.old.nonNull:
			return
		case u.cmd.OutputNew:
			x = call("COALESCE", old.expr, x)
			c.nonNull = c.nonNull || old.nonNull
		case !c.nonNull:
			x = call("COALESCE", x, old.expr)
			c.nonNull = old.nonNull
		}
		if !(c.nonNull && !u.cmd.OutputNew) && old.array > c.array {
			c.array = old.array
		}
		l.defineAs(o.name, c, mark(x, o.at), o.at)
		return
	}
	if plain, ok := x.(*esql.Column); ok && joined {
		c = l.define(o.name, c)
		if c.name != plain.Name {
			r := &esql.Rename{Pairs: []esql.RenamePair{{Old: plain.Name, New: c.name}}}
			r.Origin = origin(o.at)
			l.add(r)
		}
		return
	}
	l.defineAs(o.name, c, mark(x, o.at), o.at)
}

// emptyCells says that a matching row may have no value for the output.
func (u *lookupUse) emptyCells(o lookupOut) bool {
	for _, r := range u.rows {
		if r[o.column] == "" {
			return true
		}
	}
	return false
}
