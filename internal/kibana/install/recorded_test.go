package install_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rulebridge/rulebridge/internal/kibana/install"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/report"
	"github.com/rulebridge/rulebridge/internal/store/sqlite"
)

// What installations came to is kept once each, in order, whoever records it at the same time.
func TestRecorded(t *testing.T) {
	db, err := sqlite.Open(t.Context(), sqlite.Memory, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if err := db.CreateMigration(t.Context(), migration.Migration{ID: "m", State: migration.Ready, Vendor: "splunk"}, []migration.OriginalRule{{ID: "r", Query: "x"}}); err != nil {
		t.Fatal(err)
	}
	if list, err := install.Recorded(t.Context(), db, "m"); err != nil || len(list) != 0 {
		t.Fatalf("%v, %v", list, err)
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	first := report.Installation{Kibana: "prod", Run: "1", Ended: at, Created: 2, Failed: 1, Failures: []report.NotInstalled{{RuleID: "r", Code: "refused", Status: 400, Why: "no"}}}
	var g sync.WaitGroup
	for range 8 { // gateways that see the end at once
		g.Go(func() {
			if err := install.Record(context.Background(), db, "m", first); err != nil {
				t.Error(err)
			}
		})
	}
	g.Wait()
	second := report.Installation{Kibana: "prod", Run: "2", Ended: at.Add(time.Hour), Unchanged: 2}
	other := report.Installation{Kibana: "test", Run: "2", Ended: at.Add(time.Hour), Code: "redirect"}
	for _, i := range []report.Installation{second, other, first, second} {
		if err := install.Record(t.Context(), db, "m", i); err != nil {
			t.Fatal(err)
		}
	}
	list, err := install.Recorded(t.Context(), db, "m")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]report.Installation{first, second, other}, list); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
