package kibanatest

import (
	"bytes"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const good = `{"rule_id":"a","name":"n","description":"d","type":"esql","language":"esql","query":"FROM x","severity":"low","risk_score":1}`

func TestRefuses(t *testing.T) {
	used := map[string]bool{}
	for _, tc := range []struct{ check, with, want string }{
		{"", `{}`, ""},
		{"", `{"threat":[],"interval":"5m","from":"now-1h/h","enabled":false,"max_signals":1}`, ""},
		{"", `{"type":"query","index":["x"],"language":"kuery"}`, ""},
		{"required fields", `{"description":""}`, "description: Required"},
		{"required fields", `{"rule_id":null}`, "rule_id: Required"},
		{"unknown keys, and keys of other rule types", `{"made_up":1}`, "made_up"},
		{"unknown keys, and keys of other rule types", `{"index":["x"]}`, "index"},
		{"unknown keys, and keys of other rule types", `{"threshold":{}}`, "threshold"},
		{"unknown keys, and keys of other rule types", `{"type":"spl"}`, "type"},
		{"the language and query of an ES|QL rule", `{"language":"kuery"}`, "language"},
		{"severity", `{"severity":"severe"}`, "severe"},
		{"numbers", `{"risk_score":101}`, "risk_score"},
		{"numbers", `{"max_signals":0}`, "max_signals"},
		{"schedule", `{"interval":"1w"}`, "interval"},
		{"schedule", `{"from":"-10m"}`, "from"},
		{"types of values", `{"note":5}`, "note"},
		{"types of values", `{"enabled":"false"}`, "enabled"},
		{"types of values", `{"references":"https://example.org"}`, "references"},
		{"types of values", `{"name":["n"]}`, "name"},
		{"types of values", `{"note":null}`, "note"},
		{"types of values", `{"exceptions_list":[{"list_id":"x"}]}`, "exceptions_list.id"},
		{"lists of text", `{"tags":[1]}`, "tags"},
		{"threat", `{"threat":[{"framework":"MITRE ATT&CK","tactic":{"id":"TA0005"}}]}`, "tactic"},
		{"suppression", `{"alert_suppression":{"group_by":["a","b","c","d"]}}`, "1 to 3"},
		{"suppression", `{"alert_suppression":{"group_by":["a"],"duration":{"value":1,"unit":"d"}}}`, "unit"},
		{"suppression", `{"alert_suppression":{"group_by":["a"],"duration":"5m"}}`, "duration"},
		{"timelines", `{"timeline_id":"x"}`, "timeline_title"},
	} {
		var rule map[string]any
		for _, text := range []string{good, tc.with} {
			if err := json.Unmarshal([]byte(text), &rule); err != nil {
				t.Fatal(err)
			}
		}
		if got := Refuses(rule); (got == "") != (tc.want == "") || !strings.Contains(got, tc.want) {
			t.Errorf("%s: %q, want %q", tc.with, got, tc.want)
		}
		used[tc.check] = true
	}
	for name, source := range Checks() {
		if !used[name] || source == "" {
			t.Errorf("the check %q has no case or no source", name)
		}
	}
}

func TestImportOverHTTP(t *testing.T) {
	s := httptest.NewServer(&Kibana{})
	defer s.Close()
	send := func(name string, xsrf bool) (int, Answer) {
		var body bytes.Buffer
		m := multipart.NewWriter(&body)
		w, _ := m.CreateFormFile("file", name)
		_, _ = w.Write([]byte(good + "\n" + good + "\nnot JSON\n" + `{"exported_count":2}` + "\n"))
		_ = m.Close()
		req, _ := http.NewRequest(http.MethodPost, s.URL+ImportPath, &body)
		req.Header.Set("Content-Type", m.FormDataContentType())
		if xsrf {
			req.Header.Set("kbn-xsrf", "")
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var a Answer
		_ = json.NewDecoder(resp.Body).Decode(&a)
		return resp.StatusCode, a
	}
	if status, _ := send("r.ndjson", false); status != 400 {
		t.Errorf("without kbn-xsrf: %d", status)
	}
	if status, _ := send("r.json", true); status != 400 {
		t.Errorf("a .json file: %d", status)
	}
	status, a := send("r.ndjson", true)
	if status != 200 || a.SuccessCount != 1 || a.RulesCount != 3 || len(a.Errors) != 2 || !strings.Contains(a.Errors[0].Error.Message, "More than one rule") {
		t.Errorf("%d %+v", status, a)
	}
	if _, a := send("r.ndjson", true); a.SuccessCount != 0 || a.Errors[0].Error.StatusCode != 409 {
		t.Errorf("a second import: %+v", a)
	}
}
