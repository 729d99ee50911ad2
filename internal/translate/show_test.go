package translate

import (
	"encoding/json"
	"github.com/rulebridge/rulebridge/internal/schema"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestShow prints the translation of the query in SHOW, or of the corpus rule whose id starts with SHOW_ID; it is a tool for work
// on the compiler.
func TestShow(t *testing.T) {
	q, id := os.Getenv("SHOW"), os.Getenv("SHOW_ID")
	if q == "" && id == "" {
		t.Skip("set SHOW or SHOW_ID")
	}
	c, reqs := corpus(t)
	if q != "" {
		reqs = []Request{{ID: "show", Query: q}}
	}
	for _, r := range reqs {
		if id != "" && !strings.HasPrefix(r.ID, id) {
			continue
		}
		out := c.Translate(r)
		t.Logf("%s\n%s\n--- %s\n%s", r.ID+" "+r.Title, r.Query, out.Result, out.Query)
		for _, d := range out.Diagnostics {
			t.Logf("%s %s %s: %s", d.Severity, d.Code, d.Subject, d.Message)
		}
	}
}

// TestCause prints where CAUSE (a code) with CAUSE_SUBJECT occurs in the corpus.
func TestCause(t *testing.T) {
	code, subject := os.Getenv("CAUSE"), os.Getenv("CAUSE_SUBJECT")
	if code == "" {
		t.Skip("set CAUSE and CAUSE_SUBJECT")
	}
	c, reqs := corpus(t)
	for _, r := range reqs {
		out := c.Translate(r)
		for _, d := range out.Diagnostics {
			if d.Code == code && (subject == "" || d.Subject == subject) {
				from, to := max(0, d.Span.Start.Offset-60), min(len(r.Query), int(d.Span.End.Offset)+60)
				t.Logf("%s %s | %s | %q", r.ID[:8], d.Subject, d.Message, r.Query[from:to])
				break
			}
		}
	}
}

// TestDump writes translations of the labelled rules to the file in DUMP, for tools.
func TestDump(t *testing.T) {
	path := os.Getenv("DUMP")
	if path == "" {
		t.Skip("set DUMP")
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := json.NewEncoder(f)
	readLines(t, filepath.Join(dataDir(t), "sigma", "semantic.jsonl"), func(b []byte) {
		var r struct {
			ID, SPL string
			Mapping map[string]string
			Mixed   bool
		}
		if err := json.Unmarshal(b, &r); err != nil {
			t.Fatal(err)
		}
		if r.Mixed {
			return
		}
		c, err := New(Options{Schema: schema.Identity([]string{"events"}, r.Mapping), Index: []string{"events"}})
		if err != nil {
			t.Fatal(err)
		}
		out := c.Translate(Request{Query: r.SPL, Types: r.Mapping})
		if err := w.Encode(map[string]any{"id": r.ID, "result": out.Result, "query": out.Query, "diagnostics": out.Diagnostics}); err != nil {
			t.Fatal(err)
		}
	})
}
