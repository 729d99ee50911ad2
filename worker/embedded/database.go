package embedded

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/Masterminds/semver/v3"
	"github.com/google/uuid"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/headers"
	sqliteplugin "go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	schema "go.temporal.io/server/schema/sqlite"
	"go.uber.org/zap"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

const (
	databaseFile = "temporal.db"
	stampFile    = "temporal.db.version"
)

// stamp stands beside temporal.db. It is written last, so a database without one was left half made.
type stamp struct {
	ServerVersion string `json:"server_version"`
	Schema        string `json:"schema"`
	// ClusterID must stay the same for one database.
	ClusterID string `json:"cluster_id"`
}

func (s stamp) usable() bool {
	return s.ServerVersion == headers.ServerVersion && s.Schema == schema.Version && uuid.Validate(s.ClusterID) == nil
}

// newer says that a later version of the server wrote the database. A version that cannot be read is none.
func (s stamp) newer() bool {
	found, err := semver.NewVersion(s.ServerVersion)
	ours, err2 := semver.NewVersion(headers.ServerVersion)
	if err != nil || err2 != nil {
		return false
	}
	if !found.Equal(ours) {
		return found.GreaterThan(ours)
	}
	found, err = semver.NewVersion(s.Schema)
	ours, err2 = semver.NewVersion(schema.Version)
	return err == nil && err2 == nil && found.GreaterThan(ours)
}

// NewerError says that a newer version of Rulebridge wrote temporal.db. It is not set aside: what ran there would begin again
// here, and once more when the newer version comes back.
type NewerError struct {
	Path        string
	Found, Want string // versions of the Temporal server
}

func (e *NewerError) Error() string {
	return fmt.Sprintf("%s was written by a newer version of Rulebridge (its Temporal server is %s, the one of this program %s), which this one does not read: "+
		"use the newer version again; or move the file away, and migrations that were not finished begin again from rulebridge.db, where their rules are; "+
		"or choose another folder with --data-dir", e.Path, e.Found, e.Want)
}

// database is the server's SQLite database, on disk or in memory.
type database struct {
	dir      string // empty: in memory
	sql      *config.SQL
	stamp    stamp
	isNew    bool
	setAside string
}

// openDatabase decides whether the database in the folder can be used. Set-up of the schema works on an empty database
// only and there is no upgrade for SQLite, so one of an older server version is renamed, kept, and replaced, one of a newer
// version refused; so is one renamed that is damaged, since rulebridge.db is the authority on migrations.
func openDatabase(ctx context.Context, o Options) (*database, error) {
	fresh := stamp{ServerVersion: headers.ServerVersion, Schema: schema.Version, ClusterID: uuid.NewString()}
	if o.DataDir == "" {
		return &database{stamp: fresh, isNew: true, sql: &config.SQL{
			PluginName:        sqliteplugin.PluginName,
			DatabaseName:      "rulebridge-" + uuid.NewString(),
			ConnectAttributes: map[string]string{"mode": "memory", "cache": "shared"},
		}}, nil
	}
	db := &database{dir: o.DataDir, sql: &config.SQL{
		PluginName:   sqliteplugin.PluginName,
		DatabaseName: filepath.Join(o.DataDir, databaseFile),
		ConnectAttributes: map[string]string{
			"mode":         "rwc",
			"journal_mode": "wal",
			// Nothing is lost when the process dies; a power cut may lose the last moments, and rulebridge.db is the authority.
			"synchronous":  "normal",
			"busy_timeout": "10000",
		},
	}}
	found, err := readStamp(o.DataDir)
	if err != nil {
		return nil, err
	}
	_, err = os.Stat(db.sql.DatabaseName)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		// Companions of a database that was moved away by hand would be taken for the new one's.
		for _, suffix := range []string{"-wal", "-shm"} {
			if err := os.Remove(db.sql.DatabaseName + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, db.fault(err)
			}
		}
		db.isNew, db.stamp = true, fresh
	case err != nil:
		return nil, fmt.Errorf("look for %s: %w", db.sql.DatabaseName, err)
	case found.usable():
		damage, err := db.damage(ctx)
		if err != nil {
			return nil, db.fault(err)
		}
		if damage == "" {
			db.stamp = found
			break
		}
		if err := db.moveAside("damaged"); err != nil {
			return nil, err
		}
		o.Logger.Warn("temporal.db is damaged and was set aside; migrations that were not finished begin again from rulebridge.db, where their rules are",
			zap.String("damage", damage), zap.String("kept_as", db.setAside))
		db.isNew, db.stamp = true, fresh
	case found.newer():
		return nil, &NewerError{Path: db.sql.DatabaseName, Found: found.ServerVersion, Want: headers.ServerVersion}
	default:
		if err := db.moveAside(found.ServerVersion); err != nil {
			return nil, err
		}
		o.Logger.Warn("temporal.db was set aside: another Temporal server version wrote it, or its set-up was interrupted",
			zap.String("found", found.ServerVersion), zap.String("want", headers.ServerVersion), zap.String("kept_as", db.setAside))
		db.isNew, db.stamp = true, fresh
	}
	return db, nil
}

// FileError says that temporal.db cannot be used, and what to do about it.
type FileError struct {
	Path string
	Err  error
}

