package rulelist

import (
	"testing"

	"github.com/rulebridge/rulebridge/internal/migration"
)

func TestSeverityWithoutDraft(t *testing.T) {
	for given, want := range map[string]string{"1": "low", "2": "low", "3": "medium", "4": "high", " 5": "critical", "6": "critical",
		"Severe": "critical", "warn": "medium", "high": "high", "": "", "odd": "odd", "7": "7"} {
		r := migration.Rule{ID: "r", Original: migration.OriginalRule{Severity: given}}
		if have := severity(r.Original.Severity); have != want {
			t.Errorf("severity %q: have %q, want %q", given, have, want)
		}
	}
}
