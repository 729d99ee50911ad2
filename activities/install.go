package activities

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.uber.org/zap"

	"github.com/rulebridge/rulebridge/internal/kibana/client"
	"github.com/rulebridge/rulebridge/internal/kibana/install"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
	"github.com/rulebridge/rulebridge/workflows"
)

// Install implements the activities of installations in a Kibana. Each may be repeated: a rule keeps its rule_id, and what
// an attempt made whose answer was lost is found there.
type Install struct {
	installer *install.Installer
	log       *zap.Logger
}

// NewInstall puts the activities of installations together. A nil logger logs nothing.
func NewInstall(i *install.Installer, log *zap.Logger) *Install {
	if log == nil {
		log = zap.NewNop()
	}
	return &Install{i, log}
}

// serverErrors is how often a Kibana may answer 500 to one rule before the rule counts as failed.
const serverErrors = 5

// Register makes every activity of installations known to a worker.
func (a *Install) Register(r worker.ActivityRegistry) {
	add := func(name string, f any) { r.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: name}) }
	add(workflows.ActivityInstallCheck, a.Check)
	add(workflows.ActivityInstallPage, a.Page)
	add(workflows.ActivityInstallPrebuilt, a.Prebuilt)
	add(workflows.ActivityInstallRule, a.Rule)
	add(workflows.ActivityInstallEnable, a.Enable)
}

// Check makes sure that the Kibana answers and takes the key.
func (a *Install) Check(ctx context.Context, in workflows.InstallTarget) error {
	return a.do(ctx, a.log.With(zap.String("kibana", in.Kibana)), func(ctx context.Context) error {
		t, err := a.installer.Target(in.Kibana)
		if err != nil {
			return err
		}
		return t.Check(ctx)
	})
}

// Page sorts some rules of a migration by how they get into a Kibana.
func (a *Install) Page(ctx context.Context, in workflows.InstallPageInput) (out workflows.InstallPageOutput, err error) {
	err = a.do(ctx, a.log.With(zap.String("migration_id", in.MigrationID)), func(ctx context.Context) error {
		rules, next, err := a.installer.Rules.List(ctx, in.MigrationID, store.RuleQuery{After: in.After, Size: in.Size})
		if err != nil {
			return err
		}
		out = workflows.InstallPageOutput{Next: next, Total: len(rules)}
		for _, r := range rules {
			kind, reason := install.Sort(r, migration.Take(in.Take))
			switch kind {
			case install.Prebuilt:
				out.Prebuilt = append(out.Prebuilt, r.ID)
			case install.Custom:
				out.Custom = append(out.Custom, r.ID)
			default:
				out.LeftOut++
				if out.Omitted == nil {
					out.Omitted = migration.Omissions{}
				}
				out.Omitted[reason]++
			}
		}
		return nil
	})
	return out, err
}

// Prebuilt installs the prebuilt rules that rules were matched with.
func (a *Install) Prebuilt(ctx context.Context, in workflows.InstallPrebuiltInput) (out workflows.InstallPrebuiltOutput, err error) {
	log := a.log.With(zap.String("migration_id", in.MigrationID), zap.String("kibana", in.Kibana))
	err = a.do(ctx, log, func(ctx context.Context) error {
		results, err := a.installer.Prebuilt(ctx, in.Kibana, in.MigrationID, cmp.Or(in.By, author), in.RuleIDs, migration.Take(in.Take))
		if err != nil {
			return err
		}
		for id, r := range results {
			if r.Outcome != install.Failed {
				out.Installed++
				continue
			}
			log.Warn("a prebuilt rule could not be installed", zap.String("rule_id", id), zap.String("code", r.Code), zap.String("why", r.Why))
			reason := a.installer.Keep(ctx, in.MigrationID, r.Why)
			out.Failures = append(out.Failures, workflows.InstallFailure{RuleID: id, Code: r.Code, Status: r.Status, Reason: reason})
		}
		slices.SortFunc(out.Failures, func(a, b workflows.InstallFailure) int { return cmp.Compare(a.RuleID, b.RuleID) })
		return nil
	})
	return out, err
}

