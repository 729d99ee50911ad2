//go:build record

// Command record runs one migration per control path on a real server, with faults put in where a path needs them, and
// stores the histories that the replay test replays. It is run on purpose only: a change of the workflow has to replay
// the stored histories, a new recording stands beside them.
//
//	go run -tags record ./test/replay/record -name v1
//	go run -tags record ./test/replay/record -name ask-v1    questions about alerts
//	go run -tags record ./test/replay/record -name retry-v1  starts that translate rules again
//	go run -tags record ./test/replay/record -name install-v1  installations in Kibana
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	sdkworker "go.temporal.io/sdk/worker"
	"go.uber.org/zap"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/rulebridge/rulebridge/activities"
	"github.com/rulebridge/rulebridge/config"
	"github.com/rulebridge/rulebridge/internal/compile"
	"github.com/rulebridge/rulebridge/internal/llm"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store/sqlite"
	"github.com/rulebridge/rulebridge/test/replay"
	"github.com/rulebridge/rulebridge/worker"
	"github.com/rulebridge/rulebridge/worker/embedded"
	"github.com/rulebridge/rulebridge/workflows"
)

func main() {
	out := flag.String("out", filepath.Join("test", "replay", "testdata"), "folder of the recordings")
	name := flag.String("name", "", "name of this recording, such as the release; it must be new")
	only := flag.String("only", "", "record only the path of this name")
	flag.Parse()
	if err := record(*out, *name, *only); err != nil {
		fmt.Fprintln(os.Stderr, "record:", err)
		os.Exit(1)
	}
}

func record(out, name, only string) (err error) {
	if name == "" {
		return errors.New("-name is missing")
	}
	folder := filepath.Join(out, name)
	if _, err := os.Stat(folder); err == nil && only == "" {
		return fmt.Errorf("%s is there already; recordings are added, not replaced", folder)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "rulebridge-record-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	srv, err := embedded.Start(ctx, embedded.Options{FrontendAddr: "127.0.0.1:0", Namespace: "default",
		SearchAttributes: worker.SearchAttributes(), Logger: zap.NewNop()})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, srv.Stop()) }()
	if strings.HasPrefix(name, replay.AskRecording) {
		for _, p := range askPaths() {
			if only != "" && p.name != only {
				continue
			}
			if err := p.record(ctx, srv.FrontendAddr(), dir, folder); err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
		}
		return nil
	}
	if strings.HasPrefix(name, replay.InstallRecording) {
		for _, p := range installPaths() {
			if only != "" && p.name != only {
				continue
			}
			if err := p.record(ctx, srv.FrontendAddr(), dir, folder); err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
		}
		return nil
	}
	these := paths()
	if strings.HasPrefix(name, replay.RetryRecording) {
		these = retryPaths()
	}
	for _, p := range these {
		if only != "" && p.name != only {
			continue
		}
		if err := p.record(ctx, srv.FrontendAddr(), dir, folder); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return nil
}

// session is one path being recorded: a store, a worker and a client of its own.
type session struct {
	ctx    context.Context
	client client.Client
	db     *sqlite.Store
	faults *faults
	id     string
	starts int
	runs   []string     // that a start reached
	wake   func() error // starts the worker of a path that begins without one
}

