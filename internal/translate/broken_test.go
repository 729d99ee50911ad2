package translate

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rulebridge/rulebridge/internal/schema"
)

// said is what a diagnostic says and where, without words: the code, its severity's first letter, line and column.
func said(out Output) (list []string) {
	for _, d := range out.Diagnostics {
		if d.Severity != Info || d.Code == "constant_condition" || d.Code == "no_group" {
			list = append(list, fmt.Sprintf("%s@%d:%d", d.Code, d.Span.Start.Line, d.Span.Start.Column))
		}
	}
	return list
}

// TestFaultsAreNamedOnce compiles searches that are broken, or miss a part, and expects one diagnostic a fault at its place,
// and everything beside the fault in the draft.
func TestFaultsAreNamedOnce(t *testing.T) {
	c, err := New(Options{Schema: schema.Identity([]string{"events"}, map[string]string{"n": "long", "a.b": "keyword"}), Index: []string{"events"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, spl string
		said      []string
		has       []string // in the draft
	}{
		{"typographic quotes of a value", `s=”two words” u=x | stats count by u`, []string{"broken_spl@1:3"}, []string{`s:/[tT][wW][oO]`, "u:/[xX]/"}},
		{"typographic quotes of both kinds", `s=“x” | where u=“y”`, []string{"broken_spl@1:3"}, []string{"s:/[xX]/", `u : "y"`}},
		{"typographic quotes in straight ones", `s="a “b” c" | stats count by u`, nil, []string{"“"}},
		{"typographic quote without a partner", `s=“x | stats count by u`, nil, []string{"COUNT(*) BY u"}},
		{"dash for minus", `* | eval d=n – 5 | where d>3`, []string{"broken_spl@1:14"}, []string{"n - 5", "d > 3"}},
		{"dash before a sort key", `* | stats count by s | sort –count`, []string{"broken_spl@1:29"}, []string{"SORT count DESC"}},
		{"dash inside a word", `s=a–b | stats count by u`, nil, []string{"–"}},
		{"comment on a line of its own", "s=x\n# now count | by user\n| stats count by u", []string{"broken_spl@2:1"}, []string{"COUNT(*) BY u"}},
		{"comment behind a stage", "s=x\n| stats count by u  # a few\n| where count>5", []string{"broken_spl@2:21"}, []string{"COUNT(*) BY u", "count > 5"}},
		{"comment before a pipe", "s=x # only x | stats count by u", []string{"broken_spl@1:5"}, []string{"COUNT(*) BY u"}},
		{"number sign in a value", `s="# 1" u=#1 | stats count by u`, nil, []string{"#"}},
		{"comment as Splunk writes it", "s=x ```# fine``` | stats count by u ```too```", nil, []string{"COUNT(*) BY u"}},
		{"unreadable stage", `s=x | eval y=(1+ | stats count by u`, []string{"syntax@1:17"}, []string{"s:/[xX]/", "COUNT(*) BY u"}},
		{"unknown command", `s=x | frobnicate a=1 | stats count by u`, []string{"unknown_command@1:7"}, []string{"s:/[xX]/", "COUNT(*) BY u"}},
		{"macro at the start", "`src` s=x | stats count by u", []string{"unknown_macro@1:1"}, []string{"s:/[xX]/", "COUNT(*) BY u"}},
		{"macro at the end of a search", "s=x `tail`", []string{"unknown_macro@1:5"}, []string{"s:/[xX]/"}},
		{"macro at the end of where", "s=x | where n>1 `tail`", []string{"unknown_macro@1:17"}, []string{"s:/[xX]/", "> 1"}},
		{"macro at the end of eval", "s=x | eval y=n+1 `tail` | stats count by y", []string{"unknown_macro@1:18"}, []string{"n + 1", "COUNT(*) BY y"}},
		{"macro at the end of stats", "s=x | stats count by u `tail`", []string{"unknown_macro@1:24"}, []string{"COUNT(*) BY u"}},
		{"macros as a stage", "s=x | `a` `b` | stats count by u", []string{"unknown_macro@1:7", "unknown_macro@1:11"}, []string{"COUNT(*) BY u"}},
		{"macro in IN", "s IN (`list`) u=x | stats count by u", []string{"unknown_macro@1:7"}, []string{"u:/[xX]/"}},
		{"macro as a value", "s=`who` u=x | stats count by u", []string{"unknown_macro@1:3"}, []string{"u:/[xX]/"}},
		{"macro among aggregations", "s=x | stats `aggs` by u", []string{"unknown_macro@1:13"}, []string{"BY u"}},
		{"macro glued on both sides", "s=x`glue`u=y | stats count by u", []string{"unknown_macro@1:4"}, []string{"s:/[xX]/", "u:/[yY]/"}},
		{"count by group is zero", `* | stats count by u | where count=0`, []string{"constant_condition@1:30"}, []string{"WHERE false"}},
		{"count by group below one", `* | stats count as c by u | search c<1`, []string{"constant_condition@1:36"}, []string{"WHERE false"}},
		{"count by group at most zero, turned", `* | stats count by u | where 0>=count`, []string{"constant_condition@1:30"}, []string{"WHERE false"}},
		{"count without a group", `* | stats count | where count=0`, nil, []string{"count == 0"}},
		{"count of a field", `* | stats count(s) as c by u | where c=0`, nil, []string{"c == 0"}},
		{"count of a chart", `* | timechart span=1h count | where count=0`, []string{"truncation@1:5"}, []string{"count == 0"}},
		{"differs from anything", `s!=* u=x`, []string{"constant_condition@1:1"}, []string{"WHERE false"}},
		{"does not differ from anything", `NOT s!=* u=x`, []string{"constant_condition@1:5"}, []string{"u:/[xX]/"}},
		{"gone key", `* | rename s as t | stats count by s`, []string{"no_group@1:36"}, []string{"WHERE false"}},
		{"name with a dot", `* | eval x=s.u | where x="ab"`, nil, []string{"CONCAT"}},
		{"name with a dot that is a field", `* | where a.b="x"`, []string{"dotted_name@1:11"}, []string{"a.b"}},
		{"quoted name with a dot", `* | where 'a.b'="x"`, nil, []string{"a.b"}},
		{"event type and tag", `eventtype=ssh tag=remote s=x`, []string{"missing_knowledge@1:1", "missing_knowledge@1:15"}, []string{"s:/[xX]/"}},
	} {
		t.Run(strings.ReplaceAll(tt.name, " ", "_"), func(t *testing.T) {
			out := c.Translate(Request{Query: tt.spl})
			got := slices.DeleteFunc(said(out), func(s string) bool { // consequences, and what is beside the point here
				return strings.HasPrefix(s, "depends_on_hole") || strings.HasPrefix(s, "never_alerts") || strings.HasPrefix(s, "text_search")
			})
			if !slices.Equal(got, tt.said) {
				t.Errorf("said %v, want %v\n%s", got, tt.said, goldenNotes(out))
			}
			for _, part := range tt.has {
				if !strings.Contains(out.Query, part) {
					t.Errorf("the draft lacks %s:\n%s", part, out.Query)
				}
			}
		})
	}
}

// TestOperatorOrder says where the where clause of tstats leaves the order of AND and OR open.
func TestOperatorOrder(t *testing.T) {
	c, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	const a, b, x = "Processes.process_name=a.exe", "Processes.process_name=b.exe", `Processes.process="*x*"`
	for where, open := range map[string]bool{
		a + " OR " + b + " " + x:                           true,
		a + " OR " + b + " AND " + x:                       true,
		x + " " + a + " OR " + b:                           true,
		"(" + x + " " + a + " OR " + b + ")":               true,
		"(" + a + " OR " + b + ") " + x:                    false,
		a + " OR " + b:                                     false,
		"(" + a + " " + x + ") OR " + b:                    false,
		"Processes.process_name IN (a.exe, b.exe) " + x:    false,
		"(  " + a + " OR " + b + "\n) AND NOT (" + x + ")": false,
	} {
		out := c.Translate(Request{Query: "| tstats count from datamodel=Endpoint.Processes where " + where + " by Processes.dest"})
		if hasCode(out, "operator_order") != open {
			t.Errorf("%s: said %v, want %v", where, !open, open)
		}
	}
}
