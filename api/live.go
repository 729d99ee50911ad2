package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"go.uber.org/zap"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
)

const (
	// pollRunning and pollResting are the pauses between two looks at what people watch, while something runs and while
	// nothing does.
	pollRunning = time.Second
	pollResting = 2 * time.Second
	// pollFailing is the longest pause while the store does not answer.
	pollFailing = 10 * time.Second
	// heartbeatEvery is how often something is sent to viewers at least.
	heartbeatEvery = 15 * time.Second
	// maxViewers bounds the streams of a gateway, maxViewersEach those of one user.
	maxViewers     = 400
	maxViewersEach = 100
	// ringEvents and ringBytes bound what is kept of one feed for viewers who come back.
	ringEvents = 256
	ringBytes  = 256 << 10
	// maxIdle feeds that nobody watches are kept for idleFor, for viewers who come back.
	maxIdle = 32
	idleFor = 10 * time.Minute
	// changedIDs is how many rules an event names.
	changedIDs = 200
)

// live are the feeds that people watch. Each has one loop that asks for what is new, whatever the number of viewers; the
// loop ends with the last of them.
type live struct {
	s         *Server
	running   time.Duration
	resting   time.Duration
	heartbeat time.Duration
	most      int
	mostEach  int

	mu      sync.Mutex
	feeds   map[string]*feed
	viewers map[string]int // by user
	closed  chan struct{}
	end     sync.Once
}

func newLive(s *Server) *live {
	return &live{s: s, running: pollRunning, resting: pollResting, heartbeat: heartbeatEvery, most: maxViewers, mostEach: maxViewersEach,
		feeds: map[string]*feed{}, viewers: map[string]int{}, closed: make(chan struct{})}
}

// EndStreams ends the streams of events: the gateway is about to end, which would otherwise wait for them.
func (s *Server) EndStreams() { s.live.end.Do(func() { close(s.live.closed) }) }

// watched says whether the feed's loop runs, so that nobody needs to look whether the migration is there.
func (l *live) watched(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.feeds[id]
	return f != nil && f.viewers > 0
}

// join makes the caller a viewer, until the returned function is called.
func (l *live) join(id, user string) (f *feed, leave func(), err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.closed:
		return nil, nil, &Error{Status: http.StatusServiceUnavailable, Header: map[string]string{"Retry-After": "5"},
			Message: "the gateway is about to end; try again when it is back"}
	default:
	}
	all := 0
	for _, n := range l.viewers {
		all += n
	}
	switch {
	case l.viewers[user] >= l.mostEach:
		return nil, nil, &Error{Status: http.StatusTooManyRequests, Header: map[string]string{"Retry-After": "30"},
			Message: fmt.Sprintf("you follow events %d times already; close other windows, or ask for stats now and then", l.mostEach)}
	case all >= l.most:
		return nil, nil, &Error{Status: http.StatusServiceUnavailable, Header: map[string]string{"Retry-After": "30"},
			Message: fmt.Sprintf("events are followed %d times already, and no more at once; ask for stats now and then", l.most)}
	}
	f = l.feeds[id]
	if f == nil || f.isGone() {
		f = &feed{id: id, boot: uuid.NewString()[:8], next: 2, now: map[string]migration.Stats{}, wake: make(chan struct{})}
		l.feeds[id] = f
	}
	if f.viewers == 0 {
		var ctx context.Context
		ctx, f.stop = context.WithCancel(context.Background())
		go l.follow(ctx, f)
	}
	f.viewers++
	l.viewers[user]++
	return f, sync.OnceFunc(func() { l.leave(f, user) }), nil
}

func (l *live) leave(f *feed, user string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.viewers[user]--; l.viewers[user] == 0 {
		delete(l.viewers, user)
	}
	now := l.s.Now()
	if f.viewers--; f.viewers == 0 {
		f.stop()
		f.left = now
	}
	var idle []*feed
	for id, x := range l.feeds {
		switch {
		case x.viewers > 0:
		case x.isGone() || now.Sub(x.left) > idleFor:
			delete(l.feeds, id)
		default:
			idle = append(idle, x)
		}
	}
	slices.SortFunc(idle, func(a, b *feed) int { return b.left.Compare(a.left) })
	for _, x := range idle[min(maxIdle, len(idle)):] {
		delete(l.feeds, x.id)
	}
}

// follow asks for what is new until ctx ends or the migration is gone.
func (l *live) follow(ctx context.Context, f *feed) {
	failing := time.Duration(0)
	for ctx.Err() == nil {
		err := l.poll(ctx, f)
		pause := l.resting
		switch {
		case ctx.Err() != nil, f.isGone():
			return
		case err != nil:
			if failing == 0 {
				l.s.Log.Warn("events cannot be looked for; it is tried again", zap.String("migration_id", f.id), zap.Error(err))
			}
			failing = min(max(2*failing, l.resting), pollFailing)
			pause = failing
		default:
			failing = 0
			if f.runs() {
				pause = l.running
			}
		}
		if !sleep(ctx, pause) {
			return
		}
	}
}

// poll looks once, through the answers that callers of stats share.
func (l *live) poll(ctx context.Context, f *feed) error {
	// The loop before may still be on its way out.
	f.looking.Lock()
	defer f.looking.Unlock()
	if ctx.Err() != nil {
		return nil
	}
	now, err := recovered(ctx, func(ctx context.Context) (map[string]migration.Stats, error) { return l.stats(ctx, f.id) })
	if f.id != "" && errors.Is(err, store.ErrNotFound) {
		f.update(ctx, map[string]migration.Stats{}, nil)
		return nil
	}
	if err != nil {
		return err
	}
	var changed []ruleEvent
	noted := func() {}
	if f.id != "" {
		if changed, noted, err = l.changes(ctx, f); err != nil {
			return err
		}
	}
	if f.update(ctx, now, changed) {
		noted()
	}
	return nil
}

