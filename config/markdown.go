package config

import (
	"fmt"
	"strings"
)

// Markdown is the reference of all keys, as docs/configuration.md holds it.
func Markdown() string {
	var b strings.Builder
	b.WriteString(`# Configuration
<!-- Generated from config/config.go: go test ./config -run TestDocumentation -update -->
A value comes from, in this order: a command-line flag, the environment, the file given with ` + "`--config FILE`" + ` (YAML; or
` + "`RULEBRIDGE_CONFIG`" + `), the default. A key's environment variable is ` + "`RULEBRIDGE_<KEY>`" + ` in capitals with dots as ` + "`_`" + `
(` + "`http.addr`: `RULEBRIDGE_HTTP_ADDR`" + `); a list of texts is separated by commas there, a list of sections is YAML or JSON. An
unknown key in the file is an error. Durations have a unit (` + "`500ms`, `10s`, `2m`" + `), sizes may have one (` + "`64KiB`, `64MiB`" + `).
Flags: ` + "`--http-port`, `--temporal-port` and `--ui-port`" + ` change the port of the three addresses; ` + "`--data-dir`, `--ephemeral`, `--batch`,\n`--pause`, `--connector`, `--log-level`, `--time-zone`" + ` set the key of that name. ` + "`rulebridge config`" + ` prints what is in force.

| key | type | default | meaning |
|---|---|---|---|
`)
	for _, k := range Keys() {
		def := ""
		if k.Default != "" {
			def = "`" + k.Default + "`"
		}
		doc := k.Doc
		if k.Allowed != nil {
			doc = "One of `" + strings.Join(k.Allowed, "`, `") + "`. " + doc
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", k.Name, k.Type, def, strings.ReplaceAll(doc, "|", `\|`))
	}
	b.WriteString("\n## Example\n```yaml\n" + strings.TrimSpace(example) + "\n```\n")
	return b.String()
}

const example = `
http: {addr: 127.0.0.1:8080}
migration: {batch: 50, pause: 10s}
features: {siemMigrationsEnabled: true, assistantRagOnAlerts: true}
connectors:
  - {id: azureOpenAiGPT4o, kind: simulated, latency: 2s, jitter: 50%, error_rate: 0.01, seed: 1}
  - {id: gpt, kind: openai, model: gpt-4o, api_key_env: OPENAI_API_KEY, rate: 5}
  - {id: local, kind: ollama, model: qwen2.5-coder, url: "http://127.0.0.1:11434"}
kibanas:
  - {name: prod, url: "https://kibana.example.org", space: soc, api_key_env: KIBANA_API_KEY}
`
