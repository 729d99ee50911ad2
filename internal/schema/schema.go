// Package schema knows where Splunk's data lives in Elastic: CIM data models and raw data sources to index patterns,
// their fields to ECS and integration fields with type, array and length facts, and the values integrations change.
// It uses the standard library only; overrides arrive as values.
package schema

import (
	"regexp"
	"strings"
)

// Support says how well a field or a model is supported.
type Support int

const (
	// None means there is no counterpart: a hole.
	None Support = iota
	// Exact means the set of alerting rows cannot differ because of the mapping.
	Exact
	// Medium is Exact with less certainty; it carries an info note.
	Medium
	// Approximate means rows can differ; Reason says when.
	Approximate
)

// Array says whether a field can hold several values.
type Array int

const (
	// Single fields hold one value at most.
	Single Array = iota
	// MaybeArray fields were not listed as arrays but scripts build lists there.
	MaybeArray
	// AlwaysArray fields are lists by definition (event.category).
	AlwaysArray
)

// Field is one target field, or an expression over one, for a source field.
type Field struct {
	// Source is the Splunk name that was asked for.
	Source string
	// Name is the Elasticsearch field; empty with Support None.
	Name string
	// Type is the Elasticsearch type: keyword, wildcard, text, match_only_text, long, integer, double, boolean, ip, date,
	// flattened, constant_keyword, ….
	Type  string
	Array Array
	// IgnoreAbove is the length in characters above which ES|QL sees null; 0 when there is no limit.
	IgnoreAbove int
	// Fn, when not empty, is a one-argument ES|QL function to apply to Name (LENGTH over url.original).
	Fn string
	// Default, when not empty, is the value Splunk's add-on writes where the integration stores none (errorCode is
	// "success" where AWS reports no error): the field reads as COALESCE(Name, Default).
	Default string
	// Also are further fields that hold the value in other streams of the source: it reads as COALESCE(Name, Also…).
	Also []string
	// AsText says that Name and Also are of different types: each is read as text, and Type is keyword.
	AsText  bool
	Support Support
	// FormatOnly, with Support Approximate, says that the field tells the same rows apart and only spells its values
	// otherwise: grouping by it, counting and showing it are exact but for display (an info note), comparing it with a
	// literal is an approximation.
	FormatOnly bool
	// Reason says why the mapping is what it is, in words for the user; always set unless Support is Exact.
	Reason string
	// Values maps a Splunk value, lower case, to the values the integration stores instead; nil when values are unchanged.
	Values map[string][]string
	// ValuesComplete says that a value missing from Values cannot occur.
	ValuesComplete bool
	// Written, when not empty, is a part of values that some streams write in another way: values with the first text may
	// have the second in its place.
	Written [2]string
	// Candidate is, for Support None, the Elasticsearch field that would hold the value if it were known; never emitted,
	// only shown to the user.
	Candidate string
	// Extract, only with Support None, tells how the value could be read out of a longer text that is stored; unless it is
	// Exact, whoever uses it has an approximation, since the text depends on the language and version of what wrote it.
	Extract *Extraction
	// Dynamic says that the index knows the field only once an event has had it: a query with it is refused until then.
	Dynamic bool
	// DynamicOnly says that nothing else keeps a Dynamic field's mapping from being exact.
	DynamicOnly bool
	// Proof says what shows that documents have the field.
	Proof Proof
	// LowerCase says the integration stores only lower-case values, so a lower-cased literal can be compared directly.
	LowerCase bool
	// Doubts are values that some documents have in another place or form, so that comparing with one is an approximation.
	Doubts []Doubt
	// Held is the value that stands for none in some events that the query can select, and that the pipeline drops: a group of
	// those events is missing.
	Held string
}

// Doubt is a set of values, and why comparing with one of them can differ.
type Doubt struct {
	Values *regexp.Regexp
	// Spelled says that documents have the values, some of them written another way.
	Spelled bool
	// Dropped says that the values stand for none, and that no document has the field where the event has one of them.
	Dropped bool
	Reason  string
}

// Doubted says why comparing the field with a text or pattern of * can differ; empty where it cannot.
func (f *Field) Doubted(text string) string {
	for _, d := range f.Doubts {
		if d.Values.MatchString(text) {
			return d.Reason
		}
	}
	return ""
}

