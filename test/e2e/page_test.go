// Package e2e uses the page as a person does: a real Chromium against the built program.
package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/rulebridge/rulebridge/test/program"
)

// patience is how long a test waits for what the page should show. It is long, because the machine may be busy; nothing that
// works takes that long.
const patience = 45 * time.Second

func TestMain(m *testing.M) {
	code := m.Run()
	if chrome.cancel != nil {
		chrome.cancel()
	}
	program.Clean()
	os.Exit(code)
}

// chrome is one browser for all tests; each page gets a profile of its own.
var chrome struct {
	once   sync.Once
	ctx    context.Context
	cancel context.CancelFunc
	err    error
	axe    string
}

// missing skips the test where a part of the machine is missing, and fails it in continuous integration.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// chromium starts the browser once and reads axe-core.
func chromium(t *testing.T) context.Context {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		missing(t, "no Chromium found: install it (apt-get install chromium)")
	}
	axe, err := os.ReadFile("../../web/node_modules/axe-core/axe.min.js")
	if err != nil {
		missing(t, "web/node_modules has no axe-core: run npm ci in web")
	}
	chrome.once.Do(func() {
		chrome.axe = string(axe)
		// As root, and without a GPU; the language and the time zone are the same on every machine.
		options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
			chromedp.Flag("disable-quic", true), chromedp.Flag("lang", "en-GB"), chromedp.Flag("hide-scrollbars", true), chromedp.Env("TZ=Europe/Berlin", "LANG=en_GB.UTF-8"),
			chromedp.WindowSize(1440, 900))
		allocator, cancel := chromedp.NewExecAllocator(context.Background(), options...)
		ctx, end := chromedp.NewContext(allocator)
		chrome.ctx, chrome.cancel = ctx, func() { end(); cancel() }
		chrome.err = chromedp.Do(ctx)
	})
	if chrome.err != nil {
		t.Fatalf("start Chromium: %v", chrome.err)
	}
	return chrome.ctx
}

// page is a window with a fresh profile. What the page writes to the console as an error, what it throws, and what its
// content security policy refuses fails the test, unless it was expected.
type page struct {
	t         *testing.T
	ctx       context.Context
	base      string
	downloads string

	mu       sync.Mutex
	faults   []string
	expected []*regexp.Regexp
	requests []string // "GET /path?query"
	clicks   int
	finger   bool // presses by touch
}

// open opens a window at the gateway's page.
func open(t *testing.T, base string) *page {
	t.Helper()
	p := window(t, base)
	p.visit("")
	return p
}

// window opens a window that shows nothing yet.
func window(t *testing.T, base string) *page {
	t.Helper()
	parent := chromium(t)
	ctx, cancel := chromedp.NewContext(parent, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	p := &page{t: t, ctx: ctx, base: base, downloads: t.TempDir()}
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	messages, sent := chromedp.Console(ctx), chromedp.Events(ctx, network.RequestWillBeSent)
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			if m.IsException() || m.Type == "error" || m.Type == "assert" || strings.Contains(m.Text, "Content Security Policy") {
				p.mu.Lock()
				p.faults = append(p.faults, strings.TrimSpace(fmt.Sprintf("%s %s %s", m.Source, m.Text, m.URL)))
				p.mu.Unlock()
			}
		}
	}()
	go func() {
		for e, err := range sent {
			if err != nil {
				return
			}
			if u, err := url.Parse(e.Request.URL); err == nil && u.Scheme != "data" && u.Scheme != "blob" {
				p.mu.Lock()
				if !strings.HasPrefix(e.Request.URL, base) {
					p.faults = append(p.faults, "a request to elsewhere: "+e.Request.URL)
				}
				p.requests = append(p.requests, e.Request.Method+" "+u.RequestURI())
				p.mu.Unlock()
			}
		}
	}()
	call(p, network.Enable, network.EnableParams{})
	call(p, accessibility.Enable, cdp.Empty{})
	allow := true
	if _, err := chromedp.CallBrowser(ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllow, BrowserContextID: chromedp.FromContext(ctx).BrowserContextID, DownloadPath: p.downloads, EventsEnabled: &allow}); err != nil {
		t.Fatal(err)
	}
	p.size(1440, 900)
	p.theme("light")
	t.Cleanup(func() {
		if t.Failed() {
			p.picture("failed")
			t.Logf("the page shows:\n%s", program.Tail(p.text()))
		}
		for _, f := range p.unexpected() {
			t.Errorf("in the browser: %s", f)
		}
	})
	return p
}

