package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/review"
	"github.com/rulebridge/rulebridge/internal/rulelist"
	"github.com/rulebridge/rulebridge/internal/store"
)

func (b *bench) rows(id, query string) rulelist.Page {
	b.t.Helper()
	w := b.do(http.MethodGet, BasePath+"/"+id+"/rows?"+query, "")
	var p rulelist.Page
	if err := json.Unmarshal(w.Body.Bytes(), &p); w.Code != http.StatusOK || err != nil {
		b.t.Fatalf("%d %s, %v", w.Code, w.Body, err)
	}
	return p
}

func TestRows(t *testing.T) {
	b := newBench(t)
	id := b.finished(70)
	if p := b.rows(id, ""); p.Total != 70 || len(p.Rows) != firstRows || p.Facets != nil || p.Rows[0].Result != migration.Full || p.Rows[0].Revision < 2 {
		t.Errorf("first page: %d of %d, %+v", len(p.Rows), p.Total, p.Rows[0])
	}
	p := b.rows(id, "facets=true&limit=2&offset=1&status=finished&status=error&sort=title&order=desc&q=x&matched=no&holes=no&review=open&result=full&source=x")
	if p.Total != 70 || len(p.Rows) != 2 || p.Offset != 1 || p.Facets.Status["finished"] != 70 || p.Facets.Sources[0].Rules != 70 {
		t.Errorf("filtered page: %+v", p)
	}
	w := b.do(http.MethodGet, BasePath+"/"+id+"/rows/ids?edited=me", "")
	if w.Code != http.StatusOK || w.Body.String() != `{"total":0,"ids":[],"revisions":[]}`+"\n" {
		t.Errorf("ids: %d %s", w.Code, w.Body)
	}
	for query, want := range map[string]int{
		"status=odd": 400, "sort=color": 400, "limit=201": 400, "limit=-1": 400, "offset=x": 400, "holes=maybe": 400, "facets=2": 400, "limit=0": 200,
	} {
		if w := b.do(http.MethodGet, BasePath+"/"+id+"/rows?"+query, ""); w.Code != want {
			t.Errorf("%s: %d %s", query, w.Code, w.Body)
		}
	}
	for _, path := range []string{"/rows", "/rows/ids", "/rows/around?rule_id=r", "/rule?rule_id=r", "/rule/history?rule_id=r"} {
		if w := b.do(http.MethodGet, BasePath+"/nobody"+path, ""); w.Code != http.StatusNoContent {
			t.Errorf("%s of an unknown migration: %d %s", path, w.Code, w.Body)
		}
	}
}

// TestRowsAround: who signs off one rule after the other asks for the next, also where the filter no longer takes the last one.
func TestRowsAround(t *testing.T) {
	b := newBench(t)
	id := b.finished(3)
	rows := b.rows(id, "review=open").Rows
	around := func(rule string) rulelist.Around {
		t.Helper()
		return ask[rulelist.Around](b, "GET", id+"/rows/around?review=open&rule_id="+url.QueryEscape(rule), nil, 200, "")
	}
	want := rulelist.Around{Total: 3, At: 0, After: rows[1].ID, Open: 2, NextOpen: rows[1].ID}
	if got := around(rows[0].ID); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	ask[reviewed](b, "POST", id+"/review", object{"rules": []object{{"rule_id": rows[0].ID, "revision": rows[0].Revision, "state": "accepted"}}}, 200, "")
	want = rulelist.Around{Total: 2, At: -1, After: rows[1].ID, Open: 2, NextOpen: rows[1].ID}
	if got := around(rows[0].ID); got != want {
		t.Errorf("after the sign-off: %+v, want %+v", got, want)
	}
	if w := b.do(http.MethodGet, BasePath+"/"+id+"/rows/around", ""); w.Code != http.StatusBadRequest {
		t.Errorf("without a rule: %d", w.Code)
	}
	if w := b.do(http.MethodGet, BasePath+"/"+id+"/rows/around?rule_id=nobody", ""); w.Code != http.StatusNoContent {
		t.Errorf("of an unknown rule: %d", w.Code)
	}
}

