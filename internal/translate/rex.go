package translate

import (
	"regexp"
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/schema"
	"github.com/rulebridge/rulebridge/internal/spl"
)

var namedGroup = regexp.MustCompile(`\(\?P?<([A-Za-z_][A-Za-z0-9_]*)>`)

// rex reads named groups out of a field with GROK, whose Oniguruma expressions know what PCRE knows; mode=sed is
// REPLACE.
func (l *lowering) rex(cmd *spl.Rex) {
	l.ensureSource(cmd.Span())
	field := cmd.Field.Text
	if field == "" {
		field = "_raw"
	}
	from := l.hold()
	var v value
	l.accounts(func() { v = wholeAccount(l.lookup(field, cmd.Field.Span()).value()) })
	names := []string{field}
	if cmd.Sed {
		l.sed(cmd, field, v)
	} else {
		names = nil
		for _, m := range namedGroup.FindAllStringSubmatch(cmd.Pattern.Text, -1) {
			names = append(names, m[1])
		}
		if strings.Contains(cmd.Pattern.Text, `\\`) {
			v = l.withDomain(v, cmd.Field.Span())
		}
		l.rexGroups(cmd, field, v, names)
	}
	l.attach(names, l.release(from, true))
}

// rexGroups makes fields of the groups that an expression names.
func (l *lowering) rexGroups(cmd *spl.Rex, field string, v value, names []string) {
	fail := func() {
		for _, n := range names {
			l.defineHole(n)
		}
	}
	switch {
	case v.hole:
		l.diag("depends_on_hole", cmd.Span(), field, "rex is left out of the draft, because `"+field+"` could not be translated; settle that error first")
		fail()
		return
	case len(names) == 0:
		l.diag("unsupported_regex", cmd.Pattern.Span(), "rex", "the expression of rex names no group")
		return
	case cmd.Offset != nil:
		l.diag("unsupported_option", cmd.Offset.Span(), "offset_field", "offset_field has no counterpart")
		l.defineHole(cmd.Offset.Text)
	case v.null:
		l.diag("field_absent", cmd.Span(), field, "rex has nothing to read: `"+field+"` is always null here")
		for _, n := range names {
			if _, ok := l.env.cols[n]; !ok {
				l.env.bind(n, &column{name: n, typ: "null", constant: &esql.Literal{}})
			}
		}
		return
	}
	if cmd.MaxMatch != 1 {
		l.rexAll(cmd, v, names)
		return
	}
	for _, bad := range []string{"(?R)", "(?(", "(?&", "(*", "(?|", `\K`} {
		if strings.Contains(cmd.Pattern.Text, bad) {
			l.diag("unsupported_regex", cmd.Span(), "rex", "this regular expression cannot be written for GROK: "+clip(cmd.Pattern.Text))
			fail()
			return
		}
	}
	pattern := strings.ReplaceAll(cmd.Pattern.Text, "(?P<", "(?<")
	pattern = strings.ReplaceAll(pattern, "%{", `%\{`) // not a GROK reference
	if v.multi() {
		l.arrayNote(v, cmd.Span(), "rex", "rex reads each of several values; GROK reads them one by one too, but keeps one result")
	}
	x := v
	if !isText(v.typ) {
		x = l.text(v)
	}
	in := l.inputColumn(x, cmd.Span())
	// GROK without a match overwrites a column with null, rex leaves it: such columns go through a helper.
	type kept struct {
		name, helper string
		old          *column
	}
	var keep []kept
	seen := map[string]bool{}
	numerals := numeralGroups(cmd.Pattern.Text)
	for _, n := range names {
		if seen[n] {
			continue
		}
		seen[n] = true
		old, bound := l.env.cols[n]
		if !bound && l.env.open && l.src != nil {
			if f := l.src.SharedField(n, schema.Hint{EventCodes: l.eventCodes}); f.Support != schema.None && l.stores(f) {
				old, bound = l.lookup(n, cmd.Span()), true
			}
		}
		if bound && !old.hole && old.constant == nil {
			h := l.helper("rex_" + n)
			keep = append(keep, kept{n, h, old})
			pattern = strings.ReplaceAll(pattern, "(?<"+n+">", "(?<"+h+">")
			continue
		}
		c := l.define(n, &column{typ: "keyword", numeral: numerals[n]})
		if c.name != n {
			pattern = strings.ReplaceAll(pattern, "(?<"+n+">", "(?<"+c.name+">")
		}
	}
	g := &esql.Grok{Input: mark(in, cmd.Span()), Pattern: pattern}
	g.Origin = origin(cmd.Span())
	l.add(g)
	l.useful = true
	for _, k := range keep {
		old := k.old.value()
		l.defineAs(k.name, &column{typ: "keyword", nonNull: old.nonNull}, mark(call("COALESCE", col(k.helper), l.text(old).expr), cmd.Span()), cmd.Span())
	}
}

