package translate

import (
	"strconv"
	"strings"

	"github.com/rulebridge/rulebridge/internal/spl"
)

// What eval, search and where say of rows of a lookup that are known. ok is false for what is not evaluated here.

// evalRows is eval of expressions that only join, fold and copy text.
func evalRows(rows []staticRow, cmd *spl.Eval) ([]staticRow, bool) {
	for i, row := range rows {
		for _, a := range cmd.Assigns {
			v, there, ok := row.eval(a.Expr)
			if !ok {
				return nil, false
			}
			row = row.set(a.Field.Text, v, there)
		}
		rows[i] = row
	}
	return rows, true
}

// eval gives the text of an expression; there is false where it is null.
func (r staticRow) eval(e spl.Expr) (text string, there, ok bool) {
	switch e := e.(type) {
	case *spl.StringLit:
		return e.Value, true, true
	case *spl.NumberLit:
		return e.Text, true, true
	case *spl.FieldRef:
		v, there := r.value(e.Name)
		return v, there, true
	case *spl.Binary:
		if e.Op != "." {
			return "", false, false
		}
		a, thereA, okA := r.eval(e.L)
		b, thereB, okB := r.eval(e.R)
		return a + b, thereA && thereB, okA && okB
	case *spl.Call:
		switch e.Func {
		case "coalesce":
			for _, x := range e.Args {
				v, there, ok := r.eval(x)
				if there || !ok {
					return v, there, ok
				}
			}
			return "", false, true
		case "lower", "upper", "trim":
			if len(e.Args) != 1 {
				return "", false, false
			}
			v, there, ok := r.eval(e.Args[0])
			switch e.Func {
			case "lower":
				v = strings.ToLower(v)
			case "upper":
				v = strings.ToUpper(v)
			default:
				v = strings.Trim(v, " \t")
			}
			return v, there, ok
		}
	}
	return "", false, false
}

// set gives the row with another value of a field, or without it.
func (r staticRow) set(field, value string, there bool) staticRow {
	out := make(staticRow, 0, len(r)+1)
	done := !there
	for _, c := range r {
		if c.field != field {
			out = append(out, c)
		} else if !done {
			out, done = append(out, staticCell{field, value}), true
		}
	}
	if !done {
		out = append(out, staticCell{field, value})
	}
	return out
}

// searchRows keeps the rows that a search finds.
func searchRows(rows []staticRow, e spl.SearchExpr) (out []staticRow, ok bool) {
	for _, r := range rows {
		found, ok := r.found(e)
		if !ok {
			return nil, false
		}
		if found {
			out = append(out, r)
		}
	}
	return out, true
}

func (r staticRow) found(e spl.SearchExpr) (found, ok bool) {
	switch e := e.(type) {
	case nil:
		return true, true
	case *spl.Compare:
		v, there := r.value(e.Field.Text)
		fits := there && fitsValue(e.Value.Text, v)
		switch e.Op {
		case "=", "==":
			return fits, true
		case "!=":
			return there && !fits, true
		}
		return orderHolds(v, e.Op, e.Value.Text, there)
	case *spl.SearchIn:
		v, there := r.value(e.Field.Text)
		for _, x := range e.Values {
			if there && fitsValue(x.Text, v) {
				return true, true
			}
		}
		return false, true
	case *spl.SearchNot:
		found, ok := r.found(e.Expr)
		return !found, ok
	case *spl.SearchAnd:
		for _, x := range e.Exprs {
			if found, ok := r.found(x); !found || !ok {
				return false, ok
			}
		}
		return true, true
	case *spl.SearchOr:
		for _, x := range e.Exprs {
			if found, ok := r.found(x); found || !ok {
				return found, ok
			}
		}
		return false, true
	case *spl.Term:
		return true, e.Value.Text == "*"
	}
	return false, false
}

// orderHolds compares numbers; ok is false where one of them is a text, which goes by its letters.
func orderHolds(v, op, with string, there bool) (holds, ok bool) {
	b, err := strconv.ParseFloat(strings.TrimSpace(with), 64)
	if err != nil {
		return false, false
	}
	if !there {
		return false, true
	}
	a, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
	if err != nil {
		return false, false
	}
	switch op {
	case "<":
		return a < b, true
	case "<=":
		return a <= b, true
	case ">":
		return a > b, true
	case ">=":
		return a >= b, true
	}
	return false, false
}

// fitsValue compares as search does: without case, * for any text.
func fitsValue(pattern, value string) bool {
	return fitsStar(strings.ToLower(pattern), strings.ToLower(value))
}
