//go:build record

package main

import (
	"errors"
	"time"

	"github.com/rulebridge/rulebridge/internal/llm"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/workflows"
)

// retryPaths translate rules of a finished migration again.
func retryPaths() []path {
	small := workflows.Settings{Batch: 3, RunRules: 4}
	// The state is finished from the beginning, so time has to pass before it says something.
	first := func(s *session) error {
		return errors.Join(s.start(workflows.ModeDeterministic, small, false), s.until(migration.Finished))
	}
	return []path{
		{name: "retry-chosen", rules: 8, query: "x", play: func(s *session) error {
			return errors.Join(first(s), s.startAgain(workflows.ModeDeterministic, small, false,
				&workflows.Again{RuleIDs: []string{"rule-01", "rule-02", "rule-03", "rule-05", "rule-06"}}), s.wait(3*time.Second), s.until(migration.Finished))
		}},
		{name: "retry-not-full", rules: 3, query: "hole", play: func(s *session) error {
			s.faults.set(func(call, rule string) error {
				if call == "Generate" && rule == "rule-01" {
					return &llm.Error{Connector: "sim", Reason: llm.Refused, Detail: "refused"}
				}
				return nil
			})
			err := errors.Join(s.start(workflows.ModeSimulated, small, false), s.until(migration.Finished))
			s.faults.set(nil)
			return errors.Join(err, s.startAgain(workflows.ModeDeterministic, small, true, &workflows.Again{NotFull: true}), s.wait(3*time.Second), s.until(migration.Finished))
		}},
		{name: "retry-finds-nothing", rules: 3, query: "x", play: func(s *session) error {
			return errors.Join(first(s), s.startAgain(workflows.ModeDeterministic, small, false, &workflows.Again{NotFull: true}), s.wait(3*time.Second), s.until(migration.Finished))
		}},
	}
}
