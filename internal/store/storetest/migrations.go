package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
)

func testReady(t *testing.T, s *suite) {
	s.must(s.Ready(s.ctx))
	s.must(s.Ready(s.ctx))
}

func testCreateAndRead(t *testing.T, s *suite) {
	id := s.create(3)
	s.wantCounts(id, counts(3, 0, 0, 0))
	m, err := s.Migration(s.ctx, id)
	s.must(err)
	want := newMigration(id)
	want.Total = 3
	if diff := cmp.Diff(want, m); diff != "" {
		t.Fatalf("migration document (-want +got):\n%s", diff)
	}
	r, err := s.Rule(s.ctx, id, ruleID(1))
	s.must(err)
	if diff := cmp.Diff(store.NewRule(id, original(ruleID(1)), start, "ann"), r); diff != "" {
		t.Fatalf("rule document (-want +got):\n%s", diff)
	}
	_, err = s.Rule(s.ctx, id, "no such rule")
	s.wantErr(err, store.ErrNotFound)

	empty := s.create(0)
	s.wantCounts(empty, counts(0, 0, 0, 0))
	list, err := s.Migrations(s.ctx)
	s.must(err)
	for _, want := range []string{id, empty} {
		if !slices.ContainsFunc(list, func(m migration.Migration) bool { return m.ID == want }) {
			t.Errorf("migration %s is not listed", want)
		}
	}
	i := slices.IndexFunc(list, func(m migration.Migration) bool { return m.ID == id })
	if list[i].Total != 3 {
		t.Errorf("the listed total is %d, want 3", list[i].Total)
	}
}

func testCreateTwice(t *testing.T, s *suite) {
	id := s.create(2)
	before := s.snapshot(id)
	s.must(s.CreateMigration(s.ctx, newMigration(id), originals(0, 2)))
	other := newMigration(id)
	other.CreatedAt = start.Add(time.Second)
	s.wantErr(s.CreateMigration(s.ctx, other, originals(5, 9)), store.ErrConflict)
	if diff := cmp.Diff(before, s.snapshot(id)); diff != "" {
		t.Fatalf("changed (-before +after):\n%s", diff)
	}
	// Of two rules with one id the first is kept.
	double := s.newID()
	second := original(ruleID(0))
	second.Title = "second"
	s.must(s.CreateMigration(s.ctx, newMigration(double), append(originals(0, 2), second)))
	s.wantCounts(double, counts(2, 0, 0, 0))
	r, err := s.Rule(s.ctx, double, ruleID(0))
	s.must(err)
	if r.Original.Title == "second" {
		t.Error("the second of two rules with one id was kept")
	}
}

func testUnknown(t *testing.T, s *suite) {
	for name, call := range s.calls(s.newID()) {
		if err := call(s.ctx); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s of an unknown migration: %v", name, err)
		}
	}
	s.wantErr(s.MarkDeleted(s.ctx, s.newID()), store.ErrNotFound)
	s.must(s.DeleteMigration(s.ctx, s.newID()))
}

