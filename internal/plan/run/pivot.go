package run

import (
	"fmt"
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

// seriesName is the name of a column of several aggregations: count: web1.
func seriesName(format, sep, agg, v string) string {
	if format != "" {
		return strings.NewReplacer("$AGG$", agg, "$VAL$", v).Replace(format)
	}
	return agg + sep + v
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
		if !n.KeepEmpty && len(c.fields) == 1 {
			continue
		}
		if err := x.holds(c); err != nil {
			return nil, err
		}
		out.rows = append(out.rows, c)
	}
	return out, nil
}
