package value

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

var errTooMany = errors.New("a field gets more than 100,000 values: make fewer")

const (
	pageTime     Page = "SearchReference/DateandTimeFunctions"
	pageTimeVars Page = "SearchReference/Commontimeformatvariables"
	pageTimeMods Page = "SearchReference/SearchTimeModifiers"
)

func timeOps() []Op {
	rows := func(result Kind, does string, page Page) []Row {
		return []Row{
			{Kinds: kinds(Missing), Result: Missing, Missing: Always, Does: "is missing for a missing value", Page: page},
			{Kinds: kinds(Any), Result: result, Missing: Maybe, Does: does, Page: page}}
	}
	return []Op{
		{Name: "now", Place: InEval, Rows: []Row{{Result: Time, Does: "the time at which the search started", Page: pageTime}}, fn: func(e *Env, _ []Value) Value { return Num(float64(e.Now.Unix())) }},
		{Name: "time", Place: InEval, Rows: []Row{{Result: Time, Does: "the time of the call, with fractions", Page: pageTime}}, fn: func(e *Env, _ []Value) Value { return Num(seconds(e.Now)) }},
		{Name: "strftime", Place: InEval, Min: 2, Max: 2, Rows: rows(Numeral, "the time as text in a format, in the time zone of the user; missing for what is no number", pageTimeVars), fn: func(e *Env, a []Value) Value {
			n, ok1 := number(a[0])
			format, ok2 := text(a[1])
			if !ok1 || !ok2 {
				return nil
			}
			t, ok := Moment(n, e.zone())
			if !ok {
				return nil
			}
			return Str(Strftime(t, format))
		}},
		{Name: "strptime", Place: InEval, Min: 2, Max: 2, Rows: rows(Time, "the time that the text says in a format; missing when the text does not fit", pageTime), fn: func(e *Env, a []Value) Value {
			s, ok1 := text(a[0])
			format, ok2 := text(a[1])
			if !ok1 || !ok2 {
				return nil
			}
			t, ok := Strptime(s, format, e.Now, e.zone())
			if !ok {
				return nil
			}
			return Num(seconds(t))
		}},
		{Name: "relative_time", Place: InEval, Min: 2, Max: 2, Rows: rows(Time, "the time moved and snapped as a time modifier says", pageTimeMods), fn: func(e *Env, a []Value) Value {
			n, ok1 := number(a[0])
			mod, ok2 := text(a[1])
			if !ok1 || !ok2 {
				return nil
			}
			t, ok := Moment(n, e.zone())
			if !ok {
				return nil
			}
			t, err := Relative(t, mod)
			if err != nil {
				return nil
			}
			return Num(seconds(t))
		}},
	}
}

// Moment is the time of a number of seconds since 1970, false outside of the years 1 to 9999.
func Moment(n float64, zone *time.Location) (time.Time, bool) {
	if math.IsNaN(n) || n < -62135596800 || n > 253402300799 {
		return time.Time{}, false
	}
	whole := math.Floor(n)
	return time.Unix(int64(whole), int64(math.Round((n-whole)*1e6))*1000).In(zone), true
}

func seconds(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }

// Seconds is the time as a number of seconds since 1970, to the microsecond.
func Seconds(t time.Time) float64 { return seconds(t) }

// Strftime writes a time in a format of C's strftime with Splunk's additions.
func Strftime(t time.Time, format string) string {
	var b strings.Builder
	for i := 0; i < len(format) && b.Len() < 1<<16; i++ {
		if format[i] != '%' || i+1 >= len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		c := format[i]
		digits := 0
		switch {
		case c >= '1' && c <= '9' && i+1 < len(format) && (format[i+1] == 'N' || format[i+1] == 'Q'):
			digits = int(c - '0')
			i++
			c = format[i]
		case (c == '-' || c == '_' || c == 'E' || c == 'O') && i+1 < len(format):
			i++
			s := timePart(t, format[i], 0)
			if c == '-' {
				s = strings.TrimLeft(s, "0 ")
				if s == "" {
					s = "0"
				}
			}
			b.WriteString(s)
			continue
		case c == ':':
			j := i
			for j < len(format) && format[j] == ':' {
				j++
			}
			if j < len(format) && format[j] == 'z' {
				b.WriteString(t.Format([]string{"-07:00", "-07:00:00"}[min(j-i, 2)-1]))
				i = j
				continue
			}
		}
		b.WriteString(timePart(t, c, digits))
	}
	return b.String()
}

