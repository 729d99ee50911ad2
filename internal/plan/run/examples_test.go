package run_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"golang.org/x/tools/txtar"

	"github.com/rulebridge/rulebridge/internal/lower"
	"github.com/rulebridge/rulebridge/internal/plan"
	"github.com/rulebridge/rulebridge/internal/plan/run"
	"github.com/rulebridge/rulebridge/internal/spl"
	"github.com/rulebridge/rulebridge/internal/value"
)

// macros are macros by name and number of arguments.
type macros map[string]spl.MacroDef

// Macro finds a macro.
func (m macros) Macro(name string, n int) (spl.MacroDef, bool) {
	d, ok := m[fmt.Sprintf("%s(%d)", name, n)]
	return d, ok
}

func (m macros) add(name, definition string, arguments []string) {
	name, _, _ = strings.Cut(name, "(")
	m[fmt.Sprintf("%s(%d)", name, len(arguments))] = spl.MacroDef{Name: name, Definition: definition, Arguments: arguments}
}

// search runs a search.
func search(query string, in run.Input) (*run.Result, *plan.Plan, error) {
	query, err := run.Values(context.Background(), query, in)
	if err != nil {
		return nil, nil, err
	}
	q := spl.Parse(query, spl.Options{Macros: in.Macros})
	if len(q.Problems) > 0 {
		return nil, nil, fmt.Errorf("%q: %s", query, q.Problems[0].Message)
	}
	p := lower.Lower(q)
	res, err := run.Run(context.Background(), p, in)
	return res, p, err
}

// TestExamples runs testdata/examples: worked examples after pages of Splunk's documentation. The comment at the top of
// a file names the page. Its files are search.spl, events.ndjson, rows.ndjson (expected rows in their order; a line
// "# any order" where the order is not defined), and where needed macros.ndjson, lookups.ndjson, now (RFC 3339) and
// timezone. A field that an expected row lacks is missing there; columns that no expected row names are not compared.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob("testdata/examples/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("testdata/examples has no files")
	}
	pages := map[string]bool{}
	passed := 0
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			page, _, found := strings.Cut(string(a.Comment), ": ")
			if !found || !strings.Contains(page, "/") {
				t.Error("the comment at the top does not begin with a page, such as SearchReference/Stats, and a colon")
			}
			pages[page] = true
			if err := example(a); err != nil {
				t.Errorf("%v\n%s", err, a.Comment)
				return
			}
			passed++
		})
	}
	t.Logf("FIGURE worked examples with exactly the expected rows: %d of %d, from %d pages", passed, len(files), len(pages))
}

func example(a *txtar.Archive) error {
	parts := map[string][]byte{}
	for _, f := range a.Files {
		parts[f.Name] = f.Data
	}
	for _, name := range []string{"search.spl", "rows.ndjson"} {
		if _, ok := parts[name]; !ok {
			return fmt.Errorf("no file %s", name)
		}
	}
	in := run.Input{Now: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), Zone: time.UTC, Lookups: map[string]run.Lookup{}}
	var err error
	if z := strings.TrimSpace(string(parts["timezone"])); z != "" {
		if in.Zone, err = time.LoadLocation(z); err != nil {
			return err
		}
	}
	if n := strings.TrimSpace(string(parts["now"])); n != "" {
		if in.Now, err = time.Parse(time.RFC3339, n); err != nil {
			return err
		}
	}
	if in.Events, err = run.ReadEvents("events.ndjson", bytes.NewReader(parts["events.ndjson"]), in.Zone); err != nil {
		return err
	}
	if err := exampleResources(parts, &in); err != nil {
		return err
	}
	query := strings.TrimSpace(string(parts["search.spl"]))
	res, p, err := search(query, in)
	if err != nil {
		return fmt.Errorf("%w\n%s", err, query)
	}
	want, any, err := wantedRows(parts["rows.ndjson"])
	if err != nil {
		return err
	}
	if err := sameRows(res, want, any); err != nil {
		return fmt.Errorf("%w\n%s\n%s", err, query, plan.Print(p))
	}
	return nil
}

