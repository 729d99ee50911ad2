package elasticsearch

import (
	"fmt"
	"slices"
	"strings"
)

// substitutes maps types that the test node lacks, because they live in plugins it does not have, to what stands in for
// them. ES|QL sees the same type through each of them: wildcard and constant_keyword are keyword there,
// match_only_text is text, scaled_float is double. The exceptions are unsigned_long, which ES|QL knows as a type of its
// own, and histogram, which it cannot read.
var substitutes = map[string]string{
	"wildcard":         "keyword",
	"constant_keyword": "keyword",
	"match_only_text":  "text",
	"scaled_float":     "double",
	"unsigned_long":    "long",
	"histogram":        "object",
}

// node is a field of a mapping while it is built.
type node struct {
	field    FieldType
	leaf     bool
	children map[string]*node
}

func (c *Catalogue) tree(s *Stream) (root *node, templates []FieldType) { return tree(c.fields(s)) }

func tree(fields []FieldType) (root *node, templates []FieldType) {
	root = &node{children: map[string]*node{}}
	for _, f := range fields {
		if strings.Contains(f.Name, "*") {
			templates = append(templates, f)
			continue
		}
		n := root
		for part := range strings.SplitSeq(f.Name, ".") {
			next := n.children[part]
			if next == nil {
				next = &node{children: map[string]*node{}}
				n.children[part] = next
			}
			n = next
		}
		n.leaf, n.field = true, f
	}
	return root, templates
}

// Mapping returns the body that creates a stream's index.
func (c *Catalogue) Mapping(s *Stream) map[string]any {
	root, templates := c.tree(s)
	return indexBody(root, templates)
}

// DeclaredMapping is Mapping of an index that no event has reached yet: it has what the stream's integration declares, and
// no further field of ECS.
func (c *Catalogue) DeclaredMapping(s *Stream) map[string]any {
	fields := slices.Clone(s.Fields)
	slices.SortFunc(fields, func(a, b FieldType) int { return strings.Compare(a.Name, b.Name) })
	return indexBody(tree(fields))
}

func indexBody(root *node, templates []FieldType) map[string]any {
	mappings := map[string]any{"dynamic": true, "properties": properties(root)}
	var dynamic []any
	for i, f := range templates {
		t, matching := substitute(f.Type), "*"
		if t == "object" {
			t, matching = "keyword", "string" // the objects themselves stay objects
		}
		dynamic = append(dynamic, map[string]any{fmt.Sprintf("template_%d", i): map[string]any{
			"path_match": f.Name, "match_mapping_type": matching, "mapping": scalar(t, f.IgnoreAbove)}})
	}
	// what Fleet's templates do with the rest
	dynamic = append(dynamic, map[string]any{"strings": map[string]any{
		"match_mapping_type": "string", "mapping": scalar("keyword", 1024)}})
	mappings["dynamic_templates"] = dynamic
	return map[string]any{
		"settings": map[string]any{"index": map[string]any{
			"number_of_shards": 1, "number_of_replicas": 0, "mapping.total_fields.limit": 20000, "mapping.nested_fields.limit": 500}},
		"mappings": mappings,
	}
}

func substitute(t string) string {
	if other, ok := substitutes[t]; ok {
		return other
	}
	return t
}

func scalar(t string, ignoreAbove int) map[string]any {
	m := map[string]any{"type": t}
	if t == "keyword" && ignoreAbove > 0 {
		m["ignore_above"] = ignoreAbove
	}
	return m
}

func properties(n *node) map[string]any {
	out := map[string]any{}
	for name, child := range n.children {
		out[name] = mapping(child)
	}
	return out
}

func mapping(n *node) map[string]any {
	t := substitute(n.field.Type)
	if !n.leaf {
		t = "object"
	}
	m := scalar(t, n.field.IgnoreAbove)
	switch t {
	case "object", "nested", "group":
		if t == "group" {
			m["type"] = "object"
		}
		if len(n.children) > 0 {
			m["properties"] = properties(n)
		}
	case "flattened":
	default:
		fields := map[string]any{}
		for name, child := range n.children {
			if child.leaf && len(child.children) == 0 && isScalar(child.field.Type) {
				fields[name] = scalar(substitute(child.field.Type), child.field.IgnoreAbove)
			}
		}
		if len(fields) > 0 {
			m["fields"] = fields
		}
	}
	return m
}

func isScalar(t string) bool {
	switch t {
	case "object", "nested", "group", "flattened":
		return false
	}
	return true
}

// SampleDocs returns three documents of a stream: every field with one value, the fields that hold arrays (or, where
// the catalogue marks none, all keywords) with several, and a nearly empty one. They exist so that failures which only
// come with data show up.
func (c *Catalogue) SampleDocs(s *Stream) []any {
	one, several := map[string]any{}, map[string]any{}
	for name, t := range c.leaves(s) {
		v := sampleValue(t.Type)
		if v == nil {
			continue
		}
		one[name] = v
		if second := sampleSecond(t.Type); second != nil && name != "@timestamp" {
			several[name] = []any{v, second}
		}
	}
	one["@timestamp"], several["@timestamp"] = "2026-01-02T03:04:05.678Z", "2026-01-02T03:05:00Z"
	return []any{one, several, map[string]any{"@timestamp": "2026-01-02T03:04:59Z"}}
}

// leaves returns the fields that a document can hold: no objects, no multi-fields, nothing below flattened or nested.
func (c *Catalogue) leaves(s *Stream) map[string]FieldType {
	out := map[string]FieldType{}
	root, _ := c.tree(s)
	var walk func(n *node, prefix string)
	walk = func(n *node, prefix string) {
		for name, child := range n.children {
			if child.leaf && isScalar(child.field.Type) && substitute(child.field.Type) != "object" {
				out[prefix+name] = child.field
				continue
			}
			if child.leaf && (child.field.Type == "flattened" || child.field.Type == "nested") {
				continue
			}
			walk(child, prefix+name+".")
		}
	}
	walk(root, "")
	return out
}

func sampleValue(t string) any {
	switch substitute(t) {
	case "keyword":
		return "Sample value"
	case "text":
		return "Sample text of several words"
	case "long", "integer", "short":
		return 4624
	case "byte":
		return 42
	case "double", "float", "half_float":
		return 1.5
	case "boolean":
		return true
	case "date", "date_nanos":
		return "2026-01-02T03:00:00Z"
	case "ip":
		return "192.0.2.10"
	case "version":
		return "1.2.3"
	case "geo_point":
		return map[string]any{"lat": 1.5, "lon": 2.5}
	}
	return nil
}

func sampleSecond(t string) any {
	switch substitute(t) {
	case "keyword":
		return "other"
	case "text":
		return "other words"
	case "long", "integer", "short":
		return 7
	case "ip":
		return "2001:db8::1"
	}
	return nil
}
