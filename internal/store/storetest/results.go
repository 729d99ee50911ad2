package storetest

import (
	"testing"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
)

// testResults: the overview says what finished rules came to, however they got there or were taken back.
func testResults(t *testing.T, s *suite) {
	id, other := s.running(7), s.running(1)
	var ids []string
	for i := range 7 {
		ids = append(ids, ruleID(i))
	}
	s.claim(id, token(1, 1), 7, ids...)
	record := func(id, ruleID string, tok migration.Token, result migration.Result, matched bool) {
		t.Helper()
		s.must(s.Record(s.ctx, id, ruleID, tok, func(r *migration.Rule) {
			r.Status, r.Result = migration.StatusFinished, result
			if matched {
				r.Matched = &migration.Match{RuleID: "p1", Name: "A prebuilt rule"}
			}
		}))
	}
	want := func(id string, full, partial, untranslatable, matched int, c migration.Counts) {
		t.Helper()
		if got, want := s.results(id), (migration.Results{ResultCounts: migration.ResultCounts{Full: full, Partial: partial, Untranslatable: untranslatable}, Matched: matched}); got != want {
			t.Fatalf("the documents say %+v, want %+v", got, want)
		}
		s.wantCounts(id, c) // the overview too
	}
	want(id, 0, 0, 0, 0, counts(0, 7, 0, 0))
	record(id, ruleID(0), token(1, 1), migration.Full, true)
	record(id, ruleID(1), token(1, 1), migration.Full, false)
	record(id, ruleID(2), token(1, 1), migration.Partial, false)
	record(id, ruleID(3), token(1, 1), migration.Partial, true)
	record(id, ruleID(4), token(1, 1), migration.Untranslatable, false)
	record(id, ruleID(4), token(1, 1), migration.Untranslatable, false)
	s.must(s.Record(s.ctx, id, ruleID(5), token(1, 1), func(r *migration.Rule) {
		r.Status, r.ErrorCode, r.Result, r.Matched = migration.StatusError, "crashed", migration.Full, &migration.Match{RuleID: "p1"}
	}))
	want(id, 2, 2, 1, 2, counts(0, 1, 5, 1))

	// A person can change what a rule came to.
	_, err := s.amend(id, store.Amendment{RuleID: ruleID(0)}, func(r *migration.Rule) error {
		r.Result, r.Matched = migration.Partial, nil
		return nil
	})
	s.must(err)
	want(id, 1, 3, 1, 1, counts(0, 1, 5, 1))

	s.claim(other, token(1, 1), 1, ruleID(0))
	record(other, ruleID(0), token(1, 1), migration.Full, true)
	s.must(s.DeleteRule(s.ctx, id, ruleID(3)))
	want(id, 1, 2, 1, 0, counts(0, 1, 4, 1))
	want(other, 1, 0, 0, 1, counts(0, 0, 1, 0))

	_, err = s.Requeue(s.ctx, id, 2, store.Again{NotFull: true, Failed: true})
	s.must(err)
	want(id, 1, 0, 0, 0, counts(5, 0, 1, 0))
	s.claim(id, token(2, 1), 1, ruleID(0))
	record(id, ruleID(0), token(2, 1), migration.Full, true)
	want(id, 2, 0, 0, 1, counts(4, 0, 2, 0))
}
