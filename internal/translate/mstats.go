package translate

import (
	"strings"

	"github.com/rulebridge/rulebridge/internal/schema"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// mstats aggregates metrics: what Splunk holds as metric_name and _value is a field of its own in Elasticsearch's metrics
// data streams. Where the schema knows the metric as a field it is STATS; the names of metrics in Splunk are those of
// its own collectors, so most have to be mapped in the schema overrides.
func (l *lowering) mstats(cmd *spl.TStats, rest []spl.Command) {
	if hasYes(cmd.Options, "prestats") || hasYes(cmd.Options, "append") {
		l.mstatsHole(cmd, "mstats with prestats or append gives rows for a command of its own")
		return
	}
	metrics, span, where := l.metricNames(cmd.Where)
	where = l.metricSource(where, cmd.Span())
	if l.src == nil {
		l.mstatsHole(cmd, "no data stream is known for the metrics index")
		return
	}
	for _, o := range cmd.Options {
		switch o.Name {
		case "span":
			span = o.Value
		case "chart", "every":
			l.diag("unsupported_option", o.Span(), o.Name, "mstats with "+o.Name+" has no counterpart; leave it out")
		default:
			l.diag("option_ignored", o.Span(), o.Name, "`"+o.Name+"` does not change the rows")
		}
	}
	aggs := make([]spl.Agg, len(cmd.Aggs))
	var present []spl.Expr
	for i, a := range cmd.Aggs {
		aggs[i] = a
		if a.As == nil {
			aggs[i].As = &spl.Name{At: a.At, Text: aggName(&a)}
		}
		f, ok := a.Arg.(*spl.FieldRef)
		switch {
		case strings.Contains(a.Func, "rate") || ok && strings.Contains(f.Name, "*"):
			l.mstatsHole(cmd, "`"+a.Func+"` of mstats has no counterpart in STATS")
			return
		case ok && f.Name == "_value" && len(metrics) == 1:
			aggs[i].Arg = &spl.FieldRef{At: f.At, Name: metrics[0], Quoted: true}
		case a.Arg == nil || ok && f.Name == "_value":
			l.mstatsHole(cmd, "`_value` stands for the values of several metrics, each of which is a field of its own in Elasticsearch")
			return
		}
		present = append(present, aggs[i].Arg)
	}
	for _, x := range conjuncts(where) {
		l.filterAnd(l.searchCond(x, false))
	}
	l.filterEnd()
	if len(present) == 1 {
		// measurements of other metrics are not looked at
		if x := l.nullTest(&spl.Call{At: cmd.At, Func: "isnotnull", Args: present}, false); x != nil {
			l.filter(mark(x, cmd.Span()))
		}
	}
	by, left := timedBy(cmd.By, span)
	if left != nil { // a span alone groups by time too
		o := *left
		o.At = cmd.At
		by = append(by, spl.By{At: cmd.At, Field: spl.Name{At: cmd.At, Text: "_time"}, Bucket: &o})
	}
	l.aggregate(aggs, by, cmd.Span(), true)
}

func (l *lowering) mstatsHole(cmd *spl.TStats, why string) {
	l.diag("unsupported_command", cmd.Span(), "mstats", why+": write it as STATS over the metrics-* data stream that the integration fills; the draft goes on without it, rewrite this part by hand")
	if l.src == nil {
		l.env = newEnv(false)
	}
	for _, b := range cmd.By {
		l.defineHole(b.Field.Text)
	}
	l.holesFor(cmd.Aggs)
	l.env.setPartial()
}

// metricNames takes metric_name= out of a condition, and the span that stands behind it where there is no BY; rest is
// what is left of it.
func (l *lowering) metricNames(e spl.SearchExpr) (names []string, span string, rest spl.SearchExpr) {
	var kept []spl.SearchExpr
	for _, x := range conjuncts(e) {
		if c, ok := x.(*spl.Compare); ok && c.Op == "=" {
			switch {
			case c.Field.Text == "metric_name" && !strings.Contains(c.Value.Text, "*"):
				names = append(names, c.Value.Text)
				l.diag("renamed", c.Span(), c.Value.Text, "the metric `"+c.Value.Text+"` is a field of its own in Elasticsearch")
				continue
			case c.Field.Text == "span":
				span = c.Value.Text
				l.diag("option_ignored", c.Span(), "span", "the span of the intervals, not a condition")
				continue
			}
		}
		kept = append(kept, x)
	}
	switch len(kept) {
	case 0:
		return names, span, nil
	case 1:
		return names, span, kept[0]
	}
	return names, span, &spl.SearchAnd{At: spl.At{At: e.Span()}, Exprs: kept}
}

// metricSource finds the source of a metrics index. The logs that a search falls back on hold no metrics.
func (l *lowering) metricSource(where spl.SearchExpr, at spl.Span) spl.SearchExpr {
	where = l.chooseSource(where, at, nil)
	if l.src == l.schema.Fallback() && !l.schema.IsIdentity() && len(l.opts.Index) == 0 {
		l.src, l.also, l.indices = (*schema.Source)(nil), nil, nil
	}
	return where
}
