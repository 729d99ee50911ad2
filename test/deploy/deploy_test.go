// Package deploy holds the tests that read what is deployed: docker-compose.yml, Dockerfile, the Kubernetes example.
package deploy

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
	"golang.org/x/crypto/bcrypt"

	"github.com/rulebridge/rulebridge/config"
)

const root = "../.."

// names are the variables of .env.example.
func names(t *testing.T) []string {
	t.Helper()
	f, err := os.Open(filepath.Join(root, ".env.example"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var ns []string
	for sc := bufio.NewScanner(f); sc.Scan(); {
		name, value, ok := strings.Cut(sc.Text(), "=")
		if !ok || strings.HasPrefix(name, "#") {
			continue
		}
		if strings.Trim(value, "'") != "" {
			t.Errorf(".env.example gives %s a value", name)
		}
		ns = append(ns, name)
	}
	return ns
}

// filled is an .env that somebody filled in.
func filled(t *testing.T) types.Mapping {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte("password"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	m := types.Mapping{}
	for _, n := range names(t) {
		m[n] = "secret-" + strings.ToLower(n)
	}
	m["RULEBRIDGE_VERSION"] = "v1.2.3"
	m["RULEBRIDGE_ADMIN_PASSWORD_HASH"] = string(hash)
	m["RULEBRIDGE_CODEC_KEY"] = base64.StdEncoding.EncodeToString(make([]byte, 32))
	return m
}

func load(t *testing.T, env types.Mapping) (*types.Project, error) {
	t.Helper()
	return loader.LoadWithContext(context.Background(), types.ConfigDetails{
		WorkingDir:  root,
		ConfigFiles: []types.ConfigFile{{Filename: filepath.Join(root, "docker-compose.yml")}},
		Environment: env,
	}, func(o *loader.Options) { o.SetProjectName("rulebridge", true) })
}

// TestCredentialsHaveNoDefaults: without any one variable of .env the file is refused, and says what is missing.
func TestCredentialsHaveNoDefaults(t *testing.T) {
	for name := range filled(t) {
		env := filled(t)
		env[name] = ""
		if _, err := load(t, env); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s: %v, want an error that names it", name, err)
		}
	}
	text, err := os.ReadFile(filepath.Join(root, "docker-compose.yml"))
	if err != nil {
		t.Fatal(err)
	}
	if m := regexp.MustCompile(`\$\{[A-Z_]+:?-[^}]*\}`).Find(text); m != nil {
		t.Errorf("a default: %s", m)
	}
}

var pinned = regexp.MustCompile(`^[a-z0-9./_-]+:v?\d+(\.\d+)+[a-z0-9.-]*$`)

func TestCompose(t *testing.T) {
	p, err := load(t, filled(t))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"api-1", "api-2", "elasticsearch", "elasticsearch-user", "namespace", "postgresql", "release", "setup",
		"temporal", "temporal-schema", "temporal-ui", "worker-1", "worker-2"}
	if got := slices.Sorted(maps.Keys(p.Services)); !slices.Equal(got, want) {
		t.Errorf("services %q, want %q", got, want)
	}
	for name, s := range p.Services {
		if !pinned.MatchString(s.Image) {
			t.Errorf("%s: image %s is not pinned by version", name, s.Image)
		}
		for _, port := range s.Ports {
			if ip := net.ParseIP(port.HostIP); ip == nil || !ip.IsLoopback() {
				t.Errorf("%s: port %s is published on %q, not on loopback", name, port.Published, port.HostIP)
			}
		}
		job := slices.Contains([]string{"setup", "release", "namespace", "temporal-schema", "elasticsearch-user"}, name)
		switch {
		case job && !strings.HasPrefix(s.Restart, "on-failure"):
			t.Errorf("%s: a job restarts %q", name, s.Restart)
		case !job && s.Restart != "unless-stopped":
			t.Errorf("%s: restarts %q", name, s.Restart)
		case !job && name != "temporal-ui" && s.HealthCheck == nil:
			t.Errorf("%s: has no health check", name)
		}
		for on, d := range s.DependsOn {
			if _, ok := p.Services[on]; !ok {
				t.Errorf("%s depends on %s, which is not there", name, on)
			} else if d.Condition == types.ServiceConditionHealthy && p.Services[on].HealthCheck == nil {
				t.Errorf("%s waits until %s is healthy, which nobody checks", name, on)
			}
		}
		for _, v := range s.Volumes {
			if v.Type == types.VolumeTypeBind {
				if _, err := os.Stat(v.Source); err != nil {
					t.Errorf("%s mounts what is not there: %v", name, err)
				}
			}
		}
		for _, arg := range s.Entrypoint {
			if script, ok := strings.CutPrefix(arg, "/deploy/"); ok && len(s.Volumes) > 0 {
				if _, err := os.Stat(filepath.Join(s.Volumes[0].Source, script)); err != nil {
					t.Errorf("%s runs what is not there: %v", name, err)
				}
			}
		}
	}
	if es := p.Services["elasticsearch"]; !strings.Contains(es.Image, ":8.19.") || value(es.Environment, "xpack.security.enabled") != "true" {
		t.Errorf("elasticsearch: %s, security %q", es.Image, value(es.Environment, "xpack.security.enabled"))
	}
	if s := value(p.Services["temporal"].Environment, "POSTGRES_PWD"); s != value(p.Services["postgresql"].Environment, "POSTGRES_PASSWORD") {
		t.Errorf("temporal and postgresql have different passwords")
	}
}

func value(env types.MappingWithEquals, name string) string {
	if v := env[name]; v != nil {
		return *v
	}
	return ""
}

// settings loads the configuration as the program would, and fails on variables that belong to no key.
func settings(t *testing.T, name string, env map[string]string, args []string) config.Config {
	t.Helper()
	fs := pflag.NewFlagSet(name, pflag.ContinueOnError)
	config.Flags(fs)
	switch args[0] {
	case "worker":
		config.WorkerFlags(fs)
	case "setup":
		fs.String("deployment", "", "")
		fs.String("build-id", "", "")
		fs.Duration("wait", 0, "")
	case "api":
	default:
		t.Fatalf("%s runs %q", name, args)
	}
	if err := fs.Parse(args[1:]); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	var list []string
	for k, v := range env {
		list = append(list, k+"="+v)
		if !strings.HasPrefix(k, config.EnvPrefix) && !strings.HasPrefix(k, "TEMPORAL_") {
			t.Errorf("%s: %s is no setting of the program", name, k)
		}
	}
	cfg, err := config.Load(fs, "", list)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if len(cfg.Warnings) > 0 {
		t.Errorf("%s: %v", name, cfg.Warnings)
	}
	return cfg
}

// TestComposeSettings loads every service's settings as the program does.
func TestComposeSettings(t *testing.T) {
	p, err := load(t, filled(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"api-1", "api-2", "worker-1", "worker-2", "setup", "release"} {
		s := p.Services[name]
		env := map[string]string{}
		for k := range s.Environment {
			env[k] = value(s.Environment, k)
		}
		cfg := settings(t, name, env, s.Command)
		if cfg.Store.Kind != "elasticsearch" || !strings.HasPrefix(cfg.Elasticsearch.URLs[0], "http://elasticsearch:9200") || cfg.Elasticsearch.Password.Reveal() == "" {
			t.Errorf("%s: store %s at %v", name, cfg.Store.Kind, cfg.Elasticsearch.URLs)
		}
		if cfg.Codec.Active == "" {
			t.Errorf("%s does not encrypt", name)
		}
		if !s.ReadOnly || !slices.Contains(s.CapDrop, "ALL") || s.User == "root" {
			t.Errorf("%s is not confined", name)
		}
		if s.StopGracePeriod == nil || time.Duration(*s.StopGracePeriod) <= cfg.ShutdownGrace {
			t.Errorf("%s is killed before its grace of %s ends", name, cfg.ShutdownGrace)
		}
		// The health check reads the environment alone.
		seen, health := settings(t, name, env, s.Command[:1]), ""
		switch {
		case strings.HasPrefix(name, "api"):
			if !cfg.Auth.Enabled() {
				t.Errorf("%s lets everybody in", name)
			}
			health = "CMD /rulebridge health"
			if seen.HTTP.Addr != cfg.HTTP.Addr || seen.HTTP.BasePath != cfg.HTTP.BasePath {
				t.Errorf("%s listens on %s%s, its health check asks %s%s", name, cfg.HTTP.Addr, cfg.HTTP.BasePath, seen.HTTP.Addr, seen.HTTP.BasePath)
			}
			_, port, _ := net.SplitHostPort(cfg.HTTP.Addr)
			if len(s.Ports) != 1 || fmt.Sprint(s.Ports[0].Target) != port {
				t.Errorf("%s listens on %s and publishes %v", name, port, s.Ports)
			}
		case strings.HasPrefix(name, "worker"):
			health = "CMD /rulebridge health --worker"
			if seen.Worker.HealthAddr != cfg.Worker.HealthAddr {
				t.Errorf("%s answers on %s, its health check asks %s", name, cfg.Worker.HealthAddr, seen.Worker.HealthAddr)
			}
			if cfg.Worker.Deployment != "rulebridge" || cfg.Worker.BuildID != "v1.2.3" {
				t.Errorf("%s is build %s of %s", name, cfg.Worker.BuildID, cfg.Worker.Deployment)
			}
		case name == "release":
			if cfg.Worker.Deployment != "rulebridge" || cfg.Worker.BuildID != "v1.2.3" {
				t.Errorf("%s makes %s of %s current", name, cfg.Worker.BuildID, cfg.Worker.Deployment)
			}
		}
		if health != "" && (s.HealthCheck == nil || strings.Join(s.HealthCheck.Test, " ") != health) {
			t.Errorf("%s: the health check is not %s", name, health)
		}
	}
	ui, api := p.Services["temporal-ui"], p.Services["api-1"]
	origin := fmt.Sprintf("http://%s:%s", ui.Ports[0].HostIP, ui.Ports[0].Published)
	if got := value(api.Environment, "RULEBRIDGE_CODEC_UI_ORIGIN"); got != origin {
		t.Errorf("the UI is at %s, the gateway lets %s decrypt", origin, got)
	}
	if got, want := value(ui.Environment, "TEMPORAL_CODEC_ENDPOINT"), fmt.Sprintf("http://%s:%s/codec", api.Ports[0].HostIP, api.Ports[0].Published); got != want {
		t.Errorf("the UI decrypts at %s, want %s", got, want)
	}
}

func TestDockerfile(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`(?m)^go (\S+)$`).FindSubmatch(mod)
	if version == nil || !strings.Contains(string(text), "FROM golang:"+string(version[1])+"-") {
		t.Errorf("the image is not built with the Go version of go.mod, %s", version)
	}
	for what, form := range map[string]string{
		"static": `CGO_ENABLED=0`, "without the embedded server": `-tags production`, "from nothing": `(?m)^FROM scratch$`,
		"not as root": `(?m)^USER 65532:65532$`, "with its version": `-X main\.version=`,
	} {
		if !regexp.MustCompile(form).Match(text) {
			t.Errorf("not %s: %s is missing", what, form)
		}
	}
	// Every folder that the program is built from reaches the build.
	ignore, err := os.ReadFile(filepath.Join(root, ".dockerignore"))
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"activities", "api", "app", "cli", "config", "internal", "samples", "worker", "workflows"} {
		if !strings.Contains(string(ignore), "\n!"+dir+"\n") {
			t.Errorf(".dockerignore leaves out %s", dir)
		}
	}
}

