package config

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

var update = flag.Bool("update", false, "rewrite generated files")

func write(t *testing.T, yaml string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "rulebridge.yaml")
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func flags(t *testing.T, args ...string) *pflag.FlagSet {
	t.Helper()
	fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
	Flags(fs)
	if err := fs.Parse(args); err != nil {
		t.Fatal(err)
	}
	return fs
}

func TestDefaults(t *testing.T) {
	c, err := Load(nil, "", []string{"HOME=/home/ana"})
	if err != nil {
		t.Fatal(err)
	}
	if c.HTTP.Addr != "127.0.0.1:8080" || c.Temporal.Addr != "127.0.0.1:7233" || c.UI.Addr != "127.0.0.1:8233" {
		t.Errorf("addresses: %q %q %q", c.HTTP.Addr, c.Temporal.Addr, c.UI.Addr)
	}
	if c.Migration.Batch != 50 || c.Migration.Pause != 10*time.Second || c.Limits.Body != 64<<20 || c.Limits.Query != 256<<10 {
		t.Errorf("migration %+v limits %+v", c.Migration, c.Limits)
	}
	if !c.Features.SIEMMigrations || !c.Features.AssistantRAG {
		t.Errorf("features %+v", c.Features)
	}
	if x, ok := c.ConnectorByID("deterministic"); !ok || x.Kind != KindDeterministic {
		t.Errorf("connectors %+v", c.Connectors)
	}
	if !strings.HasPrefix(c.DataDir, "/home/ana/") {
		t.Errorf("data_dir %q", c.DataDir)
	}
}

func TestPrecedence(t *testing.T) {
	file := write(t, `
migration: {batch: 10, pause: 3s, shutdown: stop}
http: {addr: "127.0.0.1:9001", hosts: [rules.example.org]}
features: {siemMigrationsEnabled: false}
limits: {body: 2MiB, title: 100}
connectors:
  - {id: azureOpenAiGPT4o, kind: simulated, latency: 2s, jitter: 50%, error_rate: 0.1, seed: 7}
`)
	env := []string{"RULEBRIDGE_MIGRATION_BATCH=20", "RULEBRIDGE_HTTP_HOSTS=a.example, b.example", "RULEBRIDGE_MIGRATION_PAUSE=5s",
		"RULEBRIDGE_FEATURES_ASSISTANTRAGONALERTS=false", "RULEBRIDGE_MIGRATON_BATCH=1"}
	c, err := Load(flags(t, "--batch", "30", "--http-port", "9002", "--connector", "azureOpenAiGPT4o"), file, env)
	if err != nil {
		t.Fatal(err)
	}
	if c.Migration.Batch != 30 || c.Migration.Pause != 5*time.Second || c.Migration.Shutdown != "stop" {
		t.Errorf("migration %+v", c.Migration)
	}
	if c.HTTP.Addr != "127.0.0.1:9002" || fmt.Sprint(c.HTTP.Hosts) != "[a.example b.example]" {
		t.Errorf("http %+v", c.HTTP)
	}
	if c.Features.SIEMMigrations || c.Features.AssistantRAG {
		t.Errorf("features %+v", c.Features)
	}
	if c.Limits.Body != 2<<20 || c.Limits.Title != 100 {
		t.Errorf("limits %+v", c.Limits)
	}
	x, ok := c.ConnectorByID("azureOpenAiGPT4o")
	if !ok || x.Kind != KindSimulated || x.Latency != 2*time.Second || x.Jitter.Of(x.Latency) != 0.5 || x.ErrorRate != 0.1 || x.Seed != 7 {
		t.Errorf("connector %+v", x)
	}
	if _, ok := c.ConnectorByID("deterministic"); !ok {
		t.Error("deterministic is missing")
	}
	for key, want := range map[string]string{
		"migration.batch": "--batch", "migration.pause": "RULEBRIDGE_MIGRATION_PAUSE", "migration.shutdown": file + ":2",
		"http.addr": "--http-port", "log.level": "default",
	} {
		if got := c.Source(key); got != want {
			t.Errorf("source of %s: %q, want %q", key, got, want)
		}
	}
	if len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0], "RULEBRIDGE_MIGRATON_BATCH") {
		t.Errorf("warnings %q", c.Warnings)
	}
}

func TestConnectorsFromEnvironment(t *testing.T) {
	c, err := Load(nil, "", []string{`RULEBRIDGE_CONNECTORS=[{id: gpt, kind: openai, model: m, api_key_env: MY_KEY}]`, "MY_KEY=s3cret"})
	if err != nil {
		t.Fatal(err)
	}
	if x, _ := c.ConnectorByID("gpt"); x.APIKey.Reveal() != "s3cret" {
		t.Errorf("connector %+v", x)
	}
}

