//go:build unix

package app

import (
	"errors"
	"os"
	"syscall"
)

// tryShare takes a share in the file for this process until it is closed or the process ends, however it ends.
func tryShare(f *os.File) (taken bool, err error) {
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}
