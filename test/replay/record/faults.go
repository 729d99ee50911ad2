//go:build record

package main

import (
	"context"
	"strings"
	"sync"

	"github.com/rulebridge/rulebridge/internal/llm"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
	"github.com/rulebridge/rulebridge/internal/store/sqlite"
)

// faults lets a path step in before a call of the store or the connector.
type faults struct {
	mu   sync.Mutex
	hook func(call, rule string) error
}

func (f *faults) set(hook func(call, rule string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hook = hook
}

func (f *faults) check(call, rule string) error {
	f.mu.Lock()
	hook := f.hook
	f.mu.Unlock()
	if hook == nil {
		return nil
	}
	return hook(call, rule)
}

type faultyMigrations struct {
	*sqlite.Store
	f *faults
}

func (s faultyMigrations) SetState(ctx context.Context, id string, c store.Change) error {
	if err := s.f.check("SetState", string(c.State)); err != nil {
		return err
	}
	return s.Store.SetState(ctx, id, c)
}

type faultyRules struct {
	*sqlite.Store
	f *faults
}

func (s faultyRules) Counts(ctx context.Context, id string) (migration.Counts, error) {
	if err := s.f.check("Counts", ""); err != nil {
		return migration.Counts{}, err
	}
	return s.Store.Counts(ctx, id)
}

func (s faultyRules) Claim(ctx context.Context, id string, t migration.Token, limit int) ([]string, migration.Counts, error) {
	if err := s.f.check("Claim", ""); err != nil {
		return nil, migration.Counts{}, err
	}
	return s.Store.Claim(ctx, id, t, limit)
}

func (s faultyRules) Release(ctx context.Context, id string, epoch int64, ids []string) (migration.Counts, error) {
	if err := s.f.check("Release", ""); err != nil {
		return migration.Counts{}, err
	}
	return s.Store.Release(ctx, id, epoch, ids)
}

func (s faultyRules) Rule(ctx context.Context, id, rule string) (migration.Rule, error) {
	if err := s.f.check("Rule", rule); err != nil {
		return migration.Rule{}, err
	}
	return s.Store.Rule(ctx, id, rule)
}

func (s faultyRules) Record(ctx context.Context, id, rule string, t migration.Token, change func(*migration.Rule)) error {
	if err := s.f.check("Record", rule); err != nil {
		return err
	}
	return s.Store.Record(ctx, id, rule, t, change)
}

type faultyConnectors struct {
	*llm.Set
	f *faults
}

func (s faultyConnectors) Connector(id string) (llm.Connector, bool) {
	c, ok := s.Set.Connector(id)
	return faultyConnector{c, s.f}, ok
}

type faultyConnector struct {
	llm.Connector
	f *faults
}

func (c faultyConnector) Generate(ctx context.Context, r llm.Request) (llm.Response, error) {
	if err := c.f.check("Generate", strings.TrimPrefix(r.Key, llm.SimulatedKey(""))); err != nil {
		return llm.Response{}, err
	}
	return c.Connector.Generate(ctx, r)
}
