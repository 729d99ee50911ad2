package e2e

import (
	"archive/zip"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/rulebridge/rulebridge/internal/kibana"
)

// TestTake: where rules were accepted, only those go, and the page says what is left out; all go when that is chosen.
func TestTake(t *testing.T) {
	g := start(t)
	id := g.create(makeRules(12))
	g.begin(id, "deterministic")
	g.finish(id)
	g.call(http.MethodPost, "/internal/siem_migrations/rules/"+id+"/review", map[string]any{"rules": []map[string]string{
		{"rule_id": "rule-00003", "state": "accepted"}, {"rule_id": "rule-00005", "state": "accepted"}, {"rule_id": "rule-00007", "state": "rejected"}}}, nil)
	p := open(t, g.URL)
	p.goTo("#/m/" + id + "/install")
	p.sees("11 with a query, of which 2 accepted; 1 rejected", "Left out: 9 not accepted, 1 rejected", "Install 2 rules")
	p.look("take")
	p.click("button", "^For Kibana's import")
	p.sees("2 rules exported")
	data := p.downloaded("*.export.zip")
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	f, err := archive.Open(kibana.RulesFile)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(f)
	if err != nil || strings.Count(string(text), `"type":"esql"`) != 2 || !strings.Contains(string(text), kibana.RuleID("rule-00005")) {
		t.Errorf("exported: %v\n%.2000s", err, text)
	}
	p.click("button", "^Install 2 rules")
	p.sees("disabled: you enable them there")
	p.click("button", "^Install 2 rules")
	p.sees("2 created", "10 left out")
	if n := len(g.kibana.Rules()); n != 2 {
		t.Errorf("%d rules are there", n)
	}
	p.click("radio", "^All that have a query")
	p.sees("Install 9 rules")
}
