package schema

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// Field resolves a Splunk field of the source. Unknown names give Support None with a reason; nothing is invented.
// Names that already are fields of the source's catalogue resolve to themselves.
func (s *Source) Field(name string, h Hint) Field { return *s.SharedField(name, h) }

// SharedField is Field without a copy: whoever changes the result has to copy it first.
func (s *Source) SharedField(name string, h Hint) *Field {
	if s.schema.identity {
		f := s.schema.identityField(name)
		return &f
	}
	if _, changed := s.overrides[name]; !changed {
		if ls, ok := s.lines()[name]; ok && pick(ls, h.EventCodes).raw == "" {
			f := &pick(ls, h.EventCodes).field
			fill, held := s.placeholder(name, f, h)
			if fill == "" && held == "" {
				return f
			}
			with := *f
			with.Held = held
			if fill != "" {
				with.Default, with.Doubts = fill, undoubted(s.doubts[name], fill)
			}
			return &with
		}
	}
	if len(h.EventCodes) > 0 && (s.DataModel && strings.Contains(name, ".") || len(s.prefixes) > 0 || s.facts() != nil) {
		f := s.resolve(name, h) // the codes decide where a part of the name is in the tables
		return &f
	}
	return s.cache.get(name, func(name string) Field { return s.resolve(name, h) })
}

// resolve is Field without what is remembered.
func (s *Source) resolve(name string, h Hint) Field {
	f := s.find(name, h)
	s.prove(&f)
	if f.Doubts == nil && f.Proof.Kind != ByPerson {
		f.Doubts = s.doubtsAbout(name, &f)
	}
	if f.Default != "" {
		f.Doubts = undoubted(f.Doubts, f.Default)
	}
	return f
}

// find is resolve without the proof.
func (s *Source) find(name string, h Hint) Field {
	if f, ok := s.overrides[name]; ok {
		f.Source = name
		return f
	}
	short := name
	if s.DataModel {
		short = s.stripDataSet(name)
	}
	if short != name {
		if f, ok := s.overrides[short]; ok {
			f.Source = name
			return f
		}
	}
	if ls, ok := s.lines()[short]; ok {
		l := pick(ls, h.EventCodes)
		f := l.field
		if l.raw != "" {
			f = s.like(name, l, h)
		} else if fill, held := s.placeholder(short, &f, h); fill != "" || held != "" {
			f.Default, f.Held = fill, held
		}
		if short != name {
			f.Source = name
		}
		return f
	}
	if m, ok := standardFields[short]; ok {
		return s.apply(name, m)
	}
	if f, ok := s.placed(short, h); ok {
		f.Source = name
		return f
	}
	if f, ok := s.own(short); ok {
		f.Source = name
		return f
	}
	if f, ok := s.Known(short); ok {
		f.Source = name
		return f
	}
	moved, ok := s.moved(short)
	if ok && !moved.copied {
		return s.movedField(name, moved)
	}
	candidate := ""
	for _, a := range s.autos {
		n, ok := a.translate(short)
		if !ok {
			continue
		}
		if f, ok := s.known(n); ok {
			f.Source = name
			if strings.Contains(short, "{}") && f.Array == Single {
				f.Array = MaybeArray
			}
			if !readable(f.Type) {
				return unreadable(f, name)
			}
			if a.join {
				f.Support, f.Reason = Medium, name+" is how a rendered event spells "+f.Name
			}
			return f
		}
		if candidate == "" && !a.join {
			candidate = n
		}
	}
	if moved.target != nil {
		return s.movedField(name, moved)
	}
	for _, p := range s.prefixes {
		if rest, ok := strings.CutPrefix(short, p); ok && rest != "" {
			// A part of a text is what the table reads out of that text, not another field of the same name.
			if f := s.resolve(rest, h); f.Support != None && (!s.inText(short) || s.derived(rest)) {
				f.Source = name
				return f
			}
		}
	}
	if f, ok := s.unlisted(short); ok {
		f.Source = name
		return f
	}
	if f, ok := s.text(short); ok {
		return f
	}
	if f, ok := s.labelled(short); ok {
		return f
	}
	f := Field{Source: name, Candidate: candidate}
	switch {
	case s.Support == None:
		f.Reason = s.Reason
	case candidate != "":
		f.Reason = fmt.Sprintf("%s is not in the field list of %s, where it would be %s; if your index has it, add it to the "+
			"schema overrides", name, s.Name, candidate)
	default:
		where := s.Name
		if where == "any" {
			where = "the fields that all data sources share"
		}
		f.Reason = fmt.Sprintf("%s has no known counterpart in %s; if your index has one, add it to the schema overrides", name, where)
	}
	return f
}

