package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/chromedp/chromedp"
)

// widths are those of a phone, a tablet and a desk.
var widths = []struct {
	name          string
	width, height int64
}{{"phone", 390, 844}, {"tablet", 834, 1112}, {"desk", 1440, 900}}

// pictures is where screenshots go: bin/screenshots, which is not committed.
func pictures() string { return filepath.Join("..", "..", "bin", "screenshots") }

// picture writes a screenshot of what the window shows.
func (p *page) picture(name string) {
	p.t.Helper()
	png, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		p.t.Logf("no picture: %v", err)
		return
	}
	name = strings.NewReplacer("/", "-", " ", "-").Replace(p.t.Name() + "-" + name)
	if err := os.MkdirAll(pictures(), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(pictures(), name+".png"), png, 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// keep takes a picture for the documents: make pictures writes it to docs/pictures.
func (p *page) keep(name string) {
	p.t.Helper()
	dir := os.Getenv("RULEBRIDGE_PICTURES")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		p.t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// violation is a rule of axe-core that something on the page breaks.
type violation struct {
	ID, Impact, Help string
	Nodes            []struct {
		HTML           string
		FailureSummary string
	}
}

// accessible runs axe-core over the page: the rules of WCAG 2.2, A and AA, and its good practices.
func (p *page) accessible(what string) {
	p.t.Helper()
	if !evaluate[bool](p, "'axe' in window") {
		if _, err := chromedp.Run(p.ctx, chromedp.Evaluate[chromedp.Void](chrome.axe+";0")); err != nil {
			p.t.Fatalf("axe-core: %v", err)
		}
	}
	result := evaluate[json.RawMessage](p, `axe.run(document, {resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})
		.then(r => {
			// axe-core takes what a scrolling box hides for something that lies over a button: a button whose corners can be hit is whole.
			const whole = selector => {
				const e = document.querySelector(selector), b = e.getBoundingClientRect()
				return b.width >= 24 && b.height >= 24 && [b.left + 4, b.right - 4].every(x => [b.top + 4, b.bottom - 4].every(y => e.contains(document.elementFromPoint(x, y))))
			}
			const meant = v => v.id !== 'target-size' ? v : {...v, nodes: v.nodes.filter(n => !/obscured/.test(n.failureSummary) || !whole(n.target[0]))}
			return {violations: r.violations.map(meant).filter(v => v.nodes.length > 0), passes: r.passes.length}
		})`)
	var found struct {
		Violations []violation
		Passes     int
	}
	if err := json.Unmarshal(result, &found); err != nil {
		p.t.Fatal(err)
	}
	if found.Passes == 0 {
		p.t.Errorf("%s: axe-core checked nothing", what)
	}
	for _, v := range found.Violations {
		for i, n := range v.Nodes {
			if i == 3 {
				p.t.Errorf("%s: %s: and %d more", what, v.ID, len(v.Nodes)-3)
				break
			}
			p.t.Errorf("%s: %s (%s): %s\n  %.300s\n  %s", what, v.ID, v.Impact, v.Help, n.HTML, strings.ReplaceAll(n.FailureSummary, "\n", "\n  "))
		}
	}
}

// look checks a view in both themes with axe-core and takes its pictures at three widths. Nothing may be wider than the
// window: a page that scrolls sideways hides what it shows.
func (p *page) look(view string) {
	p.t.Helper()
	for _, theme := range []string{"light", "dark"} {
		p.theme(theme)
		for _, w := range widths {
			p.size(w.width, w.height)
			p.until("the page fits its window", "document.fonts.status === 'loaded'")
			p.eval("new Promise(done => setTimeout(() => requestAnimationFrame(() => done(true)), 100))") // editors measure anew
			if wide := evaluate[float64](p, "document.documentElement.scrollWidth - document.documentElement.clientWidth"); wide > 0 {
				p.t.Errorf("%s is %g pixels wider than the window of a %s: %s", view, wide, w.name, p.widest())
			}
			p.picture(fmt.Sprintf("%s-%s-%s", view, theme, w.name))
			if w.name != "tablet" {
				p.accessible(fmt.Sprintf("%s, %s, %s", view, theme, w.name))
			}
		}
	}
	p.theme("light")
	p.size(1440, 900)
}

// widest names what sticks out of the window.
func (p *page) widest() string {
	p.t.Helper()
	return evaluate[string](p, `(() => {
		const wide = document.documentElement.clientWidth
		const out = [...document.body.querySelectorAll('*')].filter(e => e.getBoundingClientRect().right > wide + 0.5 && !e.closest('[style*="overflow"]'))
		return out.slice(0, 3).map(e => e.tagName.toLowerCase() + '.' + [...e.classList].join('.')).join(', ')
	})()`)
}
