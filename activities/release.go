package activities

import (
	"context"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/workflows"
)

// ReleaseBatch puts rules of the epoch that are processing back to pending; what was recorded of them stays.
func (a *Activities) ReleaseBatch(ctx context.Context, in workflows.ReleaseInput) (workflows.StateOutput, error) {
	return do(ctx, a, subject{migrationID: in.MigrationID}, func(ctx context.Context) (workflows.StateOutput, error) {
		c, err := a.Rules.Release(ctx, in.MigrationID, in.Epoch, in.RuleIDs)
		return a.stand(ctx, in.MigrationID, c, err)
	})
}

// FailRule ends a rule with status error and a code.
func (a *Activities) FailRule(ctx context.Context, in workflows.FailInput) error {
	_, err := do(ctx, a, subject{in.MigrationID, in.RuleID}, func(ctx context.Context) (struct{}, error) {
		at := a.Now()
		return struct{}{}, a.Rules.Record(ctx, in.MigrationID, in.RuleID, in.Token, func(r *migration.Rule) {
			r.Status, r.ErrorCode = migration.StatusError, in.Code
			note(r, at, "failed", in.Step+": "+in.Code)
		})
	})
	return err
}
