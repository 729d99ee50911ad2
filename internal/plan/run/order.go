package run

import (
	"slices"
	"sort"
	"strings"

	"github.com/rulebridge/rulebridge/internal/plan"
	"github.com/rulebridge/rulebridge/internal/value"
)

// sortRows is how many rows sort keeps where no number is given, Splunk's default.
const sortRows = 10_000

// sort orders rows; rows with equal keys keep their order.
func (x *runner) sort(n *plan.Sort, t *rows) (*rows, error) {
	out := t.like()
	out.rows = slices.Clone(t.rows)
	if err := x.spend(len(out.rows) * max(1, len(n.Keys))); err != nil {
		return nil, err
	}
	if len(n.Keys) == 0 {
		if n.Reverse {
			slices.Reverse(out.rows)
		}
		return out, nil
	}
	x.order(out.rows, n.Keys, n.Reverse)
	limit := n.Limit
	if limit < 0 {
		limit = sortRows
	}
	if limit > 0 && len(out.rows) > limit {
		out.rows = out.rows[:limit]
	}
	return out, nil
}

func (x *runner) order(list []*Row, keys []plan.SortKey, reverse bool) {
	sort.SliceStable(list, func(i, j int) bool {
		for _, k := range keys {
			c := value.Order(list[i].fields[k.Name], list[j].fields[k.Name], k.Func)
			if c == 0 {
				continue
			}
			// A missing value is the greatest going up and the least going down: it stands last either way.
			a, b := list[i].fields[k.Name].Missing(), list[j].fields[k.Name].Missing()
			if a != b {
				return b != (reverse && !k.Desc || k.Desc && reverse)
			}
			return (c < 0) != (k.Desc != reverse)
		}
		return false
	})
}

// limit is head, tail, dedup and uniq.
func (x *runner) limit(n *plan.Limit, t *rows) (*rows, error) {
	out := t.like()
	switch {
	case n.Same:
		last := ""
		for i, r := range t.rows {
			if id := x.whole(r); i == 0 || id != last {
				out.rows = append(out.rows, r)
				last = id
			}
		}
	case len(n.Per) > 0:
		return x.dedup(n, t)
	case n.FromEnd:
		from := max(0, len(t.rows)-n.Count)
		out.rows = slices.Clone(t.rows[from:])
		slices.Reverse(out.rows)
	case n.While != nil:
		for _, r := range t.rows {
			if n.Count > 0 && len(out.rows) == n.Count {
				break
			}
			v, err := x.eval(n.While, r)
			if err != nil {
				return nil, err
			}
			if !v.True() && !(n.NullOK && x.unknown(n.While, r)) {
				if n.KeepLast {
					out.rows = append(out.rows, r)
				}
				break
			}
			out.rows = append(out.rows, r)
		}
	default:
		out.rows = t.rows[:min(n.Count, len(t.rows))]
		if n.Rest != "" && len(t.rows) > n.Count {
			out.rows = append(slices.Clone(out.rows), x.rest(n, t.rows[n.Count:]))
		}
	}
	return out, nil
}

// rest is the row for the rows that went.
func (x *runner) rest(n *plan.Limit, list []*Row) *Row {
	r := list[0].clone()
	for _, f := range n.RestOf {
		r.set(f, value.Str(n.Rest))
	}
	sum, _ := value.Find("sum", value.InEval)
	for _, f := range n.RestSums {
		args := make([]value.Value, 0, len(list))
		places := -1
		for _, o := range list {
			args = append(args, o.fields[f])
			for _, a := range o.fields[f] {
				places = max(places, a.Places())
			}
		}
		v := sum.Call(x.env, args)
		if f, ok := v.Float(); ok && places > 0 {
			v = value.NumPlaces(f, places)
		}
		r.set(f, v)
	}
	return r
}

// unknown says that a condition reads a field that the row lacks.
func (x *runner) unknown(e plan.Expr, r *Row) bool {
	if f, ok := e.(*plan.Field); ok {
		return r.fields[f.Column.Name].Missing()
	}
	return slices.ContainsFunc(plan.Children(e), func(c plan.Expr) bool { return x.unknown(c, r) })
}

// whole is one text for all fields of a row.
func (x *runner) whole(r *Row) string {
	var b strings.Builder
	for _, n := range r.Names() {
		b.WriteString(n + "\x00" + r.fields[n].Joined() + "\x01")
	}
	return b.String()
}

// dedup keeps the first rows of each combination of values, in the order of the rows.
func (x *runner) dedup(n *plan.Limit, t *rows) (*rows, error) {
	out := t.like()
	list := t.rows
	seen := map[string]int{}
	rest := map[string][]*Row{}
	last := ""
	for i, r := range list {
		if err := x.spend(1); err != nil {
			return nil, err
		}
		keys := make([]value.Value, len(n.Per))
		missing := false
		for k, name := range n.Per {
			keys[k] = r.fields[name]
			missing = missing || keys[k].Missing()
		}
		if missing {
			if n.KeepEmpty {
				out.rows = append(out.rows, r)
			}
			continue
		}
		id := identity(keys)
		if n.Consecutive && i > 0 && id != last {
			seen[id] = 0
		}
		last = id
		if seen[id]++; seen[id] <= n.Count {
			out.rows = append(out.rows, r)
		} else if n.Rest != "" {
			rest[id] = append(rest[id], r)
		} else if n.KeepEvents {
			c := r.clone()
			for _, name := range n.Per {
				c.set(name, nil)
			}
			out.rows = append(out.rows, c)
		}
	}
	for _, r := range list {
		id := identity(keysOf(r, n.Per))
		if gone := rest[id]; len(gone) > 0 {
			out.rows = append(out.rows, x.rest(n, gone))
			delete(rest, id)
		}
	}
	if len(n.SortBy) > 0 {
		// sortby orders the rows before duplicates go: the first of that order stays.
		return x.dedupSorted(n, t)
	}
	return out, nil
}

