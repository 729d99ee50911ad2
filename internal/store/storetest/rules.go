package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
)

// parallel runs f n times at once and fails on the first error.
func (s *suite) parallel(n int, f func(i int) error) {
	s.Helper()
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = f(i) })
	}
	wg.Wait()
	for _, err := range errs {
		s.must(err)
	}
}

func testRecord(t *testing.T, s *suite) {
	id := s.running(3)
	s.claim(id, token(1, 1), 3, ruleID(0), ruleID(1), ruleID(2))
	step := func(r *migration.Rule) {
		r.Near = []migration.Match{{RuleID: "p", Name: "near", Score: 0.5}}
		r.History = append(r.History, migration.HistoryEntry{At: start, By: "match", Action: "matched"})
		r.UpdatedBy = "match"
	}
	s.must(s.Record(s.ctx, id, ruleID(0), token(1, 1), step))
	s.wantCounts(id, counts(0, 3, 0, 0))
	risk := 7
	s.must(s.Record(s.ctx, id, ruleID(0), token(1, 1), func(r *migration.Rule) {
		finish(r)
		r.Result, r.Verification = migration.Partial, migration.VerificationNotRun
		r.Diagnostics = []migration.Diagnostic{{Code: "missing_macro", Severity: "error", Message: "é", Start: migration.Position{Line: 1, Column: 2}}}
		r.Missing = []migration.Missing{{Kind: "macro", Name: "m"}}
		r.CompilerVersion = "0123456789ab"
		r.Comments = []migration.Comment{{Message: "c", CreatedAt: start, CreatedBy: "b"}}
		r.Elastic.LookupIndices = []migration.LookupIndex{{Name: "lookup_x", Body: map[string]any{"mappings": map[string]any{"a.b": true}},
			Rows: []map[string]any{{"k": "v"}, {"k": []any{"v", "w"}}}}}
		r.UpdatedAt = start.Add(time.Hour)
	}))
	s.wantCounts(id, counts(0, 2, 1, 0))
	r, err := s.Rule(s.ctx, id, ruleID(0))
	s.must(err)
	if r.Status != migration.StatusFinished || r.Result != migration.Partial || len(r.Near) != 1 || len(r.History) != 1 ||
		len(r.Diagnostics) != 1 || len(r.Elastic.LookupIndices) != 1 || r.CompilerVersion != "0123456789ab" || r.UpdatedBy != "match" || !r.UpdatedAt.Equal(start.Add(time.Hour)) {
		t.Fatalf("recorded rule: %+v", r)
	}
	if diff := cmp.Diff(map[string]any{"k": []any{"v", "w"}}, r.Elastic.LookupIndices[0].Rows[1]); diff != "" {
		t.Errorf("free-form part of the document (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(original(ruleID(0)), r.Original); diff != "" {
		t.Errorf("original rule (-want +got):\n%s", diff)
	}
	s.must(s.Record(s.ctx, id, ruleID(1), token(1, 1), fail))
	s.wantCounts(id, counts(0, 1, 1, 1))

	// Recording twice is recording once.
	before := s.snapshot(id)
	s.must(s.Record(s.ctx, id, ruleID(0), token(1, 1), func(r *migration.Rule) { finish(r); r.UpdatedBy = "second" }))
	s.must(s.Record(s.ctx, id, ruleID(1), token(1, 1), fail))
	s.wantErr(s.Record(s.ctx, id, ruleID(0), token(1, 1), fail), store.ErrFenced)
	s.wantErr(s.Record(s.ctx, id, ruleID(0), token(1, 1), step), nil)
	if diff := cmp.Diff(before, s.snapshot(id)); diff != "" {
		t.Fatalf("recording twice changed (-once +twice):\n%s", diff)
	}
	// A change that sets no time gets the store's.
	s.must(s.Record(s.ctx, id, ruleID(2), token(1, 1), func(r *migration.Rule) { r.Original.RiskScore = &risk; r.UpdatedBy = "b" }))
	if r, err = s.Rule(s.ctx, id, ruleID(2)); err != nil || !r.UpdatedAt.After(start) {
		t.Errorf("updated at %v, %v", r.UpdatedAt, err)
	}
	if err := s.Record(s.ctx, id, ruleID(2), token(1, 1), func(r *migration.Rule) { r.Status = "odd" }); err == nil {
		t.Error("an unknown status was stored")
	}
	s.wantErr(s.Record(s.ctx, id, "no such rule", token(1, 1), finish), store.ErrNotFound)
	// A rule can be given back.
	s.must(s.Record(s.ctx, id, ruleID(2), token(1, 1), func(r *migration.Rule) { r.Status = migration.StatusPending }))
	s.wantCounts(id, counts(1, 0, 1, 1))
	s.wantErr(s.Record(s.ctx, id, ruleID(2), token(1, 1), finish), store.ErrFenced)
}

func testRecordFence(t *testing.T, s *suite) {
	id := s.running(4)
	s.claim(id, token(1, 1), 3, ruleID(0), ruleID(1), ruleID(2))
	_, err := s.Release(s.ctx, id, 1, []string{ruleID(1)})
	s.must(err)
	s.claim(id, token(1, 2), 1, ruleID(1))
	before := s.snapshot(id)
	for _, late := range []struct {
		rule string
		tok  migration.Token
	}{
		{ruleID(1), token(1, 1)}, // released, and claimed by another
		{ruleID(0), token(1, 2)},
		{ruleID(0), token(0, 1)},
		{ruleID(0), token(2, 1)},
		{ruleID(3), token(1, 1)}, // never claimed
		{ruleID(3), token(0, 0)},
	} {
		s.wantErr(s.Record(s.ctx, id, late.rule, late.tok, finish), store.ErrFenced)
	}
	if diff := cmp.Diff(before, s.snapshot(id)); diff != "" {
		t.Fatalf("late writes changed (-before +after):\n%s", diff)
	}
	// After a new start nothing of the old one counts.
	_, err = s.Requeue(s.ctx, id, 2, store.Again{})
	s.must(err)
	s.wantErr(s.Record(s.ctx, id, ruleID(0), token(1, 1), finish), store.ErrFenced)
	s.claim(id, token(2, 1), 4, ruleID(0), ruleID(1), ruleID(2), ruleID(3))
	s.wantErr(s.Record(s.ctx, id, ruleID(0), token(1, 1), finish), store.ErrFenced)
	s.must(s.Record(s.ctx, id, ruleID(0), token(2, 1), finish))
	s.wantErr(s.Record(s.ctx, id, ruleID(0), token(1, 1), finish), store.ErrFenced)
	s.wantCounts(id, counts(0, 3, 1, 0))
}

func testRecordAtOnce(t *testing.T, s *suite) {
	id := s.running(20)
	ids, _, err := s.Claim(s.ctx, id, token(1, 1), 20)
	s.must(err)
	s.parallel(len(ids)*2, func(i int) error { return s.Record(s.ctx, id, ids[i/2], token(1, 1), finish) })
	s.wantCounts(id, counts(0, 0, 20, 0))

	// Changes of one rule at the same time are all kept.
	id = s.running(1)
	s.claim(id, token(1, 1), 1, ruleID(0))
	s.parallel(8, func(i int) error {
		return s.Record(s.ctx, id, ruleID(0), token(1, 1), func(r *migration.Rule) {
			r.Comments = append(r.Comments, migration.Comment{Message: fmt.Sprint(i), CreatedAt: start})
		})
	})
	r, err := s.Rule(s.ctx, id, ruleID(0))
	s.must(err)
	if len(r.Comments) != 8 {
		t.Errorf("%d of 8 comments were kept", len(r.Comments))
	}
}

// testRecordMeanwhile puts another call between the reading and the writing of Record: the change function, in which it
// is made here, is called again or its result is dropped.
func testRecordMeanwhile(t *testing.T, s *suite) {
	for _, tt := range []struct {
		name      string
		meanwhile func(id string) error
		want      error
	}{
		{"another change", func(id string) error {
			return s.Record(s.ctx, id, ruleID(0), token(1, 1), func(r *migration.Rule) { r.ErrorCode = "kept" })
		}, nil},
		{"a release", func(id string) error { _, err := s.Release(s.ctx, id, 1, nil); return err }, store.ErrFenced},
		{"a new start", func(id string) error { _, err := s.Requeue(s.ctx, id, 2, store.Again{}); return err }, store.ErrFenced},
		{"a new claim", func(id string) error {
			if _, err := s.Requeue(s.ctx, id, 2, store.Again{}); err != nil {
				return err
			}
			_, _, err := s.Claim(s.ctx, id, token(2, 1), 1)
			return err
		}, store.ErrFenced},
		{"the end", func(id string) error { return s.Record(s.ctx, id, ruleID(0), token(1, 1), fail) }, store.ErrFenced},
		{"the same end", func(id string) error { return s.Record(s.ctx, id, ruleID(0), token(1, 1), finish) }, nil},
		{"the rule's deletion", func(id string) error { return s.DeleteRule(s.ctx, id, ruleID(0)) }, store.ErrNotFound},
		{"a tombstone", func(id string) error { return s.MarkDeleted(s.ctx, id) }, store.ErrNotFound},
		{"the migration's deletion", func(id string) error { return s.DeleteMigration(s.ctx, id) }, store.ErrNotFound},
	} {
		id := s.running(2)
		s.claim(id, token(1, 1), 1, ruleID(0))
		calls := 0
		err := s.Record(s.ctx, id, ruleID(0), token(1, 1), func(r *migration.Rule) {
			if calls++; calls == 1 {
				s.must(tt.meanwhile(id))
			}
			finish(r)
		})
		// A tombstone may also come to count after the record; then nobody sees what was recorded.
		if !errors.Is(err, tt.want) && (tt.name != "a tombstone" || err != nil) {
			t.Errorf("after %s: %v, want %v", tt.name, err, tt.want)
		}
		if errors.Is(tt.want, store.ErrNotFound) {
			if _, err := s.Rule(s.ctx, id, ruleID(0)); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("after %s the rule came back: %v", tt.name, err)
			}
			continue
		}
		c, err := s.Counts(s.ctx, id)
		s.must(err)
		s.wantCounts(id, c)
		r, err := s.Rule(s.ctx, id, ruleID(0))
		s.must(err)
		if (r.Status == migration.StatusFinished) != (tt.want == nil) || tt.name == "another change" && r.ErrorCode != "kept" {
			t.Errorf("after %s the rule is %s, error code %q", tt.name, r.Status, r.ErrorCode)
		}
	}
}

