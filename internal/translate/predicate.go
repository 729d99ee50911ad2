package translate

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/schema"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// The search command's grammar. Every function takes neg and returns an expression that is true exactly where the
// search (negated when neg) holds: negation is pushed to the leaves and each leaf made null-safe, so that AND and OR
// above need no care. nil is a hole.

func (l *lowering) searchCond(e spl.SearchExpr, neg bool) esql.Expr {
	defer l.budget.Enter().Leave()
	if len(l.named) > 0 {
		if x, ok := l.namedSource(e, neg); ok {
			return mark(x, e.Span())
		}
	}
	switch e := e.(type) {
	case nil:
		return boolean(!neg)
	case *spl.SearchNot:
		l.nested++
		x := l.searchCond(e.Expr, !neg)
		l.nested--
		return x
	case *spl.SearchAnd:
		var x esql.Expr
		l.within(e.Exprs, func() { x = l.searchChain(e.Exprs, neg, !neg) })
		return l.chained(x, e.Span())
	case *spl.SearchOr:
		l.nested++
		x := l.searchChain(e.Exprs, neg, neg)
		l.nested--
		return l.chained(x, e.Span())
	case *spl.Compare:
		if timeModifier(e.Field.Text) {
			return mark(l.compare(e, neg), e.Span())
		}
		return l.leaf(l.compare(e, neg), e.Span())
	case *spl.SearchIn:
		return l.leaf(l.searchIn(e.Field, e.Values, e.Span(), neg), e.Span())
	case *spl.Term:
		if strings.Trim(e.Value.Text, "*") == "" {
			return l.term(e, neg)
		}
		return l.leaf(l.term(e, neg), e.Span())
	case *spl.SubsearchExpr:
		return l.leaf(l.subsearchFilter(e, neg), e.Span())
	case *spl.SearchMacro:
		return mark(l.searchMacro(e, neg), e.Span())
	case *spl.SearchHole:
		if !strings.Contains(e.Text, "`") { // otherwise the macro is said to be missing
			l.diag("syntax", e.Span(), "", "this part of the search could not be read: "+clip(e.Text))
		}
		l.leaveCondition()
		return nil
	}
	return nil
}

// leaf gives a condition its place; one that is a hole is said to be left out.
func (l *lowering) leaf(x esql.Expr, span spl.Span) esql.Expr {
	if x == nil {
		l.leaveCondition()
		l.diag("depends_on_hole", span, "", "this condition is left out of the draft, because a part of it could not be translated; settle that error first")
		return nil
	}
	l.constant(x, span)
	return mark(x, span)
}

// alwaysPresent says why a field is never missing, and when it could be.
func (l *lowering) alwaysPresent(c *column, name string, span spl.Span) {
	f := c.mapping()
	if f.Default == "" || name == "" {
		return
	}
	l.diag("always_present", span, name, "`"+name+"` is never missing in Splunk's events of this kind, which have `"+f.Default+"` where there is no value, so this never holds; older versions of the source may lack the field, and their events are not found. To find events without a value, compare it with \""+f.Default+"\"")
	l.diag("constant_condition", span, name, "this condition never holds here, in Splunk either: every event has `"+name+"`")
}

// neverAlerts says so where no row can be left: a filter that never holds, with nothing behind it that makes a row of none.
func (l *lowering) neverAlerts(cmds []esql.Command) {
	for _, c := range slices.Backward(cmds) {
		switch c := c.(type) {
		case *esql.Stats:
			if len(c.By) == 0 && !c.Inline {
				return
			}
		case *esql.Where:
			if !isFalse(c.Expr) {
				continue
			}
			at, why := wholeSpan(l.req.Query), ""
			for _, d := range l.diags {
				if d.Code == "constant_condition" && d.Subject != "true" {
					at, why = d.Span, ": a condition never holds"
					break
				}
			}
			l.command = ""
			l.diag("never_alerts", at, "", "this rule never alerts, in Splunk either"+why+" (WHERE false in the draft). Correct the field or the value, or leave the rule out")
			return
		}
	}
}

// chained says so where one operand decides a whole chain.
func (l *lowering) chained(x esql.Expr, span spl.Span) esql.Expr {
	if x != nil {
		l.constant(x, span)
	}
	return x
}

