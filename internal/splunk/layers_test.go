package splunk_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/splunk"
)

// parts counts what an import hands over.
type parts struct {
	rules, resources, items int
	largest                 int
	titles                  map[string]string // with the schedule
	fail                    error
}

func (p *parts) Rules(list []migration.OriginalRule) error {
	p.rules += len(list)
	p.largest = max(p.largest, len(list))
	if p.titles != nil {
		for _, r := range list {
			p.titles[r.Title] += r.Cron
		}
	}
	return p.fail
}

func (p *parts) Resources(list []migration.Resource) error {
	p.resources += len(list)
	return p.fail
}

func (p *parts) Item(splunk.Item) { p.items++ }

// TestLayersInParts: stanzas of default and local are merged once each, also when they are more than is held at a time, and
// rules leave in parts.
func TestLayersInParts(t *testing.T) {
	const n = 5_000
	dir := t.TempDir()
	var below, above strings.Builder
	for i := range n {
		fmt.Fprintf(&below, "[Rule %d]\nsearch = index=x n=%d\nalert.track = 1\ndescription = %s\n", i, i, strings.Repeat("long ", 1000))
		fmt.Fprintf(&above, "[Rule %d]\ncron_schedule = %d * * * *\n", i, i%60)
	}
	above.WriteString("[default]\ndispatch.earliest_time = -1h\n")
	for name, text := range map[string]string{"default": below.String(), "local": above.String()} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, "app", name), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "app", name, "savedsearches.conf"), []byte(text), 0o644))
	}
	to := &parts{titles: map[string]string{}}
	require.NoError(t, splunk.Stream([]string{dir}, splunk.Options{}, to))
	require.Equal(t, n, to.rules)
	require.LessOrEqual(t, to.largest, 1000)
	for i := range n {
		require.Equal(t, fmt.Sprintf("%d * * * *", i%60), to.titles[fmt.Sprintf("Rule %d", i)])
	}

	to = &parts{fail: os.ErrClosed}
	require.ErrorIs(t, splunk.Stream([]string{dir}, splunk.Options{}, to), os.ErrClosed)
	require.LessOrEqual(t, to.rules, 1000, "nothing is read on when the sink fails")
}

// TestLaterDefault: the stanza default counts for stanzas above it too, and sections of one name in one file are one stanza,
// also of what comes as a stream.
func TestLaterDefault(t *testing.T) {
	const text = "[A]\nsearch = index=a\n[B]\nsearch = index=b\n[default]\nalert.track = 1\n[A]\nsearch = index=c\n"
	want := map[string]string{"A": "index=c", "B": "index=b"}
	found := read(t, false, write(t, "savedsearches.conf", text))
	got := map[string]string{}
	for _, r := range found.Rules {
		got[r.Title] = r.Query
	}
	require.Equal(t, want, got)
}

// TestLongLines: a line or value that nothing takes is named with its line, and drops nothing else.
func TestLongLines(t *testing.T) {
	long := strings.Repeat("x", 2<<20)
	for name, text := range map[string]string{
		"one line":  oneAlert + "description = " + long + "\n[B]\nsearch = index=x\nalert.track = 1\n",
		"continued": oneAlert + "description = a" + strings.Repeat(" \\\n"+long[:100_000], 20) + "\n[B]\nsearch = index=x\nalert.track = 1\n",
	} {
		found := read(t, false, write(t, "savedsearches.conf", text))
		require.Equal(t, []string{"A", "B"}, titles(found), name)
		require.Len(t, found.Faults(), 1, name)
		require.Contains(t, found.Faults()[0].Why, "longer than 1024 KiB", name)
		require.Equal(t, 4, found.Faults()[0].Line, name)
	}
}
