package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
)

// reviewBench is a gateway with two people, ann and bob by their keys, and a migration of n finished rules.
func reviewBench(t *testing.T, n int) (*bench, string) {
	t.Helper()
	b := newBench(t, withAuth(t))
	w := b.do("POST", BasePath, rulesJSON(0, n), ann)
	b.want(w, 200)
	id := field[string](t, w, "migration_id")
	b.want(b.do("PUT", BasePath+"/"+id+"/start", startBody, ann), 200)
	b.flows.finish(t, id)
	b.server.changed(id)
	return b, id
}

var (
	ann    = basic("ana", "pw-ana")
	bob    = basic("otto", "pw-otto")
	reader = basic("rita", "pw-rita")
)

// ask makes a call about rules and decodes the answer.
func ask[T any](b *bench, method, path string, body any, want int, who string) T {
	b.t.Helper()
	text := ""
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			b.t.Fatal(err)
		}
		text = string(raw)
	}
	w := b.do(method, BasePath+"/"+path, text, who)
	var out T
	if w.Code != want || w.Code != http.StatusNoContent && json.Unmarshal(w.Body.Bytes(), &out) != nil {
		b.t.Fatalf("%s %s: %d %.600s, want %d", method, path, w.Code, w.Body, want)
	}
	return out
}

type object = map[string]any

func (b *bench) rule(id, ruleID string) migration.Rule {
	b.t.Helper()
	return ask[migration.Rule](b, "GET", id+"/rule?rule_id="+ruleID, nil, 200, reader)
}

func TestEditAndReset(t *testing.T) {
	b, id := reviewBench(t, 3)
	ruleID := b.firstRule(id)
	was := b.rule(id, ruleID)
	edited := ask[migration.Rule](b, "PUT", id+"/rule", object{"rule_id": ruleID, "revision": was.Revision, "elastic_rule": object{
		"query": "FROM logs-z*, logs-y | WHERE y", "severity": "high", "risk_score": 70, "interval": "15m", "from": "now-20m", "title": "T", "description": "D"}}, 200, ann)
	e := edited.Elastic
	if e.Query != "FROM logs-z*, logs-y | WHERE y" || e.Severity != "high" || e.RiskScore != 70 || e.Interval != "15m" || e.From != "now-20m" || e.Title != "T" ||
		e.Description != "D" || !slices.Equal(e.Index, []string{"logs-z*", "logs-y"}) {
		t.Errorf("edited: %+v", e)
	}
	if edited.Edited.By != "ana" || edited.Draft.Query != was.Elastic.Query || edited.Revision != was.Revision+1 || edited.UpdatedBy != "ana" {
		t.Errorf("edited: %+v", edited)
	}
	// The list knows it at once, and by whom.
	if p := ask[object](b, "GET", id+"/rows?edited=me&q=logs-z*&source=logs-y", nil, 200, ann); p["total"] != 1.0 {
		t.Errorf("rows that ann edited: %v", p)
	}
	if p := ask[object](b, "GET", id+"/rows?edited=me", nil, 200, bob); p["total"] != 0.0 {
		t.Errorf("rows that bob edited: %v", p)
	}
	// Somebody who saw it before is told who changed it, and overwrites nothing.
	lost := ask[errorBody](b, "PUT", id+"/rule", object{"rule_id": ruleID, "revision": was.Revision, "elastic_rule": object{"query": "FROM bob"}}, 409, bob)
	if lost.By != "ana" || lost.Revision != edited.Revision || lost.At == nil || !strings.Contains(lost.Message, "ana") {
		t.Errorf("conflict: %+v", lost)
	}
	// A further edit keeps the first draft; the same values change nothing.
	again := ask[migration.Rule](b, "PUT", id+"/rule", object{"rule_id": ruleID, "revision": edited.Revision, "elastic_rule": object{"query": "FROM w"}}, 200, bob)
	same := ask[migration.Rule](b, "PUT", id+"/rule", object{"rule_id": ruleID, "revision": again.Revision, "elastic_rule": object{"query": "FROM w"}}, 200, ann)
	if again.Draft.Query != was.Elastic.Query || again.Edited.By != "otto" || same.Revision != again.Revision {
		t.Errorf("edited again: %+v; %d", again, same.Revision)
	}
	reset := ask[migration.Rule](b, "POST", id+"/rule/reset", object{"rule_id": ruleID, "revision": again.Revision}, 200, ann)
	if reset.Edited != nil || reset.Draft != nil || reset.Elastic.Query != was.Elastic.Query || reset.Elastic.Title != was.Elastic.Title {
		t.Errorf("reset: %+v", reset)
	}
	var actions []string
	for _, h := range reset.History {
		actions = append(actions, h.Action+" by "+h.By)
	}
	if want := []string{"edited by ana", "edited by otto", "reset by ana"}; !slices.Equal(actions, want) {
		t.Errorf("history %v, want %v", actions, want)
	}
	ask[errorBody](b, "POST", id+"/rule/reset", object{"rule_id": ruleID, "revision": 1}, 409, ann)
	ask[object](b, "POST", id+"/rule/reset", object{"rule_id": "nobody", "revision": 1}, 204, ann)
	for _, bad := range []object{
		{}, {"rule_id": ruleID}, {"rule_id": ruleID, "revision": 1}, {"rule_id": ruleID, "elastic_rule": object{"query": "x"}},
		{"rule_id": ruleID, "revision": 1.5, "elastic_rule": object{"query": "x"}},
		{"rule_id": ruleID, "revision": 1, "elastic_rule": object{"query": " "}}, {"rule_id": ruleID, "revision": 1, "elastic_rule": object{"title": ""}},
		{"rule_id": ruleID, "revision": 1, "elastic_rule": object{"threat": []string{}}},
		{"rule_id": ruleID, "revision": 1, "elastic_rule": object{"severity": "odd"}}, {"rule_id": ruleID, "revision": 1, "elastic_rule": object{"interval": "0m"}},
		{"rule_id": ruleID, "revision": 1, "elastic_rule": object{"from": "yesterday"}}, {"rule_id": ruleID, "revision": 1, "elastic_rule": object{"risk_score": 101}},
		{"rule_id": ruleID, "revision": 1, "elastic_rule": object{"query": strings.Repeat("x", 256<<10+1)}},
	} {
		ask[errorBody](b, "PUT", id+"/rule", bad, 400, ann)
	}
}

