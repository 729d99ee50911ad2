package replay

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"

	"github.com/rulebridge/rulebridge/workflows"
)

// paths are the control paths of which every recording has a history.
var paths = []string{
	"run", "run-in-batches", "run-simulated", "run-with-model", "stop-and-resume", "stop-and-start-in-one-task",
	"stop-while-paused", "park-and-resume",
	"continue-as-new-with-start-waiting", "continue-as-new-with-stop-waiting", "activity-failure-and-retry", "outage",
	"outage-at-start", "cancel", "deleted",
}

// askPaths are those of recordings of questions.
var askPaths = []string{"deterministic", "model-with-tools", "no-answer", "retried", "unavailable", "refused", "time-limit", "unread", "cancelled"}

// retryPaths are those of recordings of starts that translate rules again.
var retryPaths = []string{"retry-chosen", "retry-not-full", "retry-finds-nothing"}

// installPaths are those of recordings of installations.
var installPaths = []string{"installed", "continued", "enabled", "one-refused", "down-for-a-while", "down-for-good", "wrong-key", "cancelled"}

func TestRecordedHistoriesReplay(t *testing.T) {
	replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{
		Interceptors: []interceptor.WorkerInterceptor{workflows.Interceptor()},
	})
	if err != nil {
		t.Fatal(err)
	}
	workflows.Register(replayer)
	seen := map[string]map[string]bool{}
	err = filepath.WalkDir("testdata", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".json" {
			return err
		}
		recording, name := filepath.Base(filepath.Dir(path)), d.Name()
		if seen[recording] == nil {
			seen[recording] = map[string]bool{}
		}
		control, _, _ := strings.Cut(name, ".")
		seen[recording][control] = true
		t.Run(recording+"/"+name, func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			noRuleText(t, text)
			if err := replayer.ReplayWorkflowHistoryFromJSONFile(quiet{}, path); err != nil {
				t.Errorf("%s diverges: %v\nA change under workflows/ replays every recorded history, or comes with GetVersion.", path, err)
			}
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(seen) == 0 {
		t.Fatal("no recorded histories in testdata")
	}
	for recording, controls := range seen {
		wanted := paths
		switch {
		case strings.HasPrefix(recording, AskRecording):
			wanted = askPaths
		case strings.HasPrefix(recording, RetryRecording):
			wanted = retryPaths
		case strings.HasPrefix(recording, InstallRecording):
			wanted = installPaths
		}
		for _, control := range wanted {
			if !controls[control] {
				t.Errorf("recording %s has no history of %s", recording, control)
			}
		}
	}
}

// TestParkedRunsStaySmall counts the events of every parked run up to the start that wakes it: what stopped migrations
// leave on the server.
func TestParkedRunsStaySmall(t *testing.T) {
	files, err := filepath.Glob("testdata/*/*.json")
	if err != nil {
		t.Fatal(err)
	}
	parked := 0
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		h, err := client.HistoryFromJSON(f, client.HistoryJSONOptions{})
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		started := h.Events[0].GetWorkflowExecutionStartedEventAttributes()
		if started.GetWorkflowType().GetName() != workflows.MigrationWorkflow {
			continue
		}
		var in workflows.Input
		if err := converter.GetDefaultDataConverter().FromPayloads(started.GetInput(), &in); err != nil {
			t.Fatal(err)
		}
		if in.Carry == nil || in.Carry.Start != nil || in.Carry.PendingStart != nil {
			continue
		}
		parked++
		events := len(h.Events)
		for i, e := range h.Events {
			if e.GetWorkflowExecutionSignaledEventAttributes().GetSignalName() == workflows.SignalStart {
				events = i
				break
			}
		}
		if events >= 30 {
			t.Errorf("%s: parked for %d events, a parked run has fewer than 30", file, events)
		}
	}
	if parked == 0 {
		t.Fatal("no parked run was recorded")
	}
}

// noRuleText fails when a history carries anything of a rule besides its id, in plain or as a payload.
func noRuleText(t *testing.T, history []byte) {
	t.Helper()
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for _, member := range v {
				walk(member)
			}
		case []any:
			for _, member := range v {
				walk(member)
			}
		case string:
			plain, err := base64.StdEncoding.DecodeString(v)
			if strings.Contains(v, Marker) || err == nil && bytes.Contains(plain, []byte(Marker)) {
				t.Errorf("the history carries rule text: %.80s", v)
			}
		}
	}
	var v any
	if err := json.Unmarshal(history, &v); err != nil {
		t.Fatal(err)
	}
	walk(v)
}

// quiet drops the workflow's own log lines.
type quiet struct{}

func (quiet) Debug(string, ...any)     {}
func (quiet) Info(string, ...any)      {}
func (quiet) Warn(string, ...any)      {}
func (quiet) Error(string, ...any)     {}
func (q quiet) With(...any) log.Logger { return q }
