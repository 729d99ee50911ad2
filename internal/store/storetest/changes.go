package storetest

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
)

// changes are the rules whose revision differs from what is known; it brings known up to date.
func (s *suite) changes(id string, mark *int64, known map[string]int64) []string {
	s.Helper()
	c, err := s.Changes(s.ctx, id, *mark)
	s.must(err)
	*mark = c.Mark
	changed := map[string]bool{}
	for _, r := range c.Rules {
		if known[r.ID] > r.Revision {
			s.Errorf("rule %s went from revision %d to %d", r.ID, known[r.ID], r.Revision)
		}
		changed[r.ID] = known[r.ID] != r.Revision
		known[r.ID] = r.Revision
	}
	var ids []string
	for _, r := range s.all(id, store.RuleQuery{}) {
		if changed[r.ID] {
			ids = append(ids, r.ID)
		}
		if known[r.ID] != r.Revision {
			s.Errorf("rule %s has revision %d, and the changes say %d", r.ID, r.Revision, known[r.ID])
		}
	}
	if c.Counts != s.tally(id) {
		s.Errorf("the changes count %+v, the documents %+v", c.Counts, s.tally(id))
	}
	return ids
}

// testChanges: every stored change raises the revision of its rule and is found after the mark before it.
func testChanges(t *testing.T, s *suite) {
	id := s.running(5)
	s.create(2) // another migration's changes are not listed
	var mark int64
	known := map[string]int64{}
	step := func(what string, want ...string) {
		t.Helper()
		// What a store of several processes shows may be a second old.
		s.settle()
		if diff := cmp.Diff(want, s.changes(id, &mark, known)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	step("all at first", ruleID(0), ruleID(1), ruleID(2), ruleID(3), ruleID(4))
	step("nothing changed")
	s.claim(id, token(1, 1), 3, ruleID(0), ruleID(1), ruleID(2))
	step("claimed", ruleID(0), ruleID(1), ruleID(2))
	s.claim(id, token(1, 1), 3, ruleID(0), ruleID(1), ruleID(2))
	step("claimed again")
	s.must(s.Record(s.ctx, id, ruleID(1), token(1, 1), finish))
	s.must(s.Record(s.ctx, id, ruleID(1), token(1, 1), finish))
	step("recorded", ruleID(1))
	_, err := s.Release(s.ctx, id, 1, []string{ruleID(0)})
	s.must(err)
	step("released", ruleID(0))
	_, err = s.Requeue(s.ctx, id, 2, store.Again{RuleIDs: []string{ruleID(1)}})
	s.must(err)
	step("requeued", ruleID(1), ruleID(2))
	s.setState(id, migration.Stopped, 2)
	_, err = s.AppendRules(s.ctx, id, originals(4, 6), true, "bob")
	s.must(err)
	step("appended", ruleID(5))
	s.must(s.DeleteRule(s.ctx, id, ruleID(3)))
	step("deleted")

	// Named rules are listed whether they changed or not, those that are not there are left out.
	var got []string
	for _, r := range s.all(id, store.RuleQuery{IDs: []string{ruleID(5), "nobody", ruleID(0), ruleID(3)}, Size: 1}) {
		got = append(got, r.ID)
	}
	if diff := cmp.Diff([]string{ruleID(0), ruleID(5)}, got); diff != "" {
		t.Errorf("named rules (-want +got):\n%s", diff)
	}
	if _, err := s.Changes(s.ctx, "no such migration", 0); err == nil {
		t.Error("changes of a migration that is not there")
	}
}
