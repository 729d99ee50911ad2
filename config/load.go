package config

import (
	"errors"
	"fmt"
	"net"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-viper/mapstructure/v2"
	"github.com/spf13/pflag"
	"github.com/spf13/viper"
	"go.yaml.in/yaml/v3"
)

// flagKeys are the flags that set a key directly.
var flagKeys = map[string]string{
	"data-dir": "data_dir", "ephemeral": "ephemeral", "batch": "migration.batch", "pause": "migration.pause",
	"connector": "connector", "log-level": "log.level", "time-zone": "translation.time_zone",
	"queues": "worker.queues", "health-addr": "worker.health_addr", "deployment": "worker.deployment", "build-id": "worker.build_id",
}

// portFlags change the port of an address and leave its host.
var portFlags = map[string]string{"http-port": "http.addr", "temporal-port": "temporal.addr", "ui-port": "ui.addr"}

// Flags defines the flags that Load reads.
func Flags(fs *pflag.FlagSet) {
	d := Default(nil)
	fs.String("config", "", "YAML file with settings (or "+EnvPrefix+"CONFIG)")
	fs.Int("http-port", 8080, "port of the gateway")
	fs.Int("temporal-port", 7233, "port of the embedded Temporal frontend")
	fs.Int("ui-port", 8233, "port of the embedded Temporal Web UI")
	fs.String("data-dir", "", "folder of the databases (default: rulebridge in the user's data directory)")
	fs.Bool("ephemeral", false, "keep everything in memory")
	fs.Int("batch", d.Migration.Batch, "rules claimed at once, and most rules in flight")
	fs.Duration("pause", d.Migration.Pause, "pause between batches; 0s for a sliding window without pauses")
	fs.String("connector", d.Connector, "id of the connector to use")
	fs.String("time-zone", "", "time zone of Splunk's search head, such as Europe/Berlin (default: UTC, with a note where it matters)")
	fs.String("log-level", d.Log.Level, "debug, info, warn or error")
}

// WorkerFlags defines those that only a worker has.
func WorkerFlags(fs *pflag.FlagSet) {
	w := Default(nil).Worker
	fs.StringSlice("queues", nil, "task queues to serve: migrations, llm-<connector> (default: all)")
	fs.String("health-addr", w.HealthAddr, "where /healthz, /readyz and /metrics are served, host:port; empty: nowhere")
	fs.String("deployment", "", "worker deployment name; with --build-id it turns worker versioning on")
	fs.String("build-id", "", "build id of this worker in its deployment")
}

// Load reads flags (may be nil), env (NAME=value, as os.Environ gives) and the file (may be empty: then --config or
// RULEBRIDGE_CONFIG name it, if anything does), checks all of it and reports every fault at once.
func Load(flags *pflag.FlagSet, file string, env []string) (Config, error) {
	get := lookup(env)
	cfg := Default(env)
	cfg.sources = map[string]string{}
	if file == "" && flags != nil && flags.Lookup("config") != nil {
		file, _ = flags.GetString("config")
	}
	if file == "" {
		file, _ = get(EnvPrefix + "CONFIG")
	}

	v := viper.New()
	var faults []error
	if file != "" {
		values, err := readFile(file, cfg.sources)
		if err != nil {
			return Config{}, err
		}
		if err := v.MergeConfigMap(values); err != nil {
			return Config{}, fmt.Errorf("reading %s: %w", file, err)
		}
	}
	values, warnings, err := readEnv(env, cfg.sources)
	if err != nil {
		faults = append(faults, err)
	}
	cfg.Warnings = warnings
	if err := v.MergeConfigMap(values); err != nil {
		return Config{}, fmt.Errorf("reading the environment: %w", err)
	}
	if flags != nil {
		for name, key := range flagKeys {
			if f := flags.Lookup(name); f != nil && f.Changed {
				if err := v.BindPFlag(key, f); err != nil {
					return Config{}, fmt.Errorf("reading --%s: %w", name, err)
				}
				cfg.sources[key] = "--" + name
			}
		}
	}
	if err := v.Unmarshal(&cfg, func(dc *mapstructure.DecoderConfig) {
		dc.DecodeHook = mapstructure.ComposeDecodeHookFunc(decodeValue)
		dc.WeaklyTypedInput = true
	}); err != nil {
		faults = append(faults, cfg.explain(err)...)
		return Config{}, errors.Join(faults...)
	}
	if flags != nil {
		if err := cfg.applyPorts(flags); err != nil {
			faults = append(faults, err)
		}
	}
	cfg.resolve(get)
	faults = append(faults, cfg.Validate())
	if err := errors.Join(faults...); err != nil {
		return Config{}, err
	}
	return cfg, nil
}

