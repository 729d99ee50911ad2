package fidelity

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/translate"
	"github.com/rulebridge/rulebridge/test/elasticsearch"
	"github.com/rulebridge/rulebridge/test/fidelity/cases"
)

// pipelineStart is the time of the first event.
var pipelineStart = time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)

// TestPipelines runs cases of whole pipelines and compares rows.
func TestPipelines(t *testing.T) {
	catalogue := (*elasticsearch.Catalogue)(nil)
	node := elasticsearch.Start(t)
	files, err := cases.Read(filepath.Join("testdata", "pipelines"))
	if err != nil {
		t.Fatal(err)
	}
	total, exact, accepted, holes := 0, 0, 0, tally{}
	for _, file := range slices.Sorted(maps.Keys(files)) {
		f := files[file]
		seen := map[string]bool{}
		p := pipelines{node: node, prefix: "pipe_" + file, indices: map[string]string{}}
		for _, c := range f.Cases {
			if seen[c.Name] {
				t.Fatalf("%s: two cases %s", file, c.Name)
			}
			seen[c.Name] = true
			if c.Stream != "" && catalogue == nil {
				catalogue = loadCatalogue(t)
			}
			p.catalogue = catalogue
			total++
			t.Run(file+"/"+c.Name, func(t *testing.T) {
				hole := p.run(t, c)
				switch {
				case hole != "":
					accepted++
					holes.add(hole)
				case !t.Failed():
					exact++
				}
			})
		}
	}
	t.Logf("FIGURE pipelines with exactly the expected rows: %d of %d; named hole or difference instead: %d; wrong: %d", exact, total, accepted, total-exact-accepted)
	for _, line := range holes.lines(0) {
		t.Logf("FIGURE   %s", line)
	}
}

// fill gives a case what its file sets for all.
// pipelines runs the cases of one file.
type pipelines struct {
	node      *elasticsearch.Node
	catalogue *elasticsearch.Catalogue
	prefix    string
	indices   map[string]string // by content
}

// run returns the hole that was accepted in place of rows.
func (p *pipelines) run(t *testing.T, c cases.Case) (hole string) {
	ctx := context.Background()
	types := map[string]string{"n": "long"}
	for _, e := range c.Events {
		for name := range e {
			if name != "@timestamp" && types[name] == "" {
				types[name] = "keyword"
			}
		}
	}
	maps.Copy(types, c.Types)
	index := p.index(t, c, types)
	opts := translate.Options{Index: []string{index}}
	for _, k := range c.Lookups {
		opts.Lookups = append(opts.Lookups, translate.Lookup{Name: k.Name, Kind: "csv", Columns: k.Columns, Rows: k.Rows,
			TotalRows: len(k.Rows), MatchType: k.MatchType, CaseSensitive: k.CaseSensitive, MaxMatches: k.MaxMatches,
			DefaultMatch: k.DefaultMatch, MinMatches: k.MinMatches})
	}
	for _, m := range c.Macros {
		opts.Macros = append(opts.Macros, translate.Macro{Name: m.Name, Definition: m.Definition, Arguments: m.Arguments})
	}
	request := translate.Request{ID: c.Name, Query: strings.TrimSpace(c.SPL)}
	if c.Stream == "" {
		request.Types = types
	}
	compiler, err := translate.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	out := compiler.Translate(request)
	// In place of the rows: a hole that the case names.
	for _, d := range out.Diagnostics {
		if d.Severity == translate.Error && c.Hole != "" && names(d, c.Hole) {
			return "hole " + c.Hole
		}
		if d.Severity != translate.Info && c.Differs != "" && names(d, c.Differs) {
			return "said to differ: " + c.Differs
		}
	}
	for _, d := range out.Diagnostics {
		switch {
		case d.Severity == translate.Error:
			t.Errorf("an unexpected hole: %s %s %s: %s", d.Code, d.Command, d.Subject, d.Message)
		case d.Code == "never_alerts" && len(c.Rows)+len(c.Found) == 0: // it says that the rows are the same
		case d.Severity == translate.Approximation && !slices.Contains(strings.Fields(c.Approx), d.Code):
			t.Errorf("an unexpected approximation: %s %s %s: %s", d.Code, d.Command, d.Subject, d.Message)
		}
	}
	if t.Failed() || out.ESQL == nil {
		t.Fatalf("%s\n%s\n%s", out.Result, c.SPL, out.Query)
	}
	if err := createLookups(ctx, p.node, out.Lookups, map[string]string{}); err != nil {
		t.Fatal(err)
	}
	result, err := p.node.ESQL(ctx, out.Query, elasticsearch.ESQLOptions{})
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, c.SPL, out.Query)
	}
	if err := comparePipeline(c, result); err != nil {
		t.Errorf("%v\n%s\n%s\n%s", err, c.Why, c.SPL, out.Query)
	}
	return ""
}

