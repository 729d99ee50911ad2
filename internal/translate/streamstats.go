package translate

import (
	"slices"
	"strconv"
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/schema"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// streamstats adds aggregates of the rows so far. ES|QL sees no row before another, but rows that stats made can ride
// through STATS as text: sorted and joined they are the text of all rows, of which those so far are the part up to a row.

// running is one streamstats.
type running struct {
	l       *lowering
	cmd     *spl.Stats
	p       *packing
	lead    int // parts in front of the columns
	window  int // 0 for all rows so far
	current bool
	seen    string   // the column with the text of the rows so far
	texts   []string // the keys of the order that are text and may hold numerals
}

// streamstats lowers the command where the order of the rows can be written as a text; a hole otherwise.
func (l *lowering) streamstats(cmd *spl.Stats) {
	l.ensureSource(cmd.Span())
	if why := l.runningRows(cmd); why != "" {
		l.diag("unsupported_command", cmd.Span(), cmd.Name(), "streamstats carries a value from row to row, and ES|QL does not see the row before; "+why+". Group with stats by the key, or by a time interval; the draft goes on without it, rewrite this part by hand")
		l.env.setPartial()
		l.holesFor(cmd.Aggs)
	}
}

func (l *lowering) runningRows(cmd *spl.Stats) (why string) {
	r := &running{l: l, cmd: cmd, current: true}
	if why := r.options(); why != "" {
		return why
	}
	if !l.aggregated || l.env.open || l.env.partial() {
		return "rows that stats made could be put in one text, these are events"
	}
	for i := range cmd.Aggs {
		if why := r.canRun(&cmd.Aggs[i]); why != "" {
			return why
		}
	}
	isKey := map[string]bool{}
	skip := map[string]bool{}
	for _, b := range cmd.By {
		c := l.env.cols[b.Field.Text]
		if c == nil || c.hole || c.constant != nil || b.Bucket != nil {
			return "its key `" + b.Field.Text + "` is no column here"
		}
		isKey[c.name], skip[c.name] = true, true
	}
	lead, why := r.orderKeys(isKey)
	if why != "" {
		return why
	}
	at := cmd.Span()
	o := esql.At{Origin: origin(at)}
	r.p, r.lead = l.pack(l.env.order, skip, at), len(lead)
	if len(r.p.cols) == 0 {
		return "the rows have no columns beside its keys"
	}
	outer := l.env
	row := l.rowName()
	var parts []esql.Expr
	for _, x := range lead {
		parts = append(parts, x, str(rowMark))
	}
	parts = append(parts, r.p.row())
	var text esql.Expr = parts[0]
	if len(parts) > 1 {
		text = call("CONCAT", parts...)
	}
	l.add(&esql.Eval{At: o, Assigns: []*esql.Assign{{At: o, Name: row, Expr: mark(text, at)}}})
	outer.bind(row, &column{name: row, typ: "keyword", computed: true, nonNull: true})
	helpers := l.helpers
	l.aggregateWith(nil, cmd.By, at, false, row)
	l.env, l.helpers = outer, helpers
	l.env.unbind(row)
	all := l.helper("rows")
	r.seen = l.helper("seen")
	l.assign(at, all, mark(call("CONCAT", str(listMark), call("MV_CONCAT", call("MV_SORT", col(row)), str(listMark))), at))
	l.expandColumn(row, at)
	place := call("LOCATE", col(all), call("CONCAT", str(listMark), col(row)))
	end := binary("-", place, integer(1))
	if r.current {
		end = binary("+", place, call("LENGTH", col(row)))
	}
	l.assign(at, r.seen, mark(call("SUBSTRING", col(all), integer(1), end), at))
	if r.window > 0 {
		rows := call("SPLIT", call("SUBSTRING", col(r.seen), integer(2)), str(listMark))
		last := call("MV_CONCAT", call("MV_SLICE", rows, integer(int64(-r.window)), integer(-1)), str(listMark))
		l.assign(at, r.seen, mark(call("CASE", binary("==", col(r.seen), str("")), str(""), call("CONCAT", str(listMark), last)), at))
	}
	for i := range cmd.Aggs {
		r.run(&cmd.Aggs[i])
	}
	r.sayOrder()
	before := make([]string, r.lead)
	for i := range before {
		l.unique++
		before[i] = "_by_" + itoa(l.unique)
	}
	r.p.unpack(row, before...)
	l.useful = true
	l.diag("order_not_kept", at, cmd.Name(), "rows that sort alike come in the order of their other columns in the draft, in Splunk in the order they were found; the rows so far are read out of one text of all rows of a group")
	return ""
}

// sayOrder says what depends on the order of keys that may be numerals, once a result decides something.
func (r *running) sayOrder() {
	if len(r.texts) == 0 {
		return
	}
	var names []string
	for i := range r.cmd.Aggs {
		names = append(names, aggName(&r.cmd.Aggs[i]))
	}
	key := r.texts[0]
	r.l.attach(names, &mappingNote{code: "order_dependent", subject: key, message: "the rows come in the order of `" + key + "`, which is text: Splunk puts numbers in it first, by their value, and the draft goes by their digits, so that the rows before another may be others. Sort by a number or a time before streamstats"})
}

// onlyWords says that the values of a column are known, and none is a numeral.
func onlyWords(c *column) bool {
	f := c.mapping()
	if !f.ValuesComplete {
		return false
	}
	for _, stored := range f.Values {
		if slices.ContainsFunc(stored, isNumeral) {
			return false
		}
	}
	return true
}

func (r *running) options() (why string) {
	global := true
	for _, o := range r.cmd.Options {
		switch strings.ToLower(o.Name) {
		case "current":
			r.current = isYes(o.Value)
		case "window":
			n, err := strconv.Atoi(o.Value)
			if err != nil || n < 0 {
				return "window=" + o.Value + " is no number of rows"
			}
			r.window = n
		case "global":
			global = isYes(o.Value)
		case "allnum":
			continue
		default:
			return "`" + o.Name + "` has no counterpart"
		}
		r.l.diag("option_ignored", o.Span(), o.Name, "`"+o.Name+"` is in the expressions of the draft")
	}
	if r.window > 0 && global && len(r.cmd.By) > 0 {
		return "a window over all groups (global=t) has no counterpart"
	}
	return ""
}

// orderKeys are texts that sort as the rows do, within the groups of the keys: the last SORT, else the fields that stats
// groups by, in whose order its rows come.
func (r *running) orderKeys(isKey map[string]bool) (lead []esql.Expr, why string) {
	l := r.l
	for i := len(l.cmds) - 1; i >= 0; i-- {
		switch c := l.cmds[i].(type) {
		case *esql.Sort:
			for _, k := range c.Keys {
				x, ok := r.orderText(k.Expr, k.Desc, isKey)
				if !ok {
					return nil, "the order of the rows before it cannot be written as a text"
				}
				if x != nil {
					lead = append(lead, x)
				}
			}
			return lead, ""
		case *esql.Stats:
			for _, b := range c.By {
				x, ok := r.orderText(col(outName(b)), false, isKey)
				if !ok {
					return nil, "the order of the rows before it cannot be written as a text"
				}
				if x != nil {
					lead = append(lead, x)
				}
			}
			return lead, ""
		case *esql.Where, *esql.Eval, *esql.Drop:
		case *esql.Limit:
			if c.N < defaultSortLimit {
				return nil, "the rows before it are the first ones of an order"
			}
		default:
			return nil, "the order of the rows before it is not known"
		}
	}
	return nil, "the order of the rows before it is not known"
}

// orderText writes a sort key as a text; nil for a key that is the same in all rows of a group.
func (r *running) orderText(x esql.Expr, desc bool, isKey map[string]bool) (esql.Expr, bool) {
	k, plain := x.(*esql.Column)
	if !plain {
		return nil, false
	}
	if isKey[k.Name] {
		return nil, true
	}
	var c *column
	var name string
	for _, n := range r.l.env.order {
		if b := r.l.env.cols[n]; b != nil && !b.hole && b.name == k.Name {
			c, name = b, n
		}
	}
	const middle = 2_000_000_000_000_000_000 // numbers around it have one number of digits
	switch {
	case c == nil || c.array != schema.Single || !c.nonNull:
		return nil, false
	case isText(c.typ) && !desc:
		if !onlyWords(c) {
			r.texts = append(r.texts, name)
		}
		return call("CONCAT", col(c.name), str("\x01")), true // a shorter text comes before a longer one that it begins
	case isDate(c.typ), isInteger(c.typ):
		op := "+"
		if desc {
			op = "-"
		}
		return call("TO_STRING", binary(op, integer(middle), call("TO_LONG", col(c.name)))), true
	}
	return nil, false
}

// canRun says why an aggregation has no running form.
func (r *running) canRun(a *spl.Agg) (why string) {
	if a.Arg == nil {
		if a.Func == "count" || a.Func == "c" {
			return ""
		}
		return "`" + a.Func + "` needs a field"
	}
	f, plain := a.Arg.(*spl.FieldRef)
	if !plain || a.Eval || strings.Contains(f.Name, "*") {
		return "`" + a.Func + "` of an expression has no running form; compute it with eval first"
	}
	c := r.l.env.cols[f.Name]
	if c == nil || c.hole || c.constant != nil || c.array != schema.Single {
		return "`" + f.Name + "` is no column of one value here"
	}
	for _, b := range r.cmd.By {
		if b.Field.Text == f.Name {
			return "`" + f.Name + "` is one of its keys"
		}
	}
	switch a.Func {
	case "sum", "avg", "mean", "min", "max", "range":
		if isNumeric(c.typ) || isDate(c.typ) && a.Func != "sum" && a.Func != "avg" && a.Func != "mean" {
			return ""
		}
		return "`" + a.Func + "` of what is no number has no running form"
	case "count", "c", "dc", "distinct_count", "first", "last", "values":
		return ""
	}
	return "`" + a.Func + "` has no running form"
}

// run writes one aggregation over the rows so far.
func (r *running) run(a *spl.Agg) {
	l, at := r.l, a.Span()
	name := aggName(a)
	values := func(text esql.Expr) esql.Expr {
		return call("SPLIT", call("SUBSTRING", text, integer(2)), str(listMark))
	}
	if a.Arg == nil {
		count := call("MV_COUNT", values(col(r.seen)))
		if !r.current {
			count = call("CASE", binary("==", col(r.seen), str("")), integer(0), count)
		}
		l.defineAs(name, &column{typ: "integer", nonNull: true}, mark(count, at), at)
		return
	}
	c := l.env.cols[a.Arg.(*spl.FieldRef).Name]
	i := 0
	for ; r.p.cols[i].name != c.name; i++ {
	}
	// the field of each row, where it has a value
	kept := col(r.seen)
	part := "[^" + rowMark + listMark + "]*"
	kept = call("REPLACE", kept, str(listMark+"(?:"+part+rowMark+"){"+itoa(r.lead+i)+"}("+part+")[^"+listMark+"]*"), str(listMark+"$1"))
	if !c.nonNull {
		kept = call("REPLACE", kept, str(listMark+nullMark+"(?="+listMark+"|$)"), str(""))
	}
	h := l.helper("of_" + c.name)
	l.assign(at, h, mark(kept, at))
	vals := call("CASE", binary("!=", col(h), str("")), values(col(h)))
	typed := func(x esql.Expr) esql.Expr { return fromText(x, c.typ) }
	out := &column{typ: c.typ}
	if isInteger(c.typ) {
		out.typ = "long"
	}
	var x esql.Expr
	switch a.Func {
	case "sum":
		x = call("MV_SUM", typed(vals))
	case "avg", "mean":
		x, out.typ = call("MV_AVG", typed(vals)), "double"
	case "min":
		x = call("MV_MIN", typed(vals))
	case "max":
		x = call("MV_MAX", typed(vals))
	case "range":
		n := typed(vals)
		if isDate(c.typ) {
			n, out.typ = call("TO_LONG", n), "double"
			x = binary("/", binary("-", call("MV_MAX", n), call("MV_MIN", n)), &esql.Literal{Value: 1000.0})
			break
		}
		x = binary("-", call("MV_MAX", n), call("MV_MIN", n))
	case "count", "c":
		x, out.typ, out.nonNull = call("COALESCE", call("MV_COUNT", vals), integer(0)), "integer", true
	case "dc", "distinct_count":
		x, out.typ, out.nonNull = call("COALESCE", call("MV_COUNT", call("MV_DEDUPE", vals)), integer(0)), "integer", true
	case "first":
		x = typed(call("MV_FIRST", vals))
	case "last":
		x = typed(call("MV_LAST", vals))
	case "values":
		x, out.array = typed(call("MV_SORT", call("MV_DEDUPE", vals))), schema.AlwaysArray
	}
	l.defineAs(name, out, mark(x, at), at)
}