// manifest is what the test reads of the Kubernetes example.
type manifest struct {
	Kind  string
	Items []struct {
		Kind     string
		Metadata struct{ Name string }
		Data     map[string]string
		Spec     struct {
			Replicas int
			Template struct {
				Spec struct {
					SecurityContext struct {
						RunAsNonRoot bool `yaml:"runAsNonRoot"`
					} `yaml:"securityContext"`
					Grace      int `yaml:"terminationGracePeriodSeconds"`
					Containers []struct {
						Name, Image string
						Args        []string
						Env         []struct {
							Name      string
							Value     string
							ValueFrom struct {
								SecretKeyRef struct{ Name, Key string } `yaml:"secretKeyRef"`
							} `yaml:"valueFrom"`
						}
						Ports           []struct{ Name string }
						ReadinessProbe  *probe `yaml:"readinessProbe"`
						LivenessProbe   *probe `yaml:"livenessProbe"`
						SecurityContext struct {
							ReadOnlyRootFilesystem   bool  `yaml:"readOnlyRootFilesystem"`
							AllowPrivilegeEscalation *bool `yaml:"allowPrivilegeEscalation"`
						} `yaml:"securityContext"`
						Resources struct{ Requests, Limits map[string]string }
					}
				}
			}
		}
	}
}

