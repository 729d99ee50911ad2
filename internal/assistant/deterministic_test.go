package assistant

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestDeniedStatuses(t *testing.T) {
	for question, want := range map[string][2]string{
		"How many alerts are open?":                             {"", "open"},
		"How many alerts are not closed?":                       {"", "open acknowledged"},
		"How many alerts aren't closed yet?":                    {"", "open acknowledged"},
		"How many have not been closed or acknowledged?":        {"", "open"},
		"How many are open but not acknowledged?":               {"", "open"},
		"How many unacknowledged alerts are there?":             {"", "open closed"},
		"How many open alerts are not low?":                     {"critical high medium", "open"},
		"How many high or critical ones are closed, not open?":  {"high critical", "closed"},
		"Not many alerts; how many are high?":                   {"high", ""},
		"How many non-critical alerts?":                         {"high medium low", ""},
		"Do we have no open alerts?":                            {"", "open"},
		"How many closed alerts with the reopened, low, notes?": {"low", "closed"},
	} {
		severity, status := chosen(question, namesSeverity, Severities), chosen(question, namesStatus, statuses)
		if got := [2]string{strings.Join(severity, " "), strings.Join(status, " ")}; got != want {
			t.Errorf("%q: %q, want %q", question, got, want)
		}
	}
}

// TestLongQuestionsAreReadOnce would take minutes if each name were looked at with all that stands before it.
func TestLongQuestionsAreReadOnce(t *testing.T) {
	if got := chosen(strings.Repeat("not open, closed ", 15_000), namesStatus, statuses); len(got) != 1 || got[0] != StatusAcknowledged {
		t.Errorf("%v", got)
	}
}

// TestNoNumberLeavesAConditionOut: what the connector cannot narrow by is said, not left out of the count.
func TestNoNumberLeavesAConditionOut(t *testing.T) {
	alerts := []Alert{{ID: "al-1", Source: map[string]any{"@timestamp": "2026-05-04T10:00:00Z", "host.name": "PAY-DB-07", "host.ip": "10.9.8.7", "user.name": "m.oduya"}}}
	for question, refused := range map[string]bool{
		"How many alerts came from 10.20.30.40?":         true,
		"Any alerts from 10[.]9[.]8[.]7?":                true,
		"How many alerts have a risk score above 70?":    true,
		"How many different users had alerts?":           true,
		"How many alerts per host?":                      true,
		`Did we have alerts on C:\Users\eve\x.exe?`:      true,
		"How many alerts are open?":                      false,
		"How many alerts by user m.oduya?":               false,
		"How many alerts on hosts like PAY-DB-07?":       false,
		"Which alerts first, by risk score?":             false,
		"Did we have any alerts on Windows machines?":    false,
		"How many alerts of m.oduya@corp.example today?": false,
	} {
		a := newBench(t, alerts).ask(t, Question{ConnectorID: "deterministic", Messages: user(question)})
		if got := strings.HasPrefix(a.Text, "Without a model alerts cannot be chosen"); got != refused {
			t.Errorf("%q: %s", question, a.Text)
		}
	}
}

// TestCountsHoldKnownNamesOnly: the severity and status of a document can hold anything, also a value to mask.
func TestCountsHoldKnownNamesOnly(t *testing.T) {
	counts := []Count{{"high", StatusOpen, 2}, {"PAY-DB-07", StatusOpen, 3}, {"M.Oduya", StatusOpen, 4}, {"", "eve@corp.example", 5}, {"", StatusClosed, 1}}
	s := &state{}
	got, err := s.show(turn{result: &result{Tool: ToolCounts, Counts: counts}})
	if err != nil {
		t.Fatal(err)
	}
	if want := []Count{{"high", StatusOpen, 2}, {"other", StatusOpen, 7}, {"", "other", 5}, {"", StatusClosed, 1}}; !slices.Equal(got.Counts, want) || *got.Open != 9 {
		t.Errorf("%v and %d open, want %v and 9", got.Counts, *got.Open, want)
	}
	line := countLine(result{Counts: counts})
	if !regexp.MustCompile(`^9 alerts open in the last 24 hours \(2 high, 7 of another severity\)`).MatchString(line) {
		t.Error(line)
	}
	raw, _ := json.Marshal(got)
	noneOf(t, "the result", string(raw)+line, "PAY-DB-07", "M.Oduya", "eve")
}
