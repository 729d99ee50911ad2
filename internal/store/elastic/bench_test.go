package elastic

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
	"github.com/rulebridge/rulebridge/test/elasticsearch"
)

// benchStore holds one running migration of n rules of a usual size; the proxy counts requests.
func benchStore(b *testing.B, n int) (*Store, *proxy, string) {
	b.Helper()
	node := elasticsearch.Start(b)
	p := &proxy{next: &http.Transport{MaxIdleConnsPerHost: 64}}
	s := newStore(b, Options{URLs: []string{node.URL}, Prefix: prefix(b, node), Transport: p})
	if err := s.Setup(b.Context()); err != nil {
		b.Fatal(err)
	}
	rules := someRules(n)
	for i := range rules {
		rules[i].Description = strings.Repeat("what the rule finds and why ", 20)
		rules[i].Query = strings.Repeat("| stats count by dest ", 50)
	}
	id := newID()
	if err := s.CreateMigration(b.Context(), migration.Migration{ID: id, State: migration.Running, Epoch: 1}, rules); err != nil {
		b.Fatal(err)
	}
	return s, p, id
}

// BenchmarkRecord writes each rule twice, a step and the end, as a migration does: 50 callers at once.
func BenchmarkRecord(b *testing.B) {
	s, p, id := benchStore(b, b.N)
	token := migration.Token{Epoch: 1, Claim: 1}
	ids, _, err := s.Claim(b.Context(), id, token, b.N)
	if err != nil {
		b.Fatal(err)
	}
	query := strings.Repeat("| WHERE process.name == \"x\" ", 40)
	before := p.count.Load()
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
					err := s.Record(b.Context(), id, ids[i], token, func(r *migration.Rule) {
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
	records := 2 * float64(len(ids))
	b.ReportMetric(records/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(float64(p.count.Load()-before)/records, "requests/record")
}

// BenchmarkClaim claims 50 of 10,000 pending rules.
func BenchmarkClaim(b *testing.B) {
	s, p, id := benchStore(b, 10000)
	var requests int64
	for i := 0; b.Loop(); i++ {
		before := p.count.Load()
		ids, _, err := s.Claim(b.Context(), id, migration.Token{Epoch: 1, Claim: int64(i)}, 50)
		if err != nil || len(ids) != 50 {
			b.Fatal(len(ids), err)
		}
		requests += p.count.Load() - before
		b.StopTimer()
		if _, err := s.Release(b.Context(), id, 1, ids); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(requests)/float64(b.N), "requests/op")
}

// BenchmarkCounts reads the counts of a migration of 10,000 rules, and of it and 1,000 more migrations of 20.
func BenchmarkCounts(b *testing.B) {
	s, _, id := benchStore(b, 10000)
	for m := range 1000 {
		m := migration.Migration{ID: fmt.Sprintf("many%04d", m), CreatedAt: time.Now()}
		writes := []write{{action: "create", ref: s.migrationRef(m.ID), doc: migrationDoc{Migration: m}}}
		for _, r := range someRules(20) {
			writes = append(writes, write{action: "create", ref: s.ruleRef(m.ID, r.ID), doc: newRuleDoc(store.NewRule(m.ID, r, m.CreatedAt, ""), m.CreatedAt)})
		}
		if _, err := s.bulk(b.Context(), writes, false); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("one", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.Counts(b.Context(), id); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("all", func(b *testing.B) {
		for b.Loop() {
			if all, err := s.Overview(b.Context()); err != nil || len(all) != 1001 {
				b.Fatal(len(all), err)
			}
		}
	})
}
