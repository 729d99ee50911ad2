// Package migration holds the domain: migrations, rules, translations, diagnostics, resources and counts. It imports
// nothing of ours; the JSON tags are the shapes of the HTTP API and of the stored documents.
package migration

import (
	"slices"
	"strings"
	"time"
)

// State is where a migration stands.
type State string

const (
	Creating State = "creating" // chunks are being appended
	Ready    State = "ready"
	Running  State = "running"
	Stopped  State = "stopped"
	Finished State = "finished"
)

// Status is where a rule stands. Finished means a decision was reached, untranslatable included; Error means a step
// failed for good.
type Status string

const (
	StatusPending    Status = "pending"
	StatusProcessing Status = "processing"
	StatusFinished   Status = "finished"
	StatusError      Status = "error"
)

// CodeUnreadable is the error code of rules whose document in the store cannot be decoded.
const CodeUnreadable = "unreadable"

// Result is how much of a rule was translated.
type Result string

const (
	Full           Result = "full"
	Partial        Result = "partial"
	Untranslatable Result = "untranslatable"
)

// Verification is what the user's own Elasticsearch said of a translation.
type Verification string

const (
	VerificationPassed       Verification = "passed"
	VerificationUnknownIndex Verification = "unknown_index"
	VerificationUnknownField Verification = "unknown_field"
	VerificationFailed       Verification = "failed"
	VerificationNotRun       Verification = "not_run"
)

// Migration is the migration document; the store's copy is the authority.
type Migration struct {
	ID           string    `json:"id"`
	Name         string    `json:"name,omitempty"`
	State        State     `json:"state"`
	Vendor       string    `json:"vendor"`
	Total        int       `json:"total"`
	ConnectorID  string    `json:"connector_id,omitempty"`
	Epoch        int64     `json:"epoch"` // counts accepted starts; fences claims and state changes
	ParkReason   string    `json:"park_reason,omitempty"`
	Error        string    `json:"error,omitempty"`
	CreatedAt    time.Time `json:"created_at"`
	CreatedBy    string    `json:"created_by,omitempty"`
	LastUpdated  time.Time `json:"last_updated_at"`
	LastUpdateBy string    `json:"last_updated_by,omitempty"`
	// Deleted is the tombstone: set first, so that late writes and starts find it.
	Deleted bool `json:"deleted,omitempty"`
	// Settings are what the last start asked for; nil before the first. A workflow that is lost restarts with them.
	Settings *Settings `json:"settings,omitempty"`
}

// Begin fills in what the caller who creates a migration left open: when it was created, and that it is ready.
func (m *Migration) Begin(now time.Time) {
	if m.CreatedAt.IsZero() {
		m.CreatedAt = now
	}
	if m.LastUpdated.IsZero() {
		m.LastUpdated = m.CreatedAt
	}
	if m.State == "" {
		m.State = Ready
	}
}

// Settings are what a start may ask for.
type Settings struct {
	Batch int           `json:"batch"` // rules claimed at once, and most rules in flight
	Pause time.Duration `json:"pause"` // between batches, in nanoseconds; 0: a sliding window
}

// OriginalRule is a rule as the user sent it.
type OriginalRule struct {
	ID             string   `json:"id"`
	Vendor         string   `json:"vendor"`
	Title          string   `json:"title"`
	Description    string   `json:"description"`
	Query          string   `json:"query"`
	QueryLanguage  string   `json:"query_language"`
	MitreAttackIDs []string `json:"mitre_attack_ids"`
	// The rest is optional: what a saved search knows of its schedule and weight.
	Severity     string `json:"severity,omitempty"`
	RiskScore    *int   `json:"risk_score,omitempty"`
	EarliestTime string `json:"earliest_time,omitempty"`
	LatestTime   string `json:"latest_time,omitempty"`
	Cron         string `json:"cron_schedule,omitempty"`
	// Trigger is when the results of the search are an alert, in words, where any result is not enough.
	Trigger string `json:"trigger,omitempty"`
	// SuppressFields and SuppressPeriod are the throttling: SPL field names, and a time such as 24h.
	SuppressFields []string `json:"suppress_fields,omitempty"`
	SuppressPeriod string   `json:"suppress_period,omitempty"`
	// DataSource names the kinds of events that the rule is written for, in the words of its author ("Sysmon EventID 1").
	DataSource Words `json:"data_source,omitempty"`
	// Note is the investigation guide: drill-downs and next steps, as Markdown.
	Note string `json:"note,omitempty"`
	// References are addresses of pages about what the rule finds.
	References []string `json:"references,omitempty"`
	// Actions are what the alert does in Splunk, each with what takes its place in Elastic.
	Actions []string `json:"actions,omitempty"`
	// App and Owner say where a saved search lives in Splunk; Disabled says that it does not run there.
	App      string `json:"app,omitempty"`
	Owner    string `json:"owner,omitempty"`
	Disabled bool   `json:"disabled,omitempty"`
}

