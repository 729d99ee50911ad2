package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// Migration is the workflow of one migration: it waits parked for a start, carries it out, and completes when every
// rule has reached an end. A stopped migration parks again, in a new and small run.
func Migration(ctx workflow.Context, in Input) error {
	m := &run{}
	if err := m.setup(ctx, in); err != nil {
		return err
	}
	return m.run(ctx)
}

// ending says why a start is no longer being carried out.
type ending int

const (
	none ending = iota
	finished
	stopped
	parked    // stopped for a reason of its own
	continued // the run has become long
	gone      // the migration was deleted
	aborted   // the workflow was cancelled
)

// run is one run of a migration's workflow.
type run struct {
	in       Input
	settings Settings
	log      log.Logger

	state      migration.State
	counts     migration.Counts // the store's, as of the last answer; see stats
	updated    time.Time
	parkReason string
	by         string
	unsettled  bool

	epoch, claim int64
	seen         []string     // the last request ids
	current      string       // the request that opened, or will open, the current epoch
	start        *StartSignal // being carried out; nil while parked
	opened       bool         // the epoch of start is open in the store
	next         *StartSignal // accepted while the current start is being closed
	ending       ending       // why the current start is being closed
	cancelWork   func()       // cancels what is in flight
	inflight     []string     // rules being worked on
	unfinished   []string     // rules that were stopped on the way
	begun        int          // rules begun in this run
	failing      int          // rules being marked as failed
	active       int          // activities under way
	progress     time.Time    // when a step last succeeded
	lastClaim    time.Time
	stuck        int // finish checks without progress
	ended        int // rules at an end at the last finish check
	starts       workflow.ReceiveChannel
	stops        workflow.ReceiveChannel
	order        *order // of what waits in the two
}

func (m *run) setup(ctx workflow.Context, in Input) error {
	m.in = in
	m.settings = in.Settings.withDefaults()
	m.log = log.With(workflow.GetLogger(ctx), "migration_id", in.MigrationID)
	m.state = migration.Ready
	m.updated = workflow.Now(ctx)
	m.progress = m.updated
	m.cancelWork = func() {}
	if c := in.Carry; c != nil {
		m.epoch, m.claim = c.Epoch, c.Claim
		m.state, m.counts, m.updated = c.State, c.Counts, c.LastUpdated
		m.seen, m.current = c.RequestIDs, c.CurrentRequest
		m.parkReason, m.unsettled, m.by = c.ParkReason, c.Unsettled, c.By
		m.start, m.opened = c.Start, c.Start != nil
		if m.start == nil && c.PendingStart != nil {
			m.accept(c.PendingStart)
		}
		m.next = c.Next
	}
	if err := workflow.SetQueryHandler(ctx, QueryStats, func() (migration.Stats, error) { return m.stats(), nil }); err != nil {
		return err
	}
	err := workflow.SetQueryHandler(ctx, QueryStart, func() (StartState, error) {
		state := m.state
		if m.next != nil {
			// Still being closed, and started again already: who stops it now must be heard.
			state = migration.Running
		}
		return StartState{RequestID: m.current, Epoch: m.epoch, State: state, Seen: m.seen}, nil
	})
	if err != nil {
		return err
	}
	m.listen(ctx)
	return nil
}

