package workflows_test

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
	"github.com/rulebridge/rulebridge/workflows"
)

// fakeRule is a rule document as far as the workflow's decisions depend on it.
type fakeRule struct {
	id     string
	status migration.Status
	token  migration.Token
	code   string
	// partial rules are not fully translated when they are finished.
	partial bool
}

// fake keeps one migration in memory and stands for all activities. Hooks let a test step in.
type fake struct {
	mu sync.Mutex
	m  migration.Migration
	// stateEpoch is the start that wrote the state.
	stateEpoch int64
	rules      []*fakeRule
	calls      map[string]int                // activities by name
	asked      map[string]int                // model calls by rule
	answered   map[string]bool               // keys of recorded answers
	trace      []string                      // what changed the migration, in order
	again      []string                      // rules that were requeued
	limit      int                           // most rules processing at once
	hook       func(name, rule string) error // before an activity does anything
	after      func(name, rule string) error // after it has written
	holes      map[string]int                // rounds a rule needs in mode model
}

func newFake(rules int) *fake {
	f := &fake{
		m:     migration.Migration{ID: "m1", State: migration.Ready},
		calls: map[string]int{}, asked: map[string]int{}, holes: map[string]int{}, answered: map[string]bool{},
	}
	f.add(rules)
	return f
}

func (f *fake) add(n int) {
	for range n {
		f.rules = append(f.rules, &fakeRule{id: fmt.Sprintf("r%04d", len(f.rules)), status: migration.StatusPending})
	}
}

// counts may be called while an activity that a workflow has given up still runs.
func (f *fake) counts() migration.Counts {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.tally()
}

func (f *fake) tally() migration.Counts {
	var c migration.Counts
	for _, r := range f.rules {
		c.Total++
		switch r.status {
		case migration.StatusPending:
			c.Pending++
		case migration.StatusProcessing:
			c.Processing++
		case migration.StatusFinished:
			c.Finished++
		case migration.StatusError:
			c.Failed++
		}
	}
	f.limit = max(f.limit, c.Processing)
	return c
}

func (f *fake) rule(id string) *fakeRule {
	if i := slices.IndexFunc(f.rules, func(r *fakeRule) bool { return r.id == id }); i >= 0 {
		return f.rules[i]
	}
	return nil
}

func (f *fake) out(applied bool) workflows.StateOutput {
	return workflows.StateOutput{Applied: applied, Epoch: f.m.Epoch, State: f.m.State, Counts: f.tally()}
}

func fenced() error {
	return temporal.NewNonRetryableApplicationError("fenced", workflows.ErrorFenced, nil)
}

func (f *fake) enter(name, rule string) error {
	f.mu.Lock()
	f.calls[name]++
	hook := f.hook
	f.mu.Unlock()
	if hook != nil {
		return hook(name, rule)
	}
	return nil
}

func (f *fake) leave(name, rule string) error {
	if f.after != nil {
		return f.after(name, rule)
	}
	return nil
}

func (f *fake) SetState(_ context.Context, in workflows.SetStateInput) (workflows.StateOutput, error) {
	if err := f.enter(workflows.ActivitySetState, string(in.State)); err != nil {
		return workflows.StateOutput{}, err
	}
	f.mu.Lock()
	if store.CheckChange(f.m.State, f.m.Epoch, f.stateEpoch, store.Change{State: in.State, Epoch: in.Epoch}) != nil {
		defer f.mu.Unlock()
		return f.out(false), nil
	}
	f.m.State, f.m.Epoch, f.stateEpoch, f.m.ParkReason = in.State, in.Epoch, in.Epoch, in.ParkReason
	f.trace = append(f.trace, fmt.Sprintf("%s %d", in.State, in.Epoch))
	out := f.out(true)
	f.mu.Unlock()
	return out, f.leave(workflows.ActivitySetState, string(in.State))
}

