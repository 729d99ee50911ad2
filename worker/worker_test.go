package worker

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	sdkworker "go.temporal.io/sdk/worker"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/rulebridge/rulebridge/config"
)

func lazyClient(t *testing.T) client.Client {
	t.Helper()
	c, err := client.NewLazyClient(client.Options{HostPort: "127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestQueues(t *testing.T) {
	connectors := []config.Connector{
		{ID: "deterministic", Kind: config.KindDeterministic},
		{ID: "sim", Kind: config.KindSimulated},
		{ID: "gpt", Kind: config.KindOpenAI},
	}
	for _, tc := range []struct {
		name  string
		only  []string
		want  []string
		fault string
	}{
		{"all", nil, []string{"migrations", "llm-sim", "llm-gpt"}, ""},
		{"one model", []string{"llm-gpt"}, []string{"llm-gpt"}, ""},
		{"migrations alone", []string{"migrations"}, []string{"migrations"}, ""},
		{"unknown", []string{"llm-nobody"}, nil, "llm-nobody"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			none := func(sdkworker.Registry) {}
			w, err := New(Deps{
				Client: lazyClient(t), Workflows: none, Activities: none, Connectors: connectors,
				Settings: config.Worker{Queues: tc.only, Activities: 10, Eager: -1, StickyCache: 100}, Grace: time.Second,
			})
			if tc.fault != "" {
				if err == nil || !strings.Contains(err.Error(), tc.fault) {
					t.Fatalf("error %v, want one that names %s", err, tc.fault)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := w.Queues(); !slices.Equal(got, tc.want) {
				t.Errorf("queues %q, want %q", got, tc.want)
			}
		})
	}
}

func TestOptions(t *testing.T) {
	w := &Worker{}
	base := config.Worker{Activities: 200, Eager: -1, Deployment: "d", BuildID: "b"}
	embedded := w.options(Deps{Settings: base, Embedded: true, Grace: 20 * time.Second}, nil)
	if *embedded.MaxEagerActivityReservationsPerWorkflowTask != 50 || embedded.DeploymentOptions.UseVersioning || embedded.WorkerStopTimeout != 20*time.Second {
		t.Errorf("embedded: %+v", embedded)
	}
	cluster := w.options(Deps{Settings: base}, nil)
	if *cluster.MaxEagerActivityReservationsPerWorkflowTask != 3 || !cluster.DeploymentOptions.UseVersioning {
		t.Errorf("cluster: %+v", cluster)
	}
	base.Eager = 0
	if off := w.options(Deps{Settings: base}, nil); !off.DisableEagerActivities {
		t.Error("eager 0 does not turn eager activities off")
	}
	model := w.options(Deps{Settings: base}, &config.Connector{Rate: 2.5, Concurrency: 7})
	if !model.DisableWorkflowWorker || model.TaskQueueActivitiesPerSecond != 2.5 || model.MaxConcurrentActivityExecutionSize != 7 {
		t.Errorf("model: %+v", model)
	}
}

func TestLogger(t *testing.T) {
	core, logs := observer.New(zap.DebugLevel)
	l := NewLogger(zap.New(core)).(*logger)
	l.With("WorkflowID", "migration-42", "TaskQueue", "migrations").Info("hello", "rule_id", "r1", "Error", errors.New("broken"), "odd")
	l.Warn("other", "WorkflowID", "temporal-sys-x", "RunID", "r")
	got := logs.All()[0].ContextMap()
	for k, want := range map[string]any{"migration_id": "42", "task_queue": "migrations", "rule_id": "r1", "error": "broken", "extra": "odd"} {
		if got[k] != want {
			t.Errorf("%s: %v, want %v (all: %v)", k, got[k], want, got)
		}
	}
	other := logs.All()[1].ContextMap()
	if other["workflow_id"] != "temporal-sys-x" || other["run_id"] != "r" || other["migration_id"] != nil {
		t.Errorf("other: %v", other)
	}
}

func TestCancellationsAreNoErrors(t *testing.T) {
	core, logs := observer.New(zap.DebugLevel)
	l := NewLogger(zap.New(core))
	l.Error("Activity error.", "Error", context.Canceled)
	l.Warn("RecordActivityHeartbeat with error", "Error", temporal.NewCanceledError())
	l.Error("Activity error.", "Error", errors.New("disk lost"))
	l.Warn("Failed to poll for task.", "Error", errors.New("connection reset"))
	var levels []zapcore.Level
	for _, e := range logs.All() {
		levels = append(levels, e.Level)
	}
	if want := []zapcore.Level{zap.DebugLevel, zap.DebugLevel, zap.ErrorLevel, zap.WarnLevel}; !slices.Equal(levels, want) {
		t.Errorf("levels %v, want %v", levels, want)
	}
}
