package config

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// checker collects faults; each names the key, where its value came from, the value and what is allowed.
type checker struct {
	c      *Config
	faults []error
}

func (k *checker) fault(key string, value any, allowed string) {
	where := ""
	if s := k.c.Source(key); s != "default" {
		where = " (" + s + ")"
	}
	k.faults = append(k.faults, fmt.Errorf("%s%s: %q is not allowed; %s", key, where, fmt.Sprint(value), allowed))
}

func (k *checker) atLeast(key string, value, least int64, unit string) {
	if value < least {
		k.fault(key, value, fmt.Sprintf("use %d or more%s", least, unit))
	}
}

// Validate reports every fault of the settings at once.
func (c *Config) Validate() error {
	k := &checker{c: c}
	k.allowed(reflect.ValueOf(*c), "")
	k.durations(reflect.ValueOf(*c), "")
	for key, addr := range map[string]string{"http.addr": c.HTTP.Addr, "temporal.addr": c.Temporal.Addr, "ui.addr": c.UI.Addr} {
		k.addr(key, addr)
	}
	for key, addr := range map[string]string{"metrics.addr": c.Metrics.Addr, "worker.health_addr": c.Worker.HealthAddr} {
		if addr != "" {
			k.addr(key, addr)
		}
	}
	if c.DataDir == "" && !c.Ephemeral {
		k.fault("data_dir", "", "name a folder, or set ephemeral")
	}
	for key, d := range map[string]time.Duration{"translation.interval": c.Translation.Interval, "translation.margin": c.Translation.Margin,
		"translation.combining_interval": c.Translation.CombiningInterval} {
		if d < time.Minute || d%time.Minute != 0 {
			k.fault(key, d, "use whole minutes, 1m or more")
		}
	}
	if !KnownTimeZone(c.Translation.TimeZone) {
		k.fault("translation.time_zone", c.Translation.TimeZone, "write it as Europe/Berlin or UTC")
	}
	if c.Translation.UnmappedFields && c.Translation.Target != "9.x" {
		k.fault("translation.unmapped_fields", c.Translation.UnmappedFields, "set translation.target to 9.x, or leave it off: "+c.Translation.Target+" does not know SET unmapped_fields and refuses every query with it")
	}
	if c.Temporal.Namespace == "" {
		k.fault("temporal.namespace", "", "name a namespace")
	}
	for _, h := range c.HTTP.Hosts {
		if h == "" || strings.ContainsAny(h, "/ *:") {
			k.fault("http.hosts", h, "use a plain host name without scheme, port or wildcard")
		}
	}
	if c.HTTP.BasePath != "" && !basePathForm.MatchString(c.HTTP.BasePath) {
		k.fault("http.base_path", c.HTTP.BasePath, "begin it with a slash, end it without one, and use letters, digits, '-', '_' and '.' between slashes, such as /soc/rulebridge")
	}
	if !c.Auth.Enabled() && !IsLoopback(c.HTTP.Addr) {
		k.fault("http.addr", c.HTTP.Addr, "without auth.users or auth.api_keys only a loopback address may be bound, such as 127.0.0.1:8080")
	}
	k.atLeast("migration.batch", int64(c.Migration.Batch), 1, " rules")
	if c.Migration.Batch > 1000 {
		k.fault("migration.batch", c.Migration.Batch, "use at most 1000 rules")
	}
	k.atLeast("migration.outage_failures", int64(c.Migration.OutageFailures), 1, "")
	k.atLeast("worker.activities", int64(c.Worker.Activities), 1, "")
	k.atLeast("worker.eager", int64(c.Worker.Eager), -1, "")
	k.atLeast("worker.sticky_cache", int64(c.Worker.StickyCache), 0, "")
	if (c.Worker.Deployment == "") != (c.Worker.BuildID == "") {
		k.fault("worker.build_id", c.Worker.BuildID, "worker.deployment and worker.build_id go together: set both or none")
	}
	for _, q := range c.Worker.Queues {
		if q != "migrations" && !strings.HasPrefix(q, "llm-") {
			k.fault("worker.queues", q, "use migrations or llm-<connector id>")
		}
	}
	l := c.Limits
	for key, n := range map[string]int64{
		"limits.body": int64(l.Body), "limits.import": int64(l.Import), "limits.query": int64(l.Query), "limits.title": int64(l.Title),
		"limits.description": int64(l.Description), "limits.rules": int64(l.Rules), "limits.resources": int64(l.Resources),
	} {
		k.atLeast(key, n, 1, "")
	}
	k.elasticsearch()
	k.assistant()
	k.connectors()
	k.kibanas()
	k.auth()
	k.codec()
	slices.SortFunc(k.faults, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(k.faults...)
}

// indexForm is an index pattern that can mean nothing but indices of this cluster: no exclusion, no remote cluster, no
// date math, and not everything.
var indexForm = regexp.MustCompile(`^\.?[a-z0-9][a-z0-9._*-]*$`)

// basePathForm is a path of plain parts, none of which a client or proxy would resolve.
var basePathForm = regexp.MustCompile(`^(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$`)

// IsIndexPattern reports whether a text is an index pattern that questions may name.
func IsIndexPattern(p string) bool {
	return len(p) <= 255 && indexForm.MatchString(p) && p != "_all" && !strings.Contains(p, "..")
}

func (k *checker) assistant() {
	for _, p := range k.c.Assistant.IndexPatterns {
		if !IsIndexPattern(p) {
			k.fault("assistant.index_patterns", p, "use patterns of indices of this cluster, such as .alerts-security.alerts-*")
		}
	}
	if k.c.Assistant.Alerts == "elasticsearch" && len(k.c.Elasticsearch.URLs) == 0 {
		k.fault("assistant.alerts", k.c.Assistant.Alerts, "set elasticsearch.urls too")
	}
}

// ValidateEmbedded checks what matters only where the Temporal server runs in this process: it has no authentication of
// its own, so it stays on loopback.
func (c *Config) ValidateEmbedded() error {
	k := &checker{c: c}
	for key, addr := range map[string]string{"temporal.addr": c.Temporal.Addr, "ui.addr": c.UI.Addr} {
		if !IsLoopback(addr) {
			k.fault(key, addr, "the embedded Temporal server has no authentication: use a loopback address such as 127.0.0.1")
		}
	}
	if c.Store.Kind != "sqlite" {
		k.fault("store.kind", c.Store.Kind, "the embedded mode keeps its data in sqlite")
	}
	return errors.Join(k.faults...)
}

// IsLoopback reports whether a host:port can be reached from this machine only.
func IsLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func (k *checker) addr(key, addr string) {
	_, port, err := net.SplitHostPort(addr)
	n, perr := strconv.Atoi(port)
	if err != nil || perr != nil || n < 0 || n > 65535 {
		k.fault(key, addr, "use host:port, such as 127.0.0.1:8080")
	}
}

// allowed checks every key that has a closed set of values.
func (k *checker) allowed(v reflect.Value, prefix string) {
	for _, f := range keysOf(v.Type()) {
		name, value := join(prefix, f.name), v.Field(f.index)
		switch {
		case isSection(f.typ):
			k.allowed(value, name)
		case f.typ.Kind() == reflect.Slice && isSection(f.typ.Elem()):
			for i := range value.Len() {
				k.allowed(value.Index(i), fmt.Sprintf("%s[%d]", name, i))
			}
		case f.allowed != nil && !slices.Contains(f.allowed, value.String()):
			k.fault(name, value, "use "+oneOf(f.allowed))
		}
	}
}

// durations refuses negative ones.
func (k *checker) durations(v reflect.Value, prefix string) {
	for _, f := range keysOf(v.Type()) {
		name, value := join(prefix, f.name), v.Field(f.index)
		switch {
		case isSection(f.typ):
			k.durations(value, name)
		case f.typ.Kind() == reflect.Slice && isSection(f.typ.Elem()):
			for i := range value.Len() {
				k.durations(value.Index(i), fmt.Sprintf("%s[%d]", name, i))
			}
		case typeName(f.typ) == "duration" && value.Int() < 0:
			k.fault(name, value, "use 0s or more")
		}
	}
}

var indexPrefix = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,100}$`)

func (k *checker) elasticsearch() {
	e := k.c.Elasticsearch
	if k.c.Store.Kind == "elasticsearch" && len(e.URLs) == 0 {
		k.fault("elasticsearch.urls", "", "store.kind elasticsearch needs the address of at least one node")
	}
	for _, u := range e.URLs {
		k.url("elasticsearch.urls", u)
	}
	if e.APIKey != "" && e.Username != "" {
		k.fault("elasticsearch.username", e.Username, "set api_key or username, not both")
	}
	k.atLeast("elasticsearch.max_retries", int64(e.MaxRetries), 0, "")
	k.atLeast("elasticsearch.shards", int64(e.Shards), 1, "")
	if e.Refresh < time.Millisecond {
		k.fault("elasticsearch.refresh_interval", e.Refresh, "use 1ms or more")
	}
	if !indexPrefix.MatchString(e.Prefix) {
		k.fault("elasticsearch.prefix", e.Prefix, "use lower-case letters, digits, '.', '_' and '-', a letter or digit first")
	}
}

func (k *checker) url(key, s string) {
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil {
		if u != nil && u.User != nil {
			s = redacted
		}
		k.fault(key, s, "use http(s)://host:port, without credentials")
	}
}

// kibanaName is what a Kibana may be called: the name stands in ids of workflows and in paths.
var kibanaName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// keyedURL checks an address that requests with a key go to.
func (k *checker) keyedURL(at, address string, allowHTTP bool) {
	k.url(at, address)
	if u, err := url.Parse(address); err == nil && u.Scheme == "http" && u.Host != "" && !allowHTTP && !loopbackHost(u.Hostname()) {
		k.fault(at, address, "the key would go over the network unencrypted: use https, or set allow_http")
	}
}

func (k *checker) kibanas() {
	seen := map[string]bool{}
	for i, x := range k.c.Kibanas {
		at := fmt.Sprintf("kibanas[%d].", i)
		switch {
		case !kibanaName.MatchString(x.Name):
			k.fault(at+"name", x.Name, "use 1 to 63 small letters, digits and hyphens")
		case seen[x.Name]:
			k.fault(at+"name", x.Name, "each name may stand once")
		}
		seen[x.Name] = true
		k.keyedURL(at+"url", x.URL, x.AllowHTTP)
		if x.Elasticsearch != "" {
			k.keyedURL(at+"elasticsearch", x.Elasticsearch, x.AllowHTTP)
		}
		if (x.APIKeyEnv == "") == (x.APIKeyFile == "") {
			k.fault(at+"api_key_env", x.APIKeyEnv, "set one of api_key_env and api_key_file, which say where the key is")
		}
		if strings.ContainsAny(x.Space, "/?# ") {
			k.fault(at+"space", x.Space, "use the space's identifier, such as soc")
		}
	}
}

func loopbackHost(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (k *checker) connectors() {
	seen := map[string]bool{}
	for i, x := range k.c.Connectors {
		at := fmt.Sprintf("connectors[%d].", i)
		switch {
		case x.ID == "":
			k.fault(at+"id", "", "every connector needs an id")
		case strings.ContainsFunc(x.ID, func(r rune) bool { return r <= ' ' || r == 0x7f }):
			k.fault(at+"id", x.ID, "use an id without spaces and control characters")
		case len(x.ID) > 200:
			k.fault(at+"id", x.ID[:20]+"…", "use at most 200 characters")
		case seen[x.ID]:
			k.fault(at+"id", x.ID, "each id may stand once")
		}
		seen[x.ID] = true
		if x.ID == DeterministicID && x.Kind != KindDeterministic {
			k.fault(at+"kind", x.Kind, "the connector named deterministic is of kind deterministic")
		}
		if x.ErrorRate < 0 || x.ErrorRate > 1 {
			k.fault(at+"error_rate", float64(x.ErrorRate), "use 0 to 1")
		}
		if x.Jitter.Share < 0 || x.Jitter.Share > 1 || x.Jitter.Absolute < 0 {
			k.fault(at+"jitter", x.Jitter, "use 0 to 1, 0% to 100%, or a duration")
		}
		if x.Rate < 0 {
			k.fault(at+"rate", x.Rate, "use 0 (no limit) or more calls a second")
		}
		for name, n := range map[string]int{"concurrency": x.Concurrency, "max_tokens": x.MaxTokens, "budget": x.Budget} {
			k.atLeast(at+name, int64(n), 0, "")
		}
		switch x.Kind {
		case KindOpenAI, KindAzure, KindOllama, KindAnthropic:
			if x.Model == "" {
				k.fault(at+"model", "", "kind "+x.Kind+" needs a model")
			}
			if x.URL != "" {
				k.url(at+"url", x.URL)
			} else if x.Kind == KindAzure || x.Kind == KindOllama {
				k.fault(at+"url", "", "kind "+x.Kind+" needs the address of the service")
			}
			if x.Kind != KindOllama && x.APIKey == "" {
				hint := "kind " + x.Kind + " needs a key: set api_key_env to the name of an environment variable that holds it"
				if x.APIKeyEnv != "" {
					hint = "the environment variable " + x.APIKeyEnv + " is empty or not set"
				}
				k.fault(at+"api_key", "", hint)
			}
		}
	}
	if k.c.Connector != "" && !seen[k.c.Connector] {
		k.fault("connector", k.c.Connector, "use one of the declared ids: "+k.ids())
	}
}

func (k *checker) ids() string {
	ids := make([]string, len(k.c.Connectors))
	for i, x := range k.c.Connectors {
		ids[i] = x.ID
	}
	return strings.Join(ids, ", ")
}

func (k *checker) auth() {
	a := k.c.Auth
	seen := map[string]bool{}
	for i, u := range a.Users {
		at := fmt.Sprintf("auth.users[%d].", i)
		if u.Name == "" || strings.Contains(u.Name, ":") || seen["user "+u.Name] {
			k.fault(at+"name", u.Name, "use a name once, not empty and without a colon")
		}
		seen["user "+u.Name] = true
		if _, err := bcrypt.Cost([]byte(u.PasswordHash.Reveal())); err != nil {
			k.fault(at+"password_hash", u.PasswordHash, "use a bcrypt hash, as htpasswd -nBC 12 NAME prints after the colon")
		}
	}
	for i, x := range a.APIKeys {
		at := fmt.Sprintf("auth.api_keys[%d].", i)
		if x.Name == "" || seen["key "+x.Name] {
			k.fault(at+"name", x.Name, "use a name once, and not an empty one")
		}
		seen["key "+x.Name] = true
		if h, err := hex.DecodeString(x.Hash.Reveal()); err != nil || len(h) != 32 {
			k.fault(at+"hash", x.Hash, "use the SHA-256 of the key in hexadecimal: printf %s KEY | sha256sum")
		}
	}
	if a.Rate < 0 {
		k.fault("auth.rate", a.Rate, "use 0 (no limit) or more requests a second")
	}
	if a.Rate > 0 {
		k.atLeast("auth.burst", int64(a.Burst), 1, "")
	}
	k.atLeast("auth.lockout_failures", int64(a.Failures), 1, "")
}

func (k *checker) codec() {
	seen := map[string]bool{}
	for i, x := range k.c.Codec.Keys {
		at := fmt.Sprintf("codec.keys[%d].", i)
		if x.ID == "" || seen[x.ID] {
			k.fault(at+"id", x.ID, "use an id once, and not an empty one")
		}
		seen[x.ID] = true
		if b, err := base64.StdEncoding.DecodeString(x.Key.Reveal()); err != nil || len(b) != 32 {
			k.fault(at+"key", x.Key, "use 32 bytes in base64: openssl rand -base64 32")
		}
	}
	if a := k.c.Codec.Active; a != "" && !seen[a] {
		k.fault("codec.active", a, "use the id of one of codec.keys")
	}
	if o := k.c.Codec.UIOrigin; o != "" {
		if u, err := url.Parse(o); err != nil || u.Host == "" || (u.Path != "" || u.RawQuery != "" || u.User != nil) {
			k.fault("codec.ui_origin", o, "use scheme and host alone, such as https://temporal.example.org")
		}
	}
}

func oneOf(values []string) string {
	if len(values) == 1 {
		return values[0]
	}
	return strings.Join(values[:len(values)-1], ", ") + " or " + values[len(values)-1]
}

// KnownTimeZone says that a time zone has a name that every machine knows it by (Europe/Berlin, UTC); the empty name is UTC.
func KnownTimeZone(name string) bool {
	_, err := time.LoadLocation(name)
	return err == nil && name != "Local"
}