func (b *bench) firstRule(id string) string {
	b.t.Helper()
	rules, _, err := b.store.List(b.t.Context(), id, store.RuleQuery{Size: 1})
	if err != nil || len(rules) == 0 {
		b.t.Fatal(rules, err)
	}
	return rules[0].ID
}

func TestComments(t *testing.T) {
	b, id := reviewBench(t, 1)
	ruleID := b.firstRule(id)
	for range 2 {
		r := ask[migration.Rule](b, "POST", id+"/rule/comments", object{"rule_id": ruleID, "message": " look here\n"}, 200, bob)
		if len(r.Comments) != 1 || r.Comments[0].Message != "look here" || r.Comments[0].CreatedBy != "otto" || len(r.History) != 1 {
			t.Errorf("comments %+v, history %+v", r.Comments, r.History)
		}
	}
	ask[errorBody](b, "POST", id+"/rule/comments", object{"rule_id": ruleID, "message": " "}, 400, bob)
	ask[object](b, "POST", "nobody/rule/comments", object{"rule_id": ruleID, "message": "m"}, 204, bob)
}

// TestReviewIsTakenBack: an acceptance of many rules leaves out what was changed meanwhile and says by whom; the answer
// takes it back.
func TestReviewIsTakenBack(t *testing.T) {
	b, id := reviewBench(t, 5)
	rules, _, err := b.store.List(t.Context(), id, store.RuleQuery{})
	if err != nil {
		t.Fatal(err)
	}
	var asked []object
	for _, r := range rules {
		asked = append(asked, object{"rule_id": r.ID, "revision": r.Revision, "state": "accepted"})
	}
	asked = append(asked, object{"rule_id": "nobody", "state": "accepted"})
	ask[migration.Rule](b, "PUT", id+"/rule", object{"rule_id": rules[1].ID, "revision": rules[1].Revision, "elastic_rule": object{"query": "FROM bob |"}}, 200, bob)
	delete(asked[2], "revision")
	r := ask[reviewed](b, "POST", id+"/review", object{"rules": asked, "comment": "as agreed"}, 200, ann)
	if len(r.Changed) != 4 || len(r.Refused) != 2 || r.Refused[0].RuleID != rules[1].ID && r.Refused[1].RuleID != rules[1].ID {
		t.Fatalf("%+v", r)
	}
	for _, x := range r.Refused {
		if x.RuleID == "nobody" && x.Why == "there is no such rule" && x.By == "" {
			continue
		}
		if x.RuleID != rules[1].ID || x.By != "otto" || x.At == nil || x.Revision != rules[1].Revision+1 {
			t.Errorf("refused: %+v", x)
		}
	}
	one := b.rule(id, rules[0].ID)
	if one.Review == nil || one.Review.State != "accepted" || one.Review.By != "ana" || one.Comments[0].Message != "as agreed" || one.Revision != r.Changed[0].Revision {
		t.Errorf("accepted: %+v", one)
	}
	if p := ask[object](b, "GET", id+"/rows?review=accepted", nil, 200, ann); p["total"] != 4.0 {
		t.Errorf("accepted rows: %v", p["total"])
	}
	// What was accepted is open again after a change, and its history says so.
	next := ask[migration.Rule](b, "PUT", id+"/rule", object{"rule_id": rules[4].ID, "revision": b.rule(id, rules[4].ID).Revision, "elastic_rule": object{"severity": "low"}}, 200, bob)
	if h := next.History[len(next.History)-1]; next.Review != nil || h.Detail != "severity; it was accepted by ana" {
		t.Errorf("edited after it was accepted: %+v", next.History)
	}
	var back []object
	for _, x := range r.Changed[:3] {
		if x.State != "accepted" || x.Previous != "open" {
			t.Errorf("changed: %+v", x)
		}
		back = append(back, object{"rule_id": x.RuleID, "revision": x.Revision, "state": x.Previous})
	}
	if r := ask[reviewed](b, "POST", id+"/review", object{"rules": back}, 200, ann); len(r.Changed) != 3 || len(r.Refused) != 0 || r.Changed[0].Previous != "accepted" {
		t.Errorf("taken back: %+v", r)
	}
	if p := ask[object](b, "GET", id+"/rows?review=open", nil, 200, ann); p["total"] != 5.0 {
		t.Errorf("open rows: %v", p["total"])
	}
	// Refusals: a query that cannot be read, a word only installations say.
	for state, why := range map[string]string{"accepted": "is no ES|QL", "installed": "only an installation"} {
		r := ask[reviewed](b, "POST", id+"/review", object{"rules": []object{{"rule_id": rules[1].ID, "state": state}}}, 200, ann)
		if len(r.Refused) != 1 || !strings.Contains(r.Refused[0].Why, why) {
			t.Errorf("%s: %+v", state, r)
		}
	}
	for _, bad := range []object{
		{}, {"rules": []object{}}, {"rules": []object{{"rule_id": "a"}}}, {"rules": []object{{"state": "open"}}}, {"rules": []object{{"rule_id": "a", "state": "odd"}}},
		{"rules": []object{{"rule_id": "a", "state": "open"}, {"rule_id": "a", "state": "accepted"}}}, {"rules": []object{{"rule_id": "a", "state": "open", "revision": 0}}},
	} {
		ask[errorBody](b, "POST", id+"/review", bad, 400, ann)
	}
	ask[object](b, "POST", "nobody/review", object{"rules": back}, 204, ann)
}

