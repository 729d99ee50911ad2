package splunk_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func fill(text string, pairs ...string) string { return strings.NewReplacer(pairs...).Replace(text) }

func write(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
	return file
}

const oneAlert = "[A]\nsearch = index=x\nalert.track = 1\n"

// TestPlaces: apps are found wherever they lie, and named by their folder.
func TestPlaces(t *testing.T) {
	for name, id := range map[string]string{
		"default/savedsearches.conf":                                 "root:A",
		"alpha/local/savedsearches.conf":                             "alpha:A",
		"apps/alpha/local/savedsearches.conf":                        "alpha:A",
		"opt/splunk/etc/apps/al[p]ha/default/savedsearches.conf":     "al[p]ha:A",
		"splunk/etc/shcluster/apps/alpha/default/savedsearches.conf": "alpha:A",
		"opt/splunk/etc/users/ana/alpha/local/savedsearches.conf":    "ana@alpha:A",
		"savedsearches.conf":                                         "A",
	} {
		dir := filepath.Join(t.TempDir(), "root")
		file := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(oneAlert), 0o644))
		found := read(t, false, dir)
		require.Empty(t, found.Faults(), name)
		require.Len(t, found.Rules, 1, name)
		require.Equal(t, id, found.Rules[0].ID, name)

		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		w := tar.NewWriter(z)
		require.NoError(t, w.AddFS(os.DirFS(dir)))
		require.NoError(t, w.Close())
		require.NoError(t, z.Close())
		require.Equal(t, id, read(t, false, write(t, "root.tar.gz", packed.String())).Rules[0].ID, name)
	}
}

// TestHere: an app given as the current folder has its name all the same.
func TestHere(t *testing.T) {
	dir := unpack(t, "-- alpha/default/savedsearches.conf --\n"+oneAlert)
	t.Chdir(filepath.Join(dir, "alpha"))
	require.Equal(t, "alpha:A", read(t, false, ".").Rules[0].ID)
}

// TestLinkedApp: an app's folder may be a link; a link that leads back ends nothing.
func TestLinkedApp(t *testing.T) {
	dir := unpack(t, "-- elsewhere/alpha/default/savedsearches.conf --\n"+oneAlert+"-- etc/apps/README --\n")
	require.NoError(t, os.Symlink(filepath.Join(dir, "elsewhere", "alpha"), filepath.Join(dir, "etc", "apps", "alpha")))
	require.NoError(t, os.Symlink(dir, filepath.Join(dir, "etc", "apps", "back")))
	require.Equal(t, []string{"A"}, titles(read(t, false, filepath.Join(dir, "etc"))))
}

// TestDisabledApp: the searches of an app that is switched off do not run.
func TestDisabledApp(t *testing.T) {
	found := read(t, false, unpack(t, "-- alpha/default/savedsearches.conf --\n"+oneAlert+"-- alpha/local/app.conf --\n[install]\nstate = disabled\n"))
	require.True(t, found.Rules[0].Disabled)
}

// TestLookupsAlone: lookup files come with an app that defines no lookup.
func TestLookupsAlone(t *testing.T) {
	found := read(t, false, unpack(t, "-- alpha/default/savedsearches.conf --\n"+oneAlert+"-- alpha/lookups/a.csv --\nx\n1\n"))
	require.Len(t, found.Resources, 1)
}

// TestBrokenFiles: a file that cannot be read drops no other.
func TestBrokenFiles(t *testing.T) {
	good := write(t, "savedsearches.conf", oneAlert)
	for _, bad := range []string{
		write(t, "cut.tgz", "\x1f\x8b"), write(t, "damaged.spl", "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff garbage"), write(t, "app.zip", "PK\x03\x04…"),
		write(t, "empty.conf", ""), write(t, "empty.json", ""), write(t, "empty.csv", ""), write(t, "binary.bin", "\x00\x01\x02"), write(t, "x.yml", "\t{"),
	} {
		found := read(t, false, bad, good)
		require.Equal(t, []string{"A"}, titles(found), bad)
		require.NotEmpty(t, append(outcomes(found, "error"), outcomes(found, "skipped")...), bad)
	}
}

// TestOutOfBounds: what the gateway would refuse is shortened or left out by name, and the rest of the rule is taken.
func TestOutOfBounds(t *testing.T) {
	long := strings.Repeat("é", 2000)
	found := read(t, false, write(t, "savedsearches.conf", "["+long+"a]\nsearch = index=x\nalert.track = 1\n["+long+"b]\nsearch = index=x\nalert.track = 1\ncron_schedule = "+long+
		"\naction.risk.param._risk_score = NaN\naction.correlationsearch.annotations = {\"mitre_attack\": [\"T1003\", \""+long+"\"]}\ndescription = a\x00b\n"))
	require.Len(t, found.Rules, 2, "%v", found.Faults())
	require.NotEqual(t, found.Rules[0].ID, found.Rules[1].ID)
	for _, r := range found.Rules {
		require.LessOrEqual(t, len(r.ID), 256)
		require.LessOrEqual(t, len(r.Title), 1024)
	}
	b := found.Rules[1]
	require.Equal(t, []string{"T1003"}, b.MitreAttackIDs)
	require.Nil(t, b.RiskScore)
	require.LessOrEqual(t, len(b.Cron), 1024)
	require.NotContains(t, b.Description, "\x00")
}

