package translate

import (
	"slices"
	"testing"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/schema"
)

// TestAccountNotices takes what answers for a token away and wants the token to be named.
func TestAccountNotices(t *testing.T) {
	c, err := New(Options{Schema: schema.Identity([]string{"events"}, nil)})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, query string
		// without removes an answer.
		without func(*Output)
		want    string
	}{
		{"condition", `a=1 b=2`, dropCommand[*esql.Where], "a"},
		{"value that is a word of SPL", `a=output`, dropCommand[*esql.Where], "output"},
		{"quoted value", `a="x y"`, dropCommand[*esql.Where], `"x y"`},
		{"command without arguments", `* | stats count by a | reverse`, dropDiagnostics, "reverse"},
		{"last command of a subsearch", `* | append [search a=1 | reverse]`, func(o *Output) { o.ESQL, o.Diagnostics = nil, nil }, "reverse"},
		{"option", `* | stats allnum=t count by a`, dropDiagnostics, "allnum"},
		{"macro", "* `nobody(1)`", dropDiagnostics, "`nobody(1)`"},
		{"function", `* | eval x=mode(a)`, dropDiagnostics, "mode"},
		{"open comment", "a=1 ```b | where c=1", dropDiagnostics, "```b | where c=1"},
		{"after CRLF", "a=1\r\n| frobnicate z", dropDiagnostics, "z"},
		{"letters beyond ASCII", `ä="ö" | frobnicate ü`, dropDiagnostics, "ü"},
	} {
		t.Run(test.name, func(t *testing.T) {
			out := c.Translate(Request{ID: "r", Query: test.query})
			if left := Account(out, test.query); len(left) > 0 {
				t.Fatalf("not accounted for: %v", left)
			}
			test.without(&out)
			left := Account(out, test.query)
			if !slices.ContainsFunc(left, func(u Unaccounted) bool { return u.Text == test.want }) {
				t.Errorf("%q is missed: %v", test.want, left)
			}
		})
	}
}

func dropDiagnostics(o *Output) { o.Diagnostics = nil }

func dropCommand[T esql.Command](o *Output) {
	o.ESQL.Commands = slices.DeleteFunc(slices.Clone(o.ESQL.Commands), func(c esql.Command) bool {
		_, is := c.(T)
		return is
	})
	o.Diagnostics = nil
}
