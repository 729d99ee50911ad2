package sqlite

import (
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/rulebridge/rulebridge/internal/assistant"
	"github.com/rulebridge/rulebridge/internal/store"
)

// SchemaError says that the database file was written by a newer Rulebridge. The file was not changed.
type SchemaError struct {
	Path string
	// Found is the schema version of the file, Known the newest this binary knows.
	Found, Known int64
}

func (e *SchemaError) Error() string {
	return fmt.Sprintf("%s has schema version %d, but this rulebridge knows versions up to %d: "+
		"run the newer rulebridge that wrote it, restore a back-up (%s.v*.bak), or name another folder with --data-dir",
		e.Path, e.Found, e.Known, e.Path)
}

// FileError says that a file cannot be used as the database, and what to do about it. It was not changed.
type FileError struct {
	Path   string
	Reason string
	Err    error
}

func (e *FileError) Error() string {
	text := fmt.Sprintf("%s %s; nothing was changed: move it away or restore a back-up (yours, or %s.v*.bak from the last upgrade), "+
		"or name another folder with --data-dir", e.Path, e.Reason, e.Path)
	if errors.Is(e.Err, store.ErrDamaged) {
		text += "; `sqlite3 " + e.Path + " .recover` gets out of a damaged one what can still be read"
	}
	return text
}

func (e *FileError) Unwrap() error { return e.Err }

// wrap gives an error of the driver its meaning: ErrUnavailable for what may pass (disk full, I/O, locks, memory, a file
// that is read-only for now), ErrDamaged for damage.
func wrap(doing string, err error) error {
	if err == nil || isDomain(err) {
		return err
	}
	var se *sqlite.Error
	if !errors.As(err, &se) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	switch se.Code() & 0xff {
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("%s: the disk is full, make room: %w: %w", doing, store.ErrUnavailable, err)
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM,
		sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_INTERRUPT:
		return fmt.Errorf("%s: %w: %w", doing, store.ErrUnavailable, err)
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("%s: %w: %w", doing, store.ErrDamaged, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// isDomain reports errors that an operation returns before it has written anything.
func isDomain(err error) bool {
	return errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrFenced) || errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrBudget) ||
		errors.Is(err, assistant.ErrNotFound) || errors.Is(err, assistant.ErrExists) || errors.Is(err, errStale)
}

// errStale: the rule document changed between reading and writing.
var errStale = errors.New("document changed meanwhile")