func testRecordKeepsIdentity(t *testing.T, s *suite) {
	id := s.running(1)
	s.claim(id, token(1, 1), 1, ruleID(0))
	s.must(s.Record(s.ctx, id, ruleID(0), token(1, 1), func(r *migration.Rule) {
		*r = migration.Rule{ID: "x", MigrationID: "y", CreatedBy: "z", Token: token(9, 9), Status: migration.StatusProcessing,
			UpdatedBy: "changed", Original: migration.OriginalRule{ID: "x"}}
	}))
	r, err := s.Rule(s.ctx, id, ruleID(0))
	s.must(err)
	if r.ID != ruleID(0) || r.MigrationID != id || r.CreatedBy != "ann" || r.Token != token(1, 1) || !r.Timestamp.Equal(start) ||
		r.UpdatedBy != "changed" || cmp.Diff(original(ruleID(0)), r.Original) != "" {
		t.Errorf("after a change of everything: %+v", r)
	}
}

func testRelease(t *testing.T, s *suite) {
	id := s.running(6)
	s.claim(id, token(1, 1), 4, ruleID(0), ruleID(1), ruleID(2), ruleID(3))
	s.must(s.Record(s.ctx, id, ruleID(0), token(1, 1), finish))
	s.must(s.Record(s.ctx, id, ruleID(1), token(1, 1), func(r *migration.Rule) { r.UpdatedBy = "match" }))
	release := func(epoch int64, want migration.Counts, ids ...string) {
		t.Helper()
		c, err := s.Release(s.ctx, id, epoch, ids)
		s.must(err)
		if c != want {
			t.Fatalf("release answers %+v, want %+v", c, want)
		}
		s.wantCounts(id, want)
	}
	release(2, counts(2, 3, 1, 0), ruleID(1)) // another start's
	release(1, counts(3, 2, 1, 0), ruleID(0), ruleID(1), ruleID(5), "no such rule")
	release(1, counts(3, 2, 1, 0), ruleID(1))
	r, err := s.Rule(s.ctx, id, ruleID(1))
	s.must(err)
	if r.Status != migration.StatusPending || r.Token != (migration.Token{}) || r.UpdatedBy != "match" {
		t.Errorf("released rule: %s under %v, updated by %q", r.Status, r.Token, r.UpdatedBy)
	}
	release(1, counts(5, 0, 1, 0))
	release(1, counts(5, 0, 1, 0))
	s.claim(id, token(1, 2), 9, ruleID(1), ruleID(2), ruleID(3), ruleID(4), ruleID(5))
}

