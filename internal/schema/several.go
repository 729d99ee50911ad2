package schema

import (
	_ "embed"
	"strings"
	"sync"
)

// severalText names the fields that hold several values although their field lists say nothing of it; the lists of most
// integrations do not.
//
//go:embed data/several.txt
var severalText string

// severalNames are the parsed lines of severalText.
type severalNames struct {
	words    map[string]bool
	exact    map[string]bool
	patterns []string
}

var several = sync.OnceValue(func() severalNames {
	s := severalNames{words: map[string]bool{}, exact: map[string]bool{}}
	for line := range strings.Lines(severalText) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "#") {
			continue
		}
		for _, w := range strings.Fields(line) {
			switch {
			case strings.Contains(w, "*"):
				s.patterns = append(s.patterns, w)
			case strings.Contains(w, "."):
				s.exact[w] = true
			default:
				s.words[w] = true
			}
		}
	}
	return s
})

// holdsSeveral reports whether documents have several values in a field, by its name. ES|QL answers null where such a field
// is compared with ==.
func holdsSeveral(name string) bool {
	s := several()
	if s.exact[name] || s.words[name[strings.LastIndexByte(name, '.')+1:]] {
		return true
	}
	for _, p := range s.patterns {
		// most names share nothing with a pattern: compare what stands before its first * first
		if i := strings.IndexByte(p, '*'); strings.HasPrefix(name, p[:i]) && glob(p, name) {
			return true
		}
	}
	return false
}
