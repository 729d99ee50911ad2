// Package model lets the assistant ask the connectors of internal/llm.
package model

import (
	"context"
	"errors"
	"time"

	"github.com/rulebridge/rulebridge/internal/assistant"
	"github.com/rulebridge/rulebridge/internal/llm"
)

// Connectors finds configured connectors.
type Connectors interface {
	Connector(id string) (llm.Connector, bool)
}

// Of makes what assistant.Deps.Model needs of the connectors. The deterministic connector has no model.
func Of(connectors Connectors) func(id string) (assistant.Model, bool) {
	return func(id string) (assistant.Model, bool) {
		c, ok := connectors.Connector(id)
		if !ok {
			return nil, false
		}
		if c.Kind() == llm.KindDeterministic {
			return nil, true
		}
		return model{c}, true
	}
}

type model struct{ connector llm.Connector }

// Generate asks the connector once. Its errors are those of the connector.
func (m model) Generate(ctx context.Context, r assistant.ModelRequest) (assistant.ModelReply, error) {
	request := llm.Request{
		Key: r.Key, Attempt: r.Attempt, Schema: &llm.Schema{Name: r.SchemaName, JSON: r.Schema},
		Temperature: r.Temperature, Stop: r.Stop, Stream: r.Stream,
	}
	for _, x := range r.Messages {
		request.Messages = append(request.Messages, llm.Message{Role: llm.Role(x.Role), Text: x.Content})
	}
	response, err := m.connector.Generate(ctx, request)
	if err != nil {
		return assistant.ModelReply{}, err
	}
	return assistant.ModelReply{
		Text: response.Text, Model: response.Model, PromptTokens: response.PromptTokens, OutputTokens: response.OutputTokens,
	}, nil
}

// maxRetryAfter bounds how long a service may ask to wait; a person waits for the answer.
const maxRetryAfter = 30 * time.Second

// Retry says whether an error of a connector is worth another try, and when. It is what assistant.Deps.Retry needs.
func Retry(err error) (after time.Duration, again bool) {
	var e *llm.Error
	if !errors.As(err, &e) {
		return 0, false
	}
	switch e.Reason {
	case llm.Transient, llm.RateLimited:
		return min(e.RetryAfter, maxRetryAfter), true
	}
	return 0, false
}