// constant says that a condition needs no data.
func (l *lowering) constant(x esql.Expr, span spl.Span) {
	if (isTrue(x) || isFalse(x)) && slices.ContainsFunc(l.diags, func(d Diagnostic) bool {
		return d.Code == "constant_condition" && d.Span == span && d.Subject != "true" && d.Subject != "false"
	}) {
		return // said with the reason
	}
	switch {
	case isTrue(x):
		l.diag("constant_condition", span, "true", "this condition always holds here")
	case isFalse(x):
		l.diag("constant_condition", span, "false", "this condition never holds here, in Splunk either; check the field and the value")
	}
}

// searchChain joins operands; conj says whether with AND. Alternatives on one field become one test.
func (l *lowering) searchChain(xs []spl.SearchExpr, neg, conj bool) esql.Expr {
	out := make([]esql.Expr, 0, len(xs))
	merge := conj == neg // an OR, or a negated OR
	for i := 0; i < len(xs); i++ {
		if merge {
			if n := equalRun(xs[i:]); n > 1 {
				first := xs[i].(*spl.Compare)
				vals := make([]spl.Value, 0, n)
				for _, x := range xs[i : i+n] {
					vals = append(vals, x.(*spl.Compare).Value)
				}
				span := spl.Span{Start: first.Span().Start, End: xs[i+n-1].Span().End}
				out = append(out, l.leaf(l.searchIn(first.Field, vals, span, neg), span))
				i += n - 1
				continue
			}
		}
		out = append(out, l.searchCond(xs[i], neg))
	}
	if conj {
		return and(out...)
	}
	return or(out...)
}

// equalRun counts the leading operands that compare one field for equality.
func equalRun(xs []spl.SearchExpr) int {
	n := 0
	field := ""
	for _, x := range xs {
		c, ok := x.(*spl.Compare)
		if !ok || c.Op != "=" || (n > 0 && c.Field.Text != field) || timeModifier(c.Field.Text) {
			break
		}
		field = c.Field.Text
		n++
	}
	return n
}

func (l *lowering) compare(e *spl.Compare, neg bool) esql.Expr {
	l.place = e.Span()
	if timeModifier(e.Field.Text) {
		return l.timeModifier(e, neg)
	}
	if e.Op == "!=" && e.Value.Text != "" && strings.Trim(e.Value.Text, "*") == "" {
		if c := l.lookupCompared("!=", e.Field); c.hole {
			return nil
		}
		return boolean(neg) // the field has to be there and to differ from anything
	}
	if x := l.atLeast(l.env.cols[e.Field.Text], e.Field.Text, e.Op, e.Value.Text, e.Span(), neg); x != nil {
		return x
	}
	switch e.Op {
	case "=", "==":
		if x, ok := l.namesHave(e.Field, e.Value.Text, e.Span(), neg); ok {
			return x
		}
		return l.searchIn(e.Field, []spl.Value{e.Value}, e.Span(), neg)
	case "!=":
		c := l.lookupCompared("!=", e.Field, e.Value)
		if c.filled {
			return l.searchIn(e.Field, []spl.Value{e.Value}, e.Span(), !neg)
		}
		v := c.value()
		switch {
		case v.hole:
			return nil
		case v.null:
			return boolean(neg)
		case !v.multi():
			v = l.account(v, e.Value)
			x := l.alternatives(v, []spl.Value{e.Value}, !neg)
			if neg {
				return l.orNull(v, x)
			}
			return l.required(v, negate(x))
		}
		return l.differs(v, e.Value, neg)
	}
	return l.searchOrder(e, neg)
}

// required adds that the value is present, which a negated test does not say to the reader, and need not say to the
// engine where the value is a constant.
func (l *lowering) required(v value, x esql.Expr) esql.Expr {
	if x == nil || v.nonNull || l.present[v.columnName()] || isTrue(x) {
		if isTrue(x) && !v.nonNull {
			return notNull(v.expr)
		}
		return x
	}
	if isFalse(x) {
		return x
	}
	return and(notNull(v.expr), x)
}

// orNull makes a negated leaf hold where the value is missing.
func (l *lowering) orNull(v value, x esql.Expr) esql.Expr {
	switch {
	case x == nil || isTrue(x) || v.nonNull || l.present[v.columnName()]:
		return x
	case isFalse(x):
		return isNull(v.expr)
	case twoValued(x):
		return x
	}
	if n, ok := x.(*esql.IsNull); ok && !n.Not {
		return x // the negation of a test for presence
	}
	return or(x, isNull(v.expr))
}

