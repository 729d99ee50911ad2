// Package layout holds the test that keeps imports pointing one way.
package layout

import (
	"cmp"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	sources "github.com/rulebridge/rulebridge/internal"
)

const module = "github.com/rulebridge/rulebridge/"

// rule says what a package (and everything below it) may import. Only lists packages of ours; a package that is not
// named under ours may not be imported. StandardOnly forbids third-party packages as well.
type rule struct {
	ours         []string
	standardOnly bool
	// third lists the third-party prefixes allowed; nil allows all, an empty list none.
	third []string
}

// rules name every package of the module, or the folder above several that live by the same rule.
var rules = map[string]rule{
	// The program: main wires, cli talks to a person, app runs, the rest are its parts.
	"":    {ours: []string{"cli", "app", "worker/embedded"}, third: []string{}},
	"cli": {ours: []string{"app", "config", "internal", "samples", "worker", "workflows"}},
	"app": {ours: []string{"activities", "api", "config", "internal", "worker", "workflows"}},
	"api": {ours: []string{"api/page", "workflows", "internal/store", "internal/migration", "internal/changes", "internal/kibana", "internal/report", "internal/review", "internal/rulelist", "internal/splunk", "internal/kibana/client", "internal/kibana/install", "config", "internal/assistant"}},
	// The built page: files and how they are served.
	"api/page": {standardOnly: true},
	"worker":   {ours: []string{"config", "internal/codec", "internal/migration", "workflows"}},
	// worker/embedded is the only user of the Temporal server.
	"worker/embedded": {},
	"config":          {},
	// The client is for programs of others: it stands alone.
	"client":    {third: []string{"github.com/oapi-codegen/runtime"}},
	"workflows": {ours: []string{"internal/migration"}, third: []string{"go.temporal.io/"}},
	"activities": {ours: []string{"internal/compile", "internal/isolate", "internal/esql", "internal/llm", "internal/migration", "internal/store",
		"internal/translate", "internal/assistant", "internal/kibana/client", "internal/kibana/install", "workflows"}},
	"samples": {ours: []string{"internal/migration"}, standardOnly: true},

	// The compiler: pure, and of the standard library only.
	"internal/nearest":    {standardOnly: true},
	"internal/budget":     {standardOnly: true},
	"internal/spl":        {standardOnly: true, ours: []string{"internal/budget", "internal/nearest"}},
	"internal/esql":       {standardOnly: true, ours: []string{"internal/budget"}},
	"internal/schema":     {standardOnly: true},
	"internal/schema/gen": {},
	"internal/translate":  {standardOnly: true, ours: []string{"internal/budget", "internal/nearest", "internal/spl", "internal/schema", "internal/esql"}},
	// The meaning of a search: nothing here knows of another language.
	"internal/value":    {standardOnly: true},
	"internal/plan":     {standardOnly: true, ours: []string{"internal/value", "internal/spl"}},
	"internal/lower":    {standardOnly: true, ours: []string{"internal/spl", "internal/plan", "internal/value"}},
	"internal/plan/run": {standardOnly: true, ours: []string{"internal/lower", "internal/plan", "internal/spl", "internal/value"}},
	// What is wrong with a query, for who writes one.
	"internal/check": {ours: []string{"internal/compile", "internal/esql", "internal/migration"}, third: []string{}},
	// A search over pasted events.
	"internal/interpret": {standardOnly: true, ours: []string{"internal/lower", "internal/migration", "internal/plan/run", "internal/spl", "internal/value"}},
	"internal/isolate":   {ours: []string{"internal/check", "internal/compile", "internal/interpret", "internal/migration"}, third: []string{"github.com/hashicorp/golang-lru/", "go.uber.org/zap"}},
	"internal/mitre":     {standardOnly: true},
	"internal/compile": {ours: []string{"internal/migration", "internal/mitre", "internal/schema", "internal/spl", "internal/translate"},
		third: []string{"github.com/hashicorp/golang-lru/", "github.com/robfig/cron/", "golang.org/x/sync/"}},

	// The compiler's own text, for its version.
	"internal": {standardOnly: true},

	// What stands around it.
	"internal/migration": {standardOnly: true},
	"internal/codec":     {},
	"internal/telemetry": {},
	"internal/prebuilt":  {ours: []string{"internal/esql", "internal/migration", "internal/spl"}},
	"internal/llm":       {ours: []string{"internal/migration"}},
	"internal/changes":   {ours: []string{"internal/compile", "internal/migration"}, third: []string{"github.com/aymanbagabas/go-udiff"}},
	"internal/report":    {ours: []string{"internal/migration", "internal/mitre"}, third: []string{}},
	"internal/review":    {ours: []string{"internal/esql", "internal/migration"}, third: []string{}},
	"internal/rulelist":  {ours: []string{"internal/migration", "internal/mitre", "internal/report", "internal/store"}, third: []string{"github.com/hashicorp/golang-lru/", "golang.org/x/text/"}},
	"internal/kibana":    {ours: []string{"internal/esql", "internal/migration", "internal/report"}, third: []string{"github.com/google/uuid", "github.com/pelletier/go-toml/"}},
	// One Kibana over HTTP, and the installation of rules there.
	"internal/kibana/client":  {standardOnly: true},
	"internal/kibana/install": {ours: []string{"internal/esql", "internal/kibana", "internal/migration", "internal/report", "internal/review", "internal/store"}, third: []string{"github.com/hashicorp/golang-lru/", "golang.org/x/sync/"}},
	"internal/splunk":         {ours: []string{"internal/migration"}},
	"internal/store":          {ours: []string{"internal/migration", "internal/assistant"}},
	"internal/assistant":      {third: []string{"golang.org/x/text/", "golang.org/x/net/idna"}},
	// The adapter between the assistant and the connectors; only what asks models imports it.
	"internal/assistant/model": {ours: []string{"internal/assistant", "internal/llm"}},

	// Programs that test may use everything.
	"test": {ours: []string{"activities", "api", "app", "cli", "config", "internal", "samples", "worker", "workflows"}},
}

