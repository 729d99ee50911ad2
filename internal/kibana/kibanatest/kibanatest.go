// Package kibanatest is a Kibana for tests: it imports detection rules, and refuses what Kibana refuses.
package kibanatest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Kibana keeps imported rules by their rule_id. Its zero value is one without rules.
type Kibana struct {
	mu    sync.Mutex
	rules map[string]map[string]any
	lists map[string]map[string]any
	items map[string]map[string]any
}

// ImportPath is the route of the import.
const ImportPath = "/api/detection_engine/rules/_import"

// Answer is what the import answers; with errors the other rules are imported all the same.
type Answer struct {
	Success      bool        `json:"success"`
	SuccessCount int         `json:"success_count"`
	RulesCount   int         `json:"rules_count"`
	Errors       []RuleError `json:"errors"`
}

// RuleError is one rule that was refused.
type RuleError struct {
	RuleID string `json:"rule_id,omitempty"`
	Error  struct {
		StatusCode int    `json:"status_code"`
		Message    string `json:"message"`
	} `json:"error"`
}

// Limits of the import; source: security_solution/server/config.ts (maxRuleImportPayloadBytes, maxRuleImportExportSize) and
// createRulesLimitStream, which refuses the limit itself.
const (
	MaxBytes = 10_485_760
	MaxRules = 10_000
)

// Rules are the imported rules by rule_id.
func (k *Kibana) Rules() map[string]map[string]any {
	k.mu.Lock()
	defer k.mu.Unlock()
	out := map[string]map[string]any{}
	for id, r := range k.rules {
		out[id] = r
	}
	return out
}

// Import takes a file of rules. An error refuses the file as a whole.
func (k *Kibana) Import(name string, file []byte, overwrite bool) (Answer, error) {
	if path.Ext(name) != ".ndjson" {
		return Answer{}, fmt.Errorf("invalid file extension %s", path.Ext(name))
	}
	if len(file) > MaxBytes {
		return Answer{}, fmt.Errorf("payload content length greater than maximum allowed: %d", MaxBytes)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.rules == nil {
		k.rules = map[string]map[string]any{}
	}
	a := Answer{Errors: []RuleError{}}
	here := map[string]bool{}
	var taken []map[string]any
	lines := bufio.NewScanner(bytes.NewReader(file))
	lines.Buffer(nil, MaxBytes)
	for lines.Scan() {
		if strings.TrimSpace(lines.Text()) == "" {
			continue
		}
		var rule map[string]any
		if err := json.Unmarshal(lines.Bytes(), &rule); err != nil {
			a.RulesCount++
			a.refuse("", http.StatusBadRequest, err.Error())
			continue
		}
		if _, summary := rule["exported_count"]; summary {
			continue
		}
		a.RulesCount++
		id, _ := rule["rule_id"].(string)
		switch why := Refuses(rule); {
		case why != "":
			a.refuse(id, http.StatusBadRequest, why)
		case k.unknownLists(rule) != "":
			a.refuse(id, http.StatusBadRequest, k.unknownLists(rule))
		case here[id] && !overwrite:
			a.refuse(id, http.StatusBadRequest, fmt.Sprintf("More than one rule with rule-id: %q found", id))
		case k.rules[id] != nil && !overwrite:
			a.refuse(id, http.StatusConflict, fmt.Sprintf("rule_id: %q already exists", id))
		default:
			here[id] = true
			taken = append(taken, rule)
		}
	}
	if err := lines.Err(); err != nil {
		return Answer{}, err
	}
	if a.RulesCount >= MaxRules {
		return Answer{}, fmt.Errorf("can't import more than %d rules", MaxRules)
	}
	for _, rule := range taken {
		k.rules[rule["rule_id"].(string)] = rule
	}
	a.SuccessCount, a.Success = len(taken), len(a.Errors) == 0
	return a, nil
}

func (a *Answer) refuse(id string, status int, why string) {
	e := RuleError{RuleID: id}
	e.Error.StatusCode, e.Error.Message = status, why
	a.Errors = append(a.Errors, e)
}

// ServeHTTP answers the import.
func (k *Kibana) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fail := func(status int, why string) {
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]any{"statusCode": status, "error": http.StatusText(status), "message": why})
	}
	if r.Method != http.MethodPost || r.URL.Path != ImportPath && r.URL.Path != ExceptionsImportPath {
		fail(http.StatusNotFound, "Not Found")
		return
	}
	if _, ok := r.Header["Kbn-Xsrf"]; !ok {
		fail(http.StatusBadRequest, "Request must contain a kbn-xsrf header.")
		return
	}
	file, header, err := r.FormFile("file")
	if err != nil {
		fail(http.StatusBadRequest, err.Error())
		return
	}
	defer file.Close()
	data, err := io.ReadAll(file)
	if err != nil {
		fail(http.StatusBadRequest, err.Error())
		return
	}
	if r.URL.Path == ExceptionsImportPath {
		k.serveExceptions(w, data)
		return
	}
	a, err := k.Import(header.Filename, data, r.URL.Query().Get("overwrite") == "true")
	if err != nil {
		fail(http.StatusBadRequest, err.Error())
		return
	}
	_ = json.NewEncoder(w).Encode(a)
}

