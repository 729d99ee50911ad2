package rulelist

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/report"
	"github.com/rulebridge/rulebridge/internal/store"
	"github.com/rulebridge/rulebridge/internal/store/sqlite"
)

// counted counts what is read of a store.
type counted struct {
	*sqlite.Store
	changes, lists, documents atomic.Int64
	// hide leaves changes out, as the clocks of processes that are far apart do.
	hide atomic.Bool
	// after, when set, is called with what was found before it is given.
	after atomic.Pointer[func()]
}

func (c *counted) Changes(ctx context.Context, id string, mark int64) (store.Changes, error) {
	c.changes.Add(1)
	found, err := c.Store.Changes(ctx, id, mark)
	if mark > 0 && c.hide.Load() {
		found.Rules = nil
	}
	if f := c.after.Swap(nil); f != nil {
		(*f)()
	}
	return found, err
}

func (c *counted) List(ctx context.Context, id string, q store.RuleQuery) ([]migration.Rule, string, error) {
	c.lists.Add(1)
	rules, next, err := c.Store.List(ctx, id, q)
	c.documents.Add(int64(len(rules)))
	return rules, next, err
}

// read says what was read since the last call.
func (c *counted) read() (changes, documents int64) {
	return c.changes.Swap(0), c.documents.Swap(0)
}

type bench struct {
	*testing.T
	store *counted
	lists *Lists
	now   time.Time
}

var claim = migration.Token{Epoch: 1, Claim: 1}

