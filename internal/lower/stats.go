package lower

import (
	"strings"

	"github.com/rulebridge/rulebridge/internal/plan"
	"github.com/rulebridge/rulebridge/internal/spl"
	"github.com/rulebridge/rulebridge/internal/value"
)

// stats is stats, sistats, eventstats and streamstats.
func (l *lowering) stats(c *spl.Stats, input plan.Node) plan.Node {
	s := input.Behind()
	aggs, why := l.aggs(c.Aggs, s)
	if why != "" {
		return hole(c.At.At, input, c.Kind, "%s", why)
	}
	switch c.Kind {
	case "eventstats":
		w := &plan.Window{Step: step(c.At.At, input), Keys: names(c.By), Aggs: aggs, AllNum: truth(c.Options, "allnum", false)}
		w.Scope = w.Scope.With(l.aggColumns(aggs, s)...)
		return w
	case "streamstats":
		return l.streamstats(c, aggs, input)
	}
	n := &plan.Aggregate{Step: step(c.At.At, input), Aggs: aggs, Keys: keys(c.By),
		AllNum: truth(c.Options, "allnum", false), DedupSplit: truth(c.Options, "dedup_splitvals", false)}
	if len(n.Keys) == 0 && option(c.Options, "by", "") != "" {
		n.Keys = []plan.Key{{Name: option(c.Options, "by", "")}}
	}
	n.Scope = l.grouped(c.By, aggs, s)
	return n
}

func (l *lowering) streamstats(c *spl.Stats, aggs []plan.Agg, input plan.Node) plan.Node {
	s := input.Behind()
	w := &plan.Window{Step: step(c.At.At, input), Running: true, Keys: names(c.By), Aggs: aggs,
		AllNum:  truth(c.Options, "allnum", false),
		Current: truth(c.Options, "current", true), Size: max(0, count(c.Options, "window", 0)),
		Global: truth(c.Options, "global", true), ResetChange: truth(c.Options, "reset_on_change", false)}
	if t := option(c.Options, "time_window", ""); t != "" {
		n, ok := value.SpanSeconds(t)
		if !ok {
			return hole(c.At.At, input, c.Kind, "time_window=%s is no span of time such as 5m", t)
		}
		w.Seconds = n
	}
	for _, o := range c.Options {
		if o.Name != "reset_before" && o.Name != "reset_after" {
			continue
		}
		e, err := spl.ParseExpr(o.Value)
		if err != nil {
			return hole(o.At.At, input, c.Kind, "%s is no condition: %v", o.Name, err)
		}
		if o.Name == "reset_before" {
			w.ResetBefore = l.expr(e, s)
		} else {
			w.ResetAfter = l.expr(e, s.With(l.aggColumns(aggs, s)...))
		}
	}
	w.Scope = w.Scope.With(l.aggColumns(aggs, s)...)
	return w
}

func names(by []spl.By) []string {
	var list []string
	for _, b := range by {
		list = append(list, b.Field.Text)
	}
	return list
}

func keys(by []spl.By) []plan.Key {
	var list []plan.Key
	for _, b := range by {
		k := plan.Key{Name: b.Field.Text}
		if b.Bucket != nil {
			k.Span = b.Bucket.Value
		}
		list = append(list, k)
	}
	return list
}

// grouped is the scope behind an aggregation.
func (l *lowering) grouped(by []spl.By, aggs []plan.Agg, s plan.Scope) plan.Scope {
	out := plan.Scope{}
	for _, b := range by {
		c := l.find(s, b.Field.Text)
		c.Desc.Missing, c.Desc.Several = value.Never, value.Never
		if c.ID == 0 {
			c = l.column(b.Field.Text, c.Desc, plan.Stored, b.At.At)
		}
		out = out.With(c)
	}
	out.Open = wild(aggs)
	return out.With(l.aggColumns(aggs, s)...)
}

func wild(aggs []plan.Agg) bool {
	for _, a := range aggs {
		if strings.Contains(a.Field, "*") || a.Func.Name != "count" && a.Field == "" && a.Arg == nil {
			return true
		}
	}
	return false
}

func (l *lowering) aggColumns(aggs []plan.Agg, s plan.Scope) []plan.Column {
	var cols []plan.Column
	for _, a := range aggs {
		if strings.Contains(a.Field, "*") {
			continue
		}
		d := value.Desc{Missing: value.Never, Settled: true}
		if a.Arg != nil {
			d = a.Arg.Desc()
		} else if a.Field != "" {
			d = l.find(s, a.Field).Desc
		}
		cols = append(cols, l.column(a.Name, a.Func.Describe(d), plan.Aggregated, a.At))
	}
	return cols
}

// aggs lowers aggregations; why is not empty when one is not known.
func (l *lowering) aggs(list []spl.Agg, s plan.Scope) (aggs []plan.Agg, why string) {
	for _, g := range list {
		f, ok := value.FindAggregation(g.Func)
		if !ok && !(g.Eval && g.Func == "eval") {
			return nil, g.Func + " is no aggregation: check its spelling"
		}
		a := plan.Agg{At: g.At.At, Func: f, Name: g.Func}
		switch arg := g.Arg.(type) {
		case nil:
			if g.As == nil && g.Func != "count" && g.Func != "c" {
				a.Field, a.Name = "*", g.Func+"(*)"
			}
		case *spl.FieldRef:
			if g.Eval {
				a.Arg = l.expr(arg, s)
				a.Name = g.Func + "(eval(" + spl.PrintExpr(arg) + "))"
				break
			}
			a.Field = arg.Name
			a.Name = g.Func + "(" + arg.Name + ")"
		default:
			if g.Func == "sparkline" {
				a.Name = "sparkline"
				break
			}
			a.Arg = l.expr(arg, s)
			a.Name = g.Func + "(eval(" + spl.PrintExpr(arg) + "))"
		}
		if g.As != nil {
			a.Name = g.As.Text
		}
		aggs = append(aggs, a)
	}
	return aggs, ""
}
