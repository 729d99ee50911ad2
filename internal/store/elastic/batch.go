package elastic

import (
	"context"
	"errors"
	"sync"

	"github.com/rulebridge/rulebridge/internal/store"
)

var errClosed = errors.New("store is closed")

// batcher puts the calls that wait at one moment into one request: with fifty rules in flight a request carries many.
// A batch that is refused is tried once more call by call, so that one bad document does not fail the others.
type batcher[I, O any] struct {
	run     func(ctx context.Context, in []I) ([]O, error)
	most    int // calls in a request
	flights int // requests in flight

	mu      sync.Mutex
	waiting []*item[I, O]
	busy    int
	closed  bool
}

type item[I, O any] struct {
	in   I
	out  O
	err  error
	done chan struct{}
}

func newBatcher[I, O any](most, flights int, run func(context.Context, []I) ([]O, error)) *batcher[I, O] {
	return &batcher[I, O]{run: run, most: most, flights: flights}
}

// do waits for the answer. A caller whose context ends leaves; its call may still be carried out.
func (b *batcher[I, O]) do(ctx context.Context, in I) (O, error) {
	var zero O
	if err := ctx.Err(); err != nil {
		return zero, err
	}
	it := &item[I, O]{in: in, done: make(chan struct{})}
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return zero, errClosed
	}
	b.waiting = append(b.waiting, it)
	if b.busy < b.flights {
		b.busy++
		go b.fly()
	}
	b.mu.Unlock()
	select {
	case <-it.done:
		return it.out, it.err
	case <-ctx.Done():
		return zero, ctx.Err()
	}
}

// fly sends batches until nobody waits.
func (b *batcher[I, O]) fly() {
	for {
		b.mu.Lock()
		n := min(len(b.waiting), b.most)
		if n == 0 {
			b.busy--
			b.mu.Unlock()
			return
		}
		batch := b.waiting[:n:n]
		b.waiting = b.waiting[n:]
		b.mu.Unlock()
		if err := b.send(batch); err != nil && n > 1 && !errors.Is(err, store.ErrUnavailable) {
			for i := range batch {
				_ = b.send(batch[i : i+1])
			}
		}
		for _, it := range batch {
			close(it.done)
		}
	}
}

func (b *batcher[I, O]) send(batch []*item[I, O]) error {
	in := make([]I, len(batch))
	for i, it := range batch {
		in[i] = it.in
	}
	// The callers' contexts end for each of them alone; the client bounds the time of a request.
	out, err := b.run(context.Background(), in)
	for i, it := range batch {
		it.err = err
		if err == nil {
			it.out = out[i]
		}
	}
	return err
}

// close refuses further calls.
func (b *batcher[I, O]) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
}
