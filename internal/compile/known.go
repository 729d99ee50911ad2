package compile

import (
	"slices"

	"github.com/rulebridge/rulebridge/internal/schema"
)

// Known answers what the schema knows of indices and fields, so that a model's answer can be held to it.
type Known struct{ Schema *schema.Schema }

// Index says whether some source of the schema is read from the index pattern.
func (k Known) Index(pattern string) bool {
	return len(k.sources([]string{pattern})) > 0
}

// Field says whether a source that is read from one of the index patterns has the Elasticsearch field.
func (k Known) Field(patterns []string, name string) bool {
	return slices.ContainsFunc(k.sources(patterns), func(s *schema.Source) bool {
		_, ok := s.Known(name)
		return ok
	})
}

func (k Known) sources(patterns []string) (list []*schema.Source) {
	for _, s := range append(k.Schema.Sources(), k.Schema.Fallback()) {
		if s != nil && slices.ContainsFunc(patterns, func(p string) bool { return slices.Contains(s.Indices, p) }) {
			list = append(list, s)
		}
	}
	return list
}

// Plain says whether a field holds one value at most in every source that is read from the index patterns, and is compared
// there as a whole and with case.
func (k Known) Plain(patterns []string, name string) bool {
	sources := k.sources(patterns)
	for _, s := range sources {
		f, ok := s.Known(name)
		if !ok || f.Array != schema.Single || !slices.Contains([]string{"keyword", "constant_keyword", "ip", "long", "integer", "short"}, f.Type) {
			return false
		}
	}
	return len(sources) > 0
}
