package lower

import (
	"strings"

	"github.com/rulebridge/rulebridge/internal/plan"
	"github.com/rulebridge/rulebridge/internal/spl"
	"github.com/rulebridge/rulebridge/internal/value"
)

// tstats aggregates the events, or those of a data model. It is mstats as well, over events that hold metrics.
func (l *lowering) tstats(c *spl.TStats, input plan.Node) plan.Node {
	src := events(c.At.At)
	if c.From != nil {
		src.Kind, src.Name = plan.Model, c.From.Text
	}
	if c.Nodename != nil {
		src.Kind = plan.Model
		if _, set, ok := strings.Cut(c.Nodename.Text, "."); ok || c.From == nil {
			src.Name = c.Nodename.Text
			if c.From != nil {
				src.Name = strings.SplitN(c.From.Text, ".", 2)[0] + "." + set
			}
		} else if !strings.Contains(c.From.Text, ".") {
			src.Name = c.From.Text + "." + c.Nodename.Text
		}
	}
	var n plan.Node = src
	where := l.timeRange(src, c.Where)
	by, aggs := c.By, c.Aggs
	span := option(c.Options, "span", "")
	if span == "" {
		where, span = takeSpan(where)
	}
	if where != nil {
		n = &plan.Filter{Step: step(c.At.At, n), Cond: l.metric(c, l.condition(where, n.Behind()))}
		if mixed(c.Where) {
			l.note(c.Where.Span(), "no page says whether OR or AND of tstats where binds tighter; OR is taken, as in search: write parentheses")
		}
	}
	if span != "" {
		by = append([]spl.By{}, by...)
		for i := range by {
			if by[i].Field.Text == "_time" && by[i].Bucket == nil {
				by[i].Bucket = &spl.Option{Name: "span", Value: span}
			}
		}
		if !hasTime(by) {
			by = append([]spl.By{{Field: spl.Name{Text: "_time"}, Bucket: &spl.Option{Name: "span", Value: span}}}, by...)
		}
	}
	if truth(c.Options, "prestats", false) {
		// The rows of prestats=t are there for the stats behind it: it is given the events themselves.
		n = l.prestats(c, by, n)
		if truth(c.Options, "append", false) && input != nil {
			return union(c.At.At, input, n)
		}
		return n
	}
	lowered, why := l.aggs(aggs, n.Behind())
	if why != "" {
		return hole(c.At.At, n, c.Kind, "%s", why)
	}
	if name := metricName(c.Where); c.Kind == "mstats" && name != "" {
		for i := range lowered {
			if lowered[i].Field == "_value" {
				lowered[i].Field, lowered[i].Arg = "", apply(lowered[i].At, "coalesce", value.InEval, plan.NewField(lowered[i].At, l.find(n.Behind(), "_value")), plan.NewField(lowered[i].At, l.find(n.Behind(), name)))
			}
		}
	}
	a := &plan.Aggregate{Step: step(c.At.At, n), Keys: keys(by), Aggs: lowered, Fill: option(c.Options, "fillnull_value", "")}
	a.Scope = l.grouped(by, lowered, n.Behind())
	if truth(c.Options, "append", false) && input != nil {
		return union(c.At.At, input, a)
	}
	if input != nil && !isStart(input) {
		return hole(c.At.At, a, c.Kind, "%s must start a search, or have append=t", c.Kind)
	}
	return a
}

func isStart(n plan.Node) bool {
	s, ok := n.(*plan.Source)
	return ok && s.Kind == plan.Nothing
}

func hasTime(by []spl.By) bool {
	for _, b := range by {
		if b.Field.Text == "_time" {
			return true
		}
	}
	return false
}

// mixed says that an AND and an OR stand on one level without parentheses, as far as the tree shows it.
func mixed(e spl.SearchExpr) bool {
	and, ok := e.(*spl.SearchAnd)
	if !ok {
		return false
	}
	for _, x := range and.Exprs {
		if or, ok := x.(*spl.SearchOr); ok && len(or.Exprs) > 0 && or.At.At.Start == or.Exprs[0].Span().Start {
			return true
		}
	}
	return false
}

func (l *lowering) makeresults(c *spl.MakeResults, input plan.Node) plan.Node {
	src := &plan.Source{Step: plan.Step{At: c.At.At}, Kind: plan.Made, Count: max(0, count(c.Options, "count", 1)), Annotate: truth(c.Options, "annotate", false),
		Text: option(c.Options, "data", ""), TextFormat: option(c.Options, "format", "csv")}
	src.Scope = src.Scope.With(l.column("_time", value.Desc{Kind: value.Time, Settled: true}, plan.Computed, c.At.At))
	src.Scope.Open = src.Text != "" || src.Annotate
	if input != nil && !isStart(input) {
		return hole(c.At.At, input, "makeresults", "makeresults must start a search")
	}
	return src
}

// from is from and datamodel.
func (l *lowering) from(c *spl.From, input plan.Node) plan.Node {
	if c.Kind == "datamodel" {
		src := events(c.At.At)
		src.Kind, src.Name = plan.Model, c.Model.Text
		src.Flat = c.Mode == "flat"
		return src
	}
	return l.dataset(c.At.At, c.Dataset, c.Model.Text, input)
}

