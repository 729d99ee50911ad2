package translate

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rulebridge/rulebridge/internal/spl"
)

// TestReference compares docs/commands.md with the tables it is made of.
func TestReference(t *testing.T) {
	want, err := Reference()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("..", "..", "docs", "commands.md")
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what the tables say; run go test ./internal/translate -run TestReference -update", path)
	}
}

// TestCommandsExamples checks that every example parses and uses its command, and that no command is in two tables.
func TestCommandsExamples(t *testing.T) {
	commands, err := Commands()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, c := range commands {
		if seen[c.Name] {
			t.Errorf("%s is listed twice", c.Name)
		}
		seen[c.Name] = true
		for _, e := range c.Cases {
			q := spl.Parse(e.SPL, spl.Options{})
			for _, p := range q.Problems {
				t.Errorf("%s: %s: %s", c.Name, e.SPL, p.Message)
			}
			used := c.Name == "[subsearch]"
			spl.Walk(q.Pipeline, func(n spl.Node) bool {
				if cmd, ok := n.(spl.Command); ok && cmd.Name() == c.Name {
					used = true
				}
				return true
			})
			if !used {
				t.Errorf("%s: the example %s does not use it", c.Name, e.SPL)
			}
			if e.On8 == "hole" && len(e.Why) == 0 {
				t.Errorf("%s: %s: a hole without a message", c.Name, e.SPL)
			}
			if e.On8 == "exact" && c.Form == "" {
				t.Errorf("%s: %s is exact, but the table does not say what it becomes", c.Name, e.SPL)
			}
		}
	}
}