// newBench is a migration m of n rules that are being worked on.
func newBench(t *testing.T, n int, o Options) *bench {
	t.Helper()
	st, err := sqlite.Open(t.Context(), sqlite.Memory, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	b := &bench{T: t, store: &counted{Store: st}, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	o.Now = func() time.Time { return b.now }
	b.lists = New(b.store, o)
	rules := make([]migration.OriginalRule, n)
	for i := range rules {
		rules[i] = original(i)
	}
	b.must(st.CreateMigration(t.Context(), migration.Migration{ID: "m", State: migration.Ready}, rules))
	b.must(st.SetState(t.Context(), "m", store.Change{State: migration.Running, Epoch: 1}))
	_, _, err = st.Claim(t.Context(), "m", claim, n)
	b.must(err)
	return b
}

func ruleID(i int) string { return fmt.Sprintf("r%05d", i) }

func original(i int) migration.OriginalRule {
	o := migration.OriginalRule{ID: ruleID(i), Vendor: "splunk", Title: fmt.Sprintf("Rule %d", i), Query: fmt.Sprintf("index=main EventCode=%d", i),
		Severity: []string{"low", "high", "critical"}[i%3], App: []string{"", "ES"}[i%2]}
	if i%2 == 0 {
		o.MitreAttackIDs = []string{"T1059.001"}
	}
	return o
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// end records what a rule came to.
func (b *bench) end(i int, change func(*migration.Rule)) {
	b.Helper()
	b.must(b.store.Record(b.Context(), "m", ruleID(i), claim, func(r *migration.Rule) {
		r.Status, r.Result = migration.StatusFinished, migration.Full
		r.Elastic = &migration.ElasticRule{Title: r.Original.Title, Query: "FROM logs-a* | WHERE x", QueryLanguage: "esql", Index: []string{"logs-a*"}}
		if change != nil {
			change(r)
		}
	}))
}

func partial(r *migration.Rule) {
	r.Result = migration.Partial
	r.Diagnostics = []migration.Diagnostic{
		{Code: "unknown_command", Severity: "error", Command: "apply", Message: "no apply"},
		{Code: "depends_on_hole", Severity: "error", Command: "where", Message: "follows"},
		{Code: "window", Severity: "approximation", Command: "bin", Message: "edges"},
		{Code: "window", Severity: "approximation", Command: "bin", Message: "edges again"},
		{Code: "limit", Severity: "info"},
	}
}

func (b *bench) find(q Query) Page {
	b.Helper()
	q.Limit = max(q.Limit, 10)
	p, err := b.lists.Find(b.Context(), "m", q)
	b.must(err)
	return p
}

func (b *bench) ids(q Query) []string {
	b.Helper()
	ids, err := b.lists.FindIDs(b.Context(), "m", q)
	b.must(err)
	if ids.Total != len(ids.IDs) {
		b.Errorf("total %d of %d ids", ids.Total, len(ids.IDs))
	}
	return ids.IDs
}

// later lets what is held pass for old.
func (b *bench) later() { b.now = b.now.Add(time.Second) }

func TestAViewReadsWhatChangedAndNothingElse(t *testing.T) {
	const rules = 450
	b := newBench(t, rules, Options{})
	if p := b.find(Query{Facets: true}); p.Total != rules || len(p.Rows) != 10 || p.Facets.Status["processing"] != rules {
		t.Fatalf("total %d, %d rows, %+v", p.Total, len(p.Rows), p.Facets)
	}
	if changes, documents := b.store.read(); changes != 1 || documents != rules {
		t.Errorf("the first view asked %d times and read %d documents", changes, documents)
	}
	b.find(Query{Words: []string{"rule"}, Offset: 50, Facets: true})
	if changes, documents := b.store.read(); changes != 0 || documents != 0 {
		t.Errorf("a further view at once asked %d times and read %d documents", changes, documents)
	}
	b.later()
	b.find(Query{})
	if changes, documents := b.store.read(); changes != 1 || documents != 0 {
		t.Errorf("a view without changes asked %d times and read %d documents", changes, documents)
	}
	b.end(7, nil)
	b.end(9, partial)
	b.later()
	if p := b.find(Query{Status: []string{"finished"}, Facets: true}); p.Total != 2 || p.Facets.Status["finished"] != 2 || !p.AsOf.Equal(b.now) {
		t.Errorf("after two changes: %+v", p)
	}
	if changes, documents := b.store.read(); changes != 1 || documents != 2 {
		t.Errorf("a view after two changes asked %d times and read %d documents", changes, documents)
	}
	// A rule that is gone shows in the number of rules alone.
	b.must(b.store.DeleteRule(t.Context(), "m", ruleID(9)))
	b.later()
	if ids := b.ids(Query{Status: []string{"finished"}}); !slices.Equal(ids, []string{ruleID(7)}) {
		t.Errorf("after a deletion: %v", ids)
	}
	if changes, documents := b.store.read(); changes != 2 || documents != 0 {
		t.Errorf("a view after a deletion asked %d times and read %d documents", changes, documents)
	}
	b.must(b.store.DeleteMigration(t.Context(), "m"))
	b.later()
	if _, err := b.lists.Find(t.Context(), "m", Query{}); err == nil {
		t.Error("a deleted migration is shown")
	}
}

// TestAHiddenChangeShowsInTheCounts: what a clock that is far off hides is found all the same.
func TestAHiddenChangeShowsInTheCounts(t *testing.T) {
	b := newBench(t, 30, Options{})
	b.find(Query{})
	b.store.read()
	b.store.hide.Store(true)
	b.end(3, nil)
	b.later()
	if ids := b.ids(Query{Status: []string{"finished"}}); !slices.Equal(ids, []string{ruleID(3)}) {
		t.Errorf("found %v", ids)
	}
	if changes, documents := b.store.read(); changes != 2 || documents != 1 {
		t.Errorf("asked %d times and read %d documents", changes, documents)
	}
	b.later()
	b.find(Query{})
	if changes, documents := b.store.read(); changes != 1 || documents != 0 {
		t.Errorf("without a change it asked %d times and read %d documents", changes, documents)
	}
}

func TestManyAtOnceShareOneReading(t *testing.T) {
	b := newBench(t, 300, Options{})
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if p, err := b.lists.Find(t.Context(), "m", Query{Limit: 5, Facets: true}); err != nil || p.Total != 300 {
				t.Errorf("%d, %v", p.Total, err)
			}
		})
	}
	wg.Wait()
	if changes, documents := b.store.read(); changes != 1 || documents != 300 {
		t.Errorf("20 views asked %d times and read %d documents", changes, documents)
	}
}

