package value

import (
	"errors"
	"math"
)

var errTooLong = errors.New("a computed text is longer than 8 MiB: shorten it")

const (
	pageInfo Page = "SearchReference/InformationalFunctions"
	pageBool Page = "Search/Booleanexpressions"
)

func logicOps() []Op {
	is := func(name, does string, page Page, f func(Value) bool) Op {
		return Op{Name: name, Place: InEval, Min: 1, Max: 1, Rows: []Row{{Kinds: kinds(Any), Result: Boolean, Does: does, Page: page}},
			fn: func(_ *Env, a []Value) Value { return Bool(f(a[0])) }}
	}
	logic := func(name string, place Place, does string, page Page, f func([]Value) bool) Op {
		return Op{Name: name, Place: place, Min: 1, Max: -1, Rows: []Row{{Kinds: kinds(Any), Result: Boolean, Does: does, Page: page}},
			fn: func(_ *Env, a []Value) Value { return Bool(f(a)) }}
	}
	and := func(a []Value) bool {
		for _, v := range a {
			if !v.True() {
				return false
			}
		}
		return true
	}
	or := func(a []Value) bool {
		for _, v := range a {
			if v.True() {
				return true
			}
		}
		return false
	}
	not := func(a []Value) bool { return !a[0].True() }
	return []Op{
		logic("AND", InEval, "holds if all sides hold; binds tighter than OR", pageBool, and),
		logic("OR", InEval, "holds if one side holds", pageBool, or),
		logic("XOR", InEval, "holds if an odd number of sides hold", pageBool, func(a []Value) bool {
			x := false
			for _, v := range a {
				x = x != v.True()
			}
			return x
		}),
		logic("NOT", InEval, "holds if the condition does not, also where the condition fails because a field is missing; binds tightest", "", not),
		logic("AND", InSearch, "holds if all sides hold; OR binds tighter", pageBool, and),
		logic("OR", InSearch, "holds if one side holds; binds tighter than AND", pageBool, or),
		logic("NOT", InSearch, "holds if the condition does not, also for events that lack the field", pageNot, not),
		{Name: "if", Place: InEval, Min: 2, Max: 3, Rows: []Row{
			{Kinds: kinds(Boolean, Any, Any), Result: Any, Missing: Maybe, Several: Maybe, Does: "the second argument if the condition holds, else the third; a condition over a missing field does not hold", Page: pageCompare}},
			fn: func(_ *Env, a []Value) Value {
				switch {
				case a[0].True():
					return a[1]
				case len(a) > 2:
					return a[2]
				}
				return nil
			}},
		{Name: "case", Place: InEval, Min: 2, Max: -1, Rows: []Row{
			{Kinds: kinds(Any), Result: Any, Missing: Maybe, Several: Maybe, Does: "the value behind the first condition that holds; missing when none does", Page: pageCompare}},
			fn: func(_ *Env, a []Value) Value {
				for i := 0; i+1 < len(a); i += 2 {
					if a[i].True() {
						return a[i+1]
					}
				}
				return nil
			}},
		{Name: "validate", Place: InEval, Min: 2, Max: -1, Rows: []Row{
			{Kinds: kinds(Any), Result: Any, Missing: Maybe, Several: Maybe, Does: "the value behind the first condition that does not hold; missing when all hold", Page: pageCompare}},
			fn: func(_ *Env, a []Value) Value {
				for i := 0; i+1 < len(a); i += 2 {
					if !a[i].True() {
						return a[i+1]
					}
				}
				return nil
			}},
		{Name: "coalesce", Place: InEval, Min: 1, Max: -1, Rows: []Row{
			{Kinds: kinds(Any), Result: Any, Missing: Maybe, Several: Maybe, Does: "the first argument that has a value; an empty text is a value", Page: pageCompare}},
			fn: func(_ *Env, a []Value) Value {
				for _, v := range a {
					if !v.Missing() {
						return v
					}
				}
				return nil
			}},
		{Name: "nullif", Place: InEval, Min: 2, Max: 2, Rows: []Row{
			{Kinds: kinds(Any), Result: Any, Missing: Maybe, Several: Maybe, Does: "missing if both arguments are equal, else the first", Page: pageCompare}},
			fn: func(_ *Env, a []Value) Value {
				if len(a[0]) == 1 && len(a[1]) == 1 {
					if c, ok := compareEval(a[0][0], a[1][0]); ok && c == 0 {
						return nil
					}
				}
				return a[0]
			}},
		{Name: "null", Place: InEval, Rows: []Row{{Result: Missing, Missing: Always, Does: "is missing", Page: pageCompare}}, fn: func(*Env, []Value) Value { return nil }},
		{Name: "true", Place: InEval, Rows: []Row{{Result: Boolean, Does: "holds", Page: pageCompare}}, fn: func(*Env, []Value) Value { return Bool(true) }},
		{Name: "false", Place: InEval, Rows: []Row{{Result: Boolean, Does: "does not hold", Page: pageCompare}}, fn: func(*Env, []Value) Value { return Bool(false) }},
		is("isnull", "holds if the value is missing", pageInfo, Value.Missing),
		is("isnotnull", "holds if the value is there, an empty text too", pageInfo, func(v Value) bool { return !v.Missing() }),
		is("isnum", "holds for a number and for text that reads as one; asks the value, not its type", pageInfo, func(v Value) bool {
			_, ok := number(v)
			return ok
		}),
		is("isint", "holds for a whole number: of 1.5 it does not", pageInfo, func(v Value) bool {
			n, ok := number(v)
			return ok && n == math.Trunc(n) && !math.IsInf(n, 0)
		}),
		is("isdouble", "holds for a number with a fraction: of 1000000 it does not", pageInfo, func(v Value) bool {
			n, ok := number(v)
			return ok && n != math.Trunc(n)
		}),
		is("ismv", "holds for several values", pageInfo, func(v Value) bool { return len(v) > 1 }),
		is("isstr", "holds for text that does not read as a number", pageInfo, func(v Value) bool {
			a, ok := single(v)
			if !ok {
				return len(v) > 1
			}
			_, num := a.Number()
			return !num && a.kind == Text
		}),
		is("isbool", "holds for the result of a condition", pageInfo, Value.IsBool),
		{Name: "typeof", Place: InEval, Min: 1, Max: 1, Rows: []Row{
			{Kinds: kinds(Missing), Result: Text, Does: "Invalid", Page: pageInfo},
			{Kinds: kinds(Any), Result: Text, Does: "Number, String or Boolean; text that reads as a number is a Number", Page: pageInfo}},
			fn: func(_ *Env, a []Value) Value {
				switch {
				case a[0].Missing():
					return Str("Invalid")
				case len(a[0]) > 1:
					return Str("Multivalue")
				case a[0].IsBool():
					return Str("Boolean")
				}
				if _, ok := number(a[0]); ok {
					return Str("Number")
				}
				return Str("String")
			}},
	}
}
