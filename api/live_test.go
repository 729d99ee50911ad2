package api

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
)

// readStore counts what is read of it for stats.
type readStore struct {
	Store
	reads atomic.Int64
	// after, when set, is called once with what changed before it is given.
	after atomic.Pointer[func()]
}

func (r *readStore) Migration(ctx context.Context, id string) (migration.Migration, error) {
	r.reads.Add(1)
	return r.Store.Migration(ctx, id)
}

func (r *readStore) Changes(ctx context.Context, id string, mark int64) (store.Changes, error) {
	r.reads.Add(1)
	c, err := r.Store.Changes(ctx, id, mark)
	if f := r.after.Swap(nil); f != nil {
		(*f)()
	}
	return c, err
}

// clock stands still until it is moved.
type clock struct{ nanos atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.nanos.Store(time.Now().UnixNano())
	return c
}

func (c *clock) now() time.Time { return time.Unix(0, c.nanos.Load()) }

// move goes beyond what callers are given of an earlier answer.
func (c *clock) move() { c.nanos.Add(int64(2 * time.Second)) }

// liveBench is a gateway on a port whose feeds are quick.
type liveBench struct {
	*bench
	clock *clock
	reads *readStore
	url   string
}

func newLiveBench(t *testing.T) *liveBench {
	t.Helper()
	l := &liveBench{clock: newClock(), reads: &readStore{}}
	l.bench = newBench(t, func(d *Deps) {
		l.reads.Store = d.Store
		d.Store, d.Now = l.reads, l.clock.now
	})
	l.server.live.running, l.server.live.resting = 2*time.Millisecond, 2*time.Millisecond
	srv := httptest.NewServer(l.server)
	t.Cleanup(srv.Close)
	l.url = srv.URL + BasePath
	return l
}

// sseEvent is one event, or a comment.
type sseEvent struct{ id, name, data, comment string }

// stream is what a viewer reads.
type stream struct {
	t      *testing.T
	events chan sseEvent // closed at the end
	leave  func()
	last   string // id of the last event that next gave
}

func (l *liveBench) follow(id, last string) *stream {
	l.t.Helper()
	ctx, cancel := context.WithCancel(l.t.Context())
	req, err := http.NewRequestWithContext(ctx, "GET", l.url+"/events?migration_id="+id, nil)
	if err != nil {
		l.t.Fatal(err)
	}
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		l.t.Fatal(err)
	}
	if resp.StatusCode != 200 || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		l.t.Fatalf("%s %s", resp.Status, resp.Header.Get("Content-Type"))
	}
	s := &stream{t: l.t, events: make(chan sseEvent, 1000), last: last}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(s.events)
		defer func() { _ = resp.Body.Close() }()
		var e sseEvent
		for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
			key, value, _ := strings.Cut(lines.Text(), ": ")
			switch key {
			case "id":
				e.id = value
			case "event":
				e.name = value
			case "data":
				e.data = value
			case "":
				if value != "" {
					e.comment = value
				}
				if lines.Text() == "" {
					s.events <- e
					e = sseEvent{}
				}
			}
		}
	}()
	s.leave = func() { cancel(); <-done }
	l.t.Cleanup(s.leave)
	return s
}

// next is the next event that is no comment.
func (s *stream) next() sseEvent {
	s.t.Helper()
	for {
		select {
		case e, ok := <-s.events:
			if !ok {
				s.t.Fatal("the stream has ended")
			}
			if e.name == "" {
				continue
			}
			if e.id != "" {
				s.last = e.id
			}
			return e
		case <-time.After(10 * time.Second):
			s.t.Fatal("no event within ten seconds")
		}
	}
}

// until reads to the first event of the name and gives the names before it.
func (s *stream) until(name string) (e sseEvent, before []string) {
	s.t.Helper()
	for {
		if e = s.next(); e.name == name {
			return e, before
		}
		before = append(before, e.name)
	}
}

func (s *stream) ended() bool {
	for {
		select {
		case _, ok := <-s.events:
			if !ok {
				return true
			}
		case <-time.After(10 * time.Second):
			return false
		}
	}
}

// step appends a rule, so that stats change, and lets the next look see it.
func (l *liveBench) step(id string, n int) {
	l.t.Helper()
	if _, err := l.store.AppendRules(l.t.Context(), id, []migration.OriginalRule{{ID: fmt.Sprintf("more-%d", n), Vendor: "splunk", Query: "q", QueryLanguage: "spl"}}, true, "test"); err != nil {
		l.t.Fatal(err)
	}
	l.clock.move()
}

func total(t *testing.T, e sseEvent) int {
	t.Helper()
	var st migration.Stats
	if err := json.Unmarshal([]byte(e.data), &st); err != nil || st.MigrationID == "" {
		t.Fatalf("%s: %v", e.data, err)
	}
	return st.Rules.Total
}