// TestTwoEditsAtOnce: of two people who saw the same rule one wins, and the other is told.
func TestTwoEditsAtOnce(t *testing.T) {
	b, id := reviewBench(t, 1)
	ruleID := b.firstRule(id)
	revision := b.rule(id, ruleID).Revision
	codes := make([]int, 2)
	var wg sync.WaitGroup
	for i, who := range []string{ann, bob} {
		wg.Go(func() {
			w := b.do("PUT", BasePath+"/"+id+"/rule", fmt.Sprintf(`{"rule_id": %q, "revision": %d, "elastic_rule": {"query": "FROM p%d"}}`, ruleID, revision, i), who)
			codes[i] = w.Code
		})
	}
	wg.Wait()
	slices.Sort(codes)
	if r := b.rule(id, ruleID); !slices.Equal(codes, []int{200, 409}) || r.Revision != revision+1 || len(r.History) != 1 {
		t.Errorf("answers %v, revision %d after %d, history %+v", codes, r.Revision, revision, r.History)
	}
}

// TestEditDuringARetry: while a rule is translated again nothing is written over it; what a person had written is in its
// history afterwards, and kinds of rules that are translated again leave settled rules out.
func TestEditDuringARetry(t *testing.T) {
	b, id := reviewBench(t, 2)
	rules, _, err := b.store.List(t.Context(), id, store.RuleQuery{})
	if err != nil {
		t.Fatal(err)
	}
	ruleID := rules[0].ID
	ask[migration.Rule](b, "PUT", id+"/rule", object{"rule_id": ruleID, "revision": rules[0].Revision, "elastic_rule": object{"query": "FROM ann"}}, 200, ann)
	if r := ask[object](b, "PUT", id+"/start", object{"connectorId": "deterministic", "retry_filter": object{"ids": []string{ruleID}}}, 200, bob); r["started"] != true {
		t.Fatalf("%v", r)
	}
	pending := b.rule(id, ruleID)
	h := pending.History[len(pending.History)-1]
	if pending.Edited != nil || pending.Draft != nil || h.By != "otto" || h.Earlier.Query != "FROM ann" || h.Earlier.EditedBy != "ana" {
		t.Errorf("after the start: %+v", h)
	}
	if e := ask[errorBody](b, "PUT", id+"/rule", object{"rule_id": ruleID, "revision": pending.Revision, "elastic_rule": object{"query": "FROM late"}}, 409, ann); !strings.Contains(e.Message, "pending") {
		t.Errorf("pending: %+v", e)
	}
	if _, _, err := b.store.Claim(t.Context(), id, migration.Token{Epoch: 2, Claim: 9}, 5); err != nil {
		t.Fatal(err)
	}
	e := ask[errorBody](b, "PUT", id+"/rule", object{"rule_id": ruleID, "revision": pending.Revision + 1, "elastic_rule": object{"query": "FROM late"}}, 409, ann)
	if !strings.Contains(e.Message, "being translated") {
		t.Errorf("processing: %+v", e)
	}
	r := ask[reviewed](b, "POST", id+"/review", object{"rules": []object{{"rule_id": ruleID, "state": "accepted"}, {"rule_id": rules[1].ID, "state": "accepted"}}}, 200, ann)
	if len(r.Changed) != 1 || len(r.Refused) != 1 || !strings.Contains(r.Refused[0].Why, "being translated") {
		t.Errorf("%+v", r)
	}
}

