package splunk_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/splunk"
)

// unpack writes a txtar archive to a folder.
func unpack(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range txtar.Parse([]byte(text)).Files {
		name := filepath.Join(dir, f.Name)
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		require.NoError(t, os.WriteFile(name, f.Data, 0o644))
	}
	return dir
}

func read(t *testing.T, all bool, paths ...string) *splunk.Import {
	t.Helper()
	found, err := splunk.Read(paths, splunk.Options{All: all})
	require.NoError(t, err)
	return found
}

func titles(found *splunk.Import) []string {
	var out []string
	for _, r := range found.Rules {
		out = append(out, r.Title)
	}
	return out
}

func outcomes(found *splunk.Import, o splunk.Outcome) []string {
	var out []string
	for _, i := range found.Items {
		if i.Outcome == o {
			out = append(out, strings.TrimSpace(i.Kind+" "+i.Name))
		}
	}
	slices.Sort(out)
	return out
}

// house is an etc tree with what such trees hold.
const house = `
-- etc/apps/alpha/default/savedsearches.conf --
# a comment
[default]
alert.severity = 4
[Brute force]
search = index=wineventlog EventCode=4625 \
| stats count by user \
| where count > 10
counttype = number of events
relation = greater than
quantity = 0
cron_schedule = */5 * * * *
dispatch.earliest_time = -5m@m
dispatch.latest_time = now
alert.suppress = 1
alert.suppress.period = 24h
alert.suppress.fields = user, src
action.email = 1
action.email.to = soc@example.com
[Correlation = odd [name]]
search = index=x | stats count by host
action.correlationsearch.enabled = 1
action.correlationsearch.annotations = {"mitre_attack": ["T1070.001", "TA0005"]}
action.notable = 1
action.notable.param.severity = high
action.notable.param.next_steps = {"version":1,"data":"Call the owner."}
action.notable.param.drilldown_name = All events
action.notable.param.drilldown_search = index=x host=$host$
action.risk = 1
action.risk.param._risk = [{"risk_object_field":"host","risk_score":20},{"risk_object_field":"user","risk_score":60}]
[Weekly report]
search = index=x | stats count
[Fills a lookup]
search = index=x | stats count by host | outputlookup hosts.csv
enableSched = 1
[Off]
search = index=x bad=1
alert.track = 1
disabled = 1
[No search]
alert.track = 1
stray line
-- etc/apps/alpha/local/savedsearches.conf --
[Brute force]
cron_schedule = 0 * * * *
-- etc/apps/alpha/default/macros.conf --
[src]
definition = index=alpha
[twice(2)]
args = a, b
definition = $a$=$b$
iseval = 0
-- etc/apps/alpha/metadata/default.meta --
[]
export = none
[macros/twice(2)]
export = system
-- etc/apps/beta/default/macros.conf --
[src]
definition = index=beta
-- etc/apps/beta/metadata/default.meta --
[macros]
export = system
-- etc/apps/beta/default/transforms.conf --
[vip]
filename = vip.csv
match_type = WILDCARD(user)
case_sensitive_match = false
max_matches = 1
[state]
external_type = kvstore
collection = state
fields_list = _key, host
[gone]
filename = gone.csv
[extraction]
REGEX = a(b)
-- etc/apps/beta/lookups/vip.csv --
user,owner
a*,"Novak, A."
b
-- etc/apps/beta/default/eventtypes.conf --
[login]
search = action=login
-- etc/users/ana/alpha/local/savedsearches.conf --
[Mine]
search = index=private
alert.track = 1
-- etc/system/local/macros.conf --
[everywhere]
definition = index=*
`

