package run_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/plan/run"
	"github.com/rulebridge/rulebridge/internal/value"
)

// TestStreamstatsOfManyRows: the work grows with the rows, not with their square; where the rows themselves would be too
// much, the budget ends the search soon.
func TestStreamstatsOfManyRows(t *testing.T) {
	events := func(different int) []run.Event {
		list := make([]run.Event, 100_000)
		for i := range list {
			list[i] = run.Event{Names: []string{"_time", "x"}, Values: []value.Value{value.Num(float64(i)), value.Str(fmt.Sprint(i % different))}}
		}
		return list
	}
	begin := time.Now()
	res, _, err := search("* | streamstats values(x) as v dc(x) as d count as n sum(x) as s avg(x) as a min(x) as low max(x) as top first(x) as f last(x) as z | tail 1 | eval v=mvcount(v) | table v d n s a low top f z",
		run.Input{Events: events(50), Now: time.Unix(0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, c := range res.Columns {
		got += " " + c + "=" + res.Rows[0].Get(c).Joined()
	}
	if want := " v=50 d=50 n=100000 s=2450000 a=24.5 low=0 top=49 f=49 z=0"; got != want {
		t.Errorf("the last row is%s, not%s", got, want)
	}
	var limit *run.LimitError
	if _, _, err = search("* | streamstats values(x) as v", run.Input{Events: events(100_000), Now: time.Unix(0, 0)}); !errors.As(err, &limit) {
		t.Errorf("values() of 100,000 different values ends with %v, not with a limit", err)
	}
	if d := time.Since(begin); d > time.Minute {
		t.Errorf("took %s", d)
	}
}
