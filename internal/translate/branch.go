package translate

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/schema"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// join, append and their kin run several searches; ES|QL 8.19 reads once. Two branches become one query over both
// sources: a column says which branch an event belongs to, and one STATS groups both.

// Names of the columns that two branches share.
const (
	sideColumn = "_side"
	mainSide   = "main"
	subSide    = "sub"
)

// branch is a pipeline taken apart at its STATS.
type branch struct {
	l      *lowering
	side   string
	filter []esql.Expr    // conditions on stored columns
	before []esql.Command // columns computed before STATS
	late   []esql.Expr    // conditions on these
	stats  *esql.Stats
	after  []esql.Command
	rows   *packedRows // where the rows are events
}

// rowOf is the text of a row of the branch.
func (b *branch) rowOf(list []carried) esql.Expr {
	if b.rows != nil {
		return col(b.rows.column)
	}
	return rowText(list)
}

// leading names the parts of the text before the columns.
func (b *branch) leading() []string {
	if b.rows != nil {
		return []string{b.rows.before}
	}
	return nil
}

// splitBranch takes the commands of a pipeline apart; reason says why that cannot be done.
func splitBranch(l *lowering, side string) (b *branch, reason string) {
	b = &branch{l: l, side: side}
	switch {
	case l.src == nil:
		return nil, "the data it reads is not known"
	case len(l.also) > 0:
		return nil, "it reads several sources"
	case l.env.partial():
		return nil, "it has parts that could not be translated"
	}
	for _, c := range l.cmds {
		switch c := c.(type) {
		case *esql.Stats:
			if b.stats != nil {
				return nil, "it groups more than once"
			}
			if c.Inline {
				return nil, "it uses eventstats"
			}
			b.stats = c
		case *esql.Where:
			switch {
			case b.stats != nil:
				b.after = append(b.after, c)
			case len(b.before) == 0:
				b.filter = append(b.filter, c.Expr)
			default:
				b.late = append(b.late, c.Expr)
			}
		case *esql.Sort:
			// the order of rows is lost in STATS in either case
		case *esql.Limit:
			if c.N < defaultSortLimit {
				return nil, "it keeps the first rows only"
			}
		case *esql.Drop:
			if b.stats != nil {
				b.after = append(b.after, c)
			}
		case *esql.Eval, *esql.Dissect, *esql.Grok:
			if b.stats != nil {
				b.after = append(b.after, c)
			} else {
				b.before = append(b.before, c)
			}
		default:
			return nil, "it uses " + c.Keyword()
		}
	}
	if b.stats == nil {
		return nil, "it does not group its events"
	}
	return b, ""
}

// writtenBy lists the columns that commands write.
func writtenBy(cmds []esql.Command) map[string]bool {
	out := map[string]bool{}
	for _, c := range cmds {
		switch c := c.(type) {
		case *esql.Eval:
			for _, a := range c.Assigns {
				out[a.Name] = true
			}
		case *esql.Dissect:
			for _, m := range dissectKey.FindAllStringSubmatch(c.Pattern, -1) {
				out[m[1]] = true
			}
		case *esql.Grok:
			for _, m := range namedGroup.FindAllStringSubmatch(c.Pattern, -1) {
				out[m[1]] = true
			}
		}
	}
	return out
}

// columnsIn lists the columns that expressions read.
func columnsIn(into map[string]bool, xs ...esql.Expr) {
	for _, x := range xs {
		if x == nil {
			continue
		}
		esql.InspectExpr(x, func(n esql.Node) bool {
			if c, ok := n.(*esql.Column); ok {
				into[c.Name] = true
			}
			return true
		})
	}
}

// readBy lists the columns that commands read.
func readBy(cmds []esql.Command) map[string]bool {
	out := map[string]bool{}
	esql.Inspect(&esql.Query{Commands: cmds}, func(n esql.Node) bool {
		if c, ok := n.(*esql.Column); ok {
			out[c.Name] = true
		}
		return true
	})
	return out
}