// TestRetryLeavesSettledRulesOut: a start for kinds of rules that people have settled all of has nothing to do.
func TestRetryLeavesSettledRulesOut(t *testing.T) {
	b, id := reviewBench(t, 1)
	ruleID := b.firstRule(id)
	for _, kind := range []string{"failed", "not_fully_translated"} {
		_, err := b.store.Requeue(t.Context(), id, b.epoch(id)+1, store.Again{RuleIDs: []string{ruleID}})
		if err != nil {
			t.Fatal(err)
		}
		token := migration.Token{Epoch: b.epoch(id), Claim: time.Now().UnixNano()}
		if err := b.store.SetState(t.Context(), id, store.Change{State: migration.Running, Epoch: token.Epoch}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := b.store.Claim(t.Context(), id, token, 1); err != nil {
			t.Fatal(err)
		}
		if err := b.store.Record(t.Context(), id, ruleID, token, func(r *migration.Rule) {
			r.Status, r.Result = migration.StatusFinished, migration.Partial
			if kind == "failed" {
				r.Status, r.Result, r.ErrorCode = migration.StatusError, "", "crashed"
			}
		}); err != nil {
			t.Fatal(err)
		}
		if err := b.store.SetState(t.Context(), id, store.Change{State: migration.Finished, Epoch: token.Epoch}); err != nil {
			t.Fatal(err)
		}
		b.server.changed(id)
		for _, settled := range []bool{true, false} {
			state := map[bool]string{true: "rejected", false: "open"}[settled]
			if r := ask[reviewed](b, "POST", id+"/review", object{"rules": []object{{"rule_id": ruleID, "state": state}}}, 200, ann); len(r.Changed) != 1 {
				t.Fatalf("%+v", r)
			}
			r := ask[object](b, "PUT", id+"/start", object{"connectorId": "deterministic", "retry_filter": object{kind: true}}, 200, ann)
			if r["started"] == settled {
				t.Errorf("%s, %s: %v", kind, state, r)
			}
		}
		b.flows.mu.Lock()
		b.flows.runs = map[string]*fakeRun{}
		b.flows.mu.Unlock()
	}
}

func (b *bench) epoch(id string) int64 {
	b.t.Helper()
	m, err := b.store.Migration(b.t.Context(), id)
	if err != nil {
		b.t.Fatal(err)
	}
	return m.Epoch
}

// TestReviewTakesManyRules: ten thousand in one call, and a page of the list after it.
func TestReviewTakesManyRules(t *testing.T) {
	if testing.Short() {
		t.Skip("10,000 rules")
	}
	b, id := reviewBench(t, 1000)
	var asked []object
	for _, ruleID := range ask[struct{ IDs []string }](b, "GET", id+"/rows/ids?status=finished", nil, 200, ann).IDs {
		asked = append(asked, object{"rule_id": ruleID, "state": "accepted"})
	}
	for i := len(asked); i < maxReviewed; i++ {
		asked = append(asked, object{"rule_id": fmt.Sprint("nobody ", i), "state": "accepted"})
	}
	if r := ask[reviewed](b, "POST", id+"/review", object{"rules": asked}, 200, ann); len(r.Changed) != 1000 || len(r.Refused) != 9000 {
		t.Errorf("%d changed, %d refused", len(r.Changed), len(r.Refused))
	}
	ask[errorBody](b, "POST", id+"/review", object{"rules": append(asked, object{"rule_id": "one more", "state": "open"})}, 400, ann)
}

// breakingStore gives up changing rules after some steps.
type breakingStore struct {
	Store
	steps int
}

func (s *breakingStore) Amend(ctx context.Context, id string, rules []store.Amendment, change func(*migration.Rule) error, each func(store.AmendResult)) error {
	for step := range slices.Chunk(rules, store.AmendStep) {
		if s.steps--; s.steps < 0 {
			return fmt.Errorf("disk: %w: %w", store.ErrUnavailable, errTest)
		}
		if err := s.Store.Amend(ctx, id, step, change, each); err != nil {
			return err
		}
	}
	return nil
}

// TestReviewBreaksOff: a call that breaks off says of each rule whether it was changed; one that changed nothing fails.
func TestReviewBreaksOff(t *testing.T) {
	breaking := &breakingStore{steps: 1}
	b := newBench(t, withAuth(t), func(d *Deps) { breaking.Store, d.Store = d.Store, breaking })
	w := b.do("POST", BasePath, rulesJSON(0, store.AmendStep+5), ann)
	b.want(w, 200)
	id := field[string](t, w, "migration_id")
	b.want(b.do("PUT", BasePath+"/"+id+"/start", startBody, ann), 200)
	b.flows.finish(t, id)
	var asked []object
	for _, ruleID := range ask[struct{ IDs []string }](b, "GET", id+"/rows/ids?status=finished", nil, 200, ann).IDs {
		asked = append(asked, object{"rule_id": ruleID, "state": "rejected"})
	}
	asked = append(asked, object{"rule_id": "nobody", "state": "rejected"})
	r := ask[reviewed](b, "POST", id+"/review", object{"rules": asked}, 200, ann)
	if len(r.Changed) != store.AmendStep || len(r.Changed)+len(r.Refused) != len(asked) {
		t.Fatalf("%d changed, %d refused of %d", len(r.Changed), len(r.Refused), len(asked))
	}
	for _, refused := range r.Refused {
		if !strings.Contains(refused.Why, "look at it again") || strings.Contains(refused.Why, "disk") {
			t.Errorf("%+v", refused)
		}
	}
	if b.logs.FilterMessageSnippet("review").Len() == 0 {
		t.Error("the cause stands in no log")
	}
	ask[errorBody](b, "POST", id+"/review", object{"rules": asked}, 503, ann)
}

// TestWhoMayReview: readers change nothing, and each change is in the audit log with its rule.
func TestWhoMayReview(t *testing.T) {
	b, id := reviewBench(t, 1)
	ruleID := b.firstRule(id)
	for path, body := range map[string]object{
		"PUT /rule": {"rule_id": ruleID, "revision": 1, "elastic_rule": object{"query": "x"}}, "POST /rule/reset": {"rule_id": ruleID, "revision": 1},
		"POST /rule/comments": {"rule_id": ruleID, "message": "m"}, "POST /review": {"rules": []object{{"rule_id": ruleID, "state": "open"}}},
	} {
		method, route, _ := strings.Cut(path, " ")
		ask[errorBody](b, method, id+route, body, 403, reader)
	}
	b.logs.TakeAll()
	ask[migration.Rule](b, "POST", id+"/rule/comments", object{"rule_id": ruleID, "message": "not for the log"}, 200, bob)
	entries := b.logs.Filter(func(e observerEntry) bool { return e.LoggerName == "audit" }).All()
	if len(entries) != 1 || entries[0].ContextMap()["by"] != "otto" || entries[0].ContextMap()["rule_id"] != ruleID || entries[0].ContextMap()["migration_id"] != id {
		t.Errorf("audit: %+v", entries)
	}
	for _, e := range b.logs.All() {
		if strings.Contains(fmt.Sprint(e.ContextMap()), "not for the log") {
			t.Errorf("the log has the remark: %v", e)
		}
	}
}
