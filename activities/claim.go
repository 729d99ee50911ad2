package activities

import (
	"cmp"
	"context"
	"errors"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
	"github.com/rulebridge/rulebridge/workflows"
)

// Counts reads where the migration stands.
func (a *Activities) Counts(ctx context.Context, in workflows.CountsInput) (workflows.StateOutput, error) {
	return do(ctx, a, subject{migrationID: in.MigrationID}, func(ctx context.Context) (workflows.StateOutput, error) {
		c, err := a.Rules.Counts(ctx, in.MigrationID)
		return a.stand(ctx, in.MigrationID, c, err)
	})
}

// SetState records a transition. One that a newer start has overtaken is not applied, which is no error.
func (a *Activities) SetState(ctx context.Context, in workflows.SetStateInput) (workflows.StateOutput, error) {
	return do(ctx, a, subject{migrationID: in.MigrationID}, func(ctx context.Context) (workflows.StateOutput, error) {
		by := in.By
		if by == "" {
			by = author
		}
		err := a.Migrations.SetState(ctx, in.MigrationID, store.Change{
			State: in.State, Epoch: in.Epoch, ConnectorID: in.ConnectorID, Settings: in.Settings, ParkReason: in.ParkReason,
			By: by, At: a.Now(),
		})
		overtaken := errors.Is(err, store.ErrFenced)
		if err != nil && !overtaken {
			return workflows.StateOutput{}, err
		}
		c, err := a.Rules.Counts(ctx, in.MigrationID)
		out, err := a.stand(ctx, in.MigrationID, c, err)
		out.Applied = !overtaken
		return out, err
	})
}

// Requeue puts what earlier starts left in processing back to pending, and the rules at an end that the start takes again.
func (a *Activities) Requeue(ctx context.Context, in workflows.RequeueInput) (workflows.StateOutput, error) {
	return do(ctx, a, subject{migrationID: in.MigrationID}, func(ctx context.Context) (workflows.StateOutput, error) {
		c, err := a.Rules.Requeue(ctx, in.MigrationID, in.Epoch, store.Again{
			Failed: in.RetryErrors, NotFull: in.RetryNotFull, RuleIDs: in.RuleIDs, By: cmp.Or(in.By, author)})
		return a.stand(ctx, in.MigrationID, c, err)
	})
}

// ClaimBatch takes pending rules under a token. Repeated, it returns what the token holds already.
func (a *Activities) ClaimBatch(ctx context.Context, in workflows.ClaimInput) (workflows.ClaimOutput, error) {
	return do(ctx, a, subject{migrationID: in.MigrationID}, func(ctx context.Context) (workflows.ClaimOutput, error) {
		ids, c, err := a.Rules.Claim(ctx, in.MigrationID, in.Token, in.Limit)
		return workflows.ClaimOutput{RuleIDs: ids, Counts: c, At: a.Now()}, err
	})
}

// stand completes counts with the migration's state and epoch.
func (a *Activities) stand(ctx context.Context, id string, c migration.Counts, err error) (workflows.StateOutput, error) {
	if err != nil {
		return workflows.StateOutput{}, err
	}
	m, err := a.Migrations.Migration(ctx, id)
	if err != nil {
		return workflows.StateOutput{}, err
	}
	return workflows.StateOutput{Applied: true, Epoch: m.Epoch, State: m.State, Counts: c, At: a.Now()}, nil
}
