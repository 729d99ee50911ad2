package translate

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/schema"
)

var update = flag.Bool("update", false, "rewrite the goldens")

// goldenOptions is the JSON of a golden's options section.
type goldenOptions struct {
	Schema  string            `json:"schema,omitzero"` // ecs (default) or identity
	Types   map[string]string `json:"types,omitzero"`
	Index   []string          `json:"index,omitzero"`
	Target  Target            `json:"target,omitzero"`
	Macros  []Macro           `json:"macros,omitzero"`
	Lookups []Lookup          `json:"lookups,omitzero"`
	Zone    *Zone             `json:"zone,omitzero"`
	Null    bool              `json:"unmapped_null,omitzero"`
	Request Request           `json:"request,omitzero"`
}

func compileGolden(t testing.TB, files []txtar.File) (query string, out Output) {
	t.Helper()
	var o goldenOptions
	for _, f := range files {
		switch f.Name {
		case "spl":
			query = strings.TrimSuffix(string(f.Data), "\n")
		case "options":
			if err := json.Unmarshal(f.Data, &o); err != nil {
				t.Fatalf("options: %v", err)
			}
		}
	}
	return query, compileWith(t, query, o)
}

// compileWith translates the query with a golden's options.
func compileWith(t testing.TB, query string, o goldenOptions) Output {
	t.Helper()
	opts := Options{Macros: o.Macros, Lookups: o.Lookups, Target: o.Target, Index: o.Index, Zone: o.Zone, UnmappedNull: o.Null}
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
	return c.Translate(req)
}

// goldens reads testdata/*.txtar by file name.
func goldens(t testing.TB) map[string]*txtar.Archive {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 20 {
		t.Fatalf("only %d goldens", len(files))
	}
	out := make(map[string]*txtar.Archive, len(files))
	for _, f := range files {
		archive, err := txtar.ParseFile(f)
		if err != nil {
			t.Fatal(err)
		}
		out[f] = archive
	}
	return out
}

// goldenNotes prints what a golden pins of the diagnostics: severity, place, code and subject, and the number of further
// places. The wording is left out, so that a better sentence changes no golden; TestMessages checks it.
func goldenNotes(out Output) string {
	var notes strings.Builder
	for _, d := range out.Diagnostics {
		fmt.Fprintf(&notes, "%s %d:%d-%d:%d %s", d.Severity, d.Span.Start.Line, d.Span.Start.Column, d.Span.End.Line, d.Span.End.Column, d.Code)
		if d.Subject != "" {
			fmt.Fprintf(&notes, " [%s]", d.Subject)
		}
		if len(d.Also) > 0 {
			fmt.Fprintf(&notes, " +%d", len(d.Also))
		}
		notes.WriteByte('\n')
	}
	for _, m := range out.Missing {
		fmt.Fprintf(&notes, "missing %s %s\n", m.Kind, m.Name)
	}
	return notes.String()
}

// TestGolden compares translations with testdata/*.txtar: the files spl and options are the input; result, esql,
// diagnostics, lookups and rule the output.
func TestGolden(t *testing.T) {
	for f, archive := range goldens(t) {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".txtar"), func(t *testing.T) {
			query, out := compileGolden(t, archive.Files)
			got := &txtar.Archive{Comment: archive.Comment}
			add := func(name, text string) {
				got.Files = append(got.Files, txtar.File{Name: name, Data: []byte(text)})
			}
			addJSON := func(name string, v any) {
				b, err := json.MarshalIndent(v, "", "  ")
				if err != nil {
					t.Fatal(err)
				}
				add(name, string(b))
			}
			for _, s := range archive.Files {
				if s.Name == "spl" || s.Name == "options" {
					got.Files = append(got.Files, s)
				}
			}
			add("result", string(out.Result))
			if out.Query != "" {
				add("esql", out.Query)
			}
			add("diagnostics", goldenNotes(out))
			if len(out.Lookups) > 0 {
				addJSON("lookups", out.Lookups)
			}
			if strings.HasPrefix(filepath.Base(f), "rule_") {
				addJSON("rule", out.Rule)
			}
			text := txtar.Format(got)
			if *update {
				if err := os.WriteFile(f, text, 0o644); err != nil {
					t.Fatal(err)
				}
			} else if want := txtar.Format(archive); !bytes.Equal(text, want) {
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
	for f, archive := range goldens(t) {
		_, a := compileGolden(t, archive.Files)
		_, b := compileGolden(t, archive.Files)
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
	all := goldens(f)
	for _, name := range sortedKeys(all) {
		for _, s := range all[name].Files {
			if s.Name == "spl" {
				f.Add(strings.TrimSuffix(string(s.Data), "\n"))
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
