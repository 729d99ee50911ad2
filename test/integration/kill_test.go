package integration

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store/sqlite"
)

// TestKill ends the process with SIGKILL at random moments of a 300-rule migration and starts it again each time. Every
// rule gets exactly one result, by itself, and no connector call is repeated but those in flight at a kill. When a
// migration finishes first, a further one takes the remaining kills.
func TestKill(t *testing.T) {
	const rules, kills = 300, 20
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	dir, cfg := t.TempDir(), config(t, "2s")
	d := startDev(t, dir, "--config", cfg)

	type run struct {
		id       string
		inFlight int // rules in processing at the kills, an upper bound for repeated calls
	}
	var runs []*run
	begin := func() *run {
		r := &run{id: d.create(rules)}
		d.begin(r.id, "sim")
		runs = append(runs, r)
		return r
	}
	current := begin()
	for k := range kills {
		deadline := time.Now().Add(2*time.Second + time.Duration(random.Int64N(int64(4*time.Second))))
		for time.Now().Before(deadline) {
			if d.stats(current.id).Status == migration.Finished {
				current = begin()
			}
			time.Sleep(100 * time.Millisecond)
		}
		d.kill()
		withStore(t, dir, func(ctx context.Context, s *sqlite.Store) {
			c, err := s.Counts(ctx, current.id)
			if err != nil {
				t.Fatal(err)
			}
			current.inFlight += c.Processing
			t.Logf("kill %d: %+v", k+1, c)
		})
		d = startDev(t, dir, "--config", cfg)
	}
	for _, r := range runs {
		d.finished(r.id, rules, 3*time.Minute)
	}
	d.stop()
	withStore(t, dir, func(ctx context.Context, s *sqlite.Store) {
		for _, r := range runs {
			attempts, answers, err := s.CallStats(ctx, r.id)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d calls, %d answers, at most %d in flight at kills", attempts, answers, r.inFlight)
			if answers != rules || attempts > rules+r.inFlight {
				t.Errorf("%d answers after %d calls; want %d after at most %d", answers, attempts, rules, rules+r.inFlight)
			}
		}
	})
}
