package e2e

import (
	"archive/zip"
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/rulebridge/rulebridge/internal/kibana"
)

// TestFiles: the report and the export are downloaded, and hold what they are named after.
func TestFiles(t *testing.T) {
	g := start(t)
	id := g.migrated()
	p := open(t, g.URL)
	p.goTo("#/m/" + id + "/coverage")
	p.sees("T1")
	p.look("coverage")
	p.keep("coverage")
	p.click("link", "^Install$")
	p.click("button", "^HTML")
	if report := p.downloaded("*.report.html"); !bytes.Contains(report, []byte("Password Spraying by One Source")) {
		t.Errorf("the report lacks a rule: %.300s", report)
	}
	p.click("button", "^CSV")
	if lines := bytes.Count(p.downloaded("*.report.csv"), []byte("acme-")); lines < 28 {
		t.Errorf("%d rules in the CSV", lines)
	}
	p.click("button", "^For Kibana's import")
	data := p.downloaded("*.export.zip")
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil || len(archive.File) < 2 {
		t.Errorf("the export: %v", err)
	}
}

// TestInstall: rules go to a Kibana that refuses one of them; that one is named, with what the Kibana said, and goes with a
// second try. Nothing is installed twice.
func TestInstall(t *testing.T) {
	g := start(t)
	id := g.create(makeRules(12))
	g.begin(id, "deterministic")
	g.finish(id)
	bad := kibana.RuleID("rule-00007")
	g.kibana.Before(func(w http.ResponseWriter, r *http.Request, body []byte) bool {
		if r.Method != http.MethodPost || !strings.Contains(string(body), bad) {
			return false
		}
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"statusCode":400,"message":"this one not"}`))
		return true
	})
	p := open(t, g.URL)
	p.goTo("#/m/" + id + "/install")
	p.sees("Plan for prod")
	p.sees("12 with a query, of which 0 accepted")
	p.click("button", "^New 12")
	p.look("plan")
	p.click("button", "^Install 12 rules")
	p.sees("disabled: you enable them there")
	p.click("button", "^Install 12 rules")
	p.sees("1 rule failed", "this one not", "rule-00007")
	p.look("one-failed")
	p.keep("install")
	if n := len(g.kibana.Rules()); n != 11 {
		t.Errorf("%d rules are there", n)
	}
	g.kibana.Before(nil)
	p.click("button", "^Try the failed ones again")
	p.gone("this one not")
	p.wait("all rules are there", func() bool { return len(g.kibana.Rules()) == 12 })
	p.sees("1 created", "11 unchanged")
	if posts := g.kibana.Writes("POST /api/detection_engine/rules "); posts != 12 {
		t.Errorf("%d rules were created, want 12", posts)
	}
	if l := g.list(id, "review=installed"); l.Total != 12 {
		t.Errorf("%d rules are signed off as installed", l.Total)
	}
}
