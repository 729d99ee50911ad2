package rulelist

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
)

// titled is a list whose rules have these titles.
func titled(t *testing.T, titles []string) *bench {
	t.Helper()
	b := newBench(t, len(titles), Options{})
	for i, title := range titles {
		b.end(i, func(r *migration.Rule) {
			r.Elastic.Title, r.Edited = title, &migration.Edited{By: "ann", At: b.now}
		})
	}
	return b
}

// TestTitlesAreSortedAsPeopleDo: letters with marks stand with those without, numbers by their value, case last.
func TestTitlesAreSortedAsPeopleDo(t *testing.T) {
	want := []string{"2 logins", "10 logins", "abuse", "Abuse", "Änderung", "Anomaly 9", "Anomaly 10", "Anomaly 100", "École", "Export", "straße", "Strasse 2", "Zebra", "Я"}
	given := slices.Clone(want)
	slices.Reverse(given)
	b := titled(t, given)
	for _, down := range []bool{false, true} {
		var got []string
		q := Query{Sort: "title", Descending: down, Limit: 50}
		for _, r := range b.find(q).Rows {
			got = append(got, r.Title)
		}
		if down {
			slices.Reverse(got)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("descending %t (-want +got):\n%s", down, diff)
		}
	}
	// A title beyond what is sorted by, cut within a letter, has its place all the same.
	b = titled(t, []string{strings.Repeat("ä", longTitle), "b", "\xff"})
	if got := b.ids(Query{Sort: "title"}); !slices.Equal(got, []string{ruleID(2), ruleID(0), ruleID(1)}) {
		t.Errorf("%q", got)
	}
}

// TestAround: a rule has its neighbours and the next to decide about, also one that left the filter.
func TestAround(t *testing.T) {
	b := newBench(t, 6, Options{})
	for i := range 5 { // the last is still being translated: nobody can decide about it
		b.end(i, func(r *migration.Rule) {
			if i == 1 || i == 4 {
				r.Review = &migration.Review{State: migration.ReviewAccepted, By: "ann", At: b.now}
			}
			if i == 3 {
				r.Status = migration.StatusError
			}
		})
	}
	open := Query{Review: []string{"open"}}
	for name, tc := range map[string]struct {
		rule int
		q    Query
		want Around
	}{
		"first":              {0, Query{}, Around{Total: 6, At: 0, After: ruleID(1), Open: 2, NextOpen: ruleID(2)}},
		"in between":         {2, Query{}, Around{Total: 6, At: 2, Before: ruleID(1), After: ruleID(3), Open: 2, NextOpen: ruleID(3)}},
		"from the first on":  {4, Query{}, Around{Total: 6, At: 4, Before: ruleID(3), After: ruleID(5), Open: 3, NextOpen: ruleID(0)}},
		"last":               {5, Query{}, Around{Total: 6, At: 5, Before: ruleID(4), Open: 3, NextOpen: ruleID(0)}},
		"the other way":      {2, Query{Descending: true}, Around{Total: 6, At: 3, Before: ruleID(3), After: ruleID(1), Open: 2, NextOpen: ruleID(0)}},
		"left the filter":    {1, open, Around{Total: 4, At: -1, Before: ruleID(0), After: ruleID(2), Open: 3, NextOpen: ruleID(2)}},
		"behind the filter":  {4, Query{Review: []string{"open"}, Status: []string{"finished", "error"}}, Around{Total: 3, At: -1, Before: ruleID(3), Open: 3, NextOpen: ruleID(0)}},
		"nothing else":       {0, Query{Words: []string{ruleID(0)}}, Around{Total: 1, At: 0}},
		"nothing that fits":  {0, Query{Words: []string{"nonsense"}}, Around{At: -1}},
		"nothing left to do": {1, Query{Review: []string{"accepted"}}, Around{Total: 2, At: 0, After: ruleID(4)}},
	} {
		got, err := b.lists.FindAround(t.Context(), "m", ruleID(tc.rule), tc.q)
		b.must(err)
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if _, err := b.lists.FindAround(t.Context(), "m", "nobody", Query{}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("of an unknown rule: %v", err)
	}
}

// TestIDsHaveTheirRevisions: those of the listing, which are the store's.
func TestIDsHaveTheirRevisions(t *testing.T) {
	b := newBench(t, 3, Options{})
	b.end(1, partial)
	ids, err := b.lists.FindIDs(t.Context(), "m", Query{})
	b.must(err)
	for i, id := range ids.IDs {
		r, err := b.store.Rule(t.Context(), "m", id)
		b.must(err)
		if ids.Revisions[i] != r.Revision {
			t.Errorf("%s has revision %d, listed is %d", id, r.Revision, ids.Revisions[i])
		}
	}
	if ids.Revisions[1] <= ids.Revisions[0] {
		t.Errorf("%v", ids.Revisions)
	}
}