type probe struct {
	HTTPGet struct{ Path, Port string } `yaml:"httpGet"`
}

func TestKubernetes(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(root, "deploy/kubernetes/rulebridge.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var m manifest
	if err := yaml.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	hash, err := bcrypt.GenerateFromPassword([]byte("password"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	secrets := map[string]string{
		"temporal-api-key": "t", "elasticsearch-api-key": "e",
		"codec-keys": fmt.Sprintf(`[{id: "1", key: "%s"}]`, base64.StdEncoding.EncodeToString(make([]byte, 32))),
		"auth-users": fmt.Sprintf(`[{name: admin, role: admin, password_hash: "%s"}]`, hash),
	}
	shared := map[string]string{}
	found := map[string]int{}
	for _, item := range m.Items {
		found[item.Kind]++
		maps.Copy(shared, item.Data)
	}
	if want := map[string]int{"ConfigMap": 1, "Deployment": 2, "Service": 1, "Job": 2}; !maps.Equal(found, want) {
		t.Errorf("found %v, want %v", found, want)
	}
	for _, item := range m.Items {
		if item.Kind != "Deployment" && item.Kind != "Job" {
			continue
		}
		pod := item.Spec.Template.Spec
		name := item.Metadata.Name
		if !pod.SecurityContext.RunAsNonRoot || len(pod.Containers) != 1 {
			t.Fatalf("%s: not as non-root, or %d containers", name, len(pod.Containers))
		}
		c := pod.Containers[0]
		if !pinned.MatchString(c.Image) || !c.SecurityContext.ReadOnlyRootFilesystem || c.SecurityContext.AllowPrivilegeEscalation == nil || c.Resources.Limits["memory"] == "" {
			t.Errorf("%s: image %s, security %+v, resources %+v", name, c.Image, c.SecurityContext, c.Resources)
		}
		env := maps.Clone(shared)
		for _, e := range c.Env {
			secret, ok := secrets[e.ValueFrom.SecretKeyRef.Key]
			if !ok || e.Value != "" {
				t.Errorf("%s: %s does not come from the secret", name, e.Name)
			}
			env[e.Name] = secret
		}
		cfg := settings(t, name, env, c.Args)
		if item.Kind == "Job" {
			continue
		}
		if item.Spec.Replicas != 2 || c.ReadinessProbe == nil || c.ReadinessProbe.HTTPGet.Path != "/readyz" || c.LivenessProbe == nil || c.LivenessProbe.HTTPGet.Path != "/healthz" {
			t.Errorf("%s: %d replicas, probes %+v %+v", name, item.Spec.Replicas, c.ReadinessProbe, c.LivenessProbe)
		}
		if !slices.ContainsFunc(c.Ports, func(p struct{ Name string }) bool { return p.Name == c.ReadinessProbe.HTTPGet.Port }) {
			t.Errorf("%s: the probe asks port %s, which the container does not name", name, c.ReadinessProbe.HTTPGet.Port)
		}
		if time.Duration(pod.Grace)*time.Second <= cfg.ShutdownGrace {
			t.Errorf("%s is killed before its grace of %s ends", name, cfg.ShutdownGrace)
		}
		if _, tag, _ := strings.Cut(c.Image, ":"); c.Args[0] == "worker" && cfg.Worker.BuildID != tag {
			t.Errorf("%s: build %s in image %s", name, cfg.Worker.BuildID, c.Image)
		}
	}
}
