package compile_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rulebridge/rulebridge/internal/compile"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/schema"
	"github.com/rulebridge/rulebridge/internal/spl"
	"github.com/rulebridge/rulebridge/internal/translate"
)

func TestWithResources(t *testing.T) {
	no := false
	base := translate.Options{
		Macros:  []translate.Macro{{Name: "a", Definition: "base"}, {Name: "b", Definition: "base"}},
		Lookups: []translate.Lookup{{Name: "l", Kind: "base"}, {Name: "k", Kind: "base"}},
	}
	got := compile.WithResources(base, []migration.Resource{
		{Type: migration.ResourceMacro, Name: "a", Definition: "old"},
		{Type: migration.ResourceMacro, Name: "a(1)", Arguments: []string{"x"}, Definition: "$x$", IsEval: true},
		{Type: migration.ResourceMacro, Name: "a", Definition: "own"},
		{Type: migration.ResourceLookup, Name: "l", Kind: "csv", Columns: []string{"url"}, Rows: []map[string]string{{"url": "x"}},
			MatchType: "WILDCARD(url), cidr( net ),broken", CaseSensitiveMatch: &no, MaxMatches: 3, MinMatches: 1, DefaultMatch: "none", TotalRows: 9},
		{Type: migration.ResourceLookup, Name: "m", Rows: []map[string]string{{"a": "b"}}},
	})
	definitions := map[string]string{}
	for _, m := range got.Macros {
		definitions[m.Name+string(rune('0'+len(m.Arguments)))] = m.Definition
	}
	require.Equal(t, map[string]string{"a0": "own", "a1": "$x$", "b0": "base"}, definitions)
	byName := map[string]translate.Lookup{}
	for _, l := range got.Lookups {
		byName[l.Name] = l
	}
	require.Len(t, byName, 3)
	require.Equal(t, "base", byName["k"].Kind)
	l := byName["l"]
	require.Equal(t, map[string]string{"url": "WILDCARD", "net": "CIDR"}, l.MatchType)
	require.False(t, l.CaseSensitive)
	require.Equal(t, []int{9, 3, 1}, []int{l.TotalRows, l.MaxMatches, l.MinMatches})
	require.True(t, byName["m"].CaseSensitive, "as Splunk: case matters unless the lookup says otherwise")
	require.Equal(t, 1, byName["m"].TotalRows)
	_, err := translate.New(got)
	require.NoError(t, err)
	require.Len(t, base.Macros, 2, "the options that were given stay as they are")
}

