// Package report sums up a migration: counts by status and result, what was matched, what kept rules from being full,
// and which resources are missing.
package report

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// Report is the summary of one migration; its JSON is report.json.
type Report struct {
	MigrationID string          `json:"migration_id"`
	Name        string          `json:"name,omitempty"`
	State       migration.State `json:"state"`
	ParkReason  string          `json:"park_reason,omitempty"`
	ConnectorID string          `json:"connector_id,omitempty"`
	GeneratedAt time.Time       `json:"generated_at"`

	// Statuses counts rules by status.
	Statuses migration.Counts `json:"statuses"`
	// Results counts finished rules by what the compiler and the model made of them; Matched those of them that a
	// prebuilt rule replaces. A matched rule stands in both.
	Results Results `json:"results"`
	Matched Matched `json:"matched"`
	// Reviews counts rules by what people decided about them: open, accepted, rejected or installed. Edited counts those whose
	// Elastic rule is a person's.
	Reviews map[migration.ReviewState]int `json:"reviews"`
	Edited  int                           `json:"edited"`
	// Near counts rules without a match for which similar prebuilt rules are listed.
	Near int `json:"near"`
	// FullOrApproximations counts rules without a hole: full ones, and partial ones with approximations only.
	FullOrApproximations int            `json:"full_or_approximations_only"`
	Verification         map[string]int `json:"verification"`
	// Classes counts every rule once, by what became of it; BySource does so for each index pattern that translations read,
	// ByApp for each app of Splunk's. A rule that reads several patterns stands under each.
	Classes  map[Class]int `json:"classes"`
	BySource []Breakdown   `json:"by_source"`
	ByApp    []Breakdown   `json:"by_app,omitempty"`
	MITRE    Tactics       `json:"mitre"`
	// Compilers names the compilers that made the translations.
	Compilers []Count `json:"compiler_versions"`
	Errors    []Count `json:"errors"`

	// Causes are what kept rules from being full, largest first: each triple, then by one part of it. What only follows from
	// another cause of the same rule is none.
	Causes []Cause `json:"causes"`
	// Kinds are the causes by what they are, best first: what brings most rules nearest to full.
	Kinds     []CauseKind `json:"cause_kinds"`
	ByCode    []Count     `json:"causes_by_code"`
	ByCommand []Count     `json:"causes_by_command"`
	BySubject []Count     `json:"causes_by_subject"`

	Missing []MissingResource `json:"missing"`
	// LookupIndices are the indices to create for LOOKUP JOIN, those with conflicts first.
	LookupIndices []LookupIndex `json:"lookup_indices"`
	// Known are definitions that came with the rules and are not used yet.
	Known []Known `json:"known_not_used,omitempty"`
	// Installations are where the rules were installed, the oldest first.
	Installations []Installation `json:"installations,omitempty"`
	// Unfinished lists every rule that is not full and that no prebuilt rule replaces, with its first cause: rules in error,
	// then untranslatable ones, then partial ones, the first maxListed of each.
	Unfinished []Listed `json:"unfinished"`
	// Replaced lists the matched rules with the prebuilt rule of each and on what it alerts more, the first maxListed.
	Replaced []Replaced `json:"replaced,omitempty"`
	// Unlisted counts the rules that Unfinished leaves out.
	Unlisted int `json:"unlisted,omitempty"`
}

// Results counts rules by translation result.
type Results = migration.ResultCounts

// Matched counts rules that a prebuilt rule replaces, in all and by the result of their own translation.
type Matched struct {
	Total int `json:"total"`
	Results
}

// Cause is one reason why rules are not full.
type Cause struct {
	// Key names the cause in queries; it is the same in every migration.
	Key string `json:"key"`
	// Item names the item of CauseKind that the cause is counted under.
	Item     string `json:"item"`
	Code     string `json:"code"`
	Severity string `json:"severity"`
	Command  string `json:"command,omitempty"`
	Subject  string `json:"subject,omitempty"`
	// Rules counts rules with the cause, Sole those that have no other.
	Rules int `json:"rules"`
	Sole  int `json:"sole"`
	// Example is the message of the first such diagnostic.
	Example string `json:"example"`
}

