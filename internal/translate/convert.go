package translate

import (
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// convert changes the form of values. A time that only is shown keeps its type: what ctime writes is for people.
func (l *lowering) convert(cmd *spl.Convert, rest []spl.Command) {
	l.ensureSource(cmd.Span())
	format := cmd.Timeformat
	if format == "" {
		format = "%m/%d/%Y %H:%M:%S"
	}
	for _, f := range cmd.Funcs {
		if !strings.Contains(f.Field.Text, "*") {
			l.convertField(f, cmd.Span(), format, rest)
			continue
		}
		names := l.env.names(f.Field.Text)
		if l.env.open || l.env.partial() {
			l.diag("unsupported_expression", f.Span(), f.Func, "which fields `"+f.Field.Text+"` names is not known here; the draft converts those that the search itself makes. List the fields")
		}
		for _, n := range names {
			one := f
			one.Field.Text = n
			if f.As != nil {
				got, _ := matchStar(f.Field.Text, n)
				as := *f.As
				as.Text = fillStar(as.Text, got)
				one.As = &as
			}
			l.convertField(one, cmd.Span(), format, rest)
		}
	}
}

// convertField is one FUNC(FIELD) AS NAME.
func (l *lowering) convertField(f spl.ConvertFunc, whole spl.Span, format string, rest []spl.Command) {
	name := f.Field.Text
	out := name
	if f.As != nil {
		out = f.As.Text
	}
	var c *column
	if shows := f.Func == "ctime" || f.Func == "none"; shows || !decides(rest, out) {
		c = l.shown(name, f.Field.Span())
	} else {
		c = l.lookup(name, f.Field.Span())
	}
	switch {
	case c.hole, c.constant != nil && c.constant.Value == nil:
		l.env.bind(out, c)
		return
	case f.Func == "none":
		l.diag("option_ignored", f.Span(), f.Func, "convert none leaves a field as it is")
		return
	case f.Func == "ctime" && !isDate(c.typ) && !isNumeric(c.typ) && !isText(c.typ):
		l.diag("type_mismatch", f.Span(), f.Func, "a time is needed here, and this is of the type "+c.typ+"; use another field, or leave the conversion out")
		l.defineHole(out)
		return
	case f.Func == "rmcomma" && isNumeric(c.typ): // a number has no commas
		if out != name {
			l.env.bind(out, c)
		}
		return
	case f.Func == "ctime" && !decides(rest, out), f.Func == "mktime" && isDate(c.typ):
		l.diag("time_display", whole, f.Func, "`"+f.Func+"` formats a time for display; the date stays a date")
		if out != name {
			l.env.bind(out, c)
		}
		return
	}
	at := f.Span()
	v := c.value()
	var x esql.Expr
	typ := "double"
	switch f.Func {
	case "ctime":
		at = whole // the format stands beside
		if c.pending != nil {
			l.used(c, f.Field.Span())
		}
		t := l.timeText(v, format, at)
		x, typ = t.expr, t.typ
	case "mktime":
		at = whole
		l.zoneOf(format, at)
		t := l.timeOf(l.text(v), format, at)
		x, typ = t.expr, t.typ
	case "num":
		x = l.numeric(v, at).expr
	case "auto":
		if isNumeric(c.typ) {
			return
		}
		l.diag("function_differs", at, f.Func, "convert auto leaves a field as it is where one of its values is no number; the draft has no value there")
		x = l.numeric(v, at).expr
	case "rmcomma":
		x, typ = call("REPLACE", l.text(v).expr, str(","), str("")), "keyword" // what is no number without commas stays, as text
	case "rmunit":
		x = l.readNumber(value{expr: call("REPLACE", l.text(v).expr, str(`(?s)^([-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)).*$`), str("$1")), typ: "keyword", array: v.array})
	case "dur2sec": // [D+]HH:MM:SS
		t := l.text(v).expr
		x = call("CASE", rlike(t, `([0-9]+\+)?([0-9]+:)?[0-9]+:[0-9]+(\.[0-9]+)?`),
			clockSeconds(t, `^(?:(\d+)\+)?(?:(\d+):)?(\d+):(\d+(?:\.\d+)?)$`, 86400, 3600, 60, 1))
	case "mstime": // [MM:]SS.SSS
		x = clockSeconds(l.text(v).expr, `^(?:(\d+):)?(\d+(?:\.\d+)?)$`, 60, 1)
	case "memk": // a number of k, m or g as kilobytes
		t := l.text(v).expr
		const size = `^\s*(-?\d+(?:\.\d+)?)\s*([kKmMgG]?)\s*$`
		x = binary("*", call("TO_DOUBLE", call("REPLACE", t, str(size), str("$1"))),
			call("CASE", rlike(t, `.*[mM]\s*`), &esql.Literal{Value: 1024.0}, rlike(t, `.*[gG]\s*`), &esql.Literal{Value: 1048576.0}, &esql.Literal{Value: 1.0}))
	default:
		l.diag("unsupported_function", at, f.Func, "convert "+f.Func+" has no counterpart in ES|QL; leave the conversion out, or compute the value with eval")
	}
	if x == nil {
		l.defineHole(out)
		return
	}
	if v.multi() {
		l.arrayNote(v, at, f.Func, "convert of several values is null in ES|QL")
	}
	l.useful = true
	l.defineAs(out, &column{typ: typ}, mark(x, at), at)
}

// clockSeconds adds up the groups of a pattern, each times its number of seconds; a group that is missing counts as 0.
func clockSeconds(x esql.Expr, pattern string, seconds ...int64) esql.Expr {
	var sum esql.Expr
	for i, n := range seconds {
		part := call("REPLACE", x, str(pattern), str("0$"+itoa(i+1)))
		var term esql.Expr = call("TO_DOUBLE", part)
		if n != 1 {
			term = binary("*", term, integer(n))
		}
		if sum == nil {
			sum = term
		} else {
			sum = binary("+", sum, term)
		}
	}
	return sum
}

// decides says that the rest of a search does more with a name than show it.
func decides(rest []spl.Command, name string) bool {
	names := map[string]bool{name: true} // that hold the value
	for i, cmd := range rest {
		switch c := cmd.(type) {
		case *spl.Table:
			keepListed(names, c.Names)
		case *spl.Fields:
			if !c.Remove {
				keepListed(names, c.Names)
			}
		case *spl.Rename:
			renameAll(names, c.Pairs)
		case *spl.Sort: // the order is for reading unless rows are taken by it
			if takesRows(rest[i+1:]) && readsAny(cmd, names) {
				return true
			}
		case *spl.FillNull, *spl.Convert:
			if f, ok := cmd.(*spl.Convert); ok {
				for _, one := range f.Funcs {
					if names[one.Field.Text] && one.As != nil {
						names[one.As.Text] = true
					}
				}
			}
		case *spl.Stats:
			shown, used := shownBy(c, names)
			if used {
				return true
			}
			if c.Kind == "stats" {
				names = map[string]bool{}
			}
			for n := range shown {
				names[n] = true
			}
		default:
			if readsAny(cmd, names) {
				return true
			}
		}
		if len(names) == 0 {
			return false
		}
	}
	return false
}

// keepListed leaves the names that a list of fields has.
func keepListed(names map[string]bool, list []spl.Name) {
	patterns := make([]string, len(list))
	for i, f := range list {
		patterns[i] = f.Text
	}
	for n := range names {
		if !anyStar(patterns, n) {
			delete(names, n)
		}
	}
}

func renameAll(names map[string]bool, pairs []spl.RenamePair) {
	for _, p := range pairs {
		for _, n := range sortedKeys(names) {
			if to, ok := respell(p.From.Text, p.To.Text, n); ok {
				delete(names, n)
				names[to] = true
			}
		}
	}
}

// takesRows says that a command takes some of the rows by their order.
func takesRows(rest []spl.Command) bool {
	for _, cmd := range rest {
		switch c := cmd.(type) {
		case *spl.Head, *spl.Tail, *spl.Dedup:
			return true
		case *spl.Stats:
			for i := range c.Aggs {
				if f := c.Aggs[i].Func; c.Kind == "streamstats" || f == "first" || f == "last" {
					return true
				}
			}
		case *spl.Other:
			if c.Command == "delta" || c.Command == "accum" || c.Command == "autoregress" {
				return true
			}
		}
	}
	return false
}

func readsAny(cmd spl.Command, names map[string]bool) bool {
	for _, n := range namesRead(cmd) {
		if names[n.Text] {
			return true
		}
	}
	return false
}

// shownBy are the names under which a stats only shows values of names; used says that it does more with one of them.
func shownBy(c *spl.Stats, names map[string]bool) (shown map[string]bool, used bool) {
	shown = map[string]bool{}
	for _, b := range c.By {
		used = used || names[b.Field.Text]
	}
	for i := range c.Aggs {
		a := &c.Aggs[i]
		if a.Arg == nil {
			continue
		}
		for n := range names {
			f, plain := a.Arg.(*spl.FieldRef)
			switch {
			case !namesField(a.Arg, n):
			case plain && f.Name == n && (a.Func == "values" || a.Func == "list"):
				shown[aggName(a)] = true
			default:
				used = true
			}
		}
	}
	return shown, used
}
