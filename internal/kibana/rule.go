// Package kibana writes a migration as Kibana takes it: detection rules that its import accepts, the prebuilt rules to
// install there, and the lookup indices that the queries join with.
package kibana

import (
	"cmp"
	"fmt"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/report"
)

// Rule is an ES|QL rule as POST /api/detection_engine/rules/_import takes it. A rule of this type has neither index nor
// threshold nor filters: the query says all of that. Source: RuleToImport and EsqlRuleCreateFields of Kibana's rule schema
// (security_solution/common/api/detection_engine).
type Rule struct {
	// RuleID is what Kibana knows the rule by across imports; RuleID makes one.
	RuleID      string `json:"rule_id"`
	Name        string `json:"name"`
	Description string `json:"description"` // never empty
	Type        string `json:"type"`        // esql
	Language    string `json:"language"`    // esql
	Query       string `json:"query"`
	Severity    string `json:"severity"`   // low, medium, high or critical
	RiskScore   int    `json:"risk_score"` // 0 to 100
	// Interval is a number and one of s, m, h, d; From and To are date math.
	Interval    string             `json:"interval,omitempty"`
	From        string             `json:"from,omitempty"`
	To          string             `json:"to,omitempty"`
	Threat      []migration.Threat `json:"threat"`
	Tags        []string           `json:"tags"`
	References  []string           `json:"references"`
	Note        string             `json:"note,omitempty"` // Markdown: the investigation guide
	Suppression *Suppression       `json:"alert_suppression,omitempty"`
	Exceptions  []ExceptionsList   `json:"exceptions_list,omitempty"`
	// TimestampOverride is the field that Kibana's time filter reads; empty means @timestamp.
	TimestampOverride string `json:"timestamp_override,omitempty"`
	MaxSignals        int    `json:"max_signals"`
	Enabled           bool   `json:"enabled"`
	Version           int    `json:"version"`
	// Unsettled is what a person has to look at before the rule is enabled; the note has it too.
	Unsettled []string `json:"-"`
}

// ExceptionsList is an exception list that a rule goes by.
type ExceptionsList struct {
	ID            string `json:"id" toml:"id"`
	ListID        string `json:"list_id" toml:"list_id"`
	NamespaceType string `json:"namespace_type" toml:"namespace_type"`
	Type          string `json:"type" toml:"type"`
}

// Suppression makes one alert of those with equal values in GroupBy, which has one to three fields.
type Suppression struct {
	GroupBy  []string  `json:"group_by"`
	Duration *Duration `json:"duration,omitempty"` // nil: within one run
	// MissingFields is suppress or doNotSuppress: what happens to rows in which a field of GroupBy is missing.
	MissingFields string `json:"missing_fields_strategy"`
}

// Duration is a number of units: s, m or h.
type Duration struct {
	Value int64  `json:"value"`
	Unit  string `json:"unit"`
}

const (
	// mostSuppressed is how many fields Kibana suppresses alerts by.
	mostSuppressed = 3
	// mostAlerts is what Kibana lets a rule alert at most in one run unless xpack.alerting.rules.run.alerts.max says more.
	// Splunk knows no such limit, and Kibana's own default of 100 would drop alerts that Splunk gives.
	mostAlerts = 1000
	// mostCauses is how many causes the note of a partial rule says; the report has all of them.
	mostCauses = 5
	// longestCause is the length in characters of a cause in the note.
	longestCause = 500
)

// Tags that every exported rule carries, so that rules can be found by them in Kibana.
const (
	TagSource  = "Source: Splunk"
	TagFull    = "Rulebridge: full"
	TagPartial = "Rulebridge: partial"
	// TagEdited takes the place of either when a person changed the rule: what was said of the translation is not said of it.
	TagEdited = "Rulebridge: edited"
)

// ruleSpace is the name space of RuleID's UUIDs. A change of it would make every rule a new one for Kibana.
var ruleSpace = uuid.MustParse("5d0b6a7e-9f0c-5c5e-8a53-3f6f3a0d9b11")

// RuleID is the rule_id of a rule: a UUID (version 5) of its id in the migration, and so the same in each migration of the
// rule.
func RuleID(id string) string { return uuid.NewSHA1(ruleSpace, []byte(id)).String() }

