// Package llm talks to models. A Connector answers one request at a time: no retries, no state, errors that say whether
// trying again helps. The activities decide what to do about them.
package llm

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Kinds of connectors.
const (
	KindDeterministic = "deterministic"
	KindSimulated     = "simulated"
	KindOpenAI        = "openai"
	KindAzure         = "azure"
	KindOllama        = "ollama"
	KindAnthropic     = "anthropic"

	// DeterministicID is the connector that is always there.
	DeterministicID = "deterministic"
)

// Connector is one configured model.
type Connector interface {
	ID() string
	Kind() string
	// Generate answers one request. Errors are of type *Error, except that a cancelled context gives its own error.
	Generate(ctx context.Context, r Request) (Response, error)
}

// Role says who speaks in a Message.
type Role string

// Roles.
const (
	RoleSystem    Role = "system"
	RoleUser      Role = "user"
	RoleAssistant Role = "assistant"
)

// Message is one turn.
type Message struct {
	Role Role
	Text string
}

// Request is what a model is asked.
type Request struct {
	// Key names the request: the same key is the same question. Attempt counts from 1.
	Key     string
	Attempt int
	// Messages are the turns so far, the system's first.
	Messages []Message
	// Schema, when not nil, is the JSON schema of the answer. Services that cannot enforce one get it in the prompt.
	Schema *Schema
	// MaxTokens bounds the answer; zero means the connector's own setting.
	MaxTokens int
	// Temperature, when not nil, replaces the connector's own. Stop are texts at which the answer ends.
	Temperature *float64
	Stop        []string
	// Stream, when not nil, is called with the answer while it comes, piece by piece. Services that cannot are not asked to.
	Stream func(piece string)
}

// Schema is a JSON schema with a name.
type Schema struct {
	Name string
	JSON []byte
}

// Response is a model's answer.
type Response struct {
	Text         string
	Model        string
	PromptTokens int
	OutputTokens int
}

// Reason says what kind of failure an Error is.
type Reason string

const (
	// Transient: the service is down, slow or broken; trying again may help.
	Transient Reason = "transient"
	// RateLimited: too many requests; RetryAfter says when to try again, if the service did.
	RateLimited Reason = "rate_limited"
	// Credential: the service refuses the key or the account, for every request alike.
	Credential Reason = "credential"
	// Settings: the service does not know the address or the model's name, for every request alike.
	Settings Reason = "settings"
	// Quota: the account's budget is used up.
	Quota Reason = "quota"
	// Refused: this request is refused and would be again: too long, filtered, malformed.
	Refused Reason = "refused"
)

// Error is a failed request. Its text never holds the prompt, the answer or a key.
type Error struct {
	Connector  string
	Reason     Reason
	Status     int // HTTP status, 0 without one
	RetryAfter time.Duration
	// Detail is a short remark of our own.
	Detail string
}

func (e *Error) Error() string {
	text := fmt.Sprintf("connector %s: %s", e.Connector, e.Detail)
	if e.Status != 0 {
		text += fmt.Sprintf(" (HTTP %d)", e.Status)
	}
	return text
}

// Advice says what to do about a failure of this kind.
func (e *Error) Advice() string {
	switch e.Reason {
	case Credential:
		return "check the key of the connector " + e.Connector + " in the configuration"
	case Settings:
		return "check the URL and the model of the connector " + e.Connector + " in the configuration"
	case Quota:
		return "raise the budget of the account behind connector " + e.Connector + " or start with another connector"
	case Refused:
		return "the request itself is refused; translate this rule by hand or with another connector"
	}
	return "start the migration again when the service answers"
}

// Config declares one connector; the fields that a kind does not use are ignored.
type Config struct {
	ID   string
	Kind string

	// Simulated only: mean latency, its spread as a share of the mean (0 to 1), share of calls that fail for a passing
	// reason, and the seed of both.
	Latency   time.Duration
	Jitter    float64
	ErrorRate float64
	Seed      int64

	Model      string // for azure the deployment
	URL        string
	APIVersion string
	APIKey     string
	// Timeout bounds one call; zero means two minutes.
	Timeout     time.Duration
	MaxTokens   int
	Temperature float64
	// Budget is the most calls of one migration; zero means no limit.
	Budget int
}

// Set holds the configured connectors by id. It is immutable and safe for concurrent use.
type Set struct {
	byID    map[string]Connector
	budgets map[string]int
}

// NewSet builds every connector; the deterministic one is always there.
func NewSet(configs []Config) (*Set, error) {
	s := &Set{byID: map[string]Connector{}, budgets: map[string]int{}}
	var errs []error
	for _, c := range configs {
		if _, ok := s.byID[c.ID]; ok {
			errs = append(errs, fmt.Errorf("connector %q is declared twice", c.ID))
			continue
		}
		connector, err := New(c)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		s.byID[c.ID], s.budgets[c.ID] = connector, c.Budget
	}
	if _, ok := s.byID[DeterministicID]; !ok {
		s.byID[DeterministicID] = Deterministic{}
	}
	return s, errors.Join(errs...)
}

// Connector finds a connector.
func (s *Set) Connector(id string) (Connector, bool) {
	c, ok := s.byID[id]
	return c, ok
}

// Budget is the most calls one migration may make of a connector; zero means no limit.
func (s *Set) Budget(id string) int { return s.budgets[id] }

// New builds one connector. It does not call the service.
func New(c Config) (Connector, error) {
	if c.ID == "" {
		return nil, errors.New("a connector needs an id")
	}
	switch c.Kind {
	case KindDeterministic:
		return Deterministic{id: c.ID}, nil
	case KindSimulated:
		return NewSimulated(c)
	case KindOpenAI, KindAzure, KindOllama, KindAnthropic:
		return newRemote(c)
	}
	return nil, fmt.Errorf("connector %q: unknown kind %q; use deterministic, simulated, openai, azure, ollama or anthropic", c.ID, c.Kind)
}

// Deterministic stands for the compiler alone; it has no model to ask.
type Deterministic struct{ id string }

// ID is "deterministic" unless the configuration named it otherwise.
func (d Deterministic) ID() string {
	if d.id == "" {
		return DeterministicID
	}
	return d.id
}

// Kind is KindDeterministic.
func (Deterministic) Kind() string { return KindDeterministic }

// Generate always refuses.
func (d Deterministic) Generate(context.Context, Request) (Response, error) {
	return Response{}, &Error{Connector: d.ID(), Reason: Refused, Detail: "has no model to ask"}
}
