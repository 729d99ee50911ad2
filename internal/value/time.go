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
				b.WriteString(t.Format([]string{"-07:00", "-07:00:00", "-07"}[min(j-i, 3)-1]))
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
