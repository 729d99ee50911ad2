package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/rulebridge/rulebridge/internal/store"
)

const (
	queueLength = 1024
	batchLength = 256
)

// errClosed is given to calls after Close.
var errClosed = errors.New("store is closed")

// statements prepares each query once on a connection or pool.
type statements struct {
	on interface {
		PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
	}
	mu    sync.Mutex
	cache map[string]*sql.Stmt
}

func newStatements(on interface {
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
}) *statements {
	return &statements{on: on, cache: map[string]*sql.Stmt{}}
}

func (s *statements) get(ctx context.Context, query string) (*sql.Stmt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st, ok := s.cache[query]; ok {
		return st, nil
	}
	st, err := s.on.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	s.cache[query] = st
	return st, nil
}

// exec runs a statement and returns the number of rows it changed.
func (s *statements) exec(ctx context.Context, query string, args ...any) (int64, error) {
	st, err := s.get(ctx, query)
	if err != nil {
		return 0, err
	}
	r, err := st.ExecContext(ctx, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// row scans the only row into dest; none is store.ErrNotFound.
func (s *statements) row(ctx context.Context, query string, args []any, dest ...any) error {
	st, err := s.get(ctx, query)
	if err != nil {
		return err
	}
	err = st.QueryRowContext(ctx, args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return store.ErrNotFound
	}
	return err
}

// each calls f for every row.
func (s *statements) each(ctx context.Context, query string, args []any, f func(*sql.Rows) error) error {
	st, err := s.get(ctx, query)
	if err != nil {
		return err
	}
	rows, err := st.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// close finalizes the statements; those of a connection would otherwise keep the file open.
func (s *statements) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.cache {
		_ = st.Close()
	}
	clear(s.cache)
}

// An op is one operation of a caller. run may be called again after its transaction was rolled back, so it sets its
// results anew each time, and it returns a domain error (isDomain) only before it has written anything.
type op struct {
	run   func(ctx context.Context, q *statements) error
	alone bool // large: gets a transaction of its own
	state atomic.Int32
	done  chan error
}

const (
	opQueued int32 = iota
	opTaken
	opAbandoned
)

// The writer owns the only writing connection. It puts the operations that wait at one moment into one transaction (group
// commit): fifty concurrent callers then share one commit, and each returns only after its own is durable.
type writer struct {
	db   *sql.DB
	conn *sql.Conn
	q    *statements

	ops     chan *op
	closing chan struct{}
	closed  chan struct{}
	once    sync.Once
}

func newWriter(ctx context.Context, db *sql.DB) (*writer, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	w := &writer{
		db: db, conn: conn, q: newStatements(conn),
		ops: make(chan *op, queueLength), closing: make(chan struct{}), closed: make(chan struct{}),
	}
	go w.loop()
	return w, nil
}

// do runs an operation in a transaction and waits for its commit. A caller whose context ends before the transaction has
// begun leaves with nothing written; after that it waits for the outcome, which takes milliseconds.
func (w *writer) do(ctx context.Context, alone bool, run func(context.Context, *statements) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	o := &op{run: run, alone: alone, done: make(chan error, 1)}
	select {
	case w.ops <- o:
	case <-ctx.Done():
		return ctx.Err()
	case <-w.closing:
		return errClosed
	}
	select {
	case err := <-o.done:
		return err
	case <-ctx.Done():
		if o.state.CompareAndSwap(opQueued, opAbandoned) {
			return ctx.Err()
		}
	case <-w.closed:
		// The loop has ended; it may have answered just before.
		select {
		case err := <-o.done:
			return err
		default:
			return errClosed
		}
	}
	return <-o.done
}

func (w *writer) loop() {
	defer close(w.closed)
	batch := make([]*op, 0, batchLength)
	var next *op // taken from the queue, but must run alone
	for {
		batch = batch[:0]
		if next != nil {
			batch, next = append(batch, next), nil
		} else {
			select {
			case o := <-w.ops:
				batch = append(batch, o)
			case <-w.closing:
				select {
				case o := <-w.ops: // finish what was accepted
					batch = append(batch, o)
				default:
					return
				}
			}
		}
		if !batch[0].alone {
		fill:
			for len(batch) < batchLength {
				select {
				case o := <-w.ops:
					if o.alone {
						next = o
						break fill
					}
					batch = append(batch, o)
				default:
					break fill
				}
			}
		}
		w.commit(batch)
	}
}

// commit runs the batch in one transaction. When anything but a domain error happens the transaction is rolled back and
// each operation gets one of its own, so that a failure stays with the operation that caused it.
//
// Operations are taken only after the transaction has begun: while another process holds the lock, callers whose time is
// up leave. When the transaction cannot begin, that is so for the whole batch, and no operation waits a second time.
func (w *writer) commit(batch []*op) {
	begun := w.begin()
	taken := batch[:0]
	for _, o := range batch {
		if o.state.CompareAndSwap(opQueued, opTaken) {
			taken = append(taken, o)
		}
	}
	switch {
	case begun != nil:
		answerAll(taken, begun)
		return
	case len(taken) == 0:
		w.rollback()
		return
	}
	answers, err := w.transact(taken)
	switch {
	case err == nil:
		for i, o := range taken {
			o.done <- answers[i]
		}
		return
	case len(taken) == 1:
		taken[0].done <- err
		return
	}
	for i, o := range taken {
		if err := w.begin(); err != nil {
			answerAll(taken[i:], err)
			return
		}
		answers, err := w.transact(taken[i : i+1])
		if err == nil {
			err = answers[0]
		}
		o.done <- err
	}
}

func answerAll(ops []*op, err error) {
	for _, o := range ops {
		o.done <- err
	}
}

func (w *writer) begin() error {
	_, err := w.q.exec(context.Background(), "BEGIN IMMEDIATE")
	return wrap("begin a write", err)
}

// rollback ends a transaction without a trace. After a full disk or an I/O error SQLite may have rolled back already;
// then this fails, and rightly.
func (w *writer) rollback() { _, _ = w.q.exec(context.Background(), "ROLLBACK") }

// transact ends the transaction that was begun. It returns each operation's own outcome, or the error for which nothing
// of them was written. The callers' contexts do not reach the statements: one caller's cancellation must not roll back
// the others.
func (w *writer) transact(ops []*op) ([]error, error) {
	ctx := context.Background()
	answers := make([]error, len(ops))
	for i, o := range ops {
		if err := o.run(ctx, w.q); err != nil {
			if !isDomain(err) {
				w.rollback()
				return nil, wrap("write", err)
			}
			answers[i] = err
		}
	}
	if _, err := w.q.exec(ctx, "COMMIT"); err != nil {
		w.rollback()
		return nil, wrap("commit", err)
	}
	return answers, nil
}

// close waits for what was accepted.
func (w *writer) close() error {
	w.once.Do(func() { close(w.closing) })
	<-w.closed
	w.q.close()
	return w.conn.Close()
}
