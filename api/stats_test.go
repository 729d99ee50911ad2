package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// TestPollCache: many callers share one call, at most two calls a second begin, and each caller sees the answer.
func TestPollCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newPollCache[int](statsEvery, statsStale, time.Now)
		var calls, inAir, most atomic.Int32
		fetch := func(context.Context) (int, error) {
			if n := inAir.Add(1); n > most.Load() {
				most.Store(n)
			}
			defer inAir.Add(-1)
			time.Sleep(100 * time.Millisecond)
			return int(calls.Add(1)), nil
		}
		var wg sync.WaitGroup
		for range 80 {
			wg.Go(func() {
				last := 0
				for range 100 { // every 100 ms for 10 s
					n, err := c.get(t.Context(), "m", fetch)
					if err != nil || n < last {
						t.Errorf("%d after %d, %v", n, last, err)
					}
					last = n
					time.Sleep(100 * time.Millisecond)
				}
			})
		}
		begin := time.Now()
		wg.Wait()
		if limit := int32(time.Since(begin)/statsEvery) + 1; calls.Load() > limit || calls.Load() < limit/2 {
			t.Errorf("%d calls in %s", calls.Load(), time.Since(begin))
		}
		if most.Load() != 1 {
			t.Errorf("%d calls at once", most.Load())
		}
	})
}

// TestPollCacheOfSlowCalls: however long a call takes, callers who poll are served at once; a caller who comes after a pause
// gets no old answer.
func TestPollCacheOfSlowCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newPollCache[int](statsEvery, overviewStale, time.Now)
		n := 0
		get := func() (int, time.Duration) {
			begin := time.Now()
			v, err := c.get(t.Context(), "", func(context.Context) (int, error) {
				n++
				v := n
				time.Sleep(6 * time.Second)
				return v, nil
			})
			if err != nil {
				t.Error(err)
			}
			return v, time.Since(begin)
		}
		if v, waited := get(); v != 1 || waited != 6*time.Second {
			t.Errorf("%d after %s", v, waited)
		}
		last := 1
		for range 60 {
			time.Sleep(time.Second)
			v, waited := get()
			if v < last || waited != 0 {
				t.Errorf("%d after %d, having waited %s", v, last, waited)
			}
			last = v
		}
		if last < 8 {
			t.Errorf("%d calls in a minute", last)
		}
		time.Sleep(20 * time.Second)
		if v, waited := get(); v <= last+1 || waited != 6*time.Second {
			t.Errorf("after a pause: %d after %d, having waited %s", v, last, waited)
		}
	})
}

// TestPollCacheDoesNotKeepPollersWaiting: while a slow call runs, callers who poll get the last answer at once, and a caller
// who has been away for long waits for the new one.
func TestPollCacheDoesNotKeepPollersWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newPollCache[int](statsEvery, statsStale, time.Now)
		n := 0
		get := func() (int, time.Duration) {
			begin := time.Now()
			v, err := c.get(t.Context(), "m", func(context.Context) (int, error) {
				n++
				v := n
				time.Sleep(400 * time.Millisecond)
				return v, nil
			})
			if err != nil {
				t.Error(err)
			}
			return v, time.Since(begin)
		}
		if v, waited := get(); v != 1 || waited != 400*time.Millisecond {
			t.Errorf("%d after %s", v, waited)
		}
		time.Sleep(200 * time.Millisecond)
		if v, waited := get(); v != 1 || waited != 0 {
			t.Errorf("%d after %s", v, waited)
		}
		time.Sleep(450 * time.Millisecond)
		if v, waited := get(); v != 2 || waited != 0 {
			t.Errorf("%d after %s", v, waited)
		}
		time.Sleep(time.Minute)
		if v, waited := get(); v < 3 || waited != 400*time.Millisecond {
			t.Errorf("%d after %s", v, waited)
		}
	})
}

// TestPollCacheCallers: a caller who hangs up leaves the call to the others, and an error is shared too.
func TestPollCacheCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newPollCache[int](statsEvery, statsStale, time.Now)
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan error)
		fetch := func(ctx context.Context) (int, error) {
			time.Sleep(200 * time.Millisecond)
			return 7, errors.Join(ctx.Err(), errTest)
		}
		go func() {
			_, err := c.get(ctx, "m", fetch)
			gone <- err
		}()
		time.Sleep(50 * time.Millisecond)
		cancel()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Errorf("err %v", err)
		}
		if n, err := c.get(t.Context(), "m", fetch); n != 7 || !errors.Is(err, errTest) || errors.Is(err, context.Canceled) {
			t.Errorf("%d, %v", n, err)
		}
	})
}

// TestPollCacheForgets: an answer of a call that began before a change is not given after it.
func TestPollCacheForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newPollCache[string](statsEvery, statsStale, time.Now)
		go func() {
			_, _ = c.get(t.Context(), "m", func(context.Context) (string, error) { time.Sleep(time.Second); return "old", nil })
		}()
		time.Sleep(10 * time.Millisecond)
		c.forget("m")
		got, err := c.get(t.Context(), "m", func(context.Context) (string, error) { return "new", nil })
		if got != "new" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got, _ = c.get(t.Context(), "m", func(context.Context) (string, error) { return "newer", nil }); got != "newer" {
			t.Errorf("%q", got)
		}
	})
}

func TestPollCacheSweeps(t *testing.T) {
	now := time.Unix(0, 0)
	c := newPollCache[int](statsEvery, statsStale, func() time.Time { return now })
	for i := range 3 * polledKeys {
		now = now.Add(time.Second)
		if _, err := c.get(t.Context(), string(rune(i)), func(context.Context) (int, error) { return i, nil }); err != nil {
			t.Fatal(err)
		}
	}
	if c.answers.Len() > polledKeys {
		t.Errorf("%d results are kept", c.answers.Len())
	}
}

