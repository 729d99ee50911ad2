package run_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/rulebridge/rulebridge/internal/lower"
	"github.com/rulebridge/rulebridge/internal/plan/run"
	"github.com/rulebridge/rulebridge/internal/spl"
	"github.com/rulebridge/rulebridge/internal/value"
)

// TestCoverage: each command that can be run, each function of eval and each aggregation of the table has a worked
// example at least.
func TestCoverage(t *testing.T) {
	used := usedByExamples(t)
	commands, functions, aggregations := 0, 0, 0
	for _, name := range spl.Commands() {
		if used["command "+name] || used["command "+canonical(name)] {
			commands++
			continue
		}
		if runnable(name) && !slices.Contains(undocumented, name) {
			t.Errorf("command %s can be run and has no worked example", name)
		}
	}
	for _, o := range value.All() {
		if !slices.ContainsFunc(o.Rows, func(r value.Row) bool { return r.Page != "" }) {
			continue // no page says what it does
		}
		kind := ""
		switch o.Place {
		case value.InEval:
			kind, functions = "function ", functions+1
		case value.InStats:
			kind, aggregations = "aggregation ", aggregations+1
		default:
			continue
		}
		if isWord(o.Name) && !used[kind+o.Name] {
			t.Errorf("%s%s has no worked example", kind, o.Name)
		}
	}
	t.Logf("FIGURE commands with worked examples: %d; functions of eval: %d; aggregations: %d", commands, functions, aggregations)
}

// undocumented are commands of the server itself that its reference has no page for.
var undocumented = []string{"expand", "outputtelemetry"}

// canonical is the name that a command has in the tree: bin of bucket.
func canonical(name string) string {
	q := spl.Parse("| "+name+" n", spl.Options{})
	if len(q.Problems) > 0 || len(q.Pipeline.Commands) == 0 {
		return name
	}
	return q.Pipeline.Commands[0].Name()
}

func isWord(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' })
}

// runnable says that a command does something with rows here: alone, with a field, or with what most commands take.
func runnable(name string) bool {
	for _, args := range []string{"", " n", " field=n", ` "x"`, " n AS m", ` search="search *"`, " [search *]"} {
		for _, text := range []string{"* | " + name + args, "| " + name + args} {
			q := spl.Parse(text, spl.Options{})
			if len(q.Problems) > 0 {
				continue
			}
			_, err := run.Run(context.Background(), lower.Lower(q), run.Input{Lookups: map[string]run.Lookup{}})
			var refused *run.Error
			if err == nil || !errors.As(err, &refused) {
				return true
			}
		}
	}
	return false
}

// usedByExamples are the commands, functions and aggregations that the searches of the examples use.
func usedByExamples(t *testing.T) map[string]bool {
	files, err := filepath.Glob("testdata/examples/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	used := map[string]bool{}
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(a.Files, func(f txtar.File) bool { return f.Name == "search.spl" })
		if i < 0 {
			continue
		}
		text := strings.TrimSpace(string(a.Files[i].Data))
		noteUsed(spl.Parse(text, spl.Options{}), used)
	}
	return used
}

func noteUsed(q *spl.Query, used map[string]bool) {
	spl.Walk(q.Pipeline, func(n spl.Node) bool {
		switch n := n.(type) {
		case *spl.Call:
			used["function "+n.Func] = true
			if f, ok := value.FindAggregation(n.Func); ok {
				used["aggregation "+f.Name] = true
			}
		case *spl.Unary:
			if n.Op == "-" {
				used["function neg"] = true
			}
		case *spl.InExpr:
			used["function in"] = true
		case *spl.Agg:
			if f, ok := value.FindAggregation(n.Func); ok {
				used["aggregation "+f.Name] = true
			}
		case *spl.Foreach:
			noteUsed(spl.Parse("| "+n.Template, spl.Options{}), used)
		case *spl.Map:
			noteUsed(spl.Parse(n.Search, spl.Options{}), used)
		}
		if c, ok := n.(spl.Command); ok {
			used["command "+c.Name()] = true
		}
		return true
	})
}
