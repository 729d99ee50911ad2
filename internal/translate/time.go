package translate

import (
	"slices"
	"strconv"
	"strings"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// relativeTime is Splunk's [+-]N UNIT @SNAP [+-]N UNIT.
type relativeTime struct {
	seconds int64  // offset, when unit is a second to a week
	months  int64  // offset, when unit is a month or longer
	snap    string // ES|QL unit to truncate to, or empty
	weekday int64  // of snap "week": days from Monday to the day that weeks start on, -1 for Sunday
	// afterSeconds and afterMonths are the offset behind the snap.
	afterSeconds, afterMonths int64
}

var timeUnits = map[string]struct {
	seconds, months int64
	unit            string
}{
	"s": {1, 0, "second"}, "sec": {1, 0, "second"}, "secs": {1, 0, "second"}, "second": {1, 0, "second"}, "seconds": {1, 0, "second"},
	"m": {60, 0, "minute"}, "min": {60, 0, "minute"}, "mins": {60, 0, "minute"}, "minute": {60, 0, "minute"}, "minutes": {60, 0, "minute"},
	"h": {3600, 0, "hour"}, "hr": {3600, 0, "hour"}, "hrs": {3600, 0, "hour"}, "hour": {3600, 0, "hour"}, "hours": {3600, 0, "hour"},
	"d": {86400, 0, "day"}, "day": {86400, 0, "day"}, "days": {86400, 0, "day"},
	"w": {604800, 0, "week"}, "week": {604800, 0, "week"}, "weeks": {604800, 0, "week"},
	"mon": {0, 1, "month"}, "month": {0, 1, "month"}, "months": {0, 1, "month"},
	"q": {0, 3, "quarter"}, "qtr": {0, 3, "quarter"}, "quarter": {0, 3, "quarter"}, "quarters": {0, 3, "quarter"},
	"y": {0, 12, "year"}, "yr": {0, 12, "year"}, "yrs": {0, 12, "year"}, "year": {0, 12, "year"}, "years": {0, 12, "year"},
}

// parseRelative reads -24h@h, @d+8h, @w1, now, 0; ok is false for anything else.
func parseRelative(s string) (relativeTime, bool) {
	var r relativeTime
	s = strings.TrimSpace(strings.ToLower(s))
	s = strings.TrimPrefix(s, "rt") // real-time: the same offsets from now
	s = strings.TrimPrefix(s, "now")
	offset, snap, snapped := strings.Cut(s, "@")
	var ok bool
	if r.seconds, r.months, ok = parseOffset(offset); !ok || !snapped {
		return r, ok
	}
	unit, after := snap, ""
	if i := strings.IndexAny(snap, "+-"); i >= 0 {
		unit, after = snap[:i], snap[i:]
	}
	if r.afterSeconds, r.afterMonths, ok = parseOffset(after); !ok {
		return r, false
	}
	if len(unit) == 2 && unit[0] == 'w' && unit[1] >= '0' && unit[1] <= '7' { // @w0 and @w7 are Sunday, @w1 is Monday
		r.snap, r.weekday = "week", int64(unit[1]-'1')
		if unit[1] == '0' || unit[1] == '7' {
			r.weekday = -1
		}
		return r, true
	}
	u, ok := timeUnits[unit]
	if !ok {
		return r, false
	}
	r.snap = u.unit
	if u.unit == "week" {
		r.weekday = -1 // @w is @w0
	}
	return r, true
}

// parseOffset reads offsets such as -1d+2h; the empty text and 0 are none.
func parseOffset(s string) (seconds, months int64, ok bool) {
	if s == "0" {
		return 0, 0, true
	}
	for s != "" {
		sign := int64(1)
		switch s[0] {
		case '-':
			sign, s = -1, s[1:]
		case '+':
			s = s[1:]
		}
		i := 0
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		n := int64(1)
		if i > 0 {
			v, err := strconv.ParseInt(s[:i], 10, 32)
			if err != nil {
				return 0, 0, false
			}
			n = v
		}
		s = s[i:]
		j := 0
		for j < len(s) && s[j] >= 'a' && s[j] <= 'z' {
			j++
		}
		u, found := timeUnits[s[:j]]
		if !found {
			return 0, 0, false
		}
		s = s[j:]
		seconds += sign * n * u.seconds
		months += sign * n * u.months
	}
	return seconds, months, true
}

const (
	daySeconds   = 86400
	monthSeconds = 31 * daySeconds
)

// lookBack is the longest time in seconds between now and the time meant.
func (r relativeTime) lookBack() int64 {
	back := -(r.seconds + r.afterSeconds) - (r.months+r.afterMonths)*monthSeconds
	for _, u := range timeUnits {
		if u.unit == r.snap {
			return back + u.seconds + u.months*monthSeconds
		}
	}
	return back
}

// zoned says that the time depends on the time zone: midnight is elsewhere in each.
func (r relativeTime) zoned() bool {
	switch r.snap {
	case "", "second", "minute", "hour":
		return false
	}
	return true
}

func (r relativeTime) apply(x esql.Expr) esql.Expr {
	x = shiftMonths(shiftSeconds(x, r.seconds), r.months)
	if r.snap != "" {
		x = shiftSeconds(x, -r.weekday*daySeconds)
		x = call("DATE_TRUNC", &esql.Duration{N: 1, Unit: r.snap}, x)
		x = shiftSeconds(x, r.weekday*daySeconds)
	}
	return shiftMonths(shiftSeconds(x, r.afterSeconds), r.afterMonths)
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
	u, ok := timeUnits[unit]
	if !ok {
		return span{}, false
	}
	return span{seconds: n * u.seconds, months: n * u.months}, true
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
	if r, ok := parseRelative(t); ok && t != "" {
		return binary(op, v.expr, r.apply(call("NOW")))
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
	r, ok := parseRelative(*vs[1].word)
	if !ok {
		l.diag("unsupported_expression", e.Span(), "relative_time", "relative_time does not read "+strconv.Quote(*vs[1].word)+" here; use an offset such as -1d@d")
		return holeValue
	}
	x, ok := l.date(vs[0], e.Span())
	if !ok {
		return holeValue
	}
	if r.zoned() {
		l.diag("time_rounding", e.Span(), "relative_time", "@ snaps to a "+r.snap+" in UTC; Splunk snaps in the user's time zone")
	}
	return value{expr: r.apply(x.expr), typ: "date", nonNull: x.nonNull, array: x.array}
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
		l.diag("time_rounding", at, "strftime", "the draft takes this part of the time in UTC, Splunk in the user's time zone: near its edges it differs, unless users work in UTC")
	}
	switch format {
	case "%s":
		return value{expr: call("TO_STRING", binary("/", call("TO_LONG", d.expr), integer(1000))), typ: "keyword", nonNull: d.nonNull}
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
	l.diag("time_display", at, "strftime", "DATE_FORMAT writes UTC; Splunk writes the user's time zone")
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
	if !strings.Contains(format, "%z") && !strings.Contains(format, "%Z") && !strings.Contains(format, "%:z") && format != "%s" {
		l.diag("time_rounding", at, "strptime", "a text without a time zone is read in UTC; Splunk reads it in the user's time zone")
	}
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
	return value{expr: call("DATE_PARSE", str(f), v.expr), typ: "date"}
}
