package app

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// storeFile is the authority on migrations; what else lies in the folder can be made again.
const storeFile = "rulebridge.db"

// TemporalFile is the database of the embedded Temporal server.
const TemporalFile = "temporal.db"

const lockFile = "rulebridge.lock"

// LockedError says that another process uses the folder.
type LockedError struct {
	Dir string
	PID int // 0 when it could not be read
}

func (e *LockedError) Error() string {
	who := "another rulebridge process"
	if e.PID > 0 {
		who += " (pid " + strconv.Itoa(e.PID) + ")"
	}
	return fmt.Sprintf("%s uses the data folder %s; talk to it (migrate --url), end it, or choose another folder with --data-dir", who, e.Dir)
}

// folder is a data folder that this process holds.
type folder struct {
	dir  string
	lock *os.File
}

// openFolder creates the folder, mode 0700, and takes it for this process.
func openFolder(dir string) (*folder, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("data folder %s: %w", dir, err)
	}
	if err := os.MkdirAll(abs, 0o700); err != nil {
		return nil, fmt.Errorf("create the data folder: %w; choose another with --data-dir", err)
	}
	f, err := os.OpenFile(filepath.Join(abs, lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the data folder: %w; choose another with --data-dir", err)
	}
	taken, err := tryLock(f)
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("lock the data folder %s: %w", abs, err)
	}
	if !taken {
		defer func() { _ = f.Close() }()
		text, _ := io.ReadAll(io.LimitReader(f, 64))
		pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
		return nil, &LockedError{Dir: abs, PID: pid}
	}
	if err := errors.Join(f.Truncate(0), writeAt(f, strconv.Itoa(os.Getpid())+"\n")); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("lock the data folder %s: %w", abs, err)
	}
	return &folder{dir: abs, lock: f}, nil
}

func writeAt(f *os.File, s string) error {
	_, err := f.WriteAt([]byte(s), 0)
	return err
}

// close gives the folder back. The file stays: removing it would let two processes lock two files of one name.
func (f *folder) close() error {
	if f == nil {
		return nil
	}
	return errors.Join(f.lock.Truncate(0), f.lock.Close())
}
