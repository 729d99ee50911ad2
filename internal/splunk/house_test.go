package splunk_test

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/tools/txtar"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/splunk"
)

var update = flag.Bool("update", false, "write the listing of testdata/house.txtar again")

// builtHouse writes testdata/house.txtar to a folder, each file in its encoding.
func builtHouse(t *testing.T) string {
	t.Helper()
	a, err := txtar.ParseFile("testdata/house.txtar")
	require.NoError(t, err)
	dir := t.TempDir()
	for _, f := range a.Files {
		name, encoding, _ := strings.Cut(f.Name, "=")
		data, err := f.Data, error(nil)
		switch encoding {
		case "bom":
			data = append([]byte("\xef\xbb\xbf"), data...)
		case "latin1":
			data, err = charmap.ISO8859_1.NewEncoder().Bytes(data)
		case "utf16le":
			data, err = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().Bytes(data)
		case "utf16be":
			data, err = unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewEncoder().Bytes(data)
		case "crlf":
			data = bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n"))
		case "":
		default:
			t.Fatalf("%s: no such encoding", f.Name)
		}
		require.NoError(t, err)
		name = filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		require.NoError(t, os.WriteFile(name, data, 0o644))
	}
	return filepath.Join(dir, "etc")
}

// listing is all that an import found, in an order that does not depend on how it was read.
func listing(t *testing.T, found *splunk.Import, root string) string {
	t.Helper()
	var lines []string
	for _, i := range found.Items {
		lines = append(lines, strings.ReplaceAll(fmt.Sprintf("%-7s %s", i.Outcome, i), root, "etc"))
	}
	slices.Sort(lines)
	var b strings.Builder
	b.WriteString(strings.Join(lines, "\n") + "\n")
	section := func(v any) {
		data, err := json.Marshal(v)
		require.NoError(t, err)
		b.Write(append(data, '\n'))
	}
	b.WriteString("\nrules\n")
	for _, r := range byID(found.Rules) {
		section(r)
	}
	b.WriteString("\nresources\n")
	resources := slices.Clone(found.Resources)
	slices.SortFunc(resources, func(a, b migration.Resource) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Name, b.Name))
	})
	for _, r := range resources {
		section(r)
	}
	return b.String()
}

func byID(rules []migration.OriginalRule) []migration.OriginalRule {
	rules = slices.Clone(rules)
	slices.SortFunc(rules, func(a, b migration.OriginalRule) int { return cmp.Compare(a.ID, b.ID) })
	return rules
}

// TestHouse: an etc folder with every construct gives the listing in testdata/house.txt, which is checked by eye against
// Splunk's documentation of these files; so do its archive and what a gateway is sent of it.
func TestHouse(t *testing.T) {
	root := builtHouse(t)
	got := listing(t, read(t, false, root), root)
	if *update {
		require.NoError(t, os.WriteFile("testdata/house.txt", []byte(got), 0o644))
	}
	want, err := os.ReadFile("testdata/house.txt")
	require.NoError(t, err)
	require.Equal(t, string(want), got)

	var archive, sent bytes.Buffer
	z := gzip.NewWriter(&archive)
	w := tar.NewWriter(z)
	require.NoError(t, w.AddFS(os.DirFS(filepath.Dir(root))))
	require.NoError(t, w.Close())
	require.NoError(t, z.Close())
	require.NoError(t, splunk.Pack(&sent, root, func(i splunk.Item) { t.Errorf("%s", i) }))
	for from, text := range map[string]string{"archive": archive.String(), "upload": sent.String()} {
		file := write(t, "etc.tgz", text)
		require.Equal(t, string(want), listing(t, read(t, false, file), file+"!/etc"), from)
	}
}

// TestHouseEverywhere: the app alpha gives the same rules from its folder, from what btool prints and from exports of a
// search.
func TestHouseEverywhere(t *testing.T) {
	app := filepath.Join(builtHouse(t), "apps", "alpha")
	var stanzas []*splunk.Stanza
	byName := map[string]*splunk.Stanza{}
	for _, dir := range []string{"default", "local"} {
		text, err := os.ReadFile(filepath.Join(app, dir, "savedsearches.conf"))
		require.NoError(t, err)
		list, _ := splunk.ParseConf("savedsearches.conf", string(text))
		for _, s := range list {
			if old := byName[s.Name]; old != nil {
				old.Settings = append(old.Settings, s.Settings...)
				continue
			}
			byName[s.Name] = s
			stanzas = append(stanzas, s)
		}
	}
	sameEverywhere(t, "alpha", read(t, false, app), stanzas)
}
