package run

import (
	"sort"

	"github.com/rulebridge/rulebridge/internal/plan"
	"github.com/rulebridge/rulebridge/internal/value"
)

// regions is localize: newest first, each from timebefore before its first event to timeafter after its last one. Its
// _time is that of its first event.
func (x *runner) regions(n *plan.Regions, t *rows) (*rows, error) {
	var times []float64
	for _, r := range t.rows {
		if at, ok := r.time(); ok {
			times = append(times, at)
		}
	}
	sort.Sort(sort.Reverse(sort.Float64Slice(times)))
	out := &rows{names: []string{"_time", "starttime", "endtime", "count", "duration", "density"}, fixed: true}
	for i := 0; i < len(times); {
		last := i
		for last+1 < len(times) && times[last]-times[last+1] <= n.MaxPause {
			last++
		}
		from, to, count := times[last]-n.Before, times[i]+n.After, float64(last-i+1)
		r := &Row{fields: map[string]value.Value{
			"_time": value.Num(times[last]), "starttime": value.Num(from), "endtime": value.Num(to),
			"count": value.Num(count), "duration": value.Num(value.Tidy(to-from, 0.000001)),
		}}
		if to > from {
			r.set("density", value.Num(count/(to-from)))
		}
		if err := x.holds(r); err != nil {
			return nil, err
		}
		out.rows = append(out.rows, r)
		i = last + 1
	}
	return out, x.spend(len(times))
}