// timePart is one conversion of strftime; digits is for %N and %Q.
func timePart(t time.Time, c byte, digits int) string {
	two := func(n int) string { return fmt.Sprintf("%02d", n) }
	year, week := t.ISOWeek()
	hour := (t.Hour()+11)%12 + 1
	switch c {
	case '%':
		return "%"
	case 'a':
		return t.Format("Mon")
	case 'A':
		return t.Format("Monday")
	case 'b', 'h':
		return t.Format("Jan")
	case 'B':
		return t.Format("January")
	case 'c':
		return t.Format("Mon Jan _2 15:04:05 2006")
	case '+':
		return t.Format("Mon Jan _2 15:04:05 MST 2006")
	case 'C':
		return two(t.Year() / 100)
	case 'd':
		return two(t.Day())
	case 'D', 'x':
		return t.Format("01/02/06")
	case 'e':
		return fmt.Sprintf("%2d", t.Day())
	case 'f':
		return fmt.Sprintf("%06d", t.Nanosecond()/1000)
	case 'F':
		return t.Format("2006-01-02")
	case 'g':
		return two(year % 100)
	case 'G':
		return strconv.Itoa(year)
	case 'H':
		return two(t.Hour())
	case 'I':
		return two(hour)
	case 'j':
		return fmt.Sprintf("%03d", t.YearDay())
	case 'k':
		return fmt.Sprintf("%2d", t.Hour())
	case 'l':
		return fmt.Sprintf("%2d", hour)
	case 'm':
		return two(int(t.Month()))
	case 'M':
		return two(t.Minute())
	case 'n':
		return "\n"
	case 'N', 'Q':
		if digits == 0 {
			digits = map[byte]int{'N': 9, 'Q': 3}[c]
		}
		return fmt.Sprintf("%09d", t.Nanosecond())[:digits]
	case 'p':
		return t.Format("PM")
	case 'r':
		return t.Format("03:04:05 PM")
	case 'R':
		return t.Format("15:04")
	case 's':
		return strconv.FormatInt(t.Unix(), 10)
	case 'S':
		return two(t.Second())
	case 't':
		return "\t"
	case 'T', 'X':
		return t.Format("15:04:05")
	case 'u':
		return strconv.Itoa((int(t.Weekday())+6)%7 + 1)
	case 'U':
		return two((t.YearDay() + 6 - int(t.Weekday())) / 7)
	case 'V':
		return two(week)
	case 'w':
		return strconv.Itoa(int(t.Weekday()))
	case 'W':
		return two((t.YearDay() + 6 - (int(t.Weekday())+6)%7) / 7)
	case 'y':
		return two(t.Year() % 100)
	case 'Y':
		return strconv.Itoa(t.Year())
	case 'z':
		return t.Format("-0700")
	case 'Z':
		return t.Format("MST")
	}
	return "%" + string(c)
}

// Relative moves and snaps a time as a time modifier says: -1d@d, @w1, +2h, -7d@w1+8h, now.
func Relative(t time.Time, mod string) (time.Time, error) {
	s := strings.TrimSpace(mod)
	bad := func() (time.Time, error) {
		return time.Time{}, fmt.Errorf("%q is no time modifier: write it as -24h@h or @d", shorten(mod, 40))
	}
	if s == "" || strings.EqualFold(s, "now") || strings.EqualFold(s, "now()") {
		return t, nil
	}
	if len(s) > 100 {
		return bad()
	}
	for s != "" {
		c := s[0]
		s = s[1:]
		switch c {
		case '@':
			i := 0
			for i < len(s) && s[i] != '@' && s[i] != '+' && s[i] != '-' {
				i++
			}
			var ok bool
			if t, ok = snap(t, strings.ToLower(s[:i])); !ok {
				return bad()
			}
			s = s[i:]
		case '+', '-':
			i := 0
			for i < len(s) && s[i] >= '0' && s[i] <= '9' {
				i++
			}
			n, err := 1, error(nil)
			if i > 0 {
				n, err = strconv.Atoi(s[:i])
			}
			j := i
			for j < len(s) && (s[j] >= 'a' && s[j] <= 'z' || s[j] >= 'A' && s[j] <= 'Z') {
				j++
			}
			unit, ok := unitOf(s[i:j])
			if err != nil || !ok || n > 1_000_000_000 {
				return bad()
			}
			if c == '-' {
				n = -n
			}
			t = shift(t, n, unit)
			if t.Year() < 0 || t.Year() > 9999 {
				return bad()
			}
			s = s[j:]
		default:
			return bad()
		}
	}
	return t, nil
}

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

