package e2e

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"golang.org/x/crypto/bcrypt"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// execs is a rule over the programs that hosts start, with more of the search behind.
func execs(id, more string) migration.OriginalRule {
	return migration.OriginalRule{ID: id, Vendor: "splunk", QueryLanguage: "spl", Title: "Rule " + id, Description: "made for a test",
		Query: `sourcetype="linux:audit" type=EXECVE ` + more}
}

// TestTryIt: events that are pasted beside a rule give the rows of its SPL; without any, there are none.
func TestTryIt(t *testing.T) {
	g := start(t)
	id := g.create([]migration.OriginalRule{execs("many", "| stats count by host | where count > 1")})
	g.begin(id, "deterministic")
	g.finish(id)
	p := open(t, g.URL)
	p.goTo("#/m/" + id + "/rules/many")
	p.click("tab", "^Try it")
	p.sees("Rows appear here after a run")
	p.fill("textbox", "^Events for the SPL", `{"sourcetype": "linux:audit", "type": "EXECVE", "host": "web-1"}
{"sourcetype": "linux:audit", "type": "EXECVE", "host": "web-1"}
{"sourcetype": "linux:audit", "type": "EXECVE", "host": "db-1"}`)
	p.sees("3 events, as JSON")
	p.click("button", "^Run$")
	p.wait("the one host that alerts is shown", func() bool {
		return evaluate[string](p, `[...document.querySelectorAll('.result-table tbody tr')].map(r => [...r.cells].map(c => c.innerText).sort().join(' ')).join('; ')`) == "2 web-1"
	})
	p.look("tried")
	p.fill("textbox", "^Events for the SPL", `{"sourcetype": "linux:audit", "type": "EXECVE", "host": "db-1"}`)
	p.click("button", "^Run$")
	p.sees("No rows: nothing would alert")
	p.fill("textbox", "^Events for the SPL", `{"sourcetype": "linux:audit",`)
	p.wait("broken events cannot be run", func() bool {
		run := p.all("button", "^Run$")
		return len(run) == 1 && run[0].off
	})
}

// TestGiveLookup: a lookup that rules need is dropped on the page of causes as CSV; the rules are done again with it, and a file
// that is broken says where.
func TestGiveLookup(t *testing.T) {
	g := start(t)
	id := g.create([]migration.OriginalRule{execs("gold", `| lookup tiers.csv host OUTPUT tier | where tier="gold" | stats count by host`), execs("plain", "| stats count by host")})
	g.begin(id, "deterministic")
	g.finish(id)
	lacks := func() bool { return strings.Contains(fmt.Sprint(g.rule(id, "gold").Missing), "tiers.csv") }
	if !lacks() {
		t.Fatalf("the rule lacks no lookup: %+v", g.rule(id, "gold"))
	}
	p := open(t, g.URL)
	p.goTo("#/m/" + id)
	p.click("button", "^Lookup that is not there")
	p.sees("Drop tiers.csv")
	p.drop(".give .drop", file{"tiers.csv", []byte("host,tier\nweb-1,gold,more\n")})
	p.sees("Line 2 has 3 values")
	p.drop(".give .drop", file{"tiers.csv", []byte("host,tier\nweb-1,gold\ndb-1,iron\n")})
	p.sees("tiers.csv is there")
	p.wait("the rule is done again with the lookup", func() bool {
		return g.stats(id).Status == migration.Finished && !lacks() && g.rule(id, "gold").Status == migration.StatusFinished
	})
	p.gone("Lookup that is not there")
	if h := g.rule(id, "plain").History; len(h) > 0 && strings.Contains(fmt.Sprint(h), migration.ActionRequeued) {
		t.Errorf("a rule without the lookup was done again: %+v", h)
	}
}

// login answers the browser's question for a name and a password; it counts how often it was asked.
func (p *page) login(name, password string) (asked *atomic.Int32) {
	p.t.Helper()
	asked = &atomic.Int32{}
	questions, paused := chromedp.Events(p.ctx, fetch.AuthRequired), chromedp.Events(p.ctx, fetch.RequestPaused)
	go func() {
		for q, err := range questions {
			if err != nil {
				return
			}
			asked.Add(1)
			_, _ = chromedp.Call(p.ctx, fetch.ContinueWithAuth, fetch.ContinueWithAuthParams{RequestID: q.RequestID,
				AuthChallengeResponse: &fetch.AuthChallengeResponse{Response: fetch.AuthChallengeResponseResponseProvideCredentials, Username: name, Password: password}})
		}
	}()
	go func() {
		for r, err := range paused {
			if err != nil {
				return
			}
			_, _ = chromedp.Call(p.ctx, fetch.ContinueRequest, fetch.ContinueRequestParams{RequestID: r.RequestID})
		}
	}()
	on := true
	call(p, fetch.Enable, fetch.EnableParams{HandleAuthRequests: &on})
	return asked
}

