package elastic

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/rulebridge/rulebridge/internal/assistant"
)

type questionDoc struct {
	ID       string    `json:"id"`
	OpenedAt time.Time `json:"opened_at"`
	Content  []byte    `json:"content"`
	// Writer names the call that wrote it.
	Writer string `json:"writer"`
}

type stepDoc struct {
	QuestionID string `json:"question_id"`
	Name       string `json:"name"`
	Content    []byte `json:"content"`
}

func missingQuestion(id string) error {
	return fmt.Errorf("question %q: %w", id, assistant.ErrNotFound)
}

func (a *Assistant) question(ctx context.Context, id string) (q questionDoc, err error) {
	d, err := a.one(ctx, a.ref(questionsIndex, id))
	switch {
	case err != nil:
		return q, err
	case !d.Found:
		return q, missingQuestion(id)
	}
	return q, d.decode(&q)
}

// CreateQuestion implements assistant.Questions.
func (a *Assistant) CreateQuestion(ctx context.Context, id string, content []byte, at time.Time) error {
	q := questionDoc{ID: id, OpenedAt: at, Content: content, Writer: uuid.NewString()}
	written, err := a.put(ctx, a.ref(questionsIndex, id), nil, q)
	if err != nil || written {
		return err
	}
	there, err := a.question(ctx, id)
	if err == nil && there.Writer == q.Writer { // this call's own write, whose answer was lost
		return nil
	}
	if err == nil || errors.Is(err, assistant.ErrNotFound) {
		return fmt.Errorf("question %q: %w", id, assistant.ErrExists)
	}
	return err
}

// Question implements assistant.Questions.
func (a *Assistant) Question(ctx context.Context, id string) ([]byte, error) {
	q, err := a.question(ctx, id)
	return q.Content, err
}

// SaveStep implements assistant.Questions.
func (a *Assistant) SaveStep(ctx context.Context, id, step string, content []byte) ([]byte, error) {
	if _, err := a.question(ctx, id); err != nil {
		return nil, err
	}
	r := a.ref(stepsIndex, id, step)
	written, err := a.put(ctx, r, nil, stepDoc{id, step, content})
	if err != nil {
		return nil, err
	}
	if !written {
		return a.Step(ctx, id, step)
	}
	// A deletion that looked before the step was there would leave it.
	if _, err := a.question(ctx, id); err != nil {
		_, derr := a.s.bulk(ctx, []write{{action: "delete", ref: r}}, false)
		return nil, errors.Join(err, derr)
	}
	return content, nil
}

// Step implements assistant.Questions.
func (a *Assistant) Step(ctx context.Context, id, step string) ([]byte, error) {
	docs, err := a.s.get(ctx, []ref{a.ref(questionsIndex, id), a.ref(stepsIndex, id, step)})
	switch {
	case err != nil:
		return nil, err
	case !docs[0].Found:
		return nil, missingQuestion(id)
	case !docs[1].Found:
		return nil, fmt.Errorf("step %s of question %q: %w", step, id, assistant.ErrNotFound)
	}
	var s stepDoc
	err = docs[1].decode(&s)
	return s.Content, err
}

// Steps implements assistant.Questions.
func (a *Assistant) Steps(ctx context.Context, id string) (map[string][]byte, error) {
	if _, err := a.question(ctx, id); err != nil {
		return nil, err
	}
	steps := map[string][]byte{}
	err := a.each(ctx, stepsIndex, term("question_id", id), []string{"name"}, func(h hit) error {
		var s stepDoc
		err := h.decode(&s)
		steps[s.Name] = s.Content
		return err
	})
	if err != nil {
		return nil, err
	}
	return steps, nil
}

// DeleteQuestion implements assistant.Questions.
func (a *Assistant) DeleteQuestion(ctx context.Context, id string) error {
	if _, err := a.s.bulk(ctx, []write{{action: "delete", ref: a.ref(questionsIndex, id)}}, false); err != nil {
		return err
	}
	return a.deleteAll(ctx, stepsIndex, term("question_id", id), "name")
}

// StaleQuestions implements assistant.Questions.
func (a *Assistant) StaleQuestions(ctx context.Context, before time.Time) ([]string, error) {
	var ids []string
	err := a.each(ctx, questionsIndex, map[string]any{"range": map[string]any{"opened_at": map[string]any{"lt": before.UTC().Format(time.RFC3339Nano)}}},
		[]string{"opened_at", "id"}, func(h hit) error {
			var q questionDoc
			err := h.decode(&q)
			ids = append(ids, q.ID)
			return err
		})
	return ids, err
}
