package spl

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// constant evaluates what eval-based macros are made of: expressions over literals. ok is false where it depends on data,
// on the time, or on a function that is not known here.
func constant(e Expr) (text string, ok bool) {
	v := fold(e)
	switch v.kind {
	case foldText, foldNumber:
		return v.text(), true
	}
	return "", false
}

// ConstantNumber is the number that an expression over literals gives.
func ConstantNumber(e Expr) (n float64, ok bool) {
	v := fold(e)
	return v.n, v.kind == foldNumber
}

type foldKind int

const (
	foldUnknown foldKind = iota
	foldNull
	foldText
	foldNumber
	foldBool
)

// folded is the value of an expression over literals.
type folded struct {
	kind foldKind
	s    string
	n    float64
	b    bool
}

func (v folded) text() string {
	if v.kind == foldNumber {
		return strconv.FormatFloat(v.n, 'f', -1, 64)
	}
	return v.s
}

// number reads a number, or a text that is one.
func (v folded) number() (float64, bool) {
	switch v.kind {
	case foldNumber:
		return v.n, true
	case foldText:
		n, err := strconv.ParseFloat(strings.TrimSpace(v.s), 64)
		return n, err == nil && !math.IsNaN(n) && !math.IsInf(n, 0)
	}
	return 0, false
}

func foldedText(s string) folded    { return folded{kind: foldText, s: s} }
func foldedNumber(n float64) folded { return folded{kind: foldNumber, n: n} }
func foldedBool(b bool) folded      { return folded{kind: foldBool, b: b} }

func fold(e Expr) folded {
	switch e := e.(type) {
	case *StringLit:
		return foldedText(e.Value)
	case *NumberLit:
		if n, err := strconv.ParseFloat(e.Text, 64); err == nil {
			return foldedNumber(n)
		}
		return foldedText(e.Text)
	case *BoolLit:
		return foldedBool(e.Value)
	case *Unary:
		return foldUnary(e)
	case *Binary:
		return foldBinary(e)
	case *InExpr:
		x := fold(e.X)
		for _, item := range e.List {
			switch c := foldCompare("=", x, fold(item)); {
			case c.kind != foldBool:
				return folded{}
			case c.b:
				return c
			}
		}
		return foldedBool(false)
	case *Call:
		return foldCall(e)
	}
	return folded{}
}

func foldUnary(e *Unary) folded {
	v := fold(e.X)
	if e.Op == "NOT" {
		if v.kind != foldBool {
			return folded{}
		}
		return foldedBool(!v.b)
	}
	n, ok := v.number()
	switch {
	case !ok:
		return folded{}
	case e.Op == "-":
		return foldedNumber(-n)
	}
	return foldedNumber(n)
}

func foldBinary(e *Binary) folded {
	a, b := fold(e.L), fold(e.R)
	if a.kind == foldUnknown || b.kind == foldUnknown {
		return folded{}
	}
	switch e.Op {
	case "AND", "OR", "XOR":
		if a.kind != foldBool || b.kind != foldBool {
			return folded{}
		}
		switch e.Op {
		case "AND":
			return foldedBool(a.b && b.b)
		case "OR":
			return foldedBool(a.b || b.b)
		}
		return foldedBool(a.b != b.b)
	case "=", "==", "!=", "<", "<=", ">", ">=":
		return foldCompare(e.Op, a, b)
	}
	if a.kind == foldNull || b.kind == foldNull {
		return folded{kind: foldNull}
	}
	if a.kind == foldBool || b.kind == foldBool {
		return folded{}
	}
	if e.Op == "." || e.Op == "+" && (a.kind == foldText || b.kind == foldText) {
		if e.Op == "+" && a.kind != b.kind {
			return folded{} // an error in Splunk
		}
		return foldedText(a.text() + b.text())
	}
	x, ok1 := a.number()
	y, ok2 := b.number()
	if !ok1 || !ok2 {
		return folded{}
	}
	switch e.Op {
	case "+":
		return foldedNumber(x + y)
	case "-":
		return foldedNumber(x - y)
	case "*":
		return foldedNumber(x * y)
	case "/":
		if y == 0 {
			return folded{kind: foldNull}
		}
		return foldedNumber(x / y)
	case "%":
		if y == 0 {
			return folded{kind: foldNull}
		}
		return foldedNumber(math.Mod(x, y))
	}
	return folded{}
}

