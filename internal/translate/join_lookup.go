package translate

import (
	"cmp"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// joinedColumn is a column of a lookup that a join brings in: fn is min, max or values where stats made one of several.
type joinedColumn struct {
	column, name, fn string
	at               spl.At
}

// joinLookup is a join with the rows of a lookup: a lookup by the fields of the join. Without a row (inner join) the
// main search's row is left out.
func (l *lowering) joinLookup(cmd *spl.Join, k *spl.InputLookup, opts joinOptions, fail func(string)) {
	use := "write `lookup " + k.Table.Text + " " + nameList(cmd.Fields) + " OUTPUT …` in its place"
	if k.Where != nil || len(k.Options) > 0 {
		fail("its subsearch reads a part of the lookup `" + k.Table.Text + "`; " + use)
		return
	}
	if opts.max != 1 || len(cmd.Fields) == 0 || opts.keepMain {
		fail("options of a join with the lookup `" + k.Table.Text + "`; " + use)
		return
	}
	isKey := map[string]bool{}
	for _, f := range cmd.Fields {
		isKey[f.Text] = true
	}
	from := map[string]string{} // names after rename → columns
	column := func(name string) string {
		if c, ok := from[name]; ok {
			return c
		}
		return name
	}
	var outs []joinedColumn
	table := l.lookups[k.Table.Text]
	if table != nil {
		for _, c := range table.Columns {
			outs = append(outs, joinedColumn{column: c, name: c, at: cmd.At})
		}
	}
	listed, grouped := table != nil, false
	var groups []string // columns that stats groups by
	for _, c := range cmd.Sub.Commands[1:] {
		switch c := c.(type) {
		case *spl.Rename:
			for _, p := range c.Pairs {
				from[p.To.Text] = column(p.From.Text)
				for i := range outs {
					if outs[i].name == p.From.Text {
						outs[i].name = p.To.Text
					}
				}
			}
			continue
		case *spl.Table:
			outs, listed = nil, true
			for _, n := range c.Names {
				outs = append(outs, joinedColumn{column: column(n.Text), name: n.Text, at: n.At})
			}
			continue
		case *spl.Fields:
			if c.Remove {
				break
			}
			kept := outs[:0:0]
			for _, n := range c.Names {
				o := joinedColumn{column: column(n.Text), name: n.Text, at: n.At}
				for _, x := range outs {
					if x.name == n.Text {
						o = x
					}
				}
				kept = append(kept, o)
			}
			outs, listed = kept, true
			continue
		case *spl.Stats:
			if aggs, by, ok := lookupGroups(c, column); ok && !grouped {
				outs, groups, listed, grouped = aggs, by, true, true
				continue
			}
		}
		fail("its subsearch works on the rows of the lookup `" + k.Table.Text + "` with " + c.Name() + "; " + use)
		return
	}
	if grouped && !joinsOn(cmd.Fields, groups, column) {
		fail("its subsearch groups the rows of the lookup `" + k.Table.Text + "` by other fields than it joins on; " + use)
		return
	}
	if !listed {
		l.missing("lookup", k.Table.Text)
		l.diag("lookup_missing", k.Table.Span(), k.Table.Text, cmp.Or(l.hidden("lookup", k.Table.Text), "lookup `"+k.Table.Text+"` has no rows here; export it from Splunk and add it to the lookups"))
		fail("the columns of the lookup `" + k.Table.Text + "` are not known")
		return
	}
	lk := &spl.Lookup{At: cmd.At, Table: k.Table}
	for _, f := range cmd.Fields {
		lk.Keys = append(lk.Keys, spl.LookupField{At: f.At, Column: spl.Name{At: f.At, Text: column(f.Text)}, Field: f})
	}
	for _, o := range outs {
		if !isKey[o.name] {
			lk.Outputs = append(lk.Outputs, spl.LookupField{At: o.at, Column: spl.Name{At: o.at, Text: o.column}, Field: spl.Name{At: o.at, Text: o.name}})
		}
	}
	if len(lk.Outputs) == 0 {
		fail("the lookup `" + k.Table.Text + "` has nothing but the fields it joins on; write it as a subsearch of the search, [| inputlookup " + k.Table.Text + "]")
		return
	}
	if !grouped && table != nil && !uniqueRows(table, lk.Keys) {
		fail("the lookup `" + k.Table.Text + "` has several rows for one key, of which join takes the first; " + use)
		return
	}
	l.diag("join_one_query", cmd.Span(), k.Table.Text, "the join with the rows of `"+k.Table.Text+"` became a lookup")
	l.lookupTable(lk, nil)
	var found []esql.Expr
	for _, o := range outs {
		c := l.env.cols[o.name]
		if isKey[o.name] || c == nil || c.hole || c.constant != nil {
			continue
		}
		found = append(found, notNull(col(c.name)))
		n := *c
		switch o.fn {
		case "min", "max":
			n.array = 0
			l.defineAs(o.name, &n, mark(call("MV_"+map[string]string{"min": "MIN", "max": "MAX"}[o.fn], col(c.name)), cmd.Span()), cmd.Span())
		}
	}
	if !opts.left {
		if len(found) == 0 {
			l.diag("depends_on_hole", cmd.Span(), k.Table.Text, "which rows have a match is not known, so the draft keeps all of them")
			return
		}
		l.filter(mark(or(found...), cmd.Span()))
	}
}

// lookupGroups are the columns of stats and those it groups by; false where it computes what an array of the values does
// not tell.
func lookupGroups(c *spl.Stats, column func(string) string) (outs []joinedColumn, by []string, ok bool) {
	if c.Kind != "stats" {
		return nil, nil, false
	}
	for _, b := range c.By {
		if b.Bucket != nil {
			return nil, nil, false
		}
		by = append(by, column(b.Field.Text))
	}
	for i := range c.Aggs {
		a := &c.Aggs[i]
		f, ok := a.Arg.(*spl.FieldRef)
		switch {
		case !ok || a.Eval:
			return nil, nil, false
		case a.Func != "min" && a.Func != "max" && a.Func != "values":
			return nil, nil, false
		}
		outs = append(outs, joinedColumn{column: column(f.Name), name: aggName(a), fn: a.Func, at: a.At})
	}
	return outs, by, true
}

// joinsOn says that the fields of the join are the columns that stats groups by.
func joinsOn(fields []spl.Name, columns []string, column func(string) string) bool {
	left := map[string]bool{}
	for _, c := range columns {
		left[c] = true
	}
	for _, f := range fields {
		if !left[column(f.Text)] {
			return false
		}
		delete(left, column(f.Text))
	}
	return len(left) == 0
}

// uniqueRows says that no two rows of a table have the same key.
func uniqueRows(t *Lookup, keys []spl.LookupField) bool {
	seen := map[string]bool{}
	for _, r := range t.Rows {
		key := ""
		for _, k := range keys {
			key += r[k.Column.Text] + "\x00"
		}
		if seen[key] {
			return false
		}
		seen[key] = true
	}
	return true
}
