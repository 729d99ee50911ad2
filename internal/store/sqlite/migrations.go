package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
)

// deleteStep bounds the rules that one transaction of DeleteMigration removes.
const deleteStep = 1000

// head is the row of a migration without its document.
type head struct {
	n          int64
	state      migration.State
	epoch      int64
	stateEpoch int64
	counts     migration.Counts
	resources  int64
}

const headColumns = "n, state, epoch, state_epoch, pending, processing, finished, failed, resources_version"

func (h *head) dest() []any {
	return []any{&h.n, &h.state, &h.epoch, &h.stateEpoch, &h.counts.Pending, &h.counts.Processing, &h.counts.Finished,
		&h.counts.Failed, &h.resources}
}

func (h *head) sum() {
	h.counts.Total = h.counts.Pending + h.counts.Processing + h.counts.Finished + h.counts.Failed
}

// readHead gives ErrNotFound for an unknown or deleted migration.
func readHead(ctx context.Context, q *statements, id string) (head, error) {
	var h head
	err := q.row(ctx, "SELECT "+headColumns+" FROM migrations WHERE id = ? AND deleted = 0", []any{id}, h.dest()...)
	if errors.Is(err, store.ErrNotFound) {
		return h, noMigration(id)
	}
	h.sum()
	return h, err
}

func noMigration(id string) error { return fmt.Errorf("migration %q: %w", id, store.ErrNotFound) }

const migrationColumns = headColumns + ", deleted, created_at, updated_at, results_full, results_partial, results_untranslatable, results_matched, doc"

func scanMigration(scan func(...any) error) (m store.Standing, err error) {
	var h head
	var deleted bool
	var created, updated int64
	var doc sql.RawBytes
	if err := scan(append(h.dest(), &deleted, &created, &updated,
		&m.Results.Full, &m.Results.Partial, &m.Results.Untranslatable, &m.Results.Matched, &doc)...); err != nil {
		return m, err
	}
	if err := json.Unmarshal(doc, &m.Migration); err != nil {
		return m, fmt.Errorf("read migration document: %w", err)
	}
	h.sum()
	m.Counts = h.counts
	m.State, m.Epoch, m.Total, m.Deleted = h.state, h.epoch, h.counts.Total, deleted
	m.CreatedAt, m.LastUpdated = time.Unix(0, created).UTC(), time.Unix(0, updated).UTC()
	return m, nil
}

// CreateMigration stores the document and its first rules in one transaction. Of rules with the same id the first is
// kept. The same call again changes nothing; another migration under the id gives ErrConflict.
func (s *Store) CreateMigration(ctx context.Context, m migration.Migration, rules []migration.OriginalRule) error {
	if m.ID == "" {
		return errors.New("create migration: no id given")
	}
	now := s.now()
	m.Begin(now)
	m.Deleted = false
	doc, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("create migration: %w", err)
	}
	docs, err := newDocuments(m.ID, rules, m.CreatedAt, m.CreatedBy)
	if err != nil {
		return fmt.Errorf("create migration: %w", err)
	}
	return s.writeAlone(ctx, func(ctx context.Context, q *statements) error {
		var created int64
		var deleted bool
		err := q.row(ctx, "SELECT created_at, deleted FROM migrations WHERE id = ?", []any{m.ID}, &created, &deleted)
		switch {
		case err == nil && deleted:
			return noMigration(m.ID)
		case err == nil && created == m.CreatedAt.UnixNano():
			return nil
		case err == nil:
			return fmt.Errorf("migration %q exists already: %w", m.ID, store.ErrConflict)
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
		if _, err := q.exec(ctx, `INSERT INTO migrations (id, state, epoch, state_epoch, created_at, updated_at, doc)
			VALUES (?, ?, ?, ?, ?, ?, ?)`, m.ID, m.State, m.Epoch, m.Epoch, m.CreatedAt.UnixNano(), m.LastUpdated.UnixNano(), string(doc)); err != nil {
			return err
		}
		h, err := readHead(ctx, q, m.ID)
		if err != nil {
			return err
		}
		_, err = insertRules(ctx, q, h.n, docs)
		return err
	})
}

