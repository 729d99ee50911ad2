// Package docs runs what the README and the documents tell a user to run.
package docs

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/tools/txtar"

	"github.com/rulebridge/rulebridge/internal/kibana/kibanatest"
	"github.com/rulebridge/rulebridge/test/program"
)

func TestMain(m *testing.M) {
	_ = os.Setenv("KIBANA_API_KEY", kibanaKey) // of what the documents start
	code := m.Run()
	program.Clean()
	os.Exit(code)
}

// documents are the README and what lies in docs.
func documents(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(paths) < 5 {
		t.Fatalf("%d documents, %v", len(paths), err)
	}
	return append([]string{"../../README.md"}, paths...)
}

// block is a fenced block of shell commands.
type block struct {
	line     int // of its first command
	commands []command
	why      string // it is not run
}

type command struct {
	line int
	text string
}

var (
	fence  = regexp.MustCompile("^ *```(\\S*)")
	notRun = regexp.MustCompile(`^<!-- not run: (.{10,}) -->$`)
)

// blocks reads the shell blocks of a document. A comment right above one says why it is not run.
func blocks(t *testing.T, path string) []block {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var found []block
	var open *block
	inside, why := false, ""
	for i, line := range strings.Split(string(text), "\n") {
		m := fence.FindStringSubmatch(line)
		switch {
		case m != nil && !inside:
			inside = true
			if m[1] == "sh" || m[1] == "bash" || m[1] == "shell" || m[1] == "console" {
				found = append(found, block{line: i + 2, why: why})
				open = &found[len(found)-1]
			}
		case m != nil:
			inside, open = false, nil
		case open != nil:
			// A command goes on in the next line while bash wants more of it.
			if n := len(open.commands); n > 0 && !whole(open.commands[n-1].text) {
				open.commands[n-1].text += "\n" + line
			} else if trimmed := strings.TrimSpace(line); trimmed != "" && trimmed[0] != '#' {
				open.commands = append(open.commands, command{i + 1, line})
			}
		case !inside && (strings.HasPrefix(line, "    ") || strings.HasPrefix(line, "\t")) && strings.HasPrefix(strings.TrimSpace(line), "rulebridge "):
			t.Errorf("%s:%d: a command line outside of a fenced block is not run: %s", filepath.Base(path), i+1, strings.TrimSpace(line))
		}
		if why = ""; !inside {
			if m := notRun.FindStringSubmatch(line); m != nil {
				why = m[1]
			}
		}
	}
	return found
}

// whole says whether a text is whole commands.
func whole(text string) bool {
	if strings.HasSuffix(text, "\\") {
		return false
	}
	out, err := exec.Command("bash", "-n", "-c", text).CombinedOutput()
	return err == nil && len(out) == 0
}

// TestCommandLines runs each shell block, document by document, in a folder with the files of testdata/house.txtar, the
// samples, a configuration and a Kibana. ID, and … in an address, stand for the migration that the commands before made.
func TestCommandLines(t *testing.T) {
	path := program.Path(t)
	if _, err := exec.LookPath("curl"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("curl is missing")
		}
		t.Skip("curl is missing")
	}
	house, err := txtar.ParseFile("testdata/house.txtar")
	if err != nil {
		t.Fatal(err)
	}
	scripts := t.TempDir()
	var files []string
	run, left := 0, 0
	all := map[string][]block{}
	for _, document := range documents(t) {
		name := filepath.Base(document)
		var script strings.Builder
		for _, b := range blocks(t, document) {
			if b.why != "" {
				t.Logf("%s:%d is not run: %s", name, b.line, b.why)
				left++
				continue
			}
			run++
			fmt.Fprintf(&script, "block %s\n", name)
			all[name] = append(all[name], b)
		}
		if script.Len() > 0 {
			file := filepath.Join(scripts, strings.TrimSuffix(name, ".md")+".txtar")
			if err := os.WriteFile(file, []byte(script.String()), 0o600); err != nil {
				t.Fatal(err)
			}
			files = append(files, file)
		}
	}
	if run < 8 || left > 4 {
		t.Errorf("%d blocks are run and %d are not: few may be left out", run, left)
	}
	testscript.Run(t, testscript.Params{
		Files: files,
		Setup: func(env *testscript.Env) error { return furnish(env, house, path) },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"block": func(ts *testscript.TestScript, _ bool, args []string) {
				h := ts.Value(houseKey{}).(*home)
				n := h.next
				h.next++
				for _, c := range all[args[0]][n].commands {
					h.run(ts, args[0], c)
				}
			},
		},
	})
}

