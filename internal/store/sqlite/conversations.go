package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rulebridge/rulebridge/internal/assistant"
	"github.com/rulebridge/rulebridge/internal/store"
)

// CreateConversation implements assistant.Conversations.
func (a *Assistant) CreateConversation(ctx context.Context, c assistant.Conversation) error {
	return a.db.write(ctx, func(ctx context.Context, q *statements) error {
		n, err := q.exec(ctx, `INSERT INTO conversations (id, owner, title, connector, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT DO NOTHING`, c.ID, c.Owner, c.Title, c.ConnectorID, c.CreatedAt.UnixNano(), c.UpdatedAt.UnixNano())
		if err == nil && n == 0 {
			err = fmt.Errorf("conversation %q: %w", c.ID, assistant.ErrExists)
		}
		return err
	})
}

const conversationColumns = "c, id, owner, title, connector, created_at, updated_at, messages"

func scanConversation(scan func(...any) error) (c assistant.Conversation, key int64, err error) {
	var created, updated int64
	err = scan(&key, &c.ID, &c.Owner, &c.Title, &c.ConnectorID, &created, &updated, &c.Messages)
	c.CreatedAt, c.UpdatedAt = time.Unix(0, created).UTC(), time.Unix(0, updated).UTC()
	return c, key, err
}

// conversation finds the owner's conversation; others do not exist.
func conversation(ctx context.Context, q *statements, owner, id string) (c assistant.Conversation, key int64, err error) {
	c, key, err = scanConversation(func(into ...any) error {
		return q.row(ctx, "SELECT "+conversationColumns+" FROM conversations WHERE id = ? AND owner = ?", []any{id, owner}, into...)
	})
	return c, key, notFound("conversation", id, err)
}

// notFound makes the store's error for a missing row the assistant's.
func notFound(what, id string, err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("%s %q: %w", what, id, assistant.ErrNotFound)
	}
	return err
}

// Conversation implements assistant.Conversations.
func (a *Assistant) Conversation(ctx context.Context, owner, id string) (c assistant.Conversation, err error) {
	err = a.db.read(ctx, func(ctx context.Context, q *statements) error {
		c, _, err = conversation(ctx, q, owner, id)
		return err
	})
	return c, err
}

// Conversations implements assistant.Conversations.
func (a *Assistant) Conversations(ctx context.Context, owner string) (list []assistant.Conversation, err error) {
	err = a.db.read(ctx, func(ctx context.Context, q *statements) error {
		list = nil
		return q.each(ctx, "SELECT "+conversationColumns+" FROM conversations WHERE owner = ? ORDER BY updated_at DESC, id", []any{owner},
			func(rows *sql.Rows) error {
				c, _, err := scanConversation(rows.Scan)
				list = append(list, c)
				return err
			})
	})
	return list, err
}

// Messages implements assistant.Conversations.
func (a *Assistant) Messages(ctx context.Context, owner, id string, last int) (list []assistant.Message, err error) {
	err = a.db.read(ctx, func(ctx context.Context, q *statements) error {
		list = nil
		_, key, err := conversation(ctx, q, owner, id)
		if err != nil {
			return err
		}
		if last <= 0 {
			last = -1
		}
		err = q.each(ctx, "SELECT role, content FROM messages WHERE c = ? ORDER BY place DESC LIMIT ?", []any{key, last}, func(rows *sql.Rows) error {
			var m assistant.Message
			err := rows.Scan(&m.Role, &m.Content)
			list = append(list, m)
			return err
		})
		slices.Reverse(list)
		return err
	})
	return list, err
}

// Replacements implements assistant.Conversations.
func (a *Assistant) Replacements(ctx context.Context, owner, id string) (all map[string]string, err error) {
	err = a.db.read(ctx, func(ctx context.Context, q *statements) error {
		all = map[string]string{}
		_, key, err := conversation(ctx, q, owner, id)
		if err != nil {
			return err
		}
		return q.each(ctx, "SELECT token, value FROM replacements WHERE c = ?", []any{key}, func(rows *sql.Rows) error {
			var token, value string
			err := rows.Scan(&token, &value)
			all[token] = value
			return err
		})
	})
	return all, err
}

// AppendExchange implements assistant.Conversations.
func (a *Assistant) AppendExchange(ctx context.Context, owner, id string, e assistant.Exchange) error {
	return a.db.write(ctx, func(ctx context.Context, q *statements) error {
		c, key, err := conversation(ctx, q, owner, id)
		if err != nil {
			return err
		}
		n, err := q.exec(ctx, "INSERT INTO exchanges (c, question) VALUES (?, ?) ON CONFLICT DO NOTHING", key, e.QuestionID)
		if err != nil || n == 0 {
			return err
		}
		for i, m := range e.Messages {
			if _, err := q.exec(ctx, "INSERT INTO messages (c, place, role, content) VALUES (?, ?, ?, ?)", key, c.Messages+i, m.Role, m.Content); err != nil {
				return err
			}
		}
		for token, value := range e.Replacements {
			if _, err := q.exec(ctx, "INSERT INTO replacements (c, token, value) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", key, token, value); err != nil {
				return err
			}
		}
		_, err = q.exec(ctx, "UPDATE conversations SET messages = messages + ?, updated_at = max(updated_at, ?) WHERE c = ?",
			len(e.Messages), e.At.UnixNano(), key)
		return err
	})
}

