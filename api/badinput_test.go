package api

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rulebridge/rulebridge/config"
)

// TestBadRules: every bad body is refused with the place and the field, and nothing is stored.
func TestBadRules(t *testing.T) {
	good := ruleJSON("a")
	with := func(member, value string) string {
		return `[` + good + `,{"id":"b","vendor":"splunk","title":"t","description":"d","query":"q","query_language":"spl","mitre_attack_ids":[],` +
			fmt.Sprintf("%q:%s}]", member, value)
	}
	set := func(member, value string) string { // replaces a member of the second rule
		m := map[string]string{"id": `"b"`, "vendor": `"splunk"`, "title": `"t"`, "description": `"d"`, "query": `"q"`, "query_language": `"spl"`, "mitre_attack_ids": `[]`}
		m[member] = value
		var parts []string
		for _, k := range []string{"id", "vendor", "title", "description", "query", "query_language", "mitre_attack_ids"} {
			if m[k] != "" {
				parts = append(parts, fmt.Sprintf("%q:%s", k, m[k]))
			}
		}
		return `[` + good + `,{` + strings.Join(parts, ",") + `}]`
	}
	long := func(n int) string { return `"` + strings.Repeat("x", n) + `"` }
	tests := []struct {
		name, body string
		code       int
		want       []string
	}{
		{"empty body", "", 400, []string{"the body is empty"}},
		{"blank body", "  \n", 400, []string{"the body is empty"}},
		{"no JSON", "hello", 400, []string{"no valid JSON", "byte 0"}},
		{"an object", good, 400, []string{"must be an array of rules, not an object"}},
		{"null", "null", 400, []string{"must be an array of rules, not null"}},
		{"empty array", "[]", 400, []string{"array is empty"}},
		{"cut off", `[{"id":"a"`, 400, []string{"no complete JSON"}},
		{"cut off in a text", `[{"id":"a`, 400, []string{"no complete JSON"}},
		{"trailing comma", `[` + good + `,]`, 400, []string{"no valid JSON"}},
		{"something after", `[` + good + `] []`, 400, []string{"goes on after"}},
		{"garbage after", `[` + good + `] x`, 400, []string{"no valid JSON"}},
		{"element is no object", `[` + good + `,5]`, 400, []string{"[1] (rule 2)", "must be an object, not a number"}},
		{"no id", set("id", ""), 400, []string{"[1].id (rule 2)", "is missing"}},
		{"empty id", set("id", `""`), 400, []string{"[1].id (rule 2)", "is empty"}},
		{"blank id", set("id", `"  "`), 400, []string{"[1].id (rule 2)", "is empty"}},
		{"id null", set("id", `null`), 400, []string{"[1].id (rule 2)", "must be a text, not null"}},
		{"id a number", set("id", `7`), 400, []string{"[1].id (rule 2)", "must be a text, not a number"}},
		{"id with a line break", set("id", `"a\nb"`), 400, []string{"[1].id (rule 2)", "control character"}},
		{"id too long", set("id", long(257)), 400, []string{"[1].id (rule 2)", "257 bytes", "256"}},
		{"id twice", set("id", `"a"`), 400, []string{"[1].id (rule 2", "already at [0] (rule 1)"}},
		{"no query", set("query", ""), 400, []string{"[1].query (rule 2, id \\\"b\\\")", "is missing"}},
		{"empty query", set("query", `""`), 400, []string{"[1].query (rule 2", "is empty"}},
		{"blank query", set("query", `" \n "`), 400, []string{"[1].query (rule 2", "is empty"}},
		{"query null", set("query", `null`), 400, []string{"[1].query (rule 2", "not null"}},
		{"query an array", set("query", `["q"]`), 400, []string{"[1].query (rule 2", "not an array"}},
		{"query too long", set("query", long(256<<10+1)), 400, []string{"[1].query (rule 2", "262145 bytes", "262144", "limits.query"}},
		{"title too long", set("title", long(1025)), 400, []string{"[1].title (rule 2", "1025 bytes", "1024"}},
		{"description too long", set("description", long(64<<10+1)), 400, []string{"[1].description (rule 2", "65537 bytes", "65536"}},
		{"no vendor", set("vendor", ""), 400, []string{"[1].vendor (rule 2", "is missing"}},
		{"unknown vendor", set("vendor", `"qradar"`), 400, []string{"[1].vendor (rule 2", "qradar", "splunk"}},
		{"no language", set("query_language", ""), 400, []string{"[1].query_language (rule 2", "is missing"}},
		{"unknown language", set("query_language", `"kql"`), 400, []string{"[1].query_language (rule 2", "kql", "spl"}},
		{"MITRE ids no array", set("mitre_attack_ids", `"T1059"`), 400, []string{"[1].mitre_attack_ids (rule 2", "an array, not a text"}},
		{"MITRE id a number", set("mitre_attack_ids", `["T1059",5]`), 400, []string{"[1].mitre_attack_ids[1] (rule 2", "not a number"}},
		{"risk score too high", with("risk_score", "101"), 400, []string{"[1].risk_score (rule 2", "101", "0 to 100"}},
		{"invalid UTF-8", set("query", "\"a\xffb\""), 400, []string{"no valid JSON", "UTF-8", "[1].query (rule 2)"}},
		{"invalid UTF-8 in a name", `[{"i` + "\xc3" + `d":"a"}]`, 400, []string{"no valid JSON", "UTF-8"}},
		{"lone surrogate", set("query", `"\ud800"`), 400, []string{"no valid JSON", "[1].query (rule 2)"}},
		{"NUL escaped", set("query", `"a\u0000b"`), 400, []string{"[1].query (rule 2", "NUL", "offset 1"}},
		{"NUL escaped in the title", set("title", `"\u0000"`), 400, []string{"[1].title (rule 2", "NUL"}},
		{"NUL raw", set("query", "\"a\x00b\""), 400, []string{"no valid JSON", "[1].query (rule 2)"}},
		{"NUL for space", "[\x00]", 400, []string{"no valid JSON"}},
		{"member twice", with("query", `"other"`), 400, []string{"no valid JSON", "duplicate", "[1].query (rule 2)"}},
		{"deeply nested", `[{"id":` + strings.Repeat("[", 100_000) + `}]`, 400, []string{"[0].id"}},
		{"deeply nested unknown", `[{"x":` + strings.Repeat("[", 100_000) + `}]`, 400, []string{"no valid JSON", "[0].x[0][0][0][0][0][0]… (rule 1)"}},
		{"deeply nested objects", `[{"x":` + strings.Repeat(`{"`+strings.Repeat("y", 500)+`":`, 20_000) + `}]`, 400, []string{"no valid JSON", "… (rule 1)"}},
		{"10,001 rules", rulesJSON(0, 10_001), 400, []string{"more than 10000 rules"}},
		{"UTF-16", "[\x00{\x00}\x00]\x00", 400, []string{"no valid JSON"}},
		{"byte order mark", "\xef\xbb\xbf[" + good + "]", 400, []string{"no valid JSON"}},
	}
	b := newBench(t)
	existing := b.create(1)
	for _, tt := range tests {
		for _, path := range []string{BasePath, BasePath + "/" + existing} {
			t.Run(tt.name+" "+path[len(BasePath):], func(t *testing.T) {
				b.t = t
				r := b.do("POST", path, tt.body)
				b.want(r, tt.code, tt.want...)
				if n := r.Body.Len(); n > 1<<10 {
					t.Errorf("the answer has %d bytes", n)
				}
			})
		}
	}
	b.t = t
	if ms := b.migrations(); len(ms) != 1 || ms[0].Total != 1 {
		t.Errorf("something was stored: %+v", ms)
	}
}