// twoValued says that a negated full-text condition holds where the field is missing without saying so.
func twoValued(x esql.Expr) bool {
	n, ok := x.(*esql.Not)
	if !ok {
		return false
	}
	switch e := n.X.(type) {
	case *esql.Call:
		return e.Func == "QSTR"
	case *esql.Binary:
		return e.Op == ":"
	}
	return false
}

// searchIn is FIELD = one of the values.
func (l *lowering) searchIn(field spl.Name, vals []spl.Value, span spl.Span, neg bool) esql.Expr {
	l.at, l.place = span, span
	if x, ok := l.anyElement(field, vals, span, neg); ok {
		return x
	}
	c := l.lookupCompared("=", field, vals...)
	v := c.value()
	if v.hole {
		return nil
	}
	if v.null {
		return boolean(neg)
	}
	if c.filled && len(vals) == 1 && strings.Trim(vals[0].Text, "*") == "" && vals[0].Text != "" {
		if neg {
			l.alwaysPresent(c, field.Text, span)
		}
		return boolean(!neg) // Splunk has a word in place of a missing value
	}
	v = l.account(v, vals...)
	filled := false // the value that stands for a missing one is among the alternatives
	if c.filled {
		for _, s := range vals {
			if fitsStar(strings.ToLower(s.Text), strings.ToLower(c.fill)) && strings.Trim(s.Text, "*") != "" {
				filled = true
			}
		}
	}
	positive := l.alternatives(v, vals, neg)
	if positive == nil {
		return nil
	}
	if filled {
		if neg {
			return l.required(v, negate(positive))
		}
		return or(positive, isNull(v.expr))
	}
	if !neg {
		return positive
	}
	return l.orNull(v, negate(positive))
}

// negate applies De Morgan to the alternatives of one leaf, none of which is null where the field is present.
func negate(x esql.Expr) esql.Expr {
	b, ok := x.(*esql.Binary)
	if !ok {
		return not(x)
	}
	switch b.Op {
	case "OR":
		return and(negate(b.L), negate(b.R))
	case "AND":
		return or(negate(b.L), negate(b.R))
	}
	return not(x)
}

// differAbove is the number of words from which one NOT IN is better than as many pushed-down inequalities.
const differAbove = 16

// alternatives is true where the value equals one of the words. excluded says that it is going to be negated.
func (l *lowering) alternatives(v value, words []spl.Value, excluded bool) esql.Expr {
	defer func(before bool) { l.scanned = before }(l.scanned)
	l.scanned = excluded
	for _, w := range words {
		if strings.Trim(w.Text, "*") == "" && w.Text != "" {
			return notNull(v.expr) // any value will do
		}
	}
	var plain, folded, patterns distinct
	var out []esql.Expr
	many := isText(v.typ) && len(words) > hugeList
	groupable := isText(v.typ) && !v.multi()
	for _, w := range words {
		if x := l.mappedNone(v, w); x != nil {
			out = append(out, x)
		}
	}
	words = l.mapped(v, l.written(v, words))
	if len(words) == 1 && len(out) == 0 && !many {
		return l.oneWord(v, words[0], groupable)
	}
	for _, w := range words {
		l.scanned = l.scanned || strings.HasPrefix(w.Text, "*")
	}
	var kinds wildcards
	if groupable && !many {
		kinds = collectWildcards(words, l.scanned)
	}
	for _, w := range words {
		cased, beyond := letters(w.Text)
		_, network := l.wholeNetwork(w.Text)
		groupable := groupable && !network
		switch {
		case kinds.has(w.Text):
			l.noteLength(v, textTest{value: w.Text, wild: true})
		case groupable && !strings.Contains(w.Text, "*") && (!cased || v.lower):
			plain.add(strings.ToLower(w.Text))
		case groupable && !strings.Contains(w.Text, "*") && !beyond:
			folded.add(strings.ToLower(w.Text))
		case many && !network && strings.Trim(w.Text, "*") != "":
			patterns.add(strings.ToLower(w.Text))
		default:
			x := l.searchEquals(v, w)
			if x == nil {
				return nil
			}
			out = append(out, x)
		}
	}
	var head []esql.Expr
	switch {
	// The engine makes an IN of several equalities of one field, and evaluates it; inequalities stay apart and are pushed
	// down, but not those of what is computed.
	case len(folded.list) > differAbove, len(folded.list) > 1 && (!excluded || !v.stored()):
		head = append(head, in(call("TO_LOWER", v.expr), append(plain.list, folded.list...)))
		plain.list = nil
	default:
		for _, w := range folded.list {
			head = append(head, binary("==", call("TO_LOWER", v.expr), str(w)))
		}
	}
	if len(plain.list) > 0 {
		head = append(head, in(v.expr, plain.list))
	}
	return or(append(head, append(out, append(kinds.tests(v), l.manyOf(v, patterns.list)...)...)...)...)
}

