package fidelity

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
)

// matches asks for a value that a regular expression matches.
func (s *solver) matches(field, pattern string) {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		s.failed = "an expression with look-around"
		return
	}
	w := s.field(field)
	w.is = append(w.is, "*"+sample(re, "", "")+"*")
}

// sample is a text that an expression matches, the group of a name with a value.
func sample(re *syntax.Regexp, group, v string) string {
	var b strings.Builder
	switch re.Op {
	case syntax.OpLiteral:
		b.WriteString(string(re.Rune))
	case syntax.OpCharClass:
		for i := 0; i+1 < len(re.Rune); i += 2 {
			for _, c := range "a1A \\./-_" {
				if re.Rune[i] <= c && c <= re.Rune[i+1] {
					return string(c)
				}
			}
		}
		if len(re.Rune) > 0 {
			b.WriteRune(re.Rune[0])
		}
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		b.WriteByte('a')
	case syntax.OpCapture, syntax.OpPlus:
		if re.Op == syntax.OpCapture && group != "" && re.Name == group {
			return v
		}
		b.WriteString(sample(re.Sub[0], group, v))
	case syntax.OpRepeat:
		b.WriteString(strings.Repeat(sample(re.Sub[0], group, v), re.Min))
	case syntax.OpConcat:
		for _, x := range re.Sub {
			b.WriteString(sample(x, group, v))
		}
	case syntax.OpAlternate:
		return sample(re.Sub[0], group, v)
	}
	return b.String()
}

// fill makes a value that fits every pattern, or reports that none does.
func (w *wanted) fill(usual string) (string, bool) {
	v := usual
	if len(w.is) > 0 {
		v = ""
		prefix, middle, suffix := "", "", ""
		for _, p := range w.is {
			if !strings.Contains(p, "*") {
				v = p
				break
			}
			parts := strings.Split(p, "*")
			if len(parts[0]) > len(prefix) {
				prefix = parts[0]
			}
			if last := parts[len(parts)-1]; len(last) > len(suffix) {
				suffix = last
			}
			for _, x := range parts[1 : len(parts)-1] {
				if x != "" && !strings.Contains(strings.ToLower(middle), strings.ToLower(x)) {
					middle += x
				}
			}
		}
		if v == "" {
			v = prefix + middle + suffix
		}
		if v == "" {
			v = usual // * alone
		}
		if strings.HasSuffix(v, " ") {
			v += "zq" // pipelines trim
		}
		if strings.HasPrefix(v, " ") {
			v = "zq" + v
		}
		if at := strings.LastIndex(v, suffix); w.least > len(v) && at >= 0 {
			v = v[:at] + strings.Repeat("z", w.least-len(v)) + v[at:]
		}
	}
	if w.over != "" {
		if n, err := strconv.ParseFloat(w.over, 64); err == nil {
			v = strconv.FormatFloat(n+1, 'f', -1, 64)
		}
	}
	for _, p := range w.is {
		if !like(p, v) {
			return "", false
		}
	}
	for _, other := range []string{v, "zq7", `C:\zq7\zq8.exe`} {
		if (other == v || len(w.is) == 0) && !slices.ContainsFunc(w.not, func(p string) bool { return like(p, other) }) {
			return other, true
		}
	}
	return v, len(w.not) == 0
}

// like says whether a value fits a pattern of * without case.
func like(pattern, v string) bool {
	re := "(?is)^" + strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*") + "$"
	return regexp.MustCompile(re).MatchString(v)
}
