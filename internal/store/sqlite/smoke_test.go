package sqlite

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
)

func TestSmoke(t *testing.T) {
	for _, p := range []string{Memory, filepath.Join(t.TempDir(), "a b?#.db")} {
		ctx := context.Background()
		s, err := Open(ctx, p, Options{})
		if err != nil {
			t.Fatal(err)
		}
		var rs []migration.OriginalRule
		for i := range 10000 {
			rs = append(rs, migration.OriginalRule{ID: fmt.Sprintf("r%05d", i), Query: "index=main"})
		}
		t0 := time.Now()
		if err := s.CreateMigration(ctx, migration.Migration{ID: "m", State: migration.Ready, CreatedAt: time.Now()}, rs); err != nil {
			t.Fatal(err)
		}
		t.Log(p, "create", time.Since(t0))
		t0 = time.Now()
		ids, c, err := s.Claim(ctx, "m", migration.Token{Epoch: 1, Claim: 1}, 50)
		t.Log(len(ids), c, err, time.Since(t0))
		l, next, err := s.List(ctx, "m", store.RuleQuery{Status: "pending"})
		t.Log(len(l), next, err)
		if err := s.Record(ctx, "m", ids[0], migration.Token{Epoch: 1, Claim: 1}, func(r *migration.Rule) { r.Status = migration.StatusFinished }); err != nil {
			t.Fatal(err)
		}
		t.Log(s.Counts(ctx, "m"))
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