// oneWord is alternatives for a single word, as most are.
func (l *lowering) oneWord(v value, w spl.Value, groupable bool) esql.Expr {
	if _, network := l.wholeNetwork(w.Text); groupable && !network && !strings.Contains(w.Text, "*") {
		switch cased, beyond := letters(w.Text); {
		case !cased || v.lower:
			return binary("==", v.expr, str(strings.ToLower(w.Text)))
		case !beyond:
			return binary("==", call("TO_LOWER", v.expr), str(strings.ToLower(w.Text)))
		}
	}
	x := l.searchEquals(v, w)
	if x == nil {
		return nil
	}
	return or(x)
}

// hugeList is the number of patterns on one field from which a single Java expression is better than as many LIKEs: each
// of these costs the engine about a megabyte.
const hugeList = 64

// manyOf is true where any value matches any of many patterns, without case.
func (l *lowering) manyOf(v value, patterns []string) []esql.Expr {
	if len(patterns) == 0 {
		return nil
	}
	x := v.expr
	if !v.lower {
		x = call("TO_LOWER", x)
	}
	other := "."
	before, after := "(?s)^(?:", ")$"
	if v.multi() {
		x = call("CONCAT", str(valueMark), call("MV_CONCAT", x, str(valueMark)), str(valueMark))
		other = "[^" + valueMark + "]"
		before, after = valueMark+"(?:", ")"+valueMark
	}
	alts := make([]string, len(patterns))
	for i, p := range patterns {
		parts := strings.Split(p, "*")
		for j := range parts {
			parts[j] = javaQuote(parts[j])
		}
		alts[i] = strings.Join(parts, other+"*")
	}
	return []esql.Expr{binary("!=", call("REPLACE", x, str(before+strings.Join(alts, "|")+after), str(valueMark+valueMark)), x)}
}

func in(x esql.Expr, words []string) esql.Expr {
	if len(words) == 1 {
		return binary("==", x, str(words[0]))
	}
	list := make([]esql.Expr, len(words))
	for i, w := range words {
		list[i] = str(w)
	}
	return &esql.In{X: x, List: list}
}

// distinct collects words, each once, in the order they come.
type distinct struct {
	list []string
	seen map[string]bool // of list, once it is long
}

func (d *distinct) has(word string) bool {
	if d.seen != nil {
		return d.seen[word]
	}
	return slices.Contains(d.list, word)
}

func (d *distinct) add(word string) {
	const long = 32
	if d.seen == nil && len(d.list) < long {
		d.list = appendNew(d.list, word)
		return
	}
	if d.seen == nil {
		d.seen = make(map[string]bool, 2*long)
		for _, w := range d.list {
			d.seen[w] = true
		}
	}
	if !d.seen[word] {
		d.seen[word] = true
		d.list = append(d.list, word)
	}
}

func appendNew(xs []string, x string) []string {
	for _, y := range xs {
		if x == y {
			return xs
		}
	}
	return append(xs, x)
}

// mappedNone is the condition for a word that stands for the absence of others, written !other in the tables.
func (l *lowering) mappedNone(v value, w spl.Value) esql.Expr {
	if v.col == nil || len(v.col.mapping().Values) == 0 {
		return nil
	}
	not := v.col.mapping().Values[strings.ToLower(w.Text)]
	if len(not) == 0 || not[0][0] != '!' {
		return nil
	}
	parts := []esql.Expr{notNull(v.expr)}
	for _, n := range not {
		x := l.searchEquals(v, spl.Value{At: w.At, Text: n[1:], Quoted: true})
		if x == nil {
			return nil
		}
		parts = append(parts, negate(x))
	}
	l.diag("value_mapped", w.Span(), v.col.mapping().Source, "`"+w.Text+"` of "+v.col.mapping().Source+" is the absence of "+strings.ReplaceAll(strings.Join(not, ", "), "!", "")+" in "+v.col.mapping().Name)
	return and(parts...)
}

