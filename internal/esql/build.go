package esql

// longChain is the number of operands from which And and Or build a balanced tree: Elasticsearch parses a flat chain
// into a tree as deep as it is long and gives up at a depth of about 300.
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
	if len(list) == 0 {
		return nil
	}
	return joinAll(op, list)
}

func joinAll(op string, list []Expr) Expr {
	if len(list) > longChain {
		half := len(list) / 2
		return &Binary{Op: op, L: joinAll(op, list[:half]), R: joinAll(op, list[half:])}
	}
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
