package translate

import (
	"slices"
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/schema"
	"github.com/rulebridge/rulebridge/internal/spl"
)

func (l *lowering) search(cmd *spl.Search, rest []spl.Command) {
	e := cmd.Expr
	if l.src == nil && !l.aggregated && l.first {
		e = l.chooseSource(e, cmd.Span(), rest)
	}
	l.noteEventCodes(e)
	var subs []spl.SearchExpr
	for _, x := range conjuncts(e) {
		if _, _, ok := semiJoin(x); ok {
			subs = append(subs, x)
			continue
		}
		c := l.searchCond(x, false)
		l.filterAnd(c)
		l.noteChoices(searchChoices(x))
	}
	if x := and(l.pending...); isFalse(x) && len(l.pending) > 1 { // of one condition it is said
		l.constant(x, cmd.Span())
	}
	l.filterEnd()
	for _, x := range subs {
		l.joinSubsearch(x, rest)
	}
}

// conjuncts flattens the top-level AND; the list may be the expression's own.
func conjuncts(e spl.SearchExpr) []spl.SearchExpr {
	and, ok := e.(*spl.SearchAnd)
	if !ok {
		return appendConjuncts(nil, e)
	}
	flat := true
	for _, x := range and.Exprs {
		_, nested := x.(*spl.SearchAnd)
		flat = flat && !nested && x != nil
	}
	if flat {
		return and.Exprs[:len(and.Exprs):len(and.Exprs)]
	}
	return appendConjuncts(make([]spl.SearchExpr, 0, len(and.Exprs)), e)
}

func appendConjuncts(out []spl.SearchExpr, e spl.SearchExpr) []spl.SearchExpr {
	switch e := e.(type) {
	case nil:
		return out
	case *spl.SearchAnd:
		for _, x := range e.Exprs {
			out = appendConjuncts(out, x)
		}
		return out
	}
	return append(out, e)
}

// equalities are the conjuncts that say which value a field has; some sources keep apart by them what Splunk keeps in one.
func equalities(parts []spl.SearchExpr) []schema.Predicate {
	var out []schema.Predicate
	for _, p := range parts {
		if p, ok := p.(*spl.Compare); ok && p.Op == "=" {
			out = append(out, schema.Predicate{Field: p.Field.Text, Value: p.Value.Text})
		}
	}
	return out
}

// filterAnd collects conditions of one command into one WHERE; filterEnd writes it.
func (l *lowering) filterAnd(x esql.Expr) {
	if x != nil {
		if !isTrue(x) {
			l.keepCondition()
		}
		l.pending = append(l.pending, x)
	}
}

func (l *lowering) filterEnd() {
	l.filter(and(l.pending...))
	l.pending = l.pending[:0]
}

func metadataField(name string) bool {
	for _, word := range [...]string{"index", "source", "sourcetype", "eventtype", "channel", "tag"} {
		if len(name) == len(word) && strings.EqualFold(name, word) {
			return true
		}
	}
	return false
}

// noteIndices says where the events of a source are.
func (l *lowering) noteIndices(at spl.Span, source string, indices []string) {
	message := "`" + source + "` is read from " + strings.Join(indices, ", ")
	if len(indices) == 0 {
		message = "`" + source + "` names a source that no integration of Elastic has"
	}
	l.diag("source_resolved", at, source, message)
}

