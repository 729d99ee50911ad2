package translate

import (
	"regexp"
	"regexp/syntax"
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// maxRegexLength is index.max_regex_length: longer Lucene patterns fail at run time.
const maxRegexLength = 1000

// matchCond is match(x, pattern): an unanchored PCRE. A literal becomes LIKE, what Lucene can say RLIKE, and the rest
// REPLACE, whose Java expressions know lookaround, word boundaries and lazy quantifiers.
func (l *lowering) matchCond(x, pattern spl.Expr, span spl.Span, neg bool) esql.Expr {
	v, p := l.expr(x), l.expr(pattern)
	if v.hole || p.hole {
		return nil
	}
	if v.null || p.null {
		return boolean(neg)
	}
	if p.word == nil {
		return l.matchData(l.text(v), l.text(p), span, neg)
	}
	l.spelling(v, x.Span(), *p.word)
	if strings.Contains(*p.word, `\\`) {
		v = l.withDomain(v, span)
	}
	return l.regexTest(v, *p.word, span, neg)
}

// matchData is match with a pattern that is a field itself, which only REPLACE takes.
func (l *lowering) matchData(v, p value, span spl.Span, neg bool) esql.Expr {
	l.diag("regex_differs", span, "match", "the pattern of match comes from the data; ES|QL reads it as a Java regular expression, Splunk as PCRE")
	if v.multi() || p.multi() {
		l.arrayNote(v, span, "match", "match with a pattern from the data tests each of several values in Splunk, and none in ES|QL")
	}
	x := binary("!=", call("REPLACE", v.expr, p.expr, str(valueMark)), v.expr)
	if !neg {
		return x
	}
	return or(append([]esql.Expr{not(x)}, append(nulls(v), nulls(p)...)...)...)
}

// spelling says where a pattern does not tell the words that the integration stores apart as it does those of Splunk.
func (l *lowering) spelling(v value, span spl.Span, pattern string) {
	if v.col == nil || v.col.pending != nil {
		return
	}
	f := v.col.mapping()
	if from := f.Written[0]; from != "" && strings.Contains(strings.ToLower(pattern), strings.ToLower(regexp.QuoteMeta(from))) {
		l.diag("mapping_approximate", span, f.Source, "some streams write "+writtenAs(f)+" for "+from+" in "+f.Name+", which the pattern does not match")
		return
	}
	if len(f.Values) == 0 {
		return
	}
	re, err := regexp.Compile("(?i:" + pattern + ")")
	for _, word := range sortedKeys(f.Values) {
		for _, stored := range f.Values[word] {
			if err != nil && !strings.EqualFold(word, stored) || err == nil && re.MatchString(word) != re.MatchString(stored) {
				l.diag("mapping_approximate", span, f.Source, "the pattern sees `"+f.Source+"` as "+f.Name+" stores it: "+stored+" for "+word)
				return
			}
		}
	}
}

func (l *lowering) regexTest(v value, pattern string, span spl.Span, neg bool) esql.Expr {
	if !isText(v.typ) {
		v = l.text(v)
	}
	c := l.regexMatch(v, pattern, span)
	if c == nil {
		l.diag("unsupported_regex", span, "", "this regular expression cannot be written in ES|QL: "+clip(pattern))
		return nil
	}
	if !neg {
		return c
	}
	if isTrue(c) || isFalse(c) {
		return not(c)
	}
	return or(append([]esql.Expr{not(c)}, nulls(v)...)...)
}

func (l *lowering) regexMatch(v value, pattern string, span spl.Span) esql.Expr {
	re, err := parseWritten(pattern)
	if err == nil {
		plain := re.Simplify() // without counts, as long as Lucene's automaton will be
		if lit, start, end, fold, ok := literalRegex(plain); ok {
			if v.multi() {
				return anyLiteral(v, lit, start, end, fold)
			}
			return literalMatch(v, lit, start, end, fold)
		}
		if p, ok := lucene(plain, v.multi(), false); ok && len(p) <= maxRegexLength {
			fold := !v.multi() && ignoresCase(re)
			if p, ok = lucene(re, v.multi(), fold); !ok {
				return nil
			}
			switch {
			case fold && !v.lower:
				return rlike(call("TO_LOWER", v.expr), p)
			case !v.multi():
				return rlike(v.expr, p)
			}
			return rlike(call("CONCAT", str(valueMark), call("MV_CONCAT", v.expr, str(valueMark)), str(valueMark)), p)
		}
	}
	java, ok := javaRegex(pattern)
	if !ok {
		return nil
	}
	if v.multi() {
		l.arrayNote(v, span, "", "of several values each is read as a line: an expression that looks across lines can match differently")
		joined := call("MV_CONCAT", v.expr, str("\n"))
		return binary("!=", call("REPLACE", joined, str("(?m)"+java), str(valueMark)), joined)
	}
	return binary("!=", call("REPLACE", v.expr, str(java), str(valueMark)), v.expr)
}

// literalRegex recognizes ^?literal$? of one case sensitivity.
func literalRegex(re *syntax.Regexp) (lit string, start, end, fold, ok bool) {
	parts := []*syntax.Regexp{re}
	if re.Op == syntax.OpConcat {
		parts = re.Sub
	}
	var b strings.Builder
	seen := false
	for i, p := range parts {
		switch {
		case p.Op == syntax.OpBeginText && i == 0:
			start = true
		case p.Op == syntax.OpEndText && i == len(parts)-1:
			end = true
		case p.Op == syntax.OpLiteral:
			f := p.Flags&syntax.FoldCase != 0
			cased, _ := letters(string(p.Rune))
			if cased && seen && f != fold {
				return "", false, false, false, false
			}
			if cased {
				fold, seen = f, true
			}
			b.WriteString(string(p.Rune))
		default:
			return "", false, false, false, false
		}
	}
	return b.String(), start, end, fold, b.Len() > 0
}

func literalMatch(v value, lit string, start, end, fold bool) esql.Expr {
	x := v.expr
	cased, _ := letters(lit)
	if fold && cased {
		lit = strings.ToLower(lit)
		if !v.lower {
			x = call("TO_LOWER", x)
		}
	}
	switch {
	case start && end:
		return binary("==", x, str(lit))
	case start:
		return like(x, esql.EscapeLike(lit)+"*")
	case end:
		return like(x, "*"+esql.EscapeLike(lit))
	}
	return like(x, "*"+esql.EscapeLike(lit)+"*")
}

// anyLiteral is literalMatch for several values.
func anyLiteral(v value, lit string, start, end, fold bool) esql.Expr {
	x := v.expr
	if cased, _ := letters(lit); fold && cased {
		lit = strings.ToLower(lit)
		if !v.lower {
			x = call("TO_LOWER", x)
		}
	}
	joined := call("MV_CONCAT", x, str(valueMark))
	wrapped := call("CONCAT", str(valueMark), joined, str(valueMark))
	lit = esql.EscapeLike(lit)
	switch {
	case start && end:
		return like(wrapped, "*"+valueMark+lit+valueMark+"*")
	case start:
		return like(wrapped, "*"+valueMark+lit+"*")
	case end:
		return like(wrapped, "*"+lit+valueMark+"*")
	}
	return like(joined, "*"+lit+"*")
}

// posixClasses are the bracket expressions of PCRE in Java's words.
var posixClasses = strings.NewReplacer("[:alpha:]", `\p{Alpha}`, "[:digit:]", `\d`, "[:alnum:]", `\p{Alnum}`, "[:upper:]", `\p{Upper}`,
	"[:lower:]", `\p{Lower}`, "[:punct:]", `\p{Punct}`, "[:space:]", `\s`, "[:xdigit:]", `\p{XDigit}`, "[:word:]", `\w`,
	"[:print:]", `\p{Print}`, "[:graph:]", `\p{Graph}`, "[:cntrl:]", `\p{Cntrl}`, "[:blank:]", `\p{Blank}`)

// javaRegex turns a PCRE into the Java expression that REPLACE takes.
func javaRegex(p string) (string, bool) {
	for _, bad := range []string{"(?R)", "(?0)", "(?(", "(?&", "(*", `\K`, `\g{`, "(?|", `\C`, "(?P>"} {
		if strings.Contains(p, bad) {
			return "", false
		}
	}
	p = strings.ReplaceAll(p, "(?P<", "(?<")
	p = javaGroupNames(p)
	return posixClasses.Replace(p), balancedRegex(p)
}

// javaGroupNames takes underscores out of group names, which Java does not allow.
func javaGroupNames(p string) string {
	if !strings.Contains(p, "(?<") {
		return p
	}
	var b strings.Builder
	for {
		i := strings.Index(p, "(?<")
		if i < 0 {
			b.WriteString(p)
			return b.String()
		}
		b.WriteString(p[:i+3])
		p = p[i+3:]
		if strings.HasPrefix(p, "=") || strings.HasPrefix(p, "!") {
			continue
		}
		j := strings.IndexByte(p, '>')
		if j < 0 {
			continue
		}
		b.WriteString(strings.ReplaceAll(p[:j], "_", ""))
		p = p[j:]
	}
}

// balancedRegex is a cheap check that brackets close; the engine would reject the query otherwise.
func balancedRegex(p string) bool {
	depth, class := 0, false
	for i := 0; i < len(p); i++ {
		switch c := p[i]; {
		case c == '\\':
			i++
			if i == len(p) {
				return false
			}
		case class:
			if c == ']' {
				class = false
			}
		case c == '[':
			class = true
			if strings.HasPrefix(p[i+1:], "]") || strings.HasPrefix(p[i+1:], "^]") {
				i += 1 + strings.IndexByte(p[i+1:], ']')
			}
		case c == '(':
			depth++
		case c == ')':
			depth--
			if depth < 0 {
				return false
			}
		}
	}
	return depth == 0 && !class
}

// javaReplacement turns \1 into $1 and protects $.
func javaReplacement(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s) && s[i+1] >= '0' && s[i+1] <= '9':
			b.WriteByte('$')
		case c == '\\' && i+1 < len(s):
			b.WriteByte('\\')
			i++
			b.WriteByte(s[i])
		case c == '$':
			b.WriteString(`\$`)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// javaQuote is a Java expression for a literal.
func javaQuote(s string) string {
	var b strings.Builder
	for _, r := range s {
		if strings.ContainsRune(`\^$.|?*+()[]{}`, r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
