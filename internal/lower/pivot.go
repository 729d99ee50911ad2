package lower

import (
	"strings"

	"github.com/rulebridge/rulebridge/internal/plan"
	"github.com/rulebridge/rulebridge/internal/spl"
	"github.com/rulebridge/rulebridge/internal/value"
)

// chart is chart, timechart and their si forms. Without a field to split by it is an aggregation.
func (l *lowering) chart(c *spl.Chart, input plan.Node) plan.Node {
	s := input.Behind()
	aggs, why := l.aggs(c.Aggs, s)
	if why != "" {
		return hole(c.At.At, input, c.Kind, "%s", why)
	}
	p := &plan.Pivot{Step: step(c.At.At, input), Kind: plan.Chart, Aggs: aggs, Limit: 10, Other: truth(c.Options, "useother", true), Null: truth(c.Options, "usenull", true),
		OtherAs: option(c.Options, "otherstr", "OTHER"), NullAs: option(c.Options, "nullstr", "NULL"), Format: option(c.Options, "format", ""), Sep: option(c.Options, "sep", ": "),
		Time: strings.HasSuffix(c.Kind, "timechart"), Width: option(c.Options, "span", ""), Bins: count(c.Options, "bins", 100),
		Continuous: truth(c.Options, "cont", true), Partial: truth(c.Options, "partial", true), Range: truth(c.Options, "fixedrange", true),
		MinSpan: option(c.Options, "minspan", ""), Start: option(c.Options, "start", ""), End: option(c.Options, "end", ""), Align: option(c.Options, "aligntime", "")}
	if w := c.Where; w != nil {
		f, ok := value.FindAggregation(w.Agg.Func)
		if !ok {
			return hole(w.At.At, input, c.Kind, "%s is no aggregation: check its spelling", w.Agg.Func)
		}
		p.Where = &plan.Series{Agg: plan.Agg{At: w.Agg.At.At, Func: f, Name: w.Agg.Func}, Op: w.Op, Bottom: w.Bottom, N: w.N, Threshold: w.Threshold}
	}
	limit := strings.ToLower(option(c.Options, "limit", "10"))
	if rest, ok := strings.CutPrefix(limit, "bottom"); ok {
		p.Bottom, limit = true, rest
	}
	limit = strings.TrimPrefix(limit, "top")
	if n, ok := value.ParseNumber(limit); ok && n >= 0 {
		p.Limit = int(n)
	}
	by := keys(c.By)
	for i := range by {
		if by[i].Span == "" && !p.Time && len(by) == 1 {
			by[i].Span = option(c.Options, "span", "")
			by[i].Bins = count(c.Options, "bins", 0)
		}
	}
	switch {
	case p.Time:
		p.Row = &plan.Key{Name: "_time", Span: p.Width}
		if len(by) > 0 {
			p.Column = &by[0]
		}
	case c.Over != nil:
		p.Row = &plan.Key{Name: c.Over.Field.Text}
		if c.Over.Bucket != nil {
			p.Row.Span = c.Over.Bucket.Value
		}
		p.Row.Bins = count(c.Options, "bins", 0)
		if len(by) > 0 {
			p.Column = &by[0]
		}
	case len(by) > 1:
		p.Row, p.Column = &by[0], &by[1]
	case len(by) == 1:
		p.Row = &by[0]
	}
	if p.Row == nil {
		n := &plan.Aggregate{Step: step(c.At.At, input), Aggs: aggs}
		n.Scope = l.grouped(nil, aggs, s)
		return n
	}
	p.Scope = plan.Scope{Open: p.Column != nil}
	for _, k := range []*plan.Key{p.Row, p.Column} {
		if k != nil && k.Span != "" && !strings.Contains(k.Span, "log") {
			if _, ok := value.ParseSpan(strings.SplitN(k.Span, "@", 2)[0]); !ok {
				return hole(c.At.At, input, c.Kind, "span=%s is no width: write it as 10 or 5m", k.Span)
			}
		}
	}
	row := l.find(s, p.Row.Name)
	row.Desc.Missing = value.Never
	p.Scope = p.Scope.With(row)
	if p.Column == nil {
		p.Scope = p.Scope.With(l.aggColumns(aggs, s)...)
		p.Scope.Open = wild(aggs)
	}
	return p
}