func (c *Config) applyPorts(flags *pflag.FlagSet) error {
	addrs := map[string]*string{"http.addr": &c.HTTP.Addr, "temporal.addr": &c.Temporal.Addr, "ui.addr": &c.UI.Addr}
	var faults []error
	for name, key := range portFlags {
		f := flags.Lookup(name)
		if f == nil || !f.Changed {
			continue
		}
		port, err := strconv.Atoi(f.Value.String())
		if err != nil || port < 0 || port > 65535 {
			faults = append(faults, fmt.Errorf("--%s: %s is no port; use 0 (any free one) to 65535", name, f.Value))
			continue
		}
		host, _, err := net.SplitHostPort(*addrs[key])
		if err != nil {
			continue // Validate names the bad address
		}
		*addrs[key] = net.JoinHostPort(host, strconv.Itoa(port))
		c.sources[key] = "--" + name
	}
	return errors.Join(faults...)
}

// resolve fills in what is implied: the connector that is always there, and secrets kept in the environment.
func (c *Config) resolve(get func(string) (string, bool)) {
	if _, ok := c.ConnectorByID(DeterministicID); !ok {
		c.Connectors = append(c.Connectors, Connector{ID: DeterministicID, Kind: KindDeterministic}) // last: faults name the places in the file
	}
	for i := range c.Connectors {
		k := &c.Connectors[i]
		if k.APIKey == "" && k.APIKeyEnv != "" {
			value, _ := get(k.APIKeyEnv)
			k.APIKey = Secret(value)
		}
	}
	for i := range c.Kibanas {
		k := &c.Kibanas[i]
		if k.APIKeyEnv != "" {
			value, _ := get(k.APIKeyEnv)
			k.APIKey = Secret(value)
		}
	}
	for i := range c.Codec.Keys {
		k := &c.Codec.Keys[i]
		if k.Key == "" && k.KeyEnv != "" {
			value, _ := get(k.KeyEnv)
			k.Key = Secret(value)
		}
	}
}

// readFile parses the file and checks its keys; sources gets the line of each.
func readFile(file string, sources map[string]string) (map[string]any, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("%s is no valid YAML: %w", file, err)
	}
	values := map[string]any{}
	if len(doc.Content) == 0 {
		return values, nil
	}
	if err := checkKeys(doc.Content[0], reflect.TypeFor[Config](), "", file, sources); err != nil {
		return nil, err
	}
	if err := doc.Content[0].Decode(&values); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return values, nil
}

// checkKeys walks the file beside the type it is to fill; unknown and repeated keys are faults with their line.
func checkKeys(n *yaml.Node, t reflect.Type, path, file string, sources map[string]string) error {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if path != "" {
		sources[path] = fmt.Sprintf("%s:%d", file, n.Line)
	}
	switch {
	case n.Kind == yaml.ScalarNode && n.Tag == "!!null":
		return nil // a key without a value keeps the default
	case isSection(t):
		if n.Kind != yaml.MappingNode {
			return fmt.Errorf("%s:%d: %s must hold keys and values", file, n.Line, orTop(path))
		}
		fields := keysOf(t)
		var faults []error
		for i := 0; i+1 < len(n.Content); i += 2 {
			name := n.Content[i]
			j := slices.IndexFunc(fields, func(f field) bool { return strings.EqualFold(f.name, name.Value) })
			if j < 0 {
				faults = append(faults, fmt.Errorf("%s:%d: unknown key %q; known here: %s",
					file, name.Line, join(path, name.Value), names(fields)))
				continue
			}
			faults = append(faults, checkKeys(n.Content[i+1], fields[j].typ, join(path, fields[j].name), file, sources))
		}
		return errors.Join(faults...)
	case t.Kind() == reflect.Slice && isSection(t.Elem()):
		if n.Kind != yaml.SequenceNode {
			return fmt.Errorf("%s:%d: %s must be a list", file, n.Line, path)
		}
		var faults []error
		for i, e := range n.Content {
			faults = append(faults, checkKeys(e, t.Elem(), fmt.Sprintf("%s[%d]", path, i), file, sources))
		}
		return errors.Join(faults...)
	}
	return nil
}

