package e2e

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// listed is what the gateway says of the rules that a query takes.
type listed struct {
	Total int
	Rows  []struct {
		ID, Title, Review string
		Revision          int
	}
	Facets struct {
		Review map[string]int
		Result map[string]int
	}
}

func (g *gateway) list(id, query string) (l listed) {
	g.t.Helper()
	g.call("GET", rulesPath+"/"+id+"/rows?facets=true&limit=200&"+query, nil, &l)
	return l
}

// document is a rule as a person left it.
type document struct {
	migration.Rule
	Revision int                         `json:"revision"`
	Review   *struct{ State, By string } `json:"review"`
	Edited   *struct{ By string }        `json:"edited"`
}

func (g *gateway) document(id, rule string) (d document) {
	g.t.Helper()
	g.call("GET", rulesPath+"/"+id+"/rule?rule_id="+url.QueryEscape(rule), nil, &d)
	return d
}

// state is the sign-off of a rule.
func (d document) state() string {
	if d.Review == nil {
		return "open"
	}
	return d.Review.State
}

// counted waits until the list says how many rules match.
func (p *page) counted(n int) {
	p.t.Helper()
	p.wait(fmt.Sprintf("the list says %d rules", n), func() bool {
		return strings.HasPrefix(evaluate[string](p, "document.querySelector('.rules-count')?.innerText ?? ''"), fmt.Sprintf("%d ", n))
	})
}

// TestFilters: the list narrows by result, search, cause and source to what the gateway counts, and back.
func TestFilters(t *testing.T) {
	g := start(t)
	id := g.migrated()
	p := open(t, g.URL)
	p.goTo("#/m/" + id + "/rules")
	p.counted(28)
	p.look("rules")
	p.keep("rules")
	full := g.list(id, "result=full")
	if full.Total == 0 || full.Total == 28 {
		t.Fatalf("%d rules are full", full.Total)
	}
	p.click("button", "^Full ")
	p.counted(full.Total)
	p.find("button", "Result: Full Remove")
	p.fill("searchbox", "Search titles", "powershell")
	both := g.list(id, "result=full&q=powershell")
	if both.Total == 0 || both.Total == full.Total {
		t.Fatalf("%d rules of PowerShell", both.Total)
	}
	p.counted(both.Total)
	p.click("button", "Result: Full Remove")
	p.counted(g.list(id, "q=powershell").Total)
	p.fill("searchbox", "Search titles", "nothing has these words")
	p.sees("No rule matches")
	p.click("button", "^Clear all filters")
	p.counted(28)
	// Sorted by title, the first row is the first title; once more, the last.
	p.click("button", "^Title")
	sorted := g.list(id, "sort=title&order=asc")
	first := "document.querySelector('.rule-title')?.innerText"
	p.until("titles are sorted", fmt.Sprintf("[%q, %q].includes(%s)", sorted.Rows[0].Title, sorted.Rows[27].Title, first))
	p.click("button", "^Title")
	p.until("titles are sorted the other way", fmt.Sprintf("[%q, %q].includes(%s)", sorted.Rows[0].Title, sorted.Rows[27].Title, first))
	// A link of the results on the overview is a filter.
	p.goTo("#/m/" + id)
	p.click("link", "^Full ")
	p.counted(g.list(id, "result=full&matched=no").Total)
}

// TestSignOff: one rule is accepted and taken back; all full rules are accepted at once and taken back.
func TestSignOff(t *testing.T) {
	g := start(t)
	id := g.migrated()
	p := open(t, g.URL)
	full := g.list(id, "result=full&matched=no&sort=title")
	rule := full.Rows[0]
	p.goTo("#/m/" + id + "/rules")
	p.click("link", "^"+regexpOf(rule.Title))
	p.sees("Not signed off")
	p.click("button", "^Accept$")
	p.sees("1 rule accepted")
	if d := g.document(id, rule.ID); d.state() != "accepted" || d.Review.By == "" {
		t.Errorf("the rule is %+v", d.Review)
	}
	p.click("button", "^Undo$")
	p.sees("Not signed off")
	if d := g.document(id, rule.ID); d.state() != "open" {
		t.Errorf("the rule is %s", d.state())
	}
	p.click("button", "^Reject$")
	p.sees("1 rule rejected")
	p.gone("1 rule rejected") // each message takes back what it tells of: this one must not be in the way of the next
	p.click("link", "^All rules")

	p.click("button", "^Full ")
	n := g.list(id, "result=full").Total
	p.counted(n)
	p.click("button", "^Choose all that match")
	p.sees(fmt.Sprintf("%d rules chosen", n))
	p.look("chosen")
	p.click("button", "^Accept$")
	p.sees(fmt.Sprintf("%d rules accepted", n))
	if l := g.list(id, ""); l.Facets.Review["accepted"] != n {
		t.Errorf("%v are signed off, want %d accepted", l.Facets.Review, n)
	}
	p.click("button", "^Undo$")
	p.sees(fmt.Sprintf("%d rules as before", n))
	if l := g.list(id, ""); l.Facets.Review["accepted"] != 0 || l.Facets.Review["rejected"] != 1 {
		t.Errorf("%v after the way back", l.Facets.Review)
	}
}