// chooseSource finds the data source of a raw search and returns what is left to filter.
func (l *lowering) chooseSource(e spl.SearchExpr, at spl.Span, later []spl.Command) spl.SearchExpr {
	parts := conjuncts(e)
	var srcs []*schema.Source
	used := make([]bool, len(parts))
	var preds []schema.Predicate
	var predOf []int
	for i, p := range parts {
		switch p := p.(type) {
		case *spl.SearchMacro:
			if s, ok := l.schema.Macro(p.Macro); ok && len(p.Args) == 0 {
				srcs = appendSource(srcs, s)
				used[i] = true
				l.noteIndices(p.Span(), p.Macro, l.narrowed(s, parts).Indices)
			}
		case *spl.Compare:
			if p.Op == "=" && metadataField(p.Field.Text) {
				preds = append(preds, schema.Predicate{Field: p.Field.Text, Value: p.Value.Text})
				predOf = append(predOf, i)
			}
		}
	}
	if len(preds) > 0 {
		s, consumed, ok := l.schema.Match(preds)
		if ok && len(srcs) > 0 && srcs[0].Name == s.Name {
			srcs[0] = s // it may name one channel of the macro's
		}
		for j, i := range predOf {
			p := parts[i].(*spl.Compare)
			take := strings.EqualFold(p.Field.Text, "index")
			if ok && (len(srcs) == 0 || srcs[0] == s) {
				take = take || consumed[j]
			}
			if l.schema.IsIdentity() {
				take = strings.EqualFold(p.Field.Text, "index") && !l.identityHas(p.Field.Text)
			}
			if take {
				used[i] = true
				what := "`" + p.Field.Text + "=" + p.Value.Text + "`"
				if ok && !l.schema.IsIdentity() {
					l.diag("source_resolved", p.Span(), p.Field.Text, what+" became the index pattern")
				} else {
					pattern := "the index pattern"
					if read := l.given(); len(read) > 0 {
						pattern += " " + strings.Join(read, ", ")
					}
					l.diag("source_resolved", p.Span(), p.Field.Text, pattern+" takes the place of "+what)
				}
			}
		}
		if ok && len(srcs) == 0 {
			srcs = append(srcs, s)
		}
	}
	for i, p := range parts {
		if used[i] {
			continue
		}
		if l.namesIndexes(p) {
			used[i] = true
			l.diag("source_resolved", p.Span(), "index", "the index pattern takes the place of the names of indexes")
			continue
		}
		if group, ok := l.sourceGroup(p); ok && (len(srcs) == 0 || len(group) == 1 && group[0] == srcs[0]) {
			for _, s := range group {
				srcs = appendSource(srcs, s)
			}
			used[i] = true
			l.diag("source_resolved", p.Span(), "", "these alternatives became the index pattern")
			continue
		}
		if group, ok := l.branchSources(p); ok && len(srcs) == 0 {
			srcs = group
			l.diag("source_resolved", p.Span(), "", "the sources of these alternatives became the index pattern; data_stream.dataset tells them apart")
		}
	}
	if len(srcs) == 0 && !l.schema.IsIdentity() {
		if s := l.takeRecognised(parts, used, later, at); s != nil {
			srcs = append(srcs, s)
		}
	}
	narrowed := srcs[:0]
	for _, s := range srcs {
		narrowed = appendSource(narrowed, l.narrowed(s, parts))
	}
	srcs = narrowed
	l.useSources(srcs, at)
	var rest []spl.SearchExpr
	for i, p := range parts {
		if !used[i] {
			rest = append(rest, p)
		}
	}
	switch len(rest) {
	case 0:
		return nil
	case 1:
		return rest[0]
	}
	return &spl.SearchAnd{At: spl.At{At: at}, Exprs: rest}
}

// narrowed picks the stream of a source that the conditions select, of several event codes the one that has them all.
func (l *lowering) narrowed(s *schema.Source, parts []spl.SearchExpr) *schema.Source {
	if t := s.Narrow(equalities(parts)); t != s {
		return t
	}
	out := s
	for _, p := range parts {
		codes, ok := l.codesOf(p)
		if !ok {
			continue
		}
		for _, c := range codes {
			t := s.Narrow([]schema.Predicate{{Field: "EventCode", Value: c}})
			if t == s || out != s && t != out {
				return s
			}
			out = t
		}
		return out
	}
	return out
}

// given is the index pattern that whoever runs the compiler gave, or that the identity schema reads.
func (l *lowering) given() []string {
	if len(l.opts.Index) == 0 && l.schema.IsIdentity() {
		return l.schema.Fallback().Indices
	}
	return l.opts.Index
}

