package schema

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Schema is an immutable set of sources, safe for concurrent use. The zero value is not usable: call Default or Identity.
type Schema struct {
	identity bool
	types    map[string]string
	index    []string

	cat      *catalogue
	sources  []*Source          // in the order of the tables
	byName   map[string]*Source // lower-case model, source and alias names
	byMacro  map[string]*Source
	byValue  map[string][]*Source // lower-case "field\x00value" of a metadata predicate
	wildcard []*Source            // sources with a wildcard in a match
	fallback *Source
	// written are "stream field" pairs that the tables know to be set although no list has them; open are streams of sources
	// for which every field of ECS counts as known.
	written, open map[string]bool
	confirmed     map[string]bool // fields that overrides say are there
	beside        map[string]bool // streams that are read beside others
	insteads      []Instead
	lacks         map[string]bool      // "stream field" pairs that lists have and documents do not
	derived       map[string][]Derived // by stream
	with          *withStreams
}

var builtin = sync.OnceValue(func() *Schema {
	defs, order, err := parseTables()
	if err == nil {
		var s *Schema
		if s, err = build(builtinCatalogue(), defs, order); err == nil {
			return s
		}
	}
	panic("schema: embedded tables: " + err.Error())
})

// Default returns the built-in schema.
func Default() *Schema { return builtin() }

// Identity returns a schema that keeps every field name as it is (_time is @timestamp), with the given Elasticsearch
// types (default keyword), for one index pattern. It has one source, which every look-up finds.
func Identity(index []string, types map[string]string) *Schema {
	s := &Schema{identity: true, types: types, index: index}
	s.fallback = &Source{Name: "identity", Support: Exact, Indices: index, schema: s}
	return s
}

