package splunk_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/splunk"
)

// realAppName is the folder of a published app.
const realAppName = "cyences_app_for_splunk"

// realApp is where the published app is; without it the test is skipped, and fails in CI.
func realApp(t *testing.T) string {
	t.Helper()
	data := os.Getenv("RULEBRIDGE_DATA")
	app := filepath.Join(data, "splunk_app", realAppName)
	if _, err := os.Stat(app); data == "" || err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("RULEBRIDGE_DATA is missing")
		}
		t.Skip("RULEBRIDGE_DATA is not set")
	}
	return app
}

// TestRealAppEverywhere: a published app gives the same alerts from its folder, from an archive, from what btool prints and
// from exports of a search.
func TestRealAppEverywhere(t *testing.T) {
	app := realApp(t)
	want := read(t, false, app)

	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	w := tar.NewWriter(z)
	require.NoError(t, w.AddFS(os.DirFS(filepath.Dir(app))))
	require.NoError(t, w.Close())
	require.NoError(t, z.Close())
	archived := read(t, false, write(t, "app.spl", packed.String()))
	require.Equal(t, want.Rules, archived.Rules)
	require.Equal(t, want.Resources, archived.Resources)

	conf := filepath.Join(app, "default", "savedsearches.conf")
	text, err := os.ReadFile(conf)
	require.NoError(t, err)
	stanzas, faults := splunk.ParseConf(conf, string(text))
	require.Empty(t, faults)
	sameEverywhere(t, realAppName, want, stanzas)
}

// sameEverywhere writes the stanzas of an app as btool prints them and as searches export them, and wants the rules of the
// app from each.
func sameEverywhere(t *testing.T, realAppName string, want *splunk.Import, stanzas []*splunk.Stanza) {
	t.Helper()
	var defaults []splunk.Setting
	for _, s := range stanzas {
		if s.Name == "default" {
			defaults = s.Settings
		}
	}
	var plain, debug, lines strings.Builder
	var rows []map[string]string
	columns := map[string]bool{}
	for _, s := range stanzas {
		if s.Name == "default" {
			continue
		}
		const at = "/opt/splunk/etc/apps/app/default/savedsearches.conf "
		fmt.Fprintf(&plain, "[%s]\n", s.Name)
		fmt.Fprintf(&debug, "%s[%s]\n", at, s.Name)
		row := map[string]string{"title": s.Name, "eai:acl.app": realAppName, "eai:acl.owner": "nobody", "eai:acl.sharing": "app",
			"is_scheduled": "0"} // Splunk gives every setting; this one tells an export of all from one of a few columns
		for _, x := range append(slices.Clone(defaults), s.Settings...) { // both have the settings of the stanza default in each
			fmt.Fprintf(&plain, "%s = %s\n", x.Key, strings.ReplaceAll(x.Value, "\n", "\\\n"))
			fmt.Fprintf(&debug, "%s%s = %s\n", at, x.Key, x.Value)
			row[x.Key] = x.Value
		}
		for key := range row {
			columns[key] = true
		}
		rows = append(rows, row)
		line, err := json.Marshal(map[string]any{"preview": false, "result": row})
		require.NoError(t, err)
		lines.Write(append(line, '\n'))
	}
	list, err := json.Marshal(rows)
	require.NoError(t, err)
	printed, err := json.MarshalIndent(map[string]any{"results": rows}, "", "  ")
	require.NoError(t, err)
	for from, found := range map[string]*splunk.Import{
		"btool": read(t, false, write(t, "out.txt", plain.String())), "btool --debug": read(t, false, write(t, "out.txt", debug.String())),
		"export": read(t, false, write(t, "export.json", lines.String())), "csv": read(t, false, write(t, "rows.csv", table(t, columns, rows))),
		"array": read(t, false, write(t, "rows.json", string(list))), "results": read(t, false, write(t, "results.json", string(printed))),
	} {
		require.Len(t, found.Rules, len(want.Rules), from)
		for i := range found.Rules {
			if strings.HasPrefix(from, "btool") { // btool's output does not say in what app a search lives
				found.Rules[i].ID, found.Rules[i].App = realAppName+":"+found.Rules[i].ID, realAppName
			}
		}
		for i, rule := range byID(found.Rules) {
			require.Equal(t, unwrapped(byID(want.Rules)[i]), unwrapped(rule), from)
		}
	}
}

// unwrapped is a rule without blank lines and the white space at the ends of lines, which btool's output does not keep.
func unwrapped(r migration.OriginalRule) migration.OriginalRule {
	for _, text := range []*string{&r.Query, &r.Description} {
		var lines []string
		for line := range strings.Lines(*text) {
			if line = strings.TrimSpace(line); line != "" {
				lines = append(lines, line)
			}
		}
		*text = strings.Join(lines, "\n")
	}
	return r
}

func table(t *testing.T, columns map[string]bool, rows []map[string]string) string {
	t.Helper()
	var b strings.Builder
	w := csv.NewWriter(&b)
	var header []string
	for c := range columns {
		header = append(header, c)
	}
	require.NoError(t, w.Write(header))
	for _, row := range rows {
		var cells []string
		for _, c := range header {
			cells = append(cells, row[c])
		}
		require.NoError(t, w.Write(cells))
	}
	w.Flush()
	require.NoError(t, w.Error())
	return b.String()
}
