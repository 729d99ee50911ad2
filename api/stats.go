package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
	"github.com/rulebridge/rulebridge/workflows"
)

const (
	// statsEvery is how often, at most, the workflow of one migration is asked: twice a second. The server buffers one
	// query per pending workflow task, so more would be refused.
	statsEvery = 500 * time.Millisecond
	// statsStale bounds the age of stats that are handed out while new ones are being fetched.
	statsStale = 1500 * time.Millisecond
	// statsDeadline bounds one query.
	statsDeadline = 500 * time.Millisecond
	// storeDeadline bounds what one call for stats reads of the store.
	storeDeadline = 10 * time.Second
	// recently is how long after a start the workflow is asked even if the store does not say running yet.
	recently = 5 * time.Second
	// lookEvery is how often, at most, it is looked whether the workflow of a running migration is there.
	lookEvery = 5 * time.Second
	// gatewayAuthor signs what the gateway writes by itself.
	gatewayAuthor = "rulebridge (gateway)"
	// silence is how long a workflow that did not answer is left alone.
	silence = 2 * time.Second
)

const statsSource = "X-Stats-Source"

// statsAnswer is the answer of GET /{id}/stats with its source.
type statsAnswer struct {
	migration.Stats
	source string // workflow or store
}

func (a statsAnswer) header(h http.Header) { h.Set(statsSource, a.source) }

// oneStats answers from the workflow while it runs, and from the store otherwise or when the workflow does not answer.
func (s *Server) oneStats(ctx context.Context, r *migrationID) (statsAnswer, error) {
	id := string(*r)
	return s.stats.get(ctx, id, func(ctx context.Context) (statsAnswer, error) { return s.fetchStats(ctx, id) })
}

func (s *Server) fetchStats(ctx context.Context, id string) (statsAnswer, error) {
	ctx, cancel := context.WithTimeout(ctx, storeDeadline)
	defer cancel()
	m, err := s.Store.Migration(ctx, id)
	if err != nil {
		return statsAnswer{}, fmt.Errorf("reading the migration: %w", err)
	}
	if m, err = s.withoutWorkflow(ctx, m); err != nil {
		return statsAnswer{}, err
	}
	if m.State == migration.Running || s.asked.has(id) {
		if st, ok := s.askStats(ctx, m); ok {
			// A start that is still being opened knows its state, and not yet the rules that are there now.
			if st.Rules.Total == m.Total {
				st.MigrationID = ""
				return s.withCodes(ctx, id, statsAnswer{st, "workflow"})
			}
			m.State, m.ParkReason = st.Status, st.ParkReason
		}
	}
	counts, err := s.Store.Counts(ctx, id)
	if err != nil {
		return statsAnswer{}, fmt.Errorf("counting rules: %w", err)
	}
	st := statsOf(m, counts)
	st.MigrationID = ""
	return s.withCodes(ctx, id, statsAnswer{st, "store"})
}

// withCodes adds which codes the rules in error have.
func (s *Server) withCodes(ctx context.Context, id string, a statsAnswer) (statsAnswer, error) {
	if a.Rules.Failed == 0 {
		return a, nil
	}
	var err error
	if a.Errors, err = s.Store.ErrorCodes(ctx, id); err != nil {
		return a, fmt.Errorf("counting errors: %w", err)
	}
	return a, nil
}

// withoutWorkflow stops a migration that the store has as running and that no workflow carries out any more: somebody
// terminated the workflow outside of Rulebridge. It can be started again. Others are returned as they are.
func (s *Server) withoutWorkflow(ctx context.Context, m migration.Migration) (migration.Migration, error) {
	if m.State != migration.Running || s.looked.has(m.ID) {
		return m, nil
	}
	s.looked.set(m.ID)
	running, err := s.Workflows.Describe(ctx, m.ID)
	if running || err != nil && !errors.Is(err, ErrNoWorkflow) {
		return m, nil // it runs, or nobody can say
	}
	// It may have ended in order since the store was read.
	now, err := s.Store.Migration(ctx, m.ID)
	if err != nil {
		return m, fmt.Errorf("reading the migration: %w", err)
	}
	if now.State != migration.Running || now.Epoch != m.Epoch {
		return now, nil
	}
	s.Log.Warn("the workflow of a running migration has ended by itself or was terminated; the migration is stopped and can be started again",
		zap.String("migration_id", m.ID))
	change := store.Change{State: migration.Stopped, Epoch: m.Epoch, ParkReason: workflows.ParkTerminated, By: gatewayAuthor, At: s.Now().UTC()}
	if err := s.Store.SetState(ctx, m.ID, change); err != nil && !errors.Is(err, store.ErrFenced) {
		return m, fmt.Errorf("stopping a migration without a workflow: %w", err)
	}
	if _, err := s.Store.Release(ctx, m.ID, m.Epoch, nil); err != nil {
		return m, fmt.Errorf("releasing the rules of a migration without a workflow: %w", err)
	}
	s.all.forget("")
	s.recent.forget(m.ID)
	s.asked.forget(m.ID) // a workflow that has ended still answers what it last knew
	now, err = s.Store.Migration(ctx, m.ID)
	if err != nil {
		return m, fmt.Errorf("reading the migration: %w", err)
	}
	return now, nil
}

// askStats asks the workflow. A parked or closed run does not know of rules appended since, so only a running one is
// believed, unless the store still says running: then the workflow is ahead.
func (s *Server) askStats(ctx context.Context, m migration.Migration) (migration.Stats, bool) {
	if s.silent.has(m.ID) {
		return migration.Stats{}, false
	}
	ctx, cancel := context.WithTimeout(ctx, statsDeadline)
	defer cancel()
	st, err := s.Workflows.Stats(ctx, m.ID)
	if err != nil {
		if !errors.Is(err, ErrNoWorkflow) {
			s.silent.set(m.ID)
			s.Log.Debug("stats come from the store", zap.String("migration_id", m.ID), zap.Error(err))
		}
		return migration.Stats{}, false
	}
	return st, st.Status == migration.Running || m.State == migration.Running
}

func statsOf(m migration.Migration, c migration.Counts) migration.Stats {
	return migration.Stats{MigrationID: m.ID, Status: m.State, Rules: c, LastUpdated: m.LastUpdated, ParkReason: m.ParkReason}
}

// changed makes the next stats calls, and questions about rules, read anew.
func (s *Server) changed(id string) {
	s.lists.Stale(id)
	s.stats.forget(id)
	s.recent.forget(id)
	s.all.forget("")
}
