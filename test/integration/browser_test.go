package integration

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// browser opens a headless Chromium; it is skipped on a user's machine that has none, and required in CI.
func browser(t *testing.T) context.Context {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("no Chromium found: install it")
		}
		t.Skip("no Chromium found: install it to run this")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox,
		chromedp.DisableGPU, chromedp.Flag("disable-quic", true), chromedp.WindowSize(1500, 1100))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	return ctx
}

// TestWebUI looks at a finished migration in the Temporal Web UI as an engineer would: it is found by its id, its page
// shows its activities, and its search attributes say state and vendor.
func TestWebUI(t *testing.T) {
	binary(t)
	ctx := browser(t)
	d := startDev(t, t.TempDir())
	id := d.create(3)
	d.begin(id, "deterministic")
	d.finished(id, 3, time.Minute)
	workflow := d.ui + "/namespaces/default/workflows/migration-" + id

	read := func(url string, want ...string) {
		t.Helper()
		if _, err := chromedp.Run(ctx, chromedp.Navigate(url)); err != nil {
			t.Fatal(err)
		}
		eventually(t, 45*time.Second, url+" shows "+strings.Join(want, ", "), func() bool {
			text, err := chromedp.Run(ctx, chromedp.OuterHTML("html"))
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range want {
				if !strings.Contains(strings.ToLower(text), strings.ToLower(w)) {
					return false
				}
			}
			return true
		})
	}
	read(d.ui+"/namespaces/default/workflows", "migration-"+id, "Completed")
	read(workflow, "Requeue", id)
	// The page went on to the address of the run.
	at, err := chromedp.Run(ctx, chromedp.Location())
	if err != nil {
		t.Fatal(err)
	}
	run := at[:strings.LastIndexByte(at, '/')]
	read(run+"/search-attributes", "RulebridgeState", "finished", "RulebridgeVendor", "splunk")
	if shot := os.Getenv("RULEBRIDGE_SCREENSHOT"); shot != "" {
		if _, err := chromedp.Run(ctx, chromedp.Navigate(run+"/timeline")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second) // the page draws after it has loaded
		png, err := chromedp.Run(ctx, chromedp.FullScreenshot(90))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(shot, png, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