// top is top, rare and their si forms: counts of each combination of values, the greatest or least first.
func (l *lowering) top(c *spl.Top, input plan.Node) plan.Node {
	s := input.Behind()
	f, _ := value.FindAggregation("count")
	countAs, percentAs := option(c.Options, "countfield", "count"), option(c.Options, "percentfield", "percent")
	by := texts(c.By)
	fields := append(append([]string{}, by...), texts(c.Fields)...)
	agg := &plan.Aggregate{Step: step(c.At.At, input), Aggs: []plan.Agg{{At: c.At.At, Func: f, Name: countAs}}}
	out := plan.Scope{}
	for _, n := range fields {
		agg.Keys = append(agg.Keys, plan.Key{Name: n})
		col := l.find(s, n)
		col.Desc.Missing, col.Desc.Several = value.Never, value.Never
		out = out.With(col)
	}
	agg.Scope = out.With(l.column(countAs, value.Desc{Kind: value.Number, Settled: true}, plan.Aggregated, c.At.At))
	var n plan.Node = agg
	sum, _ := value.FindAggregation("sum")
	w := &plan.Window{Step: step(c.At.At, n), Keys: by, Aggs: []plan.Agg{{At: c.At.At, Func: sum, Field: countAs, Name: "_total"}}}
	w.Scope = w.Scope.With(l.column("_total", value.Desc{Kind: value.Number, Settled: true}, plan.Aggregated, c.At.At))
	rare := strings.HasSuffix(c.Kind, "rare")
	sorted := &plan.Sort{Step: step(c.At.At, w), Limit: 0, Keys: []plan.SortKey{{Name: countAs, Desc: !rare, Func: "num"}}}
	if !rare { // of values that are as frequent, the last by text comes first
		for _, f := range texts(c.Fields) {
			sorted.Keys = append(sorted.Keys, plan.SortKey{Name: f, Desc: true, Func: "str"})
		}
	}
	n = sorted
	if truth(c.Options, "showperc", true) {
		e := &plan.Extend{Step: step(c.At.At, n)}
		share := apply(c.At.At, "/", value.InEval, apply(c.At.At, "*", value.InEval, plan.NewField(c.At.At, l.find(e.Scope, countAs)), plan.NewConst(c.At.At, value.Num(100))), plan.NewField(c.At.At, l.find(e.Scope, "_total")))
		share = apply(c.At.At, "round", value.InEval, share, plan.NewConst(c.At.At, value.Num(6)))
		e.Changes = []plan.Change{&plan.Assign{Name: percentAs, Expr: share}}
		e.Scope = e.Scope.With(l.column(percentAs, value.Desc{Kind: value.Number, Settled: true}, plan.Computed, c.At.At))
		n = e
	}
	if c.Count > 0 {
		top := &plan.Limit{Step: step(c.At.At, n), Count: c.Count}
		if len(by) > 0 {
			top.Per = by
		}
		if truth(c.Options, "useother", false) {
			top.Rest, top.RestOf, top.RestSums = option(c.Options, "otherstr", "OTHER"), texts(c.Fields), []string{countAs, percentAs}
		}
		n = top
	}
	drop := []string{"_total"}
	if !truth(c.Options, "showcount", true) {
		drop = append(drop, countAs)
	}
	p := &plan.Project{Step: step(c.At.At, n), Drop: drop}
	p.Scope = p.Scope.Drop(drop)
	return p
}