func build(cat *catalogue, defs map[string]*definition, order []string) (*Schema, error) {
	s := &Schema{cat: cat, byName: map[string]*Source{}, byMacro: map[string]*Source{}, byValue: map[string][]*Source{},
		written: map[string]bool{}, open: map[string]bool{}, beside: map[string]bool{},
		lacks: map[string]bool{}, derived: map[string][]Derived{}, with: &withStreams{}}
	for _, name := range order {
		d := defs[name]
		s.insteads = append(s.insteads, d.insteads...)
		for _, st := range d.beside {
			s.beside[st] = true
		}
		for _, st := range d.named {
			if cat.streams[st] == nil {
				return nil, fmt.Errorf("%s: the named stream %s is not in the catalogue", name, st)
			}
			s.beside[st] = true
		}
		for st, fields := range d.lacks {
			for _, f := range fields {
				s.lacks[st+" "+f] = true
			}
		}
		for st, list := range d.derived {
			s.derived[st] = append(s.derived[st], list...)
		}
		if d.kind == "group" {
			continue
		}
		src, err := s.newSource(d, defs)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if err := s.register(src, d); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	s.fallback = s.byName["any"]
	if s.fallback == nil {
		return nil, fmt.Errorf("no source is named any")
	}
	return s, nil
}

func (s *Schema) newSource(d *definition, defs map[string]*definition) (*Source, error) {
	src := &Source{
		Name: d.name, Support: d.support, Reason: d.reason, DataModel: d.kind == "model", Streams: d.streams,
		schema: s, cache: newFieldCache(), matches: d.matches, narrows: d.narrows, prefixes: d.prefixes, operations: d.operations,
		texts: d.texts, extraECS: d.extraECS,
	}
	src.maps, src.autos = resolveUses(d, defs)
	src.doubts = doubtsOf(d, defs)
	src.lists = listsOf(src.maps)
	src.lines = sync.OnceValue(src.resolveLines)
	for _, st := range d.streams {
		s.open[st] = s.open[st] || d.extraECS
		for _, ms := range src.maps {
			for _, m := range ms {
				if m.ecs {
					s.written[st+" "+m.target] = true
				}
			}
		}
	}
	src.Only, src.Named, src.IndexNames = d.only, d.named, d.guesses
	src.Indices = append(src.Indices, d.indices...)
	for _, name := range d.streams {
		st := s.cat.streams[name]
		if st == nil {
			return nil, fmt.Errorf("the stream %s is not in the catalogue", name)
		}
		if !slices.Contains(src.Indices, st.index) {
			src.Indices = append(src.Indices, st.index)
		}
	}
	for _, c := range d.constraints {
		f, ok := src.Known(c.field)
		if !ok {
			return nil, fmt.Errorf("the constraint field %s is not in the catalogue", c.field)
		}
		con := Constraint{Field: c.field, Array: f.Array, Type: f.Type, Not: c.not}
		for _, v := range strings.Split(c.value, ",") {
			con.Values = append(con.Values, strings.TrimSpace(v))
		}
		src.Constraints = append(src.Constraints, con)
	}
	return src, nil
}

func (s *Schema) register(src *Source, d *definition) error {
	s.sources = append(s.sources, src)
	for _, n := range append([]string{d.name}, d.aliases...) {
		n = strings.ToLower(n)
		if other := s.byName[n]; other != nil {
			return fmt.Errorf("the name %s also belongs to %s", n, other.Name)
		}
		s.byName[n] = src
	}
	for _, m := range d.macros {
		if other := s.byMacro[m]; other != nil {
			return fmt.Errorf("the macro %s also belongs to %s", m, other.Name)
		}
		s.byMacro[m] = src
	}
	wild := false
	for _, m := range d.matches {
		if strings.Contains(m.value, "*") {
			wild = true
		}
		key := predicateKey(m.field, m.value)
		s.byValue[key] = append(s.byValue[key], src)
	}
	if wild {
		s.wildcard = append(s.wildcard, src)
	}
	return nil
}

func predicateKey(field, value string) string {
	return strings.ToLower(field) + "\x00" + strings.ToLower(value)
}

// Sources lists every source, data models included, in the order of the tables.
func (s *Schema) Sources() []*Source {
	if s.identity {
		return []*Source{s.fallback}
	}
	return slices.Clone(s.sources)
}

// Macros lists the names of the known data-source macros, sorted.
func (s *Schema) Macros() []string { return sortedKeys(s.byMacro) }

// IsIdentity reports whether the schema keeps every field name as it is.
func (s *Schema) IsIdentity() bool { return s.identity }

// Fallback is the source of a search that names none: every log index with Support Approximate, or the one index pattern
// of an identity schema.
func (s *Schema) Fallback() *Source { return s.fallback }

// DataModel finds a CIM data set by its name in tstats or from ("Endpoint.Processes", "Web", "Web.Web").
func (s *Schema) DataModel(name string) (*Source, bool) {
	if s.identity {
		return s.fallback, true
	}
	n := strings.ToLower(strings.Trim(name, `"' `))
	src, ok := s.byName[n]
	if ok && src.DataModel {
		return src, true
	}
	return nil, false
}

// Macro finds a known data-source macro by name ("sysmon", "wineventlog_security").
func (s *Schema) Macro(name string) (*Source, bool) {
	if s.identity {
		return nil, false
	}
	src, ok := s.byMacro[name]
	return src, ok
}

// Predicate is one equality of a raw search on a metadata field (index, source, sourcetype, eventtype, Channel, …).
type Predicate struct {
	Field, Value string // Value may hold wildcards
}

// Match finds the source that equality predicates on metadata fields name, and which of them it consumes (they need no
// filter any more). A predicate on index is consumed with any source, since Splunk's index names mean nothing in Elastic.
func (s *Schema) Match(ps []Predicate) (src *Source, consumed []bool, ok bool) {
	consumed = make([]bool, len(ps))
	if s.identity {
		return s.fallback, consumed, true
	}
	best, bestScore := (*Source)(nil), 0
	for _, p := range ps {
		for _, cand := range s.candidates(p) {
			score := 0
			for _, q := range ps {
				switch cand.fit(q) {
				case exactFit:
					score += 8 * metadataWeight(q.Field)
				case wildcardFit:
					score += metadataWeight(q.Field)
				}
			}
			if score > bestScore {
				best, bestScore = cand, score
			}
		}
	}
	if best == nil {
		return nil, consumed, false
	}
	for i, p := range ps {
		consumed[i] = best.fit(p) != noFit || strings.EqualFold(p.Field, "index") || best.windowsFormat(p)
	}
	if best.Name == channelSource {
		best = best.channel(ps)
	}
	return best.oneChannel(ps), consumed, true
}

// channelSource is the source of every Windows channel without an integration of its own.
const channelSource = "wineventlog"

// channel returns a copy of the source bound to the channel that the predicates name.
func (s *Source) channel(ps []Predicate) *Source {
	for _, p := range ps {
		value := p.Value
		if s.fit(p) == noFit {
			continue
		}
		for _, prefix := range []string{"xmlwineventlog:", "wineventlog:"} {
			if len(value) > len(prefix) && strings.EqualFold(value[:len(prefix)], prefix) {
				value = value[len(prefix):]
			}
		}
		if strings.Contains(value, "*") || strings.EqualFold(value, "xmlwineventlog") || strings.EqualFold(value, "wineventlog") {
			continue
		}
		c := *s
		c.narrows = nil
		c.Constraints = append(slices.Clone(s.Constraints), Constraint{Field: "winlog.channel", Type: "keyword", Values: []string{value}})
		return &c
	}
	all := *s
	all.Support, all.Reason = Approximate, "the search is over every Windows channel; only forwarded events stand in one place in Elastic, so name the channel or its event codes"
	return &all
}

// oneChannel returns a copy of a source of several Windows channels that has only the one that a predicate names.
func (s *Source) oneChannel(ps []Predicate) *Source {
	for i, con := range s.Constraints {
		if con.Field != "winlog.channel" || len(con.Values) < 2 {
			continue
		}
		for _, p := range ps {
			name := p.Value
			for _, prefix := range []string{"xmlwineventlog:", "wineventlog:"} {
				if len(name) > len(prefix) && strings.EqualFold(name[:len(prefix)], prefix) {
					name = name[len(prefix):]
				}
			}
			for _, v := range con.Values {
				if strings.EqualFold(v, name) {
					c := *s
					c.Constraints = slices.Clone(s.Constraints)
					c.Constraints[i].Values = []string{v}
					return &c
				}
			}
		}
	}
	return s
}

// Narrow picks the one stream of a source that equality predicates on its fields select (category=SignInLogs of Azure AD);
// without such a predicate it returns the source itself. The predicates keep their meaning as filters.
func (s *Source) Narrow(ps []Predicate) *Source {
	for _, n := range s.narrows {
		for _, p := range ps {
			if p.Field == n.field && n.admits(p.Value) {
				if src := s.schema.byName[strings.ToLower(n.source)]; src != nil {
					return src
				}
			}
		}
	}
	return s
}

// admits says that the value selects the source: the same text, any, or a number in a range such as 4608-4985.
func (n narrowing) admits(value string) bool {
	if n.value == "*" || strings.EqualFold(value, n.value) {
		return true
	}
	first, last, ok := strings.Cut(n.value, "-")
	if !ok {
		return false
	}
	from, err := strconv.Atoi(first)
	if err != nil {
		return false
	}
	to, err := strconv.Atoi(last)
	if err != nil {
		return false
	}
	v, err := strconv.Atoi(value)
	return err == nil && from <= v && v <= to
}

// metadataWeight ranks how narrowly a field names a source: XmlWinEventLog as a source type says less than a source.
func metadataWeight(field string) int {
	switch strings.ToLower(field) {
	case "source", "channel":
		return 4
	case "eventtype":
		return 3
	case "sourcetype":
		return 2
	}
	return 1
}

// candidates lists sources one predicate may name, in the order of the tables.
func (s *Schema) candidates(p Predicate) []*Source {
	if !strings.ContainsAny(p.Value, "*") {
		if exact := s.byValue[predicateKey(p.Field, p.Value)]; len(exact) > 0 {
			return exact
		}
		var out []*Source
		for _, src := range s.wildcard {
			if src.fit(p) != noFit {
				out = append(out, src)
			}
		}
		return out
	}
	if strings.Trim(p.Value, "*") == "" {
		return nil
	}
	var out []*Source
	for _, src := range s.sources {
		if src.fit(p) != noFit {
			out = append(out, src)
		}
	}
	return out
}

// fit says how a predicate names a source.
type fit int

const (
	noFit fit = iota
	wildcardFit
	exactFit
)

func (s *Source) fit(p Predicate) fit {
	if strings.Trim(p.Value, "*") == "" {
		return noFit
	}
	best := noFit
	for _, m := range s.matches {
		if !strings.EqualFold(m.field, p.Field) {
			continue
		}
		if strings.EqualFold(m.value, p.Value) {
			return exactFit
		}
		if glob(m.value, p.Value) || glob(p.Value, m.value) {
			best = wildcardFit
		}
	}
	return best
}

// windowsFormat reports whether a predicate only says that events are in a Windows event format (sourcetype
// XmlWinEventLog), which every event of a channel's source is.
func (s *Source) windowsFormat(p Predicate) bool {
	if !strings.EqualFold(p.Field, "sourcetype") || !glob(p.Value, "XmlWinEventLog") && !glob(p.Value, "WinEventLog") {
		return false
	}
	return slices.ContainsFunc(s.matches, func(m condition) bool { return glob("*WinEventLog:*", m.value) })
}

// glob reports whether a value fits a pattern of * wildcards, ignoring case.
func glob(pattern, value string) bool {
	pattern, value = strings.ToLower(pattern), strings.ToLower(value)
	head, rest, wild := strings.Cut(pattern, "*")
	if !wild {
		return pattern == value
	}
	value, ok := strings.CutPrefix(value, head)
	if !ok {
		return false
	}
	for {
		part, more, wild := strings.Cut(rest, "*")
		if !wild {
			return strings.HasSuffix(value, part)
		}
		i := strings.Index(value, part)
		if i < 0 {
			return false
		}
		value, rest = value[i+len(part):], more
	}
}
