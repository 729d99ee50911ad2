package sqlite

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// benchStore holds one running migration of n rules of a usual size.
func benchStore(b *testing.B, n int, opts Options) *Store {
	s := open(b, filepath.Join(b.TempDir(), "bench.db"), opts)
	rules := make([]migration.OriginalRule, n)
	for i := range rules {
		rules[i] = migration.OriginalRule{ID: fmt.Sprintf("r%06d", i), Vendor: "splunk", Title: "A rule", QueryLanguage: "spl",
			Description: strings.Repeat("what the rule finds and why ", 20), Query: strings.Repeat("| stats count by dest ", 50)}
	}
	m := migration.Migration{ID: "m", State: migration.Running, Epoch: 1}
	if err := s.CreateMigration(b.Context(), m, rules); err != nil {
		b.Fatal(err)
	}
	return s
}

// BenchmarkRecord writes each rule twice, a step and the end, as a migration does: 50 callers at once.
func BenchmarkRecord(b *testing.B) {
	for _, synchronous := range []string{"FULL", "NORMAL"} {
		b.Run(synchronous, func(b *testing.B) {
			s := benchStore(b, b.N, Options{Synchronous: synchronous})
			token := migration.Token{Epoch: 1, Claim: 1}
			ids, _, err := s.Claim(b.Context(), "m", token, b.N)
			if err != nil {
				b.Fatal(err)
			}
			query := strings.Repeat("| WHERE process.name == \"x\" ", 40)
			b.ResetTimer()
			var next atomic.Int64
			var wg sync.WaitGroup
			for range 50 {
				wg.Go(func() {
					for {
						i := int(next.Add(1)) - 1
						if i >= len(ids) {
							return
						}
						for _, status := range []migration.Status{migration.StatusProcessing, migration.StatusFinished} {
							err := s.Record(b.Context(), "m", ids[i], token, func(r *migration.Rule) {
								r.Status, r.Result, r.UpdatedBy = status, migration.Full, string(status)
								r.Elastic = &migration.ElasticRule{Title: "A rule", Query: query}
							})
							if err != nil {
								b.Error(err)
							}
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(2*float64(len(ids))/b.Elapsed().Seconds(), "records/s")
		})
	}
}

// BenchmarkClaim claims 50 of 10,000 pending rules.
func BenchmarkClaim(b *testing.B) {
	s := benchStore(b, 10000, Options{})
	for i := 0; b.Loop(); i++ {
		ids, _, err := s.Claim(b.Context(), "m", migration.Token{Epoch: 1, Claim: int64(i)}, 50)
		if err != nil || len(ids) != 50 {
			b.Fatal(len(ids), err)
		}
		b.StopTimer()
		if _, err := s.Release(b.Context(), "m", 1, ids); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// BenchmarkCounts reads the counts of a migration of 10,000 rules.
func BenchmarkCounts(b *testing.B) {
	s := benchStore(b, 10000, Options{})
	for b.Loop() {
		if _, err := s.Counts(b.Context(), "m"); err != nil {
			b.Fatal(err)
		}
	}
}
