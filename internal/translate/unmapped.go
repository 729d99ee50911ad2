package translate

import (
	"slices"
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/schema"
)

// ES|QL refuses a query with a column that no index maps. From 9.4 on a setting of the query makes null of such columns, which
// is what Splunk has in a field that no event has. It is in preview, so a house asks for it.

// nullsUnmapped reports whether the draft may use the setting: what its indices map is the schema's to know.
func (l *lowering) nullsUnmapped() bool {
	return l.opts.UnmappedNull && !l.schema.IsIdentity() && len(l.opts.Index) == 0
}

// onDemand is a field that the index has once an event brought it, as the draft's query reads it.
func (l *lowering) onDemand(f *schema.Field) *schema.Field {
	if !f.Dynamic || !l.nullsUnmapped() {
		return f
	}
	if l.demanded == nil {
		l.demanded = map[string]bool{}
	}
	l.demanded[f.Name] = true
	null := *f
	null.Reason = strings.ReplaceAll(f.Reason, "the query is refused", "the draft reads it as null")
	if f.DynamicOnly && f.Proof.Kind != schema.Unproven {
		null.Support = schema.Medium
	}
	return &null
}

// setUnmapped puts the setting in front of a draft that names a column which one of its data streams does not map.
func (l *lowering) setUnmapped(from *esql.From, cmds []esql.Command) {
	if !l.nullsUnmapped() {
		return
	}
	needed := slices.ContainsFunc(l.out.Streams, func(s StreamFields) bool { return !s.Left && len(s.Lacks) > 0 })
	for f := range l.demanded {
		needed = needed || slices.ContainsFunc(cmds, func(c esql.Command) bool { return commandReads(c, f) })
	}
	if !needed {
		return
	}
	from.Set = []esql.Setting{esql.UnmappedNull}
	l.command = ""
	l.diag("unmapped_null", queryStart, esql.UnmappedNull.Name, "the draft reads a field that no index has as null (SET unmapped_fields), as translation.unmapped_fields asks for; the setting is in preview since Elasticsearch 9.4")
}
