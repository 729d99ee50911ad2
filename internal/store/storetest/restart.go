package storetest

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
)

// testRestart starts again what a start names, exactly that, and keeps what it had come to.
func testRestart(t *testing.T, s *suite) {
	// Rule 0 is full, 1 partial, 2 untranslatable, 3 in error, 4 processing, 5 pending.
	ended := func() string {
		id := s.running(6)
		s.claim(id, token(1, 1), 5, ruleID(0), ruleID(1), ruleID(2), ruleID(3), ruleID(4))
		result := func(result migration.Result) func(*migration.Rule) {
			return func(r *migration.Rule) {
				finish(r)
				r.Result = result
				r.Diagnostics = []migration.Diagnostic{{Code: "a", Severity: "error"}, {Code: "b", Severity: "info"}, {Code: "a", Severity: "error"}}
				r.Missing = []migration.Missing{{Kind: "macro", Name: "m"}}
				r.Matched = &migration.Match{RuleID: "prebuilt"}
				r.Comments = []migration.Comment{{Message: "a remark", CreatedAt: start, CreatedBy: "ann"}}
				r.History = append(r.History, migration.HistoryEntry{At: start, By: "ann", Action: "translated"})
				r.UpdatedAt = start
			}
		}
		s.must(s.Record(s.ctx, id, ruleID(0), token(1, 1), result(migration.Full)))
		s.must(s.Record(s.ctx, id, ruleID(1), token(1, 1), result(migration.Partial)))
		s.must(s.Record(s.ctx, id, ruleID(2), token(1, 1), result(migration.Untranslatable)))
		s.must(s.Record(s.ctx, id, ruleID(3), token(1, 1), fail))
		return id
	}
	for _, tt := range []struct {
		name  string
		again store.Again
		want  []string // beside those that were not at an end
	}{
		{"nothing", store.Again{}, nil},
		{"failed", store.Again{Failed: true}, []string{ruleID(3)}},
		{"not full", store.Again{NotFull: true}, []string{ruleID(1), ruleID(2)}},
		{"both", store.Again{Failed: true, NotFull: true}, []string{ruleID(1), ruleID(2), ruleID(3)}},
		{"chosen", store.Again{RuleIDs: []string{ruleID(0), ruleID(3), ruleID(5), "no such rule"}}, []string{ruleID(0), ruleID(3)}},
		{"chosen and failed", store.Again{Failed: true, RuleIDs: []string{ruleID(2), ruleID(3)}}, []string{ruleID(2), ruleID(3)}},
	} {
		id := ended()
		tt.again.By = "bob"
		before := map[string]migration.Rule{}
		for _, r := range s.all(id, store.RuleQuery{}) {
			before[r.ID] = r
		}
		for range 2 { // a repeated call changes nothing more
			n := len(tt.want)
			failed := 1
			if slices.Contains(tt.want, ruleID(3)) {
				failed = 0
			}
			c, err := s.Requeue(s.ctx, id, 2, tt.again)
			s.must(err)
			if want := counts(2+n, 0, 4-n-failed, failed); c != want {
				t.Fatalf("%s: requeue answers %+v, want %+v", tt.name, c, want)
			}
			s.wantCounts(id, c)
		}
		for _, r := range s.all(id, store.RuleQuery{}) {
			was := before[r.ID]
			if !slices.Contains(tt.want, r.ID) {
				if was.Status != migration.StatusProcessing {
					if diff := cmp.Diff(was, r); diff != "" {
						t.Errorf("%s: rule %s was not meant (-before +after):\n%s", tt.name, r.ID, diff)
					}
				}
				continue
			}
			n := len(r.History)
			if n != len(was.History)+1 || r.History[n-1].Action != migration.ActionRequeued || r.History[n-1].By != "bob" {
				t.Fatalf("%s: history of %s: %+v", tt.name, r.ID, r.History)
			}
			want := &migration.Earlier{Status: was.Status, Result: was.Result, ErrorCode: was.ErrorCode, UpdatedAt: was.UpdatedAt}
			if was.Elastic != nil {
				want.Query, want.PrebuiltRuleID, want.Codes = was.Elastic.Query, "prebuilt", []string{"a", "b"}
			}
			if diff := cmp.Diff(want, r.History[n-1].Earlier); diff != "" {
				t.Errorf("%s: earlier result of %s (-want +got):\n%s", tt.name, r.ID, diff)
			}
			clean := store.NewRule(id, was.Original, was.Timestamp, was.CreatedBy)
			clean.History, clean.Comments, clean.UpdatedAt, clean.UpdatedBy = r.History, was.Comments, r.UpdatedAt, "bob"
			clean.Revision = was.Revision + 1
			if diff := cmp.Diff(clean, r); diff != "" {
				t.Errorf("%s: %s begins anew (-want +got):\n%s", tt.name, r.ID, diff)
			}
		}
	}

	// What reaches its end under the new start stays when its call is repeated late, and so does everything of a newer one.
	id := ended()
	all := store.Again{Failed: true, NotFull: true, RuleIDs: []string{ruleID(0)}}
	_, err := s.Requeue(s.ctx, id, 2, all)
	s.must(err)
	s.setState(id, migration.Running, 2)
	s.claim(id, token(2, 1), 2, ruleID(0), ruleID(1))
	s.must(s.Record(s.ctx, id, ruleID(0), token(2, 1), finish))
	s.must(s.Record(s.ctx, id, ruleID(1), token(2, 1), fail))
	before := s.snapshot(id)
	_, err = s.Requeue(s.ctx, id, 2, all)
	s.must(err)
	if diff := cmp.Diff(before, s.snapshot(id)); diff != "" {
		t.Errorf("a late repetition changed (-before +after):\n%s", diff)
	}
	_, err = s.Requeue(s.ctx, id, 1, all)
	s.wantErr(err, store.ErrFenced)
	if diff := cmp.Diff(before, s.snapshot(id)); diff != "" {
		t.Errorf("a call of an older start changed (-before +after):\n%s", diff)
	}
}

// testRestartMany restarts more rules than one page or transaction holds.
func testRestartMany(t *testing.T, s *suite) {
	const n = 1100
	id := s.running(n)
	ids, _, err := s.Claim(s.ctx, id, token(1, 1), n)
	s.must(err)
	s.parallel(n, func(i int) error { return s.Record(s.ctx, id, ids[i], token(1, 1), fail) })
	c, err := s.Requeue(s.ctx, id, 2, store.Again{Failed: true, By: "bob"})
	s.must(err)
	if c != counts(n, 0, 0, 0) {
		t.Fatalf("requeue answers %+v", c)
	}
	s.wantCounts(id, c)
}
