package translate

import (
	"net/netip"
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// A filter right after a lookup that only tests its outputs is decided per row of the table: what is left is a condition
// on the key.

// filter lowers the command after the lookup; rows are those whose outputs are left, nil when it cannot say.
func (u *lookupUse) filter(cmd spl.Command) (rows []map[string]string, ok bool) {
	l := u.l
	for _, o := range u.outs {
		if o.old != nil {
			return nil, false
		}
	}
	// A first pass without notes finds out whether it can be written.
	var build func(neg bool) (esql.Expr, bool)
	switch c := cmd.(type) {
	case *spl.Search:
		build = func(neg bool) (esql.Expr, bool) { return u.searchTest(c.Expr, neg) }
		rows, _ = u.searchRows(c.Expr)
	case *spl.Where:
		build = func(neg bool) (esql.Expr, bool) { return u.whereTest(c.Expr, neg) }
		rows, _ = u.whereRows(c.Expr)
	default:
		return nil, false
	}
	u.mark.End = cmd.Span().End
	defer func() { u.mark = u.at }()
	saved, seen := l.diags, l.seen
	l.seen = map[diagKey]int{}
	x, ok := build(false)
	l.diags, l.seen = saved, seen
	if !ok || x == nil {
		return nil, false
	}
	x, _ = build(false)
	x = l.leaf(x, u.mark)
	l.keepCondition()
	l.filter(x)
	return rows, true
}

// outputTest is a test of one output that holds where any of its values passes.
type outputTest struct {
	out  lookupOut
	pass func(v string) bool
}

func (u *lookupUse) output(name string) (lookupOut, bool) {
	for _, o := range u.outs {
		if o.name == name {
			return o, true
		}
	}
	return lookupOut{}, false
}

// passing lists the rows whose output passes.
func (u *lookupUse) passing(t outputTest) (rows []map[string]string) {
	for _, r := range u.rows {
		if v := r[t.out.column]; v != "" && t.pass(v) {
			rows = append(rows, r)
		}
	}
	return rows
}

// test lowers a test to a condition on the keys.
func (u *lookupUse) test(t outputTest, neg bool) (esql.Expr, bool) {
	rows := u.passing(t)
	if u.most() == 1 && len(rows) < len(u.rows) && !u.literal() {
		// the first row that matches decides
		in := map[string]bool{}
		for _, r := range rows {
			in[r[t.out.column]] = true
		}
		for i, a := range u.rows {
			for _, b := range u.rows[i+1:] {
				if in[a[t.out.column]] != in[b[t.out.column]] && u.meet(a, b) {
					return nil, false
				}
			}
		}
	}
	x := u.matches(rows, neg)
	if x == nil {
		return nil, false
	}
	if d, ok := u.fallback(); ok && t.pass(d) {
		none := u.matches(u.rows, !neg)
		if none == nil {
			return nil, false
		}
		if neg {
			return and(none, x), true
		}
		return or(x, none), true
	}
	return x, true
}

func (u *lookupUse) searchTest(e spl.SearchExpr, neg bool) (esql.Expr, bool) {
	defer u.l.budget.Enter().Leave()
	switch e := e.(type) {
	case *spl.SearchNot:
		return u.searchTest(e.Expr, !neg)
	case *spl.SearchAnd:
		return u.testAll(len(e.Exprs), !neg, func(i int) (esql.Expr, bool) { return u.searchTest(e.Exprs[i], neg) })
	case *spl.SearchOr:
		return u.testAll(len(e.Exprs), neg, func(i int) (esql.Expr, bool) { return u.searchTest(e.Exprs[i], neg) })
	}
	if t, ok := u.searchLeaf(e); ok {
		return u.test(t, neg)
	}
	return nil, false
}

func (u *lookupUse) testAll(n int, conj bool, one func(i int) (esql.Expr, bool)) (esql.Expr, bool) {
	var parts []esql.Expr
	for i := range n {
		x, ok := one(i)
		if !ok || x == nil {
			return nil, false
		}
		parts = append(parts, x)
	}
	if conj {
		return and(parts...), true
	}
	return or(parts...), true
}

func (u *lookupUse) searchLeaf(e spl.SearchExpr) (outputTest, bool) {
	switch e := e.(type) {
	case *spl.Compare:
		o, ok := u.output(e.Field.Text)
		if !ok {
			return outputTest{}, false
		}
		equal := func(v string) bool { return patternMatches(strings.ToLower(e.Value.Text), strings.ToLower(v)) }
		switch e.Op {
		case "=", "==":
			return outputTest{o, equal}, true
		case "!=":
			return outputTest{o, func(v string) bool { return !equal(v) }}, true
		}
	case *spl.SearchIn:
		o, ok := u.output(e.Field.Text)
		return outputTest{o, func(v string) bool {
			for _, w := range e.Values {
				if patternMatches(strings.ToLower(w.Text), strings.ToLower(v)) {
					return true
				}
			}
			return false
		}}, ok
	}
	return outputTest{}, false
}

// searchRows are the rows that a test of one output keeps.
func (u *lookupUse) searchRows(e spl.SearchExpr) ([]map[string]string, bool) {
	if t, ok := u.searchLeaf(e); ok {
		return u.only(t)
	}
	return nil, false
}

func (u *lookupUse) whereRows(e spl.Expr) ([]map[string]string, bool) {
	if t, neg, ok := u.whereLeaf(e); ok && !neg {
		return u.only(t)
	}
	return nil, false
}

func (u *lookupUse) only(t outputTest) ([]map[string]string, bool) {
	if d, ok := u.fallback(); ok && t.pass(d) {
		return nil, false
	}
	rows := u.passing(t)
	if len(rows) < len(u.rows) && u.overlap(t.out) {
		return nil, false // an event may have other values beside
	}
	return rows, len(rows) > 0
}

func (u *lookupUse) whereTest(e spl.Expr, neg bool) (esql.Expr, bool) {
	defer u.l.budget.Enter().Leave()
	switch b := e.(type) {
	case *spl.Unary:
		if b.Op == "NOT" {
			return u.whereTest(b.X, !neg)
		}
	case *spl.Binary:
		switch b.Op {
		case "AND", "OR":
			sides := []spl.Expr{b.L, b.R}
			return u.testAll(2, (b.Op == "AND") != neg, func(i int) (esql.Expr, bool) { return u.whereTest(sides[i], neg) })
		}
	}
	if t, not, ok := u.whereLeaf(e); ok {
		return u.test(t, neg != not)
	}
	return nil, false
}

// whereLeaf reads isnull, isnotnull and comparisons with text; neg says that the test is negated.
func (u *lookupUse) whereLeaf(e spl.Expr) (t outputTest, neg, ok bool) {
	field := func(x spl.Expr) (lookupOut, bool) {
		f, ok := x.(*spl.FieldRef)
		if !ok {
			return lookupOut{}, false
		}
		return u.output(f.Name)
	}
	switch e := e.(type) {
	case *spl.Call:
		if len(e.Args) == 1 && (e.Func == "isnotnull" || e.Func == "isnull") {
			o, ok := field(e.Args[0])
			return outputTest{o, func(string) bool { return true }}, e.Func == "isnull", ok
		}
	case *spl.Binary:
		l, r := e.L, e.R
		if _, text := l.(*spl.StringLit); text {
			l, r = r, l
		}
		o, ok := field(l)
		w, text := r.(*spl.StringLit)
		if !ok || !text {
			return outputTest{}, false, false
		}
		switch e.Op {
		case "=", "==":
			return outputTest{o, func(v string) bool { return v == w.Value }}, false, true
		case "!=":
			return outputTest{o, func(v string) bool { return v != w.Value }}, false, true
		}
	}
	return outputTest{}, false, false
}

// patternMatches matches a whole text against a pattern whose * stand for any text.
func patternMatches(pattern, s string) bool {
	return fitsStar(pattern, s)
}

// patternsMeet says that some text matches both patterns, whose * stand for any text.
func patternsMeet(a, b string) bool {
	switch {
	case !strings.Contains(a, "*"):
		return patternMatches(b, a)
	case !strings.Contains(b, "*"):
		return patternMatches(a, b)
	}
	// Both have a *: the texts before the first and after the last have to agree as far as both go.
	pa, pb := a[:strings.IndexByte(a, '*')], b[:strings.IndexByte(b, '*')]
	sa, sb := a[strings.LastIndexByte(a, '*')+1:], b[strings.LastIndexByte(b, '*')+1:]
	return (strings.HasPrefix(pa, pb) || strings.HasPrefix(pb, pa)) && (strings.HasSuffix(sa, sb) || strings.HasSuffix(sb, sa))
}

func networksMeet(a, b string) bool {
	a, ok := network(a)
	b, both := network(b)
	if !ok || !both {
		return false
	}
	return netip.MustParsePrefix(a).Overlaps(netip.MustParsePrefix(b))
}
