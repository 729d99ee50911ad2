package lower

import (
	"fmt"
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
		AllNum: truth(c.Options, "allnum", false), DedupSplit: truth(c.Options, "dedup_splitvals", false), Delim: option(c.Options, "delim", "")}
	if len(n.Keys) == 0 && option(c.Options, "by", "") != "" {
		n.Keys = []plan.Key{{Name: option(c.Options, "by", "")}}
	}
	n.Scope = l.grouped(c.By, aggs, s)
	return n
}

func (l *lowering) streamstats(c *spl.Stats, aggs []plan.Agg, input plan.Node) plan.Node {
	s := input.Behind()
	for _, a := range aggs {
		if len(a.Inner) > 0 {
			return hole(a.At, input, c.Kind, "streamstats takes no sparkline and no expression over aggregations")
		}
	}
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
		if a.Func.Name != "" {
			d = a.Func.Describe(d)
		}
		cols = append(cols, l.column(a.Name, d, plan.Aggregated, a.At))
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
			if g.Func == "sparkline" {
				count, _ := value.FindAggregation("count")
				a.Inner = []plan.Agg{{At: g.At.At, Func: count, Name: "count"}}
				break
			}
			if g.As == nil && g.Func != "count" && g.Func != "c" {
				a.Field, a.Name = "*", g.Func+"(*)"
			}
		case *spl.FieldRef:
			if g.Eval {
				a.Arg = l.expr(arg, s)
				a.Name = g.Func + "(" + written(g) + ")"
				break
			}
			a.Field = arg.Name
			a.Name = g.Func + "(" + arg.Name + ")"
		default:
			switch g.Func {
			case "sparkline":
				if why := l.sparkline(&a, g, s); why != "" {
					return nil, why
				}
			case "eval":
				a.Name = "eval(" + g.Written() + ")"
				if why := l.overAggs(&a, arg, s); why != "" {
					return nil, why
				}
			default:
				a.Arg = l.expr(arg, s)
				a.Name = g.Func + "(" + written(g) + ")"
			}
		}
		if g.As != nil {
			a.Name = g.As.Text
		}
		aggs = append(aggs, a)
	}
	return aggs, ""
}

// written is the argument as it stands in the search, which the default name of the result shows.
func written(g spl.Agg) string {
	if t := g.Written(); t != "" {
		return t
	}
	return "eval(" + spl.PrintExpr(g.Arg) + ")"
}

// overAggs lowers an expression over aggregations, such as sum(bytes)/count: each of them stands in it as a field.
func (l *lowering) overAggs(a *plan.Agg, e spl.Expr, s plan.Scope) (why string) {
	scope := plan.Scope{}
	var put func(e spl.Expr) spl.Expr
	add := func(g spl.Agg) spl.Expr {
		list, w := l.aggs([]spl.Agg{g}, s)
		if w != "" {
			why = w
			return e
		}
		inner := list[0]
		inner.Name = fmt.Sprintf("%d", len(a.Inner))
		a.Inner = append(a.Inner, inner)
		scope = scope.With(l.column(inner.Name, inner.Func.Describe(value.Desc{}), plan.Aggregated, g.At.At))
		return &spl.FieldRef{At: g.At, Name: inner.Name, Quoted: true}
	}
	put = func(e spl.Expr) spl.Expr {
		switch e := e.(type) {
		case *spl.FieldRef:
			if e.Name == "count" || e.Name == "c" {
				return add(spl.Agg{At: e.At, Func: "count"})
			}
		case *spl.Call:
			if g, ok := asAgg(e); ok {
				return add(g)
			}
			c := *e
			c.Args = nil
			for _, x := range e.Args {
				c.Args = append(c.Args, put(x))
			}
			return &c
		case *spl.Binary:
			c := *e
			c.L, c.R = put(e.L), put(e.R)
			return &c
		case *spl.Unary:
			c := *e
			c.X = put(e.X)
			return &c
		}
		return e
	}
	changed := put(e)
	if why != "" {
		return why
	}
	if len(a.Inner) == 0 {
		return "eval(" + spl.PrintExpr(e) + ") has no aggregation in it: write eval(avg(FIELD))"
	}
	a.Arg = l.expr(changed, scope)
	return ""
}

// asAgg reads a call within an expression over aggregations as one of them; false for a function of eval.
func asAgg(e *spl.Call) (spl.Agg, bool) {
	name := strings.ToLower(e.Func)
	if _, ok := value.FindAggregation(name); !ok || len(e.Args) > 1 {
		return spl.Agg{}, false
	}
	g := spl.Agg{At: e.At, Func: name}
	if len(e.Args) == 0 {
		return g, name == "count" || name == "c"
	}
	g.Arg = e.Args[0]
	if c, ok := g.Arg.(*spl.Call); ok && strings.EqualFold(c.Func, "eval") && len(c.Args) == 1 {
		g.Arg, g.Eval = c.Args[0], true
	} else if _, ok := g.Arg.(*spl.FieldRef); !ok {
		g.Eval = true
	}
	return g, true
}

// sparkline reads sparkline(count), sparkline(sum(x), 1h): what is drawn, and the width of the intervals.
func (l *lowering) sparkline(a *plan.Agg, g spl.Agg, s plan.Scope) (why string) {
	const want = "sparkline takes an aggregation and a span, such as sparkline(sum(bytes), 1h)"
	a.Name = "sparkline(" + g.Written() + ")"
	c, ok := g.Arg.(*spl.Call)
	if !ok || len(c.Args) == 0 || len(c.Args) > 2 {
		return want
	}
	var drawn spl.Agg
	switch x := c.Args[0].(type) {
	case *spl.FieldRef:
		drawn = spl.Agg{At: x.At, Func: strings.ToLower(x.Name)}
	case *spl.Call:
		if drawn, ok = asAgg(x); !ok {
			return want
		}
	default:
		return want
	}
	if drawn.Arg == nil && drawn.Func != "count" && drawn.Func != "c" {
		return want
	}
	if len(c.Args) == 2 {
		x, ok := c.Args[1].(*spl.FieldRef)
		if !ok {
			return want
		}
		if _, ok := value.ParseSpan(x.Name); !ok {
			return want
		}
		a.Span = x.Name
	}
	a.Inner, why = l.aggs([]spl.Agg{drawn}, s)
	return why
}
