// Package config is the one place where settings are read and checked. A value comes from, in this order, a command-line
// flag, the environment (RULEBRIDGE_<KEY>, dots as _), the file given with --config (YAML), or the default. Every key is a
// field of Config; its doc tag is its documentation (docs/configuration.md is generated from it).
package config

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"
)

// EnvPrefix starts the name of every environment variable that sets a key.
const EnvPrefix = "RULEBRIDGE_"

// Config is everything configurable. The zero value is not usable: Load fills in the defaults.
type Config struct {
	DataDir       string        `mapstructure:"data_dir" doc:"Folder of the databases (created with mode 0700) of dev, demo and migrate. Default: rulebridge in the user's data directory."`
	Ephemeral     bool          `mapstructure:"ephemeral" doc:"Keep everything in memory; data_dir is not touched."`
	Connector     string        `mapstructure:"connector" doc:"Id of the connector that demo and migrate use."`
	Schema        string        `mapstructure:"schema" doc:"YAML file that adds to or changes the mapping of data sources and fields."`
	ShutdownGrace time.Duration `mapstructure:"shutdown_grace" doc:"How long a worker or gateway finishes what it has begun after SIGTERM."`

	HTTP          HTTP          `mapstructure:"http"`
	Temporal      Temporal      `mapstructure:"temporal"`
	UI            UI            `mapstructure:"ui"`
	Worker        Worker        `mapstructure:"worker"`
	Store         Store         `mapstructure:"store"`
	Elasticsearch Elasticsearch `mapstructure:"elasticsearch"`
	Migration     Migration     `mapstructure:"migration"`
	Translation   Translation   `mapstructure:"translation"`
	Connectors    []Connector   `mapstructure:"connectors"`
	Kibanas       []Kibana      `mapstructure:"kibanas"`
	Features      Features      `mapstructure:"features"`
	Assistant     Assistant     `mapstructure:"assistant"`
	Limits        Limits        `mapstructure:"limits"`
	Auth          Auth          `mapstructure:"auth"`
	Codec         Codec         `mapstructure:"codec"`
	Metrics       Metrics       `mapstructure:"metrics"`
	Log           Log           `mapstructure:"log"`

	// Warnings are remarks on the settings that are no errors, such as an environment variable no key belongs to.
	Warnings []string `mapstructure:"-" json:"-"`

	sources map[string]string
}

// HTTP is the gateway.
type HTTP struct {
	Addr           string        `mapstructure:"addr" doc:"Where the gateway listens, host:port. --http-port changes the port alone. An address that is not loopback needs auth.users or auth.api_keys."`
	Hosts          []string      `mapstructure:"hosts" doc:"Host names, besides loopback ones, that requests may carry in their Host header; others get 421."`
	BasePath       string        `mapstructure:"base_path" doc:"Path that every route of the gateway stands beneath, such as /soc/rulebridge, for a proxy that serves other things too; the proxy passes it on. Empty: none. Commands take it in --url, probes in their path; rulebridge health reads it."`
	TrustedProxies []string      `mapstructure:"trusted_proxies" doc:"Addresses or networks (10.0.0.0/8) of the proxies in front of the gateway. Only what they say in X-Forwarded-For is believed: lockout and audit then count the caller's address instead of the proxy's."`
	ReadTimeout    time.Duration `mapstructure:"read_timeout" doc:"Longest time to read one request, body included."`
	WriteTimeout   time.Duration `mapstructure:"write_timeout" doc:"Longest time one piece of an answer may take to be written; a streamed list gets it anew for each page."`
	IdleTimeout    time.Duration `mapstructure:"idle_timeout" doc:"How long an idle connection is kept."`
}

// Temporal is where the Temporal frontend is.
type Temporal struct {
	Addr      string `mapstructure:"addr" doc:"Where the embedded Temporal frontend listens (loopback only), and where api and worker look for a cluster unless TEMPORAL_ADDRESS is set, host:port. --temporal-port changes the port alone."`
	Namespace string `mapstructure:"namespace" doc:"Temporal namespace, unless TEMPORAL_NAMESPACE is set."`
}

// UI is the embedded Temporal Web UI.
type UI struct {
	Addr string `mapstructure:"addr" doc:"Where the embedded Temporal Web UI listens (loopback only), host:port. --ui-port changes the port alone."`
}

