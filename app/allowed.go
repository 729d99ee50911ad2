package app

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/rulebridge/rulebridge/internal/compile"
	"github.com/rulebridge/rulebridge/internal/kibana"
	"github.com/rulebridge/rulebridge/internal/migration"
)

var (
	// leftOutRows is NOT [| inputlookup NAME …]: events are left out that are like a row.
	leftOutRows = regexp.MustCompile(`(?i)\bNOT\s*\(?\s*\[\s*\|?\s*inputlookup\s+(?:(?:append|strict|start|max)\s*=\s*\w+\s+)*"?([^\s"|\]]+)`)
	// lookedUp is | lookup NAME key OUTPUT columns.
	lookedUp = regexp.MustCompile(`(?i)\|\s*lookup\s+(?:(?:local|update)\s*=\s*\w+\s+)*"?([^\s"|]+)"?\s+([^|\]]*)`)
	outputs  = regexp.MustCompile(`(?i)\bOUTPUT(?:NEW)?\b`)
	renamed  = regexp.MustCompile(`(?i)("[^"]*"|[^\s,"]+)(?:\s+AS\s+("[^"]*"|[^\s,"]+))?`)
	called   = regexp.MustCompile("`\\s*([A-Za-z0-9_]+)")
)

// macroDepth is how deep macros are looked into for lookups.
const macroDepth = 3

// Emptied is the query of a rule whose lookups have one row of nothing, and the names of the lookups that its search leaves
// events out by.
func (f *Filters) Emptied(ctx context.Context, rule migration.Rule) (query string, lookups []string, err error) {
	if !strings.Contains(strings.ToLower(rule.Original.Query), "lookup") && !strings.Contains(rule.Original.Query, "`") {
		return "", nil, nil
	}
	defined, err := f.of(ctx, rule.MigrationID)
	if err != nil {
		return "", nil, err
	}
	lookups = defined.leftOutBy(defined.withMacros(rule.Original.Query))
	if len(lookups) == 0 {
		return "", nil, nil
	}
	out, err := f.emptied.Compile(ctx, rule.MigrationID, rule.Original)
	if err == nil && out.Rule == nil {
		err = errors.New("there is no query then")
	}
	if err != nil {
		return "", lookups, err
	}
	return out.Rule.Query, lookups, nil
}

// withMacros is a search with the definitions of its macros behind it.
func (d *defined) withMacros(search string) string {
	text, rest, added := search, search, map[string]bool{}
	for range macroDepth {
		var next strings.Builder
		for _, m := range called.FindAllStringSubmatch(rest, -1) {
			if !added[m[1]] {
				added[m[1]] = true
				next.WriteString(d.macros[m[1]])
			}
		}
		rest = next.String()
		text += rest
	}
	return text
}

// leftOutBy are the lookups that a search leaves events out by: NOT [| inputlookup NAME], or a column that a lookup gives
// which has to be missing, or not to be some value.
func (d *defined) leftOutBy(search string) (names []string) {
	add := func(name string) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, m := range leftOutRows.FindAllStringSubmatch(search, -1) {
		add(m[1])
	}
	for _, at := range lookedUp.FindAllStringSubmatchIndex(search, -1) {
		name, arguments, rest := search[at[2]:at[3]], search[at[4]:at[5]], search[at[1]:]
		for _, column := range d.given(name, arguments) {
			c := `["']?` + regexp.QuoteMeta(column) + `["']?`
			missing := regexp.MustCompile(`(?i)\bisnull\s*\(\s*` + c + `\s*\)|\bNOT\s+\(?\s*` + c + `\s*=|\bNOT\s+isnotnull\s*\(\s*` + c + `\s*\)|(?:^|[\s(])` + c + `\s*!=`)
			if missing.MatchString(rest) {
				add(name)
			}
		}
	}
	return names
}

// given are the columns that a lookup command gives: those behind OUTPUT, or all of the lookup.
func (d *defined) given(name, arguments string) (columns []string) {
	parts := outputs.Split(arguments, 2)
	if len(parts) == 2 {
		for _, m := range renamed.FindAllStringSubmatch(parts[1], -1) {
			column := m[1]
			if m[2] != "" {
				column = m[2]
			}
			columns = append(columns, strings.Trim(column, `"`))
		}
		return columns
	}
	keys := strings.Fields(strings.ReplaceAll(arguments, ",", " "))
	for _, c := range d.columns[name] {
		if !slices.Contains(keys, c) {
			columns = append(columns, c)
		}
	}
	return columns
}

// emptied are resources whose lookups have one row that no event is like.
type emptied struct{ of compile.Resources }

// Resources implements compile.Resources.
func (e emptied) Resources(ctx context.Context, id string) ([]migration.Resource, error) {
	all, err := e.of.Resources(ctx, id)
	all = slices.Clone(all)
	for i, r := range all {
		if r.Type != migration.ResourceLookup || len(r.Rows) == 0 {
			continue
		}
		row := map[string]string{}
		for _, c := range r.Columns {
			row[c] = kibana.Nowhere
		}
		for c := range r.Rows[0] {
			row[c] = kibana.Nowhere
		}
		all[i].Rows, all[i].TotalRows = []map[string]string{row}, 1
	}
	return all, err
}

// ResourcesVersion implements compile.Resources.
func (e emptied) ResourcesVersion(ctx context.Context, id string) (int64, error) {
	return e.of.ResourcesVersion(ctx, id)
}