type houseKey struct{}

// home is what the commands of one document work with.
type home struct {
	env  *testscript.Env
	path string
	next int // the next block
	id   string
	dev  *program.Dev
}

const kibanaKey = "a2V5OmtleS1vZi10aGUtdGVzdC1vZi10aGUtZG9jcw=="

// furnish writes the files of a house, and starts what the commands call.
func furnish(env *testscript.Env, house *txtar.Archive, path string) error {
	write := func(name string, data []byte) error {
		name = filepath.Join(env.WorkDir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			return err
		}
		return os.WriteFile(name, data, 0o600)
	}
	for _, f := range house.Files {
		if err := write(f.Name, f.Data); err != nil {
			return err
		}
	}
	for _, name := range []string{"rules.json", "macros.ndjson", "lookups.ndjson", "prebuilt.ndjson"} {
		data, err := os.ReadFile(filepath.Join("../../samples", name))
		if err != nil {
			return err
		}
		if err := write(name, data); err != nil {
			return err
		}
	}
	kibana, es, model := kibanatest.NewServer(kibanaKey), kibanatest.NewElasticsearch(kibanaKey), httptest.NewServer(http.HandlerFunc(answers))
	env.Defer(kibana.Close)
	env.Defer(es.Close)
	env.Defer(model.Close)
	config := fmt.Sprintf("kibanas:\n  - {name: prod, url: %q, elasticsearch: %q, api_key_env: KIBANA_API_KEY}\nconnectors:\n  - {id: gpt, kind: openai, model: m, url: %q, api_key: none}\nmigration: {pause: 0s}\n",
		kibana.URL, es.URL, model.URL)
	if err := write("rulebridge.yaml", []byte(config)); err != nil {
		return err
	}
	bin := filepath.Join(env.WorkDir, ".bin")
	if err := os.MkdirAll(bin, 0o700); err != nil {
		return err
	}
	if err := os.Symlink(path, filepath.Join(bin, "rulebridge")); err != nil {
		return err
	}
	env.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	env.Setenv("KIBANA_API_KEY", os.Getenv("KIBANA_API_KEY"))
	env.Setenv("XDG_DATA_HOME", filepath.Join(env.WorkDir, ".xdg"))
	h := &home{env: env, path: path}
	env.Values[houseKey{}] = h
	env.Defer(func() {
		if h.dev != nil {
			h.dev.Kill()
		}
	})
	return nil
}

// answers is a model that speaks OpenAI's protocol and needs no tool.
func answers(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"choices": []any{map[string]any{"finish_reason": "stop",
		"message": map[string]any{"role": "assistant", "content": `{"action":"answer","answer":"The one at the top."}`}}}})
}

var (
	migrationID = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	idWord      = regexp.MustCompile(`\bID\b`)
	gatewayAt   = regexp.MustCompile(`(127\.0\.0\.1|localhost):8080`)
	devCommand  = regexp.MustCompile(`^rulebridge dev\b([^#]*)`)
)