// TestPollers: 4 gateways with 20 pollers each on one running migration see no error, and ask the workflow no more than
// twice a second each.
func TestPollers(t *testing.T) {
	b := newBench(t)
	id := b.create(3)
	b.start(id)
	gateways := []*Server{b.server}
	for range 3 {
		s, err := New(b.server.Deps)
		if err != nil {
			t.Fatal(err)
		}
		gateways = append(gateways, s)
	}
	begin := time.Now()
	var wg sync.WaitGroup
	for _, g := range gateways {
		for range 20 {
			wg.Go(func() {
				for range 20 {
					w := httptest.NewRecorder()
					g.ServeHTTP(w, b.request("GET", BasePath+"/"+id+"/stats", ""))
					if w.Code != 200 || w.Header().Get(statsSource) != "workflow" {
						t.Errorf("%d %s", w.Code, w.Body)
					}
				}
			})
		}
	}
	wg.Wait()
	b.flows.mu.Lock()
	defer b.flows.mu.Unlock()
	if limit := 4 * (int(time.Since(begin)/statsEvery) + 2); b.flows.queries > limit {
		t.Errorf("%d queries for 1600 calls in %s", b.flows.queries, time.Since(begin))
	}
}

// TestSlowWorkflow: a query that takes too long gives the store's answer, and the workflow is left alone for a while.
func TestSlowWorkflow(t *testing.T) {
	b := newBench(t)
	id := b.create(3)
	b.start(id)
	b.flows.queryWait = time.Minute
	if st, source := b.statsOf(id); source != "store" || st.Status != migration.Running || st.Rules.Total != 3 {
		t.Errorf("%+v from %s", st, source)
	}
	if !b.server.silent.has(id) {
		t.Error("the workflow would be asked again at once")
	}
}

// TestOpeningStart: while the workflow does not know the rules yet, counts come from the store and the state from it.
func TestOpeningStart(t *testing.T) {
	b := newBench(t)
	id := b.create(3)
	b.flows.runs[id] = &fakeRun{state: migration.Running, open: true}
	b.server.Workflows = opening{b.flows}
	b.server.asked.set(id)
	st, source := b.statsOf(id)
	if st.Status != migration.Running || st.Rules != (migration.Counts{Total: 3, Pending: 3}) || source != "store" {
		t.Errorf("%+v from %s", st, source)
	}
}

type opening struct{ Workflows }

func (opening) Stats(context.Context, string) (migration.Stats, error) {
	return migration.Stats{Status: migration.Running}, nil
}

func TestMarks(t *testing.T) {
	now := time.Unix(0, 0)
	m := newMarks(time.Second, func() time.Time { return now })
	m.set("a")
	if !m.has("a") || m.has("b") {
		t.Error("a is marked, b is not")
	}
	now = now.Add(2 * time.Second)
	if m.has("a") {
		t.Error("a is still marked")
	}
	m.set("b")
	m.forget("b")
	if m.has("b") {
		t.Error("b is still marked")
	}
	for i := range 3 * polledKeys {
		m.set(strconv.Itoa(i))
	}
	if n := m.until.Len(); n > polledKeys {
		t.Errorf("%d marks are kept", n)
	}
}

// TestPollCacheFetchPanics: a panic in a call is the error of its callers, and the next call runs.
func TestPollCacheFetchPanics(t *testing.T) {
	c := newPollCache[int](0, 0, time.Now)
	if _, err := c.get(t.Context(), "m", func(context.Context) (int, error) { panic("in a call") }); err == nil {
		t.Error("a panic gave no error")
	}
	if n, err := c.get(t.Context(), "m", func(context.Context) (int, error) { return 7, nil }); n != 7 || err != nil {
		t.Errorf("the next call: %d, %v", n, err)
	}
}

// TestTerminatedWorkflow: a migration whose workflow was terminated outside of Rulebridge does not stay running; it is
// stopped, says why, and can be started again.
func TestTerminatedWorkflow(t *testing.T) {
	for name, look := range map[string]func(b *bench, id string) migration.Stats{
		"its stats": func(b *bench, id string) migration.Stats {
			s, _ := b.statsOf(id)
			return s
		},
		"all stats": func(b *bench, id string) migration.Stats {
			var all []migration.Stats
			w := b.do("GET", BasePath+"/stats", "")
			if err := json.Unmarshal(w.Body.Bytes(), &all); err != nil || len(all) != 1 {
				b.t.Fatalf("all stats: %s, %v", w.Body, err)
			}
			return all[0]
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			id := b.create(3)
			if !b.start(id) {
				t.Fatal("not started")
			}
			if _, _, err := b.store.Claim(t.Context(), id, migration.Token{Epoch: 1, Claim: 1}, 2); err != nil {
				t.Fatal(err)
			}
			b.flows.mu.Lock()
			b.flows.runs[id].open = false // as Terminate in the Web UI does
			b.flows.mu.Unlock()
			b.server.changed(id)
			s := look(b, id)
			if s.Status != migration.Stopped || s.ParkReason != "workflow_ended" {
				t.Errorf("stats %+v", s)
			}
			if c, err := b.store.Counts(t.Context(), id); err != nil || c.Pending != 3 {
				t.Errorf("counts %+v, %v", c, err)
			}
			if !b.start(id) {
				t.Error("not started again")
			}
		})
	}
}
