package run

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"

	"github.com/rulebridge/rulebridge/internal/plan"
	"github.com/rulebridge/rulebridge/internal/value"
)

// fill is fillnull and filldown. Without a list, fields that no row has stay away.
func (x *runner) fill(n *plan.Fill, t *rows) (*rows, error) {
	out := t.like()
	fields := n.Fields
	if len(fields) == 0 || slices.ContainsFunc(fields, func(f string) bool { return strings.Contains(f, "*") }) {
		fields = x.matchingFields(n.Fields, t)
	}
	last := map[string]value.Value{}
	for _, r := range t.rows {
		c := r.clone()
		for _, f := range fields {
			v := c.fields[f]
			switch {
			case n.Down && v.Missing():
				c.set(f, last[f])
			case n.Down:
				last[f] = v
			case v.Missing():
				put(out, c, f, value.Str(n.Value))
			}
		}
		if err := x.holds(c); err != nil {
			return nil, err
		}
		out.rows = append(out.rows, c)
	}
	return out, nil
}

// matchingFields are the fields that match and that some row has.
func (x *runner) matchingFields(patterns []string, t *rows) []string {
	var list []string
	for _, name := range t.names {
		if len(patterns) > 0 && !slices.ContainsFunc(patterns, func(p string) bool { return value.Wild(name, p, false) }) {
			continue
		}
		if slices.ContainsFunc(t.rows, func(r *Row) bool { return !r.fields[name].Missing() }) {
			list = append(list, name)
		}
	}
	return list
}

// running is accum, autoregress, delta and trendline.
func (x *runner) running(n *plan.Running, t *rows) (*rows, error) {
	out := t.like()
	total := 0.0
	number := func(r *Row, name string) (float64, bool) {
		v := r.fields[name]
		if len(v) != 1 {
			return 0, false
		}
		return v[0].Number()
	}
	for i, r := range t.rows {
		c := r.clone()
		f, ok := number(r, n.Field)
		switch n.Kind {
		case "accum":
			if ok {
				total = value.Tidy(total+f, f)
				put(out, c, n.As, value.Num(total))
			}
		case "delta":
			if i >= n.Lag && ok {
				if before, ok := number(t.rows[i-n.Lag], n.Field); ok {
					op, _ := value.Find("-", value.InEval)
					put(out, c, n.As, op.Call(x.env, []value.Value{value.Num(f), value.Num(before)}))
				}
			}
		case "autoregress":
			for p := n.First; p <= n.Last && p <= i; p++ {
				as := n.As
				if as == "" || n.Last > n.First {
					as = fmt.Sprintf("%s_p%d", n.Field, p)
				}
				put(out, c, as, t.rows[i-p].fields[n.Field])
				if err := x.spend(1); err != nil {
					return nil, err
				}
			}
		case "trendline":
			if v, ok := x.average(n, t.rows, i); ok {
				put(out, c, n.As, value.Num(v))
			}
		}
		if err := x.holds(c); err != nil {
			return nil, err
		}
		out.rows = append(out.rows, c)
	}
	return out, nil
}

// average is a moving average over the last Lag rows: simple, weighted by age, or exponential.
func (x *runner) average(n *plan.Running, list []*Row, i int) (float64, bool) {
	if i+1 < n.Lag {
		return 0, false
	}
	get := func(k int) float64 {
		v := list[k].fields[n.Field]
		if len(v) != 1 {
			return math.NaN()
		}
		f, ok := v[0].Number()
		if !ok {
			return math.NaN()
		}
		return f
	}
	x.env.Count(n.Lag)
	total, weights := 0.0, 0.0
	switch n.Average {
	case "ema":
		alpha := 2 / (float64(n.Lag) + 1)
		sum := 0.0
		for k := range n.Lag {
			sum += get(k)
		}
		total = sum / float64(n.Lag)
		for k := n.Lag; k <= i; k++ {
			total = alpha*get(k) + (1-alpha)*total
		}
		x.env.Count(i)
		return total, !math.IsNaN(total)
	default:
		for k := range n.Lag {
			w := 1.0
			if n.Average == "wma" {
				w = float64(n.Lag - k)
			}
			total += w * get(i-k)
			weights += w
		}
	}
	return total / weights, !math.IsNaN(total)
}