func testRequeue(t *testing.T, s *suite) {
	id := s.running(6)
	s.claim(id, token(1, 1), 4, ruleID(0), ruleID(1), ruleID(2), ruleID(3))
	s.must(s.Record(s.ctx, id, ruleID(0), token(1, 1), finish))
	s.must(s.Record(s.ctx, id, ruleID(1), token(1, 1), fail))
	s.must(s.Record(s.ctx, id, ruleID(2), token(1, 1), func(r *migration.Rule) { r.UpdatedBy = "match" }))
	requeue := func(epoch int64, retry bool, want migration.Counts) {
		t.Helper()
		c, err := s.Requeue(s.ctx, id, epoch, store.Again{Failed: retry})
		s.must(err)
		if c != want {
			t.Fatalf("requeue answers %+v, want %+v", c, want)
		}
		s.wantCounts(id, want)
	}
	requeue(1, false, counts(2, 2, 1, 1)) // its own rules stay
	requeue(2, false, counts(4, 0, 1, 1))
	r, err := s.Rule(s.ctx, id, ruleID(2))
	s.must(err)
	if r.UpdatedBy != "match" || r.Token != (migration.Token{}) {
		t.Errorf("requeued rule: updated by %q under %v; recorded steps stay, the token goes", r.UpdatedBy, r.Token)
	}
	_, err = s.Requeue(s.ctx, id, 1, store.Again{Failed: true})
	s.wantErr(err, store.ErrFenced)
	requeue(3, true, counts(5, 0, 1, 0))
	if r, err = s.Rule(s.ctx, id, ruleID(1)); err != nil || r.ErrorCode != "" || r.Token != (migration.Token{}) {
		t.Errorf("retried rule: error code %q under %v, %v", r.ErrorCode, r.Token, err)
	}
	s.claim(id, token(3, 1), 1, ruleID(1))
	s.must(s.Record(s.ctx, id, ruleID(1), token(3, 1), fail))
	// A late repetition does not retry what failed under this very start.
	requeue(3, true, counts(4, 0, 1, 1))
	m, err := s.Migration(s.ctx, id)
	s.must(err)
	if m.Epoch != 3 {
		t.Errorf("the migration's epoch is %d, want 3", m.Epoch)
	}
}

