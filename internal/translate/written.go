package translate

import (
	"regexp/syntax"
	"strings"
)

// parseWritten parses a regular expression and keeps its alternatives as the author wrote them. The parser of Go takes
// common beginnings out of alternatives (`au3|a3x` becomes `a(?:u3|3x)`) and makes classes of single letters, which whoever
// reviews a rule does not find again. A rune that no expression has, another one for each alternative, keeps them apart; it
// is taken out of the tree afterwards.
func parseWritten(pattern string) (*syntax.Regexp, error) {
	plain, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil || !strings.Contains(pattern, "|") || strings.ContainsFunc(pattern, isMark) {
		return plain, err
	}
	marked, ok := markAlternatives(pattern)
	if !ok {
		return plain, nil
	}
	re, err := syntax.Parse(marked, syntax.Perl)
	if err != nil {
		return plain, nil //nolint:nilerr // the expression itself parses; only its alternatives are not kept
	}
	return unmark(re), nil
}

// firstMark and lastMark are runes for private use.
const firstMark, lastMark = '\uE000', '\uF8FF'

func isMark(r rune) bool { return firstMark <= r && r <= lastMark }

// markAlternatives puts a mark at the start of each alternative; false where there are too many or the expression has
// something that the scan does not know.
func markAlternatives(pattern string) (string, bool) {
	var b strings.Builder
	next := rune(firstMark)
	mark := func() bool {
		b.WriteRune(next)
		next++
		return next < lastMark
	}
	mark()
	for i := 0; i < len(pattern); i++ {
		c := pattern[i]
		b.WriteByte(c)
		switch c {
		case '\\':
			if strings.HasPrefix(pattern[i:], `\Q`) {
				return "", false
			}
			if i+1 < len(pattern) {
				i++
				b.WriteByte(pattern[i])
			}
		case '[':
			end := classEnd(pattern, i)
			if end < 0 {
				return "", false
			}
			b.WriteString(pattern[i+1 : end+1])
			i = end
		case '|':
			if !mark() {
				return "", false
			}
		case '(':
			end, flags := groupHead(pattern, i)
			b.WriteString(pattern[i+1 : end])
			i = end - 1
			if !flags && !mark() {
				return "", false
			}
		}
	}
	return b.String(), true
}

// classEnd is the place of the ] that ends the class at i, -1 without one.
func classEnd(p string, i int) int {
	i++
	if i < len(p) && p[i] == '^' {
		i++
	}
	for first := i; i < len(p); i++ {
		switch {
		case p[i] == '\\':
			i++
		case strings.HasPrefix(p[i:], "[:"):
			if j := strings.Index(p[i:], ":]"); j > 0 {
				i += j + 1
			}
		case p[i] == ']' && i > first:
			return i
		}
	}
	return -1
}

// groupHead is where the inside of the group at i begins; flags says that the group only sets flags.
func groupHead(p string, i int) (end int, flags bool) {
	rest := p[i+1:]
	if !strings.HasPrefix(rest, "?") {
		return i + 1, false
	}
	if strings.HasPrefix(rest, "?P<") || strings.HasPrefix(rest, "?<") {
		if j := strings.IndexByte(rest, '>'); j > 0 {
			return i + 1 + j + 1, false
		}
	}
	j := strings.IndexAny(rest, ":)")
	if j < 0 {
		return i + 1, false
	}
	if rest[j] == ')' {
		return i + 1 + j + 1, true
	}
	return i + 1 + j + 1, false
}

// unmark takes the marks out of a tree.
func unmark(re *syntax.Regexp) *syntax.Regexp {
	switch re.Op {
	case syntax.OpLiteral:
		kept := re.Rune[:0:0]
		for _, r := range re.Rune {
			if !isMark(r) {
				kept = append(kept, r)
			}
		}
		if len(kept) == 0 {
			return &syntax.Regexp{Op: syntax.OpEmptyMatch, Flags: re.Flags}
		}
		re.Rune = kept
		return re
	case syntax.OpConcat:
		subs := re.Sub[:0:0]
		for _, s := range re.Sub {
			s = unmark(s)
			if s.Op == syntax.OpConcat {
				subs = append(subs, s.Sub...)
			} else if s.Op != syntax.OpEmptyMatch {
				subs = append(subs, s)
			}
		}
		switch len(subs) {
		case 0:
			return &syntax.Regexp{Op: syntax.OpEmptyMatch, Flags: re.Flags}
		case 1:
			return subs[0]
		}
		re.Sub = subs
		return re
	}
	for i, s := range re.Sub {
		re.Sub[i] = unmark(s)
	}
	return re
}