func (l *lowering) dataset(at spl.Span, kind, name string, input plan.Node) plan.Node {
	switch kind {
	case "datamodel":
		src := events(at)
		src.Kind, src.Name, src.Flat = plan.Model, name, true
		return src
	case "lookup", "inputlookup":
		return &plan.Source{Step: plan.Step{At: at, Scope: plan.Scope{Open: true}}, Kind: plan.Table, Name: name, Max: 1_000_000_000}
	}
	return hole(at, nil, "from", "%s:%s is held by a Splunk server: put the search it stands for in its place", kind, name)
}

func (l *lowering) returnRows(c *spl.Return, input plan.Node) plan.Node {
	n := &plan.ToSearch{Step: step(c.At.At, input), Count: c.Count}
	for _, f := range c.Fields {
		r := plan.ReturnField{Field: f.Field.Text, Dollar: f.Dollar}
		if f.Alias != nil {
			r.Alias = f.Alias.Text
		}
		n.Return = append(n.Return, r)
	}
	n.Scope = plan.Scope{}.With(l.column("search", value.Desc{Kind: value.Text}, plan.Computed, c.At.At))
	return n
}

func (l *lowering) format(c *spl.Format, input plan.Node) plan.Node {
	n := &plan.ToSearch{Step: step(c.At.At, input), Texts: texts(c.Args), Empty: option(c.Options, "emptystr", "NOT( )"), MVSep: option(c.Options, "mvsep", "OR"), Max: count(c.Options, "maxresults", 0)}
	if len(n.Texts) == 0 {
		n.Texts = []string{"(", "(", "AND", ")", "OR", ")"}
	}
	if len(n.Texts) != 6 {
		return hole(c.At.At, input, "format", "format takes six texts or none: row prefix, column prefix, column separator, column end, row separator, row end")
	}
	n.Scope = plan.Scope{}.With(l.column("search", value.Desc{Kind: value.Text}, plan.Computed, c.At.At))
	return n
}

// prestats marks the events with the aggregations that they are for, and puts their times into intervals: stats behind it
// reads them as the rows of tstats prestats=t.
func (l *lowering) prestats(c *spl.TStats, by []spl.By, n plan.Node) plan.Node {
	e := &plan.Extend{Step: step(c.At.At, n)}
	for _, b := range by {
		if b.Bucket != nil {
			e.Changes = append(e.Changes, &plan.Bin{Field: b.Field.Text, As: b.Field.Text, Span: b.Bucket.Value})
		}
	}
	var marks value.Value
	for _, a := range c.Aggs {
		name := ""
		if f, ok := a.Arg.(*spl.FieldRef); ok {
			name = f.Name
		}
		marks = append(marks, value.Str(a.Func+"("+name+")")...)
	}
	e.Changes = append(e.Changes, &plan.Assign{Name: plan.Prestats, Expr: plan.NewConst(c.At.At, marks)})
	return e
}

// takeSpan takes span=… out of the top level of a condition: tstats and mstats have it there when it follows WHERE.
func takeSpan(e spl.SearchExpr) (spl.SearchExpr, string) {
	is := func(e spl.SearchExpr) (string, bool) {
		c, ok := e.(*spl.Compare)
		if !ok || c.Op != "=" || c.Field.Text != "span" {
			return "", false
		}
		return c.Value.Text, true
	}
	if s, ok := is(e); ok {
		return nil, s
	}
	and, ok := e.(*spl.SearchAnd)
	if !ok {
		return e, ""
	}
	span := ""
	var rest []spl.SearchExpr
	for _, x := range and.Exprs {
		if s, ok := is(x); ok {
			span = s
		} else {
			rest = append(rest, x)
		}
	}
	if len(rest) == 1 {
		return rest[0], span
	}
	return &spl.SearchAnd{At: and.At, Exprs: rest}, span
}

// metricName is the one metric that a condition names by metric_name=….
func metricName(e spl.SearchExpr) string {
	name := ""
	spl.Walk(e, func(n spl.Node) bool {
		if c, ok := n.(*spl.Compare); ok && c.Op == "=" && strings.EqualFold(c.Field.Text, "metric_name") {
			name = c.Value.Text
		}
		return true
	})
	return name
}

// metric lets metric_name=X of mstats also find events that hold the metric as a field X.
func (l *lowering) metric(c *spl.TStats, e plan.Expr) plan.Expr {
	a, ok := e.(*plan.Apply)
	if c.Kind != "mstats" || !ok {
		return e
	}
	if f, isField := first(a.Args).(*plan.Field); isField && a.Op.Name == "=" && f.Column.Name == "metric_name" {
		name := a.Args[1].(*plan.Const).Value.Joined()
		return apply(a.At, "OR", value.InSearch, e, apply(a.At, "present", value.InSearch, plan.NewField(a.At, plan.Column{Name: name})))
	}
	if a.Op.Name == "AND" || a.Op.Name == "OR" {
		args := make([]plan.Expr, len(a.Args))
		for i, x := range a.Args {
			args[i] = l.metric(c, x)
		}
		return plan.NewApply(a.At, a.Op, args...)
	}
	return e
}

func first(list []plan.Expr) plan.Expr {
	if len(list) == 0 {
		return nil
	}
	return list[0]
}
