package llm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tmc/langchaingo/llms"
	"github.com/tmc/langchaingo/llms/anthropic"
	"github.com/tmc/langchaingo/llms/ollama"
	"github.com/tmc/langchaingo/llms/openai"
)

const (
	defaultTimeout   = 2 * time.Minute
	defaultMaxTokens = 4096
	// azureAPIVersion is used when the configuration names none.
	azureAPIVersion = "2024-10-21"
)

// remote asks a service through langchaingo.
type remote struct {
	config Config
	model  llms.Model
}

func newRemote(c Config) (Connector, error) {
	fault := func(format string, args ...any) (Connector, error) {
		return nil, fmt.Errorf("connector %q: %s", c.ID, fmt.Sprintf(format, args...))
	}
	if c.URL != "" {
		if u, err := url.Parse(c.URL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return fault("url is no http or https address")
		}
	}
	if c.Model == "" {
		return fault("model is missing; name the model, for azure the deployment")
	}
	key := c.APIKey
	switch {
	case c.Kind == KindAzure && c.URL == "":
		return fault("url is missing; give the address of the Azure resource")
	case c.Kind == KindOpenAI && key == "" && c.URL != "":
		key = "none" // services of one's own often want no key, the library always does
	case c.Kind != KindOllama && key == "":
		return fault("no key; set api_key_env (or api_key)")
	}
	client := &http.Client{
		Transport: &transport{connector: c.ID, next: http.DefaultTransport},
		// A redirect would carry the key to another host.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	var model llms.Model
	var err error
	switch c.Kind {
	case KindOpenAI:
		options := []openai.Option{openai.WithToken(key), openai.WithModel(c.Model), openai.WithHTTPClient(client),
			openai.WithBaseURL(cmp.Or(strings.TrimRight(c.URL, "/"), "https://api.openai.com/v1"))}
		model, err = openai.New(options...)
	case KindAzure:
		model, err = openai.New(openai.WithToken(key), openai.WithModel(c.Model), openai.WithHTTPClient(client), openai.WithBaseURL(c.URL),
			openai.WithAPIType(openai.APITypeAzure), openai.WithAPIVersion(cmp.Or(c.APIVersion, azureAPIVersion)))
	case KindAnthropic:
		options := []anthropic.Option{anthropic.WithToken(key), anthropic.WithModel(c.Model), anthropic.WithHTTPClient(client)}
		if c.URL != "" {
			options = append(options, anthropic.WithBaseURL(strings.TrimRight(c.URL, "/")))
		}
		model, err = anthropic.New(options...)
	case KindOllama:
		model, err = ollama.New(ollama.WithModel(c.Model), ollama.WithHTTPClient(client),
			ollama.WithServerURL(cmp.Or(c.URL, "http://127.0.0.1:11434")))
	}
	if err != nil {
		return fault("%v", err)
	}
	return &remote{config: c, model: model}, nil
}

// ID is the configured id.
func (r *remote) ID() string { return r.config.ID }

// Kind is the configured kind.
func (r *remote) Kind() string { return r.config.Kind }

// Generate asks once. The library hides what the service said in an error text of its own, so the transport keeps it.
func (r *remote) Generate(ctx context.Context, q Request) (Response, error) {
	var seen outcome
	call, cancel := context.WithTimeout(context.WithValue(ctx, outcomeKey{}, &seen), cmp.Or(r.config.Timeout, defaultTimeout))
	defer cancel()
	messages := make([]llms.MessageContent, 0, len(q.Messages))
	for _, m := range q.Messages {
		role := llms.ChatMessageTypeHuman
		switch m.Role {
		case RoleSystem:
			role = llms.ChatMessageTypeSystem
		case RoleAssistant:
			role = llms.ChatMessageTypeAI
		}
		messages = append(messages, llms.TextParts(role, m.Text))
	}
	options := []llms.CallOption{
		llms.WithModel(r.config.Model), llms.WithTemperature(r.config.Temperature),
		llms.WithMaxTokens(cmp.Or(q.MaxTokens, r.config.MaxTokens, defaultMaxTokens)),
	}
	if q.Temperature != nil {
		options = append(options, llms.WithTemperature(*q.Temperature))
	}
	if len(q.Stop) > 0 {
		options = append(options, llms.WithStopWords(q.Stop))
	}
	if q.Schema != nil && r.config.Kind != KindAnthropic {
		options = append(options, llms.WithJSONMode())
	}
	if q.Stream != nil {
		seen.stream = r.config.Kind == KindOpenAI || r.config.Kind == KindAzure
		options = append(options, llms.WithStreamingFunc(func(_ context.Context, piece []byte) error {
			q.Stream(string(piece))
			return nil
		}))
	}
	answer, err := r.model.GenerateContent(call, messages, options...)
	// A cancelled call may come back with part of an answer and no error.
	if ctx.Err() != nil {
		return Response{}, ctx.Err()
	}
	if call.Err() != nil {
		return Response{}, r.fail(Transient, "no answer in time")
	}
	if seen.failure != nil {
		return Response{}, seen.failure
	}
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			return Response{}, r.fail(Transient, "no answer in time")
		}
		return Response{}, r.fail(Transient, "an answer that cannot be read")
	}
	out, err := r.read(answer)
	if err == nil && q.Stream != nil && cutOff(answer, r.config.Kind) {
		return Response{}, r.fail(Transient, "an answer that was cut off")
	}
	return out, err
}

// cutOff reports whether a stream ended before the service said that it ends; the library takes that for the end.
func cutOff(answer *llms.ContentResponse, kind string) bool {
	if kind == KindOllama {
		return false // it has no word for the end
	}
	for _, choice := range answer.Choices {
		if choice != nil && choice.StopReason == "" {
			return true
		}
	}
	return false
}

// read takes the text out of an answer and refuses what was cut off by a filter.
func (r *remote) read(answer *llms.ContentResponse) (Response, error) {
	out := Response{Model: r.config.Model}
	if answer == nil || len(answer.Choices) == 0 {
		return out, r.fail(Transient, "an empty answer")
	}
	for _, choice := range answer.Choices {
		if choice == nil {
			continue
		}
		switch choice.StopReason {
		case "content_filter", "refusal":
			return out, r.fail(Refused, "the service filtered the answer")
		}
		out.Text += choice.Content
		info := choice.GenerationInfo
		out.PromptTokens = max(out.PromptTokens, count(info, "PromptTokens", "InputTokens"))
		out.OutputTokens = max(out.OutputTokens, count(info, "CompletionTokens", "OutputTokens"))
	}
	if strings.TrimSpace(out.Text) == "" {
		return out, r.fail(Transient, "an empty answer")
	}
	return out, nil
}

func (r *remote) fail(reason Reason, detail string) *Error {
	return &Error{Connector: r.config.ID, Reason: reason, Detail: detail}
}

func count(info map[string]any, names ...string) int {
	for _, name := range names {
		if n, ok := info[name].(int); ok {
			return n
		}
	}
	return 0
}
