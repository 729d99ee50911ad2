package translate

import (
	"os"
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
				from, to := max(0, d.Span.Start.Offset-60), min(len(r.Query), d.Span.End.Offset+60)
				t.Logf("%s %s | %s | %q", r.ID[:8], d.Subject, d.Message, r.Query[from:to])
				break
			}
		}
	}
}