// ElasticRule is the rule for Elastic Security that a translation or a match gives.
type ElasticRule struct {
	Title          string        `json:"title"`
	Description    string        `json:"description,omitempty"`
	Severity       string        `json:"severity,omitempty"`
	RiskScore      int           `json:"risk_score,omitempty"`
	Query          string        `json:"query"`
	QueryLanguage  string        `json:"query_language"` // esql
	Index          []string      `json:"index"`
	PrebuiltRuleID string        `json:"prebuilt_rule_id,omitempty"`
	Threat         []Threat      `json:"threat,omitempty"`
	Interval       string        `json:"interval,omitempty"`
	From           string        `json:"from,omitempty"`        // date math, such as now-10m
	To             string        `json:"to,omitempty"`          // date math; empty means now
	MaxSignals     int           `json:"max_signals,omitempty"` // most alerts of one run
	Threshold      *Threshold    `json:"threshold,omitempty"`
	Suppression    *Suppression  `json:"suppression,omitempty"`
	LookupIndices  []LookupIndex `json:"lookup_indices,omitempty"`
	// Streams are the data streams that hold events of the kind that the draft reads, where there is more than one, with what
	// each has of the fields that the draft needs. They are of the compiler's draft: an edited query can need others.
	Streams []DataStream `json:"streams,omitempty"`
}

// DataStream is one of them.
type DataStream struct {
	Stream string   `json:"stream"` // integration and data stream, such as windows/sysmon_operational
	Index  string   `json:"index"`  // its index pattern
	Lacks  []string `json:"lacks"`  // needed fields that its documents never have, the first 50
	Read   bool     `json:"read"`   // false: a condition needs what it lacks
}

// Says is what the stream has, in words.
func (s DataStream) Says() string {
	what := "has every field"
	if len(s.Lacks) > 0 {
		what = "lacks " + strings.Join(s.Lacks, ", ")
	}
	if !s.Read {
		what += "; not read"
	}
	return s.Index + ": " + what
}

// Threat is one entry of Kibana's threat array.
type Threat struct {
	Framework string      `json:"framework"`
	Tactic    ThreatRef   `json:"tactic"`
	Technique []Technique `json:"technique,omitempty"`
}

// ThreatRef names a tactic or technique.
type ThreatRef struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Reference string `json:"reference"`
}

// Technique is a technique with its sub-techniques.
type Technique struct {
	ThreatRef
	Subtechnique []ThreatRef `json:"subtechnique,omitempty"`
}

// Threshold is a count condition.
type Threshold struct {
	Field []string `json:"field"`
	Value int      `json:"value"`
}

// Suppression is Kibana's alert suppression.
type Suppression struct {
	GroupBy  []string `json:"group_by"`
	Duration string   `json:"duration,omitempty"`
}

// LookupIndex is an index in lookup mode that a query needs.
type LookupIndex struct {
	Name string           `json:"name"`
	Body map[string]any   `json:"body"`
	Rows []map[string]any `json:"rows"`
}

// Position counts lines and columns (in characters) from 1.
type Position struct {
	Line   int `json:"line"`
	Column int `json:"column"`
}

// Diagnostic is one note on a rule, with its place in the SPL.
type Diagnostic struct {
	Code     string   `json:"code"`
	Severity string   `json:"severity"` // info, approximation or error
	Message  string   `json:"message"`
	Start    Position `json:"start"`
	End      Position `json:"end"`
	Command  string   `json:"command,omitempty"`
	Subject  string   `json:"subject,omitempty"`
}

// consequences are the codes of diagnostics that follow from another one, which names the cause.
var consequences = map[string]bool{"depends_on_hole": true, "no_draft": true}

// Consequence says whether the diagnostic only follows from another one.
func (d Diagnostic) Consequence() bool { return consequences[d.Code] }

// Causes are the errors that no other error explains, in their order: what has to be settled. Errors that are consequences
// count only where there is nothing else.
func Causes(ds []Diagnostic) []Diagnostic {
	var causes, errors []Diagnostic
	for _, d := range ds {
		if d.Severity != "error" {
			continue
		}
		errors = append(errors, d)
		if !d.Consequence() {
			causes = append(causes, d)
		}
	}
	if len(causes) == 0 {
		return errors
	}
	return causes
}

// Missing is a resource the rule refers to and nobody defined.
type Missing struct {
	Kind string `json:"kind"` // macro, lookup or datamodel
	Name string `json:"name"`
}