// changes are the rules that changed since the last look, none at the first; noted is to be called when they have been told.
// The store is asked as often as for stats.
func (l *live) changes(ctx context.Context, f *feed) (events []ruleEvent, noted func(), err error) {
	begun := l.s.Now()
	if begun.Sub(f.asked) < statsEvery {
		return nil, func() {}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, storeDeadline)
	defer cancel()
	c, err := l.s.Store.Changes(ctx, f.id, f.mark)
	if errors.Is(err, store.ErrNotFound) {
		return nil, func() {}, nil // the next look says so
	}
	if err != nil {
		return nil, nil, fmt.Errorf("looking for changed rules: %w", err)
	}
	// A store may tell of a change more than once.
	telling, ids := make(map[string]int64, len(c.Rules)), []string{}
	for _, r := range c.Rules {
		if telling[r.ID] = r.Revision; f.told[r.ID] != r.Revision {
			ids = append(ids, r.ID)
		}
	}
	first := f.told == nil
	noted = func() { f.asked, f.mark, f.told = begun, c.Mark, telling }
	if len(ids) > 0 {
		l.s.lists.Stale(f.id) // who hears of the change asks for the list at once
	}
	if first || len(ids) == 0 {
		return nil, noted, nil
	}
	slices.Sort(ids)
	return []ruleEvent{{MigrationID: f.id, Changed: ids[:min(changedIDs, len(ids))], More: len(ids) > changedIDs}}, noted, nil
}

func (l *live) stats(ctx context.Context, id string) (map[string]migration.Stats, error) {
	now := map[string]migration.Stats{}
	if id == "" {
		o, err := l.s.overview(ctx)
		if err != nil {
			return nil, err
		}
		for _, st := range l.s.recent.over(o) {
			now[st.MigrationID] = st
		}
		return now, nil
	}
	r := migrationID(id)
	a, err := l.s.oneStats(ctx, &r)
	if err != nil {
		return nil, err
	}
	a.MigrationID = id
	now[id] = a.Stats
	return now, nil
}

// feed is what happens to one migration, or to all where id is empty.
type feed struct {
	id   string
	boot string // begins the ids of the events, since another feed counts anew

	// Of live.mu.
	viewers int
	left    time.Time
	stop    context.CancelFunc

	// Of the loop, of which there is one at a time.
	looking sync.Mutex
	asked   time.Time        // when the store was asked for changed rules
	mark    int64            // of the store, up to which it told
	told    map[string]int64 // revisions of the rules that it told of last; nil before the first time

	mu    sync.Mutex
	known bool // looked at once
	gone  bool // deleted
	now   map[string]migration.Stats
	ring  []string // the last events, as they are sent; the newest has the number next-1
	size  int      // bytes of them
	next  uint64
	wake  chan struct{} // closed with the next event
}

func (f *feed) isGone() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.gone
}

func (f *feed) runs() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, st := range f.now {
		if st.Status == migration.Running {
			return true
		}
	}
	return false
}

// ruleEvent names rules that changed.
type ruleEvent struct {
	MigrationID string   `json:"migration_id"`
	Changed     []string `json:"changed"`
	// More: others changed too.
	More bool `json:"more"`
}

type deletedEvent struct {
	MigrationID string `json:"migration_id"`
}

// update makes events of the differences. A look that ended after its loop was told to end changes nothing, since
// another loop may have begun: then it is false.
func (f *feed) update(ctx context.Context, now map[string]migration.Stats, changed []ruleEvent) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if ctx.Err() != nil || f.gone {
		return false
	}
	before := f.next
	if f.known {
		for _, id := range slices.Sorted(maps.Keys(now)) {
			if was, ok := f.now[id]; !ok || !reflect.DeepEqual(was, now[id]) {
				f.add("stats", now[id])
			}
		}
		for _, e := range changed {
			f.add("rules", e)
		}
		for _, id := range slices.Sorted(maps.Keys(f.now)) {
			if _, ok := now[id]; !ok {
				f.add("deleted", deletedEvent{id})
			}
		}
	}
	f.gone = f.id != "" && len(now) == 0
	if !f.known || f.next != before || f.gone {
		close(f.wake)
		f.wake = make(chan struct{})
	}
	f.known, f.now = true, now
	return true
}

func (f *feed) add(name string, data any) {
	text := f.text(name, data, f.next)
	f.next++
	f.ring, f.size = append(f.ring, text), f.size+len(text)
	for len(f.ring) > ringEvents || f.size > ringBytes && len(f.ring) > 1 {
		f.size -= len(f.ring[0])
		f.ring[0] = ""
		f.ring = f.ring[1:]
	}
}

// text is an event as it is sent; without a number it is part of what cannot be resumed from.
func (f *feed) text(name string, data any, number uint64) string {
	body, err := json.Marshal(data)
	if err != nil {
		panic(err) // texts, numbers and times only
	}
	id := ""
	if number > 0 {
		id = "id: " + f.boot + "-" + fmt.Sprint(number) + "\n"
	}
	return id + "event: " + name + "\ndata: " + string(body) + "\n\n"
}
