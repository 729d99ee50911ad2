package elastic

import (
	"context"
	"errors"
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
	query := []map[string]any{term("migration_id", id)}
	if q.Status != "" {
		query = append(query, term("status", q.Status))
	}
	if q.Result != "" {
		query = append(query, term("translation_result", q.Result))
	}
	body := map[string]any{"query": all(query...), "size": q.Size + 1, "sort": ascending([]string{"id"}), "track_total_hits": false}
	if q.After != "" {
		body["search_after"] = []string{q.After}
	}
	key := pitKey{id, q.Status, q.Result, q.After}
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

// pitKey names the next page of a listing.
type pitKey struct {
	id     string
	status migration.Status
	result migration.Result
	after  string
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
