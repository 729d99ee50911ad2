package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
)

// document is a new rule as it is inserted.
type document struct {
	id            string
	original, doc string
}

func newDocuments(migrationID string, rules []migration.OriginalRule, at time.Time, by string) ([]document, error) {
	docs := make([]document, 0, len(rules))
	seen := make(map[string]bool, len(rules))
	for _, r := range rules {
		if seen[r.ID] {
			continue
		}
		seen[r.ID] = true
		original, err := json.Marshal(r)
		if err != nil {
			return nil, fmt.Errorf("rule %q: %w", r.ID, err)
		}
		doc, err := encode(store.NewRule(migrationID, r, at, by))
		if err != nil {
			return nil, fmt.Errorf("rule %q: %w", r.ID, err)
		}
		docs = append(docs, document{id: r.ID, original: string(original), doc: doc})
	}
	return docs, nil
}

// encode leaves out what has columns or a table of its own.
func encode(r migration.Rule) (string, error) {
	r.Original, r.Revision = migration.OriginalRule{}, 0
	doc, err := json.Marshal(r)
	return string(doc), err
}

func insertRules(ctx context.Context, q *statements, n int64, docs []document) (added int, err error) {
	for _, d := range docs {
		k, err := q.exec(ctx, `INSERT INTO rules (m, id, status, doc, changed)
			VALUES (?, ?, 'pending', ?, (SELECT changes + 1 FROM migrations WHERE n = ?)) ON CONFLICT DO NOTHING`, n, d.id, d.doc, n)
		if err != nil {
			return 0, err
		}
		if k == 0 {
			continue
		}
		added++
		if _, err := q.exec(ctx, "INSERT INTO originals (m, id, doc) VALUES (?, ?, ?)", n, d.id, d.original); err != nil {
			return 0, err
		}
	}
	if added == 0 {
		return 0, nil
	}
	return added, countChange(ctx, q, n)
}

// written is what each write of a rule sets beside what it changes: the next revision, and the number of the change, which
// countChange then counts.
const written = "version = version + 1, changed = (SELECT changes + 1 FROM migrations WHERE n = rules.m)"

func countChange(ctx context.Context, q *statements, n int64) error {
	_, err := q.exec(ctx, "UPDATE migrations SET changes = changes + 1 WHERE n = ?", n)
	return err
}

const ruleColumns = "r.id, r.m, r.version, r.status, r.result, r.epoch, r.claim, r.doc, o.doc"

// stored is a rule with what the columns say of its row.
type stored struct {
	migration.Rule
	m, version int64
	unreadable error // why the document cannot be decoded; the rule is then what could be read of it
}

// scanRule reads a row of ruleColumns of a migration.
func scanRule(rows *sql.Rows, migrationID string) (stored, error) {
	var s stored
	var id string
	var status migration.Status
	var result migration.Result
	var token migration.Token
	var doc, original sql.RawBytes
	if err := rows.Scan(&id, &s.m, &s.version, &status, &result, &token.Epoch, &token.Claim, &doc, &original); err != nil {
		return s, err
	}
	s.unreadable = json.Unmarshal(doc, &s.Rule)
	s.Original = migration.OriginalRule{}
	s.unreadable = errors.Join(s.unreadable, json.Unmarshal(original, &s.Original))
	if s.unreadable != nil {
		s.ID, s.MigrationID, s.Original.ID = id, migrationID, id
		if status == migration.StatusError {
			s.ErrorCode = migration.CodeUnreadable
		}
	}
	s.Status, s.Result, s.Token, s.Revision = status, result, token, s.version
	return s, nil
}

func (s *Store) rule(ctx context.Context, id, ruleID string) (r stored, err error) {
	err = s.read(ctx, func(ctx context.Context, q *statements) error {
		found := false
		err := q.each(ctx, "SELECT "+ruleColumns+` FROM migrations g JOIN rules r ON r.m = g.n JOIN originals o ON o.m = r.m AND o.id = r.id
			WHERE g.id = ? AND g.deleted = 0 AND r.id = ?`, []any{id, ruleID}, func(rows *sql.Rows) (err error) {
			found = true
			r, err = scanRule(rows, id)
			return err
		})
		if err == nil && !found {
			return noRule(id, ruleID)
		}
		return err
	})
	return r, err
}

func noRule(id, ruleID string) error {
	return fmt.Errorf("rule %q of migration %q: %w", ruleID, id, store.ErrNotFound)
}

// Rule implements store.Rules.
func (s *Store) Rule(ctx context.Context, id, ruleID string) (migration.Rule, error) {
	r, err := s.rule(ctx, id, ruleID)
	if err == nil && r.unreadable != nil {
		err = fmt.Errorf("rule %q of migration %q: %w: %w", ruleID, id, store.ErrUnreadable, r.unreadable)
	}
	return r.Rule, err
}