func testErrorCodes(t *testing.T, s *suite) {
	id := s.running(4)
	s.claim(id, token(1, 1), 4, ruleID(0), ruleID(1), ruleID(2), ruleID(3))
	code := func(code string) func(*migration.Rule) {
		return func(r *migration.Rule) { r.Status, r.ErrorCode = migration.StatusError, code }
	}
	s.must(s.Record(s.ctx, id, ruleID(0), token(1, 1), code("crashed")))
	s.must(s.Record(s.ctx, id, ruleID(1), token(1, 1), code("timeout")))
	s.must(s.Record(s.ctx, id, ruleID(2), token(1, 1), code("crashed")))
	s.must(s.Record(s.ctx, id, ruleID(3), token(1, 1), finish))
	got, err := s.ErrorCodes(s.ctx, id)
	s.must(err)
	if diff := cmp.Diff(map[string]int{"crashed": 2, "timeout": 1}, got); diff != "" {
		t.Errorf("codes (-want +got):\n%s", diff)
	}
}

// testUnreadable: a rule whose document cannot be decoded says so where it is read alone, is listed with what can be read,
// can be ended with an error and nothing else, and holds up no other rule.
func testUnreadable(t *testing.T, s *suite) {
	id := s.running(3)
	s.claim(id, token(1, 1), 3, ruleID(0), ruleID(1), ruleID(2))
	s.must(s.spoil(s.ctx, s.Store, id, ruleID(1)))
	_, err := s.Rule(s.ctx, id, ruleID(1))
	s.wantErr(err, store.ErrUnreadable)
	s.wantErr(s.Record(s.ctx, id, ruleID(1), token(1, 1), finish), store.ErrUnreadable)
	s.wantCounts(id, counts(0, 3, 0, 0)) // from the list too
	s.wantErr(s.Record(s.ctx, id, ruleID(1), token(1, 2), fail), store.ErrFenced)
	s.must(s.Record(s.ctx, id, ruleID(0), token(1, 1), finish))
	s.must(s.Record(s.ctx, id, ruleID(2), token(1, 1), finish))
	s.must(s.Record(s.ctx, id, ruleID(1), token(1, 1), func(r *migration.Rule) {
		r.Status, r.ErrorCode = migration.StatusError, migration.CodeUnreadable
	}))
	s.wantCounts(id, counts(0, 0, 2, 1))
	wantCode := func() {
		t.Helper()
		failed := s.all(id, store.RuleQuery{Status: migration.StatusError})
		if len(failed) != 1 || failed[0].ID != ruleID(1) || failed[0].MigrationID != id || failed[0].ErrorCode != migration.CodeUnreadable {
			t.Errorf("rules in error: %+v", failed)
		}
		codes, err := s.ErrorCodes(s.ctx, id)
		s.must(err)
		if diff := cmp.Diff(map[string]int{migration.CodeUnreadable: 1}, codes); diff != "" {
			t.Errorf("codes (-want +got):\n%s", diff)
		}
	}
	wantCode()
	// Spoilt at its end, it is still told, and another start takes it again.
	s.must(s.spoil(s.ctx, s.Store, id, ruleID(1)))
	wantCode()
	_, err = s.Requeue(s.ctx, id, 2, store.Again{Failed: true})
	s.must(err)
	s.wantCounts(id, counts(1, 0, 2, 0))
}

