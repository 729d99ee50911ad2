package translate

import (
	"slices"
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// A subsearch inside a search, field=value terms made of the rows of another search. The rows of a lookup are known, so
// they become terms; those of a search over the same events become a join.

// subsearchResults is how many rows of such a subsearch Splunk turns into terms.
const subsearchResults = 10000

// inlineRows is the number of rows up to which a lookup becomes conditions.
const inlineRows = 500

// staticRow is one row of known values: field, value pairs in order. A value without a field is a bare term.
type staticRow []staticCell

type staticCell struct{ field, value string }

// subsearchFilter lowers a subsearch to a condition.
func (l *lowering) subsearchFilter(e *spl.SubsearchExpr, neg bool) esql.Expr {
	defer l.budget.Enter().Leave()
	rows, code, why := l.staticRows(e.Pipeline)
	if code != "" {
		l.diag(code, e.Span(), "", why)
		return nil
	}
	l.diag("source_resolved", e.Span(), "", "the subsearch gives "+itoa(len(rows))+" rows of a lookup, which became conditions; export the rule again when the lookup changes")
	at := spl.At{At: e.Span()}
	var alts []spl.SearchExpr
	oneField := ""
	for i, r := range rows {
		if len(r) != 1 || i > 0 && r[0].field != oneField {
			oneField = ""
			break
		}
		oneField = r[0].field
	}
	if oneField != "" {
		in := &spl.SearchIn{At: at, Field: spl.Name{At: at, Text: oneField}}
		for _, r := range rows {
			in.Values = append(in.Values, spl.Value{At: at, Text: r[0].value, Quoted: true})
		}
		return l.searchCond(in, neg)
	}
	for _, r := range rows {
		var all []spl.SearchExpr
		for _, c := range r {
			v := spl.Value{At: at, Text: c.value, Quoted: true}
			if c.field == "" {
				all = append(all, &spl.Term{At: at, Value: v})
				continue
			}
			all = append(all, &spl.Compare{At: at, Field: spl.Name{At: at, Text: c.field}, Op: "=", Value: v})
		}
		switch len(all) {
		case 0:
		case 1:
			alts = append(alts, all[0])
		default:
			alts = append(alts, &spl.SearchAnd{At: at, Exprs: all})
		}
	}
	switch len(alts) {
	case 0:
		return boolean(neg) // no rows: Splunk matches nothing
	case 1:
		return l.searchCond(alts[0], neg)
	}
	return l.searchCond(&spl.SearchOr{At: at, Exprs: alts}, neg)
}

// staticRows runs a pipeline over the known rows of a lookup; code and why say what stands in the way.
func (l *lowering) staticRows(p *spl.Pipeline) (rows []staticRow, code Code, why string) {
	const byHand = "run it apart and put its values in, or make it a lookup index"
	if p == nil || len(p.Commands) == 0 {
		return nil, "subsearch", "an empty subsearch; leave it out"
	}
	k, ok := p.Commands[0].(*spl.InputLookup)
	if !ok {
		return nil, "subsearch", "a subsearch whose rows become conditions has no counterpart in ES|QL here; " + byHand
	}
	table, ok := l.lookups[k.Table.Text]
	switch {
	case !ok || len(table.Rows) == 0 && table.TotalRows != 0:
		l.missing("lookup", k.Table.Text)
		return nil, "lookup_missing", "lookup `" + k.Table.Text + "` has no rows here; export it from Splunk and add it to the lookups"
	case table.TotalRows > len(table.Rows):
		l.missing("lookup", k.Table.Text)
		return nil, "lookup_incomplete", "lookup `" + k.Table.Text + "` has " + itoa(table.TotalRows) + " rows, of which " + itoa(len(table.Rows)) + " are known; add all of them"
	case len(k.Options) > 0:
		return nil, "subsearch", "inputlookup with options inside a subsearch is not evaluated; " + byHand
	}
	columns := table.Columns
	for _, r := range table.Rows {
		var row staticRow
		for _, c := range columns {
			if v, ok := r[c]; ok && v != "" {
				row = append(row, staticCell{c, v})
			}
		}
		rows = append(rows, row)
	}
	if rows, ok = searchRows(rows, k.Where); !ok {
		return nil, "subsearch", "this condition of inputlookup inside a subsearch is not evaluated; " + byHand
	}
	for _, cmd := range p.Commands[1:] {
		switch cmd := cmd.(type) {
		case *spl.Eval:
			if rows, ok = evalRows(rows, cmd); !ok {
				return nil, "subsearch", "this `eval` inside a subsearch is not evaluated; " + byHand
			}
		case *spl.Search:
			if rows, ok = searchRows(rows, cmd.Expr); !ok {
				return nil, "subsearch", "this `search` inside a subsearch is not evaluated; " + byHand
			}
		case *spl.Rename:
			for _, pair := range cmd.Pairs {
				for _, row := range rows {
					for i, c := range row {
						if got, ok := matchStar(pair.From.Text, c.field); ok {
							row[i].field = fillStar(pair.To.Text, got)
						}
					}
				}
			}
		case *spl.Fields:
			rows = project(rows, cmd.Names, cmd.Remove)
		case *spl.Table:
			rows = project(rows, cmd.Names, false)
		case *spl.Dedup:
			if len(cmd.Fields) != 1 || len(cmd.Options) > 0 {
				return nil, "subsearch", "dedup of several fields inside a subsearch is not evaluated; " + byHand
			}
			rows = distinctBy(rows, cmd.Fields[0].Text)
		case *spl.Head:
			if cmd.Expr != nil || cmd.Count <= 0 {
				return nil, "subsearch", "head with a condition inside a subsearch is not evaluated; " + byHand
			}
			rows = rows[:min(len(rows), cmd.Count)]
		case *spl.Return:
			rows = returned(rows, cmd)
		case *spl.Format:
			if len(cmd.Args)+len(cmd.Options) > 0 {
				return nil, "subsearch", "format with arguments writes another condition than OR of rows; " + byHand
			}
		default:
			return nil, "subsearch", "`" + cmd.Name() + "` inside a subsearch is not evaluated; " + byHand
		}
	}
	var out []staticRow
	seen := map[string]bool{}
	for _, r := range rows {
		var key strings.Builder
		for i, c := range r {
			if c.field == "query" || c.field == "search" {
				r[i].field = "" // these stand for their text alone
			}
			key.WriteString(c.field + "\x00" + strings.ToLower(c.value) + "\x00")
		}
		if len(r) > 0 && !seen[key.String()] {
			seen[key.String()] = true
			out = append(out, r)
		}
	}
	if len(out) > inlineRows {
		return nil, "subsearch", "the subsearch gives " + itoa(len(out)) + " rows, more than the " + itoa(inlineRows) + " that become conditions; write it as lookup and where"
	}
	return out, "", ""
}

// project keeps or removes fields.
func project(rows []staticRow, names []spl.Name, remove bool) []staticRow {
	out := make([]staticRow, len(rows))
	for i, row := range rows {
		for _, c := range row {
			named := false
			for _, n := range names {
				if fitsStar(n.Text, c.field) && n.Text != "+" {
					named = true
				}
			}
			if named != remove {
				out[i] = append(out[i], c)
			}
		}
	}
	return out
}

func (r staticRow) value(field string) (string, bool) {
	for _, c := range r {
		if c.field == field {
			return c.value, true
		}
	}
	return "", false
}

func distinctBy(rows []staticRow, field string) []staticRow {
	seen := map[string]bool{}
	var out []staticRow
	for _, r := range rows {
		if v, ok := r.value(field); ok && !seen[v] {
			seen[v] = true
			out = append(out, r)
		}
	}
	return out
}

// returned is return: the first rows, each with the named fields, as alias=value or the bare value.
func returned(rows []staticRow, cmd *spl.Return) []staticRow {
	n := cmd.Count
	if n <= 0 {
		n = 1
	}
	var out []staticRow
	for _, r := range rows[:min(n, len(rows))] {
		var row staticRow
		for _, f := range cmd.Fields {
			v, ok := r.value(f.Field.Text)
			if !ok {
				continue
			}
			name := f.Field.Text
			switch {
			case f.Dollar:
				name = ""
			case f.Alias != nil:
				name = f.Alias.Text
			}
			row = append(row, staticCell{name, v})
		}
		out = append(out, row)
	}
	return out
}

// semiJoin says that a subsearch of a search is a search over events, whose fields the events must share (or not, with
// NOT); fields are those that it ends with.
func semiJoin(e spl.SearchExpr) (sub *spl.SubsearchExpr, fields []spl.Name, ok bool) {
	if n, not := e.(*spl.SearchNot); not {
		e = n.Expr
	}
	sub, ok = e.(*spl.SubsearchExpr)
	if !ok || sub.Pipeline == nil || len(sub.Pipeline.Commands) < 2 {
		return nil, nil, false
	}
	switch sub.Pipeline.Commands[0].(type) {
	case *spl.Search, *spl.TStats:
	default:
		return nil, nil, false
	}
	switch c := sub.Pipeline.Commands[len(sub.Pipeline.Commands)-1].(type) {
	case *spl.Table:
		fields = c.Names
	case *spl.Fields:
		if c.Remove {
			return nil, nil, false
		}
		fields = c.Names
	default:
		return nil, nil, false
	}
	for _, f := range fields {
		if strings.Contains(f.Text, "*") || f.Text == "search" || f.Text == "query" {
			return nil, nil, false
		}
	}
	return sub, fields, len(fields) > 0
}

// joinSubsearch keeps the events whose fields have the values that a subsearch over events gives, or with NOT the others.
func (l *lowering) joinSubsearch(e spl.SearchExpr, rest []spl.Command) {
	sub, fields, _ := semiJoin(e)
	command := "subsearch"
	if _, not := e.(*spl.SearchNot); not {
		command = antiJoin
	}
	l.joinAs(command, &spl.Join{At: spl.At{At: e.Span()}, Fields: fields, Sub: l.withoutOrder(sub.Pipeline, fields)}, rest)
}

// withoutOrder leaves out what only orders the rows of a subsearch, or keeps one of several equal ones: what matters is
// which values of the fields there are.
func (l *lowering) withoutOrder(p *spl.Pipeline, fields []spl.Name) *spl.Pipeline {
	out := *p
	out.Commands = nil
	last := len(p.Commands)
	for last > 0 && onlyColumns(p.Commands[last-1]) {
		last--
	}
	out.Commands = append(out.Commands, p.Commands[:last]...)
	for _, cmd := range p.Commands[last:] {
		switch c := cmd.(type) {
		case *spl.Sort:
			if c.Limit > 0 {
				return p
			}
		case *spl.Dedup:
			if len(c.Options) > 0 || c.Count > 1 {
				return p
			}
			for _, f := range fields {
				if !slices.ContainsFunc(c.Fields, func(n spl.Name) bool { return n.Text == f.Text }) {
					l.diag("order_dependent", c.Span(), f.Text, "dedup keeps one `"+f.Text+"` of each "+nameList(c.Fields)+" in the order of rows; the draft takes each, so more events match")
				}
			}
		default:
			out.Commands = append(out.Commands, cmd)
		}
	}
	return &out
}

// onlyColumns says that a command neither computes nor groups.
func onlyColumns(cmd spl.Command) bool {
	switch cmd.(type) {
	case *spl.Sort, *spl.Dedup, *spl.Table, *spl.Fields, *spl.Rename:
		return true
	}
	return false
}

// valueOfSubsearch names a subsearch that stands for a value in an expression.
func (l *lowering) valueOfSubsearch(e *spl.ExprSubsearch) {
	l.diag("subsearch", e.Span(), "", "what a subsearch returns cannot be computed inside an expression of ES|QL: run it apart and put its value in, or make it a lookup index and join it")
}
