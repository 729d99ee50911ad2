package client_test

import (
	"context"
	"net/http/httptest"
	"time"

	"github.com/rulebridge/rulebridge/api"
	"github.com/rulebridge/rulebridge/config"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
	"github.com/rulebridge/rulebridge/internal/store/sqlite"
	"github.com/rulebridge/rulebridge/workflows"
)

// flows starts and stops at once and translates nothing: the gateway and the store are the real ones. Calls that no test
// here makes are those of a nil interface.
type flows struct {
	api.Workflows
	store   *sqlite.Store
	request string
}

func (f *flows) SignalWithStart(ctx context.Context, in workflows.Input, sig workflows.StartSignal) error {
	f.request = sig.RequestID
	return f.set(ctx, in.MigrationID, migration.Running)
}

func (f *flows) Stop(ctx context.Context, id string, _ workflows.StopSignal) error {
	return f.set(ctx, id, migration.Stopped)
}

func (f *flows) set(ctx context.Context, id string, state migration.State) error {
	return f.store.SetState(ctx, id, store.Change{State: state, Epoch: 1, By: "test", At: time.Now()})
}

func (f *flows) StartState(context.Context, string) (workflows.StartState, error) {
	return workflows.StartState{RequestID: f.request, Epoch: 1, State: migration.Running}, nil
}

func (f *flows) Stats(ctx context.Context, id string) (migration.Stats, error) {
	m, err := f.store.Migration(ctx, id)
	if err != nil {
		return migration.Stats{}, err
	}
	c, err := f.store.Counts(ctx, id)
	return migration.Stats{MigrationID: id, Status: m.State, Rules: c, LastUpdated: time.Now()}, err
}

func (f *flows) Describe(context.Context, string) (bool, error) { return true, nil }

// startGateway serves the gateway over a store in memory. It has a key when auth is not empty.
func startGateway(environment ...string) (url string, stop func(), err error) {
	st, err := sqlite.Open(context.Background(), sqlite.Memory, sqlite.Options{})
	if err != nil {
		return "", nil, err
	}
	cfg, err := config.Load(nil, "", environment)
	if err != nil {
		return "", nil, err
	}
	gateway, err := api.New(api.Deps{Settings: api.SettingsOf(cfg), Store: st, Workflows: &flows{store: st}})
	if err != nil {
		return "", nil, err
	}
	server := httptest.NewServer(gateway)
	return server.URL, func() { server.Close(); _ = st.Close() }, nil
}