// totalRow is addcoltotals.
func (x *runner) totalRow(n *plan.TotalRow, t *rows) (*rows, error) {
	out := t.like()
	out.rows = slices.Clone(t.rows)
	sum, _ := value.FindAggregation("sum")
	r := &Row{fields: map[string]value.Value{}}
	for _, name := range t.names {
		if strings.HasPrefix(name, "_") && !slices.Contains(n.Fields, name) || len(n.Fields) > 0 && !slices.ContainsFunc(n.Fields, func(p string) bool { return value.Wild(name, p, false) }) {
			continue
		}
		v, err := x.aggregation(plan.Agg{Func: sum, Field: name, Name: name}, t.rows, false)
		if err != nil {
			return nil, err
		}
		r.set(name, v)
	}
	if n.LabelField != "" {
		label := n.Label
		if label == "" {
			label = "Total"
		}
		put(out, r, n.LabelField, value.Str(label))
	}
	out.rows = append(out.rows, r)
	return out, x.holds(r)
}

// continuous is makecontinuous.
func (x *runner) continuous(n *plan.Continuous, t *rows) (*rows, error) {
	type at struct {
		n float64
		r *Row
	}
	var list []at
	for _, r := range t.rows {
		if v := r.fields[n.Field]; len(v) == 1 {
			if f, ok := v[0].Number(); ok {
				list = append(list, at{f, r})
			}
		}
	}
	if len(list) == 0 {
		return t, nil
	}
	sort.SliceStable(list, func(i, j int) bool { return list[i].n < list[j].n })
	span, ok := value.ParseSpan(n.Width)
	if !ok {
		span = value.RoundWidth(list[0].n, list[len(list)-1].n, 100, n.Field == "_time", 0)
	}
	out := t.like()
	start := func(f float64) float64 {
		if b, ok := value.BinTime(f, span, x.in.Zone); ok && (n.Field == "_time" || span.Unit != "") {
			return b
		}
		return value.Tidy(math.Floor(f/span.N)*span.N, span.N)
	}
	i := 0
	for b := start(list[0].n); b <= list[len(list)-1].n; {
		next := value.Tidy(b+span.N, span.N)
		if n.Field == "_time" || span.Unit != "" {
			next, ok = value.NextBin(b, span, x.in.Zone)
			if !ok {
				break
			}
		}
		if next <= b {
			break
		}
		found := false
		for i < len(list) && list[i].n < next {
			c := list[i].r.clone()
			c.set(n.Field, value.Num(b))
			out.rows = append(out.rows, c)
			found = true
			i++
		}
		if !found {
			out.rows = append(out.rows, &Row{fields: map[string]value.Value{n.Field: value.Num(b)}})
		}
		if err := x.holds(out.rows[len(out.rows)-1]); err != nil {
			return nil, err
		}
		if err := x.fits(out); err != nil {
			return nil, err
		}
		b = next
	}
	return out, nil
}

