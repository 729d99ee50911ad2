package esql

import (
	"math"
	"strconv"
	"strings"
)

// expr prints e, in parentheses if it binds looser than min; indent is where broken lines of e start.
func (p *printer) expr(e Expr, min, indent int) {
	if p.over() {
		return
	}
	defer p.budget.Enter().Leave()
	if precedence(e) < min {
		p.write("(")
		p.expr(e, precLowest, indent+2)
		p.write(")")
		return
	}
	if !p.origins {
		p.bare(e, indent) // most of what is printed comes here
		return
	}
	p.node(e, func() { p.bare(e, indent) })
}

func precedence(e Expr) int {
	switch e := e.(type) {
	case *Binary:
		switch e.Op {
		case "OR":
			return precOr
		case "AND":
			return precAnd
		case ":":
			return precTest
		case "+", "-":
			return precAdd
		case "*", "/", "%":
			return precMul
		}
		return precCompare
	case *Not:
		return precNot
	case *IsNull, *In, *Like:
		return precTest
	case *Neg:
		return precUnary
	}
	return precPrimary
}

func (p *printer) bare(e Expr, indent int) {
	switch e := e.(type) {
	case *Column:
		p.write(QuoteName(e.Name))
	case *Literal:
		if text, ok := e.Value.(string); ok {
			p.quoted(text)
			return
		}
		p.write(literal(e.Value))
	case *Array:
		p.write("[")
		p.fill(len(e.Items), indent+2, func(i int) { p.expr(e.Items[i], precPrimary, indent+2) })
		p.write("]")
	case *Duration:
		p.write(strconv.FormatInt(e.N, 10) + " " + e.Unit)
		if e.N != 1 && !strings.HasSuffix(e.Unit, "s") {
			p.write("s")
		}
	case *Star:
		p.write("*")
	case *Call:
		p.call(e, indent)
	case *Binary:
		p.binary(e, indent)
	case *Not:
		p.write("NOT ")
		p.expr(e.X, precNot, indent)
	case *Neg:
		p.write("-")
		if _, ok := e.X.(*Literal); ok {
			// -5 would be read as a literal
			p.write("(")
			p.expr(e.X, precLowest, indent)
			p.write(")")
			return
		}
		if _, ok := e.X.(*Duration); ok {
			p.write("(")
			p.expr(e.X, precLowest, indent)
			p.write(")")
			return
		}
		p.expr(e.X, precUnary, indent)
	case *IsNull:
		p.expr(e.X, precAdd, indent)
		if e.Not {
			p.write(" IS NOT NULL")
		} else {
			p.write(" IS NULL")
		}
	case *In:
		p.expr(e.X, precAdd, indent)
		if e.Not {
			p.write(" NOT")
		}
		p.write(" IN (")
		p.fill(len(e.List), indent+2, func(i int) { p.expr(e.List[i], precCompare, indent+2) })
		p.write(")")
	case *Like:
		p.like(e, indent)
	case *Cast:
		p.expr(e.X, precPrimary, indent)
		p.write("::" + e.Type)
	}
}

func (p *printer) operator(op string) {
	p.write(" ")
	p.write(op)
	p.write(" ")
}

func (p *printer) like(e *Like, indent int) {
	p.expr(e.X, precAdd, indent)
	if e.Not {
		p.write(" NOT")
	}
	p.operator(e.Op)
	if len(e.Patterns) == 1 {
		p.quoted(e.Patterns[0])
		return
	}
	p.write("(")
	p.fill(len(e.Patterns), indent+2, func(i int) { p.quoted(e.Patterns[i]) })
	p.write(")")
}

// concatLines is the number of arguments up to which a long CONCAT has one a line.
const concatLines = 5