func (l *lowering) xyseries(c *spl.Other, input plan.Node) plan.Node {
	args := texts(c.Args)
	if len(args) < 3 {
		return hole(c.At.At, input, c.Command, "%s takes three fields: the rows, the names of the columns and the cells", c.Command)
	}
	p := &plan.Pivot{Step: step(c.At.At, input), Kind: plan.XYSeries, Row: &plan.Key{Name: args[0]}, Column: &plan.Key{Name: args[1]}, Cells: args[2:],
		Sep: option(c.Options, "sep", ": "), Format: option(c.Options, "format", ""), Grouped: truth(c.Options, "grouped", false)}
	p.Scope = plan.Scope{Open: true}.With(l.find(input.Behind(), args[0]))
	return p
}

// contingency counts the rows by the values of two fields that both have, a row for each value of the first and a column
// for each of the second, the greatest totals first. Totals stand in a last row and column.
func (l *lowering) contingency(c *spl.Other, input plan.Node) plan.Node {
	names := texts(c.Args)
	if len(names) != 2 {
		return hole(c.At.At, input, c.Command, "%s takes two fields: the one of the rows and the one of the columns", c.Command)
	}
	for _, o := range c.Options {
		if n, ok := value.ParseNumber(o.Value); (o.Name == "mincolcover" || o.Name == "minrowcover") && (!ok || n < 1) {
			return hole(o.At.At, input, c.Command, "%s=%s leaves out rare values in a way that its documentation does not define to the number: use maxrows and maxcols", o.Name, o.Value)
		}
	}
	const most = 1000 // values of a field
	var n plan.Node = l.extend(c.At.At, input, &plan.Replace{Pairs: []plan.Pair{{From: "", To: "EMPTY_STR"}}, Fields: names}, names...)
	f, _ := value.FindAggregation("count")
	p := &plan.Pivot{Step: step(c.At.At, n), Kind: plan.Chart, Aggs: []plan.Agg{{At: c.At.At, Func: f, Name: "count"}}, ByTotal: true, Limit: min(count(c.Options, "maxcols", most), most),
		Row: &plan.Key{Name: names[0]}, Column: &plan.Key{Name: names[1]}, Bins: 100, Sep: ": "}
	p.Scope = plan.Scope{Open: true}.With(l.find(input.Behind(), names[0]))
	const total = "TOTAL"
	n = l.extend(c.At.At, p, &plan.Total{Name: total}, total)
	n = &plan.Sort{Step: step(c.At.At, n), Keys: []plan.SortKey{{Name: total, Desc: true, Func: "num"}}}
	n = &plan.Limit{Step: step(c.At.At, n), Count: min(count(c.Options, "maxrows", most), most)}
	if !truth(c.Options, "usetotal", true) {
		d := &plan.Project{Step: step(c.At.At, n), Drop: []string{total}}
		d.Scope = d.Scope.Drop(d.Drop)
		return d
	}
	return &plan.TotalRow{Step: step(c.At.At, n), Label: total, LabelField: names[0]}
}

func (l *lowering) untable(c *spl.Other, input plan.Node) plan.Node {
	args := texts(c.Args)
	if len(args) != 3 {
		return hole(c.At.At, input, c.Command, "untable takes three names: the field that stays, the new field of names and the new field of values")
	}
	p := &plan.Pivot{Step: step(c.At.At, input), Kind: plan.Untable, Names: args}
	p.Scope = plan.Scope{}.With(l.find(input.Behind(), args[0]))
	for _, n := range args[1:] {
		p.Scope = p.Scope.With(l.column(n, value.Desc{Kind: value.Numeral, Settled: true}, plan.Computed, c.At.At))
	}
	return p
}

func (l *lowering) transpose(c *spl.Other, input plan.Node) plan.Node {
	p := &plan.Pivot{Step: step(c.At.At, input), Kind: plan.Transpose, Rows: 5, Header: option(c.Options, "header_field", ""), ColumnName: option(c.Options, "column_name", "column"), KeepEmpty: truth(c.Options, "include_empty", true)}
	for _, a := range c.Args {
		if n, ok := value.ParseNumber(a.Text); ok && n >= 0 {
			p.Rows = int(n)
		}
	}
	p.Scope = plan.Scope{Open: true}.With(l.column(p.ColumnName, value.Desc{Kind: value.Text, Settled: true}, plan.Computed, c.At.At))
	return p
}
