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
	if where != nil {
		n = &plan.Filter{Step: step(c.At.At, n), Cond: l.condition(where, n.Behind())}
		if mixed(c.Where) {
			l.note(c.Where.Span(), "no page says whether OR or AND of tstats where binds tighter; OR is taken, as in search: write parentheses")
		}
	}
	by, aggs := c.By, c.Aggs
	if span := option(c.Options, "span", ""); span != "" {
		by = append([]spl.By{}, by...)
		for i := range by {
			if by[i].Field.Text == "_time" && by[i].Bucket == nil {
				by[i].Bucket = &spl.Option{Name: "span", Value: span}
			}
		}
		if c.Kind == "mstats" && !hasTime(by) {
			by = append([]spl.By{{Field: spl.Name{Text: "_time"}, Bucket: &spl.Option{Name: "span", Value: span}}}, by...)
		}
	}
	if truth(c.Options, "prestats", false) {
		// The rows of prestats=t are there for the stats behind it: it is given the events themselves.
		l.note(c.At.At, "prestats=t: the command behind it reads the events")
		if truth(c.Options, "append", false) && input != nil {
			return union(c.At.At, input, n)
		}
		return n
	}
	lowered, why := l.aggs(aggs, n.Behind())
	if why != "" {
		return hole(c.At.At, n, c.Kind, "%s", why)
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
