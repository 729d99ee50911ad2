package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/rulebridge/rulebridge/worker"
)

// Setup registers search attributes and installs the store's templates and indices; with a deployment it makes the
// build the current one. It says on out what it did, and may be run again at any time.
type Setup struct {
	Options
	Deployment, BuildID string
	// Wait is how long a worker of the build is waited for.
	Wait time.Duration
	Out  io.Writer
}

// Run carries it out. A part that fails does not keep the others from being done.
func (s Setup) Run(ctx context.Context) (err error) {
	s.Kind = "setup"
	p, err := Open(ctx, s.Options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	return errors.Join(s.searchAttributes(ctx, p), s.templates(ctx, p), s.current(ctx, p))
}

func (s Setup) printf(format string, args ...any) { _, _ = fmt.Fprintf(s.Out, format+"\n", args...) }

func (s Setup) searchAttributes(ctx context.Context, p *Process) error {
	added, err := worker.RegisterSearchAttributes(ctx, p.client, p.namespace)
	switch {
	case err != nil:
		s.printf("search attributes: not registered; an operator of the cluster can do it:")
	case len(added) > 0:
		s.printf("search attributes: registered %s in namespace %s; the same by hand:", strings.Join(added, ", "), p.namespace)
	default:
		s.printf("search attributes: all there in namespace %s; the same by hand:", p.namespace)
	}
	for _, c := range worker.SearchAttributeCommands(p.namespace) {
		s.printf("  %s", c)
	}
	return err
}

func (s Setup) templates(ctx context.Context, p *Process) error {
	switch {
	case p.elastic == nil:
		s.printf("store: SQLite, %s", p.folder.StorePath)
		return nil
	case !s.Config.Features.SIEMMigrations && p.assistant == nil:
		s.printf("store: nothing installed, since features.siemMigrationsEnabled and features.assistantRagOnAlerts are off")
		return nil
	}
	work, setup := p.elastic.Roles()
	if p.assistant != nil { // questions read alerts, and nothing writes them
		work["indices"] = append(work["indices"].([]any), map[string]any{
			"names": s.Config.Assistant.IndexPatterns, "privileges": []string{"read", "view_index_metadata"}})
	}
	for _, role := range []struct {
		who  string
		body map[string]any
	}{{"gateways and workers", work}, {"setup", setup}} {
		text, err := json.Marshal(map[string]any{"name": "rulebridge", "role_descriptors": map[string]any{"rulebridge": role.body}})
		if err != nil {
			return err
		}
		s.printf("store: an API key for %s, in Kibana's console:\n  POST /_security/api_key %s", role.who, text)
	}
	if err := p.elastic.CheckSetup(ctx); err != nil {
		return err
	}
	if s.Config.Features.SIEMMigrations {
		if err := p.elastic.Setup(ctx); err != nil {
			return err
		}
	}
	if p.assistant != nil {
		if err := p.assistant.Setup(ctx); err != nil {
			return err
		}
	}
	s.printf("store: templates and indices are there in Elasticsearch at %s", strings.Join(s.Config.Elasticsearch.URLs, ", "))
	return nil
}

func (s Setup) current(ctx context.Context, p *Process) error {
	if s.Deployment == "" {
		return nil
	}
	deadline := time.Now().Add(s.Wait)
	for told := false; ; told = true {
		changed, err := worker.MakeCurrent(ctx, p.client, s.Deployment, s.BuildID)
		switch {
		case err == nil && changed:
			s.printf("deployment %s: build %s is current now", s.Deployment, s.BuildID)
			return nil
		case err == nil:
			s.printf("deployment %s: build %s is current already", s.Deployment, s.BuildID)
			return nil
		case !errors.Is(err, worker.ErrNoVersion) && !errors.Is(err, worker.ErrMissingQueues), ctx.Err() != nil:
			return err
		case time.Now().After(deadline) && errors.Is(err, worker.ErrMissingQueues):
			return fmt.Errorf("%w; start workers of the build for every queue (worker.queues) and run setup again, or, where a connector is gone for good, run temporal worker deployment set-current-version --deployment-name %s --build-id %s --ignore-missing-task-queues", err, s.Deployment, s.BuildID)
		case time.Now().After(deadline):
			return fmt.Errorf("%w; start one with worker.deployment %s and worker.build_id %s, then run setup again", err, s.Deployment, s.BuildID)
		}
		if !told {
			s.printf("deployment %s: waiting for workers of build %s …", s.Deployment, s.BuildID)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
}
