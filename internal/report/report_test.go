package report

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/rulebridge/rulebridge/internal/migration"
)

func diag(severity, code, command, subject string) migration.Diagnostic {
	return migration.Diagnostic{Severity: severity, Code: code, Command: command, Subject: subject, Message: code + " happened"}
}

func build() Report {
	b := NewBuilder(migration.Migration{ID: "m1", State: migration.Finished}, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	finished := func(id string, result migration.Result, ds ...migration.Diagnostic) migration.Rule {
		return migration.Rule{ID: id, Status: migration.StatusFinished, Result: result, Diagnostics: ds, Original: migration.OriginalRule{Title: "T|" + id}}
	}
	b.Add(finished("full", migration.Full, diag("info", "note", "stats", "")))
	matched := finished("matched", migration.Partial, diag("error", "unknown_field", "where", "x"))
	matched.Matched = &migration.Match{RuleID: "p", Name: "Prebuilt", Why: "it alerts on the same events"}
	b.Add(matched)
	b.Add(finished("approx", migration.Partial, diag("approximation", "window", "bin", ""), diag("approximation", "window", "bin", "")))
	// Consequences stand before their cause here, and are none.
	holes := finished("holes", migration.Partial, diag("error", "depends_on_hole", "search", "y"), diag("error", "no_draft", "", ""),
		diag("error", "unknown_field", "where", "x"), diag("approximation", "window", "bin", ""), diag("approximation", "filter_macro_missing", "", "vips_filter"))
	holes.Near = []migration.Match{{RuleID: "q"}}
	holes.Missing = []migration.Missing{{Kind: "lookup", Name: "vips"}, {Kind: "macro", Name: "vips_filter"}, {Kind: "macro", Name: "fields_for_filter"}}
	b.Add(holes)
	b.Add(finished("no", migration.Untranslatable, diag("error", "unknown_command", "apply", "")))
	b.Add(migration.Rule{ID: "err", Status: migration.StatusError, ErrorCode: "timeout"})
	b.Add(migration.Rule{ID: "pend", Status: migration.StatusPending})
	b.Add(migration.Rule{ID: "proc", Status: migration.StatusProcessing})
	return b.Report()
}

func TestReport(t *testing.T) {
	r := build()
	if want := (migration.Counts{Total: 8, Finished: 5, Pending: 1, Processing: 1, Failed: 1}); r.Statuses != want {
		t.Errorf("statuses %+v, want %+v", r.Statuses, want)
	}
	if want := (Results{Full: 1, Partial: 3, Untranslatable: 1}); r.Results != want {
		t.Errorf("results %+v, want %+v", r.Results, want)
	}
	if want := (Matched{Total: 1, Results: Results{Partial: 1}}); r.Matched != want {
		t.Errorf("matched %+v, want %+v", r.Matched, want)
	}
	if r.FullOrApproximations != 2 || r.Near != 1 {
		t.Errorf("full or approximations only %d, near %d; want 2, 1", r.FullOrApproximations, r.Near)
	}
	wantCauses := []Cause{
		{Code: "unknown_field", Severity: "error", Command: "where", Subject: "x", Rules: 2, Sole: 1, Example: "unknown_field happened"},
		{Code: "window", Severity: "approximation", Command: "bin", Rules: 2, Sole: 1, Example: "window happened"},
		{Code: "unknown_command", Severity: "error", Command: "apply", Rules: 1, Sole: 1, Example: "unknown_command happened"},
		{Code: "filter_macro_missing", Severity: "approximation", Subject: "vips_filter", Rules: 1, Example: "filter_macro_missing happened"},
	}
	keys := map[string]bool{}
	for i := range r.Causes {
		keys[r.Causes[i].Key] = r.Causes[i].Key != ""
		wantCauses[i].Key, wantCauses[i].Item = r.Causes[i].Key, r.Causes[i].Item
	}
	if !reflect.DeepEqual(r.Causes, wantCauses) || len(keys) != len(wantCauses) {
		t.Errorf("causes %+v with the keys %v", r.Causes, keys)
	}
	if want := []Count{{"bin", 2}, {"where", 2}, {"apply", 1}}; !reflect.DeepEqual(r.ByCommand, want) {
		t.Errorf("by command %+v", r.ByCommand)
	}
	if want := []Count{{"x", 2}, {"vips_filter", 1}}; !reflect.DeepEqual(r.BySubject, want) {
		t.Errorf("by subject %+v", r.BySubject)
	}
	if len(r.Missing) != 3 || r.Missing[0].Name != "vips" || r.Missing[0].Rules != 1 || r.Missing[1].IsFilter() || !r.Missing[2].IsFilter() {
		t.Errorf("missing %+v", r.Missing)
	}
	var listed []string
	for _, l := range r.Unfinished {
		listed = append(listed, l.ID+": "+l.Why)
	}
	if want := []string{"err: timeout", "no: unknown_command happened", "approx: window happened", "holes: unknown_field happened"}; !reflect.DeepEqual(listed, want) {
		t.Errorf("rules to look at %q, want %q", listed, want)
	}
}

func TestReportIsTheSameEveryTime(t *testing.T) {
	first, err := json.Marshal(build())
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		again, err := json.Marshal(build())
		if err != nil {
			t.Fatal(err)
		}
		if string(again) != string(first) {
			t.Fatalf("two reports of the same rules differ:\n%s\n%s", first, again)
		}
	}
}