// TestFaults: every fault names the key, the value, its place and what is allowed.
func TestFaults(t *testing.T) {
	tests := []struct {
		name, yaml string
		env, args  []string
		want       []string
	}{
		{"unknown key", "migration:\n  batsh: 5\n", nil, nil, []string{":2:", `"migration.batsh"`, "batch"}},
		{"unknown top key", "\n\nmigrations: {}\n", nil, nil, []string{":3:", `"migrations"`}},
		{"unknown connector key", "connectors:\n- id: a\n  kind: simulated\n  latncy: 2s\n", nil, nil, []string{":4:", `"connectors[0].latncy"`, "latency"}},
		{"section is a list", "http: [1]\n", nil, nil, []string{":1:", "http must hold keys and values"}},
		{"list is a section", "connectors: {id: a}\n", nil, nil, []string{":1:", "connectors must be a list"}},
		{"target", "translation: {target: 7.17}", nil, nil, []string{"translation.target", `"7.17"`, "8.19 or 9.x"}},
		{"unmapped fields of 8.19", "translation:\n  unmapped_fields: true\n", nil, nil, []string{":2", "translation.unmapped_fields", "translation.target", "9.x", "8.19 does not know"}},
		{"no YAML", "a: [", nil, nil, []string{"no valid YAML"}},
		{"duration without unit", "migration:\n  pause: 10\n", nil, nil, []string{":2", "migration.pause", `"10"`, "unit"}},
		{"batch of zero", "migration:\n  batch: 0\n", nil, nil, []string{":2", "migration.batch", `"0"`, "1 or more"}},
		{"batch no number", "", []string{"RULEBRIDGE_MIGRATION_BATCH=many"}, nil, []string{"RULEBRIDGE_MIGRATION_BATCH", "migration.batch", "many"}},
		{"batch a fraction", "migration: {batch: 1.5}", nil, nil, []string{"migration.batch", "1.5", "whole number"}},
		{"shutdown", "migration: {shutdown: abort}", nil, nil, []string{"migration.shutdown", `"abort"`, "pause or stop"}},
		{"kind", "connectors: [{id: a, kind: gpt}]", nil, nil, []string{"connectors[0].kind", `"gpt"`, "deterministic, simulated, openai, azure, ollama or anthropic"}},
		{"no kind", "connectors: [{id: a}]", nil, nil, []string{"connectors[0].kind", `""`}},
		{"id twice", "connectors: [{id: a, kind: simulated}, {id: a, kind: simulated}]", nil, nil, []string{"connectors[1].id", `"a"`, "once"}},
		{"deterministic taken", "connectors: [{id: deterministic, kind: simulated}]", nil, nil, []string{"connectors[0].kind", "of kind deterministic"}},
		{"error rate", "connectors: [{id: a, kind: simulated, error_rate: 3}]", nil, nil, []string{"connectors[0].error_rate", `"3"`, "0 to 1"}},
		{"jitter", "connectors: [{id: a, kind: simulated, jitter: lots}]", nil, nil, []string{"connectors[0].jitter", "lots", "fraction"}},
		{"key not set", "connectors: [{id: a, kind: openai, model: m, api_key_env: NOKEY}]", nil, nil, []string{"connectors[0].api_key", "NOKEY", "not set"}},
		{"azure without url", "connectors: [{id: a, kind: azure, model: m, api_key: k}]", nil, nil, []string{"connectors[0].url", "address"}},
		{"size", "limits: {body: 3 apples}", nil, nil, []string{"limits.body", "3 apples", "MiB"}},
		{"addr", "http: {addr: nowhere}", nil, nil, []string{"http.addr", `"nowhere"`, "host:port"}},
		{"port", "", nil, []string{"--http-port", "70000"}, []string{"--http-port", "70000", "65535"}},
		{"not loopback", "http: {addr: 0.0.0.0:80}", nil, nil, []string{"http.addr", "0.0.0.0:80", "loopback"}},
		{"connector unknown", "", nil, []string{"--connector", "gpt"}, []string{"connector (--connector)", `"gpt"`, "deterministic"}},
		{"negative pause", "", nil, []string{"--pause", "-1s"}, []string{"migration.pause", "-1s", "0s or more"}},
		{"flag", "features: {siemMigrationsEnabled: perhaps}", nil, nil, []string{"siemMigrationsEnabled", "perhaps", "neither true nor false"}},
		{"log level", "log: {level: loud}", nil, nil, []string{"log.level", `"loud"`, "debug, info, warn or error"}},
		{"password not hashed", "auth: {users: [{name: ana, password_hash: hunter2, role: admin}]}", nil, nil, []string{"auth.users[0].password_hash", "bcrypt"}},
		{"role", "auth: {api_keys: [{name: ci, hash: 00, role: root}]}", nil, nil, []string{"auth.api_keys[0].role", `"root"`, "reader, operator or admin", "auth.api_keys[0].hash"}},
		{"codec", "codec: {keys: [{id: k1, key: short}], active: k2}", nil, nil, []string{"codec.keys[0].key", "32 bytes", "codec.active", `"k2"`}},
		{"elasticsearch", "store: {kind: elasticsearch}", nil, nil, []string{"elasticsearch.urls"}},
		{"versioning", "worker: {deployment: d}", nil, nil, []string{"worker.build_id"}},
		{"two faults", "migration: {batch: 0}\nlog: {level: loud}", nil, nil, []string{"migration.batch", "log.level"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Load(flags(t, tt.args...), write(t, tt.yaml), tt.env)
			if err == nil {
				t.Fatal("no error")
			}
			for _, w := range tt.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q\nlacks %q", err, w)
				}
			}
			for _, secret := range []string{"hunter2", "short"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("%q shows a secret", err)
				}
			}
		})
	}
}

