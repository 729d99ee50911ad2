package storetest

import (
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
)

func testClaim(t *testing.T, s *suite) {
	id := s.running(5)
	s.claim(id, token(1, 1), 2, ruleID(0), ruleID(1))
	s.wantCounts(id, counts(3, 2, 0, 0))
	s.claim(id, token(1, 2), 2, ruleID(2), ruleID(3))
	s.wantCounts(id, counts(1, 4, 0, 0))
	r, err := s.Rule(s.ctx, id, ruleID(3))
	s.must(err)
	if r.Status != migration.StatusProcessing || r.Token != token(1, 2) {
		t.Errorf("claimed rule: %s under %v", r.Status, r.Token)
	}
	s.claim(id, token(1, 3), 2, ruleID(4))
	s.claim(id, token(1, 4), 2)
	s.wantCounts(id, counts(0, 5, 0, 0))
	s.claim(s.running(2), token(1, 1), 0)
}

func testClaimAgain(t *testing.T, s *suite) {
	id := s.running(5)
	s.claim(id, token(1, 1), 2, ruleID(0), ruleID(1))
	s.claim(id, token(1, 1), 2, ruleID(0), ruleID(1))
	s.claim(id, token(1, 1), 5, ruleID(0), ruleID(1))
	s.must(s.Record(s.ctx, id, ruleID(0), token(1, 1), finish))
	s.claim(id, token(1, 1), 2, ruleID(1))
	s.must(s.Record(s.ctx, id, ruleID(1), token(1, 1), fail))
	// A very late attempt of a claim whose rules are all done claims nothing new.
	s.claim(id, token(1, 1), 2)
	s.wantCounts(id, counts(3, 0, 1, 1))
	// A claim that found nothing stays empty, even when there is something later.
	s.claim(id, token(1, 2), 3, ruleID(2), ruleID(3), ruleID(4))
	s.claim(id, token(1, 3), 3)
	_, err := s.Release(s.ctx, id, 1, []string{ruleID(4)})
	s.must(err)
	s.claim(id, token(1, 3), 3)
	s.claim(id, token(1, 4), 3, ruleID(4))
}

func testClaimFence(t *testing.T, s *suite) {
	id := s.running(5)
	s.claim(id, token(1, 1), 1, ruleID(0))
	s.setState(id, migration.Stopped, 1)
	before := s.snapshot(id)
	for _, tok := range []migration.Token{token(1, 1), token(1, 2), token(0, 1)} {
		_, _, err := s.Claim(s.ctx, id, tok, 5)
		s.wantErr(err, store.ErrFenced)
	}
	if diff := cmp.Diff(before, s.snapshot(id)); diff != "" {
		t.Fatalf("a fenced claim changed (-before +after):\n%s", diff)
	}
	s.setState(id, migration.Running, 2)
	_, _, err := s.Claim(s.ctx, id, token(1, 2), 5)
	s.wantErr(err, store.ErrFenced)
	_, err = s.Requeue(s.ctx, id, 2, store.Again{})
	s.must(err)
	s.claim(id, token(2, 1), 1, ruleID(0))
	s.must(s.Record(s.ctx, id, ruleID(0), token(2, 1), finish))
	// A claim of a newer start fences the older ones too.
	s.claim(id, token(3, 1), 1, ruleID(1))
	_, _, err = s.Claim(s.ctx, id, token(2, 2), 5)
	s.wantErr(err, store.ErrFenced)
	s.wantCounts(id, counts(3, 1, 1, 0))
}

func testClaimSameTokenAtOnce(t *testing.T, s *suite) {
	id := s.running(40)
	for round := range 5 {
		tok := token(1, int64(round+1))
		s.parallel(6, func(int) error {
			_, _, err := s.Claim(s.ctx, id, tok, 4)
			return err
		})
		ids, c, err := s.Claim(s.ctx, id, tok, 4)
		s.must(err)
		if len(ids) > 4 {
			t.Fatalf("attempts of one claim of 4 hold %v", ids)
		}
		if c.Processing > 4*(round+1) {
			t.Fatalf("after %d claims of 4 there are %d rules processing", round+1, c.Processing)
		}
		s.wantCounts(id, c)
	}
}

func testClaimAtOnce(t *testing.T, s *suite) {
	const rules, workers, limit = 120, 8, 7
	id := s.running(rules)
	var mu sync.Mutex
	owner := map[string]migration.Token{}
	s.parallel(workers, func(w int) error {
		for n := int64(1); ; n++ {
			tok := token(1, int64(w)*1000+n)
			ids, c, err := s.Claim(s.ctx, id, tok, limit)
			if err != nil {
				return err
			}
			mu.Lock()
			for _, ruleID := range ids {
				if was, ok := owner[ruleID]; ok {
					mu.Unlock()
					return fmt.Errorf("rule %s was handed to %v and %v", ruleID, was, tok)
				}
				owner[ruleID] = tok
			}
			mu.Unlock()
			if len(ids) == 0 && c.Pending == 0 {
				return nil
			}
		}
	})
	if len(owner) != rules {
		t.Fatalf("%d rules were handed out, want %d", len(owner), rules)
	}
	s.wantCounts(id, counts(0, rules, 0, 0))
	for ruleID, tok := range owner {
		r, err := s.Rule(s.ctx, id, ruleID)
		s.must(err)
		if r.Token != tok {
			t.Fatalf("rule %s is held by %v, was handed to %v", ruleID, r.Token, tok)
		}
	}
}