// namesIndexes says that a condition is about names of Splunk's indexes and nothing else.
func (l *lowering) namesIndexes(e spl.SearchExpr) bool {
	switch e := e.(type) {
	case *spl.Compare:
		return (e.Op == "=" || e.Op == "!=") && strings.EqualFold(e.Field.Text, "index") && !l.identityHas(e.Field.Text)
	case *spl.SearchIn:
		return strings.EqualFold(e.Field.Text, "index") && !l.identityHas(e.Field.Text)
	case *spl.SearchNot:
		return l.namesIndexes(e.Expr)
	case *spl.SearchAnd:
		return !slices.ContainsFunc(e.Exprs, func(x spl.SearchExpr) bool { return !l.namesIndexes(x) })
	case *spl.SearchOr:
		return !slices.ContainsFunc(e.Exprs, func(x spl.SearchExpr) bool { return !l.namesIndexes(x) })
	}
	return false
}

// identityHas says that the request names the field as one of its own.
func (l *lowering) identityHas(field string) bool {
	_, ok := l.req.Types[field]
	return ok
}

func sameConstraint(a, b schema.Constraint) bool {
	return a.Field == b.Field && a.Not == b.Not && slices.Equal(a.Values, b.Values)
}

func appendSource(srcs []*schema.Source, s *schema.Source) []*schema.Source {
	for _, x := range srcs {
		if x == s || x.Name == s.Name && slices.EqualFunc(x.Constraints, s.Constraints, sameConstraint) {
			return srcs
		}
	}
	return append(srcs, s)
}

// sourceGroup resolves an OR (or IN) whose alternatives only name sources.
func (l *lowering) sourceGroup(e spl.SearchExpr) ([]*schema.Source, bool) {
	if l.schema.IsIdentity() {
		return nil, false
	}
	match := func(ps []schema.Predicate) ([]*schema.Source, bool) {
		s, consumed, ok := l.schema.Match(ps)
		if !ok {
			return nil, false
		}
		for _, c := range consumed {
			if !c {
				return nil, false
			}
		}
		return []*schema.Source{s}, true
	}
	switch e := e.(type) {
	case *spl.SearchMacro:
		if s, ok := l.schema.Macro(e.Macro); ok && len(e.Args) == 0 {
			return []*schema.Source{s}, true
		}
	case *spl.Compare:
		if e.Op == "=" && metadataField(e.Field.Text) {
			return match([]schema.Predicate{{Field: e.Field.Text, Value: e.Value.Text}})
		}
	case *spl.SearchIn:
		if !metadataField(e.Field.Text) {
			return nil, false
		}
		var out []*schema.Source
		for _, v := range e.Values {
			g, ok := match([]schema.Predicate{{Field: e.Field.Text, Value: v.Text}})
			if !ok {
				return nil, false
			}
			out = appendSource(out, g[0])
		}
		return out, len(out) > 0
	case *spl.SearchAnd:
		var ps []schema.Predicate
		for _, x := range e.Exprs {
			c, ok := x.(*spl.Compare)
			if !ok || c.Op != "=" || !metadataField(c.Field.Text) {
				return nil, false
			}
			ps = append(ps, schema.Predicate{Field: c.Field.Text, Value: c.Value.Text})
		}
		return match(ps)
	case *spl.SearchOr:
		var out []*schema.Source
		for _, x := range e.Exprs {
			g, ok := l.sourceGroup(x)
			if !ok {
				return nil, false
			}
			for _, s := range g {
				out = appendSource(out, s)
			}
		}
		return out, len(out) > 0
	}
	return nil, false
}

