package workflows

import (
	"errors"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// Names of the workflow that answers one question about alerts; they never change.
const (
	AskWorkflow = "Ask"

	// SignalDelivered says that the answer has been read, so that everything the question recorded can be deleted.
	SignalDelivered = "delivered"
	// QueryAsk is where the question stands: the name of a step.
	QueryAsk = "ask_step"

	ActivityAskPrepare  = "AskPrepare"
	ActivityAskModel    = "AskModel"
	ActivityAskTool     = "AskTool"
	ActivityAskConclude = "AskConclude"
	ActivityAskFail     = "AskFail"
	ActivityAskForget   = "AskForget"
)

const (
	// AskLimit bounds the steps of one question.
	AskLimit = 3 * time.Minute
	// askSteps is how often a model is asked for one question.
	askSteps = 8
	// askKept is how long an answer that nobody reads is kept.
	askKept = 2 * time.Minute
)

// ErrorAsk is the type of an application error that ends a question; its first detail is the code that the asker gets.
const ErrorAsk = "Ask"

// Codes of questions that end without an answer. internal/assistant puts them into words.
const (
	AskNoAnswer    = "no_answer"    // the model gave no answer within the steps
	AskTimeLimit   = "time_limit"   // the steps took too long
	AskUnavailable = "unavailable"  // the store, the alerts or the connector cannot be reached
	AskInternal    = "internal"     // a step failed in a way nobody foresaw; the worker's log has it
	AskKey         = "unknown_key"  // payloads are encrypted with a key that the workers do not have
	AskCredential  = "credential"   // the connector refuses its credential or settings
	AskQuota       = "quota"        // the account behind the connector is used up
	AskRefused     = "refused"      // the model's service refused the question
	AskRateLimited = "rate_limited" // the model's service allows no more calls now
)

// AskWorkflowID is the id of a question's workflow.
func AskWorkflowID(questionID string) string { return "ask-" + questionID }

// AskInput starts a question. Its contents are in the store; the history carries ids, names of steps and codes.
type AskInput struct {
	QuestionID  string `json:"question_id"`
	ConnectorID string `json:"connector_id"`
	// Mode is ModeDeterministic or ModeModel.
	Mode     string   `json:"mode"`
	Settings Settings `json:"settings"`
	// Limit and Kept override the time limit and how long an unread answer is kept; zero keeps the defaults.
	Limit time.Duration `json:"limit,omitempty"`
	Kept  time.Duration `json:"kept,omitempty"`
}

// AskOutput says how a question ended: Code is empty when there is an answer.
type AskOutput struct {
	Code  string `json:"code,omitempty"`
	Steps int    `json:"steps"`
}

// AskStepInput names a question and a step, counted from 1; steps that are not numbered have 0.
type AskStepInput struct {
	QuestionID string `json:"question_id"`
	Step       int    `json:"step,omitempty"`
	// Code is set for AskFail only.
	Code string `json:"code,omitempty"`
}

// AskStepOutput says what the model wants next: Final, or a tool, or nothing that can be used.
type AskStepOutput struct {
	Final bool   `json:"final,omitempty"`
	Tool  string `json:"tool,omitempty"`
}

// AskOptions are the options every client starts a question's workflow with.
func AskOptions(questionID string) client.StartWorkflowOptions {
	return client.StartWorkflowOptions{
		ID:                    AskWorkflowID(questionID),
		TaskQueue:             TaskQueue,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		StaticSummary:         "Question about alerts",
	}
}

// asking is one question under way.
type asking struct {
	in    AskInput
	step  string
	steps int
}

// Ask answers one question: it prepares, lets the model and the tools take turns, concludes, and waits until the answer
// has been read. Whatever happens, what the question recorded is deleted at the end.
func Ask(ctx workflow.Context, in AskInput) (AskOutput, error) {
	a := &asking{in: in, step: ActivityAskPrepare}
	if err := workflow.SetQueryHandler(ctx, QueryAsk, func() (string, error) { return a.step, nil }); err != nil {
		return AskOutput{}, err
	}
	defer a.forget(ctx)
	code := a.answer(ctx)
	if ctx.Err() != nil {
		return AskOutput{Steps: a.steps}, ctx.Err()
	}
	if code != "" {
		// The asker waits for an answer or a code in the store.
		if err := a.exec(ctx, askClosing, ActivityAskFail, AskStepInput{QuestionID: in.QuestionID, Code: code}, nil); ctx.Err() != nil {
			return AskOutput{Steps: a.steps}, err
		}
	}
	a.wait(ctx)
	return AskOutput{Code: code, Steps: a.steps}, ctx.Err()
}

// answer takes the steps within the time limit and returns the code of what went wrong, if anything did.
func (a *asking) answer(ctx workflow.Context) (code string) {
	limit := a.in.Limit
	if limit <= 0 {
		limit = AskLimit
	}
	steps, cancel := workflow.WithCancel(ctx)
	defer cancel()
	late := false
	workflow.GoNamed(steps, "limit", func(ctx workflow.Context) {
		if workflow.NewTimerWithOptions(ctx, limit, workflow.TimerOptions{Summary: "time limit"}).Get(ctx, nil) == nil {
			late = true
			cancel()
		}
	})
	err := a.take(steps)
	if late && err != nil {
		return AskTimeLimit
	}
	return askCode(err)
}

func (a *asking) take(ctx workflow.Context) error {
	in := AskStepInput{QuestionID: a.in.QuestionID}
	if err := a.exec(ctx, askStep, ActivityAskPrepare, in, nil); err != nil {
		return err
	}
	for in.Step = 1; in.Step <= askSteps; in.Step++ {
		a.steps = in.Step
		var out AskStepOutput
		p := askStep
		if a.in.Mode == ModeModel {
			p = askModel
		}
		if err := a.exec(ctx, p, ActivityAskModel, in, &out); err != nil {
			return err
		}
		if out.Final {
			break
		}
		if out.Tool == "" {
			continue
		}
		if err := a.exec(ctx, askStep, ActivityAskTool, in, nil); err != nil {
			return err
		}
	}
	in.Step = 0
	return a.exec(ctx, askStep, ActivityAskConclude, in, nil)
}

// wait keeps the answer until it has been read, or for a while.
func (a *asking) wait(ctx workflow.Context) {
	kept := a.in.Kept
	if kept <= 0 {
		kept = askKept
	}
	a.step = "answered"
	timer, cancel := workflow.WithCancel(ctx)
	defer cancel()
	s := workflow.NewSelector(ctx)
	s.AddReceive(workflow.GetSignalChannel(ctx, SignalDelivered), func(c workflow.ReceiveChannel, _ bool) { c.Receive(ctx, nil) })
	s.AddFuture(workflow.NewTimerWithOptions(timer, kept, workflow.TimerOptions{Summary: "answer kept"}), func(workflow.Future) {})
	s.AddReceive(ctx.Done(), func(workflow.ReceiveChannel, bool) {})
	s.Select(ctx)
}

// forget deletes what the question recorded, also when the question was cancelled.
func (a *asking) forget(ctx workflow.Context) {
	rest, release := workflow.NewDisconnectedContext(ctx)
	defer release()
	// The sweep of stale questions takes what cannot be deleted now.
	if err := a.exec(rest, askClosing, ActivityAskForget, AskStepInput{QuestionID: a.in.QuestionID}, nil); err != nil {
		workflow.GetLogger(ctx).Warn("what a question recorded could not be deleted; a later question deletes it", "question_id", a.in.QuestionID)
	}
}

func (a *asking) exec(ctx workflow.Context, p profile, activity string, in AskStepInput, out any) error {
	a.step = activity
	options := a.in.Settings.withDefaults().activityOptions(p, activity)
	if p == askModel {
		options.TaskQueue = LLMTaskQueue(a.in.ConnectorID)
	}
	return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, options), activity, in).Get(ctx, out)
}

// askCode reads an error that a step returned after its last attempt.
func askCode(err error) string {
	if err == nil {
		return ""
	}
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		switch app.Type() {
		case ErrorAsk:
			code := AskInternal
			if app.HasDetails() && app.Details(&code) != nil {
				return AskInternal
			}
			return code
		case ErrorStore, ErrorConnector:
			return AskUnavailable
		}
		if causedBy(app, ErrorUnknownKey) {
			return AskKey
		}
		return AskInternal
	}
	var timeout *temporal.TimeoutError
	if errors.As(err, &timeout) {
		return AskTimeLimit
	}
	return AskInternal
}
