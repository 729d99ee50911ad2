package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
)

// inputsFolder holds a file for each input that was migrated on the data folder: named by the input's fingerprint, with
// the id of the migration in it.
const inputsFolder = "inputs"

// Remember notes which migration an input became, so that the same input finds it again. In memory nothing is noted.
func (a *App) Remember(fingerprint, migrationID string) error {
	if a.folder == nil {
		return nil
	}
	dir := filepath.Join(a.folder.dir, inputsFolder)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("note the migration's input: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, fingerprint), []byte(migrationID+"\n"), 0o600); err != nil {
		return fmt.Errorf("note the migration's input: %w", err)
	}
	return nil
}

// Unfinished finds the migration that the input became and that did not come to its end.
func (a *App) Unfinished(ctx context.Context, fingerprint string) (m migration.Migration, found bool, err error) {
	if a.folder == nil {
		return m, false, nil
	}
	text, err := os.ReadFile(filepath.Join(a.folder.dir, inputsFolder, fingerprint))
	if errors.Is(err, fs.ErrNotExist) {
		return m, false, nil
	}
	if err != nil {
		return m, false, fmt.Errorf("look for an unfinished migration of this input: %w", err)
	}
	m, err = a.store.Migration(ctx, strings.TrimSpace(string(text)))
	if errors.Is(err, store.ErrNotFound) {
		return m, false, nil // deleted
	}
	return m, err == nil && m.State != migration.Finished, err
}

// Migrations are the migrations of the store that are not deleted, oldest first, with where their rules stand.
func (a *App) Migrations(ctx context.Context) ([]store.Standing, error) { return a.store.Overview(ctx) }