// TestGoodRules: what is at the edge and allowed.
func TestGoodRules(t *testing.T) {
	pad := func(n int) string { return strings.Repeat("x", n) }
	for name, body := range map[string]string{
		"longest fields":    fmt.Sprintf(`[{"id":%q,"vendor":"splunk","title":%q,"description":%q,"query":%q,"query_language":"spl"}]`, pad(256), pad(1024), pad(64<<10), pad(256<<10)),
		"10,000 rules":      rulesJSON(0, 10_000),
		"optional are null": `[{"id":"a","vendor":"splunk","title":null,"description":null,"query":"q","query_language":"spl","mitre_attack_ids":null,"risk_score":null,"severity":null}]`,
		"unknown members":   `[{"id":"a","vendor":"splunk","query":"q","query_language":"spl","observable":[{"name":"dest"}],"date":"2024-01-01","x":{"y":null}}]`,
		"CRLF and unicode":  `[{"id":"ä €","vendor":"splunk","query":"search x\r\n| where y=\"ß\"","query_language":"spl"}]`,
		"risk score":        `[{"id":"a","vendor":"splunk","query":"q","query_language":"spl","risk_score":62.5,"severity":"high","cron_schedule":"*/5 * * * *","earliest_time":"-5m","latest_time":"now"}]`,
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			w := b.do("POST", BasePath, body)
			b.want(w, 200)
			b.want(b.do("GET", BasePath+"/"+field[string](t, w, "migration_id")+"?page_size=1", ""), 200)
		})
	}
}

