package translate

import (
	"slices"
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/schema"
)

// A rule can say which kinds of events it is written for. A data model then reads the streams of those beside its own, and
// what of them is not read is said.

// namedSource is one name with the streams that hold its events.
type namedSource struct {
	name    string
	streams []string
}

// namedSources are the sources that the rule names; "A AND B" names two.
func (l *lowering) namedSources() []namedSource {
	var out []namedSource
	const most = 100
	for _, text := range l.req.DataSources[:min(len(l.req.DataSources), most)] {
		for name := range strings.SplitSeq(text, " AND ") {
			name = strings.TrimSpace(name)
			if name == "" || slices.ContainsFunc(out, func(n namedSource) bool { return n.name == name }) {
				continue
			}
			out = append(out, namedSource{name, l.schema.DataSource(name)})
		}
	}
	return out
}

// withNamed is a data model with the streams of the sources that the rule names.
func (l *lowering) withNamed(src *schema.Source) *schema.Source {
	if src == nil || len(src.Named) == 0 || len(l.opts.Index) > 0 {
		return src
	}
	var streams []string
	for _, n := range l.namedSources() {
		streams = append(streams, n.streams...)
	}
	return src.With(streams)
}

// sayNamed says which of the sources that the rule names are not read. Where a search names its own source, that is what
// Splunk reads.
func (l *lowering) sayNamed() {
	if !l.modelled {
		return
	}
	l.command = ""
	var left []namedSource
	read := false
	for _, n := range l.namedSources() {
		if slices.ContainsFunc(n.streams, func(s string) bool { return slices.Contains(l.indices, l.schema.IndexOf(s)) }) {
			read = true
		} else {
			left = append(left, n)
		}
	}
	for _, n := range left {
		why := "no integration that is known collects it"
		if len(n.streams) > 0 {
			why = "its events are not what the search asks for, or lack what it needs"
		}
		if read {
			l.diag("named_source_left", queryStart, n.name, "the rule is also written for "+n.name+", which the draft does not read: "+why)
			continue
		}
		l.diag("named_sources_unread", queryStart, n.name, "the rule is written for "+n.name+", which the draft does not read: "+why+"; keep the draft where the streams that it reads have your events, else give the index pattern")
	}
}

// deriveFields gives a stream's fields what Splunk has in them, where its documents have something else and the draft reads
// them: the last element of a path. Conditions on other fields stay in front, where the index answers them.
func (l *lowering) deriveFields(table []StreamFields, cmds []esql.Command) []esql.Command {
	for i := range table {
		if s := &table[i]; !s.Left {
			if out, ok := l.derive(s.Stream, cmds); ok {
				cmds = out
			} else {
				s.Left = true
				l.command = ""
				l.diag("stream_left", queryStart, s.Stream, s.Index+" is not read: its events have the name of a file or process in the path only, which a query string of the draft cannot take apart")
				l.indices = slices.DeleteFunc(slices.Clone(l.indices), func(index string) bool { return index == s.Index })
			}
		}
	}
	return cmds
}

// derive does so for one stream; ok is false where a condition on such a field has to be answered by the index.
func (l *lowering) derive(stream string, cmds []esql.Command) (out []esql.Command, ok bool) {
	var fields []string
	e := &esql.Eval{}
	name := str(strings.ReplaceAll(stream, "/", "."))
	for _, d := range l.schema.Derived(stream) {
		if slices.ContainsFunc(cmds, func(c esql.Command) bool { return commandReads(c, d.Field) }) {
			fields = append(fields, d.Field)
			is := call("REPLACE", col(d.From), str("^.*/"), str(""))
			if len(d.Words) > 0 {
				var words []esql.Expr
				for _, w := range d.Words {
					words = append(words, binary("==", col(d.From), str(w[0])), str(w[1]))
				}
				is = &esql.Call{Func: "CASE", Args: words}
			}
			e.Assigns = append(e.Assigns, &esql.Assign{Name: d.Field, Expr: call("CASE", binary("==", col("data_stream.dataset"), name), is, col(d.Field))})
		}
	}
	if len(fields) == 0 {
		return cmds, true
	}
	n := 0
	var before, after []esql.Command
	for ; n < len(cmds); n++ {
		w, isWhere := cmds[n].(*esql.Where)
		if !isWhere {
			break
		}
		var front, back []esql.Expr
		for _, p := range conjunctsOf(w.Expr) {
			if slices.ContainsFunc(fields, func(f string) bool { return readsField(p, f) || queriesField(p, f) }) {
				if readsIndex(p) {
					return nil, false
				}
				back = append(back, p)
			} else {
				front = append(front, p)
			}
		}
		for _, part := range []struct {
			list *[]esql.Command
			x    []esql.Expr
		}{{&before, front}, {&after, back}} {
			if len(part.x) > 0 {
				c := &esql.Where{At: w.At, Expr: and(part.x...)}
				l.moved(w, c)
				*part.list = append(*part.list, c)
			}
		}
	}
	for _, c := range cmds[n:] {
		if readsIndexOf(c) {
			return nil, false
		}
	}
	if n > 0 {
		l.moved(cmds[0], e)
	} else if len(cmds) > 0 {
		l.moved(cmds[0], e)
	}
	return slices.Concat(before, []esql.Command{e}, after, cmds[n:]), true
}

// commandReads reports whether a command names a field.
func commandReads(c esql.Command, field string) bool {
	found := false
	esql.Inspect(&esql.Query{Commands: []esql.Command{c}}, func(n esql.Node) bool {
		switch x := n.(type) {
		case *esql.Column:
			found = found || x.Name == field
		case *esql.Call:
			found = found || queriesField(x, field)
		}
		return !found
	})
	switch c := c.(type) {
	case *esql.Keep:
		found = found || slices.Contains(c.Names, field)
	case *esql.Rename:
		found = found || slices.ContainsFunc(c.Pairs, func(p esql.RenamePair) bool { return p.Old == field })
	case *esql.MvExpand:
		found = found || c.Field == field
	case *esql.LookupJoin:
		found = found || slices.Contains(c.On, field)
	}
	return found
}

// queriesField reports whether a query string within an expression asks for a field.
func queriesField(x esql.Expr, field string) bool {
	found := false
	esql.InspectExpr(x, func(n esql.Node) bool {
		if c, ok := n.(*esql.Call); ok && c.Func == "QSTR" && len(c.Args) == 1 {
			if s, ok := c.Args[0].(*esql.Literal); ok {
				text, isText := s.Value.(string)
				found = found || isText && strings.Contains(text, esql.EscapeLucene(field)+":")
			}
		}
		return !found
	})
	return found
}

// readsIndex reports whether only the index can answer a condition: a query string, or a match of a field.
func readsIndex(x esql.Expr) bool {
	found := false
	esql.InspectExpr(x, func(n esql.Node) bool {
		switch e := n.(type) {
		case *esql.Call:
			found = found || e.Func == "QSTR"
		case *esql.Binary:
			found = found || e.Op == ":"
		}
		return !found
	})
	return found
}

func readsIndexOf(c esql.Command) bool {
	found := false
	esql.Inspect(&esql.Query{Commands: []esql.Command{c}}, func(n esql.Node) bool {
		if x, ok := n.(esql.Expr); ok {
			found = found || readsIndex(x)
		}
		return !found
	})
	return found
}
