package esql

// longChain is the number of operands from which And and Or split a chain into parts of this length. Elasticsearch
// parses a flat chain into a tree as deep as it is long and gives up at a depth of 300; a balanced tree of pairs parses
// but takes its optimizer seconds. Parts of 32 to 100 operands are the fastest form (1,000 alternatives: 0.5 s against
// more than 20 s balanced, on 8.19.21).
const longChain = 64

// And joins conditions; nil ones are left out, and the result of none is nil.
func And(conds ...Expr) Expr { return join("AND", conds) }

// Or joins alternatives; nil ones are left out, and the result of none is nil.
func Or(conds ...Expr) Expr { return join("OR", conds) }

func join(op string, conds []Expr) Expr {
	list := make([]Expr, 0, len(conds))
	for _, c := range conds {
		if c != nil {
			list = append(list, c)
		}
	}
	for len(list) > longChain {
		parts := make([]Expr, 0, len(list)/longChain+1)
		for i := 0; i < len(list); i += longChain {
			parts = append(parts, chainOf(op, list[i:min(i+longChain, len(list))]))
		}
		list = parts
	}
	if len(list) == 0 {
		return nil
	}
	return chainOf(op, list)
}

func chainOf(op string, list []Expr) Expr {
	e := list[0]
	for _, next := range list[1:] {
		e = &Binary{Op: op, L: e, R: next}
	}
	return e
}

// Col is a column.
func Col(name string) *Column { return &Column{Name: name} }

// Str is a string literal.
func Str(s string) *Literal { return &Literal{Value: s} }

// Int is a whole number.
func Int(n int64) *Literal { return &Literal{Value: n} }

// Float is a decimal number.
func Float(f float64) *Literal { return &Literal{Value: f} }

// Bool is true or false.
func Bool(b bool) *Literal { return &Literal{Value: b} }

// Null is null.
func Null() *Literal { return &Literal{} }

// Fn is a function call; name is upper case.
func Fn(name string, args ...Expr) *Call { return &Call{Func: name, Args: args} }

// Op is l op r.
func Op(op string, l, r Expr) *Binary { return &Binary{Op: op, L: l, R: r} }
