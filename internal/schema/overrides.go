package schema

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Overrides adds to or changes the built-in schema; config parses it from YAML.
type Overrides struct {
	// Sources by name: a data model ("Endpoint.Processes"), a source or macro ("sysmon"), or a new name, which becomes a
	// macro with that name.
	Sources map[string]SourceOverride
}

// SourceOverride adds or changes one source; empty members leave the built-in ones.
type SourceOverride struct {
	// Indices replace the index patterns of FROM.
	Indices []string
	// Fields by Splunk name.
	Fields map[string]FieldOverride
}

// FieldOverride sets one field of a source. Empty members keep what the built-in schema says of the field.
type FieldOverride struct {
	// Name is the Elasticsearch field.
	Name string
	// Type is its Elasticsearch type; default: the catalogue's, else keyword.
	Type  string
	Array bool
	// IgnoreAbove is the length in characters above which ES|QL sees null; 0 keeps the built-in one, -1 says no limit.
	IgnoreAbove int
	// Values maps a Splunk value to the stored ones.
	Values map[string][]string
}

// With returns a copy with the overrides applied; errors name the place in the overrides.
func (s *Schema) With(o Overrides) (*Schema, error) {
	if len(o.Sources) == 0 {
		return s, nil
	}
	if s.identity {
		return nil, fmt.Errorf("schema overrides need the schema ecs: the identity schema keeps every name as it is")
	}
	n := *s
	n.with = &withStreams{}
	n.byName, n.byMacro, n.byValue = maps.Clone(s.byName), maps.Clone(s.byMacro), make(map[string][]*Source, len(s.byValue))
	copies := make(map[*Source]*Source, len(s.sources))
	n.sources = make([]*Source, len(s.sources))
	for i, src := range s.sources {
		c := *src
		c.schema, c.cache = &n, newFieldCache()
		c.lines = sync.OnceValue(c.resolveLines)
		n.sources[i] = &c
		copies[src] = &c
	}
	for k, v := range n.byName {
		n.byName[k] = copies[v]
	}
	for k, v := range n.byMacro {
		n.byMacro[k] = copies[v]
	}
	for k, list := range s.byValue {
		for _, v := range list {
			n.byValue[k] = append(n.byValue[k], copies[v])
		}
	}
	n.wildcard = make([]*Source, len(s.wildcard))
	for i, v := range s.wildcard {
		n.wildcard[i] = copies[v]
	}
	n.fallback = copies[s.fallback]
	for _, name := range sortedKeys(o.Sources) {
		if err := n.override(name, o.Sources[name]); err != nil {
			return nil, err
		}
	}
	return &n, nil
}

func (s *Schema) override(name string, o SourceOverride) error {
	place := fmt.Sprintf("sources[%q]", name)
	if strings.TrimSpace(name) == "" {
		return fmt.Errorf("%s: the name is empty: give a data model, a source or a macro", place)
	}
	src := s.byName[strings.ToLower(name)]
	if src == nil {
		src = s.byMacro[name]
	}
	if src == nil {
		if len(o.Indices) == 0 {
			return fmt.Errorf("%s: no built-in source has this name, and a new one needs indices: known are %s", place,
				nearest(name, append(sortedKeys(s.byName), sortedKeys(s.byMacro)...)))
		}
		src = &Source{Name: name, Support: Exact, schema: s, cache: newFieldCache(), lines: func() map[string][]line { return nil }}
		s.sources = append(s.sources, src)
		s.byName[strings.ToLower(name)], s.byMacro[name] = src, src
	}
	if len(o.Indices) > 0 {
		for i, p := range o.Indices {
			if p == "" || strings.ContainsAny(p, " \t\n\"'|\\/?#<>") || strings.ToLower(p) != p {
				return fmt.Errorf("%s.indices[%d]: %q is not an index pattern: lower case, no spaces, only * as a wildcard", place, i, p)
			}
		}
		src.Indices, src.Named = slices.Clone(o.Indices), nil
		if src.Support == None {
			src.Support, src.Reason = Exact, ""
		}
	}
	src.overrides, src.extra = maps.Clone(src.overrides), maps.Clone(src.extra)
	if src.overrides == nil {
		src.overrides, src.extra = map[string]Field{}, map[string]Field{}
	}
	for _, splunk := range sortedKeys(o.Fields) {
		f, err := src.overrideField(splunk, o.Fields[splunk])
		if err != nil {
			return fmt.Errorf("%s.fields[%q]: %w", place, splunk, err)
		}
		f.Proof = Proof{Kind: ByPerson}
		src.overrides[splunk] = f
		s.confirmed = maps.Clone(s.confirmed)
		if s.confirmed == nil {
			s.confirmed = map[string]bool{}
		}
		s.confirmed[f.Name] = true
		bare := f
		bare.Source, bare.Values, bare.Fn = f.Name, nil, ""
		src.extra[f.Name] = bare
	}
	return nil
}

