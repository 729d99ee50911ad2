package translate

import (
	"slices"
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// mergeFrom is the number of patterns of one kind on one field from which a single RLIKE is evaluated in their place. It
// reads each value once: with ten patterns it takes half the time of as many LIKEs.
const mergeFrom = 4

// wildcards are patterns on one field that have a * at one end or at both, and no other.
type wildcards struct {
	starts, ends, inside distinct
}

// collectWildcards keeps the kinds of which there are enough to be merged. Beginnings are among them where they are
// not looked up in the dictionary.
func collectWildcards(words []spl.Value, scanned bool) wildcards {
	var k wildcards
	if len(words) < mergeFrom {
		return k
	}
	for _, w := range words {
		if list, text := k.kind(w.Text); list != nil {
			list.add(text)
		}
	}
	for _, list := range []*distinct{&k.starts, &k.ends, &k.inside} {
		if len(list.list) < mergeFrom || list == &k.starts && !scanned {
			*list = distinct{}
		}
	}
	return k
}

// kind is the list that a pattern belongs to, and its text without the *; nil where it is none of them or has letters
// beyond ASCII.
func (k *wildcards) kind(word string) (*distinct, string) {
	text := strings.ToLower(strings.Trim(word, "*"))
	if _, beyond := letters(word); beyond || text == "" || strings.Contains(text, "*") {
		return nil, ""
	}
	switch before, after := strings.HasPrefix(word, "*"), strings.HasSuffix(word, "*"); {
	case before && after:
		return &k.inside, text
	case before:
		return &k.ends, text
	case after:
		return &k.starts, text
	}
	return nil, ""
}

// has says that a pattern is among those that are merged.
func (k *wildcards) has(word string) bool {
	list, text := k.kind(word)
	return list != nil && slices.Contains(list.list, text)
}

// tests are the merged conditions; a pattern of Lucene has a largest length.
func (k *wildcards) tests(v value) []esql.Expr {
	x := v.expr
	if !v.lower {
		x = call("TO_LOWER", x)
	}
	var out []esql.Expr
	for _, kind := range []struct {
		before, after string
		list          []string
	}{{"(", ").*", k.starts.list}, {".*(", ")", k.ends.list}, {".*(", ").*", k.inside.list}} {
		var alternatives []string
		length := 0
		flush := func() {
			if len(alternatives) > 0 {
				out = append(out, rlike(x, kind.before+strings.Join(alternatives, "|")+kind.after))
			}
			alternatives, length = nil, 0
		}
		for _, text := range kind.list {
			escaped := esql.EscapeRegex(text)
			if length+len(escaped) > maxRegexLength-100 {
				flush()
			}
			alternatives = append(alternatives, escaped)
			length += len(escaped) + 1
		}
		flush()
	}
	return out
}
