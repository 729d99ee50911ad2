package translate

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/schema"
)

var update = flag.Bool("update", false, "rewrite the goldens")

// section is one part of a txtar file.
type section struct{ name, text string }

// parseTxtar reads comment and sections; a section starts with a line "-- name --".
func parseTxtar(data string) (comment string, sections []section) {
	cur := &comment
	for _, line := range strings.SplitAfter(data, "\n") {
		l := strings.TrimRight(line, "\r\n")
		if name, ok := strings.CutPrefix(l, "-- "); ok {
			if name, ok = strings.CutSuffix(name, " --"); ok {
				sections = append(sections, section{name: name})
				cur = &sections[len(sections)-1].text
				continue
			}
		}
		*cur += line
	}
	return comment, sections
}

func formatTxtar(comment string, sections []section) string {
	var b strings.Builder
	b.WriteString(comment)
	for _, s := range sections {
		fmt.Fprintf(&b, "-- %s --\n%s", s.name, s.text)
		if s.text != "" && !strings.HasSuffix(s.text, "\n") {
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// goldenOptions is the JSON of a golden's options section.
type goldenOptions struct {
	Schema  string            `json:"schema"` // ecs (default) or identity
	Types   map[string]string `json:"types"`
	Index   []string          `json:"index"`
	Target  Target            `json:"target"`
	Macros  []Macro           `json:"macros"`
	Lookups []Lookup          `json:"lookups"`
	Request Request           `json:"request"`
}

func compileGolden(t testing.TB, sections []section) (query string, out Output) {
	t.Helper()
	var o goldenOptions
	for _, s := range sections {
		switch s.name {
		case "spl":
			query = strings.TrimSuffix(s.text, "\n")
		case "options":
			if err := json.Unmarshal([]byte(s.text), &o); err != nil {
				t.Fatalf("options: %v", err)
			}
		}
	}
	opts := Options{Macros: o.Macros, Lookups: o.Lookups, Target: o.Target, Index: o.Index}
	if o.Schema == "identity" {
		if len(o.Index) == 0 {
			opts.Index = []string{"events"}
		}
		opts.Schema = schema.Identity(opts.Index, o.Types)
	}
	c, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	req := o.Request
	req.Query = query
	return query, c.Translate(req)
}

// TestGolden compares translations with testdata/*.txtar: sections spl and options are the input, result, esql,
// diagnostics and rule the output.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 20 {
		t.Fatalf("only %d goldens", len(files))
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".txtar"), func(t *testing.T) {
			data, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			comment, sections := parseTxtar(string(data))
			query, out := compileGolden(t, sections)
			var got []section
			for _, s := range sections {
				if s.name == "spl" || s.name == "options" {
					got = append(got, s)
				}
			}
			got = append(got, section{"result", string(out.Result) + "\n"})
			if out.Query != "" {
				got = append(got, section{"esql", out.Query})
			}
			var notes strings.Builder
			for _, d := range out.Diagnostics {
				fmt.Fprintf(&notes, "%s %d:%d %s", d.Severity, d.Span.Start.Line, d.Span.Start.Column, d.Code)
				if d.Subject != "" {
					fmt.Fprintf(&notes, " [%s]", d.Subject)
				}
				fmt.Fprintf(&notes, " %s\n", d.Message)
			}
			for _, m := range out.Missing {
				fmt.Fprintf(&notes, "missing %s %s\n", m.Kind, m.Name)
			}
			got = append(got, section{"diagnostics", notes.String()})
			if len(out.Lookups) > 0 {
				b, err := json.MarshalIndent(out.Lookups, "", "  ")
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, section{"lookups", string(b)})
			}
			if strings.HasPrefix(filepath.Base(f), "rule_") {
				b, err := json.MarshalIndent(out.Rule, "", "  ")
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, section{"rule", string(b)})
			}
			text := formatTxtar(comment, got)
			if *update {
				if err := os.WriteFile(f, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if text != string(data) {
				t.Errorf("differs from %s; run with -update and read the difference\n--- got\n%s", f, text)
			}
			for _, u := range Account(out, query) {
				t.Errorf("token %q at %d is not accounted for", u.Text, u.Start)
			}
			if out.Query == "" {
				return
			}
			q, err := esql.Parse(out.Query)
			if err != nil {
				t.Fatalf("the draft does not parse: %v\n%s", err, out.Query)
			}
			if again := esql.Print(q); again != out.Query {
				t.Errorf("the draft prints differently when parsed:\n%s", again)
			}
			if out.Result == Full {
				for _, p := range esql.CheckAlert(q) {
					t.Error(p)
				}
			}
		})
	}
}

