package run

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/rulebridge/rulebridge/internal/plan"
	"github.com/rulebridge/rulebridge/internal/value"
)

// sub runs a search within another and bounds its rows.
func (x *runner) sub(n plan.Node, limit int) (*rows, error) {
	at, src := x.at, x.source
	t, err := x.node(n)
	x.at, x.source = at, src
	if err != nil {
		return nil, err
	}
	if limit > 0 && len(t.rows) > limit {
		x.note(n.Span(), "only the first %d rows of the subsearch count", limit)
		t = &rows{names: t.names, fixed: t.fixed, listed: t.listed, rows: t.rows[:limit]}
	}
	return t, nil
}

// join puts rows of two searches side by side.
func (x *runner) join(n *plan.Join, t *rows) (*rows, error) {
	x.above = append(x.above, t)
	right, err := x.sub(n.Sub, n.SubLimit)
	x.above = x.above[:len(x.above)-1]
	if err != nil {
		return nil, err
	}
	if n.Position {
		return x.sideBySide(n, t, right)
	}
	left, rightKeys := n.Fields, n.Fields
	for _, p := range n.On {
		left, rightKeys = append(left, p.From), append(rightKeys, p.To)
	}
	if len(left) == 0 {
		for _, name := range t.names {
			if slices.Contains(right.names, name) && !strings.HasPrefix(name, "_") {
				left = append(left, name)
			}
		}
		rightKeys = left
	}
	index := map[string][]*Row{}
	for _, r := range right.rows {
		for _, id := range ids(r, rightKeys) {
			index[id] = append(index[id], r)
		}
		if err := x.spend(1); err != nil {
			return nil, err
		}
	}
	t, left = aliased(t, left, n.LeftAlias)
	out := t.like()
	for _, name := range right.names {
		if n.RightAlias != "" {
			name = n.RightAlias + "." + name
		}
		out.add(name)
	}
	for _, r := range t.rows {
		found, err := x.partners(n, r, index, left)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 && (n.Left || n.Single && x.alone(r, index, left)) {
			out.rows = append(out.rows, r)
		}
		for _, p := range found {
			c := r.clone()
			for name, v := range p.fields {
				if n.RightAlias != "" {
					name = n.RightAlias + "." + name
				}
				if slices.Contains(left, name) {
					continue
				}
				if name == "_time" && !n.UseTime && !n.Self && !c.fields["_time"].Missing() {
					continue // the row keeps its own time
				}
				if _, has := c.fields[name]; has && n.Keep {
					continue
				}
				c.set(name, v)
			}
			if err := x.holds(c); err != nil {
				return nil, err
			}
			out.rows = append(out.rows, c)
			if err := x.fits(out); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// aliased puts an alias before the names of fields, as join left=L does; internal fields keep theirs.
func aliased(t *rows, keys []string, alias string) (*rows, []string) {
	if alias == "" {
		return t, keys
	}
	with := func(name string) string {
		if strings.HasPrefix(name, "_") {
			return name
		}
		return alias + "." + name
	}
	out := &rows{fixed: t.fixed, listed: t.listed}
	for _, name := range t.names {
		out.add(with(name))
	}
	for _, r := range t.rows {
		c := &Row{fields: make(map[string]value.Value, len(r.fields))}
		for name, v := range r.fields {
			c.set(with(name), v)
		}
		out.rows = append(out.rows, c)
	}
	named := make([]string, len(keys))
	for i, k := range keys {
		named[i] = with(k)
	}
	return out, named
}

// alone says that no other row has the keys of a row.
func (x *runner) alone(r *Row, index map[string][]*Row, keys []string) bool {
	for _, id := range ids(r, keys) {
		if len(index[id]) > 1 {
			return false
		}
	}
	return true
}

// partners are the rows of the subsearch that a row meets.
func (x *runner) partners(n *plan.Join, r *Row, index map[string][]*Row, keys []string) ([]*Row, error) {
	var found []*Row
	at, hasTime := r.time()
	for _, id := range ids(r, keys) {
		behind := false
		for _, p := range index[id] {
			if err := x.spend(1); err != nil {
				return nil, err
			}
			if n.Self && !behind { // a row meets those that follow it
				behind = p == r
				continue
			}
			if pt, ok := p.time(); n.UseTime && ok && hasTime && (n.Earlier && pt > at || !n.Earlier && pt < at) {
				continue
			}
			found = append(found, p)
			if n.Max > 0 && len(found) == n.Max {
				return found, nil
			}
		}
	}
	return found, nil
}

// ids are the combinations of values of the keys of a row, none where one is missing.
func ids(r *Row, keys []string) []string {
	list := []string{""}
	for _, k := range keys {
		var next []string
		for _, id := range list {
			for _, a := range r.fields[k] {
				if len(next) < 10_000 {
					next = append(next, id+a.Text()+"\x00\x01")
				}
			}
		}
		list = next
	}
	return list
}

// sideBySide is appendcols: values of the same field are the row's own unless override is set.
func (x *runner) sideBySide(n *plan.Join, t, right *rows) (*rows, error) {
	out := t.like()
	for _, name := range right.names {
		out.add(name)
	}
	for i := range max(len(t.rows), len(right.rows)) {
		c := &Row{fields: map[string]value.Value{}}
		if i < len(t.rows) {
			c = t.rows[i].clone()
		}
		if i < len(right.rows) {
			for name, v := range right.rows[i].fields {
				if _, has := c.fields[name]; !has || !n.Keep {
					c.set(name, v)
				}
			}
		}
		if err := x.holds(c); err != nil {
			return nil, err
		}
		out.rows = append(out.rows, c)
	}
	return out, nil
}

// union puts the rows of searches one below the other.
func (x *runner) union(n *plan.Union, t *rows) (*rows, error) {
	out := t.like()
	out.rows = slices.Clone(t.rows)
	x.above = append(x.above, t)
	defer func() { x.above = x.above[:len(x.above)-1] }()
	for _, s := range n.Subs {
		u, err := x.sub(s, n.SubLimit)
		if err != nil {
			return nil, err
		}
		if n.Set != "" {
			return x.set(n.Set, t, u)
		}
		for _, name := range u.names {
			out.add(name)
		}
		out.fixed = out.fixed && u.fixed
		out.rows = append(out.rows, u.rows...)
		if err := x.fits(out); err != nil {
			return nil, err
		}
	}
	if n.ByTime && !slices.ContainsFunc(out.rows, func(r *Row) bool { _, ok := r.time(); return !ok }) {
		sort.SliceStable(out.rows, func(i, j int) bool {
			a, _ := out.rows[i].time()
			b, _ := out.rows[j].time()
			return a > b
		})
	}
	return out, nil
}

// set is set union, diff and intersect: rows are the same when all their fields are.
func (x *runner) set(kind string, a, b *rows) (*rows, error) {
	out := a.like()
	for _, name := range b.names {
		out.add(name)
	}
	in := func(t *rows) map[string]bool {
		m := map[string]bool{}
		for _, r := range t.rows {
			m[x.whole(r)] = true
		}
		return m
	}
	inA, inB := in(a), in(b)
	done := map[string]bool{}
	for _, r := range append(slices.Clone(a.rows), b.rows...) {
		if err := x.spend(1); err != nil {
			return nil, err
		}
		id := x.whole(r)
		both := inA[id] && inB[id]
		if done[id] || kind == "diff" && both || kind == "intersect" && !both {
			continue
		}
		done[id] = true
		out.rows = append(out.rows, r)
	}
	return out, nil
}

// keyOf is a column of a lookup with the value it must have.
type keyOf struct{ column, value string }

// lookupMatches is how many rows of a table match a row when the lookup does not say, Splunk's default.
const lookupMatches = 100

// matches are the rows of a table that agree with the keys, in the order of the table.
func (x *runner) matches(l *Lookup, keys []keyOf) ([]map[string]string, error) {
	most := l.MaxMatches
	if most <= 0 {
		most = lookupMatches
	}
	var found []map[string]string
	for _, row := range l.Rows {
		if err := x.spend(1); err != nil {
			return nil, err
		}
		ok := true
		for _, k := range keys {
			if !l.cellMatches(k.column, row[k.column], k.value) {
				ok = false
				break
			}
		}
		if ok {
			if found = append(found, row); len(found) == most {
				break
			}
		}
	}
	return found, nil
}

func (l *Lookup) cellMatches(column, cell, v string) bool {
	if cell == "" {
		return false
	}
	switch strings.ToUpper(l.MatchType[column]) {
	case "WILDCARD":
		return value.Wild(v, cell, !l.CaseSensitive)
	case "CIDR":
		return value.InNetwork(cell, v)
	}
	return value.Equal(v, cell, l.CaseSensitive)
}

// lookup adds columns of a table to each row. Without a match nothing is output, unless the lookup asks for matches and
// has a default. Several matches give several values.
func (x *runner) lookup(n *plan.Lookup, t *rows) (*rows, error) {
	l, ok := x.in.Lookups[n.Table]
	if !ok {
		return nil, &Error{n.At, fmt.Sprintf("lookup %s is not defined: supply it with the lookups", n.Table)}
	}
	for _, k := range n.Keys {
		if !slices.Contains(l.Columns, k.Column) {
			return nil, &Error{n.At, fmt.Sprintf("lookup %s has no column %s: it has %s", n.Table, k.Column, strings.Join(l.Columns, ", "))}
		}
	}
	outputs := n.Outputs
	if len(outputs) == 0 {
		for _, c := range l.Columns {
			if !slices.ContainsFunc(n.Keys, func(k plan.LookupField) bool { return k.Column == c }) {
				outputs = append(outputs, plan.LookupField{Column: c, Field: c})
			}
		}
	}
	out := t.like()
	for _, o := range outputs {
		out.add(o.Field)
	}
	for _, r := range t.rows {
		found, err := x.found(n, &l, r)
		if err != nil {
			return nil, err
		}
		c := r.clone()
		for _, o := range outputs {
			if n.New && !r.fields[o.Field].Missing() {
				continue
			}
			var v value.Value
			for _, row := range found {
				if cell := row[o.Column]; cell != "" {
					v = append(v, value.Str(cell)...)
				}
			}
			if len(found) < l.MinMatches && l.DefaultMatch != "" {
				v = value.Str(l.DefaultMatch)
			}
			if v.Missing() {
				continue
			}
			c.set(o.Field, v)
		}
		if err := x.holds(c); err != nil {
			return nil, err
		}
		out.rows = append(out.rows, c)
	}
	return out, nil
}

// found are the matches of a row: each combination of the values of its keys is looked up.
func (x *runner) found(n *plan.Lookup, l *Lookup, r *Row) ([]map[string]string, error) {
	combos := [][]keyOf{nil}
	for _, k := range n.Keys {
		var next [][]keyOf
		for _, c := range combos {
			for _, a := range r.fields[k.Field] {
				if len(next) < 1000 {
					next = append(next, append(slices.Clone(c), keyOf{k.Column, a.Text()}))
				}
			}
		}
		combos = next
	}
	var found []map[string]string
	for _, c := range combos {
		m, err := x.matches(l, c)
		if err != nil {
			return nil, err
		}
		found = append(found, m...)
	}
	return found, nil
}
