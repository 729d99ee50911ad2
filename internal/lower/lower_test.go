package lower_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/rulebridge/rulebridge/internal/lower"
	"github.com/rulebridge/rulebridge/internal/plan"
	"github.com/rulebridge/rulebridge/internal/spl"
	"github.com/rulebridge/rulebridge/internal/value"
)

var update = flag.Bool("update", false, "write the plans of testdata again")

// TestPlans compares plans as people read them: testdata/*.txtar, a file search and a file plan in turn.
func TestPlans(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no goldens: %v", err)
	}
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i+1 < len(a.Files); i += 2 {
			got := plan.Print(lower.Lower(spl.Parse(string(a.Files[i].Data), spl.Options{})))
			if *update {
				a.Files[i+1].Data = []byte(got)
			} else if want := string(a.Files[i+1].Data); got != want {
				t.Errorf("%s: %s\ngot\n%s\nwant\n%s", file, a.Files[i].Data, got, want)
			}
		}
		if *update {
			if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestHoles: what has no rows here says why.
func TestHoles(t *testing.T) {
	for query, why := range map[string]string{
		`* | rest /services/x`:                            "reads what only a Splunk server holds",
		`* | anomalies x`:                                 "statistics",
		`* | stats nosuch(x)`:                             "nosuch is no aggregation",
		"* | `missing`":                                   "macro missing has no definition",
		`* | rex field=x "(?<a"`:                          "regular expression",
		`* | rex field=x "\d+"`:                           "names no group",
		`* | join type=cross k [search *]`:                "join knows inner, left and outer",
		`* | makeresults`:                                 "makeresults must start a search",
		`* | inputlookup t`:                               "append=true",
		`* | transaction k maxspan=soon`:                  "maxspan=soon is no span",
		`* | rangemap field=n low=few`:                    "low=few is no range",
		`* | xyseries a b`:                                "takes three fields",
		`* | format "(" ")"`:                              "six texts",
		`* | bin a_* span=5`:                              "one field",
		`* | convert nosuch(x)`:                           "nosuch is no function of convert",
		`* | foreach mode=nosuch x [eval y=1]`:            "mode=nosuch",
		`* | nosuchcommand x`:                             "could not be read",
		`* | dedup 0 k`:                                   "at least one row",
		`* | streamstats time_window=soon count`:          "time_window=soon is no span",
		`* | autoregress x p=0`:                           "p=0 is no number of rows",
		`| from savedsearch:x`:                            "held by a Splunk server",
		`* | set union [search a]`:                        "two subsearches",
		`* | spath path=a output=b | erex x examples="1"`: "erex learns",
	} {
		found := ""
		for n := lower.Lower(spl.Parse(query, spl.Options{})).Root; n != nil; n = n.From() {
			if h, ok := n.(*plan.Hole); ok {
				found = h.Why
			}
		}
		if !strings.Contains(found, why) {
			t.Errorf("%s: hole %q, want one about %q", query, found, why)
		}
	}
}

// TestNotes: commands that only write, send or show pass rows on with a note.
func TestNotes(t *testing.T) {
	for _, query := range []string{"* | outputlookup t", "* | sendemail to=x", "* | collect index=x", "* | sendalert x", "* | fieldformat x=1", "* | highlight x", "* | noop", "* | tags", "* | iplocation ip", "* | bin span=5m"} {
		p := lower.Lower(spl.Parse(query, spl.Options{}))
		if len(p.Notes) != 1 || p.Notes[0].At.Start.Column != 5 {
			t.Errorf("%s: notes %v", query, p.Notes)
		}
	}
}

// TestScopes: which columns stand behind a search.
func TestScopes(t *testing.T) {
	for _, tc := range []struct {
		query, column string
		want          value.Desc
		open          bool
	}{
		{`* | stats count by s`, "count", value.Desc{Kind: value.Number, Settled: true}, false},
		{`* | stats count by s`, "s", value.Desc{Kind: value.Numeral, Settled: true}, false},
		{`* | stats count by s`, "u", value.Desc{Kind: value.Missing, Missing: value.Always, Settled: true}, false},
		{`* | stats values(u) as v`, "v", value.Desc{Kind: value.Numeral, Missing: value.Maybe, Several: value.Maybe, Sorted: true, Settled: true}, false},
		{`* | rename s as u2`, "s", value.Desc{Kind: value.Missing, Missing: value.Always, Settled: true}, true},
		{`* | fields - s`, "s", value.Desc{Kind: value.Missing, Missing: value.Always, Settled: true}, true},
		{`* | table s`, "u", value.Desc{Kind: value.Missing, Missing: value.Always, Settled: true}, false},
		{`* | eval x=len(s)`, "x", value.Desc{Kind: value.Number, Missing: value.Maybe, Settled: true}, true},
		{`* | eval x=1+2`, "x", value.Desc{Kind: value.Number, Settled: true}, true},
		{`* | fillnull value=q s`, "s", value.Desc{Kind: value.Numeral, Several: value.Maybe, Settled: true}, true},
	} {
		s := lower.Lower(spl.Parse(tc.query, spl.Options{})).Root.Behind()
		c, _ := s.Find(tc.column)
		if c.Desc != tc.want || s.Open != tc.open {
			t.Errorf("%s: %s is %+v (open %v), want %+v (open %v)", tc.query, tc.column, c.Desc, s.Open, tc.want, tc.open)
		}
	}
}

// TestSameFieldSameID: a stored field has one id wherever it is named, a renamed one keeps its id.
func TestSameFieldSameID(t *testing.T) {
	p := lower.Lower(spl.Parse(`s=a | rename s as t | table t`, spl.Options{}))
	c, ok := p.Root.Behind().Find("t")
	if !ok || c.ID == 0 || c.From != "s" {
		t.Errorf("t is %+v", c)
	}
	var ids []int
	for n := p.Root; n != nil; n = n.From() {
		plan.Exprs(n, func(e plan.Expr) {
			for _, x := range append(plan.Children(e), e) {
				if f, ok := x.(*plan.Field); ok {
					ids = append(ids, f.Column.ID)
				}
			}
		})
	}
	if len(ids) == 0 || ids[0] != c.ID {
		t.Errorf("s of the condition has id %v, t has %d", ids, c.ID)
	}
}
