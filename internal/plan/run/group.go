package run

import (
	"math"
	"slices"
	"sort"
	"strings"

	"github.com/rulebridge/rulebridge/internal/plan"
	"github.com/rulebridge/rulebridge/internal/value"
)

// group are rows with the same keys.
type group struct {
	keys []value.Value
	rows []*Row
	// once are the rows of a group by their place, so that a repeated value in a key counts once where that is asked.
	seen map[*Row]bool
}

// groups puts rows into groups. A row with several values in a key is in a group for each; a row that lacks a key is in
// none, unless fill stands for the missing value.
func (x *runner) groups(t *rows, keys []plan.Key, fill string, once bool) ([]*group, error) {
	index := map[string]*group{}
	var list []*group
	for _, r := range t.rows {
		combos := [][]value.Value{nil}
		for _, k := range keys {
			v, err := x.keyOf(r, k)
			if err != nil {
				return nil, err
			}
			if v.Missing() && fill != "" {
				v = value.Str(fill)
			}
			var next [][]value.Value
			for _, c := range combos {
				for _, a := range v {
					if err := x.spend(1); err != nil {
						return nil, err
					}
					next = append(next, append(slices.Clone(c), a.One()))
				}
			}
			if len(next) > x.limits.Rows {
				return nil, &LimitError{"so many combinations of values", x.at}
			}
			combos = next
		}
		for _, c := range combos {
			id := identity(c)
			g := index[id]
			if g == nil {
				g = &group{keys: c}
				if once {
					g.seen = map[*Row]bool{}
				}
				index[id] = g
				list = append(list, g)
			}
			if once {
				if g.seen[r] {
					continue
				}
				g.seen[r] = true
			}
			g.rows = append(g.rows, r)
		}
	}
	return list, nil
}

// identity is one text for a combination of values.
func identity(keys []value.Value) string {
	var b strings.Builder
	for _, k := range keys {
		b.WriteString(k.Joined())
		b.WriteByte(0)
		b.WriteByte(1)
	}
	return b.String()
}

// keyOf is the value of a key, a time as the start of its interval.
func (x *runner) keyOf(r *Row, k plan.Key) (value.Value, error) {
	v := r.fields[k.Name]
	if k.Span == "" {
		return v, nil
	}
	text, _, _ := strings.Cut(k.Span, "@")
	span, ok := value.ParseSpan(text)
	log := strings.Contains(k.Span, "log")
	if !ok && !log {
		return nil, &Error{x.at, "span=" + k.Span + " is no width: write it as 10 or 5m"}
	}
	var out value.Value
	for _, a := range v {
		n, ok := a.Number()
		switch {
		case !ok:
			out = append(out, a)
		case log:
			out = append(out, logBin(n, k.Span)...)
		case k.Name == "_time" || span.Unit != "":
			if n, ok = x.binTime(n, k.Span, span, k.Shift); ok {
				out = append(out, value.Num(n)...)
			}
		default:
			out = append(out, rangeText(n, span.N)...)
		}
	}
	return out, nil
}

// binTime is the start of the interval of a time. Intervals of one unit start where the snap of the span says (w@w1),
// others at the shift.
func (x *runner) binTime(n float64, text string, span value.Span, shift float64) (float64, bool) {
	if _, snap, ok := strings.Cut(text, "@"); ok && span.N == 1 {
		at, ok := value.Moment(n, x.in.Zone)
		if !ok {
			return 0, false
		}
		t, err := value.Relative(at, "@"+snap)
		return value.Seconds(t), err == nil
	}
	start, ok := value.BinTime(n-shift, span, x.in.Zone)
	return start + shift, ok
}

// aggregate makes a row of each group. Without keys there is one row, also of no rows, if one of the aggregations
// counts: the others have nothing to say of no rows.
func (x *runner) aggregate(n *plan.Aggregate, t *rows) (*rows, error) {
	aggs := x.spread(n.Aggs, t)
	out := &rows{fixed: true}
	for _, k := range n.Keys {
		out.add(k.Name)
	}
	for _, a := range aggs {
		out.add(a.Name)
	}
	list, err := x.groups(t, n.Keys, n.Fill, n.DedupSplit)
	if err != nil {
		return nil, err
	}
	if len(n.Keys) == 0 && len(list) == 0 && slices.ContainsFunc(aggs, counts) {
		list = []*group{{}}
	}
	sortGroups(list)
	for _, g := range list {
		r := &Row{fields: map[string]value.Value{}}
		for i, k := range n.Keys {
			r.set(k.Name, g.keys[i])
		}
		for _, a := range aggs {
			v, err := x.aggregation(a, g.rows, n.AllNum)
			if err != nil {
				return nil, err
			}
			r.set(a.Name, v)
		}
		if err := x.holds(r); err != nil {
			return nil, err
		}
		out.rows = append(out.rows, r)
	}
	return out, nil
}

func counts(a plan.Agg) bool {
	switch a.Func.Name {
	case "count", "c", "dc", "distinct_count", "estdc":
		return true
	}
	return false
}

