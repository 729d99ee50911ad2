package cli

import (
	"bytes"
	"context"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"
)

func TestInterruptibleReads(t *testing.T) {
	text := strings.Repeat("0123456789\n", 20_000)
	if err := iotest.TestReader(&interruptible{ctx: t.Context(), r: strings.NewReader(text)}, []byte(text)); err != nil {
		t.Error(err)
	}
}

// TestTranslateEndsWhileItWaits interrupts a translation that waits for a line nobody writes.
func TestTranslateEndsWhileItWaits(t *testing.T) {
	in, feed := io.Pipe()
	defer func() { _ = feed.Close() }()
	ctx, cancel := context.WithCancelCause(t.Context())
	var out, errs bytes.Buffer
	p := Program{Args: []string{"translate"}, Env: os.Environ(), Stdin: in, Stdout: &out, Stderr: &errs}
	done := make(chan int, 1)
	go func() { done <- p.Run(ctx) }()
	if _, err := io.WriteString(feed, `{"id":"a","query":"index=x"}`+"\n"); err != nil {
		t.Fatal(err)
	}
	cancel(interrupted{syscall.SIGTERM})
	select {
	case code := <-done:
		if code != ExitInterrupted || !strings.Contains(errs.String(), "interrupted by terminated") {
			t.Errorf("exit code %d, want %d; it said %q", code, ExitInterrupted, errs.String())
		}
	case <-time.After(2 * time.Second):
		t.Fatal("translate still waits for its input 2 s after the signal")
	}
}
