package cli_test

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// TestInterruptEndsACommand: a command that has nothing to settle ends soon after an interrupt, also while it waits for
// input that does not come.
func TestInterruptEndsACommand(t *testing.T) {
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		c := exec.Command("rulebridge", "translate")
		in, err := c.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		var stderr bytes.Buffer
		c.Stderr = &stderr
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second) // until it listens to signals
		if err := c.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		late := time.AfterFunc(20*time.Second, func() { _ = c.Process.Kill() })
		_ = c.Wait()
		// One that was hit before it listened to signals is ended by the signal itself, without an exit code.
		if code := c.ProcessState.ExitCode(); !late.Stop() || code != 130 && code != -1 {
			t.Errorf("after %s: %s: %s", sig, c.ProcessState, stderr.String())
		}
	}
}

// TestInterruptEndsAReport: so does report, while it waits for a gateway that takes the request and does not answer.
func TestInterruptEndsAReport(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c := exec.Command("rulebridge", "report", "--url", "http://"+l.Addr().String())
	var stderr bytes.Buffer
	c.Stderr = &stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	asked, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer asked.Close()
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(8*time.Second, func() { _ = c.Process.Kill() })
	_ = c.Wait()
	if code := c.ProcessState.ExitCode(); !late.Stop() || code != 130 {
		t.Errorf("%s: %s", c.ProcessState, stderr.String())
	}
}