// sortGroups puts groups in the order of their keys.
func sortGroups(list []*group) {
	sort.SliceStable(list, func(i, j int) bool {
		for k := range list[i].keys {
			if c := value.Order(list[i].keys[k], list[j].keys[k], "groups"); c != 0 {
				return c < 0
			}
		}
		return false
	})
}

// spread replaces an aggregation of a pattern by one for each field that matches: values(*) as *.
func (x *runner) spread(list []plan.Agg, t *rows) []plan.Agg {
	var out []plan.Agg
	for _, a := range list {
		if !strings.Contains(a.Field, "*") {
			out = append(out, a)
			continue
		}
		for _, name := range t.names {
			stars, ok := value.WildParts(name, a.Field)
			if !ok || strings.HasPrefix(name, "_") && strings.HasPrefix(a.Field, "*") {
				continue
			}
			b := a
			b.Field = name
			for _, s := range stars {
				b.Name = strings.Replace(b.Name, "*", s, 1)
			}
			out = append(out, b)
		}
	}
	return out
}

// aggregation computes one aggregation over rows. Of eval(condition) the rows count for which the condition holds.
func (x *runner) aggregation(a plan.Agg, list []*Row, allNum bool) (value.Value, error) {
	switch {
	case a.Func.Name == "sparkline":
		return x.sparkline(a, list)
	case len(a.Inner) > 0:
		r := &Row{fields: map[string]value.Value{}}
		for _, inner := range a.Inner {
			v, err := x.aggregation(inner, list, allNum)
			if err != nil {
				return nil, err
			}
			r.set(inner.Name, v)
		}
		return x.eval(a.Arg, r)
	}
	samples := make([]value.Sample, 0, len(list))
	for _, r := range list {
		s, ok, err := x.sample(a, r)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		samples = append(samples, s)
	}
	return x.ofSamples(a, samples, allNum)
}

// sparkline is a word that says so and the value of an aggregation for each interval between the first row and the last,
// or of the time range of the search.
func (x *runner) sparkline(a plan.Agg, list []*Row) (value.Value, error) {
	from, to, err := x.bounds(x.source)
	if err != nil {
		return nil, err
	}
	low, high := math.Inf(1), math.Inf(-1)
	for _, r := range list {
		if at, ok := r.time(); ok {
			low, high = math.Min(low, at), math.Max(high, at)
		}
	}
	if !math.IsInf(from, 0) {
		low = from
	}
	if !math.IsInf(to, 0) {
		high = to - 0.000001
	}
	if low > high || math.IsInf(low, 0) || math.IsInf(high, 0) {
		return nil, nil
	}
	const most = 100 // the greatest number of intervals that are drawn
	w := value.RoundWidth(low, high, most, true, 0)
	if a.Span != "" {
		w, _ = value.ParseSpan(a.Span)
	}
	at := map[float64][]*Row{}
	for _, r := range list {
		if t, ok := r.time(); ok {
			b, _ := value.BinTime(t, w, x.in.Zone)
			at[b] = append(at[b], r)
		}
	}
	out := value.Str("##__SPARKLINE__##")
	b, ok := value.BinTime(low, w, x.in.Zone)
	for n := 0; ok && b <= high && n < most; n++ {
		v, err := x.aggregation(a.Inner[0], at[b], false)
		if err != nil {
			return nil, err
		}
		if len(v) != 1 {
			v = value.Num(0)
		}
		out = append(out, v...)
		next, more := value.NextBin(b, w, x.in.Zone)
		ok = more && next > b
		b = next
	}
	return out, x.env.Err()
}

// sample is what a row gives to an aggregation; false for nothing.
func (x *runner) sample(a plan.Agg, r *Row) (value.Sample, bool, error) {
	if err := x.spend(1); err != nil {
		return value.Sample{}, false, err
	}
	s := value.Sample{}
	s.Time, s.HasTime = r.time()
	if pre := r.fields[plan.Prestats]; len(pre) > 0 && !slices.Contains(pre.Texts(), a.Func.Name+"("+a.Field+")") {
		return s, false, nil
	}
	switch {
	case a.Arg != nil:
		v, err := x.eval(a.Arg, r)
		if err != nil {
			return s, false, err
		}
		if v.IsBool() && !v.True() {
			return s, false, nil
		}
		s.Value = v
	case a.Field != "":
		s.Value = r.fields[a.Field]
	default:
		s.Value = value.Bool(true)
	}
	return s, true, nil
}

func (x *runner) ofSamples(a plan.Agg, samples []value.Sample, allNum bool) (value.Value, error) {
	if allNum && a.Field != "" {
		for _, s := range samples {
			for _, v := range s.Value {
				if _, ok := v.Number(); !ok && numeric(a.Func.Name) {
					return nil, nil
				}
			}
		}
	}
	v := a.Func.Of(x.env, samples)
	return v, x.env.Err()
}

func numeric(name string) bool {
	switch name {
	case "sum", "avg", "mean", "sumsq", "range", "median", "perc", "exactperc", "upperperc", "stdev", "stdevp", "var", "varp":
		return true
	}
	return false
}
