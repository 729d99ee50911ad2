package value

import (
	"fmt"
	"regexp"
	"strings"
)

// Pattern is a compiled regular expression in the syntax of PCRE.
type Pattern struct {
	names []string // of the groups from 1 on, empty for those without
	re    *regexp.Regexp
	back  *backtracker // what regexp cannot do: lookaround, back references, possessive and atomic groups
}

// maxPatterns is how many compiled patterns an Env keeps.
const maxPatterns = 512

// Compile reads a regular expression.
func Compile(expr string) (*Pattern, error) {
	if len(expr) > 1<<16 {
		return nil, fmt.Errorf("regular expression of %d bytes: the limit is 65,536", len(expr))
	}
	if re, err := regexp.Compile(expr); err == nil && !strings.Contains(expr, `\G`) {
		if blanks, ok := withAllBlanks(expr); !ok {
			re = nil
		} else if blanks != expr {
			re, _ = regexp.Compile(blanks)
		}
		if re != nil {
			return &Pattern{names: re.SubexpNames()[1:], re: re}, nil
		}
	}
	b, err := compileBacktracker(expr)
	if err != nil {
		return nil, fmt.Errorf("regular expression %q: %w", shorten(expr, 120), err)
	}
	return &Pattern{names: b.names, back: b}, nil
}

// withAllBlanks writes \s and \S out as PCRE means them: with the vertical tab, which package regexp leaves out. It is
// false where a class or a quotation cannot be written this way.
func withAllBlanks(expr string) (string, bool) {
	if !strings.Contains(expr, `\s`) && !strings.Contains(expr, `\S`) {
		return expr, true
	}
	const blanks = `\t-\r `
	var b strings.Builder
	class := false
	for i := 0; i < len(expr); i++ {
		rest := expr[i:]
		switch {
		case strings.HasPrefix(rest, `\Q`), class && strings.HasPrefix(rest, `\S`):
			return "", false
		case class && strings.HasPrefix(rest, `\s`):
			b.WriteString(blanks)
			i++
		case strings.HasPrefix(rest, `\s`):
			b.WriteString("[" + blanks + "]")
			i++
		case strings.HasPrefix(rest, `\S`):
			b.WriteString("[^" + blanks + "]")
			i++
		case rest[0] == '\\' && len(rest) > 1:
			b.WriteString(rest[:2])
			i++
		case class && strings.HasPrefix(rest, "[:") && strings.Contains(rest, ":]"):
			n := strings.Index(rest, ":]") + len(":]")
			b.WriteString(rest[:n])
			i += n - 1
		case !class && rest[0] == '[':
			// A bracket that closes right behind the one that opens is a character of the class.
			n := 1
			if strings.HasPrefix(rest[n:], "^") {
				n++
			}
			if strings.HasPrefix(rest[n:], "]") {
				n++
			}
			b.WriteString(rest[:n])
			i += n - 1
			class = true
		default:
			class = class && rest[0] != ']'
			b.WriteByte(rest[0])
		}
	}
	return b.String(), true
}

func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}

// Groups are the names of the groups, empty for those without a name.
func (p *Pattern) Groups() []string { return p.names }

// pattern compiles and keeps; nil after a failure.
func (e *Env) pattern(expr string) *Pattern {
	if p, ok := e.patterns[expr]; ok {
		return p
	}
	if !e.spend(1 + len(expr)) {
		return nil
	}
	p, err := Compile(expr)
	if err != nil {
		e.fail(err)
		return nil
	}
	if e.patterns == nil || len(e.patterns) >= maxPatterns {
		e.patterns = map[string]*Pattern{}
	}
	e.patterns[expr] = p
	return p
}

// Pattern compiles a regular expression once for all calls.
func (e *Env) Pattern(expr string) (*Pattern, error) {
	p := e.pattern(expr)
	if p == nil {
		return nil, e.Err()
	}
	return p, nil
}

// Match says whether the expression is found in s.
func (p *Pattern) Match(e *Env, s string) bool { return p.find(e, s, 0) != nil }

// find is the first match at or after from: pairs of offsets, -1 for a group that took no part.
func (p *Pattern) find(e *Env, s string, from int) []int {
	if !e.spend(1 + (len(s)-from)/8) {
		return nil
	}
	if p.back != nil {
		return p.back.find(e, s, from)
	}
	if from == 0 {
		return p.re.FindStringSubmatchIndex(s)
	}
	// Anchors and boundaries look at what stands before from, so that the search starts at the beginning.
	for _, m := range p.re.FindAllStringSubmatchIndex(s, -1) {
		if m[0] >= from {
			return m
		}
	}
	return nil
}

// All are the matches from left to right, at most n of them; n <= 0 for all.
func (p *Pattern) All(e *Env, s string, n int) [][]int {
	if n <= 0 {
		n = len(s) + 1
	}
	if p.re != nil {
		if !e.spend(1 + len(s)/4) {
			return nil
		}
		return p.re.FindAllStringSubmatchIndex(s, n)
	}
	var all [][]int
	for at := 0; at <= len(s) && len(all) < n; {
		m := p.find(e, s, at)
		if m == nil {
			break
		}
		all = append(all, m)
		if at = m[1]; m[0] == m[1] {
			at++
		}
	}
	return all
}

// Replace replaces every match; \1 in with is a group.
func (p *Pattern) Replace(e *Env, s, with string) string {
	var b strings.Builder
	at := 0
	for _, m := range p.All(e, s, 0) {
		if m[0] < at {
			continue
		}
		b.WriteString(s[at:m[0]])
		expandGroups(&b, s, with, m)
		at = m[1]
		if b.Len() > maxText {
			return b.String()
		}
	}
	b.WriteString(s[at:])
	return b.String()
}

func expandGroups(b *strings.Builder, s, with string, m []int) {
	for i := 0; i < len(with); i++ {
		c := with[i]
		if c == '\\' && i+1 < len(with) {
			i++
			if d := with[i]; d >= '0' && d <= '9' {
				if k := int(d - '0'); 2*k+1 < len(m) && m[2*k] >= 0 {
					b.WriteString(s[m[2*k]:m[2*k+1]])
				}
				continue
			}
			switch with[i] {
			case 'n':
				b.WriteByte('\n')
			case 't':
				b.WriteByte('\t')
			case 'r':
				b.WriteByte('\r')
			default:
				b.WriteByte(with[i])
			}
			continue
		}
		b.WriteByte(c)
	}
}

// ReplaceNth replaces the n-th match only, counted from 1; 0 replaces all.
func (p *Pattern) ReplaceNth(e *Env, s, with string, n int) string {
	if n == 0 {
		return p.Replace(e, s, with)
	}
	all := p.All(e, s, n)
	if n < 0 || len(all) < n {
		return s
	}
	m := all[n-1]
	var b strings.Builder
	b.WriteString(s[:m[0]])
	expandGroups(&b, s, with, m)
	b.WriteString(s[m[1]:])
	return b.String()
}