// Rule installs one rule.
func (a *Install) Rule(ctx context.Context, in workflows.InstallRuleInput) (out workflows.InstallRuleOutput, err error) {
	log := a.ruleLog(in)
	err = a.do(ctx, log, func(ctx context.Context) error {
		r, err := a.installer.Install(ctx, in.Kibana, in.MigrationID, in.RuleID, cmp.Or(in.By, author), installOptions(in))
		if errors.Is(err, store.ErrNotFound) && !a.gone(ctx, in.MigrationID) {
			r, err = install.Result{Outcome: install.LeftOut}, nil // deleted meanwhile
		}
		if e := new(client.Error); errors.As(err, &e) && e.Status == http.StatusInternalServerError && activity.GetInfo(ctx).Attempt >= serverErrors {
			// It stumbles over this rule, again and again: the others need not wait for it.
			r, err = install.Result{Outcome: install.Failed, Code: install.CodeServerError, Status: e.Status, Why: e.Message}, nil
		}
		out = workflows.InstallRuleOutput{Outcome: string(r.Outcome), Code: r.Code, Status: r.Status, Exceptions: r.Exceptions}
		if r.Outcome == install.Failed {
			log.Warn("the rule is not taken", zap.String("code", r.Code), zap.Int("status", r.Status), zap.String("why", r.Why))
			out.Reason = a.installer.Keep(ctx, in.MigrationID, r.Why)
		}
		return err
	})
	return out, err
}

// Enable enables one rule that is there as the migration gives it.
func (a *Install) Enable(ctx context.Context, in workflows.InstallRuleInput) (out workflows.InstallEnableOutput, err error) {
	err = a.do(ctx, a.ruleLog(in), func(ctx context.Context) error {
		out.Enabled, err = a.installer.Enable(ctx, in.Kibana, in.MigrationID, in.RuleID, installOptions(in))
		if errors.Is(err, store.ErrNotFound) && !a.gone(ctx, in.MigrationID) || client.ReasonOf(err) == client.Refused {
			return nil
		}
		return err
	})
	return out, err
}

func installOptions(in workflows.InstallRuleInput) install.Options {
	return install.Options{Overwrite: in.Overwrite, Exceptions: in.Exceptions, Take: migration.Take(in.Take)}
}

func (a *Install) ruleLog(in workflows.InstallRuleInput) *zap.Logger {
	return a.log.With(zap.String("migration_id", in.MigrationID), zap.String("rule_id", in.RuleID), zap.String("kibana", in.Kibana))
}

func (a *Install) gone(ctx context.Context, migrationID string) bool {
	_, _, err := a.installer.Rules.List(ctx, migrationID, store.RuleQuery{Size: 1})
	return errors.Is(err, store.ErrNotFound)
}

// do runs the body of an activity with heartbeats, and gives its error a type.
func (a *Install) do(ctx context.Context, log *zap.Logger, body func(context.Context) error) (err error) {
	defer beat(ctx)()
	log = log.With(zap.String("activity", activity.GetInfo(ctx).ActivityType.Name), zap.Int32("attempt", activity.GetInfo(ctx).Attempt))
	defer func() {
		if p := recover(); p != nil {
			log.Error("activity panicked", zap.Any("panic", p), zap.Stack("stack"))
			err = targetError(workflows.InstallInternal)
		}
	}()
	if err = body(ctx); err == nil {
		return nil
	}
	return installFailure(ctx, log, err)
}

// targetError ends an installation with a code.
func targetError(code string) error {
	return failed(workflows.ErrorTarget, "the Kibana cannot be used", temporal.ApplicationErrorOptions{NonRetryable: true, Details: []any{code}})
}

// installFailure gives an error its type for the workflow and logs its cause.
func installFailure(ctx context.Context, log *zap.Logger, err error) error {
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		log.Warn("the attempt used up its time", zap.Error(err))
		return transient(workflows.ErrorTargetBusy, "the attempt used up its time", 0)
	case ctx.Err() != nil:
		return ctx.Err()
	}
	var e *client.Error
	switch {
	case errors.Is(err, install.ErrUnknown):
		log.Error("the configuration of this worker names no such Kibana")
		return targetError(workflows.InstallUnknownKibana)
	case errors.As(err, &e):
		log.Warn("the Kibana did not do what was asked", zap.String("reason", string(e.Reason)), zap.Int("status", e.Status), zap.String("message", e.Message))
		switch e.Reason {
		case client.Unavailable, client.Limited:
			return transient(workflows.ErrorTargetBusy, "the Kibana is unavailable", min(e.RetryAfter, maxRetryAfter))
		case client.Credential:
			return targetError(workflows.InstallCredential)
		case client.Redirect:
			return targetError(workflows.InstallRedirect)
		case client.NotFound, client.Unreadable:
			return targetError(workflows.InstallNotKibana)
		case client.Refused:
			return targetError(workflows.InstallRefused)
		}
		return targetError(workflows.InstallInternal)
	case errors.Is(err, install.ErrNoFilters):
		log.Error("this worker has no compiler that tells exclusions apart")
		return targetError(workflows.InstallInternal)
	case errors.Is(err, store.ErrNotFound):
		log.Info("the migration was deleted")
		return permanent(workflows.ErrorGone, "the migration was deleted")
	}
	log.Warn("the store is unavailable", zap.Error(err))
	return transient(workflows.ErrorStore, "the store is unavailable", time.Duration(0))
}
