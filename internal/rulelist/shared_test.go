package rulelist

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
)

// TestWhatIsSharedShrinks: names and causes of rules that changed again and again do not stay.
func TestWhatIsSharedShrinks(t *testing.T) {
	b := newBench(t, 4, Options{})
	b.end(0, partial)
	b.find(Query{})
	r, err := b.store.Rule(t.Context(), "m", ruleID(0))
	b.must(err)
	x := b.lists.get("m")
	most := 0
	for i := range 5 * spareRows {
		r.Revision++
		r.UpdatedBy, r.Elastic.Index = fmt.Sprint("person ", i), []string{fmt.Sprint("logs-", i)}
		r.Diagnostics = []migration.Diagnostic{{Code: "missing_macro", Severity: "error", Subject: fmt.Sprint("m", i), Message: "x"}}
		b.lists.Put("m", r)
		most = max(most, len(x.shared.names), 3*len(x.shared.causes))
	}
	if most > 4*spareRows {
		t.Errorf("%d texts were held at once", most)
	}
	// What is in use stays whole.
	f := b.find(Query{Facets: true}).Facets
	if len(f.Causes) != 1 || f.Causes[0].Code != "missing_macro" || f.Causes[0].Subject != fmt.Sprint("m", 5*spareRows-1) {
		t.Errorf("causes: %+v", f.Causes)
	}
}

// lagging is a store whose lists of changes show what was a while ago.
type lagging struct {
	*counted
	shows *store.Changes
}

func (l *lagging) Changes(ctx context.Context, id string, mark int64) (store.Changes, error) {
	c, err := l.counted.Changes(ctx, id, mark)
	if l.shows != nil {
		c.Rules = l.shows.Rules
	}
	return c, err
}

// TestAStoreThatLags: what this gateway wrote is not read again because the store still shows what was before; a rule that was
// indeed deleted and added again is read a little later.
func TestAStoreThatLags(t *testing.T) {
	b := newBench(t, 3, Options{})
	lag := &lagging{counted: b.store}
	b.lists = New(lag, Options{Now: func() time.Time { return b.now }})
	b.find(Query{})
	before, err := b.store.Changes(t.Context(), "m", 0)
	b.must(err)
	for i := range 3 {
		b.end(i, nil)
		r, err := b.store.Rule(t.Context(), "m", ruleID(i))
		b.must(err)
		b.lists.Put("m", r)
	}
	after, err := b.store.Changes(t.Context(), "m", 0)
	b.must(err)
	b.store.read()
	finished := func(when string, documents int64) {
		t.Helper()
		b.later()
		if ids := b.ids(Query{Status: []string{"finished"}}); len(ids) != 3 {
			t.Errorf("%s: %q are finished", when, ids)
		}
		if _, n := b.store.read(); n != documents {
			t.Errorf("%s: %d documents were read, want %d", when, n, documents)
		}
	}
	lag.shows = &before
	finished("while it lags", 0)
	lag.shows = &after
	finished("when it has caught up", 0)
	b.now = b.now.Add(settles)
	finished("later", 0)

	// The store goes on to show an older revision: it is what is there.
	for i := range 2 {
		r, err := b.store.Rule(t.Context(), "m", ruleID(i))
		b.must(err)
		r.Revision += 5
		b.lists.Put("m", r)
	}
	finished("two are told to be newer", 0)
	lag.shows = &store.Changes{}
	b.now = b.now.Add(settles)
	finished("when it must have settled", 2)
}