func testDeleteRule(t *testing.T, s *suite) {
	id := s.running(4)
	s.claim(id, token(1, 1), 2, ruleID(0), ruleID(1))
	s.must(s.DeleteRule(s.ctx, id, ruleID(0)))
	s.wantCounts(id, counts(2, 1, 0, 0))
	s.wantErr(s.DeleteRule(s.ctx, id, ruleID(0)), store.ErrNotFound)
	s.wantErr(s.Record(s.ctx, id, ruleID(0), token(1, 1), finish), store.ErrNotFound)
	_, err := s.Rule(s.ctx, id, ruleID(0))
	s.wantErr(err, store.ErrNotFound)
	_, err = s.Release(s.ctx, id, 1, []string{ruleID(0)})
	s.must(err)
	s.claim(id, token(1, 1), 2, ruleID(1))
	_, err = s.Requeue(s.ctx, id, 2, store.Again{Failed: true})
	s.must(err)
	s.must(s.DeleteRule(s.ctx, id, ruleID(3)))
	s.wantCounts(id, counts(2, 0, 0, 0))
	s.claim(id, token(2, 1), 9, ruleID(1), ruleID(2))
}

func testList(t *testing.T, s *suite) {
	id := s.running(25)
	s.create(3) // another migration's rules are not listed
	ids, _, err := s.Claim(s.ctx, id, token(1, 1), 15)
	s.must(err)
	results := []migration.Result{migration.Full, migration.Partial, migration.Untranslatable}
	for i, ruleID := range ids[:9] {
		s.must(s.Record(s.ctx, id, ruleID, token(1, 1), func(r *migration.Rule) { finish(r); r.Result = results[i%3] }))
	}
	for _, tt := range []struct {
		q    store.RuleQuery
		want int
	}{
		{store.RuleQuery{}, 25},
		{store.RuleQuery{Size: 5}, 25},
		{store.RuleQuery{Size: 25}, 25},
		{store.RuleQuery{Size: 7}, 25},
		{store.RuleQuery{Size: 5000}, 25},
		{store.RuleQuery{Size: 2, Status: migration.StatusPending}, 10},
		{store.RuleQuery{Size: 3, Status: migration.StatusProcessing}, 6},
		{store.RuleQuery{Size: 1, Result: migration.Partial}, 3},
		{store.RuleQuery{Status: migration.StatusFinished, Result: migration.Full}, 3},
		{store.RuleQuery{Status: migration.StatusPending, Result: migration.Full}, 0},
		{store.RuleQuery{Status: migration.StatusError}, 0},
		{store.RuleQuery{After: ruleID(20)}, 4},
		{store.RuleQuery{After: "r00020x"}, 4}, // a cursor need not exist
		{store.RuleQuery{After: "z"}, 0},
	} {
		rules := s.all(id, tt.q)
		if len(rules) != tt.want {
			t.Errorf("%+v lists %d rules, want %d", tt.q, len(rules), tt.want)
		}
		for _, r := range rules {
			if r.MigrationID != id || tt.q.Status != "" && r.Status != tt.q.Status || tt.q.Result != "" && r.Result != tt.q.Result {
				t.Errorf("%+v lists %s of %s: %s, %s", tt.q, r.ID, r.MigrationID, r.Status, r.Result)
			}
		}
		if rules, next, err := s.List(s.ctx, id, tt.q); err != nil || tt.q.Size > 0 && len(rules) > tt.q.Size ||
			(next == "") != (len(rules) == tt.want) {
			t.Errorf("%+v: first page of %d with next %q, %v", tt.q, len(rules), next, err)
		}
	}
	// A rule reads the same alone and in a list.
	r, err := s.Rule(s.ctx, id, ruleID(4))
	s.must(err)
	if diff := cmp.Diff(r, s.all(id, store.RuleQuery{})[4]); diff != "" {
		t.Errorf("a rule alone and in a list (-alone +list):\n%s", diff)
	}
	// Deleting what a cursor points at leaves the rest in place.
	_, next, err := s.List(s.ctx, id, store.RuleQuery{Size: 5})
	s.must(err)
	s.must(s.DeleteRule(s.ctx, id, next))
	if rest := s.all(id, store.RuleQuery{After: next}); len(rest) != 20 {
		t.Errorf("%d rules after a deleted cursor, want 20", len(rest))
	}
}

