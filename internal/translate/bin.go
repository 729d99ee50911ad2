package translate

import (
	"strconv"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// bin replaces a field by the start of its interval.
func (l *lowering) bin(cmd *spl.Bin) {
	l.ensureSource(cmd.Span())
	if cmd.Assumed {
		l.diag("bin_of_time", cmd.Span(), "_time", "no field is named, and Splunk's manual wants one; searches like this are run all the same, over _time, and so does the draft. Name _time, or the field that is meant")
	}
	spanText := ""
	for _, o := range cmd.Options {
		switch o.Name {
		case "span":
			spanText = o.Value
		case "aligntime":
			l.diag("window_edges", o.Span(), o.Name, "aligntime moves the start of the windows; BUCKET is aligned to the clock")
		case "bins", "minspan", "start", "end":
			if o.Name == "bins" || o.Name == "minspan" {
				l.diag("unsupported_option", cmd.Span(), o.Name, "bin with "+o.Name+" chooses the interval from the data; give a span")
				l.defineHole(cmd.Field.Text)
				return
			}
			l.diag("option_ignored", o.Span(), o.Name, "`"+o.Name+"` does not change intervals of a given span")
		}
	}
	name := cmd.Field.Text
	if cmd.As != nil {
		name = cmd.As.Text
	}
	v := l.lookup(cmd.Field.Text, cmd.Field.Span()).value()
	if v.hole {
		l.defineHole(name)
		return
	}
	if spanText == "" {
		l.diag("unsupported_option", cmd.Span(), "span", "bin without span chooses the interval from the data; give a span")
		l.defineHole(name)
		return
	}
	x, typ, ok := l.bucket(v, spanText, cmd.Span())
	if !ok {
		l.defineHole(name)
		return
	}
	l.defineAs(name, &column{typ: typ, nonNull: v.nonNull && (isDate(v.typ) || isNumeric(v.typ))}, mark(x, cmd.Span()), cmd.Span())
}

// bucket is the interval a value falls in, with its type: of a time the start, of a number the text that Splunk has for it,
// such as 10-20.
func (l *lowering) bucket(v value, text string, at spl.Span) (x esql.Expr, typ string, ok bool) {
	if v.null {
		return null(), "null", true
	}
	if !isDate(v.typ) {
		n := l.numeric(v, at)
		f, err := strconv.ParseFloat(text, 64)
		if n.hole || err != nil || f <= 0 {
			l.diag("unsupported_option", at, "span", "span="+text+" is no interval of numbers")
			return nil, "", false
		}
		x := l.numberRange(n, f)
		if isText(v.typ) && !v.numeral { // what is no number stays as it is
			x = call("COALESCE", x, v.expr)
		}
		return x, "keyword", true
	}
	s, ok := parseSpan(text)
	if !ok {
		l.diag("unsupported_option", at, "span", "span="+text+" is no interval of time that ES|QL has")
		return nil, "", false
	}
	l.coverSpan(s)
	if s.length() >= 86400 {
		l.zoned("window_edges", at, "span", "intervals of a day or more start at midnight UTC and weeks on Monday; in Splunk they follow the user's time zone")
		return l.utc(call("DATE_TRUNC", s.duration(), l.local(v.expr))), v.typ, true
	} else {
		l.diag("bin_clock_aligned", at, "span", "intervals begin at the clock in both; the rule looks back far enough to see a whole one")
	}
	return call("DATE_TRUNC", s.duration(), v.expr), v.typ, true
}

// numberRange is the text of the interval of a width that a number is in: from-to.
func (l *lowering) numberRange(n value, f float64) esql.Expr {
	place := call("FLOOR", binary("/", n.expr, &esql.Literal{Value: f}))
	if f != float64(int64(f)) {
		from := value{expr: binary("*", place, width(f)), typ: "double"}
		to := value{expr: binary("*", binary("+", place, integer(1)), width(f)), typ: "double"}
		return call("CONCAT", l.numberText(from), str("-"), l.numberText(to))
	}
	from := binary("*", call("TO_LONG", place), width(f))
	return call("CONCAT", call("TO_STRING", from), str("-"), call("TO_STRING", binary("+", from, width(f))))
}

// width is a number as a whole one where it is.
func width(f float64) esql.Expr {
	if f == float64(int64(f)) {
		return integer(int64(f))
	}
	return &esql.Literal{Value: f}
}

// coverSpan makes the rule's window at least as long as an interval.
func (l *lowering) coverSpan(s span) {
	if n := s.length(); n > l.longestSpan {
		l.longestSpan = n
	}
}