// Match is a prebuilt rule that replaces, or comes near to, the original.
type Match struct {
	RuleID string  `json:"rule_id"`
	Name   string  `json:"name"`
	Score  float64 `json:"score"`
	Why    string  `json:"why,omitempty"`
}

// HistoryEntry is one step in the life of a rule document.
type HistoryEntry struct {
	At     time.Time `json:"at"`
	By     string    `json:"by"`
	Action string    `json:"action"`
	Detail string    `json:"detail,omitempty"`
	// Earlier is what the rule had come to before a start that was asked to translate it again.
	Earlier *Earlier `json:"earlier,omitempty"`
}

// ActionRequeued names the step that put a rule back to pending after it had reached an end.
const ActionRequeued = "requeued"

// Actions of people, and of installations, in the history of a rule.
const (
	ActionEdited    = "edited"
	ActionReset     = "reset"
	ActionAccepted  = "accepted"
	ActionRejected  = "rejected"
	ActionReopened  = "reopened"
	ActionInstalled = "installed"
	ActionCommented = "commented"
)

// ReviewState is what was decided about a rule.
type ReviewState string

const (
	ReviewOpen      ReviewState = "open" // nothing yet; stored as no review at all
	ReviewAccepted  ReviewState = "accepted"
	ReviewRejected  ReviewState = "rejected"
	ReviewInstalled ReviewState = "installed" // a Kibana has it; only an installation says so
)

// Review is a decision about a rule, and whose it is.
type Review struct {
	State ReviewState `json:"state"`
	By    string      `json:"by"`
	At    time.Time   `json:"at"`
}

// Edited says who changed the Elastic rule last, and when.
type Edited struct {
	By string    `json:"by"`
	At time.Time `json:"at"`
}

// Earlier is the result that a repeated translation replaced, in short: Codes are those of the diagnostics.
type Earlier struct {
	Status         Status   `json:"status"`
	Result         Result   `json:"translation_result,omitempty"`
	ErrorCode      string   `json:"error_code,omitempty"`
	Query          string   `json:"query,omitempty"`
	PrebuiltRuleID string   `json:"prebuilt_rule_id,omitempty"`
	Codes          []string `json:"codes,omitempty"`
	// EditedBy wrote the query, and Review is what was decided about the rule.
	EditedBy  string    `json:"edited_by,omitempty"`
	Review    *Review   `json:"review,omitempty"`
	UpdatedAt time.Time `json:"updated_at"`
}

// Comment is a remark on a rule, by a step or a person.
type Comment struct {
	Message   string    `json:"message"`
	CreatedAt time.Time `json:"created_at"`
	CreatedBy string    `json:"created_by"`
}

// Token fences claims: the start epoch, and the number of the claim in it. A result is accepted only from the token the
// rule holds.
type Token struct {
	Epoch int64 `json:"epoch"`
	Claim int64 `json:"claim"`
}

// Rule is a rule document.
type Rule struct {
	Timestamp    time.Time    `json:"@timestamp"`
	ID           string       `json:"id"`
	MigrationID  string       `json:"migration_id"`
	CreatedBy    string       `json:"created_by"`
	Original     OriginalRule `json:"original_rule"`
	Elastic      *ElasticRule `json:"elastic_rule,omitempty"`
	Result       Result       `json:"translation_result,omitempty"`
	Verification Verification `json:"verification,omitempty"`
	Matched      *Match       `json:"matched_rule,omitempty"`
	Near         []Match      `json:"near_rules"`
	Status       Status       `json:"status"`
	ErrorCode    string       `json:"error_code,omitempty"`
	Comments     []Comment    `json:"comments"`
	Diagnostics  []Diagnostic `json:"diagnostics"`
	Missing      []Missing    `json:"missing,omitempty"`
	// Compiled is the compiler's own draft, kept beside a prebuilt match that replaced it in Elastic.
	Compiled *ElasticRule `json:"compiled_rule,omitempty"`
	// CompilerVersion names the compiler that made the translation: what it is made of gives the name, so that two of the
	// same name make the same of a rule. Empty before the first translation.
	CompilerVersion string         `json:"compiler_version,omitempty"`
	History         []HistoryEntry `json:"history"`
	// Revision grows with every stored change of the document, from 1.
	Revision int64 `json:"revision,omitempty"`
	// Review is what was decided about the rule; nil means that it is open.
	Review *Review `json:"review,omitempty"`
	// Edited is set while Elastic is a person's; Draft is then what Elastic was before, nil where there was nothing.
	Edited    *Edited      `json:"edited,omitempty"`
	Draft     *ElasticRule `json:"draft,omitempty"`
	UpdatedAt time.Time    `json:"updated_at"`
	UpdatedBy string       `json:"updated_by"`
	// Token is the fence; it is stored beside the document and not shown.
	Token Token `json:"-"`
}