// written adds to words that hold a text which some streams write in another way how those write them.
func (l *lowering) written(v value, words []spl.Value) []spl.Value {
	if v.col == nil || v.col.mapping().Written[0] == "" {
		return words
	}
	f := v.col.mapping()
	out := words[:len(words):len(words)]
	for _, w := range words {
		if also := f.WrittenAlso(w.Text); also != "" {
			out = append(out, spl.Value{At: w.At, Text: also, Quoted: true})
			l.diag("value_mapped", w.Span(), f.Source, f.Written[0]+" in "+f.Source+" is "+writtenAs(f)+" in "+f.Name+" of some streams, so both are looked for")
		}
	}
	return out
}

// writtenAs names what some streams write in the place of a text.
func writtenAs(f *schema.Field) string {
	if f.Written[1] == " " {
		return "a blank"
	}
	return f.Written[1]
}

// doubted says so where documents can have a word, or what fits a pattern of *, in another place or form than the field.
func (l *lowering) doubted(c *column, op, word string, span spl.Span) {
	f := c.mapping()
	if len(f.Doubts) == 0 || c.hole || l.quiet {
		return
	}
	if op == "!=" {
		if why := f.DoubtedNot(word); why != "" && !c.filled {
			l.diag("mapping_approximate", span, f.Source, "values of "+f.Source+" that differ from `"+word+"` can stand elsewhere than in "+f.Name+", and then do not count: "+why)
		}
		return
	}
	if why := f.Doubted(word); why != "" {
		l.diag("mapping_approximate", span, f.Source, "`"+word+"` of "+f.Source+" can stand elsewhere than in "+f.Name+": "+why)
	}
}

// foreign says so where a word is none that the stored field ever holds.
func (l *lowering) foreign(f *schema.Field, word string, span spl.Span) {
	switch f.Name {
	case "event.outcome":
		switch strings.ToLower(word) {
		case "success", "failure", "unknown":
			return
		}
		for _, to := range f.Values {
			if len(to) > 0 && strings.EqualFold(to[0], word) {
				return
			}
		}
		l.diag("mapping_approximate", span, f.Source, "`"+word+"` of "+f.Source+" has no counterpart: "+f.Name+" says success, failure or unknown, so this never holds")
	}
}

// mostWords is the number of mapped words that a wildcard may stand for.
const mostWords = 32

// mapped replaces words by what the integration stores instead.
func (l *lowering) mapped(v value, words []spl.Value) []spl.Value {
	if v.col == nil || len(v.col.mapping().Values) == 0 {
		return words
	}
	f := v.col.mapping()
	longest := -1 // bytes of the longest of the field's words, once they were gone through
	out := make([]spl.Value, 0, len(words))
	for _, w := range words {
		lower := strings.ToLower(w.Text)
		if lower == "*" {
			out = append(out, w)
			continue
		}
		if !strings.Contains(lower, "*") {
			if to, ok := f.Values[lower]; ok {
				if len(to) > 0 && to[0][0] == '!' {
					continue // mappedNone
				}
				for _, t := range to {
					if !slices.ContainsFunc(out, func(x spl.Value) bool { return x.Text == t }) {
						out = append(out, spl.Value{At: w.At, Text: t, Quoted: true})
					}
				}
				if other := sharing(f.Values, words, lower); other != "" {
					l.diag("mapping_approximate", w.Span(), f.Source, f.Name+" holds the same for `"+other+"` as for `"+w.Text+"` of "+f.Source+", so it matches both")
				}
				if len(to) != 1 || !strings.EqualFold(to[0], w.Text) {
					l.diag("value_mapped", w.Span(), f.Source, "`"+w.Text+"` of "+f.Source+" is stored as "+strings.Join(to, ", ")+" in "+cmp.Or(f.Name, "the message"))
				}
				continue
			}
			l.foreign(f, w.Text, w.Span())
			out = append(out, w)
			continue
		}
		var fits []string
		least := len(lower) - strings.Count(lower, "*") // a shorter word cannot match
		if longest < 0 || least <= longest {
			for from := range f.Values {
				longest = max(longest, len(from))
				if len(from) >= least && fitsStar(lower, from) {
					fits = append(fits, from)
				}
			}
		}
		slices.Sort(fits)
		if len(fits) > mostWords {
			l.diag("mapping_approximate", w.Span(), f.Source, f.Name+" has other words for many that `"+w.Text+"` matches ("+f.Values[fits[1]][0]+" for "+fits[1]+"); compare with the values themselves")
			fits = nil
		}
		for _, from := range fits {
			for _, t := range f.Values[from] {
				out = append(out, spl.Value{At: w.At, Text: t, Quoted: true})
			}
		}
		if !f.ValuesComplete || len(out) == 0 {
			out = append(out, w)
		}
	}
	return out
}

