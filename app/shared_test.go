package app

import (
	"errors"
	"os"
	"testing"
)

func TestSharedFolderKeepsOthersOut(t *testing.T) {
	dir := t.TempDir()
	a, err := OpenShared(dir)
	if err != nil {
		t.Fatal(err)
	}
	b, err := OpenShared(dir)
	if err != nil {
		t.Fatalf("a second share: %v", err)
	}
	var locked *LockedError
	if _, err := openFolder(dir); !errors.As(err, &locked) {
		t.Fatalf("alone beside shares: %v, want a LockedError", err)
	}
	if err := errors.Join(a.Close(), b.Close()); err != nil {
		t.Fatal(err)
	}
	alone, err := openFolder(dir)
	if err != nil {
		t.Fatalf("alone after the shares: %v", err)
	}
	if _, err := OpenShared(dir); !errors.As(err, &locked) || locked.PID != os.Getpid() {
		t.Fatalf("a share beside one alone: %v, want a LockedError with the process", err)
	}
	if err := alone.close(); err != nil {
		t.Fatal(err)
	}
}
