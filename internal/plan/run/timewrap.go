package run

import (
	"math"
	"slices"
	"sort"
	"strings"

	"github.com/rulebridge/rulebridge/internal/plan"
	"github.com/rulebridge/rulebridge/internal/value"
)

// maxPeriods bounds the periods that lie before the last one.
const maxPeriods = 100_000

// wrapping is what timewrap knows of the periods: they end at end, one every span.
type wrapping struct {
	x    *runner
	n    *plan.Wrap
	span value.Span
	end  float64
}

// wrap is timewrap: each column becomes one column for each period that has rows, the oldest first, at the times of the
// last period. One column alone gives its name up for the name of the period.
func (x *runner) wrap(n *plan.Wrap, t *rows) (*rows, error) {
	span, _ := value.ParseSpan(n.Width)
	w := &wrapping{x: x, n: n, span: span}
	var times []float64
	for _, r := range t.rows {
		if at, ok := r.time(); ok {
			times = append(times, at)
		}
	}
	if len(times) == 0 {
		return t, nil
	}
	sort.Float64s(times)
	if err := w.align(times); err != nil {
		return nil, err
	}
	columns := slices.DeleteFunc(slices.Clone(t.names), func(name string) bool { return strings.HasPrefix(name, "_") })
	byTime := map[float64]*Row{}
	periods := map[int]bool{}
	for _, r := range t.rows {
		at, ok := r.time()
		if !ok {
			continue
		}
		k, to, err := w.place(at)
		if err != nil {
			return nil, err
		}
		periods[k] = true
		if byTime[to] == nil {
			byTime[to] = &Row{fields: map[string]value.Value{"_time": value.Num(to)}}
		}
		for _, c := range columns {
			byTime[to].set(w.name(c, k, len(columns)), r.fields[c])
		}
		if err := x.spend(1 + len(columns)); err != nil {
			return nil, err
		}
	}
	return w.table(columns, periods, byTime)
}

// align finds the end of the last period: the end of the search, or now, moved up to the end of an interval of the rows.
func (w *wrapping) align(times []float64) error {
	w.end = value.Seconds(w.x.in.Now)
	if !w.n.Now {
		_, to, err := w.x.bounds(w.x.source)
		if err != nil {
			return err
		}
		if !math.IsInf(to, 0) {
			w.end = to
		}
	}
	last, step := times[len(times)-1], interval(times)
	if step == (value.Span{}) {
		step = w.span
	}
	end, ok := step.Shift(last, 1, w.x.in.Zone)
	for i := 0; ok && end < w.end; i++ {
		jump := 1
		if length, fixed := step.Fixed(); fixed {
			jump = max(1, int((w.end-end)/length)-1)
		}
		if end, ok = step.Shift(end, jump, w.x.in.Zone); i > maxPeriods {
			ok = false
		}
	}
	if !ok {
		return &Error{w.n.At, "the times are too far from the end of the search for timewrap: give earliest and latest"}
	}
	w.end = end
	return nil
}

// interval is the distance of rows: months, days, or a number of seconds.
func interval(times []float64) value.Span {
	least := math.Inf(1)
	for i := 1; i < len(times); i++ {
		if d := times[i] - times[i-1]; d > 0 {
			least = min(least, d)
		}
	}
	const day = 86400
	switch {
	case math.IsInf(least, 0):
		return value.Span{}
	case least >= 28*day:
		return value.Span{N: math.Round(least / (30.4 * day)), Unit: "mon"}
	case least >= 23*3600:
		return value.Span{N: math.Round(least / day), Unit: "d"}
	}
	return value.Span{N: least}
}

// place is the number of the period of a time, 0 for the last one, and the time in the last period.
func (w *wrapping) place(at float64) (int, float64, error) {
	start := func(k int) (float64, bool) { return w.span.Shift(w.end, -k-1, w.x.in.Zone) }
	length, _ := value.SpanSeconds(w.n.Width)
	k := max(0, int(math.Min((w.end-at)/length, maxPeriods))-1)
	from, ok := start(k)
	for ok && at < from && k <= maxPeriods {
		k++
		from, ok = start(k)
	}
	to, ok2 := w.span.Shift(at, k, w.x.in.Zone)
	if w.span.UnitName() == "month" || w.span.UnitName() == "quarter" || w.span.UnitName() == "year" {
		var last float64
		last, ok2 = start(0)
		to = last + at - from
	}
	if !ok || !ok2 || k > maxPeriods {
		return 0, 0, &Error{w.n.At, "timewrap would make more than 100,000 periods: give a longer span, or earliest and latest"}
	}
	return k, value.Tidy(to, 0.000001), nil
}

// name is the name of a column in a period.
func (w *wrapping) name(column string, k, columns int) string {
	name := w.period(k)
	if columns > 1 {
		return column + "_" + name
	}
	return name
}

func (w *wrapping) period(k int) string {
	switch w.n.Series {
	case "short":
		return "s" + value.FormatNumber(float64(k), -1)
	case "exact":
		from, _ := w.span.Shift(w.end, -k-1, w.x.in.Zone)
		if t, ok := value.Moment(from, w.x.in.Zone); ok {
			return value.Strftime(t, w.n.Format)
		}
	}
	units := func(n float64) string {
		if n == 1 {
			return w.span.UnitName()
		}
		return w.span.UnitName() + "s"
	}
	if k > 0 {
		n := float64(k) * w.span.N
		return value.FormatNumber(n, -1) + units(n) + "_before"
	}
	if w.span.N > 1 {
		return "latest_" + value.FormatNumber(w.span.N, -1) + units(w.span.N)
	}
	return "latest_" + units(1)
}

func (w *wrapping) table(columns []string, periods map[int]bool, byTime map[float64]*Row) (*rows, error) {
	out := &rows{names: []string{"_time"}, fixed: true}
	var list []int
	for k := range periods {
		list = append(list, k)
	}
	sort.Sort(sort.Reverse(sort.IntSlice(list)))
	for _, c := range columns {
		for _, k := range list {
			out.add(w.name(c, k, len(columns)))
		}
	}
	for _, r := range byTime {
		if err := w.x.holds(r); err != nil {
			return nil, err
		}
		out.rows = append(out.rows, r)
	}
	sort.Slice(out.rows, func(i, j int) bool {
		a, _ := out.rows[i].time()
		b, _ := out.rows[j].time()
		return a < b
	})
	return out, nil
}
