package sqlite

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
)

// schemaWith is the embedded schema and further steps.
func schemaWith(t *testing.T, steps ...string) fs.FS {
	t.Helper()
	files, err := embedded.ReadDir("schema")
	if err != nil {
		t.Fatal(err)
	}
	m := fstest.MapFS{}
	for _, f := range files {
		text, err := embedded.ReadFile("schema/" + f.Name())
		if err != nil {
			t.Fatal(err)
		}
		m[f.Name()] = &fstest.MapFile{Data: text}
	}
	for i, step := range steps {
		m[fmt.Sprintf("%05d_step.sql", len(files)+i+1)] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + step)}
	}
	return m
}

// schemaVersion is the newest of the embedded schema.
func schemaVersion(t *testing.T) int64 {
	t.Helper()
	files, err := embedded.ReadDir("schema")
	if err != nil {
		t.Fatal(err)
	}
	return int64(len(files))
}

func create(t *testing.T, s *Store, id string, n int) {
	t.Helper()
	if err := s.CreateMigration(t.Context(), migration.Migration{ID: id}, someRules(n)); err != nil {
		t.Fatal(err)
	}
}

func closeStore(t *testing.T, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestOlderSchemaIsBackedUpAndMigrated(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "rulebridge.db")
	s := open(t, path, Options{schema: schemaWith(t)})
	create(t, s, "m", 3)
	closeStore(t, s)
	if backups, _ := filepath.Glob(path + ".*.bak"); len(backups) != 0 {
		t.Fatalf("back-ups of a new file: %v", backups)
	}

	// A step that fails changes nothing and keeps the back-up.
	now := func() time.Time { return time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC) }
	bad := schemaWith(t, "ALTER TABLE rules ADD COLUMN extra TEXT;\nALTER TABLE nonsense ADD COLUMN x;")
	if _, err := Open(t.Context(), path, Options{schema: bad, Now: now}); err == nil || !strings.Contains(err.Error(), "migrate the schema") {
		t.Fatalf("a failing migration: %v", err)
	}
	s = open(t, path, Options{schema: schemaWith(t)})
	closeStore(t, s)

	now = func() time.Time { return time.Date(2026, 2, 3, 4, 5, 7, 0, time.UTC) }
	next := schemaWith(t, "ALTER TABLE rules ADD COLUMN extra TEXT;")
	s = open(t, path, Options{schema: next, Now: now})
	if c, err := s.Counts(t.Context(), "m"); err != nil || c.Total != 3 {
		t.Fatalf("after the migration: %+v, %v", c, err)
	}
	create(t, s, "m2", 1)
	closeStore(t, s)

	backup := fmt.Sprintf("%s.v%d.20260203T040507.000Z.bak", path, schemaVersion(t))
	if info, err := os.Stat(backup); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("back-up: %v, %v", info, err)
	}
	old := open(t, backup, Options{schema: schemaWith(t)})
	if ms, err := old.Migrations(t.Context()); err != nil || len(ms) != 1 || ms[0].Total != 3 {
		t.Errorf("the back-up holds %+v, %v", ms, err)
	}
	verify(t, old)

	// Opened again there is nothing to do and nothing to back up.
	closeStore(t, open(t, path, Options{schema: next}))
	if backups, _ := filepath.Glob(path + ".*.bak"); len(backups) != 2 {
		t.Errorf("back-ups: %v", backups)
	}
}

