package prebuilt

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
)

// esqlReader reads an ES|QL query command by command.
type esqlReader struct {
	shape
	filter []clause
	// computed are the columns that the query makes, with the metric of those that count, nil for the others.
	computed map[string]*metric
	// spans are the columns that stand for intervals of time, with their length in minutes.
	spans   map[string]float64
	grouped bool
	// blind says that columns were made that the reader does not know by name.
	blind   bool
	elastic bool
}

// readESQL reads a query: a draft of the compiler, or, where elastic says so, a prebuilt rule's.
func readESQL(query string, elastic bool) shape {
	q, err := esql.Parse(query)
	if err != nil {
		return shape{other: "its ES|QL could not be read"}
	}
	r := &esqlReader{elastic: elastic, computed: map[string]*metric{}, spans: map[string]float64{}}
	for _, c := range q.Commands {
		r.command(c)
	}
	r.shape.filter = both(r.filter...)
	return r.shape
}

func (r *esqlReader) refuse(why string) {
	if r.other == "" {
		r.other = why
	}
}

func (r *esqlReader) command(c esql.Command) {
	switch c := c.(type) {
	case *esql.From:
		r.indices = c.Indices
	case *esql.Where:
		for _, e := range conjuncts(c.Expr) {
			r.where(e)
		}
	case *esql.Eval:
		for _, a := range c.Assigns {
			r.computed[a.Name] = nil
			if n, ok := span(a.Expr); ok {
				r.spans[a.Name] = n
			}
		}
	case *esql.Stats:
		r.stats(c)
	case *esql.Sort, *esql.Keep, *esql.Drop, *esql.Comment:
	case *esql.Limit:
		if r.elastic {
			r.refuse("it alerts on no more than its LIMIT of " + strconv.Itoa(c.N))
		}
		r.blind = r.blind || !r.grouped
	case *esql.Fork:
		r.refuse("it joins several searches")
	case *esql.Other:
		r.refuse("it has the command " + c.Word + ", which is not compared")
	default:
		r.blind = true
	}
}

func conjuncts(e esql.Expr) []esql.Expr {
	if b, ok := e.(*esql.Binary); ok && b.Op == "AND" {
		return append(conjuncts(b.L), conjuncts(b.R)...)
	}
	return []esql.Expr{e}
}

// where takes a condition: on events, or on what was counted.
func (r *esqlReader) where(e esql.Expr) {
	if m, ok := r.threshold(e); ok {
		if m.least > 1 {
			r.least = append(r.least, m)
		}
		return
	}
	if _, presence := e.(*esql.IsNull); r.grouped && (r.elastic || !presence) {
		for _, name := range columns(e) {
			if _, made := r.computed[name]; made {
				r.refuse("it decides by " + name + ", which is not compared")
				return
			}
		}
	}
	r.filter = append(r.filter, r.condition(e, false))
}

// threshold reads a condition that a count reaches a number.
func (r *esqlReader) threshold(e esql.Expr) (metric, bool) {
	b, ok := e.(*esql.Binary)
	if !ok {
		return metric{}, false
	}
	c, isColumn := b.L.(*esql.Column)
	n, isNumber := literalNumber(b.R)
	if !isColumn || !isNumber || r.computed[c.Name] == nil {
		return metric{}, false
	}
	m := *r.computed[c.Name]
	switch b.Op {
	case ">":
		m.least = float64(int(n)) + 1
	case ">=":
		m.least = n
	default:
		return metric{}, false
	}
	return m, true
}

