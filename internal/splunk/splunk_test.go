package splunk

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/rulebridge/rulebridge/internal/migration"
)

func TestRules(t *testing.T) {
	for _, tc := range []struct {
		name, in string
		ids      []string
		faults   []string // substrings, in order
	}{
		{"array", `[{"id":"a","query":"x"},
			{"id":"b","query":"y","risk_score":38.5}]`, []string{"a", "b"}, nil},
		{"ndjson with blank lines and CRLF", "\n{\"id\":\"a\",\"query\":\"x\"}\r\n\r\n{\"id\":\"b\",\"query\":\"y\"}", []string{"a", "b"}, nil},
		{"byte order mark", "\ufeff" + `[{"id":"a","query":"x"}]`, []string{"a"}, nil},
		{"empty file", "", nil, nil},
		{"empty array", " [ ] ", nil, nil},
		{"a text", "hello, these are\n", nil, []string{"f:1: is no JSON object, and the file is none of the forms that import reads: .conf files, btool output"}},
		{"bad line in the middle", "{\"id\":\"a\",\"query\":\"x\"}\n{oops\n{\"id\":\"b\",\"query\":\"y\"}\n", []string{"a", "b"}, []string{"f:2: is no JSON object"}},
		{"line is an array", "{\"id\":\"a\",\"query\":\"x\"}\n[1]\n", []string{"a"}, []string{"f:2: is an array where an object belongs"}},
		{"no query", `{"id":"a"}`, nil, []string{"f:1: query: is missing"}},
		{"no id", `{"query":"a"}`, nil, []string{"f:1: id: is missing"}},
		{"wrong type", `{"id":"a","query":7}`, nil, []string{"f:1: query: holds a number"}},
		{"other vendor", `{"id":"a","query":"x","vendor":"qradar"}`, nil, []string{`f:1: vendor: "qradar" is not supported`}},
		{"other language", `{"id":"a","query":"x","query_language":"aql"}`, nil, []string{`f:1: query_language: "aql"`}},
		{"fault in an array", `[{"id":"a","query":"x"}, {"id":1}]`, []string{"a"}, []string{"f: item 2: id: holds a number"}},
		{"array broken off", `[{"id":"a","query":"x"},`, []string{"a"}, []string{"f: item 2"}},
		{"something after the array", `[{"id":"a","query":"x"}] {}`, []string{"a"}, []string{"something follows the array"}},
		{"invalid UTF-8", "{\"id\":\"a\",\"query\":\"\xff\"}", nil, []string{"f:1: is not valid UTF-8"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var ids []string
			var faults []error
			for r, err := range Rules("f", strings.NewReader(tc.in)) {
				if err != nil {
					faults = append(faults, err)
					continue
				}
				ids = append(ids, r.ID)
			}
			if !reflect.DeepEqual(ids, tc.ids) {
				t.Errorf("ids %q, want %q", ids, tc.ids)
			}
			if len(faults) != len(tc.faults) {
				t.Fatalf("faults %v, want %q", faults, tc.faults)
			}
			for i, want := range tc.faults {
				if !strings.Contains(faults[i].Error(), want) {
					t.Errorf("fault %q, want %q", faults[i], want)
				}
				if e := (*Error)(nil); !errors.As(faults[i], &e) {
					t.Errorf("fault %v is no *Error", faults[i])
				}
			}
		})
	}
}

func TestRuleIsCompleted(t *testing.T) {
	for r, err := range Rules("f", strings.NewReader(`{"id":"a","query":"x","risk_score":"38.5","cron_schedule":"*/5 * * * *","field_types":{"f":"long"}}`)) {
		if err != nil {
			t.Fatal(err)
		}
		o := r.OriginalRule
		if o.Vendor != "splunk" || o.QueryLanguage != "spl" || o.Title != "a" || o.MitreAttackIDs == nil || o.Cron != "*/5 * * * *" {
			t.Errorf("not completed: %+v", o)
		}
		if o.RiskScore == nil || *o.RiskScore != 39 {
			t.Errorf("risk score %v, want 39", o.RiskScore)
		}
		if r.FieldTypes["f"] != "long" {
			t.Errorf("field types %v", r.FieldTypes)
		}
	}
}

