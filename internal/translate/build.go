package translate

import (
	"slices"
	"strconv"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// Constructors of ES|QL nodes. A nil expression stands for a hole: and and or leave it out, so that a draft keeps
// everything else.

func col(name string) esql.Expr { return &esql.Column{Name: name} }
func str(s string) esql.Expr    { return &esql.Literal{Value: s} }
func integer(n int64) esql.Expr { return &esql.Literal{Value: n} }
func boolean(b bool) esql.Expr  { return &esql.Literal{Value: b} }
func null() esql.Expr           { return &esql.Literal{} }

// call makes a call and its list of arguments one piece of memory where there are few.
func call(fn string, args ...esql.Expr) esql.Expr {
	switch len(args) {
	case 1:
		if up, ok := args[0].(*esql.Call); ok && fn == "TO_LOWER" && up.Func == "TO_UPPER" {
			return call(fn, up.Args[0])
		}
		c := &struct {
			esql.Call
			args [1]esql.Expr
		}{Call: esql.Call{Func: fn}}
		c.args[0] = args[0]
		c.Args = c.args[:]
		return &c.Call
	case 2:
		c := &struct {
			esql.Call
			args [2]esql.Expr
		}{Call: esql.Call{Func: fn}}
		c.args[0], c.args[1] = args[0], args[1]
		c.Args = c.args[:]
		return &c.Call
	}
	return &esql.Call{Func: fn, Args: slices.Clone(args)}
}

func binary(op string, l, r esql.Expr) esql.Expr { return &esql.Binary{Op: op, L: l, R: r} }

func isNull(x esql.Expr) esql.Expr { return &esql.IsNull{X: presenceOf(x)} }
func notNull(x esql.Expr) esql.Expr {
	if c, ok := x.(*esql.Call); ok && (c.Func == "TO_UPPER" || c.Func == "TO_LOWER") {
		return notNull(c.Args[0])
	}
	return &esql.IsNull{X: presenceOf(x), Not: true}
}

func like(x esql.Expr, pattern string) esql.Expr {
	return matches(x, "LIKE", pattern)
}

func rlike(x esql.Expr, pattern string) esql.Expr {
	return matches(x, "RLIKE", pattern)
}

func matches(x esql.Expr, op, pattern string) esql.Expr {
	n := &struct {
		esql.Like
		patterns [1]string
	}{esql.Like{X: x, Op: op}, [1]string{pattern}}
	n.Patterns = n.patterns[:]
	return &n.Like
}

// not negates without a second thought about null: callers make the leaf null-safe.
func not(x esql.Expr) esql.Expr {
	switch e := x.(type) {
	case nil:
		return nil
	case *esql.Not:
		return e.X
	case *esql.Literal:
		if b, ok := e.Value.(bool); ok {
			return boolean(!b)
		}
	case *esql.IsNull:
		return &esql.IsNull{At: e.At, X: e.X, Not: !e.Not}
	case *esql.Binary:
		if op, ok := inverse[e.Op]; ok {
			return &esql.Binary{At: e.At, Op: op, L: e.L, R: e.R}
		}
	case *esql.In:
		return &esql.In{At: e.At, X: e.X, Not: !e.Not, List: e.List}
	case *esql.Like:
		return &esql.Like{At: e.At, X: e.X, Op: e.Op, Not: !e.Not, Patterns: e.Patterns}
	}
	return &esql.Not{X: x}
}

var inverse = map[string]string{"==": "!=", "!=": "==", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}

// chainLimit is the longest flat chain of AND or OR that is printed flat; longer ones are balanced, because the
// engine limits the depth of expressions.
const chainLimit = 80

func and(xs ...esql.Expr) esql.Expr { return chain("AND", xs) }
func or(xs ...esql.Expr) esql.Expr  { return chain("OR", xs) }

// chain joins with op, leaving holes out and folding constants. It returns nil when nothing is left.
func chain(op string, xs []esql.Expr) esql.Expr {
	absorbing := op == "OR" // true absorbs OR, false absorbs AND
	var few [16]esql.Expr
	flat := few[:0]
	for _, x := range xs {
		flat = appendFlat(flat, op, x)
	}
	kept := flat[:0]
	neutral := false
	for _, x := range flat {
		if x == nil {
			continue
		}
		if l, ok := x.(*esql.Literal); ok {
			if b, ok := l.Value.(bool); ok {
				if b == absorbing {
					return x
				}
				neutral = true
				continue
			}
		}
		if op == "AND" && tested(kept, x) {
			continue
		}
		kept = append(kept, x)
	}
	if len(kept) == 0 {
		if neutral {
			return boolean(!absorbing)
		}
		return nil
	}
	if len(kept) <= chainLimit {
		e := kept[0]
		for _, x := range kept[1:] {
			e = binary(op, e, x)
		}
		return e
	}
	return balance(op, kept)
}

// tested says that x only asks whether a column is there, which a condition before it has asked.
func tested(before []esql.Expr, x esql.Expr) bool {
	n, ok := x.(*esql.IsNull)
	if !ok || !n.Not {
		return false
	}
	c, ok := n.X.(*esql.Column)
	if !ok {
		return false
	}
	for _, b := range before {
		if m, ok := b.(*esql.IsNull); ok && m.Not {
			if d, ok := m.X.(*esql.Column); ok && d.Name == c.Name {
				return true
			}
		}
	}
	return false
}

// flatten takes nested chains of the same operator apart.
func flatten(op string, xs []esql.Expr) []esql.Expr {
	nested := false
	for _, x := range xs {
		if b, ok := x.(*esql.Binary); ok && b.Op == op {
			nested = true
		}
	}
	if !nested {
		return xs
	}
	var out []esql.Expr
	for _, x := range xs {
		out = appendFlat(out, op, x)
	}
	return out
}

// appendFlat adds the operands of a chain to a list.
func appendFlat(list []esql.Expr, op string, x esql.Expr) []esql.Expr {
	if b, ok := x.(*esql.Binary); ok && b.Op == op {
		return appendFlat(appendFlat(list, op, b.L), op, b.R)
	}
	return append(list, x)
}

func balance(op string, xs []esql.Expr) esql.Expr {
	if len(xs) == 1 {
		return xs[0]
	}
	m := len(xs) / 2
	return binary(op, balance(op, xs[:m]), balance(op, xs[m:]))
}

func isTrue(x esql.Expr) bool  { return isBool(x, true) }
func isFalse(x esql.Expr) bool { return isBool(x, false) }

func isBool(x esql.Expr, want bool) bool {
	l, ok := x.(*esql.Literal)
	if !ok {
		return false
	}
	b, ok := l.Value.(bool)
	return ok && b == want
}

// number turns an SPL number into the ES|QL literal with the same value.
func number(text string) (esql.Expr, bool) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return integer(n), true
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil && !isHexOrWord(text) {
		return &esql.Literal{Value: f}, true
	}
	return nil, false
}

