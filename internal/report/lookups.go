package report

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"slices"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// LookupIndex is an index in lookup mode that rules join with; the creation body and the rows stand in their documents.
type LookupIndex struct {
	Name string `json:"name"`
	// Rows is how many rows the translation gives; 0 where they are not known and have to be added.
	Rows  int `json:"rows"`
	Rules int `json:"rules"`
	// Conflicts are the ids of rules that need another body or other rows under this name than Rule does, the first
	// maxConflicts of them. Export and installation give those an index of their own.
	Rule      string   `json:"rule"`
	Conflicts []string `json:"conflicts,omitempty"`
}

// maxConflicts bounds Conflicts.
const maxConflicts = 20

// lookupUse is an index with what its content was in the first rule.
type lookupUse struct {
	LookupIndex
	content [sha256.Size]byte
}

func (b *Builder) addLookups(rule migration.Rule) {
	if rule.Elastic == nil {
		return
	}
	for _, k := range rule.Elastic.LookupIndices {
		content, err := json.Marshal([]any{k.Body, k.Rows})
		if err != nil {
			continue // it came out of JSON
		}
		sum := sha256.Sum256(content)
		use := b.lookups[k.Name]
		if use == nil {
			use = &lookupUse{LookupIndex: LookupIndex{Name: k.Name, Rows: len(k.Rows), Rule: rule.ID}, content: sum}
			b.lookups[k.Name] = use
		}
		use.Rules++
		if use.content != sum && len(use.Conflicts) < maxConflicts {
			use.Conflicts = append(use.Conflicts, rule.ID)
		}
	}
}

func (b *Builder) lookupIndices() []LookupIndex {
	out := make([]LookupIndex, 0, len(b.lookups))
	for _, use := range b.lookups {
		out = append(out, use.LookupIndex)
	}
	slices.SortFunc(out, func(x, y LookupIndex) int {
		return cmp.Or(cmp.Compare(len(y.Conflicts), len(x.Conflicts)), cmp.Compare(y.Rules, x.Rules), cmp.Compare(x.Name, y.Name))
	})
	return out
}
