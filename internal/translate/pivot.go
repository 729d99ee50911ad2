package translate

import (
	"strconv"
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/schema"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// A pivot makes a column of each value of a field. ES|QL has none, but the columns that the rest of the search names are
// known: each is an aggregate of the events with that value.

// pivotLimit is how many columns chart and timechart make where no limit is given; the other values share one.
const pivotLimit = 10

// pivot is chart or timechart by a second field, or xyseries.
type pivot struct {
	kind  string
	rows  []spl.By
	split spl.By
	aggs  []spl.Agg
	// named says that column names begin with the aggregation, as they do where there are several; sep stands behind it.
	named bool
	sep   string
	limit int // columns made, 0 for all
	// other says that the values beyond the limit share a column.
	other bool
	// usenull keeps events without the field, in a column NULL.
	usenull bool
}

// pivotOptions reads the options that choose and name columns.
func (l *lowering) pivotOptions(p *pivot, opts []spl.Option) (known bool) {
	p.sep, p.limit, p.other, p.usenull, known = ": ", pivotLimit, true, true, true
	for _, o := range opts {
		switch o.Name {
		case "limit":
			n, err := strconv.Atoi(o.Value)
			if err != nil || n < 0 { // top5, bottom5
				n = 1
			}
			p.limit = n
		case "usenull":
			p.usenull = isYes(o.Value)
		case "useother":
			p.other = isYes(o.Value)
		case "sep":
			p.sep = o.Value
		case "format", "nullstr", "otherstr", "agg":
			known = false
		}
	}
	return known
}

// lowerPivot writes the columns that rest names; false when it works on all columns, whatever they are.
func (l *lowering) lowerPivot(p *pivot, rest []spl.Command, at spl.Span) bool {
	total := p.total(rest)
	skipped := rest
	if total != "" {
		skipped = rest[1:]
	}
	names, ok := pivotNames(skipped, p.rows, total)
	if !ok {
		return false
	}
	if len(names) == 0 && total == "" {
		return l.pivotCells(p, at)
	}
	type cell struct {
		name spl.Name
		agg  *spl.Agg
		only esql.Expr
	}
	var cells []cell
	for _, n := range names {
		agg, value := p.column(n.Text)
		if agg == nil {
			continue // no column of that name exists in Splunk either
		}
		var x esql.Expr
		ref := &spl.FieldRef{At: p.split.Field.At, Name: p.split.Field.Text}
		fullText := l.fullText
		l.fullText = false // conditions stand in STATS … WHERE
		switch {
		case value == "NULL" && p.usenull:
			x = l.nullTest(&spl.Call{At: n.At, Func: "isnull", Args: []spl.Expr{ref}}, true)
		case value == "OTHER":
		default:
			x = l.evalCompare(&spl.Binary{At: n.At, Op: "==", L: ref, R: &spl.StringLit{At: n.At, Value: value}}, false)
		}
		l.fullText = fullText
		cells = append(cells, cell{n, agg, x})
	}
	if len(cells) == 0 && total == "" {
		return false
	}
	var aggs []spl.Agg
	l.only = map[*spl.Agg]esql.Expr{}
	defer func() { l.only = nil }()
	holes := map[string]bool{}
	for _, c := range cells {
		if c.only == nil {
			holes[c.name.Text] = true
			l.diag("depends_on_hole", c.name.Span(), c.name.Text, "the column `"+c.name.Text+"` of "+p.kind+" is left out of the draft, because it could not be translated; settle that error first")
			continue
		}
		a := *c.agg
		as := c.name
		a.As = &as
		aggs = append(aggs, a)
	}
	if total != "" {
		if v := l.peek(p.split.Field.Text, at).value(); v.multi() {
			l.arrayNote(v, at, "addtotals", "an event with several values of `"+p.split.Field.Text+"` counts in several columns, in the total of the draft once")
		}
		a := p.aggs[0]
		a.As = &spl.Name{At: a.At, Text: total}
		aggs = append(aggs, a)
		l.consume(rest[0])
		l.diag("pivot_columns", rest[0].Span(), total, "`"+total+"` is the sum over all columns, which needs none of them")
	}
	i := 0
	for _, c := range cells {
		if c.only == nil {
			continue
		}
		if !isTrue(c.only) {
			l.only[&aggs[i]] = mark(c.only, c.name.Span())
		}
		i++
	}
	switch {
	case len(cells) > 0:
		l.pivotLimitNote(p, cells[0].name.Text, at)
	case !p.other:
		l.pivotLimitNote(p, "a value of the total", at)
	}
	zero := func(n string) bool { return !onlyPositive(rest, n) }
	for _, c := range cells {
		if (c.agg.Func == "count" || c.agg.Func == "c" || c.agg.Func == "dc" || c.agg.Func == "distinct_count") && zero(c.name.Text) {
			l.diag("pivot_approximate", c.name.Span(), c.name.Text, "the draft has 0 in `"+c.name.Text+"` where no event has that value; where no event of any row has it, Splunk has no such column, and conditions on it do not hold")
		}
	}
	if !p.usenull {
		if x := l.nullTest(&spl.Call{At: p.split.At, Func: "isnotnull", Args: []spl.Expr{&spl.FieldRef{At: p.split.Field.At, Name: p.split.Field.Text}}}, false); x != nil {
			l.filter(mark(x, p.split.Span()))
		}
	}
	l.aggregate(aggs, p.rows, at, true)
	for _, c := range cells {
		if made := l.env.cols[c.name.Text]; made != nil && !made.hole {
			made.pivoted = true
		}
	}
	for n := range holes {
		l.defineHole(n)
	}
	l.diag("pivot_columns", at, p.split.Field.Text, p.kind+" makes a column of each value of `"+p.split.Field.Text+"`; the draft has the columns that the rest of the search names")
	return true
}

// total is the name of the sum over all columns, where addtotals follows and the sum needs no columns.
func (p *pivot) total(rest []spl.Command) string {
	if len(rest) == 0 || len(p.aggs) != 1 {
		return ""
	}
	switch p.aggs[0].Func {
	case "count", "c", "sum":
	default:
		return ""
	}
	c, ok := rest[0].(*spl.Other)
	if !ok || c.Command != "addtotals" || len(c.Args) > 0 {
		return ""
	}
	name := "Total"
	for _, o := range c.Options {
		switch {
		case o.Name == "fieldname":
			name = o.Value
		case o.Name == "row" && isYes(o.Value), o.Name == "col" && !isYes(o.Value):
		default:
			return ""
		}
	}
	return name
}

// consume marks a command as lowered.
func (l *lowering) consume(cmd spl.Command) {
	if l.consumed == nil {
		l.consumed = map[spl.Command]bool{}
	}
	l.consumed[cmd] = true
}

// column finds the aggregation and the value that a column stands for.
func (p *pivot) column(name string) (*spl.Agg, string) {
	if !p.named {
		return &p.aggs[0], name
	}
	for i := range p.aggs {
		if v, ok := strings.CutPrefix(name, aggName(&p.aggs[i])+p.sep); ok {
			return &p.aggs[i], v
		}
	}
	return nil, ""
}

// pivotLimitNote says that a value beyond the limit has no column of its own.
func (l *lowering) pivotLimitNote(p *pivot, name string, at spl.Span) {
	if p.limit == 0 {
		return
	}
	if n, ok := l.env.choices[p.split.Field.Text]; ok && n <= p.limit && l.peek(p.split.Field.Text, at).array != schema.AlwaysArray {
		return
	}
	l.diag("pivot_approximate", at, "limit", p.kind+" makes columns of the "+itoa(p.limit)+" values with the largest sums and puts the others into OTHER, so `"+name+"` may have none; the draft always has it. limit=0 says the same in both")
}

// pivotCells keeps one row for each row of the pivot, with its cells as columns of texts: nothing decides by them.
func (l *lowering) pivotCells(p *pivot, at spl.Span) bool {
	split := p.split.Field.Text
	if c := l.peek(split, p.split.Span()); c.hole || c.constant != nil || len(p.rows) == 0 {
		return false
	}
	isPresent := func(by spl.By) {
		ref := &spl.FieldRef{At: by.Field.At, Name: by.Field.Text}
		if x := l.nullTest(&spl.Call{At: by.At, Func: "isnotnull", Args: []spl.Expr{ref}}, false); x != nil {
			l.filter(mark(x, by.Span()))
		}
	}
	for _, r := range p.rows {
		if r.Bucket == nil {
			isPresent(r)
		}
	}
	if !p.usenull {
		isPresent(p.split)
	}
	l.aggregate(p.aggs, append(append([]spl.By(nil), p.rows...), p.split), at, false)
	key := l.env.cols[split]
	if key == nil || key.hole {
		return true
	}
	var cells []spl.Agg
	for i := range p.aggs {
		name := aggName(&p.aggs[i])
		c := l.env.cols[name]
		if c == nil || c.hole || c.constant != nil {
			continue
		}
		v := l.text(c.value())
		if v.multi() {
			v.expr = call("MV_CONCAT", v.expr, str(","))
		}
		out := name + " by " + split
		l.defineAs(out, &column{typ: "keyword"}, mark(call("CONCAT", l.text(key.value()).expr, str(": "), v.expr), at), at)
		cells = append(cells, l.madeAgg(at, "values", out, out))
	}
	by := append([]spl.By(nil), p.rows...)
	for i := range by {
		by[i].Bucket = nil // done by the first STATS
	}
	if len(cells) > 0 {
		l.aggregate(cells, by, at, false)
	}
	l.diag("pivot_columns", at, split, p.kind+" makes a column of each value of `"+split+"`, on which nothing further down depends; the draft has the same rows, with the cells of each in one column")
	return true
}

// untabled is a pivot that untable takes apart again: the rows before the pivot, with the names that untable gives.
func (l *lowering) untabled(p *pivot, cmd *spl.Other, rest []spl.Command, at spl.Span) bool {
	if len(p.aggs) != 1 || len(p.rows) != 1 || len(cmd.Args) != 3 || cmd.Args[0].Text != p.rows[0].Field.Text {
		return false
	}
	split := p.split.Field.Text
	if c := l.peek(split, p.split.Span()); c.hole || c.constant != nil {
		return false
	}
	l.pivotLimitNote(p, "a value", at)
	count := p.aggs[0].Func == "count" || p.aggs[0].Func == "c" || p.aggs[0].Func == "dc" || p.aggs[0].Func == "distinct_count"
	if count && !onlyPositive(rest, cmd.Args[2].Text) {
		l.diag("pivot_approximate", at, "untable", "untable also gives rows (0) for values without events in a row of the pivot, the draft none")
	}
	if p.usenull {
		ref := &spl.FieldRef{At: p.split.Field.At, Name: split}
		l.assignField(split, &spl.Call{At: p.split.At, Func: "coalesce", Args: []spl.Expr{ref, &spl.StringLit{At: p.split.At, Value: "NULL"}}}, at)
	}
	agg := p.aggs[0]
	agg.As = &cmd.Args[2]
	l.aggregate([]spl.Agg{agg}, []spl.By{p.rows[0], p.split}, at, true)
	for i, from := range []string{p.rows[0].Field.Text, split} {
		c := l.env.cols[from]
		if c == nil || from == cmd.Args[i].Text {
			continue
		}
		l.env.unbind(from)
		l.env.bind(cmd.Args[i].Text, c)
	}
	l.consume(cmd)
	l.diag("pivot_columns", cmd.Span(), split, p.kind+" makes columns that untable makes rows again; the draft keeps the rows as they are")
	return true
}

// xyseries is a pivot of rows that are grouped already: xyseries ROW SPLIT DATA….
func (l *lowering) xyseries(cmd *spl.Other, rest []spl.Command) {
	why := "xyseries makes columns of values; ES|QL has no pivot. Keep the rows as they are before it. The draft goes on without it"
	at := spl.At{At: cmd.Span()}
	if len(cmd.Args) < 3 || !l.aggregated {
		l.diag("unsupported_command", cmd.Span(), cmd.Command, why)
		l.env.setPartial()
		return
	}
	p := &pivot{kind: cmd.Command, rows: []spl.By{{At: cmd.Args[0].At, Field: cmd.Args[0]}}, split: spl.By{At: cmd.Args[1].At, Field: cmd.Args[1]}, sep: ": ", named: len(cmd.Args) > 3}
	known := true
	for _, o := range cmd.Options {
		switch o.Name {
		case "sep":
			p.sep = o.Value
		case "grouped":
			l.diag("option_ignored", o.Span(), o.Name, "`grouped` only says that the rows are sorted")
		default:
			known = false
		}
	}
	for _, f := range cmd.Args[2:] {
		name := f
		p.aggs = append(p.aggs, spl.Agg{At: at, Func: "max", Arg: &spl.FieldRef{At: f.At, Name: f.Text}, As: &name})
	}
	if !known || !l.lowerPivot(p, rest, cmd.Span()) {
		l.diag("unsupported_command", cmd.Span(), cmd.Command, why)
		l.env.setPartial()
	}
}

// pivotNames lists the columns of a pivot that the rest of a search names; false when a command works on all of them.
func pivotNames(rest []spl.Command, rows []spl.By, total string) (names []spl.Name, ok bool) {
	made := map[string]bool{"_time": true, total: true}
	for _, r := range rows {
		made[r.Field.Text] = true
	}
	for _, cmd := range rest {
		var read []spl.Name
		closes := false
		switch c := cmd.(type) {
		case *spl.Where, *spl.Search, *spl.Eval, *spl.Sort, *spl.Head, *spl.Tail, *spl.Reverse, *spl.FillNull, *spl.Convert,
			*spl.Dedup, *spl.Regex, *spl.IPLocation, *spl.OutputLookup:
			if s, isSearch := cmd.(*spl.Search); isSearch && searchesWords(s.Expr) {
				return nil, false
			}
			if f, isFill := cmd.(*spl.FillNull); isFill && len(f.Fields) == 0 {
				continue // it fills what the others name
			}
			read = namesRead(cmd)
		case *spl.Stats:
			read, closes = namesRead(cmd), c.Kind == "stats" || c.Kind == "sistats"
		case *spl.Top:
			read, closes = namesRead(cmd), true
		case *spl.Append:
			if c.Kind == "appendpipe" {
				return nil, false // it works on these columns
			}
			madeBy(c.Sub, made)
		case *spl.Join:
			read = c.Fields
			madeBy(c.Sub, made)
		case *spl.Table:
			read, closes = c.Names, true
		case *spl.Fields:
			if !c.Remove {
				read, closes = c.Names, true
			}
		case *spl.Rename:
			for _, p := range c.Pairs {
				read = append(read, p.From)
			}
		case *spl.Rex:
			read = []spl.Name{c.Field}
		case *spl.Lookup:
			for _, k := range c.Keys {
				read = append(read, k.Field)
			}
		case *spl.Other:
			if o, known := others[c.Command]; !known || o.lower != nil || severityOf[o.code] == Error {
				return nil, false
			}
		default:
			return nil, false
		}
		for _, n := range read {
			if strings.Contains(n.Text, "*") {
				if closes {
					continue
				}
				return nil, false
			}
			if n.Text != "" && !made[n.Text] {
				made[n.Text] = true
				names = append(names, n)
			}
		}
		if closes {
			break
		}
		for _, n := range assigned(cmd) {
			made[n] = true
		}
	}
	return names, true
}

// madeBy notes the fields that the rows of a subsearch can have by name.
func madeBy(sub *spl.Pipeline, made map[string]bool) {
	if sub == nil {
		return
	}
	for _, cmd := range sub.Commands {
		for _, n := range namesRead(cmd) {
			made[n.Text] = true
		}
		for _, n := range assigned(cmd) {
			made[n] = true
		}
	}
}

// namesRead lists the fields that a command names, without those it makes.
func namesRead(cmd spl.Command) []spl.Name {
	var out []spl.Name
	made := map[string]bool{}
	if e, ok := cmd.(*spl.Eval); ok {
		for _, a := range e.Assigns {
			spl.Walk(a.Expr, func(n spl.Node) bool {
				if f, ok := n.(*spl.FieldRef); ok && !made[f.Name] {
					out = append(out, spl.Name{At: f.At, Text: f.Name})
				}
				return true
			})
			made[a.Field.Text] = true
		}
		return out
	}
	if s, ok := cmd.(*spl.Stats); ok {
		for i := range s.Aggs {
			if s.Aggs[i].Arg != nil {
				spl.Walk(s.Aggs[i].Arg, func(n spl.Node) bool {
					if f, ok := n.(*spl.FieldRef); ok {
						out = append(out, spl.Name{At: f.At, Text: f.Name})
					}
					return true
				})
			}
		}
		for _, b := range s.By {
			out = append(out, b.Field)
		}
		return out
	}
	spl.Walk(cmd, func(n spl.Node) bool {
		switch n := n.(type) {
		case *spl.FieldRef:
			out = append(out, spl.Name{At: n.At, Text: n.Name})
		case *spl.Name:
			out = append(out, *n)
		}
		return true
	})
	return out
}

// searchesWords says that a search has bare words or subsearches.
func searchesWords(e spl.SearchExpr) (words bool) {
	if e == nil {
		return false
	}
	spl.Walk(e, func(n spl.Node) bool {
		switch n := n.(type) {
		case *spl.Term:
			words = words || strings.Trim(n.Value.Text, "*") != ""
		case *spl.SubsearchExpr, *spl.SearchMacro, *spl.SearchHole:
			words = true
		}
		return !words
	})
	return words
}

// onlyPositive says that commands ask of a name at most whether it is above 0 or equals another number than 0, so that
// 0 and a missing value are the same to them.
func onlyPositive(cmds []spl.Command, name string) bool {
	for _, cmd := range cmds {
		switch c := cmd.(type) {
		case *spl.Where:
			if !positiveExpr(c.Expr, name) {
				return false
			}
		case *spl.Search:
			if !positiveSearch(c.Expr, name) {
				return false
			}
		case *spl.FillNull:
			if c.Value == "0" && (len(c.Fields) == 0 || namesHave(c.Fields, name)) {
				return true // from here on they are the same
			}
		case *spl.Table:
			return true
		case *spl.Fields, *spl.Sort, *spl.Rename, *spl.Convert, *spl.Other, *spl.OutputLookup, *spl.Head, *spl.Tail, *spl.Reverse:
		default:
			for _, n := range namesRead(cmd) {
				if n.Text == name {
					return false
				}
			}
		}
	}
	return true
}

func namesHave(names []spl.Name, name string) bool {
	for _, n := range names {
		if n.Text == name {
			return true
		}
	}
	return false
}

func namesField(n spl.Node, name string) (found bool) {
	spl.Walk(n, func(n spl.Node) bool {
		switch n := n.(type) {
		case *spl.FieldRef:
			found = found || n.Name == name
		case *spl.Name:
			found = found || n.Text == name
		}
		return !found
	})
	return found
}

func positiveExpr(e spl.Expr, name string) bool {
	if b, ok := e.(*spl.Binary); ok {
		switch b.Op {
		case "AND", "OR":
			return positiveExpr(b.L, name) && positiveExpr(b.R, name)
		case ">", ">=", "=", "==":
			f, ok1 := b.L.(*spl.FieldRef)
			n, ok2 := b.R.(*spl.NumberLit)
			if ok1 && ok2 && f.Name == name {
				return aboveZero(b.Op, n.Text)
			}
		}
	}
	return !namesField(e, name)
}

func positiveSearch(e spl.SearchExpr, name string) bool {
	switch e := e.(type) {
	case nil:
		return true
	case *spl.SearchAnd:
		for _, x := range e.Exprs {
			if !positiveSearch(x, name) {
				return false
			}
		}
		return true
	case *spl.SearchOr:
		for _, x := range e.Exprs {
			if !positiveSearch(x, name) {
				return false
			}
		}
		return true
	case *spl.Compare:
		if e.Field.Text == name {
			return aboveZero(e.Op, e.Value.Text)
		}
	}
	return !namesField(e, name)
}

func aboveZero(op, number string) bool {
	f, err := strconv.ParseFloat(number, 64)
	return err == nil && (f > 0 || f == 0 && op == ">") && op != "<" && op != "<=" && op != "!="
}