// restartStep bounds the rules that one transaction of Requeue restarts.
const restartStep = 500

// Requeue implements store.Rules. Rules at an end are restarted in further transactions, under the same fence; a call
// that broke off may be repeated.
func (s *Store) Requeue(ctx context.Context, id string, epoch int64, again store.Again) (counts migration.Counts, err error) {
	fenced := func(ctx context.Context, q *statements) (head, error) {
		h, err := readHead(ctx, q, id)
		if err == nil && epoch < h.epoch {
			err = fmt.Errorf("requeue rules of migration %q under start %d, the current is %d: %w", id, epoch, h.epoch, store.ErrFenced)
		}
		return h, err
	}
	err = s.write(ctx, func(ctx context.Context, q *statements) error {
		h, err := fenced(ctx, q)
		if err != nil {
			return err
		}
		if err := raise(ctx, q, h, epoch); err != nil {
			return err
		}
		n, err := q.exec(ctx, "UPDATE rules SET status = 'pending', epoch = 0, claim = 0, "+written+`
			WHERE m = ? AND status = 'processing' AND epoch <> ?`, h.n, epoch)
		if err == nil && n > 0 {
			err = countChange(ctx, q, h.n)
		}
		if err != nil {
			return err
		}
		counts, err = countsOf(ctx, q, id)
		return err
	})
	for left := !again.None(); err == nil && left; {
		err = s.writeAlone(ctx, func(ctx context.Context, q *statements) error {
			h, err := fenced(ctx, q)
			if err != nil {
				return err
			}
			n, err := s.restartSome(ctx, q, id, h.n, epoch, again)
			if err != nil {
				return err
			}
			left = n == restartStep
			counts, err = countsOf(ctx, q, id)
			return err
		})
	}
	return counts, err
}

// restartSome restarts rules at an end that again takes, and says how many.
func (s *Store) restartSome(ctx context.Context, q *statements, id string, m, epoch int64, again store.Again) (int, error) {
	ids, err := json.Marshal(again.RuleIDs)
	if err != nil {
		return 0, err
	}
	var rules []stored
	err = q.each(ctx, "SELECT "+ruleColumns+` FROM rules r JOIN originals o ON o.m = r.m AND o.id = r.id
		WHERE r.m = ? AND r.epoch <> ? AND r.status IN ('error', 'finished') AND (? AND r.settled = 0 AND r.status = 'error'
			OR ? AND r.settled = 0 AND r.status = 'finished' AND r.result <> 'full' OR r.id IN (SELECT value FROM json_each(?)))
		LIMIT ?`, []any{m, epoch, again.Failed, again.NotFull, string(ids), restartStep}, func(rows *sql.Rows) error {
		r, err := scanRule(rows, id)
		rules = append(rules, r)
		return err
	})
	if err != nil {
		return 0, err
	}
	now := s.now()
	for _, was := range rules {
		r := store.Restarted(was.Rule, again, now)
		doc, err := encode(r)
		if err != nil {
			return 0, fmt.Errorf("restart rule %q: %w", was.ID, err)
		}
		if _, err := q.exec(ctx, "UPDATE rules SET status = ?, result = '', matched = 0, epoch = 0, claim = 0, settled = 0, doc = ?, "+written+`
			WHERE m = ? AND id = ?`, r.Status, doc, m, r.ID); err != nil {
			return 0, err
		}
	}
	if len(rules) == 0 {
		return 0, nil
	}
	return len(rules), countChange(ctx, q, m)
}

func countsOf(ctx context.Context, q *statements, id string) (migration.Counts, error) {
	h, err := readHead(ctx, q, id)
	return h.counts, err
}