// Refuses is why Kibana refuses a rule; empty when it takes the rule.
func Refuses(rule map[string]any) string {
	var all []string
	for _, c := range checks {
		if why := c.refuses(rule); why != "" {
			all = append(all, why)
		}
	}
	return strings.Join(all, ", ")
}

// Checks names each check with where Kibana makes it.
func Checks() map[string]string {
	out := map[string]string{}
	for _, c := range checks {
		out[c.name] = c.source
	}
	return out
}

const (
	schemas    = "elastic/kibana, security_solution/common/api/detection_engine/model/rule_schema/rule_schemas.schema.yaml"
	attributes = "elastic/kibana, security_solution/common/api/detection_engine/model/rule_schema/common_attributes.schema.yaml"
	toImport   = "elastic/kibana, security_solution/common/api/detection_engine/rule_management/import_rules"
)

// checks are what Kibana refuses, each with its source.
var checks = []struct {
	name, source string
	refuses      func(map[string]any) string
}{
	{"required fields", schemas + ": BaseRequiredFields; " + toImport + "/rule_to_import.ts: rule_id", func(r map[string]any) string {
		var all []string
		for _, key := range []string{"rule_id", "name", "description", "severity", "type"} {
			if s, ok := r[key].(string); !ok || s == "" {
				all = append(all, key+": Required")
			}
		}
		if _, ok := r["risk_score"].(float64); !ok {
			all = append(all, "risk_score: Required")
		}
		return strings.Join(all, ", ")
	}},
	// Kibana drops keys that it does not know, without a word (rule_to_import.test.ts: "extra properties are removed"); older
	// ones answered "invalid keys". Here they are refused, so that no test passes with a setting that Kibana drops.
	{"unknown keys, and keys of other rule types", schemas + ": BaseOptionalFields, BaseDefaultableFields, ResponseFields, …CreateFields", func(r map[string]any) string {
		kind, _ := r["type"].(string)
		own, ok := typeKeys[kind]
		if !ok {
			return fmt.Sprintf("type: Invalid discriminator value %q", kind)
		}
		var bad []string
		for key := range r {
			if !slices.Contains(baseKeys, key) && !slices.Contains(own, key) {
				bad = append(bad, key)
			}
		}
		if len(bad) == 0 {
			return ""
		}
		slices.Sort(bad)
		return fmt.Sprintf("invalid keys %q of a rule of type %s", strings.Join(bad, ","), kind)
	}},
	{"the language and query of an ES|QL rule", schemas + ": EsqlRuleRequiredFields", func(r map[string]any) string {
		if q, ok := r["query"].(string); r["type"] == "esql" && (r["language"] != "esql" || !ok || q == "") {
			return "language: esql and query: Required"
		}
		return ""
	}},
	{"severity", attributes + ": Severity", func(r map[string]any) string {
		if s, _ := r["severity"].(string); !slices.Contains([]string{"low", "medium", "high", "critical"}, s) {
			return fmt.Sprintf("severity: Invalid enum value %q", s)
		}
		return ""
	}},
	{"numbers", attributes + ": RiskScore, MaxSignals, RuleVersion", func(r map[string]any) string {
		var all []string
		for key, from := range map[string]float64{"risk_score": 0, "max_signals": 1, "version": 1} {
			n, ok := r[key].(float64)
			if _, given := r[key]; given && (!ok || n < from || n != float64(int64(n)) || key == "risk_score" && n > 100) {
				all = append(all, fmt.Sprintf("%s: %v is out of range", key, r[key]))
			}
		}
		slices.Sort(all)
		return strings.Join(all, ", ")
	}},
	{"schedule", attributes + ": RuleInterval, RuleIntervalFrom (date math); alerting/common/parse_duration.ts", func(r map[string]any) string {
		for key, form := range map[string]*regexp.Regexp{"interval": intervalForm, "from": dateMath, "to": dateMath} {
			if s, ok := r[key].(string); r[key] != nil && (!ok || !form.MatchString(s)) {
				return fmt.Sprintf("%s: Failed to parse %v", key, r[key])
			}
		}
		return ""
	}},
	{"types of values", schemas + ": BaseRequiredFields, BaseOptionalFields, BaseDefaultableFields; " + attributes, func(r map[string]any) string {
		for key, value := range r {
			var ok bool
			switch value.(type) {
			case nil:
				ok = !slices.Contains(textKeys, key) && !slices.Contains(boolKeys, key) // optional, never null
			case string:
				ok = slices.Contains(textKeys, key) || !slices.Contains(boolKeys, key) && !slices.Contains(listKeysOfRules, key)
			case bool:
				ok = slices.Contains(boolKeys, key)
			case []any:
				ok = !slices.Contains(textKeys, key) && !slices.Contains(boolKeys, key)
			default:
				ok = !slices.Contains(textKeys, key) && !slices.Contains(boolKeys, key) && !slices.Contains(listKeysOfRules, key)
			}
			if !ok {
				return fmt.Sprintf("%s: Invalid input: %T", key, value)
			}
		}
		for _, one := range items(r["exceptions_list"]) {
			l, _ := one.(map[string]any)
			for _, key := range []string{"id", "list_id", "type", "namespace_type"} {
				if s, _ := l[key].(string); s == "" {
					return "exceptions_list." + key + ": Required"
				}
			}
		}
		return ""
	}},
	{"lists of text", attributes + ": RuleTagArray, RuleReferenceArray, RuleAuthorArray, RuleFalsePositiveArray", func(r map[string]any) string {
		for _, key := range []string{"tags", "references", "author", "false_positives"} {
			if r[key] != nil && !texts(r[key]) {
				return key + ": Expected array of string"
			}
		}
		return ""
	}},
	{"threat", attributes + ": Threat, ThreatTactic, ThreatTechnique, ThreatSubtechnique", func(r map[string]any) string {
		if r["threat"] == nil {
			return ""
		}
		list, ok := r["threat"].([]any)
		if !ok {
			return "threat: Expected array"
		}
		for _, one := range list {
			t, _ := one.(map[string]any)
			if s, _ := t["framework"].(string); s == "" || !reference(t["tactic"]) {
				return "threat: framework and tactic: Required"
			}
			for _, technique := range items(t["technique"]) {
				if !reference(technique) {
					return "threat.technique: id, name and reference: Required"
				}
				for _, sub := range items(technique.(map[string]any)["subtechnique"]) {
					if !reference(sub) {
						return "threat.technique.subtechnique: id, name and reference: Required"
					}
				}
			}
		}
		return ""
	}},
	{"suppression", attributes + ": AlertSuppression, AlertSuppressionGroupBy (1 to 3), AlertSuppressionDuration (s, m, h)", func(r map[string]any) string {
		if r["alert_suppression"] == nil {
			return ""
		}
		s, ok := r["alert_suppression"].(map[string]any)
		if !ok {
			return "alert_suppression: Expected object"
		}
		if n := len(items(s["group_by"])); !texts(s["group_by"]) || n < 1 || n > 3 {
			return "alert_suppression.group_by: Array must contain 1 to 3 element(s)"
		}
		if d, given := s["duration"]; given {
			d, _ := d.(map[string]any)
			unit, _ := d["unit"].(string)
			if n, _ := d["value"].(float64); n < 1 || n != float64(int64(n)) || !slices.Contains([]string{"s", "m", "h"}, unit) {
				return "alert_suppression.duration: value from 1, unit s, m or h"
			}
		}
		if m, given := s["missing_fields_strategy"]; given && m != "doNotSuppress" && m != "suppress" {
			return fmt.Sprintf("alert_suppression.missing_fields_strategy: Invalid enum value %v", m)
		}
		for key := range s {
			if !slices.Contains([]string{"group_by", "duration", "missing_fields_strategy"}, key) {
				return "alert_suppression: invalid keys " + key
			}
		}
		return ""
	}},
	{"timelines", toImport + "/rule_to_import_validation.ts: validateTimelineId, validateTimelineTitle", func(r map[string]any) string {
		if (r["timeline_id"] == nil) != (r["timeline_title"] == nil) {
			return "timeline_id and timeline_title must exist together"
		}
		return ""
	}},
}

