package activities_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rulebridge/rulebridge/internal/compile"
	"github.com/rulebridge/rulebridge/internal/migration"
)

// known is a schema with two indices and a few fields.
type known struct{}

func (known) Index(pattern string) bool { return pattern == "logs-*" || pattern == "logs-a" }

func (known) Field(_ []string, name string) bool {
	return slices.Contains([]string{"a", "b", "c", "x", "user.name", "host.name", "@timestamp", "message"}, name)
}

// fixed compiles every rule to the same output.
type fixed struct{ out compile.Output }

func (f fixed) Compile(context.Context, string, migration.OriginalRule) (compile.Output, error) {
	return f.out, nil
}

// TestModelAnswers holds answers against a draft: what they add beyond their holes, or take away, is refused.
func TestModelAnswers(t *testing.T) {
	const (
		counting = "FROM logs-*\n| WHERE a == \"1\" AND b == \"2\"\n| EVAL n = LENGTH(c)\n| STATS count = COUNT(*), most = MAX(n) BY user.name\n| WHERE count > 5\n| SORT count DESC"
		rows     = "FROM logs-* METADATA _id, _index, _version\n| WHERE a == \"1\"\n| EVAL n = LENGTH(c)\n| WHERE n > 3\n| KEEP a, n, @timestamp, _id, _index, _version"
	)
	hole := func(code, command, subject string) migration.Diagnostic {
		return migration.Diagnostic{Code: code, Severity: "error", Command: command, Subject: subject, Message: "no counterpart"}
	}
	where, eval := hole("unsupported_expression", "where", "f"), hole("unsupported_function", "eval", "f")
	stats, command := hole("unsupported_aggregation", "stats", "f"), hole("unknown_command", "frobnicate", "frobnicate")
	change := func(draft, from, to string) string {
		out := strings.Replace(draft, from, to, 1)
		require.NotEqual(t, draft, out, from)
		return out
	}
	for _, tc := range []struct {
		name, draft, answer string
		holes               []migration.Diagnostic
		problem             string // empty: the answer is used
	}{
		// what holes allow
		{"a further condition", counting, change(counting, "b == \"2\"", "b == \"2\" AND c == \"3\""), []migration.Diagnostic{where}, ""},
		{"a condition of its own", counting, change(counting, "\n| STATS", "\n| WHERE c == \"3\"\n| STATS"), []migration.Diagnostic{where}, ""},
		{"a further column", rows, change(rows, "LENGTH(c)", "LENGTH(c), m = TO_UPPER(x)"), []migration.Diagnostic{eval}, ""},
		{"a column of its own, kept", rows, change(change(rows, "\n| KEEP a", "\n| EVAL m = TO_UPPER(x)\n| KEEP a"), "KEEP a", "KEEP a, m"), []migration.Diagnostic{eval}, ""},
		{"a column that is read again", rows, change(rows, "\n| KEEP", "\n| EVAL m = TO_UPPER(x)\n| WHERE m == \"Y\"\n| KEEP"), []migration.Diagnostic{eval, hole("depends_on_hole", "where", "m")}, ""},
		{"a column out of a text", rows, change(rows, "\n| KEEP", "\n| GROK message \"\"\"(?<m>\\d+)\"\"\"\n| KEEP"), []migration.Diagnostic{hole("unsupported_regex", "rex", "m")}, ""},
		{"a further aggregate", counting, change(counting, "most = MAX(n)", "most = MAX(n), least = MIN(n)"), []migration.Diagnostic{stats}, ""},
		{"a group that is missing", counting, change(counting, "BY user.name", "BY user.name, host.name"), []migration.Diagnostic{hole("unknown_field", "stats", "host.name")}, ""},

		// columns that conditions and groups read
		{"a constant before a condition", rows, change(rows, "\n| WHERE a", "\n| EVAL a = \"1\"\n| WHERE a"), []migration.Diagnostic{eval}, "must not be assigned"},
		{"a constant before a computed condition", rows, change(rows, "\n| WHERE n", "\n| EVAL n = 4\n| WHERE n"), []migration.Diagnostic{eval}, "must not be assigned"},
		{"a constant in the draft's own EVAL", rows, change(rows, "n = LENGTH(c)", "n = LENGTH(c), a = \"1\""), []migration.Diagnostic{eval}, "must not be assigned"},
		{"a count that grows", counting, change(counting, "\n| WHERE count", "\n| EVAL count = count + 100000\n| WHERE count"), []migration.Diagnostic{eval}, "must not be assigned"},
		{"a group that becomes one", counting, change(counting, "\n| STATS", "\n| EVAL user.name = \"all\"\n| STATS"), []migration.Diagnostic{eval}, "must not be assigned"},
		{"a field of the data written over", counting, change(counting, "\n| STATS", "\n| EVAL host.name = \"h\"\n| STATS"), []migration.Diagnostic{eval}, "must not be assigned"},
		{"a text that writes over a column", rows, change(rows, "\n| WHERE n", "\n| GROK message \"%{NUMBER:n:int}\"\n| WHERE n"), []migration.Diagnostic{eval}, "must not be assigned"},
		{"a split that writes over a column", rows, change(rows, "\n| WHERE a", "\n| DISSECT message \"%{a} %{m}\"\n| WHERE a"), []migration.Diagnostic{eval}, "must not be assigned"},
		{"an aggregate under a name of the draft", counting, change(counting, "most = MAX(n)", "most = MAX(n), count = SUM(n)"), []migration.Diagnostic{stats}, "must not be assigned"},

		// commands of the draft
		{"an aggregate that is scaled", counting, change(counting, "COUNT(*)", "COUNT(*) * 1000"), []migration.Diagnostic{stats}, "missing, changed"},
		{"another aggregate", counting, change(counting, "COUNT(*)", "COUNT(c)"), []migration.Diagnostic{stats}, "missing, changed"},
		{"an aggregate with a filter", counting, change(counting, "COUNT(*)", "COUNT(*) WHERE x == \"1\""), []migration.Diagnostic{stats}, "missing, changed"},
		{"another BY", counting, change(counting, "BY user.name", "BY host.name"), []migration.Diagnostic{stats}, "missing, changed"},
		{"no BY", counting, change(counting, " BY user.name", ""), []migration.Diagnostic{stats}, "missing, changed"},
		{"a further BY", counting, change(counting, "BY user.name", "BY user.name, host.name"), []migration.Diagnostic{stats}, "must keep the draft's groups"},
		{"another expression", rows, change(rows, "LENGTH(c)", "LENGTH(a)"), []migration.Diagnostic{eval}, "missing, changed"},
		{"a weaker threshold", counting, change(counting, "count > 5", "count > 0"), []migration.Diagnostic{where}, "missing, changed"},
		{"a condition joined by OR", counting, change(counting, "a == \"1\" AND", "a == \"1\" OR"), []migration.Diagnostic{where}, "missing, changed"},
		{"a condition after the count", counting, "FROM logs-*\n| EVAL n = LENGTH(c)\n| STATS count = COUNT(*), most = MAX(n) BY user.name\n| WHERE count > 5 AND a == \"1\" AND b == \"2\"\n| SORT count DESC", []migration.Diagnostic{where}, "unknown column a"},
		{"another order", counting, change(counting, "DESC", "ASC"), []migration.Diagnostic{where}, "missing, changed"},
		{"fewer columns", rows, change(rows, "KEEP a, n,", "KEEP a,"), []migration.Diagnostic{eval}, "missing, changed"},
		{"another pattern", rows, change(rows, "FROM logs-*", "FROM logs-a"), []migration.Diagnostic{eval}, "missing, changed"},
		{"a further pattern", rows, change(rows, "FROM logs-*", "FROM logs-*, .security*"), []migration.Diagnostic{eval}, "missing, changed"},

		// what no hole allows
		{"a LIMIT", counting, counting + "\n| LIMIT 0", []migration.Diagnostic{where}, "do not allow this command: LIMIT 0"},
		{"a LIMIT before the count", counting, change(counting, "\n| STATS", "\n| LIMIT 1\n| STATS"), []migration.Diagnostic{command}, "do not allow this command"},
		{"a DROP", counting, counting + "\n| DROP most", []migration.Diagnostic{eval}, "do not allow this command"},
		{"a KEEP of its own", counting, counting + "\n| KEEP count", []migration.Diagnostic{eval}, "do not allow this command"},
		{"a RENAME", counting, change(counting, "\n| WHERE count", "\n| RENAME most AS m\n| WHERE count"), []migration.Diagnostic{eval}, "do not allow this command"},
		{"a second count", counting, counting + "\n| STATS z = COUNT(*)", []migration.Diagnostic{stats}, "do not allow this command"},
		{"a lookup", rows, change(rows, "\n| KEEP", "\n| LOOKUP JOIN l ON c\n| KEEP"), []migration.Diagnostic{eval}, "do not allow this command"},
		{"rows multiplied", counting, change(counting, "\n| STATS", "\n| MV_EXPAND c\n| STATS"), []migration.Diagnostic{eval}, "do not allow this command"},
		{"a condition for a hole of eval", rows, change(rows, "\n| KEEP", "\n| WHERE c == \"3\"\n| KEEP"), []migration.Diagnostic{eval}, "do not allow this command"},
		{"an aggregate for a hole of where", counting, change(counting, "most = MAX(n)", "most = MAX(n), least = MIN(n)"), []migration.Diagnostic{where}, "missing, changed"},
		{"a condition that never holds", counting, change(counting, "b == \"2\"", "b == \"2\" AND false"), []migration.Diagnostic{where}, "reads no field"},
		{"a condition on constants", rows, change(rows, "\n| KEEP", "\n| WHERE 1 == 2\n| KEEP"), []migration.Diagnostic{where}, "reads no field"},
		{"an invented field", rows, change(rows, "\n| KEEP", "\n| WHERE evil.score > 3\n| KEEP"), []migration.Diagnostic{where}, "evil.score is not a field"},
		{"an invented field in a column", rows, change(rows, "\n| KEEP", "\n| EVAL m = TO_UPPER(zz)\n| KEEP"), []migration.Diagnostic{eval}, "zz is not a field"},
		{"an unchanged query", rows, rows, []migration.Diagnostic{where}, "the query is the draft"},
		{"a remark only", rows, rows + "\n// done", []migration.Diagnostic{where}, "the query is the draft"},

		// without a draft
		{"a rule without a draft", "", "FROM logs-a METADATA _id, _index, _version | WHERE x == \"1\"", []migration.Diagnostic{hole("unknown_source", "search", "index")}, ""},
		{"system indices", "", "FROM .security* METADATA _id, _index, _version | WHERE x == \"1\"", []migration.Diagnostic{hole("unknown_source", "search", "index")}, ".security*"},
		{"an index that nobody knows", "", "FROM logs-a, payroll METADATA _id, _index, _version | WHERE x == \"1\"", []migration.Diagnostic{hole("unknown_source", "search", "index")}, "payroll"},
		{"a LIMIT without a draft", "", "FROM logs-a METADATA _id, _index, _version | WHERE x == \"1\" | LIMIT 0", []migration.Diagnostic{hole("unknown_source", "search", "index")}, "do not allow this command"},
		{"an invented field without a draft", "", "FROM logs-a METADATA _id, _index, _version | WHERE evil.score > 3", []migration.Diagnostic{hole("unknown_source", "search", "index")}, "evil.score"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t, "x")
			out := compile.Output{Result: migration.Untranslatable, Diagnostics: tc.holes}
			if tc.draft != "" {
				out.Result, out.Rule = migration.Partial, &migration.ElasticRule{Query: tc.draft, QueryLanguage: "esql", Index: []string{"logs-*"}}
			}
			b.deps.Compiler = fixed{out}
			b.assemble()
			var filled []int
			for i := range migration.Causes(tc.holes) {
				filled = append(filled, i+1)
			}
			b.model.answers = []string{answer(tc.answer, filled, nil)}
			check, _ := ask(b, b.begin(1, 1))
			require.True(t, check.Finished)
			r := b.rule("r0")
			if tc.problem == "" {
				require.Zero(t, check.Problems, "%+v", r.Diagnostics)
				require.Equal(t, migration.Partial, r.Result)
				require.Contains(t, r.Elastic.Query, "FROM")
				require.NotEqual(t, tc.draft, r.Elastic.Query)
				return
			}
			require.Positive(t, check.Problems)
			require.Contains(t, r.Diagnostics[len(r.Diagnostics)-1].Message, tc.problem)
			if tc.draft != "" {
				require.Equal(t, tc.draft, r.Elastic.Query)
			}
		})
	}
}

