package integration

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store/sqlite"
)

// TestRetryOverHTTP: a start takes exactly the rules that it names, of a finished migration, by its filter: chosen ones, failed
// ones, those that are not fully translated, those that lack a macro that came meanwhile. What each had come to before stays
// in its history, and all others stay untouched.
func TestRetryOverHTTP(t *testing.T) {
	const n = 8
	rules := makeRules(n)
	for _, i := range []int{2, 3} {
		rules[i].Query = "`nobody_knows` | stats count by host"
	}
	rules[4].Query = "index=x | `came_later` | stats count by host"
	dir := t.TempDir()
	const id = "6f0c1d2e-0000-4000-8000-000000000001"
	withStore(t, dir, func(ctx context.Context, s *sqlite.Store) { // two rules have failed in an earlier start
		token := migration.Token{Epoch: 1, Claim: 1}
		err := s.CreateMigration(ctx, migration.Migration{ID: id, State: migration.Ready}, rules)
		if err == nil {
			_, _, err = s.Claim(ctx, id, token, n)
		}
		var others []string
		for i, r := range rules {
			if i != 5 && i != 6 {
				others = append(others, r.ID)
			} else if err == nil {
				err = s.Record(ctx, id, r.ID, token, func(r *migration.Rule) { r.Status, r.ErrorCode = migration.StatusError, "crashed" })
			}
		}
		if err == nil {
			_, err = s.Release(ctx, id, 1, others)
		}
		if err != nil {
			t.Fatal(err)
		}
	})
	d := startDev(t, dir)
	defer d.stop()
	d.begin(id, "deterministic")
	eventually(t, time.Minute, "the others are done", func() bool { return d.stats(id).Status == migration.Finished })
	if s := d.stats(id); s.Rules != (migration.Counts{Total: n, Finished: n - 2, Failed: 2}) {
		t.Fatalf("%+v", s.Rules)
	}
	earlier := map[string]int{} // how often each rule was put back
	again := func(what string, filter any, retry bool, want ...int) {
		t.Helper()
		body := map[string]any{"connectorId": "deterministic", "settings": map[string]any{"pause": "0s"}}
		if filter != nil {
			body["retry_filter"] = filter
		}
		if retry {
			body["retry"] = true
		}
		before := d.rules(id)
		var answer struct{ Started bool }
		if status := d.call("PUT", "/"+id+"/start", body, &answer); status != http.StatusOK || answer.Started != (len(want) > 0) {
			t.Fatalf("%s: %d, started %v", what, status, answer.Started)
		}
		for _, i := range want {
			earlier[rules[i].ID]++
		}
		eventually(t, time.Minute, what+" is done", func() bool {
			put := 0
			for _, r := range d.rules(id) {
				put += len(requeued(r))
			}
			all := 0
			for _, times := range earlier {
				all += times
			}
			return put >= all && d.stats(id).Status == migration.Finished
		})
		for i, r := range d.rules(id) {
			entries := requeued(r)
			if len(entries) != earlier[r.ID] {
				t.Errorf("%s: %s was put back %d times, want %d", what, r.ID, len(entries), earlier[r.ID])
				continue
			}
			if !slices.Contains(want, i) {
				if r.UpdatedAt != before[i].UpdatedAt || len(r.History) != len(before[i].History) {
					t.Errorf("%s: %s was touched", what, r.ID)
				}
				continue
			}
			last := entries[len(entries)-1].Earlier
			if last == nil || last.Status != before[i].Status || last.Result != before[i].Result || last.ErrorCode != before[i].ErrorCode {
				t.Errorf("%s: the history of %s has %+v, it was %s %s %s", what, r.ID, last, before[i].Status, before[i].Result, before[i].ErrorCode)
			}
			if r.Status != migration.StatusFinished {
				t.Errorf("%s: %s is %s", what, r.ID, r.Status)
			}
		}
	}
	again("nothing", nil, false)
	again("chosen", map[string]any{"ids": []string{rules[0].ID, rules[5].ID}}, false, 0, 5)
	again("failed", map[string]any{"failed": true}, false, 6)
	again("failed, and there is none", nil, true)
	again("not fully translated", map[string]any{"not_fully_translated": true}, false, 2, 3, 4)

	macro := []map[string]any{{"type": "macro", "name": "came_later", "definition": "search pid=7"}}
	var concerned struct {
		Concerns struct {
			RuleIDs []string `json:"rule_ids"`
		}
	}
	if status := d.call("POST", "/"+id+"/resources", macro, &concerned); status != http.StatusOK || !slices.Equal(concerned.Concerns.RuleIDs, []string{rules[4].ID}) {
		t.Errorf("%d, the macro concerns %v", status, concerned.Concerns.RuleIDs)
	}
	again("a macro that came", map[string]any{"resources": []string{"macro:came_later"}}, false, 4)
	if r := d.rules(id)[4]; len(r.Missing) != 0 {
		t.Errorf("it still lacks %v", r.Missing)
	}
	again("chosen, and failed", map[string]any{"ids": []string{rules[1].ID}, "failed": true}, true, 1)
	for want, filter := range map[string]any{
		`has no rule "gone"`: map[string]any{"ids": []string{"gone"}}, "takes no rule": map[string]any{}, "is not known": map[string]any{"some": true},
	} {
		var fault struct{ Message string }
		status := d.call("PUT", "/"+id+"/start", map[string]any{"connectorId": "deterministic", "retry_filter": filter}, &fault)
		if status != http.StatusBadRequest || !strings.Contains(fault.Message, want) {
			t.Errorf("%v: %d %s", filter, status, fault.Message)
		}
	}
	t.Log(fmt.Sprint("put back: ", slices.Sorted(maps.Keys(earlier))))
}

// requeued are the steps that put a rule back.
func requeued(r migration.Rule) (entries []migration.HistoryEntry) {
	for _, h := range r.History {
		if h.Action == migration.ActionRequeued {
			entries = append(entries, h)
		}
	}
	return entries
}