// regexpOf is a pattern of a text.
func regexpOf(text string) string {
	return strings.NewReplacer("(", `\(`, ")", `\)`, ".", `\.`, "+", `\+`, "[", `\[`, "|", `\|`, "*", `\*`, "?", `\?`).Replace(text)
}

// writes replaces the text of the query's editor.
func (p *page) writes(query string) {
	p.t.Helper()
	p.until("the editor has the focus", "document.activeElement?.closest('.rule-editor .cm-editor')")
	p.keys("a", chromedp.KeyModifiers(chromedp.ModifierCtrl))
	call(p, input.InsertText, input.InsertTextParams{Text: query})
}

// TestEdit: a query with a wrong field is told while it is typed, a right one is saved; the rule can go back to its draft.
func TestEdit(t *testing.T) {
	g := start(t)
	id := g.migrated()
	p := open(t, g.URL)
	rule := g.list(id, "result=full&matched=no&sort=title").Rows[0]
	draft := g.document(id, rule.ID).Elastic.Query
	p.goTo("#/m/" + id + "/rules/" + url.PathEscape(rule.ID))
	p.sees("Not signed off")
	p.look("rule")
	p.keep("rule")
	p.click("button", "^Edit$")
	p.writes(draft + "\n| WHERE nosuchfield > 1")
	p.sees("unknown column nosuchfield")
	p.look("wrong-field")
	p.find("list", "^Problems")
	p.click("button", "^Save$")
	p.sees("Saved with 1 warning", "1 warning in the edited query")
	p.click("button", "^Edit$")
	right := draft + "\n| LIMIT 7"
	p.writes(right)
	p.gone("unknown column nosuchfield")
	p.click("button", "^Save$")
	p.gone("in the edited query")
	p.sees("Saved", "edited by")
	if d := g.document(id, rule.ID); d.Elastic.Query != right || d.Edited == nil {
		t.Errorf("stored: %s, %+v", d.Elastic.Query, d.Edited)
	}
	p.click("button", "^Differences$")
	p.look("differences")
	p.click("button", "^More for this rule")
	p.click("menuitem", "^Back to the draft")
	p.click("button", "^Back to the draft")
	p.sees("The rule is as the draft was")
	if d := g.document(id, rule.ID); d.Elastic.Query != draft || d.Edited != nil {
		t.Errorf("after the way back: %s, %+v", d.Elastic.Query, d.Edited)
	}
	// A comment stays with the rule.
	p.click("tab", "^History")
	p.fill("textbox", "(?i)comment", "Looks right to me")
	p.click("button", "(?i)comment")
	p.wait("the comment is stored", func() bool {
		return strings.Contains(fmt.Sprint(g.document(id, rule.ID).Comments), "Looks right to me")
	})
	p.look("history")
}

// TestTwoWindows: two people edit one rule. The second is told while editing, and at the save; nothing is overwritten before
// they choose.
func TestTwoWindows(t *testing.T) {
	g := start(t)
	id := g.migrated()
	rule := g.list(id, "result=full&matched=no&sort=title").Rows[0]
	place := "#/m/" + id + "/rules/" + url.PathEscape(rule.ID)
	one, two := open(t, g.URL), open(t, g.URL)
	draft := g.document(id, rule.ID).Elastic.Query
	first, second := draft+"\n| LIMIT 1", draft+"\n| LIMIT 2"
	for _, p := range []*page{one, two} {
		p.visit(place)
		p.click("button", "^Edit$")
	}
	two.writes(second)
	one.writes(first)
	one.click("button", "^Save$")
	one.sees("Saved")
	two.sees("changed this rule while you edit it")
	two.accessible("changed meanwhile")
	two.expect("status of 409")
	two.click("button", "^Save$")
	two.sees("This rule was changed meanwhile", "Theirs", "Mine")
	two.look("conflict")
	if d := g.document(id, rule.ID); d.Elastic.Query != first {
		t.Fatalf("overwritten before a choice: %s", d.Elastic.Query)
	}
	two.click("button", "^Keep mine on top of theirs")
	two.sees("Saved on top of their change")
	if d := g.document(id, rule.ID); d.Elastic.Query != second {
		t.Errorf("stored: %s", d.Elastic.Query)
	}
	one.sees("LIMIT 2") // and the first window follows
}

