//go:build record

package main

import (
	"errors"
	"time"

	"github.com/rulebridge/rulebridge/internal/llm"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
	"github.com/rulebridge/rulebridge/workflows"
)

// path is one control path of the workflow.
type path struct {
	name  string
	rules int
	query string
	play  func(s *session) error
	// asleep paths begin without a worker, so that signals wait for one task.
	asleep bool
}

func paths() []path {
	small := workflows.Settings{Batch: 3}
	down := func(string, string) error { return store.ErrUnavailable }
	return []path{
		{name: "run", rules: 8, query: "x", play: func(s *session) error {
			return errors.Join(s.start(workflows.ModeDeterministic, small, false), s.until(migration.Finished))
		}},
		{name: "run-in-batches", rules: 7, query: "x", play: func(s *session) error {
			set := workflows.Settings{Batch: 3, Pause: time.Second}
			return errors.Join(s.start(workflows.ModeDeterministic, set, false), s.until(migration.Finished))
		}},
		{name: "run-simulated", rules: 6, query: "x", play: func(s *session) error {
			return errors.Join(s.start(workflows.ModeSimulated, small, false), s.until(migration.Finished))
		}},
		{name: "run-with-model", rules: 3, query: "hole", play: func(s *session) error { // the simulated answers are unusable: three rounds each
			return errors.Join(s.start(workflows.ModeModel, small, false), s.until(migration.Finished))
		}},
		{name: "stop-and-resume", rules: 9, query: "x", play: func(s *session) error {
			s.faults.set(func(call, rule string) error {
				if call == "Generate" && rule == "rule-04" {
					return s.stop("")
				}
				return nil
			})
			err := errors.Join(s.start(workflows.ModeSimulated, small, false), s.until(migration.Stopped))
			s.faults.set(nil)
			return errors.Join(err, s.stop(""), s.start(workflows.ModeSimulated, small, false),
				s.start(workflows.ModeSimulated, small, false), s.until(migration.Finished))
		}},
		{name: "stop-and-start-in-one-task", rules: 6, query: "x", asleep: true, play: func(s *session) error {
			return errors.Join(s.start(workflows.ModeDeterministic, small, false), s.stop(""),
				s.start(workflows.ModeDeterministic, small, false), s.wake(), s.until(migration.Finished))
		}},
		{name: "stop-while-paused", rules: 6, query: "x", play: func(s *session) error {
			set := workflows.Settings{Batch: 3, Pause: time.Minute}
			return errors.Join(s.start(workflows.ModeDeterministic, set, false), s.wait(time.Second), s.stop(workflows.ParkShutdown), s.until(migration.Stopped))
		}},
		{name: "park-and-resume", rules: 6, query: "x", play: func(s *session) error {
			s.faults.set(func(call, rule string) error {
				if call == "Generate" && rule == "rule-03" {
					return &llm.Error{Connector: "sim", Reason: llm.Credential, Detail: "refused"}
				}
				return nil
			})
			err := errors.Join(s.start(workflows.ModeSimulated, small, false), s.until(migration.Stopped))
			s.faults.set(nil)
			return errors.Join(err, s.start(workflows.ModeSimulated, small, false), s.until(migration.Finished))
		}},
		{name: "continue-as-new-with-start-waiting", rules: 8, query: "x", play: func(s *session) error {
			set := workflows.Settings{Batch: 3, RunRules: 4}
			s.faults.set(func(call, rule string) error {
				if call == "Record" && rule == "rule-03" {
					return s.start(workflows.ModeDeterministic, set, false)
				}
				return nil
			})
			return errors.Join(s.start(workflows.ModeDeterministic, set, false), s.until(migration.Finished))
		}},
		{name: "continue-as-new-with-stop-waiting", rules: 8, query: "x", play: func(s *session) error {
			set := workflows.Settings{Batch: 4, RunRules: 4}
			s.faults.set(func(call, rule string) error {
				if call == "Record" && rule == "rule-03" {
					// Just before the run's last result, so that the signal waits when the run ends.
					return s.stop("")
				}
				return nil
			})
			return errors.Join(s.start(workflows.ModeDeterministic, set, false), s.until(migration.Stopped))
		}},
		{name: "activity-failure-and-retry", rules: 5, query: "x", play: func(s *session) error {
			passing := 0
			s.faults.set(func(call, rule string) error {
				switch {
				case call == "Generate" && rule == "rule-01":
					return &llm.Error{Connector: "sim", Reason: llm.Refused, Detail: "refused"}
				case call == "Rule" && rule == "rule-02" && passing < 3:
					passing++
					return store.ErrUnavailable
				}
				return nil
			})
			err := errors.Join(s.start(workflows.ModeSimulated, small, false), s.until(migration.Finished))
			s.faults.set(nil)
			return errors.Join(err, s.start(workflows.ModeSimulated, small, true), s.until(migration.Finished))
		}},
		{name: "outage", rules: 6, query: "x", play: func(s *session) error {
			s.faults.set(func(call, rule string) error {
				if call == "Record" && rule == "rule-03" {
					s.faults.set(down)
					return store.ErrUnavailable
				}
				return nil
			})
			// Long enough for the migration to park, and for the parked run to be refused.
			err := errors.Join(s.start(workflows.ModeDeterministic, small, false), s.wait(12*time.Second))
			s.faults.set(nil)
			return errors.Join(err, s.until(migration.Stopped), s.start(workflows.ModeDeterministic, small, false), s.until(migration.Finished))
		}},
		{name: "outage-at-start", rules: 3, query: "x", play: func(s *session) error {
			s.faults.set(down)
			err := errors.Join(s.start(workflows.ModeDeterministic, small, false), s.wait(12*time.Second))
			s.faults.set(nil)
			return errors.Join(err, s.until(migration.Stopped), s.start(workflows.ModeDeterministic, small, false), s.until(migration.Finished))
		}},
		{name: "cancel", rules: 6, query: "x", play: func(s *session) error {
			set := workflows.Settings{Batch: 3, Pause: time.Minute}
			return errors.Join(s.start(workflows.ModeDeterministic, set, false), s.wait(time.Second),
				s.client.CancelWorkflow(s.ctx, workflows.WorkflowID(s.id), ""), s.until(migration.Stopped))
		}},
		{name: "deleted", rules: 6, query: "x", play: func(s *session) error {
			s.faults.set(func(call, rule string) error {
				if call == "Record" && rule == "rule-03" {
					return s.db.MarkDeleted(s.ctx, s.id)
				}
				return nil
			})
			return errors.Join(s.start(workflows.ModeDeterministic, small, false), s.wait(3*time.Second))
		}},
	}
}