// useSources opens the environment over the sources and writes their constraints.
func (l *lowering) useSources(srcs []*schema.Source, at spl.Span) {
	if len(srcs) == 0 {
		s := l.schema.Fallback()
		if s == nil {
			l.diag("unknown_source", at, "", "no data source is known for this search; add its macro or sourcetype to the schema overrides, or give an index pattern")
			return
		}
		srcs = []*schema.Source{s}
		switch {
		case s.Support == schema.Exact:
		case len(l.opts.Index) > 0:
			l.diag("source_resolved", at, "index", "the search names no known data source; the given index pattern "+strings.Join(l.opts.Index, ", ")+" is taken for it")
		default:
			l.diag("source_approximate", at, "", "the search names no known data source, so it runs over "+strings.Join(s.Indices, ", ")+"; name the index pattern or add the source to the schema overrides")
		}
	}
	l.src = srcs[0]
	l.also = srcs[1:]
	for _, s := range srcs {
		l.modelled = l.modelled || s.DataModel
		switch s.Support {
		case schema.None:
			l.diag("unknown_source", at, s.Name, s.Name+" has no counterpart in Elastic's integrations: "+s.Reason)
		case schema.Approximate:
			if s != l.schema.Fallback() {
				l.diag("source_approximate", at, s.Name, s.Name+" is not quite the same data: "+s.Reason)
			}
		case schema.Medium:
			l.diag("mapping_medium", at, s.Name, s.Name+": "+s.Reason)
		}
		for _, i := range s.Indices {
			l.indices = appendNew(l.indices, i)
		}
	}
	if len(srcs) == 1 {
		l.filter(l.constraints(srcs[0], at))
		return
	}
	var alts []esql.Expr
	for _, s := range srcs {
		c := l.constraints(s, at)
		if c == nil {
			return // one of the sources takes every event of its indices
		}
		alts = append(alts, c)
	}
	l.filter(or(alts...))
}

// constraints is the filter that a source implies.
func (l *lowering) constraints(s *schema.Source, at spl.Span) esql.Expr {
	var parts []esql.Expr
	for _, c := range s.Constraints {
		v := value{expr: col(c.Field), typ: c.Type, array: c.Array, lower: true, col: &column{name: c.Field, typ: c.Type}}
		var x esql.Expr
		if v.multi() {
			var alts []esql.Expr
			for _, w := range c.Values {
				alts = append(alts, binary(":", v.expr, str(w)))
			}
			x = or(alts...)
		} else {
			x = in(v.expr, c.Values)
		}
		if c.Not {
			x = l.orNull(v, negate(x))
		}
		parts = append(parts, x)
	}
	return mark(and(parts...), at)
}

// noteEventCodes remembers the event codes the filters admit, because pipelines move fields per code.
func (l *lowering) noteEventCodes(e spl.SearchExpr) {
	if l.eventCodes != nil {
		return
	}
	for _, x := range conjuncts(e) {
		if codes, ok := l.codesOf(x); ok {
			l.eventCodes = codes
			return
		}
	}
}

// codesOf are the event codes, or the operations, that a condition admits.
func (l *lowering) codesOf(e spl.SearchExpr) ([]string, bool) {
	isCode := func(f string) bool {
		if l.src != nil && l.src.DataModel {
			f = f[strings.LastIndexByte(f, '.')+1:]
		}
		switch f {
		case "EventCode", "EventID", "signature_id", "result_id", "event.code":
			return true
		}
		return l.src != nil && l.src.SelectsOperation(f)
	}
	switch e := e.(type) {
	case *spl.Compare:
		if e.Op == "=" && isCode(e.Field.Text) && !strings.Contains(e.Value.Text, "*") {
			return []string{e.Value.Text}, true
		}
	case *spl.SearchIn:
		if !isCode(e.Field.Text) {
			return nil, false
		}
		var out []string
		for _, v := range e.Values {
			if strings.Contains(v.Text, "*") {
				return nil, false
			}
			out = append(out, v.Text)
		}
		return out, true
	case *spl.SearchAnd:
		for _, x := range e.Exprs {
			if c, ok := l.codesOf(x); ok {
				return c, true
			}
		}
	case *spl.SearchOr:
		var out []string
		for _, x := range e.Exprs {
			c, ok := l.codesOf(x)
			if !ok {
				return nil, false
			}
			out = append(out, c...)
		}
		return out, true
	}
	return nil, false
}