// TestHalfATrigger: a condition of which a part is missing is not read as "any result".
func TestHalfATrigger(t *testing.T) {
	found := read(t, false, write(t, "savedsearches.conf", oneAlert+"counttype = number of hosts\nrelation = greater than\n[B]\nsearch = x=1\ncounttype = custom\n"))
	require.Equal(t, "number of hosts greater than", found.Rules[0].Trigger)
	require.Equal(t, "custom", found.Rules[1].Trigger)
}

// TestBtoolValues: btool --debug prints no path before the further lines of a value, with or without backslashes.
func TestBtoolValues(t *testing.T) {
	const at = "/opt/splunk/etc/apps/alpha/default/savedsearches.conf "
	want := "index=x\n| where a>=1\n[ search y=1 ]\n| head 1"
	for _, end := range []string{"", `\`} {
		found := read(t, false, write(t, "out.txt", at+"[A \"b\"]\n"+at+"alert.track = 1\n"+at+"search = index=x"+end+"\n| where a>=1"+end+"\n[ search y=1 ]"+end+"\n| head 1\n"+at+"cron_schedule = * * * * *\n"))
		require.Len(t, found.Rules, 1, "%v", found.Items)
		require.Equal(t, want, found.Rules[0].Query)
		require.Equal(t, `A "b"`, found.Rules[0].Title)
		require.Equal(t, "* * * * *", found.Rules[0].Cron)
	}
}

// TestPlainBtoolValues: without --debug nothing tells the further lines of a value but what a setting looks like. A search that
// is cut there would be another search, that alerts on more.
func TestPlainBtoolValues(t *testing.T) {
	for _, further := range []string{
		"| where a>=1", "| where a=1", "  a=1 AND b=2", "count=5", "[ search y=1 ]", "[search y=1 | fields host]", "[search index=y", "    [inputlookup a.csv]",
		"[| inputlookup a.csv]", "[`macro`]", "by host", "# no comment here", `"text"`, "| eval x = y", "| stats count \\\nby host",
	} {
		for _, end := range []string{"", `\`} {
			text := "[A]\nalert.track = 1\nsearch = index=x" + end + "\n" + further + end + "\n| head 1\ncron_schedule = * * * * *\n[Search for x=1]\nalert.track = 1\nsearch = index=z\nunused =\n"
			found := read(t, false, write(t, "out.txt", text))
			require.Len(t, found.Rules, 2, "%q %v", further, found.Items)
			rules := byID(found.Rules)
			a := rules[0]
			require.Equal(t, "index=x\n"+strings.ReplaceAll(further, "\\\n", "\n")+"\n| head 1", a.Query, "%q", further)
			require.Equal(t, "* * * * *", a.Cron)
			require.Equal(t, "index=z", rules[1].Query)
			if end == "" {
				require.Len(t, found.Faults(), 1, "what was read so is said once")
			}
		}
	}
}

// TestLostBackslash: a line of a search that Splunk does not read is named, also when it has an equals sign.
func TestLostBackslash(t *testing.T) {
	found := read(t, false, write(t, "savedsearches.conf", "[A]\nsearch = index=x\n| where count>=10\nalert.track = 1\n"))
	require.Len(t, found.Faults(), 1)
	require.Equal(t, 3, found.Faults()[0].Line)
}

// TestOtherConf: stanzas of other files are no searches.
func TestOtherConf(t *testing.T) {
	found := read(t, true, write(t, "eventtypes.conf", "[login]\nsearch = a=1\n"))
	require.Empty(t, found.Rules)
	require.Equal(t, []string{"eventtype login"}, outcomes(found, "known"))
}

// TestManyStanzas: the work grows with the input, not with its square. Each of these takes minutes otherwise.
func TestManyStanzas(t *testing.T) {
	var stanzas, defaults, actions strings.Builder
	defaults.WriteString("[default]\n")
	for i := range 50_000 {
		fmt.Fprintf(&stanzas, "[Rule %d]\nsearch = index=x `m%d`\nalert.track = 1\n", i, i)
		if i < 20_000 {
			fmt.Fprintf(&defaults, "key%d = 1\n", i)
		}
		fmt.Fprintf(&actions, "action.a%d = 1\n", i)
	}
	require.Len(t, read(t, false, write(t, "savedsearches.conf", defaults.String()+stanzas.String())).Rules, 50_000)
	require.Len(t, read(t, false, write(t, "savedsearches.conf", oneAlert+actions.String())).Rules, 1)
	require.Len(t, read(t, false, write(t, "savedsearches.conf", "[A]\nalert.track = 1\nsearch = index=x"+strings.Repeat(" \\\n| x", 30_000))).Rules, 1)
	var deep strings.Builder
	deep.WriteString(strings.Repeat(`{"result":`, 9_000) + `"` + strings.Repeat("x", 1<<20) + `"` + strings.Repeat("}", 9_000))
	require.Len(t, read(t, false, write(t, "deep.json", deep.String())).Faults(), 1)
}

// TestPrinted: JSON in other shapes and letters than a program would write.
func TestPrinted(t *testing.T) {
	for name, text := range map[string]string{
		"comma first": "{ \"title\": \"Ä\"\n, \"search\": \"index=x\"\n}\n",
		"latin":       "[{\"title\": \"\xc4\", \"search\": \"index=x\"}]",
		"latin lines": "{\"title\": \"\xc4\", \"search\": \"index=x\"}\n",
	} {
		found := read(t, false, write(t, "rules.json", text))
		require.Equal(t, []string{"Ä"}, titles(found), "%s: %v", name, found.Faults())
	}
}

// TestYAMLFields: a field of another type than expected drops itself, not the rule.
func TestYAMLFields(t *testing.T) {
	found := read(t, false, write(t, "a.yml", "name: A\nid: a\nsearch: index=x\nstatus: [odd]\ntags:\n  mitre_attack_id: T1003\n  risk_score: .nan\n---\nname: B\nid: b\nsearch: index=x\ntags:\n  mitre_attack_id: [T1003, 4]\n  risk_score: 1e300\n"))
	require.Equal(t, []string{"A", "B"}, titles(found))
	require.Equal(t, []string{"T1003"}, found.Rules[0].MitreAttackIDs)
	require.Nil(t, found.Rules[0].RiskScore)
	require.Nil(t, found.Rules[1].RiskScore)
}

// TestCSVQuotes: a cell whose quotes do not end is named, and swallows no row in silence.
func TestCSVQuotes(t *testing.T) {
	found := read(t, false, write(t, "rows.csv", "title,search,alert.track\nA,index=x,1\nB,a\"b,1\nC,\"index=x\n| head 1\",1\n"))
	require.Equal(t, []string{"A", "C"}, titles(found))
	require.Len(t, found.Faults(), 1)
	require.Equal(t, 3, found.Faults()[0].Line)
}

// TestManyFaults: a file of nothing but faults fills neither memory nor screen.
func TestManyFaults(t *testing.T) {
	for name, text := range map[string]string{
		"a.conf":   oneAlert + strings.Repeat("x\n", 100_000),
		"a.ndjson": `{"id": "A", "query": "x"}` + "\n" + strings.Repeat("x\n", 100_000),
		"a.csv":    "title,search,alert.track\nA,x,1\n" + strings.Repeat("B,a\"b,1\n", 100_000),
	} {
		found := read(t, false, write(t, name, text))
		require.Len(t, found.Rules, 1, name)
		require.Less(t, len(found.Faults()), 1_010, name)
		require.Greater(t, len(found.Faults()), 900, name)
	}
}

// TestYAMLLookups: lookups of security content come with the rules, with the rows beside them.
func TestYAMLLookups(t *testing.T) {
	found := read(t, false, unpack(t, `
-- lookups/named.yml --
name: named
filename: rows.csv
case_sensitive_match: "false"
match_type: WILDCARD(a)
-- lookups/rows.csv --
a,b
x*,1
-- lookups/same.yml --
name: same
lookup_type: csv
-- lookups/same.csv --
a
1
-- lookups/store.yml --
name: store
collection: c
-- lookups/gone.yml --
name: gone
filename: ../../gone.csv
`))
	rows := map[string]int{}
	for _, r := range found.Resources {
		rows[r.Name] = len(r.Rows)
		if r.Name == "named" {
			require.Equal(t, "WILDCARD(a)", r.MatchType)
			require.False(t, *r.CaseSensitiveMatch)
		}
		if len(r.Rows) == 0 {
			require.Equal(t, 1, r.TotalRows, "an incomplete lookup counts more rows than it has")
		}
	}
	require.Equal(t, map[string]int{"named": 1, "same": 1, "store": 0, "gone": 0}, rows)
}

// TestDeepTree: a tree that is too deep is named once, and what is found elsewhere is taken.
func TestDeepTree(t *testing.T) {
	deep := strings.Repeat("d/", 14)
	found := read(t, false, unpack(t, "-- a/default/savedsearches.conf --\n"+oneAlert+"-- b/"+deep+"x --\n-- c/"+deep+"x --\n"))
	require.Equal(t, []string{"A"}, titles(found))
	require.Len(t, outcomes(found, "skipped"), 1)
}
