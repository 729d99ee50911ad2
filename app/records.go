package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/rulebridge/rulebridge/internal/compile"
	"github.com/rulebridge/rulebridge/internal/kibana/install"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/report"
	"github.com/rulebridge/rulebridge/internal/store"
	"github.com/rulebridge/rulebridge/internal/store/sqlite"
)

// Records are the migrations of a data folder, to be read without anything running. Close them.
type Records struct {
	folder *folder
	store  store.Store
}

// ErrNoData says that a folder holds no migrations.
var ErrNoData = errors.New("no migrations are kept there")

// OpenRecords opens a data folder that no process uses. A folder without migrations gives ErrNoData, and nothing is
// created in it.
func OpenRecords(ctx context.Context, dir string) (*Records, error) {
	switch _, err := os.Stat(filepath.Join(dir, storeFile)); {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("data folder %s: %w; name another with --data-dir", dir, ErrNoData)
	case err != nil:
		return nil, fmt.Errorf("data folder %s: %w; name another with --data-dir", dir, err)
	}
	f, err := openFolder(dir)
	if err != nil {
		return nil, err
	}
	s, err := sqlite.Open(ctx, filepath.Join(f.dir, storeFile), sqlite.Options{})
	if err != nil {
		return nil, errors.Join(err, f.close())
	}
	return &Records{folder: f, store: s}, nil
}

// Migrations are those that are not deleted, oldest first.
func (r *Records) Migrations(ctx context.Context) ([]store.Standing, error) {
	return r.store.Overview(ctx)
}

// Rules calls f with every rule of a migration, in id order.
func (r *Records) Rules(ctx context.Context, id string, f func(migration.Rule) error) error {
	for after := ""; ; {
		rules, next, err := r.store.List(ctx, id, store.RuleQuery{After: after, Size: store.MaxPage})
		if err != nil {
			return fmt.Errorf("read the rules of migration %s: %w", id, err)
		}
		for _, rule := range rules {
			if err := f(rule); err != nil {
				return err
			}
		}
		if after = next; after == "" {
			return nil
		}
	}
}

// Resources are the macros and lookups of the migrations.
func (r *Records) Resources() compile.Resources { return r.store }

// Installations are those of a migration that ended, the oldest first.
func (r *Records) Installations(ctx context.Context, id string) ([]report.Installation, error) {
	return install.Recorded(ctx, r.store, id)
}

// Close gives the folder back.
func (r *Records) Close() error { return errors.Join(r.store.Close(), r.folder.close()) }
