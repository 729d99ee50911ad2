package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// settleOnce puts what is processing back to pending and records the stop. It also runs when the workflow was
// cancelled. What fails is left to the parked run.
func (m *run) settleOnce(ctx workflow.Context) {
	settle, release := workflow.NewDisconnectedContext(ctx)
	defer release()
	m.unsettled = true
	if len(m.unfinished) > 0 {
		var out StateOutput
		in := ReleaseInput{MigrationID: m.in.MigrationID, Epoch: m.epoch, RuleIDs: m.unfinished}
		err := m.exec(settle, closingStep, ActivityRelease, "stop", in, &out)
		switch v, _ := judge(err); v {
		case passed:
			m.adopt(ctx, out)
		case vanished:
			m.ending = gone
			return
		default:
			m.setState(ctx, migration.Stopped)
			return
		}
		m.unfinished = nil
		if out.Counts.Processing == 0 {
			m.record(settle, closingStep, migration.Stopped)
			return
		}
	}
	m.settle(settle, closingStep)
}

// settle releases every rule of the epoch, whatever became of its claim, and records where the migration stands. When
// its context is cancelled a newer start has taken over, and it changes nothing any more.
func (m *run) settle(ctx workflow.Context, p profile) {
	var out StateOutput
	in := ReleaseInput{MigrationID: m.in.MigrationID, Epoch: m.epoch}
	err := m.exec(ctx, p, ActivityRelease, "stop", in, &out)
	if ctx.Err() != nil {
		return
	}
	switch v, _ := judge(err); v {
	case passed:
	case vanished:
		m.ending = gone
		return
	default:
		m.setState(ctx, migration.Stopped)
		return
	}
	m.adopt(ctx, out)
	state := migration.Stopped
	if out.State == migration.Running && out.Counts.Done() {
		state, m.parkReason = migration.Finished, ""
	}
	m.record(ctx, p, state)
}

// record tells the store that the migration is stopped or finished.
func (m *run) record(ctx workflow.Context, p profile, state migration.State) {
	m.setState(ctx, state)
	var out StateOutput
	in := SetStateInput{MigrationID: m.in.MigrationID, State: state, Epoch: m.epoch, ParkReason: m.parkReason, By: m.by}
	err := m.exec(ctx, p, ActivitySetState, string(state), in, &out)
	if ctx.Err() != nil {
		return
	}
	switch v, _ := judge(err); v {
	case passed:
		m.unsettled = false
		if !out.Applied {
			m.adopt(ctx, out)
			// A newer start that somebody else opened is theirs to carry out: here the migration stays stopped.
			if out.State != m.state && out.State != migration.Running {
				m.setState(ctx, out.State)
			}
		}
		if m.state == migration.Finished {
			m.ending = finished
		}
	case vanished:
		m.ending = gone
	}
}

// park waits for a start in a run that stays small. again asks for a new run.
func (m *run) park(ctx workflow.Context) (again bool, err error) {
	for {
		settle, cancel := workflow.WithCancel(ctx)
		settling := m.unsettled
		if settling {
			workflow.GoNamed(settle, "settle", func(ctx workflow.Context) {
				m.settle(ctx, settleStep)
				// Passing failures are retried without end; another one would only come again.
				m.unsettled = m.unsettled && ctx.Err() != nil
				settling = false
			})
		}
		tooLong := func() bool { return workflow.GetInfo(ctx).GetCurrentHistoryLength() >= parkedEvents }
		err := workflow.Await(ctx, func() bool {
			return m.start != nil || m.ending != none || tooLong() || m.unsettled && !settling
		})
		// A start opens a newer epoch, so what is still being settled can change nothing any more.
		cancel()
		if err != nil {
			return false, err
		}
		m.drainSignals()
		switch {
		case m.start != nil && m.ending != stopped:
			m.ending = none
			return false, nil
		case m.start != nil, m.ending != none:
			return false, nil
		case tooLong():
			return true, nil
		}
	}
}

// watch parks the migration when no step succeeds for too long although some are under way.
func (m *run) watch(ctx workflow.Context) {
	m.progress = workflow.Now(ctx)
	limit := m.settings.OutageAfter
	workflow.GoNamed(ctx, "watch", func(ctx workflow.Context) {
		for {
			due := m.progress.Add(limit)
			wait := due.Sub(workflow.Now(ctx))
			timer := workflow.NewTimerWithOptions(ctx, wait, workflow.TimerOptions{Summary: "outage watch"})
			if timer.Get(ctx, nil) != nil {
				return
			}
			now := workflow.Now(ctx)
			switch {
			case m.active == 0, now.Sub(due) > limit/10+5*time.Second:
				// Nothing was under way, or no worker was there to see the timer in time: not an outage of the store or
				// the connector.
				m.progress = now
			case now.Sub(m.progress) >= limit:
				m.halt(parked, ParkNoProgress)
				return
			}
		}
	})
}