func (p path) record(ctx context.Context, frontend, dir, folder string) (err error) {
	log := zap.NewNop()
	db, err := sqlite.Open(ctx, filepath.Join(dir, p.name+".db"), sqlite.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	c, err := worker.Dial(ctx, client.Options{HostPort: frontend, Namespace: "default", Identity: "recorder"}, log)
	if err != nil {
		return err
	}
	defer c.Close()
	f := &faults{}
	connectors, err := llm.NewSet([]llm.Config{{ID: "sim", Kind: llm.KindSimulated, Latency: 50 * time.Millisecond, Jitter: 0.5, Seed: 1}})
	if err != nil {
		return err
	}
	acts := activities.New(activities.Deps{Migrations: faultyMigrations{db, f}, Rules: faultyRules{db, f}, Answers: db, Compiler: compiler{},
		Connectors: faultyConnectors{connectors, f}, Logger: log})
	w, err := worker.New(worker.Deps{Client: c, Logger: log, Embedded: true, Settings: config.Default(nil).Worker, Grace: time.Second,
		Connectors: []config.Connector{{ID: "sim", Kind: config.KindSimulated}},
		Workflows:  func(r sdkworker.Registry) { workflows.Register(r) },
		Activities: func(r sdkworker.Registry) { acts.Register(r) }})
	if err != nil {
		return err
	}
	s := &session{ctx: ctx, client: c, db: db, faults: f, id: "record-" + p.name}
	awake := false
	s.wake = func() error {
		awake = true
		return w.Start()
	}
	defer func() {
		if awake {
			w.Stop()
		}
	}()
	if !p.asleep {
		if err := s.wake(); err != nil {
			return err
		}
	}
	var rules []migration.OriginalRule
	for i := range p.rules {
		rules = append(rules, migration.OriginalRule{ID: fmt.Sprintf("rule-%02d", i), Vendor: "splunk", QueryLanguage: "spl",
			Title: replay.Marker + " title", Description: replay.Marker + " description", Query: replay.Marker + " " + p.query})
	}
	if err := db.CreateMigration(ctx, migration.Migration{ID: s.id, State: migration.Ready, Vendor: "splunk"}, rules); err != nil {
		return err
	}
	if err := p.play(s); err != nil {
		return err
	}
	return s.save(folder, p.name)
}

// save stores every run of the migration's workflow, oldest first.
func (s *session) save(folder, name string) error {
	var runs []*historypb.History
	seen := map[string]bool{}
	for _, runID := range append([]string{""}, s.runs...) {
		// From the newest run back through its continue-as-new; a start after the end began another chain.
		var chain []*historypb.History
		for !seen[runID] {
			h, err := s.history(runID)
			if err != nil {
				return err
			}
			started := h.Events[0].GetWorkflowExecutionStartedEventAttributes()
			if seen[started.GetOriginalExecutionRunId()] {
				break
			}
			seen[started.GetOriginalExecutionRunId()] = true
			chain = append(chain, h)
			if runID = started.GetContinuedExecutionRunId(); runID == "" {
				break
			}
		}
		runs = append(runs, chain...)
	}
	slices.SortFunc(runs, func(a, b *historypb.History) int {
		return a.Events[0].EventTime.AsTime().Compare(b.Events[0].EventTime.AsTime())
	})
	for i, h := range runs {
		if err := save(h, filepath.Join(folder, fmt.Sprintf("%s.%d.json", name, i+1))); err != nil {
			return err
		}
	}
	return nil
}

func save(h *historypb.History, file string) error {
	text, err := protojson.Marshal(h)
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, append(text, '\n'), 0o644); err != nil {
		return err
	}
	fmt.Printf("%s: %d events, %d bytes\n", file, len(h.Events), len(text))
	return nil
}

func (s *session) history(runID string) (*historypb.History, error) {
	return history(s.ctx, s.client, workflows.WorkflowID(s.id), runID)
}

func history(ctx context.Context, c client.Client, workflowID, runID string) (*historypb.History, error) {
	h := &historypb.History{}
	it := c.GetWorkflowHistory(ctx, workflowID, runID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for it.HasNext() {
		e, err := it.Next()
		if err != nil {
			return nil, err
		}
		h.Events = append(h.Events, e)
	}
	return h, nil
}

func (s *session) start(mode string, settings workflows.Settings, retry bool) error {
	return s.startAgain(mode, settings, retry, nil)
}

func (s *session) startAgain(mode string, settings workflows.Settings, retry bool, again *workflows.Again) error {
	s.starts++
	settings.SearchAttributes = true
	settings.RetryInterval = 5 * time.Millisecond
	connector := llm.DeterministicID
	if mode != workflows.ModeDeterministic {
		connector = "sim"
	}
	run, err := s.client.SignalWithStartWorkflow(s.ctx, workflows.WorkflowID(s.id), workflows.SignalStart,
		workflows.StartSignal{RequestID: fmt.Sprint("start-", s.starts), ConnectorID: connector, Mode: mode, Retry: retry, Again: again, By: "recorder", Settings: &settings},
		workflows.StartOptions(s.id), workflows.MigrationWorkflow, workflows.Input{MigrationID: s.id, Vendor: "splunk", Settings: settings})
	if err == nil {
		s.runs = append(s.runs, run.GetRunID())
	}
	return err
}

func (s *session) stop(reason string) error {
	s.starts++
	return s.client.SignalWorkflow(s.ctx, workflows.WorkflowID(s.id), "", workflows.SignalStop,
		workflows.StopSignal{RequestID: fmt.Sprint("stop-", s.starts), By: "recorder", Reason: reason})
}

// until waits for a state of the stored migration, and for the workflow to have come to rest in it.
func (s *session) until(state migration.State) error {
	for {
		m, err := s.db.Migration(s.ctx, s.id)
		if err != nil {
			return err
		}
		if m.State == state {
			break
		}
		if err := s.wait(20 * time.Millisecond); err != nil {
			return fmt.Errorf("waiting for %s, the migration is %s (%s): %w", state, m.State, m.ParkReason, err)
		}
	}
	return s.wait(500 * time.Millisecond)
}

func (s *session) wait(d time.Duration) error {
	select {
	case <-s.ctx.Done():
		return s.ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// compiler leaves a hole where the query says so.
type compiler struct{}

func (compiler) Compile(_ context.Context, _ string, r migration.OriginalRule) (compile.Output, error) {
	c := compile.Output{Result: migration.Full, Rule: &migration.ElasticRule{Query: "FROM logs-* METADATA _id, _index, _version // " + replay.Marker, QueryLanguage: "esql", Index: []string{"logs-*"}}}
	if strings.Contains(r.Query, "hole") {
		c.Result = migration.Partial
		c.Diagnostics = []migration.Diagnostic{{Code: "command_unsupported", Severity: "error", Message: "no counterpart"}}
	}
	return c, nil
}
