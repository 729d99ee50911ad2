package translate

import (
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/schema"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// geoFields are what iplocation adds, and where the integrations' geoip processors put it beside an address.
var geoFields = []struct{ splunk, ecs, part string }{
	{"City", "geo.city_name", ""},
	{"Country", "geo.country_name", ""},
	{"Region", "geo.region_name", ""},
	{"lat", "geo.location", "ST_Y"},
	{"lon", "geo.location", "ST_X"},
	{"Continent", "geo.continent_name", ""},
	{"Timezone", "geo.timezone", ""},
}

const usualGeoFields = 5 // the others come with allfields=true

// iplocation reads the place of an address, which the integrations look up at ingest.
func (l *lowering) iplocation(cmd *spl.IPLocation, rest []spl.Command) {
	l.ensureSource(cmd.Span())
	prefix, all := "", false
	for _, o := range cmd.Options {
		switch o.Name {
		case "prefix":
			prefix = o.Value
		case "allfields":
			all = isYes(o.Value)
		default:
			l.diag("option_ignored", o.Span(), o.Name, "`"+o.Name+"` of iplocation has no counterpart: names of places are in English")
		}
	}
	fields := geoFields[:usualGeoFields]
	if all {
		fields = geoFields
	}
	fail := func(why string) {
		l.diag("unsupported_command", cmd.Span(), "iplocation", why)
		for _, f := range fields {
			l.defineHole(prefix + f.splunk)
		}
	}
	var c *column
	l.reading(toGroup, func() { c = l.lookup(cmd.Field.Text, cmd.Field.Span()) })
	switch {
	case c.hole:
		l.leaveOut(cmd, cmd.Field.Text)
		for _, f := range fields {
			l.defineHole(prefix + f.splunk)
		}
		return
	case c.constant != nil:
		l.diag("field_absent", cmd.Span(), cmd.Field.Text, "`"+cmd.Field.Text+"` is always null, so its place is too")
		for _, f := range fields {
			l.env.bind(prefix+f.splunk, &column{name: prefix + f.splunk, typ: "null", constant: &esql.Literal{}})
		}
		return
	case c.computed:
		fail("the place of `" + cmd.Field.Text + "`, which the search computes, cannot be looked up in ES|QL; add a geoip processor for the field it comes from and map " + prefix + "Country and the others in the schema overrides")
		return
	}
	base := c.name
	if i := strings.LastIndexByte(base, '.'); i >= 0 {
		base = base[:i]
	}
	used := namesUsed(rest)
	anyUsed := false
	for _, f := range fields {
		anyUsed = anyUsed || used[prefix+f.splunk]
	}
	found := false
	for _, f := range fields {
		name := prefix + f.splunk
		if !used[name] && (anyUsed || f.part != "" || l.aggregated && f.splunk == "Region") {
			continue // nothing reads it
		}
		k, ok := l.src.Known(base + "." + f.ecs)
		if !ok || l.schema.IsIdentity() {
			if used[name] {
				l.diag("unknown_field", cmd.Span(), name, "`"+name+"` has no counterpart: "+l.src.Name+" stores no place beside "+c.name+"; add a geoip processor to its ingest pipeline and map `"+name+"` in the schema overrides")
			}
			l.defineHole(name)
			continue
		}
		found = true
		g := &column{name: k.Name, typ: k.Type, array: k.Array, field: &k}
		x := col(k.Name)
		if f.part != "" {
			x, g.typ, g.array = call(f.part, x), "double", schema.Single
		}
		switch {
		case !l.aggregated && f.part == "":
			l.env.bind(name, g)
		case !l.aggregated:
			l.defineAs(name, g, mark(x, cmd.Span()), cmd.Span())
		default:
			if !l.alongside(name, g, x, c.name, cmd.Span()) {
				fail("the place of " + c.name + " is gone after stats, which does not group by that address; move iplocation before stats")
				return
			}
		}
	}
	if !found && !anyUsed {
		l.diag("unsupported_command", cmd.Span(), "iplocation", "no place is stored beside "+c.name+", and ES|QL cannot look addresses up; the rows are the same without it. Add a geoip processor to show it")
		return
	}
	if !found {
		return
	}
	l.diag("mapping_medium", cmd.Span(), "iplocation", "the place of "+c.name+" is read from "+base+".geo.*, which Elasticsearch looked up at ingest in its GeoLite2 database; Splunk looks it up at search time in its own copy of one")
	l.useful = true
}

// alongside carries a column that depends on a group key through the last STATS: every row of a group has the same.
func (l *lowering) alongside(name string, g *column, x esql.Expr, key string, at spl.Span) bool {
	for i := len(l.cmds) - 1; i >= 0; i-- {
		st, ok := l.cmds[i].(*esql.Stats)
		if !ok {
			continue
		}
		for _, b := range st.By {
			if c, plain := b.Expr.(*esql.Column); !plain || c.Name != key || b.Name != "" && b.Name != key {
				continue
			}
			// an address with several values is a group each, but its place is not
			n := *g
			n.array = schema.Single
			n.field = nil
			o := l.define(name, &n)
			for _, a := range append(st.Aggs, st.By...) {
				if a.Name == o.name {
					return false
				}
			}
			a := &esql.Assign{Name: o.name, Expr: mark(call("MAX", x), at)}
			a.Origin = origin(at)
			st.Aggs = append(st.Aggs, a)
			return true
		}
		return false
	}
	return false
}

// namesUsed lists the field names that commands mention.
func namesUsed(cmds []spl.Command) map[string]bool {
	used := map[string]bool{}
	for _, cmd := range cmds {
		spl.Walk(cmd, func(n spl.Node) bool {
			switch n := n.(type) {
			case *spl.FieldRef:
				used[n.Name] = true
			case *spl.Name:
				used[n.Text] = true
			}
			return true
		})
	}
	return used
}