// Claim implements store.Rules.
func (s *Store) Claim(ctx context.Context, id string, token migration.Token, limit int) (ids []string, counts migration.Counts, err error) {
	err = s.write(ctx, func(ctx context.Context, q *statements) error {
		ids, counts = nil, migration.Counts{}
		h, err := readHead(ctx, q, id)
		if err != nil {
			return err
		}
		if err := store.CheckClaim(h.state, h.epoch, h.stateEpoch, token); err != nil {
			return fmt.Errorf("claim rules of migration %q: %w", id, err)
		}
		if err := raise(ctx, q, h, token.Epoch); err != nil {
			return err
		}
		first, err := q.exec(ctx, "INSERT INTO claims (m, epoch, claim) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", h.n, token.Epoch, token.Claim)
		if err != nil {
			return err
		}
		add := func(rows *sql.Rows) error {
			var ruleID string
			err := rows.Scan(&ruleID)
			ids = append(ids, ruleID)
			return err
		}
		if first == 0 {
			err = q.each(ctx, `SELECT id FROM rules WHERE m = ? AND status = 'processing' AND epoch = ? AND claim = ? ORDER BY id`,
				[]any{h.n, token.Epoch, token.Claim}, add)
		} else if limit > 0 {
			err = q.each(ctx, "UPDATE rules SET status = 'processing', epoch = ?, claim = ?, "+written+` WHERE m = ? AND id IN
				(SELECT id FROM rules WHERE m = ? AND status = 'pending' ORDER BY id LIMIT ?) RETURNING id`,
				[]any{token.Epoch, token.Claim, h.n, h.n, limit}, add)
			if err == nil && len(ids) > 0 {
				err = countChange(ctx, q, h.n)
			}
		}
		if err != nil {
			return err
		}
		slices.Sort(ids) // RETURNING promises no order
		counts, err = countsOf(ctx, q, id)
		return err
	})
	if err != nil {
		return nil, migration.Counts{}, err
	}
	return ids, counts, nil
}

// Record implements store.Rules. The change runs on the caller's goroutine, on a copy; it is called again when the
// document changed before the write.
func (s *Store) Record(ctx context.Context, id, ruleID string, token migration.Token, change func(*migration.Rule)) error {
	for {
		was, err := s.rule(ctx, id, ruleID)
		if err != nil {
			return err
		}
		r, write, err := store.Apply(was.Rule, token, change, s.now())
		if err == nil {
			err = store.Readable(r, was.unreadable)
		}
		if err != nil {
			return fmt.Errorf("record rule %q of migration %q: %w", ruleID, id, err)
		}
		if !write {
			return nil
		}
		doc, err := encode(r)
		if err != nil {
			return fmt.Errorf("record rule %q of migration %q: %w", ruleID, id, err)
		}
		err = s.write(ctx, func(ctx context.Context, q *statements) error {
			n, err := replace(ctx, q, was, r, doc)
			if err == nil && n == 0 {
				return errStale
			}
			if err != nil {
				return err
			}
			return countChangeAt(ctx, q, was.m, r.UpdatedAt)
		})
		if !errors.Is(err, errStale) {
			return err
		}
	}
}

// replace writes the document of a rule if it is still the one that was read, and says how many it wrote: one or none.
func replace(ctx context.Context, q *statements, was stored, r migration.Rule, doc string) (int64, error) {
	return q.exec(ctx, "UPDATE rules SET status = ?, result = ?, matched = ?, epoch = ?, claim = ?, settled = ?, doc = ?, "+written+`
		WHERE m = ? AND id = ? AND version = ? AND EXISTS (SELECT 1 FROM migrations WHERE n = ? AND deleted = 0)`,
		r.Status, r.Result, r.Matched != nil, r.Token.Epoch, r.Token.Claim, r.Settled(), doc, was.m, was.ID, was.version, was.m)
}

// countChangeAt is countChange for one that shows in when the migration was last updated.
func countChangeAt(ctx context.Context, q *statements, n int64, at time.Time) error {
	_, err := q.exec(ctx, "UPDATE migrations SET updated_at = max(updated_at, ?), changes = changes + 1 WHERE n = ?", at.UnixNano(), n)
	return err
}

// Release implements store.Rules.
func (s *Store) Release(ctx context.Context, id string, epoch int64, ruleIDs []string) (counts migration.Counts, err error) {
	list, err := json.Marshal(ruleIDs)
	if err != nil {
		return counts, fmt.Errorf("release rules: %w", err)
	}
	err = s.write(ctx, func(ctx context.Context, q *statements) error {
		h, err := readHead(ctx, q, id)
		if err != nil {
			return err
		}
		const set = "UPDATE rules SET status = 'pending', epoch = 0, claim = 0, " + written + `
			WHERE m = ? AND status = 'processing' AND epoch = ?`
		var n int64
		if len(ruleIDs) == 0 {
			n, err = q.exec(ctx, set, h.n, epoch)
		} else {
			n, err = q.exec(ctx, set+" AND id IN (SELECT value FROM json_each(?))", h.n, epoch, string(list))
		}
		if err == nil && n > 0 {
			err = countChange(ctx, q, h.n)
		}
		if err != nil {
			return err
		}
		counts, err = countsOf(ctx, q, id)
		return err
	})
	return counts, err
}

// Counts implements store.Rules; they are kept by triggers, so the call costs one row.
func (s *Store) Counts(ctx context.Context, id string) (counts migration.Counts, err error) {
	err = s.read(ctx, func(ctx context.Context, q *statements) (err error) {
		counts, err = countsOf(ctx, q, id)
		return err
	})
	return counts, err
}

