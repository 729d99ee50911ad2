package spl

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// dataDir is the folder of real rules; tests that need it are skipped without it, and fail in CI.
func dataDir(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("RULEBRIDGE_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("data folder is missing: %v", err)
		}
		t.Skipf("no data folder (set RULEBRIDGE_DATA): %v", err)
	}
	return dir
}

func readLines[T any](t testing.TB, path string) []T {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var list []T
	sc := bufio.NewScanner(bytes.NewReader(data))
	sc.Buffer(nil, 64<<20)
	for sc.Scan() {
		var v T
		if err := json.Unmarshal(sc.Bytes(), &v); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		list = append(list, v)
	}
	if err := sc.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

// macroMap is Macros over a map; the key is the name with its arity, as name(1).
type macroMap map[string]MacroDef

func (m macroMap) Macro(name string, nargs int) (MacroDef, bool) {
	if nargs > 0 {
		name += "(" + string(rune('0'+nargs)) + ")"
	}
	d, ok := m[name]
	return d, ok
}

type corpusRule struct {
	ID, Title, Query string
}

func corpus(t testing.TB) ([]corpusRule, macroMap) {
	dir := dataDir(t)
	macros := macroMap{}
	for _, m := range readLines[struct {
		Name, Definition string
		Arguments        []string
	}](t, filepath.Join(dir, "spl", "macros.jsonl")) {
		macros[m.Name] = MacroDef{Name: m.Name, Arguments: m.Arguments, Definition: m.Definition}
	}
	return readLines[corpusRule](t, filepath.Join(dir, "spl", "rules.jsonl")), macros
}

func unknowns(pl *Pipeline) []*Unknown {
	var list []*Unknown
	Walk(pl, func(n Node) bool {
		if u, ok := n.(*Unknown); ok {
			list = append(list, u)
		}
		return true
	})
	return list
}

// TestCorpus parses every real rule with its macros. What remains unknown must be unknown to Splunk as well: a command
// that an app brought.
func TestCorpus(t *testing.T) {
	rules, macros := corpus(t)
	for _, r := range rules {
		q := Parse(r.Query, Options{Macros: macros})
		for _, u := range unknowns(q.Pipeline) {
			if u.Macro || isCommand(u.Command) {
				t.Errorf("%s: %s could not be read: %s", r.Title, u.Command, u.Text)
			} else {
				t.Logf("%s: unknown command %s", r.Title, u.Command)
			}
		}
		for _, p := range q.Problems {
			if p.Code != CodeUnknownCommand {
				t.Errorf("%s: %s at %d:%d: %s", r.Title, p.Code, p.Span().Start.Line, p.Span().Start.Column, p.Message)
			}
		}
	}
}

// TestCorpusTokens checks that every token of every real rule lies in a command, or is a pipe or a comment.
func TestCorpusTokens(t *testing.T) {
	rules, macros := corpus(t)
	for _, r := range rules {
		q := Parse(r.Query, Options{Macros: macros})
		for _, tok := range Tokens(r.Query) {
			covered := tok.Kind == PipeToken || tok.Kind == CommentToken
			for _, c := range q.Pipeline.Commands {
				s := c.Span()
				covered = covered || s.Start.Offset <= tok.Span.Start.Offset && tok.Span.End.Offset <= s.End.Offset
			}
			if !covered {
				t.Errorf("%s: no command covers %q at %d", r.Title, tok.Text, tok.Span.Start.Offset)
			}
		}
	}
}

// TestCorpusRoundTrip prints every real rule, parses the text and expects the same tree.
func TestCorpusRoundTrip(t *testing.T) {
	rules, macros := corpus(t)
	for _, r := range rules {
		for _, o := range []Options{{}, {Macros: macros}} {
			q := Parse(r.Query, o)
			checkRoundTrip(t, q)
		}
	}
}

func checkRoundTrip(t *testing.T, q *Query) {
	t.Helper()
	text := Print(q)
	again := Parse(text, Options{})
	if want, got := dump(q.Pipeline, false), dump(again.Pipeline, false); want != got {
		t.Errorf("the printed query parses to another tree\nprinted: %s\nwant:\n%s\ngot:\n%s", text, want, got)
	}
}
