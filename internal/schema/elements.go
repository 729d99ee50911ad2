package schema

import "strings"

// Some integrations keep the elements of a list in fields of their own, numbered or named, where Splunk has one
// multivalued field that rules take an element of: mvindex(list, 1). Tables write such an element as list#1, list#* for
// any number, list#Name for the element that a sibling list calls Name, and list#@ for any name.

// HasElements reports whether elements of a Splunk list are fields of their own in the source.
func (s *Source) HasElements(name string) bool { return s.lists[name] }

// Element resolves the element of a Splunk list by its number, from 0, or by the name that the sibling list of names gives
// it. ok is false where the source keeps no such element apart.
func (s *Source) Element(name, key string, h Hint) (f Field, ok bool) {
	if !s.lists[name] || key == "" {
		return Field{}, false
	}
	other, number := "#*", strings.Trim(key, "0123456789") == ""
	if !number {
		other = "#@"
	}
	for _, n := range []string{name + "#" + key, name + other} {
		for _, m := range s.maps[n] {
			l := line{codes: m.codes, one: m.one}
			if len(m.codes) > 0 && !l.holds(h.EventCodes) {
				continue
			}
			m.target = strings.ReplaceAll(m.target, other[1:], elementName(key))
			f := s.apply(name, m)
			return f, f.Support != None
		}
	}
	return Field{}, false
}

// AnyElement is the pattern of the fields that keep the elements of a list under their names, * for the name.
func (s *Source) AnyElement(list string) (string, bool) {
	for _, m := range s.maps[list+"#@"] {
		if m.support != None && len(m.codes) == 0 && strings.Contains(m.target, "@") {
			return strings.ReplaceAll(m.target, "@", "*"), true
		}
	}
	return "", false
}

// elementName is how pipelines spell the name of an element in a field name, where a dot would start a new object.
func elementName(key string) string {
	return strings.NewReplacer(".", "_", " ", "_").Replace(key)
}

// listsOf are the names whose elements the mappings know.
func listsOf(maps map[string][]mapping) map[string]bool {
	var out map[string]bool
	for name := range maps {
		if list, _, ok := strings.Cut(name, "#"); ok {
			if out == nil {
				out = map[string]bool{}
			}
			out[list] = true
		}
	}
	return out
}
