package activities

import (
	"context"
	"time"

	"github.com/rulebridge/rulebridge/internal/llm"
	"github.com/rulebridge/rulebridge/internal/store"
	"github.com/rulebridge/rulebridge/workflows"
)

// saveWithin bounds how long an answer is tried to be saved after its activity was cancelled.
const saveWithin = 10 * time.Second

// CallModel asks a connector about a rule and records the answer under a deterministic key. A recorded answer is never
// asked for again; an attempt that a crash interrupts may be, and each attempt is counted.
func (a *Activities) CallModel(ctx context.Context, in workflows.CallInput) (workflows.CallOutput, error) {
	return do(ctx, a, subject{in.MigrationID, in.RuleID}, func(ctx context.Context) (workflows.CallOutput, error) {
		connector, err := a.connector(in.ConnectorID)
		if err != nil {
			return workflows.CallOutput{}, err
		}
		request, err := a.request(ctx, in)
		if err != nil {
			return workflows.CallOutput{}, err
		}
		attempt, err := a.flights.do(ctx, in.MigrationID+"/"+request.Key, func(ctx context.Context) (int, error) {
			return a.generate(ctx, in, connector, request)
		})
		return workflows.CallOutput{Key: request.Key, Attempt: attempt}, err
	})
}

// generate makes one counted attempt, unless the answer is there already.
func (a *Activities) generate(ctx context.Context, in workflows.CallInput, connector llm.Connector, request llm.Request) (attempt int, err error) {
	attempt, recorded, err := a.Answers.BeginCall(ctx, in.MigrationID, request.Key, store.Call{ConnectorID: in.ConnectorID, Budget: a.Connectors.Budget(in.ConnectorID)})
	if err != nil || recorded != nil {
		return attempt, err
	}
	request.Attempt = attempt
	response, err := connector.Generate(ctx, request)
	if err != nil {
		return attempt, err
	}
	// The answer was paid for: it is kept even if a stop came in while it was on its way.
	save, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveWithin)
	defer cancel()
	return attempt, a.Answers.SaveAnswer(save, in.MigrationID, request.Key, store.Answer{
		Text: response.Text, ConnectorID: in.ConnectorID, Model: response.Model,
		PromptTokens: response.PromptTokens, OutputTokens: response.OutputTokens, At: a.Now(),
	})
}

func (a *Activities) connector(id string) (llm.Connector, error) {
	if a.Connectors == nil {
		return nil, errNoConnector
	}
	c, ok := a.Connectors.Connector(id)
	if !ok {
		return nil, errNoConnector
	}
	return c, nil
}

// request builds what the connector is asked.
func (a *Activities) request(ctx context.Context, in workflows.CallInput) (llm.Request, error) {
	rule, err := a.held(ctx, in.RuleInput)
	if err != nil {
		return llm.Request{}, err
	}
	if in.Mode == workflows.ModeSimulated {
		return llm.Request{Key: llm.SimulatedKey(in.RuleID)}, nil
	}
	return a.question(ctx, in, rule)
}