func (m *run) run(ctx workflow.Context) error {
	if m.start == nil {
		again, err := m.park(ctx)
		if err != nil {
			return err
		}
		if again {
			return m.continueAsNew(ctx)
		}
		if m.start == nil { // settled as finished, or gone
			return nil
		}
	}
	m.carryOut(ctx)
	if m.ending == finished {
		m.finish(ctx)
	}
	switch m.ending {
	case continued:
		return m.continueAsNew(ctx)
	case stopped, parked, aborted:
		m.settleOnce(ctx)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	m.drainSignals()
	if m.ending == gone || m.ending == finished && m.next == nil {
		return nil
	}
	m.start, m.opened, m.ending = nil, false, none
	if m.next != nil {
		m.accept(m.next)
		m.next = nil
	}
	return m.continueAsNew(ctx)
}

// carryOut works until the start being carried out has an ending; then nothing is in flight any more.
func (m *run) carryOut(ctx workflow.Context) {
	work, cancel := workflow.WithCancel(ctx)
	defer cancel()
	m.cancelWork = cancel
	m.inflight, m.unfinished = nil, nil
	if c := m.in.Carry; c != nil && c.PendingStop {
		m.halt(stopped, c.ParkReason)
	}
	if m.ending == none { // not stopped before it began
		m.watch(work)
		m.work(work)
	}
	cancel()
	// Every attempt is bounded and learns of the cancellation by its heartbeat, so this ends.
	wait, release := workflow.NewDisconnectedContext(ctx)
	defer release()
	if err := workflow.Await(wait, func() bool { return len(m.inflight) == 0 }); err != nil {
		m.log.Error("waiting for what is in flight", "error", err)
	}
	if m.ending == none {
		m.ending = aborted
	}
}

// work opens the epoch if need be and runs the loop.
func (m *run) work(ctx workflow.Context) {
	var err error
	if !m.opened {
		err = m.open(ctx)
	}
	if err == nil && m.ending == none {
		err = m.loop(ctx)
	}
	switch v, reason := judge(err); v {
	case passed, cancelled:
	case vanished:
		m.halt(gone, "")
	case outage:
		m.halt(parked, reason)
	case dropped:
		// The store holds a newer epoch than this workflow: whoever opened it goes on.
		m.halt(parked, ParkInconsistent)
	case failed:
		if reason == CodeTimeout {
			m.halt(parked, ParkStore)
		} else {
			m.halt(parked, ParkInternal)
		}
	}
}

// open makes the start known to the store: a new epoch, under which nothing is claimed yet.
func (m *run) open(ctx workflow.Context) error {
	m.setState(ctx, migration.Running)
	for range 5 {
		var now StateOutput
		if err := m.exec(ctx, storeStep, ActivityCounts, "", CountsInput{MigrationID: m.in.MigrationID}, &now); err != nil {
			return err
		}
		m.adopt(ctx, now)
		// Which rules the start takes again only the store knows.
		if now.Counts.Pending+now.Counts.Processing == 0 && (!m.start.Retry || now.Counts.Failed == 0) && m.start.Again == nil {
			m.ending = finished
			return nil
		}
		m.epoch++
		m.claim = 0
		var set StateOutput
		in := SetStateInput{MigrationID: m.in.MigrationID, State: migration.Running, Epoch: m.epoch,
			ConnectorID: m.start.ConnectorID, By: m.start.By,
			Settings: &migration.Settings{Batch: m.settings.Batch, Pause: m.settings.Pause}}
		if err := m.exec(ctx, storeStep, ActivitySetState, string(migration.Running), in, &set); err != nil {
			return err
		}
		m.adopt(ctx, set)
		if !set.Applied {
			continue
		}
		var queued StateOutput
		requeue := RequeueInput{MigrationID: m.in.MigrationID, Epoch: m.epoch, RetryErrors: m.start.Retry}
		if again := m.start.Again; again != nil {
			requeue.RetryNotFull, requeue.RuleIDs, requeue.By = again.NotFull, again.RuleIDs, m.start.By
		}
		if err := m.exec(ctx, storeStep, ActivityRequeue, "", requeue, &queued); err != nil {
			return err
		}
		m.adopt(ctx, queued)
		m.opened = true
		if m.start.Again != nil { // done with, and long: later runs need not carry it
			start := *m.start
			start.Again = nil
			m.start = &start
		}
		return nil
	}
	m.halt(parked, ParkInconsistent)
	return nil
}

// loop claims rules and begins them until there is an ending. With a pause every batch is waited for; without one the
// window slides on as rules end.
func (m *run) loop(ctx workflow.Context) error {
	exhausted := false
	for {
		err := workflow.Await(ctx, func() bool {
			if m.ending != none || len(m.inflight) == 0 {
				return true
			}
			free := m.settings.Batch - len(m.inflight)
			return !exhausted && m.settings.Pause == 0 && free >= m.settings.refill(m.start.Mode, workflow.Now(ctx).Sub(m.lastClaim))
		})
		if err != nil || m.ending != none {
			return err
		}
		if exhausted && len(m.inflight) == 0 {
			if err := m.checkFinished(ctx); err != nil || m.ending != none {
				return err
			}
			exhausted = false
		}
		if m.long(ctx) {
			return m.drain(ctx)
		}
		n, err := m.claimBatch(ctx)
		if err != nil {
			return err
		}
		exhausted = n == 0 || m.counts.Pending == 0
		if m.settings.Pause > 0 && !exhausted {
			if err := workflow.Await(ctx, func() bool { return m.ending != none || len(m.inflight) == 0 }); err != nil || m.ending != none {
				return err
			}
			pause := workflow.NewTimerWithOptions(ctx, m.settings.Pause, workflow.TimerOptions{Summary: "pause between batches"})
			if err := pause.Get(ctx, nil); err != nil {
				return err
			}
		}
	}
}

// claimBatch claims as many rules as the window and the run have room for, and begins them.
func (m *run) claimBatch(ctx workflow.Context) (int, error) {
	m.claim++
	token := migration.Token{Epoch: m.epoch, Claim: m.claim}
	limit := min(m.settings.Batch-len(m.inflight), m.settings.RunRules-m.begun)
	var out ClaimOutput
	in := ClaimInput{MigrationID: m.in.MigrationID, Token: token, Limit: limit}
	if err := m.exec(ctx, storeStep, ActivityClaimBatch, fmt.Sprintf("claim %d.%d", token.Epoch, token.Claim), in, &out); err != nil {
		return 0, err
	}
	m.counts.Total, m.counts.Pending = out.Counts.Total, out.Counts.Pending
	if m.failing == 0 {
		m.counts.Failed = out.Counts.Failed
	}
	m.lastClaim = workflow.Now(ctx)
	m.updated = m.lastClaim
	for _, id := range out.RuleIDs {
		m.begin(ctx, id, token)
	}
	m.details(ctx)
	return len(out.RuleIDs), nil
}

// checkFinished asks the store, which alone knows whether every rule has reached an end. Rules that are processing
// although nothing is in flight are put back.
func (m *run) checkFinished(ctx workflow.Context) error {
	var now StateOutput
	if err := m.exec(ctx, storeStep, ActivityCounts, "", CountsInput{MigrationID: m.in.MigrationID}, &now); err != nil {
		return err
	}
	m.adopt(ctx, now)
	c := now.Counts
	if c.Finished+c.Failed == c.Total {
		m.ending = finished
		return nil
	}
	if m.stuck++; c.Finished+c.Failed > m.ended {
		m.stuck, m.ended = 0, c.Finished+c.Failed
	}
	if m.stuck > 3 {
		m.halt(parked, ParkInconsistent)
		return nil
	}
	if c.Processing > 0 {
		var out StateOutput
		requeue := RequeueInput{MigrationID: m.in.MigrationID, Epoch: m.epoch}
		if err := m.exec(ctx, storeStep, ActivityRequeue, "orphans", requeue, &out); err != nil {
			return err
		}
		release := ReleaseInput{MigrationID: m.in.MigrationID, Epoch: m.epoch}
		if err := m.exec(ctx, storeStep, ActivityRelease, "orphans", release, &out); err != nil {
			return err
		}
		m.adopt(ctx, out)
	}
	return nil
}

// long reports whether the run should continue as new before it begins more rules.
func (m *run) long(ctx workflow.Context) bool {
	info := workflow.GetInfo(ctx)
	return m.begun >= m.settings.RunRules || info.GetCurrentHistoryLength() >= m.settings.RunEvents ||
		info.GetCurrentHistorySize() >= runBytes
}

// drain waits for what is in flight, puts back what takes too long, and ends the run.
func (m *run) drain(ctx workflow.Context) error {
	if len(m.inflight) > 0 {
		idle := func() bool { return m.ending != none || len(m.inflight) == 0 }
		ok, err := workflow.AwaitWithTimeout(ctx, drainLimit, idle)
		if err != nil || m.ending != none {
			return err
		}
		if !ok {
			m.cancelWork()
			rest, release := workflow.NewDisconnectedContext(ctx)
			defer release()
			if err := workflow.Await(rest, func() bool { return len(m.inflight) == 0 }); err != nil {
				return err
			}
			var out StateOutput
			in := ReleaseInput{MigrationID: m.in.MigrationID, Epoch: m.epoch, RuleIDs: m.unfinished}
			if err := m.exec(rest, storeStep, ActivityRelease, "drain", in, &out); err != nil {
				return err
			}
			m.adopt(ctx, out)
			m.unfinished = nil
		}
	}
	if m.ending == none {
		m.ending = continued
	}
	return nil
}

// halt ends the current start, unless it has an ending already, and cancels what is in flight.
func (m *run) halt(e ending, reason string) {
	if m.ending != none && m.ending != continued {
		return
	}
	m.ending, m.parkReason = e, reason
	m.cancelWork()
}

// finish records that every rule has reached an end. When the store cannot be told, the migration parks and the parked
// run tells it. When the store refuses, because rules were appended meanwhile or a newer start was opened, what the store
// says holds.
func (m *run) finish(ctx workflow.Context) {
	var out StateOutput
	m.parkReason = ""
	in := SetStateInput{MigrationID: m.in.MigrationID, State: migration.Finished, Epoch: m.epoch, By: m.start.By}
	err := m.exec(ctx, storeStep, ActivitySetState, string(migration.Finished), in, &out)
	switch v, _ := judge(err); v {
	case passed:
		m.adopt(ctx, out)
		switch {
		case out.Applied:
			m.setState(ctx, migration.Finished)
		case out.State == migration.Running:
			m.ending, m.parkReason = parked, ParkInconsistent
		default:
			m.setState(ctx, out.State)
		}
	case vanished:
		m.ending = gone
	case cancelled:
		m.ending = aborted
	default:
		m.ending, m.parkReason = parked, ParkStore
	}
}

// exec runs one activity under a named profile.
func (m *run) exec(ctx workflow.Context, p profile, activity, summary string, in, out any) error {
	options := m.settings.activityOptions(p, summary)
	if p == modelStep {
		options.TaskQueue = LLMTaskQueue(m.start.ConnectorID)
	}
	if m.active == 0 {
		m.progress = workflow.Now(ctx)
	}
	m.active++
	err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, options), activity, in).Get(ctx, out)
	m.active--
	if err == nil {
		m.progress = workflow.Now(ctx)
	}
	return err
}

