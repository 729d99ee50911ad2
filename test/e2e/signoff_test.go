package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// heading is the title of the rule that is shown.
func (p *page) heading() string {
	p.t.Helper()
	return evaluate[string](p, "document.querySelector('.rule-name h2')?.innerText ?? ''")
}

// shows waits until a rule is shown, and its place in the list is known.
func (p *page) shows(title string) {
	p.t.Helper()
	p.wait("the rule "+title+" is shown", func() bool { return p.heading() == title })
	p.until("its place is known", "document.querySelector('.rule-open')")
}

// accepted waits until exactly these rules are accepted.
func (g *gateway) accepted(p *page, id string, want ...string) {
	g.t.Helper()
	p.wait(fmt.Sprintf("accepted are %q", want), func() bool {
		var got []string
		for _, r := range g.list(id, "review=accepted&sort=title").Rows {
			got = append(got, r.ID)
		}
		return strings.Join(got, "\n") == strings.Join(want, "\n")
	})
}

// TestAcceptAndNext: one rule after the other is accepted, three with the keyboard and three with the mouse, in the order of a
// list that takes only open rules; what was done last is taken back from the next rule.
func TestAcceptAndNext(t *testing.T) {
	g := start(t)
	id := g.migrated()
	p := open(t, g.URL)
	rows := g.list(id, "result=full&matched=no&review=open&sort=title").Rows
	if len(rows) < 8 {
		t.Fatalf("%d full rules", len(rows))
	}
	var ids []string
	for _, r := range rows {
		ids = append(ids, r.ID)
	}
	p.goTo("#/m/" + id + "/rules?result=full&matched=no&review=open")
	p.counted(len(rows))
	p.keys(kb.Enter)
	for i := range 3 {
		p.shows(rows[i].Title)
		p.keys("A")
	}
	p.shows(rows[3].Title)
	g.accepted(p, id, ids[:3]...)
	p.sees(fmt.Sprintf("%d open", len(rows)-3))
	if p.clicks != 0 {
		t.Errorf("the mouse was pressed %d times", p.clicks)
	}
	p.look("accept-and-next")
	// The mouse stays at one place: the button does, too.
	for i := range 3 {
		p.shows(rows[3+i].Title)
		p.click("button", "^Accept and next$")
	}
	p.shows(rows[6].Title)
	g.accepted(p, id, ids[:6]...)
	if p.clicks != 3 {
		t.Errorf("three rules took %d clicks", p.clicks)
	}
	p.keys("u")
	p.sees("1 rule as before: " + rows[5].Title)
	g.accepted(p, id, ids[:5]...)
	if p.heading() != rows[6].Title {
		t.Errorf("the undo left the rule: %s is shown", p.heading())
	}
	p.keys("k")
	p.shows(rows[5].Title) // which is open again
	p.sees("Not signed off")
	p.keys("n")
	p.shows(rows[6].Title)
	p.keys("?")
	p.sees("Accept, and go to the next rule that is open")
}

// TestTenSignedOff: from the drop of the test app to ten rules signed off, one by one.
func TestTenSignedOff(t *testing.T) {
	g := start(t)
	p := open(t, g.URL)
	_, files := house(t)
	p.forget()
	p.drop(".drop", file{"house.tgz", archive(t, files)})
	p.sees("What was found")
	p.click("button", "Start the migration")
	p.sees("finished")
	id := g.only()
	p.click("link", "^Rules")
	first := g.list(id, "sort=title").Rows[0]
	p.click("link", "^"+regexpOf(first.Title))
	for range 10 {
		p.until("the rule is shown", "document.querySelector('.rule-open')")
		title := p.heading()
		if len(p.all("button", "^Accept and next$")) > 0 {
			p.click("button", "^Accept and next$")
		} else { // one without a query cannot be accepted, and the page does not offer it
			p.click("button", "^Reject and next$")
		}
		p.wait("the next rule is shown", func() bool { return p.heading() != "" && p.heading() != title })
	}
	l := g.list(id, "")
	accepted, rejected := l.Facets.Review["accepted"], l.Facets.Review["rejected"]
	if accepted+rejected != 10 || accepted == 0 {
		t.Errorf("signed off: %v", l.Facets.Review)
	}
	t.Logf("FIGURE from the drop to ten rules signed off one by one: %d clicks (%d accepted, %d without a query rejected)", p.clicks, accepted, rejected)
	if p.clicks > 15 {
		t.Errorf("it took %d clicks", p.clicks)
	}
}

// TestBulkIsGuarded: all rules that match are chosen; one that somebody else decided about meanwhile is told and stays as they
// left it, and the others are accepted.
func TestBulkIsGuarded(t *testing.T) {
	g := start(t)
	id := g.migrated()
	p := open(t, g.URL)
	rows := g.list(id, "result=full&matched=no&sort=title").Rows
	p.goTo("#/m/" + id + "/rules?result=full&matched=no")
	p.counted(len(rows))
	p.click("button", "^Choose all that match")
	p.sees(fmt.Sprintf("%d rules chosen", len(rows)))
	theirs := rows[len(rows)-1]
	g.call("POST", rulesPath+"/"+id+"/review", map[string]any{"rules": []map[string]any{{"rule_id": theirs.ID, "revision": theirs.Revision, "state": "rejected"}}}, nil)
	// The list shows it before the person decides: what they chose is what they saw when they chose.
	p.until("the list shows what the other did", "[...document.querySelectorAll('.rule-row')].some(r => r.querySelector('.tone-rejected'))")
	p.click("button", "^Accept$")
	p.sees("1 rule not accepted", "was changed by", theirs.Title)
	p.look("refused")
	l := g.list(id, "result=full&matched=no&sort=title")
	for _, r := range l.Rows {
		if want := map[bool]string{true: "rejected", false: "accepted"}[r.ID == theirs.ID]; r.Review != want {
			t.Errorf("%s is %s, want %s", r.Title, r.Review, want)
		}
	}
	p.click("button", "^Close$")
	p.sees("1 rule chosen")
	// Who was told may decide.
	p.click("button", "^Accept$")
	p.sees("1 rule accepted: " + theirs.Title)
	if d := g.document(id, theirs.ID); d.state() != "accepted" {
		t.Errorf("it is %s", d.state())
	}
}