// AppendRules implements store.Migrations.
func (s *Store) AppendRules(ctx context.Context, id string, rules []migration.OriginalRule, seal bool, by string) (int, error) {
	now := s.now()
	docs, err := newDocuments(id, rules, now, by)
	if err != nil {
		return 0, fmt.Errorf("append rules: %w", err)
	}
	var added int
	err = s.writeAlone(ctx, func(ctx context.Context, q *statements) error {
		added = 0
		h, err := readHead(ctx, q, id)
		if err != nil {
			return err
		}
		if h.state == migration.Running {
			return fmt.Errorf("append rules to migration %q while it is running: %w", id, store.ErrConflict)
		}
		if added, err = insertRules(ctx, q, h.n, docs); err != nil {
			return err
		}
		state := h.state
		if state == migration.Creating && seal || state == migration.Finished && added > 0 {
			state = migration.Ready
		}
		if state == h.state && added == 0 {
			return nil
		}
		return touchMigration(ctx, q, h.n, state, now, by)
	})
	if err != nil {
		return 0, err
	}
	return added, nil
}

func touchMigration(ctx context.Context, q *statements, n int64, state migration.State, at time.Time, by string) error {
	_, err := q.exec(ctx, `UPDATE migrations SET state = ?, updated_at = max(updated_at, ?),
		doc = CASE ? WHEN '' THEN doc ELSE json_set(doc, '$.last_updated_by', ?) END WHERE n = ?`,
		state, at.UnixNano(), by, by, n)
	return err
}

// Migration implements store.Migrations.
func (s *Store) Migration(ctx context.Context, id string) (m migration.Migration, err error) {
	err = s.read(ctx, func(ctx context.Context, q *statements) error {
		found := false
		err := q.each(ctx, "SELECT "+migrationColumns+" FROM migrations WHERE id = ? AND deleted = 0", []any{id}, func(rows *sql.Rows) (err error) {
			found = true
			standing, err := scanMigration(rows.Scan)
			m = standing.Migration
			return err
		})
		if err == nil && !found {
			return noMigration(id)
		}
		return err
	})
	return m, err
}

// Migrations returns every migration that is not deleted, oldest first.
func (s *Store) Migrations(ctx context.Context) (ms []migration.Migration, err error) {
	all, err := s.Overview(ctx)
	for _, m := range all {
		ms = append(ms, m.Migration)
	}
	return ms, err
}

// Overview implements store.Migrations; here the counts are exact.
func (s *Store) Overview(ctx context.Context) (all []store.Standing, err error) {
	err = s.read(ctx, func(ctx context.Context, q *statements) error {
		all = nil
		return q.each(ctx, "SELECT "+migrationColumns+" FROM migrations WHERE deleted = 0 ORDER BY created_at, id", nil, func(rows *sql.Rows) error {
			m, err := scanMigration(rows.Scan)
			all = append(all, m)
			return err
		})
	})
	return all, err
}

// SetState implements store.Migrations.
func (s *Store) SetState(ctx context.Context, id string, c store.Change) error {
	if c.At.IsZero() {
		c.At = s.now()
	}
	return s.write(ctx, func(ctx context.Context, q *statements) error {
		h, err := readHead(ctx, q, id)
		if err != nil {
			return err
		}
		if err := store.CheckChange(h.state, h.epoch, h.stateEpoch, c); err != nil {
			return fmt.Errorf("migration %q to %s: %w", id, c.State, err)
		}
		var doc []byte
		if err := q.row(ctx, "SELECT doc FROM migrations WHERE n = ?", []any{h.n}, &doc); err != nil {
			return err
		}
		var m migration.Migration
		if err := json.Unmarshal(doc, &m); err != nil {
			return fmt.Errorf("read migration document: %w", err)
		}
		m.State, m.Epoch, m.ParkReason, m.Error, m.LastUpdateBy = c.State, c.Epoch, c.ParkReason, c.Error, c.By
		if c.ConnectorID != "" {
			m.ConnectorID = c.ConnectorID
		}
		if c.Settings != nil {
			m.Settings = c.Settings
		}
		if doc, err = json.Marshal(m); err != nil {
			return err
		}
		_, err = q.exec(ctx, `UPDATE migrations SET state = ?, epoch = ?, state_epoch = ?, updated_at = max(updated_at, ?), doc = ?
			WHERE n = ?`, c.State, c.Epoch, c.Epoch, c.At.UnixNano(), string(doc), h.n)
		return err
	})
}

