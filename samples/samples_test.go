package samples

import (
	"bufio"
	"strings"
	"testing"
)

func TestSamplesCoverTheCommonKinds(t *testing.T) {
	rules, err := Rules()
	if err != nil {
		t.Fatal(err)
	}
	if len(rules) < 25 {
		t.Errorf("%d sample rules, want at least 25", len(rules))
	}
	seen := map[string]bool{}
	var all strings.Builder
	for _, r := range rules {
		if r.ID == "" || r.Title == "" || r.Query == "" || r.Vendor != "splunk" || r.QueryLanguage != "spl" {
			t.Errorf("rule %q is incomplete", r.ID)
		}
		if seen[r.ID] {
			t.Errorf("id %q twice", r.ID)
		}
		seen[r.ID] = true
		all.WriteString(r.Query + "\n")
	}
	for _, kind := range []string{"tstats", "datamodel=", "`sysmon`", "| stats", "rex ", "lookup ", "join ", "apply ", "transaction ", "eventstats", "span="} {
		if !strings.Contains(all.String(), kind) {
			t.Errorf("no sample rule uses %q", kind)
		}
	}
}

func TestResourcesAndPrebuilt(t *testing.T) {
	rs, err := Resources()
	if err != nil {
		t.Fatal(err)
	}
	if len(rs) < 5 {
		t.Errorf("%d resources, want at least 5", len(rs))
	}
	n := 0
	for sc := bufio.NewScanner(Prebuilt()); sc.Scan(); {
		n++
	}
	if n < 30 {
		t.Errorf("%d prebuilt rules, want at least 30", n)
	}
}