func (r *esqlReader) stats(c *esql.Stats) {
	if c.Inline {
		r.blind = true
		for _, a := range c.Aggs {
			r.computed[a.Name] = nil
		}
		return
	}
	if r.grouped && len(r.least) > 0 {
		r.refuse("it counts twice")
	}
	was := r.computed
	r.computed = map[string]*metric{}
	for _, a := range c.Aggs {
		r.computed[a.Name] = nil
		call, ok := a.Expr.(*esql.Call)
		if !ok || a.Where != nil || r.grouped {
			continue
		}
		switch strings.ToUpper(call.Func) {
		case "COUNT":
			if len(call.Args) == 0 {
				r.computed[a.Name] = &metric{}
			} else if _, star := call.Args[0].(*esql.Star); star {
				r.computed[a.Name] = &metric{}
			}
		case "COUNT_DISTINCT":
			if col, ok := call.Args[0].(*esql.Column); ok {
				if _, made := was[col.Name]; !made {
					r.computed[a.Name] = &metric{distinct: col.Name}
				}
			}
		}
	}
	r.groups = nil
	for _, b := range c.By {
		if n, ok := span(b.Expr); ok {
			r.window = n
			r.computed[b.Name] = nil
			continue
		}
		col, ok := b.Expr.(*esql.Column)
		if ok && r.spans[col.Name] > 0 {
			r.window = r.spans[col.Name]
			r.computed[col.Name] = nil
			continue
		}
		name := b.Name
		if ok {
			name = col.Name
		}
		if _, made := was[name]; made || !ok || r.blind {
			r.computed[name] = nil
			name = "what it computes as " + name
		}
		r.groups = append(r.groups, name)
	}
	r.grouped = true
}

// span is the length in minutes of the intervals that an expression cuts @timestamp into.
func span(e esql.Expr) (float64, bool) {
	call, ok := e.(*esql.Call)
	if !ok {
		return 0, false
	}
	var d *esql.Duration
	for _, a := range call.Args {
		if x, ok := a.(*esql.Duration); ok {
			d = x
		}
	}
	name := strings.ToUpper(call.Func)
	if d == nil || name != "DATE_TRUNC" && name != "BUCKET" && name != "TBUCKET" {
		return 0, false
	}
	per := map[string]float64{"millisecond": 1.0 / 60000, "second": 1.0 / 60, "minute": 1, "hour": 60, "day": 24 * 60, "week": 7 * 24 * 60}[d.Unit]
	return per * float64(d.N), per > 0
}

// maxShown is the length in bytes up to which a condition is shown as it is written.
const maxShown = 60

func columns(e esql.Expr) (names []string) {
	esql.InspectExpr(e, func(n esql.Node) bool {
		if c, ok := n.(*esql.Column); ok {
			names = append(names, c.Name)
		}
		return true
	})
	return names
}

// condition reads a condition on events; three-valued logic makes a missing field neither true nor false, except behind the
// match operator.
func (r *esqlReader) condition(e esql.Expr, not bool) clause {
	switch e := e.(type) {
	case *esql.Binary:
		switch e.Op {
		case "AND", "OR":
			x, y := r.condition(e.L, not), r.condition(e.R, not)
			if (e.Op == "AND") != not {
				return both(x, y)
			}
			return either(x, y)
		}
	case *esql.Not:
		return r.condition(e.X, !not)
	case *esql.Literal:
		if b, ok := e.Value.(bool); ok {
			if b != not {
				return all{}
			}
			return some{}
		}
	}
	c, twoValued := r.leaf(e)
	switch {
	case !not:
		return c
	case twoValued:
		return without(c)
	}
	return negated(c)
}

