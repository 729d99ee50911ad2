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

func (x *runner) pivot(n *plan.Pivot, t *rows) (*rows, error) {
	switch n.Kind {
	case plan.Chart:
		return x.chart(n, t)
	case plan.XYSeries:
		return x.xyseries(n, t)
	case plan.Untable:
		return x.untable(n, t)
	}
	return x.transpose(n, t)
}

func rangeText(n, width float64) value.Value {
	low := value.Tidy(math.Floor(n/width)*width, width)
	return value.Str(value.FormatNumber(low, -1) + "-" + value.FormatNumber(value.Tidy(low+width, width), -1))
}

// chart is chart and timechart: a row of each value of the row field, a column of each value of the column field.
func (x *runner) chart(n *plan.Pivot, t *rows) (*rows, error) {
	row := *n.Row
	if n.Time && row.Span == "" {
		row.Span = x.timeWidth(n, t)
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
	if n.Time && n.Continuous {
		return x.filled(n, out, row.Span, columns)
	}
	return out, nil
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
	s := value.RoundWidth(from, to, max(1, n.Bins), true)
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
			if len(aggs) > 1 {
				name = seriesName(n.Format, n.Sep, a.Name, v)
			}
			columns = append(columns, chartColumn{name, v, a})
		}
	}
	return cells, columns, nil
}

// seriesName is the name of a column of several aggregations: count: web1.
func seriesName(format, sep, agg, v string) string {
	if format != "" {
		return strings.NewReplacer("$AGG$", agg, "$VAL$", v).Replace(format)
	}
	return agg + sep + v
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
		if n.Limit == 0 || len(order) <= n.Limit || len(aggs) == 0 {
			continue
		}
		for _, c := range cells {
			s, err := x.aggregation(aggs[0], c.by[v], false)
			if err != nil {
				return nil, err
			}
			if len(s) > 0 {
				f, _ := s[0].Number()
				scores[v] += f
			}
		}
	}
	sort.Strings(names)
	if n.Limit > 0 && len(names) > n.Limit {
		sort.SliceStable(names, func(i, j int) bool {
			if n.Bottom {
				return scores[names[i]] < scores[names[j]]
			}
			return scores[names[i]] > scores[names[j]]
		})
		names = names[:n.Limit]
	}
	sort.SliceStable(names, func(i, j int) bool {
		return value.Order(value.Str(names[i]), value.Str(names[j]), "auto") < 0
	})
	if n.Null && slices.Contains(order, n.NullAs) {
		names = append(names, n.NullAs)
	}
	return names, nil
}

// filled adds a row for each interval without events, between the first and the last; counts are 0 there.
func (x *runner) filled(n *plan.Pivot, t *rows, span string, columns []chartColumn) (*rows, error) {
	w, ok := value.ParseSpan(strings.SplitN(span, "@", 2)[0])
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
	if b, ok := value.BinTime(from, w, x.in.Zone); ok && !math.IsInf(from, 0) {
		at = math.Min(at, b)
	}
	if b, ok := value.BinTime(to-0.000001, w, x.in.Zone); ok && !math.IsInf(to, 0) {
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
				r := &Row{fields: map[string]value.Value{"_time": value.Num(at)}}
				for _, c := range columns {
					if countLike(c.agg) {
						r.set(c.name, value.Num(0))
					}
				}
				if err := x.holds(r); err != nil {
					return nil, err
				}
				out.rows = append(out.rows, r)
			}
		} else {
			r := &Row{fields: map[string]value.Value{"_time": value.Num(at)}}
			for _, c := range columns {
				if countLike(c.agg) {
					r.set(c.name, value.Num(0))
				}
			}
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

// xyseries makes columns of the values of one field; a cell without a row is missing.
func (x *runner) xyseries(n *plan.Pivot, t *rows) (*rows, error) {
	out := &rows{names: []string{n.Row.Name}, fixed: true}
	index := map[string]*Row{}
	var columns []string
	for _, r := range t.rows {
		if err := x.spend(1); err != nil {
			return nil, err
		}
		key, col := r.fields[n.Row.Name], r.fields[n.Column.Name]
		if key.Missing() || col.Missing() {
			continue
		}
		id := key.Joined()
		c := index[id]
		if c == nil {
			c = &Row{fields: map[string]value.Value{n.Row.Name: key}}
			index[id] = c
			out.rows = append(out.rows, c)
		}
		for _, f := range n.Cells {
			name := col.Joined()
			if len(n.Cells) > 1 {
				name = seriesName(n.Format, n.Sep, f, name)
			}
			c.set(name, r.fields[f])
			if !slices.Contains(columns, name) {
				columns = append(columns, name)
			}
		}
		if len(columns) > 10_000 {
			return nil, &LimitError{"10,000 columns", n.At}
		}
	}
	sort.SliceStable(out.rows, func(i, j int) bool {
		return value.Order(out.rows[i].fields[n.Row.Name], out.rows[j].fields[n.Row.Name], "auto") < 0
	})
	sort.Strings(columns)
	for _, c := range columns {
		out.add(c)
	}
	return out, nil
}

// untable makes a row of each cell.
func (x *runner) untable(n *plan.Pivot, t *rows) (*rows, error) {
	out := &rows{names: slices.Clone(n.Names), fixed: true}
	for _, r := range t.rows {
		for _, name := range t.names {
			v := r.fields[name]
			if name == n.Names[0] || v.Missing() || strings.HasPrefix(name, "_") {
				continue
			}
			c := &Row{fields: map[string]value.Value{}}
			c.set(n.Names[0], r.fields[n.Names[0]])
			c.set(n.Names[1], value.Str(name))
			c.set(n.Names[2], v)
			if err := x.holds(c); err != nil {
				return nil, err
			}
			out.rows = append(out.rows, c)
		}
		if err := x.fits(out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// transpose makes rows of columns and columns of the first rows.
func (x *runner) transpose(n *plan.Pivot, t *rows) (*rows, error) {
	out := &rows{names: []string{n.ColumnName}, fixed: true}
	list := t.rows
	if n.Rows > 0 && len(list) > n.Rows {
		list = list[:n.Rows]
	}
	if len(list) > 10_000 {
		return nil, &LimitError{"10,000 columns", n.At}
	}
	heads := make([]string, len(list))
	for i, r := range list {
		heads[i] = fmt.Sprintf("row %d", i+1)
		if n.Header != "" {
			heads[i] = r.fields[n.Header].Joined()
		}
		out.add(heads[i])
	}
	for _, name := range t.names {
		if name == n.Header || strings.HasPrefix(name, "_") && name != "_time" {
			continue
		}
		c := &Row{fields: map[string]value.Value{n.ColumnName: value.Str(name)}}
		for i, r := range list {
			c.set(heads[i], r.fields[name])
		}
		if err := x.holds(c); err != nil {
			return nil, err
		}
		out.rows = append(out.rows, c)
	}
	return out, nil
}
