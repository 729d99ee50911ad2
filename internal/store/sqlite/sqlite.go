// Package sqlite keeps migrations in one SQLite file (pure Go, write-ahead log), or in memory.
//
// One goroutine owns the writing connection and commits the calls that wait at one moment together; each call returns
// after its own commit. Reads run beside it on a pool. The file is opened with synchronous=FULL unless Options say
// otherwise: every answer is then on the disk before the caller hears of it, which a power failure does not undo. With
// NORMAL a killed process loses nothing either, but a power failure may undo the last commits, and a claim or result
// that the workflow's own database still remembers would be missing here. Group commit makes the difference small.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/rulebridge/rulebridge/internal/store"
)

//go:embed schema/*.sql assistant/*.sql
var embedded embed.FS

// applicationID marks the file as ours ("RBDG"); the first migration writes it.
const applicationID = 0x52424447

// Memory as path keeps everything in memory, until Close.
const Memory = ":memory:"

// Options of a store; the zero value is the default.
type Options struct {
	// Synchronous is SQLite's setting: FULL (default), NORMAL or OFF.
	Synchronous string
	// BusyTimeout is how long to wait for another process's lock; 0 means 5 s.
	BusyTimeout time.Duration
	// Readers is the number of reading connections; 0 means 4.
	Readers int
	// Now gives the time of writes that carry none; nil means time.Now.
	Now func() time.Time

	// schema replaces the embedded migrations: for the assistant's file, and in tests. applicationID is what they write.
	schema        fs.FS
	applicationID int64
	// secureDelete overwrites what is deleted.
	secureDelete bool
}

// Store is the SQLite store. It is safe for concurrent use.
type Store struct {
	path    string
	now     func() time.Time
	pool    *sql.DB // holds the writer's connection
	readers *sql.DB // nil in memory: reads then go through the writer
	reads   *statements
	w       *writer
}

var _ store.Store = (*Store)(nil)

// Open opens or creates the database at path (mode 0600), or one in memory for Memory. An older schema is migrated after
// a back-up copy beside the file (path.v<version>.<UTC time>.bak); a newer one gives *SchemaError, a file that is not
// ours or is damaged *FileError.
func Open(ctx context.Context, path string, opts Options) (*Store, error) {
	if path == "" {
		return nil, errors.New("open store: no path given")
	}
	if opts.Synchronous == "" {
		opts.Synchronous = "FULL"
	}
	switch strings.ToUpper(opts.Synchronous) {
	case "FULL", "NORMAL", "OFF":
	default:
		return nil, fmt.Errorf("open store: synchronous is %q; use FULL, NORMAL or OFF", opts.Synchronous)
	}
	if opts.BusyTimeout <= 0 {
		opts.BusyTimeout = 5 * time.Second
	}
	if opts.Readers <= 0 {
		opts.Readers = 4
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.applicationID == 0 {
		opts.applicationID = applicationID
	}
	if opts.schema == nil {
		sub, err := fs.Sub(embedded, "schema")
		if err != nil {
			return nil, fmt.Errorf("open store: %w", err)
		}
		opts.schema = sub
	}
	s := &Store{path: path, now: func() time.Time { return opts.Now().UTC() }}
	if path != Memory {
		if err := touch(path); err != nil {
			return nil, fmt.Errorf("open store: %w", err)
		}
	}
	if err := s.open(ctx, opts); err != nil {
		_ = s.Close()
		var schema *SchemaError
		var file *FileError
		if errors.As(err, &schema) || errors.As(err, &file) {
			return nil, err
		}
		if errors.Is(err, store.ErrDamaged) {
			return nil, &FileError{Path: path, Reason: "is damaged or not a SQLite database", Err: err}
		}
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	return s, nil
}

// touch creates the file with mode 0600 before SQLite does with the umask's; the log files inherit the mode.
func touch(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
	}
	return f.Close()
}

func (s *Store) open(ctx context.Context, opts Options) error {
	common := url.Values{"_txlock": {"immediate"}, "_pragma": {
		fmt.Sprintf("busy_timeout(%d)", opts.BusyTimeout.Milliseconds()),
		"foreign_keys(1)",
		"temp_store(MEMORY)",
	}}
	if opts.secureDelete {
		common["_pragma"] = append(common["_pragma"], "secure_delete(1)")
	}
	var dsn string
	if s.path == Memory {
		dsn = "file::memory:?" + common.Encode()
	} else {
		abs, err := filepath.Abs(s.path)
		if err != nil {
			return err
		}
		common["_pragma"] = append(common["_pragma"],
			"synchronous("+strings.ToUpper(opts.Synchronous)+")",
			"journal_size_limit(67108864)", "cache_size(-16384)")
		dsn = (&url.URL{Scheme: "file", Path: filepath.ToSlash(abs), RawQuery: common.Encode()}).String()
	}
	pool, err := sql.Open("sqlite", dsn)
	if err != nil {
		return err
	}
	s.pool = pool
	// One connection, kept for good: with a database in memory it is the database.
	pool.SetMaxOpenConns(1)
	pool.SetMaxIdleConns(1)
	pool.SetConnMaxIdleTime(0)
	pool.SetConnMaxLifetime(0)
	if err := check(ctx, pool, s.path); err != nil {
		return err
	}
	if err := upgrade(ctx, pool, s.path, opts); err != nil {
		return err
	}
	// Only now: a refused file stays as it was. The mode is a property of the file, so the readers need not set it.
	if _, err := pool.ExecContext(ctx, "PRAGMA journal_mode = WAL"); err != nil {
		return wrap("switch to the write-ahead log", err)
	}
	if s.w, err = newWriter(ctx, pool); err != nil {
		return wrap("connect", err)
	}
	if s.path == Memory {
		return nil
	}
	if s.readers, err = sql.Open("sqlite", dsn+"&_pragma=query_only(1)"); err != nil {
		return err
	}
	s.readers.SetMaxOpenConns(opts.Readers)
	s.readers.SetMaxIdleConns(opts.Readers)
	s.reads = newStatements(s.readers)
	return nil
}

// checkWithin bounds the search for damage at the start; a file that takes longer is not read to its end.
const checkWithin = 2 * time.Second

// check refuses a file with damaged pages before anything is written to it. Otherwise the damage shows when somebody comes
// to the place, in the middle of a migration.
func check(ctx context.Context, db *sql.DB, path string) error {
	if path == Memory {
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, checkWithin)
	defer cancel()
	var found string
	err := db.QueryRowContext(limited, "PRAGMA quick_check(1)").Scan(&found)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case limited.Err() != nil:
		return nil
	case err != nil:
		return wrap("look for damage", err)
	case found != "ok":
		return &FileError{Path: path, Reason: "is damaged", Err: fmt.Errorf("%w: %s", store.ErrDamaged, strings.ReplaceAll(found, "\n", " "))}
	}
	return nil
}

