package spl

import (
	"strconv"
	"strings"
)

// Precedence in the search grammar, loosest first.
const (
	precAnd = iota
	precOr
	precNot
)

// Precedence in the eval grammar, loosest first.
const (
	precXor = iota
	precOrExpr
	precAndExpr
	precNotExpr
	precCompare
	precAdd
	precMul
	precSign
)

func (w *printer) search(e SearchExpr, prec int) {
	switch e := e.(type) {
	case *SearchAnd:
		w.group(prec > precAnd, func() { w.searchList(e.Exprs, " ", precOr) })
	case *SearchOr:
		w.group(prec > precAnd, func() { w.searchList(e.Exprs, " OR ", precNot) })
	case *SearchNot:
		w.WriteString("NOT ")
		w.search(e.Expr, precNot)
	case *Compare:
		w.name(e.Field)
		w.WriteString(e.Op)
		if !e.Value.Quoted && strings.HasPrefix(e.Value.Text, "=") {
			w.WriteByte(' ') // a = of the value, not of the operator
		}
		w.value(e.Value)
	case *SearchIn:
		w.name(e.Field)
		w.WriteString(" IN (")
		for i, v := range e.Values {
			if i > 0 {
				w.WriteString(", ")
			}
			w.value(v)
		}
		w.WriteByte(')')
	case *Term:
		if e.Directive != "" {
			w.WriteString(e.Directive + "(")
			if e.Value.Quoted {
				w.value(e.Value)
			} else {
				w.WriteString(e.Value.Text)
			}
			w.WriteByte(')')
			return
		}
		// A bare "by" would end the condition of tstats, a bare "#" would be read as the start of a comment.
		apart := strings.EqualFold(e.Value.Text, "by") || strings.EqualFold(e.Value.Text, "groupby") || e.Value.Text == "#"
		w.group(apart && !e.Value.Quoted, func() { w.value(e.Value) })
	case *SubsearchExpr:
		w.WriteByte('[')
		w.pipeline(e.Pipeline)
		w.WriteByte(']')
	case *SearchMacro:
		w.macro(e.Macro, e.Args)
	case *SearchHole:
		w.WriteString(e.Text)
	}
}

func (w *printer) searchList(list []SearchExpr, sep string, prec int) {
	for i, e := range list {
		if i > 0 {
			w.WriteString(sep)
		}
		w.search(e, prec)
	}
}

func (w *printer) group(paren bool, f func()) {
	if paren {
		w.WriteByte('(')
	}
	f()
	if paren {
		w.WriteByte(')')
	}
}

// value writes a literal of the search grammar. An unquoted one keeps the escapes that a bare word needs.
func (w *printer) value(v Value) {
	if v.Quoted {
		w.WriteString(quote(v.Text))
		return
	}
	for i := 0; i < len(v.Text); i++ {
		switch v.Text[i] {
		case '"', '|', '\\':
			w.WriteByte('\\')
		}
		w.WriteByte(v.Text[i])
	}
}

func (w *printer) macro(name string, args []string) {
	w.WriteString("`" + name)
	if len(args) > 0 {
		w.WriteByte('(')
		for i, a := range args {
			if i > 0 {
				w.WriteByte(',')
			}
			w.WriteString(`"` + a + `"`)
		}
		w.WriteByte(')')
	}
	w.WriteByte('`')
}

func precedence(op string) int {
	switch op {
	case "XOR":
		return precXor
	case "OR":
		return precOrExpr
	case "AND":
		return precAndExpr
	case "+", "-", ".":
		return precAdd
	case "*", "/", "%":
		return precMul
	}
	return precCompare
}

func (w *printer) expr(e Expr, prec int) {
	switch e := e.(type) {
	case *FieldRef:
		switch {
		case e.Quoted:
			w.WriteString("'" + e.Name + "'")
		case e.Name == "#": // with a blank behind, the sign would be read as the start of a comment
			w.WriteString("(#)")
		default:
			w.WriteString(e.Name)
		}
	case *StringLit:
		w.WriteString(quote(e.Value))
	case *NumberLit:
		w.WriteString(e.Text)
	case *BoolLit:
		w.WriteString(strconv.FormatBool(e.Value))
	case *Binary:
		at := precedence(e.Op)
		right := at + 1
		if e.Op == "AND" || e.Op == "OR" {
			right = at // chains are read as a whole, so no parentheses
		}
		w.group(at < prec, func() {
			w.expr(e.L, at)
			w.WriteString(" " + e.Op + " ")
			w.expr(e.R, right)
		})
	case *Unary:
		if e.Op == "NOT" {
			w.group(prec > precNotExpr, func() {
				w.WriteString("NOT ")
				w.expr(e.X, precNotExpr)
			})
			return
		}
		w.group(prec > precSign, func() {
			w.WriteString(e.Op)
			w.expr(e.X, precSign)
		})
	case *Call:
		w.WriteString(e.Func + "(")
		w.list(e.Args)
		w.WriteByte(')')
	case *InExpr:
		w.group(prec > precCompare, func() {
			w.expr(e.X, precCompare)
			w.WriteString(" IN (")
			w.list(e.List)
			w.WriteByte(')')
		})
	case *ExprMacro:
		w.macro(e.Macro, e.Args)
	case *ExprSubsearch:
		w.WriteByte('[')
		w.pipeline(e.Pipeline)
		w.WriteByte(']')
	case *ExprHole:
		w.WriteString(e.Text)
	}
}

func (w *printer) list(list []Expr) {
	for i, e := range list {
		if i > 0 {
			w.WriteString(", ")
		}
		w.expr(e, precXor)
	}
}
