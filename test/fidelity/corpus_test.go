package fidelity

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/splunk"
	"github.com/rulebridge/rulebridge/internal/translate"
	"github.com/rulebridge/rulebridge/test/elasticsearch"
)

// corpusRule is one of the real rules.
type corpusRule struct {
	request translate.Request
	out     translate.Output
}

// corpus translates all real rules with their macros and lookups, through the readers that the product uses.
func corpus(t testing.TB) []corpusRule { return corpusFor(t, func(*translate.Options) {}) }

// corpusFor is corpus with options of the compiler.
func corpusFor(t testing.TB, set func(*translate.Options)) []corpusRule {
	t.Helper()
	var resources []migration.Resource
	for _, part := range []struct {
		name string
		read func(string, io.Reader) iter.Seq2[migration.Resource, error]
	}{{"macros.jsonl", splunk.Macros}, {"lookups.jsonl", splunk.Lookups}} {
		f, err := os.Open(dataFile(t, "spl", part.name))
		if err != nil {
			t.Fatal(err)
		}
		for r, err := range part.read(part.name, f) {
			if err != nil {
				t.Fatal(err)
			}
			resources = append(resources, r)
		}
		f.Close()
	}
	options := withResources(resources)
	set(&options)
	compiler, err := translate.New(options)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(dataFile(t, "spl", "rules.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var rules []corpusRule
	for r, err := range splunk.Rules("rules.jsonl", f) {
		if err != nil {
			t.Fatal(err)
		}
		request := translate.Request{ID: r.ID, Title: r.Title, Description: r.Description, Query: r.Query, DataSources: r.DataSource}
		rules = append(rules, corpusRule{request, compiler.Translate(request)})
	}
	return rules
}

// withResources hands resources to the compiler as the migration does, without linking the workflow.
func withResources(resources []migration.Resource) translate.Options {
	var o translate.Options
	for _, r := range resources {
		switch r.Type {
		case migration.ResourceMacro:
			name, _, _ := strings.Cut(r.Name, "(")
			o.Macros = append(o.Macros, translate.Macro{Name: name, Arguments: r.Arguments, Definition: r.Definition, Eval: r.IsEval})
		case migration.ResourceLookup:
			k := translate.Lookup{
				Name: r.Name, Kind: r.Kind, Columns: r.Columns, Rows: r.Rows, TotalRows: max(r.TotalRows, len(r.Rows)), CaseSensitive: true,
				MaxMatches: r.MaxMatches, MinMatches: r.MinMatches, DefaultMatch: r.DefaultMatch, MatchType: map[string]string{},
			}
			if r.CaseSensitiveMatch != nil {
				k.CaseSensitive = *r.CaseSensitiveMatch
			}
			for _, m := range matchType.FindAllStringSubmatch(fmt.Sprint(r.MatchType), -1) {
				k.MatchType[m[2]] = m[1]
			}
			o.Lookups = append(o.Lookups, k)
		}
	}
	return o
}

var matchType = regexp.MustCompile(`(WILDCARD|CIDR)\(([^)]+)\)`)

// manyStreams is the number of streams from which a pattern is too wide to make an index for each; those that other
// rules need stand for them.
const manyStreams = 30

// TestCorpusRuns runs every draft of the real rules on the node, over the indices of the catalogue, which know nothing
// of the compiler's schema: a column that the catalogue does not have is refused.
func TestCorpusRuns(t *testing.T) {
	catalogue := loadCatalogue(t)
	node, ctx := elasticsearch.Start(t), context.Background()
	rules := corpus(t)
	for _, r := range rules {
		if r.out.ESQL == nil || len(catalogue.Match(r.out.Index...)) > manyStreams {
			continue
		}
		if _, err := catalogue.Ensure(ctx, node.Client, r.out.Index...); err != nil {
			t.Fatal(err)
		}
	}
	if err := addTemplated(ctx, node, catalogue, rules); err != nil {
		t.Fatal(err)
	}
	lookups := map[string]string{}
	ran, rejected := map[translate.Result]int{}, map[translate.Result]int{}
	reasons := tally{}
	for _, r := range rules {
		if r.out.ESQL == nil {
			continue
		}
		if len(catalogue.Match(r.out.Index...)) == 0 {
			t.Errorf("%s %q: no stream of the catalogue for %v", r.request.ID, r.request.Title, r.out.Index)
			continue
		}
		err := createLookups(ctx, node, r.out.Lookups, lookups)
		if err == nil {
			_, err = node.ESQL(ctx, r.out.Query, elasticsearch.ESQLOptions{})
		}
		ran[r.out.Result]++
		if err == nil {
			continue
		}
		rejected[r.out.Result]++
		reason := problem(err)
		reasons.add(string(r.out.Result) + ": " + reason)
		report := t.Logf
		if r.out.Result == translate.Full {
			report = t.Errorf
		}
		report("REJECTED %s %s %q: %v\n  spl: %s\n%s", r.out.Result, r.request.ID, r.request.Title, err, r.request.Query, r.out.Query)
	}
	for _, result := range []translate.Result{translate.Full, translate.Partial} {
		t.Logf("FIGURE drafts run on the node, %s: %d, rejected %d", result, ran[result], rejected[result])
	}
	for _, line := range reasons.lines(0) {
		t.Logf("FIGURE   %s", line)
	}
}

// addTemplated indexes documents with the columns that come from a dynamic template of the catalogue (x.*.name), and the
// data of Windows events that partial drafts read: such a field exists once an event has it.
func addTemplated(ctx context.Context, node *elasticsearch.Node, catalogue *elasticsearch.Catalogue, rules []corpusRule) error {
	columns, own := map[string]bool{}, map[string]bool{}
	for _, r := range rules {
		if r.out.ESQL == nil {
			continue
		}
		esql.Inspect(r.out.ESQL, func(n esql.Node) bool {
			if c, ok := n.(*esql.Column); ok {
				columns[c.Name] = true
				if r.out.Result == translate.Partial && strings.HasPrefix(c.Name, "winlog.event_data.") {
					own[c.Name] = true
				}
			}
			return true
		})
	}
	for _, s := range catalogue.Streams() {
		doc := map[string]any{"@timestamp": "2026-01-02T03:04:05Z"}
		listed := map[string]bool{}
		for _, f := range s.Fields {
			listed[f.Name] = true
		}
		if listed["winlog.event_data.param1"] || listed["winlog.event_data.ProcessId"] {
			for name := range own {
				if !listed[name] {
					doc[name] = "Sample value"
				}
			}
		}
		for _, f := range s.Fields {
			if !strings.Contains(f.Name, "*") {
				continue
			}
			for name := range columns {
				if ok, err := path.Match(f.Name, name); err == nil && ok {
					doc[name] = "Sample value"
				}
			}
		}
		if len(doc) == 1 {
			continue
		}
		if _, err := catalogue.Ensure(ctx, node.Client, s.Pattern); err != nil {
			return err
		}
		if err := putDoc(ctx, node, s.Index(), "templated", doc); err != nil {
			return fmt.Errorf("templated fields of %s: %w", s.Pattern, err)
		}
	}
	return node.Do(ctx, "POST", "/logs-*/_refresh", nil, nil)
}

// createLookups creates the lookup indices that a query needs, from the bodies that the translation gives. made holds
// the rows of those that exist.
func createLookups(ctx context.Context, node *elasticsearch.Node, lookups []translate.LookupIndex, made map[string]string) error {
	for _, k := range lookups {
		content, err := json.Marshal(k)
		if err != nil {
			return err
		}
		if made[k.Name] == string(content) {
			continue
		}
		if err := node.DeleteIndex(ctx, k.Name); err != nil {
			return err
		}
		if err := node.CreateIndex(ctx, k.Name, k.Body); err != nil {
			return fmt.Errorf("create lookup index %s: %w", k.Name, err)
		}
		rows := make([]any, len(k.Rows))
		for i, row := range k.Rows {
			rows[i] = row
		}
		if err := node.Bulk(ctx, k.Name, rows...); err != nil {
			return fmt.Errorf("fill lookup index %s: %w", k.Name, err)
		}
		made[k.Name] = string(content)
	}
	return nil
}

var (
	quotedNames = regexp.MustCompile(`line \d+:\d+: |\[[^\]]*\]`)
	spaces      = regexp.MustCompile(`\s+`)
)

// problem is the first line of an error without places, for counting.
func problem(err error) string {
	text, _, _ := strings.Cut(err.Error(), "\n")
	if !strings.Contains(text, "Unknown column") {
		text = quotedNames.ReplaceAllString(text, "")
	} else if at := strings.Index(text, "Unknown column"); at >= 0 {
		text, _, _ = strings.Cut(text[at:], ",")
	}
	text = spaces.ReplaceAllString(text, " ")
	return text[:min(len(text), 160)]
}
