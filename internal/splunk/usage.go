package splunk

import (
	"hash/maphash"
	"iter"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// usage knows, of all rules, in which places words stand that may be the name of a macro or a lookup. It holds numbers
// instead of words: of 50,000 rules these are many.
type usage struct {
	seed   maphash.Seed
	places []place
	number map[place]uint32
	words  map[wordAt]struct{}
}

type wordAt struct {
	word  uint64
	place uint32
}

func newUsage() usage {
	return usage{seed: maphash.MakeSeed(), number: map[place]uint32{}, words: map[wordAt]struct{}{}}
}

// add notes what a rule may use.
func (u *usage) add(r *migration.OriginalRule) {
	p := place{r.App, r.Owner}
	n, ok := u.number[p]
	if !ok {
		n = uint32(len(u.places)) //nolint:gosec // there are fewer places than rules
		u.places = append(u.places, p)
		u.number[p] = n
	}
	for w := range namesIn(r.Query) {
		u.words[wordAt{maphash.String(u.seed, w), n}] = struct{}{}
	}
}

// of are the places in which one of the words stands.
func (u *usage) of(words map[string]bool) map[place]bool {
	found := map[place]bool{}
	for w := range words {
		h := maphash.String(u.seed, w)
		for n, p := range u.places {
			if _, ok := u.words[wordAt{h, uint32(n)}]; ok { //nolint:gosec // as in add
				found[p] = true
			}
		}
	}
	return found
}

// afterMacro is how many words behind a macro may be the name of a lookup: the macro may end in the command lookup.
const afterMacro = 4

// namesIn gives the words of a search that may name a macro or a lookup: what stands between backticks, a few words behind,
// and all words of a command in which "lookup" stands. It gives rather more than fewer.
func namesIn(search string) iter.Seq[string] {
	return func(yield func(string) bool) {
		macro, behind := false, 0
		for command := range strings.SplitSeq(search, "|") {
			if !macro && behind == 0 && !strings.Contains(command, "`") && !containsLookup(command) {
				continue
			}
			all := containsLookup(command)
			for i, part := range strings.Split(command, "`") {
				if i > 0 {
					macro, behind = !macro, afterMacro
				}
				for w := range wordsOf(part) {
					if !macro && !all {
						if behind == 0 {
							continue
						}
						behind--
					}
					if !yield(w) {
						return
					}
				}
			}
			behind = 0
		}
	}
}

func containsLookup(s string) bool {
	const name = "lookup"
	for i := 0; i+len(name) <= len(s); i++ {
		if s[i]|0x20 == name[0] && strings.EqualFold(s[i:i+len(name)], name) {
			return true
		}
	}
	return false
}

// wordsOf gives what may be names, and behind a colon also what stands behind it, as in lookup:NAME.
func wordsOf(s string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for len(s) > 0 {
			r, size := utf8.DecodeRuneInString(s)
			if !inName(r) {
				s = s[size:]
				continue
			}
			end := size
			for end < len(s) {
				r, size := utf8.DecodeRuneInString(s[end:])
				if !inName(r) {
					break
				}
				end += size
			}
			w := s[:end]
			if !yield(w) {
				return
			}
			if _, name, ok := strings.Cut(w, ":"); ok && name != "" && !yield(name) {
				return
			}
			s = s[end:]
		}
	}
}

func inName(r rune) bool {
	return r == '_' || r == '.' || r == ':' || r == '-' || unicode.IsLetter(r) || unicode.IsNumber(r)
}

// isWord says whether a name is found as a word.
func isWord(name string) bool {
	return name != "" && strings.IndexFunc(name, func(r rune) bool { return !inName(r) }) < 0
}

// uses gives the places of the rules that may use a name. Macros pass their own names on to the rules that use them.
func (in *importer) uses() func(name string) []place {
	holders := map[string][]string{} // macros in whose definitions a word stands
	for _, all := range in.macros {
		for _, d := range all {
			for w := range wordsOf(d.resource.Definition) {
				holders[w] = append(holders[w], bare(d.resource.Name))
			}
		}
	}
	return func(name string) []place {
		if !isWord(name) { // a name with blanks, say: any rule may use it
			return sorted(everywhere(in.used.places))
		}
		reach := map[string]bool{name: true}
		for next := []string{name}; len(next) > 0; {
			w := next[len(next)-1]
			next = next[:len(next)-1]
			for _, m := range holders[w] {
				if !reach[m] {
					reach[m] = true
					next = append(next, m)
				}
			}
		}
		return sorted(in.used.of(reach))
	}
}

func everywhere(places []place) map[place]bool {
	all := map[place]bool{}
	for _, p := range places {
		all[p] = true
	}
	return all
}

// sorted puts places in order.
func sorted(places map[place]bool) []place {
	return slices.SortedFunc(maps.Keys(places), comparePlaces)
}
