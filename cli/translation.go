package cli

import (
	"github.com/rulebridge/rulebridge/internal/compile"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/translate"
)

// translation is one line of translate's output.
type translation struct {
	ID            string                  `json:"id"`
	Result        migration.Result        `json:"translation_result"`
	Query         string                  `json:"query"`
	Index         []string                `json:"index"`
	Diagnostics   []migration.Diagnostic  `json:"diagnostics"`
	Rule          translationRule         `json:"rule"`
	LookupIndices []migration.LookupIndex `json:"lookup_indices"`
	Streams       []migration.DataStream  `json:"streams"`
	Missing       []migration.Missing     `json:"missing"`
	ElapsedUS     int64                   `json:"elapsed_us"`
}

type translationRule struct {
	From        string                 `json:"from"`
	To          string                 `json:"to,omitempty"`
	Interval    string                 `json:"interval"`
	Severity    string                 `json:"severity"`
	RiskScore   int                    `json:"risk_score"`
	Threat      []migration.Threat     `json:"threat"`
	MaxSignals  int                    `json:"max_signals,omitempty"`
	Threshold   *migration.Threshold   `json:"threshold,omitempty"`
	Suppression *migration.Suppression `json:"suppression,omitempty"`
}

func newTranslation(defaults compile.Defaults, rule migration.OriginalRule, o translate.Output) translation {
	c := defaults.FromOutput(rule, o)
	t := translation{
		ID: rule.ID, Result: c.Result, Query: o.Query, Index: o.Index, Diagnostics: c.Diagnostics, Missing: c.Missing,
		LookupIndices: []migration.LookupIndex{}, Streams: []migration.DataStream{},
		Rule: translationRule{
			Threat: []migration.Threat{},
		},
	}
	if t.Index == nil {
		t.Index = []string{}
	}
	if t.Missing == nil {
		t.Missing = []migration.Missing{}
	}
	if c.Rule == nil {
		return t
	}
	t.Rule.From, t.Rule.To, t.Rule.Interval = c.Rule.From, c.Rule.To, c.Rule.Interval
	t.Rule.Severity, t.Rule.RiskScore = c.Rule.Severity, c.Rule.RiskScore
	if c.Rule.Threat != nil {
		t.Rule.Threat = c.Rule.Threat
	}
	t.Rule.MaxSignals = c.Rule.MaxSignals
	t.Rule.Threshold, t.Rule.Suppression = c.Rule.Threshold, c.Rule.Suppression
	t.Streams = append(t.Streams, c.Rule.Streams...)
	for _, l := range c.Rule.LookupIndices {
		if l.Rows == nil {
			l.Rows = []map[string]any{}
		}
		t.LookupIndices = append(t.LookupIndices, l)
	}
	return t
}