// upgrade brings the schema to the newest version, after a back-up when there is something to lose.
func upgrade(ctx context.Context, db *sql.DB, path string, opts Options) error {
	var appID int64
	var objects int
	if err := db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&appID); err != nil {
		return wrap("read the header", err)
	}
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&objects); err != nil {
		return wrap("read the schema", err)
	}
	var gooseTable int
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema WHERE name = 'goose_db_version'").Scan(&gooseTable); err != nil {
		return wrap("read the schema", err)
	}
	// A first start that was killed leaves the version table without the id.
	if appID != opts.applicationID && (appID != 0 || objects > 0 && gooseTable == 0) {
		return &FileError{Path: path, Reason: "is another program's database"}
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, opts.schema, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("read the embedded schema: %w", err)
	}
	var known int64
	for _, src := range p.ListSources() {
		known = max(known, src.Version)
	}
	if gooseTable > 0 {
		found, err := p.GetDBVersion(ctx)
		if err != nil {
			return wrap("read the schema version", err)
		}
		switch {
		case found > known:
			return &SchemaError{Path: path, Found: found, Known: known}
		case found == known:
			return nil
		case found > 0:
			if err := backUp(ctx, db, path, found, opts.Now()); err != nil {
				return err
			}
		}
	}
	if _, err := p.Up(ctx); err != nil {
		// Another process may have done it at the same moment; each step is one transaction, so one of the two won.
		if found, verr := p.GetDBVersion(ctx); verr == nil && found == known {
			return nil
		}
		return wrap("migrate the schema", err)
	}
	return nil
}

// backUp copies the database beside itself.
func backUp(ctx context.Context, db *sql.DB, path string, version int64, now time.Time) error {
	if path == Memory {
		return nil
	}
	to := fmt.Sprintf("%s.v%d.%s.bak", path, version, now.UTC().Format("20060102T150405.000Z"))
	if err := touch(to); err != nil {
		return fmt.Errorf("back up before the migration: %w", err)
	}
	if _, err := db.ExecContext(ctx, "VACUUM INTO ?", to); err != nil {
		_ = os.Remove(to)
		return wrap("back up to "+to+" before the migration", err)
	}
	return nil
}

// Ready writes one row.
func (s *Store) Ready(ctx context.Context) error {
	return s.write(ctx, func(ctx context.Context, q *statements) error {
		_, err := q.exec(ctx, "INSERT INTO probe (one, at) VALUES (1, ?) ON CONFLICT DO UPDATE SET at = excluded.at", s.now().UnixNano())
		return err
	})
}

// Close finishes the writes that were accepted and closes the file. It may be called again.
func (s *Store) Close() error {
	var errs []error
	if s.readers != nil {
		s.reads.close()
		errs = append(errs, s.readers.Close())
	}
	if s.w != nil {
		if err := s.w.close(); err != nil && !errors.Is(err, sql.ErrConnDone) {
			errs = append(errs, err)
		}
	}
	if s.pool != nil {
		errs = append(errs, s.pool.Close())
	}
	return errors.Join(errs...)
}

// write runs an operation on the writer.
func (s *Store) write(ctx context.Context, run func(context.Context, *statements) error) error {
	return s.w.do(ctx, false, run)
}

// writeAlone does so in a transaction of its own.
func (s *Store) writeAlone(ctx context.Context, run func(context.Context, *statements) error) error {
	return s.w.do(ctx, true, run)
}

// read runs beside the writer; in memory, where there is one connection, on it.
func (s *Store) read(ctx context.Context, run func(context.Context, *statements) error) error {
	if s.reads == nil {
		return s.w.do(ctx, false, run)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	err := run(ctx, s.reads)
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return wrap("read", err)
}