// adopt replaces the workflow's counts by the store's, and never falls behind its epoch.
func (m *run) adopt(ctx workflow.Context, out StateOutput) {
	m.counts = out.Counts
	m.epoch = max(m.epoch, out.Epoch)
	m.updated = workflow.Now(ctx)
}

// stats answers from the workflow's own state. Between two claims, total and pending stand still, and what is neither
// pending nor in flight nor failed has finished.
func (m *run) stats() migration.Stats {
	c := m.counts
	if m.start != nil && m.opened {
		c.Processing = len(m.inflight) + len(m.unfinished)
		c.Finished = max(0, c.Total-c.Pending-c.Processing-c.Failed)
	}
	return migration.Stats{MigrationID: m.in.MigrationID, Status: m.state, Rules: c, LastUpdated: m.updated, ParkReason: m.parkReason}
}

// setState changes what queries, search attributes and the Web UI show.
func (m *run) setState(ctx workflow.Context, state migration.State) {
	m.state = state
	m.updated = workflow.Now(ctx)
	m.details(ctx)
	if !m.settings.SearchAttributes {
		return
	}
	attributes := []temporal.SearchAttributeUpdate{
		temporal.NewSearchAttributeKeyKeyword(SearchAttributeState).ValueSet(string(state)),
	}
	if m.in.Vendor != "" {
		attributes = append(attributes, temporal.NewSearchAttributeKeyKeyword(SearchAttributeVendor).ValueSet(m.in.Vendor))
	}
	if err := workflow.UpsertTypedSearchAttributes(ctx, attributes...); err != nil {
		m.log.Warn("search attributes", "error", err)
	}
}

func (m *run) details(ctx workflow.Context) {
	s := m.stats()
	text := fmt.Sprintf("%s: %d of %d rules finished, %d failed", s.Status, s.Rules.Finished, s.Rules.Total, s.Rules.Failed)
	if s.ParkReason != "" {
		text += ", parked: " + s.ParkReason
	}
	workflow.SetCurrentDetails(ctx, text)
}

// continueAsNew hands over everything a run knows.
func (m *run) continueAsNew(ctx workflow.Context) error {
	m.drainSignals()
	in := m.in
	in.Settings = m.settings
	in.Carry = &Carry{
		Epoch: m.epoch, Claim: m.claim, State: m.state, Counts: m.stats().Rules, LastUpdated: m.updated,
		RequestIDs: m.seen, CurrentRequest: m.current,
		ParkReason: m.parkReason, Unsettled: m.unsettled, By: m.by,
	}
	if m.opened {
		in.Carry.Start = m.start
	} else {
		in.Carry.PendingStart = m.start
	}
	in.Carry.PendingStop = m.start != nil && m.ending == stopped
	in.Carry.Next = m.next
	return workflow.NewContinueAsNewError(ctx, MigrationWorkflow, in)
}
