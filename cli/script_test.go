package cli_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/rulebridge/rulebridge/cli"
	"github.com/rulebridge/rulebridge/internal/kibana/kibanatest"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/splunk"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		// Without the embedded server, which would take minutes to link.
		"rulebridge": func() { os.Exit(cli.Main(nil, "v0.0.0-test")) },
	})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", Cmds: map[string]func(*testscript.TestScript, bool, []string){
		"exitcode": exitCode,
		"gateway":  gateway,
		"kibana":   kibana,
		"fallback": fallback,
	}})
}

// exitCode runs rulebridge and checks its exit code: exitcode 2 ARGS….
func exitCode(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	if err != nil || neg {
		ts.Fatalf("usage: exitcode CODE ARGS…")
	}
	err = ts.Exec("rulebridge", args[1:]...)
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		if exit.ExitCode() != want {
			ts.Fatalf("exit code %d, want %d", exit.ExitCode(), want)
		}
	case err != nil:
		ts.Fatalf("%v", err)
	case want != 0:
		ts.Fatalf("exit code 0, want %d", want)
	}
}

// gateway starts one that keeps the finished migration m1 with the rules in a file, and sets GATEWAY: gateway FILE. It counts
// the rules that are added.
func gateway(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: gateway FILE")
	}
	rules := ts.ReadFile(args[0])
	stats := migration.Stats{MigrationID: "m1", Status: migration.Finished}
	var total atomic.Int64
	var added sync.Map // ids of rules
	mux := http.NewServeMux()
	answer := func(path string, value any) {
		mux.HandleFunc("GET /internal/siem_migrations/rules"+path, func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(value) })
	}
	answer("/stats", []migration.Stats{stats})
	mux.HandleFunc("GET /internal/siem_migrations/rules/m1/stats", func(w http.ResponseWriter, _ *http.Request) {
		s := stats
		s.Rules.Total = int(total.Load())
		_ = json.NewEncoder(w).Encode(s)
	})
	imports := func(w http.ResponseWriter, r *http.Request) {
		parts, err := r.MultipartReader()
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		found := importSink{splunk.NewTally(1000), func(rule migration.OriginalRule) {
			if _, known := added.LoadOrStore(rule.ID, true); !known {
				total.Add(1)
			}
		}}
		err = splunk.StreamParts(splunk.Options{}, func() (string, io.Reader, error) {
			part, err := parts.NextPart()
			if err != nil {
				return "", nil, err
			}
			return part.FileName(), part, nil
		}, found)
		report := found.Report()
		if err != nil || report.Of(splunk.Taken) == 0 {
			message := "the upload holds no alerts"
			for _, fault := range report.Faults() {
				message = fault.String()
			}
			w.WriteHeader(http.StatusBadRequest)
			_ = json.NewEncoder(w).Encode(map[string]any{"statusCode": http.StatusBadRequest, "message": message})
			return
		}
		_ = json.NewEncoder(w).Encode(struct {
			MigrationID string `json:"migration_id"`
			splunk.Report
		}{"m1", report})
	}
	mux.HandleFunc("POST /internal/siem_migrations/rules/m1/import", imports)
	mux.HandleFunc("POST /internal/siem_migrations/rules/import", imports)
	answer("/m1", json.RawMessage(rules))
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	s := httptest.NewServer(mux)
	ts.Defer(s.Close)
	ts.Setenv("GATEWAY", s.URL)
}

// importSink is what an import of the gateway finds.
type importSink struct {
	*splunk.Tally
	rule func(migration.OriginalRule)
}

func (k importSink) Rules(list []migration.OriginalRule) error {
	for _, r := range list {
		k.rule(r)
	}
	return nil
}

func (importSink) Resources([]migration.Resource) error { return nil }

// kibana imports a file into a Kibana without rules, which has to take every rule: kibana FILE.
func kibana(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: kibana FILE")
	}
	var k kibanatest.Kibana
	a, err := k.Import(args[0], []byte(ts.ReadFile(args[0])), false)
	if err != nil || !a.Success || a.SuccessCount == 0 {
		ts.Fatalf("Kibana answers %+v, %v", a, err)
	}
}

// fallback wants one folder with a whole result in the given one: fallback DIR.
func fallback(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: fallback DIR")
	}
	folders, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), "rulebridge-result-*"))
	if err != nil || len(folders) != 1 {
		ts.Fatalf("folders %q, %v", folders, err)
	}
	for _, name := range []string{"rules.ndjson", "report.json", "report.md"} {
		if info, err := os.Stat(filepath.Join(folders[0], name)); err != nil || info.Size() == 0 {
			ts.Fatalf("%s: %v", name, err)
		}
	}
}
