package splunk

import (
	"strings"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// Mentions finds the searches that may use some macros or lookups, by their names in the text: a name in a string counts
// too, so it finds rather more than fewer.
type Mentions struct {
	macros, lookups map[string]bool
}

// NewMentions looks for the given resources, and for macros among all those of the migration that use one of them, however
// deep.
func NewMentions(given, all []migration.Resource) Mentions {
	m := Mentions{macros: map[string]bool{}, lookups: map[string]bool{}}
	for _, r := range given {
		m.add(r)
	}
	for grown := true; grown; {
		grown = false
		for _, r := range all {
			if r.Type == migration.ResourceMacro && !m.macros[macroName(r.Name)] && m.In(r.Definition) {
				m.add(r)
				grown = true
			}
		}
	}
	return m
}

func (m Mentions) add(r migration.Resource) {
	switch r.Type {
	case migration.ResourceMacro:
		m.macros[macroName(r.Name)] = true
	case migration.ResourceLookup:
		m.lookups[r.Name] = true
	}
}

// macroName is the name of a macro without the number of its arguments.
func macroName(name string) string {
	name, _, _ = strings.Cut(name, "(")
	return strings.TrimSpace(name)
}

// In reports whether the search mentions one of them.
func (m Mentions) In(search string) bool {
	for rest := search; ; {
		_, after, ok := strings.Cut(rest, "`")
		if !ok {
			break
		}
		end := strings.IndexAny(after, "`(")
		if end < 0 {
			break
		}
		if m.macros[strings.TrimSpace(after[:end])] {
			return true
		}
		rest = after
	}
	if len(m.lookups) == 0 {
		return false
	}
	for _, word := range strings.FieldsFunc(search, func(r rune) bool { return strings.ContainsRune(" \t\r\n|\"'`()[],=<>", r) }) {
		if m.lookups[word] {
			return true
		}
	}
	return false
}

// Missing reports whether a rule lacked one of them when it was translated.
func (m Mentions) Missing(missing []migration.Missing) bool {
	for _, x := range missing {
		switch x.Kind {
		case string(migration.ResourceMacro):
			if m.macros[macroName(x.Name)] {
				return true
			}
		case string(migration.ResourceLookup):
			if m.lookups[x.Name] {
				return true
			}
		}
	}
	return false
}
