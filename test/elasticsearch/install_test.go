package elasticsearch_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/rulebridge/rulebridge/app"
	"github.com/rulebridge/rulebridge/config"
	"github.com/rulebridge/rulebridge/internal/kibana"
	"github.com/rulebridge/rulebridge/internal/kibana/client"
	"github.com/rulebridge/rulebridge/internal/kibana/install"
	"github.com/rulebridge/rulebridge/internal/kibana/kibanatest"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
	"github.com/rulebridge/rulebridge/test/elasticsearch"
)

// house are the macros and lookups of a migration.
type house []migration.Resource

func (h house) Resources(context.Context, string) ([]migration.Resource, error) { return h, nil }

func (house) ResourcesVersion(context.Context, string) (int64, error) { return 1, nil }

func table(name string, columns []string, rows ...[]string) migration.Resource {
	withCase := true
	r := migration.Resource{Type: migration.ResourceLookup, Kind: "csv", Name: name, Columns: columns, TotalRows: len(rows), CaseSensitiveMatch: &withCase}
	for _, row := range rows {
		m := map[string]string{}
		for i, c := range columns {
			m[c] = row[i]
		}
		r.Rows = append(r.Rows, m)
	}
	return r
}

func (h house) compile(t *testing.T, id, spl string) migration.Rule {
	t.Helper()
	c, err := app.NewRecompiler(config.Config{}, h, app.Compilers{}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r := migration.Rule{ID: id, MigrationID: "m", Status: migration.StatusFinished, Original: migration.OriginalRule{ID: id, Title: id, Query: spl}}
	out, err := c.Compile(t.Context(), "m", r.Original)
	if err != nil {
		t.Fatal(err)
	}
	out.Apply(&r)
	if r.Elastic == nil {
		t.Fatalf("%s gives no query", spl)
	}
	return r
}

// logons are events of the stream of Windows' security log, with its mapping.
func logons(t *testing.T, node *elasticsearch.Node) {
	t.Helper()
	catalogue, err := elasticsearch.LoadCatalogue(filepath.Join(elasticsearch.DataDir(t), "ecs"))
	if err != nil {
		t.Fatal(err)
	}
	streams, err := catalogue.Ensure(t.Context(), node.Client, "logs-system.security-*")
	if err != nil || len(streams) != 1 {
		t.Fatalf("%d streams, %v", len(streams), err)
	}
	index := streams[0].Index()
	if err := node.DeleteIndex(t.Context(), index); err != nil {
		t.Fatal(err)
	}
	if err := node.CreateIndex(t.Context(), index, catalogue.Mapping(streams[0])); err != nil {
		t.Fatal(err)
	}
	var docs []any
	for i, ip := range []any{"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.9.9.9", nil} {
		for j, code := range []string{"4624", "4625"} {
			doc := map[string]any{"@timestamp": fmt.Sprintf("2026-01-02T03:%02d:%02dZ", i, j), "event": map[string]any{"code": code},
				"host": map[string]any{"name": fmt.Sprintf("srv%d", i)}}
			if ip != nil {
				doc["source"] = map[string]any{"ip": ip}
			}
			docs = append(docs, doc)
		}
	}
	if err := node.Bulk(t.Context(), index, docs...); err != nil {
		t.Fatal(err)
	}
}

// rows are those of a query in one order; what identifies events and computed columns that differ by nature are left out.
func rows(t *testing.T, node *elasticsearch.Node, query string, filter map[string]any) []string {
	t.Helper()
	var options elasticsearch.ESQLOptions
	if filter != nil {
		options.Filter = filter
	}
	result, err := node.ESQL(t.Context(), query, options)
	if err != nil {
		t.Fatalf("%v\n%s", err, query)
	}
	var out []string
	for _, row := range result.Rows() {
		delete(row, "_version")
		text, err := json.Marshal(row)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(text))
	}
	slices.Sort(out)
	return out
}

type files map[string]*bytes.Buffer

func (f files) create(name string) (kibana.File, error) {
	f[name] = &bytes.Buffer{}
	return file{f[name]}, nil
}

type file struct{ *bytes.Buffer }

func (file) Finish() error { return nil }
func (file) Abandon()      {}