// run runs one command of a document and keeps the id of the migration that it names.
func (h *home) run(ts *testscript.TestScript, document string, c command) {
	text := strings.ReplaceAll(c.text, "/opt/splunk/etc", filepath.Join(h.env.WorkDir, "etc"))
	if m := devCommand.FindStringSubmatch(text); m != nil {
		h.start(ts, strings.Fields(m[1])...)
		return
	}
	if gatewayAt.MatchString(text) || strings.Contains(text, " --url") {
		if h.dev == nil {
			h.start(ts)
		}
		text = gatewayAt.ReplaceAllString(text, strings.TrimPrefix(h.dev.URL, "http://"))
	}
	text = strings.ReplaceAll(text, "curl ", "curl --fail-with-body --silent --show-error ")
	if idWord.MatchString(text) || strings.Contains(text, "/…") {
		if h.id == "" {
			ts.Fatalf("%s:%d: no command before names a migration: %s", document, c.line, c.text)
		}
		text = strings.ReplaceAll(idWord.ReplaceAllString(text, h.id), "/…", "/"+h.id)
	}
	command := exec.Command("bash", "-euo", "pipefail", "-c", text)
	command.Dir, command.Env = h.env.WorkDir, h.env.Vars
	began := time.Now()
	out, err := command.CombinedOutput()
	ts.Logf("%s:%d: %s (%s)\n%s", document, c.line, text, time.Since(began).Round(time.Millisecond), program.Tail(string(out)))
	if err != nil {
		ts.Fatalf("%s:%d: %v", document, c.line, err)
	}
	if id := migrationID.Find(out); id != nil {
		h.id = string(id)
	}
}

// start starts dev with the arguments of the document, over a folder of its own where it names none.
func (h *home) start(ts *testscript.TestScript, args ...string) {
	if h.dev != nil {
		h.dev.Kill()
	}
	dir := filepath.Join(h.env.WorkDir, "dev")
	var rest []string
	for i := 0; i < len(args); i++ {
		switch args[i] {
		case "--data-dir":
			i++
			dir = filepath.Join(h.env.WorkDir, args[i])
		case "--config":
			i++
			rest = append(rest, "--config", filepath.Join(h.env.WorkDir, args[i]))
		default:
			rest = append(rest, args[i])
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		ts.Fatalf("%v", err)
	}
	dev, err := program.StartDev(h.path, dir, rest...)
	if err != nil {
		ts.Fatalf("%v", err)
	}
	h.dev = dev
}

var (
	inline  = regexp.MustCompile("`rulebridge ([^`]+)`")
	flagged = regexp.MustCompile(`--[a-z][a-z-]*`)
)

// TestNamedCommands: commands that are named in running text exist, with the flags that they are named with.
func TestNamedCommands(t *testing.T) {
	path := program.Path(t)
	help := map[string]string{}
	named := 0
	for _, document := range documents(t) {
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range inline.FindAllStringSubmatch(string(text), -1) {
			words := strings.Fields(m[1])
			var names []string
			for _, w := range words {
				if !regexp.MustCompile(`^[a-z][a-z-]*$`).MatchString(w) || len(names) == 2 {
					break
				}
				names = append(names, w)
			}
			if len(names) == 0 || strings.HasPrefix(names[0], "compile-") {
				continue // a flag or a process that no user starts
			}
			name := strings.Join(names, " ")
			if _, known := help[name]; !known {
				out, err := exec.Command(path, append(names, "--help")...).CombinedOutput()
				if err != nil {
					t.Errorf("%s names rulebridge %s: %v", filepath.Base(document), name, err)
				}
				help[name] = string(out)
			}
			named++
			for _, flag := range flagged.FindAllString(m[1], -1) {
				if !regexp.MustCompile(regexp.QuoteMeta(flag) + `\b`).MatchString(help[name]) {
					t.Errorf("%s: rulebridge %s has no flag %s", filepath.Base(document), name, flag)
				}
			}
		}
	}
	if named < 20 {
		t.Errorf("only %d commands are named", named)
	}
}

var linked = regexp.MustCompile(`\]\(([^)#\s]+)(#[^)]*)?\)`)

// TestLinks: a document, picture or file that a document points at is there.
func TestLinks(t *testing.T) {
	links := 0
	for _, document := range append(documents(t), "../../CONTRIBUTING.md") {
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range linked.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			links++
			if _, err := os.Stat(filepath.Join(filepath.Dir(document), filepath.FromSlash(m[1]))); err != nil {
				t.Errorf("%s points at %s, which is not there", filepath.Base(document), m[1])
			}
		}
	}
	if links < 30 {
		t.Errorf("only %d links", links)
	}
}