func TestMarkdown(t *testing.T) {
	var b strings.Builder
	if err := build().WriteMarkdown(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"# Migration m1", "state **finished**", "| full | 1 | 20.0 % | 0 |", "| partial | 3 | 60.0 % | 1 |",
		"| 2 | 1 | hole | Field without a counterpart | `unknown_field` | Name the field", "| 2 | hole | Field without a counterpart | `x` | `where` | unknown\\_field happened |", "| lookup | `vips` | 1 |", "| `no` | T\\|no | untranslatable |",
		"## Missing filter macros", "| `matched` | T\\|matched | Prebuilt `p` | it alerts on the same events |", "| `vips_filter` | 1 |", "| `holes` | T\\|holes | partial |  | unknown\\_field happened | 2 |", "| macro | `fields_for_filter` | 1 |", "A **hole** is",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, b.String())
		}
	}
}

// TestMarkdownHoldsNoControlCharacters: a file that is shown on a terminal gives it no commands, whatever a rule is called,
// and no name is shown turned round.
func TestMarkdownHoldsNoControlCharacters(t *testing.T) {
	hostile := "a\x1b[31mred\x07\u009b\u202egnp.exe\u2066\nb"
	r := migration.Rule{ID: hostile, Status: migration.StatusFinished, Result: migration.Partial,
		Original: migration.OriginalRule{ID: hostile, Title: hostile}, Diagnostics: []migration.Diagnostic{{Code: "c", Severity: "error", Message: hostile, Subject: hostile}}}
	var b strings.Builder
	err := Write(&b, FormatMarkdown, migration.Migration{ID: "m"}, time.Now(), More{}, func(yield func(migration.Rule) error) error { return yield(r) })
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "gnp.exe") {
		t.Errorf("the report does not name the rule:\n%s", b.String())
	}
	if at := strings.IndexFunc(b.String(), func(r rune) bool { return r != '\n' && unicode.In(r, unicode.Cc, unicode.Bidi_Control) }); at >= 0 {
		t.Errorf("the report holds %q", b.String()[at:min(len(b.String()), at+20)])
	}
}

func TestCode(t *testing.T) {
	for in, want := range map[string]string{"": "", "a|b": "`a\\|b`", "a`b": "`` a`b ``", "x\ny": "`x y`"} {
		if got := code(in); got != want {
			t.Errorf("code(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestLookupIndices(t *testing.T) {
	b := NewBuilder(migration.Migration{ID: "m1"}, time.Time{})
	add := func(id string, indices ...migration.LookupIndex) {
		b.Add(migration.Rule{ID: id, Status: migration.StatusFinished, Result: migration.Full,
			Elastic: &migration.ElasticRule{LookupIndices: indices}})
	}
	index := func(name, key string) migration.LookupIndex {
		return migration.LookupIndex{Name: name, Body: map[string]any{"mappings": map[string]any{key: "keyword"}}, Rows: []map[string]any{{key: "bob"}}}
	}
	add("a", index("lookup_vips", "user.name"), migration.LookupIndex{Name: "lookup_empty"})
	add("b", index("lookup_vips", "user.name"))
	add("c", index("lookup_vips", "host.name"))
	add("d", index("lookup_vips_by_host_name", "host.name"))
	want := []LookupIndex{
		{Name: "lookup_vips", Rows: 1, Rules: 3, Rule: "a", Conflicts: []string{"c"}},
		{Name: "lookup_empty", Rules: 1, Rule: "a"},
		{Name: "lookup_vips_by_host_name", Rows: 1, Rules: 1, Rule: "d"},
	}
	r := b.Report()
	if !reflect.DeepEqual(r.LookupIndices, want) {
		t.Errorf("lookup indices %+v, want %+v", r.LookupIndices, want)
	}
	var text strings.Builder
	if err := r.WriteMarkdown(&text); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"| `lookup_vips` | 1 | 3 | **another content** than `a` in `c` |", "| `lookup_empty` | to be added | 1 |  |"} {
		if !strings.Contains(text.String(), line) {
			t.Errorf("the report lacks %q:\n%s", line, text.String())
		}
	}
}
