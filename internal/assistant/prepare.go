package assistant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/rulebridge/rulebridge/internal/assistant/mask"
)

// prepared is what a question starts from. It is read once, so that a question sees one state of settings and history.
type prepared struct {
	Fields     []FieldSetting      `json:"fields"`
	Values     map[string][]string `json:"values,omitempty"`
	History    []Message           `json:"history,omitempty"`
	HistoryCut bool                `json:"history_cut,omitempty"`
	ValuesCut  bool                `json:"values_cut,omitempty"`
	Offered    []string            `json:"offered"`
	LeftOut    []LeftOut           `json:"left_out"`
	// Counts are those of the last 24 hours, against which numbers in answers are checked.
	Counts *result `json:"counts,omitempty"`
}

// Create checks a question and records it. Its id must be new.
func (c *Core) Create(ctx context.Context, q Question) error {
	if n := len(q.Messages); n == 0 || q.Messages[n-1].Role == RoleAssistant || q.Messages[n-1].Content == "" {
		return &Fault{CodeQuestion, "messages: the last one must be the question, of role user and not empty"}
	}
	if _, ok := c.Model(q.ConnectorID); !ok {
		return FaultOf(CodeUnknownConnector)
	}
	size := 0
	for _, value := range q.Replacements {
		size += len(value)
	}
	if size > maxReplacements {
		return &Fault{CodeReplacements, fmt.Sprintf("replacements: the values have %d bytes, %d are allowed; begin a new conversation", size, maxReplacements)}
	}
	if _, err := mask.NewTable(q.Replacements, c.Random); err != nil {
		return replacementsFault(err)
	}
	if q.AsOf.IsZero() {
		q.AsOf = c.Now()
	}
	history, isCut := bounded(q.Messages[:len(q.Messages)-1])
	q.Messages, q.HistoryCut = append(history[:len(history):len(history)], q.Messages[len(q.Messages)-1]), isCut
	content, err := json.Marshal(q)
	if err != nil {
		return fmt.Errorf("recording the question: %w", err)
	}
	if err := c.Questions.CreateQuestion(ctx, q.ID, content, c.Now()); err != nil {
		return fmt.Errorf("recording the question: %w", err)
	}
	return nil
}

func replacementsFault(err error) error {
	var t *mask.TokenError
	if errors.As(err, &t) {
		return &Fault{CodeReplacements, t.Error()}
	}
	return err
}

// Prepare reads what the question starts from: settings, the conversation, the values to mask, and the counts.
func (c *Core) Prepare(ctx context.Context, id string) error {
	q, err := c.question(ctx, id)
	if err != nil {
		return err
	}
	if _, err := c.Questions.Step(ctx, id, stepPrepared); !errors.Is(err, ErrNotFound) {
		return err
	}
	var p prepared
	p.Offered, p.LeftOut = applicable(c.Deps, q)
	var stored []FieldSetting
	if c.FieldSettings != nil {
		if stored, err = c.FieldSettings.FieldSettings(ctx); err != nil {
			return fmt.Errorf("reading the anonymization fields: %w", err)
		}
	}
	p.Fields = Fields(stored)
	if err := c.recall(ctx, q, &p); err != nil {
		return err
	}
	if c.Alerts != nil {
		if err := c.survey(ctx, q, &p); err != nil {
			return err
		}
	}
	return c.record(ctx, id, stepPrepared, p)
}

// recall chooses the earlier turns, and prepares the replacements of conversation and request.
func (c *Core) recall(ctx context.Context, q Question, p *prepared) error {
	history := q.Messages[:len(q.Messages)-1]
	if q.ConversationID != "" && c.Conversations != nil {
		saved, err := c.Conversations.Messages(ctx, q.Owner, q.ConversationID, maxHistory)
		if errors.Is(err, ErrNotFound) {
			return FaultOf(CodeConversation)
		}
		if err != nil {
			return fmt.Errorf("reading the conversation: %w", err)
		}
		if len(saved) > 0 {
			history = saved
		}
	}
	if _, err := c.vocabulary(ctx, q); err != nil {
		return err
	}
	p.History, p.HistoryCut = bounded(history)
	p.HistoryCut = p.HistoryCut || q.HistoryCut
	return nil
}

// bounded are the last turns that a model gets, and whether there are more.
func bounded(history []Message) (last []Message, isCut bool) {
	size, from := 0, len(history)
	for from > 0 && len(history)-from < maxHistory && size+len(history[from-1].Content) <= maxHistoryBytes {
		from--
		size += len(history[from].Content)
	}
	return history[from:], from > 0
}

// survey reads the values that are masked in what is said, and the counts.
func (c *Core) survey(ctx context.Context, q Question, p *prepared) error {
	indices := q.MaskIndex
	if len(indices) == 0 {
		indices = q.Index
	}
	if len(indices) > 0 {
		s := Scope{Index: indices, From: q.AsOf.Add(-valuesWindow), To: q.AsOf}
		values, err := c.Alerts.Values(ctx, s, newPolicy(p.Fields, q).masks(), maxDistinct)
		if err != nil {
			return fmt.Errorf("reading the values to mask: %w", err)
		}
		p.Values = values
		for _, list := range values {
			p.ValuesCut = p.ValuesCut || len(list) >= maxDistinct
		}
	}
	for _, name := range p.Offered {
		if name == ToolCounts {
			counts, err := runCounts(ctx, c.Deps, q, nil)
			if err != nil {
				return err
			}
			p.Counts = &counts
		}
	}
	return nil
}
