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