// leftOut is why a rule is not exported, whichever are taken, and that in words; empty when it can be.
func leftOut(r migration.Rule) (migration.Omission, string) {
	switch {
	case r.Ended() && r.ReviewState() == migration.ReviewRejected:
		return migration.OmittedRejected, "rejected by " + plain(r.Review.By)
	case r.Ended() && r.Edited != nil: // a person's rule stands whatever the translation came to
	case r.Status == migration.StatusError:
		return migration.OmittedError, "the migration ended in error for this rule: " + cmp.Or(r.ErrorCode, "no code")
	case r.Status != migration.StatusFinished:
		return migration.OmittedNotTranslated, "not translated yet: go on with the migration, then export again"
	case r.Result == migration.Untranslatable:
		why := "untranslatable"
		if causes := report.Causes(r.Diagnostics); len(causes) > 0 {
			why += ": " + plain(causes[0].Message)
		}
		return migration.OmittedUntranslatable, why
	}
	switch {
	case r.Elastic == nil || strings.TrimSpace(r.Elastic.Query) == "":
		return migration.OmittedNoQuery, "there is no query"
	case r.Elastic.QueryLanguage != "esql":
		return migration.OmittedOtherLanguage, fmt.Sprintf("the query is in %q; only esql is exported", r.Elastic.QueryLanguage)
	}
	// Kibana would take the text and the rule would fail at every run.
	if _, err := esql.Parse(r.Elastic.Query); err != nil {
		what := "the query"
		if r.Edited != nil {
			what = "the query that " + plain(r.Edited.By) + " wrote"
		}
		return migration.OmittedRefusedQuery, what + " is no ES|QL: " + plain(err.Error())
	}
	return "", ""
}

// tagOf is the tag that says how far a rule can be relied on.
func tagOf(r migration.Rule) string {
	switch {
	case r.Edited != nil:
		return TagEdited
	case r.Result != migration.Full, r.Original.Trigger != "":
		return TagPartial
	}
	return TagFull
}

// fromRule is the detection rule of a translated rule. It never enables a rule: a person does, after the lookup indices
// are there and the note is read.
func fromRule(r migration.Rule) Rule {
	e := r.Elastic
	name := cmp.Or(strings.TrimSpace(e.Title), strings.TrimSpace(r.Original.Title), r.ID)
	k := Rule{
		RuleID: RuleID(r.ID), Name: name,
		Description: cmp.Or(strings.TrimSpace(e.Description), strings.TrimSpace(r.Original.Description), name),
		Type:        "esql", Language: "esql", Query: e.Query,
		Severity: severity(e), RiskScore: min(100, max(0, e.RiskScore)),
		From: e.From, To: cmp.Or(e.To, "now"), Threat: e.Threat,
		Tags: []string{TagSource, tagOf(r)}, References: []string{},
		MaxSignals: min(mostAlerts, cmp.Or(e.MaxSignals, mostAlerts)), Version: 1,
	}
	if k.Threat == nil {
		k.Threat = []migration.Threat{}
	}
	var settings []string
	edited := 0 // of settings are said before the causes
	if r.Edited != nil {
		edited = 1
		settings = append(settings, plain(r.Edited.By)+" changed this rule after its translation; what is said here of the translation need not hold for it.")
	}
	if rowsAreEvents(e.Query) {
		// Events that arrive late are then seen by the run after their arrival. Rows of STATS have no such field, and what
		// they count is a matter of @timestamp.
		k.TimestampOverride = "event.ingested"
	}
	if e.Interval != "" {
		if text, ok := interval(e.Interval); ok {
			k.Interval = text
		} else {
			settings = append(settings, fmt.Sprintf("The schedule %q is none that Kibana knows; it runs the rule every 5 minutes.", plain(e.Interval)))
		}
	}
	if r.Original.Trigger != "" {
		settings = append(settings, "In Splunk the alert has a condition of its own: "+plain(r.Original.Trigger)+". Check that the query says the same.")
	}
	var why string
	if k.Suppression, why = suppression(e.Suppression); why != "" {
		settings = append(settings, why)
	}
	if o := r.Original; e.Suppression == nil && (o.SuppressPeriod != "" || len(o.SuppressFields) > 0) {
		settings = append(settings, fmt.Sprintf("Splunk throttles this alert (fields: %s; period: %s); the rule does not, so every alert is shown.",
			cmp.Or(plain(strings.Join(o.SuppressFields, ", ")), "none"), cmp.Or(plain(o.SuppressPeriod), "none")))
	}
	var others []string
	k.References, others = references(r.Original.References)
	k.Unsettled = slices.Concat(settings[:edited], causes(r), settings[edited:])
	k.Note = note(r, k.Unsettled, others)
	return k
}

// references are those that are addresses of pages, which Kibana makes links of, and the others.
func references(given []string) (links, others []string) {
	links = []string{}
	for _, text := range given {
		text = strings.TrimSpace(text)
		u, err := url.Parse(text)
		switch {
		case text == "" || slices.Contains(links, text):
		case err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "":
			links = append(links, text)
		default:
			others = append(others, plain(text))
		}
	}
	return links, others
}

// severity is the rule's, or for another word the one that Kibana pairs with the risk score.
func severity(e *migration.ElasticRule) string {
	switch s := strings.ToLower(e.Severity); {
	case slices.Contains([]string{"low", "medium", "high", "critical"}, s):
		return s
	case e.RiskScore > 73:
		return "critical"
	case e.RiskScore > 47:
		return "high"
	case e.RiskScore > 21:
		return "medium"
	}
	return "low"
}

