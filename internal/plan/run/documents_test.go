package run_test

import (
	"maps"
	"slices"
	"strings"

	"github.com/rulebridge/rulebridge/internal/plan/run"
	"github.com/rulebridge/rulebridge/internal/schema"
	"github.com/rulebridge/rulebridge/internal/spl"
	"github.com/rulebridge/rulebridge/internal/value"
)

// asSplunk gives documents of Elastic's integrations the fields that Splunk has: for each source that a search names, the
// events that are of it get its fields. Macros that stand for a source become a condition on a field src_MACRO.
func asSplunk(in *run.Input, query string, m macros) {
	sch := schema.Default()
	sources := map[string]*schema.Source{} // by prefix of the fields, "" for events
	models := map[string]*schema.Source{}
	parsed := spl.Parse(query, spl.Options{Macros: m})
	for _, use := range parsed.Macros {
		if src, ok := sch.Macro(use.Name); ok && !use.Known {
			sources[use.Name] = src
			m.add(use.Name, "src_"+use.Name+"=1", nil)
		}
	}
	parsed = spl.Parse(query, spl.Options{Macros: m})
	var metadata []schema.Predicate
	spl.Walk(parsed.Pipeline, func(n spl.Node) bool {
		switch n := n.(type) {
		case *spl.TStats:
			if n.From != nil {
				if src, ok := sch.DataModel(n.From.Text); ok {
					models[n.From.Text] = src
				}
			}
		case *spl.From:
			if src, ok := sch.DataModel(n.Model.Text); ok {
				models[n.Model.Text] = src
			}
		case *spl.Compare:
			switch n.Field.Text {
			case "index", "source", "sourcetype", "eventtype", "Channel":
				metadata = append(metadata, schema.Predicate{Field: n.Field.Text, Value: n.Value.Text})
			}
		}
		return true
	})
	if src, _, ok := sch.Match(metadata); ok && len(metadata) > 0 {
		sources["metadata"] = src
	}
	if len(sources)+len(models) == 0 {
		sources["fallback"] = sch.Fallback()
	}
	for i := range in.Events {
		in.Events[i] = splunkEvent(in.Events[i], sources, models, metadata)
	}
}

// splunkEvent is one document as Splunk has it. The document is flat: pipelineEvent has nested it as JSON-like names.
func splunkEvent(e run.Event, sources, models map[string]*schema.Source, metadata []schema.Predicate) run.Event {
	doc := map[string]value.Value{}
	for i, n := range e.Names {
		doc[n] = e.Values[i]
	}
	out := run.Event{Names: []string{"_time"}, Values: []value.Value{doc["_time"]}}
	add := func(name string, v value.Value) {
		if !v.Missing() && !slices.Contains(out.Names, name) {
			out.Names, out.Values = append(out.Names, name), append(out.Values, v)
		}
	}
	for name, src := range sources {
		if !holdsAll(src, doc) {
			continue
		}
		add("src_"+name, value.Str("1"))
		if code := doc["event.code"]; len(code) == 1 {
			src = src.Narrow([]schema.Predicate{{Field: "EventCode", Value: code[0].Text()}})
		}
		if name == "metadata" {
			for _, p := range metadata {
				add(p.Field, value.Str(strings.ReplaceAll(p.Value, "*", "x")))
			}
		}
		for _, f := range src.Mapped() {
			add(f, splunkValue(src.Field(f, schema.Hint{}), doc))
		}
	}
	var sets []string
	for name, src := range models {
		if !holdsAll(src, doc) {
			continue
		}
		sets = append(sets, name)
		prefix := name[strings.LastIndexByte(name, '.')+1:]
		for _, f := range src.Mapped() {
			v := splunkValue(src.Field(f, schema.Hint{}), doc)
			if v.Missing() && src.Field(f, schema.Hint{}).Type != "ip" {
				v = value.Str("unknown")
			}
			add(prefix+"."+f, v)
			if len(models) == 1 && len(sources) == 0 {
				add(f, v)
			}
		}
	}
	if len(models) > 0 {
		if sets == nil {
			sets = []string{"none"}
		}
		add("datamodel", value.Strs(sets))
	}
	// Names that a source does not map stay as they are in the document.
	for n, v := range doc {
		add(n, v)
	}
	return out
}

func holdsAll(src *schema.Source, doc map[string]value.Value) bool {
	for _, c := range src.Constraints {
		has := slices.ContainsFunc(doc[c.Field].Texts(), func(s string) bool { return slices.Contains(c.Values, s) })
		if has == c.Not {
			return false
		}
	}
	return true
}

// splunkValue reads a field of a source, with the words that Splunk has for the values.
func splunkValue(f schema.Field, doc map[string]value.Value) value.Value {
	var v value.Value
	for _, n := range append([]string{f.Name}, f.Also...) {
		if v = doc[n]; !v.Missing() {
			break
		}
	}
	if v.Missing() && f.Default != "" {
		return value.Str(f.Default)
	}
	var out value.Value
	for _, a := range v {
		s := a.Text()
		// Windows has accounts as DOMAIN\name, which integrations keep in two fields.
		if domain := doc[strings.TrimSuffix(f.Name, "name")+"domain"]; len(domain) == 1 && strings.HasSuffix(f.Name, "user.name") && f.Source == "User" {
			s = domain[0].Text() + `\` + s
		}
		for _, splunk := range slices.Sorted(maps.Keys(f.Values)) {
			stored := f.Values[splunk]
			if slices.ContainsFunc(stored, func(x string) bool { return strings.EqualFold(x, s) }) {
				s = splunk
				break
			}
		}
		if f.Written[1] != "" {
			s = strings.ReplaceAll(s, f.Written[1], f.Written[0])
		}
		out = append(out, value.Str(s)...)
	}
	return out
}

// flat puts nested maps of a document into dotted names.
func flat(prefix string, v any, add func(string, any)) {
	if m, ok := v.(map[string]any); ok {
		for k, x := range m {
			flat(prefix+"."+k, x, add)
		}
		return
	}
	add(strings.TrimPrefix(prefix, "."), v)
}

func flatDocument(e map[string]any) map[string]any {
	out := map[string]any{}
	flat("", e, func(name string, v any) { out[name] = v })
	return out
}
