package translate

import (
	"slices"
	"strconv"
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// applyRelative counts a relative time from x.
func applyRelative(r spl.RelativeTime, x esql.Expr) esql.Expr {
	x = shiftMonths(shiftSeconds(x, r.Seconds), r.Months)
	if r.Snap != "" {
		x = shiftSeconds(x, -r.Weekday*spl.DaySeconds)
		x = call("DATE_TRUNC", &esql.Duration{N: 1, Unit: r.Snap}, x)
		x = shiftSeconds(x, r.Weekday*spl.DaySeconds)
	}
	return shiftMonths(shiftSeconds(x, r.AfterSeconds), r.AfterMonths)
}

func shiftSeconds(x esql.Expr, n int64) esql.Expr { return shift(x, n, duration) }

func shiftMonths(x esql.Expr, n int64) esql.Expr {
	return shift(x, n, func(n int64) esql.Expr {
		if n%12 == 0 {
			return &esql.Duration{N: n / 12, Unit: "year"}
		}
		return &esql.Duration{N: n, Unit: "month"}
	})
}

func shift(x esql.Expr, n int64, d func(int64) esql.Expr) esql.Expr {
	switch {
	case n < 0:
		return binary("-", x, d(-n))
	case n > 0:
		return binary("+", x, d(n))
	}
	return x
}

// span is a bin or tstats span: a number and a unit.
type span struct {
	seconds, months int64
	millis          int64
}

func parseSpan(s string) (span, bool) {
	s = strings.ToLower(strings.TrimSpace(s))
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	n := int64(1)
	if i > 0 {
		v, err := strconv.ParseInt(s[:i], 10, 32)
		if err != nil || v == 0 {
			return span{}, false
		}
		n = v
	}
	unit := s[i:]
	if unit == "" {
		return span{seconds: n}, i > 0
	}
	switch unit {
	case "ms":
		return span{millis: n}, true
	case "us", "cs", "ds":
		return span{}, false
	}
	u, ok := spl.TimeUnitOf(unit)
	if !ok {
		return span{}, false
	}
	return span{seconds: n * u.Seconds, months: n * u.Months}, true
}

func (s span) duration() esql.Expr {
	switch {
	case s.millis > 0:
		return &esql.Duration{N: s.millis, Unit: "millisecond"}
	case s.months > 0 && s.months%12 == 0:
		return &esql.Duration{N: s.months / 12, Unit: "year"}
	case s.months > 0:
		return &esql.Duration{N: s.months, Unit: "month"}
	}
	return duration(s.seconds)
}

// length in seconds, months as 31 days.
func (s span) length() int64 { return s.seconds + s.months*31*86400 + s.millis/1000 }

// dateCompare compares a date with a literal: an epoch, or a time in words.
func (l *lowering) dateCompare(v value, op, text string, at spl.Span) esql.Expr {
	if op == "=" {
		op = "=="
	}
	t := strings.TrimSpace(text)
	if f, err := strconv.ParseFloat(t, 64); err == nil && !isHexOrWord(t) {
		return binary(op, v.expr, call("TO_DATETIME", integer(int64(f*1000))))
	}
	if r, ok := spl.ParseRelativeTime(t); ok && t != "" {
		return binary(op, v.expr, l.relative(r, call("NOW")))
	}
	if strings.Contains(text, "*") {
		return l.textEquals(l.asText(v), textTest{value: text, wild: true, fold: true})
	}
	l.diag("type_mismatch", at, "", "a time does not compare with "+strconv.Quote(clip(text))+"; write seconds since 1970 or a relative time")
	return nil
}

func fnNow(*lowering, *spl.Call) value { return value{expr: call("NOW"), typ: "date", nonNull: true} }

func fnRelativeTime(l *lowering, e *spl.Call) value {
	vs, ok := l.args(e)
	if !ok {
		return holeValue
	}
	if vs[1].word == nil {
		l.diag("unsupported_expression", e.Span(), "relative_time", "the offset of relative_time must be a literal")
		return holeValue
	}
	r, ok := spl.ParseRelativeTime(*vs[1].word)
	if !ok {
		l.diag("unsupported_expression", e.Span(), "relative_time", "relative_time does not read "+strconv.Quote(*vs[1].word)+" here; use an offset such as -1d@d")
		return holeValue
	}
	x, ok := l.date(vs[0], e.Span())
	if !ok {
		return holeValue
	}
	if r.Zoned() {
		l.zoned("time_rounding", e.Span(), "relative_time", "@ snaps to a "+r.Snap+" in UTC; Splunk snaps in the user's time zone")
	}
	return value{expr: l.relative(r, x.expr), typ: "date", nonNull: x.nonNull, array: x.array}
}

// date reads a value as a date: a date, or seconds since 1970.
func (l *lowering) date(v value, at spl.Span) (value, bool) {
	switch {
	case isDate(v.typ):
		return v, true
	case v.null:
		return value{expr: call("TO_DATETIME", null()), typ: "date"}, true
	}
	n := l.numeric(v, at)
	if n.hole {
		return n, false
	}
	if n.num && n.word != nil {
		if f, err := strconv.ParseFloat(*n.word, 64); err == nil {
			return value{expr: call("TO_DATETIME", integer(int64(f*1000))), typ: "date", nonNull: true}, true
		}
	}
	x := binary("*", n.expr, &esql.Literal{Value: 1000.0})
	x = call("TO_LONG", x)
	return value{expr: call("TO_DATETIME", x), typ: "date", nonNull: n.nonNull, array: n.array}, true
}

// dateFormats are strftime's conversions in Java's letters.
var dateFormats = map[byte]string{
	'Y': "yyyy", 'y': "yy", 'm': "MM", 'd': "dd", 'H': "HH", 'I': "hh", 'M': "mm", 'S': "ss", 'p': "a", 'b': "MMM", 'B': "MMMM",
	'a': "EEE", 'A': "EEEE", 'j': "DDD", 'Z': "zzz", 'z': "Z", 'e': "d", 'h': "MMM", 'k': "H", 'Q': "SSS", 'N': "SSSSSSSSS",
	'f': "SSSSSS", 'T': "HH:mm:ss", 'F': "yyyy-MM-dd", 'D': "MM/dd/yy", 'R': "HH:mm",
	'c': "EEE MMM d HH:mm:ss yyyy", 'x': "MM/dd/yyyy", 'X': "HH:mm:ss", '+': "EEE MMM d HH:mm:ss zzz yyyy", 'l': "h", 'P': "a",
}

// javaDate turns a strftime format into Java's; bad is the conversion that has no counterpart.
func javaDate(f string) (out, bad string) {
	var b strings.Builder
	quoted := false
	quote := func(on bool) {
		if on != quoted {
			b.WriteByte('\'')
			quoted = on
		}
	}
	for i := 0; i < len(f); i++ {
		c := f[i]
		if c != '%' || i+1 == len(f) {
			if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
				quote(true)
			} else if c == '\'' {
				b.WriteString("''")
				continue
			} else {
				quote(false)
			}
			b.WriteByte(c)
			continue
		}
		i++
		if f[i] == '%' {
			quote(false)
			b.WriteByte('%')
			continue
		}
		if (f[i] >= '1' && f[i] <= '9') && i+1 < len(f) && (f[i+1] == 'N' || f[i+1] == 'Q') {
			quote(false)
			b.WriteString(strings.Repeat("S", int(f[i]-'0')))
			i++
			continue
		}
		j, ok := dateFormats[f[i]]
		if !ok {
			return "", "%" + string(f[i])
		}
		quote(false)
		b.WriteString(j)
	}
	quote(false)
	return b.String(), ""
}

