package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
)

const rulesPath = "/internal/siem_migrations/rules"

// gateway is where a running gateway and its Temporal server answer.
type gateway struct{ url, temporal string }

// dev is a running "rulebridge dev" on free ports.
type dev struct {
	gateway
	cmd   *exec.Cmd
	dir   string
	ready time.Duration
	out   lockedBuffer
	ended chan struct{}
}

// rss is the memory of the process in bytes.
func (d *dev) rss() float64 { return rss(d.cmd.Process.Pid) }

// lockedBuffer collects what the process writes.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

var place = regexp.MustCompile(`(?m)^  (gateway|Temporal) +(\S+)$`)

// startDev starts dev in a folder of its own with the connector sim, and waits until it is ready.
func startDev(ctx context.Context, bin string, args ...string) (*dev, error) {
	dir, err := os.MkdirTemp("", "rulebridge-bench-")
	if err != nil {
		return nil, err
	}
	cfg := filepath.Join(dir, "config.yaml")
	settings := fmt.Sprintf("connectors:\n  - {id: %s, kind: simulated, latency: %s, jitter: %v, seed: %d}\nlog: {level: warn}\n",
		sim.ID, sim.Latency, sim.Jitter, sim.Seed)
	if err := os.WriteFile(cfg, []byte(settings), 0o600); err != nil {
		return nil, err
	}
	d := &dev{dir: dir, ended: make(chan struct{})}
	args = append([]string{"dev", "--config", cfg, "--data-dir", filepath.Join(dir, "data"),
		"--http-port", "0", "--temporal-port", "0", "--ui-port", "0"}, args...)
	d.cmd = exec.CommandContext(ctx, bin, args...)
	d.cmd.Stdout, d.cmd.Stderr = &d.out, &d.out
	began := time.Now()
	if err := d.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = d.cmd.Wait()
		close(d.ended)
	}()
	for !strings.Contains(d.out.String(), "  data ") {
		select {
		case <-d.ended:
			return nil, fmt.Errorf("dev ended early:\n%s", d.out.String())
		case <-time.After(20 * time.Millisecond):
		}
		if time.Since(began) > time.Minute {
			d.close()
			return nil, fmt.Errorf("dev is not ready after a minute:\n%s", d.out.String())
		}
	}
	d.ready = time.Since(began)
	for _, m := range place.FindAllStringSubmatch(d.out.String(), -1) {
		if m[1] == "gateway" {
			d.url = m[2]
		} else {
			d.temporal = m[2]
		}
	}
	return d, nil
}

// close ends dev and removes its folder.
func (d *dev) close() {
	_ = d.cmd.Process.Signal(os.Interrupt)
	select {
	case <-d.ended:
	case <-time.After(30 * time.Second):
		_ = d.cmd.Process.Kill()
		<-d.ended
	}
	_ = os.RemoveAll(d.dir)
}

// call sends a request to a gateway and decodes its answer. A start or stop that the gateway could not pass on (503, as in
// an overload) is sent again with its key, as a client should.
func call(ctx context.Context, base, method, path string, body, to any) error {
	var data []byte
	if body != nil {
		var err error
		if data, err = json.Marshal(body); err != nil {
			return err
		}
	}
	key := rand.Text()
	for try := 1; ; try++ {
		req, err := http.NewRequestWithContext(ctx, method, base+rulesPath+path, bytes.NewReader(data))
		if err != nil {
			return err
		}
		req.Header.Set("kbn-xsrf", "")
		req.Header.Set("Idempotency-Key", key)
		status, answer, err := do(req)
		switch {
		case err != nil:
			return err
		case status == http.StatusServiceUnavailable && method == http.MethodPut && try < 20:
			select {
			case <-time.After(time.Second):
				continue
			case <-ctx.Done():
				return ctx.Err()
			}
		case status != http.StatusOK:
			return fmt.Errorf("%s %s: %d %s", method, path, status, answer)
		case to == nil:
			return nil
		}
		return json.Unmarshal(answer, to)
	}
}

func do(req *http.Request) (status int, body []byte, err error) {
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	return resp.StatusCode, body, err
}

// create stores rules and returns the migration's id.
func (d gateway) create(ctx context.Context, rules []migration.OriginalRule) (string, error) {
	var created struct {
		MigrationID string `json:"migration_id"`
	}
	err := call(ctx, d.url, http.MethodPost, "", rules, &created)
	return created.MigrationID, err
}

// begin starts a migration.
func (d gateway) begin(ctx context.Context, id, connector, pause string) error {
	var started struct{ Started bool }
	err := call(ctx, d.url, http.MethodPut, "/"+id+"/start",
		map[string]any{"connectorId": connector, "settings": map[string]any{"pause": pause}}, &started)
	if err == nil && !started.Started {
		err = fmt.Errorf("migration %s did not start", id)
	}
	return err
}

// finish polls until the migration has finished; watch is called with each answer.
func (d gateway) finish(ctx context.Context, id string, watch func(migration.Stats)) error {
	for {
		var s migration.Stats
		if err := call(ctx, d.url, http.MethodGet, "/"+id+"/stats", nil, &s); err != nil {
			return err
		}
		if watch != nil {
			watch(s)
		}
		if s.Status == migration.Finished {
			if s.Rules.Finished != s.Rules.Total {
				return fmt.Errorf("migration %s finished with %+v", id, s.Rules)
			}
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(250 * time.Millisecond):
		}
	}
}
