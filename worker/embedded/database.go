package embedded

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/headers"
	sqliteplugin "go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	"go.temporal.io/server/schema/sqlite"
	"go.uber.org/zap"
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
	return s.ServerVersion == headers.ServerVersion && s.Schema == sqlite.Version && uuid.Validate(s.ClusterID) == nil
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
// only and there is no upgrade for SQLite, so one of another server version is renamed, kept, and replaced.
func openDatabase(o Options) (*database, error) {
	fresh := stamp{ServerVersion: headers.ServerVersion, Schema: sqlite.Version, ClusterID: uuid.NewString()}
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
		db.stamp = found
	default:
		if err := db.moveAside(found); err != nil {
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

// check finds damage before the server does, which would report it without a name. It looks at the header and the tables,
// not at every page.
func (db *database) check() error {
	if db.dir == "" || db.isNew {
		return nil
	}
	f, err := os.Open(db.sql.DatabaseName)
	if err != nil {
		return db.fault(err)
	}
	defer func() { _ = f.Close() }()
	const magic = "SQLite format 3\x00"
	head := make([]byte, len(magic))
	if _, err := io.ReadFull(f, head); err != nil || string(head) != magic {
		return db.fault(errors.New("it is not an SQLite database"))
	}
	return nil
}

// prepare creates what a new database needs and stamps it.
func (db *database) prepare(cfg *config.Config, o Options) error {
	if err := errors.Join(db.check(), db.touch()); err != nil {
		return err
	}
	if db.isNew && db.dir != "" {
		if err := sqlite.SetupSchema(db.sql); err != nil {
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

// moveAside renames the database and its companions; the new name says which version wrote it and when it was moved.
func (db *database) moveAside(found stamp) error {
	version := found.ServerVersion
	if version == "" {
		version = "unknown"
	}
	db.setAside = filepath.Join(db.dir, fmt.Sprintf("temporal-%s-%s.db", version, time.Now().UTC().Format("20060102T150405.000")))
	for _, suffix := range []string{"", "-wal", "-shm"} {
		err := os.Rename(db.sql.DatabaseName+suffix, db.setAside+suffix)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("set aside %s, which another Temporal server version wrote: %w", db.sql.DatabaseName, err)
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
