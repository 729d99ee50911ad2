package page

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

var named = regexp.MustCompile(`(?:src|href)="([^"]*/assets/([^"]+))"`)

// TestIndex checks the policy, that every file which the page names is there beneath the base path, and that the nonce is
// another one each time.
func TestIndex(t *testing.T) {
	p, err := New("/soc/bridge")
	if err != nil {
		t.Fatal(err)
	}
	nonces := map[string]bool{}
	for range 3 {
		w := httptest.NewRecorder()
		p.Index(w, httptest.NewRequest(http.MethodGet, "/", nil))
		body, csp := w.Body.String(), w.Header().Get("Content-Security-Policy")
		for _, bad := range []string{"unsafe-inline", "unsafe-eval", "http:", "https:", "*"} {
			if strings.Contains(csp, bad) {
				t.Errorf("the policy %q has %s", csp, bad)
			}
		}
		if !strings.HasPrefix(csp, "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-") {
			t.Errorf("the policy is %q", csp)
		}
		nonce := regexp.MustCompile(`'nonce-([^']+)'`).FindStringSubmatch(csp)[1]
		nonces[nonce] = true
		if !strings.Contains(body, `<meta name="rulebridge-nonce" content="`+nonce+`">`) || !strings.Contains(body, `<meta name="rulebridge-base" content="/soc/bridge">`) {
			t.Errorf("the page lacks its nonce or its base path:\n%s", body)
		}
		if strings.Contains(body, "{{") || regexp.MustCompile(`\son[a-z]+=|\sstyle=|<style`).MatchString(body) {
			t.Errorf("the page has a hole, a style or a handler of its own:\n%s", body)
		}
		refs := named.FindAllStringSubmatch(body, -1)
		if len(refs) != 2 {
			t.Fatalf("the page names %v, want a script and a style", refs)
		}
		for _, ref := range refs {
			if ref[1] != "/soc/bridge/assets/"+ref[2] || p.assets[ref[2]] == nil {
				t.Errorf("the page names %s, which is not there", ref[1])
			}
		}
	}
	if len(nonces) != 3 {
		t.Errorf("three answers had %d nonces", len(nonces))
	}
}

// TestAssets asks for every file, plain and compressed, and for one that is not there.
func TestAssets(t *testing.T) {
	p, err := New("")
	if err != nil {
		t.Fatal(err)
	}
	for name, a := range p.assets {
		for _, enc := range []string{"", "gzip, deflate, br", "br", "gzip;q=0", "*", "GZIP; q=0.5"} {
			r := httptest.NewRequest(http.MethodGet, "/assets/"+name, nil)
			r.Header.Set("Accept-Encoding", enc)
			w := httptest.NewRecorder()
			if !p.Asset(w, r, name) {
				t.Fatalf("%s is not there", name)
			}
			var body io.Reader = w.Body
			packed := enc == "gzip, deflate, br" || enc == "*" || enc == "GZIP; q=0.5"
			if got := w.Header().Get("Content-Encoding"); (got == "gzip") != packed {
				t.Errorf("%s for %q is encoded %q", name, enc, got)
			}
			if packed {
				if body, err = gzip.NewReader(w.Body); err != nil {
					t.Fatal(err)
				}
			}
			if got, err := io.ReadAll(body); err != nil || string(got) != string(a.plain) {
				t.Errorf("%s for %q gave %d bytes, %v; it has %d", name, enc, len(got), err, len(a.plain))
			}
			if cached := strings.Contains(w.Header().Get("Cache-Control"), "immutable"); cached != regexp.MustCompile(`-[A-Z0-9]{8}\.`).MatchString(name) {
				t.Errorf("%s is kept for good: %v", name, cached)
			}
		}
	}
	w := httptest.NewRecorder()
	if p.Asset(w, httptest.NewRequest(http.MethodGet, "/", nil), "../index.html") || w.Body.Len() > 0 {
		t.Error("a file outside of the assets was served")
	}
}

// TestBasePath: a wrong one is said at the start.
func TestBasePath(t *testing.T) {
	for _, base := range []string{"x", "/x/", "/"} {
		if _, err := New(base); err == nil {
			t.Errorf("base path %q was taken", base)
		}
	}
}