// term is a bare word: the raw event contains it.
func (l *lowering) term(t *spl.Term, neg bool) esql.Expr {
	text := t.Value.Text
	if strings.Trim(text, "*") == "" {
		l.diag("option_ignored", t.Span(), "*", "* matches every event")
		return boolean(!neg)
	}
	if !l.queryString() {
		if l.aggregated && text == "search" && !t.Value.Quoted {
			// `| search `filter“, where the macro says `search *`
			l.diag("text_search", t.Span(), "search", "a macro that begins with `search` stands inside a search command, where `search` is a word to look for in the raw event, and rows of stats have none; the draft leaves the word out. Take `search` out of the macro, or from before it")
			return boolean(!neg)
		}
		l.diag("unsupported_expression", t.Span(), "", "a bare word searches the raw event, which QSTR can only do before any eval or stats; name the field")
		return nil
	}
	l.diag("text_search", t.Span(), "", "a bare word is searched in the raw event in Splunk, in the default fields in Elasticsearch, where keyword fields match only as a whole: "+clip(text)+"; name the field where you can")
	q := esql.LucenePhrase(text)
	if strings.Contains(text, "*") && !strings.ContainsAny(text, " \t") {
		parts := strings.Split(text, "*")
		for i, p := range parts {
			parts[i] = esql.EscapeLucene(p)
		}
		q = strings.Join(parts, "*")
	}
	x := call("QSTR", str(q))
	if neg {
		return not(x)
	}
	return x
}

func (l *lowering) searchMacro(e *spl.SearchMacro, neg bool) esql.Expr {
	if s, ok := l.schema.Macro(e.Macro); ok {
		// A source deeper in the search: it filters by what its events carry.
		if s == l.src && len(l.also) == 0 {
			return boolean(!neg)
		}
		if len(l.also) > 0 && !l.aggregated && slices.Contains(append(l.also, l.src), s) {
			if x := l.sourceTest(s, e.Span(), neg); x != nil {
				return x
			}
		}
		l.diag("unknown_source", e.Span(), e.Macro, "`"+e.Macro+"` names a data source inside a condition; write it at the start of the search")
		return nil
	}
	if l.hidden("macro", e.Macro) == "" && l.isFilterMacro(e.Macro) {
		return boolean(!neg)
	}
	l.unknownMacro(e.Macro, e.Span())
	l.leaveCondition()
	return nil
}

// parseSearch reads a search expression inside a text, for searchmatch.
func (l *lowering) parseSearch(text string, at spl.Span) (spl.SearchExpr, bool) {
	q := spl.Parse("search "+text, spl.Options{MaxDepth: l.opts.MaxDepth, Budget: l.budget})
	if len(q.Problems) > 0 || len(q.Pipeline.Commands) != 1 {
		l.diag("syntax", at, "", "this search could not be read: "+clip(text))
		return nil, false
	}
	s, ok := q.Pipeline.Commands[0].(*spl.Search)
	if !ok {
		return nil, false
	}
	return respan(s.Expr, at), true
}

// respan gives an expression the place of the text it was read from.
func respan(e spl.SearchExpr, at spl.Span) spl.SearchExpr {
	a := spl.At{At: at}
	switch e := e.(type) {
	case *spl.SearchAnd:
		out := &spl.SearchAnd{At: a}
		for _, x := range e.Exprs {
			out.Exprs = append(out.Exprs, respan(x, at))
		}
		return out
	case *spl.SearchOr:
		out := &spl.SearchOr{At: a}
		for _, x := range e.Exprs {
			out.Exprs = append(out.Exprs, respan(x, at))
		}
		return out
	case *spl.SearchNot:
		return &spl.SearchNot{At: a, Expr: respan(e.Expr, at)}
	case *spl.Compare:
		n := *e
		n.At, n.Field.At, n.Value.At = a, a, a
		return &n
	case *spl.SearchIn:
		n := *e
		n.At, n.Field.At = a, a
		return &n
	case *spl.Term:
		n := *e
		n.At = a
		return &n
	}
	return e
}
