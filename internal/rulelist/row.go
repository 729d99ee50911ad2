package rulelist

import (
	"slices"
	"strings"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/report"
)

// Row is a rule as a list shows it.
type Row struct {
	ID        string           `json:"id"`
	Title     string           `json:"title"`
	Status    migration.Status `json:"status"`
	Result    migration.Result `json:"translation_result,omitempty"`
	ErrorCode string           `json:"error_code,omitempty"`
	// MatchedRule is the name of the prebuilt rule that takes its place; Near counts those that come near.
	MatchedRule string `json:"matched_rule,omitempty"`
	Near        int    `json:"near"`
	// Holes and Approximations count the causes of either kind, Causes are their keys.
	Holes          int      `json:"holes"`
	Approximations int      `json:"approximations"`
	Causes         []string `json:"causes"`
	// Sources are the index patterns that the query reads.
	Sources    []string              `json:"sources"`
	Tactics    []string              `json:"tactics"`
	Techniques []string              `json:"techniques"`
	Severity   string                `json:"severity,omitempty"`
	Review     migration.ReviewState `json:"review"`
	Edited     *migration.Edited     `json:"edited,omitempty"`
	App        string                `json:"app,omitempty"`
	Disabled   bool                  `json:"disabled,omitempty"`
	Revision   int64                 `json:"revision"`
	UpdatedAt  time.Time             `json:"updated_at"`
	UpdatedBy  string                `json:"updated_by"`

	matched bool
}

// severity is that of a rule in Splunk in Elastic's words, as its draft would have it; a word that is not Splunk's stays.
func severity(given string) string {
	text := strings.ToLower(strings.TrimSpace(given))
	if s, known := migration.SplunkSeverity(text); known && text != "" {
		return s
	}
	return text
}

// row makes the row of a rule. Texts that many rows share are held once.
func (x *shared) row(r migration.Rule) Row {
	row := Row{
		ID: r.ID, Title: r.Original.Title, Status: r.Status, Result: r.Result, ErrorCode: x.text(r.ErrorCode), Near: len(r.Near),
		Severity: x.text(severity(r.Original.Severity)), Review: r.ReviewState(), App: x.text(r.Original.App), Disabled: r.Original.Disabled,
		Revision: r.Revision, UpdatedAt: r.UpdatedAt, UpdatedBy: x.text(r.UpdatedBy),
	}
	if r.Edited != nil {
		row.Edited = &migration.Edited{By: x.text(r.Edited.By), At: r.Edited.At}
	}
	if e := r.Elastic; e != nil {
		if e.Severity != "" {
			row.Severity = x.text(strings.ToLower(e.Severity))
		}
		if r.Edited != nil && e.Title != "" {
			row.Title = e.Title
		}
	}
	row.Sources = x.all(report.Patterns(r))
	if r.Replaced() {
		row.MatchedRule, row.matched = x.text(r.Matched.Name), true
		if row.MatchedRule == "" {
			row.MatchedRule = x.text(r.Matched.RuleID)
		}
	}
	row.Causes = []string{}
	for _, c := range report.CausesOf(r) {
		if c.Severity == "error" {
			row.Holes++
		} else {
			row.Approximations++
		}
		key := x.text(c.Key)
		if _, ok := x.causes[key]; !ok {
			c.Key, c.Code, c.Severity, c.Command = key, x.text(c.Code), x.text(c.Severity), x.text(c.Command)
			x.causes[key] = c
		}
		row.Causes = append(row.Causes, key)
	}
	tactics, techniques, _ := report.Attack(r)
	slices.SortFunc(tactics, report.TacticOrder)
	row.Tactics, row.Techniques = x.all(tactics), x.all(techniques)
	return row
}
