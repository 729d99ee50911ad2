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

func rangeText(n, width float64) value.Value {
	low := value.Tidy(math.Floor(n/width)*width, width)
	return value.Str(value.FormatNumber(low, -1) + "-" + value.FormatNumber(value.Tidy(low+width, width), -1))
}

// chart is chart and timechart: a row of each value of the row field, a column of each value of the column field.
func (x *runner) chart(n *plan.Pivot, t *rows) (*rows, error) {
	row := *n.Row
	switch {
	case n.Time && row.Span == "":
		row.Span = x.timeWidth(n, t)
	case !n.Time && row.Span == "" && row.Bins > 0:
		w := x.binWidth(&plan.Bin{Field: row.Name, Bins: row.Bins, Start: n.Start, End: n.End, MinSpan: n.MinSpan}, t, row.Name == "_time")
		row.Span = value.FormatNumber(w.N, -1) + w.Unit
	}
	var err error
	if row.Shift, err = x.alignment(&plan.Bin{Align: n.Align, Span: row.Span}); err != nil {
		return nil, err
	}
	aggs := x.spread(n.Aggs, t)
	if n.Time {
		aggs = rates(aggs, row.Span)
	}
	if row.Span == "" && !n.Time && x.continuousKey(t, row.Name) {
		// chart over a field with a great many numbers would put them into bins; the values stay as they are here.
		x.note(n.At, "the values of %s stay as they are: give span to put them into intervals", row.Name)
	}
	cells, columns, err := x.cells(n, t, row, aggs)
	if err != nil {
		return nil, err
	}
	out := &rows{names: []string{row.Name}, fixed: true}
	for _, c := range columns {
		out.add(c.name)
	}
	for _, g := range cells {
		r := &Row{fields: map[string]value.Value{}}
		r.set(row.Name, g.key)
		for _, c := range columns {
			v, err := x.aggregation(c.agg, g.by[c.value], false)
			if err != nil {
				return nil, err
			}
			if len(g.by[c.value]) == 0 && !countLike(c.agg) {
				v = nil
			}
			r.set(c.name, v)
		}
		if err := x.holds(r); err != nil {
			return nil, err
		}
		out.rows = append(out.rows, r)
	}
	switch {
	case row.Span == "" || strings.Contains(row.Span, "log"):
		return out, nil
	case !n.Time && row.Name != "_time":
		return x.numbered(n, out, row, columns)
	case n.Continuous:
		if out, err = x.filled(n, out, row, columns); err != nil {
			return nil, err
		}
	}
	if n.Time && !n.Partial {
		err = x.dropPartial(out, row)
	}
	return out, err
}

// dropPartial takes away the first and the last interval where the time range of the search covers a part of them only.
func (x *runner) dropPartial(t *rows, row plan.Key) error {
	from, to, err := x.bounds(x.source)
	if err != nil {
		return err
	}
	text, _, _ := strings.Cut(row.Span, "@")
	w, ok := value.ParseSpan(text)
	if !ok {
		return nil
	}
	if n := len(t.rows); n > 0 && !math.IsInf(to, 0) {
		at, _ := t.rows[n-1].time()
		if next, ok := value.NextBin(at, w, x.in.Zone); ok && next > to {
			t.rows = t.rows[:n-1]
		}
	}
	if len(t.rows) > 0 && !math.IsInf(from, 0) {
		if at, _ := t.rows[0].time(); at < from {
			t.rows = t.rows[1:]
		}
	}
	return nil
}

