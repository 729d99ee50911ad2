package schema

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestNamedStreamsKeepFields: a stream that a rule brings in by name may not take a field of the model away, as one does whose
// type is another.
func TestNamedStreamsKeepFields(t *testing.T) {
	n := 0
	for _, s := range Default().Sources() {
		if len(s.Named) == 0 {
			continue
		}
		with := s.With(s.Named)
		if with == s || len(with.Streams) != len(s.Streams)+len(s.Named) || s.With(s.Named) != with {
			t.Errorf("%s with %v reads %v", s.Name, s.Named, with.Streams)
		}
		if s.With([]string{"aws/cloudtrail"}) != s {
			t.Errorf("%s takes a stream that its table does not name", s.Name)
		}
		for _, name := range s.Mapped() {
			n++
			f, g := s.Field(name, Hint{}), with.Field(name, Hint{})
			if f.Name != g.Name || f.Type != g.Type || f.Support != g.Support || f.Array != g.Array {
				t.Errorf("%s %s: %+v, and with its named streams %+v", s.Name, name, f, g)
			}
		}
	}
	if n < 100 {
		t.Errorf("only %d fields were compared", n)
	}
}

// TestNamesOfDataSources: the words of authors find their streams, the narrower ones first.
func TestNamesOfDataSources(t *testing.T) {
	s := Default()
	for name, want := range map[string]string{
		"Sysmon EventID 1":                "windows/sysmon_operational",
		"Sysmon for Linux EventID 1":      "sysmon_linux/log",
		"CrowdStrike ProcessRollup2":      "crowdstrike/fdr",
		"crowdstrike processrollup2":      "crowdstrike/fdr",
		"Windows Event Log Security 4688": "system/security",
		"Windows Event Log CAPI2 70":      "windows/forwarded",
		"Palo Alto Network Threat":        "panw/panos",
		"ASL AWS CloudTrail":              "",
		"a poet's diary":                  "",
	} {
		if got := strings.Join(s.DataSource(name), " "); got != want {
			t.Errorf("%s: have %q, want %q", name, got, want)
		}
	}
	if _, err := parseSourceNames("Sysmon* = windows/none\n"); err == nil {
		t.Error("a stream that no catalogue has is accepted")
	}
	if _, err := parseSourceNames("Sysmon*\n"); err == nil {
		t.Error("a line without streams is accepted")
	}
}

// TestDataSourcesOfRealRules: nearly all names in the real rules have their streams; those without are printed.
func TestDataSourcesOfRealRules(t *testing.T) {
	f, err := os.Open(filepath.Join(dataDir(t), "spl", "rules.jsonl"))
	if err != nil {
		t.Skip(err)
	}
	defer f.Close()
	known, all := 0, 0
	var unknown []string
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r struct {
			DataSource []string `json:"data_source"`
		}
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		for _, text := range r.DataSource {
			for name := range strings.SplitSeq(text, " AND ") {
				all++
				if len(Default().DataSource(name)) > 0 {
					known++
				} else if !slices.Contains(unknown, name) {
					unknown = append(unknown, name)
				}
			}
		}
	}
	t.Logf("%d of %d names of sources have streams; without: %s", known, all, strings.Join(unknown, ", "))
	if all < 1500 || known*100 < all*98 {
		t.Errorf("only %d of %d names of sources have streams", known, all)
	}
}

// TestDerivedFieldsExist: both fields of a derivation are in the list of their stream.
func TestDerivedFieldsExist(t *testing.T) {
	s, n := Default(), 0
	for stream, list := range s.derived {
		for _, d := range list {
			n++
			for _, f := range []string{d.Field, d.From} {
				if _, ok := s.cat.lookup(stream, f); !ok {
					t.Errorf("%s has no field %s", stream, f)
				}
			}
		}
	}
	if n == 0 {
		t.Error("no field is derived")
	}
	if s.StreamHas("sysmon_linux/log", "user.name") || !s.StreamHas("sysmon_linux/log", "process.executable") {
		t.Error("what the tables say that a stream lacks is not taken into account")
	}
}