var (
	intervalForm = regexp.MustCompile(`^[1-9][0-9]*[smhd]$`)
	dateMath     = regexp.MustCompile(`^now(([+-][0-9]+[smhHdwMy])|(/[smhHdwMy]))*$`)
)

// baseKeys are those that a rule of each type may have.
var baseKeys = strings.Fields(`
	name description risk_score severity
	rule_name_override timestamp_override timestamp_override_fallback_disabled timeline_id timeline_title outcome alias_target_id
	alias_purpose license note building_block_type output_index namespace meta investigation_fields throttle response_actions
	version tags enabled risk_score_mapping severity_mapping interval from to actions exceptions_list author false_positives
	references max_signals threat setup related_integrations required_fields
	type
	id rule_id immutable rule_source updated_at updated_by created_at created_by revision execution_summary`)

// textKeys, boolKeys and listKeysOfRules are keys by the type of their values.
var (
	textKeys = strings.Fields(`name description severity type language query rule_id rule_name_override timestamp_override timeline_id timeline_title
		license note setup output_index namespace interval from to building_block_type saved_id data_view_id`)
	boolKeys        = strings.Fields(`enabled immutable timestamp_override_fallback_disabled`)
	listKeysOfRules = strings.Fields(`tags references author false_positives threat actions exceptions_list risk_score_mapping severity_mapping
		related_integrations required_fields filters index`)
)

// typeKeys are those of one rule type beside baseKeys.
var typeKeys = map[string][]string{
	"esql":      {"language", "query", "alert_suppression"},
	"query":     {"language", "query", "index", "data_view_id", "filters", "saved_id", "alert_suppression"},
	"eql":       {"language", "query", "index", "data_view_id", "filters", "event_category_override", "tiebreaker_field", "timestamp_field", "alert_suppression"},
	"threshold": {"language", "query", "index", "data_view_id", "filters", "saved_id", "threshold", "alert_suppression"},
	"new_terms": {"language", "query", "index", "data_view_id", "filters", "new_terms_fields", "history_window_start", "alert_suppression"},
}

func items(v any) []any {
	list, _ := v.([]any)
	return list
}

func texts(v any) bool {
	list, ok := v.([]any)
	return ok && !slices.ContainsFunc(list, func(one any) bool { _, text := one.(string); return !text })
}

func reference(v any) bool {
	m, _ := v.(map[string]any)
	for _, key := range []string{"id", "name", "reference"} {
		if s, _ := m[key].(string); s == "" {
			return false
		}
	}
	return true
}
