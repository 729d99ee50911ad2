package translate

import (
	"strings"

	"github.com/rulebridge/rulebridge/internal/spl"
)

// noteChoices remembers how many values a condition leaves a field at most; a pivot makes a column of each.
func (l *lowering) noteChoices(name string, n int, ok bool) {
	if !ok || n == 0 {
		return
	}
	if old, known := l.env.choices[name]; known && old <= n {
		return
	}
	if l.env.choices == nil {
		l.env.choices = map[string]int{}
	}
	l.env.choices[name] = n
}

// searchChoices is how many values a condition of the search grammar leaves one field.
func searchChoices(e spl.SearchExpr) (name string, n int, ok bool) {
	plain := func(vs ...spl.Value) bool {
		for _, v := range vs {
			if strings.Contains(v.Text, "*") {
				return false
			}
		}
		return true
	}
	switch e := e.(type) {
	case *spl.Compare:
		return e.Field.Text, 1, e.Op == "=" && plain(e.Value)
	case *spl.SearchIn:
		return e.Field.Text, len(e.Values), plain(e.Values...)
	case *spl.SearchOr:
		for i, x := range e.Exprs {
			f, k, ok := searchChoices(x)
			if !ok || i > 0 && f != name {
				return "", 0, false
			}
			name, n = f, n+k
		}
		return name, n, n > 0
	}
	return "", 0, false
}

// noteWhereChoices does so for the conjuncts of a where.
func (l *lowering) noteWhereChoices(e spl.Expr) {
	if b, ok := e.(*spl.Binary); ok && b.Op == "AND" {
		l.noteWhereChoices(b.L)
		l.noteWhereChoices(b.R)
		return
	}
	l.noteChoices(exprChoices(e))
}

// exprChoices is the same for the eval grammar.
func exprChoices(e spl.Expr) (name string, n int, ok bool) {
	switch e := e.(type) {
	case *spl.Binary:
		f, field := e.L.(*spl.FieldRef)
		switch e.Op {
		case "=", "==":
			return fieldName(f), 1, field && isLiteral(e.R)
		case "OR":
			a, k, ok1 := exprChoices(e.L)
			b, m, ok2 := exprChoices(e.R)
			return a, k + m, ok1 && ok2 && a == b
		}
	case *spl.InExpr:
		f, field := e.X.(*spl.FieldRef)
		for _, x := range e.List {
			field = field && isLiteral(x)
		}
		return fieldName(f), len(e.List), field
	}
	return "", 0, false
}

func fieldName(f *spl.FieldRef) string {
	if f == nil {
		return ""
	}
	return f.Name
}

// valueChoices is how many values an expression can have: case and if of literals.
func valueChoices(e spl.Expr) (n int, ok bool) {
	c, isCall := e.(*spl.Call)
	switch {
	case isLiteral(e):
		return 1, true
	case !isCall:
	case c.Func == "if" && len(c.Args) == 3:
		a, ok1 := valueChoices(c.Args[1])
		b, ok2 := valueChoices(c.Args[2])
		return a + b, ok1 && ok2
	case c.Func == "case":
		for i := 1; i < len(c.Args); i += 2 {
			k, ok := valueChoices(c.Args[i])
			if !ok {
				return 0, false
			}
			n += k
		}
		return n, n > 0
	}
	return 0, false
}

func isLiteral(e spl.Expr) bool {
	switch e.(type) {
	case *spl.StringLit, *spl.NumberLit:
		return true
	}
	return false
}
