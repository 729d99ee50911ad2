//go:build unix

package splunk_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/rulebridge/rulebridge/internal/splunk"
)

// TestSpecialFiles: pipes, sockets, unreadable files and links that lead in circles are named, and nothing waits for them.
func TestSpecialFiles(t *testing.T) {
	dir := t.TempDir()
	at := func(parts ...string) string { return filepath.Join(append([]string{dir}, parts...)...) }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range []string{"app/default", "app/lookups", "app/metadata", "piped/default", "plain"} {
		must(os.MkdirAll(at(d), 0o700))
	}
	conf := "[A]\nsearch = index=a\nenableSched = 1\nalert.track = 1\nalert_type = always\n"
	must(os.WriteFile(at("app/default/savedsearches.conf"), []byte(conf), 0o600))
	must(syscall.Mkfifo(at("app/default/macros.conf"), 0o600))
	must(syscall.Mkfifo(at("app/lookups/l.csv"), 0o600))
	must(syscall.Mkfifo(at("app/metadata/default.meta"), 0o600))
	must(syscall.Mkfifo(at("piped/default/savedsearches.conf"), 0o600))
	must(os.Symlink(at("app"), at("app/default/round")))
	must(os.Symlink(at(), at("up")))
	must(os.Symlink(at("nowhere"), at("dangling")))
	l, err := net.Listen("unix", at("app/default/eventtypes.conf"))
	must(err)
	defer l.Close()
	found, err := splunk.Read([]string{dir}, splunk.Options{})
	must(err)
	if len(found.Rules) != 1 {
		t.Errorf("%d rules", len(found.Rules))
	}
	named := ""
	for _, f := range found.Faults() {
		named += f.String() + "\n"
	}
	for _, name := range []string{"macros.conf", "l.csv", "default.meta", "piped", "eventtypes.conf"} {
		if !strings.Contains(named, name) {
			t.Errorf("%s is not named:\n%s", name, named)
		}
	}
	// The same in a folder without apps.
	must(syscall.Mkfifo(at("plain/rules.json"), 0o600))
	must(os.WriteFile(at("plain/more.json"), []byte(`[{"id":"x","query":"index=a"}]`), 0o600))
	if found, err = splunk.Read([]string{at("plain")}, splunk.Options{}); err != nil || len(found.Rules) != 1 || len(found.Faults()) != 1 {
		t.Errorf("%+v, %v", found, err)
	}
}