// call runs a command of the browser's protocol.
func call[P, R any](p *page, command cdp.Command[P, R], params P) R {
	p.t.Helper()
	r, err := chromedp.Call(p.ctx, command, params)
	if err != nil {
		p.t.Fatal(err)
	}
	return r
}

func (p *page) do(a chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, a); err != nil {
		p.t.Fatal(err)
	}
}

// expect names an error of the console that the test provokes.
func (p *page) expect(pattern string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expected = append(p.expected, regexp.MustCompile(pattern))
}

func (p *page) unexpected() (faults []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
next:
	for _, f := range p.faults {
		for _, e := range p.expected {
			if e.MatchString(f) {
				continue next
			}
		}
		faults = append(faults, f)
	}
	return faults
}

// visit loads a place of the page, such as #/m/ID, and waits until it is there.
func (p *page) visit(place string) {
	p.t.Helper()
	p.do(chromedp.Navigate(p.base + "/" + place))
	p.until("the page is drawn", `document.querySelector('#main') && !document.querySelector('#main .loading')`)
}

// goTo changes the place within the page, as a link does.
func (p *page) goTo(place string) {
	p.t.Helper()
	p.eval(fmt.Sprintf("location.hash = %q", place))
	p.settled()
}

// settled waits until nothing is being loaded that the user would wait for.
func (p *page) settled() {
	p.t.Helper()
	p.until("the view is drawn", `!document.querySelector('#main .loading')`)
}

// eval runs JavaScript in the page; the value is decoded from JSON.
func (p *page) eval(js string) any {
	p.t.Helper()
	return evaluate[any](p, js)
}

func evaluate[T any](p *page, js string) T {
	p.t.Helper()
	raw, err := chromedp.Run(p.ctx, chromedp.Evaluate[string]("(async () => JSON.stringify((await ("+js+")) ?? null))()", chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("%s: %v", js, err)
	}
	var v T
	if err := json.Unmarshal([]byte(raw), &v); err != nil {
		p.t.Fatalf("%s gives %s: %v", js, raw, err)
	}
	return v
}

// until waits until a JavaScript expression holds.
func (p *page) until(what, js string) {
	p.t.Helper()
	p.wait(what, func() bool {
		ok, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool]("Boolean("+js+")"))
		return err == nil && ok
	})
}

func (p *page) wait(what string, ok func() bool) {
	p.t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(40 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Fatalf("after %s still not: %s", patience, what)
		}
	}
}

// text is what can be read on the page.
func (p *page) text() string {
	text, err := chromedp.Run(p.ctx, chromedp.Evaluate[string]("document.body ? document.body.innerText : ''"))
	if err != nil {
		return err.Error()
	}
	return text
}

// sees waits until every text can be read, in any case.
func (p *page) sees(texts ...string) {
	p.t.Helper()
	p.wait(fmt.Sprintf("the page shows %q", texts), func() bool {
		shown := strings.ToLower(strings.Join(strings.Fields(p.text()), " "))
		for _, text := range texts {
			if !strings.Contains(shown, strings.ToLower(text)) {
				return false
			}
		}
		return true
	})
}

// gone waits until a text can no longer be read.
func (p *page) gone(text string) {
	p.t.Helper()
	p.wait(fmt.Sprintf("the page no longer shows %q", text), func() bool {
		return !strings.Contains(strings.ToLower(strings.Join(strings.Fields(p.text()), " ")), strings.ToLower(text))
	})
}

// element is something on the page that a person can name.
type element struct {
	node cdp.BackendNodeID
	name string
	off  bool // disabled
}

