package esql

import "fmt"

// ---- STATS ----

func (c *checker) stats(command *Stats) {
	if command.Inline && c.env.Version < V9 {
		c.report(command, CodeTarget, "INLINE STATS needs 9.x")
	}
	groups := map[string]bool{} // plain columns
	var by []column
	for _, a := range command.By {
		v := c.topExpr(a.Expr, context{mode: inBy})
		if isSpan(v.typ) || v.typ == typeSource {
			c.report(a, CodeGrouping, "rows cannot be grouped by a %s", v.typ)
		}
		if col, ok := a.Expr.(*Column); ok {
			groups[col.Name] = true
		}
		name := a.ColumnName()
		if a.Name != "" {
			groups[a.Name] = true
		}
		by = append(by, column{name: name, typ: v.typ, indexed: false})
	}
	var made []column
	for _, a := range command.Aggs {
		made = append(made, column{name: a.ColumnName(), typ: c.aggregation(a, groups)})
	}
	last, grouped := map[string]int{}, map[string]bool{}
	for i, col := range made {
		last[col.name] = i
	}
	for _, group := range by {
		grouped[group.name] = true
	}
	for i, col := range made {
		if last[col.name] != i {
			c.lint(command.Aggs[i], CodeLostColumn, "a later aggregation is called %s too; this one is lost", col.name)
		}
		if grouped[col.name] {
			c.lint(command.Aggs[i], CodeLostColumn, "the BY column %s has the same name; the aggregation is lost", col.name)
		}
	}
	list := append(made, by...)
	if !command.Inline {
		c.scope.only(nil, false)
	}
	for _, col := range list {
		c.scope.add(col)
	}
}

func (c *checker) aggregation(a *Assign, groups map[string]bool) string {
	v := c.topExpr(a.Expr, context{mode: inStats, groups: groups})
	if a.Where != nil {
		if !v.aggregate {
			c.report(a, CodeAggregate, "WHERE inside STATS belongs to an aggregation such as COUNT(*)")
		}
		c.condition(a.Where, context{mode: inAggWhere, condition: true})
	}
	if v.aggregate || v.typ == typeAny && !v.constant {
		return v.typ
	}
	if col, ok := a.Expr.(*Column); ok {
		if groups[col.Name] {
			c.report(a, CodeAggregate, "%s is a BY column already", col.Name)
		}
		return v.typ
	}
	if v.constant {
		c.report(a, CodeAggregate, "STATS needs an aggregation here, such as COUNT(*), not %s", PrintExpr(a.Expr))
	}
	return v.typ
}

func (c *checker) condition(e Expr, ctx context) {
	v := c.topExpr(e, ctx)
	if v.typ != typeAny && v.typ != "boolean" && v.typ != typeNull {
		c.report(e, CodeType, "a condition has to be boolean, this is %s", v.typ)
	}
}

// topExpr checks a whole expression of a command, its depth included.
func (c *checker) topExpr(e Expr, ctx context) value {
	if d := depth(e, precLowest); d > maxExprDepth {
		c.report(e, CodeLimit, "the expression is nested %d deep, at most %d are allowed; use IN, or parts in parentheses", d, maxExprDepth)
	}
	return c.expr(e, ctx)
}

// Oversized names the command of a query that Elasticsearch refuses for the number of its commands or the depth of an
// expression, and why; nil when none is.
func Oversized(commands []Command) (command Command, why string) {
	if n := len(commands); n > maxCommands+1 {
		return commands[n-1], fmt.Sprintf("the draft has %d commands, and Elasticsearch takes at most %d", n, maxCommands)
	}
	for _, c := range commands {
		deepest := 0
		inspectCommand(c, func(n Node) bool {
			e, ok := n.(Expr)
			if !ok {
				return true
			}
			deepest = max(deepest, depth(e, precLowest))
			return false
		})
		if deepest > maxExprDepth {
			return c, fmt.Sprintf("an expression of the draft is nested %d deep, and Elasticsearch takes at most %d", deepest, maxExprDepth)
		}
	}
	return nil, ""
}

// depth counts as the parser of Elasticsearch does: a leaf is 2, parentheses are 2, every other node 1.
func depth(e Expr, least int) int {
	d := 1
	if precedence(e) < least {
		d += 2
	}
	switch e := e.(type) {
	case *Binary:
		prec := precedence(e)
		left, right := prec, prec+1
		switch prec {
		case precOr:
			right = precNot
			if l, ok := e.L.(*Binary); !ok || l.Op != "OR" {
				left = precNot
			}
		case precTest:
			return d + 1
		case precCompare:
			left, right = precAdd, precAdd
		}
		return d + max(depth(e.L, left), depth(e.R, right))
	case *Call:
		deepest := 1
		for _, arg := range e.Args {
			deepest = max(deepest, depth(arg, precLowest))
		}
		return d + deepest
	case *Not:
		return d + depth(e.X, precNot)
	case *Neg:
		return d + depth(e.X, precUnary)
	case *IsNull:
		return d + depth(e.X, precAdd)
	case *In:
		deepest := depth(e.X, precAdd)
		for _, item := range e.List {
			deepest = max(deepest, depth(item, precCompare))
		}
		return d + deepest
	case *Like:
		return d + depth(e.X, precAdd)
	case *Cast:
		return d + depth(e.X, precPrimary)
	}
	return d + 1
}
