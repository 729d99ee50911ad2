package translate

import (
	"slices"
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/schema"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// Searches over several sources at once: the indices of all are read, and a field has to be what each of them says.

// field is what the sources of the search say of a field. Sources that keep it in different fields make it an
// approximation, because one source's field may also hold something in the events of another.
func (l *lowering) field(name string) *schema.Field {
	hint := schema.Hint{EventCodes: l.eventCodes}
	first := l.src.SharedField(name, hint)
	if len(l.also) == 0 || l.schema.IsIdentity() {
		return first
	}
	f, from := *first, l.src.Name
	for _, s := range l.also {
		g := s.Field(name, hint)
		switch {
		case f.Support == schema.None && g.Support == schema.None:
		case f.Support == schema.None:
			g.Reason = "only the events of " + s.Name + " have a field for it, those of " + from + " do not (" + f.Reason + ")"
			g.Support, g.FormatOnly = schema.Approximate, false
			f, from = g, s.Name
		case g.Support == schema.None:
			f.Reason = "only the events of " + from + " have a field for it, those of " + s.Name + " do not (" + g.Reason + ")"
			f.Support, f.FormatOnly = schema.Approximate, false
		case f.Name == g.Name && f.Fn == g.Fn:
			f = l.agreed(f, g)
		case f.Fn != "" || g.Fn != "" || !oneFamily(f.Type, g.Type):
			return &schema.Field{Source: name, Reason: from + " keeps it in " + f.Name + ", " + s.Name + " in " + g.Name + ", which do not compare; search one source at a time"}
		default:
			f.Reason = from + " keeps it in " + readFrom(&f) + ", " + s.Name + " in " + g.Name + "; the first of them that an event has is taken"
			f.Also = append(f.Also[:len(f.Also):len(f.Also)], g.Name)
			f.Array, f.LowerCase = max(f.Array, g.Array), f.LowerCase && g.LowerCase
			f.Support, f.FormatOnly = schema.Approximate, false
			f.Values = joinValues(f.Values, g.Values)
		}
	}
	f.DynamicOnly = false // it differs from one source to the other
	return &f
}

// agreed is a field that two sources share: what either says of it holds.
func (l *lowering) agreed(f, g schema.Field) schema.Field {
	if g.Support > f.Support {
		f.Support, f.Reason, f.FormatOnly = g.Support, g.Reason, g.FormatOnly
	}
	f.Array, f.LowerCase = max(f.Array, g.Array), f.LowerCase && g.LowerCase
	f.ValuesComplete = f.ValuesComplete && g.ValuesComplete
	f.Values = joinValues(f.Values, g.Values)
	if g.IgnoreAbove != 0 && (f.IgnoreAbove == 0 || g.IgnoreAbove < f.IgnoreAbove) {
		f.IgnoreAbove = g.IgnoreAbove
	}
	if f.Default != g.Default {
		f.Default = ""
		f.Support, f.FormatOnly = schema.Approximate, false
		f.Reason = "the sources differ in what a missing value stands for"
	}
	return f
}

// joinValues are the counterparts of each word in either source; a word that one of them keeps stands for itself too.
func joinValues(a, b map[string][]string) map[string][]string {
	if len(a) == 0 && len(b) == 0 {
		return nil
	}
	out := map[string][]string{}
	for _, k := range append(sortedKeys(a), sortedKeys(b)...) {
		if _, done := out[k]; done {
			continue
		}
		var to []string
		for _, m := range []map[string][]string{a, b} {
			vs, ok := m[k]
			if !ok {
				vs = []string{k}
			}
			for _, v := range vs {
				to = appendNew(to, v)
			}
		}
		out[k] = to
	}
	return out
}

func oneFamily(a, b string) bool {
	return isText(a) && isText(b) || isNumeric(a) && isNumeric(b) || a == b
}

// branchSources finds the sources that alternatives of a search name each for itself, as in (`a` x=1) OR (`b` x=2). Every
// alternative has to name one.
func (l *lowering) branchSources(e spl.SearchExpr) ([]*schema.Source, bool) {
	or, ok := e.(*spl.SearchOr)
	if !ok || l.schema.IsIdentity() {
		return nil, false
	}
	var out []*schema.Source
	named := map[spl.SearchExpr][]*schema.Source{}
	for _, x := range or.Exprs {
		group, ok := l.branchSource(conjuncts(x), named)
		if !ok {
			return nil, false
		}
		for _, s := range group {
			out = appendSource(out, s)
		}
	}
	if len(out) < 2 {
		return nil, false
	}
	l.named = named
	return out, true
}

// branchSource finds the sources of one alternative, and notes at which of its conditions they are named; conditions that
// add nothing are noted without a source.
func (l *lowering) branchSource(parts []spl.SearchExpr, named map[spl.SearchExpr][]*schema.Source) ([]*schema.Source, bool) {
	var preds []schema.Predicate
	var at []spl.SearchExpr
	var out []*schema.Source
	for _, p := range parts {
		if c, ok := p.(*spl.Compare); ok && c.Op == "=" && metadataField(c.Field.Text) {
			preds = append(preds, schema.Predicate{Field: c.Field.Text, Value: c.Value.Text})
			at = append(at, p)
			continue
		}
		if group, ok := l.sourceGroup(p); ok && out == nil {
			out = group
			named[p] = group
		}
	}
	if s, consumed, ok := l.schema.Match(preds); ok && len(preds) > 0 && (out == nil || slices.Contains(out, s)) {
		if out == nil {
			out = []*schema.Source{s}
		}
		first := true
		for i, p := range at {
			if consumed[i] {
				named[p] = nil
				if first && !strings.EqualFold(preds[i].Field, "index") {
					named[p], first = []*schema.Source{s}, false
				}
			}
		}
		if first {
			return nil, false // only an index is named, which several sources share
		}
	}
	for _, s := range out {
		if _, ok := dataset(s); !ok {
			return nil, false
		}
	}
	return out, len(out) > 0
}

// within runs f with fields read as the sources that an alternative names read them.
func (l *lowering) within(parts []spl.SearchExpr, f func()) {
	for _, p := range parts {
		srcs := l.named[p]
		if len(srcs) == 0 {
			continue
		}
		src, also, codes := l.src, l.also, l.eventCodes
		l.src, l.also, l.eventCodes = srcs[0], srcs[1:], nil
		l.noteEventCodes(&spl.SearchAnd{Exprs: parts})
		f()
		l.src, l.also, l.eventCodes = src, also, codes
		return
	}
	f()
}

// namedSource is the condition that stands for an expression of the search that names one of its sources.
func (l *lowering) namedSource(e spl.SearchExpr, neg bool) (esql.Expr, bool) {
	srcs, ok := l.named[e]
	if !ok {
		return nil, false
	}
	if len(srcs) == 0 {
		return boolean(!neg), true
	}
	tests := make([]esql.Expr, len(srcs))
	for i, s := range srcs {
		tests[i] = l.sourceTest(s, e.Span(), false)
	}
	if neg {
		return not(or(tests...)), true
	}
	return or(tests...), true
}

// dataset is the data stream that tells the events of a source from those of another.
func dataset(s *schema.Source) ([]string, bool) {
	var out []string
	for _, st := range s.Streams {
		out = append(out, strings.ReplaceAll(st, "/", "."))
	}
	_, known := s.Known("data_stream.dataset")
	return out, known && len(out) > 0
}

// sourceTest is true for the events of one of several sources.
func (l *lowering) sourceTest(s *schema.Source, at spl.Span, neg bool) esql.Expr {
	names, ok := dataset(s)
	if !ok {
		return nil
	}
	x := and(in(col("data_stream.dataset"), names), l.constraints(s, at))
	if neg {
		return not(x)
	}
	return x
}
