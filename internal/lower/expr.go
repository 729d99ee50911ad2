package lower

import (
	"fmt"
	"strings"

	"github.com/rulebridge/rulebridge/internal/plan"
	"github.com/rulebridge/rulebridge/internal/spl"
	"github.com/rulebridge/rulebridge/internal/value"
)

// expr lowers an expression of the eval grammar.
func (l *lowering) expr(e spl.Expr, s plan.Scope) plan.Expr {
	if e == nil {
		return plan.NewUnknown(spl.Span{}, "an expression is missing")
	}
	at := e.Span()
	if l.depth++; l.depth > maxDepth {
		l.depth--
		return plan.NewUnknown(at, "expressions are nested more than 200 deep")
	}
	defer func() { l.depth-- }()
	switch e := e.(type) {
	case *spl.FieldRef:
		return l.fieldRef(e, s)
	case *spl.StringLit:
		return plan.NewConst(at, value.Str(e.Value))
	case *spl.NumberLit:
		n, ok := value.ParseNumber(e.Text)
		if !ok {
			return plan.NewUnknown(at, e.Text+" is no number")
		}
		// A literal shows the decimals it is written with: 5.0 stays 5.0.
		if _, d, ok := strings.Cut(e.Text, "."); ok && !strings.ContainsAny(d, "eE") {
			return plan.NewConst(at, value.NumPlaces(n, len(d)))
		}
		return plan.NewConst(at, value.Num(n))
	case *spl.BoolLit:
		return plan.NewConst(at, value.Bool(e.Value))
	case *spl.Unary:
		return l.unary(e, s)
	case *spl.Binary:
		return l.binary(e, s)
	case *spl.InExpr:
		args := []plan.Expr{l.expr(e.X, s)}
		for _, x := range e.List {
			args = append(args, l.expr(x, s))
		}
		return apply(at, "in", value.InEval, args...)
	case *spl.Call:
		return l.call(e, s)
	case *spl.ExprMacro:
		return plan.NewUnknown(at, "macro "+e.Macro+" has no definition: supply it with the macros")
	case *spl.ExprSubsearch:
		return plan.NewUnknown(at, "what a subsearch returns as a value is not computed here")
	case *spl.ExprHole:
		return plan.NewUnknown(at, "this part could not be read: "+e.Text)
	}
	return plan.NewUnknown(at, "this expression is not known here")
}

// fieldRef reads a field. A bare name with a dot, such as s.u, is a field of that name where there is one, else the
// concatenation of two fields: Splunk asks for quotes around names with a dot.
func (l *lowering) fieldRef(e *spl.FieldRef, s plan.Scope) plan.Expr {
	at := e.At.At
	if e.Quoted || strings.IndexByte(e.Name, '.') < 0 {
		return plan.NewField(at, l.find(s, e.Name))
	}
	whole := plan.NewField(at, l.find(s, e.Name))
	parts := strings.Split(e.Name, ".")
	for _, p := range parts {
		if p == "" || strings.ContainsAny(p, "{}") {
			return whole
		}
	}
	joined := plan.Expr(plan.NewField(at, l.find(s, parts[0])))
	for _, p := range parts[1:] {
		joined = apply(at, ".", value.InEval, joined, plan.NewField(at, l.find(s, p)))
	}
	return apply(at, "coalesce", value.InEval, whole, joined)
}

func (l *lowering) unary(e *spl.Unary, s plan.Scope) plan.Expr {
	x := l.expr(e.X, s)
	switch e.Op {
	case "NOT":
		return apply(e.At.At, "NOT", value.InEval, x)
	case "-":
		return apply(e.At.At, "neg", value.InEval, x)
	}
	return x
}

func (l *lowering) binary(e *spl.Binary, s plan.Scope) plan.Expr {
	op := e.Op
	switch op {
	case "==":
		op = "="
	case "LIKE":
		op = "like"
	}
	return apply(e.At.At, op, value.InEval, l.expr(e.L, s), l.expr(e.R, s))
}