// Worker is one worker process.
type Worker struct {
	Queues      []string `mapstructure:"queues" doc:"Task queues the worker serves: migrations, and llm-<connector> for the calls of one model. Empty: all."`
	Activities  int      `mapstructure:"activities" doc:"Most activities at once in one worker."`
	Eager       int      `mapstructure:"eager" doc:"Activities a workflow task may start on its own worker without a round trip: -1 takes 50 in one process and 3 on a cluster."`
	Deployment  string   `mapstructure:"deployment" doc:"Worker deployment name; with build_id it turns worker versioning on."`
	BuildID     string   `mapstructure:"build_id" doc:"Build id of this worker in its deployment."`
	HealthAddr  string   `mapstructure:"health_addr" doc:"Where a worker process answers /healthz, /readyz and /metrics, host:port; empty: nowhere."`
	StickyCache int      `mapstructure:"sticky_cache" doc:"Workflows kept in memory between tasks."`
	Isolate     bool     `mapstructure:"isolate" doc:"Compile rules in processes of their own, one for each processor, so that a rule that takes its process down takes nothing else down. false compiles in the worker itself."`
}

// Store says which store holds migrations.
type Store struct {
	Kind string `mapstructure:"kind" allowed:"sqlite|elasticsearch" doc:"Where migrations are kept. sqlite: a file in data_dir, for one machine; several gateways and workers there may share it. elasticsearch: for many machines."`
}

// Elasticsearch is the connection of the store, of query verification and of prebuilt rules.
type Elasticsearch struct {
	URLs       []string      `mapstructure:"urls" doc:"Addresses of the nodes, https://host:9200."`
	APIKey     Secret        `mapstructure:"api_key" doc:"API key, encoded as Kibana shows it. Excludes username."`
	Username   string        `mapstructure:"username" doc:"Basic credentials."`
	Password   Secret        `mapstructure:"password" doc:"Basic credentials."`
	CAFile     string        `mapstructure:"ca_file" doc:"PEM file with the authority that signed the nodes' certificates."`
	Timeout    time.Duration `mapstructure:"timeout" doc:"Longest time for one request."`
	MaxRetries int           `mapstructure:"max_retries" doc:"Further attempts after 429, 502, 503 or 504, with back-off and jitter."`
	Prefix     string        `mapstructure:"prefix" doc:"Begins the names of all indices and templates. Another one is another store."`
	Shards     int           `mapstructure:"shards" doc:"Primary shards of each index that setup creates; it cannot be changed later."`
	Refresh    time.Duration `mapstructure:"refresh_interval" doc:"How soon lists show what was written; what decides something never waits for it."`
}

// Migration is what a migration runs with unless its start says otherwise.
type Migration struct {
	Batch          int           `mapstructure:"batch" doc:"Rules claimed at once, and most rules in flight."`
	Pause          time.Duration `mapstructure:"pause" doc:"Durable pause between batches. 0s: no barrier, a window of batch rules slides on."`
	Shutdown       string        `mapstructure:"shutdown" allowed:"pause|stop" doc:"What SIGTERM of dev does with running migrations: pause resumes them at the next start, stop does not."`
	Heartbeat      time.Duration `mapstructure:"heartbeat" doc:"Heartbeat timeout of activities; 0s: each profile's own."`
	StartToClose   time.Duration `mapstructure:"start_to_close" doc:"Longest time for one attempt of an activity; 0s: each profile's own."`
	OutageFailures int           `mapstructure:"outage_failures" doc:"Consecutive transient failures of store or connector that park a migration."`
	OutageAfter    time.Duration `mapstructure:"outage_after" doc:"Duration of an outage that parks a migration."`
}

// Translation is what the drafts of all rules have in common.
type Translation struct {
	TimeZone          string        `mapstructure:"time_zone" doc:"Time zone of Splunk's search head, such as Europe/Berlin: hours, weekdays, days and texts without a zone go by it. Empty: UTC, with a note where it matters. See docs/schedules.md. --time-zone sets it."`
	Target            string        `mapstructure:"target" allowed:"8.19|9.x" doc:"Elasticsearch that drafts are written for. 8.19: they run on 9.x too. 9.x: they use what 9 adds, and 8.19 refuses those."`
	UnmappedFields    bool          `mapstructure:"unmapped_fields" doc:"Let a draft for 9.x read a field that no index maps as null, with SET unmapped_fields, so that Elasticsearch does not refuse it where an integration or an event is missing. In preview since Elasticsearch 9.4; needs target 9.x."`
	Interval          time.Duration `mapstructure:"interval" doc:"Time between two runs of a rule whose rows are events and whose source gives no schedule; whole minutes."`
	Margin            time.Duration `mapstructure:"margin" doc:"How much further back than the interval each run of such a rule looks, for events that arrive late; whole minutes."`
	CombiningInterval time.Duration `mapstructure:"combining_interval" doc:"Interval and look-back of a rule whose rows combine several events (stats, dedup and their like) and whose source gives neither; whole minutes. Its runs do not overlap."`
}