// own is the source's own field of a raw name with dots that ECS has too with another meaning: tls.version of Suricata is
// "TLS 1.2", that of ECS "1.2".
func (s *Source) own(name string) (Field, bool) {
	if s.DataModel || !strings.Contains(name, ".") {
		return Field{}, false
	}
	for _, a := range s.autos {
		if n, ok := a.translate(name); ok && n != name {
			if f, ok := s.Known(n); ok {
				return f, true
			}
		}
	}
	return Field{}, false
}

// moved finds where the pipelines of the source put a raw value; streams that disagree tell nothing.
func (s *Source) moved(name string) (move, bool) {
	if s.DataModel {
		return move{}, false
	}
	var out move
	for _, st := range s.Streams {
		stream := s.schema.cat.streams[st]
		if stream == nil {
			continue
		}
		m, ok := stream.moves()[name]
		switch {
		case !ok:
		case out.target == nil:
			out = m
		case out.target.name != m.target.name:
			return move{}, false
		}
	}
	return out, out.target != nil
}

func (s *Source) movedField(name string, m move) Field {
	f, ok := s.known(m.target.name)
	if !ok {
		return Field{Source: name, Candidate: m.target.name, Reason: fmt.Sprintf("%s becomes %s, whose type differs between the "+
			"indices of %s", name, m.target.name, s.Name)}
	}
	f.Source = name
	if !readable(f.Type) {
		return unreadable(f, name)
	}
	f.Reason = "the ingest pipeline puts it there"
	return f
}

// standardFields exist in every Splunk source; a table may say otherwise for its source.
var standardFields = map[string]mapping{
	"_time":      {support: Exact, target: "@timestamp"},
	"_indextime": {support: Medium, target: "event.ingested", reason: "the time of ingestion stands in event.ingested where the pipeline sets it"},
	"host":       {support: Exact, target: "host.name"},
	"sourcetype": {support: Approximate, format: true, target: "event.dataset", reason: "a source type has its counterpart in event.dataset, whose values differ"},
	"source":     {support: Approximate, format: true, target: "event.dataset", reason: "source names Splunk's input; event.dataset is the nearest, with other values"},
	"_raw":       {support: Approximate, target: "event.original", reason: "event.original holds the raw event only where the integration is set to preserve it"},
	"index":      {support: None, reason: "Splunk's index names do not exist in Elastic; the index pattern takes their place"},
	"tag":        {support: None, reason: "Splunk tags have no counterpart in ECS"},
	"eventtype":  {support: None, reason: "Splunk event types have no counterpart in ECS"},
}

// pick chooses the mapping for the event codes the query is known to select: the line all of them fit, else the line
// without codes, else the first.
func pick(ls []line, codes []string) *line {
	best := 0
	for i := range ls {
		l := &ls[i]
		if len(l.codes) == 0 {
			if len(ls[best].codes) > 0 {
				best = i
			}
			continue
		}
		if l.holds(codes) {
			return l
		}
	}
	return &ls[best]
}

// line is a mapping with its field resolved.
type line struct {
	codes []string
	one   bool
	field Field
	// raw, when not empty, is the raw field whose places the field has.
	raw string
}

// like is the field of a line that is a name for a raw field.
func (s *Source) like(name string, l *line, h Hint) Field {
	f, ok := s.placed(l.raw, h)
	if !ok {
		return Field{Source: name, Reason: "no facts about a pipeline say where " + l.raw + " of " + s.Name + " stands"}
	}
	f.Source = name
	if f.Support == Exact && l.field.Support != Exact {
		f.Support, f.Reason = l.field.Support, l.field.Reason
	}
	return f
}

