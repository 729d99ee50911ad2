package isolate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is one compiling process. One goroutine uses it at a time.
type process struct {
	cmd       *exec.Cmd
	in        io.WriteCloser
	responses chan response // closed when the process has ended
	waited    chan struct{} // closed when its exit is known
	stderr    *head
	served    int // rules it has worked on
}

// ending says how a process ended.
type ending struct {
	kind endedBy
	text string
}

type endedBy int

const (
	endedByRule      endedBy = iota // it ended by itself, or worked too long
	endedByUs                       // it was killed here because nobody needed the answer
	endedFromOutside                // somebody else killed it
)

// start starts a process and waits until it is ready.
func start(ctx context.Context, o Options) (*process, error) {
	// The process outlives the request that it is started for.
	cmd := exec.Command(o.Path)
	cmd.Args = o.Args
	cmd.Env = append(os.Environ(), o.Env...)
	p := &process{cmd: cmd, responses: make(chan response), waited: make(chan struct{}), stderr: &head{}}
	cmd.Stderr = p.stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInterrupted, err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInterrupted, err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w: start a compiling process: %w", ErrInterrupted, err)
	}
	p.in = in
	go p.read(out)
	timer := time.NewTimer(readyWithin)
	defer timer.Stop()
	select {
	case r, ok := <-p.responses:
		if ok && r.Ready {
			return p, nil
		}
		p.kill()
		return nil, fmt.Errorf("%w: a compiling process did not start: %s", ErrInterrupted, p.ended().text)
	case <-timer.C:
		p.kill()
		return nil, fmt.Errorf("%w: a compiling process did not start within %s", ErrInterrupted, readyWithin)
	case <-ctx.Done():
		p.kill()
		return nil, ctx.Err()
	}
}

func (p *process) read(out io.Reader) {
	defer close(p.waited)
	d := json.NewDecoder(out)
	d.UseNumber() // values of rows stay as they are written
	for {
		var r response
		err := d.Decode(&r)
		if err == nil {
			p.responses <- r
			continue
		}
		if !errors.Is(err, io.EOF) {
			// Whoever breaks the protocol is of no use any more.
			_ = p.cmd.Process.Kill()
		}
		break
	}
	_ = p.cmd.Wait() // how it ended is in ProcessState
	close(p.responses)
}

// send hands a request over.
func (p *process) send(q request) *ending {
	data, err := json.Marshal(q)
	if err != nil {
		return &ending{endedByUs, "the rule cannot be written: " + err.Error()}
	}
	// A process that has ended meanwhile says so when its answer is read.
	_, _ = p.in.Write(append(data, '\n'))
	return nil
}

// kill ends the process at once and waits until it is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	for range p.responses {
	}
	<-p.waited
}

// end lets the process end by itself.
func (p *process) end() {
	_ = p.in.Close()
	late := time.AfterFunc(leaveWithin, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	for range p.responses {
	}
	<-p.waited
}

// ended says how a process ended that was not killed here.
func (p *process) ended() *ending {
	<-p.waited
	state := p.cmd.ProcessState
	text := "a compiling process ended: " + state.String()
	if fatal := p.stderr.fatal(); fatal != "" {
		text += ": " + fatal
	}
	if byItself(state, p.stderr.quit()) {
		return &ending{endedByRule, text}
	}
	return &ending{endedFromOutside, text}
}

// exitFatal is the exit code of the Go runtime for what cannot be recovered.
const exitFatal = 2

// byItself reports whether a process ended by what it was doing: the Go runtime gave up, the memory was used up, or the
// processor refused to go on. Every other signal comes from outside, and so does the quit signal, at which the runtime
// ends with its own code.
func byItself(state *os.ProcessState, quit bool) bool {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		switch status.Signal() {
		case syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGILL, syscall.SIGFPE, syscall.SIGABRT:
			return true
		}
		return false
	}
	return state.ExitCode() == exitMemory || state.ExitCode() == exitFatal && !quit
}

// head keeps the beginning of what is written to it.
type head struct {
	mu   sync.Mutex
	text []byte
}

const headSize = 4 << 10

func (h *head) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.text = append(h.text, p[:min(len(p), headSize-len(h.text))]...)
	return len(p), nil
}

// quit reports whether the process was told to quit by a signal.
func (h *head) quit() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return bytes.HasPrefix(h.text, []byte("SIGQUIT"))
}

// fatal is the line in which the Go runtime says why it ended the process. The rest may hold text of the rule.
func (h *head) fatal() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	for line := range bytes.Lines(h.text) {
		if text, ok := strings.CutPrefix(strings.TrimSpace(string(line)), "fatal error: "); ok {
			return text
		}
	}
	return ""
}