// Kinds of connectors.
const (
	KindDeterministic = "deterministic"
	KindSimulated     = "simulated"
	KindOpenAI        = "openai"
	KindAzure         = "azure"
	KindOllama        = "ollama"
	KindAnthropic     = "anthropic"

	// DeterministicID is the connector that is always there.
	DeterministicID = "deterministic"
)

// Connector is one way to translate what the compiler leaves open.
type Connector struct {
	ID   string `mapstructure:"id" doc:"The id that start requests name (connectorId). deterministic is always there and needs no declaration."`
	Kind string `mapstructure:"kind" allowed:"deterministic|simulated|openai|azure|ollama|anthropic" doc:"deterministic: the compiler alone. simulated: exactly one made-up model call a rule, for tests and benchmarks. The rest: a model for what the compiler leaves open."`

	Latency   time.Duration `mapstructure:"latency" doc:"simulated: mean time of a call."`
	Jitter    Jitter        `mapstructure:"jitter" doc:"simulated: spread of the latency around its mean, as a fraction (0.5), a percentage (50%) or a duration (1s)."`
	ErrorRate Fraction      `mapstructure:"error_rate" doc:"simulated: share of calls that fail for a passing reason, as a fraction or a percentage."`
	Seed      int64         `mapstructure:"seed" doc:"simulated: seed of latencies and errors."`

	Model       string        `mapstructure:"model" doc:"Model name; for azure the deployment's name."`
	URL         string        `mapstructure:"url" doc:"Base URL of the service; needed for azure and ollama."`
	APIVersion  string        `mapstructure:"api_version" doc:"azure: API version."`
	APIKey      Secret        `mapstructure:"api_key" doc:"Key of the service. Better kept out of files: api_key_env."`
	APIKeyEnv   string        `mapstructure:"api_key_env" doc:"Environment variable that holds the key."`
	Rate        float64       `mapstructure:"rate" doc:"Most calls a second over all workers; 0: no limit."`
	Concurrency int           `mapstructure:"concurrency" doc:"Most calls at once in one worker; 0: worker.activities."`
	Timeout     time.Duration `mapstructure:"timeout" doc:"Longest time for one call; 0s: 2m."`
	MaxTokens   int           `mapstructure:"max_tokens" doc:"Most tokens of one answer; 0: the service's default."`
	Temperature float64       `mapstructure:"temperature" doc:"Sampling temperature."`
	Budget      int           `mapstructure:"budget" doc:"Most calls of one migration; when they are used up it parks. Also the most calls of one question about alerts. 0: no limit."`
}

// Kibana is a place that rules can be installed in. Requests and histories name it; address and key stay here.
type Kibana struct {
	Name       string `mapstructure:"name" doc:"What rulebridge install --kibana names: small letters, digits and hyphens."`
	URL        string `mapstructure:"url" doc:"Its address with base path, without credentials. https, or http on loopback. Redirects are not followed."`
	Space      string `mapstructure:"space" doc:"Space that the rules are installed in; empty: the default one."`
	APIKeyEnv  string `mapstructure:"api_key_env" doc:"Environment variable that holds the API key, encoded as Kibana shows it. The processes that install (worker, dev) and that plan (api, dev) need it."`
	APIKeyFile string `mapstructure:"api_key_file" doc:"File that holds the API key instead; it is read for each request."`
	// Elasticsearch is where lookup indices are created.
	Elasticsearch string        `mapstructure:"elasticsearch" doc:"Address of the Elasticsearch behind it, which takes the same key: there an installation creates lookup indices that rules join with. Empty: it names them, and they are created by hand."`
	CAFile        string        `mapstructure:"ca_file" doc:"PEM file with the authority that signed its certificate."`
	AllowHTTP     bool          `mapstructure:"allow_http" doc:"Let the key go over http to an address that is not loopback."`
	Timeout       time.Duration `mapstructure:"timeout" doc:"Longest time for one request; 0s: 30s."`

	// APIKey is what APIKeyEnv holds.
	APIKey Secret `mapstructure:"-" json:"-"`
}

