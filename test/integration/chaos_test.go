package integration

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/test/elasticsearch"
)

// Environment variables of the suite; `make chaos` sets them.
const (
	envKills = "CHAOS_KILLS" // default 5
	envRules = "CHAOS_RULES" // of one migration; default 500
	envSeed  = "CHAOS_SEED"  // default: the time
	envFull  = "CHAOS_FULL"  // 1: faults last as long as the figures say; default 0: a third of it, for every change
)

func fullForm(t *testing.T) bool {
	t.Helper()
	return number(t, envFull, 0) == 1
}

func number(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s=%q: %v", name, text, err)
	}
	return n
}

// seeded gives the random numbers of a test; the log says how to have the same again.
func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed := number(t, envSeed, uint64(time.Now().UnixNano()))
	t.Logf("seed: %s=%d", envSeed, seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// kill is one kill -9, and what was in work at that moment.
type kill struct {
	kind   string
	at     time.Time
	inWork map[string]bool
	// alone: before and after it, what was in work came to its end without another kill.
	alone bool
	// stopped: a stop and a start followed, which take time of their own.
	stopped bool
}

// resumed says how long after the kill the first rule was finished that was not in work then, and how long after it all
// those were that had been; further kills in between count in.
func (k kill) resumed(rules []migration.Rule) (next, caughtUp time.Duration) {
	for _, r := range rules {
		after := r.UpdatedAt.Sub(k.at)
		switch {
		case k.inWork[r.ID]:
			caughtUp = max(caughtUp, after)
		case after > 0 && (next == 0 || after < next):
			next = after
		}
	}
	return next, caughtUp
}

// TestChaosKills ends a worker, gateway or Temporal with SIGKILL at random moments, with rules in work at each, and starts
// it again up to two seconds later. Most kills do not wait for the effects of the one before; every fourth is left alone,
// for its time to resume to be told. After every fifth or so somebody stops the migration and starts it again. Migrations
// are started one after the other until there were enough kills.
func TestChaosKills(t *testing.T) {
	binary(t)
	const batch = 50 // of a start that names none
	kills, n := int(number(t, envKills, 5)), int(number(t, envRules, 500))
	random := seeded(t)
	node := elasticsearch.Start(t)
	cfg, prefix := chaosConfig(t, node.URL, "1s", "heartbeat: 5s, pause: 0s")
	f := newFleet(t, node, cfg, prefix, 3, 2)
	times := map[string][][2]time.Duration{}
	began := time.Now()
	migrations, stops, repeated, allowed := 0, 0, 0, 0
	for left := kills; left > 0; migrations++ {
		id := f.create(n)
		f.begin(id)
		var done []kill
		for left > 0 {
			alone := left%4 == 1
			if alone && len(done) > 0 {
				f.calm(id, done[len(done)-1])
			}
			k, ok := f.killOne(random, id)
			if !ok {
				break
			}
			left--
			if k.alone = alone; alone {
				f.calm(id, k)
			} else if k.stopped = random.IntN(5) == 0; k.stopped {
				f.call("PUT", "/"+id+"/stop", nil, nil)
				f.begin(id)
				stops++
			}
			done = append(done, k)
			t.Logf("kill %d of %d: %s with %d rules in work, stopped and started: %v", kills-left, kills, k.kind, len(k.inWork), k.stopped)
			f.sleep(300*time.Millisecond + time.Duration(random.Int64N(int64(5*time.Second))))
		}
		s := f.rests(id, n, migration.Finished, 5*time.Minute)
		if want := (migration.Counts{Total: n, Finished: n}); s.Rules != want {
			t.Fatalf("migration %s ended with %+v", id, s.Rules)
		}
		rules := f.documents(id, "")
		inWork := 0
		for _, k := range done {
			next, caughtUp := k.resumed(rules)
			if next > 0 && !k.stopped { // without a next one, nothing was left but what was in work
				kind := k.kind + " killed, others soon after"
				if k.alone {
					kind = k.kind + " killed, and nothing else"
				}
				times[kind] = append(times[kind], [2]time.Duration{next, caughtUp})
			}
			inWork += len(k.inWork)
			if k.stopped {
				inWork += batch // what the stop cancelled
			}
		}
		attempts, answers, err := f.store.CallStats(t.Context(), id)
		if err != nil || answers != n || attempts > n+inWork {
			t.Errorf("%d answers after %d calls (%v); want %d after at most %d", answers, attempts, err, n, n+inWork)
		}
		repeated, allowed = repeated+attempts-n, allowed+inWork
		f.sound()
	}
	t.Logf("FIGURE chaos: %d kills over %d migrations of %d rules in %s: every rule has one result; %d calls were repeated of %d in work at kills and stops; "+
		"%d stops; %d processes gave up because something was down, and were started again",
		kills, migrations, n, time.Since(began).Round(time.Second), repeated, allowed, stops, f.gaveUp)
	for _, kind := range slices.Sorted(maps.Keys(times)) {
		all := times[kind]
		t.Logf("FIGURE chaos: %s, %d times: a further rule is finished after %s; all that was in work after %s", kind, len(all), spread(all, 0), spread(all, 1))
	}
}

// calm waits until all that was in work at a kill is finished.
func (f *fleet) calm(id string, k kill) {
	f.t.Helper()
	f.eventually(3*time.Minute, "all that was in work at the kill is finished", func() bool {
		var wg sync.WaitGroup
		var open atomic.Int64
		for rule := range k.inWork {
			wg.Go(func() {
				if r, err := f.store.Rule(f.t.Context(), id, rule); err != nil || r.Status != migration.StatusFinished {
					open.Add(1)
				}
			})
		}
		wg.Wait()
		return open.Load() == 0
	})
}

// killOne waits until rules are in work and kills a process that runs; ok is false when the migration has ended.
func (f *fleet) killOne(random *rand.Rand, id string) (k kill, ok bool) {
	f.t.Helper()
	k.inWork = map[string]bool{}
	f.eventually(3*time.Minute, "rules are in work", func() bool {
		c, read := f.counts(id)
		if ok = !read || !c.Done(); !ok {
			return true
		}
		for _, r := range f.documents(id, migration.StatusProcessing) {
			k.inWork[r.ID] = true
		}
		return len(k.inWork) > 0
	})
	if !ok {
		return k, false
	}
	alive := slices.DeleteFunc(slices.Clone(f.members), func(m *member) bool { return !m.alive() })
	m := alive[random.IntN(len(alive))]
	m.kill()
	k.kind, k.at = m.kind, time.Now()
	m.startAt = k.at.Add(time.Duration(random.Int64N(int64(2 * time.Second))))
	return k, true
}

// spread writes median, 95th percentile and maximum.
func spread(all [][2]time.Duration, which int) string {
	ds := make([]time.Duration, len(all))
	for i, d := range all {
		ds[i] = d[which]
	}
	slices.SortFunc(ds, cmp.Compare)
	at := func(q float64) float64 { return ds[int(q*float64(len(ds)-1)+0.5)].Seconds() }
	return fmt.Sprintf("p50 %.1f s, p95 %.1f s, most %.1f s", at(0.5), at(0.95), at(1))
}