func (e *FileError) Error() string {
	if full(e.Err) {
		return fmt.Sprintf("%s cannot be written, the disk is full: make room, or choose another folder with --data-dir (%v)", e.Path, e.Err)
	}
	return fmt.Sprintf("%s cannot be used: if it is damaged, move it away (migrations are kept in rulebridge.db and go on from there), "+
		"or choose another folder with --data-dir (%v)", e.Path, e.Err)
}

func (e *FileError) Unwrap() error { return e.Err }

// full reports whether there was no room. The driver's text is all that comes through the server's layers.
func full(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || strings.Contains(err.Error(), "database or disk is full")
}

// fault names the file and the remedy when it is on disk.
func (db *database) fault(err error) error {
	if err == nil || db.dir == "" {
		return err
	}
	return &FileError{Path: db.sql.DatabaseName, Err: err}
}

// touch makes the file readable for its owner alone before SQLite creates it with the umask's mode; its companions
// inherit the mode.
func (db *database) touch() error {
	if db.dir == "" {
		return nil
	}
	f, err := os.OpenFile(db.sql.DatabaseName, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return db.fault(err)
	}
	return db.fault(errors.Join(f.Chmod(0o600), f.Close()))
}

// checkWithin bounds the search for damage, which reads the whole file; a larger file is not read to its end.
const checkWithin = 5 * time.Second

// damage says what is wrong with the file, which the server would only notice when it comes to the place; empty when nothing is.
func (db *database) damage(ctx context.Context) (string, error) {
	const magic = "SQLite format 3\x00"
	head := make([]byte, len(magic))
	f, err := os.Open(db.sql.DatabaseName)
	if err != nil {
		return "", err
	}
	n, err := io.ReadFull(f, head)
	_ = f.Close()
	switch {
	case n == 0 && errors.Is(err, io.EOF):
		return "", nil // empty: SQLite makes a database of it
	case err != nil && !errors.Is(err, io.ErrUnexpectedEOF):
		return "", err
	case string(head) != magic:
		return "it is not an SQLite database", nil
	}
	pool, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: filepath.ToSlash(db.sql.DatabaseName), RawQuery: "_pragma=busy_timeout(10000)"}).String())
	if err != nil {
		return "", err
	}
	defer func() { _ = pool.Close() }()
	limited, cancel := context.WithTimeout(ctx, checkWithin)
	defer cancel()
	var found string
	err = pool.QueryRowContext(limited, "PRAGMA quick_check(1)").Scan(&found)
	var driver *sqlite.Error
	switch {
	case err == nil && found == "ok":
		return "", nil
	case err == nil:
		return firstLine(found), nil
	case ctx.Err() != nil:
		return "", ctx.Err()
	case limited.Err() != nil:
		return "", nil // too large to be read to its end; nothing was found so far
	case errors.As(err, &driver) && (driver.Code()&0xff == sqlite3.SQLITE_CORRUPT || driver.Code()&0xff == sqlite3.SQLITE_NOTADB):
		return err.Error(), nil
	}
	return "", err
}

// firstLine is what SQLite's report begins with; it names places, not content.
func firstLine(s string) string {
	s = strings.TrimPrefix(s, "*** in database main ***\n")
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// prepare creates what a new database needs and stamps it.
func (db *database) prepare(cfg *config.Config, o Options) error {
	if err := db.touch(); err != nil {
		return err
	}
	if db.isNew && db.dir != "" {
		if err := schema.SetupSchema(db.sql); err != nil {
			return db.fault(err)
		}
	}
	if err := createNamespace(cfg, o); err != nil {
		return db.fault(err)
	}
	if db.isNew && db.dir != "" {
		return writeStamp(db.dir, db.stamp)
	}
	return nil
}

// moveAside renames the database and its companions; the new name says why, which is the version that wrote it or damage,
// and when.
func (db *database) moveAside(why string) error {
	if why == "" {
		why = "unknown"
	}
	db.setAside = filepath.Join(db.dir, fmt.Sprintf("temporal-%s-%s.db", why, time.Now().UTC().Format("20060102T150405.000")))
	for _, suffix := range []string{"", "-wal", "-shm"} {
		err := os.Rename(db.sql.DatabaseName+suffix, db.setAside+suffix)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("set aside %s, which cannot be used: %w", db.sql.DatabaseName, err)
		}
	}
	if err := os.Remove(filepath.Join(db.dir, stampFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the stamp of the old temporal.db: %w", err)
	}
	return nil
}

func readStamp(dir string) (stamp, error) {
	var s stamp
	data, err := os.ReadFile(filepath.Join(dir, stampFile))
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, fmt.Errorf("read the version of temporal.db: %w", err)
	}
	// A stamp that cannot be read is treated as a foreign one: the database is kept aside.
	_ = json.Unmarshal(data, &s)
	return s, nil
}

func writeStamp(dir string, s stamp) error {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("write the version of temporal.db: %w", err)
	}
	tmp := filepath.Join(dir, stampFile+".tmp")
	if err := os.WriteFile(tmp, append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("write the version of temporal.db: %w", err)
	}
	if err := os.Rename(tmp, filepath.Join(dir, stampFile)); err != nil {
		return fmt.Errorf("write the version of temporal.db: %w", err)
	}
	return nil
}