func TestBadHeaders(t *testing.T) {
	b := newBench(t)
	id := b.create(1)
	base := BasePath + "/" + id
	tests := []struct {
		name, method, path, body string
		headers                  []string
		code                     int
		want                     string
	}{
		{"create without xsrf", "POST", BasePath, rulesJSON(0, 1), []string{"-kbn-xsrf"}, 400, "kbn-xsrf"},
		{"append without xsrf", "POST", base, rulesJSON(0, 1), []string{"-kbn-xsrf"}, 400, "kbn-xsrf"},
		{"resources without xsrf", "POST", base + "/resources", `[]`, []string{"-kbn-xsrf"}, 400, "kbn-xsrf"},
		{"start without xsrf", "PUT", base + "/start", `{}`, []string{"-kbn-xsrf"}, 400, "kbn-xsrf"},
		{"stop without xsrf", "PUT", base + "/stop", ``, []string{"-kbn-xsrf"}, 400, "kbn-xsrf"},
		{"delete without xsrf", "DELETE", base, ``, []string{"-kbn-xsrf"}, 400, "kbn-xsrf"},
		{"list without xsrf", "GET", base, ``, nil, 200, "rule-00000"},
		{"other version", "POST", BasePath, rulesJSON(0, 1), []string{"elastic-api-version: 2023-10-31"}, 400, "2023-10-31"},
		{"other version on a read", "GET", base + "/stats", "", []string{"elastic-api-version: 2"}, 400, "elastic-api-version"},
		{"empty version", "GET", base + "/stats", "", []string{"elastic-api-version: "}, 400, "elastic-api-version"},
		{"version 1", "GET", base + "/stats", "", []string{"elastic-api-version: 1"}, 200, "total"},
		{"internal origin", "GET", base + "/stats", "", []string{"x-elastic-internal-origin: security-solution"}, 200, "total"},
		{"credentials ignored", "GET", base + "/stats", "", []string{"Authorization: Basic ZWxhc3RpYzpjaGFuZ2VtZQ=="}, 200, "total"},
		{"foreign host", "GET", BasePath + "/stats", "", []string{"Host: evil.example"}, 421, "http.hosts"},
		{"foreign host with a port", "POST", BasePath, rulesJSON(0, 1), []string{"Host: evil.example:8080"}, 421, "http.hosts"},
		{"host like loopback", "GET", BasePath + "/stats", "", []string{"Host: 127.0.0.1.evil.example"}, 421, "http.hosts"},
		{"localhost of another", "GET", BasePath + "/stats", "", []string{"Host: localhost.evil.example"}, 421, "http.hosts"},
		{"no host", "GET", BasePath + "/stats", "", []string{"Host: "}, 421, "http.hosts"},
		{"foreign host of health", "GET", "/healthz", "", []string{"Host: evil.example"}, 421, "http.hosts"},
		{"localhost", "GET", BasePath + "/stats", "", []string{"Host: localhost:9"}, 200, id},
		{"LOCALHOST.", "GET", BasePath + "/stats", "", []string{"Host: LOCALHOST."}, 200, id},
		{"IPv6 loopback", "GET", BasePath + "/stats", "", []string{"Host: [::1]:8080"}, 200, id},
		{"loopback net", "GET", BasePath + "/stats", "", []string{"Host: 127.8.9.1"}, 200, id},
		{"foreign origin", "PUT", base + "/stop", "", []string{"Origin: http://evil.example"}, 403, "origin"},
		{"null origin", "PUT", base + "/stop", "", []string{"Origin: null"}, 403, "origin"},
		{"other port", "PUT", base + "/stop", "", []string{"Origin: http://127.0.0.1:3000"}, 403, "origin"},
		{"cross site", "PUT", base + "/stop", "", []string{"Sec-Fetch-Site: cross-site"}, 403, "origin"},
		{"same origin", "PUT", base + "/stop", "", []string{"Origin: http://127.0.0.1:8080"}, 200, "stopped"},
		{"foreign origin reads", "GET", BasePath + "/stats", "", []string{"Origin: http://evil.example"}, 200, id},
		{"compressed", "POST", BasePath, rulesJSON(0, 1), []string{"Content-Encoding: gzip"}, 415, "gzip"},
		{"trailing slash", "POST", BasePath + "/", rulesJSON(0, 1), nil, 404, "nothing at this path"},
		{"trailing slash of one", "GET", base + "/", "", nil, 404, "nothing at this path"},
		{"double slash", "GET", "//internal/siem_migrations/rules/stats", "", nil, 404, "nothing at this path"},
		{"other case", "GET", strings.ToUpper(BasePath) + "/stats", "", nil, 404, "nothing at this path"},
		{"method", "REPORT", base, "", nil, 405, "REPORT"},
		{"preflight", "OPTIONS", base, "", []string{"Origin: http://evil.example", "Access-Control-Request-Method: PUT"}, 405, "OPTIONS"},
		{"get of start", "GET", base + "/start", "", nil, 405, "GET"},
		{"page_size 0", "GET", base + "?page_size=0", "", nil, 400, "page_size"},
		{"page_size 1001", "GET", base + "?page_size=1001", "", nil, 400, "1 to 1000"},
		{"page_size no number", "GET", base + "?page_size=many", "", nil, 400, "many"},
		{"status", "GET", base + "?status=done", "", nil, 400, "pending, processing, finished or error"},
		{"result", "GET", base + "?translation_result=good", "", nil, 400, "full, partial or untranslatable"},
		{"cursor", "GET", base + "?after=b64.%2A", "", nil, 400, "X-Next-After"},
		{"seal", "POST", BasePath + "?seal=maybe", rulesJSON(0, 1), nil, 400, "seal"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b.t = t
			w := b.do(tt.method, tt.path, tt.body, tt.headers...)
			b.want(w, tt.code, tt.want)
			for h := range w.Header() {
				if strings.HasPrefix(h, "Access-Control-") {
					t.Errorf("CORS header %s", h)
				}
			}
			if loc := w.Header().Get("Location"); loc != "" {
				t.Errorf("redirect to %s", loc)
			}
		})
	}
	b.t = t
	if ms := b.migrations(); len(ms) != 1 || ms[0].Total != 1 {
		t.Errorf("something was stored: %+v", ms)
	}
}

