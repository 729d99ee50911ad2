package elasticsearch

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// EnvURL names an environment variable with the URL of a node that already runs (see cmd/esnode). Start then uses that
// one. Tests have to use index names of their own either way.
const EnvURL = "RULEBRIDGE_TEST_ELASTICSEARCH"

// Options configure a node.
type Options struct {
	// Heap is the JVM's heap, such as "1g" (the default) or "4g".
	Heap string
	// Optimized runs the JVM as in production, for benchmarks. Without it only the quick compiler is used, which halves
	// the CPU time of a start.
	Optimized bool
	// Settings are added to the node's settings.
	Settings map[string]string
	// Log receives the node's log; nil drops it (the end of it is part of the error when a start fails).
	Log io.Writer
}

// Node is a running Elasticsearch. The embedded client talks to it.
type Node struct {
	*Client
	opts  Options
	parts parts
	home  string
	port  string // empty before the first start
	cmd   *exec.Cmd
	stdin io.Closer
	done  chan struct{}
}

// startTimeout is how long a node may take until it is ready, on a busy machine.
const startTimeout = 3 * time.Minute

// NewNode starts a node on a free port of 127.0.0.1 with an empty temporary folder. It ends with Close, and by itself
// when this process ends. An error that is ErrMissingParts means that the machine lacks what is needed.
func NewNode(ctx context.Context, opts Options) (*Node, error) {
	p, err := prepare(ctx)
	if err != nil {
		return nil, err
	}
	home, err := os.MkdirTemp("", "elasticsearch-")
	if err != nil {
		return nil, fmt.Errorf("create node folder: %w", err)
	}
	n := &Node{opts: opts, parts: p, home: home}
	if err := n.start(ctx); err != nil {
		_ = os.RemoveAll(home)
		return nil, err
	}
	return n, nil
}

// start runs the node on its folder, and on its port if it had one.
func (n *Node) start(ctx context.Context) error {
	heap := n.opts.Heap
	if heap == "" {
		heap = "1g"
	}
	args := []string{"-Xmx" + heap, "-XX:+UseSerialGC", "-Xshare:auto"}
	if !n.opts.Optimized {
		args = append(args, "-XX:TieredStopAtLevel=1")
	}
	args = append(args, "-cp", filepath.Join(n.parts.dir, "classes")+string(os.PathListSeparator)+filepath.Join(n.parts.dir, "lib", "*"),
		"EsNode", n.home, filepath.Join(n.parts.dir, "modules"),
		// the breaker counts garbage as used, and this collector leaves garbage until the heap is full
		"indices.breaker.total.use_real_memory=false")
	if n.port != "" {
		args = append(args, "http.port="+n.port)
	}
	for name, value := range n.opts.Settings {
		args = append(args, name+"="+value)
	}
	slices.Sort(args[len(args)-len(n.opts.Settings):])

	cmd := exec.Command(n.parts.java, args...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("open the node's input: %w", err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("open the node's output: %w", err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("%w: start java: %w", ErrMissingParts, err)
	}
	done := make(chan struct{})
	n.cmd, n.stdin, n.done = cmd, stdin, done
	port, tail := make(chan string, 1), &tailBuffer{max: 40}
	go func() {
		scan := bufio.NewScanner(stdout)
		scan.Buffer(nil, 1<<20)
		for scan.Scan() {
			line := scan.Text()
			if p, ok := strings.CutPrefix(line, "READY "); ok {
				port <- p
				continue
			}
			tail.add(line)
			if n.opts.Log != nil {
				fmt.Fprintln(n.opts.Log, line)
			}
		}
		_, _ = io.Copy(io.Discard, stdout) // a line beyond the scanner's buffer
		_ = cmd.Wait()                     // how it ended does not matter: it is thrown away
		close(done)
	}()
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	select {
	case n.port = <-port:
		n.Client = NewClient("http://127.0.0.1:" + n.port)
	case <-done:
		return fmt.Errorf("the Elasticsearch node ended while starting:\n%s", tail)
	case <-ctx.Done():
		_ = n.Close()
		return fmt.Errorf("the Elasticsearch node was not ready in time: %w\n%s", ctx.Err(), tail)
	}
	if err := n.Do(ctx, "GET", "/_cluster/health?wait_for_status=yellow&timeout=60s", nil, nil); err != nil {
		_ = n.Close()
		return fmt.Errorf("the Elasticsearch node is not healthy: %w\n%s", err, tail)
	}
	return nil
}

// Kill ends the node as kill -9 does. Its data stays for Restart.
func (n *Node) Kill() error {
	if n.cmd == nil {
		return errors.New("this node is somebody else's")
	}
	err := n.cmd.Process.Kill()
	<-n.done
	return err
}

// Restart starts a killed node on the data and the port it had.
func (n *Node) Restart(ctx context.Context) error { return n.start(ctx) }

// Close stops the node, if it runs, and removes its data.
func (n *Node) Close() error {
	if n.cmd == nil {
		return nil // somebody else's node
	}
	_ = n.stdin.Close() // makes it end
	select {
	case <-n.done:
	case <-time.After(10 * time.Second):
		_ = n.cmd.Process.Kill()
		<-n.done
	}
	return os.RemoveAll(n.home)
}

var shared = sync.OnceValues(func() (*Node, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	if url := os.Getenv(EnvURL); url != "" {
		n := &Node{Client: NewClient(url)}
		if err := n.Do(ctx, "GET", "/_cluster/health?wait_for_status=yellow&timeout=10s", nil, nil); err != nil {
			return nil, fmt.Errorf("the node of %s=%s does not answer: %w", EnvURL, url, err)
		}
		return n, nil
	}
	return NewNode(ctx, Options{})
})

// Start returns the node that all tests of this process share; it ends with the process. Where its parts cannot be
// had, the test is skipped, or fails when CI=true.
func Start(t testing.TB) *Node {
	t.Helper()
	n, err := shared()
	switch {
	case err == nil:
		return n
	case errors.Is(err, ErrMissingParts) && os.Getenv("CI") != "true":
		t.Skipf("skipped, needs a real Elasticsearch: %v", err)
	default:
		t.Fatalf("%v", err)
	}
	return nil
}

// tailBuffer keeps the last lines.
type tailBuffer struct {
	mu    sync.Mutex
	max   int
	lines []string
}

func (b *tailBuffer) add(line string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.lines) == b.max {
		b.lines = b.lines[1:]
	}
	b.lines = append(b.lines, line)
}

func (b *tailBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.lines, "\n")
}
