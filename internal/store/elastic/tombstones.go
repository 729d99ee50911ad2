package elastic

import (
	"context"
	"errors"
	"fmt"

	"github.com/rulebridge/rulebridge/internal/store"
)

// MarkDeleted sets the tombstone; setting it again is no error.
func (s *Store) MarkDeleted(ctx context.Context, id string) error {
	return again(ctx, func() error {
		docs, err := s.gets.do(ctx, []ref{s.migrationRef(id)})
		if err != nil {
			return err
		}
		if !docs[0].Found {
			return noMigration(id)
		}
		var m migrationDoc
		if err := docs[0].decode(&m); err != nil {
			return err
		}
		m.on = docs[0].version
		if m.Deleted {
			return nil
		}
		m.Deleted, m.Staged = true, false
		m.touch(s.now(), "")
		return s.put(ctx, &m)
	})
}

// DeleteMigration sets the tombstone if it is not there and removes the documents, a page at a time, the tombstone last.
// It may be repeated after a failure; of an unknown migration it removes nothing and gives nil.
func (s *Store) DeleteMigration(ctx context.Context, id string) error {
	if err := s.MarkDeleted(ctx, id); err != nil {
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		return err
	}
	for _, index := range []string{rulesIndex, answersIndex, resourcesIndex, claimsIndex} {
		if err := s.deleteAll(ctx, s.index(index), all(term("migration_id", id))); err != nil {
			return fmt.Errorf("delete migration %q: %w", id, err)
		}
	}
	_, err := s.writes.do(ctx, write{action: "delete", ref: s.migrationRef(id)})
	return err
}

func (s *Store) deleteRules(ctx context.Context, id string) error {
	return s.deleteAll(ctx, s.index(rulesIndex), all(term("migration_id", id)))
}

// deleteAll deletes by id what the query finds, until it finds nothing.
func (s *Store) deleteAll(ctx context.Context, index string, query map[string]any) error {
	for {
		if err := s.othersRefresh[index].do(ctx); err != nil {
			return err
		}
		gone := 0
		err := s.scan(ctx, index, query, []string{"migration_id"}, []string{"migration_id"}, func(hits []hit) error {
			writes := make([]write, len(hits))
			for i, h := range hits {
				writes[i] = write{action: "delete", ref: ref{index, h.ID}}
			}
			gone += len(writes)
			_, err := s.bulk(ctx, writes, false)
			return err
		})
		if err != nil || gone == 0 {
			return err
		}
	}
}

// Tombstoned implements store.Tombstones.
func (s *Store) Tombstoned(ctx context.Context) ([]string, error) {
	index := s.index(migrationsIndex)
	if err := s.othersRefresh[index].do(ctx); err != nil {
		return nil, err
	}
	left := all(term("staged", true), map[string]any{"range": map[string]any{"created_at": map[string]any{"lt": s.now().Add(-stagedFor)}}})
	var ids []string
	err := s.scan(ctx, index, anyOf(term("deleted", true), left), []string{"id"}, []string{"id"}, func(hits []hit) error {
		for _, h := range hits {
			var m struct {
				ID string `json:"id"`
			}
			if err := h.decode(&m); err != nil {
				return err
			}
			ids = append(ids, m.ID)
		}
		return nil
	})
	return ids, err
}
