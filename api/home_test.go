package api

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"

	"github.com/rulebridge/rulebridge/internal/migration"
)

func init() {
	openapi3filter.RegisterBodyDecoder("text/html", func(body io.Reader, _ http.Header, _ *openapi3.SchemaRef, _ openapi3filter.EncodingFn) (any, error) {
		text, err := io.ReadAll(body)
		return string(text), err
	})
}

// TestHome checks that the page names what runs where, with everything in it escaped, and carries no scripts.
func TestHome(t *testing.T) {
	b := newBench(t, func(d *Deps) {
		d.Places = []Place{{Name: "Temporal Web UI", Where: "http://127.0.0.1:8233"}, {Name: "Data", Where: `/tmp/<script>alert(1)</script>`}, {Name: "Odd", Where: "javascript:alert(1)"}}
	})
	const name = `<img src=x onerror="alert(1)">`
	rules := []migration.OriginalRule{{ID: "r", Title: "t", Query: "index=x", Vendor: "splunk", QueryLanguage: "spl"}}
	if err := b.store.CreateMigration(t.Context(), migration.Migration{ID: "m1", Name: name, State: migration.Ready, Vendor: "splunk"}, rules); err != nil {
		t.Fatal(err)
	}
	w := b.do(http.MethodGet, "/", "")
	b.want(w, http.StatusOK, `href="http://127.0.0.1:8233"`, "Temporal Web UI", "What runs where", BasePath+"/m1", "ready")
	page := w.Body.String()
	for _, bad := range []string{"<script", "<img", `href="javascript`, "onerror=\""} {
		if strings.Contains(page, bad) {
			t.Errorf("the page holds %s:\n%s", bad, page)
		}
	}
	if csp := w.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") {
		t.Errorf("the policy of the page is %q", csp)
	}
	if got := w.Header().Get("Content-Type"); got != "text/html; charset=utf-8" {
		t.Errorf("the page is %s", got)
	}
}

// TestHomeOfAnEmptyGateway says what to do when there is nothing yet.
func TestHomeOfAnEmptyGateway(t *testing.T) {
	b := newBench(t)
	b.want(b.do(http.MethodGet, "/", ""), http.StatusOK, "There are none yet", "rulebridge migrate FILE --url")
}
