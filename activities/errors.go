package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.uber.org/zap"

	"github.com/rulebridge/rulebridge/internal/compile"
	"github.com/rulebridge/rulebridge/internal/isolate"
	"github.com/rulebridge/rulebridge/internal/llm"
	"github.com/rulebridge/rulebridge/internal/store"
	"github.com/rulebridge/rulebridge/workflows"
)

// failed is an application error. Its text is fixed: histories carry codes, never what a store or a service said; the
// log has the cause. The category keeps the SDK from logging it a second time.
func failed(typ, text string, o temporal.ApplicationErrorOptions) error {
	o.Category = temporal.ApplicationErrorCategoryBenign
	return temporal.NewApplicationErrorWithOptions(text, typ, o)
}

func permanent(typ, text string) error {
	return failed(typ, text, temporal.ApplicationErrorOptions{NonRetryable: true})
}

func transient(typ, text string, after time.Duration) error {
	return failed(typ, text, temporal.ApplicationErrorOptions{NextRetryDelay: after})
}

// ruleError fails the rule for good, with a code.
func ruleError(code string) error {
	return failed(workflows.ErrorRule, "the rule fails for good", temporal.ApplicationErrorOptions{NonRetryable: true, Details: []any{code}})
}

// errNoConnector: this worker's configuration does not have the connector.
var errNoConnector = errors.New("no such connector in the configuration of this worker")

// errPanic: a call panicked beside its activity.
var errPanic = errors.New("panic")

// maxRetryAfter bounds how long a service may ask to wait.
const maxRetryAfter = 5 * time.Minute

// failure gives an error its type for the workflow and logs its cause. A cancelled activity says so; everything that is
// not known to be permanent is transient, since a retry is cheaper than a wrong verdict.
func (a *Activities) failure(ctx context.Context, s subject, err error) error {
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		a.log(ctx, s).Warn("the attempt used up its time", zap.Error(err))
		return transient(workflows.ErrorTimeout, "the attempt used up its time", 0)
	case ctx.Err() != nil:
		// Cancelled by the workflow or with the worker: the SDK tells them apart.
		return ctx.Err()
	}
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		return app
	}
	log := a.log(ctx, s).With(zap.Error(err))
	var model *llm.Error
	var crash *isolate.CrashError
	switch {
	case errors.As(err, &model):
		log.Warn("model call failed", zap.String("reason", string(model.Reason)))
		switch model.Reason {
		case llm.Credential:
			return permanent(workflows.ErrorCredential, "the connector refuses its credential")
		case llm.Settings:
			return permanent(workflows.ErrorSettings, "the connector's service does not know the address or the model")
		case llm.Quota:
			return permanent(workflows.ErrorBudget, "the account's budget is used up")
		case llm.Refused:
			return ruleError(workflows.CodeRefused)
		}
		return transient(workflows.ErrorConnector, "the connector is unavailable", min(model.RetryAfter, maxRetryAfter))
	case errors.Is(err, errPanic), errors.Is(err, isolate.ErrPanic):
		log.Error("activity panicked")
		return ruleError(workflows.CodeInternal)
	case errors.As(err, &crash):
		log.Error("the rule takes its process down; it is marked and the others go on")
		return ruleError(workflows.CodeCrashed)
	case errors.Is(err, isolate.ErrInterrupted):
		log.Warn("the compiling process was interrupted; the rule is tried again")
		return transient(workflows.ErrorInterrupted, "the compiling process was interrupted", 0)
	case errors.Is(err, errNoConnector):
		log.Error("start refused")
		return permanent(workflows.ErrorUnknownConnector, "unknown connector")
	case errors.Is(err, compile.ErrResources):
		log.Error("correct the resources of the migration and start it again")
		return permanent(workflows.ErrorResources, "macros or lookups contradict each other")
	case errors.Is(err, store.ErrBudget):
		log.Warn("budget used up")
		return permanent(workflows.ErrorBudget, "the connector's budget is used up")
	case errors.Is(err, store.ErrFenced):
		log.Info("late write refused")
		return permanent(workflows.ErrorFenced, "superseded by a newer start or claim")
	case errors.Is(err, store.ErrConflict):
		log.Warn("not allowed in this state")
		return permanent(workflows.ErrorConflict, "the migration's state does not allow it")
	case errors.Is(err, store.ErrUnreadable):
		log.Error("the stored document of the rule cannot be read; it is marked and the others go on")
		return ruleError(workflows.CodeUnreadable)
	case errors.Is(err, store.ErrDamaged):
		log.Error("the store is damaged; restore a back-up")
		return permanent(workflows.ErrorDamaged, "the store is damaged")
	case errors.Is(err, store.ErrNotFound):
		log.Info("deleted meanwhile")
		if s.ruleID == "" || a.gone(ctx, s.migrationID) {
			return permanent(workflows.ErrorGone, "the migration was deleted")
		}
		return permanent(workflows.ErrorNotFound, "the rule was deleted")
	}
	log.Warn("store unavailable")
	return transient(workflows.ErrorStore, "the store is unavailable", 0)
}

func (a *Activities) gone(ctx context.Context, migrationID string) bool {
	_, err := a.Migrations.Migration(ctx, migrationID)
	return errors.Is(err, store.ErrNotFound)
}
