package run_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/plan/run"
)

// dataFile opens a file of the data to develop on, which lies beside the repository or where RULEBRIDGE_DATA says. Without
// the data the test is skipped, on CI it fails.
func dataFile(t *testing.T, name string) []byte {
	t.Helper()
	dir := os.Getenv("RULEBRIDGE_DATA")
	if dir == "" {
		dir = "../../../../shared/data"
	}
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the data to develop on is missing: %v", err)
		}
		t.Skipf("without the data to develop on: %v", err)
	}
	return data
}

func lines(data []byte) [][]byte {
	s := bufio.NewScanner(bytes.NewReader(data))
	s.Buffer(nil, 64<<20)
	var list [][]byte
	for s.Scan() {
		if len(bytes.TrimSpace(s.Bytes())) > 0 {
			list = append(list, slices.Clone(s.Bytes()))
		}
	}
	return list
}

// TestLabelledEvents runs every rule that is not mixed over each of its events, which are labelled: does Splunk's search
// find it?
func TestLabelledEvents(t *testing.T) {
	rules, events, wrong := 0, 0, 0
	for _, line := range lines(dataFile(t, "sigma/semantic.jsonl")) {
		var r struct {
			ID, SPL string
			Mixed   bool
			Events  []struct {
				Doc   json.RawMessage
				Match bool
				Tag   string
			}
		}
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatal(err)
		}
		if r.Mixed {
			continue
		}
		rules++
		for _, e := range r.Events {
			ev, err := run.ReadEvent(e.Doc, time.UTC)
			if err != nil {
				t.Fatal(err)
			}
			res, _, err := search(r.SPL, run.Input{Events: []run.Event{ev}})
			if err != nil {
				t.Errorf("%s: %v\n%s", r.ID, err, r.SPL)
				wrong++
				break
			}
			events++
			if found := len(res.Rows) == 1; found != e.Match {
				wrong++
				if wrong <= 20 {
					t.Errorf("%s %s: found %v, labelled %v\n%s\n%s", r.ID, e.Tag, found, e.Match, r.SPL, e.Doc)
				}
			}
		}
	}
	t.Logf("FIGURE labelled events as labelled: %d of %d, of %d rules", events-wrong, events, rules)
}

// TestRealEvents runs the rules that must find them over real Windows events as Splunk holds them.
func TestRealEvents(t *testing.T) {
	spl := map[string]string{}
	for _, line := range lines(dataFile(t, "sigma/semantic.jsonl")) {
		var r struct{ ID, SPL string }
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatal(err)
		}
		spl[r.ID] = r.SPL
	}
	pairs, found, unknown := 0, 0, 0
	for _, line := range lines(dataFile(t, "sigma/event_pairs.ndjson")) {
		var e struct {
			Expected []string        `json:"expected_match_sigma_ids"`
			Raw      json.RawMessage `json:"splunk_raw"`
		}
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatal(err)
		}
		ev, err := run.ReadEvent(e.Raw, time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range e.Expected {
			if spl[id] == "" {
				unknown++
				continue
			}
			pairs++
			res, _, err := search(spl[id], run.Input{Events: []run.Event{ev}})
			if err != nil || len(res.Rows) != 1 {
				t.Errorf("%s: %v\n%s\n%s", id, err, spl[id], e.Raw)
				continue
			}
			found++
		}
	}
	t.Logf("FIGURE real events found by their rules: %d of %d; rules that are not in the file: %d", found, pairs, unknown)
}
