package review

import (
	"fmt"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// TestEvents: pages of what happened, newest first, join without a gap; a comment is told of once, and what happens later
// leaves the numbers as they are.
func TestEvents(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	r := migration.Rule{Status: migration.StatusFinished, Elastic: &migration.ElasticRule{Query: "FROM x"}}
	for i := range 7 {
		w := Who{By: "ann", At: at.Add(time.Duration(i) * time.Minute)}
		if i%2 == 0 {
			if err := Comment(&r, fmt.Sprint("remark ", i), w); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := Decide(&r, []migration.ReviewState{migration.ReviewAccepted, migration.ReviewRejected}[i/2%2], "", w); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for before := 0; ; {
		events, total := Events(r, before, 3)
		if total != 7 {
			t.Fatalf("%d things happened", total)
		}
		if len(events) == 0 {
			break
		}
		for _, e := range events {
			got = append(got, fmt.Sprint(e.N, " ", e.Action, " ", e.Message))
			before = e.N
		}
		if before == 1 {
			break
		}
	}
	want := []string{"7 commented remark 6", "6 accepted ", "5 commented remark 4", "4 rejected ", "3 commented remark 2", "2 accepted ", "1 commented remark 0"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if events, _ := Events(r, 1, 3); len(events) != 0 {
		t.Errorf("before the first: %+v", events)
	}
	if events, _ := Events(r, 1000, 1); len(events) != 1 || events[0].N != 7 {
		t.Errorf("before what is not there: %+v", events)
	}
}
