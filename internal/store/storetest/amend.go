package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
)

// edit is a person's change.
func edit(by, query string) func(*migration.Rule) error {
	return func(r *migration.Rule) error {
		e := *r.Elastic
		e.Query = query
		r.Draft, r.Elastic = r.Elastic, &e
		r.Edited = &migration.Edited{By: by, At: start}
		r.Status, r.Token, r.ID = migration.StatusError, token(9, 9), "another" // not the change's to alter
		r.UpdatedBy, r.UpdatedAt = by, start.Add(time.Hour)
		r.History = append(slices.Clip(r.History), migration.HistoryEntry{At: start, By: by, Action: migration.ActionEdited})
		return nil
	}
}

func (s *suite) amend(id string, a store.Amendment, change func(*migration.Rule) error) (migration.Rule, error) {
	return store.AmendOne(s.ctx, s.Store, id, a, change)
}

func (s *suite) wantConflict(err error, by string, revision int64) {
	s.Helper()
	var c *store.ConflictError
	if !errors.As(err, &c) || !errors.Is(err, store.ErrConflict) || c.By != by || c.Revision != revision || c.At.IsZero() {
		s.Errorf("error is %v, want a conflict with revision %d by %s", err, revision, by)
	}
}

func testAmend(t *testing.T, s *suite) {
	id := s.running(4)
	s.claim(id, token(1, 1), 3, ruleID(0), ruleID(1), ruleID(2))
	s.must(s.Record(s.ctx, id, ruleID(0), token(1, 1), finish))
	was, err := s.Rule(s.ctx, id, ruleID(0))
	s.must(err)
	now, err := s.amend(id, store.Amendment{RuleID: ruleID(0), Revision: was.Revision}, edit("ann", "FROM ann"))
	s.must(err)
	want := was
	e := *was.Elastic
	e.Query = "FROM ann"
	want.Elastic, want.Draft, want.Edited = &e, was.Elastic, &migration.Edited{By: "ann", At: start}
	want.UpdatedBy, want.UpdatedAt, want.Revision = "ann", start.Add(time.Hour), was.Revision+1
	want.History = []migration.HistoryEntry{{At: start, By: "ann", Action: migration.ActionEdited}}
	if diff := cmp.Diff(want, now); diff != "" {
		t.Errorf("the answer (-want +got):\n%s", diff)
	}
	stored, err := s.Rule(s.ctx, id, ruleID(0))
	s.must(err)
	if diff := cmp.Diff(want, stored); diff != "" {
		t.Errorf("the stored rule (-want +got):\n%s", diff)
	}
	s.wantCounts(id, counts(1, 2, 1, 0))

	// The same amendment again is told, not doubled; so is somebody else's that saw the rule before.
	_, err = s.amend(id, store.Amendment{RuleID: ruleID(0), Revision: was.Revision}, edit("ann", "FROM ann"))
	s.wantConflict(err, "ann", now.Revision)
	_, err = s.amend(id, store.Amendment{RuleID: ruleID(0), Revision: was.Revision}, edit("bob", "FROM bob"))
	s.wantConflict(err, "ann", now.Revision)
	// What alters nothing is not written, and a refusal changes nothing.
	same, err := s.amend(id, store.Amendment{RuleID: ruleID(0)}, func(*migration.Rule) error { return nil })
	s.must(err)
	refusal := errors.New("no")
	_, err = s.amend(id, store.Amendment{RuleID: ruleID(0)}, func(r *migration.Rule) error { r.UpdatedBy = "x"; return refusal })
	s.wantErr(err, refusal)
	if stored, err = s.Rule(s.ctx, id, ruleID(0)); err != nil || cmp.Diff(now, stored) != "" || cmp.Diff(now, same) != "" {
		t.Errorf("the rule changed, %v:\n%s", err, cmp.Diff(now, stored))
	}
	// A rule that is being translated stays as it is, a pending one may be changed.
	_, err = s.amend(id, store.Amendment{RuleID: ruleID(1)}, edit("bob", "q"))
	var c *store.ConflictError
	if !errors.As(err, &c) || !c.Processing {
		t.Errorf("a rule that is being translated: %v", err)
	}
	comment := func(r *migration.Rule) error {
		r.Comments = append(slices.Clip(r.Comments), migration.Comment{Message: "m", CreatedAt: start, CreatedBy: "bob"})
		return nil
	}
	if r, err := s.amend(id, store.Amendment{RuleID: ruleID(3)}, comment); err != nil || len(r.Comments) != 1 || r.Status != migration.StatusPending {
		t.Errorf("a comment on a pending rule: %+v, %v", r, err)
	}
	// What is not there does not come back.
	s.must(s.DeleteRule(s.ctx, id, ruleID(2)))
	_, err = s.amend(id, store.Amendment{RuleID: ruleID(2)}, comment)
	s.wantErr(err, store.ErrNotFound)
	_, err = s.Rule(s.ctx, id, ruleID(2))
	s.wantErr(err, store.ErrNotFound)
	s.must(s.spoil(s.ctx, s.Store, id, ruleID(3)))
	_, err = s.amend(id, store.Amendment{RuleID: ruleID(3)}, comment)
	s.wantErr(err, store.ErrUnreadable)
	s.must(s.MarkDeleted(s.ctx, id))
	_, err = s.amend(id, store.Amendment{RuleID: ruleID(0)}, comment)
	s.wantErr(err, store.ErrNotFound)
}

