package translate

import (
	"regexp"
	"slices"
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/schema"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// Rows can ride through STATS as text: eventstats, dedup and join need the rows back beside an aggregate. A row is its
// columns joined by rowMark, a missing value nullMark, several values joined by listMark.
const (
	rowMark  = "␞"
	nullMark = "␀"
	listMark = "\r" // one byte, because SPLIT takes no more; a query shows it as \r, and values hold it hardly ever
)

var dissectName = regexp.MustCompile(`^[A-Za-z_@][A-Za-z0-9_.@]*$`)

// packing is a set of columns to carry as text.
type packing struct {
	l    *lowering
	cols []*column
	at   spl.Span
	// id is the column that tells equal rows apart, or empty: VALUES keeps one of several equal texts. It stays behind
	// as eventColumn.
	id string
}

// eventColumn tells rows of events apart once they have ridden through STATS.
const eventColumn = "_event"

// pack collects the distinct columns behind the names that have one, except those in skip.
func (l *lowering) pack(names []string, skip map[string]bool, at spl.Span) *packing {
	p := &packing{l: l, at: at}
	seen := map[string]bool{}
	for _, n := range names {
		c := l.env.cols[n]
		if c == nil || c.hole || c.constant != nil || seen[c.name] || skip[c.name] {
			continue
		}
		seen[c.name] = true
		p.cols = append(p.cols, c)
		if d := c.domain; d != "" && !seen[d] && !skip[d] {
			seen[d] = true
			p.cols = append(p.cols, &column{name: d, typ: "keyword"})
		}
	}
	return p
}

// oneColumn makes a column of each field that is read from several places: behind STATS these are no more.
func (l *lowering) oneColumn(at spl.Span) {
	for _, n := range slices.Clone(l.env.order) {
		c := l.env.cols[n]
		if c.hole || c.computed || c.constant != nil || len(c.mapping().Also) == 0 {
			continue
		}
		v := c.value()
		one := &column{typ: v.typ, array: v.array, nonNull: c.nonNull, filled: c.filled, fill: c.fill, pending: c.pending}
		one.passing(c.mapping())
		l.defineAs(n, one, mark(v.expr, at), at)
	}
}

// first puts the column of a name in front, so that packed rows sort by it.
func (p *packing) first(name string) {
	for i, c := range p.cols {
		if c.name == name {
			copy(p.cols[1:i+1], p.cols[:i])
			p.cols[0] = c
			return
		}
	}
	p.cols = append([]*column{{name: name, typ: "date", nonNull: true}}, p.cols...)
}

// row is the packed text of one row.
func (p *packing) row() esql.Expr {
	var parts []esql.Expr
	if p.id != "" {
		parts = append(parts, col(p.id))
	}
	for _, c := range p.cols {
		if len(parts) > 0 {
			parts = append(parts, str(rowMark))
		}
		var x esql.Expr = col(c.name)
		if !isText(c.typ) {
			x = call("TO_STRING", x)
		}
		if c.array != schema.Single {
			x = call("MV_CONCAT", x, str(listMark))
		}
		if !c.nonNull {
			x = call("COALESCE", x, str(nullMark))
		}
		parts = append(parts, x)
	}
	if len(parts) == 1 {
		return mark(parts[0], p.at)
	}
	return mark(call("CONCAT", parts...), p.at)
}

// unpack reads the columns back out of the text column row. Constant text before the columns is named by before.
func (p *packing) unpack(row string, before ...string) {
	l := p.l
	var pattern []string
	if p.id != "" {
		pattern = append(pattern, "%{"+eventColumn+"}")
	}
	for _, b := range before {
		pattern = append(pattern, "%{"+b+"}")
	}
	var assigns []*esql.Assign
	var helpers []string
	for _, c := range p.cols {
		name := c.name
		if !dissectName.MatchString(name) {
			l.unique++
			name = "_c_" + itoa(l.unique)
			helpers = append(helpers, name)
		}
		pattern = append(pattern, "%{"+name+"}")
		var x esql.Expr = col(name)
		if !c.nonNull {
			x = call("CASE", binary("!=", col(name), str(nullMark)), x)
		}
		if c.array != schema.Single {
			x = call("SPLIT", x, str(listMark))
		}
		x = fromText(x, c.typ)
		if k, plain := x.(*esql.Column); plain && k.Name == c.name {
			continue
		}
		assigns = append(assigns, &esql.Assign{At: esql.At{Origin: origin(p.at)}, Name: c.name, Expr: mark(x, p.at)})
	}
	d := &esql.Dissect{Input: col(row), Pattern: strings.Join(pattern, rowMark)}
	d.Origin = origin(p.at)
	l.add(d)
	if len(assigns) > 0 {
		e := &esql.Eval{Assigns: assigns}
		e.Origin = origin(p.at)
		l.add(e)
	}
	drop := &esql.Drop{Names: append(append([]string{esql.EscapePattern(row)}, before...), helpers...)}
	drop.Origin = origin(p.at)
	l.add(drop)
}

// fromText turns text back into a type.
func fromText(x esql.Expr, typ string) esql.Expr {
	switch {
	case isText(typ):
		return x
	case isInteger(typ):
		return call("TO_LONG", x)
	case isNumeric(typ):
		return call("TO_DOUBLE", x)
	case isDate(typ):
		return call("TO_DATETIME", x)
	case typ == "ip":
		return call("TO_IP", x)
	case typ == "boolean":
		return call("TO_BOOLEAN", x)
	}
	return x
}

// settle makes sure that the columns needed from here on are known, before rows are packed. On events these are the
// fields that the rest of the pipeline names up to the command that closes the list; ok is false when nothing does.
func (l *lowering) settle(cmd spl.Command, rest []spl.Command) bool {
	at := cmd.Span()
	if !l.env.open {
		return !l.env.partial()
	}
	closed := false
	want := map[string]bool{}
	var order []string
	note := func(n string) {
		if n != "" && !want[n] && !strings.Contains(n, "*") {
			want[n] = true
			order = append(order, n)
		}
	}
	made := map[string]bool{}
	for _, n := range assigned(cmd) {
		made[n] = true
	}
	for _, n := range keysOf(cmd) { // rows are grouped by them
		note(n)
	}
	for _, cmd := range rest {
		for _, n := range assigned(cmd) {
			made[n] = true
		}
		spl.Walk(cmd, func(n spl.Node) bool {
			switch n := n.(type) {
			case *spl.FieldRef:
				note(n.Name)
			case *spl.Name:
				note(n.Text)
			}
			return true
		})
		switch cmd := cmd.(type) {
		case *spl.Stats:
			closed = cmd.Kind == "stats"
		case *spl.Table, *spl.Chart, *spl.Top:
			closed = true
		case *spl.Fields:
			closed = !cmd.Remove
		}
		if closed {
			break
		}
	}
	if !closed {
		return false
	}
	note("_time")
	for _, n := range l.env.order {
		note(n)
	}
	next := newEnv(false)
	next.unmapped = map[string]*schema.Field{}
	for _, n := range order {
		if c, ok := l.env.cols[n]; ok {
			next.bind(n, c)
			continue
		}
		c := l.peek(n, at)
		if made[n] && !c.hole && c.constant == nil && !l.stores(c.mapping()) {
			continue // a name that is computed further down
		}
		if c.constant != nil {
			continue
		}
		if c.hole {
			if !made[n] {
				next.unmapped[n] = c.mapping() // said where it is used
			}
			continue
		}
		next.bind(n, c)
	}
	l.settled = next
	return true
}

// assigned lists the names that a command computes.
func assigned(cmd spl.Command) []string {
	var out []string
	switch cmd := cmd.(type) {
	case *spl.Eval:
		for _, a := range cmd.Assigns {
			out = append(out, a.Field.Text)
		}
	case *spl.Stats:
		for i := range cmd.Aggs {
			out = append(out, aggName(&cmd.Aggs[i]))
		}
	case *spl.Rename:
		for _, p := range cmd.Pairs {
			out = append(out, p.To.Text)
		}
	case *spl.Rex:
		for _, m := range namedGroup.FindAllStringSubmatch(cmd.Pattern.Text, -1) {
			out = append(out, m[1])
		}
	case *spl.Lookup:
		for _, f := range cmd.Outputs {
			out = append(out, f.Field.Text)
		}
	case *spl.Join:
		if cmd.Sub != nil {
			for _, c := range cmd.Sub.Commands {
				out = append(out, assigned(c)...)
			}
		}
	case *spl.Bin:
		if cmd.As != nil {
			out = append(out, cmd.As.Text)
		}
	}
	return out
}

// keysOf lists the names that a command which packs rows groups by or computes with.
func keysOf(cmd spl.Command) []string {
	var out []string
	switch cmd := cmd.(type) {
	case *spl.Stats:
		for _, b := range cmd.By {
			out = append(out, b.Field.Text)
		}
		for i := range cmd.Aggs {
			if cmd.Aggs[i].Arg == nil {
				continue
			}
			spl.Walk(cmd.Aggs[i].Arg, func(n spl.Node) bool {
				if f, ok := n.(*spl.FieldRef); ok {
					out = append(out, f.Name)
				}
				return true
			})
		}
	case *spl.Dedup:
		for _, f := range cmd.Fields {
			out = append(out, f.Text)
		}
		for _, k := range cmd.SortBy {
			out = append(out, k.Field.Text)
		}
	}
	return out
}