// holds says whether the line is for what the query is known to select. Splunk compares operations without case.
func (l *line) holds(codes []string) bool {
	if len(codes) == 0 || l.one && len(codes) != 1 {
		return false
	}
	for _, c := range codes {
		if !slices.ContainsFunc(l.codes, func(x string) bool { return x == "*" || strings.EqualFold(x, c) }) {
			return false
		}
	}
	return true
}

func (s *Source) resolveLines() map[string][]line {
	out := make(map[string][]line, len(s.maps))
	for name, ms := range s.maps {
		if strings.Contains(name, "#") {
			continue // an element, which is no field of Splunk
		}
		ls := make([]line, len(ms))
		for i, m := range ms {
			if raw, ok := strings.CutPrefix(m.target, "raw:"); ok {
				ls[i] = line{codes: m.codes, one: m.one, raw: raw, field: Field{Source: name, Support: m.support, Reason: m.reason}}
				continue
			}
			ls[i] = line{codes: m.codes, one: m.one, field: s.apply(name, m)}
			s.prove(&ls[i].field)
			ls[i].field.Doubts = s.doubtsAbout(name, &ls[i].field)
			if f := &ls[i].field; f.Array == Single && m.listed(name) {
				f.Array = MaybeArray
			}
		}
		out[name] = ls
	}
	return out
}

// listed reports whether a mapping is of a whole list, which Splunk marks with {}: not of an element that one operation is
// known to write, nor of a field that the pipeline makes of the list.
func (m mapping) listed(name string) bool {
	return strings.Contains(name, "{}") && m.fn == "" && len(m.codes) == 0 && !m.dynamic && !m.ecs
}

func (s *Source) apply(name string, m mapping) Field {
	if m.support == None {
		f := Field{Source: name, Reason: m.reason}
		if m.extract != "" {
			f.Extract = s.extraction(m)
			f.Reason = "no listed field holds it; it could be " + m.reason
		}
		return f
	}
	if raw, ok := strings.CutPrefix(m.target, "raw:"); ok {
		return s.like(name, &line{raw: raw, field: Field{Support: m.support, Reason: m.reason}}, Hint{EventCodes: m.codes})
	}
	f, ok := s.known(m.target)
	if !ok && m.ecs {
		var ft fact
		ft, ok = s.schema.cat.lookup(ecsStream, m.target)
		f = ft.field()
	}
	if !ok && m.dynamic {
		f, ok = s.templated(m.target)
		f.Dynamic, f.DynamicOnly = true, len(m.codes) == 0
	}
	if !ok {
		return Field{Source: name, Candidate: m.target, Reason: fmt.Sprintf("%s would be %s, which is not in the field list of "+
			"%s; if your index has it, add it to the schema overrides", name, m.target, s.Name)}
	}
	f.Source = name
	if !readable(f.Type) {
		return unreadable(f, name)
	}
	for _, n := range m.also {
		g, ok := s.known(n)
		if !ok && m.ecs {
			var gt fact
			gt, ok = s.schema.cat.lookup(ecsStream, n)
			g = gt.field()
		}
		if !ok || family(g.Type) != family(f.Type) {
			return Field{Source: name, Candidate: n, Reason: fmt.Sprintf("%s would also be %s, which is not in the field list of "+
				"%s with that type; if your index has it, add it to the schema overrides", name, n, s.Name)}
		}
		f.Also, f.Array = append(f.Also, n), max(f.Array, g.Array)
	}
	f.Fn, f.Support, f.Reason, f.FormatOnly = m.fn, m.support, m.reason, m.format
	f.Values, f.ValuesComplete, f.Default, f.Written = m.values, m.complete, m.fallback, m.written
	return f
}

func unreadable(f Field, name string) Field {
	return Field{Source: name, Candidate: f.Name, Type: f.Type, Reason: fmt.Sprintf("%s is %s, of the type %s, which ES|QL "+
		"cannot read", name, f.Name, f.Type)}
}

func (s *Source) extraction(m mapping) *Extraction {
	f, ok := s.Known(m.target)
	if !ok {
		return nil
	}
	return &Extraction{Name: f.Name, Type: f.Type, IgnoreAbove: f.IgnoreAbove, Regex: m.extract, Reason: m.reason, Values: m.values, Exact: m.exact}
}

