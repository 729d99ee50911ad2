package translate

import (
	"regexp"
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/schema"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// mvexpand makes a row of each value.
func (l *lowering) mvexpand(cmd *spl.MVExpand) {
	l.ensureSource(cmd.Span())
	name := cmd.Field.Text
	c := l.lookup(name, cmd.Field.Span())
	v := c.value()
	if v.hole {
		l.leaveOut(cmd, name, name)
		return
	}
	l.useful = true
	if v.null || !v.multi() && v.columnName() != "" {
		l.diag("option_ignored", cmd.Span(), name, "`"+name+"` has one value at most, so mvexpand changes nothing")
		return
	}
	x := v.expr
	if cmd.Limit > 0 {
		l.diag("order_dependent", cmd.Span(), "limit", "mvexpand keeps the first "+itoa(cmd.Limit)+" values; a stored field has its values sorted, so which these are differs")
		x = call("MV_SLICE", x, integer(0), integer(int64(cmd.Limit-1)))
	}
	n := *c
	n.array = schema.Single
	n.pending = nil
	if _, plain := x.(*esql.Column); plain && !l.env.uses(c.name, name) {
		l.env.bind(name, &n)
	} else {
		// another name still stands for all the values
		l.defineAs(name, &n, mark(x, cmd.Span()), cmd.Span())
	}
	l.expandColumn(n.name, cmd.Span())
}

// expandColumn writes MV_EXPAND. Full text would test the event's values, not the row's, from here on.
func (l *lowering) expandColumn(name string, at spl.Span) {
	x := &esql.MvExpand{Field: name}
	x.Origin = origin(at)
	l.add(x)
	l.fullText = false
}

// mvcombine is the opposite of mvexpand: rows that only differ in one field become one.
func (l *lowering) mvcombine(cmd *spl.MVCombine) {
	l.ensureSource(cmd.Span())
	for _, o := range cmd.Options {
		l.diag("option_ignored", o.Span(), o.Name, "`"+o.Name+"` only shows the values another way")
	}
	name := cmd.Field.Text
	c := l.lookup(name, cmd.Field.Span())
	if c.hole {
		l.leaveOut(cmd, name)
		return
	}
	if c.constant != nil {
		l.diag("option_ignored", cmd.Span(), name, "`"+name+"` has one value everywhere, so mvcombine changes nothing")
		return
	}
	if l.env.open || l.env.partial() {
		l.diag("unsupported_command", cmd.Span(), "mvcombine", "mvcombine compares all the other fields of whole events; name the fields to keep (table) before it")
		l.defineHole(name)
		return
	}
	var by []spl.By
	for _, n := range l.env.order {
		o := l.env.cols[n]
		if n == name || n == partialName || o.hole || o.constant != nil {
			continue
		}
		if o.array != schema.Single {
			l.diag("unsupported_command", cmd.Span(), "mvcombine", "mvcombine compares `"+n+"`, which has several values, as a whole; STATS BY takes each value apart. Join the values (nomv) before it")
			l.defineHole(name)
			return
		}
		by = append(by, spl.By{At: cmd.Field.At, Field: spl.Name{At: cmd.Field.At, Text: n}})
	}
	field := cmd.Field
	agg := spl.Agg{At: cmd.At, Func: "values", Arg: &spl.FieldRef{At: field.At, Name: name}, As: &field}
	l.diag("order_not_kept", cmd.Span(), name, "the combined values are distinct and sorted")
	l.aggregate([]spl.Agg{agg}, by, cmd.Span(), false)
}

// nomv joins several values into one text of a line each.
func (l *lowering) nomv(cmd *spl.NoMV) {
	l.ensureSource(cmd.Span())
	name := cmd.Field.Text
	v := l.lookup(name, cmd.Field.Span()).value()
	if v.hole {
		l.leaveOut(cmd, name, name)
		return
	}
	l.useful = true
	if v.null || !v.multi() {
		l.diag("option_ignored", cmd.Span(), name, "`"+name+"` has one value at most, so nomv changes nothing")
		return
	}
	t := l.text(v)
	l.defineAs(name, &column{typ: "keyword", nonNull: v.nonNull}, mark(call("MV_CONCAT", t.expr, str("\n")), cmd.Span()), cmd.Span())
}

// separatedBy recognizes tokenizers that read what stands between delimiters of one character: ([^,]+),?
var separatedBy = regexp.MustCompile(`^\(\[\^(\\?[^\]\\])\][+*]\)(\[?\\?(.)\]?[?*])?$`)

// makemv splits a text into several values.
func (l *lowering) makemv(cmd *spl.MakeMV) {
	l.ensureSource(cmd.Span())
	name := cmd.Field.Text
	delim, empty := " ", false
	for _, o := range cmd.Options {
		switch o.Name {
		case "delim":
			delim = o.Value
		case "allowempty":
			empty = isYes(o.Value)
		case "tokenizer":
			m := separatedBy.FindStringSubmatch(o.Value)
			if m == nil {
				l.diag("unsupported_option", cmd.Span(), "tokenizer", "makemv with this tokenizer collects every match of a regular expression, which ES|QL cannot; give a delimiter (delim=) where one does")
				l.defineHole(name)
				return
			}
			delim = strings.TrimPrefix(m[1], `\`)
		case "setsv":
			l.diag("option_ignored", o.Span(), o.Name, "`setsv` only keeps the single text beside the values for display")
		}
	}
	v := l.text(l.lookup(name, cmd.Field.Span()).value())
	switch {
	case v.hole:
		l.leaveOut(cmd, name, name)
		return
	case delim == "":
		l.diag("unsupported_option", cmd.Span(), "delim", "makemv needs a delimiter of at least one character")
		l.defineHole(name)
		return
	case v.null:
		l.diag("field_absent", cmd.Span(), name, "`"+name+"` is always null, so makemv changes nothing")
		return
	}
	l.useful = true
	x := v.expr
	if v.multi() {
		x = call("MV_CONCAT", x, str(delim))
	}
	if !empty {
		// Splunk leaves empty values out: runs of the delimiter count once, and none stands at the ends.
		q := "(?:" + javaQuote(delim) + ")+"
		x = call("REPLACE", call("REPLACE", x, str("^"+q+"|"+q+"$"), str("")), str(q), str(javaReplacementQuote(delim)))
	}
	l.defineAs(name, &column{typ: "keyword", array: schema.MaybeArray, nonNull: v.nonNull}, mark(splitBy(x, delim), cmd.Span()), cmd.Span())
}

// javaReplacementQuote escapes what has a meaning in the replacement of REPLACE.
func javaReplacementQuote(s string) string {
	return strings.NewReplacer(`\`, `\\`, `$`, `\$`).Replace(s)
}