// DoubtedNot says why asking that the field is there and differs from a text or pattern of * can differ; empty where it cannot.
// Documents lack the doubted values, so that none of them passes, whatever the text is; that is right where the only one of
// them is the text itself. Numbers are left out: what is no port in the first place is not what a rule asks not to have.
func (f *Field) DoubtedNot(text string) string {
	switch family(f.Type) {
	case "integer", "long", "double", "unsigned_long":
		return ""
	}
	for _, d := range f.Doubts {
		if d.Dropped {
			continue // whether events have such a value of the field at all, a rule does not say
		}
		if d.Spelled {
			if d.Values.MatchString(text) {
				return d.Reason
			}
			continue
		}
		only := strings.TrimSuffix(strings.TrimPrefix(d.Values.String(), "(?i)^"), "$")
		if only == regexp.QuoteMeta(only) && strings.EqualFold(only, text) {
			continue
		}
		return d.Reason
	}
	return ""
}

// WrittenAlso is how some streams write a text or pattern of the field instead; empty where all write it the same way.
func (f *Field) WrittenAlso(text string) string {
	from, to := f.Written[0], f.Written[1]
	if from == "" {
		return ""
	}
	if len(from) == 1 {
		if also := strings.ReplaceAll(text, from, to); also != text {
			return also // a letter is written another way wherever it stands
		}
		return ""
	}
	i := strings.Index(strings.ToLower(text), strings.ToLower(from))
	if i < 0 || i+len(from) > len(text) {
		return ""
	}
	return text[:i] + to + text[i+len(from):]
}

// Extraction reads a value out of a text: group 1 of the first match of Regex in the field Name, no value without a match.
type Extraction struct {
	// Name and Type are the Elasticsearch field that holds the text; IgnoreAbove is its length limit.
	Name, Type  string
	IgnoreAbove int
	// Regex is in the syntax of Java, which REPLACE uses, and has one group.
	Regex string
	// Reason says where the value is read from and when that can differ.
	Reason string
	// Exact says that Splunk's add-on cuts the value out in the same way, so that nothing can differ.
	Exact bool
	// Values maps a Splunk value, lower case, to what the text says instead.
	Values map[string][]string
}

// Constraint is a filter a source implies: the field holds one of the values. On arrays any value counts.
type Constraint struct {
	Field  string
	Array  Array
	Type   string
	Values []string
	// Not says that the field holds none of the values, or is missing.
	Not bool
}

// Source is one data source: a CIM data set, a data-source macro, or what index, source and sourcetype predicates name.
type Source struct {
	// Name is "Endpoint.Processes", "sysmon", "linux_auditd", …
	Name    string
	Support Support
	Reason  string
	// DataModel is true for CIM data sets: missing group fields are filled with "unknown" there.
	DataModel bool
	// Indices are the index patterns for FROM.
	Indices []string
	// Streams are the integration/data_stream pairs behind Indices ("windows/sysmon_operational").
	Streams []string
	// Only names, for a stream that has other events too, the fields that tell those of the source: the stream is read where a
	// condition needs one of them, and beside the others.
	Only map[string][]string
	// Named are streams that are read where a rule says that it is written for them (With).
	Named []string
	// IndexNames are names that indices of such events commonly have: they hint at the source and do not settle it.
	IndexNames []string
	// Constraints hold for every event of the source and become the first filter.
	Constraints []Constraint

	schema     *Schema
	matches    []condition
	narrows    []narrowing
	maps       map[string][]mapping
	doubts     map[string][]Doubt
	lists      map[string]bool          // Splunk lists whose elements are fields of their own
	lines      func() map[string][]line // maps with their fields resolved, at first use
	cache      *fieldCache              // what other names resolved to
	autos      []auto
	texts      []autoText
	prefixes   []string         // leading parts of names that rules drop with "rename properties.* as *"
	operations []string         // Splunk fields whose values name kinds of events, as event codes do
	extraECS   bool             // fields of ECS count as known although no stream lists them
	overrides  map[string]Field // by Splunk name
	extra      map[string]Field // Elasticsearch fields that overrides brought in
}

// Hint narrows a look-up by what the query's filters already fix, because pipelines move fields per event code.
type Hint struct {
	// EventCodes are the event codes, or the operations of a source that has them (Source.SelectsOperation), that the query
	// admits; empty when any.
	EventCodes []string
}
