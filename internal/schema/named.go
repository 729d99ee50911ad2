package schema

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Rules say what they are written for in words of their authors: "Sysmon EventID 1", "CrowdStrike ProcessRollup2". A data
// model of Splunk has the events of whatever a house collects; the drafts of a model read Elastic's own streams of that kind,
// and those further ones that the rule names.

// sourceNames lists such names, * for any text, and the streams that hold these events.
//
//go:embed data/data_sources.txt
var sourceNames string

type sourceName struct {
	pattern string
	streams []string
}

var dataSources = sync.OnceValue(func() []sourceName {
	list, err := parseSourceNames(sourceNames)
	if err != nil {
		panic("schema: embedded names of data sources: " + err.Error())
	}
	return list
})

func parseSourceNames(text string) ([]sourceName, error) {
	var out []sourceName
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		pattern, streams, ok := strings.Cut(line, "=")
		if !ok {
			return nil, fmt.Errorf("line %d: want a name, = and its streams: %q", i+1, line)
		}
		n := sourceName{pattern: strings.TrimSpace(pattern), streams: strings.Fields(streams)}
		for _, st := range n.streams {
			if builtinCatalogue().streams[st] == nil {
				return nil, fmt.Errorf("line %d: the stream %s is not in the catalogue", i+1, st)
			}
		}
		out = append(out, n)
	}
	return out, nil
}

// DataSource finds the streams that hold the events that a rule's author calls by a name; none where the name says nothing
// that is known.
func (s *Schema) DataSource(name string) []string {
	if s.identity {
		return nil
	}
	name = strings.TrimSpace(name)
	for _, n := range dataSources() {
		if glob(n.pattern, name) {
			return n.streams
		}
	}
	return nil
}

// Derived is a field of a stream whose documents have something else there: what stands for it is the last element of the path
// in another field, or, with Words, a word for each value of the other field.
type Derived struct {
	Field, From string
	Words       [][2]string
}

// Derived lists those of a stream.
func (s *Schema) Derived(stream string) []Derived { return s.derived[stream] }

// IndexOf is the index pattern of a stream, empty where the stream is not known.
func (s *Schema) IndexOf(stream string) string {
	if s.identity || s.cat.streams[stream] == nil {
		return ""
	}
	return s.cat.streams[stream].index
}

// withStreams remembers sources that were extended; there are as many as subsets of named streams.
type withStreams struct {
	mu   sync.Mutex
	made map[string]*Source
}

// With is the source with those of its named streams that are asked for; the source itself where none of them is.
func (s *Source) With(streams []string) *Source {
	var more []string
	for _, st := range s.Named {
		if slices.Contains(streams, st) && !slices.Contains(s.Streams, st) {
			more = append(more, st)
		}
	}
	if len(more) == 0 {
		return s
	}
	key := s.Name + "\x00" + strings.Join(more, " ")
	w := s.schema.with
	w.mu.Lock()
	defer w.mu.Unlock()
	if c := w.made[key]; c != nil {
		return c
	}
	c := *s
	c.cache = newFieldCache()
	c.Streams = append(slices.Clone(s.Streams), more...)
	c.Indices = slices.Clone(s.Indices)
	for _, st := range more {
		if index := s.schema.cat.streams[st].index; !slices.Contains(c.Indices, index) {
			c.Indices = append(c.Indices, index)
		}
	}
	c.lines = sync.OnceValue(c.resolveLines)
	if w.made == nil {
		w.made = map[string]*Source{}
	}
	w.made[key] = &c
	return &c
}
