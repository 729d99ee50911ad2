package value

import (
	"math"
	"slices"
	"strings"
)

// maxValues bounds how many values one field may hold.
const maxValues = 100_000

func multiOps() []Op {
	rows := func(result Kind, several Often, does string) []Row {
		return []Row{
			{Kinds: kinds(Missing), Result: Missing, Missing: Always, Does: "is missing for a missing value", Page: pageMultival},
			{Kinds: kinds(Any), Result: result, Missing: Maybe, Several: several, Does: does, Page: pageMultival},
		}
	}
	return []Op{
		{Name: "mvcount", Place: InEval, Min: 1, Max: 1, Rows: rows(Number, Never, "the number of values; missing, not 0, when there is none"), fn: func(_ *Env, a []Value) Value {
			if a[0].Missing() {
				return nil
			}
			return Num(float64(len(a[0])))
		}},
		{Name: "mvindex", Place: InEval, Min: 2, Max: 3, Rows: rows(Numeral, Maybe, "the value at a place counted from 0, or from the end when negative, or those from one place to another; missing outside"), fn: func(_ *Env, a []Value) Value { return mvIndex(a) }},
		{Name: "mvjoin", Place: InEval, Min: 2, Max: 2, Rows: rows(Numeral, Never, "all values as one text with a text between them"), fn: func(e *Env, a []Value) Value {
			by, ok := text(a[1])
			if a[0].Missing() || !ok {
				return nil
			}
			list := a[0].Texts()
			n := len(by) * len(list)
			for _, s := range list {
				n += len(s)
			}
			if n > maxText {
				e.fail(errTooLong)
				return nil
			}
			return Str(strings.Join(list, by))
		}},
		{Name: "mvappend", Place: InEval, Min: 1, Max: -1, Rows: []Row{{Kinds: kinds(Any), Result: Any, Missing: Maybe, Several: Maybe, Does: "the values of all arguments in their order; missing ones give none", Page: pageMultival}}, fn: func(e *Env, a []Value) Value {
			var out Value
			for _, v := range a {
				out = append(out, v...)
			}
			return bounded(e, out)
		}},
		{Name: "mvdedup", Place: InEval, Min: 1, Max: 1, Rows: rows(Any, Maybe, "the values without repetitions, in the order of their first place"), fn: func(e *Env, a []Value) Value {
			seen := map[string]bool{}
			var out Value
			for _, x := range a[0] {
				if t := x.Text(); !seen[t] {
					seen[t] = true
					out = append(out, x)
				}
			}
			return out
		}},
		{Name: "mvreverse", Place: InEval, Min: 1, Max: 1, Rows: rows(Any, Maybe, "the values in the opposite order"), fn: func(_ *Env, a []Value) Value {
			out := slices.Clone(a[0])
			slices.Reverse(out)
			return out
		}},
		{Name: "mvsort", Place: InEval, Min: 1, Max: 1, Rows: rows(Any, Maybe, "the values sorted as text by code point: 10 before 9"), fn: func(e *Env, a []Value) Value {
			if !e.spend(len(a[0])) {
				return nil
			}
			out := slices.Clone(a[0])
			slices.SortStableFunc(out, func(x, y Atom) int { return strings.Compare(x.Text(), y.Text()) })
			return out
		}},
		{Name: "mvzip", Place: InEval, Min: 2, Max: 3, Rows: rows(Numeral, Maybe, "the first values of both joined by a comma or the text given, then the second ones, to the end of the shorter"), fn: func(_ *Env, a []Value) Value {
			by := ","
			if len(a) > 2 {
				by, _ = text(a[2])
			}
			var out Value
			for i := range min(len(a[0]), len(a[1])) {
				out = append(out, Str(a[0][i].Text()+by+a[1][i].Text())...)
			}
			return out
		}},
		{Name: "mvrange", Place: InEval, Min: 2, Max: 3, Rows: rows(Number, Maybe, "the numbers from a start to before an end, by a step of 1 or as given; a step such as 7d is of time"), fn: func(e *Env, a []Value) Value { return mvRange(e, a) }},
		{Name: "mvfind", Place: InEval, Min: 2, Max: 2, Rows: rows(Number, Never, "the place from 0 of the first value in which the regular expression is found; missing when in none"), fn: func(e *Env, a []Value) Value {
			re, ok := text(a[1])
			if !ok {
				return nil
			}
			p := e.pattern(re)
			if p == nil {
				return nil
			}
			for i, x := range a[0] {
				if p.Match(e, x.Text()) {
					return Num(float64(i))
				}
			}
			return nil
		}},
		{Name: "split", Place: InEval, Min: 2, Max: 2, Rows: rows(Numeral, Maybe, "the parts of a text between a delimiter; an empty delimiter gives the characters"), fn: func(e *Env, a []Value) Value {
			s, ok1 := text(a[0])
			by, ok2 := text(a[1])
			if !ok1 || !ok2 || !e.spend(len(s)/8) {
				return nil
			}
			return bounded(e, Strs(strings.Split(s, by)))
		}},
		{Name: "mvfilter", Place: InEval, Min: 1, Max: 1, Lazy: true, Rows: []Row{{Kinds: kinds(Any), Result: Any, Missing: Maybe, Several: Maybe, Does: "the values of the one field of the condition for which it holds; missing when for none", Page: pageMultival}}},
		{Name: "mvmap", Place: InEval, Min: 2, Max: 2, Lazy: true, Rows: []Row{{Kinds: kinds(Any), Result: Any, Missing: Maybe, Several: Maybe, Does: "the results of an expression for each value of a field", Page: pageMultival}}},
		{Name: "commands", Place: InEval, Min: 1, Max: 1, Lazy: true, Rows: []Row{{Kinds: kinds(Any), Result: Text, Missing: Maybe, Several: Maybe, Does: "the names of the commands in the text of a search", Page: pageMultival}}},
	}
}

func bounded(e *Env, v Value) Value {
	if len(v) > maxValues {
		e.fail(errTooMany)
		return nil
	}
	if !e.spend(len(v)) {
		return nil
	}
	return v
}

func mvIndex(a []Value) Value {
	n := len(a[0])
	place := func(v Value) (int, bool) {
		f, ok := number(v)
		if !ok || math.Abs(f) > 1e9 {
			return 0, false
		}
		i := int(f)
		if i < 0 {
			i += n
		}
		return i, true
	}
	i, ok := place(a[1])
	if !ok {
		return nil
	}
	if len(a) == 2 {
		if i < 0 || i >= n {
			return nil
		}
		return a[0][i].One()
	}
	j, ok := place(a[2])
	if !ok || i < 0 || i >= n || j < i {
		return nil
	}
	return slices.Clone(a[0][i:min(j+1, n)])
}

func mvRange(e *Env, a []Value) Value {
	from, ok1 := number(a[0])
	to, ok2 := number(a[1])
	step, ok3 := 1.0, true
	if len(a) > 2 {
		if step, ok3 = number(a[2]); !ok3 {
			s, _ := text(a[2])
			step, ok3 = SpanSeconds(s)
		}
	}
	if !ok1 || !ok2 || !ok3 || step == 0 || math.Abs((to-from)/step) > maxValues {
		if ok1 && ok2 && ok3 && step != 0 && (to-from)/step > 0 {
			e.fail(errTooMany)
		}
		return nil
	}
	var out Value
	for i := 0; ; i++ {
		n := tidy(from+float64(i)*step, max(decimals(from), decimals(step)))
		if step > 0 && n >= to || step < 0 && n <= to || i > maxValues {
			return out
		}
		out = append(out, Num(n)...)
	}
}
