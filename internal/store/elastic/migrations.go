package elastic

import (
	"context"
	"encoding/json"
	"errors"
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

// CreateMigration implements store.Migrations. The document is written first, staged, which hides it from every call;
// then the rules; then the mark is taken away. A creation that was broken off can be repeated, and counts as a tombstone
// after an hour. Of rules with the same id the first is kept. The same call again changes nothing; another migration
// under the id gives ErrConflict.
func (s *Store) CreateMigration(ctx context.Context, m migration.Migration, rules []migration.OriginalRule) error {
	if m.ID == "" {
		return errors.New("create migration: no id given")
	}
	now := s.now()
	if m.CreatedAt.IsZero() {
		m.CreatedAt = now
	}
	if m.LastUpdated.IsZero() {
		m.LastUpdated = m.CreatedAt
	}
	if m.State == "" {
		m.State = migration.Ready
	}
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

// Migrations returns every migration that is not deleted, oldest first.
func (s *Store) Migrations(ctx context.Context) (ms []migration.Migration, err error) {
	all, err := s.Overview(ctx)
	for _, m := range all {
		ms = append(ms, m.Migration)
	}
	return ms, err
}

// Overview implements store.Migrations; the counts are at most a second old.
func (s *Store) Overview(ctx context.Context) (all []store.Standing, err error) {
	type counted struct {
		standings map[string]store.Standing
		err       error
	}
	counting := make(chan counted, 1)
	go func() {
		standings, err := s.countAll(ctx)
		counting <- counted{standings, err}
	}()
	err = s.liveMigrations(ctx, func(m migrationDoc) { all = append(all, store.Standing{Migration: m.Migration}) })
	c := <-counting
	if err := errors.Join(err, c.err); err != nil {
		return nil, err
	}
	for i := range all {
		all[i].Counts, all[i].Results = c.standings[all[i].ID].Counts, c.standings[all[i].ID].Results
		all[i].Total = all[i].Counts.Total
	}
	return all, nil
}

// liveMigrations calls f with every migration that is not deleted, oldest first.
func (s *Store) liveMigrations(ctx context.Context, f func(migrationDoc)) error {
	index := s.index(migrationsIndex)
	if err := s.othersRefresh[index].do(ctx); err != nil {
		return err
	}
	query, sort := all(not(term("deleted", true)), not(term("staged", true))), []string{"created_at", "id"}
	read := func(hits []hit) error {
		for _, h := range hits {
			var m migrationDoc
			if err := h.decode(&m); err != nil {
				return err
			}
			f(m)
		}
		return nil
	}
	// Most deployments' migrations fit one search, which sees one moment anyway.
	body := map[string]any{"query": query, "size": 10 * s.opts.pageSize, "sort": ascending(sort), "track_total_hits": false}
	found, err := s.search(ctx, index, body)
	if err != nil {
		return err
	}
	if len(found.Hits.Hits) < 10*s.opts.pageSize {
		return read(found.Hits.Hits)
	}
	return s.scan(ctx, index, query, sort, nil, read)
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

// countAll aggregates over all rules, page after page. It gives the counts and results of each migration.
func (s *Store) countAll(ctx context.Context) (map[string]store.Standing, error) {
	if err := s.rulesRefresh.atMost(ctx, time.Second); err != nil {
		return nil, err
	}
	standings := map[string]store.Standing{}
	composite := map[string]any{"size": 10 * s.opts.pageSize, "sources": []any{
		map[string]any{"m": map[string]any{"terms": map[string]any{"field": "migration_id"}}},
		map[string]any{"s": map[string]any{"terms": map[string]any{"field": "status"}}},
		map[string]any{"r": map[string]any{"terms": map[string]any{"field": "translation_result", "missing_bucket": true}}},
	}}
	aggs := map[string]any{"counts": map[string]any{"composite": composite, "aggs": map[string]any{
		"matched": map[string]any{"filter": map[string]any{"exists": map[string]any{"field": "matched_rule.rule_id"}}}}}}
	for {
		f, err := s.search(ctx, s.index(rulesIndex), map[string]any{"size": 0, "track_total_hits": false,
			"aggs": aggs})
		if err != nil {
			return nil, err
		}
		var page struct {
			After   map[string]any `json:"after_key"`
			Buckets []struct {
				Key struct {
					Migration string           `json:"m"`
					Status    migration.Status `json:"s"`
					Result    migration.Result `json:"r"`
				} `json:"key"`
				Count   int `json:"doc_count"`
				Matched struct {
					Count int `json:"doc_count"`
				} `json:"matched"`
			} `json:"buckets"`
		}
		if err := json.Unmarshal(f.Aggregations["counts"], &page); err != nil {
			return nil, fmt.Errorf("count rules: %w", err)
		}
		for _, b := range page.Buckets {
			st := standings[b.Key.Migration]
			st.Counts.Add(b.Key.Status, b.Count)
			if b.Key.Status == migration.StatusFinished {
				st.Results.Add(b.Key.Result, b.Count)
				st.Results.Matched += b.Matched.Count
			}
			standings[b.Key.Migration] = st
		}
		if page.After == nil || len(page.Buckets) == 0 {
			return standings, nil
		}
		composite["after"] = page.After
	}
}
