package translate

import (
	"slices"
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// avoidFields reads fields that every estate has in the place of those that some lack. A condition becomes a query string,
// which accepts a field that no index has; a key that another field tells apart as well becomes that field; a column that is
// only shown is left out where the alert has it from the event itself.
func (l *lowering) avoidFields(table []StreamFields, cmds []esql.Command) []esql.Command {
	list := l.estates(table)
	if len(list) < 2 {
		return cmds
	}
	var missing []string
	for _, e := range list {
		if e.beside {
			continue
		}
		for _, f := range l.lacking(e, l.storedColumns(table, cmds)) {
			missing = appendNew(missing, f)
		}
	}
	if len(missing) == 0 {
		return cmds
	}
	a := avoiding{missing: missing, table: table, l: l}
	out := slices.Clone(cmds)
	for i, c := range out {
		w, ok := c.(*esql.Where)
		if !ok {
			break
		}
		if x := a.condition(w.Expr); x != nil {
			out[i] = &esql.Where{At: w.At, Expr: x}
			l.moved(c, out[i])
		}
	}
	a.keys(out)
	return out
}

// moved gives the command that takes the place of another its stage.
func (l *lowering) moved(from, to esql.Command) {
	if stage, ok := l.stageIndex[from]; ok {
		l.stageIndex[to] = stage
	}
}

// avoiding is the work of avoidFields on one draft.
type avoiding struct {
	l       *lowering
	table   []StreamFields
	missing []string
	// compared are the missing fields that a condition of every event has restricted.
	compared []string
}

// condition is a condition without the missing fields; nil where it cannot do without.
func (a *avoiding) condition(x esql.Expr) esql.Expr {
	y := a.rewrite(x)
	if y == nil || y == x {
		return nil
	}
	for _, p := range conjunctsOf(x) {
		for _, f := range a.missing {
			if readsField(p, f) {
				a.compared = appendNew(a.compared, f)
			}
		}
	}
	return y
}

func conjunctsOf(x esql.Expr) []esql.Expr {
	if b, ok := x.(*esql.Binary); ok && b.Op == "AND" {
		return append(conjunctsOf(b.L), conjunctsOf(b.R)...)
	}
	return []esql.Expr{x}
}

func readsField(x esql.Expr, field string) bool {
	found := false
	esql.InspectExpr(x, func(n esql.Node) bool {
		c, ok := n.(*esql.Column)
		found = found || ok && c.Name == field
		return !found
	})
	return found
}

func (a *avoiding) reads(x esql.Expr) bool {
	return slices.ContainsFunc(a.missing, func(f string) bool { return readsField(x, f) })
}

// rewrite keeps what reads no missing field, and goes into AND and OR only: below NOT a comparison with a missing value is
// null, a query string false.
func (a *avoiding) rewrite(x esql.Expr) esql.Expr {
	if !a.reads(x) {
		return x
	}
	y := a.leaf(x)
	if o := x.CompiledFrom(); o.End > o.Start { // y answers for the same SPL
		y = mark(y, spl.Span{Start: spl.Pos{Offset: o.Start}, End: spl.Pos{Offset: o.End}})
	}
	return y
}

func (a *avoiding) leaf(x esql.Expr) esql.Expr {
	switch e := x.(type) {
	case *esql.Binary:
		if x := a.noneOf(e); x != nil {
			return x
		}
		if e.Op == "AND" || e.Op == "OR" {
			l, r := a.rewrite(e.L), a.rewrite(e.R)
			if l == nil || r == nil {
				return nil
			}
			return &esql.Binary{At: e.At, Op: e.Op, L: l, R: r}
		}
		if w, ok := e.R.(*esql.Literal); ok && e.Op == "==" {
			return a.compare(e.L, []esql.Expr{w}, func(x esql.Expr) esql.Expr { return &esql.Binary{At: e.At, Op: "==", L: x, R: e.R} })
		}
	case *esql.In:
		if !e.Not {
			return a.compare(e.X, e.List, func(x esql.Expr) esql.Expr { return &esql.In{At: e.At, X: x, List: e.List} })
		}
	case *esql.IsNull:
		c, ok := e.X.(*esql.Column)
		if !ok {
			return nil
		}
		there := exists(c.Name)
		if e.Not {
			return there
		}
		return not(there)
	}
	return nil
}

// noneOf is f NOT IN (…) OR f IS NULL in the index; nil where the condition is another.
func (a *avoiding) noneOf(e *esql.Binary) esql.Expr {
	in, ok1 := e.L.(*esql.In)
	null, ok2 := e.R.(*esql.IsNull)
	if n, ok := e.L.(*esql.Not); ok {
		if in, ok1 = n.X.(*esql.In); ok1 && !in.Not {
			in = &esql.In{At: in.At, X: in.X, List: in.List, Not: true}
		}
	}
	if e.Op != "OR" || !ok1 || !ok2 || !in.Not || null.Not {
		return nil
	}
	c, ok1 := in.X.(*esql.Column)
	d, ok2 := null.X.(*esql.Column)
	if !ok1 || !ok2 || c.Name != d.Name || !slices.Contains(a.missing, c.Name) {
		return nil
	}
	x := a.queryString(c.Name, in.List, false)
	if x == nil {
		return nil
	}
	return not(x)
}

func exists(field string) esql.Expr {
	return call("QSTR", str("_exists_:"+esql.EscapeLucene(field)))
}

// compare is a comparison of f, TO_LOWER(f) or the first of several fields with words; plain makes it for a field that every
// estate has.
func (a *avoiding) compare(x esql.Expr, words []esql.Expr, plain func(esql.Expr) esql.Expr) esql.Expr {
	lower := false
	if c, ok := x.(*esql.Call); ok && c.Func == "TO_LOWER" && len(c.Args) == 1 {
		lower, x = true, c.Args[0]
	}
	fields := []esql.Expr{x}
	if c, ok := x.(*esql.Call); ok && c.Func == "COALESCE" {
		fields = c.Args
	}
	var out, before esql.Expr
	for _, f := range fields {
		c, ok := f.(*esql.Column)
		if !ok {
			return nil
		}
		var test, absent esql.Expr
		if slices.Contains(a.missing, c.Name) {
			if test = a.queryString(c.Name, words, lower); test == nil {
				return nil
			}
			absent = not(exists(c.Name))
		} else {
			read := esql.Expr(c)
			if lower {
				read = call("TO_LOWER", read)
			}
			test, absent = plain(read), &esql.IsNull{X: c}
		}
		out = or(out, and(before, test))
		before = and(before, absent)
	}
	return out
}

// longestPattern is how long a regular expression of a query string may be; Lucene takes up to 1,000 characters.
const longestPattern = 800

// queryString compares a field with words in the index.
func (a *avoiding) queryString(field string, words []esql.Expr, lower bool) esql.Expr {
	for _, s := range a.table {
		if !s.Left && a.l.schema.StreamHas(s.Stream, field) && !a.l.schema.KeywordAt(s.Stream, field) {
			return nil
		}
	}
	var parts []string
	for _, w := range words {
		lit, ok := w.(*esql.Literal)
		if !ok {
			return nil
		}
		text, ok := lit.Value.(string)
		if !ok {
			return nil
		}
		if _, beyond := letters(text); lower && beyond {
			return nil
		}
		if lower {
			parts = append(parts, caseClasses(text, esql.EscapeLuceneRegex))
		} else {
			parts = append(parts, esql.EscapeLuceneRegex(text))
		}
	}
	pattern := strings.Join(parts, "|")
	if len(pattern) > longestPattern {
		return nil
	}
	return call("QSTR", str(esql.EscapeLucene(field)+":/"+pattern+"/"))
}

// keys reads another field in the place of a missing one that is a key and nothing else.
func (a *avoiding) keys(cmds []esql.Command) {
	var filters []esql.Expr
	for i, c := range cmds {
		switch c := c.(type) {
		case *esql.Where:
			filters = append(filters, c.Expr)
		case *esql.Stats:
			by := slices.Clone(c.By)
			for j, k := range by {
				if x := a.instead(k.Expr, filters); x != nil && !comparedLater(cmds[i+1:], k.ColumnName()) {
					by[j] = &esql.Assign{At: k.At, Name: k.ColumnName(), Expr: x}
				}
			}
			stats := *c
			stats.By = by
			cmds[i] = &stats
			a.l.moved(c, cmds[i])
			return
		default:
			return
		}
	}
}

// instead is what tells the same rows apart as COALESCE(f, g) with a missing f does, nil if nothing does.
func (a *avoiding) instead(x esql.Expr, filters []esql.Expr) esql.Expr {
	c, ok := x.(*esql.Call)
	if !ok || c.Func != "COALESCE" || len(c.Args) != 2 {
		return nil
	}
	f, ok1 := c.Args[0].(*esql.Column)
	g, ok2 := c.Args[1].(*esql.Column)
	if !ok1 || !ok2 || !slices.Contains(a.missing, f.Name) {
		return nil
	}
	for _, i := range a.l.schema.Insteads() {
		if i.Field != f.Name || i.By != g.Name {
			continue
		}
		needed := func(field string) bool { return field == i.When }
		if slices.Contains(a.compared, f.Name) || slices.ContainsFunc(filters, func(x esql.Expr) bool { return excludes(x, needed) != "" }) {
			return g
		}
	}
	return nil
}

// comparedLater reports whether a later command reads a column for more than showing it, grouping or sorting.
func comparedLater(cmds []esql.Command, name string) bool {
	for _, c := range cmds {
		switch c.(type) {
		case *esql.Keep, *esql.Sort, *esql.Limit, *esql.Drop:
			continue
		}
		found := false
		esql.Inspect(&esql.Query{Commands: []esql.Command{c}}, func(n esql.Node) bool {
			x, ok := n.(*esql.Column)
			found = found || ok && x.Name == name
			return !found
		})
		if r, ok := c.(*esql.Rename); ok {
			found = found || slices.ContainsFunc(r.Pairs, func(p esql.RenamePair) bool { return p.Old == name })
		}
		if found {
			return true
		}
	}
	return false
}