// testAmendMany: of many rules each gets its answer, and those that cannot be changed keep no other back.
func testAmendMany(t *testing.T, s *suite) {
	const rules = store.AmendStep + 50
	id := s.running(rules)
	ids, _, err := s.Claim(s.ctx, id, token(1, 1), rules-1)
	s.must(err)
	s.parallel(len(ids)-1, func(i int) error { return s.Record(s.ctx, id, ids[i], token(1, 1), finish) })
	changed, err := s.amend(id, store.Amendment{RuleID: ruleID(3)}, edit("bob", "FROM bob"))
	s.must(err)
	var as []store.Amendment
	for _, r := range s.all(id, store.RuleQuery{}) {
		as = append(as, store.Amendment{RuleID: r.ID, Revision: r.Revision})
	}
	as[3].Revision-- // seen before bob's change
	as = append(as, store.Amendment{RuleID: "nobody"})
	accept := func(r *migration.Rule) error {
		if r.ID == ruleID(5) {
			return errors.New("refused")
		}
		r.Review = &migration.Review{State: migration.ReviewAccepted, By: "ann", At: start}
		return nil
	}
	var told []string
	failed := map[string]error{}
	s.must(s.Amend(s.ctx, id, as, accept, func(r store.AmendResult) {
		told = append(told, r.RuleID)
		if r.Err != nil {
			failed[r.RuleID] = r.Err
		} else if r.Was.Review != nil && r.RuleID != ruleID(3) || r.Now.Review == nil || r.Now.Revision != r.Was.Revision+1 {
			t.Errorf("%s: revision %d after %d, %+v", r.RuleID, r.Now.Revision, r.Was.Revision, r.Now.Review)
		}
	}))
	slices.Sort(told)
	if len(told) != len(as) || len(slices.Compact(told)) != len(as) {
		t.Errorf("%d rules were told of, want %d", len(told), len(as))
	}
	s.wantConflict(failed[ruleID(3)], "bob", changed.Revision)
	s.wantErr(failed["nobody"], store.ErrNotFound)
	if len(failed) != 4 || failed[ruleID(5)] == nil || failed[ruleID(rules-2)] == nil {
		t.Errorf("failed: %v", failed)
	}
	accepted := 0
	for _, r := range s.all(id, store.RuleQuery{}) {
		if r.Review != nil {
			accepted++
		}
	}
	if accepted != rules-3 {
		t.Errorf("%d rules are accepted, want %d", accepted, rules-3)
	}
	if got := len(s.all(id, store.RuleQuery{Unsettled: true})); got != 2 {
		t.Errorf("%d rules are not settled, want 2", got)
	}
}