// sharing is another word, not asked for, that a value of the integration stands for as well. Where the value is one of the
// two words itself, they are two spellings of one thing.
func sharing(values map[string][]string, asked []spl.Value, word string) string {
	if len(values) > 64 {
		return "" // a table of spellings, each its own
	}
	for _, other := range sortedKeys(values) {
		if other == word || slices.ContainsFunc(asked, func(w spl.Value) bool { return strings.EqualFold(w.Text, other) }) {
			continue
		}
		if slices.ContainsFunc(values[other], func(v string) bool {
			return slices.Contains(values[word], v) && !strings.EqualFold(v, word) && !strings.EqualFold(v, other)
		}) {
			return other
		}
	}
	return ""
}

// searchEquals is FIELD = VALUE of the search grammar for a field that is present; null or false where it is not.
func (l *lowering) searchEquals(v value, w spl.Value) esql.Expr {
	text := w.Text
	if strings.Trim(text, "*") == "" && text != "" {
		return notNull(v.expr)
	}
	star := strings.Contains(text, "*")
	switch {
	case isText(v.typ):
		if p, ok := l.wholeNetwork(text); ok {
			in, _ := l.network(v, text, p)
			return in
		}
		return l.textEquals(v, textTest{value: text, wild: true, fold: true})
	case v.typ == "ip":
		return l.ipEquals(v, text, star)
	case v.typ == "boolean":
		switch strings.ToLower(text) {
		case "true", "t", "1":
			return l.anyEquals(v, boolean(true))
		case "false", "f", "0":
			return l.anyEquals(v, boolean(false))
		}
		if star {
			return l.textEquals(l.asText(v), textTest{value: text, wild: true, fold: true})
		}
		return boolean(false)
	case isNumeric(v.typ):
		if star {
			return l.textEquals(l.asText(v), textTest{value: text, wild: true, fold: true})
		}
		n, ok := number(strings.TrimSpace(text))
		if !ok || isInteger(v.typ) && !plainNumeral(strings.TrimSpace(text)) {
			return boolean(false) // the search grammar compares text: 10.0 is not 10
		}
		return l.anyEquals(v, n)
	case isDate(v.typ):
		return l.dateCompare(v, "==", text, w.Span())
	}
	return l.textEquals(l.asText(v), textTest{value: text, wild: true, fold: true})
}

// anyEquals is v == x, on several values true when any equals.
func (l *lowering) anyEquals(v value, x esql.Expr) esql.Expr {
	if !v.multi() {
		return binary("==", v.expr, x)
	}
	if l.fullText && v.stored() {
		return binary(":", v.expr, x)
	}
	if lit, ok := x.(*esql.Literal); ok {
		if isNumeric(v.typ) {
			if n, ok := lit.Value.(int64); ok {
				return l.anyText(l.asText(v), textTest{value: itoa64(n)})
			}
		}
	}
	return l.anyText(l.asText(v), textTest{value: esql.PrintExpr(x)})
}

func (l *lowering) ipEquals(v value, text string, star bool) esql.Expr {
	if star {
		return l.textEquals(l.asText(v), textTest{value: text, wild: true, fold: true})
	}
	if p, err := netip.ParsePrefix(text); err == nil {
		return l.cidr(v, p.String(), l.at)
	}
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		if v.multi() && !(l.fullText && v.stored()) {
			return l.anyText(l.asText(v), textTest{value: a.String(), fold: true})
		}
		return l.anyEquals(v, str(text))
	}
	return boolean(false) // no address is written like this
}

