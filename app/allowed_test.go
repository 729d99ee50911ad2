package app

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/rulebridge/rulebridge/config"
	"github.com/rulebridge/rulebridge/internal/kibana"
	"github.com/rulebridge/rulebridge/internal/kibana/kibanatest"
	"github.com/rulebridge/rulebridge/internal/migration"
)

// house are the resources of each migration.
type house []migration.Resource

func (h house) Resources(context.Context, string) ([]migration.Resource, error) { return h, nil }

func (house) ResourcesVersion(context.Context, string) (int64, error) { return 1, nil }

// files is the folder of an export in memory.
type files map[string]*bytes.Buffer

func (f files) create(name string) (kibana.File, error) {
	f[name] = &bytes.Buffer{}
	return file{f[name]}, nil
}

type file struct{ *bytes.Buffer }

func (file) Finish() error { return nil }
func (file) Abandon()      {}

func table(name string, columns []string, rows ...[]string) migration.Resource {
	r := migration.Resource{Type: migration.ResourceLookup, Kind: "csv", Name: name, Columns: columns, TotalRows: len(rows)}
	for _, row := range rows {
		m := map[string]string{}
		for i, c := range columns {
			m[c] = row[i]
		}
		r.Rows = append(r.Rows, m)
	}
	return r
}

