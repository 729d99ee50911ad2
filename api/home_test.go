package api

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
)

func init() {
	for _, kind := range []string{"text/html", "text/javascript", "text/css"} {
		openapi3filter.RegisterBodyDecoder(kind, func(body io.Reader, _ http.Header, _ *openapi3.SchemaRef, _ openapi3filter.EncodingFn) (any, error) {
			text, err := io.ReadAll(body)
			return string(text), err
		})
	}
}

// TestHome checks that the page is served with its policy, behind the same checks as everything, and its files with it.
func TestHome(t *testing.T) {
	b := newBench(t)
	w := b.do(http.MethodGet, "/", "")
	b.want(w, http.StatusOK, `<div id="root">`, `<meta name="rulebridge-base" content="">`)
	if csp := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'; script-src 'self';") || len(w.Header().Values("Content-Security-Policy")) != 1 {
		t.Errorf("the policy of the page is %q", w.Header().Values("Content-Security-Policy"))
	}
	script := regexp.MustCompile(`src="(/assets/[^"]+\.js)"`).FindStringSubmatch(w.Body.String())
	if script == nil {
		t.Fatalf("the page names no script:\n%s", w.Body.String())
	}
	w = b.do(http.MethodGet, script[1], "")
	b.want(w, http.StatusOK)
	if got := w.Header().Get("Content-Type"); got != "text/javascript; charset=utf-8" {
		t.Errorf("the script is %s", got)
	}
	b.want(b.do(http.MethodGet, "/assets/gone-00000000.js", ""), http.StatusNotFound, "the page has no such file")
}
