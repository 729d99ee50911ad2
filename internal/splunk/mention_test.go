package splunk

import (
	"testing"

	"github.com/rulebridge/rulebridge/internal/migration"
)

func TestMentions(t *testing.T) {
	macro := func(name, definition string) migration.Resource {
		return migration.Resource{Type: migration.ResourceMacro, Name: name, Definition: definition}
	}
	all := []migration.Resource{
		macro("inner(1)", "user=$u$"), macro("middle", "`inner(admin)` OR host=x"), macro("outer", "index=a `middle`"),
		macro("other", "index=b"), macro("allowed", "NOT [| inputlookup allow.csv]"),
	}
	for _, tt := range []struct {
		given  migration.Resource
		search string
		want   bool
	}{
		{all[0], "index=a `inner(bob)`", true},
		{all[0], "index=a `inner`", true}, // however many arguments
		{all[0], "index=a `middle` | stats count", true},
		{all[0], "`other` `outer`", true},
		{all[0], "`other`", false},
		{all[0], "index=a inner", false},
		{all[0], "index=a `inner", false},
		{all[1], "`inner(x)`", false},
		{migration.Resource{Type: migration.ResourceLookup, Name: "allow.csv"}, "index=a | lookup allow.csv user", true},
		{migration.Resource{Type: migration.ResourceLookup, Name: "allow.csv"}, "index=a `allowed`", true},
		{migration.Resource{Type: migration.ResourceLookup, Name: "allow.csv"}, `| inputlookup "allow.csv"`, true},
		{migration.Resource{Type: migration.ResourceLookup, Name: "allow.csv"}, "| lookup disallow.csv user", false},
		{migration.Resource{Type: migration.ResourceLookup, Name: "allow.csv"}, "| lookup allow.csv.old user", false},
	} {
		if got := NewMentions([]migration.Resource{tt.given}, all).In(tt.search); got != tt.want {
			t.Errorf("%s in %q: %v, want %v", tt.given.Name, tt.search, got, tt.want)
		}
	}
	m := NewMentions([]migration.Resource{macro("m(2)", ""), {Type: migration.ResourceLookup, Name: "l"}}, nil)
	for _, tt := range []struct {
		kind, name string
		want       bool
	}{{"macro", "m(2)", true}, {"macro", "m", true}, {"lookup", "l", true}, {"macro", "l", false}, {"datamodel", "m", false}} {
		if got := m.Missing([]migration.Missing{{Kind: "macro", Name: "z"}, {Kind: tt.kind, Name: tt.name}}); got != tt.want {
			t.Errorf("missing %s %s: %v, want %v", tt.kind, tt.name, got, tt.want)
		}
	}
}
