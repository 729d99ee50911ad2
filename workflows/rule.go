package workflows

import (
	"errors"
	"slices"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// verdict is what an error of an activity means for the rule and the migration.
type verdict int

const (
	passed    verdict = iota
	dropped           // superseded or deleted: nothing to do, the store's counts know better
	failed            // the rule fails for good
	cancelled         // stopped on the way: back to pending
	outage            // the migration parks
	vanished          // the migration is gone
)

// judge reads an error that an activity returned after its last attempt. reason is the code of the rule for failed, and
// the park reason for outage.
func judge(err error) (v verdict, reason string) {
	if err == nil {
		return passed, ""
	}
	if temporal.IsCanceledError(err) {
		return cancelled, ""
	}
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		switch app.Type() {
		case ErrorFenced, ErrorNotFound:
			return dropped, ""
		case ErrorGone:
			return vanished, ""
		case ErrorRule:
			code := CodeInternal
			if app.HasDetails() {
				// A code that cannot be read is not worth failing the workflow task for.
				if app.Details(&code) != nil {
					code = CodeInternal
				}
			}
			return failed, code
		case ErrorStore:
			return outage, ParkStore
		case ErrorConnector:
			return outage, ParkConnector
		case ErrorDamaged:
			return outage, ParkDamaged
		case ErrorTimeout:
			return failed, CodeTimeout
		case ErrorCredential:
			return outage, ParkCredential
		case ErrorSettings:
			return outage, ParkSettings
		case ErrorBudget:
			return outage, ParkBudget
		case ErrorUnknownConnector:
			return outage, ParkConnectorID
		case ErrorResources:
			return outage, ParkResources
		case ErrorConflict:
			return outage, ParkNotReady
		}
		if causedBy(app, ErrorUnknownKey) {
			return outage, ParkKey
		}
		return outage, ParkInternal
	}
	var timeout *temporal.TimeoutError
	if errors.As(err, &timeout) {
		return failed, CodeTimeout
	}
	return outage, ParkInternal
}

// causedBy reports whether an application error of that type is among the causes.
func causedBy(err error, typ string) bool {
	var app *temporal.ApplicationError
	for errors.As(err, &app) {
		if app.Type() == typ {
			return true
		}
		err = app.Unwrap()
	}
	return false
}

// begin starts the steps of one claimed rule beside the others.
func (m *run) begin(ctx workflow.Context, id string, token migration.Token) {
	m.inflight = append(m.inflight, id)
	m.begun++
	workflow.GoNamed(ctx, "rule", func(ctx workflow.Context) {
		v, reason := m.rule(ctx, RuleInput{MigrationID: m.in.MigrationID, RuleID: id, Token: token})
		m.inflight = slices.DeleteFunc(m.inflight, func(other string) bool { return other == id })
		m.updated = workflow.Now(ctx)
		switch v {
		case cancelled:
			m.unfinished = append(m.unfinished, id)
		case outage:
			m.unfinished = append(m.unfinished, id)
			m.halt(parked, reason)
		case vanished:
			m.halt(gone, "")
		}
	})
}

// rule carries one rule through its steps and, when one of them fails for good, marks it.
func (m *run) rule(ctx workflow.Context, in RuleInput) (verdict, string) {
	step, err := m.steps(ctx, in)
	v, reason := judge(err)
	if v == failed && reason == CodeTimeout && step == ActivityCallModel {
		return outage, ParkConnector
	}
	if v != failed {
		return v, reason
	}
	m.failing++
	defer func() { m.failing-- }()
	err = m.exec(ctx, ruleStep, ActivityFail, in.RuleID, FailInput{RuleInput: in, Code: reason, Step: step}, nil)
	switch v, reason = judge(err); v {
	case passed:
		m.counts.Failed++
		return passed, ""
	case failed:
		// Not even the failure could be recorded; that is the store's doing.
		return outage, ParkInternal
	}
	return v, reason
}

// steps runs the activities of one rule and names the one that failed. The rule's document holds what they found; the
// workflow sees counts and keys.
func (m *run) steps(ctx workflow.Context, in RuleInput) (step string, err error) {
	called := func() error { return nil }
	if m.start.Mode == ModeSimulated {
		// There is one call whatever match and compiler say, so it need not wait for them, and the compilation, which
		// finishes the rule, comes last.
		called = m.callLater(ctx, in)
	}
	var match MatchOutput
	err = m.exec(ctx, ruleStep, ActivityMatch, in.RuleID, in, &match)
	if callErr := called(); err == nil && callErr != nil {
		return ActivityCallModel, callErr
	}
	if err != nil {
		return ActivityMatch, err
	}
	var out TranslateOutput
	translate := TranslateInput{RuleInput: in, LeaveHoles: m.start.Mode == ModeModel}
	if err := m.exec(ctx, ruleStep, ActivityTranslate, in.RuleID, translate, &out); err != nil {
		return ActivityTranslate, err
	}
	previous := ""
	for round := 1; !out.Finished && round <= modelRounds; round++ {
		key, err := m.call(ctx, in, round, previous)
		if err != nil {
			return ActivityCallModel, err
		}
		var check CheckOutput
		checkIn := CheckInput{RuleInput: in, Key: key, Round: round, Last: round == modelRounds}
		if err := m.exec(ctx, ruleStep, ActivityCheckDraft, in.RuleID, checkIn, &check); err != nil {
			return ActivityCheckDraft, err
		}
		out.Finished, previous = check.Finished, key
	}
	return "", nil
}

// call asks the connector once and returns the key of its recorded answer.
func (m *run) call(ctx workflow.Context, in RuleInput, round int, previous string) (string, error) {
	var out CallOutput
	call := CallInput{RuleInput: in, ConnectorID: m.start.ConnectorID, Mode: m.start.Mode, Round: round, Previous: previous}
	err := m.exec(ctx, modelStep, ActivityCallModel, in.RuleID, call, &out)
	return out.Key, err
}

// callLater asks beside other steps; the returned function waits for the answer.
func (m *run) callLater(ctx workflow.Context, in RuleInput) (wait func() error) {
	done, settle := workflow.NewFuture(ctx)
	workflow.GoNamed(ctx, "call", func(ctx workflow.Context) {
		_, err := m.call(ctx, in, 1, "")
		settle.Set(nil, err)
	})
	// A cancelled call ends by itself; waiting must not end before it.
	rest, release := workflow.NewDisconnectedContext(ctx)
	return func() error {
		defer release()
		return done.Get(rest, nil)
	}
}