func TestConfiguredHost(t *testing.T) {
	b := newBench(t, func(d *Deps) { d.Settings.HTTP.Hosts = []string{"rules.example.org"} })
	b.want(b.do("GET", BasePath+"/stats", "", "Host: Rules.Example.org:443"), 200)
	b.want(b.do("GET", BasePath+"/stats", "", "Host: other.example.org"), 421)
}

func TestBadStart(t *testing.T) {
	b := newBench(t)
	id := b.create(1)
	for name, tt := range map[string]struct {
		body string
		want []string
	}{
		"empty":             {"", []string{"the body is empty"}},
		"no JSON":           {"{", []string{"no complete JSON"}},
		"an array":          {"[]", []string{"must be an object", "connectorId"}},
		"no connector":      {"{}", []string{"connectorId", "is missing"}},
		"connector null":    {`{"connectorId":null}`, []string{"connectorId", "not null"}},
		"connector number":  {`{"connectorId":4}`, []string{"connectorId", "not a number"}},
		"connector unknown": {`{"connectorId":"nope"}`, []string{"connectorId", "nope", "azureOpenAiGPT4o", "deterministic"}},
		"retry":             {`{"connectorId":"deterministic","retry":"yes"}`, []string{"retry", "true or false"}},
		"batch":             {`{"connectorId":"deterministic","settings":{"batch":0}}`, []string{"settings.batch", "1 to 1000"}},
		"batch fraction":    {`{"connectorId":"deterministic","settings":{"batch":1.5}}`, []string{"settings.batch", "whole number"}},
		"pause number":      {`{"connectorId":"deterministic","settings":{"pause":10}}`, []string{"settings.pause", "a text"}},
		"pause negative":    {`{"connectorId":"deterministic","settings":{"pause":"-1s"}}`, []string{"settings.pause", "0s to 24h"}},
		"setting unknown":   {`{"connectorId":"deterministic","settings":{"batsh":1}}`, []string{"settings.batsh", "not known"}},
		"goes on":           {`{"connectorId":"deterministic"} {}`, []string{"goes on"}},
		"connector twice":   {`{"connectorId":"deterministic","connectorId":"gpt"}`, []string{"duplicate"}},
	} {
		t.Run(name, func(t *testing.T) {
			b.t = t
			b.want(b.do("PUT", BasePath+"/"+id+"/start", tt.body), 400, tt.want...)
		})
	}
	b.t = t
	b.want(b.do("PUT", BasePath+"/"+id+"/start", `{"connectorId":"deterministic"}`, "Idempotency-Key: two words"), 400, "Idempotency-Key")
	if len(b.flows.inputs) != 0 {
		t.Errorf("a workflow was started: %+v", b.flows.inputs)
	}
}