// rowsAreEvents says whether each row of the query is one document that it read.
func rowsAreEvents(query string) bool {
	q, err := esql.Parse(query)
	if err != nil || len(q.Commands) == 0 {
		return false
	}
	id := false
	for _, c := range q.Commands {
		switch c := c.(type) {
		case *esql.From:
			id = slices.Contains(c.Metadata, "_id")
		case *esql.Keep:
			id = id && slices.ContainsFunc(c.Names, func(name string) bool { return name == "_id" || name == "*" })
		case *esql.Stats, *esql.Fork, *esql.Other, *esql.Row:
			return false
		}
	}
	return id
}

var lengthText = regexp.MustCompile(`^([1-9][0-9]{0,8})([smhdw])$`)

// length reads a number with a unit, and gives weeks as days.
func length(text string) (n int64, unit string, ok bool) {
	m := lengthText.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return 0, "", false
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return 0, "", false
	}
	if m[2] == "w" {
		return 7 * n, "d", true
	}
	return n, m[2], true
}

// interval is a schedule as Kibana writes it.
func interval(text string) (string, bool) {
	n, unit, ok := length(text)
	return strconv.FormatInt(n, 10) + unit, ok
}

// suppression is the rule's as Kibana writes it, or none and why. Fewer fields than the rule has would suppress alerts that
// Splunk gives, so none are taken then.
func suppression(s *migration.Suppression) (*Suppression, string) {
	if s == nil {
		return nil, ""
	}
	switch n := len(s.GroupBy); {
	case n == 0:
		return nil, "Splunk throttles this alert as a whole; Kibana suppresses by one to three fields only, so every alert is shown."
	case n > mostSuppressed:
		return nil, fmt.Sprintf("Splunk throttles this alert by %d fields (%s); Kibana suppresses by %d at most, so every alert is shown.",
			n, plain(strings.Join(s.GroupBy, ", ")), mostSuppressed)
	}
	// A row without one of the fields alerts by itself: no alert is lost.
	k := &Suppression{GroupBy: s.GroupBy, MissingFields: "doNotSuppress"}
	if s.Duration == "" {
		return k, ""
	}
	n, unit, ok := length(s.Duration)
	if unit == "d" {
		n, unit = n*24, "h"
	}
	if !ok || n > math.MaxInt32 {
		return nil, fmt.Sprintf("The throttling period %q cannot be read, so every alert is shown.", plain(s.Duration))
	}
	k.Duration = &Duration{Value: n, Unit: unit}
	return k, ""
}

// note is the investigation guide: what to settle before the rule runs, then what the rule had in Splunk.
func note(r migration.Rule, unsettled, references []string) string {
	var parts []string
	if r.Result != migration.Full {
		unsettled = slices.Concat([]string{"The translation from Splunk is partial: compare both searches."}, unsettled)
	}
	if len(unsettled) > 0 {
		parts = append(parts, "## Before you enable this rule\n\n"+list(unsettled))
	}
	if guide := strings.TrimSpace(r.Original.Note); guide != "" {
		parts = append(parts, inert(guide))
	}
	if len(r.Original.Actions) > 0 {
		lines := make([]string, len(r.Original.Actions))
		for i, a := range r.Original.Actions {
			lines[i] = plain(a)
		}
		parts = append(parts, "## What the alert does in Splunk\n\n"+list(lines))
	}
	if len(references) > 0 {
		parts = append(parts, "## References\n\n"+list(references))
	}
	return strings.Join(parts, "\n\n")
}

// causes are what keeps the rule from being full, in words.
func causes(r migration.Rule) []string {
	if r.Result == migration.Full {
		return nil
	}
	var lines []string
	all := report.Causes(r.Diagnostics)
	for i, d := range all {
		if i == mostCauses {
			return append(lines, fmt.Sprintf("The report of the migration names %d more.", len(all)-i))
		}
		where := ""
		if d.Start.Line > 0 {
			where = fmt.Sprintf("Line %d, column %d of the Splunk search: ", d.Start.Line, d.Start.Column)
		}
		lines = append(lines, where+plain(d.Message))
	}
	return lines
}

func list(lines []string) string { return "- " + strings.Join(lines, "\n- ") }

// inert keeps text of a rule from being run: a guide in Kibana holds queries as !{…}.
func inert(text string) string { return strings.ReplaceAll(text, "!{", "! {") }

// plain is text on one line and of bounded length.
func plain(text string) string {
	text = inert(strings.Join(strings.Fields(text), " "))
	if r := []rune(text); len(r) > longestCause {
		text = string(r[:longestCause]) + "…"
	}
	return text
}
