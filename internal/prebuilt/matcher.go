package prebuilt

import (
	"context"
	"slices"
	"strings"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// Matcher answers for rule documents what Catalogue answers for queries.
type Matcher struct{ Catalogue *Catalogue }

// Match finds the prebuilt rules nearest to a rule. matched, with the rule it stands for, is nil unless one can replace
// the original. compiled is the compiler's translation, nil when there is none, with its diagnostics.
func (m Matcher) Match(ctx context.Context, rule migration.OriginalRule, compiled *migration.ElasticRule, diagnostics []migration.Diagnostic) (matched *migration.Match, near []migration.Match, elastic *migration.ElasticRule) {
	if m.Catalogue == nil || ctx.Err() != nil {
		return nil, nil, nil
	}
	o := Original{Title: rule.Title, Query: rule.Query, Techniques: rule.MitreAttackIDs}
	if compiled != nil {
		o.Draft, o.From = compiled.Query, compiled.From
	}
	for _, d := range diagnostics {
		switch {
		case d.Severity == "info":
		case strings.HasSuffix(d.Subject, "_filter"):
			o.Unread = append(o.Unread, d.Subject)
		case d.Command == "stats" && d.Code == "mapping_approximate":
			o.KeyDoubts = append(o.KeyDoubts, d.Code+" of "+d.Subject)
		case !slices.Contains(o.Doubts, d.Code):
			o.Doubts = append(o.Doubts, d.Code)
		}
	}
	d := m.Catalogue.Match(o)
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
		Query: r.Query, QueryLanguage: r.Language, Index: index, PrebuiltRuleID: r.ID, From: r.From,
	}
}