// TestLogin: with authentication on, a reader sees rules and no way to accept them; a key that is wrong is told and not taken, a
// right one gives its role, and is forgotten with the page.
func TestLogin(t *testing.T) {
	const key = "an-api-key-of-thirty-two-characters"
	hash, err := bcrypt.GenerateFromPassword([]byte("pw-ana"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	g := startWith(t, fmt.Sprintf("auth:\n  users: [{name: ana, role: reader, password_hash: '%s'}]\n  api_keys: [{name: soc, role: operator, hash: %x}]\n", hash, sha256.Sum256([]byte(key))))
	g.key = key
	id := g.create(makeRules(3))
	g.begin(id, "deterministic")
	g.finish(id)

	p := window(t, g.URL)
	p.expect("status of 401")
	asked := p.login("ana", "pw-ana")
	p.visit("")
	p.sees("ana")
	p.gone("Drop what you have of Splunk here")
	p.goTo("#/m/" + id + "/rules/rule-00000")
	p.sees("Not signed off")
	if n := len(p.all("button", "^(Accept|Reject|Edit)")); n != 0 {
		t.Errorf("a reader has %d buttons that change the rule", n)
	}
	p.accessible("reader")
	before := asked.Load()
	p.click("button", "^More$")
	p.click("menuitem", "^Use an API key")
	p.until("the field has the focus", "document.activeElement?.type === 'password'")
	p.keys("not-the-key" + kb.Enter)
	p.sees("The key was not taken", "the API key is not known; check that it is whole")
	p.look("wrong-key")
	if n := asked.Load(); n != before {
		t.Errorf("the browser asked for a password %d times more over a wrong key", n-before)
	}
	p.fill("textbox", "^API key", key)
	p.click("button", "^Use it$")
	p.click("button", "^Accept$")
	p.sees("accepted")
	if d := g.document(id, "rule-00000"); d.state() != "accepted" || !strings.Contains(d.Review.By, "soc") {
		t.Errorf("the rule is %+v", d.Review)
	}
	p.do(chromedp.Reload())
	p.sees("accepted", "ana")
	if n := len(p.all("button", "^Accept")); n != 0 {
		t.Errorf("the key outlived the page: %d buttons accept", n)
	}
}

// TestBasePath: beneath a path the page works from the drop to the report; window fails the test over any request outside it.
func TestBasePath(t *testing.T) {
	g := startWith(t, "http: {base_path: /soc/rules}\n")
	base := strings.TrimSuffix(g.URL, "/")
	if !strings.HasSuffix(base, "/soc/rules") {
		base += "/soc/rules"
	}
	g.URL = base
	p := open(t, base)
	_, files := house(t)
	p.drop(".drop", file{"house.tgz", archive(t, files)})
	p.click("button", "^Start the migration")
	p.sees("finished", "What keeps rules from being full")
	id := g.only()
	p.click("link", "^Rules")
	p.counted(18)
	p.keys(kb.Enter)
	p.sees("Not signed off")
	p.click("link", "^Install$")
	p.click("button", "^CSV")
	if report := p.downloaded("*.report.csv"); len(report) == 0 {
		t.Error("the report is empty")
	}
	p.visit("#/m/" + id + "/coverage") // an address that was kept
	p.sees("MITRE")
	if strings.Contains(evaluate[string](p, "location.pathname"), "//") {
		t.Error("the address has an empty part")
	}
}

// TestInstallResumed: a Kibana that refuses the key in the middle ends an installation; the page says why and what to do. Resumed,
// the rest follows, and nothing is installed twice.
func TestInstallResumed(t *testing.T) {
	g := start(t)
	id := g.create(makeRules(12))
	g.begin(id, "deterministic")
	g.finish(id)
	var made atomic.Int32
	g.kibana.Before(func(w http.ResponseWriter, r *http.Request, _ []byte) bool {
		if r.Method != http.MethodPost || !strings.HasPrefix(r.URL.Path, "/api/detection_engine/rules") || made.Add(1) <= 5 {
			return false
		}
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"statusCode":401,"message":"the key was revoked"}`))
		return true
	})
	p := open(t, g.URL)
	p.goTo("#/m/" + id + "/install")
	p.click("button", "^Install 12 rules")
	p.sees("disabled: you enable them there")
	p.click("button", "^Install 12 rules")
	p.sees("Ended early", "The Kibana refused the key")
	n := len(g.kibana.Rules())
	if n == 0 || n >= 12 {
		t.Fatalf("%d of 12 rules are there", n)
	}
	p.accessible("ended early")
	p.picture("ended-early")
	g.kibana.Before(nil)
	p.click("button", "^Resume$")
	p.wait("all rules are there", func() bool { return len(g.kibana.Rules()) == 12 })
	p.gone("Ended early")
	p.sees("Done")
	if posts := g.kibana.Writes("POST /api/detection_engine/rules "); posts-int(made.Load()) > 12 || len(g.kibana.Rules()) != 12 {
		t.Errorf("%d rules after %d writes", len(g.kibana.Rules()), posts)
	}
	if l := g.list(id, "review=installed"); l.Total != 12 {
		t.Errorf("%d rules are signed off as installed", l.Total)
	}
}

// TestTouch: on a telephone, by touch alone: files are chosen, rules filtered, one opened and accepted. Nothing is wider than the
// window on the way.
func TestTouch(t *testing.T) {
	g := start(t)
	p := open(t, g.URL)
	p.do(chromedp.EmulateViewport(375, 812, chromedp.EmulateTouch))
	p.finger = true
	p.visit("")
	fits := func(view string) {
		t.Helper()
		if wide := evaluate[float64](p, "document.documentElement.scrollWidth - innerWidth"); wide > 0 {
			t.Errorf("%s is %g pixels wider than the window: %s", view, wide, p.widest())
		}
	}
	fits("the start")
	_, files := house(t)
	app := filepath.Join(t.TempDir(), "house.tgz")
	if err := os.WriteFile(app, archive(t, files), 0o600); err != nil {
		t.Fatal(err)
	}
	p.upload("input[data-testid=files]", app)
	p.sees("What was found")
	fits("what was found")
	p.click("button", "^Start the migration")
	p.sees("finished", "What keeps rules from being full")
	fits("the causes")
	id := g.only()
	p.click("button", "^Macro without a definition")
	fits("an open cause")
	p.click("link", "rules? with Macro without a definition")
	p.sees("Cause: Macro without a definition")
	fits("the rules")
	p.click("button", "Cause: Macro without a definition Remove")
	p.counted(18)
	partial := g.list(id, "result=partial")
	p.click("button", "^Filters")
	p.click("button", "^Partial ")
	p.counted(partial.Total)
	rule := partial.Rows[0]
	p.click("link", "^"+regexpOf(rule.Title))
	p.sees("Not signed off")
	fits("the rule")
	p.picture("rule")
	p.click("button", "^Accept$")
	p.sees("1 rule accepted")
	if d := g.document(id, rule.ID); d.state() != "accepted" {
		t.Errorf("the rule is %s", d.state())
	}
}

// TestKeysFromTheStart: the keyboard alone leads from the list of migrations to an accepted rule; a dialog on the way begins at its
// text or field, not at the button that closes it.
func TestKeysFromTheStart(t *testing.T) {
	g := start(t)
	id := g.create(makeRules(3))
	g.begin(id, "deterministic")
	g.finish(id)
	p := open(t, g.URL)
	p.find("link", "^"+id)
	tab := func(what, is string) { t.Helper(); p.tabTo(40, what, is) }
	tab("the menu of the migration", "(e.getAttribute('aria-label') ?? '').startsWith('More for')")
	p.keys(kb.Enter)
	p.keys("r") // Retry …, then Rename
	for range 4 {
		if evaluate[bool](p, "document.activeElement?.innerText.startsWith('Rename')") {
			break
		}
		p.keys("r")
	}
	p.keys(kb.Enter)
	p.until("the dialog begins at its field", "document.activeElement?.matches('dialog input')")
	p.keys("a", chromedp.KeyModifiers(chromedp.ModifierCtrl))
	p.keys("By keys" + kb.Enter)
	p.find("link", "^By keys$")
	p.until("the menu has the focus again", "(document.activeElement?.getAttribute('aria-label') ?? '').startsWith('More for')")
	p.visit("")
	tab("the migration", "e.classList.contains('migration-name')")
	p.keys(kb.Enter)
	p.sees("Results")
	tab("the tab of rules", "e.tagName === 'A' && e.innerText.startsWith('Rules')")
	p.keys(kb.Enter)
	p.counted(3)
	p.keys("j")
	p.keys(kb.Enter)
	p.sees("Not signed off")
	p.keys("a")
	p.wait("a rule is accepted", func() bool { return g.list(id, "review=accepted").Total == 1 })
	p.keys("?")
	p.until("the dialog begins at its text", "document.activeElement?.tagName === 'DIALOG'")
	p.keys(kb.Escape)
	if p.clicks != 0 {
		t.Errorf("the mouse was pressed %d times", p.clicks)
	}
}