func TestBadResources(t *testing.T) {
	b := newBench(t)
	id := b.create(1)
	for name, tt := range map[string]struct {
		body string
		want []string
	}{
		"empty array":           {"[]", []string{"array is empty"}},
		"an object":             {"{}", []string{"array of resources"}},
		"no type":               {`[{"name":"m","definition":""}]`, []string{"[0].type (resource 1)", "is missing"}},
		"unknown type":          {`[{"type":"table","name":"m","definition":""}]`, []string{"[0].type (resource 1)", "table", "macro"}},
		"no name":               {`[{"type":"macro","definition":""}]`, []string{"[0].name (resource 1)", "is missing"}},
		"macro no definition":   {`[{"type":"macro","name":"m"}]`, []string{"[0].definition (resource 1)", "is missing"}},
		"macro with rows":       {`[{"type":"macro","name":"m","definition":"","rows":[]}]`, []string{"[0].rows", "lookups"}},
		"lookup without rows":   {`[{"type":"lookup","name":"m"}]`, []string{"[0].rows (resource 1)", "is missing"}},
		"lookup and definition": {`[{"type":"lookup","name":"m","rows":[],"definition":"x"}]`, []string{"[0].definition"}},
		"row no object":         {`[{"type":"lookup","name":"m","rows":[{"a":"b"},[]]}]`, []string{"[0].rows[1] (resource 1)", "an object, not an array"}},
		"cell an object":        {`[{"type":"lookup","name":"m","rows":[{"a":{}}]}]`, []string{"[0].rows[0].a (resource 1)", "not an object"}},
		"NUL in a cell":         {`[{"type":"lookup","name":"m","rows":[{"a":"\u0000"}]}]`, []string{"[0].rows[0].a", "NUL"}},
		"NUL in a column":       {`[{"type":"lookup","name":"m","rows":[{"\u0000":"a"}]}]`, []string{"[0].rows[0]", "NUL"}},
		"twice":                 {`[{"type":"macro","name":"m","definition":"a"},{"type":"macro","name":"m","definition":"b"}]`, []string{"[1].name (resource 2)", "already at [0]"}},
		"total":                 {`[{"type":"lookup","name":"m","rows":[],"total_rows":-1}]`, []string{"[0].total_rows", "out of range"}},
	} {
		t.Run(name, func(t *testing.T) {
			b.t = t
			b.want(b.do("POST", BasePath+"/"+id+"/resources", tt.body), 400, tt.want...)
		})
	}
	if rs, err := b.store.Resources(t.Context(), id); err != nil || len(rs) != 0 {
		t.Errorf("stored %+v, %v", rs, err)
	}
}