// names says that a diagnostic is about a command, subject or code.
func names(d translate.Diagnostic, what string) bool {
	return d.Command == what || d.Subject == what || d.Code == what
}

// index creates the index of the events, once for all cases with the same ones.
func (p *pipelines) index(t *testing.T, c cases.Case, types map[string]string) string {
	ctx := context.Background()
	content, err := json.Marshal([]any{c.Events, types, c.Stream})
	if err != nil {
		t.Fatal(err)
	}
	if name, ok := p.indices[string(content)]; ok {
		return name
	}
	name := fmt.Sprintf("%s_%d", p.prefix, len(p.indices))
	p.indices[string(content)] = name
	properties := typeProperties(types)
	properties["@timestamp"] = map[string]any{"type": "date"}
	body := map[string]any{"mappings": map[string]any{"properties": properties}}
	if c.Stream != "" {
		streams := p.catalogue.Match(c.Stream)
		if len(streams) != 1 {
			t.Fatalf("%d streams for %s", len(streams), c.Stream)
		}
		body = p.catalogue.Mapping(streams[0])
	}
	if err := p.node.DeleteIndex(ctx, name); err != nil {
		t.Fatal(err)
	}
	if err := p.node.CreateIndex(ctx, name, body); err != nil {
		t.Fatal(err)
	}
	docs := make([]any, len(c.Events))
	for i, e := range c.Events {
		doc := maps.Clone(e)
		if doc["@timestamp"] == nil {
			doc["@timestamp"] = pipelineStart.Add(time.Duration(i) * time.Minute).Format(time.RFC3339)
		}
		docs[i] = doc
	}
	if err := p.node.Bulk(ctx, name, docs...); err != nil {
		t.Fatal(err)
	}
	return name
}

// compare compares the rows of an answer with the expected ones.
func comparePipeline(c cases.Case, result elasticsearch.Result) error {
	want := c.Rows
	for _, n := range c.Found {
		want = append(want, map[string]any{"n": n})
	}
	var names []string
	for _, row := range want {
		for name := range row {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	sort.Strings(names)
	at := make([]int, len(names))
	for i, name := range names {
		column := name
		if c.Columns[name] != "" {
			column = c.Columns[name]
		}
		at[i] = slices.IndexFunc(result.Columns, func(x elasticsearch.Column) bool { return x.Name == column })
		if at[i] < 0 {
			return fmt.Errorf("no column %s", column)
		}
	}
	for _, name := range c.Without {
		if slices.ContainsFunc(result.Columns, func(x elasticsearch.Column) bool { return x.Name == name }) {
			return fmt.Errorf("a column %s", name)
		}
	}
	var wantRows, gotRows []string
	for _, row := range want {
		cells := make([]string, len(names))
		for i, name := range names {
			cells[i] = name + "=" + cell(row[name])
		}
		wantRows = append(wantRows, strings.Join(cells, " "))
	}
	for _, row := range result.Values {
		cells := make([]string, len(names))
		for i, name := range names {
			cells[i] = name + "=" + cell(row[at[i]])
		}
		gotRows = append(gotRows, strings.Join(cells, " "))
	}
	if !c.Ordered {
		sort.Strings(wantRows)
		sort.Strings(gotRows)
	}
	if !reflect.DeepEqual(wantRows, gotRows) {
		return fmt.Errorf("%d rows:\n  %s\nwant %d:\n  %s", len(gotRows), strings.Join(gotRows, "\n  "), len(wantRows), strings.Join(wantRows, "\n  "))
	}
	return nil
}

// cell is a value as Splunk would show it: a list of one is its value, a number is its digits, a time is in UTC with
// milliseconds, nothing is null.
func cell(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case []any:
		if len(v) == 1 {
			return cell(v[0])
		}
		list := make([]string, len(v))
		for i, x := range v {
			list[i] = cell(x)
		}
		return "[" + strings.Join(list, ", ") + "]"
	case bool:
		return strconv.FormatBool(v)
	case int:
		return strconv.Itoa(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case time.Time:
		return v.UTC().Format("2006-01-02T15:04:05.000Z")
	case string:
		return v
	}
	return fmt.Sprintf("%v", v)
}