func testText(t *testing.T, s *suite) {
	texts := []string{
		"a", "A", "é", "e\u0301", "日本語", "🦊", "z", "a/b", "a%2Fb", "a b", `quo"te`, "new\r\nline", "tab\t", "{json}", "../..",
		"_underscore", "-dash", "a,b", "a*b", "🦊🦊", "\u2028", strings.Repeat("x", 400), strings.Repeat("é", 450),
	}
	var rules []migration.OriginalRule
	for _, text := range texts {
		r := original(text)
		r.Title, r.Query = text, "search \""+text+"\"\r\n| stats count | rename x as \"é\\n\""
		r.Description = strings.Repeat(text+"\n", 200)
		rules = append(rules, r)
	}
	id := s.newID()
	m := newMigration(id)
	m.Name = "é/🦊 \"quoted\""
	s.must(s.CreateMigration(s.ctx, m, rules))
	s.setState(id, migration.Running, 1)
	want := slices.Clone(texts)
	slices.Sort(want) // id order is the order of bytes
	var got []string
	for _, r := range s.all(id, store.RuleQuery{Size: 3}) {
		got = append(got, r.ID)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("ids in order (-want +got):\n%s", diff)
	}
	ids, _, err := s.Claim(s.ctx, id, token(1, 1), 100)
	s.must(err)
	if diff := cmp.Diff(want, ids); diff != "" {
		t.Fatalf("claimed ids (-want +got):\n%s", diff)
	}
	for i, text := range texts {
		s.must(s.Record(s.ctx, id, text, token(1, 1), func(r *migration.Rule) { finish(r); r.ErrorCode = text }))
		r, err := s.Rule(s.ctx, id, text)
		s.must(err)
		if diff := cmp.Diff(rules[i], r.Original); diff != "" || r.ErrorCode != text {
			t.Errorf("rule %q came back changed (-want +got):\n%s", text, diff)
		}
	}
	s.wantCounts(id, counts(0, 0, len(texts), 0))
	if got, err := s.Migration(s.ctx, id); err != nil || got.Name != m.Name {
		t.Errorf("name %q, %v", got.Name, err)
	}
	s.must(s.DeleteRule(s.ctx, id, "a/b"))
	if _, err := s.Rule(s.ctx, id, "a%2Fb"); err != nil {
		t.Error(err)
	}
}