// isHexOrWord keeps ParseFloat's 0x1p-2, inf, nan and 1_0 out: Splunk reads them as text.
func isHexOrWord(s string) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= '0' && c <= '9', c == '.', c == '-', c == '+', c == 'e', c == 'E':
		default:
			return true
		}
	}
	return false
}

func origin(s spl.Span) esql.Origin {
	return esql.Origin{Start: s.Start.Offset, End: s.End.Offset}
}

// mark gives x and every part of it that has none the origin of an SPL span.
func mark(x esql.Expr, s spl.Span) esql.Expr {
	if x == nil {
		return nil
	}
	markExpr(x, origin(s))
	return x
}

func markExpr(x esql.Expr, o esql.Origin) {
	// Parts are marked from the leaves up, so what is below a marked operator is marked: a chain costs its length once.
	if b, ok := x.(*esql.Binary); ok && b.Origin != (esql.Origin{}) {
		return
	}
	switch e := x.(type) {
	case *esql.Column:
		setOrigin(&e.At, o)
	case *esql.Literal:
		setOrigin(&e.At, o)
	case *esql.Duration:
		setOrigin(&e.At, o)
	case *esql.Star:
		setOrigin(&e.At, o)
	case *esql.Call:
		setOrigin(&e.At, o)
		for _, a := range e.Args {
			markExpr(a, o)
		}
	case *esql.Binary:
		setOrigin(&e.At, o)
		markExpr(e.L, o)
		markExpr(e.R, o)
	case *esql.Not:
		setOrigin(&e.At, o)
		markExpr(e.X, o)
	case *esql.Neg:
		setOrigin(&e.At, o)
		markExpr(e.X, o)
	case *esql.IsNull:
		setOrigin(&e.At, o)
		markExpr(e.X, o)
	case *esql.In:
		setOrigin(&e.At, o)
		markExpr(e.X, o)
		for _, a := range e.List {
			markExpr(a, o)
		}
	case *esql.Like:
		setOrigin(&e.At, o)
		markExpr(e.X, o)
	case *esql.Cast:
		setOrigin(&e.At, o)
		markExpr(e.X, o)
	}
}

func setOrigin(at *esql.At, o esql.Origin) {
	if at.Origin == (esql.Origin{}) {
		at.Origin = o
	}
}
