package fidelity

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/test/elasticsearch"
)

// mutation breaks the compiler in one place: the first old in the file becomes new.
type mutation struct {
	name, file, old, new string
}

// mutations are defects that somebody could introduce; each has to be noticed.
var mutations = []mutation{
	{"search: AND binds before OR", "spl/search.go", `	first := p.searchNot(m)
`, `	first := p.searchNot(m)
	for first != nil && !p.searchEnd(m) && !p.atOperator("OR") {
		p.operator("AND")
		right := p.searchNot(m)
		if right == nil {
			break
		}
		first = &SearchAnd{p.at(a, p.lastEnd(a)), []SearchExpr{first, right}}
	}
`},
	{"eval: OR binds before AND", "spl/eval.go", `if op == "OR" {
			return p.exprChain("AND")
		}`, `if op == "AND" {
			return p.exprChain("OR")
		}`},
	{"search: case counts in alternatives", "translate/predicate.go", `binary("==", call("TO_LOWER", v.expr), str(w))`, `binary("==", v.expr, str(w))`},
	{"search: case counts in patterns", "translate/text.go", `	fold := t.fold && cased && !v.lower
`, `	fold := t.fold && cased && !v.lower && !t.hasStar()
`},
	{"negation: OR stays OR", "translate/predicate.go", `		return and(negate(b.L), negate(b.R))`, `		return or(negate(b.L), negate(b.R))`},
	{"null: NOT f=v needs the field", "translate/predicate.go", `	return or(x, isNull(v.expr))
}`, `	return x
}`},
	{"null: where NOT needs the field", "translate/condition.go", `	return or(append([]esql.Expr{negate(x)}, nulls(a, b)...)...)
}`, `	return negate(x)
}`},
	{"null: where NOT like needs the field", "translate/condition.go", `	return or(append([]esql.Expr{negate(c)}, nulls(v)...)...)`, `	return negate(c)`},
	{"arrays: patterns see one value", "translate/text.go", `	if v.multi() {
		return l.anyText(v, t)`, `	if v.multi() && !t.hasStar() {
		return l.anyText(v, t)`},
	{"arrays: != compares one end", "translate/text.go", `return or(binary("!=", call("MV_MIN", x), str(lower)), binary("!=", call("MV_MAX", x), str(lower)))`, `return binary("!=", call("MV_MIN", x), str(lower))`},
	{"arrays: a pattern reaches across values", "translate/text.go", `return strings.Join(parts, "[^"+valueMark+"]*")`, `return strings.Join(parts, ".*")`},
	{"anchors: prefix matches anywhere", "translate/text.go", `return like(wrapped, "*"+valueMark+esql.EscapeLike(parts[0])+"*")`, `return like(wrapped, "*"+esql.EscapeLike(parts[0])+"*")`},
	{"anchors: match() ignores ^", "translate/regex.go", `	case start:
		return like(wrapped, "*"+valueMark+lit+"*")`, `	case start:
		return like(wrapped, "*"+lit+"*")`},
	{"escaping: ? of a value is a wildcard", "esql/quote.go", "func EscapeLike(literal string) string { return escape(literal, `*?\\`) }", "func EscapeLike(literal string) string { return escape(literal, `*\\`) }"},
	{"escaping: regular expressions keep |", "esql/quote.go", "const regexSpecial = `.?+*|{}[]()", "const regexSpecial = `.?+*{}[]()"},
	{"escaping: backslash in strings", "esql/quote.go", "case '\\\\':\n\t\t\tescaped = `\\\\`", "case '\\\\':\n\t\t\tescaped = `\\`"},
	{"letters: beyond ASCII compared as they are", "translate/text.go", `		if !beyond && len(lower)`, `		if (beyond || !beyond) && len(lower)`},
	{"case: patterns that are looked up know one case", "translate/text.go", `			b.WriteRune(up)
`, `			b.WriteRune(lo)
`},
	{"case: merged patterns compare as stored", "translate/wildcards.go", `		x = call("TO_LOWER", x)`, `		_ = x`},
	{"case: regular expressions lose theirs", "translate/lucene.go", `beyond || some && re.Flags&syntax.FoldCase == 0`, `beyond`},
	{"anchors: merged ends match anywhere", "translate/wildcards.go", `{".*(", ")", k.ends.list}`, `{".*(", ").*", k.ends.list}`},
	{"anchors: expressions match the whole value", "translate/lucene.go", `any, before, after := ".*", "", ""`, `any, before, after := "", "", ""`},
	{"escaping: merged patterns are expressions", "translate/wildcards.go", `escaped := esql.EscapeRegex(text)`, `escaped := text`},
	{"classes: K is no letter", "translate/lucene.go", `rs[i] == '\u212A'`, `rs[i] == 'K'`},
	{"negation: NOT of AND stays AND", "translate/predicate.go", `l.searchChain(e.Exprs, neg, !neg)`, `l.searchChain(e.Exprs, neg, true)`},
	{"stats: rows without the key stay", "translate/stats.go", `		if dropNull && `, `		if false && dropNull && `},
	{"stats: values are not sorted", "translate/aggregations.go", `return call("MV_SORT", x)`, `return x`},
	{"tstats: rows with a missing key go", "translate/stats.go", `!k.c.filled && !k.c.nonNull && !l.present`, `!k.c.nonNull && !l.present`},
	{"data model: unknown is no value", "translate/predicate.go", `		if neg {
			return l.required(v, negate(positive))
		}
		return or(positive, isNull(v.expr))`, `		if neg {
			return negate(positive)
		}
		return positive`},
	{"numbers: division of integers", "translate/expr.go", `b.expr = &esql.Literal{Value: n}`, `_ = n`},
	{"like: _ is any text", "translate/condition.go", `			b.WriteByte('?')`, `			b.WriteByte('*')`},
	{"rex: no match removes the value", "translate/rex.go", `mark(call("COALESCE", col(k.helper), l.text(old).expr), cmd.Span())`, `mark(col(k.helper), cmd.Span())`},
	{"order: head keeps the oldest", "translate/order.go", `Expr: col("@timestamp"), Desc: true`, `Expr: col("@timestamp"), Desc: false`},
	{"rename: the old name stays", "translate/rename.go", `		l.env.unbind(m.from)
`, `		_ = m.from
`},
	{"time: a minute has 3,600 seconds", "spl/reltime.go", `TimeUnit{60, 0, "minute"}`, `TimeUnit{3600, 0, "minute"}`},
	{"fillnull: any value is 0", "translate/fillnull.go", `fill, typ := esql.Expr(str(cmd.Value))`, `fill, typ := esql.Expr(str("0"))`},
}