// testTwiceAndLate runs each writing call twice, and once late: after a newer start, and after the deletion.
func testTwiceAndLate(t *testing.T, s *suite) {
	for name := range s.writes("") {
		id := s.running(3)
		s.claim(id, token(1, 1), 2, ruleID(0), ruleID(1))
		if name == "AppendRules" || name == "UpsertResources" {
			s.setState(id, migration.Stopped, 1)
		}
		call := s.writes(id)[name]
		s.must(call(s.ctx))
		once := s.snapshot(id)
		if err := call(s.ctx); err != nil && name != "DeleteRule" && name != "Record" {
			t.Errorf("%s a second time: %v", name, err)
		}
		twice := s.snapshot(id)
		if name == "BeginCall" {
			twice.Attempts-- // each attempt is counted
		}
		if diff := cmp.Diff(once, twice); diff != "" {
			t.Errorf("%s twice (-once +twice):\n%s", name, diff)
		}

		// Late: a newer start has taken over, and holds the rules.
		id = s.running(3)
		s.claim(id, token(1, 1), 2, ruleID(0), ruleID(1))
		_, err := s.Requeue(s.ctx, id, 2, store.Again{})
		s.must(err)
		s.setState(id, migration.Running, 2)
		s.claim(id, token(2, 1), 2, ruleID(0), ruleID(1))
		before := s.snapshot(id)
		switch name {
		case "DeleteRule", "Amend", "BeginCall", "SaveAnswer": // not a start's: keyed by rule or question
			continue
		}
		err = s.writes(id)[name](s.ctx)
		switch name {
		case "AppendRules", "UpsertResources":
			s.wantErr(err, store.ErrConflict)
		case "Release", "ReleaseAll": // finds nothing of its own
			s.must(err)
		default:
			s.wantErr(err, store.ErrFenced)
		}
		if diff := cmp.Diff(before, s.snapshot(id)); diff != "" {
			t.Errorf("%s late (-before +after):\n%s", name, diff)
		}
	}
}

func testMany(t *testing.T, s *suite) {
	const rules = 10000
	id := s.running(rules)
	s.wantCounts(id, counts(rules, 0, 0, 0))
	tok := token(1, 1)
	ids, c, err := s.Claim(s.ctx, id, tok, 50)
	s.must(err)
	if len(ids) != 50 || c != counts(rules-50, 50, 0, 0) {
		t.Fatalf("claimed %d with %+v", len(ids), c)
	}
	s.parallel(len(ids), func(i int) error { return s.Record(s.ctx, id, ids[i], tok, finish) })
	s.wantCounts(id, counts(rules-50, 0, 50, 0))
	if ids, _, err = s.Claim(s.ctx, id, token(1, 2), rules); err != nil || len(ids) != rules-50 {
		t.Fatalf("claimed %d, %v", len(ids), err)
	}
	c, err = s.Release(s.ctx, id, 1, nil)
	s.must(err)
	if c != counts(rules-50, 0, 50, 0) {
		t.Fatalf("released to %+v", c)
	}
	s.must(s.DeleteMigration(s.ctx, id))
	_, err = s.Counts(s.ctx, id)
	s.wantErr(err, store.ErrNotFound)
}
