package mitre

import (
	"strings"
	"testing"
)

func TestLookup(t *testing.T) {
	for _, tc := range []struct{ id, name, tactics string }{
		{"TA0006", "Credential Access", ""},
		{"T1059", "Command and Scripting Interpreter", "TA0002"},
		{"T1059.001", "PowerShell", "TA0002"},
		{"T1078", "Valid Accounts", "TA0001,TA0003,TA0004,TA0005"},
	} {
		e, ok := Lookup(tc.id)
		if !ok || e.Name != tc.name || strings.Join(e.Tactics, ",") != tc.tactics {
			t.Errorf("%s: got %+v, %v", tc.id, e, ok)
		}
	}
	if e, ok := Lookup("T9999"); ok {
		t.Errorf("T9999 is %+v", e)
	}
}

// TestFacts: every technique has a name and known tactics, every sub-technique a technique.
func TestFacts(t *testing.T) {
	if !strings.Contains(attack, Version) {
		t.Errorf("attack.tsv is not of version %s", Version)
	}
	if n := len(entries()); n < 600 {
		t.Fatalf("only %d entries", n)
	}
	for id, e := range entries() {
		if e.Name == "" || len(e.Tactics) == 0 && !strings.HasPrefix(id, "TA") {
			t.Errorf("%s: %+v", id, e)
		}
		for _, tactic := range e.Tactics {
			if _, ok := Lookup(tactic); !ok {
				t.Errorf("%s serves the unknown tactic %s", id, tactic)
			}
		}
		if parent, _, sub := strings.Cut(id, "."); sub {
			if _, ok := Lookup(parent); !ok {
				t.Errorf("%s has no technique", id)
			}
		}
	}
}
