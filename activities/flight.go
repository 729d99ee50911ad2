package activities

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
)

// flights lets attempts of one call share it: when a heartbeat is late and the server starts a second attempt, the first
// one's call is still under way in this process and must not be made twice.
type flights struct {
	mu    sync.Mutex
	calls map[string]*flight
}

type flight struct {
	waiters int
	cancel  context.CancelFunc
	done    chan struct{}
	attempt int
	err     error
}

// do runs the call unless one with the key is under way, and waits for it. The call is cancelled when nobody waits for it
// any more; do then returns after the call has ended.
func (f *flights) do(ctx context.Context, key string, call func(context.Context) (attempt int, err error)) (int, error) {
	f.mu.Lock()
	running, ok := f.calls[key]
	if !ok {
		shared, cancel := context.WithCancel(context.WithoutCancel(ctx))
		running = &flight{cancel: cancel, done: make(chan struct{})}
		if f.calls == nil {
			f.calls = map[string]*flight{}
		}
		f.calls[key] = running
		go f.run(shared, key, running, call)
	}
	running.waiters++
	f.mu.Unlock()
	select {
	case <-running.done:
		return running.attempt, running.err
	case <-ctx.Done():
	}
	f.mu.Lock()
	running.waiters--
	last := running.waiters == 0
	if last && f.calls[key] == running {
		// Who comes now begins a call of its own: this one is about to be cancelled.
		delete(f.calls, key)
	}
	f.mu.Unlock()
	if last {
		running.cancel()
		<-running.done
	}
	return 0, ctx.Err()
}

func (f *flights) run(ctx context.Context, key string, c *flight, call func(context.Context) (int, error)) {
	defer c.cancel()
	defer close(c.done)
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.calls[key] == c {
			delete(f.calls, key)
		}
	}()
	defer func() {
		if p := recover(); p != nil {
			c.err = fmt.Errorf("%w: %v\n%s", errPanic, p, debug.Stack())
		}
	}()
	c.attempt, c.err = call(ctx)
}