// TestKeyboard: from the list of migrations to ten rules signed off, without a mouse.
func TestKeyboard(t *testing.T) {
	g := start(t)
	id := g.migrated()
	p := open(t, g.URL)
	p.find("link", "^Rules of Acme")
	tabTo := func(what, has string) { t.Helper(); p.tabTo(60, what, has) }
	tabTo("the migration", "e.classList.contains('migration-name')")
	p.keys(kb.Enter)
	p.sees("Results")
	tabTo("the tab of rules", "e.tagName === 'A' && e.innerText.startsWith('Rules')")
	p.keys(kb.Enter)
	p.counted(28)
	for i := range 9 {
		p.keys("a")
		p.wait(fmt.Sprintf("%d rules are accepted", i+1), func() bool { return g.list(id, "review=accepted").Total == i+1 })
		p.keys("j")
	}
	p.keys(kb.Enter)
	p.sees("Not signed off")
	p.keys("a")
	p.wait("ten rules are accepted", func() bool { return g.list(id, "review=accepted").Total == 10 })
	p.keys("?")
	p.sees("Back to the list")
	p.accessible("keys")
	p.keys(kb.Escape)
	p.gone("Back to the list")
	p.keys(kb.Escape)
	p.counted(28)
	p.tap("/", "Slash")
	p.until("the search has the focus", "document.activeElement?.type === 'search'")
	p.keys("powershell" + kb.Enter)
	p.counted(g.list(id, "q=powershell").Total)
	if p.clicks != 0 {
		t.Errorf("the mouse was pressed %d times", p.clicks)
	}
}

// TestTenThousand: a list of 10,000 rules keeps at most 200 rows in the document and asks once a view, never for a row.
func TestTenThousand(t *testing.T) {
	g := start(t)
	id := g.create(makeRules(10_000))
	p := open(t, g.URL)
	p.forget()
	began := time.Now()
	p.goTo("#/m/" + id + "/rules")
	p.until("the first row is there", "document.querySelector('.rule-title')")
	t.Logf("FIGURE 10,000 rules are shown after %s", time.Since(began).Round(time.Millisecond))
	rows := func(after string, most int) {
		t.Helper()
		n := 0
		for _, r := range p.sent() {
			if strings.Contains(r, "/rows") {
				n++
			} else if strings.Contains(r, "/rule?") || strings.Contains(r, "/rule/") {
				t.Errorf("%s: a request for a row: %s", after, r)
			}
		}
		if n > most {
			t.Errorf("%s: %d requests for rows, want %d at most: %q", after, n, most, p.sent())
		}
		if n := evaluate[int](p, "document.querySelectorAll('[role=row]').length"); n > 200 || n < 2 {
			t.Errorf("%s: %d rows in the document", after, n)
		}
		p.forget()
	}
	time.Sleep(500 * time.Millisecond) // a page that asked for more would do so now
	rows("at first", 1)
	began = time.Now()
	p.keys(kb.End)
	p.until("the last row is there", "[...document.querySelectorAll('.rule-title')].some(e => e.innerText === 'Rule 09999')")
	t.Logf("FIGURE the last of 10,000 rules is shown after %s", time.Since(began).Round(time.Millisecond))
	rows("at the end", 2)
	// Over the whole list in 40 steps: some views share a page of rows, none takes more than one.
	for i := range 40 {
		p.eval(fmt.Sprintf("document.querySelector('.rule-list').scrollTop = %d", i*10_000*44/40))
		p.until("rows are drawn", "document.querySelector('.rule-title')")
	}
	time.Sleep(300 * time.Millisecond)
	rows("while it is scrolled", 80)
	began = time.Now()
	p.fill("searchbox", "Search titles", "Rule 07777")
	p.until("the rule is found", "document.querySelector('.rule-title')?.innerText === 'Rule 07777'")
	t.Logf("FIGURE one of 10,000 rules is found after %s", time.Since(began).Round(time.Millisecond))
	rows("after a search", 2)
}
