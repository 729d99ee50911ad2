package value

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// unitOf reads a unit of time: s, m, h, d, w, mon, q, y with their longer names; a bare number is of seconds.
func unitOf(s string) (string, bool) {
	switch strings.ToLower(s) {
	case "", "s", "sec", "secs", "second", "seconds":
		return "s", true
	case "m", "min", "mins", "minute", "minutes":
		return "m", true
	case "h", "hr", "hrs", "hour", "hours":
		return "h", true
	case "d", "day", "days":
		return "d", true
	case "w", "week", "weeks":
		return "w", true
	case "mon", "month", "months":
		return "mon", true
	case "q", "qtr", "qtrs", "quarter", "quarters":
		return "q", true
	case "y", "yr", "yrs", "year", "years":
		return "y", true
	case "us":
		return "us", true
	case "ms":
		return "ms", true
	case "cs":
		return "cs", true
	case "ds":
		return "ds", true
	}
	return "", false
}

// unit is what one unit of time is made of: so many months or days of the calendar, or a fixed time.
type unit struct {
	months, days int
	fixed        time.Duration
}

var units = map[string]unit{
	"us": {fixed: time.Microsecond}, "ms": {fixed: time.Millisecond}, "cs": {fixed: 10 * time.Millisecond}, "ds": {fixed: 100 * time.Millisecond},
	"s": {fixed: time.Second}, "m": {fixed: time.Minute}, "h": {fixed: time.Hour},
	"d": {days: 1}, "w": {days: 7}, "mon": {months: 1}, "q": {months: 3}, "y": {months: 12},
}

// shift moves a time by so many units. A month later is the same day, or the last one of a shorter month.
func shift(t time.Time, n int, name string) time.Time {
	u := units[name]
	if u.months == 0 {
		moved := t.AddDate(0, 0, n*u.days)
		whole := int64(u.fixed / time.Second)
		return time.Unix(moved.Unix()+int64(n)*whole, int64(moved.Nanosecond())).Add(time.Duration(n) * (u.fixed - time.Duration(whole)*time.Second)).In(t.Location())
	}
	y, m, d := t.Date()
	first := time.Date(y, m+time.Month(n*u.months), 1, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), t.Location())
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(d, last)-1)
}

// snap is the start of the unit of time in which a time lies; weeks start on the day that w0 to w7 names, w on Sunday.
func snap(t time.Time, name string) (time.Time, bool) {
	y, m, d := t.Date()
	zone := t.Location()
	if len(name) == 2 && name[0] == 'w' && name[1] >= '0' && name[1] <= '7' {
		back := (int(t.Weekday()) - int(name[1]-'0')%7 + 7) % 7
		return time.Date(y, m, d-back, 0, 0, 0, 0, zone), true
	}
	u, ok := unitOf(name)
	if !ok || name == "" {
		return t, false
	}
	switch u {
	case "s":
		return t.Truncate(time.Second), true
	case "m":
		return time.Date(y, m, d, t.Hour(), t.Minute(), 0, 0, zone), true
	case "h":
		return time.Date(y, m, d, t.Hour(), 0, 0, 0, zone), true
	case "w":
		return snap(t, "w0")
	case "d", "mon", "q", "y":
		return intervalStart(t, units[u]), true
	}
	return t, false
}

// intervalStart is the start of the interval of whole days or months of the calendar in which a time lies, counted from
// 1970.
func intervalStart(t time.Time, width unit) time.Time {
	y, m, d := t.Date()
	if width.months > 0 {
		since := (y-1970)*12 + int(m) - 1
		return time.Date(1970, time.Month(floorTo(since, width.months)+1), 1, 0, 0, 0, 0, t.Location())
	}
	days := int(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400)
	return time.Date(1970, 1, 1+floorTo(days, width.days), 0, 0, 0, 0, t.Location())
}

func floorTo(n, step int) int { return int(math.Floor(float64(n)/float64(step))) * step }

// Span is the width of a bin: a number of units of time, or a plain number with an empty unit.
type Span struct {
	N    float64
	Unit string
}

// ParseSpan reads a span such as 5m, 1mon or 10.
func ParseSpan(s string) (Span, bool) {
	i := 0
	for i < len(s) && (s[i] >= '0' && s[i] <= '9' || s[i] == '.') {
		i++
	}
	n, ok := 1.0, true
	if i > 0 {
		n, ok = ParseNumber(s[:i])
	}
	if !ok || n <= 0 || i == 0 && s == "" {
		return Span{}, false
	}
	if i == len(s) {
		return Span{n, ""}, true
	}
	u, ok := unitOf(s[i:])
	return Span{n, u}, ok
}