// quickMutations are the ones that run without FIDELITY=all, each by its name.
const quickMutations = 6

// TestMutations breaks the compiler in each of these ways, in a copy that only the test's build sees, and wants the
// goldens or the pipelines on the node to fail. It prints who noticed.
func TestMutations(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped in short mode: each mutation is a build")
	}
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	node := elasticsearch.Start(t)
	dir := t.TempDir()
	suites := []struct {
		name string
		args []string
	}{
		{"goldens", []string{"-run", "^TestGolden$", "./internal/translate"}},
		{"pipelines", []string{"-run", "^TestPipelines$", "./test/fidelity"}},
	}
	for _, suite := range suites { // a suite that fails anyway notices nothing
		if failed, output, err := runSuite(root, "", node.URL, suite.args); failed || err != nil {
			t.Fatalf("%s fail without a mutation: %v\n%s", suite.name, err, output)
		}
	}
	survived, ran := 0, 0
	step := 1
	if !all() {
		step = len(mutations) / quickMutations
	}
	for i, m := range mutations {
		overlay, err := m.overlay(root, dir)
		if err != nil {
			t.Errorf("%s: %v", m.name, err) // every one must apply, also those that do not run
			continue
		}
		if i%step != 0 {
			continue
		}
		t.Run(m.name, func(t *testing.T) {
			ran++
			var by []string
			for _, suite := range suites {
				noticed, output, err := runSuite(root, overlay, node.URL, suite.args)
				if err != nil {
					t.Errorf("%s: %v\n%s", suite.name, err, output)
					continue
				}
				if noticed {
					by = append(by, suite.name)
					if !all() {
						break
					}
				}
			}
			if len(by) == 0 {
				survived++
				t.Errorf("nothing notices that %s breaks", m.file)
			}
			t.Logf("FIGURE mutation %-45s noticed by %s", m.name, strings.Join(by, ", "))
		})
	}
	t.Logf("FIGURE mutations noticed: %d of %d", ran-survived, ran)
}

// overlay writes the mutated file and the overlay that puts it in the place of the real one.
func (m mutation) overlay(root, dir string) (string, error) {
	path := filepath.Join(root, "internal", filepath.FromSlash(m.file))
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	if !bytes.Contains(data, []byte(m.old)) {
		return "", fmt.Errorf("%s no longer contains %q: write the mutation anew", m.file, m.old)
	}
	name := strings.NewReplacer("/", "_", " ", "_", ":", "", "(", "", ")", "").Replace(m.name)
	mutated := filepath.Join(dir, name+".go.txt")
	if err := os.WriteFile(mutated, bytes.Replace(data, []byte(m.old), []byte(m.new), 1), 0o600); err != nil {
		return "", err
	}
	body, err := json.Marshal(map[string]any{"Replace": map[string]string{path: mutated}})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(dir, name+".json")
	return overlay, os.WriteFile(overlay, body, 0o600)
}

// runSuite runs tests, under an overlay unless that is empty, and says whether one failed. A build that fails is an error: a mutation has to
// compile.
func runSuite(root, overlay, url string, args []string) (failed bool, output string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	flags := []string{"test", "-count=1", "-failfast"}
	if overlay != "" {
		flags = append(flags, "-overlay", overlay)
	}
	cmd := exec.CommandContext(ctx, "go", append(flags, args...)...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), elasticsearch.EnvURL+"="+url, "FIDELITY=")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Run()
	text := out.String()
	text = text[max(0, len(text)-2000):]
	switch {
	case err == nil:
		return false, text, nil
	case strings.Contains(text, "[build failed]") || !strings.Contains(text, "FAIL"):
		return false, text, fmt.Errorf("the mutated code does not build or run: %w", err)
	}
	return true, text, nil
}
