package report

import (
	"cmp"
	"slices"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// Known are definitions of one type that are stored with the migration and that translations do not use yet.
type Known struct {
	Type  migration.ResourceType `json:"type"`
	Count int                    `json:"count"`
	// Names are the first of them, in order.
	Names []string `json:"names"`
	all   []string // in order
}

// has says whether a missing resource is one of those.
func (k Known) has(m migration.Missing) bool {
	_, found := slices.BinarySearch(k.all, m.Name)
	return found && string(k.Type) == m.Kind
}

// maxKnown bounds Names.
const maxKnown = 100

// KnownOf sums up those of a migration's resources that are not used.
func KnownOf(all []migration.Resource) []Known {
	byType := map[migration.ResourceType][]string{}
	for _, r := range all {
		if !r.Type.Used() {
			byType[r.Type] = append(byType[r.Type], r.Name)
		}
	}
	var out []Known
	for typ, names := range byType {
		slices.Sort(names)
		out = append(out, Known{Type: typ, Count: len(names), Names: names[:min(len(names), maxKnown)], all: names})
	}
	slices.SortFunc(out, func(a, b Known) int { return cmp.Compare(a.Type, b.Type) })
	return out
}

// Known says what is stored with the migration and not used.
func (b *Builder) Known(known []Known) { b.r.Known = known }

func (r Report) writeKnown(p func(format string, args ...any)) {
	if len(r.Known) == 0 {
		return
	}
	p("## Known, not used yet\n\nThese came with the rules and are stored with the migration; translations do not read them yet.\n")
	for _, k := range r.Known {
		names := ""
		for i, name := range k.Names {
			if i > 0 {
				names += ", "
			}
			names += code(name)
		}
		if n := k.Count - len(k.Names); n > 0 {
			names += ", …"
		}
		p("- %s (%d): %s", cell(string(k.Type)), k.Count, names)
	}
	p("")
}
