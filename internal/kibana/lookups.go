package kibana

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/migration"
)

var safeIndex = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,199}$`)

// LookupNames knows the content of the lookup indices that rules of one migration join with. A name belongs to the first
// rule, in the order of ids, that needs it; a rule that needs other fields or rows under it gets another name, in its query
// too. That name is made of the content, so that it is the same for every rule that needs this content.
type LookupNames map[string][sha256.Size]byte

// Add gives a rule the names that it is to use, and takes what is new into account. Why says what keeps the rule from being
// one.
func (n LookupNames) Add(rule migration.Rule) (_ migration.Rule, renamed []Renamed, why string, err error) {
	rule, renamed, why, err = n.Apply(rule)
	if err != nil || why != "" {
		return rule, nil, why, err
	}
	for _, k := range rule.Elastic.LookupIndices {
		if _, known := n[k.Name]; !known {
			if n[k.Name], err = LookupContent(k); err != nil {
				return rule, nil, "", err
			}
		}
	}
	return rule, renamed, "", nil
}

// Apply gives a rule the names that it is to use.
func (n LookupNames) Apply(rule migration.Rule) (_ migration.Rule, renamed []Renamed, why string, err error) {
	indices := slices.Clone(rule.Elastic.LookupIndices)
	names := map[string]string{}
	for i, k := range indices {
		content, err := LookupContent(k)
		if err != nil {
			return rule, nil, "", err
		}
		if !safeIndex.MatchString(k.Name) {
			return rule, nil, fmt.Sprintf("the lookup index %q cannot be the name of a file; rename it in the query", k.Name), nil
		}
		if old, known := n[k.Name]; known && old != content {
			to := k.Name + "_" + hex.EncodeToString(content[:4])
			if other, taken := n[to]; !safeIndex.MatchString(to) || taken && other != content {
				return rule, nil, "the lookup index " + k.Name + " has other fields or rows in a rule exported before; rename it in one of the queries", nil
			}
			names[k.Name], indices[i].Name = to, to
			renamed = append(renamed, Renamed{Rule: rule.ID, From: k.Name, To: to})
		}
	}
	if len(names) == 0 {
		return rule, nil, "", nil
	}
	elastic := *rule.Elastic
	elastic.LookupIndices = indices
	if elastic.Query, err = renameLookups(elastic.Query, names); err != nil {
		return rule, nil, fmt.Sprintf("it needs other fields or rows in its lookup indices than a rule exported before, and its query cannot be rewritten (%v); rename them in one of the queries", err), nil
	}
	rule.Elastic = &elastic
	return rule, renamed, "", nil
}

// LookupContent names the fields and rows of a lookup index.
func LookupContent(k migration.LookupIndex) (sum [sha256.Size]byte, err error) {
	content, err := json.Marshal([]any{k.Body, k.Rows})
	if err != nil {
		return sum, fmt.Errorf("write lookup index %s: %w", k.Name, err)
	}
	return sha256.Sum256(content), nil
}

// addLookups writes the lookup indices of a rule that are new. Why says what keeps the rule from being exported.
func (e *Exporter) addLookups(rule migration.Rule) (_ migration.Rule, why string, err error) {
	rule, renamed, why, err := e.names.Add(rule)
	if err != nil || why != "" {
		return rule, why, err
	}
	e.sum.Renamed = append(e.sum.Renamed, renamed...)
	for _, k := range rule.Elastic.LookupIndices {
		if old := e.lookups[k.Name]; old != nil {
			old.Rules++
			continue
		}
		e.lookups[k.Name] = &Lookup{Index: k.Name, Rows: len(k.Rows), Rules: 1}
		if err := e.writeLookup(k); err != nil {
			return rule, "", err
		}
	}
	return rule, "", nil
}

// renameLookups gives the indices that a query joins with other names.
func renameLookups(query string, to map[string]string) (string, error) {
	q, err := esql.Parse(query)
	if err != nil {
		return "", err
	}
	found := map[string]bool{}
	var rename func(commands []esql.Command)
	rename = func(commands []esql.Command) {
		for _, c := range commands {
			switch c := c.(type) {
			case *esql.LookupJoin:
				if name, ok := to[c.Index]; ok {
					found[c.Index] = true
					c.Index = name
				}
			case *esql.Fork:
				for _, branch := range c.Branches {
					rename(branch)
				}
			}
		}
	}
	rename(q.Commands)
	for name := range to {
		if !found[name] {
			return "", fmt.Errorf("it does not join with %s", name)
		}
	}
	return esql.Print(q), nil
}