func TestMissingFile(t *testing.T) {
	if _, err := Load(flags(t, "--config", "/nowhere/x.yaml"), "", nil); err == nil || !strings.Contains(err.Error(), "/nowhere/x.yaml") {
		t.Errorf("err %v", err)
	}
}

// TestSecretsStayHidden prints a configuration in every way there is.
func TestSecretsStayHidden(t *testing.T) {
	c, err := Load(nil, write(t, "connectors: [{id: a, kind: openai, model: m, api_key: hush}]\nelasticsearch: {password: hush}"), nil)
	if err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{fmt.Sprint(c), fmt.Sprintf("%+v", c), fmt.Sprintf("%#v", c), fmt.Sprintf("%s %q %x", c.Connectors[0].APIKey, c.Connectors[0].APIKey, c.Connectors[0].APIKey), string(asJSON)} {
		if strings.Contains(s, "hush") || strings.Contains(s, fmt.Sprintf("%x", "hush")) {
			t.Errorf("secret shown: %s", s)
		}
	}
	if !strings.Contains(string(asJSON), redacted) {
		t.Errorf("no placeholder in %s", asJSON)
	}
	if c.Connectors[0].APIKey.Reveal() != "hush" {
		t.Error("Reveal lost the secret")
	}
}

func TestBytes(t *testing.T) {
	for s, want := range map[string]Bytes{"0": 0, "512": 512, "1KiB": 1 << 10, "64 MiB": 64 << 20, "1gib": 1 << 30, "7B": 7} {
		if got, err := ParseBytes(s); err != nil || got != want {
			t.Errorf("%q: %d, %v; want %d", s, got, err, want)
		}
		if again, err := ParseBytes(want.String()); err != nil || again != want {
			t.Errorf("%d prints as %q, which reads as %d, %v", want, want.String(), again, err)
		}
	}
	for _, s := range []string{"", "-1", "1.5MiB", "MiB", "99999999999GiB"} {
		if got, err := ParseBytes(s); err == nil {
			t.Errorf("%q was read as %d", s, got)
		}
	}
}

func TestEmbedded(t *testing.T) {
	c, err := Load(nil, write(t, "temporal: {addr: 0.0.0.0:7233}"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.ValidateEmbedded(); err == nil || !strings.Contains(err.Error(), "temporal.addr") {
		t.Errorf("err %v", err)
	}
}

// TestDocumentation: every key is documented, and the page is the one generated from the code.
func TestDocumentation(t *testing.T) {
	for _, k := range Keys() {
		if k.Doc == "" {
			t.Errorf("%s is not documented", k.Name)
		}
	}
	const file = "../docs/configuration.md"
	want := Markdown()
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is out of date: go test ./config -run TestDocumentation -update", file)
	}
}

func TestBasePath(t *testing.T) {
	for path, ok := range map[string]bool{
		"": true, "/soc": true, "/soc/rule-bridge_2.0": true,
		"soc": false, "/": false, "/soc/": false, "/a//b": false, "/..": false, "/a/../b": false, "/.hidden": false, "/a b": false, "/a?b": false,
		"/a#b": false, "/%2e": false, "//evil.example": false, "/a\\b": false, "/ä": false, "https://x/y": false,
	} {
		c, err := Load(nil, "", []string{"HOME=/home/ana", "RULEBRIDGE_HTTP_BASE_PATH=" + path})
		if (err == nil) != ok || ok && c.HTTP.BasePath != path {
			t.Errorf("%q: %q, %v", path, c.HTTP.BasePath, err)
		}
	}
}

// TestUnmappedFields: the key is accepted for the version that has the setting, and the version is read as a number too.
func TestUnmappedFields(t *testing.T) {
	for yaml, want := range map[string]Translation{
		"translation: {target: 9.x, unmapped_fields: true}": {Target: "9.x", UnmappedFields: true},
		"translation: {target: 8.19}":                       {Target: "8.19"},
		"{}":                                                {Target: "8.19"},
	} {
		c, err := Load(flags(t), write(t, yaml), []string{"HOME=/home/ana"})
		if err != nil {
			t.Errorf("%s: %v", yaml, err)
			continue
		}
		if got := c.Translation; got.Target != want.Target || got.UnmappedFields != want.UnmappedFields {
			t.Errorf("%s: %+v", yaml, got)
		}
	}
}
