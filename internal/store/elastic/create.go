package elastic

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
)

// CreateMigration implements store.Migrations. The document is written first, staged, which hides it from every call;
// then the rules; then the mark is taken away. A creation that was broken off can be repeated, and counts as a tombstone
// after an hour. Of rules with the same id the first is kept. The same call again changes nothing; another migration
// under the id gives ErrConflict.
func (s *Store) CreateMigration(ctx context.Context, m migration.Migration, rules []migration.OriginalRule) error {
	if m.ID == "" {
		return errors.New("create migration: no id given")
	}
	now := s.now()
	m.Begin(now)
	m.Deleted, m.Total = false, 0
	staged := migrationDoc{Migration: m, StateEpoch: m.Epoch, Staged: true}
	o, err := s.writes.do(ctx, write{action: "create", ref: s.migrationRef(m.ID), doc: staged})
	if err != nil {
		return fmt.Errorf("create migration: %w", err)
	}
	staged.on = o.version
	if !o.ok() {
		docs, err := s.gets.do(ctx, []ref{s.migrationRef(m.ID)})
		if err != nil {
			return fmt.Errorf("create migration: %w", err)
		}
		if !docs[0].Found {
			return fmt.Errorf("create migration %q: deleted meanwhile: %w", m.ID, store.ErrNotFound)
		}
		var there migrationDoc
		if err := docs[0].decode(&there); err != nil {
			return err
		}
		switch {
		case there.Deleted:
			return noMigration(m.ID)
		case !there.CreatedAt.Equal(m.CreatedAt):
			return fmt.Errorf("migration %q exists already: %w", m.ID, store.ErrConflict)
		case !there.Staged:
			return nil
		}
		staged.on = docs[0].version
	}
	if _, err := s.addRules(ctx, m.ID, rules, m.CreatedAt, m.CreatedBy); err != nil {
		return fmt.Errorf("create migration: %w", err)
	}
	staged.Staged = false
	if err := s.put(ctx, &staged); !errors.Is(err, errConflict) {
		return err
	}
	// The same call by somebody else was faster, or a deletion.
	_, err = s.head(ctx, m.ID)
	return err
}

// addRules creates the documents of rules that are not there yet, and makes them visible. It returns how many were
// missing before: what an attempt that is repeated has created counts too.
func (s *Store) addRules(ctx context.Context, id string, rules []migration.OriginalRule, at time.Time, by string) (int, error) {
	seen := make(map[string]bool, len(rules))
	added := 0
	for len(rules) > 0 {
		chunk := rules[:min(len(rules), bulkOps)]
		rules = rules[len(chunk):]
		var refs []ref
		var fresh []migration.OriginalRule
		for _, r := range chunk {
			if !seen[r.ID] {
				seen[r.ID] = true
				refs, fresh = append(refs, s.ruleRef(id, r.ID)), append(fresh, r)
			}
		}
		there, err := s.get(ctx, refs, "id")
		if err != nil {
			return 0, err
		}
		var writes []write
		for i, d := range there {
			if !d.Found {
				writes = append(writes, write{action: "create", ref: refs[i], doc: newRuleDoc(store.NewRule(id, fresh[i], at, by), s.now())})
			}
		}
		if _, err := s.bulk(ctx, writes, false); err != nil {
			return 0, err
		}
		added += len(writes)
	}
	if added == 0 {
		return 0, nil
	}
	return added, s.rulesRefresh.do(ctx)
}

// AppendRules implements store.Migrations. A finished migration becomes ready before the first rule is written, so that a
// call broken off leaves no rule that nobody would start; it may be repeated.
func (s *Store) AppendRules(ctx context.Context, id string, rules []migration.OriginalRule, seal bool, by string) (int, error) {
	now := s.now()
	check := func(m *migrationDoc) error {
		if m.State == migration.Running {
			return fmt.Errorf("append rules to migration %q while it is running: %w", id, store.ErrConflict)
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
	if m.State == migration.Finished {
		there, err := s.anyMissing(ctx, id, rules)
		if err != nil {
			return 0, err
		}
		if !there {
			// All there; a call that broke off may have left some of them pending.
			return 0, s.reopen(ctx, id, now, by)
		}
		if _, err := s.change(ctx, id, func(m *migrationDoc) (bool, error) {
			if m.State == migration.Finished {
				m.State = migration.Ready
				return true, nil
			}
			return false, check(m)
		}); err != nil {
			return 0, err
		}
	}
	added, err := s.addRules(ctx, id, rules, now, by)
	if err != nil {
		return 0, fmt.Errorf("append rules: %w", err)
	}
	_, err = s.change(ctx, id, func(m *migrationDoc) (bool, error) {
		sealing := m.State == migration.Creating && seal
		// A start that came and went while the rules were being written may have finished without seeing them.
		late := m.State == migration.Finished && added > 0
		if sealing || late {
			m.State = migration.Ready
		}
		if !sealing && added == 0 {
			return false, nil
		}
		m.touch(now, by)
		return true, nil
	})
	if errors.Is(err, store.ErrNotFound) {
		// Deleted while the rules were being written: the deletion may have looked before.
		return 0, errors.Join(err, s.deleteRules(ctx, id))
	}
	if err != nil {
		return 0, err
	}
	return added, nil
}

// reopen makes a finished migration ready if it has pending rules.
func (s *Store) reopen(ctx context.Context, id string, at time.Time, by string) error {
	c, err := s.countsOf(ctx, id)
	if err != nil || c.Pending == 0 {
		return err
	}
	_, err = s.change(ctx, id, func(m *migrationDoc) (bool, error) {
		if m.State != migration.Finished {
			return false, nil
		}
		m.State = migration.Ready
		m.touch(at, by)
		return true, nil
	})
	return err
}

func (m *migrationDoc) touch(at time.Time, by string) {
	if at.After(m.LastUpdated) {
		m.LastUpdated = at
	}
	if by != "" {
		m.LastUpdateBy = by
	}
}

func (s *Store) anyMissing(ctx context.Context, id string, rules []migration.OriginalRule) (bool, error) {
	refs := make([]ref, len(rules))
	for i, r := range rules {
		refs[i] = s.ruleRef(id, r.ID)
	}
	docs, err := s.get(ctx, refs, "id")
	for _, d := range docs {
		if !d.Found {
			return true, nil
		}
	}
	return false, err
}
