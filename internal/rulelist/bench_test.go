package rulelist

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
)

// large is a store of rules in memory whose texts have the size of real ones.
type large struct{ rules []migration.Rule }

func newLarge(n int) *large {
	l := &large{}
	for i := range n {
		o := original(i)
		o.Description = strings.Repeat("what the rule finds and why it matters. ", 8)
		o.Query = fmt.Sprintf("index=windows EventCode=%d ", i) + strings.Repeat("process_name=*.exe parent=explorer ", 25)
		r := store.NewRule("m", o, time.Unix(0, 0), "ann")
		r.Status, r.Result = migration.StatusFinished, migration.Full
		r.Elastic = &migration.ElasticRule{Title: o.Title, Query: strings.Repeat("| WHERE TO_LOWER(process.name) LIKE \"*.exe\" ", 30), Index: []string{"logs-windows*"}}
		if i%3 > 0 {
			partial(&r)
			r.Diagnostics[0].Subject = fmt.Sprint(i % 200)
		}
		l.rules = append(l.rules, r)
	}
	return l
}

func (l *large) Changes(_ context.Context, _ string, mark int64) (store.Changes, error) {
	c := store.Changes{Mark: 1, Counts: migration.Counts{Total: len(l.rules), Finished: len(l.rules)}}
	if mark == 0 {
		for _, r := range l.rules {
			c.Rules = append(c.Rules, store.RuleChange{ID: r.ID, Revision: r.Revision})
		}
	}
	return c, nil
}

func (l *large) List(_ context.Context, _ string, q store.RuleQuery) ([]migration.Rule, string, error) {
	if len(q.IDs) > 0 {
		var some []migration.Rule
		for _, id := range q.IDs {
			var i int
			if _, err := fmt.Sscanf(id, "r%d", &i); err != nil {
				return nil, "", err
			}
			some = append(some, l.rules[i])
		}
		return some, "", nil
	}
	from := 0
	if q.After != "" {
		if _, err := fmt.Sscanf(q.After, "r%d", &from); err != nil {
			return nil, "", err
		}
		from++
	}
	to := min(from+q.Size, len(l.rules))
	next := ""
	if to < len(l.rules) {
		next = l.rules[to-1].ID
	}
	return l.rules[from:to], next, nil
}

func BenchmarkViews(b *testing.B) {
	for _, n := range []int{1000, 10_000} {
		lists := New(newLarge(n), Options{})
		find := func(b *testing.B, q Query) {
			b.Helper()
			q.Limit = 200
			if _, err := lists.Find(b.Context(), "m", q); err != nil {
				b.Fatal(err)
			}
		}
		b.Run(fmt.Sprintf("first/%d", n), func(b *testing.B) {
			for b.Loop() {
				lists.Forget("m")
				find(b, Query{})
			}
			b.ReportMetric(float64(lists.get("m").bytes)/float64(n), "B/rule")
		})
		for name, q := range map[string]Query{
			"all": {Sort: "title"}, "words": {Words: []string{"explorer", "eventcode=77"}}, "facets": {Facets: true, Result: []string{"partial"}},
		} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				for b.Loop() {
					find(b, q)
				}
			})
		}
	}
}