// outName is the column that a grouping or an aggregation makes.
func outName(a *esql.Assign) string {
	if a.Name != "" {
		return a.Name
	}
	if c, ok := a.Expr.(*esql.Column); ok {
		return c.Name
	}
	return esql.PrintExpr(a.Expr)
}

// peer is what the second branch knows of the first, so that their columns do not collide and what both compute alike
// is computed once.
type peer struct {
	taken map[string]bool
	by    map[string]string // printed expression → column
	aggs  map[string]string
}

func newPeer(b *branch) *peer {
	p := &peer{taken: map[string]bool{sideColumn: true}, by: map[string]string{}, aggs: map[string]string{}}
	changed := writtenBy(b.after)
	for n := range writtenBy(b.before) {
		p.taken[n] = true
	}
	for n := range changed {
		p.taken[n] = true
	}
	for _, a := range b.stats.By {
		n := outName(a)
		p.taken[n] = true
		if !changed[n] {
			p.by[esql.PrintExpr(a.Expr)] = n
		}
	}
	for _, a := range b.stats.Aggs {
		n := outName(a)
		p.taken[n] = true
		if !changed[n] && a.Where == nil {
			p.aggs[esql.PrintExpr(a.Expr)] = n
		}
	}
	for _, c := range b.l.env.cols {
		p.taken[c.name] = true
	}
	return p
}

// has says that the first branch uses the column name.
func (p *peer) has(name string) bool { return p != nil && p.taken[name] }

// group chooses the column of a grouping.
func (p *peer) group(a *esql.Assign, name string) (*esql.Assign, string) {
	if p == nil {
		return a, name
	}
	if n, ok := p.by[esql.PrintExpr(a.Expr)]; ok {
		if outName(a) != n {
			a = &esql.Assign{At: a.At, Name: n, Expr: a.Expr}
		}
		return a, n
	}
	if !p.taken[name] {
		p.taken[name] = true
		return a, name
	}
	n := p.free(name)
	return &esql.Assign{At: a.At, Name: n, Expr: a.Expr}, n
}

// free finds a name near the one given and takes it.
func (p *peer) free(name string) string {
	n := name
	for i := 2; p.taken[n]; i++ {
		n = name + "_" + itoa(i)
	}
	p.taken[n] = true
	return n
}

// shares gives the column in which the first branch has the same aggregate.
func (p *peer) shares(g aggregation) (string, bool) {
	if p == nil || g.where != nil || g.after != nil || g.expr == nil {
		return "", false
	}
	n, ok := p.aggs[esql.PrintExpr(g.expr)]
	return n, ok
}

// collide says that one branch reads a column that the other computes, so that they cannot run side by side.
func collide(a, b *branch) bool {
	writes := writtenBy(a.before)
	reads := map[string]bool{}
	columnsIn(reads, b.filter...)
	columnsIn(reads, b.late...)
	for n := range readBy(b.before) {
		reads[n] = true
	}
	for _, x := range append(append([]*esql.Assign(nil), b.stats.Aggs...), b.stats.By...) {
		columnsIn(reads, x.Expr, x.Where)
	}
	own := writtenBy(b.before)
	for n := range writes {
		if reads[n] && !own[n] {
			return true
		}
	}
	return false
}