// TestTooLarge: over a real connection, with a length and in chunks, the caller reads a 413 and nothing is stored.
func TestTooLarge(t *testing.T) {
	b := newBench(t, func(d *Deps) { d.Settings.Limits.Body, d.Settings.Limits.Rules = 1<<20, 1<<30 })
	srv := httptest.NewServer(b.server)
	defer srv.Close()
	body := rulesJSON(0, 10_000) // 1.6 MB
	for name, r := range map[string]io.Reader{
		"with a length": strings.NewReader(body),
		"in chunks":     struct{ io.Reader }{strings.NewReader(body)},
		"no array":      struct{ io.Reader }{strings.NewReader(strings.Repeat(" ", 2<<20))},
	} {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), "POST", srv.URL+BasePath, r)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("kbn-xsrf", "")
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			text, _ := io.ReadAll(res.Body)
			if res.StatusCode != 413 || !strings.Contains(string(text), "1048576 bytes") {
				t.Errorf("%d %s", res.StatusCode, text)
			}
		})
	}
	if ms := b.migrations(); len(ms) != 0 {
		t.Errorf("stored %+v", ms)
	}
}

// TestRefusedEarly: a long body whose first rule is wrong still gets its answer, and not a broken connection.
func TestRefusedEarly(t *testing.T) {
	b := newBench(t)
	srv := httptest.NewServer(b.server)
	defer srv.Close()
	body := `[{"id":""},` + rulesJSON(0, 60_000)[1:]
	req, err := http.NewRequestWithContext(t.Context(), "POST", srv.URL+BasePath, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("kbn-xsrf", "")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != 400 {
		t.Errorf("status %d", res.StatusCode)
	}
}

// TestExpectContinue: a caller who asks first learns of the limit before sending anything.
func TestExpectContinue(t *testing.T) {
	b := newBench(t)
	srv := httptest.NewServer(b.server)
	defer srv.Close()
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nkbn-xsrf:\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", BasePath, 65<<20)
	answer := make([]byte, 64)
	if _, err := io.ReadFull(conn, answer); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(answer), "HTTP/1.1 413 ") {
		t.Errorf("answer %q", answer)
	}
}

// FuzzDecodeRules: whatever comes, it is either refused as a whole with a reason, or every rule is sound.
func FuzzDecodeRules(f *testing.F) {
	for _, s := range []string{
		"", "[]", "[{}]", rulesJSON(0, 2), `[` + ruleJSON("a") + `,` + ruleJSON("a") + `]`, `[{"id":"a","query":"\u0000"}]`,
		"[{\"id\":\"\xff\"}]", `[{"id":null}]`, `[{"x":[[[{}]]]}]`, `{"id":1}`, `[1,2]`, `[` + ruleJSON("\u00e4") + `] `,
		`[{"id":"a","vendor":"splunk","query":"q","query_language":"spl","risk_score":1e400}]`,
	} {
		f.Add(s)
	}
	limits := config.Default(nil).Limits
	limits.Query, limits.Rules = 1000, 50
	f.Fuzz(func(t *testing.T, s string) {
		rules, err := decodeRules(strings.NewReader(s), limits)
		if err != nil {
			if e := answerFor(err, ""); e.Status != 400 || e.Message == "" {
				t.Errorf("%q: %d %q", s, e.Status, e.Message)
			}
			if rules != nil {
				t.Errorf("%q: rules beside the error %v", s, err)
			}
			return
		}
		if len(rules) == 0 || len(rules) > limits.Rules {
			t.Errorf("%q: %d rules", s, len(rules))
		}
		seen := map[string]bool{}
		for _, r := range rules {
			if r.ID == "" || seen[r.ID] || strings.TrimSpace(r.Query) == "" || r.Vendor != "splunk" || r.QueryLanguage != "spl" ||
				len(r.Query) > 1000 || strings.ContainsRune(r.ID+r.Query+r.Title, 0) || r.MitreAttackIDs == nil {
				t.Errorf("%q: unsound rule %+v", s, r)
			}
			seen[r.ID] = true
		}
	})
}