var knownTypes = []string{"keyword", "wildcard", "constant_keyword", "text", "match_only_text", "byte", "short", "integer",
	"long", "unsigned_long", "float", "half_float", "scaled_float", "double", "boolean", "ip", "date", "date_nanos", "version",
	"geo_point"}

func (s *Source) overrideField(splunk string, o FieldOverride) (Field, error) {
	if splunk == "" {
		return Field{}, fmt.Errorf("the Splunk field name is empty")
	}
	f := s.resolve(splunk, Hint{})
	if o.Name != "" {
		if strings.ContainsAny(o.Name, " \t\n\"`*") {
			return Field{}, fmt.Errorf("name: %q is not an Elasticsearch field name", o.Name)
		}
		if known, ok := s.known(o.Name); ok {
			f = known
		} else {
			f = Field{Name: o.Name, Type: "keyword", IgnoreAbove: defaultIgnoreAbove}
		}
	}
	if f.Name == "" || o.Name == "" && f.Dynamic && f.Proof.Kind == Unproven {
		return Field{}, fmt.Errorf("name is missing: the built-in schema has no counterpart for %s, so the Elasticsearch field "+
			"must be given", splunk)
	}
	if o.Type != "" {
		if !slices.Contains(knownTypes, o.Type) {
			return Field{}, fmt.Errorf("type: %q is not a type ES|QL can read: use one of %s", o.Type, strings.Join(knownTypes, ", "))
		}
		if o.Type != f.Type && o.IgnoreAbove == 0 {
			f.IgnoreAbove = 0
			if o.Type == "keyword" {
				f.IgnoreAbove = defaultIgnoreAbove
			}
		}
		f.Type = o.Type
	}
	if o.Array {
		f.Array = AlwaysArray
	}
	switch {
	case o.IgnoreAbove < -1:
		return Field{}, fmt.Errorf("ignore_above: %d is not a length: give the number of characters, or -1 for no limit", o.IgnoreAbove)
	case o.IgnoreAbove == -1:
		f.IgnoreAbove = 0
	case o.IgnoreAbove > 0:
		f.IgnoreAbove = o.IgnoreAbove
	}
	if o.Values != nil {
		f.Values, f.ValuesComplete = make(map[string][]string, len(o.Values)), false
		for _, v := range sortedKeys(o.Values) {
			if len(o.Values[v]) == 0 {
				return Field{}, fmt.Errorf("values[%q]: the list of stored values is empty", v)
			}
			f.Values[strings.ToLower(v)] = slices.Clone(o.Values[v])
		}
	}
	f.Source, f.Support, f.Reason, f.FormatOnly, f.Candidate, f.Dynamic = splunk, Exact, "", false, "", false
	return f, nil
}

// nearest lists the names closest to a misspelt one.
func nearest(name string, names []string) string {
	slices.Sort(names)
	names = slices.Compact(names)
	low := strings.ToLower(name)
	slices.SortStableFunc(names, func(a, b string) int { return distance(low, strings.ToLower(a)) - distance(low, strings.ToLower(b)) })
	return strings.Join(names[:min(5, len(names))], ", ") + ", …"
}

// distance is Levenshtein's.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		prev := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := prev
			if a[i] != b[j] {
				cost++
			}
			prev = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
