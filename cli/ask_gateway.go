package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/rulebridge/rulebridge/config"
	"github.com/rulebridge/rulebridge/internal/assistant"
)

// assistantPath is where the gateway has the assistant.
const assistantPath = "/internal/elastic_assistant"

// patientTransport waits for an answer as long as a gateway may take for one.
func patientTransport() http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.ResponseHeaderTimeout = assistant.TimeLimit + time.Minute
	return t
}

// ask asks the gateway one question.
func (g *gateway) ask(ctx context.Context, cfg config.Config, f askFlags, question string) (answer assistant.Answer, err error) {
	if f.conversation != "" {
		if err := g.begin(ctx, cfg, f.conversation, question); err != nil {
			return answer, err
		}
	}
	body := map[string]any{
		"params": map[string]any{"subAction": "invokeAI", "subActionParams": map[string]any{
			"messages": []assistant.Message{{Role: assistant.RoleUser, Content: question}},
		}},
		"isEnabledRAGAlerts": true, "isEnabledKnowledgeBase": true, "alertsIndexPattern": strings.Join(cfg.Assistant.IndexPatterns, ","),
		"size": f.size, "trace": f.shown,
	}
	if f.conversation != "" {
		body["conversationId"] = f.conversation
	}
	text, err := json.Marshal(body)
	if err != nil {
		return answer, fmt.Errorf("encode a request: %w", err)
	}
	resp, err := g.send(ctx, http.MethodPost, assistantPath+"/actions/connector/"+url.PathEscape(cfg.Connector)+"/_execute", text)
	if err != nil {
		return answer, withoutAssistant(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var got struct {
		Data         string            `json:"data"`
		Replacements map[string]string `json:"replacements"`
		Notes        []string          `json:"notes"`
		Trace        *assistant.Trace  `json:"trace"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil {
		return answer, fmt.Errorf("read the answer of the gateway: %w", err)
	}
	return assistant.Answer{Text: got.Data, Replacements: got.Replacements, Notes: got.Notes, Trace: got.Trace}, nil
}

// begin makes the conversation if there is none of its name.
func (g *gateway) begin(ctx context.Context, cfg config.Config, id, question string) error {
	text, err := json.Marshal(map[string]string{"id": id, "title": fit(question, titleWidth), "connector_id": cfg.Connector})
	if err != nil {
		return fmt.Errorf("encode a request: %w", err)
	}
	resp, err := g.send(ctx, http.MethodPost, assistantPath+"/conversations", text)
	var refused *answerError
	if errors.As(err, &refused) && refused.Status == http.StatusConflict {
		return nil // it is there already
	}
	if err != nil {
		return withoutAssistant(err)
	}
	return resp.Body.Close()
}

// withoutAssistant says what a gateway without the routes means.
func withoutAssistant(err error) error {
	var refused *answerError
	if errors.As(err, &refused) && refused.Status == http.StatusNotFound {
		return fmt.Errorf("%w; features.assistantRagOnAlerts may be off there", err)
	}
	return err
}
