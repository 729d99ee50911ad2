// Package compile stands between the rule documents and the compiler: it makes a compiler's request of a rule, and the
// rule document of the compiler's output. Commands and activities compile through it; it links neither Temporal nor a
// model client.
package compile

import (
	"cmp"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/spl"
	"github.com/rulebridge/rulebridge/internal/translate"
)

// Output is the compiler's result in the words of the rule document. Rule is nil when the rule is untranslatable.
type Output struct {
	Result      migration.Result
	Rule        *migration.ElasticRule
	Diagnostics []migration.Diagnostic
	Missing     []migration.Missing
}

// Apply writes the result to a document; beside a prebuilt match the draft is kept apart.
func (o Output) Apply(r *migration.Rule) {
	r.Result, r.Diagnostics, r.Missing = o.Result, o.Diagnostics, o.Missing
	r.Verification, r.ErrorCode = migration.VerificationNotRun, ""
	if r.Matched != nil {
		r.Compiled = o.Rule
		return
	}
	r.Elastic, r.Compiled = o.Rule, nil
}

// Holes counts what the compiler could not lower.
func Holes(ds []migration.Diagnostic) (n int) {
	for _, d := range ds {
		if d.Severity == string(translate.Error) {
			n++
		}
	}
	return n
}

// Request is a rule as the compiler takes it.
func Request(r migration.OriginalRule) translate.Request {
	return translate.Request{
		ID: r.ID, Title: r.Title, Description: r.Description, Query: r.Query, MitreAttackIDs: r.MitreAttackIDs,
		Severity: r.Severity, RiskScore: r.RiskScore, EarliestTime: r.EarliestTime, LatestTime: r.LatestTime, Cron: r.Cron,
	}
}

// FromOutput is the compiler's output in the words of the rule document.
func FromOutput(rule migration.OriginalRule, o translate.Output) Output {
	c := Output{Result: migration.Result(o.Result), Diagnostics: make([]migration.Diagnostic, 0, len(o.Diagnostics))}
	for _, d := range o.Diagnostics {
		c.Diagnostics = append(c.Diagnostics, migration.Diagnostic{
			Code: d.Code, Severity: string(d.Severity), Message: d.Message,
			Start: position(d.Span.Start), End: position(d.Span.End), Command: d.Command, Subject: d.Subject,
		})
	}
	for _, m := range o.Missing {
		c.Missing = append(c.Missing, migration.Missing{Kind: m.Kind, Name: m.Name})
	}
	if o.Query == "" {
		return c
	}
	r := &migration.ElasticRule{
		Title: rule.Title, Description: rule.Description, Severity: cmp.Or(o.Rule.Severity, rule.Severity),
		RiskScore: o.Rule.RiskScore, Query: o.Query, QueryLanguage: "esql", Index: o.Index,
		Interval: o.Rule.Interval, From: o.Rule.From,
	}
	if r.Index == nil {
		r.Index = []string{}
	}
	for _, t := range o.Rule.Threat {
		r.Threat = append(r.Threat, threat(t))
	}
	if t := o.Rule.Threshold; t != nil {
		r.Threshold = &migration.Threshold{Field: t.Fields, Value: t.Value}
	}
	if s := o.Rule.Suppression; s != nil {
		r.Suppression = &migration.Suppression{GroupBy: s.Fields, Duration: s.Duration}
	}
	for _, l := range o.Lookups {
		r.LookupIndices = append(r.LookupIndices, migration.LookupIndex{Name: l.Name, Body: l.Body, Rows: l.Rows})
	}
	c.Rule = r
	return c
}

func position(p spl.Pos) migration.Position {
	return migration.Position{Line: int(p.Line), Column: int(p.Column)}
}
