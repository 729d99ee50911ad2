package schema

// Schema is an immutable set of sources. The zero value is not usable: call Default or Identity.
type Schema struct {
	identity bool
	types    map[string]string
	index    []string
}

// Default returns the built-in schema.
func Default() *Schema { panic("being written") }

// Identity returns a schema that keeps every field name as it is (_time is @timestamp), with the given Elasticsearch
// types (default keyword), for one index pattern.
func Identity(index []string, types map[string]string) *Schema {
	return &Schema{identity: true, types: types, index: index}
}

// Overrides adds to or changes the built-in schema; config parses it from YAML.
type Overrides struct {
	Sources map[string]SourceOverride
}

// SourceOverride adds or changes one source; empty members leave the built-in ones.
type SourceOverride struct {
	Indices []string
	Fields  map[string]FieldOverride
}

// FieldOverride sets one field of a source.
type FieldOverride struct {
	Name, Type  string
	Array       bool
	IgnoreAbove int
	Values      map[string][]string
}

// With returns a copy with the overrides applied; errors name the place in the overrides.
func (s *Schema) With(o Overrides) (*Schema, error) { panic("being written") }

// DataModel finds a CIM data set by its name in tstats or from ("Endpoint.Processes", "Web", "Web.Web").
func (s *Schema) DataModel(name string) (*Source, bool) { panic("being written") }

// Macro finds a known data-source macro by name ("sysmon", "wineventlog_security").
func (s *Schema) Macro(name string) (*Source, bool) { panic("being written") }

// Predicate is one equality of a raw search on a metadata field (index, source, sourcetype, eventtype, Channel, …).
type Predicate struct {
	Field, Value string // Value may hold wildcards
}

// Match finds the source that equality predicates on metadata fields name, and which of them it consumes (they need no
// filter any more).
func (s *Schema) Match(ps []Predicate) (src *Source, consumed []bool, ok bool) {
	panic("being written")
}

// Field resolves a Splunk field of the source. Unknown names give Support None with a reason; nothing is invented.
// Names that already are fields of the source's catalogue resolve to themselves.
func (s *Source) Field(name string, h Hint) Field { panic("being written") }

// Known reports whether an Elasticsearch field exists in any stream of the source, with its facts.
func (s *Source) Known(name string) (Field, bool) { panic("being written") }
