package splunk_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rulebridge/rulebridge/internal/splunk"
)

// TestNoTextIsOneFault: a file that is nothing that is read gives one error, not one for each of its lines; a bad line among
// rules drops none of them.
func TestNoTextIsOneFault(t *testing.T) {
	for name, c := range map[string]struct {
		text   string
		rules  int
		faults int
	}{
		"prose":             {strings.Repeat("Dear colleagues,\nthe rules are in the other folder.\n", 50), 0, 1},
		"bytes without 0":   {strings.Repeat("\x89PN\x01\x02\xff\n", 500), 0, 1},
		"bytes with 0":      {strings.Repeat("\x89PN\x00\x02\xff\n", 500), 0, 1},
		"a page":            {"<!DOCTYPE html>\n<html>\n<body>\nno\n</body>\n", 0, 1},
		"a log before rows": {"starting\n" + `{"id":"a","query":"index=x"}` + "\n", 1, 1},
		"white space":       {" \n\n", 0, 1},
		"nothing":           {"", 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "file.json")
			require.NoError(t, os.WriteFile(file, []byte(c.text), 0o600))
			found := read(t, false, file)
			require.Len(t, found.Rules, c.rules)
			require.Len(t, found.Faults(), c.faults)
		})
	}
}

// TestEmptyFiles: whatever an empty file is called, it is empty.
func TestEmptyFiles(t *testing.T) {
	for _, name := range []string{"a.conf", "a.csv", "a.json", "a.yml", "a.tgz", "a.tar", "a"} {
		file := filepath.Join(t.TempDir(), name)
		require.NoError(t, os.WriteFile(file, nil, 0o600))
		found := read(t, false, file)
		require.Len(t, found.Faults(), 1, name)
		require.Equal(t, "it is empty", found.Faults()[0].Why, name)
	}
}

// TestStanzaWithoutSearch: settings of a search that is defined elsewhere are no report.
func TestStanzaWithoutSearch(t *testing.T) {
	for _, all := range []bool{false, true} {
		found := read(t, all, unpack(t, `
-- app/local/savedsearches.conf --
[Only settings]
dispatch.earliest_time = -1h
[A report]
search = index=x | stats count
[An alert without]
alert.track = 1
counttype = number of events
relation = greater than
quantity = 0
`))
		why := map[string]string{}
		for _, i := range found.Items {
			why[i.Name] = i.Kind + " " + string(i.Outcome) + ": " + i.Why
		}
		require.Contains(t, why["Only settings"], "stanza skipped: it has no search")
		require.Contains(t, why["An alert without"], "alert "+string(splunk.Fault)+": it has no search")
		if all {
			require.Contains(t, why["A report"], "report taken")
		} else {
			require.Contains(t, why["A report"], "report skipped")
		}
	}
}
