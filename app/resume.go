package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	enumspb "go.temporal.io/api/enums/v1"
	"go.uber.org/zap"

	"github.com/rulebridge/rulebridge/api"
	"github.com/rulebridge/rulebridge/config"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
	"github.com/rulebridge/rulebridge/workflows"
)

// resumedBy stands in the records as who started a migration again.
const resumedBy = "rulebridge (resumed)"

// watchFor bounds how long a migration that already ran is watched for a pause that was asked for before the last end.
const watchFor = 2 * time.Minute

// resume goes through the store, which is the authority: what it says is running runs again, and what the last shutdown
// paused is started. A workflow that is still there goes on by itself; one that is missing, because temporal.db was set
// aside or lost, starts anew. What goes on behind the start ends with background.
func (a *App) resume(ctx, background context.Context) error {
	all, err := a.store.Migrations(ctx)
	if err != nil {
		return fmt.Errorf("look for migrations to resume: %w", err)
	}
	flows := api.NewWorkflows(a.client, a.o.Config.Temporal.Namespace)
	var watch []string
	for _, m := range all {
		if m.Deleted {
			continue
		}
		switch {
		case m.State == migration.Stopped && m.ParkReason == workflows.ParkShutdown:
			err = a.startAgain(ctx, flows, m)
		case m.State == migration.Running:
			var again bool
			if again, err = a.isLost(ctx, flows, m); again && err == nil {
				err = a.startAgain(ctx, flows, m)
			}
			watch = append(watch, m.ID)
		}
		if err != nil {
			// The others shall go on, and this one can be started by hand.
			a.log.Error("a migration could not be resumed; start it again through the gateway", zap.String("migration_id", m.ID), zap.Error(err))
		}
	}
	if len(watch) > 0 {
		a.tasks.Go(func() error {
			ctx, cancel := context.WithTimeout(background, watchFor)
			defer cancel()
			return a.watchPaused(ctx, flows, watch)
		})
	}
	return nil
}