// TestResultsOfOlderFiles: what rules came to before it was counted is counted when the file is opened, a document that
// cannot be read included.
func TestResultsOfOlderFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rulebridge.db")
	older := schemaWith(t).(fstest.MapFS)
	delete(older, "00004_results.sql")
	s := open(t, path, Options{schema: older})
	create(t, s, "m", 6)
	create(t, s, "m2", 2)
	closeStore(t, s)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	const of = " WHERE m = (SELECT n FROM migrations WHERE id = 'm') AND id = (SELECT id FROM rules ORDER BY m, id LIMIT 1 OFFSET ?)"
	for i, set := range []string{
		`status = 'finished', result = 'full', doc = json_set(doc, '$.matched_rule', json('{"rule_id": "p"}'))`,
		`status = 'finished', result = 'full'`,
		`status = 'finished', result = 'partial', doc = json_set(doc, '$.matched_rule', NULL)`,
		`status = 'finished', result = 'untranslatable', doc = substr(doc, 1, length(doc) / 2)`,
		`status = 'error'`,
	} {
		res, err := db.Exec("UPDATE rules SET "+set+of, i)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := res.RowsAffected(); n != 1 || err != nil {
			t.Fatalf("%s changed %d rules, %v", set, n, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, path, Options{})
	all, err := s.Overview(t.Context())
	if err != nil || len(all) != 2 {
		t.Fatalf("%+v, %v", all, err)
	}
	got := map[string]migration.Results{all[0].ID: all[0].Results, all[1].ID: all[1].Results}
	want := map[string]migration.Results{"m": {ResultCounts: migration.ResultCounts{Full: 2, Partial: 1, Untranslatable: 1}, Matched: 1}, "m2": {}}
	if !maps.Equal(got, want) {
		t.Errorf("results %+v, want %+v", got, want)
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rulebridge.db")
	closeStore(t, open(t, path, Options{schema: schemaWith(t, "SELECT 1;", "SELECT 1;", "SELECT 1;", "SELECT 1;", "SELECT 1;", "SELECT 1;", "SELECT 1;", "SELECT 1;")}))
	if logs, _ := filepath.Glob(path + "-*"); len(logs) != 0 {
		t.Errorf("after the close there are still %v", logs)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Open(t.Context(), path, Options{})
	var se *SchemaError
	if !errors.As(err, &se) || se.Found != schemaVersion(t)+8 || se.Known >= se.Found || !strings.Contains(err.Error(), "newer rulebridge") {
		t.Fatalf("a newer file: %v", err)
	}
	after, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the refused file changed, %v", err)
	}
}

func TestUnusableFilesAreRefused(t *testing.T) {
	damaged := func(path string) error {
		s, err := Open(t.Context(), path, Options{})
		if err != nil {
			return err
		}
		create(t, s, "m", 500)
		closeStore(t, s)
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = f.WriteAt(bytes.Repeat([]byte{0xa5}, 3000), 100) // the schema
		return err
	}
	pages := func(path string) error {
		s, err := Open(t.Context(), path, Options{})
		if err != nil {
			return err
		}
		create(t, s, "m", 500)
		closeStore(t, s)
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return err
		}
		_, err = f.WriteAt(bytes.Repeat([]byte{0xa5}, 16<<10), info.Size()/2/4096*4096) // rules
		return err
	}
	foreign := func(path string) error {
		db, err := sql.Open("sqlite", path)
		if err != nil {
			return err
		}
		defer db.Close()
		_, err = db.Exec("CREATE TABLE accounts (id INTEGER)")
		return err
	}
	for name, tt := range map[string]struct {
		make func(path string) error
		want string
	}{
		"text":    {func(path string) error { return os.WriteFile(path, bytes.Repeat([]byte("no database\n"), 500), 0o600) }, "damaged or not a SQLite database"},
		"damaged": {damaged, "damaged"},
		"pages":   {pages, "is damaged; nothing was changed"},
		"foreign": {foreign, "another program's"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "rulebridge.db")
			if err := tt.make(path); err != nil {
				t.Fatal(err)
			}
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			_, err = Open(t.Context(), path, Options{})
			var fe *FileError
			if !errors.As(err, &fe) || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "--data-dir") {
				t.Fatalf("error is %v", err)
			}
			if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
				t.Errorf("the refused file changed, %v", err)
			}
		})
	}
	t.Run("folder", func(t *testing.T) {
		if _, err := Open(t.Context(), t.TempDir(), Options{}); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("error is %v", err)
		}
	})
	t.Run("options", func(t *testing.T) {
		if _, err := Open(t.Context(), Memory, Options{Synchronous: "SOMETIMES"}); err == nil {
			t.Error("an unknown setting was accepted")
		}
	})
}

func TestFilesAreTheOwnersOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rulebridge.db")
	s := open(t, path, Options{})
	create(t, s, "m", 3)
	names, err := filepath.Glob(path + "*")
	if err != nil || len(names) < 3 {
		t.Fatalf("files %v, %v; want the database and its logs", names, err)
	}
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}
