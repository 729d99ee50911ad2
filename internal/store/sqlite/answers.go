package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/rulebridge/rulebridge/internal/store"
)

// BeginCall implements store.Answers. When there is an answer no attempt is counted, since none will be made.
func (s *Store) BeginCall(ctx context.Context, id, key string, c store.Call) (attempt int, answer *store.Answer, err error) {
	err = s.write(ctx, func(ctx context.Context, q *statements) error {
		attempt, answer = 0, nil
		h, err := readHead(ctx, q, id)
		if err != nil {
			return err
		}
		var doc sql.NullString
		err = q.row(ctx, "SELECT attempts, doc FROM answers WHERE m = ? AND key = ?", []any{h.n, key}, &attempt, &doc)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if doc.Valid {
			answer = &store.Answer{}
			if err := json.Unmarshal([]byte(doc.String), answer); err != nil {
				return fmt.Errorf("read answer %q: %w", key, err)
			}
			return nil
		}
		if c.Budget > 0 {
			// The writer runs one operation at a time, so nobody else spends between this look and the count below.
			var spent int
			err := q.row(ctx, "SELECT coalesce(sum(attempts), 0) FROM answers WHERE m = ? AND connector = ?", []any{h.n, c.ConnectorID}, &spent)
			if err != nil {
				return err
			}
			if spent >= c.Budget {
				return fmt.Errorf("call %d of connector %q with a budget of %d: %w", spent+1, c.ConnectorID, c.Budget, store.ErrBudget)
			}
		}
		attempt++
		_, err = q.exec(ctx, `INSERT INTO answers (m, key, attempts, connector) VALUES (?, ?, 1, ?)
			ON CONFLICT DO UPDATE SET attempts = attempts + 1, connector = excluded.connector`, h.n, key, c.ConnectorID)
		return err
	})
	if err != nil {
		return 0, nil, err
	}
	return attempt, answer, nil
}

// SaveAnswer implements store.Answers. The first answer under a key stays.
func (s *Store) SaveAnswer(ctx context.Context, id, key string, a store.Answer) error {
	doc, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("save answer %q: %w", key, err)
	}
	return s.write(ctx, func(ctx context.Context, q *statements) error {
		h, err := readHead(ctx, q, id)
		if err != nil {
			return err
		}
		_, err = q.exec(ctx, `INSERT INTO answers (m, key, doc) VALUES (?, ?, ?)
			ON CONFLICT DO UPDATE SET doc = excluded.doc WHERE doc IS NULL`, h.n, key, string(doc))
		return err
	})
}

// Answer implements store.Answers.
func (s *Store) Answer(ctx context.Context, id, key string) (a store.Answer, err error) {
	err = s.read(ctx, func(ctx context.Context, q *statements) error {
		h, err := readHead(ctx, q, id)
		if err != nil {
			return err
		}
		var doc []byte
		err = q.row(ctx, "SELECT doc FROM answers WHERE m = ? AND key = ? AND doc IS NOT NULL", []any{h.n, key}, &doc)
		if errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("answer %q of migration %q: %w", key, id, store.ErrNotFound)
		}
		if err != nil {
			return err
		}
		a = store.Answer{}
		return json.Unmarshal(doc, &a)
	})
	return a, err
}

// CallStats implements store.Answers.
func (s *Store) CallStats(ctx context.Context, id string) (attempts, answers int, err error) {
	err = s.read(ctx, func(ctx context.Context, q *statements) error {
		h, err := readHead(ctx, q, id)
		if err != nil {
			return err
		}
		return q.row(ctx, "SELECT coalesce(sum(attempts), 0), count(doc) FROM answers WHERE m = ?", []any{h.n}, &attempts, &answers)
	})
	return attempts, answers, err
}