// inEval rewrites a condition so that EVAL takes it: there is no full text there. nil when that cannot be done.
func inEval(src *schema.Source, x esql.Expr) esql.Expr {
	switch e := x.(type) {
	case *esql.Binary:
		if e.Op == ":" {
			w, ok := e.R.(*esql.Literal)
			c, plain := e.L.(*esql.Column)
			if !ok || !plain {
				return nil
			}
			f, known := src.Known(c.Name)
			s, text := "", false
			switch v := w.Value.(type) {
			case string:
				s, text = v, true
			case int64:
				s, text = itoa64(v), !known || isInteger(f.Type) || isText(f.Type)
			case bool:
				s, text = strconv.FormatBool(v), true
			}
			if !text {
				return nil
			}
			var each esql.Expr = e.L
			if known && !isText(f.Type) {
				each = call("TO_STRING", each)
			}
			joined := call("CONCAT", str(valueMark), call("MV_CONCAT", each, str(valueMark)), str(valueMark))
			return like(joined, "*"+valueMark+esql.EscapeLike(s)+valueMark+"*")
		}
		l, r := inEval(src, e.L), inEval(src, e.R)
		if l == nil || r == nil {
			return nil
		}
		return &esql.Binary{At: e.At, Op: e.Op, L: l, R: r}
	case *esql.Not:
		y := inEval(src, e.X)
		if y == nil {
			return nil
		}
		return &esql.Not{At: e.At, X: y}
	case *esql.Call:
		switch e.Func {
		case "QSTR":
			return termInEval(e)
		case "KQL", "MATCH", "MATCH_PHRASE":
			return nil
		}
	}
	return x
}

// fieldRegex is a query string that matches whole values of one field.
var fieldRegex = regexp.MustCompile(`^((?:[^:\\]|\\.)+):/(.+)/$`)

// termInEval rewrites a query string that tests the values of one field.
func termInEval(e *esql.Call) esql.Expr {
	w, ok := e.Args[0].(*esql.Literal)
	if !ok {
		return nil
	}
	s, _ := w.Value.(string)
	m := fieldRegex.FindStringSubmatch(s)
	if m == nil {
		return nil
	}
	joined := call("CONCAT", str(valueMark), call("MV_CONCAT", col(unescapeLucene.ReplaceAllString(m[1], "$1")), str(valueMark)), str(valueMark))
	return rlike(joined, ".*"+valueMark+m[2]+valueMark+".*")
}

var unescapeLucene = regexp.MustCompile(`\\(.)`)

// sides writes the commands that mark the events of each branch; ok is false when the branches cannot be told apart.
func sides(a, b *branch, at spl.Span) (cmds []esql.Command, ok bool) {
	o := esql.At{Origin: origin(at)}
	all := func(b *branch) esql.Expr {
		x := and(b.filter...)
		if x == nil || isTrue(x) {
			return boolean(true)
		}
		return x
	}
	if either := or(all(a), all(b)); !isTrue(either) {
		cmds = append(cmds, &esql.Where{At: o, Expr: mark(either, at)})
	}
	cmds = append(append(cmds, a.before...), b.before...)
	if x := disjoint(a.l.src, b.l.src); x != nil && len(a.late)+len(b.late) == 0 {
		e := call("CASE", x, str(b.side), str(a.side))
		return append(cmds, &esql.Eval{At: o, Assigns: []*esql.Assign{{At: o, Name: sideColumn, Expr: mark(e, at)}}}), true
	}
	if x := contradiction(a.filter, b.filter); x != nil && len(a.late)+len(b.late) == 0 {
		e := call("CASE", x, str(b.side), str(a.side))
		return append(cmds, &esql.Eval{At: o, Assigns: []*esql.Assign{{At: o, Name: sideColumn, Expr: mark(e, at)}}}), true
	}
	x := inEval(a.l.src, and(append([]esql.Expr{all(a)}, a.late...)...))
	y := inEval(b.l.src, and(append([]esql.Expr{all(b)}, b.late...)...))
	if x == nil || y == nil {
		return nil, false
	}
	// An event can be of both branches.
	both := &esql.Array{Items: []esql.Expr{str(a.side), str(b.side)}}
	var e esql.Expr
	switch {
	case isTrue(x) && isTrue(y):
		e = both
	case isTrue(x):
		e = call("CASE", y, both, str(a.side))
	case isTrue(y):
		e = call("CASE", x, both, str(b.side))
	case len(a.late)+len(b.late) == 0:
		e = call("CASE", x, call("CASE", y, both, str(a.side)), str(b.side))
	default:
		e = call("CASE", x, call("CASE", y, both, str(a.side)), y, str(b.side))
	}
	cmds = append(cmds, &esql.Eval{At: o, Assigns: []*esql.Assign{{At: o, Name: sideColumn, Expr: mark(e, at)}}},
		&esql.MvExpand{At: o, Field: sideColumn})
	if len(a.late)+len(b.late) > 0 {
		cmds = append(cmds, &esql.Where{At: o, Expr: mark(notNull(col(sideColumn)), at)})
	}
	return cmds, true
}

