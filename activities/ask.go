package activities

import (
	"context"
	"errors"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.uber.org/zap"

	"github.com/rulebridge/rulebridge/internal/assistant"
	"github.com/rulebridge/rulebridge/internal/llm"
	"github.com/rulebridge/rulebridge/workflows"
)

// Assistant is what the activities need to answer questions about alerts. Each call may be repeated: what is recorded
// stays as it is.
type Assistant interface {
	Prepare(ctx context.Context, id string) error
	Decide(ctx context.Context, id string, step int) (assistant.Decision, error)
	Act(ctx context.Context, id string, step int) error
	Conclude(ctx context.Context, id string) error
	Fail(ctx context.Context, id, code string) error
	Forget(ctx context.Context, id string) error
	Sweep(ctx context.Context) error
}

// Ask implements the activities of questions.
type Ask struct {
	assistant Assistant
	log       *zap.Logger
}

// NewAsk puts the activities of questions together. A nil logger logs nothing.
func NewAsk(a Assistant, log *zap.Logger) *Ask {
	if log == nil {
		log = zap.NewNop()
	}
	return &Ask{a, log}
}

// Register makes every activity of questions known to a worker.
func (a *Ask) Register(r worker.ActivityRegistry) {
	add := func(name string, f any) { r.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: name}) }
	add(workflows.ActivityAskPrepare, a.Prepare)
	add(workflows.ActivityAskModel, a.Model)
	add(workflows.ActivityAskTool, a.Tool)
	add(workflows.ActivityAskConclude, a.Conclude)
	add(workflows.ActivityAskFail, a.Fail)
	add(workflows.ActivityAskForget, a.Forget)
}

// Prepare reads what the question starts from.
func (a *Ask) Prepare(ctx context.Context, in workflows.AskStepInput) error {
	return a.do(ctx, in, func(ctx context.Context) error { return a.assistant.Prepare(ctx, in.QuestionID) })
}

// Model takes the model's turn.
func (a *Ask) Model(ctx context.Context, in workflows.AskStepInput) (out workflows.AskStepOutput, err error) {
	err = a.do(ctx, in, func(ctx context.Context) error {
		d, err := a.assistant.Decide(ctx, in.QuestionID, in.Step)
		out = workflows.AskStepOutput{Final: d.Final, Tool: d.Tool}
		return err
	})
	return out, err
}

// Tool runs the tool that the model asked for.
func (a *Ask) Tool(ctx context.Context, in workflows.AskStepInput) error {
	return a.do(ctx, in, func(ctx context.Context) error { return a.assistant.Act(ctx, in.QuestionID, in.Step) })
}

// Conclude records the answer.
func (a *Ask) Conclude(ctx context.Context, in workflows.AskStepInput) error {
	return a.do(ctx, in, func(ctx context.Context) error { return a.assistant.Conclude(ctx, in.QuestionID) })
}

// Fail records the code of a question that ends without an answer.
func (a *Ask) Fail(ctx context.Context, in workflows.AskStepInput) error {
	return a.do(ctx, in, func(ctx context.Context) error {
		err := a.assistant.Fail(ctx, in.QuestionID, in.Code)
		if errors.Is(err, assistant.ErrNotFound) {
			return nil // deleted meanwhile: nobody waits
		}
		return err
	})
}

// Forget deletes what the question recorded, and what earlier ones left behind.
func (a *Ask) Forget(ctx context.Context, in workflows.AskStepInput) error {
	return a.do(ctx, in, func(ctx context.Context) error {
		if err := a.assistant.Forget(ctx, in.QuestionID); err != nil {
			return err
		}
		return a.assistant.Sweep(ctx)
	})
}

// do runs the body of an activity as those of migrations are run: with heartbeats, and with errors that have a type.
func (a *Ask) do(ctx context.Context, in workflows.AskStepInput, body func(context.Context) error) (err error) {
	defer beat(ctx)()
	log := a.log.With(zap.String("question_id", in.QuestionID), zap.String("activity", activity.GetInfo(ctx).ActivityType.Name), zap.Int("step", in.Step))
	defer func() {
		if p := recover(); p != nil {
			// The value of a panic may hold content; its place does not.
			log.Error("activity panicked", zap.Stack("stack"))
			err = askError(workflows.AskInternal)
		}
	}()
	if err = body(ctx); err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return askFailure(log, err)
}

// askError ends a question with a code.
func askError(code string) error {
	return failed(workflows.ErrorAsk, "the question ends without an answer", temporal.ApplicationErrorOptions{NonRetryable: true, Details: []any{code}})
}

// askFailure gives an error its type for the workflow and logs its cause, which never holds content.
func askFailure(log *zap.Logger, err error) error {
	var fault *assistant.Fault
	var model *llm.Error
	switch {
	case errors.As(err, &fault):
		log.Warn("question ends without an answer", zap.String("code", fault.Code))
		return askError(fault.Code)
	case errors.As(err, &model):
		log.Warn("model call failed", zap.Error(model), zap.String("reason", string(model.Reason)))
		switch model.Reason {
		case llm.Credential, llm.Settings:
			return askError(workflows.AskCredential)
		case llm.Quota:
			return askError(workflows.AskQuota)
		case llm.Refused:
			return askError(workflows.AskRefused)
		}
		// Somebody waits: a service that asks for a longer pause than a question may take is not waited for.
		if model.RetryAfter > maxAskRetryAfter {
			return askError(workflows.AskRateLimited)
		}
		return transient(workflows.ErrorConnector, "the connector is unavailable", model.RetryAfter)
	case errors.Is(err, assistant.ErrNotFound):
		log.Info("the question was deleted meanwhile")
		return askError(workflows.AskInternal)
	}
	log.Warn("the store or the alerts are unavailable", zap.Error(err))
	return transient(workflows.ErrorStore, "the store or the alerts are unavailable", 0)
}

// maxAskRetryAfter is the longest pause of a service that a question waits for.
const maxAskRetryAfter = workflows.AskLimit / 3