// numbered puts the rows of intervals of numbers in the order of their numbers, and adds those between that are empty.
func (x *runner) numbered(n *plan.Pivot, t *rows, row plan.Key, columns []chartColumn) (*rows, error) {
	w, ok := value.ParseSpan(row.Span)
	if !ok || w.Unit != "" {
		return t, nil
	}
	low := func(r *Row) float64 {
		s := r.fields[row.Name].Joined()
		i := max(0, strings.IndexByte(s[min(1, len(s)):], '-')+1)
		f, ok := value.ParseNumber(s[:i])
		if !ok {
			return math.Inf(1) // what is no number comes behind, as it is
		}
		return f
	}
	sort.SliceStable(t.rows, func(i, j int) bool { return low(t.rows[i]) < low(t.rows[j]) })
	if !n.Continuous || len(t.rows) == 0 {
		return t, nil
	}
	numbers := slices.DeleteFunc(slices.Clone(t.rows), func(r *Row) bool { return math.IsInf(low(r), 0) })
	const most = 1000
	if len(numbers) == 0 || (low(numbers[len(numbers)-1])-low(numbers[0]))/w.N > most {
		x.note(n.At, "the empty intervals between are left out, as there are more than %d of them", most)
		return t, nil
	}
	out := t.like()
	for i, r := range t.rows {
		out.rows = append(out.rows, r)
		if i+1 == len(t.rows) {
			break
		}
		end := low(t.rows[i+1])
		if math.IsInf(end, 0) {
			continue
		}
		for at := value.Tidy(low(r)+w.N, w.N); at < end-w.N/2; at = value.Tidy(at+w.N, w.N) {
			e := x.emptyInterval(row.Name, rangeText(at+w.N/2, w.N), columns)
			if err := x.holds(e); err != nil {
				return nil, err
			}
			out.rows = append(out.rows, e)
			if err := x.fits(out); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// emptyInterval is the row of an interval in which nothing lies: counts are 0 there.
func (x *runner) emptyInterval(name string, key value.Value, columns []chartColumn) *Row {
	r := &Row{fields: map[string]value.Value{name: key}}
	for _, c := range columns {
		if countLike(c.agg) {
			r.set(c.name, value.Num(0))
		}
	}
	return r
}

// countLike says that an aggregation gives 0 where there is nothing.
func countLike(a plan.Agg) bool { return counts(a) }

// rates gives per_second and its like the width of the intervals.
func rates(list []plan.Agg, span string) []plan.Agg {
	w, ok := value.SpanSeconds(span)
	out := slices.Clone(list)
	for i := range out {
		if strings.HasPrefix(out[i].Func.Name, "per_") || out[i].Func.Name == "eps" {
			out[i].Func.Param = 1
			if ok {
				out[i].Func.Param = w
			}
		}
	}
	return out
}

func (x *runner) continuousKey(t *rows, name string) bool {
	seen := map[string]bool{}
	for _, r := range t.rows {
		for _, a := range r.fields[name] {
			if _, ok := a.Number(); !ok {
				return false
			}
			seen[a.Text()] = true
		}
	}
	return len(seen) > 1000
}

// timeWidth is the width that timechart takes by itself: of the range of the search, or of the events.
func (x *runner) timeWidth(n *plan.Pivot, t *rows) string {
	from, to, err := x.bounds(x.source)
	if err != nil || math.IsInf(from, 0) || math.IsInf(to, 0) {
		low, high := math.Inf(1), math.Inf(-1)
		for _, r := range t.rows {
			if at, ok := r.time(); ok {
				low, high = math.Min(low, at), math.Max(high, at)
			}
		}
		if math.IsInf(from, 0) {
			from = low
		}
		if math.IsInf(to, 0) {
			to = high
		}
	}
	least, _ := value.SpanSeconds(n.MinSpan)
	s := value.RoundWidth(from, to, max(1, n.Bins), true, least)
	if s.Unit == "" {
		s.Unit = "s"
	}
	return value.FormatNumber(s.N, -1) + s.Unit
}

// cell is one row of a chart: the rows of events by the value of the column.
type cell struct {
	key value.Value
	by  map[string][]*Row
}

// chartColumn is one column of a chart.
type chartColumn struct {
	name, value string
	agg         plan.Agg
}

// cells groups by both fields and chooses the columns: the values with the greatest sums, the others as OTHER, events
// without the field as NULL.
func (x *runner) cells(n *plan.Pivot, t *rows, row plan.Key, aggs []plan.Agg) ([]*cell, []chartColumn, error) {
	list, err := x.groups(t, []plan.Key{row}, "", false)
	if err != nil {
		return nil, nil, err
	}
	sortGroups(list)
	var cells []*cell
	values := map[string][]*Row{}
	var order []string
	for _, g := range list {
		c := &cell{key: g.keys[0], by: map[string][]*Row{}}
		cells = append(cells, c)
		for _, r := range g.rows {
			names := []string{""}
			if n.Column != nil {
				v, err := x.keyOf(r, *n.Column)
				if err != nil {
					return nil, nil, err
				}
				names = v.Texts()
				if len(names) == 0 {
					if !n.Null {
						continue
					}
					names = []string{n.NullAs}
				}
			}
			for _, name := range names {
				if err := x.spend(1); err != nil {
					return nil, nil, err
				}
				if _, ok := values[name]; !ok {
					order = append(order, name)
				}
				values[name] = append(values[name], r)
				c.by[name] = append(c.by[name], r)
			}
		}
	}
	if n.Column == nil {
		var columns []chartColumn
		for _, a := range aggs {
			columns = append(columns, chartColumn{a.Name, "", a})
		}
		return cells, columns, nil
	}
	kept, err := x.chosen(n, order, cells, aggs)
	if err != nil {
		return nil, nil, err
	}
	if rest := others(n, order, kept, cells); rest {
		kept = append(kept, n.OtherAs)
	}
	// Like most tables, columns come sorted, OTHER and NULL last.
	var columns []chartColumn
	for _, a := range aggs {
		for _, v := range kept {
			name := v
			if n.Time && strings.HasPrefix(name, "_") {
				name = "VALUE" + name // fields that begin with _ are hidden
			}
			if len(aggs) > 1 {
				name = seriesName(n.Format, n.Sep, a.Name, v)
			}
			columns = append(columns, chartColumn{name, v, a})
		}
	}
	return cells, columns, nil
}

// others joins the values that were not chosen under one name, where that is asked; true when there are some.
func others(n *plan.Pivot, order, kept []string, cells []*cell) bool {
	found := false
	for _, v := range order {
		if slices.Contains(kept, v) {
			continue
		}
		if n.Other {
			found = true
			for _, c := range cells {
				c.by[n.OtherAs] = append(c.by[n.OtherAs], c.by[v]...)
			}
		}
	}
	return found
}

// chosen are the values that become columns: those with the greatest sums of the first aggregation over all rows.
func (x *runner) chosen(n *plan.Pivot, order []string, cells []*cell, aggs []plan.Agg) ([]string, error) {
	scores := map[string]float64{}
	var names []string
	for _, v := range order {
		if v == n.NullAs && n.Null {
			continue // counted apart
		}
		names = append(names, v)
		if n.Where == nil && !n.ByTotal && (n.Limit == 0 || len(order) <= n.Limit) || len(aggs) == 0 {
			continue
		}
		score, err := x.score(n, v, cells, aggs)
		if err != nil {
			return nil, err
		}
		scores[v] = score
	}
	sort.Strings(names)
	ranked := func(bottom bool) {
		sort.SliceStable(names, func(i, j int) bool {
			if bottom {
				return scores[names[i]] < scores[names[j]]
			}
			return scores[names[i]] > scores[names[j]]
		})
	}
	switch w := n.Where; {
	case w == nil:
		if n.Limit > 0 && len(names) > n.Limit {
			ranked(n.Bottom)
			names = names[:n.Limit]
		}
	case w.Op == "<":
		names = slices.DeleteFunc(names, func(v string) bool { return !(scores[v] < w.Threshold) })
	case w.Op == ">":
		names = slices.DeleteFunc(names, func(v string) bool { return !(scores[v] > w.Threshold) })
	default:
		ranked(w.Bottom)
		k := min(w.N, len(names))
		if w.Op == "in" {
			names = names[:k]
		} else {
			names = names[k:]
		}
	}
	if n.ByTotal {
		ranked(false)
		return names, nil
	}
	sort.SliceStable(names, func(i, j int) bool {
		return value.Order(value.Str(names[i]), value.Str(names[j]), "groups") < 0
	})
	if n.Null && slices.Contains(order, n.NullAs) {
		names = append(names, n.NullAs)
	}
	return names, nil
}

// score is what a value of the column field is chosen by: the sum of its cells; with several aggregations the number of
// its rows; with WHERE the aggregation that it names, over the cells.
func (x *runner) score(n *plan.Pivot, v string, cells []*cell, aggs []plan.Agg) (float64, error) {
	if n.Where == nil && len(aggs) > 1 {
		rows := 0
		for _, c := range cells {
			rows += len(c.by[v])
		}
		return float64(rows), nil
	}
	var samples []value.Sample
	for _, c := range cells {
		if len(c.by[v]) == 0 && !countLike(aggs[0]) {
			continue
		}
		s, err := x.aggregation(aggs[0], c.by[v], false)
		if err != nil {
			return 0, err
		}
		samples = append(samples, value.Sample{Value: s})
	}
	f, _ := value.FindAggregation("sum")
	if w := n.Where; w != nil && !(counts(w.Agg) && counts(aggs[0])) {
		f = w.Agg.Func
	}
	score, _ := f.Of(x.env, samples).Float()
	return score, x.env.Err()
}

// filled adds a row for each interval without events, between the first and the last; counts are 0 there.
func (x *runner) filled(n *plan.Pivot, t *rows, row plan.Key, columns []chartColumn) (*rows, error) {
	w, ok := value.ParseSpan(strings.SplitN(row.Span, "@", 2)[0])
	if !ok || len(t.rows) == 0 {
		return t, nil
	}
	out := t.like()
	last, _ := t.rows[len(t.rows)-1].time()
	at, _ := t.rows[0].time()
	from, to, err := x.bounds(x.source)
	if err != nil {
		return nil, err
	}
	if b, ok := x.binTime(from, row.Span, w, row.Shift); ok && n.Range && !math.IsInf(from, 0) {
		at = math.Min(at, b)
	}
	if b, ok := x.binTime(to-0.000001, row.Span, w, row.Shift); ok && n.Range && !math.IsInf(to, 0) {
		last = math.Max(last, b)
	}
	i := 0
	for ; at <= last; i++ {
		if i > x.limits.Rows {
			return nil, &LimitError{fmt.Sprintf("%d rows", x.limits.Rows), n.At}
		}
		if len(t.rows) > 0 {
			if next, _ := t.rows[0].time(); next <= at {
				out.rows = append(out.rows, t.rows[0])
				t.rows = t.rows[1:]
				if next < at {
					continue
				}
			} else {
				r := x.emptyInterval("_time", value.Num(at), columns)
				if err := x.holds(r); err != nil {
					return nil, err
				}
				out.rows = append(out.rows, r)
			}
		} else {
			r := x.emptyInterval("_time", value.Num(at), columns)
			if err := x.holds(r); err != nil {
				return nil, err
			}
			out.rows = append(out.rows, r)
		}
		next, ok := value.NextBin(at, w, x.in.Zone)
		if !ok || next <= at {
			break
		}
		at = next
	}
	out.rows = append(out.rows, t.rows...)
	return out, nil
}
