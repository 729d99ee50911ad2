package elastic

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
)

// A change whose answer is lost is written once, and is told of with the rule as it was before: who takes the change back
// needs that.
func TestAmendAnswerLost(t *testing.T) {
	s, p, _ := behindProxy(t, Options{MaxRetries: 2})
	id := running(t, s, 3)
	var sent atomic.Int64
	p.set(func(r *http.Request, _ string) (before, after *http.Response) {
		if strings.HasSuffix(r.URL.Path, "_bulk") && sent.Add(1) == 1 {
			return nil, answer(http.StatusServiceUnavailable)
		}
		return nil, nil
	})
	amendments := []store.Amendment{{RuleID: "r00000"}, {RuleID: "r00001"}}
	accept := func(r *migration.Rule) error {
		r.Review = &migration.Review{State: migration.ReviewAccepted, By: "ann"}
		return nil
	}
	told := map[string]store.AmendResult{}
	if err := s.Amend(t.Context(), id, amendments, accept, func(r store.AmendResult) { told[r.RuleID] = r }); err != nil {
		t.Fatal(err)
	}
	if len(told) != len(amendments) || sent.Load() < 2 {
		t.Errorf("%d rules were told of in %d requests, want %d rules in at least 2", len(told), sent.Load(), len(amendments))
	}
	for rule, r := range told {
		stored, err := s.Rule(t.Context(), id, rule)
		if err != nil || r.Err != nil {
			t.Fatal(rule, err, r.Err)
		}
		if r.Was.Review != nil || r.Now.Review == nil || r.Now.Revision != r.Was.Revision+1 || stored.Revision != r.Now.Revision {
			t.Errorf("%s: revision %d with %+v became %d with %+v, stored is %d",
				rule, r.Was.Revision, r.Was.Review, r.Now.Revision, r.Now.Review, stored.Revision)
		}
	}
}
