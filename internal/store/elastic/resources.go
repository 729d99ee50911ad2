package elastic

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
)

type resourceDoc struct {
	MigrationID string                 `json:"migration_id"`
	Type        migration.ResourceType `json:"type"`
	Name        string                 `json:"name"`
	Resource    migration.Resource     `json:"resource"`
}

// UpsertResources implements store.Resources; ErrConflict while the migration is running. It returns the number of
// different resources given; the version changes only if one of them was new or differs. A call broken off may be
// repeated.
func (s *Store) UpsertResources(ctx context.Context, id string, rs []migration.Resource) (int, error) {
	check := func(m *migrationDoc) error {
		if m.State == migration.Running {
			return fmt.Errorf("change resources of migration %q while it is running: %w", id, store.ErrConflict)
		}
		return nil
	}
	m, err := s.head(ctx, id)
	if err != nil {
		return 0, err
	}
	if err := check(&m); err != nil {
		return 0, err
	}
	last := map[ref]migration.Resource{} // of two with one name the last counts
	var refs []ref
	for _, r := range rs {
		at := s.resourceRef(id, string(r.Type), r.Name)
		if _, ok := last[at]; !ok {
			refs = append(refs, at)
		}
		last[at] = r
	}
	there, err := s.get(ctx, refs)
	if err != nil {
		return 0, err
	}
	var writes []write
	for i, d := range there {
		r := last[refs[i]]
		doc := resourceDoc{id, r.Type, r.Name, r}
		if d.Found {
			var was resourceDoc
			if err := d.decode(&was); err != nil {
				return 0, err
			}
			same, err := equal(was, doc)
			if err != nil {
				return 0, err
			}
			if same {
				continue
			}
		}
		writes = append(writes, write{action: "index", ref: refs[i], doc: doc})
	}
	if len(writes) == 0 {
		return len(refs), nil
	}
	if _, err := s.bulk(ctx, writes, false); err != nil {
		return 0, err
	}
	// After the writes: who reads the new version reads the new resources too.
	_, err = s.change(ctx, id, func(m *migrationDoc) (bool, error) {
		m.ResourcesVersion++
		m.touch(s.now(), "")
		return true, nil
	})
	if errors.Is(err, store.ErrNotFound) {
		return 0, errors.Join(err, s.deleteAll(ctx, s.index(resourcesIndex), all(term("migration_id", id))))
	}
	if err != nil {
		return 0, err
	}
	return len(refs), nil
}

func equal(a, b resourceDoc) (bool, error) {
	x, err := json.Marshal(a)
	if err != nil {
		return false, err
	}
	y, err := json.Marshal(b)
	return bytes.Equal(x, y), err
}

// Resources returns them by type and name.
func (s *Store) Resources(ctx context.Context, id string) ([]migration.Resource, error) {
	if _, err := s.head(ctx, id); err != nil {
		return nil, err
	}
	index := s.index(resourcesIndex)
	if err := s.othersRefresh[index].do(ctx); err != nil {
		return nil, err
	}
	var rs []migration.Resource
	err := s.scan(ctx, index, all(term("migration_id", id)), []string{"type", "name"}, nil, func(hits []hit) error {
		for _, h := range hits {
			var d resourceDoc
			if err := h.decode(&d); err != nil {
				return err
			}
			rs = append(rs, d.Resource)
		}
		return nil
	})
	return rs, err
}

// ResourcesVersion implements store.Resources.
func (s *Store) ResourcesVersion(ctx context.Context, id string) (int64, error) {
	m, err := s.head(ctx, id)
	return m.ResourcesVersion, err
}