func testChunks(t *testing.T, s *suite) {
	id := s.newID()
	m := newMigration(id)
	m.State = migration.Creating
	s.must(s.CreateMigration(s.ctx, m, originals(0, 10)))
	s.wantErr(s.SetState(s.ctx, id, store.Change{State: migration.Running, Epoch: 1, At: start}), store.ErrConflict)
	_, _, err := s.Claim(s.ctx, id, token(1, 1), 5)
	s.wantErr(err, store.ErrConflict)

	for _, step := range []struct {
		from, to int
		seal     bool
		added    int
		state    migration.State
		total    int
	}{
		{5, 15, false, 5, migration.Creating, 15},
		{5, 15, false, 0, migration.Creating, 15},
		{15, 20, true, 5, migration.Ready, 20},
		{15, 20, true, 0, migration.Ready, 20},
		{20, 21, false, 1, migration.Ready, 21},
		{0, 0, true, 0, migration.Ready, 21},
	} {
		added, err := s.AppendRules(s.ctx, id, originals(step.from, step.to), step.seal, "bob")
		s.must(err)
		m, err := s.Migration(s.ctx, id)
		s.must(err)
		if added != step.added || m.State != step.state {
			t.Fatalf("rules %d–%d: added %d, state %s; want %d, %s", step.from, step.to, added, m.State, step.added, step.state)
		}
		s.wantCounts(id, counts(step.total, 0, 0, 0))
	}
	r, err := s.Rule(s.ctx, id, ruleID(20))
	s.must(err)
	if r.CreatedBy != "bob" || r.Status != migration.StatusPending {
		t.Errorf("appended rule: created by %q, status %s", r.CreatedBy, r.Status)
	}
	// Rules already there keep their content.
	changed := original(ruleID(3))
	changed.Title = "changed"
	added, err := s.AppendRules(s.ctx, id, []migration.OriginalRule{changed}, false, "bob")
	s.must(err)
	r, err = s.Rule(s.ctx, id, ruleID(3))
	s.must(err)
	if added != 0 || r.Original.Title == "changed" {
		t.Errorf("a rule with a known id: added %d, title %q", added, r.Original.Title)
	}
	// An empty chunk can seal.
	id = s.newID()
	m = newMigration(id)
	m.State = migration.Creating
	s.must(s.CreateMigration(s.ctx, m, nil))
	_, err = s.AppendRules(s.ctx, id, nil, true, "bob")
	s.must(err)
	if m, err = s.Migration(s.ctx, id); err != nil || m.State != migration.Ready {
		t.Fatalf("after an empty sealing chunk: state %s, %v", m.State, err)
	}
}

func testAppendByState(t *testing.T, s *suite) {
	id := s.running(2)
	before := s.snapshot(id)
	_, err := s.AppendRules(s.ctx, id, originals(2, 4), true, "bob")
	s.wantErr(err, store.ErrConflict)
	_, err = s.UpsertResources(s.ctx, id, []migration.Resource{{Type: migration.ResourceMacro, Name: "m"}})
	s.wantErr(err, store.ErrConflict)
	if diff := cmp.Diff(before, s.snapshot(id)); diff != "" {
		t.Fatalf("changed while running (-before +after):\n%s", diff)
	}
	s.setState(id, migration.Stopped, 1)
	if added, err := s.AppendRules(s.ctx, id, originals(2, 4), true, "bob"); err != nil || added != 2 {
		t.Fatalf("append while stopped: %d, %v", added, err)
	}
	if m, err := s.Migration(s.ctx, id); err != nil || m.State != migration.Stopped {
		t.Fatalf("state after an append while stopped: %s, %v", m.State, err)
	}
	s.setState(id, migration.Running, 2)
	s.claim(id, token(2, 1), 4, ruleID(0), ruleID(1), ruleID(2), ruleID(3))
	for i := range 4 {
		s.must(s.Record(s.ctx, id, ruleID(i), token(2, 1), finish))
	}
	s.setState(id, migration.Finished, 2)
	if added, err := s.AppendRules(s.ctx, id, originals(0, 4), true, "bob"); err != nil || added != 0 {
		t.Fatalf("append of known rules to a finished one: %d, %v", added, err)
	}
	if m, err := s.Migration(s.ctx, id); err != nil || m.State != migration.Finished {
		t.Fatalf("state after nothing was added to a finished one: %s, %v", m.State, err)
	}
	_, err = s.AppendRules(s.ctx, id, originals(4, 5), true, "bob")
	s.must(err)
	if m, err := s.Migration(s.ctx, id); err != nil || m.State != migration.Ready {
		t.Fatalf("state after an append to a finished one: %s, %v", m.State, err)
	}
	// The start that had finished it cannot finish it again without the new rule.
	s.wantErr(s.SetState(s.ctx, id, store.Change{State: migration.Finished, Epoch: 2, At: start}), store.ErrFenced)
	s.setState(id, migration.Running, 3)
}

