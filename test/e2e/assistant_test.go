package e2e

import (
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestAssistant: a question about alerts is answered by a model that saw tokens in the place of names; the page shows the names,
// and on request what left. The settings of fields and the conversation stay.
func TestAssistant(t *testing.T) {
	g := start(t)
	p := open(t, g.URL)
	p.click("link", "^Assistant$")
	p.sees("Ask about your alerts")
	p.look("assistant")
	p.choose("^Connector", "gpt")
	p.fill("textbox", "^Your question", "Which host should I look at first?")
	p.click("button", "^Ask$")
	p.sees("Look at HBR-", "open-alerts")
	name := regexp.MustCompile(`(?i)Look at (HBR-[a-z0-9-]+) first`).FindStringSubmatch(p.text())
	if name == nil {
		t.Fatalf("no name in the answer: %s", p.text())
	}
	if said := g.model.said(); strings.Contains(said, name[1]) || !strings.Contains(said, "host-") {
		t.Errorf("the model saw the name %s", name[1])
	}
	p.look("answer")
	p.keep("assistant")
	switches := p.all("switch", "^Show anonymized")
	if len(switches) != 2 {
		t.Fatalf("%d messages can be shown anonymized", len(switches))
	}
	p.press(switches[1])
	p.wait("the answer is shown as it came", func() bool {
		text := p.text()
		return regexp.MustCompile(`Look at host-[a-z0-9]+-\d+ first`).MatchString(text) && !strings.Contains(text, name[1])
	})
	p.accessible("anonymized")

	p.click("button", "^Fields$")
	p.fill("searchbox", "^Search fields", "host.name")
	p.find("checkbox", "^host.name is anonymized")
	p.look("fields")
	p.click("button", "^Close$")
	// Loaded anew, the conversation is there with its names.
	p.click("link", "^Which host should I look at first")
	p.do(chromedp.Reload())
	p.sees("Look at " + name[1])
}
