package cli

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// TestWhatAGatewayDidNotAnswer: a message names a gateway where there is one, and says when the address is of something else.
// says is a server that answers everything alike.
func says(status int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(text))
	}
}

func TestWhatAGatewayDidNotAnswer(t *testing.T) {
	refuses := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadGateway)
		_, _ = w.Write([]byte(`{"statusCode": 502, "error": "Bad Gateway", "message": "the Kibana prod does not answer"}`))
	})
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) })
	for _, tc := range []struct {
		name    string
		handler http.Handler
		here    bool
		want    string
	}{
		{"refused elsewhere", refuses, false, "the gateway answered 502 Bad Gateway: the Kibana prod does not answer"},
		{"refused here", refuses, true, "the Kibana prod does not answer"},
		{"a Temporal UI", says(http.StatusBadRequest, `{"message":"missing csrf token in request header"}`), false, "is no gateway of Rulebridge: it says 400 Bad Request (missing csrf token in request header); give --url the address"},
		{"another program", says(http.StatusNotFound, "404 page not found"), false, "is no gateway of Rulebridge: it says 404 Not Found (404 page not found)"},
		{"a redirect", says(http.StatusFound, ""), false, "is no gateway of Rulebridge: it says 302 Found"},
		{"a proxy", says(http.StatusBadGateway, "<h1>no upstream</h1>"), false, "the gateway answered 502 Bad Gateway: <h1>no upstream"},
		{"no gateway", page, false, "is this the address of a gateway of Rulebridge?"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			address, transport := inProcessURL, http.RoundTripper(inProcess{tc.handler})
			if !tc.here {
				s := httptest.NewServer(tc.handler)
				defer s.Close()
				address, transport = s.URL, http.DefaultTransport
			}
			g, err := newGateway(address, transport)
			if err != nil {
				t.Fatal(err)
			}
			_, err = g.stats(t.Context(), "m")
			if err == nil || !strings.Contains(err.Error(), tc.want) || tc.here && strings.Contains(err.Error(), "gateway") {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

// TestUploadThatNobodyTakes: an upload that could not be sent says why, and not what became of the pipe that it went into.
func TestUploadThatNobodyTakes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "savedsearches.conf")
	if err := os.WriteFile(file, []byte("[A]\nsearch = index=x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	hangsUp := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer hangsUp.Close()
	for _, address := range []string{gone.URL, hangsUp.URL} {
		g, err := newGateway(address, http.DefaultTransport)
		if err != nil {
			t.Fatal(err)
		}
		u, err := newUpload([]string{file})
		if err != nil {
			t.Fatal(err)
		}
		err = g.upload(t.Context(), "/import", u, new(any))
		if err == nil || !strings.Contains(err.Error(), "does not answer") || strings.Contains(err.Error(), "pipe") {
			t.Errorf("%s: got %v", address, err)
		}
	}
}

// TestInterruptIsNoSilence: a request that Ctrl-C broke off is not blamed on the gateway.
func TestInterruptIsNoSilence(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	g, err := newGateway(inProcessURL, inProcess{http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		cancel(interrupted{os.Interrupt})
		<-r.Context().Done()
	})})
	if err != nil {
		t.Fatal(err)
	}
	_, err = g.stats(ctx, "m")
	if err == nil || err.Error() != "interrupted by Ctrl-C" || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestPrintable: a name cannot write to the terminal, nor be shown turned round.
func TestPrintable(t *testing.T) {
	if got := printable("a\x1b[31m\u009b\t\u202egnp.exe\u2066é日"); got != "a�[31m� �gnp.exe�é日" {
		t.Errorf("%q", got)
	}
}

// TestInterruptWhileRulesAreStored: Ctrl-C in the request that creates a migration leaves no migration that nobody knows of.
func TestInterruptWhileRulesAreStored(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	var deleted []string
	stored := 0
	g, err := newGateway(inProcessURL, inProcess{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodPost:
			stored++
			cancel(interrupted{os.Interrupt})
			if r.Context().Err() != nil {
				t.Error("the request that creates the migration is broken off")
			}
			_, _ = w.Write([]byte(`{"migration_id": "m1"}`))
		case http.MethodDelete:
			deleted = append(deleted, r.URL.Path)
			_, _ = w.Write([]byte(`{"deleted": true}`))
		}
	})})
	if err != nil {
		t.Fatal(err)
	}
	rules, known := make([]migration.OriginalRule, 3*firstRules), ""
	_, err = g.create(ctx, rules, nil, func(id string) error { known = id; return nil })
	if !errors.Is(err, context.Canceled) || stored != 1 || known != "m1" || len(deleted) != 1 || !strings.HasSuffix(deleted[0], "/m1") {
		t.Errorf("%v; %d requests stored rules, known %q, deleted %v", err, stored, known, deleted)
	}
}

// TestStartThatShowsLate: what a slow gateway still says of before the start does not end the migration.
func TestStartThatShowsLate(t *testing.T) {
	old, now := time.Now().Add(-time.Minute).UTC(), time.Now().UTC()
	counts := migration.Counts{Total: 3, Pending: 3}
	says := []migration.Stats{
		{Status: migration.Stopped, Rules: counts, LastUpdated: old}, // before the start
		{Status: migration.Stopped, Rules: counts, LastUpdated: old}, // right after it
		{Status: migration.Stopped, Rules: counts, LastUpdated: old},
		{Status: migration.Running, Rules: counts, LastUpdated: now},
		{Status: migration.Finished, Rules: migration.Counts{Total: 3, Finished: 3}, LastUpdated: now},
	}
	g, err := newGateway(inProcessURL, inProcess{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/start") {
			_, _ = w.Write([]byte(`{"started": true}`))
			return
		}
		_ = json.NewEncoder(w).Encode(says[0])
		says = says[min(1, len(says)-1):]
	})})
	if err != nil {
		t.Fatal(err)
	}
	r := &run{p: Program{Stdout: io.Discard, Stderr: io.Discard}, gateway: g, id: "m"}
	if stats, err := r.carryOut(t.Context(), 3); err != nil || stats.Status != migration.Finished {
		t.Errorf("%+v, %v", stats, err)
	}
}

// TestGatewayBeneathABasePath: the address of a gateway may have a path, which every call stands beneath.
func TestGatewayBeneathABasePath(t *testing.T) {
	for _, path := range []string{"/soc/bridge", "/soc/bridge/", "/soc/bridge" + rulesPath} {
		var asked string
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked = r.URL.Path
			_, _ = w.Write([]byte("[]"))
		}))
		g, err := newGateway(srv.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := g.call(t.Context(), http.MethodGet, "/stats", nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		srv.Close()
		if asked != "/soc/bridge"+rulesPath+"/stats" {
			t.Errorf("with %s: asked %s", path, asked)
		}
	}
}
