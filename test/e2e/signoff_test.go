package e2e

import (
	"fmt"
	"net/url"
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
	p.sees(fmt.Sprintf("2 of %d", len(rows)-5)) // the place is known anew once the list has the rule back
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

// TestDecisionsInView: while one reads the notes and scrolls, on a small screen and on a telephone, what one decides with and the
// worst note stay in view, and the last decision alone is told of, where it covers no button of them.
func TestDecisionsInView(t *testing.T) {
	g := start(t)
	id := g.migrated()
	p := open(t, g.URL)
	rule := g.list(id, "result=partial&matched=no&sort=holes&order=desc").Rows[0]
	for _, size := range [][2]int64{{1280, 800}, {375, 812}} {
		p.size(size[0], size[1])
		p.visit("#/m/" + id + "/rules/" + url.PathEscape(rule.ID))
		p.until("its place is known", "document.querySelector('.rule-open')")
		p.until("the editors are there", "document.querySelectorAll('.pane .cm-editor').length > 0")
		p.picture(fmt.Sprintf("decide-%d", size[0]))
		inView := func(when string) {
			t.Helper()
			p.until(fmt.Sprintf("%s, %d wide: the decisions are in view", when, size[0]), `(() => {
				const all = [...document.querySelectorAll('.rule-actions button')].filter(b => b.getClientRects().length > 0)
				return all.length >= 4 && all.every(b => {
					const r = b.getBoundingClientRect()
					return b.contains(document.elementFromPoint(r.x + r.width / 2, r.y + r.height / 2)) || b.disabled && r.top >= 0 && r.bottom <= innerHeight && r.right <= innerWidth
				})
			})()`)
			if wide := evaluate[float64](p, "document.documentElement.scrollWidth - innerWidth"); wide > 0 {
				t.Errorf("the rule is %g pixels wider than the window: %s", wide, p.widest())
			}
			if rows := evaluate[float64](p, "document.querySelector('.rule-actions').getBoundingClientRect().height"); rows > 60 {
				t.Errorf("%d wide: the decisions take %g pixels", size[0], rows)
			}
		}
		p.until("the worst note is in view", "(r => r && r.top >= 0 && r.bottom <= innerHeight)(document.querySelector('.lead-note')?.getBoundingClientRect())")
		p.eval("document.querySelector('.rule-note:last-child').scrollIntoView({block: 'end'})")
		inView("at the last note")
		p.click("button", "^All [0-9]+ notes?$")
		p.until("the notes are below the head", `(() => {
			const head = document.querySelector('.rule-actions').getBoundingClientRect(), note = document.querySelector('.rule-note').getBoundingClientRect()
			return note.top >= head.bottom && note.top < innerHeight
		})()`)
		inView("at the notes")
		p.picture(fmt.Sprintf("decide-notes-%d", size[0]))
		p.click("button", "^Reject$")
		p.sees("1 rule rejected")
		p.click("button", "^Rejected$")
		p.sees("1 rule reopened")
		if n := evaluate[float64](p, "document.querySelectorAll('.toast').length"); n != 1 {
			t.Errorf("%g messages tell of one rule", n)
		}
		inView("with a message")
		p.picture(fmt.Sprintf("decide-told-%d", size[0]))
		p.click("button", "^Edit$")
		p.until("the editor has the focus, in view", `(() => {
			const r = document.activeElement?.closest('.rule-editor .cm-editor')?.getBoundingClientRect()
			return r && r.top >= document.querySelector('.rule-actions').getBoundingClientRect().bottom && r.top < innerHeight / 2 + 100
		})()`)
		p.picture(fmt.Sprintf("decide-edit-%d", size[0]))
		p.click("button", "^Close$")
	}
}
