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

// addLookups writes the lookup indices of a rule that are new. An index that an earlier rule needs with other fields or
// rows gets another name, in the query too; the name is made of the content, so that it is the same for every rule that
// needs this content. Why says what keeps the rule from being exported.
func (e *Exporter) addLookups(rule migration.Rule) (_ migration.Rule, why string, err error) {
	indices := slices.Clone(rule.Elastic.LookupIndices)
	sums := make([][sha256.Size]byte, len(indices))
	renamed := map[string]string{}
	for i, k := range indices {
		content, err := json.Marshal([]any{k.Body, k.Rows})
		if err != nil {
			return rule, "", fmt.Errorf("write lookup index %s: %w", k.Name, err)
		}
		sums[i] = sha256.Sum256(content)
		if !safeIndex.MatchString(k.Name) {
			return rule, fmt.Sprintf("the lookup index %q cannot be the name of a file; rename it in the query", k.Name), nil
		}
		if old := e.lookups[k.Name]; old != nil && old.content != sums[i] {
			to := k.Name + "_" + hex.EncodeToString(sums[i][:4])
			if other := e.lookups[to]; !safeIndex.MatchString(to) || other != nil && other.content != sums[i] {
				return rule, "the lookup index " + k.Name + " has other fields or rows in a rule exported before; rename it in one of the queries", nil
			}
			renamed[k.Name], indices[i].Name = to, to
		}
	}
	if len(renamed) > 0 {
		elastic := *rule.Elastic
		elastic.LookupIndices = indices
		if elastic.Query, err = renameLookups(elastic.Query, renamed); err != nil {
			return rule, fmt.Sprintf("it needs other fields or rows in its lookup indices than a rule exported before, and its query cannot be rewritten (%v); rename them in one of the queries", err), nil
		}
		rule.Elastic = &elastic
		for _, k := range rule.Elastic.LookupIndices {
			for from, to := range renamed {
				if to == k.Name {
					e.sum.Renamed = append(e.sum.Renamed, Renamed{Rule: rule.ID, From: from, To: to})
				}
			}
		}
	}
	for i, k := range indices {
		if old := e.lookups[k.Name]; old != nil {
			old.Rules++
			continue
		}
		e.lookups[k.Name] = &lookup{Lookup: Lookup{Index: k.Name, Rows: len(k.Rows), Rules: 1}, content: sums[i]}
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