// TestExceptionsSayTheSame: a rule whose exclusions became exception items gives, behind the filter that Kibana makes of the
// items, the rows that it gave with its exclusions in the query.
func TestExceptionsSayTheSame(t *testing.T) {
	node := elasticsearch.Start(t)
	logons(t, node)
	h := house{
		table("allowed_sources", []string{"IpAddress", "note"}, []string{"10.0.0.1", "scanner"}, []string{"10.0.0.2", "backup"}),
		{Type: migration.ResourceMacro, Name: "m_filter", Definition: "search NOT IpAddress=10.9.9.9"},
	}
	filters, err := app.NewFilters(config.Config{}, h, app.Compilers{}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	defer filters.Close()
	const search = "index=wineventlog source=\"XmlWinEventLog:Security\" EventCode=4624"
	for n, spl := range []string{
		search + " NOT [| inputlookup allowed_sources | fields IpAddress]",
		search + " NOT [| inputlookup allowed_sources | fields IpAddress] | stats count by IpAddress",
		search + " | lookup allowed_sources IpAddress OUTPUT note | where isnull(note)",
		search + " | lookup allowed_sources IpAddress OUTPUT note | search NOT note=* | stats count, dc(Computer) as hosts by IpAddress",
		search + " | stats count by IpAddress | lookup allowed_sources IpAddress | where isnull(note)",
		search + " | `m_filter` | stats count by Computer",
	} {
		rule := h.compile(t, fmt.Sprint("r", n), spl)
		dir := files{}
		e := kibana.NewExporter(kibana.Options{MigrationID: "m", Format: kibana.FormatNDJSON, Context: t.Context(), Filters: filters}, dir.create)
		if err := e.Add(rule); err != nil {
			t.Fatal(err)
		}
		sum, err := e.Finish()
		if err != nil || sum.Exceptions == 0 {
			t.Errorf("%s: %d items, %v", spl, sum.Exceptions, err)
			continue
		}
		var exported kibana.Rule
		line, _, _ := strings.Cut(dir[kibana.RulesFile].String(), "\n")
		if err := json.Unmarshal([]byte(line), &exported); err != nil {
			t.Fatal(err)
		}
		var out []any
		for line := range strings.Lines(dir[kibana.ExceptionsFile].String()) {
			var item kibana.ExceptionItem
			if err := json.Unmarshal([]byte(line), &item); err != nil {
				t.Fatal(err)
			}
			if item.ItemID == "" {
				continue
			}
			var entries []any
			for _, x := range item.Entries { // as Kibana asks: an item is all of its entries, which compare whole values
				kind := "term"
				if x.Type == "match_any" {
					kind = "terms"
				}
				entries = append(entries, map[string]any{kind: map[string]any{x.Field: x.Value}})
			}
			out = append(out, map[string]any{"bool": map[string]any{"filter": entries}})
		}
		want := rows(t, node, rule.Elastic.Query, nil)
		got := rows(t, node, exported.Query, map[string]any{"bool": map[string]any{"must_not": out}})
		all := rows(t, node, exported.Query, nil)
		if len(want) == 0 || len(all) == len(want) {
			t.Errorf("%s: %d rows, %d without the exceptions: nothing is shown", spl, len(want), len(all))
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s\n%s\ngives\n%s\nwith exceptions, and\n%s\ngives\n%s", spl, exported.Query, strings.Join(got, "\n"), rule.Elastic.Query, strings.Join(want, "\n"))
		}
	}
}

// list is a migration in memory.
type list []migration.Rule

func (l list) Rule(_ context.Context, _, id string) (migration.Rule, error) {
	for _, r := range l {
		if r.ID == id {
			return r, nil
		}
	}
	return migration.Rule{}, store.ErrNotFound
}

func (l list) List(context.Context, string, store.RuleQuery) ([]migration.Rule, string, error) {
	return l, "", nil
}

// TestInstalledLookups: an installation creates the lookup index of a rule on a real node, in lookup mode with its rows; the
// rule's query joins with it; a further installation leaves it alone, rows that an analyst changed included, and fills one
// whose rows did not all arrive.
func TestInstalledLookups(t *testing.T) {
	node := elasticsearch.Start(t)
	logons(t, node)
	var many [][]string
	for i := range 2000 {
		many = append(many, []string{fmt.Sprintf("srv%d", i), fmt.Sprintf("owner %d", i)})
	}
	h := house{table("assets", []string{"Computer", "owner"}, many...)}
	rule := h.compile(t, "r", `index=wineventlog source="XmlWinEventLog:Security" EventCode=4624 | lookup assets Computer OUTPUT owner | stats count by owner`)
	if len(rule.Elastic.LookupIndices) != 1 || len(rule.Elastic.LookupIndices[0].Rows) != len(many) {
		t.Fatalf("the rule joins with %d lookup indices:\n%s", len(rule.Elastic.LookupIndices), rule.Elastic.Query)
	}
	index := rule.Elastic.LookupIndices[0].Name
	if err := node.DeleteIndex(t.Context(), index); err != nil {
		t.Fatal(err)
	}
	k := kibanatest.NewServer("key")
	defer k.Close()
	k.Indices["logs-system.security-*"] = []string{"event.code", "host.name"}
	c, err := client.New(client.Options{URL: k.URL, Elasticsearch: node.URL, Key: func() (string, error) { return "key", nil }})
	if err != nil {
		t.Fatal(err)
	}
	i := &install.Installer{Rules: list{rule}, Targets: map[string]install.Target{"prod": c}}
	put := func() {
		t.Helper()
		result, err := i.Install(t.Context(), "prod", "m", "r", "", install.Options{})
		if err != nil || result.Outcome == install.Failed {
			t.Fatalf("%+v, %v", result, err)
		}
	}
	put()
	var settings map[string]struct {
		Settings struct {
			Index struct {
				Mode string `json:"mode"`
			} `json:"index"`
		} `json:"settings"`
	}
	if err := node.Do(t.Context(), "GET", "/"+index+"/_settings", nil, &settings); err != nil || settings[index].Settings.Index.Mode != "lookup" {
		t.Errorf("mode %q, %v", settings[index].Settings.Index.Mode, err)
	}
	want := []string{`{"count":1,"owner":"owner 0"}`, `{"count":1,"owner":"owner 1"}`, `{"count":1,"owner":"owner 2"}`, `{"count":1,"owner":"owner 3"}`, `{"count":1,"owner":"owner 4"}`}
	if got := rows(t, node, k.Rules()[kibana.RuleID("r")]["query"].(string), nil); !reflect.DeepEqual(got, want) {
		t.Errorf("the installed rule gives\n%s", strings.Join(got, "\n"))
	}

	// An analyst changes a row.
	change := map[string]any{"doc": map[string]any{"owner": "nobody"}}
	if err := node.Do(t.Context(), "POST", "/"+index+"/_update/1?refresh=true", change, nil); err != nil {
		t.Fatal(err)
	}
	put()
	if got := rows(t, node, "FROM "+index+" | WHERE owner == \"nobody\" | STATS n = COUNT(*)", nil); !reflect.DeepEqual(got, []string{`{"n":1}`}) {
		t.Errorf("the changed row: %v", got)
	}

	// The rows did not all arrive: an earlier attempt made the index and died.
	if err := node.DeleteIndex(t.Context(), index); err != nil {
		t.Fatal(err)
	}
	body := rule.Elastic.LookupIndices[0].Body
	half := map[string]any{"settings": body["settings"], "mappings": map[string]any{
		"properties": body["mappings"].(map[string]any)["properties"], "_meta": map[string]any{"rulebridge": map[string]any{"whole": false}}}}
	if err := node.CreateIndex(t.Context(), index, half); err != nil {
		t.Fatal(err)
	}
	if err := node.Do(t.Context(), "POST", "/"+index+"/_bulk?refresh=true", []byte("{\"index\":{\"_id\":\"1\"}}\n{\"host.name\":\"old\"}\n"), nil); err != nil {
		t.Fatal(err)
	}
	put()
	if got := rows(t, node, "FROM "+index+" | STATS n = COUNT(*)", nil); !reflect.DeepEqual(got, []string{`{"n":2000}`}) {
		t.Errorf("after an attempt that died: %v", got)
	}
}
