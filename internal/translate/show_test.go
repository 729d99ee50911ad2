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