// foldCompare compares numbers where both sides are, texts otherwise.
func foldCompare(op string, a, b folded) folded {
	c := 0
	switch {
	case a.kind == foldNull || b.kind == foldNull:
		return foldedBool(false)
	case a.kind == foldBool && b.kind == foldBool:
		if a.b != b.b {
			c = 1
		}
	case a.kind == foldNumber && b.kind == foldNumber:
		switch {
		case a.n < b.n:
			c = -1
		case a.n > b.n:
			c = 1
		}
	case (a.kind == foldText || a.kind == foldNumber) && (b.kind == foldText || b.kind == foldNumber):
		x, ok1 := a.number()
		y, ok2 := b.number()
		if ok1 && ok2 {
			return foldCompare(op, foldedNumber(x), foldedNumber(y))
		}
		c = strings.Compare(a.text(), b.text())
	default:
		return folded{}
	}
	switch op {
	case "=", "==":
		return foldedBool(c == 0)
	case "!=":
		return foldedBool(c != 0)
	case "<":
		return foldedBool(c < 0)
	case "<=":
		return foldedBool(c <= 0)
	case ">":
		return foldedBool(c > 0)
	}
	return foldedBool(c >= 0)
}

func foldCall(e *Call) folded {
	switch e.Func { // those that do not read all of their arguments
	case "if":
		if len(e.Args) != 3 {
			return folded{}
		}
		switch c := fold(e.Args[0]); {
		case c.kind != foldBool:
			return folded{}
		case c.b:
			return fold(e.Args[1])
		}
		return fold(e.Args[2])
	case "case", "validate":
		for i := 0; i+1 < len(e.Args); i += 2 {
			switch c := fold(e.Args[i]); {
			case c.kind != foldBool:
				return folded{}
			case c.b == (e.Func == "case"):
				return fold(e.Args[i+1])
			}
		}
		return folded{kind: foldNull}
	}
	args := make([]folded, len(e.Args))
	for i, a := range e.Args {
		if args[i] = fold(a); args[i].kind == foldUnknown {
			return folded{}
		}
	}
	switch {
	case e.Func == "true" && len(args) == 0:
		return foldedBool(true)
	case e.Func == "false" && len(args) == 0:
		return foldedBool(false)
	case e.Func == "null" && len(args) == 0:
		return folded{kind: foldNull}
	case e.Func == "coalesce":
		for _, a := range args {
			if a.kind != foldNull {
				return a
			}
		}
		return folded{kind: foldNull}
	case len(args) == 0:
		return folded{}
	}
	return foldFunction(e.Func, args)
}

// foldFunction applies a function of plain values.
func foldFunction(name string, args []folded) folded {
	first := args[0]
	switch {
	case name == "isnull" && len(args) == 1:
		return foldedBool(first.kind == foldNull)
	case name == "isnotnull" && len(args) == 1:
		return foldedBool(first.kind != foldNull)
	case name == "isnum" && len(args) == 1:
		_, ok := first.number()
		return foldedBool(ok)
	case name == "isstr" && len(args) == 1:
		return foldedBool(first.kind == foldText)
	case first.kind == foldNull:
		return folded{kind: foldNull}
	case first.kind == foldBool:
		if name == "tostring" && len(args) == 1 {
			return foldedText(map[bool]string{true: "True", false: "False"}[first.b])
		}
		return folded{}
	}
	text := first.text()
	switch {
	case name == "tostring" && len(args) == 1:
		return foldedText(text)
	case name == "lower" && len(args) == 1:
		return foldedText(strings.ToLower(text))
	case name == "upper" && len(args) == 1:
		return foldedText(strings.ToUpper(text))
	case name == "len" && len(args) == 1:
		return foldedNumber(float64(utf8.RuneCountInString(text)))
	case name == "trim" && len(args) == 1:
		return foldedText(strings.Trim(text, " \t"))
	}
	n, ok := first.number()
	if !ok {
		return folded{}
	}
	switch {
	case name == "tonumber" && len(args) == 1, name == "exact" && len(args) == 1:
		return foldedNumber(n)
	case name == "abs" && len(args) == 1:
		return foldedNumber(math.Abs(n))
	case name == "floor" && len(args) == 1:
		return foldedNumber(math.Floor(n))
	case (name == "ceil" || name == "ceiling") && len(args) == 1:
		return foldedNumber(math.Ceil(n))
	case name == "round" && len(args) == 1:
		return foldedNumber(math.Round(n))
	}
	return folded{}
}
