package sqlite

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/rulebridge/rulebridge/internal/store"
	"github.com/rulebridge/rulebridge/internal/store/storetest"
)

// open opens a store for a test, which closes it.
func open(t testing.TB, path string, opts Options) *Store {
	t.Helper()
	s, err := Open(t.Context(), path, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestSuite(t *testing.T) {
	t.Run("file", func(t *testing.T) {
		storetest.Run(t, func(t *testing.T) store.Store { return open(t, filepath.Join(t.TempDir(), "a b?#%20.db"), Options{}) }, spoil)
	})
	t.Run("memory", func(t *testing.T) {
		storetest.Run(t, func(t *testing.T) store.Store { return open(t, Memory, Options{}) }, spoil)
	})
}

// spoil leaves a document that is no JSON.
func spoil(ctx context.Context, st store.Store, id, ruleID string) error {
	return st.(*Store).write(ctx, func(ctx context.Context, q *statements) error {
		n, err := q.exec(ctx, "UPDATE rules SET doc = substr(doc, 1, length(doc) / 2), "+written+" WHERE id = ? AND m = (SELECT n FROM migrations WHERE id = ?)", ruleID, id)
		if err == nil && n != 1 {
			err = fmt.Errorf("%d rules were spoilt", n)
		}
		return err
	})
}
