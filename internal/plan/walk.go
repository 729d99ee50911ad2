package plan

// Exprs calls f for each expression that stands directly in a node.
func Exprs(n Node, f func(Expr)) {
	call := func(list ...Expr) {
		for _, e := range list {
			if e != nil {
				f(e)
			}
		}
	}
	aggs := func(list []Agg) {
		for _, a := range list {
			call(a.Arg)
		}
	}
	switch n := n.(type) {
	case *Filter:
		call(n.Cond)
	case *Extend:
		for _, c := range n.Changes {
			if a, ok := c.(*Assign); ok {
				call(a.Expr)
			}
		}
	case *Aggregate:
		aggs(n.Aggs)
	case *Window:
		aggs(n.Aggs)
		call(n.ResetBefore, n.ResetAfter)
	case *Limit:
		call(n.While)
	case *Pivot:
		aggs(n.Aggs)
	case *Session:
		call(n.Starts, n.Ends)
	}
}

// Subs are the searches that a node takes beside its input.
func Subs(n Node) []Node {
	switch n := n.(type) {
	case *Join:
		return []Node{n.Sub}
	case *Union:
		return n.Subs
	}
	return nil
}

// ReadsEvents says whether a plan reads the events.
func ReadsEvents(n Node) bool {
	found := false
	var look func(n Node, depth int)
	var inExpr func(e Expr, depth int)
	inExpr = func(e Expr, depth int) {
		if s, ok := e.(*InRows); ok {
			look(s.Sub, depth+1)
		}
		for _, c := range Children(e) {
			inExpr(c, depth)
		}
	}
	look = func(n Node, depth int) {
		for ; n != nil && !found && depth < 200; n = n.From() {
			switch n := n.(type) {
			case *Source:
				found = found || n.Kind == Events || n.Kind == Model
			case *ForRows:
				found = true // its searches may
			}
			for _, s := range Subs(n) {
				look(s, depth+1)
			}
			Exprs(n, func(e Expr) { inExpr(e, depth) })
		}
	}
	look(n, 0)
	return found
}
