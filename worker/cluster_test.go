package worker

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rulebridge/rulebridge/config"
)

func TestClusterOptions(t *testing.T) {
	dir := t.TempDir()
	profile := filepath.Join(dir, "temporal.toml")
	text := "[profile.default]\naddress = \"file:7233\"\n[profile.prod]\naddress = \"prod.example.org:7233\"\nnamespace = \"soc\"\napi_key = \"k\"\n"
	if err := os.WriteFile(profile, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name            string
		env             []string
		addr, namespace string
		tls, fault      string
	}{
		{name: "settings alone", addr: "set:7233", namespace: "default"},
		{name: "environment", env: []string{"TEMPORAL_ADDRESS=env:7233", "TEMPORAL_NAMESPACE=soc"}, addr: "env:7233", namespace: "soc"},
		{name: "the last counts", env: []string{"TEMPORAL_ADDRESS=a:1", "TEMPORAL_ADDRESS=b:2"}, addr: "b:2", namespace: "default"},
		{name: "an API key turns TLS on", env: []string{"TEMPORAL_ADDRESS=env:7233", "TEMPORAL_API_KEY=k"}, addr: "env:7233", namespace: "default", tls: "on"},
		{name: "server name", env: []string{"TEMPORAL_TLS=true", "TEMPORAL_TLS_SERVER_NAME=name"}, addr: "set:7233", namespace: "default", tls: "name"},
		{name: "default profile", env: []string{"TEMPORAL_CONFIG_FILE=" + profile}, addr: "file:7233", namespace: "default"},
		{name: "named profile", env: []string{"TEMPORAL_CONFIG_FILE=" + profile, "TEMPORAL_PROFILE=prod"}, addr: "prod.example.org:7233", namespace: "soc", tls: "on"},
		{name: "environment over profile", env: []string{"TEMPORAL_CONFIG_FILE=" + profile, "TEMPORAL_PROFILE=prod", "TEMPORAL_NAMESPACE=other"}, addr: "prod.example.org:7233", namespace: "other", tls: "on"},
		{name: "no such profile", env: []string{"TEMPORAL_CONFIG_FILE=" + profile, "TEMPORAL_PROFILE=none"}, fault: "none"},
		{name: "certificate without key", env: []string{"TEMPORAL_TLS_CLIENT_CERT_DATA=x"}, fault: "TEMPORAL_"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			env := append([]string{"HOME=" + dir, "XDG_CONFIG_HOME=" + dir, "TEMPORAL_CONFIG_FILE=" + filepath.Join(dir, "none.toml")}, tc.env...)
			o, err := ClusterOptions(config.Temporal{Addr: "set:7233", Namespace: "default"}, env)
			if tc.fault != "" {
				if err == nil || !strings.Contains(err.Error(), tc.fault) {
					t.Fatalf("error %v, want one that names %s", err, tc.fault)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if o.HostPort != tc.addr || o.Namespace != tc.namespace {
				t.Errorf("%s, namespace %s", o.HostPort, o.Namespace)
			}
			tls := o.ConnectionOptions.TLS
			switch {
			case tc.tls == "" && tls != nil, tc.tls != "" && tls == nil:
				t.Errorf("TLS %+v, want %q", tls, tc.tls)
			case tc.tls == "name" && tls.ServerName != "name":
				t.Errorf("server name %q", tls.ServerName)
			}
		})
	}
}