func (x *runner) dedupSorted(n *plan.Limit, t *rows) (*rows, error) {
	sorted := t.like()
	sorted.rows = slices.Clone(t.rows)
	x.order(sorted.rows, n.SortBy, false)
	m := *n
	m.SortBy = nil
	return x.dedup(&m, sorted)
}

// project is table, fields and rename.
func (x *runner) project(n *plan.Project, t *rows) (*rows, error) {
	if len(n.Renames) > 0 {
		return x.rename(n, t)
	}
	match := func(name string, patterns []string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool { return value.Wild(name, p, false) })
	}
	keep := func(name string) bool {
		switch {
		case len(n.Drop) > 0:
			return !match(name, n.Drop)
		case n.Table:
			return slices.ContainsFunc(n.Keep, func(p string) bool {
				return p == name || value.Wild(name, p, false) && (!strings.HasPrefix(name, "_") || strings.HasPrefix(p, "_"))
			})
		}
		return match(name, n.Keep) || name == "_time" || name == "_raw"
	}
	out := &rows{fixed: n.Table || t.fixed && len(n.Drop) > 0, listed: t.listed || len(n.Drop) == 0}
	if len(n.Drop) > 0 {
		for _, name := range t.names {
			if keep(name) {
				out.add(name)
			}
		}
	} else {
		x.ordered(n, t, out)
	}
	for _, r := range t.rows {
		c := &Row{fields: map[string]value.Value{}}
		for name, v := range r.fields {
			if keep(name) {
				c.fields[name] = v
			}
		}
		if err := x.holds(c); err != nil {
			return nil, err
		}
		out.rows = append(out.rows, c)
	}
	return out, nil
}

// ordered puts the names in the order of the list; patterns give theirs in the order they had.
func (x *runner) ordered(n *plan.Project, t, out *rows) {
	if !n.Table {
		for _, name := range []string{"_time", "_raw"} {
			if slices.Contains(t.names, name) {
				out.add(name)
			}
		}
	}
	for _, p := range n.Keep {
		if !strings.Contains(p, "*") {
			out.add(p)
			continue
		}
		for _, name := range t.names {
			if value.Wild(name, p, false) && (!strings.HasPrefix(name, "_") || strings.HasPrefix(p, "_")) {
				out.add(name)
			}
		}
	}
}

// rename moves columns, one pair after the other. A column in the way of the new name goes, also where no row has the old
// name: renaming what does not exist removes the data of the new name. A pattern stands for names that some row has.
func (x *runner) rename(n *plan.Project, t *rows) (*rows, error) {
	out := t.like()
	for _, r := range t.rows {
		out.rows = append(out.rows, r.clone())
	}
	for _, p := range n.Renames {
		moves := map[string]string{}
		if strings.Contains(p.From, "*") {
			for _, name := range x.matchingFields([]string{p.From}, out) {
				if stars, ok := value.WildParts(name, p.From); ok && (!strings.HasPrefix(name, "_") || strings.HasPrefix(p.From, "_")) {
					to := p.To
					for _, s := range stars {
						to = strings.Replace(to, "*", s, 1)
					}
					moves[name] = to
				}
			}
		} else {
			moves[p.From] = p.To
		}
		x.move(out, moves)
		if err := x.spend(len(out.rows) * len(moves)); err != nil {
			return nil, err
		}
	}
	for _, r := range out.rows {
		if err := x.holds(r); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (x *runner) move(t *rows, moves map[string]string) {
	for from, to := range moves {
		if from == to {
			delete(moves, from)
		}
	}
	var names []string
	for _, name := range t.names {
		if to, ok := moves[name]; ok {
			name = to
		} else if overwritten(moves, name) {
			continue
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	t.names = names
	for _, r := range t.rows {
		old := map[string]value.Value{}
		for from := range moves {
			old[from] = r.fields[from]
			delete(r.fields, from)
		}
		for from, to := range moves {
			r.set(to, old[from])
		}
	}
}

func overwritten(moves map[string]string, name string) bool {
	for _, to := range moves {
		if to == name {
			return true
		}
	}
	return false
}

// expand makes a row of each value.
func (x *runner) expand(n *plan.Expand, t *rows) (*rows, error) {
	out := t.like()
	for _, r := range t.rows {
		v := r.fields[n.Field]
		if len(v) < 2 {
			out.rows = append(out.rows, r)
			continue
		}
		for i, a := range v {
			if n.Limit > 0 && i == n.Limit {
				break
			}
			c := r.clone()
			c.set(n.Field, a.One())
			if err := x.holds(c); err != nil {
				return nil, err
			}
			out.rows = append(out.rows, c)
		}
		if err := x.fits(out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// combine makes one row of rows that agree in everything but one field.
func (x *runner) combine(n *plan.Combine, t *rows) (*rows, error) {
	out := t.like()
	index := map[string]*Row{}
	for _, r := range t.rows {
		c := r.clone()
		c.set(n.Field, nil)
		id := x.whole(c)
		first := index[id]
		if first == nil {
			c.set(n.Field, r.fields[n.Field])
			index[id] = c
			out.rows = append(out.rows, c)
			continue
		}
		first.set(n.Field, append(slices.Clone(first.fields[n.Field]), r.fields[n.Field]...))
		if err := x.spend(1 + len(first.fields[n.Field])); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func keysOf(r *Row, names []string) []value.Value {
	keys := make([]value.Value, len(names))
	for i, name := range names {
		keys[i] = r.fields[name]
	}
	return keys
}