// Ended says whether the rule has reached an end: only a person or another start changes it then.
func (r Rule) Ended() bool { return r.Status == StatusFinished || r.Status == StatusError }

// ReviewState is what was decided about the rule.
func (r Rule) ReviewState() ReviewState {
	if r.Review == nil {
		return ReviewOpen
	}
	return r.Review.State
}

// Replaced says whether a prebuilt rule takes the place of the rule: it matches, and no person has written another query.
func (r Rule) Replaced() bool { return r.Matched != nil && r.Edited == nil }

// Settled says whether a person has edited, accepted or rejected the rule, so that a start which translates kinds of rules
// again leaves it out. An installation does not undo what was decided before it.
func (r Rule) Settled() bool {
	if r.Edited != nil {
		return true
	}
	switch r.ReviewState() {
	case ReviewAccepted, ReviewRejected:
		return true
	case ReviewInstalled:
		for _, h := range slices.Backward(r.History) {
			switch h.Action {
			case ActionAccepted, ActionRejected:
				return true
			case ActionReopened, ActionRequeued, ActionEdited, ActionReset:
				return false
			}
		}
	}
	return false
}

// ResourceType is macro or lookup, or one of those that are kept with a migration and not used by translations yet.
type ResourceType string

const (
	ResourceMacro  ResourceType = "macro"
	ResourceLookup ResourceType = "lookup"
	// Definition of the rest is the stanza's settings, one "key = value" a line, or the JSON of a data model.
	ResourceEventtype ResourceType = "eventtype"
	ResourceTag       ResourceType = "tag"
	ResourceProps     ResourceType = "props"
	ResourceDatamodel ResourceType = "datamodel"
	// ResourceSetting is a setting of the migration's translations: its name and, as definition, its value.
	ResourceSetting ResourceType = "setting"
)

// SettingTimeZone is the setting with the time zone of the search head, such as Europe/Berlin; empty for the house's own.
const SettingTimeZone = "time_zone"

// Used says whether translations use resources of the type.
func (t ResourceType) Used() bool {
	return t == ResourceMacro || t == ResourceLookup || t == ResourceSetting
}

// Known says whether there is such a type.
func (t ResourceType) Known() bool {
	switch t {
	case ResourceMacro, ResourceLookup, ResourceEventtype, ResourceTag, ResourceProps, ResourceDatamodel, ResourceSetting:
		return true
	}
	return false
}

// Resource is a macro, a lookup or another thing of ResourceType that belongs to one migration. Name carries the arity for macros (foo(1)).
type Resource struct {
	Type       ResourceType        `json:"type"`
	Name       string              `json:"name"`
	Definition string              `json:"definition,omitempty"`
	Arguments  []string            `json:"arguments,omitempty"`
	IsEval     bool                `json:"iseval,omitempty"`
	Kind       string              `json:"kind,omitempty"`
	Columns    []string            `json:"columns,omitempty"`
	Rows       []map[string]string `json:"rows,omitempty"`
	TotalRows  int                 `json:"total_rows,omitempty"`
	// MatchType, CaseSensitive and the rest describe a lookup as transforms.conf does.
	MatchType          string `json:"match_type,omitempty"`
	CaseSensitiveMatch *bool  `json:"case_sensitive_match,omitempty"`
	MaxMatches         int    `json:"max_matches,omitempty"`
	MinMatches         int    `json:"min_matches,omitempty"`
	DefaultMatch       string `json:"default_match,omitempty"`
	// App is the app that keeps the resource to itself: rules of another one do not see it, and Owner the user who does. Empty:
	// every rule sees it.
	App   string `json:"app,omitempty"`
	Owner string `json:"owner,omitempty"`
}

// HiddenFrom says that Splunk does not see the resource from where a rule is. Where that is not known, all is seen.
func (r Resource) HiddenFrom(rule OriginalRule) bool {
	if rule.App == "" || r.App == "" {
		return false
	}
	return r.App != rule.App || r.Owner != "" && r.Owner != rule.Owner
}

// Stats is the answer of the stats calls.
type Stats struct {
	MigrationID string    `json:"migration_id,omitempty"`
	Status      State     `json:"status"`
	Rules       Counts    `json:"rules"`
	LastUpdated time.Time `json:"last_updated_at"`
	ParkReason  string    `json:"park_reason,omitempty"`
	// Errors counts the rules in error by their code.
	Errors map[string]int `json:"errors,omitempty"`
}
