package translate

import (
	"maps"
	"slices"
	"sort"
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/schema"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// column is what an SPL field name stands for at one point of the pipeline.
type column struct {
	name     string // the ES|QL column
	typ      string // Elasticsearch type
	array    schema.Array
	nonNull  bool
	computed bool // made by the query, as opposed to stored in the index
	// numeral says that the column is text and holds numbers only, whole that it is a floating-point number without a fraction.
	numeral, whole bool
	distinct       bool // a count of distinct values
	// domain is the column of the domain of an account that Splunk has as DOMAIN\name.
	domain string
	// hole says that the value could not be computed; whatever needs it is a hole too.
	hole bool
	// unsaid, of a hole, says that it has not been named yet, because an element of it may be known.
	unsaid bool
	// filled says that Splunk has fill where ES|QL has null ("unknown" in data models).
	filled bool
	// fixed says that rows with the same values in the columns fixedBy hold the same value.
	fixed   bool
	fill    string
	fixedBy []string
	// pending is what has to be said of the mapping once the value decides something.
	pending *mappingNote
	// constant holds a constant where the value is one.
	constant *esql.Literal
	// pivoted says that the column is one of a pivot, which exists in Splunk only where a row has its value.
	pivoted bool
	// counted says that the column counts the rows of a group, so that it is at least 1.
	counted bool
	// lexical says that several values are in the order of their text in Splunk, where the column has them by their value.
	lexical bool
	// precise says that the column was computed with all the figures of a number.
	precise bool
	// field is what the schema says of a stored field, shared with it; nil where no mapping made the column. Of a computed
	// column that passes the values of a stored one on, it is only what concerns these.
	field *schema.Field
	// place says that the column holds the place of a name in a list of names.
	place *place
}

var noField schema.Field

// passing gives a computed column what is known of the values it passes on.
func (c *column) passing(from *schema.Field) {
	if len(from.Values) > 0 || from.Written[0] != "" || len(from.Doubts) > 0 {
		c.field = &schema.Field{Source: from.Source, Name: from.Name, Written: from.Written, Values: from.Values,
			ValuesComplete: from.ValuesComplete, Doubts: from.Doubts}
	}
}

// mapping is what the schema says of the column, nothing where no mapping made it.
func (c *column) mapping() *schema.Field {
	if c.field == nil {
		return &noField
	}
	return c.field
}

// purpose is what a value is read for.
type purpose int

const (
	toCompare purpose = iota // it decides which rows there are
	toGroup                  // it tells rows apart
	toShow                   // it is shown and decides nothing
)

// reading runs f with fields read for a purpose.
func (l *lowering) reading(p purpose, f func()) {
	old := l.purpose
	l.purpose = p
	f()
	l.purpose = old
}

// settledWords says that each word has counterparts of its own among a field's values, so that comparing with it is exact.
func settledWords(values map[string][]string, words []spl.Value) bool {
	for _, w := range words {
		word := strings.ToLower(w.Text)
		to, ok := values[word]
		if !ok || len(to) == 0 {
			return false
		}
		for other, also := range values {
			if strings.TrimSuffix(other, ".") == strings.TrimSuffix(word, ".") {
				continue // the same sentence
			}
			for _, x := range also {
				if slices.Contains(to, x) {
					return false
				}
			}
		}
	}
	return len(words) > 0
}

// lookupCompared looks a field up that is compared with words.
func (l *lowering) lookupCompared(op string, field spl.Name, words ...spl.Value) *column {
	old := l.words
	l.words = words
	for _, w := range words {
		l.noteStar(w)
		l.noteBackslash(w)
	}
	var c *column
	l.accounts(func() { c = l.lookup(field.Text, field.Span()) })
	l.words = old
	for _, w := range words {
		l.doubted(c, op, w.Text, w.Span())
	}
	return c
}

// env maps SPL names to columns. While open, names that are not bound come from the source's schema.
type env struct {
	cols     map[string]*column
	order    []string        // bound names in the order Splunk shows them
	gone     map[string]bool // names that were renamed away or removed while open
	patterns []renamePattern // wildcard renames while open, oldest first
	// kept and dropped are wildcard lists of stored fields that closed the environment, or left names out of it.
	kept, dropped []string
	open          bool
	// shadowed holds names of stored columns that a computed column replaced.
	shadowed map[string]string
	// unmapped holds the fields without a counterpart that were asked for when the list of columns was closed: they
	// are holes, where other names do not exist in Splunk either.
	unmapped map[string]*schema.Field
	// choices is how many values a name can have at most, where the search says so.
	choices map[string]int
	// fixes says that there are columns whose value others fix.
	fixes bool
	// columns counts the names that stand for each ES|QL column; kept when there are many.
	columns map[string]int
}

// manyNames is the number of names from which counting columns is faster than going through the names.
const manyNames = 32

type renamePattern struct{ from, to string }

// newEnv is an environment without names.
func newEnv(open bool) *env { return &env{cols: map[string]*column{}, open: open} }

func (e *env) clone() *env {
	n := &env{cols: maps.Clone(e.cols), gone: maps.Clone(e.gone), shadowed: maps.Clone(e.shadowed), unmapped: e.unmapped, open: e.open, choices: maps.Clone(e.choices), fixes: e.fixes}
	n.order = append([]string(nil), e.order...)
	n.patterns = append([]renamePattern(nil), e.patterns...)
	n.kept, n.dropped = append([]string(nil), e.kept...), append([]string(nil), e.dropped...)
	return n
}

func (e *env) bind(name string, c *column) {
	old, ok := e.cols[name]
	if !ok {
		e.order = append(e.order, name)
	}
	if e.columns != nil {
		e.count(old, -1)
		e.count(c, 1)
	}
	e.cols[name] = c
	delete(e.gone, name)
	delete(e.choices, name)
}

func (e *env) count(c *column, by int) {
	if c != nil && !c.hole {
		e.columns[c.name] += by
	}
}

func (e *env) unbind(name string) {
	if c, ok := e.cols[name]; ok {
		if e.columns != nil {
			e.count(c, -1)
		}
		delete(e.cols, name)
		if last := len(e.order) - 1; e.order[last] == name {
			e.order = e.order[:last]
		} else if i := slices.Index(e.order, name); i == 0 {
			e.order = e.order[1:]
		} else {
			e.order = append(e.order[:i:i], e.order[i+1:]...)
		}
	}
	if e.open {
		e.hide(name)
	}
}

// hide makes a stored field unknown from here on.
func (e *env) hide(name string) {
	if e.gone == nil {
		e.gone = map[string]bool{}
	}
	e.gone[name] = true
}

// shadow says that a computed column of that name stands in the place of a stored one.
func (e *env) shadow(column, name string) {
	if e.shadowed == nil {
		e.shadowed = map[string]string{}
	}
	e.shadowed[column] = name
}

// names lists the bound names that a pattern with * matches, in order.
func (e *env) names(pattern string) []string {
	if !strings.Contains(pattern, "*") {
		if _, ok := e.cols[pattern]; ok {
			return []string{pattern}
		}
		return nil
	}
	var out []string
	for _, n := range e.order {
		if fitsStar(pattern, n) {
			out = append(out, n)
		}
	}
	return out
}

// uses reports which bound name other than except stands for the ES|QL column.
func (e *env) uses(esName, except string) bool {
	if len(e.cols) > manyNames {
		if e.columns == nil {
			e.columns = make(map[string]int, 2*len(e.cols))
			for _, c := range e.cols {
				e.count(c, 1)
			}
		}
		n := e.columns[esName]
		if c := e.cols[except]; c != nil && c.name == esName && !c.hole {
			n--
		}
		return n > 0
	}
	for n, c := range e.cols {
		if n != except && c.name == esName && !c.hole {
			return true
		}
	}
	return false
}

func anyStar(patterns []string, name string) bool {
	for _, p := range patterns {
		if fitsStar(p, name) {
			return true
		}
	}
	return false
}

// keepStored keeps the stored fields that match a pattern and that from had.
func (e *env) keepStored(from *env, pattern string) {
	if e.kept == nil {
		c := from.clone()
		e.gone, e.dropped, e.patterns, e.shadowed = c.gone, c.dropped, c.patterns, c.shadowed
	}
	e.kept = append(e.kept, pattern)
}

// fitsStar reports whether name matches a pattern whose * stand for any text.
func fitsStar(pattern, name string) bool {
	i := strings.IndexByte(pattern, '*')
	if i < 0 {
		return pattern == name
	}
	if !strings.HasPrefix(name, pattern[:i]) {
		return false
	}
	name, pattern = name[i:], pattern[i+1:]
	for {
		i := strings.IndexByte(pattern, '*')
		if i < 0 {
			return strings.HasSuffix(name, pattern)
		}
		at := strings.Index(name, pattern[:i])
		if at < 0 {
			return false
		}
		name, pattern = name[at+i:], pattern[i+1:]
	}
}

// matchStar matches name against a pattern whose * stand for any text and returns what each stood for.
func matchStar(pattern, name string) ([]string, bool) { return appendStars(nil, pattern, name) }

// respell gives a name that matches one pattern the spelling of another; false when it does not match.
func respell(from, to, name string) (string, bool) {
	var few [4]string
	got, ok := appendStars(few[:0], from, name)
	if !ok {
		return "", false
	}
	return fillStar(to, got), true
}

// appendStars is matchStar that adds to a list.
func appendStars(got []string, pattern, name string) ([]string, bool) {
	if strings.IndexByte(pattern, '*') < 0 {
		return nil, pattern == name
	}
	first, pattern, _ := strings.Cut(pattern, "*")
	rest, ok := strings.CutPrefix(name, first)
	if !ok {
		return nil, false
	}
	for {
		part, tail, more := strings.Cut(pattern, "*")
		if !more {
			last, ok := strings.CutSuffix(rest, part)
			if !ok {
				return nil, false
			}
			return append(got, last), true
		}
		before, after, ok := strings.Cut(rest, part)
		if !ok {
			return nil, false
		}
		got = append(got, before)
		rest, pattern = after, tail
	}
}

// fillStar puts what the stars of one pattern stood for into another.
func fillStar(pattern string, got []string) string {
	if pattern == "*" && len(got) > 0 {
		return got[0]
	}
	var b strings.Builder
	i := 0
	for _, r := range pattern {
		if r == '*' {
			if i < len(got) {
				b.WriteString(got[i])
				i++
			}
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// ---- look-up ----

// lookup resolves an SPL name at this point. The result is never nil: a field that does not exist in Splunk either
// is a null constant, a field without counterpart a hole (said once per field).
func (l *lowering) lookup(name string, span spl.Span) *column {
	l.budget.Step(1)
	if name == "" {
		return l.absent(name, span)
	}
	if c, ok := l.env.cols[name]; ok {
		if c.unsaid {
			return l.withoutCounterpart(name, c.field.Source, c.field, span)
		}
		if c.hole {
			l.diag("depends_on_hole", span, name, "this part needs `"+name+"`, which could not be translated above, so the draft goes on without it; settle that error first")
		}
		return l.used(c, span)
	}
	if l.env.gone[name] || anyStar(l.env.dropped, name) {
		return l.absent(name, span)
	}
	if !l.env.open && !anyStar(l.env.kept, name) {
		if l.env.partial() {
			l.diag("depends_on_hole", span, name, "this part needs `"+name+"`, which may come from a part above that could not be translated, so the draft goes on without it; settle that error first")
			return &column{name: name, hole: true}
		}
		if f, ok := l.env.unmapped[name]; ok {
			return l.withoutCounterpart(name, name, f, span)
		}
		return l.absent(name, span)
	}
	for i := len(l.env.patterns) - 1; i >= 0; i-- {
		p := l.env.patterns[i]
		if was, ok := respell(p.to, p.from, name); ok && name != "_time" {
			return l.used(l.storedUnder(was, name, span), span)
		}
		if fitsStar(p.from, name) {
			return l.absent(name, span)
		}
	}
	return l.used(l.stored(name, span), span)
}

// peek looks a name up without saying anything.
func (l *lowering) peek(name string, span spl.Span) *column {
	quiet := l.quiet
	l.quiet = true
	c := l.shown(name, span)
	l.quiet = quiet
	return c
}

// shown looks a name up for display or to pass it on.
func (l *lowering) shown(name string, span spl.Span) (c *column) {
	l.reading(toShow, func() { c = l.lookup(name, span) })
	return c
}

// partialName marks an environment whose columns are not all known, after a hole that may add columns.
const partialName = "\x00partial"

func (e *env) partial() bool { return e.cols[partialName] != nil }

func (e *env) setPartial() { e.cols[partialName] = &column{hole: true} }

func (l *lowering) absent(name string, span spl.Span) *column {
	l.diag("field_absent", span, name, "`"+name+"` does not exist at this point in Splunk either, so it is null; check the rule if that was not meant")
	return &column{name: name, typ: "null", constant: &esql.Literal{}}
}

// stored resolves a field of the data source.
func (l *lowering) stored(name string, span spl.Span) *column { return l.storedUnder(name, "", span) }

// storedUnder resolves a field of the data source that a wildcard rename moved to another name. Events without it keep
// what they had under that name.
func (l *lowering) storedUnder(name, renamed string, span spl.Span) *column {
	if name == "_time" {
		return &column{name: "@timestamp", typ: "date", nonNull: true}
	}
	if l.src == nil {
		l.diag("depends_on_hole", span, name, "which field holds `"+name+"` is not known, because the data source is not; settle that error first")
		return &column{name: name, hole: true}
	}
	if _, typed := l.src.Known(name); l.schema.IsIdentity() && isKnowledge(name) && !typed {
		return l.missingKnowledge(name, span)
	}
	asked := name
	if l.src.DataModel {
		if i := strings.LastIndexByte(name, '.'); i >= 0 {
			asked = name[i+1:]
		}
	}
	if c := l.datePart(asked, span); c != nil {
		return c
	}
	f := l.onDemand(l.field(asked))
	if renamed != "" && !l.schema.IsIdentity() {
		f = l.orElse(f, l.field(renamed))
	}
	switch f.Support {
	case schema.None:
		if f.Extract != nil {
			return l.readOut(name, asked, f, span)
		}
		if c := l.wholeList(asked, f, span); c != nil {
			return c
		}
		return l.withoutCounterpart(name, asked, f, span)
	case schema.Medium:
		l.diag("mapping_medium", span, asked, "`"+asked+"` is read from "+readFrom(f)+": "+f.Reason)
	}
	if by, ok := l.env.shadowed[f.Name]; ok {
		l.diag("unsupported_expression", span, asked, "`"+asked+"` is stored in "+f.Name+", which the computed column `"+by+"` replaced; rename that column")
		return &column{name: name, hole: true, field: f}
	}
	c := &column{name: f.Name, typ: f.Type, array: f.Array, field: f}
	c.domain = l.domainOf(asked, f)
	switch {
	case f.Default != "":
		c.filled, c.fill = true, f.Default
	case l.src.DataModel:
		c.filled, c.fill = true, "unknown"
	}
	switch {
	case f.Support == schema.Approximate:
		c.pending = fieldNote(asked, f)
	case f.Proof.Kind == schema.Unproven && !l.schema.IsIdentity() && l.src != l.schema.Fallback(): // of that ECS alone is known
		c.pending = unprovenNote(asked, f)
	}
	return c
}

// orElse reads g where f is missing, if that is another field of the same type.
func (l *lowering) orElse(f, g *schema.Field) *schema.Field {
	if f.Support == schema.None || g.Support == schema.None || f.Fn != "" || g.Fn != "" || f.Name == g.Name || f.Values != nil ||
		g.Values != nil || f.Default != "" || g.Default != "" || f.Type != g.Type || slices.Contains(f.Also, g.Name) {
		return f
	}
	both := *f
	both.Also = append(slices.Clone(f.Also), g.Name)
	both.Array = max(f.Array, g.Array)
	return &both
}

// readFrom names the fields that a mapping reads.
func readFrom(f *schema.Field) string {
	if len(f.Also) == 0 {
		return f.Name
	}
	return strings.Join(append([]string{f.Name}, f.Also...), " or ")
}

// withoutCounterpart reports a field that the schema knows no place for.
func (l *lowering) withoutCounterpart(name, asked string, f *schema.Field, span spl.Span) *column {
	if isKnowledge(asked) {
		return l.missingKnowledge(asked, span)
	}
	if l.env.partial() {
		// A part above that could not be read may make it, so its own error is enough.
		l.diag("depends_on_hole", span, asked, "no field is known for `"+asked+"`, which a part above that could not be translated may make; settle that error first")
		return &column{name: name, hole: true, field: f}
	}
	why := f.Reason
	if why == "" {
		why = "no field of " + l.src.Name + " holds it"
	}
	todo := "; name its field in the schema overrides"
	if strings.Contains(why, "schema overrides") {
		todo = ""
	}
	l.diag("unknown_field", span, asked, "no field is known for `"+asked+"`: "+why+todo)
	return &column{name: name, hole: true, field: f}
}

// isKnowledge says that a field is what Splunk's configuration says of an event, not what stands in it.
func isKnowledge(name string) bool {
	return name == "eventtype" || name == "tag" || strings.HasPrefix(name, "tag::")
}

// missingKnowledge reports an event type or tag.
func (l *lowering) missingKnowledge(name string, span spl.Span) *column {
	kind, _, _ := strings.Cut(name, "::")
	file := map[string]string{"eventtype": "eventtypes.conf", "tag": "tags.conf"}[kind]
	subject := name
	if len(l.words) > 0 {
		subject = l.words[0].Text
		for _, w := range l.words {
			if !l.quiet {
				l.missing(kind, w.Text)
			}
		}
	}
	l.diag("missing_knowledge", span, subject, "`"+name+"` is not in the events: "+file+" defines it by a search, which is not known here. Write the conditions of that search in its place")
	return &column{name: name, hole: true}
}

// define binds an SPL name to a computed column and chooses its ES|QL name: the SPL name, unless a column of that
// name is still needed under another SPL name.
func (l *lowering) define(name string, c *column) *column {
	c.computed = true
	c.name = l.freeName(name)
	if l.emptyRow != nil && slices.Contains(l.emptyRow.columns, c.name) {
		l.sayEmptyRow()
	}
	delete(l.present, c.name)
	l.env.changed(c.name)
	if l.env.open && l.src != nil {
		if _, ok := l.src.Known(c.name); ok {
			l.env.shadow(c.name, name)
		}
	}
	l.env.bind(name, c)
	return c
}

// changed says that a column holds something else from here on.
func (e *env) changed(column string) {
	if !e.fixes {
		return
	}
	for _, c := range e.cols {
		if c.fixed && slices.Contains(c.fixedBy, column) {
			c.fixed = false
		}
	}
}

func (l *lowering) freeName(name string) string {
	name = columnName(name)
	if !l.env.uses(name, name) && name != "@timestamp" && !l.peer.has(name) {
		return name
	}
	for i := 2; ; i++ {
		l.budget.Step(1)
		n := name + "_" + itoa(i)
		if !l.env.uses(n, "") && !l.peer.has(n) {
			return n
		}
	}
}

// columnName makes an SPL name fit for a column: no line breaks and no backquotes, which nothing could quote.
func columnName(name string) string {
	if name == "" {
		return "_"
	}
	return strings.Map(func(r rune) rune {
		if r == '`' || r < 0x20 {
			return '_'
		}
		return r
	}, name)
}

// hole binds a name to a value that could not be computed.
func (l *lowering) defineHole(name string) {
	l.env.bind(name, &column{name: name, hole: true})
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}
