package prebuilt

import (
	"context"
	"regexp"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// Matcher answers for rule documents what Catalogue answers for queries.
type Matcher struct{ Catalogue *Catalogue }

// compiledString is a string literal of a compiled draft.
var compiledString = regexp.MustCompile(`"((?:[^"\\]|\\.)*)"`)

// Match finds the prebuilt rules nearest to a rule. matched, with the rule it stands for, is nil unless one can replace
// the original. The original's own text is read without its macros' definitions, so where it calls macros the values
// that the compiled draft compares with count as well.
func (m Matcher) Match(ctx context.Context, rule migration.OriginalRule, compiled *migration.ElasticRule) (matched *migration.Match, near []migration.Match, elastic *migration.ElasticRule) {
	if m.Catalogue == nil || ctx.Err() != nil {
		return nil, nil, nil
	}
	q := spl.Parse(rule.Query, spl.Options{})
	f := factsOf(rule.Title, q)
	if compiled != nil && len(q.Macros) > 0 {
		for _, s := range compiledString.FindAllStringSubmatch(compiled.Query, -1) {
			for w := range words(s[1]) {
				if !f.excluded[w] {
					f.literals[w] = true
				}
			}
		}
	}
	f.platform = platformOfSplunk(rule.Query, rule.Title)
	d := m.Catalogue.decide(f, rule.MitreAttackIDs)
	if d.Matched == nil {
		return nil, d.Near, nil
	}
	r, _ := m.Catalogue.Rule(d.Matched.RuleID)
	index := r.Index
	if index == nil {
		index = []string{}
	}
	return d.Matched, d.Near, &migration.ElasticRule{
		Title: r.Name, Description: r.Description, Severity: r.Severity, RiskScore: r.RiskScore,
		Query: r.Query, QueryLanguage: r.Language, Index: index, PrebuiltRuleID: r.ID,
	}
}