// DeleteConversation implements assistant.Conversations.
func (a *Assistant) DeleteConversation(ctx context.Context, owner, id string) error {
	return a.db.write(ctx, func(ctx context.Context, q *statements) error {
		n, err := q.exec(ctx, "DELETE FROM conversations WHERE id = ? AND owner = ?", id, owner)
		if err == nil && n == 0 {
			err = fmt.Errorf("conversation %q: %w", id, assistant.ErrNotFound)
		}
		return err
	})
}

// CreateQuestion implements assistant.Questions.
func (a *Assistant) CreateQuestion(ctx context.Context, id string, content []byte, at time.Time) error {
	return a.db.write(ctx, func(ctx context.Context, q *statements) error {
		n, err := q.exec(ctx, "INSERT INTO questions (id, opened_at, content) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", id, at.UnixNano(), blob(content))
		if err == nil && n == 0 {
			err = fmt.Errorf("question %q: %w", id, assistant.ErrExists)
		}
		return err
	})
}

// blob is content that is never NULL.
func blob(content []byte) []byte {
	if content == nil {
		return []byte{}
	}
	return content
}

// Question implements assistant.Questions.
func (a *Assistant) Question(ctx context.Context, id string) (content []byte, err error) {
	err = a.db.read(ctx, func(ctx context.Context, q *statements) error {
		return notFound("question", id, q.row(ctx, "SELECT content FROM questions WHERE id = ?", []any{id}, &content))
	})
	return content, err
}

// question is the row of a question.
func question(ctx context.Context, q *statements, id string) (key int64, err error) {
	return key, notFound("question", id, q.row(ctx, "SELECT q FROM questions WHERE id = ?", []any{id}, &key))
}

// SaveStep implements assistant.Questions.
func (a *Assistant) SaveStep(ctx context.Context, id, step string, content []byte) (recorded []byte, err error) {
	err = a.db.write(ctx, func(ctx context.Context, q *statements) error {
		key, err := question(ctx, q, id)
		if err != nil {
			return err
		}
		if _, err := q.exec(ctx, "INSERT INTO steps (q, name, content) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", key, step, blob(content)); err != nil {
			return err
		}
		return q.row(ctx, "SELECT content FROM steps WHERE q = ? AND name = ?", []any{key, step}, &recorded)
	})
	return recorded, err
}

// Step implements assistant.Questions.
func (a *Assistant) Step(ctx context.Context, id, step string) (content []byte, err error) {
	err = a.db.read(ctx, func(ctx context.Context, q *statements) error {
		key, err := question(ctx, q, id)
		if err != nil {
			return err
		}
		return notFound("step "+step+" of question", id, q.row(ctx, "SELECT content FROM steps WHERE q = ? AND name = ?", []any{key, step}, &content))
	})
	return content, err
}

// Steps implements assistant.Questions.
func (a *Assistant) Steps(ctx context.Context, id string) (all map[string][]byte, err error) {
	err = a.db.read(ctx, func(ctx context.Context, q *statements) error {
		all = map[string][]byte{}
		key, err := question(ctx, q, id)
		if err != nil {
			return err
		}
		return q.each(ctx, "SELECT name, content FROM steps WHERE q = ?", []any{key}, func(rows *sql.Rows) error {
			var name string
			var content []byte
			err := rows.Scan(&name, &content)
			all[name] = content
			return err
		})
	})
	return all, err
}

// DeleteQuestion implements assistant.Questions.
func (a *Assistant) DeleteQuestion(ctx context.Context, id string) error {
	return a.db.write(ctx, func(ctx context.Context, q *statements) error {
		_, err := q.exec(ctx, "DELETE FROM questions WHERE id = ?", id)
		return err
	})
}

// StaleQuestions implements assistant.Questions.
func (a *Assistant) StaleQuestions(ctx context.Context, before time.Time) (ids []string, err error) {
	err = a.db.read(ctx, func(ctx context.Context, q *statements) error {
		ids = nil
		return q.each(ctx, "SELECT id FROM questions WHERE opened_at < ? ORDER BY opened_at, id", []any{before.UnixNano()}, func(rows *sql.Rows) error {
			var id string
			err := rows.Scan(&id)
			ids = append(ids, id)
			return err
		})
	})
	return ids, err
}

// FieldSettings implements assistant.FieldSettings.
func (a *Assistant) FieldSettings(ctx context.Context) (list []assistant.FieldSetting, err error) {
	err = a.db.read(ctx, func(ctx context.Context, q *statements) error {
		list = nil
		return q.each(ctx, "SELECT field, allowed, anonymized, set_by, set_at FROM field_settings ORDER BY field", nil, func(rows *sql.Rows) error {
			var s assistant.FieldSetting
			var at int64
			err := rows.Scan(&s.Field, &s.Allowed, &s.Anonymized, &s.SetBy, &at)
			s.SetAt = time.Unix(0, at).UTC()
			list = append(list, s)
			return err
		})
	})
	return list, err
}

// SetFieldSettings implements assistant.FieldSettings.
func (a *Assistant) SetFieldSettings(ctx context.Context, settings []assistant.FieldSetting) error {
	return a.db.writeAlone(ctx, func(ctx context.Context, q *statements) error {
		for _, s := range settings {
			var err error
			if s.SetBy == "" {
				_, err = q.exec(ctx, "DELETE FROM field_settings WHERE field = ?", s.Field)
			} else {
				_, err = q.exec(ctx, `INSERT INTO field_settings (field, allowed, anonymized, set_by, set_at) VALUES (?, ?, ?, ?, ?)
					ON CONFLICT DO UPDATE SET allowed = excluded.allowed, anonymized = excluded.anonymized, set_by = excluded.set_by, set_at = excluded.set_at`,
					s.Field, s.Allowed, s.Anonymized, s.SetBy, s.SetAt.UnixNano())
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}
