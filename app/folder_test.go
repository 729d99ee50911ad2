package app

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFolderIsHeldByOneProcess(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	first, err := openFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, want 0700", info.Mode().Perm())
	}
	_, err = openFolder(dir)
	var locked *LockedError
	if !errors.As(err, &locked) {
		t.Fatalf("the second: %v, want a LockedError", err)
	}
	if locked.PID != os.Getpid() || !strings.Contains(err.Error(), locked.Dir) {
		t.Errorf("the error does not say who and where: %v", err)
	}
	if err := first.close(); err != nil {
		t.Fatal(err)
	}
	again, err := openFolder(dir)
	if err != nil {
		t.Fatalf("after the first gave it back: %v", err)
	}
	if err := again.close(); err != nil {
		t.Fatal(err)
	}
}

func TestFolderThatCannotBeMade(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openFolder(filepath.Join(file, "sub")); err == nil || !strings.Contains(err.Error(), "--data-dir") {
		t.Errorf("error %v, want one that says what to do", err)
	}
}