// disjoint is true on the events of the second source where the two sources can have no event in common: data sets of
// different categories of events.
func disjoint(a, b *schema.Source) esql.Expr {
	for _, x := range a.Constraints {
		for _, y := range b.Constraints {
			if x.Field != y.Field || x.Field != "event.category" || x.Not || y.Not {
				continue
			}
			var alts []esql.Expr
			for _, v := range y.Values {
				for _, w := range x.Values {
					if v == w {
						return nil
					}
				}
				if y.Array == schema.Single {
					alts = append(alts, binary("==", col(y.Field), str(v)))
					continue
				}
				alts = append(alts, inEval(b, binary(":", col(y.Field), str(v))))
			}
			return or(alts...)
		}
	}
	return nil
}

// contradiction finds a condition of the second filter that cannot hold where the first one does: one column equals
// other words. A column of several values passes neither.
func contradiction(a, b []esql.Expr) esql.Expr {
	type test struct {
		x     esql.Expr
		words map[string]bool
	}
	tests := func(filter []esql.Expr) map[string]test {
		out := map[string]test{}
		for _, x := range flatten("AND", filter) {
			var on esql.Expr
			words := map[string]bool{}
			switch e := x.(type) {
			case *esql.Binary:
				if e.Op == "==" {
					on = e.L
					words[esql.PrintExpr(e.R)] = isTextLiteral(e.R)
				}
			case *esql.In:
				if !e.Not {
					on = e.X
					for _, w := range e.List {
						words[esql.PrintExpr(w)] = isTextLiteral(w)
					}
				}
			}
			if on == nil || len(provesPresent(nil, x)) == 0 {
				continue
			}
			ok := true
			for _, lit := range words {
				ok = ok && lit
			}
			if ok {
				out[esql.PrintExpr(on)] = test{x, words}
			}
		}
		return out
	}
	first := tests(a)
	second := tests(b)
	for _, on := range sortedKeys(second) {
		t := second[on]
		f, ok := first[on]
		if !ok {
			continue
		}
		overlap := false
		for w := range t.words {
			overlap = overlap || f.words[w]
		}
		if !overlap {
			return t.x
		}
	}
	return nil
}

func isTextLiteral(x esql.Expr) bool {
	l, ok := x.(*esql.Literal)
	if !ok {
		return false
	}
	_, ok = l.Value.(string)
	return ok
}

// sameEvents says that a condition of one branch can only hold on events of its own source.
func sameEvents(a, b *schema.Source) bool {
	if len(a.Constraints) > 0 && len(b.Constraints) > 0 {
		return true
	}
	if len(a.Indices) != len(b.Indices) {
		return false
	}
	have := map[string]bool{}
	for _, i := range a.Indices {
		have[i] = true
	}
	for _, i := range b.Indices {
		if !have[i] {
			return false
		}
	}
	return len(a.Constraints) == len(b.Constraints)
}

// onSide is x on the rows of one branch and null elsewhere.
func onSide(side string, x esql.Expr) esql.Expr {
	return call("CASE", binary("==", col(sideColumn), str(side)), x)
}

// other is the side that a branch is not.
func (b *branch) other() string {
	if b.side == mainSide {
		return subSide
	}
	return mainSide
}

