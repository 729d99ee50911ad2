package translate

import "github.com/rulebridge/rulebridge/internal/esql"

// guardNulls rewrites `f IS NULL` where it stands beside a condition that is more than a comparison and mentions f too.
// Elasticsearch 8.19 takes such a condition for null as a whole: of `a IS NULL AND (b == "x" OR a == "y")` it finds
// nothing, whatever b is. What it knows of MV_COUNT(a) says nothing of a. Filters of all commands count as one, because
// the optimizer joins them.
func guardNulls(cmds []esql.Command) {
	var few [16]esql.Expr
	filters := few[:0]
	for _, c := range cmds {
		switch c := c.(type) {
		case *esql.Where:
			first := len(filters)
			filters = appendFlat(filters, "AND", c.Expr)
			for _, p := range filters[first:] {
				guardInside(p)
			}
		case *esql.Eval:
			for _, a := range c.Assigns {
				guardInside(a.Expr)
			}
		case *esql.Stats:
			for _, a := range c.Aggs {
				guardInside(a.Expr)
				guardInside(a.Where)
			}
		}
	}
	guardChain(filters)
}

// guardInside finds the chains of AND inside an expression.
func guardInside(x esql.Expr) {
	switch x := x.(type) {
	case *esql.Binary:
		switch x.Op {
		case "AND":
			var few [8]esql.Expr
			parts := appendFlat(few[:0], "AND", x)
			for _, p := range parts {
				guardInside(p)
			}
			guardChain(parts)
		case "OR":
			guardInside(x.L)
			guardInside(x.R)
		}
	case *esql.Call:
		for _, a := range x.Args {
			guardInside(a)
		}
	case *esql.Not:
		guardInside(x.X)
	}
}

// guardChain does it for the operands of one AND.
func guardChain(parts []esql.Expr) {
	for i, p := range parts {
		n, ok := p.(*esql.IsNull)
		if !ok || n.Not {
			continue
		}
		// inner chains come first and may have taken MV_COUNT(f) already
		for again := true; again; {
			again = false
			text := esql.PrintExpr(n.X)
			for j, other := range parts {
				if i != j && composed(other) && mentions(other, text) {
					n.X, again = call("MV_COUNT", n.X), true
					break
				}
			}
		}
	}
}

// composed says that a condition can hold although a part of it is null.
func composed(x esql.Expr) (yes bool) {
	esql.InspectExpr(x, func(n esql.Node) bool {
		switch n := n.(type) {
		case *esql.Binary:
			yes = yes || n.Op == "OR"
		case *esql.Not:
			yes = true
		case *esql.Call:
			yes = yes || n.Func == "COALESCE" || n.Func == "CASE"
		}
		return !yes
	})
	return yes
}

// mentions says that an expression has a part that prints as text.
func mentions(x esql.Expr, text string) (yes bool) {
	esql.InspectExpr(x, func(n esql.Node) bool {
		if e, ok := n.(esql.Expr); ok && esql.PrintExpr(e) == text {
			yes = true
		}
		return !yes
	})
	return yes
}
