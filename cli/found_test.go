package cli

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/rulebridge/rulebridge/internal/kibana"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/splunk"
)

// What an import leaves aside is named in the user's words, with the flag that takes it.
func TestSkippedIsNamedByKind(t *testing.T) {
	for want, counts := range map[string][]splunk.Count{
		"skipped: 30 searches that fill lookups or summaries, 10 reports; --all takes reports and searches that fill lookups or summaries too\n": {
			{Kind: "filler", Outcome: splunk.Skipped, N: 30}, {Kind: "report", Outcome: splunk.Skipped, N: 10}},
		"skipped: 1 search that fills a lookup or summary; --all": {{Kind: "filler", Outcome: splunk.Skipped, N: 1}},
		"skipped: 2 macros\n": {{Kind: "macro", Outcome: splunk.Skipped, N: 2}},
	} {
		var said bytes.Buffer
		found := splunk.Report{Counts: append(counts, splunk.Count{Kind: "alert", Outcome: splunk.Taken, N: 1})}
		if err := (Program{Stderr: &said}).writeFound([]string{"x"}, found, false); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(said.String(), want) {
			t.Errorf("want %q in:\n%s", want, said.String())
		}
	}
}

// An export without a rule says so, and announces no commands.
func TestExportWithoutRules(t *testing.T) {
	var said bytes.Buffer
	err := (Program{Stdout: &said}).printExport("out", kibana.Summary{LeftOut: 3, RuleFiles: []string{kibana.RulesFile}}, migration.Stats{Status: migration.Finished})
	if err != nil {
		t.Fatal(err)
	}
	if text := said.String(); strings.Contains(text, "What to do") || !strings.Contains(text, "there is no rule to import: left-out.ndjson says why") {
		t.Errorf("it says:\n%s", text)
	}
}

// Of documents that are no alerts the first are named and the rest counted: a file of another kind has one on each line.
func TestRefusedAlertsAreCounted(t *testing.T) {
	var said bytes.Buffer
	p := Program{Stderr: &said}
	say := p.refusedAlerts()
	for range 5000 {
		say(errors.New("x:1: no JSON \x1b[31m"))
	}
	p.moreRefused(5000)
	text := said.String()
	if n := strings.Count(text, "\n"); n != maxRefused+1 {
		t.Errorf("%d lines, want %d", n, maxRefused+1)
	}
	if !strings.Contains(text, "… and 4980 more that cannot be read") || strings.Contains(text, "\x1b") {
		t.Errorf("it ends: %q", text[len(text)-100:])
	}
}