// Features are the seed's feature flags. A feature that is off has no routes and installs no index.
type Features struct {
	SIEMMigrations bool `mapstructure:"siemMigrationsEnabled" doc:"Rule migrations. Off: the routes under /internal/siem_migrations are not registered."`
	AssistantRAG   bool `mapstructure:"assistantRagOnAlerts" doc:"The assistant over alerts. Off: its routes are not registered."`
}

// Assistant is what questions about alerts may read.
type Assistant struct {
	Alerts        string   `mapstructure:"alerts" allowed:"auto|embedded|elasticsearch" doc:"Where alerts are read from. elasticsearch: the cluster of elasticsearch.urls, which is never written to. embedded: the alerts that rulebridge alerts import put into data_dir. auto: elasticsearch if elasticsearch.urls is set, embedded otherwise."`
	IndexPatterns []string `mapstructure:"index_patterns" doc:"Index patterns of alerts that a question may name, or narrower ones; others get 403."`
}

// FromElasticsearch reports whether alerts are read from a cluster.
func (c Config) FromElasticsearch() bool {
	return c.Assistant.Alerts == "elasticsearch" || c.Assistant.Alerts == "auto" && len(c.Elasticsearch.URLs) > 0
}

// Limits bound what one request may carry.
type Limits struct {
	Body        Bytes `mapstructure:"body" doc:"Largest request body."`
	Import      Bytes `mapstructure:"import" doc:"Largest upload of files to import."`
	Query       Bytes `mapstructure:"query" doc:"Longest query of a rule."`
	Title       Bytes `mapstructure:"title" doc:"Longest title of a rule."`
	Description Bytes `mapstructure:"description" doc:"Longest description of a rule."`
	Rules       int   `mapstructure:"rules" doc:"Most rules in one request."`
	Resources   int   `mapstructure:"resources" doc:"Most macros and lookups in one request."`
}

// Auth is who may call the gateway. Without users and keys there is no authentication, and only loopback may be bound.
type Auth struct {
	Users    []User        `mapstructure:"users"`
	APIKeys  []APIKey      `mapstructure:"api_keys"`
	Rate     float64       `mapstructure:"rate" doc:"Requests a second of one user or key at one gateway; 0: no limit. Without authentication there is none."`
	Burst    int           `mapstructure:"burst" doc:"Requests a client may make at once before the rate applies."`
	Failures int           `mapstructure:"lockout_failures" doc:"Failed logins of one name within lockout_window after which further ones are refused, at one gateway; one address may fail ten times as often."`
	Window   time.Duration `mapstructure:"lockout_window" doc:"See lockout_failures; the lockout lasts until the window that the first failure opened ends."`
}

// Roles, each with the rights of those before it.
const (
	RoleReader   = "reader"
	RoleOperator = "operator"
	RoleAdmin    = "admin"
)

// User has basic credentials.
type User struct {
	Name         string `mapstructure:"name" doc:"Login name."`
	PasswordHash Secret `mapstructure:"password_hash" doc:"bcrypt hash of the password (htpasswd -nBC 12 NAME)."`
	Role         string `mapstructure:"role" allowed:"reader|operator|admin" doc:"reader: GET. operator: writes too. admin: deletes too."`
}

// APIKey is sent as Authorization: ApiKey <key>.
type APIKey struct {
	Name string `mapstructure:"name" doc:"Name in the audit log."`
	Hash Secret `mapstructure:"hash" doc:"SHA-256 of the key in hexadecimal (printf %s KEY | sha256sum). Use keys of at least 32 random characters."`
	Role string `mapstructure:"role" allowed:"reader|operator|admin" doc:"reader: GET. operator: writes too. admin: deletes too."`
}

// Enabled reports whether anybody has to log in.
func (a Auth) Enabled() bool { return len(a.Users)+len(a.APIKeys) > 0 }

// Codec encrypts what histories hold.
type Codec struct {
	Keys     []CodecKey `mapstructure:"keys"`
	Active   string     `mapstructure:"active" doc:"Id of the key that encrypts; the others only decrypt. Empty: payloads are not encrypted."`
	UIOrigin string     `mapstructure:"ui_origin" doc:"Origin of the Temporal UI that may call /codec/decode, such as https://temporal.example.org."`
}

