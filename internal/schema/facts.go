package schema

import (
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/rulebridge/rulebridge/internal/schema/pipeline"
)

// Facts about pipelines say where a raw field stands for each event code. They settle what tables and field lists do not.

// facts are those of the source's stream; a source of several streams has none of its own.
func (s *Source) facts() *pipeline.Stream {
	if s.DataModel || len(s.Streams) != 1 {
		return nil
	}
	return pipelineOf(s.Streams[0])
}

// pipelineOf are the facts about a stream's pipeline, nil where none was read.
func pipelineOf(stream string) *pipeline.Stream { return pipeline.Streams()[stream] }

// placed resolves a raw field by the facts about the source's pipeline: where it stands for the codes of the query, or for
// all codes. ok is false where the facts do not know the field.
func (s *Source) placed(name string, h Hint) (Field, bool) {
	st := s.facts()
	if st == nil || !st.Knows(name) {
		return Field{}, false
	}
	codes := h.EventCodes
	if len(codes) == 0 {
		codes = append(st.Codes(name), "")
	}
	var places []pipeline.Place
	seen := map[string]bool{}
	for _, c := range codes {
		for _, p := range st.Places(name, c) {
			if f, ok := s.known(p.Field); ok && readable(f.Type) && !seen[p.Field] {
				seen[p.Field] = true
				places = append(places, p)
			}
		}
	}
	if len(places) == 0 {
		return Field{Source: name, Reason: "the pipeline of " + st.Name + " keeps no field with the whole value (" + st.Version + ")"}, true
	}
	f := s.placedField(name, places[0])
	for _, p := range places[1:] {
		s.alsoPlaced(&f, s.placedField(name, p))
	}
	if f.Support == Exact && len(places) == 1 && places[0].Because != nil {
		f.Reason = "the pipeline of " + st.Name + " puts it there (" + st.Version + ")"
	}
	if len(st.Drop) > 0 && st.Always(name, h.EventCodes) && f.Fn == "" {
		f.Default = st.Drop[0] // every such event has the field in Splunk, and the pipeline drops this placeholder
	} else if len(st.Drop) > 0 && f.Fn == "" && st.Held(name, h.EventCodes) {
		f.Held = st.Drop[0]
	}
	return f, true
}

// droppedBy has by stream the doubt that a value is one which its pipeline drops from the event: a search for it finds nothing.
var droppedBy = sync.OnceValue(func() map[string][]Doubt {
	out := map[string][]Doubt{}
	for name, st := range pipeline.Streams() {
		if len(st.Drop) == 0 {
			continue
		}
		var values []string
		for _, v := range st.Drop {
			values = append(values, regexp.QuoteMeta(v))
		}
		out[name] = []Doubt{{Values: regexp.MustCompile("(?i)^(?:" + strings.Join(values, "|") + ")$"), Dropped: true,
			Reason: "the pipeline of " + st.Name + " drops values that stand for none (" + strings.Join(st.Drop, ", ") +
				"), so that its documents lack the field there"}}
	}
	return out
})

// doubtsAbout are the doubts that the tables have about a name, and else that about values which the pipeline drops. Where
// every event has the raw field, the draft reads the placeholder where the field is missing, and nothing is in doubt.
func (s *Source) doubtsAbout(name string, f *Field) []Doubt {
	if doubts := s.doubts[name]; doubts != nil {
		return doubts
	}
	st := s.facts()
	if st == nil || f.Default != "" || f.Support == None || family(f.Type) != family("keyword") {
		return nil
	}
	return droppedBy()[s.Streams[0]]
}

// undoubted leaves out the doubts about a value that the draft reads where the field is missing.
func undoubted(doubts []Doubt, fill string) []Doubt {
	return slices.DeleteFunc(slices.Clone(doubts), func(d Doubt) bool { return d.Values.MatchString(fill) })
}

// placeholder is the value that Splunk has where the field is missing: every event of the codes has the raw field, and the
// pipeline drops what stands for no value. held is that value where only some events have it, and nobody knows which.
func (s *Source) placeholder(name string, f *Field, h Hint) (fill, held string) {
	if f.Default != "" || f.Fn != "" || f.FormatOnly || f.Support == None || f.AsText || family(f.Type) != family("keyword") {
		return "", ""
	}
	st := s.facts()
	if st == nil || len(st.Drop) == 0 {
		return "", ""
	}
	for _, a := range st.Names {
		if a.Name == name && len(a.Steps) == 0 {
			name = a.Source
			break
		}
	}
	switch {
	case st.Always(name, h.EventCodes):
		return st.Drop[0], ""
	case len(h.EventCodes) == 0 && slices.Contains(st.Has["some"], name):
		return "", st.Drop[0]
	}
	return "", ""
}

// placedField is the field at one place.
func (s *Source) placedField(name string, p pipeline.Place) Field {
	f, _ := s.known(p.Field)
	f.Source = name
	for _, step := range p.Steps {
		switch step.Name {
		case "hex":
			f.Support, f.FormatOnly = Approximate, true
			f.Reason = "the event has the number in hexadecimal, " + f.Name + " in decimal"
		case "nano":
			f.Support, f.FormatOnly, f.Reason = Approximate, true, f.Name+" counts nanoseconds, the event another unit"
		case "replace", "cut", "unhex":
			f.Support, f.FormatOnly, f.Reason = Approximate, true, "the pipeline writes the value another way in "+f.Name
		case "split":
			if f.Array == Single {
				f.Array = MaybeArray
			}
			if strings.Contains(step.Arg, "%%") {
				f.Support, f.Reason = Approximate, "the pipeline makes a list of the codes and drops their %%"
			}
		case "lower":
			f.LowerCase = true
		case "dword":
			f.Values = dwordValues()
		case "is":
			f.Values = map[string][]string{}
			for pair := range strings.SplitSeq(step.Arg, ";") {
				if from, to, ok := strings.Cut(pair, "="); ok {
					f.Values[strings.ToLower(from)] = []string{to}
				}
			}
		}
	}
	return f
}

// alsoPlaced adds a further place to a field. Places of different types are read as text.
func (s *Source) alsoPlaced(f *Field, g Field) {
	if family(f.Type) != family(g.Type) || f.AsText {
		f.AsText, f.Type = true, "keyword"
	}
	f.Also = append(f.Also, g.Name)
	f.Array, f.LowerCase = max(f.Array, g.Array), f.LowerCase && g.LowerCase
	if g.Support > f.Support {
		f.Support, f.FormatOnly, f.Reason = g.Support, g.FormatOnly, g.Reason
	}
	if f.Values == nil {
		f.Values = g.Values
	}
	if f.Reason == "" {
		f.Reason = "some events keep it in " + f.Name + ", others in " + g.Name
	}
}