func (p *printer) call(e *Call, indent int) {
	p.write(e.Func)
	p.write("(")
	args := func() {
		for i, arg := range e.Args {
			if i > 0 {
				p.write(", ")
			}
			p.expr(arg, precLowest, indent)
			if p.over() {
				return
			}
		}
		p.options(e)
		p.write(")")
	}
	if p.try(args) {
		return
	}
	if e.Func == "CONCAT" && len(e.Args) > concatLines {
		// the parts of a text are many and short
		p.newline(indent + 2)
		p.fill(len(e.Args), indent+2, func(i int) { p.expr(e.Args[i], precLowest, indent+4) })
		p.write(")")
		return
	}
	// One argument a line; a CASE has a condition and its value on one.
	step := 1
	if e.Func == "CASE" {
		step = 2
	}
	for i, arg := range e.Args {
		switch {
		case i%step != 0:
			p.write(", ")
		case i > 0:
			p.write(",")
			p.newline(indent + 2)
		default:
			p.newline(indent + 2)
		}
		p.expr(arg, precLowest, indent+4)
	}
	p.options(e)
	p.write(")")
}

func (p *printer) options(e *Call) {
	if len(e.Options) == 0 {
		return
	}
	if len(e.Args) > 0 {
		p.write(", ")
	}
	p.write("{")
	for i, o := range e.Options {
		if i > 0 {
			p.write(", ")
		}
		p.write(QuoteString(o.Name) + ": " + literal(o.Value))
	}
	p.write("}")
}

func (p *printer) binary(e *Binary, indent int) {
	prec := precedence(e)
	switch prec {
	case precOr, precAnd:
		p.chain(e, prec, indent)
		return
	case precTest: // a match: the field is a column, perhaps cast
		p.expr(e.L, precPrimary, indent)
		p.write(" : ")
		p.expr(e.R, precPrimary, indent)
		return
	case precCompare:
		p.expr(e.L, precAdd, indent)
		p.operator(e.Op)
		p.expr(e.R, precAdd, indent)
		return
	}
	p.expr(e.L, prec, indent)
	p.operator(e.Op)
	p.expr(e.R, prec+1, indent)
}

// chain prints a AND b AND c, or the same with OR: on one line if it fits, else one operand a line. Operands of the
// right side of an operator keep their parentheses, so that a balanced tree stays one.
func (p *printer) chain(e *Binary, prec, indent int) {
	var spine []*Binary
	for x := e; ; {
		spine = append(spine, x)
		left, ok := x.L.(*Binary)
		if !ok || left.Op != e.Op {
			break
		}
		x = left
	}
	min := prec + 1
	if prec == precOr {
		// AND inside OR gets parentheses that the grammar does not need, because readers do
		min = precNot
	}
	first := func() {
		p.expr(spine[len(spine)-1].L, min, indent)
	}
	// The inner nodes of the left spine are printed by this loop, so their places are recorded here.
	start := p.pos(len(p.buf))
	done := func(i int) {
		if inner := spine[i]; p.origins && i > 0 && inner.Origin != (Origin{}) {
			p.spans = append(p.spans, OriginSpan{Origin: inner.Origin, Text: Span{Start: start, End: p.pos(len(p.buf))}})
		}
	}
	flat := func() {
		first()
		for i := len(spine) - 1; i >= 0 && !p.over(); i-- {
			p.operator(e.Op)
			p.expr(spine[i].R, min, indent)
			done(i)
		}
	}
	if p.try(flat) {
		return
	}
	first()
	for i := len(spine) - 1; i >= 0; i-- {
		p.newline(indent)
		p.write(e.Op)
		p.write(" ")
		p.expr(spine[i].R, min, indent)
		done(i)
	}
}

// literal returns a constant as ES|QL text.
func literal(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return QuoteString(v)
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case int:
		return strconv.Itoa(v)
	case uint64:
		return strconv.FormatUint(v, 10)
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return "null" // there is no literal for it
		}
		s := strconv.FormatFloat(v, 'g', -1, 64)
		if !strings.ContainsAny(s, ".e") {
			s += ".0"
		}
		return s
	}
	return "null"
}