func shift(t time.Time, n int, unit string) time.Time {
	switch unit {
	case "us":
		return t.Add(time.Duration(n) * time.Microsecond)
	case "ms":
		return t.Add(time.Duration(n) * time.Millisecond)
	case "cs":
		return t.Add(time.Duration(n) * 10 * time.Millisecond)
	case "ds":
		return t.Add(time.Duration(n) * 100 * time.Millisecond)
	case "s":
		return t.Add(time.Duration(n) * time.Second)
	case "m":
		return time.Unix(t.Unix()+int64(n)*60, int64(t.Nanosecond())).In(t.Location())
	case "h":
		return time.Unix(t.Unix()+int64(n)*3600, int64(t.Nanosecond())).In(t.Location())
	case "d":
		return t.AddDate(0, 0, n)
	case "w":
		return t.AddDate(0, 0, 7*n)
	case "q":
		n *= 3
	case "y":
		n *= 12
	}
	// A month later is the same day, or the last one of a shorter month.
	y, m, d := t.Date()
	first := time.Date(y, m+time.Month(n), 1, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), t.Location())
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(d, last)-1)
}

func snap(t time.Time, unit string) (time.Time, bool) {
	y, m, d := t.Date()
	zone := t.Location()
	if len(unit) == 2 && unit[0] == 'w' && unit[1] >= '0' && unit[1] <= '7' {
		back := (int(t.Weekday()) - int(unit[1]-'0')%7 + 7) % 7
		return time.Date(y, m, d-back, 0, 0, 0, 0, zone), true
	}
	u, ok := unitOf(unit)
	if !ok || unit == "" {
		return t, false
	}
	switch u {
	case "s":
		return t.Truncate(time.Second), true
	case "m":
		return time.Date(y, m, d, t.Hour(), t.Minute(), 0, 0, zone), true
	case "h":
		return time.Date(y, m, d, t.Hour(), 0, 0, 0, zone), true
	case "d":
		return time.Date(y, m, d, 0, 0, 0, 0, zone), true
	case "w":
		return time.Date(y, m, d-int(t.Weekday()), 0, 0, 0, 0, zone), true
	case "mon":
		return time.Date(y, m, 1, 0, 0, 0, 0, zone), true
	case "q":
		return time.Date(y, (m-1)/3*3+1, 1, 0, 0, 0, 0, zone), true
	case "y":
		return time.Date(y, 1, 1, 0, 0, 0, 0, zone), true
	}
	return t, false
}

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
	switch s.Unit {
	case "", "s":
		return s.N, true
	case "us":
		return s.N / 1e6, true
	case "ms":
		return s.N / 1e3, true
	case "cs":
		return s.N / 100, true
	case "ds":
		return s.N / 10, true
	case "m":
		return s.N * 60, true
	case "h":
		return s.N * 3600, true
	case "d":
		return s.N * 86400, true
	case "w":
		return s.N * 7 * 86400, true
	}
	return 0, false
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
	switch span.Unit {
	case "mon", "q", "y":
		months := int(span.N) * map[string]int{"mon": 1, "q": 3, "y": 12}[span.Unit]
		if months <= 0 {
			return 0, false
		}
		since := (t.Year()-1970)*12 + int(t.Month()) - 1
		at := int(math.Floor(float64(since)/float64(months))) * months
		return seconds(time.Date(1970, time.Month(at+1), 1, 0, 0, 0, 0, zone)), true
	case "d", "w":
		days := span.N
		if span.Unit == "w" {
			days *= 7
		}
		if days == math.Trunc(days) {
			_, off := t.Zone()
			day := math.Floor((n + float64(off)) / 86400)
			start := math.Floor(day/days) * days
			return seconds(time.Date(1970, 1, 1+int(start), 0, 0, 0, 0, zone)), true
		}
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
	switch span.Unit {
	case "d", "w", "mon", "q", "y":
		if span.N == math.Trunc(span.N) && span.N < 1e6 {
			return seconds(shift(t, int(span.N), span.Unit)), true
		}
	}
	w, ok := span.Fixed()
	return tidy(n+w, 6), ok && w > 0
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
