//go:build !(linux && amd64)

package integration

import (
	"os/exec"
	"testing"
	"time"
)

// startShifted needs Linux on amd64.
func startShifted(t *testing.T, _ time.Duration) func(*exec.Cmd) error {
	t.Helper()
	t.Skip("skipped: the clock of one process can be changed on Linux with amd64 only")
	return nil
}