// bounds are the first and the last address of a network.
func bounds(p netip.Prefix) (from, to netip.Addr) {
	p = p.Masked()
	last := p.Addr().AsSlice()
	for bit := p.Bits(); bit < len(last)*8; bit++ {
		last[bit/8] |= 1 << (7 - bit%8)
	}
	to, _ = netip.AddrFromSlice(last)
	return p.Addr(), to
}

// differs is FIELD != VALUE on several values, in the words the integration stores.
func (l *lowering) differs(v value, w spl.Value, neg bool) esql.Expr {
	if x := l.mappedNone(v, w); x != nil {
		if neg {
			return l.orNull(v, x)
		}
		return l.required(v, negate(x))
	}
	var out []esql.Expr
	for _, stored := range l.mapped(v, l.written(v, []spl.Value{w})) {
		out = append(out, l.anyDiffers(v, stored, neg))
	}
	if neg {
		return or(out...)
	}
	return and(out...)
}

// anyDiffers is FIELD != VALUE on several values: true if any differs, false where the field is missing.
func (l *lowering) anyDiffers(v value, w spl.Value, neg bool) esql.Expr {
	if strings.Trim(w.Text, "*") == "" && w.Text != "" {
		if neg {
			return boolean(true) // f != * never holds
		}
		return boolean(false)
	}
	if text := strings.TrimSpace(w.Text); isInteger(v.typ) && !strings.Contains(text, "*") && !plainNumeral(text) {
		if neg {
			return isNull(v.expr)
		}
		return l.presence(v) // no whole number is written like this
	}
	if n, ok := number(strings.TrimSpace(w.Text)); ok && isNumeric(v.typ) {
		x := or(binary("!=", call("MV_MIN", v.expr), n), binary("!=", call("MV_MAX", v.expr), n))
		if !neg {
			return x
		}
		return l.orNull(v, negate(x))
	}
	if p, err := netip.ParsePrefix(w.Text); err == nil && v.typ == "ip" {
		from, to := bounds(p)
		x := or(binary("<", call("MV_MIN", v.expr), str(from.String())), binary(">", call("MV_MAX", v.expr), str(to.String())))
		if !neg {
			return x
		}
		return l.orNull(v, not(x))
	}
	if p, ok := l.wholeNetwork(w.Text); ok && isText(v.typ) {
		_, x := l.network(v, w.Text, p)
		x = l.required(v, x)
		if !neg {
			return x
		}
		return l.orNull(v, negate(x))
	}
	t := v
	if !isText(t.typ) {
		t = l.asText(v)
	}
	x := l.anyTextDiffers(t, textTest{value: w.Text, wild: true, fold: true})
	if !neg {
		return x
	}
	return l.orNull(v, negate(x))
}

// searchOrder is <, <=, > or >= of the search grammar: numbers as numbers, other text by its order.
func (l *lowering) searchOrder(e *spl.Compare, neg bool) esql.Expr {
	c := l.lookupCompared(e.Op, e.Field, e.Value)
	v := wholeAccount(c.value())
	if v.hole {
		return nil
	}
	if v.null {
		return boolean(neg)
	}
	l.estimatedCount(v, e.Value.Text, e.Span())
	x := l.compareOrder(v, e.Op, e.Value.Text, e.Span())
	if !neg || x == nil {
		return x
	}
	return l.orNull(v, not(x))
}

// compareOrder compares a value with a literal.
func (l *lowering) compareOrder(v value, op, text string, span spl.Span) esql.Expr {
	if isDate(v.typ) {
		return l.dateCompare(v, op, text, span)
	}
	n, isNum := number(strings.TrimSpace(text))
	x := v
	switch {
	case isNumeric(v.typ) && isNum:
	case isNumeric(v.typ):
		x = l.asText(v)
		n = str(text)
	case v.typ == "ip": // an address is text in Splunk: 10.1.2.3 is less than 9.9.9.9, and more than -4
		x = l.text(v)
		n = str(text)
	case isNum:
		l.diag("numeric_comparison", span, v.columnName(), v.columnName()+" is text: where a value is a number it compares as one, otherwise by its letters")
		return l.overNumeral(l.asText(v), op, n, text)
	default:
		n = str(text)
	}
	if v.multi() {
		if op[0] == '>' {
			x.expr = call("MV_MAX", x.expr)
		} else {
			x.expr = call("MV_MIN", x.expr)
		}
	}
	return binary(op, x.expr, n)
}

func clip(s string) string {
	const most = 80
	r := []rune(s)
	if len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