// call lowers a function. mvfilter and mvmap evaluate an expression for each value of a field; searchmatch reads a search.
func (l *lowering) call(e *spl.Call, s plan.Scope) plan.Expr {
	at := e.At.At
	switch e.Func {
	case "mvfilter":
		return l.mvfilter(e, s)
	case "mvmap":
		if len(e.Args) != 2 {
			return plan.NewUnknown(at, "mvmap takes a field and an expression")
		}
		name := fieldsOf(e.Args[0])
		if len(name) == 0 {
			return plan.NewUnknown(at, "the first argument of mvmap is a field")
		}
		return plan.NewEach(at, false, name[0], l.expr(e.Args[0], s), l.expr(e.Args[1], s))
	case "searchmatch":
		if len(e.Args) == 1 {
			if lit, ok := e.Args[0].(*spl.StringLit); ok {
				c, err := Condition(lit.Value, s)
				if err != nil {
					return plan.NewUnknown(at, err.Error())
				}
				return c
			}
			return plan.NewSearchText(at, l.expr(e.Args[0], s))
		}
	case "lookup":
		if len(e.Args) == 3 {
			if lit, ok := e.Args[0].(*spl.StringLit); ok {
				return plan.NewTableCell(at, lit.Value, l.expr(e.Args[1], s), l.expr(e.Args[2], s))
			}
		}
		return plan.NewUnknown(at, "lookup takes the name of a table in quotes, an object of keys and a list of columns")
	case "sum", "avg":
		for _, x := range e.Args {
			if lit, ok := x.(*spl.StringLit); ok {
				return plan.NewUnknown(lit.At.At, e.Func+" takes no text in quotes: write tonumber(…) around it")
			}
		}
	case "json_object", "json_array", "json_set", "json_set_exact", "json_append", "json_extend":
		args := l.exprs(e.Args, s)
		for i, x := range e.Args {
			if lit, ok := x.(*spl.StringLit); ok {
				args[i] = plan.NewConst(lit.At.At, value.Quoted(lit.Value))
			}
		}
		if op, ok := value.Find(e.Func, value.InEval); ok && len(args) >= op.Min {
			return plan.NewApply(at, op, args...)
		}
	case "sigfig":
		if b, ok := firstOf(e.Args).(*spl.Binary); ok && len(e.Args) == 1 && (b.Op == "+" || b.Op == "-") {
			args := []plan.Expr{l.expr(b, s), plan.NewConst(at, value.Bool(true))}
			return apply(at, "sigfig", value.InEval, append(args, l.terms(b, s)...)...)
		}
		if len(e.Args) == 1 {
			return apply(at, "sigfig", value.InEval, append([]plan.Expr{l.expr(e.Args[0], s)}, l.operands(e.Args[0], s)...)...)
		}
	case "commands":
		if len(e.Args) == 1 {
			if lit, ok := e.Args[0].(*spl.StringLit); ok {
				var list []string
				for _, c := range spl.Parse(lit.Value, spl.Options{}).Pipeline.Commands {
					list = append(list, c.Name())
				}
				return plan.NewConst(at, value.Strs(list))
			}
		}
		return plan.NewUnknown(at, "commands reads a search given as text here")
	case "getfields", "cluster":
		return plan.NewUnknown(at, e.Func+" has no meaning for rows here")
	case "xor":
		return apply(at, "XOR", value.InEval, l.exprs(e.Args, s)...)
	}
	name := e.Func
	if name == "length" {
		name = "len"
	}
	op, ok := value.Find(name, value.InEval)
	if !ok || !isName(e.Func) {
		return plan.NewUnknown(at, e.Func+" is no function of eval: check its spelling")
	}
	if len(e.Args) < op.Min || op.Max >= 0 && len(e.Args) > op.Max {
		return plan.NewUnknown(at, arity(op, len(e.Args)))
	}
	return plan.NewApply(at, op, l.exprs(e.Args, s)...)
}

// terms are the numbers that a sum or difference is made of, as they are written.
func (l *lowering) terms(e spl.Expr, s plan.Scope) []plan.Expr {
	if b, ok := e.(*spl.Binary); ok && (b.Op == "+" || b.Op == "-") {
		return append(l.terms(b.L, s), l.terms(b.R, s)...)
	}
	return l.operands(e, s)
}

// operands are the numbers that a product or quotient is made of, as they are written.
func (l *lowering) operands(e spl.Expr, s plan.Scope) []plan.Expr {
	switch e := e.(type) {
	case *spl.NumberLit:
		return []plan.Expr{plan.NewConst(e.At.At, value.Str(e.Text))}
	case *spl.FieldRef:
		return []plan.Expr{plan.NewField(e.At.At, l.find(s, e.Name))}
	case *spl.Unary:
		return l.operands(e.X, s)
	case *spl.Binary:
		if e.Op == "*" || e.Op == "/" {
			return append(l.operands(e.L, s), l.operands(e.R, s)...)
		}
	}
	return nil
}

func arity(op *value.Op, n int) string {
	want := fmt.Sprintf("%d to %d arguments", op.Min, op.Max)
	switch {
	case op.Max < 0:
		want = fmt.Sprintf("at least %d arguments", op.Min)
	case op.Max == op.Min:
		want = fmt.Sprintf("%d arguments", op.Min)
	}
	return fmt.Sprintf("%s takes %s, the call has %d", op.Name, want, n)
}

func isName(s string) bool { return s != "" && (s[0] >= 'a' && s[0] <= 'z' || s[0] == '_') }

func (l *lowering) exprs(list []spl.Expr, s plan.Scope) []plan.Expr {
	out := make([]plan.Expr, len(list))
	for i, e := range list {
		out[i] = l.expr(e, s)
	}
	return out
}

func (l *lowering) mvfilter(e *spl.Call, s plan.Scope) plan.Expr {
	if len(e.Args) != 1 {
		return plan.NewUnknown(e.At.At, "mvfilter takes one condition")
	}
	names := fieldsOf(e.Args[0])
	if len(names) != 1 {
		return plan.NewUnknown(e.At.At, "the condition of mvfilter reads one field only")
	}
	over := plan.NewField(e.At.At, l.find(s, names[0]))
	return plan.NewEach(e.At.At, true, names[0], over, l.expr(e.Args[0], s))
}

// fieldsOf are the names of the fields that an expression reads, each once.
func fieldsOf(e spl.Expr) []string {
	var names []string
	seen := map[string]bool{}
	spl.Walk(e, func(n spl.Node) bool {
		if f, ok := n.(*spl.FieldRef); ok && !seen[f.Name] {
			seen[f.Name] = true
			names = append(names, f.Name)
		}
		return true
	})
	return names
}

func firstOf(list []spl.Expr) spl.Expr {
	if len(list) == 0 {
		return nil
	}
	return list[0]
}