// Rename implements store.Migrations.
func (s *Store) Rename(ctx context.Context, id, name, by string) error {
	return s.write(ctx, func(ctx context.Context, q *statements) error {
		n, err := q.exec(ctx, `UPDATE migrations SET updated_at = max(updated_at, ?), doc = json_set(doc, '$.name', ?, '$.last_updated_by', ?)
			WHERE id = ? AND deleted = 0`, s.now().UnixNano(), name, by, id)
		if err == nil && n == 0 {
			return noMigration(id)
		}
		return err
	})
}

// raise makes epoch the migration's if it is newer, and forgets the claims of older ones.
func raise(ctx context.Context, q *statements, h head, epoch int64) error {
	if epoch <= h.epoch {
		return nil
	}
	if _, err := q.exec(ctx, "UPDATE migrations SET epoch = ? WHERE n = ?", epoch, h.n); err != nil {
		return err
	}
	_, err := q.exec(ctx, "DELETE FROM claims WHERE m = ? AND epoch < ?", h.n, epoch)
	return err
}

// MarkDeleted sets the tombstone; setting it again is no error.
func (s *Store) MarkDeleted(ctx context.Context, id string) error {
	return s.write(ctx, func(ctx context.Context, q *statements) error {
		n, err := q.exec(ctx, "UPDATE migrations SET deleted = 1, updated_at = max(updated_at, ?) WHERE id = ?", s.now().UnixNano(), id)
		if err == nil && n == 0 {
			return noMigration(id)
		}
		return err
	})
}

// DeleteMigration sets the tombstone if it is not there and removes the documents, 1,000 rules a transaction. It may be
// repeated after a failure; of an unknown migration it removes nothing and gives nil.
func (s *Store) DeleteMigration(ctx context.Context, id string) error {
	if err := s.MarkDeleted(ctx, id); err != nil {
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		return err
	}
	for {
		var left bool
		err := s.writeAlone(ctx, func(ctx context.Context, q *statements) (err error) {
			left, err = deleteSome(ctx, q, id)
			return err
		})
		if err != nil || !left {
			return err
		}
	}
}

func deleteSome(ctx context.Context, q *statements, id string) (left bool, err error) {
	var n int64
	if err := q.row(ctx, "SELECT n FROM migrations WHERE id = ?", []any{id}, &n); err != nil {
		if errors.Is(err, store.ErrNotFound) {
			return false, nil // another call was faster
		}
		return false, err
	}
	for _, table := range []string{"originals", "rules", "answers", "resources"} {
		gone, err := q.exec(ctx, "DELETE FROM "+table+" WHERE rowid IN (SELECT rowid FROM "+table+" WHERE m = ? LIMIT ?)", n, deleteStep)
		if err != nil {
			return false, err
		}
		left = left || gone == deleteStep
	}
	if left {
		return true, nil
	}
	if _, err := q.exec(ctx, "DELETE FROM claims WHERE m = ?", n); err != nil {
		return false, err
	}
	_, err = q.exec(ctx, "DELETE FROM migrations WHERE n = ?", n)
	return false, err
}

// Tombstoned implements store.Tombstones.
func (s *Store) Tombstoned(ctx context.Context) (ids []string, err error) {
	err = s.read(ctx, func(ctx context.Context, q *statements) error {
		ids = nil
		return q.each(ctx, "SELECT id FROM migrations WHERE deleted = 1 ORDER BY id", nil, func(rows *sql.Rows) error {
			var id string
			err := rows.Scan(&id)
			ids = append(ids, id)
			return err
		})
	})
	return ids, err
}