// List implements store.Rules. Size 0 means 1,000.
func (s *Store) List(ctx context.Context, id string, query store.RuleQuery) (rules []migration.Rule, next string, err error) {
	size := query.Size
	if size <= 0 || size > store.MaxPage {
		size = store.MaxPage
	}
	ids, err := json.Marshal(query.IDs)
	if err != nil {
		return nil, "", fmt.Errorf("list rules: %w", err)
	}
	err = s.read(ctx, func(ctx context.Context, q *statements) error {
		rules, next = nil, ""
		h, err := readHead(ctx, q, id)
		if err != nil {
			return err
		}
		text := "SELECT " + ruleColumns + " FROM rules r JOIN originals o ON o.m = r.m AND o.id = r.id WHERE r.m = ? AND r.id > ?"
		args := []any{h.n, query.After}
		if query.Status != "" {
			text += " AND r.status = ?"
			args = append(args, query.Status)
		}
		if query.Result != "" {
			// The literal lets the planner take the partial index.
			text += " AND r.result = ? AND r.result <> ''"
			args = append(args, query.Result)
		}
		if len(query.IDs) > 0 {
			text += " AND r.id IN (SELECT value FROM json_each(?))"
			args = append(args, string(ids))
		}
		if query.Unsettled {
			text += " AND r.settled = 0"
		}
		text += " ORDER BY r.id LIMIT ?"
		return q.each(ctx, text, append(args, size+1), func(rows *sql.Rows) error {
			if len(rules) == size {
				next = rules[size-1].ID
				return nil
			}
			r, err := scanRule(rows, id)
			rules = append(rules, r.Rule)
			return err
		})
	})
	if err != nil {
		return nil, "", err
	}
	return rules, next, nil
}

// Changes implements store.Rules. One statement reads all of it, so that the counts are of the same moment.
func (s *Store) Changes(ctx context.Context, id string, mark int64) (c store.Changes, err error) {
	err = s.read(ctx, func(ctx context.Context, q *statements) error {
		c = store.Changes{}
		found := false
		err := q.each(ctx, `SELECT g.changes, g.pending, g.processing, g.finished, g.failed, r.id, r.version
			FROM migrations g LEFT JOIN rules r ON r.m = g.n AND r.changed >= ? WHERE g.id = ? AND g.deleted = 0`,
			[]any{mark, id}, func(rows *sql.Rows) error {
				found = true
				var h head
				var ruleID sql.NullString
				var revision sql.NullInt64
				n := &h.counts
				if err := rows.Scan(&c.Mark, &n.Pending, &n.Processing, &n.Finished, &n.Failed, &ruleID, &revision); err != nil {
					return err
				}
				h.sum()
				c.Counts = h.counts
				if ruleID.Valid {
					c.Rules = append(c.Rules, store.RuleChange{ID: ruleID.String, Revision: revision.Int64})
				}
				return nil
			})
		if err == nil && !found {
			return noMigration(id)
		}
		c.Mark++ // changed is the number that comes after what was counted before it
		return err
	})
	return c, err
}

// DeleteRule removes one rule; one that is not there gives ErrNotFound.
func (s *Store) DeleteRule(ctx context.Context, id, ruleID string) error {
	return s.write(ctx, func(ctx context.Context, q *statements) error {
		h, err := readHead(ctx, q, id)
		if err != nil {
			return err
		}
		n, err := q.exec(ctx, "DELETE FROM rules WHERE m = ? AND id = ?", h.n, ruleID)
		if err != nil {
			return err
		}
		if n == 0 {
			return noRule(id, ruleID)
		}
		_, err = q.exec(ctx, "DELETE FROM originals WHERE m = ? AND id = ?", h.n, ruleID)
		return err
	})
}

// ErrorCodes implements store.Rules.
func (s *Store) ErrorCodes(ctx context.Context, id string) (codes map[string]int, err error) {
	err = s.read(ctx, func(ctx context.Context, q *statements) error {
		h, err := readHead(ctx, q, id)
		if err != nil {
			return err
		}
		codes = map[string]int{}
		return q.each(ctx, `SELECT CASE WHEN json_valid(doc) THEN coalesce(json_extract(doc, '$.error_code'), '') ELSE 'unreadable' END, count(*) FROM rules
			WHERE m = ? AND status = 'error' GROUP BY 1`, []any{h.n}, func(rows *sql.Rows) error {
			var code string
			var n int
			if err := rows.Scan(&code, &n); err != nil {
				return err
			}
			if code != "" {
				codes[code] = n
			}
			return nil
		})
	})
	return codes, err
}
