package api

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"
)

const (
	// polledKeys is how many answers a pollCache keeps.
	polledKeys = 4096
	// pollPause is the longest pause between two questions of somebody who polls.
	pollPause = 1500 * time.Millisecond
)

// pollCache answers many callers who ask the same again and again. One call a key runs at a time, and a new one begins a
// period after the last at the earliest. Callers who poll get the last answer at once while a new one is being fetched;
// callers who come after a pause wait for the new one.
type pollCache[T any] struct {
	every time.Duration // the period between the beginnings of two calls
	stale time.Duration // the greatest age of an answer that a polling caller gets
	now   func() time.Time

	calls     singleflight.Group
	answers   *lru.Cache[string, answer[T]]
	asked     *lru.Cache[string, time.Time] // when somebody asked last
	forgotten *lru.Cache[string, time.Time] // answers of calls that began before are not kept
}

// answer is what a call gave, or its error.
type answer[T any] struct {
	began, ended time.Time
	value        T
	err          error
}

func newPollCache[T any](every, stale time.Duration, now func() time.Time) *pollCache[T] {
	return &pollCache[T]{
		every: every, stale: stale, now: now,
		answers: newLRU[answer[T]](), asked: newLRU[time.Time](), forgotten: newLRU[time.Time](),
	}
}

// newLRU keeps polledKeys values.
func newLRU[V any]() *lru.Cache[string, V] {
	c, err := lru.New[string, V](polledKeys)
	if err != nil {
		panic(err) // the size is a positive constant
	}
	return c
}

// get returns an answer of fetch, which may be shared with other callers and an error. The call outlives a caller who leaves.
func (c *pollCache[T]) get(ctx context.Context, key string, fetch func(context.Context) (T, error)) (T, error) {
	now := c.now()
	asked, _ := c.asked.Get(key)
	c.asked.Add(key, now)
	last, ok := c.answers.Get(key)
	if ok && now.Sub(last.began) < c.every {
		return last.value, last.err
	}
	call := c.calls.DoChan(key, func() (any, error) {
		a := c.call(context.WithoutCancel(ctx), key, fetch)
		return a.value, a.err
	})
	polling := now.Sub(asked) < pollPause || now.Sub(last.ended) < pollPause
	if ok && polling && last.err == nil && now.Sub(last.began) < c.stale {
		return last.value, nil
	}
	select {
	case r := <-call:
		return r.Val.(T), r.Err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// call fetches a new answer, unless the call before ended between a caller's look and this call's beginning.
func (c *pollCache[T]) call(ctx context.Context, key string, fetch func(context.Context) (T, error)) answer[T] {
	a := answer[T]{began: c.now()}
	if last, ok := c.answers.Get(key); ok && a.began.Sub(last.began) < c.every {
		return last
	}
	a.value, a.err = recovered(ctx, fetch)
	a.ended = c.now()
	if at, ok := c.forgotten.Get(key); !ok || a.began.After(at) {
		c.answers.Add(key, a)
	}
	return a
}

// recovered makes a panic of fetch an error: fetch runs in a goroutine of its own, where a panic would end the process.
func recovered[T any](ctx context.Context, fetch func(context.Context) (T, error)) (v T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return fetch(ctx)
}

// forget drops the answer of a key; later callers get no answer of a call that began before.
func (c *pollCache[T]) forget(key string) {
	c.forgotten.Add(key, c.now())
	c.calls.Forget(key)
	c.answers.Remove(key)
}

// marks are keys that hold for a while.
type marks struct {
	hold  time.Duration
	now   func() time.Time
	until *lru.Cache[string, time.Time]
}

func newMarks(hold time.Duration, now func() time.Time) *marks {
	return &marks{hold: hold, now: now, until: newLRU[time.Time]()}
}

func (m *marks) set(key string) { m.until.Add(key, m.now().Add(m.hold)) }

func (m *marks) forget(key string) { m.until.Remove(key) }

func (m *marks) has(key string) bool {
	t, ok := m.until.Get(key)
	return ok && !m.now().After(t)
}
