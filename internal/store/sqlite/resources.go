package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
)

// UpsertResources implements store.Resources: all or nothing; ErrConflict while the migration is running. It returns the
// number of different resources given; the version changes only if one of them was new or differs.
func (s *Store) UpsertResources(ctx context.Context, id string, rs []migration.Resource) (int, error) {
	type key struct {
		kind migration.ResourceType
		name string
	}
	docs := map[key]string{}
	for _, r := range rs {
		doc, err := json.Marshal(r)
		if err != nil {
			return 0, fmt.Errorf("resource %s %q: %w", r.Type, r.Name, err)
		}
		docs[key{r.Type, r.Name}] = string(doc) // of two with one name the last counts
	}
	err := s.writeAlone(ctx, func(ctx context.Context, q *statements) error {
		h, err := readHead(ctx, q, id)
		if err != nil {
			return err
		}
		if h.state == migration.Running {
			return fmt.Errorf("change resources of migration %q while it is running: %w", id, store.ErrConflict)
		}
		var changed int64
		for k, doc := range docs {
			n, err := q.exec(ctx, `INSERT INTO resources (m, type, name, doc) VALUES (?, ?, ?, ?)
				ON CONFLICT DO UPDATE SET doc = excluded.doc WHERE doc <> excluded.doc`, h.n, k.kind, k.name, doc)
			if err != nil {
				return err
			}
			changed += n
		}
		if changed == 0 {
			return nil
		}
		_, err = q.exec(ctx, "UPDATE migrations SET resources_version = resources_version + 1, updated_at = max(updated_at, ?) WHERE n = ?",
			s.now().UnixNano(), h.n)
		return err
	})
	if err != nil {
		return 0, err
	}
	return len(docs), nil
}

// Resources returns them by type and name.
func (s *Store) Resources(ctx context.Context, id string) (rs []migration.Resource, err error) {
	err = s.read(ctx, func(ctx context.Context, q *statements) error {
		rs = nil
		h, err := readHead(ctx, q, id)
		if err != nil {
			return err
		}
		return q.each(ctx, "SELECT doc FROM resources WHERE m = ? ORDER BY type, name", []any{h.n}, func(rows *sql.Rows) error {
			var doc sql.RawBytes
			if err := rows.Scan(&doc); err != nil {
				return err
			}
			var r migration.Resource
			if err := json.Unmarshal(doc, &r); err != nil {
				return fmt.Errorf("read resource document: %w", err)
			}
			rs = append(rs, r)
			return nil
		})
	})
	return rs, err
}

// ResourcesVersion implements store.Resources.
func (s *Store) ResourcesVersion(ctx context.Context, id string) (version int64, err error) {
	err = s.read(ctx, func(ctx context.Context, q *statements) error {
		h, err := readHead(ctx, q, id)
		version = h.resources
		return err
	})
	return version, err
}
