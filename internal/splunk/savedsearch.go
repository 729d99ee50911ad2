package splunk

import (
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Kind is what a saved search is for.
type Kind string

// Alerts become rules. Reports only show or send results; fillers fill a lookup or summary (outputlookup, collect).
const (
	KindAlert  Kind = "alert"
	KindReport Kind = "report"
	KindFiller Kind = "filler"
)

// SavedSearch is a saved search as Splunk has it, whatever file it came from.
type SavedSearch struct {
	Rule Rule
	Kind Kind
	// Why says how the kind was told.
	Why string
	// Warnings are settings that could not be read and were left out.
	Warnings []string
}

// savedSearch reads the settings of a saved search. get gives the value of a setting without white space around it.
func savedSearch(app, owner, name string, get func(key string) string, keys []string) SavedSearch {
	s := SavedSearch{}
	r := &s.Rule.OriginalRule
	r.Vendor, r.QueryLanguage, r.App, r.Owner = "splunk", "spl", app, owner
	r.ID, r.Title = ruleID(app, owner, name), name
	r.Query = strings.TrimSpace(get("search"))
	r.Description = get("description")
	r.Cron = get("cron_schedule")
	r.EarliestTime, r.LatestTime = get("dispatch.earliest_time"), get("dispatch.latest_time")
	r.Disabled = isTrue(get("disabled"))
	r.MitreAttackIDs = []string{}
	r.Severity = get("alert.severity")
	if v := get("action.notable.param.severity"); v != "" { // what the analyst of a correlation search sees
		r.Severity = v
	}
	s.risk(get)
	s.annotations(get)
	r.Trigger = trigger(get)
	if isTrue(get("alert.suppress")) {
		r.SuppressPeriod = get("alert.suppress.period")
		r.SuppressFields = list(get("alert.suppress.fields"))
	}
	r.Note = guide(get)
	s.actions(get, keys)
	s.classify(get)
	return s
}

// ruleID names a saved search for good: by app, owner and name, so that the same search gets the same id at every import.
func ruleID(app, owner, name string) string {
	id := name
	if app != "" {
		id = app + ":" + id
	}
	if owner != "" && owner != "nobody" {
		id = owner + "@" + id
	}
	return identifier(id)
}

// list splits a list with commas or blanks.
func list(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\n' })
}

// risk takes the risk score of the risk action: the older single one, or the highest of the list.
func (s *SavedSearch) risk(get func(string) string) {
	set := func(text string) {
		f, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if err != nil || math.IsNaN(f) || f < 0 {
			s.warn("the risk score %q is no number, and is left out", text)
			return
		}
		n := int(min(f, 100) + 0.5)
		if old := s.Rule.OriginalRule.RiskScore; old == nil || *old < n {
			s.Rule.OriginalRule.RiskScore = &n
		}
	}
	if text := get("action.risk.param._risk"); text != "" {
		var scores []struct {
			Score any `json:"risk_score"`
		}
		if err := json.Unmarshal([]byte(text), &scores); err != nil {
			s.warn("action.risk.param._risk is not the JSON list that Enterprise Security writes, and is left out")
		}
		for _, score := range scores {
			if score.Score != nil {
				set(fmt.Sprint(score.Score))
			}
		}
	}
	if text := get("action.risk.param._risk_score"); text != "" {
		set(text)
	}
}

// annotations takes the MITRE ids out of the annotations of a correlation search, which are JSON text.
func (s *SavedSearch) annotations(get func(string) string) {
	text := get("action.correlationsearch.annotations")
	if text == "" {
		return
	}
	var a struct {
		Mitre any `json:"mitre_attack"`
	}
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		s.warn("action.correlationsearch.annotations is no JSON, and is left out")
		return
	}
	for _, id := range ids(a.Mitre) {
		if !slices.Contains(s.Rule.MitreAttackIDs, id) {
			s.Rule.MitreAttackIDs = append(s.Rule.MitreAttackIDs, id)
		}
	}
}

// ids reads a list of ids, or one text with several.
func ids(list any) []string {
	var out []string
	switch v := list.(type) {
	case []any:
		for _, id := range v {
			if text, ok := id.(string); ok {
				out = append(out, text)
			}
		}
	case string:
		out = strings.FieldsFunc(v, func(r rune) bool { return strings.ContainsRune(", \t\n", r) })
	}
	return out
}

// trigger is the alert's condition, where any result is not enough.
func trigger(get func(string) string) string {
	if c := get("alert_condition"); c != "" {
		return c
	}
	relation, quantity, kind := get("relation"), get("quantity"), get("counttype")
	if kind == "" || kind == "always" {
		return ""
	}
	if relation == "" || quantity == "" {
		return strings.TrimSpace(kind + " " + relation + " " + quantity) // without its other half no one can say that any result is enough
	}
	if kind == "number of events" && (relation == "greater than" && quantity == "0" || relation == "not equal to" && quantity == "0") {
		return ""
	}
	return kind + " " + relation + " " + quantity
}

