package app

import (
	"context"
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/rulebridge/rulebridge/config"
	"github.com/rulebridge/rulebridge/internal/migration"
)

// macros are the resources of each migration.
type macros map[string]string

func (m macros) Resources(context.Context, string) (out []migration.Resource, err error) {
	for name, definition := range m {
		out = append(out, migration.Resource{Type: migration.ResourceMacro, Name: name, Definition: definition})
	}
	return out, nil
}

func (macros) ResourcesVersion(context.Context, string) (int64, error) { return 1, nil }

func TestFilters(t *testing.T) {
	f, err := NewFilters(config.Config{}, macros{
		"piped_filter": `search NOT dest="10.0.0.1"`, "inner_filter": `NOT src_ip=10.1.1.1`, "empty_filter": "search *", "other": `search dest="x"`,
		"cs_time_fields_for_filter": `eval latest=now(), span="1h"`, "lookup_filter": "lookup a k | search NOT dest=b", "where_filter": `where NOT dest="10.0.0.1" | search NOT dest="10.0.0.2"`,
	}, Compilers{}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const search = "index=wineventlog sourcetype=WinEventLog:Security EventCode=4624"
	for _, tc := range []struct{ spl, macros, gone string }{
		{search + " | `piped_filter` | stats count by dest", "piped_filter", "10.0.0.1"},
		{search + " `inner_filter` | stats count by src_ip", "inner_filter", "10.1.1.1"},
		{search + " `inner_filter` | `piped_filter` | stats count by src_ip", "inner_filter piped_filter", "10."},
		{search + " | `empty_filter` | stats count by dest", "", ""},
		{search + " | `unknown_filter` | stats count by dest", "", ""},
		{search + " | `other` | stats count by dest", "", ""},
		{search + " | `cs_time_fields_for_filter` | stats count by dest", "", ""},
		{search + " | `lookup_filter` | stats count by dest", "", ""},
		{search + " | `where_filter` | stats count by dest", "where_filter", "10."},
		{search + " | `cs_time_fields_for_filter` | eval x=span | `piped_filter` | stats count by dest", "piped_filter", "10.0.0.1"},
	} {
		query, names, err := f.Without(t.Context(), migration.Rule{MigrationID: "m", Original: migration.OriginalRule{ID: "r", Query: tc.spl}})
		if err != nil || strings.Join(names, " ") != tc.macros {
			t.Errorf("%s: macros %q, %v", tc.spl, names, err)
		}
		if (query == "") != (tc.macros == "") || tc.gone != "" && strings.Contains(query, tc.gone) || tc.macros != "" && !strings.Contains(query, "STATS") {
			t.Errorf("%s: without its macros\n%s", tc.spl, query)
		}
	}
	if !f.Plain([]string{"logs-system.security-*"}, "source.ip") || f.Plain([]string{"logs-system.security-*"}, "event.category") ||
		f.Plain([]string{"logs-system.security-*"}, "message") || f.Plain([]string{"nothing-*"}, "source.ip") {
		t.Error("which fields an exception can compare is wrong")
	}
}

// counted counts how often the resources of a migration are read.
type counted struct {
	macros
	reads *int
}

func (c counted) Resources(ctx context.Context, id string) ([]migration.Resource, error) {
	*c.reads++
	return c.macros.Resources(ctx, id)
}

// TestFiltersReadResourcesOnce: of 10,000 rules each asks, and reading all macros and lookups takes longer than compiling one.
func TestFiltersReadResourcesOnce(t *testing.T) {
	reads := 0
	f, err := NewFilters(config.Config{}, counted{macros{"m_filter": "search NOT dest=a", "inner": "lookup allowed dest OUTPUT x | where isnull(x)"}, &reads}, Compilers{}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for range 50 {
		r := migration.Rule{MigrationID: "m", Original: migration.OriginalRule{ID: "r", Query: "index=wineventlog sourcetype=WinEventLog:Security EventCode=4624 | `inner` | `m_filter` | stats count by dest"}}
		if _, names, err := f.Without(t.Context(), r); err != nil || len(names) != 1 {
			t.Fatalf("%v, %v", names, err)
		}
		if _, names, err := f.Emptied(t.Context(), r); err != nil || len(names) != 1 {
			t.Fatalf("%v, %v", names, err)
		}
	}
	if reads > 3 { // here, and one for each of the two compilers
		t.Errorf("the resources were read %d times", reads)
	}
}