func (r *esqlReader) leaf(e esql.Expr) (c clause, twoValued bool) {
	names := columns(e)
	slices.Sort(names)
	names = slices.Compact(names)
	text := opaque{text: esqlText(e), fields: strings.Join(names, ",")}
	if len(text.text) > maxShown && len(names) > 0 {
		text.shown = "a condition on " + strings.Join(names, ", ")
	}
	for _, name := range columns(e) {
		if _, made := r.computed[name]; made || r.blind {
			// A column that the query makes is another one than that of the same name elsewhere.
			text.text += " (computed)"
			if r.elastic {
				text.text += " by the prebuilt rule"
			}
			return text, false
		}
	}
	switch e := e.(type) {
	case *esql.IsNull:
		col, ok := e.X.(*esql.Column)
		if !ok {
			return text, true
		}
		c := exists(col.Name)
		if !e.Not {
			c = without(c)
		}
		return c, true
	case *esql.Binary:
		field, fold, ok := operand(e.L)
		if !ok {
			return text, false
		}
		if e.Op == ":" {
			s, ok := literalText(e.R)
			if !ok || analysed(field) {
				return text, true
			}
			return test{field: field, any: []glob{exactly(s, false)}}, true
		}
		if s, ok := literalText(e.R); ok {
			switch e.Op {
			case "==", "!=", "<", "<=", ">", ">=":
				return comparison(field, e.Op, s, fold), false
			}
		}
	case *esql.In:
		field, fold, ok := operand(e.X)
		if !ok {
			return text, false
		}
		t := test{field: field}
		for _, x := range e.List {
			s, ok := literalText(x)
			if !ok {
				return text, false
			}
			t.any = append(t.any, exactly(s, fold))
		}
		if e.Not {
			return negated(t), false
		}
		return t, false
	case *esql.Like:
		field, fold, ok := operand(e.X)
		if !ok || e.Op != "LIKE" {
			return text, false
		}
		t := test{field: field}
		for _, p := range e.Patterns {
			t.any = append(t.any, makeGlob(likeText(p), fold))
		}
		if e.Not {
			return negated(t), false
		}
		return t, false
	case *esql.Call:
		name := strings.ToUpper(e.Func)
		if len(e.Args) == 2 && (name == "STARTS_WITH" || name == "ENDS_WITH") {
			field, fold, ok := operand(e.Args[0])
			s, isText := literalText(e.Args[1])
			if ok && isText {
				s += string(anyText)
				if name == "ENDS_WITH" {
					s = string(anyText) + strings.TrimSuffix(s, string(anyText))
				}
				return test{field: field, any: []glob{makeGlob(s, fold)}}, false
			}
		}
		return text, name == "QSTR" || name == "MATCH" || name == "KQL"
	}
	return text, false
}

// operand is the field of a comparison; fold says that the comparison folds case.
func operand(e esql.Expr) (field string, fold, ok bool) {
	switch e := e.(type) {
	case *esql.Column:
		return e.Name, false, true
	case *esql.Call:
		if name := strings.ToUpper(e.Func); (name == "TO_LOWER" || name == "TO_UPPER") && len(e.Args) == 1 {
			if c, is := e.Args[0].(*esql.Column); is {
				return c.Name, true, true
			}
		}
	}
	return "", false, false
}

func literalText(e esql.Expr) (string, bool) {
	switch e := e.(type) {
	case *esql.Literal:
		if e.Value == nil {
			return "", false
		}
		return fmt.Sprint(e.Value), true
	case *esql.Neg:
		s, ok := literalText(e.X)
		return "-" + s, ok
	}
	return "", false
}

func literalNumber(e esql.Expr) (float64, bool) {
	l, ok := e.(*esql.Literal)
	if !ok {
		return 0, false
	}
	if _, isText := l.Value.(string); isText {
		return 0, false
	}
	n, err := strconv.ParseFloat(fmt.Sprint(l.Value), 64)
	return n, err == nil
}

// likeText turns a LIKE pattern, in which a backslash takes a wildcard its meaning, into a glob's text.
func likeText(p string) string {
	var b strings.Builder
	for i := 0; i < len(p); i++ {
		switch {
		case p[i] == '\\' && i+1 < len(p):
			i++
			b.WriteByte(p[i])
		case p[i] == '*':
			b.WriteRune(anyText)
		case p[i] == '?':
			b.WriteRune(anyRune)
		default:
			b.WriteByte(p[i])
		}
	}
	return b.String()
}

func esqlText(e esql.Expr) string {
	q := &esql.Query{Commands: []esql.Command{&esql.Where{Expr: e}}}
	return strings.Join(strings.Fields(strings.TrimPrefix(esql.Print(q), "WHERE ")), " ")
}
