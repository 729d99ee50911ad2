package app

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"

	sdkworker "go.temporal.io/sdk/worker"
	"go.uber.org/zap"

	"github.com/rulebridge/rulebridge/activities"
	"github.com/rulebridge/rulebridge/api"
	"github.com/rulebridge/rulebridge/config"
	"github.com/rulebridge/rulebridge/internal/assistant"
	"github.com/rulebridge/rulebridge/internal/assistant/esqldocs"
	"github.com/rulebridge/rulebridge/internal/assistant/model"
	"github.com/rulebridge/rulebridge/internal/assistant/sealed"
	"github.com/rulebridge/rulebridge/internal/codec"
	"github.com/rulebridge/rulebridge/internal/llm"
	"github.com/rulebridge/rulebridge/internal/store/elastic"
	"github.com/rulebridge/rulebridge/internal/store/sqlite"
)

// assistantFile is the assistant's own database in the data folder.
const assistantFile = "assistant.db"

// AssistantPath is the assistant's database in a data folder.
func AssistantPath(dir string) string { return filepath.Join(dir, assistantFile) }

// AssistantStore is what the assistant keeps between calls.
type AssistantStore interface {
	assistant.Conversations
	assistant.Questions
	assistant.FieldSettings
	Close() error
}

// Assistant answers questions about alerts in one process: its store, and the source of alerts.
type Assistant struct {
	store         AssistantStore
	alerts        assistant.AlertSource
	conversations assistant.Conversations
	questions     assistant.Questions
	connectors    *llm.Set
	log           *zap.Logger
}

// OpenAssistant opens the embedded store below dir, in memory when dir is empty, and the source of alerts that the
// configuration names. seal, which may be nil, encrypts what questions and conversations hold.
func OpenAssistant(ctx context.Context, c config.Config, dir string, seal *codec.Codec, log *zap.Logger) (*Assistant, error) {
	path := sqlite.Memory
	if dir != "" {
		path = AssistantPath(dir)
	}
	db, err := sqlite.OpenAssistant(ctx, path, sqlite.Options{})
	if err != nil {
		return nil, err
	}
	return newAssistant(c, db, db, seal, log)
}

// OpenClusterAssistant prepares the store in Elasticsearch, for several processes, and reads alerts of the same cluster. It
// sends nothing: Setup installs the indices, CheckIndices tells what is missing.
func OpenClusterAssistant(c config.Config, seal *codec.Codec, log *zap.Logger) (*Assistant, error) {
	if !c.FromElasticsearch() {
		return nil, errors.New("assistant.alerts: embedded needs store.kind sqlite; with store.kind elasticsearch use auto or elasticsearch")
	}
	kept, err := elastic.NewAssistant(ElasticOptions(c.Elasticsearch))
	if err != nil {
		return nil, err
	}
	return newAssistant(c, kept, nil, seal, log)
}

// indices are installed before they are used.
type indices interface {
	Setup(ctx context.Context) error
	CheckIndices(ctx context.Context) error
}

// Setup installs what the store needs; the embedded one needs nothing.
func (a *Assistant) Setup(ctx context.Context) error {
	if i, ok := a.store.(indices); ok {
		return i.Setup(ctx)
	}
	return nil
}

// CheckIndices says whether what Setup installs is there.
func (a *Assistant) CheckIndices(ctx context.Context) error {
	if i, ok := a.store.(indices); ok {
		return i.CheckIndices(ctx)
	}
	return nil
}

func newAssistant(c config.Config, s AssistantStore, embedded assistant.AlertSource, seal *codec.Codec, log *zap.Logger) (*Assistant, error) {
	a := &Assistant{store: s, alerts: embedded, conversations: sealed.Conversations(s, seal), questions: sealed.Questions(s, seal), log: log}
	if c.FromElasticsearch() {
		alerts, err := elastic.NewAlerts(ElasticOptions(c.Elasticsearch))
		if err != nil {
			return nil, fmt.Errorf("alerts of Elasticsearch: %w", err)
		}
		a.alerts = alerts
	}
	connectors, err := llm.NewSet(connectorConfigs(c.Connectors))
	if err != nil {
		return nil, err
	}
	a.connectors = connectors
	return a, nil
}

// ElasticOptions are the options of a connection to the configured cluster.
func ElasticOptions(e config.Elasticsearch) elastic.Options {
	retries := e.MaxRetries
	if retries == 0 {
		retries = -1 // the store takes 0 for its default
	}
	return elastic.Options{
		URLs: e.URLs, APIKey: e.APIKey.Reveal(), Username: e.Username, Password: e.Password.Reveal(), CAFile: e.CAFile,
		Timeout: e.Timeout, MaxRetries: retries, Prefix: e.Prefix, Shards: e.Shards,
		RefreshInterval: strconv.FormatInt(e.Refresh.Milliseconds(), 10) + "ms",
	}
}

// Core is the assistant's core over these parts.
func (a *Assistant) Core() *assistant.Core {
	return assistant.New(assistant.Deps{
		Alerts: a.alerts, Knowledge: esqldocs.Library(), FieldSettings: a.store, Conversations: a.conversations, Questions: a.questions,
		Model: model.Of(a.connectors), Budget: a.connectors.Budget, Retry: model.Retry,
	})
}

// Activities are those of questions.
func (a *Assistant) Activities() *activities.Ask {
	return activities.NewAsk(a.Core(), a.log.Named("assistant"))
}

// Register adds the activities of questions to others; a nil Assistant adds none.
func (a *Assistant) Register(others func(sdkworker.Registry)) func(sdkworker.Registry) {
	if a == nil {
		return others
	}
	questions := a.Activities()
	return func(r sdkworker.Registry) {
		others(r)
		questions.Register(r)
	}
}

// Gateway is what the gateway needs of the assistant.
func (a *Assistant) Gateway(flows api.Questions) *api.Assistant {
	return &api.Assistant{Core: a.Core(), Workflows: flows, Conversations: a.conversations, Fields: a.store}
}

// Close closes the store.
func (a *Assistant) Close() error { return a.store.Close() }