// stores says that a field is surely there: an identity schema takes every name for a field, and so does a source whose
// pipeline leaves the names of its events where they are.
func (l *lowering) stores(f *schema.Field) bool {
	if !l.schema.IsIdentity() {
		return !f.Dynamic || f.Proof.Kind != schema.Unproven
	}
	_, ok := l.src.Known(f.Name)
	return ok
}

// inputColumn gives a column for what GROK and DISSECT read: they take a column, not an expression.
func (l *lowering) inputColumn(v value, at spl.Span) esql.Expr {
	if c, ok := v.expr.(*esql.Column); ok {
		return &esql.Column{Name: c.Name}
	}
	h := l.helper("input")
	l.assign(at, h, v.expr)
	return col(h)
}

// helper names a column that the result must not show.
func (l *lowering) helper(name string) string {
	l.unique++
	h := "_" + name + "_" + itoa(l.unique)
	l.helpers = append(l.helpers, h)
	return h
}

// sed is rex mode=sed: s/…/…/ and y/…/…/.
func (l *lowering) sed(cmd *spl.Rex, field string, v value) {
	if v.hole || v.null {
		l.diag("depends_on_hole", cmd.Span(), field, "rex is left out of the draft, because `"+field+"` could not be translated or never has a value; settle that first")
		return
	}
	pattern, repl, flags, ok := sedExpression(cmd.Pattern.Text)
	if !ok {
		l.diag("unsupported_regex", cmd.Pattern.Span(), "rex", "this sed expression cannot be written in ES|QL: "+clip(cmd.Pattern.Text))
		l.defineHole(field)
		return
	}
	java, ok := javaRegex(pattern)
	if !ok {
		l.diag("unsupported_regex", cmd.Pattern.Span(), "rex", "this regular expression cannot be written in ES|QL: "+clip(pattern))
		l.defineHole(field)
		return
	}
	to := javaReplacement(repl)
	switch {
	case strings.Contains(flags, "g"):
	case flags == "" && !backReference.MatchString(java):
		// REPLACE replaces every match: one that begins at the start of the text and holds what comes before it is the first.
		java = `\A([\s\S]*?)(?:` + java + `)`
		to = "$1" + replacementGroup.ReplaceAllStringFunc(to, func(g string) string {
			if g[0] == '\\' {
				return g
			}
			return "$" + itoa(int(g[1]-'0')+1)
		})
	default:
		l.diag("regex_differs", cmd.Pattern.Span(), "rex", "s/…/…/ without g replaces one match, REPLACE every one")
	}
	x := l.text(v)
	l.defineAs(field, &column{typ: "keyword", nonNull: v.nonNull, array: v.array}, mark(call("REPLACE", x.expr, str(java), str(to)), cmd.Span()), cmd.Span())
}

var (
	backReference    = regexp.MustCompile(`\\[1-9k]`)
	replacementGroup = regexp.MustCompile(`\\.|\$[0-8]`)
)

func sedExpression(s string) (pattern, repl, flags string, ok bool) {
	s = strings.TrimSpace(s)
	if len(s) < 4 || s[0] != 's' {
		return "", "", "", false
	}
	sep := s[1]
	var parts []string
	var b strings.Builder
	for i := 2; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			if s[i+1] != sep {
				b.WriteByte('\\')
			}
			i++
			b.WriteByte(s[i])
			continue
		}
		if s[i] == sep {
			parts = append(parts, b.String())
			b.Reset()
			continue
		}
		b.WriteByte(s[i])
	}
	if len(parts) != 2 {
		return "", "", "", false
	}
	flags = b.String()
	return parts[0], parts[1], flags, strings.Trim(flags, "g0123456789") == ""
}

// regex keeps rows whose field matches.
func (l *lowering) regex(cmd *spl.Regex) {
	l.ensureSource(cmd.Span())
	field := cmd.Field.Text
	if field == "" {
		field = "_raw"
	}
	var v value
	l.accounts(func() { v = wholeAccount(l.lookup(field, cmd.Span()).value()) })
	if v.hole {
		l.diag("depends_on_hole", cmd.Span(), field, "regex is left out of the draft, because `"+field+"` could not be translated; settle that error first")
		l.leaveCondition()
		return
	}
	if v.null {
		l.filter(mark(boolean(cmd.Negated), cmd.Span()))
		return
	}
	x := l.regexTest(v, cmd.Pattern.Text, cmd.Span(), cmd.Negated)
	if x != nil {
		l.keepCondition()
	} else {
		l.leaveCondition()
	}
	l.filter(mark(x, cmd.Span()))
}