func (f *fake) Counts(_ context.Context, _ workflows.CountsInput) (workflows.StateOutput, error) {
	if err := f.enter(workflows.ActivityCounts, ""); err != nil {
		return workflows.StateOutput{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.out(true), nil
}

func (f *fake) Requeue(_ context.Context, in workflows.RequeueInput) (workflows.StateOutput, error) {
	if err := f.enter(workflows.ActivityRequeue, ""); err != nil {
		return workflows.StateOutput{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.rules {
		ended := r.status == migration.StatusFinished || r.status == migration.StatusError
		switch {
		case r.status == migration.StatusProcessing && r.token.Epoch != in.Epoch, in.RetryErrors && r.status == migration.StatusError,
			in.RetryNotFull && r.status == migration.StatusFinished && r.partial, ended && slices.Contains(in.RuleIDs, r.id):
			r.status = migration.StatusPending
			f.again = append(f.again, r.id)
		}
	}
	return f.out(true), nil
}

func (f *fake) ClaimBatch(_ context.Context, in workflows.ClaimInput) (workflows.ClaimOutput, error) {
	if err := f.enter(workflows.ActivityClaimBatch, ""); err != nil {
		return workflows.ClaimOutput{}, err
	}
	f.mu.Lock()
	if store.CheckClaim(f.m.State, f.m.Epoch, f.stateEpoch, in.Token) != nil {
		f.mu.Unlock()
		return workflows.ClaimOutput{}, fenced()
	}
	var ids []string
	for _, r := range f.rules {
		if r.status == migration.StatusProcessing && r.token == in.Token {
			ids = append(ids, r.id)
		}
	}
	if ids == nil {
		for _, r := range f.rules {
			if r.status == migration.StatusPending && len(ids) < in.Limit {
				r.status, r.token = migration.StatusProcessing, in.Token
				ids = append(ids, r.id)
			}
		}
	}
	c := f.tally()
	f.mu.Unlock()
	if err := f.leave(workflows.ActivityClaimBatch, ""); err != nil {
		return workflows.ClaimOutput{}, err
	}
	return workflows.ClaimOutput{RuleIDs: ids, Counts: c}, nil
}

func (f *fake) ReleaseBatch(_ context.Context, in workflows.ReleaseInput) (workflows.StateOutput, error) {
	if err := f.enter(workflows.ActivityRelease, ""); err != nil {
		return workflows.StateOutput{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.rules {
		if r.status == migration.StatusProcessing && r.token.Epoch == in.Epoch && (len(in.RuleIDs) == 0 || slices.Contains(in.RuleIDs, r.id)) {
			r.status = migration.StatusPending
		}
	}
	return f.out(true), nil
}

// record ends a rule under its fence.
func (f *fake) record(in workflows.RuleInput, status migration.Status, code string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.rule(in.RuleID)
	if r == nil {
		return temporal.NewNonRetryableApplicationError("not found", workflows.ErrorNotFound, nil)
	}
	if r.token != in.Token {
		return fenced()
	}
	if r.status == status {
		return nil
	}
	if r.status != migration.StatusProcessing {
		return fenced()
	}
	r.status, r.code = status, code
	return nil
}

func (f *fake) MatchRule(_ context.Context, in workflows.RuleInput) (workflows.MatchOutput, error) {
	return workflows.MatchOutput{}, f.enter(workflows.ActivityMatch, in.RuleID)
}

func (f *fake) TranslateRule(_ context.Context, in workflows.TranslateInput) (workflows.TranslateOutput, error) {
	if err := f.enter(workflows.ActivityTranslate, in.RuleID); err != nil {
		return workflows.TranslateOutput{}, err
	}
	if n := f.holes[in.RuleID]; in.LeaveHoles && n > 0 {
		return workflows.TranslateOutput{Holes: n, Result: migration.Partial}, nil
	}
	if err := f.record(in.RuleInput, migration.StatusFinished, ""); err != nil {
		return workflows.TranslateOutput{}, err
	}
	return workflows.TranslateOutput{Finished: true, Result: migration.Full}, f.leave(workflows.ActivityTranslate, in.RuleID)
}

func (f *fake) CallModel(ctx context.Context, in workflows.CallInput) (workflows.CallOutput, error) {
	if err := f.enter(workflows.ActivityCallModel, in.RuleID); err != nil {
		return workflows.CallOutput{}, err
	}
	f.mu.Lock()
	key := fmt.Sprintf("%s/%d", in.RuleID, in.Round)
	if !f.answered[key] {
		f.answered[key] = true
		f.asked[in.RuleID]++
	}
	f.mu.Unlock()
	return workflows.CallOutput{Key: key, Attempt: int(activity.GetInfo(ctx).Attempt)}, nil
}

func (f *fake) CheckDraft(_ context.Context, in workflows.CheckInput) (workflows.CheckOutput, error) {
	if err := f.enter(workflows.ActivityCheckDraft, in.RuleID); err != nil {
		return workflows.CheckOutput{}, err
	}
	if in.Round < f.holes[in.RuleID] && !in.Last {
		return workflows.CheckOutput{Problems: 1}, nil
	}
	return workflows.CheckOutput{Finished: true, Result: migration.Partial}, f.record(in.RuleInput, migration.StatusFinished, "")
}

func (f *fake) FailRule(_ context.Context, in workflows.FailInput) error {
	if err := f.enter(workflows.ActivityFail, in.RuleID); err != nil {
		return err
	}
	return f.record(in.RuleInput, migration.StatusError, in.Code)
}

// register adds the fake's activities under the names of the contract.
func (f *fake) register(r interface {
	RegisterActivityWithOptions(any, activity.RegisterOptions)
}) {
	for _, a := range []struct {
		name string
		fn   any
	}{
		{workflows.ActivitySetState, f.SetState}, {workflows.ActivityCounts, f.Counts}, {workflows.ActivityRequeue, f.Requeue},
		{workflows.ActivityClaimBatch, f.ClaimBatch}, {workflows.ActivityRelease, f.ReleaseBatch},
		{workflows.ActivityMatch, f.MatchRule}, {workflows.ActivityTranslate, f.TranslateRule},
		{workflows.ActivityCallModel, f.CallModel}, {workflows.ActivityCheckDraft, f.CheckDraft}, {workflows.ActivityFail, f.FailRule},
	} {
		r.RegisterActivityWithOptions(a.fn, activity.RegisterOptions{Name: a.name})
	}
}
