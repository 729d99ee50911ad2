// Package program starts the built program for tests: it builds it once or takes the one that RULEBRIDGE_BIN names, gives it
// an environment without settings of the tests' own, and waits until it is ready.
package program

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var built struct {
	once sync.Once
	path string
	err  error
	dir  string // to remove; empty when RULEBRIDGE_BIN named the program
}

// Path is the program under test: RULEBRIDGE_BIN, or built once. It skips the test with -short.
func Path(t testing.TB) string {
	t.Helper()
	if testing.Short() {
		t.Skip("drives the whole program; left out with -short")
	}
	built.once.Do(obtain)
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.path
}

// obtain is for the whole run of the tests: no single test's folder will do.
func obtain() {
	if b := os.Getenv("RULEBRIDGE_BIN"); b != "" {
		built.path, built.err = filepath.Abs(b)
		return
	}
	if built.dir, built.err = os.MkdirTemp("", "rulebridge-bin-"); built.err == nil {
		built.path, built.err = Build(built.dir)
	}
}

// Clean removes what Path built; a TestMain calls it at the end.
func Clean() {
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
}

// Build builds the program into a folder, with further flags of go build.
func Build(dir string, flags ...string) (path string, err error) {
	path = filepath.Join(dir, "rulebridge")
	args := append(append([]string{"build"}, flags...), "-o", path, "github.com/rulebridge/rulebridge")
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the program: %w\n%s", err, out)
	}
	return path, nil
}

// Environ is the test's own environment without settings of the program and of Temporal, plus extra.
func Environ(extra ...string) []string {
	var env []string
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "RULEBRIDGE_") && !strings.HasPrefix(kv, "TEMPORAL_") {
			env = append(env, kv)
		}
	}
	return append(env, extra...)
}

// Output collects what a process writes.
type Output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// Tail is the end of a long text.
func Tail(s string) string {
	const most = 8_000
	if len(s) > most {
		return "…" + s[len(s)-most:]
	}
	return s
}

// Dev is a running "rulebridge dev".
type Dev struct {
	URL, UI, Temporal string
	Stdout, Stderr    *Output
	cmd               *exec.Cmd
	done              chan struct{}
}

var readyLine = regexp.MustCompile(`(?m)^  (gateway|Temporal Web UI|Temporal) +(\S+)( \(.*\))?$`)

// StartDev starts dev over a data folder on free ports, unless args name others, and waits until it is ready. path is the
// program. stop it; a process that runs on is for the caller to end with Kill.
func StartDev(path, dir string, args ...string) (*Dev, error) {
	args = append([]string{"dev", "--data-dir", dir, "--http-port", "0", "--temporal-port", "0", "--ui-port", "0"}, args...)
	d := &Dev{cmd: exec.Command(path, args...), Stdout: &Output{}, Stderr: &Output{}, done: make(chan struct{})}
	d.cmd.Env = Environ("XDG_DATA_HOME=" + filepath.Join(dir, "xdg"))
	d.cmd.Stdout, d.cmd.Stderr = d.Stdout, d.Stderr
	if err := d.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = d.cmd.Wait()
		close(d.done)
	}()
	for deadline := time.Now().Add(90 * time.Second); !strings.Contains(d.Stdout.String(), "  data "); time.Sleep(50 * time.Millisecond) {
		if !d.Alive() {
			return nil, fmt.Errorf("dev ended with exit code %d: %s", d.cmd.ProcessState.ExitCode(), Tail(d.Stderr.String()))
		}
		if time.Now().After(deadline) {
			d.Kill()
			return nil, errors.New("dev does not get ready")
		}
	}
	for _, m := range readyLine.FindAllStringSubmatch(d.Stdout.String(), -1) {
		switch m[1] {
		case "gateway":
			d.URL = m[2]
		case "Temporal Web UI":
			d.UI = m[2]
		case "Temporal":
			d.Temporal = m[2]
		}
	}
	if d.URL == "" || d.UI == "" || d.Temporal == "" {
		d.Kill()
		return nil, fmt.Errorf("dev does not say where it is:\n%s", d.Stdout.String())
	}
	return d, nil
}

// Alive says whether the process runs.
func (d *Dev) Alive() bool {
	select {
	case <-d.done:
		return false
	default:
		return true
	}
}

// Kill ends the process as kill -9 does.
func (d *Dev) Kill() {
	_ = d.cmd.Process.Signal(syscall.SIGKILL)
	<-d.done
}

// Stop ends dev as Ctrl-C does; an error says that it did not end well within a minute.
func (d *Dev) Stop() error {
	if err := d.cmd.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-d.done:
	case <-time.After(time.Minute):
		d.Kill()
		return errors.New("dev did not end within a minute")
	}
	if code := d.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("dev ended with exit code %d: %s", code, Tail(d.Stderr.String()))
	}
	return nil
}
