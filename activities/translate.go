package activities

import (
	"context"

	"github.com/rulebridge/rulebridge/internal/compile"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/workflows"
)

// TranslateRule compiles a rule and records the draft with everything said about it. It finishes the rule, unless holes
// are left for a model.
func (a *Activities) TranslateRule(ctx context.Context, in workflows.TranslateInput) (workflows.TranslateOutput, error) {
	return do(ctx, a, subject{in.MigrationID, in.RuleID}, func(ctx context.Context) (workflows.TranslateOutput, error) {
		rule, err := a.held(ctx, in.RuleInput)
		if err != nil {
			return workflows.TranslateOutput{}, err
		}
		if rule.Status == migration.StatusFinished {
			// Recorded by an attempt whose answer was lost.
			return workflows.TranslateOutput{Finished: true, Result: rule.Result, Holes: compile.Holes(rule.Diagnostics)}, nil
		}
		c, err := a.Compiler.Compile(ctx, in.MigrationID, rule.Original)
		if err != nil {
			return workflows.TranslateOutput{}, err
		}
		out := workflows.TranslateOutput{Result: c.Result, Holes: compile.Holes(c.Diagnostics)}
		// A prebuilt rule that replaces the original leaves nothing for a model to do.
		out.Finished = !in.LeaveHoles || out.Holes == 0 || rule.Matched != nil
		at := a.Now()
		return out, a.Rules.Record(ctx, in.MigrationID, in.RuleID, in.Token, func(r *migration.Rule) {
			c.Apply(r)
			note(r, at, "translated", string(c.Result))
			if out.Finished {
				r.Status = migration.StatusFinished
			}
		})
	})
}
