package translate

import (
	"github.com/rulebridge/rulebridge/internal/spl"
)

// tstats prestats=t gives rows that only stats or chart of the same functions can read; with append=t, those of several
// searches. One such search is the same as that stats over its events. Several are the partial results of each, put
// together.

// prestats lowers a chain of tstats prestats=t; false when what follows does not read it.
func (l *lowering) prestats(cmd *spl.TStats, rest []spl.Command) bool {
	chain := []*spl.TStats{cmd}
	for len(rest) > 0 {
		t, ok := rest[0].(*spl.TStats)
		if !ok || t.Kind != "tstats" || !hasYes(t.Options, "prestats") || !hasYes(t.Options, "append") {
			break
		}
		chain, rest = append(chain, t), rest[1:]
	}
	if len(rest) == 0 || l.src != nil {
		return false
	}
	aggs, by := closingParts(rest[0])
	if aggs == nil {
		return false
	}
	for _, t := range chain {
		if !l.reads(t, aggs, by, len(chain) > 1) {
			return false
		}
	}
	if len(chain) == 1 {
		l.onePrestats(cmd)
		return true
	}
	closing, ok := rest[0].(*spl.Stats)
	if !ok || !l.partialAggs(chain, closing) {
		return false
	}
	return true
}

// closingParts are the aggregations and fields of a command that reads prestats rows; nil for others.
func closingParts(cmd spl.Command) ([]spl.Agg, []spl.By) {
	switch c := cmd.(type) {
	case *spl.Stats:
		if c.Kind == "stats" || c.Kind == "sistats" {
			return c.Aggs, c.By
		}
	case *spl.Chart:
		by := c.By
		if c.Over != nil {
			by = append([]spl.By{*c.Over}, by...)
		}
		if c.Kind == "timechart" || c.Kind == "sitimechart" {
			by = append([]spl.By{{At: c.At, Field: spl.Name{At: c.At, Text: "_time"}}}, by...)
		}
		return c.Aggs, by
	}
	return nil, nil
}

// reads says that a tstats has the functions that a later command reads, and (unless other searches may have them) its
// fields.
func (l *lowering) reads(t *spl.TStats, aggs []spl.Agg, by []spl.By, several bool) bool {
	have := map[string]bool{}
	for i := range t.Aggs {
		have[prestatsKey(&t.Aggs[i])] = true
	}
	for i := range aggs {
		if !have[prestatsKey(&aggs[i])] && !several {
			return false
		}
	}
	fields := map[string]bool{}
	for _, b := range t.By {
		fields[b.Field.Text] = true
	}
	for _, b := range by {
		if !fields[b.Field.Text] && !several {
			return false
		}
	}
	return true
}

func prestatsKey(a *spl.Agg) string {
	name := a.Func
	if name == "c" {
		name = "count"
	}
	if a.Arg != nil {
		name += "(" + spl.PrintExpr(a.Arg) + ")"
	}
	return name
}

// onePrestats leaves the events to the command that reads them, with the time of the intervals.
func (l *lowering) onePrestats(cmd *spl.TStats) {
	l.prestatsOptions(cmd)
	if !l.tstatsEvents(cmd) {
		return
	}
	span := ""
	for _, o := range cmd.Options {
		if o.Name == "span" {
			span = o.Value
		}
	}
	by, _ := timedBy(cmd.By, span)
	for _, b := range by {
		if b.Field.Text != "_time" || b.Bucket == nil {
			continue
		}
		c := l.lookup("_time", b.Span())
		if x, _, ok := l.bucket(c.value(), b.Bucket.Value, b.Bucket.Span()); ok && !c.hole {
			l.defineAs("_time", &column{typ: "date", nonNull: true}, mark(x, b.Span()), b.Span())
		}
	}
	l.diag("option_ignored", cmd.Span(), "prestats", "the command that reads the prestats rows is over the same events; what it does not read is left out")
}

func (l *lowering) prestatsOptions(cmd *spl.TStats) {
	for _, o := range cmd.Options {
		if o.Name != "span" {
			l.diag("option_ignored", o.Span(), o.Name, "`"+o.Name+"` does not change the rows")
		}
	}
}

// partials says which function a search contributes with, and which one puts the parts together.
var partials = map[string]struct{ part, whole string }{
	"count": {"count", "sum"}, "c": {"count", "sum"}, "sum": {"sum", "sum"}, "min": {"min", "min"}, "max": {"max", "max"},
	"values": {"values", "values"}, "dc": {"values", "dc"}, "distinct_count": {"values", "dc"}, "estdc": {"values", "dc"},
}

// partialAggs lowers each search as rows of parts, joined by append, and replaces the command that reads them.
func (l *lowering) partialAggs(chain []*spl.TStats, closing *spl.Stats) bool {
	whole := *closing
	whole.Aggs = nil
	parts := make([]spl.TStats, len(chain))
	for i, t := range chain {
		parts[i] = *t
		parts[i].Aggs, parts[i].Options = nil, nil
		for _, o := range t.Options {
			if o.Name == "span" {
				parts[i].Options = append(parts[i].Options, o)
			}
		}
	}
	for i := range closing.Aggs {
		a := closing.Aggs[i]
		f, ok := partials[a.Func]
		if !ok {
			return false
		}
		name := "_part_" + itoa(i+1)
		key := prestatsKey(&a)
		found := false
		for j, t := range chain {
			for k := range t.Aggs {
				if prestatsKey(&t.Aggs[k]) != key {
					continue
				}
				part := t.Aggs[k]
				part.Func, part.As = f.part, &spl.Name{At: part.At, Text: name}
				parts[j].Aggs = append(parts[j].Aggs, part)
				found = true
				break
			}
		}
		if !found {
			return false
		}
		out := a
		out.Func, out.Eval = f.whole, false
		out.Arg = &spl.FieldRef{At: a.At, Name: name}
		out.As = &spl.Name{At: a.At, Text: aggName(&a)}
		whole.Aggs = append(whole.Aggs, out)
	}
	for i := range parts {
		if len(parts[i].Aggs) == 0 {
			return false
		}
		l.prestatsOptions(chain[i])
		l.diag("option_ignored", chain[i].Span(), "prestats", "each search gives its part of the results, which the command that reads them puts together")
	}
	l.tstats(&parts[0], nil)
	for i := range parts[1:] {
		l.consume(chain[i+1])
		sub := &spl.Pipeline{At: parts[i+1].At, Commands: []spl.Command{&parts[i+1]}}
		l.appendRows(&spl.Append{At: parts[i+1].At, Kind: "append", Sub: sub}, nil)
	}
	if l.replaced == nil {
		l.replaced = map[spl.Command]spl.Command{}
	}
	l.replaced[closing] = &whole
	return true
}
