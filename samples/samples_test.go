package samples

import (
	"bufio"
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
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

func TestAlerts(t *testing.T) {
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	text, err := Alerts(now)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Alerts(now)
	if err != nil || !bytes.Equal(text, again) {
		t.Errorf("the same time gives other alerts, %v", err)
	}
	ids, hosts, rules, lastDay, blocks, statuses := map[string]bool{}, map[string]bool{}, map[string]bool{}, 0, 0, map[string]int{}
	oldest := now
	for line := range bytes.Lines(text) {
		var a struct {
			ID        string    `json:"_id"`
			Timestamp time.Time `json:"@timestamp"`
			Host      struct{ Name string }
			Kibana    struct {
				Alert struct {
					Severity, Reason string
					Status           string  `json:"workflow_status"`
					Block            string  `json:"building_block_type"`
					Risk             float64 `json:"risk_score"`
					Rule             struct{ Name string }
				}
			}
		}
		if err := json.Unmarshal(line, &a); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if bytes.ContainsAny(line, "{}") && bytes.Contains(line, []byte("{user}")) || bytes.Contains(line, []byte("{host}")) {
			t.Errorf("a word is not replaced: %s", line)
		}
		if a.ID == "" || ids[a.ID] || a.Kibana.Alert.Severity == "" || a.Kibana.Alert.Reason == "" || a.Kibana.Alert.Risk == 0 || !a.Timestamp.Before(now) {
			t.Errorf("alert %s is not whole: %+v", a.ID, a)
		}
		ids[a.ID], hosts[a.Host.Name], rules[a.Kibana.Alert.Rule.Name] = true, true, true
		statuses[a.Kibana.Alert.Status]++
		if a.Timestamp.After(now.Add(-24 * time.Hour)) {
			lastDay++
		}
		if a.Kibana.Alert.Block != "" {
			blocks++
		}
		if a.Timestamp.Before(oldest) {
			oldest = a.Timestamp
		}
	}
	if len(ids) != AlertCount || len(hosts) < 12 || len(rules) < 16 || lastDay < 80 || blocks == 0 || blocks > 20 || len(statuses) != 3 {
		t.Errorf("%d alerts of %d hosts and %d rules, %d of the last day, %d building blocks, statuses %v", len(ids), len(hosts), len(rules), lastDay, blocks, statuses)
	}
	if days := now.Sub(oldest).Hours() / 24; days < 3 || days > 5.1 {
		t.Errorf("the oldest alert is %.1f days old", days)
	}
}
