package schema

import (
	"fmt"
	"slices"
	"strings"
)

// Origin is where a Splunk field comes from in Elastic, for a person to read.
type Origin struct {
	// Source and Name are what was asked.
	Source, Name string
	Field        Field
	// Codes are the event codes or operations that Field holds for; empty for all that no other Origin names.
	Codes []string
	// Steps are what the pipeline does with the raw field, each with its place in the facts.
	Steps []string
	// Version and Read are the version of the package that the facts hold for, and where they were read.
	Version, Read string
}

// Named finds a source or data set by a name of the tables, an alias, a macro, or a source or sourcetype of Splunk.
func (s *Schema) Named(name string) (*Source, bool) {
	if src, ok := s.byName[strings.ToLower(name)]; ok {
		return src, true
	}
	if src, ok := s.Macro(strings.Trim(name, "`")); ok {
		return src, true
	}
	for _, field := range []string{"sourcetype", "source", "eventtype", "Channel"} {
		if src, _, ok := s.Match([]Predicate{{field, name}}); ok {
			return src, true
		}
	}
	return nil, false
}

// SourceNames are the names that Named takes, sorted.
func (s *Schema) SourceNames() []string { return sortedKeys(s.byName) }

// Origins says where a field of the source comes from: once for all events, and once for each list of event codes that
// differs.
func (s *Source) Origins(name string) []Origin {
	groups := map[string][]string{}
	if st := s.facts(); st != nil {
		raw := name
		for _, m := range s.maps[name] {
			if r, ok := strings.CutPrefix(m.target, "raw:"); ok {
				raw = r
			}
		}
		for _, c := range st.Codes(raw) {
			k := placesOf(s.Field(name, Hint{EventCodes: []string{c}}))
			groups[k] = append(groups[k], c)
		}
	}
	for _, m := range s.maps[name] {
		for _, c := range m.codes {
			if k := placesOf(s.Field(name, Hint{EventCodes: []string{c}})); !slices.Contains(groups[k], c) {
				groups[k] = append(groups[k], c)
			}
		}
	}
	out := []Origin{s.origin(name, nil)}
	for _, k := range sortedKeys(groups) {
		if k != placesOf(out[0].Field) {
			slices.Sort(groups[k])
			out = append(out, s.origin(name, groups[k]))
		}
	}
	return out
}

func placesOf(f Field) string { return fmt.Sprint(f.Name, f.Also, f.Support) }

func (s *Source) origin(name string, codes []string) Origin {
	h := Hint{}
	if len(codes) > 0 {
		h.EventCodes = codes[:1]
	}
	o := Origin{Source: s.Name, Name: name, Field: s.Field(name, h), Codes: codes}
	for _, stream := range s.Streams {
		st := pipelineOf(stream)
		if st == nil {
			continue
		}
		if len(s.Streams) == 1 {
			o.Version, o.Read = st.Version, st.Read
		}
		for i := range st.Operations {
			op := &st.Operations[i]
			about := op.Source == name || op.Target != "" && (op.Target == o.Field.Name || slices.Contains(o.Field.Also, op.Target))
			if !about || len(codes) > 0 && !st.Touches(op.Source, codes[0]) && op.Source != "" {
				continue
			}
			o.Steps = append(o.Steps, strings.TrimSpace(fmt.Sprintf("%s: %s %s %s (%s, line %d)", stream, op.Kind, op.Source, to(op.Target), op.File, op.Line)))
		}
	}
	return o
}

func to(target string) string {
	if target == "" {
		return ""
	}
	return "to " + target
}