// testRename: the name changes in every state, and nothing else but who changed the migration and when.
func testRename(t *testing.T, s *suite) {
	id, other := s.create(1), s.create(1)
	s.setState(id, migration.Running, 1)
	before, err := s.Migration(s.ctx, id)
	s.must(err)
	const name = `Été "€" \`
	s.must(s.Rename(s.ctx, id, name, "bob"))
	m, err := s.Migration(s.ctx, id)
	s.must(err)
	if m.Name != name || m.LastUpdateBy != "bob" || m.LastUpdated.Before(before.LastUpdated) {
		t.Fatalf("after the renaming: %+v", m)
	}
	before.Name, before.LastUpdateBy, before.LastUpdated = m.Name, m.LastUpdateBy, m.LastUpdated
	if diff := cmp.Diff(before, m); diff != "" {
		t.Fatalf("more than the name changed (-before +after):\n%s", diff)
	}
	s.setState(id, migration.Stopped, 1)
	all, err := s.Overview(s.ctx)
	s.must(err)
	names := map[string]string{}
	for _, m := range all {
		names[m.ID] = m.Name
	}
	if names[id] != name || names[other] == name {
		t.Fatalf("names %q", names)
	}
	s.wantErr(s.Rename(s.ctx, "nobody", "x", "bob"), store.ErrNotFound)
	s.must(s.MarkDeleted(s.ctx, other))
	s.wantErr(s.Rename(s.ctx, other, "x", "bob"), store.ErrNotFound)
}

func testStateFence(t *testing.T, s *suite) {
	id := s.create(1)
	at := start.Add(time.Hour)
	change := store.Change{State: migration.Running, Epoch: 2, ConnectorID: "c1", By: "bob", At: at,
		Settings: &migration.Settings{Batch: 7, Pause: 90 * time.Minute}}
	s.must(s.SetState(s.ctx, id, change))
	first := s.snapshot(id)
	s.must(s.SetState(s.ctx, id, change))
	if diff := cmp.Diff(first, s.snapshot(id)); diff != "" {
		t.Fatalf("the same change twice (-once +twice):\n%s", diff)
	}
	m, err := s.Migration(s.ctx, id)
	s.must(err)
	if m.State != migration.Running || m.Epoch != 2 || m.ConnectorID != "c1" || m.LastUpdateBy != "bob" || !m.LastUpdated.Equal(at) ||
		m.Settings == nil || *m.Settings != *change.Settings {
		t.Fatalf("after the change: %+v", m)
	}
	s.wantErr(s.SetState(s.ctx, id, store.Change{State: migration.Stopped, Epoch: 1, At: at}), store.ErrFenced)
	s.must(s.SetState(s.ctx, id, store.Change{State: migration.Stopped, Epoch: 2, ParkReason: "outage", Error: "x", By: "bob", At: at}))
	m, err = s.Migration(s.ctx, id)
	s.must(err)
	if m.State != migration.Stopped || m.ConnectorID != "c1" || m.Settings == nil || *m.Settings != *change.Settings || m.ParkReason != "outage" || m.Error != "x" {
		t.Fatalf("after parking: %+v", m)
	}
	// A late repetition of the start's first change must not make it run again.
	s.wantErr(s.SetState(s.ctx, id, change), store.ErrFenced)
	// The steps before the state of a new start already fence the old one, and do not hinder the new state.
	_, err = s.Requeue(s.ctx, id, 3, store.Again{})
	s.must(err)
	s.wantErr(s.SetState(s.ctx, id, store.Change{State: migration.Stopped, Epoch: 2, At: at}), store.ErrFenced)
	s.must(s.SetState(s.ctx, id, store.Change{State: migration.Running, Epoch: 3, Settings: &migration.Settings{}, At: at}))
	m, err = s.Migration(s.ctx, id)
	s.must(err)
	if m.State != migration.Running || m.Epoch != 3 || m.ParkReason != "" || m.Error != "" || m.Settings == nil || *m.Settings != (migration.Settings{}) {
		t.Fatalf("after the next start: %+v", m)
	}
	if err := s.SetState(s.ctx, id, store.Change{State: "nonsense", Epoch: 3, At: at}); err == nil {
		t.Error("an unknown state was stored")
	}
}

func testTombstone(t *testing.T, s *suite) {
	id := s.running(5)
	s.claim(id, token(1, 1), 2, ruleID(0), ruleID(1))
	_, _, err := s.BeginCall(s.ctx, id, "k", store.Call{})
	s.must(err)
	s.must(s.SaveAnswer(s.ctx, id, "k", store.Answer{Text: "a"}))

	s.must(s.MarkDeleted(s.ctx, id))
	s.must(s.MarkDeleted(s.ctx, id))
	gone := func(when string) {
		t.Helper()
		for name, call := range s.calls(id) {
			if err := call(s.ctx); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s %s: %v", name, when, err)
			}
		}
		all, err := s.Overview(s.ctx)
		s.must(err)
		if slices.ContainsFunc(all, func(m store.Standing) bool { return m.ID == id }) {
			t.Errorf("%s the overview still has the migration", when)
		}
		list, err := s.Migrations(s.ctx)
		s.must(err)
		if slices.ContainsFunc(list, func(m migration.Migration) bool { return m.ID == id }) {
			t.Errorf("%s the migration is still listed", when)
		}
	}
	gone("after the tombstone")
	s.wantErr(s.CreateMigration(s.ctx, newMigration(id), originals(0, 1)), store.ErrNotFound)
	if ts, ok := s.Store.(store.Tombstones); ok {
		ids, err := ts.Tombstoned(s.ctx)
		s.must(err)
		if !slices.Contains(ids, id) {
			t.Errorf("tombstones are %v, want %s among them", ids, id)
		}
	}
	s.must(s.DeleteMigration(s.ctx, id))
	gone("after the deletion")
	s.must(s.DeleteMigration(s.ctx, id))
	gone("after the second deletion")

	// Without a tombstone before, and of more rules than one step takes.
	id = s.create(2500)
	other := s.create(3)
	s.must(s.DeleteMigration(s.ctx, id))
	gone("after a large deletion")
	s.wantCounts(other, counts(3, 0, 0, 0))
}

func testResources(t *testing.T, s *suite) {
	id := s.create(1)
	other := s.create(1)
	v0, err := s.ResourcesVersion(s.ctx, id)
	s.must(err)
	if rs, err := s.Resources(s.ctx, id); err != nil || len(rs) != 0 {
		t.Fatalf("resources of a new migration: %v, %v", rs, err)
	}
	yes := true
	macro := migration.Resource{Type: migration.ResourceMacro, Name: "foo(1)", Definition: `index="$a$"`, Arguments: []string{"a"}, IsEval: true}
	lookup := migration.Resource{Type: migration.ResourceLookup, Name: "foo(1)", Kind: "csv", Columns: []string{"k", "v"},
		Rows: []map[string]string{{"k": "a*", "v": "é"}, {"k": "b"}}, TotalRows: 90, MatchType: "WILDCARD(k)", CaseSensitiveMatch: &yes, MaxMatches: 1}
	write := func(want int, rs ...migration.Resource) int64 {
		t.Helper()
		n, err := s.UpsertResources(s.ctx, id, rs)
		s.must(err)
		if n != want {
			t.Fatalf("upserted %d, want %d", n, want)
		}
		v, err := s.ResourcesVersion(s.ctx, id)
		s.must(err)
		return v
	}
	v1 := write(2, macro, lookup)
	if v1 == v0 {
		t.Error("the version did not change with the first resources")
	}
	rs, err := s.Resources(s.ctx, id)
	s.must(err)
	if diff := cmp.Diff([]migration.Resource{lookup, macro}, rs); diff != "" {
		t.Fatalf("resources by type and name (-want +got):\n%s", diff)
	}
	if v := write(1, macro); v != v1 {
		t.Error("the version changed though no resource did")
	}
	macro.Definition = "index=other"
	stale := macro
	stale.Definition = "not this one"
	if v := write(1, stale, macro); v == v1 {
		t.Error("the version did not change with a resource")
	}
	rs, err = s.Resources(s.ctx, id)
	s.must(err)
	if diff := cmp.Diff([]migration.Resource{lookup, macro}, rs); diff != "" {
		t.Fatalf("resources after a change (-want +got):\n%s", diff)
	}
	if n := write(0); n == v1 {
		t.Error("nothing upserted brought the old version back")
	}
	if rs, err := s.Resources(s.ctx, other); err != nil || len(rs) != 0 {
		t.Fatalf("another migration has resources: %v, %v", rs, err)
	}
	var many []migration.Resource
	for i := range 1500 {
		many = append(many, migration.Resource{Type: migration.ResourceMacro, Name: fmt.Sprintf("m%04d", i)})
	}
	write(1500, many...)
	if rs, err := s.Resources(s.ctx, id); err != nil || len(rs) != 1502 {
		t.Fatalf("%d resources, %v; want 1502", len(rs), err)
	}
}

func testAnswers(t *testing.T, s *suite) {
	id, other := s.running(1), s.running(1)
	_, err := s.Answer(s.ctx, id, "k")
	s.wantErr(err, store.ErrNotFound)
	for want := 1; want <= 2; want++ {
		attempt, a, err := s.BeginCall(s.ctx, id, "k", store.Call{})
		s.must(err)
		if attempt != want || a != nil {
			t.Fatalf("attempt %d, answer %v; want %d and none", attempt, a, want)
		}
	}
	_, err = s.Answer(s.ctx, id, "k")
	s.wantErr(err, store.ErrNotFound)
	given := store.Answer{Text: "FROM logs-*\n| WHERE é", ConnectorID: "c", Model: "m", PromptTokens: 3, OutputTokens: 4, At: start}
	s.must(s.SaveAnswer(s.ctx, id, "k", given))
	s.must(s.SaveAnswer(s.ctx, id, "k", store.Answer{Text: "a later attempt"}))
	got, err := s.Answer(s.ctx, id, "k")
	s.must(err)
	if diff := cmp.Diff(given, got); diff != "" {
		t.Fatalf("the first answer stays (-want +got):\n%s", diff)
	}
	attempt, a, err := s.BeginCall(s.ctx, id, "k", store.Call{})
	s.must(err)
	if attempt != 2 || a == nil || cmp.Diff(given, *a) != "" {
		t.Fatalf("with an answer recorded: attempt %d, answer %v; want 2 and the answer", attempt, a)
	}
	_, _, err = s.BeginCall(s.ctx, id, "k2 ü/%2F", store.Call{})
	s.must(err)
	s.must(s.SaveAnswer(s.ctx, other, "k", store.Answer{Text: "without an attempt"}))
	for _, want := range []struct {
		id                string
		attempts, answers int
	}{{id, 3, 1}, {other, 0, 1}} {
		attempts, answers, err := s.CallStats(s.ctx, want.id)
		s.must(err)
		if attempts != want.attempts || answers != want.answers {
			t.Errorf("%d attempts, %d answers; want %d, %d", attempts, answers, want.attempts, want.answers)
		}
	}
	// Attempts made at the same time are all counted.
	attempts := make(chan int, 10)
	s.parallel(10, func(int) error {
		n, _, err := s.BeginCall(s.ctx, id, "k3", store.Call{})
		attempts <- n
		return err
	})
	close(attempts)
	var seen []int
	for n := range attempts {
		seen = append(seen, n)
	}
	slices.Sort(seen)
	if want := []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}; !slices.Equal(seen, want) {
		t.Errorf("attempts at once are %v, want %v", seen, want)
	}
}

// testBudget: of many calls that begin at once, as many as the budget allows are counted, for each connector apart.
func testBudget(t *testing.T, s *suite) {
	id, other := s.running(1), s.running(1)
	const budget = 10
	begin := func(id, connector string, from, calls int) (begun, refused int) {
		t.Helper()
		got := make(chan error, calls)
		s.parallel(calls, func(i int) error {
			_, _, err := s.BeginCall(s.ctx, id, fmt.Sprintf("%s/%d", connector, from+i), store.Call{ConnectorID: connector, Budget: budget})
			got <- err
			if errors.Is(err, store.ErrBudget) {
				return nil
			}
			return err
		})
		close(got)
		for err := range got {
			if err == nil {
				begun++
			} else {
				refused++
			}
		}
		return begun, refused
	}
	_, _, err := s.BeginCall(s.ctx, id, "dear/free", store.Call{ConnectorID: "free"})
	s.must(err)
	if begun, refused := begin(id, "dear", 0, 50); begun != budget || refused != 40 {
		t.Errorf("50 calls at once with a budget of 10: %d begun, %d refused", begun, refused)
	}
	if begun, _ := begin(id, "second", 0, 3); begun != 3 {
		t.Errorf("the calls of another connector: %d of 3 begun", begun)
	}
	if begun, _ := begin(other, "dear", 0, 3); begun != 3 {
		t.Errorf("the calls of another migration: %d of 3 begun", begun)
	}
	// An attempt at a question that was begun costs as much as another; a recorded answer costs nothing.
	s.must(s.SaveAnswer(s.ctx, id, "dear/0", store.Answer{Text: "a"}))
	_, a, err := s.BeginCall(s.ctx, id, "dear/0", store.Call{ConnectorID: "dear", Budget: budget})
	s.must(err)
	if a == nil {
		t.Error("the recorded answer was not returned")
	}
	_, _, err = s.BeginCall(s.ctx, id, "dear/1", store.Call{ConnectorID: "dear", Budget: budget})
	s.wantErr(err, store.ErrBudget)
	if attempts, _, err := s.CallStats(s.ctx, id); err != nil || attempts != budget+1+3 {
		t.Errorf("%d attempts, %v; want %d", attempts, err, budget+1+3)
	}
}

func testCancelled(t *testing.T, s *suite) {
	id := s.running(3)
	s.claim(id, token(1, 1), 1, ruleID(0))
	s.must(s.SaveAnswer(s.ctx, id, "k", store.Answer{Text: "a"}))
	before := s.snapshot(id)
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	calls := s.calls(id)
	calls["MarkDeleted"] = func(ctx context.Context) error { return s.MarkDeleted(ctx, id) }
	calls["DeleteMigration"] = func(ctx context.Context) error { return s.DeleteMigration(ctx, id) }
	calls["CreateMigration"] = func(ctx context.Context) error {
		return s.CreateMigration(ctx, newMigration(s.newID()), originals(0, 1))
	}
	calls["Migrations"] = func(ctx context.Context) error { _, err := s.Migrations(ctx); return err }
	calls["Overview"] = func(ctx context.Context) error { _, err := s.Overview(ctx); return err }
	calls["Ready"] = s.Ready
	for name, call := range calls {
		if err := call(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%s with a cancelled context: %v", name, err)
		}
	}
	if diff := cmp.Diff(before, s.snapshot(id)); diff != "" {
		t.Fatalf("cancelled calls changed (-before +after):\n%s", diff)
	}
	// Cancelled in the middle of things: each write is there or not, and the counts agree with the documents.
	ctx, cancel = context.WithCancel(s.ctx)
	s.parallel(20, func(i int) error {
		if i == 10 {
			cancel()
		}
		_, _, err := s.Claim(ctx, id, token(1, int64(10+i)), 1)
		if err != nil && !errors.Is(err, context.Canceled) {
			return err
		}
		return nil
	})
	c, err := s.Counts(s.ctx, id)
	s.must(err)
	s.wantCounts(id, c)
	_, err = s.Release(s.ctx, id, 1, nil)
	s.must(err)
	s.wantCounts(id, counts(3, 0, 0, 0))
}
