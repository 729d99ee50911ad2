package compile_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rulebridge/rulebridge/internal/compile"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/schema"
	"github.com/rulebridge/rulebridge/internal/translate"
	"github.com/rulebridge/rulebridge/samples"
)

type noResources []migration.Resource

func (r noResources) Resources(context.Context, string) ([]migration.Resource, error) { return r, nil }
func (noResources) ResourcesVersion(context.Context, string) (int64, error)           { return 1, nil }

// cut is the part of a text between two positions.
func cut(text string, p compile.Part) string {
	lines := strings.Split(text, "\n")
	offset := func(at migration.Position) int {
		n := 0
		for _, line := range lines[:at.Line-1] {
			n += len(line) + 1
		}
		return n + len(string([]rune(lines[at.Line-1])[:at.Column-1]))
	}
	return text[offset(p.Start):offset(p.End)]
}

// TestExplain: the places of the stages are those of their texts, and together they are the whole query.
func TestExplain(t *testing.T) {
	rules, err := samples.Rules()
	require.NoError(t, err)
	resources, err := samples.Resources()
	require.NoError(t, err)
	rules = append(rules, migration.OriginalRule{ID: "lines", Query: "index=ä sourcetype=\"XmlWinEventLog:Microsoft-Windows-Sysmon/Operational\" EventCode=1 Image=\"*é€.exe\"\n| stats count by Image\n| where count>5\n| table Image"})
	c := compile.NewCache(noResources(resources), translate.Options{Schema: schema.Default()}, compile.StandardDefaults())
	staged := 0
	for _, rule := range rules {
		made, err := c.Explain(t.Context(), "m", rule)
		require.NoError(t, err, rule.ID)
		plain, err := c.Compile(t.Context(), "m", rule)
		require.NoError(t, err, rule.ID)
		require.Equal(t, plain, made.Output, rule.ID)
		if made.Rule == nil {
			require.Empty(t, made.Stages, rule.ID)
			continue
		}
		length := 0
		for _, s := range made.Stages {
			require.Equal(t, s.SPL.Text, cut(rule.Query, s.SPL), rule.ID)
			for _, p := range s.ESQL {
				staged++
				require.Equal(t, p.Text, cut(made.Rule.Query, p), rule.ID)
				length += len(p.Text) + len("\n| ")
			}
			for _, n := range s.Notes {
				require.Less(t, n, len(made.Diagnostics), rule.ID)
			}
		}
		require.Equal(t, len(made.Rule.Query)+len("\n| "), length, "%s: every command of the query belongs to a stage", rule.ID)
	}
	require.Greater(t, staged, 50)
}
