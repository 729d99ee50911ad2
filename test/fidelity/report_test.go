package fidelity

import (
	"strings"
	"testing"

	"github.com/rulebridge/rulebridge/internal/translate"
)

// most is how many causes a report lists without FIDELITY=all.
const most = 25

// TestCorpusFigures counts what becomes of the real rules, why some are not full, and that nothing is dropped in
// silence.
func TestCorpusFigures(t *testing.T) {
	rules := corpus(t)
	results := map[translate.Result]int{}
	approximations, unaccounted := 0, 0
	commands, fields, codes, alone := tally{}, tally{}, tally{}, tally{}
	for _, r := range rules {
		results[r.out.Result]++
		worst := translate.Info
		mine := map[string]bool{}
		for _, d := range r.out.Diagnostics {
			if d.Severity == translate.Info {
				continue
			}
			if d.Severity == translate.Error {
				worst = translate.Error
			} else if worst == translate.Info {
				worst = translate.Approximation
			}
			if d.Code == "internal_error" {
				t.Errorf("%s: %s", r.request.ID, d.Message)
			}
			if d.Code == "depends_on_hole" || d.Code == "no_draft" {
				continue // follows from another
			}
			mine["c "+d.Command] = true
			mine["o "+string(d.Severity)+" "+d.Code+" "+d.Subject] = true
			if d.Code == "unknown_field" || d.Code == "mapping_approximate" {
				mine["f "+d.Subject] = true
			}
		}
		own := 0
		for k := range mine {
			kind, rest, _ := strings.Cut(k, " ")
			switch kind {
			case "c":
				commands.add(rest)
			case "f":
				fields.add(rest)
			case "o":
				own++
				codes.add(rest)
			}
		}
		if own == 1 {
			for k := range mine {
				if rest, ok := strings.CutPrefix(k, "o "); ok {
					alone.add(rest)
				}
			}
		}
		if r.out.Result == translate.Partial && worst == translate.Approximation {
			approximations++
		}
		if r.out.Result == translate.Full && worst != translate.Info {
			t.Errorf("%s: full with a %s", r.request.ID, worst)
		}
		if r.out.Result != translate.Full && worst == translate.Info {
			t.Errorf("%s: %s without a reason", r.request.ID, r.out.Result)
		}
		for _, u := range translate.Account(r.out, r.request.Query) {
			unaccounted++
			t.Errorf("%s: nothing answers for %q at byte %d", r.request.ID, u.Text, u.Start)
		}
	}
	n := len(rules)
	full, partial, not := results[translate.Full], results[translate.Partial], results[translate.Untranslatable]
	t.Logf("FIGURE real rules: %d", n)
	t.Logf("FIGURE full: %d (%s)", full, percent(full, n))
	t.Logf("FIGURE full or approximations only: %d (%s)", full+approximations, percent(full+approximations, n))
	t.Logf("FIGURE partial: %d, untranslatable: %d", partial, not)
	t.Logf("FIGURE tokens that nothing answers for: %d", unaccounted)
	for _, part := range []struct {
		name string
		of   tally
	}{{"causes by command", commands}, {"causes by field", fields}, {"causes", codes}, {"sole causes", alone}} {
		t.Logf("FIGURE %s:", part.name)
		limit := most
		if all() {
			limit = 0
		}
		for _, line := range part.of.lines(limit) {
			t.Logf("FIGURE   %s", line)
		}
	}
	if full+partial+not != n {
		t.Errorf("%d results for %d rules", full+partial+not, n)
	}
}
