package activities

import (
	"context"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/workflows"
)

// CheckDraft finishes a rule after a model's answer.
func (a *Activities) CheckDraft(ctx context.Context, in workflows.CheckInput) (workflows.CheckOutput, error) {
	return do(ctx, a, subject{in.MigrationID, in.RuleID}, func(ctx context.Context) (workflows.CheckOutput, error) {
		rule, err := a.held(ctx, in.RuleInput)
		if err != nil {
			return workflows.CheckOutput{}, err
		}
		return workflows.CheckOutput{Finished: true, Result: rule.Result}, a.Rules.Record(ctx, in.MigrationID, in.RuleID, in.Token, func(r *migration.Rule) {
			r.Status = migration.StatusFinished
		})
	})
}
