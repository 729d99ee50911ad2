package app

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// tryShare takes a share in the byte that tryLock takes alone.
func tryShare(f *os.File) (taken bool, err error) {
	at := windows.Overlapped{Offset: 1 << 20}
	err = windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &at)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return false, nil
	}
	return err == nil, err
}
