package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/kibana/kibanatest"
)

// TestFromAppsToKibana goes the way of the README with a published app: from etc/apps to rules in a Kibana, lookup indices
// first, in three commands. Every alert becomes a rule there or is named.
func TestFromAppsToKibana(t *testing.T) {
	apps := filepath.Join(os.Getenv("RULEBRIDGE_DATA"), "splunk_app")
	if _, err := os.Stat(apps); os.Getenv("RULEBRIDGE_DATA") == "" || err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("RULEBRIDGE_DATA is missing")
		}
		t.Skip("RULEBRIDGE_DATA is not set")
	}
	k, es := kibanatest.NewServer(kibanaKey), kibanatest.NewElasticsearch(kibanaKey)
	defer k.Close()
	defer es.Close()
	cfg, dir := kibanaConfig(t, k.URL), t.TempDir()
	text, err := os.ReadFile(cfg)
	if err != nil {
		t.Fatal(err)
	}
	text = []byte(strings.Replace(string(text), "api_key_file:", fmt.Sprintf("elasticsearch: %q, api_key_file:", es.URL), 1))
	if err := os.WriteFile(cfg, text, 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) string {
		t.Helper()
		p := start(t, append(args, "--data-dir", dir, "--config", cfg)...)
		if code := p.wait(4 * time.Minute); code != 0 {
			t.Fatalf("%v: exit code %d", args, code)
		}
		return p.stdout.String() + p.stderr.String()
	}
	out := run("migrate", apps)
	if !strings.Contains(out, "taken: 192 alerts") {
		t.Errorf("%s", out)
	}
	id := regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}`).FindString(out)
	dry := run("install", id, "--kibana", "prod", "--dry-run")
	if len(k.Rules()) != 0 || es.Created() != 0 {
		t.Error("a dry run installed something")
	}
	var create, full, partial, prebuilt, update, there, different, left int
	plan := dry[strings.Index(dry, "In prod: "):]
	if _, err := fmt.Sscanf(plan, "In prod: %d to create (%d full, %d partial), %d prebuilt to install, %d to update, %d there already, %d there and different, %d left out",
		&create, &full, &partial, &prebuilt, &update, &there, &different, &left); err != nil || create+prebuilt+left != 192 || create == 0 || full+partial != create {
		t.Fatalf("%v: %.2000s", err, dry)
	}
	if n := len(regexp.MustCompile(`(?m)^  leave out .+: .+$`).FindAllString(dry, -1)); n != left {
		t.Errorf("%d rules are left out, %d of them with the reason", left, n)
	}
	out = run("install", id, "--kibana", "prod")
	if len(k.Rules()) != create || !strings.Contains(out, fmt.Sprintf("%d created", create)) {
		t.Errorf("%d rules are there, %d were to be: %s", len(k.Rules()), create, out)
	}
	t.Logf("%d alerts: %d rules, %d left out, %d lookup indices", 192, create, left, es.Created())
	for _, r := range k.Rules() {
		query := r["query"].(string)
		for _, m := range regexp.MustCompile(`LOOKUP JOIN (\S+)`).FindAllStringSubmatch(query, -1) {
			if es.Rows(m[1]) == nil {
				t.Errorf("%s joins with %s, which is not there", r["name"], m[1])
			}
		}
	}
	if again := run("install", id, "--kibana", "prod"); !strings.Contains(again, "0 created") {
		t.Errorf("%s", again)
	}
}
