package client

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const key = "c2VjcmV0LWtleQ=="

func newClient(t *testing.T, url, space string) *Client {
	t.Helper()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	c, err := New(Options{URL: url, Space: space, Key: func() (string, error) { return key, nil }, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestReasons: what Kibana answers gets a reason, the time it asks to wait, and never the key.
func TestReasons(t *testing.T) {
	for _, tt := range []struct {
		name    string
		status  int
		header  string
		body    string
		want    Reason
		after   time.Duration
		message string
	}{
		{"no key", 401, "", `{"message":"no ` + key + `"}`, Credential, 0, "no [redacted]"},
		{"no right", 403, "", `{"message":"Forbidden"}`, Credential, 0, "Forbidden"},
		{"bad rule", 400, "", `{"message":["a","b"]}`, Refused, 0, "[a b]"},
		{"there", 409, "", `{"message":"already exists"}`, Conflict, 0, "already exists"},
		{"limited", 429, "7", ``, Limited, 7 * time.Second, ""},
		{"limited until", 429, "Fri, 02 Jan 2026 03:04:35 GMT", ``, Limited, 30 * time.Second, ""},
		{"limited before", 429, "Fri, 02 Jan 2026 03:04:00 GMT", ``, Limited, 0, ""},
		{"limited oddly", 429, "soon", ``, Limited, 0, ""},
		{"down", 503, "2", `<html>`, Unavailable, 2 * time.Second, ""},
		{"moved", 302, "", ``, Redirect, 0, "redirect to http://127.0.0.1:9, which is not followed"},
		{"long", 400, "", `{"message":"` + strings.Repeat("x", 2000) + `"}`, Refused, 0, "…"},
		{"html", 200, "", `<html>hello`, Unreadable, 0, "no JSON"},
		{"cut off", 200, "", `{"data":[`, Unavailable, 0, "broke off"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if tt.header != "" {
					w.Header().Set("Retry-After", tt.header)
				}
				if tt.status == 302 {
					w.Header().Set("Location", "http://user:"+key+"@127.0.0.1:9/elsewhere?token="+key)
				}
				w.WriteHeader(tt.status)
				_, _ = w.Write([]byte(tt.body))
			}))
			defer srv.Close()
			err := newClient(t, srv.URL, "").Check(t.Context())
			var e *Error
			if !errors.As(err, &e) || e.Reason != tt.want || e.RetryAfter != tt.after || !strings.Contains(e.Message, tt.message) {
				t.Fatalf("%v (after %s), want %s after %s", err, e.RetryAfter, tt.want, tt.after)
			}
			if strings.Contains(err.Error(), key) || len(err.Error()) > 2*longestMessage+100 {
				t.Errorf("the error is long or holds the key: %v", err)
			}
		})
	}
}

func TestRequests(t *testing.T) {
	var got *http.Request
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		_ = json.NewEncoder(w).Encode(map[string]any{"rule_id": "a b", "fields": []any{map[string]any{"name": "host.name"}}})
	}))
	defer srv.Close()
	c := newClient(t, srv.URL+"/base/", "soc")
	if rule, err := c.Rule(t.Context(), "a b"); err != nil || rule["rule_id"] != "a b" {
		t.Fatal(rule, err)
	}
	h := got.Header
	if got.URL.String() != "/base/s/soc/api/detection_engine/rules?rule_id=a+b" || h.Get("Authorization") != "ApiKey "+key ||
		h.Get("elastic-api-version") != "2023-10-31" || h.Get("kbn-xsrf") == "" || h.Get("x-elastic-internal-origin") != "" {
		t.Errorf("%s %v", got.URL, h)
	}
	if _, err := c.Rule(t.Context(), "other"); ReasonOf(err) != Unreadable {
		t.Errorf("another rule than the one asked for: %v", err)
	}
	fields, ok, err := c.Fields(t.Context(), "logs-*")
	if err != nil || !ok || !fields["host.name"] || got.Header.Get("elastic-api-version") != "1" || got.Header.Get("x-elastic-internal-origin") == "" {
		t.Errorf("%v %v %v %v", fields, ok, err, got.Header)
	}
}

func TestOptions(t *testing.T) {
	for _, url := range []string{"", "kibana", "ftp://kibana", "https://user:pw@kibana", "https://kibana?x=1"} {
		if _, err := New(Options{URL: url}); err == nil {
			t.Errorf("%q was taken", url)
		}
	}
	c, err := New(Options{URL: "http://127.0.0.1:9", Key: func() (string, error) { return "", errors.New("the variable K is empty") }})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Check(t.Context()); ReasonOf(err) != Credential || !strings.Contains(err.Error(), "the variable K is empty") {
		t.Error(err)
	}
	if err := newClient(t, "http://127.0.0.1:9", "").Check(t.Context()); ReasonOf(err) != Unavailable {
		t.Error(err)
	}
}
