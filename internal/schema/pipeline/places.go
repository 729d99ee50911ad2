package pipeline

import (
	"slices"
	"strings"
)

// Place is where a raw value can be found in a document.
type Place struct {
	// Field is the field of the document.
	Field string
	// Steps changed the value on its way there.
	Steps []Step
	// Stays says that it is the field where raw values stand that nothing takes away.
	Stays bool
	// Because is the operation that put the value there; nil where it stays.
	Because *Operation
}

// Knows reports whether an operation is about a raw field, or the events that have it are known.
func (s *Stream) Knows(raw string) bool {
	for _, fields := range s.Has {
		if slices.Contains(fields, raw) {
			return true
		}
	}
	return slices.ContainsFunc(s.Operations, func(o Operation) bool { return o.Source == raw })
}

// Touches reports whether an operation is about a raw field in events of the code.
func (s *Stream) Touches(raw, code string) bool {
	return slices.ContainsFunc(s.Operations, func(o Operation) bool { return o.Source == raw && o.holds(code) })
}

// Places are the places of a raw value in events of the code ("" for all codes that no list names): one where the event
// decides nothing more, several where a condition on the event chooses, none where the pipeline removes the value.
func (s *Stream) Places(raw, code string) []Place {
	var out []Place
	stays, whole := s.Under != "", false
	for i := range s.Operations {
		o := &s.Operations[i]
		if o.Source != raw || !o.holds(code) || o.Kind == Tree || o.Kind == Pairs {
			continue
		}
		chosen := o.chosen()
		if o.Kind == Move || o.Kind == Remove {
			stays = stays && chosen
		}
		if o.Kind == Remove || !faithful(o.Steps) || whole {
			continue
		}
		if o.Kind == Copy && stays {
			continue // the raw field itself is nearer
		}
		if !slices.ContainsFunc(out, func(p Place) bool { return p.Field == o.Target }) {
			out = append(out, Place{Field: o.Target, Steps: o.Steps, Because: o})
		}
		whole = !chosen
	}
	if stays {
		out = append(out, Place{Field: s.Place(raw), Stays: true})
	}
	return out
}

// chosen reports whether something of the event beyond its code and the value itself decides that the operation runs.
func (o *Operation) chosen() bool {
	return slices.ContainsFunc(o.When, func(c Condition) bool { return c.Field != "" && c.Op != "unset" })
}

// Codes are all codes that operations on a raw field name.
func (s *Stream) Codes(raw string) []string {
	var out []string
	for _, o := range s.Operations {
		if o.Source == raw {
			out = append(out, o.Codes...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Always reports whether every event of each code has the raw field, if only with a placeholder; has [*] says so of all events.
func (s *Stream) Always(raw string, codes []string) bool {
	if slices.Contains(s.Has["*"], raw) {
		return true
	}
	for _, c := range codes {
		if !slices.Contains(s.Has[c], raw) {
			return false
		}
	}
	return len(codes) > 0
}

// faithful reports whether a value can be told by what steps make of it: a part of it cannot.
func faithful(list []Step) bool {
	for _, s := range list {
		switch s.Name {
		case "lower", "upper", "trim", "number", "hex", "ip", "ip4", "only", "split", "dword", "distinct", "replace", "cut", "nano", "unhex":
		case "is":
			if strings.HasSuffix(s.Arg, ";!") {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// Held reports whether events of some of the codes, of some code where none is named, have the raw field with a placeholder.
func (s *Stream) Held(raw string, codes []string) bool {
	for code, fields := range s.Has {
		if slices.Contains(fields, raw) && (len(codes) == 0 || slices.Contains(codes, code)) {
			return true
		}
	}
	return false
}
