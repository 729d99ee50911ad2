package integration

import (
	"bytes"
	"debug/elf"
	endian "encoding/binary" // the package has a function binary
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// startShifted starts a process whose wall clock is ahead of the machine's, or behind it. A Go program reads the clock
// through the vDSO, out of reach of LD_PRELOAD, and the kernel has no namespace for it; so the vDSO of the new process is
// changed before its first instruction. Everything in the process sees the other clock; its monotonic one is untouched.
func startShifted(t *testing.T, by time.Duration) func(*exec.Cmd) error {
	t.Helper()
	return func(cmd *exec.Cmd) (err error) {
		// Only the thread that started the process may trace it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true}
		if err := cmd.Start(); err != nil {
			return fmt.Errorf("start a process to change its clock: %w", err)
		}
		defer func() {
			if err != nil {
				_ = cmd.Process.Kill()
			}
		}()
		pid := cmd.Process.Pid
		var status syscall.WaitStatus
		if _, err := syscall.Wait4(pid, &status, 0, nil); err != nil || !status.Stopped() {
			return fmt.Errorf("the process did not stop at its start: %w, status %x", err, status)
		}
		if err := shiftClock(pid, by); err != nil {
			return fmt.Errorf("change the clock of a process: %w", err)
		}
		return syscall.PtraceDetach(pid)
	}
}

// shiftClock replaces clock_gettime in the vDSO of a stopped process by the system call, plus a number of seconds for
// CLOCK_REALTIME.
func shiftClock(pid int, by time.Duration) error {
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return err
	}
	var low, high uint64
	for line := range strings.Lines(string(maps)) {
		if strings.Contains(line, "[vdso]") {
			if _, err := fmt.Sscanf(line, "%x-%x", &low, &high); err != nil {
				return err
			}
		}
	}
	image := make([]byte, high-low)
	if _, err := syscall.PtracePeekData(pid, uintptr(low), image); err != nil {
		return err
	}
	f, err := elf.NewFile(bytes.NewReader(image))
	if err != nil {
		return err
	}
	symbols, err := f.DynamicSymbols()
	if err != nil {
		return err
	}
	code := []byte{
		0xb8, 0xe4, 0, 0, 0, // mov eax, 228 (clock_gettime)
		0x0f, 0x05, // syscall
		0x85, 0xff, // test edi, edi (CLOCK_REALTIME is 0)
		0x75, 0x07, // jne to ret
		0x48, 0x81, 0x06, 0, 0, 0, 0, // add qword [rsi], seconds
		0xc3, // ret
	}
	endian.LittleEndian.PutUint32(code[14:], uint32(int32(by/time.Second)))
	for _, s := range symbols {
		if s.Name == "__vdso_clock_gettime" {
			_, err := syscall.PtracePokeData(pid, uintptr(low+s.Value), code)
			return err
		}
	}
	return errors.New("the vDSO has no clock_gettime")
}
