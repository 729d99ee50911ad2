package assistant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Conclude builds the answer from what the model said last, records it, and appends it to the conversation. Only then does
// Answer return the answer, so that who asks again in the conversation, or reads it, finds the answer there.
func (c *Core) Conclude(ctx context.Context, id string) error {
	s, err := c.load(ctx, id)
	if err != nil {
		return err
	}
	if _, err := c.Questions.Step(ctx, id, stepAnswer); err == nil {
		return c.save(ctx, s.q) // an attempt before this one may have ended between the two
	} else if !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("reading the answer: %w", err)
	}
	if len(s.turns) == 0 || !s.turns[len(s.turns)-1].decision.final() {
		return FaultOf(CodeNoAnswer)
	}
	model, ok := c.Model(s.q.ConnectorID)
	answer, exchange, err := s.answer(ok && model == nil)
	if err != nil {
		return err
	}
	// The tokens of this answer must last: a repeated attempt would draw others.
	if err := c.record(ctx, id, stepAnswer, recordedAnswer{Answer: answer, Exchange: exchange}); err != nil {
		return err
	}
	return c.save(ctx, s.q)
}

// Fail records that a question ends without an answer, unless there is one. An answer that could not be saved in its
// conversation is given all the same.
func (c *Core) Fail(ctx context.Context, id, code string) error {
	if err := c.record(ctx, id, stepAnswer, recordedAnswer{Code: code}); err != nil {
		return err
	}
	return c.record(ctx, id, stepSaved, nil)
}

// recordedAnswer is an answer with what it adds to the conversation, or the code of a fault.
type recordedAnswer struct {
	Code     string   `json:"code,omitempty"`
	Answer   Answer   `json:"answer"`
	Exchange Exchange `json:"exchange"`
}

// save appends the recorded exchange to the conversation, if there is one, and records that the answer can be given.
func (c *Core) save(ctx context.Context, q Question) error {
	if q.ConversationID != "" && c.Conversations != nil {
		a, err := c.recorded(ctx, q.ID)
		if err != nil {
			return err
		}
		a.Exchange.QuestionID, a.Exchange.At = q.ID, q.AsOf
		err = c.Conversations.AppendExchange(ctx, q.Owner, q.ConversationID, a.Exchange)
		if err != nil && !errors.Is(err, ErrNotFound) { // a conversation that was deleted meanwhile does not come back
			return fmt.Errorf("saving the answer in the conversation: %w", err)
		}
	}
	return c.record(ctx, q.ID, stepSaved, nil)
}

func (c *Core) recorded(ctx context.Context, id string) (recordedAnswer, error) {
	var a recordedAnswer
	content, err := c.Questions.Step(ctx, id, stepAnswer)
	if err != nil {
		return a, fmt.Errorf("reading the answer: %w", err)
	}
	if err := json.Unmarshal(content, &a); err != nil {
		return a, fmt.Errorf("reading the answer: %w", err)
	}
	return a, nil
}

// Answer returns the recorded answer once it is saved, or the *Fault that was recorded; ErrNotFound when there is none yet,
// or no more.
func (c *Core) Answer(ctx context.Context, id string) (Answer, error) {
	if _, err := c.Questions.Step(ctx, id, stepSaved); err != nil {
		return Answer{}, fmt.Errorf("reading whether there is an answer: %w", err)
	}
	a, err := c.recorded(ctx, id)
	if err == nil && a.Code != "" {
		return Answer{}, FaultOf(a.Code)
	}
	return a.Answer, err
}

// staleAfter is how old a question must be for the sweep: far beyond the time limit of a question and of its answer.
const staleAfter = time.Hour

// Sweep deletes what questions left behind that no workflow ended: their process was killed before there was one.
func (c *Core) Sweep(ctx context.Context) error {
	ids, err := c.Questions.StaleQuestions(ctx, c.Now().Add(-staleAfter))
	if err != nil {
		return fmt.Errorf("listing stale questions: %w", err)
	}
	for _, id := range ids {
		if err := c.Forget(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// Forget deletes everything that was recorded for a question.
func (c *Core) Forget(ctx context.Context, id string) error {
	c.known.forget(questionKey(id))
	if err := c.Questions.DeleteQuestion(ctx, id); err != nil {
		return fmt.Errorf("deleting the question: %w", err)
	}
	return nil
}
