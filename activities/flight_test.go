package activities

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAttemptsShareACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f flights
		var calls atomic.Int32
		call := func(ctx context.Context) (int, error) {
			n := int(calls.Add(1))
			select {
			case <-ctx.Done():
				return n, ctx.Err()
			case <-time.After(time.Minute):
				return n, nil
			}
		}
		type result struct {
			attempt int
			err     error
		}
		results := make(chan result, 3)
		start := func(ctx context.Context) {
			go func() {
				attempt, err := f.do(ctx, "k", call)
				results <- result{attempt, err}
			}()
			synctest.Wait()
		}
		first, drop := context.WithCancel(t.Context())
		start(first)
		start(t.Context())
		drop() // the first attempt is given up; the second still waits for its call
		require.Equal(t, result{0, context.Canceled}, <-results)
		require.Equal(t, result{1, nil}, <-results)
		require.Equal(t, int32(1), calls.Load())

		// Nobody waits any more: the call ends before do does.
		first, drop = context.WithCancel(t.Context())
		start(first)
		drop()
		require.ErrorIs(t, (<-results).err, context.Canceled)
		require.Equal(t, int32(2), calls.Load())
		require.Empty(t, f.calls)

		failure := errors.New("down")
		_, err := f.do(t.Context(), "k", func(context.Context) (int, error) { return 7, failure })
		require.ErrorIs(t, err, failure)
		_, err = f.do(t.Context(), "k", func(context.Context) (int, error) { panic("no") })
		require.ErrorIs(t, err, errPanic)
		require.Empty(t, f.calls)
	})
}