// guide is what an analyst reads beside an alert, as Markdown.
func guide(get func(string) string) string {
	var parts []string
	section := func(title, text string) {
		if text = strings.TrimSpace(text); text != "" {
			parts = append(parts, "## "+title+"\n\n"+text)
		}
	}
	section("Next steps", nextSteps(get("action.notable.param.next_steps")))
	if search := get("action.notable.param.drilldown_search"); search != "" {
		section("Drill-down: "+get("action.notable.param.drilldown_name"), "In Splunk:\n\n    "+strings.ReplaceAll(search, "\n", "\n    "))
	}
	var drilldowns []struct{ Name, Search string }
	if text := get("action.notable.param.drilldown_searches"); text != "" && json.Unmarshal([]byte(text), &drilldowns) == nil {
		for _, d := range drilldowns {
			section("Drill-down: "+d.Name, "In Splunk:\n\n    "+strings.ReplaceAll(d.Search, "\n", "\n    "))
		}
	}
	return strings.Join(parts, "\n\n")
}

// nextSteps takes the text out of the JSON that Enterprise Security wraps around it.
func nextSteps(text string) string {
	var wrapped struct {
		Data string `json:"data"`
	}
	if json.Unmarshal([]byte(text), &wrapped) == nil && wrapped.Data != "" {
		return wrapped.Data
	}
	return text
}

// actionNames say what takes the place of a Splunk action in Elastic.
var actionNames = map[string]string{
	"email":             "email: add an Email connector to the rule's actions",
	"webhook":           "webhook: add a Webhook connector to the rule's actions",
	"script":            "script: no counterpart; call the script through a Webhook connector",
	"notable":           "notable: the alert of the rule itself",
	"risk":              "risk: the risk score of the rule, which feeds the entity's risk score",
	"correlationsearch": "",
	"summary_index":     "summary_index: no counterpart; a transform can keep a summary",
	"slack":             "slack: add a Slack connector to the rule's actions",
	"pagerduty":         "pagerduty: add a PagerDuty connector to the rule's actions",
	"populate_lookup":   "populate_lookup: no counterpart; keep the lookup's index up to date by other means",
	"logevent":          "logevent: add an Index connector to the rule's actions",
}

// actions lists what the alert does in Splunk. An action is on when action.NAME is, or when the list actions names it.
func (s *SavedSearch) actions(get func(string) string, keys []string) {
	names := map[string]bool{}
	for _, key := range keys {
		name, ok := strings.CutPrefix(key, "action.")
		if ok && !strings.Contains(name, ".") && isTrue(get(key)) {
			names[name] = true
		}
	}
	for _, name := range list(get("actions")) {
		names[name] = true
	}
	if isTrue(get("action.correlationsearch.enabled")) {
		names["correlationsearch"] = true
	}
	for name := range names {
		text, known := actionNames[name]
		if !known {
			text = name + ": an action of an app; add a connector that does the same to the rule's actions"
		}
		if text != "" {
			s.Rule.Actions = append(s.Rule.Actions, text)
		}
	}
	slices.Sort(s.Rule.Actions)
}

var fills = regexp.MustCompile(`\|\s*(outputlookup|collect|mcollect|meventcollect|outputcsv|tscollect|summaryindex|sitop|sichart|sistats|sitimechart|sirare)\b`)

// classify tells alerts from reports and fillers by the marks that Splunk itself goes by.
func (s *SavedSearch) classify(get func(string) string) {
	r := &s.Rule.OriginalRule
	alertActions := slices.ContainsFunc(r.Actions, func(a string) bool {
		return !strings.HasPrefix(a, "email:") && !strings.HasPrefix(a, "summary_index:") && !strings.HasPrefix(a, "populate_lookup:")
	})
	kind := get("counttype")
	conditioned := kind != "" && kind != "always" || get("alert_condition") != ""
	switch {
	case isTrue(get("action.correlationsearch.enabled")) || isTrue(get("action.notable")) || isTrue(get("action.risk")):
		s.Kind, s.Why = KindAlert, "it makes notables or risk"
	case conditioned:
		s.Kind, s.Why = KindAlert, "it has a trigger condition"
	case isTrue(get("alert.track")):
		s.Kind, s.Why = KindAlert, "its alerts are tracked"
	case fills.MatchString(r.Query):
		s.Kind, s.Why = KindFiller, "it only writes results: "+strings.TrimLeft(fills.FindString(r.Query), "| \t\n")
	case isTrue(get("action.summary_index")) || isTrue(get("action.populate_lookup")):
		s.Kind, s.Why = KindFiller, "it only fills a summary index or a lookup"
	case alertActions:
		s.Kind, s.Why = KindAlert, "it does more than send its results"
	default:
		s.Kind, s.Why = KindReport, "it has no trigger condition and makes no alert"
	}
}

func (s *SavedSearch) warn(format string, args ...any) {
	s.Warnings = append(s.Warnings, fmt.Sprintf(format, args...))
}

// locate takes app, owner and name out of a saved search's REST id: …/servicesNS/OWNER/APP/saved/searches/NAME.
func locate(id string) (owner, app, name string, ok bool) {
	_, rest, found := strings.Cut(id, "/servicesNS/")
	if !found {
		return "", "", "", false
	}
	parts := strings.Split(rest, "/")
	if len(parts) < 5 || parts[2] != "saved" || parts[3] != "searches" {
		return "", "", "", false
	}
	for i, p := range parts {
		if text, err := url.PathUnescape(p); err == nil {
			parts[i] = text
		}
	}
	return parts[0], parts[1], strings.Join(parts[4:], "/"), true
}