// merge groups both branches in one STATS and runs what follows on each of them. The result has a row for each row of
// either branch, with the columns of the other one null.
func merge(a, b *branch, at spl.Span) (cmds []esql.Command, reason string) {
	if collide(a, b) || collide(b, a) {
		return nil, "both searches compute a column that the other one reads"
	}
	if !sameEvents(a.l.src, b.l.src) {
		return nil, "the two searches read different sources, whose events no field tells apart"
	}
	cmds, ok := sides(a, b, at)
	if !ok {
		return nil, "the searches look for bare words"
	}
	o := esql.At{Origin: origin(at)}
	st := &esql.Stats{At: a.stats.At}
	st.By = append(st.By, &esql.Assign{At: o, Expr: mark(col(sideColumn), at)})
	shared := map[string]bool{}
	for _, x := range a.stats.By {
		for _, y := range b.stats.By {
			if outName(x) == outName(y) {
				shared[outName(x)] = true
			}
		}
	}
	// What one branch groups by must not split the groups of the other.
	own := &esql.Eval{At: o}
	reads := map[string]bool{} // by the aggregations
	for _, x := range append(append([]*esql.Assign(nil), a.stats.Aggs...), b.stats.Aggs...) {
		columnsIn(reads, x.Expr, x.Where)
	}
	copies := map[string]string{}
	var narrowed []*esql.Assign
	for _, br := range []*branch{b, a} {
		for _, x := range br.stats.By {
			n := outName(x)
			if shared[n] {
				continue
			}
			narrowed = append(narrowed, &esql.Assign{At: x.At, Name: n, Expr: onSide(br.side, x.Expr)})
		}
	}
	for _, x := range narrowed {
		if reads[x.Name] && copies[x.Name] == "" {
			copies[x.Name] = "_of_" + x.Name
			own.Assigns = append(own.Assigns, &esql.Assign{At: o, Name: copies[x.Name], Expr: mark(col(x.Name), at)})
		}
	}
	// A column that a later grouping still reads is narrowed after it.
	own.Assigns = append(own.Assigns, inReadingOrder(narrowed)...)
	if len(own.Assigns) > 0 {
		cmds = append(cmds, own)
	}
	done := map[string]bool{}
	for _, br := range []*branch{a, b} {
		for _, x := range br.stats.By {
			n := outName(x)
			if done[n] {
				continue
			}
			done[n] = true
			if shared[n] {
				st.By = append(st.By, x)
				continue
			}
			st.By = append(st.By, &esql.Assign{At: x.At, Expr: &esql.Column{At: x.At, Name: n}})
		}
		for _, x := range br.stats.Aggs {
			if done[outName(x)] {
				continue
			}
			done[outName(x)] = true
			y := *x
			y.Expr = renameColumns(x.Expr, copies)
			if x.Where != nil {
				y.Where = renameColumns(x.Where, copies)
			}
			st.Aggs = append(st.Aggs, &y)
		}
	}
	cmds = append(cmds, st)
	for _, br := range []*branch{a, b} {
		for _, c := range br.after {
			if w, ok := c.(*esql.Where); ok {
				c = &esql.Where{At: w.At, Expr: or(mark(binary("==", col(sideColumn), str(br.other())), at), w.Expr)}
			}
			cmds = append(cmds, c)
		}
	}
	return cmds, ""
}

// inReadingOrder puts assignments that read a column before the one that overwrites it.
func inReadingOrder(list []*esql.Assign) []*esql.Assign {
	var out []*esql.Assign
	left := list
	for len(left) > 0 {
		var later []*esql.Assign
		for i, a := range left {
			blocked := false
			for j, b := range left {
				if i == j {
					continue
				}
				reads := map[string]bool{}
				columnsIn(reads, b.Expr)
				if reads[a.Name] {
					blocked = true
				}
			}
			if blocked {
				later = append(later, a)
			} else {
				out = append(out, a)
			}
		}
		if len(later) == len(left) {
			return append(out, left...)
		}
		left = later
	}
	return out
}