func fnStrftime(l *lowering, e *spl.Call) value {
	vs, ok := l.args(e)
	if !ok {
		return holeValue
	}
	if vs[0].null {
		return nullValue()
	}
	if vs[1].word == nil {
		l.diag("unsupported_expression", e.Span(), "strftime", "the format of strftime must be a literal")
		return holeValue
	}
	return l.timeText(vs[0], *vs[1].word, e.Span())
}

// timeText writes a time in a format of strftime.
func (l *lowering) timeText(v value, format string, at spl.Span) value {
	d, ok := l.date(v, at)
	if !ok {
		return holeValue
	}
	if timePart(format) {
		l.zoned("time_rounding", at, "strftime", "the draft takes this part of the time in UTC, Splunk in the user's time zone: near its edges it differs, unless users work in UTC")
	}
	switch format {
	case "%s":
		return value{expr: call("TO_STRING", binary("/", call("TO_LONG", d.expr), integer(1000))), typ: "keyword", nonNull: d.nonNull}
	}
	if !namesZone(format) { // a text with its zone is of UTC
		d.expr = l.local(d.expr)
	}
	switch format {
	case "%w": // Sunday is 0
		return value{expr: call("TO_STRING", binary("%", call("DATE_EXTRACT", str("DAY_OF_WEEK"), d.expr), integer(7))), typ: "keyword", nonNull: d.nonNull}
	}
	if x, ok := l.isoDate(format, d.expr, at); ok {
		return value{expr: x, typ: "keyword", nonNull: d.nonNull}
	}
	f, bad := javaDate(format)
	if bad != "" {
		l.diag("unsupported_function", at, "strftime", "strftime's "+bad+" has no counterpart in DATE_FORMAT")
		return holeValue
	}
	if l.opts.Zone == nil {
		l.diag("time_display", at, "strftime", "DATE_FORMAT writes UTC; Splunk writes the user's time zone")
	}
	return value{expr: call("DATE_FORMAT", str(f), d.expr), typ: "keyword", nonNull: d.nonNull}
}