func TestWhatWasJustWrittenShowsAtOnce(t *testing.T) {
	b := newBench(t, 3, Options{})
	b.find(Query{})
	b.end(1, partial)
	if ids := b.ids(Query{Status: []string{"finished"}}); len(ids) != 0 {
		t.Fatalf("the list is not held at all: %v", ids)
	}
	r, err := b.store.Rule(t.Context(), "m", ruleID(1))
	b.must(err)
	b.lists.Put("m", r)
	if ids := b.ids(Query{Status: []string{"finished"}}); len(ids) != 1 {
		t.Errorf("found %v", ids)
	}
	// An older state of it does not come back.
	r.Revision, r.Status = r.Revision-1, migration.StatusPending
	b.lists.Put("m", r)
	b.lists.Put("other", r)
	if ids := b.ids(Query{Status: []string{"finished"}}); len(ids) != 1 {
		t.Errorf("found %v", ids)
	}
	b.end(2, nil)
	b.lists.Stale("m")
	if ids := b.ids(Query{Status: []string{"finished"}}); len(ids) != 2 {
		t.Errorf("found %v after it was told to look", ids)
	}
}

func TestFiltersAndOrders(t *testing.T) {
	b := newBench(t, 6, Options{})
	no := false
	yes := true
	b.end(0, nil)
	b.end(1, func(r *migration.Rule) {
		partial(r)
		r.Edited, r.Matched = &migration.Edited{By: "ann", At: b.now}, &migration.Match{RuleID: "p"} // no longer replaced
	})
	b.end(2, func(r *migration.Rule) {
		partial(r)
		r.Matched, r.Elastic.Index = &migration.Match{RuleID: "p", Name: "Prebuilt"}, []string{"logs-b*", "logs-a*"}
		r.Review = &migration.Review{State: migration.ReviewAccepted, By: "ann", At: b.now}
	})
	b.end(3, func(r *migration.Rule) {
		r.Result, r.Elastic, r.Near = migration.Untranslatable, nil, []migration.Match{{RuleID: "p"}, {RuleID: "q"}}
		r.Diagnostics = []migration.Diagnostic{{Code: "unknown_command", Severity: "error", Command: "apply", Message: "no apply"}}
	})
	b.end(4, func(r *migration.Rule) { r.Status, r.Result, r.ErrorCode = migration.StatusError, "", "crashed" })
	cause := report.CausesOf(migration.Rule{Status: migration.StatusFinished, Result: migration.Partial,
		Diagnostics: []migration.Diagnostic{{Code: "window", Severity: "approximation", Command: "bin"}}})[0]
	for name, tc := range map[string]struct {
		q    Query
		want string
	}{
		"all":              {Query{}, "0 1 2 3 4 5"},
		"words":            {Query{Words: []string{"RULE eventcode=3"}}, "3"},
		"words of ES|QL":   {Query{Words: []string{"logs-A*", "main"}}, "0 1 2 4"},
		"no such words":    {Query{Words: []string{"rule", "nonsense"}}, ""},
		"id":               {Query{Words: []string{"R00005"}}, "5"},
		"status":           {Query{Status: []string{"error", "processing"}}, "4 5"},
		"result":           {Query{Result: []string{"partial"}}, "1 2"},
		"matched":          {Query{Matched: []string{"yes"}}, "2"},
		"near":             {Query{Matched: []string{"near"}}, "3"},
		"neither":          {Query{Matched: []string{"no"}}, "0 1 4 5"},
		"holes":            {Query{Holes: &yes}, "1 2 3"},
		"no holes":         {Query{Holes: &no}, "0 4 5"},
		"cause":            {Query{Cause: []string{cause.Key}}, "1 2"},
		"item of a cause":  {Query{Cause: []string{cause.Item}}, "1 2"},
		"kind of cause":    {Query{Cause: []string{"unknown_command"}}, "1 2 3"},
		"kinds of cause":   {Query{Cause: []string{"nonsense", "window"}}, "1 2"},
		"no such cause":    {Query{Cause: []string{"nonsense"}}, ""},
		"source":           {Query{Source: []string{"logs-b*"}}, "2"},
		"tactic":           {Query{Tactic: []string{"TA0002"}}, "0 2 4"},
		"technique":        {Query{Technique: []string{"T1059"}}, "0 2 4"},
		"sub-technique":    {Query{Technique: []string{"T1059.002"}}, ""},
		"review":           {Query{Review: []string{"accepted"}}, "2"},
		"open":             {Query{Review: []string{"open"}}, "0 1 3 4 5"},
		"edited":           {Query{Edited: true}, "1"},
		"edited by me":     {Query{Edited: true, EditedBy: "bob"}, ""},
		"app":              {Query{App: []string{"ES"}}, "1 3 5"},
		"several filters":  {Query{App: []string{"ES"}, Holes: &yes, Result: []string{"partial"}}, "1"},
		"by title, down":   {Query{Sort: "title", Descending: true}, "5 4 3 2 1 0"},
		"by holes":         {Query{Sort: "holes", Descending: true}, "1 2 3 0 4 5"},
		"by result":        {Query{Sort: "result"}, "0 1 2 3 4 5"},
		"by severity down": {Query{Sort: "severity", Descending: true}, "2 5 1 4 0 3"},
	} {
		var want []string
		for _, f := range strings.Fields(tc.want) {
			want = append(want, "r0000"+f)
		}
		if diff := cmp.Diff(want, append([]string(nil), b.ids(tc.q)...)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	p := b.find(Query{Offset: 1, Limit: 10})
	if p.Total != 6 || len(p.Rows) != 5 || p.Rows[1].MatchedRule != "Prebuilt" || p.Rows[1].Holes != 1 || p.Rows[1].Approximations != 1 ||
		p.Rows[2].Near != 2 || p.Rows[0].Edited.By != "ann" || !slices.Equal(p.Rows[1].Sources, []string{"logs-a*", "logs-b*"}) {
		t.Errorf("page: %+v", p)
	}
	if _, err := b.lists.Find(t.Context(), "m", Query{Sort: "nonsense"}); err == nil {
		t.Error("an unknown order was taken")
	}
}

// TestFacetsAreTheReports: a cause counts the same rules here and in the report.
func TestFacetsAreTheReports(t *testing.T) {
	b := newBench(t, 40, Options{})
	builder := report.NewBuilder(migration.Migration{}, b.now)
	for i := range 40 {
		b.end(i, func(r *migration.Rule) {
			if i%3 == 0 {
				partial(r)
			}
			if i%4 == 0 {
				r.Diagnostics = append(r.Diagnostics, migration.Diagnostic{Code: "missing_macro", Severity: "error", Subject: fmt.Sprint("m", i%8), Message: "x"})
			}
		})
	}
	rules, _, err := b.store.List(t.Context(), "m", store.RuleQuery{})
	b.must(err)
	for _, r := range rules {
		builder.Add(r)
	}
	f := b.find(Query{Facets: true}).Facets
	r := builder.Report()
	if len(r.Causes) != 4 {
		t.Fatalf("causes of the report: %+v", r.Causes)
	}
	if diff := cmp.Diff(r.Causes, f.Causes); diff != "" {
		t.Errorf("causes (-report +facets):\n%s", diff)
	}
	for _, c := range f.Causes {
		if got := len(b.ids(Query{Cause: []string{c.Key}})); got != c.Rules {
			t.Errorf("%+v: the filter finds %d rules", c, got)
		}
	}
	if diff := cmp.Diff([]Facet{{"T1059", "Command and Scripting Interpreter", 20}, {"T1059.001", "PowerShell", 20}}, f.Techniques); diff != "" {
		t.Errorf("techniques (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Facet{{"TA0002", "Execution", 20}}, f.Tactics); diff != "" {
		t.Errorf("tactics (-want +got):\n%s", diff)
	}
}

// TestLargeListsSearchTheStore: without texts the same rules are found, in a page of documents at a time.
func TestLargeListsSearchTheStore(t *testing.T) {
	for _, o := range []Options{{TextRules: 20}, {TextBytes: 1}} {
		b := newBench(t, 500, o)
		b.find(Query{})
		if x := b.lists.get("m"); x.texts || x.entries[ruleID(3)].text != "" {
			t.Fatal("texts are held")
		}
		b.store.read()
		for range 2 {
			if ids := b.ids(Query{Words: []string{"EventCode=49"}}); len(ids) != 11 {
				t.Errorf("found %v", ids)
			}
		}
		if _, documents := b.store.read(); documents != 500 {
			t.Errorf("two searches for the same read %d documents", documents)
		}
		b.end(49, func(r *migration.Rule) { r.Elastic.Query = "FROM needle" })
		b.later()
		if ids := b.ids(Query{Words: []string{"needle"}}); !slices.Equal(ids, []string{ruleID(49)}) {
			t.Errorf("found %v after a change", ids)
		}
	}
}

func TestListsAreBounded(t *testing.T) {
	b := newBench(t, 50, Options{Bytes: 60_000})
	for i := range 5 {
		id := fmt.Sprint("other", i)
		rules := make([]migration.OriginalRule, 50)
		for i := range rules {
			rules[i] = original(i)
		}
		b.must(b.store.CreateMigration(t.Context(), migration.Migration{ID: id, State: migration.Ready}, rules))
		_, err := b.lists.Find(t.Context(), id, Query{Limit: 1})
		b.must(err)
	}
	total := 0
	for _, x := range b.lists.lists.Values() {
		total += x.bytes
	}
	if n := b.lists.lists.Len(); n != 1 || total == 0 || total > 60_000 {
		t.Errorf("%d lists of %d bytes", n, total)
	}
	// The account of one list stays right over changes.
	b.find(Query{})
	for i := range 50 {
		b.end(i, partial)
	}
	b.later()
	b.find(Query{})
	sum := 0
	for _, e := range b.lists.get("m").entries {
		sum += e.size()
	}
	if got := b.lists.get("m").bytes; got != sum {
		t.Errorf("%d bytes are counted, %d held", got, sum)
	}
}

// TestStaleDuringAnUpdate: a change that is told of while the list is being read is not taken for one that the reading has
// seen.
func TestStaleDuringAnUpdate(t *testing.T) {
	b := newBench(t, 2, Options{})
	b.find(Query{})
	b.later()
	meanwhile := func() {
		b.end(1, nil)
		b.lists.Stale("m")
	}
	b.store.after.Store(&meanwhile)
	b.find(Query{})
	if got := b.ids(Query{Status: []string{"finished"}}); !slices.Equal(got, []string{ruleID(1)}) {
		t.Errorf("finished: %q", got)
	}
}

// TestStaleKeepsAsOf: a list that is asked for while it is told to be stale says when it was read.
func TestStaleKeepsAsOf(t *testing.T) {
	b := newBench(t, 1, Options{})
	at := b.find(Query{}).AsOf
	b.lists.Stale("m")
	x := b.lists.get("m")
	x.mu.RLock()
	defer x.mu.RUnlock()
	if !x.checked.Equal(at) {
		t.Errorf("read at %s, which is told as %s", at, x.checked)
	}
}

// TestUnknownComesLast: rules without a result or severity stand behind the others in either order.
func TestUnknownComesLast(t *testing.T) {
	b := newBench(t, 4, Options{})
	b.end(0, nil)
	b.end(1, partial)
	b.end(2, func(r *migration.Rule) { r.Elastic.Severity = "odd" })
	for _, q := range []struct {
		Query
		want []int
	}{
		{Query{Sort: "result"}, []int{0, 2, 1, 3}}, {Query{Sort: "result", Descending: true}, []int{1, 0, 2, 3}},
		{Query{Sort: "severity"}, []int{0, 3, 1, 2}}, {Query{Sort: "severity", Descending: true}, []int{1, 0, 3, 2}},
	} {
		want := make([]string, len(q.want))
		for i, n := range q.want {
			want[i] = ruleID(n)
		}
		if got := b.ids(q.Query); !slices.Equal(got, want) {
			t.Errorf("by %s, descending %t: %q, want %q", q.Sort, q.Descending, got, want)
		}
	}
}