// readEnv takes the variables that belong to a key. Lists of sections (connectors) are given as YAML or JSON text.
func readEnv(env []string, sources map[string]string) (map[string]any, []string, error) {
	byName := map[string]Key{}
	for _, k := range Keys() {
		if !strings.Contains(k.Name, "[]") {
			byName[k.Env()] = k
		}
	}
	values := map[string]any{}
	var warnings []string
	var faults []error
	for _, kv := range env {
		name, value, _ := strings.Cut(kv, "=")
		if !strings.HasPrefix(name, EnvPrefix) || name == EnvPrefix+"CONFIG" {
			continue
		}
		k, ok := byName[name]
		if !ok {
			if !strings.HasPrefix(name, EnvPrefix+"DATA") && !strings.HasPrefix(name, EnvPrefix+"TEST") {
				warnings = append(warnings, "environment variable "+name+" belongs to no key and is ignored")
			}
			continue
		}
		var parsed any = value
		if k.typ.Kind() == reflect.Slice {
			var list []any
			if strings.HasPrefix(strings.TrimSpace(value), "[") || isSection(k.typ.Elem()) {
				var doc yaml.Node
				err := yaml.Unmarshal([]byte(value), &doc)
				if err == nil && len(doc.Content) > 0 {
					if err = checkKeys(doc.Content[0], k.typ, k.Name, name, map[string]string{}); err == nil {
						err = doc.Content[0].Decode(&list)
					}
				}
				if err != nil {
					faults = append(faults, fmt.Errorf("%s: must be a list in YAML or JSON: %w", name, err))
					continue
				}
			} else {
				for part := range strings.SplitSeq(value, ",") {
					if part = strings.TrimSpace(part); part != "" {
						list = append(list, part)
					}
				}
			}
			parsed = list
		}
		set(values, k.Name, parsed)
		sources[k.Name] = name
	}
	slices.Sort(warnings)
	return values, warnings, errors.Join(faults...)
}

func set(m map[string]any, key string, value any) {
	for {
		head, rest, nested := strings.Cut(key, ".")
		if !nested {
			m[head] = value
			return
		}
		sub, ok := m[head].(map[string]any)
		if !ok {
			sub = map[string]any{}
			m[head] = sub
		}
		m, key = sub, rest
	}
}

// decodeValue turns what a file, variable or flag holds into the types of Config, refusing what would be read wrongly
// in silence, such as a duration without unit.
func decodeValue(from, to reflect.Type, data any) (any, error) {
	switch to {
	case reflect.TypeFor[time.Duration]():
		if d, ok := data.(time.Duration); ok {
			return d, nil
		}
		text := fmt.Sprint(data)
		d, err := time.ParseDuration(text)
		if err != nil {
			return nil, fmt.Errorf("%q is no duration; write a number with a unit, such as 500ms, 10s or 2m", text)
		}
		return d, nil
	case reflect.TypeFor[Bytes]():
		return ParseBytes(fmt.Sprint(data))
	case reflect.TypeFor[Fraction]():
		return parseFraction(fmt.Sprint(data))
	case reflect.TypeFor[Jitter]():
		var j Jitter
		err := j.UnmarshalText([]byte(fmt.Sprint(data)))
		return j, err
	case reflect.TypeFor[bool]():
		if s, ok := data.(string); ok {
			b, err := strconv.ParseBool(s)
			if err != nil {
				return nil, fmt.Errorf("%q is neither true nor false", s)
			}
			return b, nil
		}
		if _, ok := data.(bool); !ok {
			return nil, fmt.Errorf("%v is neither true nor false", data)
		}
	}
	switch to.Kind() {
	case reflect.Int, reflect.Int64:
		switch x := data.(type) {
		case string:
			n, err := strconv.ParseInt(strings.TrimSpace(x), 10, 64)
			if err != nil {
				return nil, fmt.Errorf("%q is no whole number", x)
			}
			return n, nil
		case int, int64, uint64:
		default:
			return nil, fmt.Errorf("%v is no whole number", data)
		}
	case reflect.String:
		switch data.(type) {
		case map[string]any, []any:
			return nil, errors.New("a single text is needed here")
		}
	}
	return data, nil
}

func lookup(env []string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for i := len(env) - 1; i >= 0; i-- {
			if k, v, ok := strings.Cut(env[i], "="); ok && k == name {
				return v, true
			}
		}
		return "", false
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func orTop(path string) string {
	if path == "" {
		return "the file"
	}
	return path
}
