// Package translate compiles SPL to ES|QL: deterministic, pure, standard library only. Each SPL command has one file;
// functions.go is one table. Whatever cannot be lowered exactly becomes a named approximation or a named hole with its
// place in the SPL; nothing is dropped in silence.
package translate

import (
	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/schema"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// Target is the Elasticsearch version the output is for.
type Target string

const (
	// Target8 is 8.19, the default: everything emitted runs there.
	Target8 Target = "8.19"
	// Target9 may use INLINE STATS, FORK, FIRST and LAST: parsed by the checker, not run.
	Target9 Target = "9.x"
)

// Result is how much of a rule was translated.
type Result string

// Full has info notes only; Partial has at least one approximation or error, with a draft; Untranslatable has no
// useful draft.
const (
	Full           Result = "full"
	Partial        Result = "partial"
	Untranslatable Result = "untranslatable"
)

// Severity of a diagnostic.
type Severity string

// Info: the alerting rows and their keys cannot differ. Approximation: they can, the message says when. Error: a hole.
const (
	Info          Severity = "info"
	Approximation Severity = "approximation"
	Error         Severity = "error"
)

// Diagnostic is one note with its place in the SPL as the user wrote it.
type Diagnostic struct {
	Code     string
	Severity Severity
	Message  string // what, and what to do
	Span     spl.Span
	// Also holds the other places of the same finding, in source order.
	Also []spl.Span
	// Command is the SPL command it belongs to ("stats"), Subject the field, function, macro or option it is about; both
	// feed the counts of causes.
	Command, Subject string
}

// Macro is a macro definition. Name has no arity.
type Macro struct {
	Name       string
	Arguments  []string
	Definition string
	Eval       bool // iseval
}

// Lookup is a lookup table, or what is known of it.
type Lookup struct {
	Name      string
	Kind      string // csv, kvstore
	Columns   []string
	Rows      []map[string]string
	TotalRows int // more than len(Rows) means incomplete
	// MatchType maps a column to WILDCARD or CIDR; absent columns match exactly.
	MatchType     map[string]string
	CaseSensitive bool
	MaxMatches    int // 0: Splunk's default
	DefaultMatch  string
	MinMatches    int
}

// Hidden is a macro or lookup that another app or a user keeps private.
type Hidden struct {
	Kind, Name string
	Whose      string // whom it is kept by, as the end of a sentence about it
}

// Request is one rule to compile. Query is the only required member.
type Request struct {
	ID, Title, Description string
	Query                  string
	// DataSources name the kinds of events that the rule is written for, in the words of its author ("Sysmon EventID 1"). A data
	// model reads the streams of those that its table names beside its own; what is not read is said.
	DataSources []string
	// SuppressFields and SuppressPeriod are the saved search's throttling: SPL field names, and a time such as 24h.
	SuppressFields []string
	SuppressPeriod string
	// Types are field types for the identity schema of this one request.
	Types map[string]string
}

// Options are fixed for a Compiler.
type Options struct {
	Schema  *schema.Schema
	Macros  []Macro
	Lookups []Lookup
	// Hidden are macros and lookups that the rules may name and that Splunk does not see from where the rules are.
	Hidden []Hidden
	Target Target
	// Index replaces the FROM patterns when not empty.
	Index []string
	// Zone is the time zone of Splunk's search head; nil where it is not known, and UTC stands in its place with a note.
	Zone *Zone
	// UnmappedNull lets a draft for 9.x read a field that no index maps as null, with SET unmapped_fields, which is in preview
	// since 9.4.
	UnmappedNull bool
	// MaxQueryBytes and MaxDepth cap the input; zero means the defaults (1 MiB, 200).
	MaxQueryBytes, MaxDepth int
	// MaxSteps caps the work on one rule, after which the rule is too_complex; zero means budget.DefaultSteps.
	MaxSteps int
}

// Output is the result of one compilation. It is a function of the request and the options alone.
type Output struct {
	Result      Result
	ESQL        *esql.Query // nil when untranslatable
	Query       string      // ESQL printed
	Index       []string
	Diagnostics []Diagnostic // in source order
	Rule        Rule
	Lookups     []LookupIndex
	Missing     []Missing
	Stages      []Stage // for --explain
	// Streams is what each data stream behind Index has of the fields that the query needs; nil where that is not known.
	Streams []StreamFields
}

// Rule holds what the search says of the alert-level settings.
type Rule struct {
	Window      Window
	Threshold   *Threshold
	Suppression *Suppression
}

// Window is what the search itself says of the time that one run looks at.
type Window struct {
	// Start is the search's own earliest=, as written; empty when it has none that the rule's look-back can hold.
	Start string
	// PartLookBack is the longest look-back in seconds of a part of the search that has a range of its own, OpenPart says
	// that another part has none.
	PartLookBack int64
	OpenPart     bool
	// Span is the longest interval of time in seconds that the search groups by.
	Span int64
	// Baseline says that rows of such intervals are compared with each other (eventstats, streamstats), so that the window
	// has to hold many of them.
	Baseline bool
	// Rows is the most rows that the draft gives, 0 where nothing but Elasticsearch's own limit bounds them.
	Rows int
	// Combines says that a row depends on several events, so that it matters which events one run sees together.
	Combines bool
	// Keys are the columns that the last aggregation groups by.
	Keys []string
}

// Threshold is a count condition that the ES|QL also carries.
type Threshold struct {
	Fields []string
	Value  int
}

// Suppression is Kibana's alert suppression.
type Suppression struct {
	Fields   []string
	Duration string
}

// LookupIndex is an index in lookup mode that the query needs.
type LookupIndex struct {
	Name string
	// Body is the creation body: settings with index.mode lookup, and mappings.
	Body map[string]any
	Rows []map[string]any
}

// Missing is a resource the rule refers to and nobody defined; each is listed once.
type Missing struct {
	Kind, Name string // macro, lookup or datamodel
}

// Stage pairs one SPL command with the ES|QL it became.
type Stage struct {
	SPL     spl.Span
	Command string
	ESQL    []string
	Offsets []int32 // where each of ESQL begins in Query, in bytes
	Notes   []int   // indices into Diagnostics
}