// TestModelLeavesARuleWithoutADraftOpen accepts the answer that the prompt asks for, in each of its forms.
func TestModelLeavesARuleWithoutADraftOpen(t *testing.T) {
	for name, text := range map[string]string{
		"no query": answer("", nil, []int{1}),
		"no word":  `{"open":[{"hole":1,"why":"no source"}],"filled":[],"query":""}`,
		"a try":    answer("FROM logs-x", nil, []int{1}),
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "hole nothing")
			b.model.answers = []string{text}
			check, keys := ask(b, b.begin(1, 1))
			require.Len(t, keys, 1)
			require.Zero(t, check.Problems)
			require.Equal(t, migration.Untranslatable, check.Result)
			require.Nil(t, b.rule("r0").Elastic)
		})
	}
}

// TestModelIsAskedForCauses checks that consequences of holes are not holes of their own for a model.
func TestModelIsAskedForCauses(t *testing.T) {
	b := newBench(t, "x")
	b.deps.Compiler = fixed{compile.Output{Result: migration.Partial, Rule: &migration.ElasticRule{Query: draft, QueryLanguage: "esql", Index: []string{"logs-*"}},
		Diagnostics: []migration.Diagnostic{
			{Code: "depends_on_hole", Severity: "error", Command: "where", Message: "the consequence"},
			{Code: "unsupported_function", Severity: "error", Command: "eval", Message: "the cause"},
		}}}
	b.assemble()
	b.model.answers = []string{answer(draft+" AND c == \"3\"", []int{1}, nil)}
	check, _ := ask(b, b.begin(1, 1))
	require.Zero(t, check.Problems)
	question := b.model.requests[0].Messages[1].Text
	require.Contains(t, question, "the cause")
	require.NotContains(t, question, "the consequence")
	r := b.rule("r0")
	require.Equal(t, "depends_on_hole", r.Diagnostics[0].Code)
	require.Equal(t, "model_filled", r.Diagnostics[1].Code)
}
