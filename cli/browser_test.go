package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestOpenPage: the browser gets the address as one argument; without one, or without a display, the address is said.
func TestOpenPage(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the made-up browser is a shell script named xdg-open")
	}
	dir := t.TempDir()
	seen := filepath.Join(dir, "seen")
	script := "#!/bin/sh\nprintf '%s|' \"$#\" \"$@\" > " + seen + ".new && mv " + seen + ".new " + seen + "\n"
	if err := os.WriteFile(filepath.Join(dir, "xdg-open"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	const address = "http://127.0.0.1:8080/a;touch $(x)/#/m/'&b"
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	var out bytes.Buffer
	Program{Env: []string{"DISPLAY=:0"}, Stderr: &out}.openPage(address)
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		text, err := os.ReadFile(seen)
		if err == nil {
			if string(text) != "1|"+address+"|" {
				t.Errorf("the browser got %q", text)
			}
			break
		}
		if time.Now().After(end) {
			t.Fatal("no browser was started")
		}
	}
	if out.Len() > 0 {
		t.Errorf("said %q", out.String())
	}
	for name, p := range map[string]Program{"no display": {Env: []string{"DISPLAY="}}, "no browser": {Env: []string{"WAYLAND_DISPLAY=w"}}} {
		if name == "no browser" {
			t.Setenv("PATH", t.TempDir())
		}
		out.Reset()
		p.Stderr = &out
		p.openPage(address)
		if !strings.Contains(out.String(), "no browser can be opened") || !strings.Contains(out.String(), address) {
			t.Errorf("%s: said %q", name, out.String())
		}
	}
}

func TestPageAddress(t *testing.T) {
	for gateway, want := range map[string]string{
		"http://127.0.0.1:8080": "http://127.0.0.1:8080/", "http://[::]:8080/soc/x": "http://127.0.0.1:8080/soc/x/",
		"http://0.0.0.0:1": "http://127.0.0.1:1/", "http://10.0.0.1:80": "http://10.0.0.1:80/",
	} {
		if got := pageAddress(gateway); got != want {
			t.Errorf("%s: %s, want %s", gateway, got, want)
		}
	}
	for system, want := range map[string]string{"linux": "xdg-open", "darwin": "open", "windows": "rundll32", "freebsd": "xdg-open"} {
		if name, _ := browser(system); name != want {
			t.Errorf("%s: %s, want %s", system, name, want)
		}
	}
}
