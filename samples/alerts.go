package samples

import (
	"bytes"
	_ "embed" // the file below
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

//go:embed alerts.json
var alertParts []byte

// AlertCount is how many sample alerts there are.
const AlertCount = 200

// alertStory is what the sample alerts are made of: people, machines and detections of a company that does not exist.
type alertStory struct {
	Hosts []sampleHost `json:"hosts"`
	Users []sampleUser `json:"users"`
	Rules []sampleRule `json:"rules"`
}

type sampleHost struct {
	Name    string   `json:"name"`
	OS      string   `json:"os"` // windows, linux or macos
	OSName  string   `json:"os_name"`
	Address string   `json:"address"`
	Users   []string `json:"users"`
}

type sampleUser struct {
	Name  string `json:"name"`
	Email string `json:"email,omitempty"`
}

// sampleRule is a detection: what it is called and what its alerts show. Words in braces are replaced.
type sampleRule struct {
	Name        string         `json:"name"`
	Description string         `json:"description"`
	Severity    string         `json:"severity"`
	Risk        int            `json:"risk"`
	OS          string         `json:"os"`
	Tactic      [2]string      `json:"tactic"`
	Technique   [2]string      `json:"technique"`
	Sub         [2]string      `json:"sub"`
	Weight      int            `json:"weight"`
	Hosts       []string       `json:"hosts,omitempty"`
	Block       bool           `json:"building_block,omitempty"`
	Category    []string       `json:"category"`
	Action      string         `json:"action"`
	Fields      map[string]any `json:"fields"`
}

// Alerts returns the sample alerts as NDJSON, one document a line with its _id: 200 alerts of the five days before now,
// about half of them of the last day. The same time gives the same bytes.
func Alerts(now time.Time) ([]byte, error) {
	var story alertStory
	if err := json.Unmarshal(alertParts, &story); err != nil {
		return nil, fmt.Errorf("sample alerts: %w", err)
	}
	// The seed is any number; it only has to stay.
	random := rand.New(rand.NewPCG(7, 2026))
	var weighted []sampleRule
	for _, r := range story.Rules {
		for range r.Weight {
			weighted = append(weighted, r)
		}
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	for i := range AlertCount {
		rule := weighted[random.IntN(len(weighted))]
		if i < len(story.Rules) { // each rule at least once, within the last hours
			rule = story.Rules[i]
		}
		alert := story.alert(random, rule, i, age(random, i, len(story.Rules)), now)
		if err := encoder.Encode(alert); err != nil {
			return nil, fmt.Errorf("sample alerts: %w", err)
		}
	}
	return out.Bytes(), nil
}

// age is how long ago an alert happened.
func age(random *rand.Rand, i, rules int) time.Duration {
	switch {
	case i < rules:
		return time.Duration(10+random.IntN(8*60)) * time.Minute
	case i < AlertCount/2:
		return time.Duration(10+random.IntN(23*60)) * time.Minute
	}
	return 24*time.Hour + time.Duration(random.IntN(4*24*60))*time.Minute
}

func (s alertStory) alert(random *rand.Rand, rule sampleRule, i int, ago time.Duration, now time.Time) map[string]any {
	host := s.host(random, rule)
	user := s.user(host.Users[random.IntN(len(host.Users))])
	at := now.Add(-ago).Add(-time.Duration(random.IntN(60)) * time.Second).UTC().Truncate(time.Second)
	status := "open"
	// What is older than a day has mostly been looked at.
	if n := random.IntN(10); ago > 24*time.Hour && n < 7 || n == 0 && i >= len(s.Rules) {
		status = []string{"acknowledged", "closed", "closed"}[random.IntN(3)]
	}
	domain := ""
	if host.OS == "windows" {
		domain = `HARBOR\`
	}
	replace := strings.NewReplacer("{host}", host.Name, "{user}", user.Name, "{account}", domain+user.Name, "{address}", host.Address,
		"{outside}", fmt.Sprintf("203.0.113.%d", 10+random.IntN(40)), "{inside}", s.Hosts[random.IntN(len(s.Hosts))].Address,
		"{email}", user.Email, "{port}", fmt.Sprint(40000+random.IntN(20000)))
	id := fmt.Sprintf("sample-%03d-%08x", i+1, random.Uint32())
	inner := map[string]any{
		"uuid": id, "severity": rule.Severity, "risk_score": rule.Risk, "workflow_status": status, "status": "active",
		"original_time": at.Add(-3 * time.Minute).Format(time.RFC3339), "depth": 1,
		"rule": map[string]any{"name": rule.Name, "description": rule.Description, "rule_id": "sample-" + strings.ReplaceAll(strings.ToLower(rule.Name), " ", "-"),
			"type": "esql", "threat": rule.threat()},
	}
	alert := map[string]any{
		"_id": id, "@timestamp": at.Format(time.RFC3339), "ecs.version": "8.17.0",
		"host":   map[string]any{"name": host.Name, "ip": []string{host.Address}, "os": map[string]any{"type": host.OS, "name": host.OSName}},
		"user":   map[string]any{"name": user.Name},
		"event":  map[string]any{"kind": "signal", "category": rule.Category, "action": rule.Action},
		"kibana": map[string]any{"alert": inner},
	}
	for name, value := range rule.Fields {
		alert[name] = replaceIn(value, replace)
	}
	if domain != "" {
		alert["user.domain"] = "HARBOR"
	}
	inner["reason"] = reason(alert, rule, domain+user.Name, host.Name)
	if rule.Block {
		inner["building_block_type"] = "default"
	}
	return alert
}

// threat is the rule's place in MITRE ATT&CK, as rules of Elastic say it.
func (r sampleRule) threat() []any {
	if r.Technique[0] == "" {
		return nil
	}
	technique := map[string]any{"id": r.Technique[0], "name": r.Technique[1]}
	if r.Sub[0] != "" {
		technique["subtechnique"] = []any{map[string]any{"id": r.Sub[0], "name": r.Sub[1]}}
	}
	return []any{map[string]any{"framework": "MITRE ATT&CK", "tactic": map[string]any{"id": r.Tactic[0], "name": r.Tactic[1]}, "technique": []any{technique}}}
}

// reason is the sentence that an alert gives.
func reason(alert map[string]any, rule sampleRule, account, host string) string {
	text := rule.Category[0] + " event"
	if p, ok := alert["process.name"].(string); ok {
		text += " with process " + p
	}
	if p, ok := alert["process.parent.name"].(string); ok {
		text += ", parent process " + p
	}
	return text + ", by " + account + " on " + host + " created " + rule.Severity + " alert " + rule.Name + "."
}

func replaceIn(value any, r *strings.Replacer) any {
	switch value := value.(type) {
	case string:
		return r.Replace(value)
	case []any:
		list := make([]any, len(value))
		for i, v := range value {
			list[i] = replaceIn(v, r)
		}
		return list
	}
	return value
}

// host is one that fits the rule.
func (s alertStory) host(random *rand.Rand, rule sampleRule) sampleHost {
	var fit []sampleHost
	for _, h := range s.Hosts {
		named := len(rule.Hosts) == 0
		for _, name := range rule.Hosts {
			named = named || name == h.Name
		}
		if named && (rule.OS == "" || rule.OS == h.OS) {
			fit = append(fit, h)
		}
	}
	return fit[random.IntN(len(fit))]
}

func (s alertStory) user(name string) sampleUser {
	for _, u := range s.Users {
		if u.Name == name {
			return u
		}
	}
	return sampleUser{Name: name}
}
