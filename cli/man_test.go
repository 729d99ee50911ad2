package cli

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

var updateMan = flag.Bool("update-man", false, "write docs/man anew")

// TestManPages: the pages in docs/man are those that the commands give; make man writes them.
func TestManPages(t *testing.T) {
	const dir = "../docs/man"
	root := Program{Env: []string{"HOME=/home/user"}, Stdout: &bytes.Buffer{}, Stderr: &bytes.Buffer{}, Self: "rulebridge"}.command()
	written := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	want := map[string][]byte{}
	var add func(c *cobra.Command)
	add = func(c *cobra.Command) {
		if c.Hidden || c.IsAdditionalHelpTopicCommand() {
			return
		}
		c.DisableAutoGenTag = true
		var page bytes.Buffer
		if err := doc.GenMan(c, &doc.GenManHeader{Section: "1", Source: "Rulebridge", Manual: "Rulebridge", Date: &written}, &page); err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(dir, strings.ReplaceAll(c.CommandPath(), " ", "-")+".1")
		want[name] = page.Bytes()
		for _, sub := range c.Commands() {
			add(sub)
		}
	}
	add(root)
	if len(want) < 15 {
		t.Fatalf("only %d commands have a page", len(want))
	}
	there, err := filepath.Glob(dir + "/*.1")
	if err != nil {
		t.Fatal(err)
	}
	if *updateMan {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, name := range there {
			if want[name] == nil {
				_ = os.Remove(name)
			}
		}
		for name, page := range want {
			if err := os.WriteFile(name, page, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	for _, name := range there {
		if want[name] == nil {
			t.Errorf("%s is of no command: make man", name)
		}
	}
	for name, page := range want {
		if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, page) {
			t.Errorf("%s is not what the command gives (%v): make man", name, err)
		}
	}
}