func TestMacros(t *testing.T) {
	in := `{"name":"a","definition":"search *","arguments":[]}
{"name":"b(2)","definition":"$x$=$y$","args":"x, y","iseval":"1"}
{"name":"c"}
{"definition":"x"}
`
	var got []migration.Resource
	var faults []string
	for m, err := range Macros("f", strings.NewReader(in)) {
		if err != nil {
			faults = append(faults, err.Error())
			continue
		}
		got = append(got, m)
	}
	want := []migration.Resource{
		{Type: migration.ResourceMacro, Name: "a", Definition: "search *"},
		{Type: migration.ResourceMacro, Name: "b(2)", Definition: "$x$=$y$", Arguments: []string{"x", "y"}, IsEval: true},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
	if len(faults) != 2 || !strings.HasPrefix(faults[0], "f:3: definition: is missing (macro c)") || !strings.HasPrefix(faults[1], "f:4: name: is missing") {
		t.Errorf("faults %q", faults)
	}
}

func TestLookups(t *testing.T) {
	in := `{"name":"a","kind":"csv","columns":["k","v"],"rows":[{"k":"1","v":2},{"k":null,"v":true}],"total_rows":402,"match_type":"WILDCARD(k), CIDR(v)","case_sensitive_match":"false","max_matches":1,"default_match":"no"}
{"name":"b","kind":"kvstore","columns":["k"],"rows":[],"total_rows":null}
{"name":"c","kind":"csv","columns":["k"],"rows":[],"total_rows":0}
{"name":"d","columns":["k"],"rows":[{"k":"x"}]}
`
	var rs []migration.Resource
	for l, err := range Lookups("f", strings.NewReader(in)) {
		if err != nil {
			t.Fatal(err)
		}
		rs = append(rs, l)
	}
	a := rs[0]
	if a.TotalRows != 402 || a.CaseSensitiveMatch == nil || *a.CaseSensitiveMatch || a.MaxMatches != 1 || a.DefaultMatch != "no" ||
		a.MatchType != "WILDCARD(k), CIDR(v)" || !reflect.DeepEqual(a.Rows, []map[string]string{{"k": "1", "v": "2"}, {"k": "", "v": "true"}}) {
		t.Errorf("a: %+v", a)
	}
	for i, want := range []int{402, 1, 0, 1} {
		if rs[i].TotalRows != want {
			t.Errorf("%s: total rows %d, want %d", rs[i].Name, rs[i].TotalRows, want)
		}
	}
	if rs[3].CaseSensitiveMatch != nil {
		t.Error("a lookup that does not say whether case matters must not get a value")
	}
}

// TestRealFiles reads the rules, macros and lookups of the development data.
func TestRealFiles(t *testing.T) {
	dir := os.Getenv("RULEBRIDGE_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the development data is missing: %v", err)
		}
		t.Skipf("the development data is missing (set RULEBRIDGE_DATA): %v", err)
	}
	open := func(name string) *os.File {
		f, err := os.Open(filepath.Join(dir, "spl", name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		return f
	}
	rules, macros, lookups := 0, 0, 0
	for _, err := range Rules("rules.jsonl", open("rules.jsonl")) {
		if err != nil {
			t.Fatal(err)
		}
		rules++
	}
	for _, err := range Macros("macros.jsonl", open("macros.jsonl")) {
		if err != nil {
			t.Fatal(err)
		}
		macros++
	}
	for _, err := range Lookups("lookups.jsonl", open("lookups.jsonl")) {
		if err != nil {
			t.Fatal(err)
		}
		lookups++
	}
	if rules != 1158 || macros != 1349 || lookups != 79 {
		t.Errorf("read %d rules, %d macros, %d lookups; want 1158, 1349, 79", rules, macros, lookups)
	}
}

func FuzzRules(f *testing.F) {
	for _, s := range []string{`[{"id":"a","query":"x"}]`, "{\"id\":\"a\",\"query\":\"x\"}\n{", "\xef\xbb\xbf[", "[[", `{"risk_score":1e999}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		for r, err := range Rules("f", strings.NewReader(in)) {
			if err == nil && (r.ID == "" || r.Query == "") {
				t.Fatalf("an incomplete rule was accepted: %+v", r)
			}
		}
	})
}
