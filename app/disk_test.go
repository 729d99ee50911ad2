package app

import (
	"strings"
	"testing"
)

func TestFull(t *testing.T) {
	dir := t.TempDir()
	free, err := freeBytes(dir)
	if err != nil || free == 0 {
		t.Fatalf("free %d, %v", free, err)
	}
	if _, err := freeBytes(dir + "/missing"); err == nil {
		t.Error("a folder that is missing has room")
	}
	if err := (&App{}).Full(); err != nil {
		t.Errorf("nothing is kept: %v", err)
	}
	full := room(dir, 10<<10)
	if full == nil || !strings.Contains(full.Error(), dir) || !strings.Contains(full.Error(), "make room") {
		t.Errorf("got %v", full)
	}
	if err := room(dir, leastFree); err != nil {
		t.Error(err)
	}
}
