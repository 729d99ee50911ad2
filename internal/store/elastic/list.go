package elastic

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
)

// List implements store.Rules. The pages of one listing are read from one point in time: it is kept for the next page,
// whose cursor names it, and opened anew when that comes late or to another process. Size 0 means 1,000.
func (s *Store) List(ctx context.Context, id string, q store.RuleQuery) ([]migration.Rule, string, error) {
	if q.Size <= 0 || q.Size > store.MaxPage {
		q.Size = store.MaxPage
	}
	if _, err := s.head(ctx, id); err != nil {
		return nil, "", err
	}
	if len(q.IDs) > 0 {
		return s.listNamed(ctx, id, q)
	}
	query := []map[string]any{term("migration_id", id)}
	if q.Status != "" {
		query = append(query, term("status", q.Status))
	}
	if q.Result != "" {
		query = append(query, term("translation_result", q.Result))
	}
	if q.Unsettled {
		query = append(query, not(term("settled", true)))
	}
	body := map[string]any{"query": all(query...), "size": q.Size + 1, "sort": ascending([]string{"id"}), "track_total_hits": false}
	if q.After != "" {
		body["search_after"] = []string{q.After}
	}
	key := pitKey{id, q.Status, q.Result, q.Unsettled, q.After}
	pit, kept := s.pits.take(key)
	for {
		if !kept {
			var err error
			if err = s.rulesRefresh.do(ctx); err != nil {
				return nil, "", err
			}
			if pit, err = s.openPIT(ctx, s.index(rulesIndex)); err != nil {
				return nil, "", err
			}
		}
		body["pit"] = map[string]any{"id": pit, "keep_alive": pitKeepAlive}
		f, err := s.search(ctx, "", body)
		var re *ResponseError
		if kept && errors.As(err, &re) && re.Status < 500 {
			kept = false // it has expired, or its node has gone
			continue
		}
		if err != nil {
			s.closePIT(ctx, pit)
			return nil, "", err
		}
		if f.PIT != "" {
			pit = f.PIT
		}
		rules := make([]migration.Rule, 0, len(f.Hits.Hits))
		for _, h := range f.Hits.Hits[:min(q.Size, len(f.Hits.Hits))] {
			rules = append(rules, h.rule().Rule)
		}
		if len(f.Hits.Hits) <= q.Size {
			s.closePIT(ctx, pit)
			return rules, "", nil
		}
		key.after = rules[q.Size-1].ID
		for _, old := range s.pits.keep(key, pit) {
			s.closePIT(ctx, old)
		}
		return rules, key.after, nil
	}
}

// listNamed is List for rules that are named: they are read by id, which sees every write.
func (s *Store) listNamed(ctx context.Context, id string, q store.RuleQuery) ([]migration.Rule, string, error) {
	var refs []ref
	for _, ruleID := range slices.Compact(slices.Sorted(slices.Values(q.IDs))) {
		if ruleID > q.After {
			refs = append(refs, s.ruleRef(id, ruleID))
		}
	}
	docs, err := s.get(ctx, refs)
	if err != nil {
		return nil, "", fmt.Errorf("list rules of migration %q: %w", id, err)
	}
	rules := make([]migration.Rule, 0, len(docs))
	for _, d := range docs {
		if !d.Found {
			continue
		}
		r := d.rule()
		if q.Status != "" && r.Status != q.Status || q.Result != "" && r.Result != q.Result || q.Unsettled && r.Settled {
			continue
		}
		if len(rules) == q.Size {
			return rules, rules[q.Size-1].ID, nil
		}
		rules = append(rules, r.Rule)
	}
	return rules, "", nil
}

// freshEnough is how old what Changes sees may be beyond its call.
const freshEnough = time.Second

// Delay is how old what Changes says may be.
func (s *Store) Delay() time.Duration { return freshEnough }

// Changes implements store.Rules. Documents carry the time of their last write by the clock of who wrote it, so a call
// looks back by store.ClockSkew, which covers writes too that were not visible before. The counts are of the same search.
func (s *Store) Changes(ctx context.Context, id string, mark int64) (store.Changes, error) {
	c := store.Changes{Mark: s.now().UnixMilli()}
	if _, err := s.head(ctx, id); err != nil {
		return c, err
	}
	if err := s.rulesRefresh.atMost(ctx, freshEnough); err != nil {
		return c, err
	}
	index, fields, size := s.index(rulesIndex), []string{"id", "revision"}, s.opts.pageSize
	query := all(term("migration_id", id))
	since := map[string]any{"match_all": map[string]any{}}
	if mark > 0 {
		since = map[string]any{"range": map[string]any{"changed": map[string]any{"gte": mark - store.ClockSkew.Milliseconds()}}}
	}
	read := func(hits []hit) error {
		for _, h := range hits {
			var r store.RuleChange
			if err := h.decode(&r); err != nil {
				return err
			}
			c.Rules = append(c.Rules, r)
		}
		return nil
	}
	f, err := s.search(ctx, index, map[string]any{"query": query, "post_filter": since, "size": size, "_source": fields,
		"track_total_hits": false, "aggs": statusCounts})
	if err != nil {
		return c, err
	}
	if c.Counts, err = f.counts(); err != nil {
		return c, err
	}
	if len(f.Hits.Hits) < size {
		return c, read(f.Hits.Hits)
	}
	return c, s.scan(ctx, index, all(term("migration_id", id), since), []string{"id"}, fields, read)
}

// pitKey names the next page of a listing.
type pitKey struct {
	id     string
	status migration.Status
	result migration.Result
	// unsettled is that of the query.
	unsettled bool
	after     string
}

const (
	pitsKept = 50
	pitAge   = 20 * time.Second // less than the keep-alive, which begins anew with each page
)

// pits keeps the points in time of listings that are under way.
type pits struct {
	mu   sync.Mutex
	open map[pitKey]keptPIT
}

type keptPIT struct {
	id    string
	since time.Time
}

func (p *pits) take(key pitKey) (string, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	kept, ok := p.open[key]
	delete(p.open, key)
	return kept.id, ok && time.Since(kept.since) < pitAge
}

// keep returns what is to be closed instead.
func (p *pits) keep(key pitKey, id string) (drop []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open == nil {
		p.open = map[pitKey]keptPIT{}
	}
	if old, ok := p.open[key]; ok {
		drop = append(drop, old.id)
	}
	p.open[key] = keptPIT{id, time.Now()}
	if len(p.open) > pitsKept {
		oldest := key
		for k, kept := range p.open {
			if kept.since.Before(p.open[oldest].since) {
				oldest = k
			}
		}
		drop = append(drop, p.open[oldest].id)
		delete(p.open, oldest)
	}
	return drop
}

func (p *pits) drain() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var ids []string
	for _, kept := range p.open {
		ids = append(ids, kept.id)
	}
	p.open = nil
	return ids
}