// summary is fieldsummary.
func (x *runner) summary(n *plan.Summary, t *rows) (*rows, error) {
	out := &rows{names: []string{"field", "count", "distinct_count", "is_exact", "max", "mean", "min", "numeric_count", "stdev", "values"}, fixed: true}
	names := slices.Clone(t.names)
	sort.Strings(names)
	for _, name := range names {
		if strings.HasPrefix(name, "_") || len(n.Fields) > 0 && !slices.ContainsFunc(n.Fields, func(p string) bool { return value.Wild(name, p, false) }) {
			continue
		}
		r := &Row{fields: map[string]value.Value{"field": value.Str(name), "is_exact": value.Num(1)}}
		counts := map[string]int{}
		var order []string
		total, num := 0, 0
		for _, row := range t.rows {
			if len(row.fields[name]) > 0 {
				total++
			}
			for _, a := range row.fields[name] {
				if _, ok := a.Number(); ok {
					num++
				}
				if counts[a.Text()]++; counts[a.Text()] == 1 {
					order = append(order, a.Text())
				}
			}
		}
		r.set("count", value.Num(float64(total)))
		r.set("distinct_count", value.Num(float64(len(counts))))
		r.set("numeric_count", value.Num(float64(num)))
		if num > 0 {
			for _, f := range []string{"max", "mean", "min", "stdev"} {
				g, _ := value.FindAggregation(f)
				v, err := x.aggregation(plan.Agg{Func: g, Field: name}, t.rows, false)
				if err != nil {
					return nil, err
				}
				r.set(f, v)
			}
		}
		sort.SliceStable(order, func(i, j int) bool {
			if a, b := counts[order[i]], counts[order[j]]; a != b {
				return a > b
			}
			return value.Order(value.Str(order[i]), value.Str(order[j]), "groups") < 0
		})
		if n.MaxValues > 0 && len(counts) > n.MaxValues {
			r.set("is_exact", value.Num(0))
		}
		var parts []string
		object, _ := value.Find("json_object", value.InEval)
		for i, v := range order {
			if n.MaxValues > 0 && i == n.MaxValues {
				break
			}
			parts = append(parts, object.Call(x.env, []value.Value{value.Str("value"), value.Quoted(v), value.Str("count"), value.Num(float64(counts[v]))}).Joined())
		}
		r.set("values", value.Str("["+strings.Join(parts, ",")+"]"))
		if err := x.holds(r); err != nil {
			return nil, err
		}
		out.rows = append(out.rows, r)
	}
	return out, x.env.Err()
}

// concurrent counts for each row the rows that last at its start: those that start at or before it and end after it.
func (x *runner) concurrent(n *plan.Concurrent, t *rows) (*rows, error) {
	type span struct{ from, to float64 }
	spans := make([]*span, len(t.rows))
	for i, r := range t.rows {
		a, b := r.fields[n.Start], r.fields[n.Duration]
		if len(a) != 1 || len(b) != 1 {
			continue
		}
		from, ok1 := a[0].Number()
		length, ok2 := b[0].Number()
		if ok1 && ok2 {
			spans[i] = &span{from, from + length}
		}
	}
	out := t.like()
	for i, r := range t.rows {
		c := r.clone()
		if s := spans[i]; s != nil {
			if err := x.spend(len(spans)); err != nil {
				return nil, err
			}
			count := 0
			for _, o := range spans {
				if o != nil && (o == s || o.from <= s.from && o.to > s.from) {
					count++
				}
			}
			put(out, c, n.Output, value.Num(float64(count)))
		}
		if err := x.holds(c); err != nil {
			return nil, err
		}
		out.rows = append(out.rows, c)
	}
	return out, nil
}

// ago is how long ago _time is, in the greatest unit that has passed.
func (x *runner) ago(r *Row, t *rows) {
	at, ok := r.time()
	if !ok {
		return
	}
	d := value.Seconds(x.in.Now) - at
	suffix := " ago"
	if d < 0 {
		d, suffix = -d, " from now"
	}
	for _, u := range []struct {
		name string
		w    float64
	}{{"year", 365 * 86400}, {"month", 30 * 86400}, {"day", 86400}, {"hour", 3600}, {"minute", 60}, {"second", 1}} {
		if n := math.Floor(d / u.w); n >= 1 || u.w == 1 {
			name := u.name
			if n != 1 {
				name += "s"
			}
			put(t, r, "reltime", value.Str(value.FormatNumber(n, -1)+" "+name+suffix))
			return
		}
	}
}
