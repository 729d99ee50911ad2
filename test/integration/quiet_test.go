package integration

import (
	"net/http"
	"regexp"
	"testing"
	"time"
)

// TestNothingLeaves: everything in one process, used without a model, a cluster or a Kibana, looks for no other machine. Go's
// resolver says which names are looked up.
func TestNothingLeaves(t *testing.T) {
	t.Setenv("GODEBUG", "netdns=go+2")
	looked := regexp.MustCompile(`hostLookupOrder\(([^)]*)\)`)
	p := start(t, "health", "http://nobody.invalid:1")
	if p.wait(time.Minute); !looked.MatchString(p.stderr.String()) {
		t.Fatalf("the resolver says nothing, so this shows nothing:\n%s", p.stderr.String())
	}
	d := startDev(t, t.TempDir())
	id := d.create(3)
	d.begin(id, "deterministic")
	d.finished(id, 3, time.Minute)
	if status, _, err := d.ask(t.Context(), "deterministic", "How many alerts are currently open?"); err != nil || status != http.StatusOK {
		t.Errorf("asked: %d, %v", status, err)
	}
	time.Sleep(2 * time.Second) // what a process does in the background at its start
	d.stop()
	for _, m := range looked.FindAllStringSubmatch(d.stderr.String()+d.stdout.String(), -1) {
		if m[1] != "localhost" && m[1] != "" {
			t.Errorf("%s was looked up", m[1])
		}
	}
}
