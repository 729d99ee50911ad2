package schema

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestRealEventsAgree holds the mappings against real Windows events that are given in Splunk's form, as CIM and as
// Elastic's integration writes them: the mapped field must be there with the same value.
func TestRealEventsAgree(t *testing.T) {
	f, err := os.Open(filepath.Join(dataDir(t), "sigma", "event_pairs.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := Default()
	same, missing, differ, unmet := 0, map[string]int{}, map[string]int{}, map[string]int{}
	compare := func(src *Source, event map[string]any, ecs map[string]any, codes []string) {
		for name, raw := range event {
			x := src.Field(name, Hint{EventCodes: codes})
			if x.Support == None {
				missing[src.Name+" "+name+" (hole)"]++
				continue
			}
			if x.Support == Approximate {
				continue
			}
			have, ok := ecs[x.Name]
			if !ok {
				missing[src.Name+" "+name+" → "+x.Name]++
				continue
			}
			if sameValue(raw, have, x) {
				same++
			} else {
				differ[fmt.Sprintf("%s %s → %s: %v, %v", src.Name, name, x.Name, raw, have)]++
			}
		}
	}
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		var p struct {
			Raw     map[string]any `json:"splunk_raw"`
			CIM     map[string]any `json:"cim"`
			Dataset string         `json:"cim_dataset"`
			ECS     map[string]any `json:"ecs"`
		}
		if err := json.Unmarshal(sc.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		source, _ := p.Raw["source"].(string)
		src, _, ok := s.Match([]Predicate{{"source", source}, {"sourcetype", "XmlWinEventLog"}})
		if !ok {
			t.Errorf("no source for %s", source)
			continue
		}
		compare(src, p.Raw, p.ECS, []string{fmt.Sprint(p.Raw["EventCode"])})
		if m, ok := s.DataModel(p.Dataset); ok {
			compare(m, p.CIM, p.ECS, nil)
			for _, c := range m.Constraints {
				if have := fmt.Sprint(p.ECS[c.Field]); !slices.ContainsFunc(c.Values, func(v string) bool { return strings.Contains(have, v) }) {
					unmet[fmt.Sprintf("%s of event %v: %s is %s", m.Name, p.Raw["EventCode"], c.Field, have)]++
				}
			}
		} else if p.Dataset != "" {
			missing["model "+p.Dataset]++
		}
	}
	t.Logf("same %d, other %d, missing %d", same, sum(differ), sum(missing))
	t.Logf("missing: %s", top(missing, 60))
	if len(unmet) > 0 {
		t.Errorf("constraints that real events do not meet: %s", top(unmet, 20))
	}
	if len(differ) > 0 {
		t.Errorf("values differ: %s", top(differ, 60))
	}
	if same < 4000 {
		t.Errorf("only %d values were compared", same)
	}
}

// sameValue compares a raw value with a stored one as a search would, ignoring case and what integrations reformat.
func sameValue(raw, have any, f Field) bool {
	a, b := strings.ToLower(fmt.Sprint(raw)), strings.ToLower(fmt.Sprint(have))
	if a == b {
		return true
	}
	for _, v := range f.Values[a] {
		if strings.ToLower(v) == b {
			return true
		}
	}
	if f.Name == "user.name" {
		_, a, _ = strings.Cut(a, `\`)
	}
	return strings.Trim(a, "{}") == strings.Trim(b, "{}")
}
