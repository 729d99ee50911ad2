package integration

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/kibana"
	"github.com/rulebridge/rulebridge/internal/kibana/kibanatest"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/rulelist"
)

// TestReview goes the way of a person: find rules, change one, sign many off, translate the rest again, install, restart.
func TestReview(t *testing.T) {
	k := kibanatest.NewServer(kibanaKey)
	defer k.Close()
	cfg := kibanaConfig(t, k.URL)
	const n = 40
	d, id, dir := migrated(t, n, "--config", cfg)
	call := func(method, path string, body, to any, want int) {
		t.Helper()
		if status := d.call(method, "/"+id+path, body, to); status != want {
			t.Fatalf("%s %s: %d, want %d", method, path, status, want)
		}
	}
	var page rulelist.Page
	call("GET", "/rows?facets=true&limit=5&sort=title&status=finished", nil, &page, 200)
	if page.Total != n || len(page.Rows) != 5 || page.Facets.Status["finished"] != n || page.Facets.Review["open"] != n {
		t.Fatalf("rows: %+v", page)
	}
	ruleID := page.Rows[0].ID
	var rule, edited migration.Rule
	call("GET", "/rule?rule_id="+ruleID, nil, &rule, 200)
	change := func(query string, revision int64) map[string]any {
		return map[string]any{"rule_id": ruleID, "revision": revision, "elastic_rule": map[string]any{"query": query}}
	}
	call("PUT", "/rule", change("FROM logs-mine-* | WHERE mine == 1", rule.Revision), &edited, 200)
	if edited.Draft == nil || edited.Draft.Query != rule.Elastic.Query || edited.Edited == nil {
		t.Errorf("edited: %+v", edited)
	}
	call("PUT", "/rule", change("FROM lost", rule.Revision), nil, http.StatusConflict)
	call("POST", "/rule/comments", map[string]any{"rule_id": ruleID, "message": "ours is better"}, nil, 200)

	var ids rulelist.IDs
	call("GET", "/rows/ids?q=rule", nil, &ids, 200)
	if ids.Total != n {
		t.Fatalf("%d ids", ids.Total)
	}
	var decisions []map[string]any
	for _, one := range ids.IDs[:n-1] {
		decisions = append(decisions, map[string]any{"rule_id": one, "state": "accepted"})
	}
	last := ids.IDs[n-1]
	decisions = append(decisions, map[string]any{"rule_id": last, "state": "rejected"})
	var reviewed struct {
		Changed, Refused []struct {
			RuleID   string `json:"rule_id"`
			Previous string
		}
	}
	call("POST", "/review", map[string]any{"rules": decisions}, &reviewed, 200)
	if len(reviewed.Changed) != n || len(reviewed.Refused) != 0 {
		t.Fatalf("reviewed: %+v", reviewed)
	}

	// Kinds of rules find nothing left to translate again; a rule that is named is, and what it was stays in its history.
	start := func(filter map[string]any) bool {
		var answer struct{ Started bool }
		call("PUT", "/start", map[string]any{"connectorId": "deterministic", "retry_filter": filter}, &answer, 200)
		return answer.Started
	}
	if start(map[string]any{"not_fully_translated": true, "failed": true}) {
		t.Error("settled rules were taken")
	}
	other := ids.IDs[1]
	if !start(map[string]any{"ids": []string{other}}) {
		t.Error("a rule that is named was not taken")
	}
	d.finished(id, n, time.Minute)
	call("GET", "/rule?rule_id="+other, nil, &rule, 200)
	i := slices.IndexFunc(rule.History, func(h migration.HistoryEntry) bool { return h.Action == migration.ActionRequeued })
	if rule.Review != nil || i < 0 || rule.History[i].Earlier == nil || rule.History[i].Earlier.Review == nil {
		t.Errorf("translated again: %+v, %+v", rule.Review, rule.History)
	}
	eventually(t, 2*time.Second, "the list shows it", func() bool {
		call("GET", "/rows?review=open", nil, &page, 200)
		return page.Total == 1 && page.Rows[0].ID == other && page.Rows[0].Status == migration.StatusFinished
	})

	// What is installed is what people decided, and is noted.
	if status := d.call("POST", "/"+id+"/install", map[string]any{"kibana": "prod"}, nil); status != 200 {
		t.Fatalf("install: %d", status)
	}
	if s := d.installed(id); s.Counts.Created != n-1 || s.Counts.LeftOut != 1 {
		t.Errorf("installed: %+v", s)
	}
	if got := k.Rules()[kibana.RuleID(ruleID)]; got["query"] != "FROM logs-mine-* | WHERE mine == 1" || !strings.Contains(fmt.Sprint(got["tags"]), kibana.TagEdited) {
		t.Errorf("the edited rule in Kibana: %v", got)
	}
	if k.Rules()[kibana.RuleID(last)] != nil {
		t.Error("a rejected rule was installed")
	}
	eventually(t, 2*time.Second, "the list shows what is installed", func() bool {
		call("GET", "/rows?facets=true&review=installed", nil, &page, 200)
		return page.Total == n-1 && page.Facets.Review["rejected"] == 1
	})

	// All of it outlives the process.
	d.stop()
	d = startDev(t, dir, "--config", cfg)
	call("GET", "/rows?edited=me&review=installed", nil, &page, 200)
	if page.Total != 1 || page.Rows[0].ID != ruleID || page.Rows[0].Sources[0] != "logs-mine-*" {
		t.Errorf("after a restart: %+v", page)
	}
	var report struct {
		Reviews map[string]int
		Edited  int
	}
	call("GET", "/report", nil, &report, 200)
	if report.Reviews["installed"] != n-1 || report.Reviews["rejected"] != 1 || report.Edited != 1 {
		t.Errorf("report: %+v", report)
	}
	d.stop()
}