// renameColumns gives an expression that reads other columns.
func renameColumns(x esql.Expr, to map[string]string) esql.Expr {
	if len(to) == 0 {
		return x
	}
	switch e := x.(type) {
	case *esql.Column:
		if n, ok := to[e.Name]; ok {
			return &esql.Column{At: e.At, Name: n}
		}
	case *esql.Call:
		c := *e
		c.Args = make([]esql.Expr, len(e.Args))
		for i, a := range e.Args {
			c.Args[i] = renameColumns(a, to)
		}
		return &c
	case *esql.Binary:
		return &esql.Binary{At: e.At, Op: e.Op, L: renameColumns(e.L, to), R: renameColumns(e.R, to)}
	case *esql.Not:
		return &esql.Not{At: e.At, X: renameColumns(e.X, to)}
	case *esql.Neg:
		return &esql.Neg{At: e.At, X: renameColumns(e.X, to)}
	case *esql.IsNull:
		return &esql.IsNull{At: e.At, X: renameColumns(e.X, to), Not: e.Not}
	case *esql.In:
		c := *e
		c.X = renameColumns(e.X, to)
		return &c
	case *esql.Like:
		c := *e
		c.X = renameColumns(e.X, to)
		return &c
	case *esql.Cast:
		return &esql.Cast{At: e.At, X: renameColumns(e.X, to), Type: e.Type}
	}
	return x
}

// ---- rows as text ----

// carried is a column that rides through STATS as text: read is the expression before, c the column after.
type carried struct {
	name string // SPL name, empty for a helper
	read esql.Expr
	c    *column
}

// reads says that the value is the plain column.
func (k carried) reads(name string) bool {
	c, ok := k.read.(*esql.Column)
	return ok && c.Name == name
}

// rowText is the text of one row.
func rowText(list []carried) esql.Expr {
	var parts []esql.Expr
	for i, k := range list {
		if i > 0 {
			parts = append(parts, str(rowMark))
		}
		x := k.read
		if !isText(k.c.typ) {
			x = call("TO_STRING", x)
		}
		if k.c.array != schema.Single {
			x = call("MV_CONCAT", x, str(listMark))
		}
		if !k.c.nonNull {
			x = call("COALESCE", x, str(nullMark))
		}
		parts = append(parts, x)
	}
	switch len(parts) {
	case 0:
		return str("")
	case 1:
		return parts[0]
	}
	return call("CONCAT", parts...)
}

// readRow writes the commands that take a row's text apart again; before names leading parts to leave out.
func (l *lowering) readRow(row string, list []carried, at spl.Span, before ...string) []esql.Command {
	if len(list) == 0 {
		return nil
	}
	o := esql.At{Origin: origin(at)}
	ev := &esql.Eval{At: o}
	var pattern, drop []string
	for _, b := range before {
		pattern = append(pattern, "%{"+b+"}")
		drop = append(drop, b)
	}
	single := len(list)+len(before) == 1
	for _, k := range list {
		from := k.c.name
		switch {
		case single:
			from = row
		case !dissectName.MatchString(from):
			l.unique++
			from = "_c_" + itoa(l.unique)
			drop = append(drop, from)
		}
		pattern = append(pattern, "%{"+from+"}")
		var x esql.Expr = col(from)
		if !k.c.nonNull {
			x = call("CASE", binary("!=", col(from), str(nullMark)), x)
		}
		if k.c.array != schema.Single {
			x = call("SPLIT", x, str(listMark))
		}
		x = fromText(x, k.c.typ)
		if c, plain := x.(*esql.Column); plain && c.Name == k.c.name {
			continue
		}
		ev.Assigns = append(ev.Assigns, &esql.Assign{At: o, Name: k.c.name, Expr: mark(x, at)})
	}
	var out []esql.Command
	if len(pattern) > 1 {
		out = append(out, &esql.Dissect{At: o, Input: mark(col(row), at), Pattern: strings.Join(pattern, rowMark)})
	}
	if len(ev.Assigns) > 0 {
		out = append(out, ev)
	}
	if len(drop) > 0 {
		out = append(out, &esql.Drop{At: o, Names: drop})
	}
	return out
}
