package translate

import (
	"regexp/syntax"
	"strconv"
	"strings"
	"unicode"

	"github.com/rulebridge/rulebridge/internal/esql"
)

// luceneWriter writes a parsed regular expression in Lucene's syntax; ok is false where Lucene cannot say it.
type luceneWriter struct {
	multi bool // values are joined by valueMark, which nothing may cross
	lower bool // the text is in lower case
	b     strings.Builder
}

func lucene(re *syntax.Regexp, multi, lower bool) (string, bool) {
	w := luceneWriter{multi: multi, lower: lower}
	return w.match(re)
}

// ignoresCase says that an expression with letters matches whatever their case, so that it can be read in lower case.
// An RLIKE of the field itself would go through all its values, whatever other conditions leave over.
func ignoresCase(re *syntax.Regexp) bool {
	cased := false
	var walk func(re *syntax.Regexp) bool
	walk = func(re *syntax.Regexp) bool {
		switch re.Op {
		case syntax.OpLiteral:
			some, beyond := letters(string(re.Rune))
			if beyond || some && re.Flags&syntax.FoldCase == 0 {
				return false
			}
			cased = cased || some
		case syntax.OpCharClass:
			if !closed(re.Rune) {
				return false
			}
		}
		for _, sub := range re.Sub {
			if !walk(sub) {
				return false
			}
		}
		return true
	}
	return walk(re) && cased
}

// closed says that a class has both cases of each letter of ASCII, and beyond ASCII all or nothing but the two that
// fold to s and k.
func closed(ranges []rune) bool {
	has := func(r rune) bool {
		for i := 0; i+1 < len(ranges); i += 2 {
			if ranges[i] <= r && r <= ranges[i+1] {
				return true
			}
		}
		return false
	}
	for r := 'a'; r <= 'z'; r++ {
		if has(r) != has(unicode.ToUpper(r)) {
			return false
		}
	}
	for i, r := range ranges {
		first := r // of the range, or of what follows it
		if i%2 == 1 {
			first++
		}
		switch first {
		case '\u017F', '\u0180', '\u212A', '\u212B', unicode.MaxRune + 1:
		default:
			if first > unicode.MaxASCII {
				return false
			}
		}
	}
	return true
}

// match is the whole pattern, anchored as RLIKE is.
func (w *luceneWriter) match(re *syntax.Regexp) (string, bool) {
	alts := []*syntax.Regexp{re}
	if re.Op == syntax.OpAlternate {
		alts = re.Sub
	}
	any, before, after := ".*", "", ""
	if w.multi {
		any = "[^" + valueMark + "]*"
		before, after = ".*"+valueMark, valueMark+".*"
	}
	w.b.WriteString(before)
	if len(alts) > 1 {
		w.b.WriteByte('(')
	}
	for i, a := range alts {
		if i > 0 {
			w.b.WriteByte('|')
		}
		parts := []*syntax.Regexp{a}
		if a.Op == syntax.OpConcat {
			parts = a.Sub
		}
		if len(parts) > 0 && parts[0].Op == syntax.OpBeginText {
			parts = parts[1:]
		} else {
			w.b.WriteString(any)
		}
		end := false
		if n := len(parts); n > 0 && parts[n-1].Op == syntax.OpEndText {
			parts, end = parts[:n-1], true
		}
		for _, p := range parts {
			if !w.write(p) {
				return "", false
			}
		}
		if !end {
			w.b.WriteString(any)
		}
	}
	if len(alts) > 1 {
		w.b.WriteByte(')')
	}
	w.b.WriteString(after)
	return w.b.String(), true
}

