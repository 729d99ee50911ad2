package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
)

const (
	// overviewStale bounds the age of an overview that is handed out to those who poll while a new one is being fetched.
	// It is as old as two reads of the store take, at most this.
	overviewStale = 30 * time.Second
	// startShows is how long after a start the store may take to say so.
	startShows = time.Second
)

type statsList []migration.Stats

func (statsList) header(h http.Header) { h.Set(statsSource, "store") }

type nothing struct{}

func (*nothing) bind(*Server, *gin.Context) error { return nil }

// overview is what the store said of all migrations at a time.
type overview struct {
	begun     time.Time
	list      []migration.Stats
	standings []store.Standing // of the same migrations
}

// allStats answers from the store alone, oldest migration first, and from what this gateway did since.
func (s *Server) allStats(ctx context.Context, _ *nothing) (statsList, error) {
	o, err := s.overview(ctx)
	return s.recent.over(o), err
}

// overview is what the store says of all migrations; callers share it.
func (s *Server) overview(ctx context.Context) (overview, error) {
	return s.all.get(ctx, "", func(ctx context.Context) (overview, error) {
		ctx, cancel := context.WithTimeout(ctx, storeDeadline)
		defer cancel()
		begun := s.Now()
		all, err := s.Store.Overview(ctx)
		if err != nil {
			return overview{}, fmt.Errorf("listing migrations: %w", err)
		}
		list := make([]migration.Stats, len(all))
		for i, m := range all {
			if now, err := s.withoutWorkflow(ctx, m.Migration); err == nil {
				m.Migration = now
			}
			all[i], list[i] = m, statsOf(m.Migration, m.Counts)
		}
		return overview{begun, list, all}, nil
	})
}

// recent are migrations that this gateway created or started a moment ago, as it knows them. They are shown in overviews
// that are older, so that creating and starting many migrations does not make everyone who polls wait for a new overview.
type recent struct {
	now func() time.Time

	mu    sync.Mutex
	known map[string]known
}

type known struct {
	at    time.Time
	until time.Time // overviews begun before it may not have it
	stats migration.Stats
}

// put notes what a migration's stats are now; overviews that begin within the hold may still say otherwise.
func (r *recent) put(st migration.Stats, hold time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if r.known == nil {
		r.known = map[string]known{}
	}
	for id, k := range r.known {
		if now.Sub(k.until) > 2*overviewStale {
			delete(r.known, id)
		}
	}
	r.known[st.MigrationID] = known{now, now.Add(hold), st}
}

// forget leaves the migration to the store.
func (r *recent) forget(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.known, id)
}

// over is the overview with what is newer.
func (r *recent) over(o overview) []migration.Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	var newer map[string]known
	for id, k := range r.known {
		if !o.begun.After(k.until) {
			if newer == nil {
				newer = map[string]known{}
			}
			newer[id] = k
		}
	}
	if newer == nil {
		return o.list
	}
	list := slices.Clone(o.list)
	for i, st := range list {
		if n, ok := newer[st.MigrationID]; ok {
			// What the store has seen finished since stays so.
			if st.Status != migration.Finished || o.begun.Before(n.at) {
				list[i] = n.stats
			}
			delete(newer, st.MigrationID)
		}
	}
	added := make([]migration.Stats, 0, len(newer))
	for _, n := range newer {
		added = append(added, n.stats)
	}
	slices.SortFunc(added, func(a, b migration.Stats) int { return a.LastUpdated.Compare(b.LastUpdated) })
	return append(list, added...)
}