// TestPure checks that the same request gives the same bytes.
func TestPure(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join("testdata", "*.txtar"))
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		_, sections := parseTxtar(string(data))
		_, a := compileGolden(t, sections)
		_, b := compileGolden(t, sections)
		x, _ := json.Marshal(a)
		y, _ := json.Marshal(b)
		if string(x) != string(y) {
			t.Errorf("%s: two translations differ", f)
		}
	}
}

// fuzzLookups are the tables of the goldens, of every kind.
var fuzzLookups = []Lookup{
	{Name: "vip", Columns: []string{"user", "is_vip", "note"}, MinMatches: 1, DefaultMatch: "false", TotalRows: 2, Rows: []map[string]string{
		{"user": "Ann", "is_vip": "true", "note": "ceo"}, {"user": "bob", "is_vip": "no"}}},
	{Name: "late", Columns: []string{"user", "owner"}, CaseSensitive: true, TotalRows: 1, Rows: []map[string]string{{"user": "Ann", "owner": "x"}}},
	{Name: "several", Columns: []string{"host", "owner"}, TotalRows: 2, Rows: []map[string]string{{"host": "a", "owner": "x"}, {"host": "A", "owner": "y"}}},
	{Name: "all", Columns: []string{"host", "label"}, MatchType: map[string]string{"host": "WILDCARD"}, TotalRows: 2, Rows: []map[string]string{
		{"host": "web*", "label": "web"}, {"host": "*1", "label": "one"}}},
	{Name: "first", Columns: []string{"host", "label"}, MaxMatches: 1, MatchType: map[string]string{"host": "WILDCARD"}, TotalRows: 2, Rows: []map[string]string{
		{"host": "web*", "label": "web"}, {"host": "*1", "label": "one"}}},
	{Name: "nets", Columns: []string{"net", "zone"}, MatchType: map[string]string{"net": "CIDR"}, TotalRows: 2, Rows: []map[string]string{
		{"net": "10.0.0.0/8", "zone": "in"}, {"net": "not a network", "zone": ""}}},
	{Name: "pairs", Columns: []string{"host", "user", "level"}, TotalRows: 1, Rows: []map[string]string{{"host": "a", "user": "x", "level": "1"}}},
	{Name: "tools", Columns: []string{"name", "known"}, TotalRows: 9, Rows: []map[string]string{{"name": "a*", "known": "true"}}},
	{Name: "seen", Kind: "kvstore", Columns: []string{"k", "firstTimeSeen"}},
	{Name: "none", Columns: []string{"k", "v"}},
}

// FuzzCompile feeds any text to the compiler: it must not fail, and what it prints must parse.
func FuzzCompile(f *testing.F) {
	files, _ := filepath.Glob(filepath.Join("testdata", "*.txtar"))
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		_, sections := parseTxtar(string(data))
		for _, s := range sections {
			if s.name == "spl" {
				f.Add(strings.TrimSuffix(s.text, "\n"))
			}
		}
	}
	ecs, err := New(Options{})
	if err != nil {
		f.Fatal(err)
	}
	plain, err := New(Options{Schema: schema.Identity([]string{"events"}, nil), Index: []string{"events"}, Lookups: fuzzLookups})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, query string) {
		for _, c := range []*Compiler{ecs, plain} {
			out := c.Translate(Request{Query: query})
			for _, d := range out.Diagnostics {
				if d.Code == "internal_error" {
					t.Fatalf("%s\n%s", d.Message, query)
				}
			}
			if out.Query == "" {
				continue
			}
			if _, err := esql.Parse(out.Query); err != nil {
				t.Fatalf("the draft does not parse: %v\n%s\n%s", err, query, out.Query)
			}
		}
	})
}
