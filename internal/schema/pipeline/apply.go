package pipeline

import (
	"maps"
	"slices"
	"strings"
	"unicode"
)

// Event holds the values of each field, raw or of a document, by name. Splunk writes {} for a list in a raw name:
// target{}.id.
type Event map[string][]string

// Result is what a pipeline makes of an event.
type Result struct {
	// Doc is the document, as far as the facts tell it.
	Doc Event
	// Gone are the fields of the document that must not be there, because an operation moved or removed what stood there,
	// or because the value is one that leaves no field.
	Gone []string
	// Ran are the numbers of the operations that did something.
	Ran []int
}

// Apply runs the stream's operations over a raw event.
func (s *Stream) Apply(raw Event) Result {
	left := Event{}
	dropped := map[string]bool{}
	for name, vs := range raw {
		kept := slices.DeleteFunc(slices.Clone(vs), func(v string) bool { return v == "" || slices.Contains(s.Drop, v) })
		if len(kept) > 0 {
			left[name] = kept
		} else {
			dropped[name] = true
		}
	}
	code := ""
	if vs := raw[s.By]; len(vs) > 0 {
		code = vs[0]
	}
	r := Result{Doc: Event{}}
	whole := Event{} // what there was before moves: later operations read the value where it now stands
	for name, vs := range left {
		whole[name] = vs
	}
	for i := range s.Operations {
		o := &s.Operations[i]
		if o.holds(code) && s.step(o, raw, whole, left, &r) {
			r.Ran = append(r.Ran, i)
		}
	}
	if s.Under != "" {
		for name := range raw {
			stays := s.Place(name)
			if vs, ok := left[name]; ok {
				r.Doc[stays] = vs
			} else if _, set := r.Doc[stays]; !set {
				r.Gone = append(r.Gone, stays)
			}
		}
	}
	slices.Sort(r.Gone)
	return r
}

// Place is where a raw field stands that no operation takes away.
func (s *Stream) Place(raw string) string {
	raw = strings.ReplaceAll(raw, "{}", "")
	if s.Snake {
		raw = snake(raw)
	}
	return s.Under + raw
}

func (s *Stream) step(o *Operation, raw, whole, left Event, r *Result) bool {
	vs := whole[o.Source]
	switch o.Kind {
	case Set:
		if !met(o, nil, whole, r.Doc) {
			return false
		}
		r.Doc[o.Target] = o.Value
		return true
	case Clear:
		if _, ok := r.Doc[o.Target]; !ok || !met(o, nil, whole, r.Doc) {
			return false
		}
		delete(r.Doc, o.Target)
		r.Gone = append(r.Gone, o.Target)
		return true
	case Pairs:
		return s.pairs(o, raw, left, r)
	case Tree:
		return s.tree(o, whole, r)
	case Remove:
		if below, ok := strings.CutSuffix(o.Source, "*"); ok {
			before := len(left)
			maps.DeleteFunc(left, func(name string, _ []string) bool { return strings.HasPrefix(name, below) })
			return len(left) < before
		}
	}
	if len(vs) == 0 || !met(o, vs, whole, r.Doc) {
		return false
	}
	if o.Kind == Remove {
		delete(left, o.Source)
		return true
	}
	vs = run(o.Steps, vs)
	if o.Kind == Move {
		delete(left, o.Source)
	}
	if len(vs) == 0 {
		return false
	}
	r.Doc[o.Target] = vs
	return true
}

// pairs makes a field of each name of a list, Parameters{}.Name and Parameters{}.Value, or two of each name of a list of
// changes, ModifiedProperties{}.Name with NewValue and OldValue.
func (s *Stream) pairs(o *Operation, raw, left Event, r *Result) bool {
	names, some := raw[o.Source+"{}.Name"], false
	for _, part := range []string{"Value", "NewValue", "OldValue"} {
		values := raw[o.Source+"{}."+part]
		if len(names) == 0 || len(names) != len(values) {
			continue
		}
		for i, n := range names {
			field := o.Target + strings.NewReplacer(".", "_", " ", "_").Replace(n)
			if part != "Value" {
				field += "." + part
			}
			if values[i] != "" {
				r.Doc[field] = []string{values[i]}
			}
		}
		some = true
		delete(left, o.Source+"{}."+part)
	}
	if some {
		delete(left, o.Source+"{}.Name")
	}
	return some
}

func (s *Stream) tree(o *Operation, whole Event, r *Result) bool {
	some := false
	for name, vs := range whole {
		rest, ok := strings.CutPrefix(name, o.Source+".")
		if !ok {
			continue
		}
		rest = strings.ReplaceAll(rest, "{}", "")
		if len(o.Steps) > 0 && o.Steps[0].Name == "lower" {
			rest = snake(rest)
		}
		r.Doc[o.Target+rest] = vs
		some = true
	}
	return some
}

// met reports whether the operation's conditions hold for the value.
func met(o *Operation, vs []string, raw, doc Event) bool {
	for _, c := range o.When {
		have := vs
		switch {
		case c.Op == "unset":
			if len(doc[o.Target]) > 0 {
				return false
			}
			continue
		case c.Field != "":
			have = raw[c.Field]
			if len(have) == 0 {
				have = doc[c.Field]
			}
		}
		in := slices.ContainsFunc(have, func(v string) bool {
			return slices.ContainsFunc(c.Values, func(x string) bool { return strings.EqualFold(x, v) })
		})
		switch c.Op {
		case "=":
			if !in {
				return false
			}
		case "!=":
			if in {
				return false
			}
		case "has":
			if len(have) == 0 {
				return false
			}
		case "one":
			if len(have) != 1 {
				return false
			}
		case "lacks":
			if len(have) > 0 {
				return false
			}
		}
	}
	return true
}

// WithNames gives the raw event with the names that Splunk's add-on derives from it.
func (s *Stream) WithNames(raw Event) Event {
	out := Event{}
	for name, vs := range raw {
		out[name] = vs
	}
	code := ""
	if vs := raw[s.By]; len(vs) > 0 {
		code = vs[0]
	}
	for _, a := range s.Names {
		if _, have := out[a.Name]; have || !forCode(a.Codes, a.Not, code) {
			continue
		}
		if vs := run(a.Steps, raw[a.Source]); len(vs) > 0 {
			out[a.Name] = vs
		}
	}
	return out
}

// snake writes camelCase as snake_case, each path element apart.
func snake(s string) string {
	var b strings.Builder
	rs := []rune(s)
	for i, c := range rs {
		if unicode.IsUpper(c) {
			lower := i > 0 && (unicode.IsLower(rs[i-1]) || unicode.IsDigit(rs[i-1]))
			last := i > 0 && unicode.IsUpper(rs[i-1]) && i+1 < len(rs) && unicode.IsLower(rs[i+1])
			if lower || last {
				b.WriteByte('_')
			}
			c = unicode.ToLower(c)
		}
		b.WriteRune(c)
	}
	return b.String()
}