func exampleResources(parts map[string][]byte, in *run.Input) error {
	m := macros{}
	d := json.NewDecoder(bytes.NewReader(parts["macros.ndjson"]))
	for d.More() {
		var x struct {
			Name, Definition string
			Arguments        []string
		}
		if err := d.Decode(&x); err != nil {
			return fmt.Errorf("macros.ndjson: %w", err)
		}
		m.add(x.Name, x.Definition, x.Arguments)
	}
	in.Macros = m
	d = json.NewDecoder(bytes.NewReader(parts["lookups.ndjson"]))
	for d.More() {
		var x struct {
			Name          string              `json:"name"`
			Columns       []string            `json:"columns"`
			Rows          []map[string]string `json:"rows"`
			MatchType     string              `json:"match_type"`
			CaseSensitive *bool               `json:"case_sensitive_match"`
			MaxMatches    int                 `json:"max_matches"`
			MinMatches    int                 `json:"min_matches"`
			DefaultMatch  string              `json:"default_match"`
		}
		if err := d.Decode(&x); err != nil {
			return fmt.Errorf("lookups.ndjson: %w", err)
		}
		l := run.Lookup{Columns: x.Columns, Rows: x.Rows, CaseSensitive: x.CaseSensitive == nil || *x.CaseSensitive,
			MaxMatches: x.MaxMatches, MinMatches: x.MinMatches, DefaultMatch: x.DefaultMatch, MatchType: map[string]string{}}
		for _, part := range strings.Split(x.MatchType, ",") {
			if kind, column, ok := strings.Cut(strings.TrimSpace(part), "("); ok {
				l.MatchType[strings.TrimSuffix(column, ")")] = kind
			}
		}
		in.Lookups[x.Name] = l
	}
	return nil
}

// anyNumber stands before the text of an expected number, which is compared by its value; a text is compared as it is.
const anyNumber = "\x00"

// wantedRows reads expected rows: each field as its texts.
func wantedRows(data []byte) (rows []map[string][]string, anyOrder bool, err error) {
	for _, line := range strings.Split(string(data), "\n") {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "#") {
			anyOrder = anyOrder || strings.Contains(line, "any order")
			continue
		}
		if line == "" {
			continue
		}
		j, ok := value.ParseJSON(line)
		if !ok {
			return nil, false, fmt.Errorf("rows.ndjson: no JSON: %s", line)
		}
		row := map[string][]string{}
		for i, k := range j.Keys() {
			x := j.Elements()[i]
			switch {
			case x.IsNull():
				row[k] = nil
			case x.IsList():
				for _, y := range x.Elements() {
					row[k] = append(row[k], wanted(y))
				}
			default:
				row[k] = []string{wanted(x)}
			}
		}
		rows = append(rows, row)
	}
	return rows, anyOrder, nil
}

func wanted(j *value.JSON) string {
	if j.IsNumber() {
		return anyNumber + j.Text()
	}
	return j.Text()
}

// asWanted shows the values of a row as the expected row shows them: numbers that are equal look the same.
func asWanted(got, want []string) []string {
	out := slices.Clone(got)
	for i := range out {
		if i >= len(want) || !strings.HasPrefix(want[i], anyNumber) {
			continue
		}
		a, ok1 := value.ParseNumber(out[i])
		b, ok2 := value.ParseNumber(want[i][1:])
		if ok1 && ok2 && math.Abs(a-b) <= 1e-9*math.Max(1, math.Abs(b)) {
			out[i] = want[i]
		}
	}
	return out
}

// sameRows compares the columns that the expected rows name.
func sameRows(res *run.Result, want []map[string][]string, anyOrder bool) error {
	named := map[string]bool{}
	for _, w := range want {
		for k := range w {
			named[k] = true
		}
	}
	var names []string
	for k := range named {
		names = append(names, k)
	}
	sort.Strings(names)
	line := func(get func(string) []string) string {
		var cells []string
		for _, n := range names {
			cells = append(cells, n+"="+fmt.Sprintf("%q", get(n)))
		}
		return strings.Join(cells, " ")
	}
	var a, b []string
	for i, r := range res.Rows {
		a = append(a, line(func(n string) []string {
			got := r.Get(n).Texts()
			if anyOrder {
				for _, w := range want {
					if as := asWanted(got, w[n]); strings.HasPrefix(strings.Join(as, ""), anyNumber) {
						return as
					}
				}
				return got
			}
			if i < len(want) {
				return asWanted(got, want[i][n])
			}
			return got
		}))
	}
	for _, w := range want {
		b = append(b, line(func(n string) []string {
			if w[n] == nil {
				return []string{}
			}
			return w[n]
		}))
	}
	if anyOrder {
		sort.Strings(a)
		sort.Strings(b)
	}
	if x, y := strings.Join(a, "\n  "), strings.Join(b, "\n  "); x != y {
		return fmt.Errorf("got %d rows:\n  %s\nwant %d:\n  %s", len(a), x, len(b), y)
	}
	return nil
}