// TestEventsCostOfMany: fifty viewers cause the reads of one.
func TestEventsCostOfMany(t *testing.T) {
	cost := map[int]int64{}
	for _, viewers := range []int{1, 50} {
		l := newLiveBench(t)
		id := l.create(1)
		l.reads.reads.Store(0)
		var streams []*stream
		for range viewers {
			streams = append(streams, l.follow(id, ""))
		}
		for _, s := range streams {
			if e := s.next(); e.name != "stats" || total(t, e) != 1 || e.id == "" {
				t.Fatalf("first %+v", e)
			}
		}
		for step := range 5 {
			l.step(id, step)
			for _, s := range streams {
				if e, _ := s.until("stats"); total(t, e) != step+2 {
					t.Fatalf("after step %d: %+v", step, e)
				}
			}
		}
		cost[viewers] = l.reads.reads.Load()
	}
	if cost[1] < 6 || cost[50] != cost[1] {
		t.Errorf("reads by number of viewers: %v", cost)
	}
}

// TestEventsLoopEnds: nothing is read when nobody watches any more, and again when somebody does.
func TestEventsLoopEnds(t *testing.T) {
	l := newLiveBench(t)
	id := l.create(1)
	a, b := l.follow(id, ""), l.follow(id, "")
	a.next()
	b.next()
	a.leave()
	l.step(id, 1)
	b.until("stats")
	b.leave()
	for l.server.live.watched(id) {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(20 * time.Millisecond) // a look that had begun
	before := l.reads.reads.Load()
	l.step(id, 2)
	time.Sleep(50 * time.Millisecond)
	if n := l.reads.reads.Load(); n != before {
		t.Errorf("%d reads although nobody watches", n-before)
	}
	c := l.follow(id, "")
	// What was known when the last viewer left may come first.
	for seen := 0; seen != 3; {
		e, _ := c.until("stats")
		if seen = total(t, e); seen < 2 {
			t.Fatalf("after coming back: %+v", e)
		}
	}
}

// TestEventsResume: whoever comes back with the id of the last event misses none, whether others watched meanwhile or
// nobody did; with an id that is not known any more it is told to read anew.
func TestEventsResume(t *testing.T) {
	for _, others := range []bool{true, false} {
		t.Run(fmt.Sprintf("others watch %v", others), func(t *testing.T) {
			l := newLiveBench(t)
			id := l.create(1)
			s := l.follow(id, "")
			s.next()
			var other *stream
			if others {
				other = l.follow(id, "")
				other.next()
			}
			s.leave()
			var seen []int
			changed := map[string]bool{}
			for step := range 3 {
				l.step(id, step)
				if others {
					other.until("rules")
				}
			}
			back := l.follow(id, s.last)
			for len(seen) == 0 || seen[len(seen)-1] != 4 || len(changed) < 3 {
				e := back.next()
				switch e.name {
				case "stats":
					seen = append(seen, total(t, e))
				case "rules":
					var r ruleEvent
					if err := json.Unmarshal([]byte(e.data), &r); err != nil || r.MigrationID != id || r.More {
						t.Fatalf("%s: %v", e.data, err)
					}
					for _, rule := range r.Changed {
						if changed[rule] || !strings.HasPrefix(rule, "more-") {
							t.Errorf("%s is told twice, or did not change", rule)
						}
						changed[rule] = true
					}
				default:
					t.Fatalf("%+v", e)
				}
			}
			if want := map[bool]string{true: "[2 3 4]", false: "[4]"}[others]; fmt.Sprint(seen) != want {
				t.Errorf("stats of %v rules, want %s", seen, want)
			}
		})
	}
	t.Run("unknown id", func(t *testing.T) {
		l := newLiveBench(t)
		id := l.create(1)
		for _, last := range []string{"7", "deadbeef-3", "x-y", strings.Repeat("9", 500)} {
			s := l.follow(id, last)
			if e := s.next(); e.name != "reset" || e.id != "" {
				t.Errorf("with %.20s: %+v", last, e)
			}
			if e := s.next(); e.name != "stats" || e.id == "" {
				t.Errorf("with %.20s: %+v", last, e)
			}
		}
		current := l.follow(id, "")
		current.next()
		boot, _, _ := strings.Cut(current.last, "-")
		if e := l.follow(id, boot+"-999").next(); e.name != "reset" {
			t.Errorf("with an id to come: %+v", e)
		}
	})
}

// TestEventsSlowViewer: a viewer who falls behind holds nothing, and is told to begin anew.
func TestEventsSlowViewer(t *testing.T) {
	ctx := t.Context()
	f := &feed{id: "m", boot: "b", next: 2, now: map[string]migration.Stats{}, wake: make(chan struct{})}
	stats := func(n int) map[string]migration.Stats {
		return map[string]migration.Stats{"m": {MigrationID: "m", Rules: migration.Counts{Total: n}}}
	}
	f.update(ctx, stats(0), nil)
	var slow, quick viewer
	f.news(&slow)
	f.news(&quick)
	long := []string{strings.Repeat("x", 10_000)}
	for n := range 1000 {
		f.update(ctx, stats(n+1), []ruleEvent{{MigrationID: "m", Changed: long}})
		if texts, _, _ := f.news(&quick); len(texts) != 2 || strings.Contains(texts[0], "reset") {
			t.Fatalf("at %d: %.200q", n, texts)
		}
		if len(f.ring) > ringEvents || f.size > ringBytes+20_000 {
			t.Fatalf("at %d the ring holds %d events of %d bytes", n, len(f.ring), f.size)
		}
	}
	texts, _, _ := f.news(&slow)
	if len(texts) != 2 || !strings.Contains(texts[0], "event: reset\n") || !strings.Contains(texts[1], `"total":1000`) ||
		!strings.HasPrefix(texts[1], fmt.Sprintf("id: b-%d\n", f.next-1)) {
		t.Errorf("%.300q", texts)
	}
	if texts, _, _ := f.news(&slow); len(texts) != 0 {
		t.Errorf("again: %.300q", texts)
	}
}

func TestEventsHeartbeat(t *testing.T) {
	l := newLiveBench(t)
	l.server.live.heartbeat = 5 * time.Millisecond
	s := l.follow(l.create(1), "")
	s.next()
	for range 3 {
		select {
		case e := <-s.events:
			if e.comment != "waiting" {
				t.Fatalf("%+v", e)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("no heartbeat")
		}
	}
}

// TestEventsOfAll: the list is followed as a whole; a migration that comes, changes or goes is told.
func TestEventsOfAll(t *testing.T) {
	l := newLiveBench(t)
	first := l.create(1)
	l.clock.move()
	s := l.follow("", "")
	if e := s.next(); e.name != "stats" || total(t, e) != 1 {
		t.Fatalf("%+v", e)
	}
	second := l.create(2)
	l.clock.move()
	if e := s.next(); e.name != "stats" || total(t, e) != 2 || !strings.Contains(e.data, second) {
		t.Fatalf("%+v", e)
	}
	l.want(l.do("DELETE", BasePath+"/"+first, ""), 200)
	l.clock.move()
	if e, _ := s.until("deleted"); e.data != `{"migration_id":"`+first+`"}` {
		t.Errorf("%+v", e)
	}
}

// TestEventsOfDeleted: the stream of a migration ends with it.
func TestEventsOfDeleted(t *testing.T) {
	l := newLiveBench(t)
	id := l.create(1)
	s := l.follow(id, "")
	s.next()
	l.want(l.do("DELETE", BasePath+"/"+id, ""), 200)
	l.clock.move()
	if e, _ := s.until("deleted"); e.data != `{"migration_id":"`+id+`"}` {
		t.Errorf("%+v", e)
	}
	if !s.ended() {
		t.Error("the stream goes on")
	}
	l.want(l.do("GET", BasePath+"/events?migration_id="+id, ""), 204)
	l.want(l.do("GET", BasePath+"/events?migration_id=%20", ""), 204)
}

func TestEventsAreBounded(t *testing.T) {
	l := newLiveBench(t)
	id := l.create(1)
	refused := func(code int, words string) {
		t.Helper()
		w := l.do("GET", BasePath+"/events?migration_id="+id, "")
		l.want(w, code, words)
		if w.Header().Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	}
	l.server.live.most, l.server.live.mostEach = 10, 2
	a, b := l.follow(id, ""), l.follow("", "")
	a.next()
	b.next()
	refused(429, "2 times already")
	l.server.live.mostEach, l.server.live.most = 10, 2
	refused(503, "2 times already")
	a.leave()
	for l.server.live.watched(id) {
		time.Sleep(time.Millisecond)
	}
	l.follow(id, "").next()
}

// TestEventsEndWithTheGateway: open streams do not make the end of the gateway wait.
func TestEventsEndWithTheGateway(t *testing.T) {
	l := newLiveBench(t)
	id := l.create(1)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- l.server.Serve(ctx, listener) }()
	l.url = "http://" + listener.Addr().String() + BasePath
	var all sync.WaitGroup
	for range 3 {
		s := l.follow(id, "")
		s.next()
		all.Go(func() {
			if !s.ended() {
				t.Error("a stream goes on")
			}
		})
	}
	begin := time.Now()
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("the end took %s", took)
	}
	all.Wait()
	l.want(l.do("GET", BasePath+"/events?migration_id="+id, ""), 503, "about to end")
}
