package value

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

const (
	pageMath Page = "SearchReference/MathematicalFunctions"
	pageTrig Page = "SearchReference/TrigonometryFunctions"
	pageStat Page = "SearchReference/StatisticalFunctions"
	pageBits Page = "SearchReference/BitFunctions"
)

func numericRows(does string, page Page) []Row {
	return []Row{
		{Kinds: kinds(Missing), Result: Missing, Missing: Always, Does: "is missing when an argument is missing", Page: page},
		{Kinds: kinds(Number), Result: Number, Does: does, Page: page},
		{Kinds: kinds(Numeral), Result: Number, Missing: Maybe, Does: does + "; missing for what is no number", Page: page},
		{Kinds: kinds(Any), Result: Number, Missing: Maybe, Does: "missing for what is no number and for several values"},
	}
}

// partial are the rows of a function that has no result for some numbers.
func partial(rows []Row) []Row {
	for i := range rows {
		if rows[i].Result != Missing {
			rows[i].Missing = Maybe
		}
	}
	return rows
}

func mathOps() []Op {
	rows := func(does string, page Page) []Row {
		if strings.Contains(does, "missing") {
			return partial(numericRows(does, page))
		}
		return numericRows(does, page)
	}
	f1 := func(name, does string, page Page, f func(float64) float64) Op {
		return Op{Name: name, Place: InEval, Min: 1, Max: 1, Rows: rows(does, page), fn: func(_ *Env, a []Value) Value {
			if n, ok := number(a[0]); ok {
				return Num(f(n))
			}
			return nil
		}}
	}
	f2 := func(name, does string, page Page, f func(a, b float64) float64) Op {
		return Op{Name: name, Place: InEval, Min: 2, Max: 2, Rows: rows(does, page), fn: func(_ *Env, a []Value) Value {
			x, ok1 := number(a[0])
			y, ok2 := number(a[1])
			if ok1 && ok2 {
				return Num(f(x, y))
			}
			return nil
		}}
	}
	ops := []Op{
		f1("abs", "the number without its sign", pageMath, math.Abs),
		f1("ceil", "the next whole number above", pageMath, math.Ceil), f1("ceiling", "the next whole number above", pageMath, math.Ceil),
		f1("floor", "the next whole number below", pageMath, math.Floor),
		f1("exp", "e to that power", pageMath, math.Exp), f1("ln", "the natural logarithm; missing for 0 and below", pageMath, positive(math.Log)),
		f1("sqrt", "the square root; missing for a negative number", pageMath, math.Sqrt),
		f1("exact", "the same number, shown with all of its digits", pageMath, func(n float64) float64 { return n }),
		f2("pow", "the first to the power of the second; missing where there is no such number", pageMath, math.Pow),
		{Name: "log", Place: InEval, Min: 1, Max: 2, Rows: partial(numericRows("the logarithm, to base 10 or to the base given; missing where there is none", pageMath)), fn: func(_ *Env, a []Value) Value {
			n, ok := number(a[0])
			base := 10.0
			if len(a) > 1 {
				b, ok2 := number(a[1])
				base, ok = b, ok && ok2
			}
			switch {
			case !ok || n <= 0 || base <= 0 || base == 1:
				return nil
			case base == 10:
				return Num(math.Log10(n))
			case base == 2:
				return Num(math.Log2(n))
			}
			return Num(tidy(math.Log(n)/math.Log(base), 12))
		}},
		{Name: "pi", Place: InEval, Rows: []Row{{Result: Number, Does: "π with 11 decimals, which count as its precision", Page: pageMath}}, fn: func(*Env, []Value) Value { return NumPlaces(3.14159265358, 11) }},
		{Name: "random", Place: InEval, Rows: []Row{{Result: Number, Does: "a whole number from 0 to 2^31-1, another one at each call", Page: pageStat}}, fn: func(e *Env, _ []Value) Value {
			if e.Random == nil {
				e.Random = rand.New(rand.NewPCG(1, 2))
			}
			return Num(float64(e.Random.Int32()))
		}},
		{Name: "round", Place: InEval, Min: 1, Max: 2, Rows: partial(numericRows("rounds half away from zero to a number of decimals, 0 by default; the result shows that many", pageMath)), fn: func(_ *Env, a []Value) Value {
			n, ok := number(a[0])
			if !ok {
				return nil
			}
			if len(a) == 1 {
				return Num(roundTo(n, 0))
			}
			p, ok := number(a[1])
			if !ok || p != math.Trunc(p) || math.Abs(p) > 50 {
				return nil
			}
			if p <= 0 {
				return Num(roundTo(n, int(p)))
			}
			return NumPlaces(roundTo(n, int(p)), int(p))
		}},
		{Name: "sigfig", Place: InEval, Min: 1, Max: -1, Rows: numericRows("rounds a product or quotient to as many significant figures as the operand with the fewest has, a sum or difference to as many decimals", pageMath), fn: func(_ *Env, a []Value) Value {
			n, ok := number(a[0])
			if !ok {
				return nil
			}
			if len(a) > 1 && a[1].True() { // a sum: its operands follow
				places := 15
				for _, v := range a[2:] {
					if t, ok := text(v); ok {
						_, behind, _ := strings.Cut(t, ".")
						places = min(places, len(behind))
					}
				}
				return Num(roundTo(n, places))
			}
			least := 17
			for _, v := range a[1:] {
				if t, ok := text(v); ok {
					least = min(least, figures(t))
				}
			}
			if n == 0 || len(a) == 1 {
				return Num(n)
			}
			return Num(roundTo(n, least-1-int(math.Floor(math.Log10(math.Abs(n))))))
		}},
	}
	ops = append(ops, trigOps(f1, f2)...)
	ops = append(ops, bitOps()...)
	return append(ops, extremeOps()...)
}

