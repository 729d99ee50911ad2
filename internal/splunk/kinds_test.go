//go:build unix

package splunk_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rulebridge/rulebridge/internal/splunk"
)

// A file that is not what its name says, or no text at all, is one fault in the user's words, not one for each of its lines.
func TestFilesOfAnotherKind(t *testing.T) {
	dir := t.TempDir()
	for name, tc := range map[string]struct{ text, why string }{
		"app.spl":            {"\x93\n\xa1\nnot gzip\n\xd3\n", "a .spl is a .tgz"},
		"app.tgz":            {"{}\n", "it is no archive as its name says"},
		"rules.json":         {"\x7fELF\x02\x00\x00\n\x00\n\x00\n", "it is neither text nor an archive"},
		"savedsearches.conf": {"[a]\x00\nsearch = x\n", "it is neither text nor an archive"},
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(tc.text), 0o600); err != nil {
			t.Fatal(err)
		}
		found, err := splunk.Read([]string{path}, splunk.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if faults := found.Faults(); len(faults) != 1 || !strings.Contains(faults[0].Why, tc.why) {
			t.Errorf("%s: %+v", name, faults)
		}
	}
	utf16 := "\xff\xfe[\x00A\x00]\x00\n\x00s\x00e\x00a\x00r\x00c\x00h\x00=\x00x\x00\n\x00a\x00l\x00e\x00r\x00t\x00.\x00t\x00r\x00a\x00c\x00k\x00=\x001\x00\n\x00"
	path := filepath.Join(dir, "wide.conf")
	if err := os.WriteFile(path, []byte(utf16), 0o600); err != nil {
		t.Fatal(err)
	}
	if found, err := splunk.Read([]string{path}, splunk.Options{}); err != nil || len(found.Rules) != 1 {
		t.Errorf("UTF-16: %+v, %v", found, err)
	}
	if _, err := splunk.Read([]string{"/dev/zero"}, splunk.Options{}); err == nil || !strings.Contains(err.Error(), "device") {
		t.Errorf("a device: %v", err)
	}
}
