//go:build record

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/client"
	sdkworker "go.temporal.io/sdk/worker"
	"go.uber.org/zap"

	"github.com/rulebridge/rulebridge/activities"
	"github.com/rulebridge/rulebridge/config"
	"github.com/rulebridge/rulebridge/internal/assistant"
	"github.com/rulebridge/rulebridge/internal/llm"
	"github.com/rulebridge/rulebridge/internal/store/sqlite"
	"github.com/rulebridge/rulebridge/test/replay"
	"github.com/rulebridge/rulebridge/worker"
	"github.com/rulebridge/rulebridge/workflows"
)

// askPath is one control path of the workflow of a question.
type askPath struct {
	name string
	// says is what the model answers, one after another; fail makes a call fail.
	says []string
	fail func(call int64) error
	in   workflows.AskInput
	// after is done when the workflow has started; nil waits for the answer and reads it.
	after func(s *askSession) error
}

type askSession struct {
	ctx    context.Context
	client client.Client
	core   *assistant.Core
	id     string
	calls  atomic.Int64
	path   askPath
}

func askPaths() []askPath {
	const (
		tool   = `{"action":"tool","tool":"open-alerts","arguments":{}}`
		answer = `{"action":"answer","answer":"` + replay.Marker + `"}`
	)
	model := workflows.AskInput{ConnectorID: "sim", Mode: workflows.ModeModel}
	passing := func(call int64) error {
		if call <= 2 {
			return &llm.Error{Connector: "sim", Reason: llm.Transient, Status: 503, Detail: "down"}
		}
		return nil
	}
	always := func(reason llm.Reason) func(int64) error {
		return func(int64) error { return &llm.Error{Connector: "sim", Reason: reason, Detail: "down"} }
	}
	return []askPath{
		{name: "deterministic", in: workflows.AskInput{ConnectorID: llm.DeterministicID, Mode: workflows.ModeDeterministic}},
		{name: "model-with-tools", in: model, says: []string{tool, "no JSON", tool, answer}},
		{name: "no-answer", in: model, says: []string{tool}},
		{name: "retried", in: model, says: []string{answer}, fail: passing},
		{name: "unavailable", in: model, says: []string{answer}, fail: always(llm.Transient)},
		{name: "refused", in: model, says: []string{answer}, fail: always(llm.Refused)},
		{name: "time-limit", in: workflows.AskInput{ConnectorID: "sim", Mode: workflows.ModeModel, Limit: time.Second}, says: []string{answer}, fail: always(llm.Transient)},
		{name: "unread", in: workflows.AskInput{ConnectorID: "sim", Mode: workflows.ModeModel, Kept: time.Second}, says: []string{answer}, after: func(s *askSession) error { return nil }},
		{name: "cancelled", in: model, says: []string{answer}, fail: always(llm.Transient), after: func(s *askSession) error {
			time.Sleep(time.Second)
			return s.client.CancelWorkflow(s.ctx, workflows.AskWorkflowID(s.id), "")
		}},
	}
}

// Generate implements assistant.Model.
func (s *askSession) Generate(_ context.Context, _ assistant.ModelRequest) (assistant.ModelReply, error) {
	n := s.calls.Add(1)
	if s.path.fail != nil {
		if err := s.path.fail(n); err != nil {
			return assistant.ModelReply{}, err
		}
	}
	return assistant.ModelReply{Text: s.path.says[min(int(n), len(s.path.says))-1]}, nil
}

func (p askPath) record(ctx context.Context, frontend, dir, folder string) (err error) {
	log := zap.NewNop()
	db, err := sqlite.OpenAssistant(ctx, filepath.Join(dir, "ask-"+p.name+".db"), sqlite.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	now := time.Now().UTC()
	alert := assistant.Alert{ID: "al-1", Index: ".alerts-security.alerts-default", Source: map[string]any{
		"@timestamp": now.Add(-time.Hour).Format(time.RFC3339), "kibana.alert.severity": "high", "kibana.alert.risk_score": json.Number("73"),
		"host.name": replay.Marker, "message": replay.Marker + " logged on",
	}}
	if _, _, err := db.ImportAlerts(ctx, []assistant.Alert{alert}); err != nil {
		return err
	}
	c, err := worker.Dial(ctx, client.Options{HostPort: frontend, Namespace: "default", Identity: "recorder"}, log)
	if err != nil {
		return err
	}
	defer c.Close()
	s := &askSession{ctx: ctx, client: c, id: "record-" + p.name, path: p}
	s.core = assistant.New(assistant.Deps{Alerts: db, Questions: db, Model: func(id string) (assistant.Model, bool) {
		if id == llm.DeterministicID {
			return nil, true
		}
		return s, true
	}})
	acts := activities.NewAsk(s.core, log)
	w, err := worker.New(worker.Deps{Client: c, Logger: log, Embedded: true, Settings: config.Default(nil).Worker, Grace: time.Second,
		Connectors: []config.Connector{{ID: "sim", Kind: config.KindSimulated}},
		Workflows:  func(r sdkworker.Registry) { workflows.Register(r) },
		Activities: func(r sdkworker.Registry) { acts.Register(r) }})
	if err != nil {
		return err
	}
	if err := w.Start(); err != nil {
		return err
	}
	defer w.Stop()
	return s.play(folder)
}

func (s *askSession) play(folder string) error {
	q := assistant.Question{ID: s.id, ConnectorID: s.path.in.ConnectorID, Alerts: true, Index: []string{".alerts-security.alerts-default"}, Size: 20,
		Messages: []assistant.Message{{Role: assistant.RoleUser, Content: "Which alerts first? " + replay.Marker}}}
	if err := s.core.Create(s.ctx, q); err != nil {
		return err
	}
	in := s.path.in
	in.QuestionID, in.Settings = s.id, workflows.Settings{RetryInterval: 20 * time.Millisecond}
	run, err := s.client.ExecuteWorkflow(s.ctx, workflows.AskOptions(s.id), workflows.AskWorkflow, in)
	if err != nil {
		return err
	}
	after := s.path.after
	if after == nil {
		after = (*askSession).read
	}
	if err := after(s); err != nil {
		return err
	}
	if err := run.Get(s.ctx, nil); err != nil && s.path.name != "cancelled" {
		return err
	}
	if _, err := s.core.Answer(s.ctx, s.id); !errors.Is(err, assistant.ErrNotFound) {
		return fmt.Errorf("the question was not deleted: %w", err)
	}
	h, err := history(s.ctx, s.client, workflows.AskWorkflowID(s.id), run.GetRunID())
	if err != nil {
		return err
	}
	return save(h, filepath.Join(folder, s.path.name+".1.json"))
}

// read waits for the answer, or for its fault, and says that it was read.
func (s *askSession) read() error {
	for {
		_, err := s.core.Answer(s.ctx, s.id)
		if !errors.Is(err, assistant.ErrNotFound) {
			break
		}
		select {
		case <-s.ctx.Done():
			return s.ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
	return s.client.SignalWorkflow(s.ctx, workflows.AskWorkflowID(s.id), "", workflows.SignalDelivered, nil)
}