// Count is a name with the number of rules it concerns.
type Count struct {
	Name  string `json:"name"`
	Rules int    `json:"rules"`
}

// codeFilterMissing is said of the filter macro of a rule.
const codeFilterMissing = "filter_macro_missing"

// MissingResource is a macro, lookup or data model that rules refer to and nobody defined.
type MissingResource struct {
	migration.Missing
	Rules int `json:"rules"`
	// Known says that the definition came with the rules: it is stored, and translations do not read its type yet.
	Known bool `json:"known,omitempty"`
	// Filter says that it is a filter macro.
	Filter bool `json:"filter,omitempty"`
}

// Advice says what to do about it where giving the definition does not help, and is empty otherwise.
func (m MissingResource) Advice() string {
	if m.Known {
		return "came with the rules; not read yet"
	}
	return ""
}

// Listed is a rule that needs somebody's attention. Line and Column are the place of its first cause in the SPL, 0 where it
// has none; Causes counts all of them.
type Listed struct {
	ID     string `json:"id"`
	Title  string `json:"title"`
	Status string `json:"status"`
	Result string `json:"translation_result,omitempty"`
	Why    string `json:"why"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	Causes int    `json:"causes,omitempty"`
	// Review is what was decided about it, EditedBy who wrote its query; empty where nobody did.
	Review   migration.ReviewState `json:"review,omitempty"`
	EditedBy string                `json:"edited_by,omitempty"`
}

// Replaced is a rule that a prebuilt rule replaces.
type Replaced struct {
	ID     string `json:"id"`
	Title  string `json:"title"`
	RuleID string `json:"rule_id"` // of the prebuilt rule
	Name   string `json:"name"`
	Why    string `json:"why"`
}

// maxListed bounds each part of Unfinished: the documents themselves stand in rules.ndjson.
const maxListed = 20_000

type causeKey struct{ code, severity, command, subject string }

func (k causeKey) hash() string {
	sum := sha256.Sum256([]byte(k.code + "\x00" + k.severity + "\x00" + k.command + "\x00" + k.subject))
	return hex.EncodeToString(sum[:6])
}

// CausesOf are the causes of one rule, each once: its own part of Report.Causes, with the message of the first such
// diagnostic as Example. Rules that are full, or that have not reached a decision, have none.
func CausesOf(rule migration.Rule) []Cause {
	if rule.Status != migration.StatusFinished || rule.Result == migration.Full {
		return nil
	}
	var causes []Cause
	seen := map[causeKey]bool{}
	for _, d := range Causes(rule.Diagnostics) {
		k := causeKey{d.Code, d.Severity, d.Command, d.Subject}
		if !seen[k] {
			seen[k] = true
			c := Cause{Key: k.hash(), Code: d.Code, Severity: d.Severity, Command: d.Command, Subject: d.Subject, Example: d.Message}
			c.Item = c.itemKey()
			causes = append(causes, c)
		}
	}
	return causes
}

// SortCauses puts the causes that hold most rules back first.
func SortCauses(causes []Cause) {
	slices.SortFunc(causes, func(x, y Cause) int {
		return cmp.Or(cmp.Compare(y.Rules, x.Rules), cmp.Compare(y.Sole, x.Sole), cmp.Compare(x.Code, y.Code),
			cmp.Compare(x.Severity, y.Severity), cmp.Compare(x.Command, y.Command), cmp.Compare(x.Subject, y.Subject))
	})
}

// Builder sums up rule after rule; it holds counts, never documents.
type Builder struct {
	r         Report
	errors    map[string]int
	causes    map[string]*Cause
	kinds     kindCounts
	byCode    map[string]int
	byCommand map[string]int
	bySubject map[string]int
	missing   map[migration.Missing]int
	filters   map[migration.Missing]int // of these, where it is a filter macro
	lookups   map[string]*lookupUse
	sources   breakdowns
	apps      breakdowns
	mitre     coverage
	compilers map[string]int
	untrans   []Listed
	partial   []Listed
}

// NewBuilder starts the report of a migration.
func NewBuilder(m migration.Migration, at time.Time) *Builder {
	return &Builder{
		r: Report{
			MigrationID: m.ID, Name: m.Name, State: m.State, ParkReason: m.ParkReason, ConnectorID: m.ConnectorID,
			GeneratedAt: at.UTC(), Verification: map[string]int{}, Classes: map[Class]int{}, Reviews: map[migration.ReviewState]int{},
		},
		errors: map[string]int{}, causes: map[string]*Cause{}, kinds: newKindCounts(),
		byCode: map[string]int{}, byCommand: map[string]int{}, bySubject: map[string]int{},
		missing: map[migration.Missing]int{}, filters: map[migration.Missing]int{}, lookups: map[string]*lookupUse{},
		sources: breakdowns{}, apps: breakdowns{}, mitre: newCoverage(), compilers: map[string]int{},
	}
}

// Add counts one rule.
func (b *Builder) Add(rule migration.Rule) {
	b.r.Statuses.Total++
	b.r.Reviews[rule.ReviewState()]++
	if rule.Edited != nil {
		b.r.Edited++
	}
	b.classify(rule)
	switch rule.Status {
	case migration.StatusPending:
		b.r.Statuses.Pending++
		return
	case migration.StatusProcessing:
		b.r.Statuses.Processing++
		return
	case migration.StatusError:
		b.r.Statuses.Failed++
		b.errors[rule.ErrorCode]++
		b.list(&b.r.Unfinished, rule)
		return
	}
	b.r.Statuses.Finished++
	b.r.Results.Add(rule.Result, 1)
	if rule.Replaced() {
		b.r.Matched.Total++
		b.r.Matched.Add(rule.Result, 1)
		if len(b.r.Replaced) < maxListed {
			b.r.Replaced = append(b.r.Replaced, Replaced{
				ID: rule.ID, Title: rule.Original.Title, RuleID: rule.Matched.RuleID, Name: rule.Matched.Name, Why: rule.Matched.Why,
			})
		}
	} else if len(rule.Near) > 0 {
		b.r.Near++
	}
	if rule.Verification != "" {
		b.r.Verification[string(rule.Verification)]++
	}
	for _, m := range rule.Missing {
		b.missing[m]++
		if slices.ContainsFunc(rule.Diagnostics, func(d migration.Diagnostic) bool { return d.Code == codeFilterMissing && d.Subject == m.Name }) {
			b.filters[m]++
		}
	}
	b.addLookups(rule)
	holes := b.addCauses(rule)
	if rule.Result == migration.Full || (rule.Result == migration.Partial && !holes) {
		b.r.FullOrApproximations++
	}
	switch {
	case rule.Replaced():
	case rule.Result == migration.Untranslatable:
		b.list(&b.untrans, rule)
	case rule.Result == migration.Partial:
		b.list(&b.partial, rule)
	}
}

// classify counts what became of the rule, by the parts of the migration that it belongs to.
func (b *Builder) classify(rule migration.Rule) {
	class := ClassOf(rule)
	b.r.Classes[class]++
	for _, name := range Sources(rule) {
		b.sources.add(name, class)
	}
	if rule.Original.App != "" {
		b.apps.add(rule.Original.App, class)
	}
	b.mitre.add(rule, class)
	if rule.CompilerVersion != "" {
		b.compilers[rule.CompilerVersion]++
	}
}

// Causes are the diagnostics that keep a rule from being full, first things first: holes, then approximations; what only
// follows from a hole is left out.
func Causes(ds []migration.Diagnostic) []migration.Diagnostic {
	causes := migration.Causes(ds)
	for _, d := range ds {
		if d.Severity == "approximation" {
			causes = append(causes, d)
		}
	}
	return causes
}

// addCauses counts each cause once a rule and reports whether one of them is a hole.
func (b *Builder) addCauses(rule migration.Rule) (holes bool) {
	if rule.Result == migration.Full {
		return false
	}
	causes := CausesOf(rule)
	b.kinds.add(causes)
	codes, commands, subjects := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, one := range causes {
		holes = holes || one.Severity == "error"
		codes[one.Code] = true
		commands[one.Command] = true
		subjects[one.Subject] = true
		c := b.causes[one.Key]
		if c == nil {
			c = &one
			b.causes[one.Key] = c
		}
		c.Rules++
		if len(causes) == 1 {
			c.Sole++
		}
	}
	for set, counts := range map[*map[string]bool]map[string]int{&codes: b.byCode, &commands: b.byCommand, &subjects: b.bySubject} {
		for name := range *set {
			if name != "" {
				counts[name]++
			}
		}
	}
	return holes
}

func (b *Builder) list(to *[]Listed, rule migration.Rule) {
	if len(*to) == maxListed {
		b.r.Unlisted++
		return
	}
	l := Listed{ID: rule.ID, Title: rule.Original.Title, Status: string(rule.Status), Result: string(rule.Result)}
	if rule.Review != nil {
		l.Review = rule.Review.State
	}
	if rule.Edited != nil {
		l.EditedBy = rule.Edited.By
	}
	if rule.Status == migration.StatusError {
		l.Why = rule.ErrorCode
	} else if causes := Causes(rule.Diagnostics); len(causes) > 0 {
		first := causes[0]
		l.Why, l.Line, l.Column, l.Causes = first.Message, first.Start.Line, first.Start.Column, len(causes)
	}
	*to = append(*to, l)
}

// Report returns the sum.
func (b *Builder) Report() Report {
	r := b.r
	r.Errors = counts(b.errors)
	r.ByCode, r.ByCommand, r.BySubject = counts(b.byCode), counts(b.byCommand), counts(b.bySubject)
	r.Causes = make([]Cause, 0, len(b.causes))
	for _, c := range b.causes {
		r.Causes = append(r.Causes, *c)
	}
	SortCauses(r.Causes)
	r.Kinds = b.kinds.list()
	r.Missing = make([]MissingResource, 0, len(b.missing))
	for m, n := range b.missing {
		known := slices.ContainsFunc(r.Known, func(k Known) bool { return k.has(m) })
		r.Missing = append(r.Missing, MissingResource{Missing: m, Rules: n, Known: known, Filter: b.filters[m] == n})
	}
	slices.SortFunc(r.Missing, func(x, y MissingResource) int {
		return cmp.Or(cmp.Compare(y.Rules, x.Rules), cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Name, y.Name))
	})
	r.LookupIndices = b.lookupIndices()
	r.Unfinished = slices.Concat(r.Unfinished, b.untrans, b.partial)
	if r.Unfinished == nil {
		r.Unfinished = []Listed{}
	}
	r.Verification, r.Classes, r.Reviews = maps.Clone(r.Verification), maps.Clone(r.Classes), maps.Clone(r.Reviews)
	r.BySource, r.ByApp, r.MITRE, r.Compilers = b.sources.list(), b.apps.list(), b.mitre.sum(), counts(b.compilers)
	return r
}

func counts(m map[string]int) []Count {
	out := make([]Count, 0, len(m))
	for name, n := range m {
		out = append(out, Count{name, n})
	}
	slices.SortFunc(out, func(x, y Count) int { return cmp.Or(cmp.Compare(y.Rules, x.Rules), cmp.Compare(x.Name, y.Name)) })
	return out
}