// serverUsers are the only places that may link the embedded Temporal server.
var serverUsers = []string{"worker/embedded"}

func TestImportsPointOneWay(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	checked, unruled := 0, map[string]bool{}
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
		if _, _, ok := ruleFor(filepath.ToSlash(rel)); !ok && !unruled[rel] {
			unruled[rel] = true
			t.Errorf("package %s has no rule here: say in rules what it may import", rel)
		}
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
		if name != "" && under(rest, []string{name}) || under(rest, r.ours) {
			return ""
		}
		return cmp.Or(name, "the main package") + " may import of ours only: " + strings.Join(r.ours, ", ")
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
	if pkg == "." {
		return rules[""], "", true
	}
	for name := pkg; name != "internal" || pkg == name; { // the rule of internal is its own only
		if r, ok := rules[name]; ok {
			return r, name, true
		}
		i := strings.LastIndexByte(name, '/')
		if i < 0 {
			return rule{}, "", false
		}
		name = name[:i]
	}
	return rule{}, "", false
}

// The name of a compiler covers everything that it is made of.
func TestCompilerVersionCoversTheCompiler(t *testing.T) {
	seen := map[string]bool{}
	var visit func(pkg string)
	visit = func(pkg string) {
		if seen[pkg] {
			return
		}
		seen[pkg] = true
		if !sources.HasPackage(pkg) {
			t.Errorf("internal/sources.go lacks %s, which the compiler imports", pkg)
		}
		files, err := filepath.Glob("../../internal/" + pkg + "/*.go")
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: no files, %v", pkg, err)
		}
		for _, path := range files {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
			if err != nil {
				t.Fatal(err)
			}
			for _, spec := range file.Imports {
				if name, ours := strings.CutPrefix(strings.Trim(spec.Path.Value, `"`), module+"internal/"); ours {
					visit(name)
				}
			}
		}
	}
	visit("compile")
	if len(seen) < 8 {
		t.Errorf("the compiler is made of %d packages only", len(seen))
	}
}

// The meaning of a search stands without any word of another language or store: no node, column, value or text of it
// names one. That it needs none of their packages is said by the rules above.
func TestMeaningNamesNoOtherLanguage(t *testing.T) {
	words := regexp.MustCompile(`(?i)es\|?ql|elastic|kibana|lucene`)
	files := 0
	for _, pkg := range []string{"value", "plan", "plan/run", "lower"} {
		paths, err := filepath.Glob("../../internal/" + pkg + "/*.go")
		if err != nil || len(paths) == 0 {
			t.Fatalf("internal/%s: no files, %v", pkg, err)
		}
		for _, path := range paths {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			files++
			if word := words.Find(text); word != nil {
				t.Errorf("%s names %s: what a search means is said without it", path, word)
			}
		}
	}
	if files < 30 {
		t.Errorf("only %d files", files)
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
		{"internal/value", module + "internal/esql"},
		{"internal/plan", module + "internal/esql"},
		{"internal/plan", module + "internal/lower"},
		{"internal/plan/run", module + "internal/esql"},
		{"internal/plan/run", module + "internal/schema"},
		{"internal/lower", module + "internal/translate"},
		{"internal/lower", module + "internal/schema"},
		{"internal/esql", "golang.org/x/text/cases"},
		{"internal/translate", module + "internal/migration"},
		{"workflows", module + "internal/store"},
		{"workflows", "go.uber.org/zap"},
		{"api", module + "internal/llm"},
		{"cli", "go.temporal.io/server/temporal"},
		{"internal/store/sqlite", module + "workflows"},
		{"internal/assistant", module + "internal/llm"},
		{"internal/assistant", "go.temporal.io/sdk/workflow"},
		{"api", module + "internal/compile"},
		{"app", module + "cli"},
		{"internal/compile", "go.temporal.io/sdk/activity"},
		{"internal/report", module + "internal/translate"},
		{"internal/kibana", module + "internal/store"},
		{"worker", module + "activities"},
		{"client", module + "internal/migration"},
		{"client", "go.uber.org/zap"},
		{".", "go.uber.org/zap"},
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
