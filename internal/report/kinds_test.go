package report

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// of is the report of rules that have these causes each.
func of(rules ...[]migration.Diagnostic) Report {
	b := NewBuilder(migration.Migration{ID: "m"}, time.Time{})
	for _, ds := range rules {
		b.Add(migration.Rule{Status: migration.StatusFinished, Result: migration.Partial, Diagnostics: ds})
	}
	return b.Report()
}

// Causes are grouped by kind and, within, by what they are about, whatever the command and the arguments of a macro; a rule
// counts once in each group, and alone where all of its causes are in it.
func TestKinds(t *testing.T) {
	r := of(
		[]migration.Diagnostic{diag("error", "unknown_field", "where", "x"), diag("error", "unknown_field", "stats", "x")},
		[]migration.Diagnostic{diag("error", "unknown_field", "where", "x"), diag("error", "unknown_field", "where", "y")},
		[]migration.Diagnostic{diag("error", "unknown_field", "where", "y"), diag("error", "unknown_command", "", "`who(user)`")},
		[]migration.Diagnostic{diag("error", "unknown_command", "", "`who(host, 1)`"), diag("approximation", "source_approximate", "", "")},
		[]migration.Diagnostic{diag("approximation", "source_approximate", "search", ""), diag("error", "unsupported_command", "join", "join")},
	)
	type item struct {
		Subject     string
		Commands    string
		Rules, Sole int
	}
	type kind struct {
		Code               string
		Rules, Sole, Holes int
		Items              []item
	}
	var got []kind
	for _, k := range r.Kinds {
		one := kind{k.Code, k.Rules, k.Sole, k.Holes, nil}
		for _, i := range k.Items {
			one.Items = append(one.Items, item{i.Subject, strings.Join(i.Commands, " "), i.Rules, i.Sole})
		}
		got = append(got, one)
	}
	want := []kind{
		{"unknown_field", 3, 2, 2, []item{{"x", "stats where", 2, 1}, {"y", "where", 2, 0}}},
		{"source_approximate", 2, 0, 0, []item{{"", "search", 2, 0}}},
		{"unknown_command", 2, 0, 1, []item{{"`who`", "", 2, 0}}},
		{"unsupported_command", 1, 0, 1, []item{{"join", "", 1, 0}}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("kinds:\n%+v\nwant\n%+v", got, want)
	}
	for _, c := range r.Causes {
		n := 0
		for _, k := range r.Kinds {
			for _, i := range k.Items {
				if c.Is(i.Key) {
					n++
				}
			}
		}
		if n != 1 || !c.Is(c.Code) || !c.Is(c.Key) || c.Is("") {
			t.Errorf("%+v is named by %d items", c, n)
		}
	}
}

// The kind that brings most rules nearest to full stands before one that holds a single rule back alone.
func TestKindsStandBestFirst(t *testing.T) {
	many := []migration.Diagnostic{diag("error", "unknown_command", "", "x"), diag("error", "unknown_field", "where", "f")}
	r := of(many, many, many, []migration.Diagnostic{diag("approximation", "truncation", "stats", "list")})
	if r.Kinds[len(r.Kinds)-1].Code != "truncation" || r.Kinds[2].Sole != 1 {
		t.Errorf("%+v", r.Kinds)
	}
}

// The page's words for a kind, which filters of rules show, are those of the reports.
func TestPageHasTheSameWords(t *testing.T) {
	text, err := os.ReadFile("../../web/src/causes/words.ts")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^  (\w+): '([^']+)',$`).FindAllStringSubmatch(string(text), -1)
	for _, m := range found {
		if kindInfos[m[1]].Title != m[2] {
			t.Errorf("%s is %q on the page and %q in the reports", m[1], m[2], kindInfos[m[1]].Title)
		}
	}
	if len(found) != len(kindInfos) {
		t.Errorf("the page names %d kinds, the reports %d", len(found), len(kindInfos))
	}
}

// Every kind says what to do, and one without words is named by its code.
func TestAboutSaysWhatToDo(t *testing.T) {
	for code, info := range kindInfos {
		if info.Title == "" || info.Remedy == "" || !strings.HasSuffix(info.Do, ".") {
			t.Errorf("%s: %+v", code, info)
		}
	}
	if got := About("some_new_code").Title; got != "Some new code" {
		t.Errorf("%q", got)
	}
}