// inText reports whether a raw name is a part of what the integration keeps as one text.
func (s *Source) inText(name string) bool {
	return slices.ContainsFunc(s.texts, func(t autoText) bool { return strings.HasPrefix(name, t.prefix) })
}

// derived reports whether a name is one that Splunk's add-on makes, which no event has itself: a rename of all parts of a text
// leaves it alone.
func (s *Source) derived(name string) bool {
	_, ok := s.lines()[name]
	return ok && strings.ContainsAny(name, "_.")
}

// text finds a field that is a key of a text of the form {key=value, …}.
func (s *Source) text(name string) (Field, bool) {
	for _, t := range s.texts {
		key, ok := strings.CutPrefix(name, t.prefix)
		if !ok || key == "" || strings.HasSuffix(key, "{}") {
			continue // a list as a whole has no text of its own
		}
		reason := t.reason
		if strings.Contains(key, "{}") {
			reason += "; of several the first is taken"
		}
		key = key[strings.LastIndexByte(key, '.')+1:]
		re := `[{ ]` + regexp.QuoteMeta(key) + `=((?:[^,{}\[\]]|\{[^{}]*\}|\[[^\[\]]*\])*)`
		m := mapping{target: t.target, extract: re, reason: reason}
		return Field{Source: name, Reason: "no listed field holds it; it could be " + m.reason, Extract: s.extraction(m)}, true
	}
	return Field{}, false
}

// labelled finds a field that Splunk makes of a label of the rendered event: Share_Path of "Share Path: C:\Data".
func (s *Source) labelled(name string) (Field, bool) {
	if !renderedName.MatchString(name) {
		return Field{}, false
	}
	for _, a := range s.autos {
		if a.label == "" {
			continue
		}
		re := `(?:^|\s)` + strings.ReplaceAll(name, "_", " ") + `:[^\S\r\n]+(\S[^\r\n]*)`
		if x := s.extraction(mapping{target: a.label, extract: re, reason: a.reason}); x != nil {
			return Field{Source: name, Reason: "no listed field holds it; it could be " + a.reason, Extract: x}, true
		}
	}
	return Field{}, false
}

// renderedName recognizes names that Splunk makes of labels of several words.
var renderedName = regexp.MustCompile(`^[A-Z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)+$`)

// translate gives the catalogue's name of a raw field under the rule.
func (a auto) translate(name string) (string, bool) {
	if a.label != "" {
		return "", false
	}
	if a.strip != "" {
		var ok bool
		if name, ok = strings.CutPrefix(name, a.strip); !ok {
			return "", false
		}
	}
	name = strings.ReplaceAll(name, "{}", "")
	if name == "" || strings.ContainsAny(name, " \"'()*") {
		return "", false
	}
	if a.snake {
		name = snake(name)
	}
	if a.join {
		if !strings.Contains(name, "_") {
			return "", false
		}
		name = strings.ReplaceAll(name, "_", "")
	}
	return a.prefix + name, true
}

// snake writes camelCase as snake_case, each path element apart.
func snake(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c >= 'A' && c <= 'Z' {
			prevLower := i > 0 && (s[i-1] >= 'a' && s[i-1] <= 'z' || s[i-1] >= '0' && s[i-1] <= '9')
			nextLower := i+1 < len(s) && s[i+1] >= 'a' && s[i+1] <= 'z'
			prevUpper := i > 0 && s[i-1] >= 'A' && s[i-1] <= 'Z'
			if prevLower || prevUpper && nextLower {
				b.WriteByte('_')
			}
			c += 'a' - 'A'
		}
		b.WriteByte(c)
	}
	return b.String()
}

// stripDataSet drops the data set of "Processes.process_name".
func (s *Source) stripDataSet(name string) string {
	set, rest, ok := strings.Cut(name, ".")
	if !ok || rest == "" {
		return name
	}
	if _, ok := s.maps[name]; ok || !strings.ContainsFunc(set, unicode.IsUpper) {
		return name // ECS names start with a lower-case letter, data sets do not
	}
	if i := strings.LastIndexByte(rest, '.'); i >= 0 && rest[0] >= 'A' && rest[0] <= 'Z' {
		rest = rest[i+1:] // All_Changes.Account_Management.src_user
	}
	return rest
}