func TestFromOutput(t *testing.T) {
	rule := migration.OriginalRule{Title: "T", Description: "D", Severity: "high", Query: "q",
		MitreAttackIDs: []string{"T1059.001", "T1059", "T1059.003", "T1204"}, Cron: "*/5 * * * *", EarliestTime: "-1h"}
	o := translate.Output{
		Result: translate.Partial, Query: "FROM a", Index: []string{"a"},
		Diagnostics: []translate.Diagnostic{{Code: "c", Severity: translate.Error, Message: "m", Command: "stats", Subject: "s",
			Span: spl.Span{Start: spl.Pos{Offset: 3, Line: 1, Column: 4}, End: spl.Pos{Offset: 5, Line: 1, Column: 6}}}},
		Missing: []translate.Missing{{Kind: "macro", Name: "x"}},
		Rule: translate.Rule{
			Threshold:   &translate.Threshold{Fields: []string{"host.name"}, Value: 5},
			Suppression: &translate.Suppression{Fields: []string{"user.name"}, Duration: "1h"}},
		Lookups: []translate.LookupIndex{{Name: "lookup_x", Body: map[string]any{"a": 1}, Rows: []map[string]any{{"b": "c"}}}},
	}
	c := compile.StandardDefaults().FromOutput(rule, o)
	require.Equal(t, migration.Partial, c.Result)
	require.Equal(t, []migration.Diagnostic{{Code: "c", Severity: "error", Message: "m", Command: "stats", Subject: "s",
		Start: migration.Position{Line: 1, Column: 4}, End: migration.Position{Line: 1, Column: 6}}}, c.Diagnostics)
	require.Equal(t, []migration.Missing{{Kind: "macro", Name: "x"}}, c.Missing)
	r := c.Rule
	require.Equal(t, []string{"T", "D", "high", "FROM a", "esql", "5m", "now-1h"}, []string{r.Title, r.Description, r.Severity, r.Query, r.QueryLanguage, r.Interval, r.From})
	require.Equal(t, &migration.Threshold{Field: []string{"host.name"}, Value: 5}, r.Threshold)
	require.Equal(t, &migration.Suppression{GroupBy: []string{"user.name"}, Duration: "1h"}, r.Suppression)
	require.Equal(t, "lookup_x", r.LookupIndices[0].Name)
	require.Len(t, r.Threat, 1)
	require.Equal(t, "https://attack.mitre.org/tactics/TA0002/", r.Threat[0].Tactic.Reference)
	require.Len(t, r.Threat[0].Technique, 2)
	require.Equal(t, "T1059", r.Threat[0].Technique[0].ID)
	require.Len(t, r.Threat[0].Technique[0].Subtechnique, 2)
	require.Equal(t, "https://attack.mitre.org/techniques/T1059/003/", r.Threat[0].Technique[0].Subtechnique[1].Reference)

	o.Query, o.Result = "", translate.Untranslatable
	c = compile.StandardDefaults().FromOutput(rule, o)
	require.Nil(t, c.Rule)
	text, err := json.Marshal(c.Diagnostics)
	require.NoError(t, err)
	require.Contains(t, string(text), `"severity":"error"`)
	require.NotNil(t, compile.StandardDefaults().FromOutput(rule, translate.Output{}).Diagnostics, "an empty list, not null")
}

// resources counts how often the resources are read.
type resources struct {
	version int64
	reads   int
	list    []migration.Resource
}

func (r *resources) Resources(context.Context, string) ([]migration.Resource, error) {
	r.reads++
	return r.list, nil
}

func (r *resources) ResourcesVersion(context.Context, string) (int64, error) { return r.version, nil }

// TestPrivateResources: a rule lacks what Splunk does not see from its app, even where another rule of the migration has it,
// and the reason names the app.
func TestPrivateResources(t *testing.T) {
	r := &resources{list: []migration.Resource{
		{Type: migration.ResourceMacro, Name: "src", Definition: "index=main a=1", App: "alpha"},
		{Type: migration.ResourceMacro, Name: "own(1)", Arguments: []string{"x"}, Definition: "a=$x$", App: "alpha", Owner: "ana"},
		{Type: migration.ResourceMacro, Name: "shared", Definition: "`src` c=3"},
		{Type: migration.ResourceMacro, Name: "r_filter", Definition: "search NOT a=9", App: "alpha"},
		{Type: migration.ResourceLookup, Name: "names", Columns: []string{"a", "b"}, Rows: []map[string]string{{"a": "1", "b": "2"}}, App: "alpha"},
	}}
	c := compile.NewCache(r, translate.Options{Schema: schema.Identity([]string{"logs"}, nil)}, compile.StandardDefaults())
	const src, owned, filter, lookup = "macro `src` of the app alpha is not exported", "macro `own` is private to the user ana in the app alpha", "macro `r_filter` of the app alpha", "lookup `names` of the app alpha"
	for _, tc := range []struct{ app, owner, query, lacks string }{
		{"alpha", "", "`src` b=2", ""},
		{"", "", "`src` b=2", ""},
		{"beta", "", "`src` b=2", src},
		{"beta", "", "index=x `src` b=2", src},
		{"beta", "", "`shared` b=2", src}, // its own macro names it, and the rule does not see it
		{"alpha", "", "`shared` b=2", ""},
		{"alpha", "ana", "index=x `own(1)` b=2", ""},
		{"alpha", "", "index=x `own(1)` b=2", owned},
		{"beta", "ana", "index=x `own(1)` b=2", owned},
		{"beta", "", "index=x b=2 | `r_filter`", filter},
		{"alpha", "", "index=x b=2 | `r_filter`", ""},
		{"beta", "", "index=x b=2 | lookup names a OUTPUT b AS d | search d=2", lookup},
		{"beta", "", "| inputlookup names | search d=2", lookup},
		{"beta", "", "index=x b=2", ""},
	} {
		out, err := c.Compile(t.Context(), "m", migration.OriginalRule{ID: "r", App: tc.app, Owner: tc.owner, Query: tc.query})
		require.NoError(t, err)
		text := ""
		for _, d := range out.Diagnostics {
			if strings.Contains(d.Message, "not exported") || strings.Contains(d.Message, "private") {
				require.Equal(t, "error", d.Severity, "a hole")
				text += d.Message
			}
		}
		if tc.lacks == "" {
			require.Empty(t, text, tc.query)
			require.Empty(t, out.Missing, tc.query)
			continue
		}
		require.Contains(t, text, tc.lacks, tc.query)
		require.NotEqual(t, migration.Full, out.Result, tc.query)
		require.Len(t, out.Missing, 1, tc.query)
	}
	require.Equal(t, 1, r.reads, "what is private to some is read once")
}

