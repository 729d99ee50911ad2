package api

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
)

// overviewStore counts the overviews that are read of it.
type overviewStore struct {
	Store
	overviews atomic.Int64
}

func (c *overviewStore) Overview(ctx context.Context) ([]store.Standing, error) {
	c.overviews.Add(1)
	return c.Store.Overview(ctx)
}

// TestOverviewKnowsWhatThisGatewayDid: who creates and starts migrations finds them in the next overview, although it is
// read of the store no more often than before.
func TestOverviewKnowsWhatThisGatewayDid(t *testing.T) {
	counting := &overviewStore{}
	now := time.Now()
	b := newBench(t, func(d *Deps) {
		counting.Store = d.Store
		d.Store = counting
		d.Now = func() time.Time { return now }
	})
	all := func() (list []migration.Stats) {
		t.Helper()
		w := b.do("GET", BasePath+"/stats", "")
		b.want(w, 200)
		if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil {
			t.Fatal(err)
		}
		return list
	}
	all()
	var ids []string
	for i := range 20 {
		now = now.Add(time.Millisecond)
		id := b.create(3)
		ids = append(ids, id)
		want := migration.Stats{MigrationID: id, Status: migration.Ready, Rules: migration.Counts{Total: 3, Pending: 3}, LastUpdated: now.UTC()}
		list := all()
		if len(list) != i+1 || !reflect.DeepEqual(list[i], want) {
			t.Fatalf("after creating %d: %+v, want %+v at the end", i+1, list, want)
		}
		if i%2 == 0 {
			b.want(b.do("PUT", BasePath+"/"+id+"/start", `{"connectorId": "deterministic"}`), 200, "true")
			if got := all()[i]; got.Status != migration.Running || got.Rules != want.Rules {
				t.Fatalf("after the start: %+v", got)
			}
		}
	}
	if n := counting.overviews.Load(); n > 2 {
		t.Errorf("%d overviews were read of the store", n)
	}
	// The store's word counts from then on, and what is deleted is gone at once.
	b.flows.finish(t, ids[0])
	now = now.Add(statsEvery + 2*startShows)
	var got []migration.Stats
	for range 100 { // the first call may still have the last one
		if got = all(); got[0].Status == migration.Finished {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if got[0].Status != migration.Finished || got[0].Rules.Finished != 3 || len(got) != len(ids) {
		t.Errorf("after the end: %+v", got)
	}
	b.want(b.do("DELETE", BasePath+"/"+ids[1], ""), 200)
	if got := all(); slices.ContainsFunc(got, func(s migration.Stats) bool { return s.MigrationID == ids[1] }) || len(got) != len(ids)-1 {
		t.Errorf("after a deletion: %+v", got)
	}
}

func TestRecentOverAnOlderOverview(t *testing.T) {
	at := time.Unix(1000, 0)
	now := at
	r := &recent{now: func() time.Time { return now }}
	st := func(id string, s migration.State) migration.Stats { return migration.Stats{MigrationID: id, Status: s} }
	r.put(st("a", migration.Running), time.Second)
	for _, tt := range []struct {
		begun time.Duration // after the start
		store migration.State
		want  migration.State
	}{
		{-time.Second, migration.Ready, migration.Running},
		{-time.Second, migration.Finished, migration.Running}, // started again
		{500 * time.Millisecond, migration.Ready, migration.Running},
		{500 * time.Millisecond, migration.Finished, migration.Finished},
		{2 * time.Second, migration.Ready, migration.Ready},
	} {
		o := overview{begun: at.Add(tt.begun), list: []migration.Stats{st("a", tt.store)}}
		if got := r.over(o); len(got) != 1 || got[0].Status != tt.want || o.list[0].Status != tt.store {
			t.Errorf("an overview begun %s after the start that says %s: %+v, want %s", tt.begun, tt.store, got, tt.want)
		}
	}
	if got := r.over(overview{begun: at}); fmt.Sprint(got) != fmt.Sprint([]migration.Stats{st("a", migration.Running)}) {
		t.Errorf("an overview without it: %+v", got)
	}
	now = at.Add(time.Hour)
	r.put(st("b", migration.Ready), 0)
	if len(r.known) != 1 {
		t.Errorf("%d are kept, the old one should be gone", len(r.known))
	}
}
