package changes_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/rulebridge/rulebridge/internal/changes"
	"github.com/rulebridge/rulebridge/internal/compile"
	"github.com/rulebridge/rulebridge/internal/migration"
)

func hole(code string) migration.Diagnostic {
	return migration.Diagnostic{Code: code, Severity: "error", Message: code, Start: migration.Position{Line: 1, Column: 2}}
}

// made is a rule as the compiler makes it, and its document.
func made(id string, change func(*compile.Output)) (compile.Output, migration.Rule) {
	out := compile.Output{Result: migration.Full, Compiler: "new", Diagnostics: []migration.Diagnostic{},
		Rule: &migration.ElasticRule{Title: "T", Query: "FROM a\n| WHERE b\n", QueryLanguage: "esql", Index: []string{}, Interval: "5m"}}
	if change != nil {
		change(&out)
	}
	r := migration.Rule{ID: id, Status: migration.StatusFinished, Original: migration.OriginalRule{ID: id, Title: "T " + id}}
	out.Apply(&r)
	return out, r
}

func TestCompare(t *testing.T) {
	for _, tc := range []struct {
		name   string
		old    func(*migration.Rule)
		new    func(*compile.Output)
		want   string // members of the change that are not empty; empty: no change
		change string
	}{
		{"the same", nil, nil, "", ""},
		{"the same out of a store", func(r *migration.Rule) { r.Elastic.Index, r.Diagnostics, r.CompilerVersion = nil, nil, "old" }, nil, "", ""},
		{"a result, and why", nil, func(o *compile.Output) {
			o.Result, o.Diagnostics = migration.Partial, []migration.Diagnostic{hole("x")}
		},
			"full>partial +x", ""},
		{"a hole that is filled", func(r *migration.Rule) {
			r.Result, r.Diagnostics = migration.Partial, []migration.Diagnostic{hole("x"), hole("x"), hole("y")}
		}, func(o *compile.Output) { o.Diagnostics = []migration.Diagnostic{hole("x")} }, "partial>full -x -y", ""},
		{"a query", nil, func(o *compile.Output) { o.Rule.Query = "FROM a\n| WHERE c\n" }, "full>full +1 -1", "--- before\n+++ after\n@@ -1,2 +1,2 @@\n FROM a\n-| WHERE b\n+| WHERE c\n"},
		{"no query any more", nil, func(o *compile.Output) { o.Result, o.Rule = migration.Untranslatable, nil }, "full>untranslatable +0 -2", "--- before\n+++ after\n@@ -1,2 +0,0 @@\n-FROM a\n-| WHERE b\n"},
		{"settings", nil, func(o *compile.Output) { o.Rule.Interval, o.Rule.Index = "10m", []string{"logs-*"} }, "full>full [index interval]", ""},
		{"a lookup's rows", nil, func(o *compile.Output) {
			o.Rule.LookupIndices = []migration.LookupIndex{{Name: "l", Rows: []map[string]any{{"a": 1}}}}
		}, "full>full [lookup_indices]", ""},
		{"an error", func(r *migration.Rule) { r.Status, r.Result, r.Elastic = migration.StatusError, "", nil }, nil, "error>full +2 -0", "--- before\n+++ after\n@@ -0,0 +1,2 @@\n+FROM a\n+| WHERE b\n"},
		{"beside a prebuilt rule", func(r *migration.Rule) {
			r.Matched, r.Compiled, r.Elastic = &migration.Match{}, r.Elastic, &migration.ElasticRule{Query: "prebuilt"}
		}, nil, "", ""},
		{"what a model could not use", func(r *migration.Rule) {
			r.Diagnostics = append(r.Diagnostics, migration.Diagnostic{Code: "model_unusable", Severity: "info"})
		}, nil, "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, r := made("a", nil)
			if tc.old != nil {
				tc.old(&r)
			}
			out, _ := made("a", tc.new)
			c, changed := changes.Compare(r, out, true)
			got := ""
			if changed {
				got = c.Before + ">" + c.After
				for _, d := range c.Appeared {
					got += " +" + d.Code
				}
				for _, d := range c.Vanished {
					got += " -" + d.Code
				}
				if c.Added+c.Removed > 0 {
					got += fmt.Sprintf(" +%d -%d", c.Added, c.Removed)
				}
				if len(c.Settings) > 0 {
					got += " " + fmt.Sprint(c.Settings)
				}
			}
			if got != tc.want || c.Query != tc.change {
				t.Errorf("%q, want %q; query\n%s, want\n%s", got, tc.want, c.Query, tc.change)
			}
			if c, _ := changes.Compare(r, out, false); c.Query != "" {
				t.Error("the difference of the query is there, and nobody asked")
			}
		})
	}
}

type compiler map[string]compile.Output

func (c compiler) Compile(_ context.Context, _ string, r migration.OriginalRule) (compile.Output, error) {
	out, ok := c[r.ID]
	if !ok {
		return out, errors.New("it took its process down")
	}
	return out, nil
}

func TestRun(t *testing.T) {
	same, a := made("a", nil)
	_, b := made("b", nil)
	other, _ := made("b", func(o *compile.Output) { o.Rule.Query = "FROM z" })
	_, crash := made("c", nil)
	_, waits := made("d", nil)
	waits.Status = migration.StatusPending
	_, model := made("e", nil)
	model.Diagnostics = []migration.Diagnostic{{Code: "model_filled", Severity: "approximation"}}
	o := changes.Options{MigrationID: "m", Version: "v2", Compiler: compiler{"a": same, "b": other}}
	rules := func(each func(migration.Rule) error) error {
		for _, r := range []migration.Rule{a, b, crash, waits, model} {
			if err := each(r); err != nil {
				return err
			}
		}
		return nil
	}
	var text bytes.Buffer
	sum, err := changes.WriteNDJSON(&text, func(found func(changes.Change) error) (changes.Summary, error) {
		return changes.Run(t.Context(), o, rules, found)
	})
	want := changes.Summary{MigrationID: "m", Compiler: "v2", Rules: 5, Compared: 2, Changed: 1, Faults: 1, Waiting: 1, Model: 1}
	if err != nil || sum != want {
		t.Errorf("%+v, %v; want %+v", sum, err, want)
	}
	lines := strings.Split(strings.TrimSpace(text.String()), "\n")
	if len(lines) != 3 || !strings.Contains(lines[0], `"id":"b"`) || !strings.Contains(lines[1], `"fault":"it took its process down"`) {
		t.Fatalf("lines %q", lines)
	}
	var last changes.Last
	if err := json.Unmarshal([]byte(lines[2]), &last); err != nil || !reflect.DeepEqual(last.Summary, want) {
		t.Errorf("last line %q, %v", lines[2], err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := changes.Run(ctx, o, rules, func(changes.Change) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("a comparison that nobody waits for: %v", err)
	}
	broken := errors.New("broken")
	if _, err := changes.Run(t.Context(), o, rules, func(changes.Change) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("a reader that broke: %v", err)
	}
}

// Queries of thousands of lines are not compared line by line, which would take for ever.
func TestLongQueries(t *testing.T) {
	_, r := made("a", func(o *compile.Output) { o.Rule.Query = strings.Repeat("a\n", 10_000) })
	out, _ := made("a", func(o *compile.Output) { o.Rule.Query = strings.Repeat("b\n", 10_000) })
	if c, _ := changes.Compare(r, out, true); c.Added != 10_000 || c.Removed != 10_000 || !strings.HasPrefix(c.Query, "--- before\n+++ after\n-a\n") {
		t.Errorf("%d added, %d removed", c.Added, c.Removed)
	}
}
