// Package layout holds the test that keeps imports pointing one way.
package layout

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/rulebridge/rulebridge/"

// rule says what a package (and everything below it) may import. Only lists packages of ours; a package that is not
// named under ours may not be imported. StandardOnly forbids third-party packages as well.
type rule struct {
	ours         []string
	standardOnly bool
	// third lists the third-party prefixes allowed; nil allows all.
	third []string
}

var rules = map[string]rule{
	"internal/migration": {standardOnly: true},
	"internal/arena":     {standardOnly: true},
	"internal/spl":       {standardOnly: true, ours: []string{"internal/arena"}},
	"internal/esql":      {standardOnly: true},
	"internal/schema":    {standardOnly: true},
	"internal/translate": {standardOnly: true, ours: []string{"internal/arena", "internal/spl", "internal/schema", "internal/esql", "internal/translate"}},
	"internal/prebuilt":  {ours: []string{"internal/migration", "internal/spl"}},
	"internal/llm":       {ours: []string{"internal/llm", "internal/migration"}},
	"internal/store":     {ours: []string{"internal/store", "internal/migration", "internal/assistant"}},
	"internal/assistant": {ours: []string{"internal/assistant"}, third: []string{"golang.org/x/text/"}},
	// The adapter between the assistant and the connectors; only what asks models imports it.
	"internal/assistant/model": {ours: []string{"internal/assistant", "internal/llm"}},
	"workflows":                {ours: []string{"internal/migration"}, third: []string{"go.temporal.io/"}},
	"api":                      {ours: []string{"workflows", "internal/store", "internal/migration", "config", "internal/assistant"}},
	"config":                   {},
	"worker/embedded":          {},
}

// serverUsers are the only places that may link the embedded Temporal server.
var serverUsers = []string{"worker/embedded"}

func TestImportsPointOneWay(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); path != root && (strings.HasPrefix(name, ".") || name == "testdata" || name == "bin") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		rel, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		checked++
		for _, spec := range file.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if why := forbidden(filepath.ToSlash(rel), name); why != "" {
				t.Errorf("%s/%s imports %s: %s", rel, filepath.Base(path), name, why)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if checked < 20 {
		t.Fatalf("only %d files checked under %s", checked, root)
	}
}

func forbidden(pkg, imported string) string {
	if strings.HasPrefix(imported, "go.temporal.io/server/") && !under(pkg, serverUsers) {
		return "only worker/embedded may link the Temporal server"
	}
	r, name, ok := ruleFor(pkg)
	if !ok {
		return ""
	}
	if rest, mine := strings.CutPrefix(imported, module); mine {
		if under(rest, append([]string{name}, r.ours...)) {
			return ""
		}
		return name + " may import of ours only: " + strings.Join(r.ours, ", ")
	}
	if !strings.Contains(strings.Split(imported, "/")[0], ".") {
		return ""
	}
	if r.standardOnly {
		return name + " uses the standard library only"
	}
	if r.third != nil && !under(imported, r.third) {
		return name + " may import of others only: " + strings.Join(r.third, ", ")
	}
	return ""
}

// ruleFor finds the rule of the package or of the nearest package above it.
func ruleFor(pkg string) (rule, string, bool) {
	for name := pkg; ; {
		if r, ok := rules[name]; ok {
			return r, name, true
		}
		i := strings.LastIndexByte(name, '/')
		if i < 0 {
			return rule{}, "", false
		}
		name = name[:i]
	}
}

func under(pkg string, prefixes []string) bool {
	for _, p := range prefixes {
		if pkg == p || strings.HasPrefix(pkg, strings.TrimSuffix(p, "/")+"/") {
			return true
		}
	}
	return false
}

func TestRulesCatchWhatTheyForbid(t *testing.T) {
	for _, tc := range []struct{ pkg, imported string }{
		{"internal/spl", module + "internal/esql"},
		{"internal/esql", "golang.org/x/text/cases"},
		{"internal/translate", module + "internal/migration"},
		{"workflows", module + "internal/store"},
		{"workflows", "go.uber.org/zap"},
		{"api", module + "internal/llm"},
		{"cli", "go.temporal.io/server/temporal"},
		{"internal/store/sqlite", module + "workflows"},
		{"internal/assistant", module + "internal/llm"},
		{"internal/assistant", "go.temporal.io/sdk/workflow"},
	} {
		if forbidden(tc.pkg, tc.imported) == "" {
			t.Errorf("%s may import %s", tc.pkg, tc.imported)
		}
	}
	for _, tc := range []struct{ pkg, imported string }{
		{"internal/translate", module + "internal/spl"},
		{"workflows", "go.temporal.io/sdk/workflow"},
		{"internal/store/sqlite", module + "internal/store"},
		{"worker/embedded", "go.temporal.io/server/temporal"},
	} {
		if why := forbidden(tc.pkg, tc.imported); why != "" {
			t.Errorf("%s may not import %s: %s", tc.pkg, tc.imported, why)
		}
	}
}