// all finds what has a role and a name that fits the pattern, as a screen reader names it, in the order of the page. An open
// dialog hides the rest, as it does for a person.
func (p *page) all(role, pattern string) []element {
	re := regexp.MustCompile("(?i)" + pattern)
	root, err := chromedp.Call(p.ctx, runtime.Evaluate, runtime.EvaluateParams{Expression: "[...document.querySelectorAll('dialog[open]')].at(-1) ?? document.body"})
	if err != nil || root.Result == nil || root.Result.ObjectID == "" {
		return nil
	}
	found, err := chromedp.Call(p.ctx, accessibility.QueryAXTree, accessibility.QueryAXTreeParams{ObjectID: root.Result.ObjectID, Role: role})
	if err != nil {
		return nil // the page changes just now
	}
	var elements []element
	for _, n := range found.Nodes {
		var name string
		if n.Name == nil || json.Unmarshal(n.Name.Value, &name) != nil || n.Ignored || !re.MatchString(name) {
			continue
		}
		e := element{node: n.BackendDOMNodeID, name: name}
		for _, property := range n.Properties {
			if property.Name == "disabled" && property.Value != nil && string(property.Value.Value) == "true" {
				e.off = true
			}
		}
		elements = append(elements, e)
	}
	return elements
}

// find waits for the first element of a role and name.
func (p *page) find(role, pattern string) element {
	p.t.Helper()
	var e element
	p.wait(fmt.Sprintf("there is a %s named %q", role, pattern), func() bool {
		all := p.all(role, pattern)
		if len(all) == 0 {
			return false
		}
		e = all[0]
		return true
	})
	return e
}

// click presses the mouse on the first element of a role and name that is not disabled.
func (p *page) click(role, pattern string) {
	p.t.Helper()
	p.wait(fmt.Sprintf("a %s named %q can be clicked", role, pattern), func() bool {
		for _, e := range p.all(role, pattern) {
			if !e.off && p.press(e) {
				return true
			}
		}
		return false
	})
}

// tabTo presses Tab, as often as most, until what has the focus is the element e that is wanted.
func (p *page) tabTo(most int, what, is string) {
	p.t.Helper()
	for range most {
		if evaluate[bool](p, "(e => !!e && ("+is+"))(document.activeElement)") {
			return
		}
		p.keys(kb.Tab)
	}
	p.t.Fatalf("Tab does not reach %s", what)
}

// press moves the mouse over the middle of an element and clicks; false when it cannot be hit there.
func (p *page) press(e element) bool {
	x, y, ok := p.middle(e)
	if !ok {
		return false
	}
	if p.finger {
		_, down := chromedp.Call(p.ctx, input.DispatchTouchEvent, input.DispatchTouchEventParams{Type: input.DispatchTouchEventTypeTouchStart, TouchPoints: []*input.TouchPoint{{X: x, Y: y}}})
		_, up := chromedp.Call(p.ctx, input.DispatchTouchEvent, input.DispatchTouchEventParams{Type: input.DispatchTouchEventTypeTouchEnd, TouchPoints: []*input.TouchPoint{}})
		if down != nil || up != nil {
			return false
		}
	} else if err := chromedp.Do(p.ctx, chromedp.MouseClickXY(x, y)); err != nil {
		return false
	}
	p.clicks++
	return true
}

// middle scrolls an element into view and gives its middle; false when something else lies over it.
func (p *page) middle(e element) (x, y float64, ok bool) {
	object, err := chromedp.Call(p.ctx, dom.ResolveNode, dom.ResolveNodeParams{BackendNodeID: e.node})
	if err != nil || object.Object == nil {
		return 0, 0, false
	}
	byValue := true
	at, err := chromedp.Call(p.ctx, runtime.CallFunctionOn, runtime.CallFunctionOnParams{ObjectID: object.Object.ObjectID, ReturnByValue: &byValue, FunctionDeclaration: `function() {
		const e = this.nodeType === 1 ? this : this.parentElement
		e.scrollIntoView({block: 'nearest', inline: 'nearest'})
		let r = e.getBoundingClientRect()
		if (r.width < 2 || r.height < 2) { const l = e.closest('label'); if (l) r = l.getBoundingClientRect() }
		const x = r.x + r.width / 2, y = r.y + r.height / 2, top = document.elementFromPoint(x, y)
		return {x, y, hit: !!top && (e.contains(top) || top.contains(e) || top.closest('label') === e.closest('label') && !!e.closest('label'))}
	}`})
	if err != nil || at.Result == nil {
		return 0, 0, false
	}
	var spot struct {
		X, Y float64
		Hit  bool
	}
	if json.Unmarshal(at.Result.Value, &spot) != nil {
		return 0, 0, false
	}
	return spot.X, spot.Y, spot.Hit
}