// Lookups of what is allowed become exception items where those say the same, and leave the query then; else the exclusion
// stays in the query and is named with the reason. Lookups that say what to look for, or only enrich, are none of it.
func TestAllowLists(t *testing.T) {
	withCase := true
	sources := table("allowed_sources", []string{"IpAddress", "note"}, []string{"10.0.0.1", "scanner"}, []string{"10.0.0.2", "backup"})
	sources.CaseSensitiveMatch = &withCase
	networks := table("allowed_networks", []string{"IpAddress", "note"}, []string{"10.0.0.0/8", "inside"})
	networks.MatchType = "CIDR(IpAddress)"
	all := house{
		sources, networks,
		table("allowed_codes.csv", []string{"EventCode", "why"}, []string{"4625", "noise"}),
		table("allowed_hosts.csv", []string{"Computer", "owner"}, []string{"srv1", "it"}, []string{"srv2", "it"}),
		table("bad_sources.csv", []string{"IpAddress", "list"}, []string{"203.0.113.7", "x"}),
		{Type: migration.ResourceMacro, Name: "not_allowed", Definition: "NOT [| inputlookup allowed_sources | fields IpAddress]"},
		{Type: migration.ResourceMacro, Name: "m_filter", Definition: "search NOT IpAddress=10.9.9.9"},
	}
	const (
		search = "index=wineventlog source=\"XmlWinEventLog:Security\" EventCode=4624"
		ips    = `[{"field":"source.ip","operator":"included","type":"match_any","value":["10.0.0.1","10.0.0.2"]}]`
	)
	for _, tc := range []struct {
		name, spl string
		entries   string // of the items
		gone      string // not in the query that remains
		there     string // in it
		kept      string // lookup and reason; empty: none is kept
	}{
		{"a subsearch in the search", search + " NOT [| inputlookup allowed_sources | fields IpAddress]", ips, "10.0.0", "4624", ""},
		{"a subsearch behind it", search + " | search NOT [inputlookup allowed_sources | fields IpAddress] | stats count by IpAddress", ips, "10.0.0", "STATS", ""},
		{"a macro with a subsearch", search + " `not_allowed` | stats count by IpAddress", ips, "10.0.0", "STATS", ""},
		{"a numeral", search + " NOT [| inputlookup allowed_codes.csv | fields EventCode]", `[{"field":"event.code","operator":"included","type":"match","value":"4625"}]`, "4625", "4624", ""},
		{"a lookup and isnull", search + " | lookup allowed_sources IpAddress OUTPUT note | where isnull(note)", ips, "NOT IN", "4624", ""},
		{"a lookup and a renamed column", search + " | lookup allowed_sources IpAddress OUTPUTNEW note AS reason | where isnull(reason) | stats count by IpAddress", ips, "10.0.0", "STATS", ""},
		{"a lookup and NOT", search + " | lookup allowed_sources IpAddress OUTPUT note | search NOT note=* | stats count by IpAddress", ips, "10.0.0", "STATS", ""},
		{"a lookup behind groups", search + " | stats count by IpAddress | lookup allowed_sources IpAddress | where isnull(note)", ips, "NOT IN", "STATS", ""},
		{"a lookup and a filter macro", search + " NOT [| inputlookup allowed_sources | fields IpAddress] | `m_filter` | stats count by IpAddress",
			`[{"field":"source.ip","operator":"included","type":"match","value":"10.9.9.9"}]` + ips, "10.", "STATS", ""},
		{"text without case", search + " NOT [| inputlookup allowed_hosts.csv | fields Computer]", "", "", "srv1", "allowed_hosts.csv: Splunk compares this text without case"},
		{"networks", search + " | lookup allowed_networks IpAddress OUTPUT note | where isnull(note)", "", "", "10.0.0.0/8", "allowed_networks: an exception compares a field with whole values only"},
		{"behind what counts", search + " | stats count by Computer, IpAddress | eventstats count as n by Computer | lookup allowed_sources IpAddress OUTPUT note | where isnull(note)",
			"", "", "10.0.0.1", "allowed_sources: "},
		{"what to look for", search + " [| inputlookup bad_sources.csv | fields IpAddress]", "", "", "203.0.113.7", ""},
		{"an enrichment", search + " | lookup allowed_sources IpAddress OUTPUT note | stats count by note", "", "", "scanner", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			compiler, err := NewRecompiler(config.Config{}, all, Compilers{}, zap.NewNop())
			if err != nil {
				t.Fatal(err)
			}
			defer compiler.Close()
			filters, err := NewFilters(config.Config{}, all, Compilers{}, zap.NewNop())
			if err != nil {
				t.Fatal(err)
			}
			defer filters.Close()
			rule := migration.Rule{ID: "r", MigrationID: "m", Status: migration.StatusFinished, Original: migration.OriginalRule{ID: "r", Title: "R", Query: tc.spl}}
			out, err := compiler.Compile(t.Context(), "m", rule.Original)
			if err != nil {
				t.Fatal(err)
			}
			out.Apply(&rule)
			dir := files{}
			e := kibana.NewExporter(kibana.Options{MigrationID: "m", Format: kibana.FormatNDJSON, Context: t.Context(), Filters: filters}, dir.create)
			if err := e.Add(rule); err != nil {
				t.Fatal(err)
			}
			sum, err := e.Finish()
			if err != nil {
				t.Fatal(err)
			}
			var exported kibana.Rule
			line, _, _ := strings.Cut(dir[kibana.RulesFile].String(), "\n")
			if err := json.Unmarshal([]byte(line), &exported); err != nil {
				t.Fatal(err)
			}
			var lists string
			if f := dir[kibana.ExceptionsFile]; f != nil {
				lists = f.String()
			}
			entries := ""
			for line := range strings.Lines(lists) {
				var item kibana.ExceptionItem
				if err := json.Unmarshal([]byte(line), &item); err != nil {
					t.Fatal(err)
				}
				if item.ItemID != "" {
					text, _ := json.Marshal(item.Entries)
					entries += string(text)
				}
			}
			if entries != tc.entries {
				t.Errorf("entries %s, want %s\nof %s", entries, tc.entries, rule.Elastic.Query)
			}
			if tc.gone != "" && strings.Contains(exported.Query, tc.gone) || !strings.Contains(exported.Query, tc.there) {
				t.Errorf("the query is to have %q and not %q:\n%s", tc.there, tc.gone, exported.Query)
			}
			if tc.entries == "" && exported.Query != rule.Elastic.Query {
				t.Errorf("nothing is moved, and the query has changed:\n%s\n%s", rule.Elastic.Query, exported.Query)
			}
			kept := ""
			for _, k := range sum.Kept {
				kept += strings.Join(k.Lookups, ",") + ": " + k.Why + "\n"
			}
			if (kept == "") != (tc.kept == "") || !strings.Contains(kept, tc.kept) {
				t.Errorf("kept %q, want %q", kept, tc.kept)
			}
			var k kibanatest.Kibana
			if errs := k.ImportExceptions([]byte(lists)); len(errs) > 0 {
				t.Errorf("Kibana refuses the exceptions: %q", errs)
			}
			if a, err := k.Import(kibana.RulesFile, dir[kibana.RulesFile].Bytes(), false); err != nil || !a.Success {
				t.Errorf("Kibana refuses the rule: %+v, %v", a, err)
			}
		})
	}
}
