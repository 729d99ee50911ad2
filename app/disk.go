package app

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// leastFree is the room in bytes below which a database can hardly be written.
const leastFree = 1 << 20

// Full says that the disk of the data folder has no room left, and what to do; nil when it has room, or when nothing is kept.
// Errors of the databases come through several services, which rarely name the disk.
func (a *App) Full() error {
	dir := a.DataDir()
	if dir == "" {
		return nil
	}
	free, err := freeBytes(dir)
	if err != nil {
		return nil // the first error says more
	}
	return room(dir, free)
}

func room(dir string, free uint64) error {
	if free >= leastFree {
		return nil
	}
	return &FullError{Dir: dir, Free: free}
}

// FullError says that the disk of the data folder has no room.
type FullError struct {
	Dir  string
	Free uint64 // bytes
}

func (e *FullError) Error() string {
	return e.where() + ": make room there and run the same command again; what was finished is kept"
}

func (e *FullError) where() string {
	return fmt.Sprintf("the disk that holds %s is full (%d KiB are left)", e.Dir, e.Free>>10)
}

const (
	// lookForRoom is how often the disk is looked at.
	lookForRoom = 2 * time.Second
	// fullFor is how long a disk must have been full before whoever waits for the work is told that it does not go on.
	fullFor = 15 * time.Second
	// sayFullEvery is how often the log repeats that the disk is full.
	sayFullEvery = time.Minute
)

// watchDisk says in the log when the disk gets full and when it has room again. On a full disk the Temporal server cannot
// record a step, not even that the migration shall stop, and would try for ever without a word; with room again it goes on.
func (a *App) watchDisk(ctx context.Context) error {
	var since, said time.Time
	for {
		var full *FullError
		switch now := time.Now(); {
		case errors.As(a.Full(), &full):
			if since.IsZero() {
				since = now
			}
			if now.Sub(said) >= sayFullEvery {
				a.log.Warn(full.where() + ", so nothing goes on: make room there")
				said = now
			}
			if now.Sub(since) >= fullFor {
				a.tellFull(full)
			}
		case !since.IsZero():
			a.log.Info("the disk of the data folder has room again; what waited for it goes on")
			since, said = time.Time{}, time.Time{}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(lookForRoom):
		}
	}
}

// UntilFull is a context that also ends when the disk of the data folder has been full for some time; its cause then says so.
func (a *App) UntilFull(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(a.full, func() { cancel(context.Cause(a.full)) })
	return ctx, func() { stop(); cancel(nil) }
}