func TestCache(t *testing.T) {
	r := &resources{list: []migration.Resource{{Type: migration.ResourceMacro, Name: "src", Definition: "index=main a=1"}}}
	c := compile.NewCache(r, translate.Options{Schema: schema.Identity([]string{"logs"}, nil)}, compile.StandardDefaults()).Named("v1")
	compile := func(id string) string {
		out, err := c.Compile(t.Context(), id, migration.OriginalRule{ID: "r", Query: "`src` b=2"})
		require.NoError(t, err)
		require.NotNil(t, out.Rule, out.Diagnostics)
		var rule migration.Rule
		out.Apply(&rule)
		require.Equal(t, "v1", rule.CompilerVersion, "a rule carries the compiler that made it")
		return out.Rule.Query
	}
	first := compile("m1")
	require.Equal(t, first, compile("m1"))
	require.Equal(t, 1, r.reads)
	r.version++
	r.list[0].Definition = "index=main a=changed"
	require.NotEqual(t, first, compile("m1"), "a changed resource is a new compiler")
	require.Equal(t, 2, r.reads)
	for _, id := range []string{"m2", "m3", "m4", "m5", "m6", "m7", "m8", "m9", "m10"} {
		compile(id)
	}
	compile("m1")
	require.Equal(t, 12, r.reads, "only the last few are kept")
	compile("m10")
	require.Equal(t, 12, r.reads)
}

// TestStreams: the document of a rule lists what each data stream has of the needed fields, and those that are not read; a
// draft of one stream lists none.
func TestStreams(t *testing.T) {
	compiled := func(query string) *migration.ElasticRule {
		compiler, err := translate.New(translate.Options{})
		require.NoError(t, err)
		rule := migration.OriginalRule{Query: query}
		return compile.StandardDefaults().FromOutput(rule, compiler.Translate(compile.Request(rule))).Rule
	}
	r := compiled(`| tstats count from datamodel=Endpoint.Processes where Processes.parent_process="*x*" by Processes.dest Processes.process_hash`)
	require.NotEmpty(t, r.Streams)
	left := 0
	for _, s := range r.Streams {
		require.Equal(t, s.Read, slices.Contains(r.Index, s.Index), s)
		require.NotNil(t, s.Lacks)
		if !s.Read {
			left++
			require.NotEmpty(t, s.Lacks, s)
		}
	}
	require.Positive(t, left)
	require.Empty(t, compiled("`wineventlog_security` EventCode=4625 | stats count by user").Streams)
}