// TestAllThatMatchAsListed: a decision about all rules that match, with the revisions of the listing, leaves alone what somebody
// changed since, and says who.
func TestAllThatMatchAsListed(t *testing.T) {
	b := newBench(t)
	id := b.finished(5)
	listed := ask[rulelist.IDs](b, "GET", id+"/rows/ids?review=open", nil, 200, "")
	_, err := store.AmendOne(t.Context(), b.store, id, store.Amendment{RuleID: listed.IDs[2]}, func(r *migration.Rule) error {
		r.Review = &migration.Review{State: migration.ReviewRejected, By: "ben", At: r.UpdatedAt}
		r.UpdatedAt, r.UpdatedBy = r.UpdatedAt.Add(1), "ben"
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var all []object
	for i, rule := range listed.IDs {
		all = append(all, object{"rule_id": rule, "revision": listed.Revisions[i], "state": "accepted"})
	}
	got := ask[reviewed](b, "POST", id+"/review", object{"rules": all}, 200, "")
	if len(got.Changed) != 4 || len(got.Refused) != 1 || got.Refused[0].RuleID != listed.IDs[2] || got.Refused[0].By != "ben" || got.Refused[0].Revision <= listed.Revisions[2] {
		t.Errorf("%+v", got)
	}
	if r, err := b.store.Rule(t.Context(), id, listed.IDs[2]); err != nil || r.ReviewState() != migration.ReviewRejected {
		t.Errorf("overwritten: %s, %v", r.ReviewState(), err)
	}
}

func TestRule(t *testing.T) {
	b := newBench(t)
	id := b.finished(2)
	one := b.rows(id, "").Rows[0]
	w := b.do(http.MethodGet, BasePath+"/"+id+"/rule?rule_id="+url.QueryEscape(one.ID), "")
	var r migration.Rule
	if err := json.Unmarshal(w.Body.Bytes(), &r); err != nil || r.ID != one.ID || r.Revision != one.Revision || r.Elastic.Query != "FROM x" {
		t.Errorf("rule: %d %s", w.Code, w.Body)
	}
	if w := b.do(http.MethodGet, BasePath+"/"+id+"/rule", ""); w.Code != http.StatusBadRequest {
		t.Errorf("without a rule: %d", w.Code)
	}
	if w := b.do(http.MethodGet, BasePath+"/"+id+"/rule?rule_id=nobody", ""); w.Code != http.StatusNoContent {
		t.Errorf("unknown rule: %d", w.Code)
	}
}

// TestRuleWithManyComments: a rule comes with its newest comments and steps and says how many there are; all come by pages.
func TestRuleWithManyComments(t *testing.T) {
	b := newBench(t)
	id := b.finished(1)
	ruleID := b.rows(id, "").Rows[0].ID
	const many = 10_000
	_, err := store.AmendOne(t.Context(), b.store, id, store.Amendment{RuleID: ruleID}, func(r *migration.Rule) error {
		for i := range many {
			if err := review.Comment(r, fmt.Sprint("remark ", i), review.Who{By: "ann", At: r.UpdatedAt.Add(time.Second)}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	w := b.do(http.MethodGet, BasePath+"/"+id+"/rule?rule_id="+ruleID, "")
	var r struct {
		Comments      []migration.Comment `json:"comments"`
		History       []any               `json:"history"`
		CommentsTotal int                 `json:"comments_total"`
		HistoryTotal  int                 `json:"history_total"`
		Query         struct {
			Query string `json:"query"`
		} `json:"elastic_rule"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &r); err != nil || len(r.Comments) != newest || len(r.History) != newest || r.CommentsTotal != many || r.HistoryTotal < many ||
		r.Comments[newest-1].Message != fmt.Sprint("remark ", many-1) || r.Query.Query != "FROM x" {
		t.Errorf("%d bytes, %d of %d comments, %d of %d steps, %v", w.Body.Len(), len(r.Comments), r.CommentsTotal, len(r.History), r.HistoryTotal, err)
	}
	if w.Body.Len() > 64<<10 {
		t.Errorf("the answer has %d bytes", w.Body.Len())
	}
	from := func(before int) string {
		if before == 0 {
			return ""
		}
		return fmt.Sprint("&before=", before)
	}
	seen := many
	for before := 0; ; {
		page := ask[historyBody](b, "GET", fmt.Sprintf("%s/rule/history?rule_id=%s&limit=200%s", id, ruleID, from(before)), nil, 200, "")
		if before == 0 {
			before = page.Total + 1
		}
		for _, e := range page.Events {
			if e.N != before-1 {
				t.Fatalf("event %d comes after %d", e.N, before)
			}
			before = e.N
			if e.Action == migration.ActionCommented {
				seen--
				if e.Message != fmt.Sprint("remark ", seen) {
					t.Fatalf("%q is at the place of %d", e.Message, seen)
				}
			}
		}
		if before <= 1 || len(page.Events) == 0 {
			break
		}
	}
	if seen != 0 {
		t.Errorf("%d comments did not come", seen)
	}
	for query, want := range map[string]int{"rule_id=" + ruleID + "&limit=201": 400, "rule_id=" + ruleID + "&before=x": 400, "": 400, "rule_id=nobody": 204} {
		if w := b.do(http.MethodGet, BasePath+"/"+id+"/rule/history?"+query, ""); w.Code != want {
			t.Errorf("%q: %d %s", query, w.Code, w.Body)
		}
	}
}

// TestRowsAreAsNewAsEvents: who hears that a rule changed, whoever changed it, and asks for the list at once, sees the change.
func TestRowsAreAsNewAsEvents(t *testing.T) {
	b := newBench(t)
	id := b.finished(3)
	ruleID := b.rows(id, "").Rows[0].ID
	f := &feed{id: id}
	events, noted, err := b.server.live.changes(t.Context(), f)
	if err != nil || len(events) != 0 {
		t.Fatalf("%v, %v", events, err)
	}
	noted()
	b.rows(id, "")
	_, err = store.AmendOne(t.Context(), b.store, id, store.Amendment{RuleID: ruleID}, func(r *migration.Rule) error {
		r.Edited = &migration.Edited{By: "another gateway"}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	f.asked = f.asked.Add(-2 * statsEvery)
	events, _, err = b.server.live.changes(t.Context(), f)
	if err != nil || len(events) != 1 || events[0].Changed[0] != ruleID {
		t.Fatalf("%+v, %v", events, err)
	}
	if p := b.rows(id, "edited=yes"); p.Total != 1 {
		t.Errorf("the list does not know what the event said: %+v", p)
	}
}

// TestClipKeepsCharacters: an error that repeats a part of a text is text itself.
func TestClipKeepsCharacters(t *testing.T) {
	b := newBench(t)
	id := b.finished(1)
	w := b.do(http.MethodGet, BasePath+"/"+id+"/rows?sort="+url.QueryEscape("a"+strings.Repeat("€", 20)), "")
	b.want(w, 400, strings.Repeat("€", 10)+"…")
	if strings.ContainsRune(w.Body.String(), '\ufffd') || strings.Contains(w.Body.String(), `\x`) {
		t.Errorf("%s", w.Body)
	}
}