// CodecKey is one AES-256 key.
type CodecKey struct {
	ID     string `mapstructure:"id" doc:"Name of the key; stands beside each payload."`
	Key    Secret `mapstructure:"key" doc:"32 bytes in base64 (openssl rand -base64 32)."`
	KeyEnv string `mapstructure:"key_env" doc:"Environment variable that holds the key."`
}

// Metrics are for Prometheus.
type Metrics struct {
	Addr string `mapstructure:"addr" doc:"Where /metrics is served, host:port; empty: nowhere."`
}

// Log is the program's own log.
type Log struct {
	Level  string `mapstructure:"level" allowed:"debug|info|warn|error" doc:"Least level that is written."`
	Format string `mapstructure:"format" allowed:"auto|console|json" doc:"auto: console on a terminal, json otherwise."`
}

// Default are the settings when nothing is said. env is a list of NAME=value, used to find the user's data directory.
func Default(env []string) Config {
	return Config{
		DataDir:       defaultDataDir(lookup(env)),
		Connector:     DeterministicID,
		ShutdownGrace: 20 * time.Second,
		HTTP: HTTP{
			Addr: "127.0.0.1:8080", ReadTimeout: 2 * time.Minute, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
		},
		Temporal:      Temporal{Addr: "127.0.0.1:7233", Namespace: "default"},
		UI:            UI{Addr: "127.0.0.1:8233"},
		Worker:        Worker{Activities: 200, Eager: -1, StickyCache: 1000, Isolate: true, HealthAddr: "127.0.0.1:8081"},
		Store:         Store{Kind: "sqlite"},
		Translation:   Translation{Target: "8.19", Interval: 5 * time.Minute, Margin: 5 * time.Minute, CombiningInterval: time.Hour},
		Elasticsearch: Elasticsearch{Timeout: 30 * time.Second, MaxRetries: 5, Prefix: "rulebridge", Shards: 1, Refresh: 5 * time.Second},
		Migration: Migration{
			Batch: 50, Pause: 10 * time.Second, Shutdown: "pause", OutageFailures: 20, OutageAfter: 10 * time.Minute,
		},
		Features:  Features{SIEMMigrations: true, AssistantRAG: true},
		Assistant: Assistant{Alerts: "auto", IndexPatterns: []string{".alerts-security.alerts-*"}},
		Limits: Limits{
			Body: 64 << 20, Import: 256 << 20, Query: 256 << 10, Title: 1 << 10, Description: 64 << 10, Rules: 10_000, Resources: 10_000,
		},
		Auth: Auth{Rate: 500, Burst: 1000, Failures: 5, Window: 15 * time.Minute},
		Log:  Log{Level: "info", Format: "auto"},
	}
}

func defaultDataDir(get func(string) (string, bool)) string {
	if d, ok := get("XDG_DATA_HOME"); ok && filepath.IsAbs(d) {
		return filepath.Join(d, "rulebridge")
	}
	home, ok := get("HOME")
	if !ok || home == "" {
		home, _ = os.UserHomeDir()
	}
	switch runtime.GOOS {
	case "windows":
		if d, ok := get("LOCALAPPDATA"); ok && d != "" {
			return filepath.Join(d, "rulebridge")
		}
	case "darwin":
		return filepath.Join(home, "Library", "Application Support", "rulebridge")
	}
	if home == "" {
		return "rulebridge-data"
	}
	return filepath.Join(home, ".local", "share", "rulebridge")
}

// ConnectorByID finds a declared connector; deterministic is always there.
func (c Config) ConnectorByID(id string) (Connector, bool) {
	if i := slices.IndexFunc(c.Connectors, func(x Connector) bool { return x.ID == id }); i >= 0 {
		return c.Connectors[i], true
	}
	return Connector{}, false
}

// Source says where the value of a key came from: a flag, an environment variable, a place in the file, or "default".
func (c Config) Source(key string) string {
	if s, ok := c.sources[key]; ok {
		return s
	}
	return "default"
}

// Map is the configuration as nested maps under its keys, with secrets redacted, as the config command prints it.
func (c Config) Map() map[string]any {
	m, _ := toMap(c).(map[string]any)
	return m
}

// MarshalJSON writes the configuration under its keys, with secrets redacted.
func (c Config) MarshalJSON() ([]byte, error) { return json.Marshal(c.Map()) }