// testAmendAtOnce: of people who saw the same revision one wins, and the others are told; changes that name no revision all
// take place.
func testAmendAtOnce(t *testing.T, s *suite) {
	id := s.running(1)
	s.claim(id, token(1, 1), 1, ruleID(0))
	s.must(s.Record(s.ctx, id, ruleID(0), token(1, 1), finish))
	was, err := s.Rule(s.ctx, id, ruleID(0))
	s.must(err)
	var mu sync.Mutex
	won := 0
	s.parallel(8, func(i int) error {
		_, err := s.amend(id, store.Amendment{RuleID: ruleID(0), Revision: was.Revision}, edit(fmt.Sprint("p", i), fmt.Sprint("FROM p", i)))
		var c *store.ConflictError
		if errors.As(err, &c) && c.Revision == was.Revision+1 {
			return nil
		}
		mu.Lock()
		won++
		mu.Unlock()
		return err
	})
	now, err := s.Rule(s.ctx, id, ruleID(0))
	s.must(err)
	if won != 1 || now.Revision != was.Revision+1 || len(now.History) != 1 || now.Elastic.Query != "FROM "+now.Edited.By {
		t.Errorf("%d won: revision %d, %+v", won, now.Revision, now.History)
	}
	s.parallel(8, func(i int) error {
		_, err := s.amend(id, store.Amendment{RuleID: ruleID(0)}, func(r *migration.Rule) error {
			r.Comments = append(slices.Clip(r.Comments), migration.Comment{Message: fmt.Sprint(i), CreatedAt: start})
			return nil
		})
		return err
	})
	if now, err = s.Rule(s.ctx, id, ruleID(0)); err != nil || len(now.Comments) != 8 {
		t.Errorf("%d comments, %v", len(now.Comments), err)
	}
}

// testSettled: kinds of rules that are translated again leave out what a person has settled; rules that are named do not,
// and what the person wrote is kept in the history.
func testSettled(t *testing.T, s *suite) {
	ended := func() string {
		id := s.running(6)
		s.claim(id, token(1, 1), 6, ruleID(0), ruleID(1), ruleID(2), ruleID(3), ruleID(4), ruleID(5))
		for i := range 5 {
			s.must(s.Record(s.ctx, id, ruleID(i), token(1, 1), func(r *migration.Rule) { finish(r); r.Result = migration.Partial }))
		}
		s.must(s.Record(s.ctx, id, ruleID(5), token(1, 1), fail))
		review := func(state migration.ReviewState) func(*migration.Rule) error {
			return func(r *migration.Rule) error {
				r.Review = &migration.Review{State: state, By: "ann", At: start}
				r.History = append(r.History, migration.HistoryEntry{At: start, By: "ann", Action: string(state)})
				return nil
			}
		}
		for _, step := range []struct {
			i      int
			change func(*migration.Rule) error
		}{
			{0, edit("ann", "FROM ann")}, {1, review(migration.ReviewAccepted)}, {2, review(migration.ReviewRejected)},
			{3, review(migration.ReviewAccepted)}, {3, review(migration.ReviewInstalled)}, {4, review(migration.ReviewInstalled)},
			{5, review(migration.ReviewRejected)},
		} {
			_, err := s.amend(id, store.Amendment{RuleID: ruleID(step.i)}, step.change)
			s.must(err)
		}
		s.setState(id, migration.Stopped, 1)
		return id
	}
	for _, tt := range []struct {
		again store.Again
		want  []string
	}{
		{store.Again{NotFull: true, Failed: true}, []string{ruleID(4)}},
		{store.Again{Failed: true, RuleIDs: []string{ruleID(0)}}, []string{ruleID(0)}},
	} {
		id := ended()
		tt.again.By = "bob"
		_, err := s.Requeue(s.ctx, id, 2, tt.again)
		s.must(err)
		var got []string
		for _, r := range s.all(id, store.RuleQuery{Status: migration.StatusPending}) {
			got = append(got, r.ID)
			h := r.History[len(r.History)-1]
			if r.Review != nil || r.Edited != nil || r.Draft != nil || h.Action != migration.ActionRequeued || h.By != "bob" {
				t.Errorf("a rule that begins anew: %+v", r)
			}
			if r.ID == ruleID(0) && (h.Earlier.Query != "FROM ann" || h.Earlier.EditedBy != "ann") {
				t.Errorf("what ann wrote is lost: %+v", h.Earlier)
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", tt.again, diff)
		}
	}
}