func (w *luceneWriter) write(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpEmptyMatch:
		w.b.WriteString("()")
	case syntax.OpLiteral:
		for _, r := range re.Rune {
			w.rune(r, re.Flags&syntax.FoldCase != 0)
		}
	case syntax.OpCharClass:
		w.class(re.Rune)
	case syntax.OpAnyCharNotNL:
		w.b.WriteString("[^\n")
		if w.multi {
			w.b.WriteString(valueMark)
		}
		w.b.WriteByte(']')
	case syntax.OpAnyChar:
		if w.multi {
			w.b.WriteString("[^" + valueMark + "]")
		} else {
			w.b.WriteByte('.')
		}
	case syntax.OpCapture:
		return w.group(re.Sub[0])
	case syntax.OpStar, syntax.OpPlus, syntax.OpQuest:
		if !w.atom(re.Sub[0]) {
			return false
		}
		w.b.WriteByte(map[syntax.Op]byte{syntax.OpStar: '*', syntax.OpPlus: '+', syntax.OpQuest: '?'}[re.Op])
	case syntax.OpRepeat:
		if !w.atom(re.Sub[0]) {
			return false
		}
		w.b.WriteByte('{')
		w.b.WriteString(strconv.Itoa(re.Min))
		if re.Max != re.Min {
			w.b.WriteByte(',')
			if re.Max >= 0 {
				w.b.WriteString(strconv.Itoa(re.Max))
			}
		}
		w.b.WriteByte('}')
	case syntax.OpConcat:
		for _, s := range re.Sub {
			if !w.write(s) {
				return false
			}
		}
	case syntax.OpAlternate:
		return w.group(re)
	default: // anchors inside, word boundaries
		return false
	}
	return w.b.Len() <= 4*maxRegexLength
}

func (w *luceneWriter) group(re *syntax.Regexp) bool {
	w.b.WriteByte('(')
	if re.Op == syntax.OpAlternate {
		for i, s := range re.Sub {
			if i > 0 {
				w.b.WriteByte('|')
			}
			if !w.write(s) {
				return false
			}
		}
	} else if !w.write(re) {
		return false
	}
	w.b.WriteByte(')')
	return true
}

// atom writes what a quantifier can stand behind.
func (w *luceneWriter) atom(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL, syntax.OpCapture, syntax.OpAlternate:
		return w.write(re)
	case syntax.OpLiteral:
		if len(re.Rune) == 1 {
			return w.write(re)
		}
	}
	return w.group(re)
}

func (w *luceneWriter) rune(r rune, fold bool) {
	lo, up := unicode.ToLower(r), unicode.ToUpper(r)
	if w.lower {
		fold, r = false, lo
	}
	if fold && lo != up {
		w.b.WriteByte('[')
		w.b.WriteRune(lo)
		w.b.WriteRune(up)
		w.b.WriteByte(']')
		return
	}
	w.b.WriteString(esql.EscapeRegex(string(r)))
}

// class writes a character class; one that reaches the ends of Unicode is written as its complement.
func (w *luceneWriter) class(rs []rune) {
	negated := len(rs) > 0 && rs[0] == 0 && rs[len(rs)-1] == unicode.MaxRune
	if negated {
		var inv []rune
		for i := 1; i+1 < len(rs); i += 2 {
			inv = append(inv, rs[i]+1, rs[i+1]-1)
		}
		rs = inv
		if len(rs) == 0 && !w.multi {
			w.b.WriteByte('.')
			return
		}
	}
	// Go's \s leaves the vertical tab out, PCRE's has it; as a range no character is invisible in the query.
	for i := 0; i+3 < len(rs); i += 2 {
		if rs[i] == '\t' && rs[i+1] == '\n' && rs[i+2] == '\f' && rs[i+3] == '\r' {
			rs = append(append(append([]rune(nil), rs[:i+1]...), '\r'), rs[i+4:]...)
			break
		}
	}
	w.b.WriteByte('[')
	if negated {
		w.b.WriteByte('^')
		if w.multi {
			w.b.WriteString(valueMark)
		}
	}
	for i := 0; i+1 < len(rs); i += 2 {
		if rs[i] == rs[i+1] && (rs[i] == '\u017F' || rs[i] == '\u212A') {
			continue // they fold to s and k in Unicode, not in Splunk's expressions
		}
		if w.lower && rs[i] <= 'Z' && rs[i+1] >= 'A' {
			if rs[i] < 'A' {
				w.classRange(rs[i], 'A'-1)
			}
			if rs[i+1] > 'Z' {
				w.classRange('Z'+1, rs[i+1])
			}
			continue
		}
		w.classRange(rs[i], rs[i+1])
	}
	w.b.WriteByte(']')
}

func (w *luceneWriter) classRange(from, to rune) {
	w.classRune(from)
	if to > from {
		if to > from+1 {
			w.b.WriteByte('-')
		}
		w.classRune(to)
	}
}

func (w *luceneWriter) classRune(r rune) {
	if strings.ContainsRune(`\]-[^&"#@~<>.?+*|{}()`, r) {
		w.b.WriteByte('\\')
	}
	w.b.WriteRune(r)
}