// figures counts the significant figures of a number as it is written.
func figures(s string) int {
	s, _, _ = strings.Cut(strings.ToLower(strings.TrimLeft(s, "+-")), "e")
	digits := strings.TrimLeft(strings.Replace(s, ".", "", 1), "0")
	return max(1, len(digits))
}

// figures counts the significant figures of a number with a fraction as it is shown; 0 stands for a number that is precise:
// a whole one, or a result whose digits nothing limits.
func (a Atom) figures() int {
	switch {
	case a.kind == Number && a.places < 0 || a.kind == Number && a.places == 0 && a.number == math.Trunc(a.number):
		return 0
	case a.kind == Number:
		return figures(a.Text())
	case a.kind == Text && strings.IndexByte(a.text, '.') >= 0:
		return figures(a.text)
	}
	return 0
}

// plain makes a number of text that reads as one, with the decimals that the text shows: a page's table has the minimum
// -0.60 and the maximum 7.70.
func (a Atom) plain() Value {
	n, ok := a.Number()
	if !ok || a.kind != Text || len(a.text) > 15 {
		return a.One()
	}
	_, behind, point := strings.Cut(a.text, ".")
	if !point || strings.ContainsAny(behind, "eE") {
		return Num(n)
	}
	return NumPlaces(n, len(behind))
}

