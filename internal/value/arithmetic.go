package value

import (
	"math"
	"strings"
)

func arithmeticOps() []Op {
	missing := Row{Kinds: kinds(Missing), Result: Missing, Missing: Always, Does: "is missing when a side is missing", Page: "SearchReference/Eval"}
	several := Row{Kinds: kinds(Any, Any), Result: Number, Missing: Maybe, Does: "is missing when a side is no number; of several values the operation has none"}
	calc := func(name string, does string, f func(a, b float64) float64) Op {
		partial := Never
		if strings.Contains(does, "missing") {
			partial = Maybe
		}
		return Op{Name: name, Place: InEval, Min: 2, Max: 2, Rows: []Row{
			missing,
			{Kinds: kinds(Number, Number), Result: Number, Missing: partial, Does: does, Page: pageExpr},
			{Kinds: kinds(Numeral, Numeral), Result: Number, Missing: Maybe, Does: does + "; is missing when a side is no number", Page: pageExpr},
			several,
		}, fn: func(_ *Env, a []Value) Value {
			x, ok1 := single(a[0])
			y, ok2 := single(a[1])
			if !ok1 || !ok2 {
				return nil
			}
			p, ok1 := x.Number()
			q, ok2 := y.Number()
			if !ok1 || !ok2 {
				return nil
			}
			return Num(f(p, q))
		}}
	}
	// product is a product or a quotient: its operands say how many figures of it are significant.
	product := func(name, does string, f func(a, b float64) float64) Op {
		o := calc(name, does, f)
		missing := o.Rows[1].Missing
		o.Rows = []Row{o.Rows[0],
			{Kinds: kinds(Number, Number), Result: Number, Missing: missing, Does: does + "; the result shows as many significant figures as the operand with a fraction that has the fewest: 8.250*0.20 is 1.7. Whole numbers and exact() count as precise, figures before the point are all shown", Page: pageEval},
			{Kinds: kinds(Numeral, Numeral), Result: Number, Missing: Maybe, Does: does + "; a field counts as precise as its text is, 0.20 has two figures; is missing when a side is no number", Page: pageEval},
			several}
		calculate := o.fn
		o.fn = func(e *Env, a []Value) Value {
			v := calculate(e, a)
			if len(v) != 1 {
				return v
			}
			return v[0].precise(fewest(a[0][0].figures(), a[1][0].figures()))
		}
		return o
	}
	sum := calc("+", "adds", func(a, b float64) float64 { return tidy(a+b, max(decimals(a), decimals(b))) })
	add := sum.fn
	sum.Rows = []Row{
		missing,
		{Kinds: kinds(Number, Number), Result: Number, Does: "adds two numbers", Page: pageExpr},
		{Kinds: kinds(Text, Text), Result: Text, Does: "joins two texts", Page: pageExpr},
		{Kinds: kinds(Text, Any), Result: Text, Missing: Maybe, Does: "joins the texts, numbers as they are shown; of several values the operation has none"},
		{Kinds: kinds(Numeral, Numeral), Result: Numeral, Does: "adds if both sides read as numbers, joins them otherwise", Page: pageExpr},
		{Kinds: kinds(Any, Any), Result: Numeral, Missing: Maybe, Does: "of several values the operation has none"},
	}
	sum.fn = func(e *Env, a []Value) Value {
		x, ok1 := single(a[0])
		y, ok2 := single(a[1])
		if !ok1 || !ok2 || x.kind == Boolean || y.kind == Boolean {
			return nil
		}
		_, ok1 = x.Number()
		_, ok2 = y.Number()
		if ok1 && ok2 {
			return add(e, a)
		}
		return joined(e, x.Text(), y.Text())
	}
	return []Op{
		sum,
		calc("-", "subtracts", func(a, b float64) float64 { return tidy(a-b, max(decimals(a), decimals(b))) }),
		product("*", "multiplies", func(a, b float64) float64 { return tidy(a*b, decimals(a)+decimals(b)) }),
		product("/", "divides; a division by zero is missing", func(a, b float64) float64 {
			if b == 0 {
				return math.NaN()
			}
			return a / b
		}),
		calc("%", "is the remainder, with the sign of the left side; by zero it is missing", func(a, b float64) float64 {
			if b == 0 {
				return math.NaN()
			}
			return math.Mod(a, b)
		}),
		{Name: "neg", Place: InEval, Min: 1, Max: 1, Rows: []Row{missing,
			{Kinds: kinds(Number), Result: Number, Does: "changes the sign", Page: pageExpr},
			{Kinds: kinds(Numeral), Result: Number, Missing: Maybe, Does: "changes the sign; is missing for what is no number", Page: pageExpr}},
			fn: func(_ *Env, a []Value) Value {
				x, ok := single(a[0])
				if !ok {
					return nil
				}
				n, ok := x.Number()
				if !ok {
					return nil
				}
				if x.kind == Number && x.places >= 0 {
					return NumPlaces(-n, int(x.places))
				}
				return Num(-n)
			}},
		{Name: ".", Place: InEval, Min: 2, Max: 2, Rows: []Row{missing,
			{Kinds: kinds(Number, Numeral), Result: Numeral, Does: "joins both sides as texts, numbers as they are shown", Page: pageExpr},
			{Kinds: kinds(Numeral, Numeral), Result: Numeral, Does: "joins both sides as texts, numbers as they are shown", Page: pageExpr},
			{Kinds: kinds(Any, Any), Result: Numeral, Missing: Maybe, Several: Maybe, Does: "one side with several values gives a result for each, two such sides none"}},
			fn: func(e *Env, a []Value) Value {
				switch {
				case len(a[0]) == 1 && len(a[1]) == 1:
					return joined(e, a[0][0].Text(), a[1][0].Text())
				case len(a[0]) != 1 && len(a[1]) != 1:
					return nil
				}
				var out Value
				for _, x := range a[0] {
					for _, y := range a[1] {
						out = append(out, joined(e, x.Text(), y.Text())...)
					}
				}
				return out
			}},
	}
}

// tidy takes the noise of binary fractions off a sum or product of decimal numbers: the result has no more decimals
// than its operands can give it.
func tidy(n float64, places int) float64 {
	if places > 12 || math.Abs(n) > 1e15 || math.IsInf(n, 0) || math.IsNaN(n) {
		return n
	}
	return roundTo(n, places)
}

func single(v Value) (Atom, bool) {
	if len(v) != 1 {
		return Atom{}, false
	}
	return v[0], true
}

// number is the one number of a value.
func number(v Value) (float64, bool) {
	a, ok := single(v)
	if !ok {
		return 0, false
	}
	return a.Number()
}

// text is the one text of a value; several values are joined as nomv joins them.
func text(v Value) (string, bool) {
	if len(v) == 0 {
		return "", false
	}
	return v.Joined(), true
}

// maxText bounds the length of a computed text in bytes.
const maxText = 8 << 20

func joined(e *Env, parts ...string) Value {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	if n > maxText {
		e.fail(errTooLong)
		return nil
	}
	if !e.spend(1 + n/64) {
		return nil
	}
	return Str(strings.Join(parts, ""))
}