func TestTree(t *testing.T) {
	found := read(t, false, unpack(t, house))
	// Stanzas of one layer come first, those of several when the last layer is read.
	require.Equal(t, []string{"Correlation = odd [name]", "Off", "Brute force", "Mine"}, titles(found))
	brute := found.Rules[2]
	require.Equal(t, migration.OriginalRule{
		ID: "alpha:Brute force", Vendor: "splunk", Title: "Brute force", QueryLanguage: "spl", MitreAttackIDs: []string{}, App: "alpha",
		Query: "index=wineventlog EventCode=4625 \n| stats count by user \n| where count > 10",
		Cron:  "0 * * * *", EarliestTime: "-5m@m", LatestTime: "now", Severity: "4",
		SuppressFields: []string{"user", "src"}, SuppressPeriod: "24h",
		Actions: []string{"email: add an Email connector to the rule's actions"},
	}, brute, "local over default, the stanza default below both")
	odd := found.Rules[0]
	require.Equal(t, []string{"T1070.001", "TA0005"}, odd.MitreAttackIDs)
	require.Equal(t, "high", odd.Severity, "the notable's severity goes first")
	require.Equal(t, 60, *odd.RiskScore)
	require.Contains(t, odd.Note, "Call the owner.")
	require.Contains(t, odd.Note, "index=x host=$host$")
	require.True(t, found.Rules[1].Disabled)
	require.Equal(t, "ana", found.Rules[3].Owner)
	require.Equal(t, []string{"filler Fills a lookup", "macro src", "report Weekly report"}, outcomes(found, splunk.Skipped))
	require.Equal(t, []string{"alert No search", "stray line"}, func() []string {
		var out []string
		for _, i := range found.Faults() {
			if i.Name == "" {
				require.Contains(t, i.Why, "stray line")
				require.Positive(t, i.Line)
				out = append(out, "stray line")
				continue
			}
			out = append(out, i.Kind+" "+i.Name)
		}
		slices.Sort(out)
		return out
	}())
	require.Equal(t, []string{"eventtype login"}, outcomes(found, splunk.Known))

	byName := map[string]migration.Resource{}
	for _, r := range found.Resources {
		byName[r.Name] = r
	}
	require.Equal(t, "index=beta", byName["src"].Definition, "what is exported comes before what is private to another app")
	require.Equal(t, []string{"a", "b"}, byName["twice(2)"].Arguments)
	require.Equal(t, "index=*", byName["everywhere"].Definition)
	require.Equal(t, []map[string]string{{"user": "a*", "owner": "Novak, A."}, {"user": "b"}}, byName["vip"].Rows)
	require.Equal(t, "WILDCARD(user)", byName["vip"].MatchType)
	require.False(t, *byName["vip"].CaseSensitiveMatch)
	require.Equal(t, 1, byName["state"].TotalRows, "rows of a KV store are not known, so the lookup is incomplete")
	require.Equal(t, 1, byName["gone"].TotalRows)
	require.Contains(t, byName, "vip.csv", "a search may name the file itself")
	require.NotContains(t, byName, "extraction")

	require.Len(t, read(t, true, unpack(t, house)).Rules, 6, "all takes reports and fillers too")
}

// TestSameFromEverywhere: the same searches come out of a folder, an archive, btool's output and an export.
func TestSameFromEverywhere(t *testing.T) {
	dir := filepath.Join(unpack(t, house), "etc", "apps", "alpha")
	want := slices.Sorted(slices.Values(titles(read(t, false, dir))))
	require.Len(t, want, 3)

	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	w := tar.NewWriter(z)
	require.NoError(t, w.AddFS(os.DirFS(filepath.Dir(dir))))
	require.NoError(t, w.Close())
	require.NoError(t, z.Close())
	spl := filepath.Join(t.TempDir(), "alpha.spl")
	require.NoError(t, os.WriteFile(spl, packed.Bytes(), 0o644))
	require.ElementsMatch(t, want, titles(read(t, false, spl)))

	conf, err := os.ReadFile(filepath.Join(dir, "default", "savedsearches.conf"))
	require.NoError(t, err)
	plain := filepath.Join(t.TempDir(), "btool.txt")
	require.NoError(t, os.WriteFile(plain, bytes.ReplaceAll(conf, []byte("# a comment\n"), nil), 0o644))
	require.ElementsMatch(t, want, titles(read(t, false, plain)))
	var debug strings.Builder
	continued := false
	for line := range strings.Lines(string(conf)) {
		if !continued && strings.TrimSpace(line) != "" && !strings.HasPrefix(line, "#") {
			debug.WriteString("/opt/splunk/etc/apps/alpha/default/savedsearches.conf   ")
		}
		continued = strings.HasSuffix(line, "\\\n")
		debug.WriteString(line)
	}
	require.NoError(t, os.WriteFile(plain, []byte(debug.String()), 0o644))
	require.ElementsMatch(t, want, titles(read(t, false, plain)))
}

func TestExports(t *testing.T) {
	const row = `"title": "A", "search": "index=x", "alert.track": "1", "eai:acl.app": "app", "eai:acl.owner": "ana", "eai:acl.sharing": "app"`
	for name, text := range map[string]string{
		"lines.json":   `{"preview": false, "offset": 0, "result": {` + row + "}}\n" + `{"preview": false, "lastrow": true}`,
		"results.json": `{"results": [{` + row + `}]}`,
		"array.json":   `[{` + row + `}]`,
		"one.json":     "{\n  " + row + "\n}\n",
		"entry.json":   `{"entry": [{"name": "A", "content": {"search": "index=x", "alert.track": true, "eai:acl.app": "app"}}]}`,
		"rows.csv":     "title,search,alert.track,eai:acl.app\nA,\"index=x\",1,app\n",
	} {
		dir := t.TempDir()
		file := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
		found := read(t, false, file)
		require.Empty(t, found.Faults(), name)
		require.Len(t, found.Rules, 1, name)
		require.Equal(t, "app:A", found.Rules[0].ID, name)
		require.Equal(t, "index=x", found.Rules[0].Query, name)
	}
}