// Known reports whether an Elasticsearch field exists in any stream of the source, with its facts. Of an identity schema
// these are the fields whose types were given.
func (s *Source) Known(name string) (Field, bool) {
	if s.schema.identity {
		_, ok := s.schema.types[name]
		return s.schema.identityField(name), ok || name == "_time" || name == "@timestamp"
	}
	f, ok := s.known(name)
	if !ok || !readable(f.Type) {
		return Field{}, false
	}
	return f, true
}

// known merges the facts of the source's streams. Types that ES|QL cannot read together make the field unknown, because
// every use of it would fail.
func (s *Source) known(name string) (Field, bool) {
	if f, ok := s.extra[name]; ok {
		return f, true
	}
	var out Field
	found := false
	for _, st := range s.Streams {
		f, ok := s.schema.cat.lookup(st, name)
		if !ok {
			continue
		}
		if !s.DataModel && holdsSeveral(st+":"+name) {
			f.array = max(f.array, MaybeArray)
		}
		if !found {
			out, found = f.field(), true
			continue
		}
		if family(out.Type) != family(f.typ) {
			return Field{}, false
		}
		if f.array > out.Array {
			out.Array = f.array
		}
		if f.ignoreAbove != 0 && (out.IgnoreAbove == 0 || f.ignoreAbove < out.IgnoreAbove) {
			out.IgnoreAbove = f.ignoreAbove
		}
	}
	if !found && s.extraECS {
		if f, ok := s.schema.cat.lookup(ecsStream, name); ok {
			out, found = f.field(), true
		}
	}
	return out, found
}

// templated is a field that a dynamic template of objects makes of whatever texts arrive below it. An object that a list
// names without its parts, such as winlog.event_data, has such a template.
func (s *Source) templated(name string) (Field, bool) {
	if parent, ok := s.known(name[:max(0, strings.LastIndexByte(name, '.'))]); ok && parent.Type == "object" {
		return fact{name: name, typ: "keyword", ignoreAbove: defaultIgnoreAbove}.field(), true
	}
	for _, st := range s.Streams {
		stream := s.schema.cat.streams[st]
		if stream == nil {
			continue
		}
		for _, p := range stream.pattern() {
			if p.typ == "object" && matchTemplate(p.name, name) {
				return fact{name: name, typ: "keyword", ignoreAbove: defaultIgnoreAbove}.field(), true
			}
		}
	}
	return Field{}, false
}

func (f fact) field() Field {
	array := f.array
	if array == Single && holdsSeveral(f.name) {
		array = MaybeArray
	}
	return Field{Source: f.name, Name: f.name, Type: f.typ, Array: array, IgnoreAbove: f.ignoreAbove, Support: Exact,
		LowerCase: lowerCaseFields[f.name]}
}

// lowerCaseFields hold only lower-case values by the definition of ECS.
var lowerCaseFields = map[string]bool{
	"event.category": true, "event.type": true, "event.kind": true, "event.outcome": true,
}

// SelectsOperation reports whether the values of a Splunk field name kinds of events of the source, as event codes do
// (eventName of CloudTrail); a Hint may carry them.
func (s *Source) SelectsOperation(name string) bool { return slices.Contains(s.operations, name) }

// Reverse lists the Splunk names of the source that map to an Elasticsearch field, sorted.
func (s *Source) Reverse(ecs string) []string {
	var out []string
	for name, ms := range s.maps {
		if slices.ContainsFunc(ms, func(m mapping) bool { return m.target == ecs }) {
			out = append(out, name)
		}
	}
	for name, f := range s.overrides {
		if f.Name == ecs && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// Mapped lists the Splunk names the source's table knows, holes included, sorted.
func (s *Source) Mapped() []string {
	return slices.DeleteFunc(sortedKeys(s.maps), func(name string) bool { return strings.Contains(name, "#") })
}

func (s *Schema) identityField(name string) Field {
	f := Field{Source: name, Name: name, Type: "keyword", Array: MaybeArray, Support: Exact}
	if name == "_time" || name == "@timestamp" {
		f.Name, f.Type, f.Array = "@timestamp", "date", Single
		return f
	}
	if t, ok := s.types[name]; ok && t != "" {
		f.Type = t
	}
	return f
}
