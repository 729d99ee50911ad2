package api

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/rulebridge/rulebridge/internal/migration"
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
	if w.Code != http.StatusOK || w.Body.String() != `{"total":0,"ids":[]}`+"\n" {
		t.Errorf("ids: %d %s", w.Code, w.Body)
	}
	for query, want := range map[string]int{
		"status=odd": 400, "sort=color": 400, "limit=201": 400, "limit=-1": 400, "offset=x": 400, "holes=maybe": 400, "facets=2": 400, "limit=0": 200,
	} {
		if w := b.do(http.MethodGet, BasePath+"/"+id+"/rows?"+query, ""); w.Code != want {
			t.Errorf("%s: %d %s", query, w.Code, w.Body)
		}
	}
	for _, path := range []string{"/rows", "/rows/ids", "/rule?rule_id=r"} {
		if w := b.do(http.MethodGet, BasePath+"/nobody"+path, ""); w.Code != http.StatusNoContent {
			t.Errorf("%s of an unknown migration: %d %s", path, w.Code, w.Body)
		}
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
