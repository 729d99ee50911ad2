package elastic

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/rulebridge/rulebridge/internal/store"
)

type answerDoc struct {
	MigrationID string        `json:"migration_id"`
	Key         string        `json:"key"`
	Attempts    int           `json:"attempts"`
	Answered    bool          `json:"answered"`
	Answer      *store.Answer `json:"answer,omitempty"`
	// Calls identifies the attempts, in order. A write that was carried out though its response was lost shows as a
	// conflict; this tells whether an attempt was counted.
	Calls []string `json:"calls"`
	// Spent is set in the document of a budget, and counts the attempts at one connector.
	Spent int `json:"spent,omitempty"`
}

// keptCalls bounds the attempts that the document of a budget identifies: those of lost responses are the last ones.
const keptCalls = 64

// budgetKey is the key of the document that counts the attempts at a connector; no question has it.
func budgetKey(connectorID string) string { return "budget of connector " + connectorID }

// readAnswer reads the document of a key; if there is none yet, on is nil.
func (s *Store) readAnswer(ctx context.Context, id, key string) (a answerDoc, on *version, err error) {
	docs, err := s.gets.do(ctx, []ref{s.migrationRef(id), s.answerRef(id, key)})
	if err != nil {
		return a, nil, err
	}
	if _, err := live(id, docs[0]); err != nil {
		return a, nil, err
	}
	if !docs[1].Found {
		return answerDoc{MigrationID: id, Key: key}, nil, nil
	}
	return a, &docs[1].version, docs[1].decode(&a)
}

// changeAnswer applies f to the document of a key until nobody else has changed it meanwhile.
func (s *Store) changeAnswer(ctx context.Context, id, key string, f func(*answerDoc) bool) (a answerDoc, err error) {
	err = again(ctx, func() error {
		var on *version
		if a, on, err = s.readAnswer(ctx, id, key); err != nil {
			return err
		}
		if !f(&a) {
			return nil
		}
		w := write{action: "create", ref: s.answerRef(id, key), doc: a}
		if on != nil {
			w.action, w.on = "index", on
		}
		o, err := s.writes.do(ctx, w)
		if err != nil {
			return err
		}
		if !o.ok() {
			return errConflict
		}
		if on != nil {
			return nil
		}
		// A deletion that looked before this document was there would leave it.
		if _, err = s.head(ctx, id); errors.Is(err, store.ErrNotFound) {
			_, derr := s.writes.do(ctx, write{action: "delete", ref: w.ref})
			return errors.Join(err, derr)
		}
		return err
	})
	return a, err
}

// BeginCall implements store.Answers. When there is an answer no attempt is counted, since none will be made.
// With a budget the attempt is paid for first, so a call that breaks off in between has cost one attempt too many at
// most, and none is made beyond the budget.
func (s *Store) BeginCall(ctx context.Context, id, key string, c store.Call) (int, *store.Answer, error) {
	me := uuid.NewString()
	if c.Budget > 0 {
		switch a, _, err := s.readAnswer(ctx, id, key); {
		case err != nil:
			return 0, nil, err
		case a.Answered:
			return a.Attempts, a.Answer, nil
		}
		if err := s.spend(ctx, id, c, me); err != nil {
			return 0, nil, err
		}
	}
	a, err := s.changeAnswer(ctx, id, key, func(a *answerDoc) bool {
		if a.Answered || slices.Contains(a.Calls, me) {
			return false
		}
		a.Calls = append(a.Calls, me)
		a.Attempts = len(a.Calls)
		return true
	})
	if err != nil {
		return 0, nil, err
	}
	if n := slices.Index(a.Calls, me); n >= 0 {
		return n + 1, a.Answer, nil
	}
	return a.Attempts, a.Answer, nil
}

// spend counts one attempt at a connector within its budget. Callers of this process take turns: they would only get in
// each other's way at the one document.
func (s *Store) spend(ctx context.Context, id string, c store.Call, me string) error {
	select {
	case s.spending <- struct{}{}:
		defer func() { <-s.spending }()
	case <-ctx.Done():
		return ctx.Err()
	}
	b, err := s.changeAnswer(ctx, id, budgetKey(c.ConnectorID), func(b *answerDoc) bool {
		if slices.Contains(b.Calls, me) || b.Spent >= c.Budget {
			return false
		}
		b.Calls = append(b.Calls, me)
		b.Calls = b.Calls[max(0, len(b.Calls)-keptCalls):]
		b.Spent++
		return true
	})
	if err != nil {
		return err
	}
	if !slices.Contains(b.Calls, me) {
		return fmt.Errorf("call %d of connector %q with a budget of %d: %w", b.Spent+1, c.ConnectorID, c.Budget, store.ErrBudget)
	}
	return nil
}

// SaveAnswer implements store.Answers. The first answer under a key stays.
func (s *Store) SaveAnswer(ctx context.Context, id, key string, given store.Answer) error {
	_, err := s.changeAnswer(ctx, id, key, func(a *answerDoc) bool {
		if a.Answered {
			return false
		}
		a.Answered, a.Answer = true, &given
		return true
	})
	return err
}

// Answer implements store.Answers.
func (s *Store) Answer(ctx context.Context, id, key string) (store.Answer, error) {
	a, _, err := s.readAnswer(ctx, id, key)
	if err != nil {
		return store.Answer{}, err
	}
	if a.Answer == nil {
		return store.Answer{}, fmt.Errorf("answer %q of migration %q: %w", key, id, store.ErrNotFound)
	}
	return *a.Answer, nil
}

// CallStats implements store.Answers.
func (s *Store) CallStats(ctx context.Context, id string) (attempts, answers int, err error) {
	if _, err := s.head(ctx, id); err != nil {
		return 0, 0, err
	}
	index := s.index(answersIndex)
	if err := s.othersRefresh[index].do(ctx); err != nil {
		return 0, 0, err
	}
	f, err := s.search(ctx, index, map[string]any{"size": 0, "track_total_hits": false, "query": all(term("migration_id", id)),
		"aggs": map[string]any{
			"attempts": map[string]any{"sum": map[string]any{"field": "attempts"}},
			"answers":  map[string]any{"filter": term("answered", true)},
		}})
	if err != nil {
		return 0, 0, err
	}
	var sum struct {
		Value float64 `json:"value"`
	}
	var answered struct {
		Count int `json:"doc_count"`
	}
	if err := errors.Join(json.Unmarshal(f.Aggregations["attempts"], &sum), json.Unmarshal(f.Aggregations["answers"], &answered)); err != nil {
		return 0, 0, fmt.Errorf("count answers: %w", err)
	}
	return int(sum.Value), answered.Count, nil
}