func TestYAML(t *testing.T) {
	dir := unpack(t, `
-- detections/endpoint/a.yml --
name: A
id: 11111111-1111-1111-1111-111111111111
description: Something odd
search: '| tstats count from datamodel=X'
tags:
  mitre_attack_id: [T1003]
  risk_score: 64
-- macros/m.yml --
name: m
definition: index=x
arguments: []
-- broken.yml --
name: [
-- README.md --
not read
`)
	found := read(t, false, dir)
	require.Equal(t, []string{"A"}, titles(found))
	require.Equal(t, []string{"T1003"}, found.Rules[0].MitreAttackIDs)
	require.Equal(t, 64, *found.Rules[0].RiskScore)
	require.Equal(t, "m", found.Resources[0].Name)
	require.Len(t, found.Faults(), 1)
	require.Contains(t, found.Faults()[0].File, "broken.yml")
}

// TestEncodings: one search, written as editors and Windows write files.
func TestEncodings(t *testing.T) {
	const text = "[Überwachung]\r\nsearch = index=x \\\r\n| head 1\r\nalert.track = 1\r\n"
	wide := []byte("\xff\xfe")
	for _, u := range utf16.Encode([]rune(text)) {
		wide = append(wide, byte(u), byte(u>>8))
	}
	var latin []byte
	for _, r := range text {
		latin = append(latin, byte(r))
	}
	for name, content := range map[string][]byte{"utf8": []byte(text), "mark": []byte("\xef\xbb\xbf" + text), "utf16": wide, "latin1": latin} {
		file := filepath.Join(t.TempDir(), "savedsearches.conf")
		require.NoError(t, os.WriteFile(file, content, 0o644))
		found := read(t, false, file)
		require.Equal(t, []string{"Überwachung"}, titles(found), name)
		require.Equal(t, "index=x \n| head 1", found.Rules[0].Query, name)
	}
}

// TestHostileArchive: links, paths that lead out and damage are named; the rest is read.
func TestHostileArchive(t *testing.T) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	file := func(name, text string) {
		require.NoError(t, w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text)), Typeflag: tar.TypeReg}))
		_, err := w.Write([]byte(text))
		require.NoError(t, err)
	}
	file("app/default/savedsearches.conf", "[A]\nsearch = x=1\nalert.track = 1\n")
	file("../../etc/default/savedsearches.conf", "[B]\nsearch = x=1\nalert.track = 1\n")
	require.NoError(t, w.WriteHeader(&tar.Header{Name: "app/local/savedsearches.conf", Linkname: "/etc/passwd", Typeflag: tar.TypeSymlink}))
	require.NoError(t, w.Flush())
	b.WriteString(strings.Repeat("damage", 200))
	name := filepath.Join(t.TempDir(), "app.tar")
	require.NoError(t, os.WriteFile(name, b.Bytes(), 0o644))
	found := read(t, false, name)
	require.Equal(t, []string{"A"}, titles(found))
	require.Len(t, found.Faults(), 3)
}

func TestTrigger(t *testing.T) {
	for settings, want := range map[string]string{
		"counttype = number of events\nrelation = greater than\nquantity = 0": "",
		"counttype = number of events\nrelation = greater than\nquantity = 5": "number of events greater than 5",
		"counttype = custom\nalert_condition = search count > 5":              "search count > 5",
		"counttype = number of hosts\nrelation = rises by\nquantity = 3":      "number of hosts rises by 3",
		"counttype = always\nalert.track = 1":                                 "",
	} {
		dir := unpack(t, "-- app/default/savedsearches.conf --\n[A]\nsearch = x=1\n"+settings+"\n")
		found := read(t, false, dir)
		require.Len(t, found.Rules, 1, settings)
		require.Equal(t, want, found.Rules[0].Trigger, settings)
	}
}

// FuzzConf: no text of a .conf file ends the reader, and what is read has names and places.
func FuzzConf(f *testing.F) {
	f.Add("[a]\nb = c \\\n d\n")
	f.Add("/opt/x.conf [a]\n/opt/x.conf b = c\n")
	f.Add("[\n= \\")
	f.Fuzz(func(t *testing.T, text string) {
		stanzas, faults := splunk.ParseConf("f", text)
		lines := strings.Count(text, "\n") + 1
		for _, s := range stanzas {
			if s.Line < 1 || s.Line > lines {
				t.Errorf("stanza %q is in line %d of %d", s.Name, s.Line, lines)
			}
			for _, x := range s.Settings {
				if x.Key == "" || x.Line < 1 || x.Line > lines {
					t.Errorf("setting %+v", x)
				}
			}
		}
		for _, e := range faults {
			if e.Line < 1 || e.Line > lines || e.Msg == "" {
				t.Errorf("fault %+v", e)
			}
		}
	})
}

// TestRealApp: every alert of a published app becomes a rule.
func TestRealApp(t *testing.T) {
	app := realApp(t)
	found := read(t, false, app)
	counts := map[string]int{}
	for _, i := range found.Items {
		counts[i.Kind+" "+string(i.Outcome)]++
	}
	require.Empty(t, found.Faults())
	require.Equal(t, []int{192, 10, 30}, []int{counts["alert taken"], counts["report skipped"], counts["filler skipped"]})
	require.Len(t, found.Rules, 192)
}
