package translate

import (
	"slices"
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// A draft may read several data streams, of which a house has some. What each has of the fields that the draft needs decides
// three things: a stream that lacks one that a condition needs is not read; a field that an estate lacks is avoided, because
// ES|QL refuses a query with a column that no index has; and where it cannot be, the draft says which estate it needs.

// queryStart is where notes about the draft as a whole stand.
var queryStart = spl.Span{Start: spl.Pos{Line: 1, Column: 1}, End: spl.Pos{Line: 1, Column: 1}}

// StreamFields is what one data stream has of the fields that the draft needs.
type StreamFields struct {
	Stream, Index string
	// Lacks are the needed fields that its documents never have, sorted.
	Lacks []string
	// Left says that the draft does not read the stream, because it lacks a field that a condition needs.
	Left bool
}

// fitStreams fits the draft and its index patterns to the streams behind them.
func (l *lowering) fitStreams(cmds []esql.Command) []esql.Command {
	if l.schema.IsIdentity() || len(l.opts.Index) > 0 || len(l.indices) == 0 {
		return cmds
	}
	var table []StreamFields
	for _, index := range l.indices {
		streams := l.schema.StreamsAt(index)
		if len(streams) == 0 {
			return cmds // what stands behind a pattern that is no known stream's is not known
		}
		for _, s := range streams {
			table = append(table, StreamFields{Stream: s, Index: index})
		}
	}
	l.leaveStreams(table, cmds)
	if l.modelled && !l.nullsUnmapped() {
		cmds = l.avoidFields(table, cmds)
	}
	cmds = l.deriveFields(table, cmds)
	defer l.sayNamed()
	needed := l.storedColumns(table, cmds)
	for i := range table {
		for _, f := range needed {
			if !l.schema.StreamHas(table[i].Stream, f) {
				table[i].Lacks = append(table[i].Lacks, f)
			}
		}
	}
	l.sayEstates(table, needed)
	l.out.Streams = table
	return cmds
}

// leaveStreams leaves out the streams that lack a field that a condition on events needs.
func (l *lowering) leaveStreams(table []StreamFields, cmds []esql.Command) {
	if len(table) < 2 {
		return
	}
	left := 0
	why, other := make([]string, len(table)), make([]bool, len(table))
	for i, s := range table {
		why[i] = l.cannotMatch(cmds, func(field string) bool { return l.known(table, field) && !l.schema.StreamHas(s.Stream, field) })
		if why[i] == "" {
			why[i] = l.otherEvents(s.Stream, cmds)
			other[i] = why[i] != ""
		}
		if why[i] != "" {
			left++
		}
	}
	if left > 0 && left < len(table) {
		l.keepColumns(table, cmds, why)
	}
	at := queryStart
	l.command = ""
	if left == len(table) {
		const most = 3
		var parts []string
		for i, s := range table[:min(len(table), most)] {
			parts = append(parts, s.Index+" has no "+why[i])
		}
		l.diag("no_stream", at, "", "no data stream has all the fields that the conditions need, so the draft can never alert: "+strings.Join(parts, ", ")+"; search one kind of event at a time, or correct the fields in the schema overrides")
		return
	}
	kept := map[string]bool{}
	for i := range table {
		table[i].Left = why[i] != ""
		kept[table[i].Index] = kept[table[i].Index] || !table[i].Left
	}
	for i, s := range table {
		if s.Left && !kept[s.Index] && other[i] {
			l.diag("stream_left", at, s.Stream, s.Index+" is not read: no condition asks for "+why[i]+", which tells the events of this kind from the others of that stream")
		} else if s.Left && !kept[s.Index] {
			l.diag("stream_left", at, s.Stream, s.Index+" is not read: its events have no "+why[i]+", which a condition needs, so none of them can alert")
		}
	}
	l.indices = slices.DeleteFunc(slices.Clone(l.indices), func(index string) bool { return !kept[index] })
}

// otherEvents names a field that tells the source's events of a stream from others that the stream has, where no condition of
// the draft needs such a field: the others would be counted with them. It is empty where the stream can be read.
func (l *lowering) otherEvents(stream string, cmds []esql.Command) string {
	if l.src == nil || len(l.src.Only[stream]) == 0 {
		return ""
	}
	fields := l.src.Only[stream]
	if l.cannotMatch(cmds, func(field string) bool { return slices.Contains(fields, field) }) != "" {
		return ""
	}
	return fields[0]
}

// keepColumns takes back what leaves out the only stream that has a column of the query: ES|QL refuses a query that names
// a column which none of its indices has.
func (l *lowering) keepColumns(table []StreamFields, cmds []esql.Command, why []string) {
	has := func(left bool, field string) bool {
		for i, s := range table {
			if (why[i] != "") == left && l.schema.StreamHas(s.Stream, field) {
				return true
			}
		}
		return false
	}
	for _, f := range l.storedColumns(table, cmds) {
		if has(false, f) || !has(true, f) {
			continue
		}
		for i, s := range table {
			if l.schema.StreamHas(s.Stream, f) {
				why[i] = ""
			}
		}
	}
}

// known reports whether a column is a stored field of one of the streams.
func (l *lowering) known(table []StreamFields, field string) bool {
	return slices.ContainsFunc(table, func(s StreamFields) bool { return l.schema.StreamHas(s.Stream, field) })
}

// cannotMatch names a field without which no event passes the conditions on events; lacks says which fields are never there.
func (l *lowering) cannotMatch(cmds []esql.Command, lacks func(string) bool) string {
	made := map[string]bool{}
	stored := func(f string) bool { return !made[f] && lacks(f) }
	for _, c := range cmds {
		switch c := c.(type) {
		case *esql.Where:
			if f := excludes(c.Expr, stored); f != "" {
				return f
			}
		case *esql.Eval:
			for _, a := range c.Assigns {
				made[a.Name] = true
			}
		default:
			return ""
		}
	}
	return ""
}

// excludes names a field that makes a condition fail for every event without it, empty if there is none.
func excludes(x esql.Expr, lacks func(string) bool) string {
	switch e := x.(type) {
	case *esql.Binary:
		switch e.Op {
		case "AND":
			if f := excludes(e.L, lacks); f != "" {
				return f
			}
			return excludes(e.R, lacks)
		case "OR":
			f := excludes(e.L, lacks)
			if f == "" || excludes(e.R, lacks) == "" {
				return ""
			}
			return f
		}
	case *esql.Call:
		if e.Func == "QSTR" && len(e.Args) == 1 {
			if s, ok := e.Args[0].(*esql.Literal); ok {
				if text, ok := s.Value.(string); ok {
					if m := fieldRegex.FindStringSubmatch(text); m != nil && !strings.Contains(m[1], "*") && lacks(strings.ReplaceAll(m[1], `\`, "")) {
						return strings.ReplaceAll(m[1], `\`, "")
					}
				}
			}
			return ""
		}
	case *esql.Like:
		if c, ok := e.X.(*esql.Call); ok && !e.Not && c.Func == "CONCAT" { // of several values between marks
			for _, arg := range c.Args {
				for _, f := range inner(nil, arg) {
					if lacks(f) {
						return f
					}
				}
			}
		}
	}
	var few [4]string
	for _, f := range provesPresent(few[:0], x) {
		if lacks(f) {
			return f
		}
	}
	return ""
}

// storedColumns are the stored fields that a query reads by name, sorted.
func (l *lowering) storedColumns(table []StreamFields, cmds []esql.Command) []string {
	made, read := map[string]bool{}, map[string]bool{}
	use := func(name string) {
		if !made[name] && !strings.HasPrefix(name, "_") && !strings.Contains(name, "*") {
			read[name] = true
		}
	}
	for _, c := range cmds {
		esql.Inspect(&esql.Query{Commands: []esql.Command{c}}, func(n esql.Node) bool {
			if c, ok := n.(*esql.Column); ok {
				use(c.Name)
			}
			return true
		})
		switch c := c.(type) {
		case *esql.Keep:
			for _, n := range c.Names {
				use(n)
			}
		case *esql.Rename:
			for _, p := range c.Pairs {
				use(p.Old)
				made[p.New] = true
			}
		case *esql.MvExpand:
			use(c.Field)
		case *esql.LookupJoin:
			for _, n := range c.On {
				use(n)
			}
		case *esql.Eval:
			for _, a := range c.Assigns {
				made[a.Name] = true
			}
		case *esql.Stats:
			for _, list := range [][]*esql.Assign{c.Aggs, c.By} {
				for _, a := range list {
					made[a.ColumnName()] = true
				}
			}
		}
	}
	var out []string
	for _, f := range sortedKeys(read) {
		if l.known(table, f) {
			out = append(out, f)
		}
	}
	return out
}

// estate is a part of the streams that a house may have alone: the events of Elastic Defend come together, other streams are
// collected one by one.
type estate struct {
	name    string
	streams []string
	beside  bool
}

// estates are the least houses in which the draft can alert: one of its streams, or, of a join that needs two kinds of
// events, one stream of each kind.
func (l *lowering) estates(table []StreamFields) []estate {
	if len(l.kinds) == 0 {
		return l.alone(table, l.indices)
	}
	out := []estate{{}}
	for _, indices := range l.kinds {
		var next []estate
		for _, e := range out {
			for _, other := range l.alone(table, indices) {
				next = appendEstate(next, e.with(other))
			}
		}
		if out = next; len(out) > maxEstates {
			return l.alone(table, l.indices)
		}
	}
	return out
}

// maxEstates bounds the combinations of streams that are looked at.
const maxEstates = 100

func (e estate) with(other estate) estate {
	switch {
	case e.name == "":
		return other
	case slices.Contains(strings.Split(e.name, " and "), other.name):
		for _, s := range other.streams {
			e.streams = appendNew(slices.Clip(e.streams), s)
		}
		return e
	}
	return estate{e.name + " and " + other.name, slices.Concat(e.streams, other.streams), e.beside || other.beside}
}

func appendEstate(list []estate, e estate) []estate {
	if slices.ContainsFunc(list, func(o estate) bool { return o.name == e.name }) {
		return list
	}
	return append(list, e)
}

// alone are the estates of one kind of events.
func (l *lowering) alone(table []StreamFields, indices []string) []estate {
	var out []estate
	for _, s := range table {
		if s.Left || !slices.Contains(indices, s.Index) {
			continue
		}
		name := s.Index
		if strings.HasPrefix(s.Stream, "endpoint/") {
			name = "logs-endpoint.*"
		}
		i := slices.IndexFunc(out, func(e estate) bool { return e.name == name })
		if i < 0 {
			i = len(out)
			out = append(out, estate{name: name})
		}
		out[i].streams = append(out[i].streams, s.Stream)
		out[i].beside = out[i].beside || l.schema.Beside(s.Stream) || l.src != nil && len(l.src.Only[s.Stream]) > 0
	}
	return out
}

// lacking are the fields that no stream of an estate has.
func (l *lowering) lacking(e estate, fields []string) []string {
	var out []string
	for _, f := range fields {
		if !slices.ContainsFunc(e.streams, func(s string) bool { return l.schema.StreamHas(s, f) }) {
			out = append(out, f)
		}
	}
	return out
}

// sayEstates says in which houses ES|QL refuses the draft.
func (l *lowering) sayEstates(table []StreamFields, needed []string) {
	list := l.estates(table)
	if len(list) < 2 {
		return // its fields come with its first events
	}
	l.command = ""
	var complete []string
	for _, e := range list {
		if len(l.lacking(e, needed)) == 0 {
			complete = append(complete, e.name)
		}
	}
	for _, e := range list {
		lacks := l.lacking(e, needed)
		if len(lacks) == 0 {
			continue
		}
		code := Code("needs_estate")
		if e.beside && len(complete) > 0 || !l.modelled { // a search that names its sources is of a house that has them
			code = "estate_beside"
		}
		if l.nullsUnmapped() {
			l.diag("estate_beside", queryStart, e.name, "where only "+e.name+" is installed, no index has "+strings.Join(lacks, ", ")+", and the draft reads it as null")
			continue
		}
		todo := "an empty data stream of one that has them is enough: create it"
		if len(complete) > 0 {
			todo = "create an empty data stream of " + strings.Join(complete, " or ") + " there"
		}
		l.diag(code, queryStart, e.name, "where only "+e.name+" is installed, ES|QL refuses the draft, because no index there has "+strings.Join(lacks, ", ")+"; "+todo)
	}
}
