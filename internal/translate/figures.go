package translate

import (
	"strings"

	"github.com/rulebridge/rulebridge/internal/spl"
)

// Splunk shows a product or a quotient with as many significant figures as the operand with a fraction that has the fewest,
// and a field holds what is shown: after eval x=3*0.5, x is 2. ES|QL keeps 1.5. Whole numbers count as precise, and so do
// sums, averages and what most functions give.

// storedProducts says that a field is going to hold a product of few figures, for each such product that the value of an
// expression can be.
func (l *lowering) storedProducts(e spl.Expr) {
	defer l.budget.Enter().Leave()
	switch e := e.(type) {
	case *spl.Binary:
		if product(e) && l.fewFigures(e) && !wholeConstant(e) {
			l.diag("function_differs", e.Span(), e.Op, "Splunk rounds a product or a quotient to the figures of its operand with a fraction that has the fewest, and the field holds that: 3*0.5 is 2 there, 1.5 in the draft. Put exact() around it in Splunk, or round(), and the two agree")
		}
	case *spl.Unary:
		l.storedProducts(e.X)
	case *spl.Call:
		for _, a := range passedOn(e) {
			l.storedProducts(a)
		}
	}
}

func product(e *spl.Binary) bool { return e.Op == "*" || e.Op == "/" }

// wholeConstant says that an expression is a whole number whatever the data are: no figure in front of the point is rounded.
func wholeConstant(e spl.Expr) bool {
	n, ok := spl.ConstantNumber(e)
	return ok && n == float64(int64(n))
}

// passedOn are the arguments of a function of which one is its result.
func passedOn(e *spl.Call) []spl.Expr {
	switch e.Func {
	case "if":
		return e.Args[min(1, len(e.Args)):]
	case "case", "validate":
		var out []spl.Expr
		for i := 1; i < len(e.Args); i += 2 {
			out = append(out, e.Args[i])
		}
		return out
	case "nullif":
		return e.Args[:min(1, len(e.Args))]
	case "coalesce", "max", "min":
		return e.Args
	}
	return nil
}

// fewFigures says that a number can have a fraction of which only some figures are significant.
func (l *lowering) fewFigures(e spl.Expr) bool {
	defer l.budget.Enter().Leave()
	switch e := e.(type) {
	case *spl.NumberLit:
		return strings.Contains(e.Text, ".")
	case *spl.StringLit:
		return strings.Contains(e.Value, ".")
	case *spl.FieldRef:
		return l.fewFiguresOf(l.peek(e.Name, e.Span()))
	case *spl.Unary:
		return l.fewFigures(e.X)
	case *spl.Binary:
		return product(e) && (l.fewFigures(e.L) || l.fewFigures(e.R)) || e.Op == "."
	case *spl.Call:
		return l.fewFiguresFrom(e)
	}
	return true
}

// fewFiguresOf is fewFigures of a column.
func (l *lowering) fewFiguresOf(c *column) bool {
	switch {
	case c == nil, c.hole:
		return true
	case c.constant != nil, c.precise, c.whole, isInteger(c.typ), isDate(c.typ), c.typ == "boolean":
		return false
	}
	return !l.canonical(c.value())
}

// fewFiguresFrom is fewFigures of what a function gives.
func (l *lowering) fewFiguresFrom(e *spl.Call) bool {
	if args := passedOn(e); args != nil {
		for _, a := range args {
			if l.fewFigures(a) {
				return true
			}
		}
		return false
	}
	switch e.Func {
	case "round":
		if len(e.Args) < 2 {
			return false
		}
		n, ok := spl.ConstantNumber(e.Args[1])
		return !ok || n > 0
	case "exact", "tonumber", "toint", "abs", "ceil", "ceiling", "floor", "exp", "ln", "log", "pow", "sqrt", "random", "len", "mvcount", "now", "time",
		"strptime", "relative_time", "sum", "avg":
		return false
	}
	return true
}

// passesValues says that an aggregation gives values of its field as they are, with their figures.
func passesValues(fn string) bool {
	switch fn {
	case "max", "min", "mode", "values", "list", "first", "last", "earliest", "latest":
		return true
	}
	return false
}