// fewest is the smaller number of figures of two numbers, of which 0 is no limit.
func fewest(a, b int) int {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// precise is the number shown with so many significant figures, 0 for those that it needs. It keeps its value, which exact
// shows, and no figure before the point is rounded away. Zeros are figures: the page's cos(pi()) is -1.00000000000.
func (a Atom) precise(figures int) Value {
	if figures == 0 || a.number == 0 || math.IsInf(a.number, 0) {
		return a.One()
	}
	// Rounding can carry into a place more: 9.96 of two figures is 10.
	digits := 1 + int(math.Floor(math.Log10(math.Abs(a.number))))
	if n := roundTo(a.number, figures-digits); n != 0 {
		digits = 1 + int(math.Floor(math.Log10(math.Abs(n))))
	}
	return NumPlaces(a.number, max(0, figures-digits))
}

// Stored is the value as a field holds it: numbers are what they show.
func (v Value) Stored() Value {
	for i, a := range v {
		if a.kind != Number || a.places < 0 || roundTo(a.number, int(a.places)) == a.number {
			continue
		}
		out := slices.Clone(v)
		for j := i; j < len(out); j++ {
			if b := &out[j]; b.kind == Number && b.places >= 0 {
				b.number = roundTo(b.number, int(b.places))
			}
		}
		return out
	}
	return v
}

func positive(f func(float64) float64) func(float64) float64 {
	return func(n float64) float64 {
		if n <= 0 {
			return math.NaN()
		}
		return f(n)
	}
}

func trigOps(f1 func(string, string, Page, func(float64) float64) Op, f2 func(string, string, Page, func(a, b float64) float64) Op) []Op {
	var ops []Op
	for _, t := range []struct {
		name string
		f    func(float64) float64
	}{{"acos", math.Acos}, {"acosh", math.Acosh}, {"asin", math.Asin}, {"asinh", math.Asinh}, {"atan", math.Atan}, {"atanh", math.Atanh},
		{"cos", math.Cos}, {"cosh", math.Cosh}, {"sin", math.Sin}, {"sinh", math.Sinh}, {"tan", math.Tan}, {"tanh", math.Tanh}} {
		ops = append(ops, f1(t.name, "the function of trigonometry, in radians"+asPrecise+"; missing where it has no value", pageTrig, t.f))
	}
	ops = append(ops, f2("atan2", "the angle of the point (x, y), y first, in radians"+asPrecise, pageTrig, math.Atan2),
		f2("hypot", "the hypotenuse of a right triangle"+asPrecise, pageTrig, math.Hypot))
	for i := range ops {
		calculate := ops[i].fn
		ops[i].fn = func(e *Env, a []Value) Value {
			v := calculate(e, a)
			if len(v) != 1 {
				return v
			}
			figures := a[0][0].figures()
			if len(a) > 1 {
				figures = fewest(figures, a[1][0].figures())
			}
			return v[0].precise(figures)
		}
	}
	return ops
}

const asPrecise = "; the result shows as many significant figures as an argument with a fraction has"

func bitOps() []Op {
	bits := func(name, does string, least int, f func([]int64) (int64, bool)) Op {
		return Op{Name: name, Place: InEval, Min: least, Max: -1, Rows: partial(numericRows(does, pageBits)), fn: func(_ *Env, a []Value) Value {
			list := make([]int64, len(a))
			for i, v := range a {
				n, ok := number(v)
				if !ok || n != math.Trunc(n) || n < 0 || n >= 1<<53 {
					return nil
				}
				list[i] = int64(n)
			}
			n, ok := f(list)
			if !ok {
				return nil
			}
			return Num(float64(n))
		}}
	}
	join := func(f func(a, b int64) int64) func([]int64) (int64, bool) {
		return func(list []int64) (int64, bool) {
			n := list[0]
			for _, m := range list[1:] {
				n = f(n, m)
			}
			return n, true
		}
	}
	const mask = 1<<53 - 1
	return []Op{
		bits("bit_and", "the bits that all have", 2, join(func(a, b int64) int64 { return a & b })),
		bits("bit_or", "the bits that one has", 2, join(func(a, b int64) int64 { return a | b })),
		bits("bit_xor", "the bits that an odd number have", 2, join(func(a, b int64) int64 { return a ^ b })),
		bits("bit_not", "the other bits of 53, or of the mask given", 1, func(l []int64) (int64, bool) {
			m := int64(mask)
			if len(l) > 1 {
				m = l[1]
			}
			return ^l[0] & m, len(l) < 3
		}),
		bits("bit_shift_left", "moves the bits to the left", 2, func(l []int64) (int64, bool) { return l[0] << min(l[1], 53) & mask, true }),
		bits("bit_shift_right", "moves the bits to the right", 2, func(l []int64) (int64, bool) { return l[0] >> min(l[1], 63), true }),
	}
}

// extremeOps are max, min, sum and avg of eval, and the conversions.
func extremeOps() []Op {
	extreme := func(name, does string, sign int) Op {
		return Op{Name: name, Place: InEval, Min: 1, Max: -1, Rows: []Row{
			{Kinds: kinds(Number), Result: Number, Missing: Maybe, Does: does, Page: pageStat},
			{Kinds: kinds(Any), Result: Numeral, Missing: Maybe, Does: does + "; numbers rank below texts, missing arguments do not count, of several values each counts", Page: pageStat}},
			fn: func(e *Env, a []Value) Value {
				var best *Atom
				for _, v := range a {
					for i := range v {
						if !e.spend(1) {
							return nil
						}
						if best == nil || sign*compareRanked(v[i], *best) > 0 {
							best = &v[i]
						}
					}
				}
				if best == nil {
					return nil
				}
				return best.plain()
			}}
	}
	sum := func(name, does string, f func(total float64, n int) float64) Op {
		return Op{Name: name, Place: InEval, Min: 1, Max: -1, Rows: []Row{{Kinds: kinds(Any), Result: Number, Missing: Maybe, Does: does + "; what is no number does not count", Page: pageStat}},
			fn: func(_ *Env, a []Value) Value {
				total, n, places := 0.0, 0, 0
				for _, v := range a {
					for _, x := range v {
						if m, ok := x.Number(); ok {
							total, n, places = total+m, n+1, max(places, decimals(m))
						}
					}
				}
				if n == 0 {
					return nil
				}
				return Num(f(tidy(total, places), n))
			}}
	}
	return []Op{
		extreme("max", "the greatest argument", 1), extreme("min", "the least argument", -1),
		sum("sum", "the sum of the arguments", func(t float64, _ int) float64 { return t }),
		sum("avg", "the average of the arguments", func(t float64, n int) float64 { return t / float64(n) }),
		{Name: "tonumber", Place: InEval, Min: 1, Max: 2, Rows: []Row{
			{Kinds: kinds(Missing), Result: Missing, Missing: Always, Does: "is missing for a missing value", Page: "SearchReference/ConversionFunctions"},
			{Kinds: kinds(Any), Result: Number, Missing: Maybe, Does: "the number that the text is, in a base from 2 to 36; missing when the text is no number, also for blanks around one", Page: "SearchReference/ConversionFunctions"}},
			fn: func(_ *Env, a []Value) Value { return toNumber(a) }},
		{Name: "toint", Place: InEval, Min: 1, Max: 2, Rows: numericRows("the next whole number below", "SearchReference/ConversionFunctions"), fn: func(_ *Env, a []Value) Value {
			if n, ok := number(toNumber(a)); ok {
				return Num(math.Floor(n))
			}
			return nil
		}},
		{Name: "todouble", Place: InEval, Min: 1, Max: 2, Rows: numericRows("the number", "SearchReference/ConversionFunctions"), fn: func(_ *Env, a []Value) Value { return toNumber(a) }},
		{Name: "tobool", Place: InEval, Min: 1, Max: 1, Rows: []Row{{Kinds: kinds(Any), Result: Boolean, Missing: Maybe, Does: "true, True and numbers other than 0 hold; false, False and 0 do not; else missing", Page: "SearchReference/ConversionFunctions"}},
			fn: func(_ *Env, a []Value) Value {
				x, ok := single(a[0])
				if !ok {
					return nil
				}
				if x.kind == Boolean {
					return x.One()
				}
				if n, ok := x.Number(); ok {
					return Bool(n != 0)
				}
				switch x.Text() {
				case "true", "True":
					return Bool(true)
				case "false", "False":
					return Bool(false)
				}
				return nil
			}},
	}
}

// compareRanked compares as min and max of eval and sort auto do: numbers below texts.
func compareRanked(x, y Atom) int {
	if c, ok := compareNumbers(x, y); ok {
		return c
	}
	_, a := x.Number()
	_, b := y.Number()
	switch {
	case a:
		return -1
	case b:
		return 1
	}
	return strings.Compare(x.Text(), y.Text())
}

func toNumber(a []Value) Value {
	x, ok := single(a[0])
	if !ok {
		return nil
	}
	if len(a) == 1 {
		if x.kind == Number {
			return x.One()
		}
		if n, ok := ParseNumber(x.Text()); ok {
			return Num(n)
		}
		return nil
	}
	base, ok := number(a[1])
	if !ok || base < 2 || base > 36 || base != math.Trunc(base) {
		return nil
	}
	s := x.Text()
	if base == 16 && len(s) > 2 && (s[:2] == "0x" || s[:2] == "0X") {
		s = s[2:]
	}
	if base == 10 {
		if n, ok := ParseNumber(s); ok {
			return Num(n)
		}
		return nil
	}
	n, err := strconv.ParseInt(s, int(base), 64)
	if err != nil {
		return nil
	}
	return Num(float64(n))
}