// timePart says that a format takes a part of the time, as rules do to decide by it: not a whole time, which is for reading,
// and not the seconds of the epoch or the minutes, which are the same in (nearly) every zone.
func timePart(format string) bool {
	has := func(codes ...string) bool {
		return slices.ContainsFunc(codes, func(c string) bool { return strings.Contains(format, c) })
	}
	whole := has("%c", "%+") || has("%Y", "%y", "%F", "%D", "%x") && has("%H", "%I", "%k", "%l", "%T", "%X", "%R")
	return !whole && has("%H", "%I", "%k", "%l", "%T", "%X", "%R", "%p", "%a", "%A", "%w", "%u", "%d", "%e", "%j", "%F", "%D", "%x", "%U", "%V", "%W", "%G")
}

func fnStrptime(l *lowering, e *spl.Call) value {
	vs, ok := l.args(e)
	if !ok {
		return holeValue
	}
	if vs[0].null {
		return nullValue()
	}
	if isDate(vs[0].typ) {
		l.diag("time_display", e.Span(), "strptime", "the value already is a date")
		return vs[0]
	}
	if vs[1].word == nil {
		l.diag("unsupported_expression", e.Span(), "strptime", "the format of strptime must be a literal")
		return holeValue
	}
	if c, ok := e.Args[0].(*spl.Call); !ok || c.Func != "strftime" { // what strftime writes, it reads in the same zone
		l.zoneOf(*vs[1].word, e.Span())
	}
	return l.timeOf(l.text(vs[0]), *vs[1].word, e.Span())
}

// zoneOf says whose time zone a text without one is read in.
func (l *lowering) zoneOf(format string, at spl.Span) {
	if !namesZone(format) && format != "%s" {
		l.zoned("time_rounding", at, "strptime", "a text without a time zone is read in UTC; Splunk reads it in the user's time zone")
	}
}

// namesZone says that a format writes or reads the time zone.
func namesZone(format string) bool {
	return strings.Contains(format, "%z") || strings.Contains(format, "%Z") || strings.Contains(format, "%:z")
}

// timeOf reads a text as a time in a format of strptime.
func (l *lowering) timeOf(v value, format string, at spl.Span) value {
	if format == "%s" {
		d, _ := l.date(value{expr: v.expr, typ: "keyword", array: v.array}, at)
		return d
	}
	f, bad := javaDate(format)
	if bad != "" {
		l.diag("unsupported_function", at, "strptime", "strptime's "+bad+" has no counterpart in DATE_PARSE")
		return holeValue
	}
	x := call("DATE_PARSE", str(f), v.expr)
	if !namesZone(format) {
		x = l.utc(x)
	}
	return value{expr: x, typ: "date"}
}
