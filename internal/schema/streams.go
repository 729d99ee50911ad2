package schema

import (
	"slices"
	"strings"
	"sync"

	"github.com/rulebridge/rulebridge/internal/schema/pipeline"
)

// What each data stream has: a draft that reads several streams may name a field that some of them do not have. ES|QL then
// reads null from these, and refuses the whole query in a house where none of the others is installed.

// streamsByIndex are the streams behind each index pattern, sorted.
var streamsByIndex = sync.OnceValue(func() map[string][]string {
	out := map[string][]string{}
	for name, s := range builtinCatalogue().streams {
		if s.index != "" {
			out[s.index] = append(out[s.index], name)
		}
	}
	for _, names := range out {
		slices.Sort(names)
	}
	return out
})

// StreamsAt lists the data streams behind an index pattern of a source, such as windows/sysmon_operational; none where the
// pattern is not that of a known stream.
func (s *Schema) StreamsAt(pattern string) []string {
	if s.identity {
		return nil
	}
	return streamsByIndex()[pattern]
}

// StreamHas says whether documents of a stream can have a field: its list has it, or something shows it there.
func (s *Schema) StreamHas(stream, field string) bool {
	if s.lacks[stream+" "+field] && !s.confirmed[field] {
		return false
	}
	if _, ok := s.cat.lookup(stream, field); ok || s.confirmed[field] {
		return true
	}
	if strings.HasPrefix(stream, "endpoint/") {
		return false // these index what is listed and nothing else
	}
	// That a rule reads a field shows little here: most rules read several streams.
	if k := proofs()[stream][field].Kind; k != Unproven && k != ByRule || collected[field] && !ofWindows(stream, field) || s.open[stream] || s.written[stream+" "+field] {
		return true
	}
	if p := pipeline.Streams()[stream]; p != nil && p.Under != "" && strings.HasPrefix(field, p.Under) {
		return true
	}
	cat := s.cat.streams[stream]
	return cat != nil && slices.ContainsFunc(cat.pattern(), func(f *fact) bool { return f.typ == "object" && matchTemplate(f.name, field) })
}

// Beside reports whether a stream is read beside others of its data model: a house that has it alone is not one that a draft
// of the model is written for.
func (s *Schema) Beside(stream string) bool { return s.beside[stream] }

// Instead is what a field that only some streams have can be told apart by: another field that all of them have, which is as
// good where rows have the field When.
type Instead struct{ Field, By, When string }

// Insteads lists them.
func (s *Schema) Insteads() []Instead { return s.insteads }

// ofWindows reports whether a field that an agent collects comes with events of Windows only, and the stream is another.
func ofWindows(stream, field string) bool {
	windows := strings.HasPrefix(stream, "windows/") || strings.HasPrefix(stream, "system/")
	return !windows && (field == "event.code" || strings.HasPrefix(field, "winlog."))
}

// KeywordAt reports whether a stream indexes whole values of a field, so that a query string finds them.
func (s *Schema) KeywordAt(stream, field string) bool {
	f, ok := s.cat.lookup(stream, field)
	if !ok {
		f, ok = s.cat.lookup(ecsStream, field)
	}
	return ok && family(f.typ) == "keyword"
}
