package esql

// Inspect calls f for every command and expression of a query, parents before children, in the order of the text.
// Children are left out where f returns false.
func Inspect(q *Query, f func(Node) bool) { inspectCommands(q.Commands, f) }

func inspectCommands(list []Command, f func(Node) bool) {
	for _, c := range list {
		inspectCommand(c, f)
	}
}

func inspectCommand(c Command, f func(Node) bool) {
	if !f(c) {
		return
	}
	switch c := c.(type) {
	case *Row:
		inspectAssigns(c.Fields, f)
	case *Where:
		InspectExpr(c.Expr, f)
	case *Eval:
		inspectAssigns(c.Assigns, f)
	case *Stats:
		inspectAssigns(c.Aggs, f)
		inspectAssigns(c.By, f)
	case *Sort:
		for _, k := range c.Keys {
			if f(k) {
				InspectExpr(k.Expr, f)
			}
		}
	case *Dissect:
		InspectExpr(c.Input, f)
	case *Grok:
		InspectExpr(c.Input, f)
	case *Fork:
		for _, branch := range c.Branches {
			inspectCommands(branch, f)
		}
	}
}

func inspectAssigns(list []*Assign, f func(Node) bool) {
	for _, a := range list {
		if f(a) {
			InspectExpr(a.Expr, f)
			if a.Where != nil {
				InspectExpr(a.Where, f)
			}
		}
	}
}

// InspectExpr is Inspect for one expression.
func InspectExpr(e Expr, f func(Node) bool) {
	if e == nil || !f(e) {
		return
	}
	switch e := e.(type) {
	case *Array:
		inspectList(e.Items, f)
	case *Call:
		inspectList(e.Args, f)
	case *Binary:
		InspectExpr(e.L, f)
		InspectExpr(e.R, f)
	case *Not:
		InspectExpr(e.X, f)
	case *Neg:
		InspectExpr(e.X, f)
	case *IsNull:
		InspectExpr(e.X, f)
	case *In:
		InspectExpr(e.X, f)
		inspectList(e.List, f)
	case *Like:
		InspectExpr(e.X, f)
	case *Cast:
		InspectExpr(e.X, f)
	}
}

func inspectList(list []Expr, f func(Node) bool) {
	for _, e := range list {
		InspectExpr(e, f)
	}
}