// isLost reports whether a running migration has no workflow that carries it out: none at all, or one that never heard
// of the start the store knows.
func (a *App) isLost(ctx context.Context, flows api.Workflows, m migration.Migration) (bool, error) {
	running, err := flows.Describe(ctx, m.ID)
	switch {
	case errors.Is(err, api.ErrNoWorkflow) || err == nil && !running:
		return true, nil
	case err != nil:
		return false, err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	state, err := flows.StartState(ctx, m.ID)
	if err != nil {
		// It does not answer yet, which a busy workflow may not: it is there, so it goes on.
		a.log.Info("a running migration does not answer yet", zap.String("migration_id", m.ID), zap.Error(err))
		return false, nil
	}
	return state.Epoch < m.Epoch, nil
}

func (a *App) startAgain(ctx context.Context, flows api.Workflows, m migration.Migration) error {
	connector, ok := a.o.Config.ConnectorByID(m.ConnectorID)
	if !ok {
		return fmt.Errorf("its connector %q is not in the configuration any more", m.ConnectorID)
	}
	// The signal carries no settings: a workflow that is still there keeps its own, a new one gets those of its input,
	// which are the ones of its last start as far as the store knows them.
	settings := a.settings()
	if m.Settings != nil {
		settings.Batch, settings.Pause = m.Settings.Batch, m.Settings.Pause
	}
	err := flows.SignalWithStart(ctx,
		workflows.Input{MigrationID: m.ID, Vendor: m.Vendor, Settings: settings},
		workflows.StartSignal{RequestID: uuid.NewString(), ConnectorID: m.ConnectorID, Mode: mode(connector.Kind), By: resumedBy})
	if err != nil {
		return err
	}
	a.log.Info("migration resumed", zap.String("migration_id", m.ID), zap.String("was", string(m.State)), zap.String("park_reason", m.ParkReason))
	return nil
}

// watchPaused starts those migrations again that a pause from before the last end reaches only now.
func (a *App) watchPaused(ctx context.Context, flows api.Workflows, ids []string) error {
	for len(ids) > 0 {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
		var left []string
		for _, id := range ids {
			m, err := a.store.Migration(ctx, id)
			switch {
			case errors.Is(err, store.ErrNotFound):
			case err != nil || m.State == migration.Running:
				left = append(left, id)
			case m.State == migration.Stopped && m.ParkReason == workflows.ParkShutdown && !a.drain.Load():
				if err := a.startAgain(ctx, flows, m); err != nil {
					a.log.Error("a migration could not be resumed; start it again through the gateway", zap.String("migration_id", id), zap.Error(err))
				}
			}
		}
		ids = left
	}
	return nil
}

// settings are what a migration runs with.
func (a *App) settings() workflows.Settings {
	m := a.o.Config.Migration
	return workflows.Settings{
		Batch: m.Batch, Pause: m.Pause, HeartbeatTimeout: m.Heartbeat, StartToClose: m.StartToClose,
		OutageFailures: m.OutageFailures, OutageAfter: m.OutageAfter, SearchAttributes: a.searchAttributes,
	}
}

func mode(kind string) string {
	switch kind {
	case config.KindDeterministic:
		return workflows.ModeDeterministic
	case config.KindSimulated:
		return workflows.ModeSimulated
	}
	return workflows.ModeModel
}

// Pause stops what runs, waits until no rule is in processing, and refuses writes meanwhile. With resume the next start
// on the folder goes on; without, migrations stay stopped.
func (a *App) Pause(ctx context.Context, resume bool) error {
	a.drain.Store(true)
	a.parts.Drain()
	flows := api.NewWorkflows(a.client, a.o.Config.Temporal.Namespace)
	sig := workflows.StopSignal{By: "rulebridge (shutdown)"}
	if resume {
		sig.Reason = workflows.ParkShutdown
	}
	asked := map[string]bool{}
	for {
		open, err := a.unfinished(ctx)
		if err != nil {
			return fmt.Errorf("pause running migrations: %w", err)
		}
		if len(open) == 0 {
			for id := range asked {
				a.waitIdle(ctx, id)
			}
			return nil
		}
		for _, m := range open {
			if asked[m.ID] {
				continue
			}
			sig.RequestID = uuid.NewString()
			err := flows.Stop(ctx, m.ID, sig)
			if err != nil && !errors.Is(err, api.ErrNoWorkflow) {
				return fmt.Errorf("pause migration %s: %w", m.ID, err)
			}
			asked[m.ID] = true
			a.log.Info("pausing", zap.String("migration_id", m.ID), zap.Bool("resume", resume))
		}
		select {
		case <-ctx.Done():
			ids := make([]string, len(open))
			for i, m := range open {
				ids[i] = m.ID
			}
			return fmt.Errorf("migrations %v did not stop in time; they resume at the next start: %w", ids, ctx.Err())
		case <-time.After(pollEvery):
		}
	}
}

// waitIdle waits until the migration's workflow has nothing in hand. A worker that stops in the middle of a workflow task
// leaves it to a time-out of ten seconds, which the next start would have to wait for.
func (a *App) waitIdle(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	for {
		d, err := a.client.DescribeWorkflowExecution(ctx, workflows.WorkflowID(id), "")
		if err != nil || d.GetWorkflowExecutionInfo().GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
			return // closed, or not worth waiting for
		}
		if d.GetPendingWorkflowTask() == nil && len(d.GetPendingActivities()) == 0 {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pollEvery / 4):
		}
	}
}

// unfinished are the migrations that run or hold rules in processing.
func (a *App) unfinished(ctx context.Context) ([]migration.Migration, error) {
	all, err := a.store.Migrations(ctx)
	if err != nil {
		return nil, err
	}
	var open []migration.Migration
	for _, m := range all {
		if m.Deleted {
			continue
		}
		busy := m.State == migration.Running
		if !busy && m.State == migration.Stopped {
			c, err := a.store.Counts(ctx, m.ID)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return nil, err
			}
			busy = c.Processing > 0
		}
		if busy {
			open = append(open, m)
		}
	}
	return open, nil
}
