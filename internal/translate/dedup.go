package translate

import (
	"slices"
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/schema"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// dedup keeps the first row of each combination of values. On events that is the newest: it rides behind its timestamp
// through MAX.
func (l *lowering) dedup(cmd *spl.Dedup, rest []spl.Command) {
	l.ensureSource(cmd.Span())
	for _, o := range cmd.Options {
		switch o.Name {
		case "keepevents", "keepempty", "consecutive":
			if isYes(o.Value) {
				l.diag("unsupported_option", o.Span(), o.Name, "dedup with "+o.Name+" keeps rows by their order, which ES|QL cannot; leave the option out")
				return
			}
		}
		l.diag("option_ignored", o.Span(), o.Name, "`"+o.Name+"` does not change the rows")
	}
	if !l.settle(cmd, rest) {
		if l.inlineDedup(cmd) {
			return
		}
		l.diag("unsupported_command", cmd.Span(), "dedup", "dedup of whole events has no counterpart in ES|QL; name the fields to keep (table) after it, or suppress alerts by "+nameList(cmd.Fields))
		return
	}
	if l.settled != nil {
		l.env, l.settled = l.settled, nil
	}
	l.oneColumn(cmd.Span())
	outer := l.env
	var by []spl.By
	skip := map[string]bool{}
	var present []esql.Expr
	for _, f := range cmd.Fields {
		if f.Text == "" || f.Text[0] == '-' || f.Text[0] == '+' {
			continue
		}
		var c *column
		l.accounts(func() { c = l.lookup(f.Text, f.Span()) })
		if c.hole {
			return
		}
		if c.constant != nil {
			if c.constant.Value == nil {
				l.diag("no_group", f.Span(), f.Text, "no row has `"+f.Text+"` at this point, and dedup drops rows without the field, in Splunk too: the rule never alerts. Name the field as it is called here")
				l.filter(mark(boolean(false), f.Span()))
			}
			continue
		}
		if _, ok := outer.cols[f.Text]; !ok {
			outer.bind(f.Text, c)
		}
		if !c.filled && !c.nonNull && !l.present[c.name] {
			present = append(present, mark(notNull(col(c.name)), f.Span()))
		}
		skip[c.name], skip[c.domain] = true, true
		by = append(by, spl.By{At: f.At, Field: f})
	}
	l.filter(and(present...))
	p := l.pack(outer.order, skip, cmd.Span())
	if cmd.Count > 1 && !l.distinctRows(p, skip) {
		l.diag("unsupported_option", cmd.Span(), "dedup", "dedup of more than one row a group needs to tell equal rows apart, which have lost the fields they were grouped by; move it before the list of columns")
		return
	}
	if len(p.cols) == 0 {
		l.aggregateWith(nil, by, cmd.Span(), false, "")
		return
	}
	row := l.rowName()
	kept := l.firstOf(cmd, p, skip)
	parts := []esql.Expr{p.row()}
	if c, ok := parts[0].(*esql.Call); ok && c.Func == "CONCAT" {
		parts = c.Args
	}
	var before []string
	for i := len(kept.lead) - 1; i >= 0; i-- {
		parts = append([]esql.Expr{kept.lead[i], str(rowMark)}, parts...)
		before = append(before, "_by_"+itoa(len(before)+1))
	}
	x := parts[0]
	if len(parts) > 1 {
		x = mark(call("CONCAT", parts...), cmd.Span())
	}
	fn := kept.fn
	if cmd.Count > 1 {
		fn = "VALUES"
	}
	st := &esql.Stats{Aggs: []*esql.Assign{{Name: row, Expr: mark(call(fn, x), cmd.Span())}}}
	st.Origin = origin(cmd.Span())
	for _, b := range by {
		c := outer.cols[b.Field.Text]
		if c.domain != "" {
			st.By = append(st.By, &esql.Assign{Expr: mark(col(c.domain), b.Span())})
		}
		st.By = append(st.By, &esql.Assign{Expr: mark(col(c.name), b.Span())})
	}
	l.add(st)
	if len(by) == 0 { // over no rows STATS gives one that holds none
		l.add(&esql.Where{At: esql.At{Origin: origin(cmd.Span())}, Expr: mark(notNull(col(row)), cmd.Span())})
	}
	l.aggregated, l.fullText, l.present = true, false, nil
	l.helpers, l.eventID = nil, ""
	l.env = outer
	if cmd.Count > 1 {
		order := "ASC"
		if kept.fn == "MAX" {
			order = "DESC"
		}
		l.assign(cmd.Span(), row, mark(call("MV_SLICE", call("MV_SORT", col(row), str(order)), integer(0), integer(int64(cmd.Count-1))), cmd.Span()))
		l.expandColumn(row, cmd.Span())
	}
	p.unpack(row, before...)
	l.useful = true
}

// distinctRows says that no two rows hold the same in the columns of a packing and in skip.
func (l *lowering) distinctRows(p *packing, skip map[string]bool) bool {
	if !l.aggregated {
		return true // events have an identifier
	}
	st, ok := l.lastStats()
	if !ok || slices.ContainsFunc(l.cmds, func(c esql.Command) bool { _, expanded := c.(*esql.MvExpand); return expanded }) {
		return false
	}
	for _, a := range st.By {
		if n := outName(a); !skip[n] && !slices.ContainsFunc(p.cols, func(c *column) bool { return c.name == n }) {
			return false
		}
	}
	return true
}

// firstRow says how the first row of a group is found: by the least or the greatest packed text.
type firstRow struct {
	fn   string      // MIN or MAX
	lead []esql.Expr // what the rows are ordered by, in front of the packed text
}

// firstOf decides which row dedup keeps. Events come newest first; a sort gives an order of its own. Of any other order, and
// of rows that sort alike, ES|QL knows nothing: the columns that may then come from another row say so once they decide.
func (l *lowering) firstOf(cmd *spl.Dedup, p *packing, skip map[string]bool) firstRow {
	keys := l.sortedBy()
	if len(cmd.SortBy) > 0 {
		keys = nil
		if s := l.sortKeys(cmd.SortBy, false, cmd.Span()); s != nil {
			keys = s.Keys
		}
	}
	if len(keys) == 0 && len(cmd.SortBy) == 0 && !l.aggregated {
		if cmd.Count > 1 { // VALUES keeps one of several equal texts
			l.needsID = true
			return firstRow{fn: "MAX", lead: []esql.Expr{call("TO_STRING", col("@timestamp")), col("_id")}}
		}
		p.first("@timestamp")
		return firstRow{fn: "MAX"}
	}
	known := map[string]bool{}
	first := firstRow{fn: "MIN"}
	sorted := len(keys) > 0
	keys = slices.DeleteFunc(slices.Clone(keys), func(k *esql.SortKey) bool {
		c, plain := k.Expr.(*esql.Column)
		return plain && skip[c.Name] // the rows of a group do not differ in it
	})
	first.lead, keys, first.fn = l.leads(keys, known)
	for _, k := range keys {
		if c, plain := k.Expr.(*esql.Column); plain && !known[c.Name] {
			l.diag("order_dependent", cmd.Span(), "dedup", "dedup keeps the first row of each "+nameList(cmd.Fields)+" in the order of `"+c.Name+"`, which is text: numbers in it sort by their value in Splunk and by their digits in the draft")
			known[c.Name] = true
		}
	}
	if len(keys) == 0 && !sorted {
		first.lead = l.groupOrder(p)
	}
	if cmd.Count > 1 && !l.aggregated {
		l.needsID = true
		first.lead = append(first.lead, col("_id"))
	}
	order := "dedup keeps the first row of each " + nameList(cmd.Fields) + " in an order that ES|QL does not have here"
	if sorted {
		order = "of rows that sort alike dedup keeps the first of each " + nameList(cmd.Fields) + ", in an order that ES|QL does not have"
	}
	open := false
	for _, c := range p.cols {
		if known[c.name] {
			continue
		}
		open = true
		for _, name := range l.env.order {
			if b := l.env.cols[name]; b.name == c.name && !b.hole && b.pending == nil {
				n := *b // others may share the column
				n.pending = &mappingNote{code: "order_dependent", subject: name, message: order + "; `" + name + "` may be another row's"}
				l.env.bind(name, &n)
			}
		}
	}
	if open {
		l.diag("order_not_kept", cmd.Span(), "dedup", "which of several rows with the same "+nameList(cmd.Fields)+" dedup keeps depends on an order that ES|QL does not have in full; there is one row of each in both")
	}
	return first
}

// leads are sort keys as texts, for MIN or MAX of which the least or greatest is the first row; keys are those that could be
// written, known the columns whose order is exact. Text decides which of the two, because only numbers and dates can be
// turned around.
func (l *lowering) leads(keys []*esql.SortKey, known map[string]bool) (lead []esql.Expr, written []*esql.SortKey, fn string) {
	fn = "MIN"
	if len(keys) > 0 && keys[0].Desc {
		fn = "MAX"
	}
	for _, k := range keys {
		if _, text := l.sortWords(k); text {
			if fn = "MIN"; k.Desc {
				fn = "MAX"
			}
			break
		}
	}
	for _, k := range keys {
		if x, text := l.sortWords(k); text {
			if k.Desc != (fn == "MAX") {
				break
			}
			lead, written = append(lead, x), append(written, k)
			continue
		}
		x, column, ok := l.sortText(k, k.Desc != (fn == "MAX"))
		if !ok {
			break
		}
		known[column] = true
		lead, written = append(lead, x), append(written, k)
	}
	return lead, written, fn
}

// sortWords is a sort key that is text, with a byte behind it that is less than those of any longer text.
func (l *lowering) sortWords(k *esql.SortKey) (esql.Expr, bool) {
	c, plain := k.Expr.(*esql.Column)
	if !plain {
		return nil, false
	}
	for _, b := range l.columnsNamed(c.Name) {
		if !isText(b.typ) {
			continue
		}
		var one esql.Expr = col(c.Name)
		switch {
		case b.array == schema.Single:
		case b.array == schema.MaybeArray && l.schema.IsIdentity():
			one = call("MV_MIN", one)
		default:
			return nil, false
		}
		x := call("CONCAT", one, str("\t"))
		if b.nonNull {
			return x, true
		}
		last := "\uffff"
		if k.Desc {
			last = ""
		}
		return call("COALESCE", x, str(last)), true
	}
	return nil, false
}

// sortedBy gives the keys that the rows are sorted by, if they are.
func (l *lowering) sortedBy() []*esql.SortKey {
	for i := len(l.cmds) - 1; i >= 0; i-- {
		switch c := l.cmds[i].(type) {
		case *esql.Sort:
			return c.Keys
		case *esql.Stats, *esql.MvExpand:
			return nil
		}
	}
	return nil
}

// groupOrder is the order in which stats gives its rows, by what it groups by, as far as it is not that of the packed text
// anyway.
func (l *lowering) groupOrder(p *packing) (lead []esql.Expr) {
	st, ok := l.lastStats()
	if !ok || slices.ContainsFunc(l.cmds, func(c esql.Command) bool { _, expanded := c.(*esql.MvExpand); return expanded }) {
		return nil // rows of a join come in the order of its parts
	}
	numbers := 0
	for _, a := range st.By {
		i := slices.IndexFunc(p.cols, func(c *column) bool { return c.name == outName(a) })
		if i < 0 {
			continue // what dedup is by
		}
		x, _, ok := l.sortText(&esql.SortKey{Expr: col(outName(a))}, false)
		switch c := p.cols[i]; {
		case ok:
			numbers = len(lead) + 1
		case isText(c.typ) && c.array == schema.Single && c.nonNull:
			x = col(c.name)
		case isText(c.typ) && c.array == schema.Single:
			x = call("COALESCE", col(c.name), str(nullMark))
		default:
			return lead[:numbers]
		}
		lead = append(lead, x)
	}
	return lead[:numbers]
}

// columnsNamed are the columns behind a name of the draft: those of the search, else the stored field of events.
func (l *lowering) columnsNamed(name string) (columns []*column) {
	for _, n := range l.env.order {
		if c := l.env.cols[n]; c.name == name && !c.hole {
			columns = append(columns, c)
		}
	}
	if len(columns) > 0 || !l.env.open || l.src == nil || l.aggregated {
		return columns
	}
	if l.schema.IsIdentity() {
		if c := l.peek(name, spl.Span{}); !c.hole && c.constant == nil && c.name == name {
			columns = append(columns, c)
		}
	} else if f, ok := l.src.Known(name); ok {
		columns = append(columns, &column{name: name, typ: f.Type, array: f.Array})
	}
	return columns
}

// sortText is a sort key as text that sorts as the key does, or the other way round, missing values last. Text is not among
// them: Splunk sorts numbers in it by their value.
func (l *lowering) sortText(k *esql.SortKey, turned bool) (x esql.Expr, column string, ok bool) {
	c, plain := k.Expr.(*esql.Column)
	if !plain {
		return nil, "", false
	}
	typ, one, nonNull := "", esql.Expr(col(c.Name)), false
	if c.Name == "@timestamp" {
		typ = "date"
	}
	for _, b := range l.columnsNamed(c.Name) {
		typ, nonNull = b.typ, b.nonNull
		switch {
		case b.array == schema.Single:
		case b.array == schema.MaybeArray && l.schema.IsIdentity():
			one = call("MV_MIN", one)
		default:
			return nil, "", false
		}
	}
	switch {
	case isDate(typ) && turned:
		x = sortNumber(call("TO_LONG", one), turned)
	case isDate(typ):
		x = call("TO_STRING", one)
	case isInteger(typ) && typ != "unsigned_long":
		x = sortNumber(one, turned)
	default:
		return nil, "", false
	}
	if nonNull {
		return x, c.Name, true
	}
	last := "\uffff"
	if k.Desc != turned {
		last = ""
	}
	return call("COALESCE", x, str(last)), c.Name, true
}

// sortNumber writes a whole number, or what is left to the largest one, with as many digits as all others; the sum keeps
// negative numbers in order.
func sortNumber(x esql.Expr, turned bool) esql.Expr {
	sum := binary("+", x, integer(sortShift))
	if turned {
		sum = binary("-", integer(sortShift), x)
	}
	return call("RIGHT", call("CONCAT", str(strings.Repeat("0", sortDigits)), call("TO_STRING", sum)), integer(sortDigits))
}

// sortShift makes whole numbers positive; sortDigits is the number of digits they have then.
const (
	sortShift  = 4_000_000_000_000_000_000
	sortDigits = 19
)

func nameList(names []spl.Name) string {
	out := ""
	for i, n := range names {
		if i > 0 {
			out += ", "
		}
		out += n.Text
	}
	return out
}

// inlineDedup keeps the newest event of each combination of values on a later target: INLINE STATS says which it is.
func (l *lowering) inlineDedup(cmd *spl.Dedup) bool {
	if l.opts.Target != Target9 || l.aggregated || cmd.Count > 1 || len(cmd.SortBy) > 0 || l.sorted() || hasLimit(l.cmds) || hasFork(l.cmds) {
		return false
	}
	at := cmd.Span()
	o := esql.At{Origin: origin(at)}
	id := func() esql.Expr { return call("CONCAT", call("TO_STRING", col("@timestamp")), col("_id")) }
	newest := l.rowName()
	st := &esql.Stats{At: o, Inline: true, Aggs: []*esql.Assign{{At: o, Name: newest, Expr: mark(call("MAX", id()), at)}}}
	var present []esql.Expr
	for _, f := range cmd.Fields {
		c := l.lookup(f.Text, f.Span())
		switch {
		case c.hole:
			return true // said
		case c.constant != nil:
			continue
		}
		v := c.value()
		if _, plain := v.expr.(*esql.Column); !plain {
			return false
		}
		if v.multi() {
			l.arrayNote(v, f.Span(), "dedup", "events with several values of `"+f.Text+"` are in several groups of INLINE STATS")
		}
		if !c.filled && !c.nonNull && !l.present[c.name] {
			present = append(present, mark(notNull(v.expr), f.Span()))
		}
		st.By = append(st.By, &esql.Assign{At: o, Expr: mark(v.expr, f.Span())})
	}
	l.filter(and(present...))
	l.add(st)
	l.add(&esql.Where{At: o, Expr: mark(binary("==", id(), col(newest)), at)})
	l.helpers = append(l.helpers, newest)
	l.needsID, l.fullText, l.useful = true, false, true
	return true
}
