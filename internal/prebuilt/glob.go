package prebuilt

import "strings"

// The wildcards of a glob, beyond what text holds.
const (
	anyText = '\uE000'
	anyRune = '\uE001'
)

// glob is a whole-value pattern; fold says that case does not count.
type glob struct {
	text []rune
	fold bool
}

// newGlob reads * and ? as wildcards, without an escape.
func newGlob(s string, fold bool) glob {
	return makeGlob(strings.NewReplacer("*", string(anyText), "?", string(anyRune)).Replace(s), fold)
}

// exactly is the glob of one value.
func exactly(s string, fold bool) glob { return makeGlob(s, fold) }

func makeGlob(s string, fold bool) glob {
	if fold {
		s = strings.ToLower(s)
	}
	g := glob{fold: fold}
	for _, r := range s {
		if r == anyText && len(g.text) > 0 && g.text[len(g.text)-1] == anyText {
			continue
		}
		g.text = append(g.text, r)
	}
	return g
}

func (g glob) String() string {
	s := strings.NewReplacer(string(anyText), "*", string(anyRune), "?").Replace(string(g.text))
	if s == "*" {
		return s
	}
	return `"` + s + `"`
}

// wild says whether the glob has a wildcard.
func (g glob) wild() bool {
	return strings.ContainsAny(string(g.text), string(anyText)+string(anyRune))
}

// letters says whether case can matter to the glob.
func (g glob) letters() bool {
	s := string(g.text)
	return strings.ToLower(s) != strings.ToUpper(s)
}

// covers says whether every value of narrow is one of g's. anyCase takes the values as fixed in case, so that a glob that
// minds case covers one that does not.
func (g glob) covers(narrow glob, anyCase bool) bool {
	a, b := narrow.text, g.text
	switch {
	case g.fold || anyCase:
		a, b = []rune(strings.ToLower(string(a))), []rune(strings.ToLower(string(b)))
	case narrow.fold && narrow.letters() && !(len(b) == 1 && b[0] == anyText):
		return false
	}
	return matchRunes(b, a)
}

// matchRunes matches text, in which wildcards are runes like others, with a pattern: * takes any of them, ? all but *.
func matchRunes(pattern, text []rune) bool {
	star, mark := -1, 0
	p, t := 0, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == anyText:
			star, mark = p, t
			p++
		case p < len(pattern) && (pattern[p] == text[t] || pattern[p] == anyRune && text[t] != anyText):
			p++
			t++
		case star >= 0:
			mark++
			p, t = star+1, mark
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == anyText {
		p++
	}
	return p == len(pattern)
}

// disjoint says whether no value can match both; false when that is not seen.
func disjoint(a, b glob) bool {
	x, y := []rune(strings.ToLower(string(a.text))), []rune(strings.ToLower(string(b.text)))
	switch {
	case !a.wild():
		return !matchRunes(y, x)
	case !b.wild():
		return !matchRunes(x, y)
	}
	ends := func(s []rune) (head, tail string) {
		text := string(s)
		i, j := strings.IndexAny(text, string(anyText)+string(anyRune)), strings.LastIndexAny(text, string(anyText)+string(anyRune))
		return text[:i], text[j+len(string(anyText)):]
	}
	ah, at := ends(x)
	bh, bt := ends(y)
	apart := func(a, b string, has func(string, string) bool) bool { return !has(a, b) && !has(b, a) }
	return apart(ah, bh, strings.HasPrefix) || apart(at, bt, strings.HasSuffix)
}