// fill replaces the text of a field: textbox, searchbox, combobox, spinbutton.
func (p *page) fill(role, pattern, text string) {
	p.t.Helper()
	p.click(role, pattern)
	p.keys("a", chromedp.KeyModifiers(chromedp.ModifierCtrl))
	if text == "" {
		p.keys(kb.Delete)
		return
	}
	p.keys(text)
}

// choose takes an option of a select.
func (p *page) choose(pattern, option string) {
	p.t.Helper()
	e := p.find("combobox", pattern)
	object := call(p, dom.ResolveNode, dom.ResolveNodeParams{BackendNodeID: e.node})
	want, _ := json.Marshal(option)
	byValue := true
	r := call(p, runtime.CallFunctionOn, runtime.CallFunctionOnParams{ObjectID: object.Object.ObjectID, ReturnByValue: &byValue, FunctionDeclaration: `function() {
		const o = [...this.options].find(o => o.label.toLowerCase().includes(` + string(want) + `.toLowerCase()))
		if (!o) return false
		this.value = o.value
		this.dispatchEvent(new Event('input', {bubbles: true}))
		this.dispatchEvent(new Event('change', {bubbles: true}))
		return true
	}`})
	if string(r.Result.Value) != "true" {
		p.t.Fatalf("%q has no option %q", pattern, option)
	}
	p.clicks += 2
}

// keys types on the keyboard, wherever the focus is.
func (p *page) keys(keys string, options ...chromedp.KeyOption) {
	p.t.Helper()
	p.do(chromedp.KeyEvent(keys, options...))
}

// tap presses a key whose letter does not follow when the page takes the key: keys sends both apart.
func (p *page) tap(key, code string) {
	p.t.Helper()
	call(p, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyDown, Key: key, Code: code, Text: key})
	call(p, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyUp, Key: key, Code: code})
}

// file is one that a person drops; its name may be a path.
type file struct {
	name string
	data []byte
}

// drop drops files on the first element that a selector finds, as a file manager does.
func (p *page) drop(selector string, files ...file) {
	p.t.Helper()
	type sent struct {
		Name string `json:"name"`
		Data []byte `json:"data"` // base64
	}
	var all []sent
	for _, f := range files {
		all = append(all, sent{f.name, f.data})
	}
	data, err := json.Marshal(all)
	if err != nil {
		p.t.Fatal(err)
	}
	p.until(selector+" is there to drop files on", fmt.Sprintf("document.querySelector(%q)", selector))
	p.eval(fmt.Sprintf(`(() => {
		const transfer = new DataTransfer()
		for (const f of %s) transfer.items.add(new File([Uint8Array.from(atob(f.data ?? ''), c => c.charCodeAt(0))], f.name))
		const on = document.querySelector(%q)
		for (const kind of ['dragenter', 'dragover', 'drop']) on.dispatchEvent(new DragEvent(kind, {bubbles: true, cancelable: true, dataTransfer: transfer}))
	})()`, data, selector))
	p.clicks++
}

// upload gives files of the disk to a file input, as its dialog does.
func (p *page) upload(selector string, paths ...string) {
	p.t.Helper()
	p.do(chromedp.SetUploadFiles(chromedp.CSS(selector), paths, chromedp.NodeReady))
	p.clicks++
}

// downloaded waits for a downloaded file and reads it.
func (p *page) downloaded(pattern string) []byte {
	p.t.Helper()
	var data []byte
	p.wait("a file "+pattern+" is downloaded", func() bool {
		names, err := filepath.Glob(filepath.Join(p.downloads, pattern))
		if err != nil || len(names) == 0 || strings.HasSuffix(names[0], ".crdownload") {
			return false
		}
		data, err = os.ReadFile(names[0])
		return err == nil && len(data) > 0
	})
	return data
}

// size makes the window so many CSS pixels wide and high.
func (p *page) size(width, height int64) {
	p.t.Helper()
	p.do(chromedp.EmulateViewport(width, height))
}

// theme is what the system prefers: light or dark. Nothing moves, so that pictures are of what stays.
func (p *page) theme(name string) {
	p.t.Helper()
	call(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: name}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
}

// sent are the requests since the last call of forget, without the page's own files and its stream of events.
func (p *page) sent() (requests []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.requests {
		if !strings.Contains(r, "/assets/") && !strings.Contains(r, "/events") && r != "GET /" {
			requests = append(requests, r)
		}
	}
	return requests
}

func (p *page) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests, p.clicks = nil, 0
}
