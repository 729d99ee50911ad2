package elastic

import (
	"context"
	"fmt"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
)

// migrationDoc is the stored document of a migration.
type migrationDoc struct {
	migration.Migration
	StateEpoch       int64 `json:"state_epoch"` // the start that wrote state
	ResourcesVersion int64 `json:"resources_version"`
	// Staged: its rules are being written; it does not exist for anyone yet.
	Staged bool `json:"staged,omitempty"`

	on version
}

// stagedFor is how long a creation may take before its remains count as left behind.
const stagedFor = time.Hour

func noMigration(id string) error { return fmt.Errorf("migration %q: %w", id, store.ErrNotFound) }

// live decodes the document of a migration; ErrNotFound if there is none, or it is deleted or not complete.
func live(id string, d document) (migrationDoc, error) {
	var m migrationDoc
	if !d.Found {
		return m, noMigration(id)
	}
	if err := d.decode(&m); err != nil {
		return m, err
	}
	m.on = d.version
	if m.Deleted || m.Staged {
		return m, noMigration(id)
	}
	return m, nil
}

// head reads the document of a migration.
func (s *Store) head(ctx context.Context, id string) (migrationDoc, error) {
	docs, err := s.gets.do(ctx, []ref{s.migrationRef(id)})
	if err != nil {
		return migrationDoc{}, err
	}
	return live(id, docs[0])
}

// change applies f to the document of a migration until nobody else has changed it meanwhile. f says whether there is
// something to write.
func (s *Store) change(ctx context.Context, id string, f func(*migrationDoc) (bool, error)) (m migrationDoc, err error) {
	err = again(ctx, func() error {
		if m, err = s.head(ctx, id); err != nil {
			return err
		}
		write, err := f(&m)
		if err != nil || !write {
			return err
		}
		return s.put(ctx, &m)
	})
	return m, err
}

// put replaces the document it was read from; errConflict if that has changed or is gone.
func (s *Store) put(ctx context.Context, m *migrationDoc) error {
	o, err := s.writes.do(ctx, write{action: "index", ref: s.migrationRef(m.ID), on: &m.on, doc: m})
	if err != nil {
		return err
	}
	if !o.ok() {
		return errConflict
	}
	m.on = o.version
	return nil
}

// Migration implements store.Migrations.
func (s *Store) Migration(ctx context.Context, id string) (migration.Migration, error) {
	m, err := s.head(ctx, id)
	if err != nil {
		return migration.Migration{}, err
	}
	// Whatever changes the number of rules refreshes; so this needs no refresh.
	f, err := s.search(ctx, s.index(rulesIndex), map[string]any{"size": 0, "track_total_hits": true, "query": all(term("migration_id", id))})
	if err != nil {
		return migration.Migration{}, err
	}
	m.Total = f.Hits.Total.Value
	return m.Migration, nil
}

// SetState implements store.Migrations.
func (s *Store) SetState(ctx context.Context, id string, c store.Change) error {
	if c.At.IsZero() {
		c.At = s.now()
	}
	_, err := s.change(ctx, id, func(m *migrationDoc) (bool, error) {
		if err := store.CheckChange(m.State, m.Epoch, m.StateEpoch, c); err != nil {
			return false, fmt.Errorf("migration %q to %s: %w", id, c.State, err)
		}
		m.State, m.Epoch, m.StateEpoch, m.ParkReason, m.Error, m.LastUpdateBy = c.State, c.Epoch, c.Epoch, c.ParkReason, c.Error, c.By
		if c.ConnectorID != "" {
			m.ConnectorID = c.ConnectorID
		}
		if c.Settings != nil {
			m.Settings = c.Settings
		}
		m.touch(c.At, c.By)
		return true, nil
	})
	return err
}

// Rename implements store.Migrations.
func (s *Store) Rename(ctx context.Context, id, name, by string) error {
	_, err := s.change(ctx, id, func(m *migrationDoc) (bool, error) {
		m.Name = name
		m.touch(s.now(), by)
		return true, nil
	})
	return err
}

// raise makes epoch the migration's if it is newer.
func (s *Store) raise(ctx context.Context, id string, epoch int64) error {
	_, err := s.change(ctx, id, func(m *migrationDoc) (bool, error) {
		if epoch < m.Epoch {
			return false, fmt.Errorf("start %d of migration %q, the current is %d: %w", epoch, id, m.Epoch, store.ErrFenced)
		}
		newer := epoch > m.Epoch
		m.Epoch = epoch
		return newer, nil
	})
	return err
}