// Fixed is the width in seconds; false for months, quarters and years, whose lengths differ.
func (s Span) Fixed() (float64, bool) {
	if s.Unit == "" {
		return s.N, true
	}
	u, ok := units[s.Unit]
	return s.N * (float64(u.days)*86400 + float64(u.fixed)/float64(time.Second)), ok && u.months == 0
}

// SpanSeconds is the width of a span in seconds, a month taken as 30 days.
func SpanSeconds(s string) (float64, bool) {
	span, ok := ParseSpan(s)
	if !ok {
		return 0, false
	}
	if n, ok := span.Fixed(); ok {
		return n, true
	}
	return span.N * map[string]float64{"mon": 30, "q": 91, "y": 365}[span.Unit] * 86400, true
}

// BinTime is the start of the bin of time n. Bins of days and weeks start at midnight of the zone, counted from 1970;
// months, quarters and years with the calendar.
func BinTime(n float64, span Span, zone *time.Location) (float64, bool) {
	t, ok := Moment(n, zone)
	if !ok {
		return 0, false
	}
	if u := units[span.Unit]; u.months+u.days > 0 && span.N == math.Trunc(span.N) && span.N < 1e6 {
		n := int(span.N)
		return seconds(intervalStart(t, unit{months: u.months * n, days: u.days * n})), true
	}
	w, ok := span.Fixed()
	if !ok || w <= 0 {
		return 0, false
	}
	return tidy(math.Floor(n/w)*w, 6), true
}

// NextBin is the start of the bin after the one that starts at n.
func NextBin(n float64, span Span, zone *time.Location) (float64, bool) {
	t, ok := Moment(n, zone)
	if !ok {
		return 0, false
	}
	if u := units[span.Unit]; u.months+u.days > 0 && span.N == math.Trunc(span.N) && span.N < 1e6 {
		return seconds(shift(t, int(span.N), span.Unit)), true
	}
	w, ok := span.Fixed()
	return tidy(n+w, 6), ok && w > 0
}

// Shift moves a time by so many spans, days and longer units with the calendar of the zone.
func (s Span) Shift(n float64, by int, zone *time.Location) (float64, bool) {
	t, ok := Moment(n, zone)
	steps := s.N * float64(by)
	if !ok || math.Abs(steps) > 1e9 {
		return 0, false
	}
	if u := units[s.Unit]; u.months+u.days > 0 && steps == math.Trunc(steps) {
		t = shift(t, int(steps), s.Unit)
		return seconds(t), t.Year() >= 0 && t.Year() <= 9999
	}
	w, ok := s.Fixed()
	return tidy(n+w*float64(by), 6), ok
}

// UnitName is a unit of time as a word: week of w.
func (s Span) UnitName() string {
	return map[string]string{"s": "second", "m": "minute", "h": "hour", "d": "day", "w": "week", "mon": "month", "q": "quarter", "y": "year"}[s.Unit]
}

// Tidy takes the noise of binary fractions off a multiple of a decimal step.
func Tidy(n, step float64) float64 { return tidy(n, max(decimals(step), 0)) }

// FloorMod is how far a time lies behind the start of its interval of a span.
func FloorMod(at float64, span string) float64 {
	w, ok := SpanSeconds(span)
	if !ok || w <= 0 {
		return 0
	}
	return tidy(at-math.Floor(at/w)*w, 6)
}

// RoundWidth is the least round width with which the numbers from low to high need at most so many bins: 1, 2, 5 and
// their powers of ten, or round times. It is no less than least.
func RoundWidth(low, high float64, bins int, isTime bool, least float64) Span {
	if !(high > low) || bins < 1 {
		return Span{max(1, least), ""}
	}
	fits := func(w float64) bool {
		return w >= least && math.Floor(high/w)-math.Floor(low/w)+1 <= float64(bins)
	}
	if isTime {
		for _, s := range []Span{{1, "s"}, {5, "s"}, {10, "s"}, {30, "s"}, {1, "m"}, {5, "m"}, {10, "m"}, {30, "m"}, {1, "h"}, {1, "d"}} {
			if w, _ := s.Fixed(); fits(w) {
				return s
			}
		}
		return Span{1, "mon"}
	}
	for e := -9; e < 300; e++ {
		for _, m := range []float64{1, 2, 5} {
			w, err := strconv.ParseFloat(fmt.Sprintf("%ge%d", m, e), 64)
			if err == nil && fits(w) {
				return Span{w, ""}
			}
		}
	}
	return Span{1, ""}
}
