package app

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// SharedFolder is a data folder that several gateways and workers of one machine use together. While one of them holds
// it, dev, demo and migrate are kept out; while one of those holds it, it cannot be shared.
type SharedFolder struct {
	// StorePath is the SQLite file in the folder.
	StorePath string
	lock      *os.File
}

// OpenShared creates the folder, mode 0700, and takes a share in it.
func OpenShared(dir string) (*SharedFolder, error) {
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
	taken, err := tryShare(f)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock the data folder %s: %w", abs, err), f.Close())
	}
	if !taken {
		return nil, errors.Join(&LockedError{Dir: abs, PID: holder(f)}, f.Close())
	}
	// What a killed process wrote there is no longer true.
	if err := f.Truncate(0); err != nil {
		return nil, errors.Join(fmt.Errorf("lock the data folder %s: %w", abs, err), f.Close())
	}
	return &SharedFolder{StorePath: filepath.Join(abs, storeFile), lock: f}, nil
}

// holder reads who wrote itself into the lock file; 0 when nobody did.
func holder(f *os.File) int {
	text, _ := io.ReadAll(io.LimitReader(f, 64))
	pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return pid
}

// Close gives the share back.
func (f *SharedFolder) Close() error { return f.lock.Close() }

// Listen opens a listener; a busy port gives a PortError that names the flag.
func Listen(what, addr, flag string) (net.Listener, error) { return listen(what, addr, flag, false) }

// OpenAlone creates the folder, mode 0700, and takes it for this process.
func OpenAlone(dir string) (absolute string, release func() error, err error) {
	f, err := openFolder(dir)
	if err != nil {
		return "", nil, err
	}
	return f.dir, f.close, nil
}
