package value

import (
	"strconv"
	"strings"
	"time"
)

// parsedTime collects what strptime reads.
type parsedTime struct {
	year, month, day, hour, minute, second, nano int
	yearDay                                      int
	pm, twelve                                   bool
	dated                                        bool // a year was read
	zone                                         *time.Location
	epoch                                        float64
	isEpoch                                      bool
}

// Strptime reads a time in a format. What the format does not say is of today, and 0 for the clock; text behind what
// the format reads is left alone.
func Strptime(s, format string, now time.Time, zone *time.Location) (time.Time, bool) {
	if len(s) > 4096 || len(format) > 4096 {
		return time.Time{}, false
	}
	today := now.In(zone)
	p := parsedTime{year: today.Year(), month: -1, day: -1, zone: zone, yearDay: -1}
	rest := s
	expanded := strings.NewReplacer("%T", "%H:%M:%S", "%F", "%Y-%m-%d", "%D", "%m/%d/%y", "%R", "%H:%M", "%r", "%I:%M:%S %p", "%c", "%a %b %d %H:%M:%S %Y", "%x", "%m/%d/%y", "%X", "%H:%M:%S", "%+", "%a %b %d %H:%M:%S %Z %Y").Replace(format)
	for i := 0; i < len(expanded); i++ {
		c := expanded[i]
		if c == ' ' || c == '\t' || c == '\n' {
			rest = strings.TrimLeft(rest, " \t\n")
			continue
		}
		if c == '.' && !strings.HasPrefix(rest, ".") {
			if n := subseconds(expanded[i+1:]); n > 0 { // parts of a second may be absent
				i += n
				continue
			}
		}
		if c != '%' || i+1 >= len(expanded) {
			if rest == "" || rest[0] != c {
				return time.Time{}, false
			}
			rest = rest[1:]
			continue
		}
		i++
		c = expanded[i]
		for (c >= '1' && c <= '9' || c == ':' || c == '-' || c == '_' || c == 'E' || c == 'O') && i+1 < len(expanded) {
			i++
			c = expanded[i]
		}
		var ok bool
		if rest, ok = p.read(c, rest); !ok {
			return time.Time{}, false
		}
	}
	return p.time(today)
}

func (p *parsedTime) time(today time.Time) (time.Time, bool) {
	if p.isEpoch {
		return Moment(p.epoch, p.zone)
	}
	if p.twelve {
		p.hour %= 12
		if p.pm {
			p.hour += 12
		}
	}
	if p.yearDay > 0 && p.month < 0 {
		t := time.Date(p.year, 1, 1, p.hour, p.minute, p.second, p.nano, p.zone).AddDate(0, 0, p.yearDay-1)
		return t, true
	}
	if p.month < 0 && p.day < 0 {
		p.month, p.day = int(today.Month()), today.Day()
		if p.dated {
			return time.Time{}, false // a year alone is no day
		}
	} else if p.day < 0 {
		return time.Time{}, false // the page asks for a day
	} else if p.month < 0 {
		p.month = int(today.Month())
	}
	t := time.Date(p.year, time.Month(p.month), p.day, p.hour, p.minute, p.second, p.nano, p.zone)
	return t, t.Day() == p.day && p.hour < 24 && p.minute < 60 && p.second < 61
}

// subseconds is the length of a conversion of parts of a second at the start of a format, 0 for none.
func subseconds(format string) int {
	i := 1
	if !strings.HasPrefix(format, "%") {
		return 0
	}
	for i < len(format) && format[i] >= '0' && format[i] <= '9' {
		i++
	}
	if i < len(format) && strings.IndexByte("NQf", format[i]) >= 0 {
		return i + 1
	}
	return 0
}

func takeDigits(s string, most int) (int, string, bool) {
	s = strings.TrimLeft(s, " ")
	i := 0
	for i < len(s) && i < most && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	n, err := strconv.Atoi(s[:i])
	return n, s[i:], err == nil
}

func takeName(s string, layout string, count int, first time.Time, step func(time.Time) time.Time) (int, string, bool) {
	t := first
	best, rest := -1, s
	for i := range count {
		for _, l := range []string{layout, layout[:3]} {
			name := t.Format(l)
			if len(s) >= len(name) && strings.EqualFold(s[:len(name)], name) && (best < 0 || len(s)-len(name) < len(rest)) {
				best, rest = i, s[len(name):]
			}
		}
		t = step(t)
	}
	return best, rest, best >= 0
}

// read reads one conversion.
func (p *parsedTime) read(c byte, s string) (string, bool) {
	ok := true
	number := func(into *int, most, low, high int) {
		var n int
		if n, s, ok = takeDigits(s, most); ok {
			ok = n >= low && n <= high
			*into = n
		}
	}
	ignored := 0
	switch c {
	case 'Y', 'G':
		p.dated = true
		number(&p.year, 4, 1, 9999)
	case 'y', 'g':
		p.dated = true
		number(&p.year, 2, 0, 99)
		if p.year < 69 {
			p.year += 100
		}
		p.year += 1900
	case 'm':
		number(&p.month, 2, 1, 12)
	case 'd', 'e':
		number(&p.day, 2, 1, 31)
	case 'H', 'k':
		number(&p.hour, 2, 0, 24)
	case 'I', 'l':
		number(&p.hour, 2, 1, 12)
		p.twelve = true
	case 'M':
		number(&p.minute, 2, 0, 59)
	case 'S':
		number(&p.second, 2, 0, 60)
	case 'j':
		number(&p.yearDay, 3, 1, 366)
	case 'u', 'w':
		number(&ignored, 1, 0, 7)
	case 'U', 'V', 'W', 'C':
		number(&ignored, 2, 0, 99)
	case 'b', 'B', 'h':
		var n int
		n, s, ok = takeName(s, "January", 12, time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC), func(t time.Time) time.Time { return t.AddDate(0, 1, 0) })
		p.month = n + 1
	case 'a', 'A':
		_, s, ok = takeName(s, "Monday", 7, time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC), func(t time.Time) time.Time { return t.AddDate(0, 0, 1) })
	case 'p':
		s = strings.TrimLeft(s, " ")
		ok = len(s) >= 2 && (s[1] == 'M' || s[1] == 'm') && strings.IndexByte("AaPp", s[0]) >= 0
		if ok {
			p.pm, p.twelve = s[0] == 'P' || s[0] == 'p', true
			s = s[2:]
		}
	case 'N', 'Q', 'f':
		i := 0
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		ok = i > 0
		p.nano, _ = strconv.Atoi((s[:i] + "000000000")[:9])
		s = s[i:]
	case 's':
		i := 0
		for i < len(s) && (s[i] >= '0' && s[i] <= '9' || s[i] == '.' || i == 0 && s[i] == '-') {
			i++
		}
		p.epoch, ok = ParseNumber(s[:i])
		p.isEpoch = true
		s = s[i:]
	case 'z', 'Z':
		s, ok = p.readZone(strings.TrimLeft(s, " "))
	case '%':
		ok = strings.HasPrefix(s, "%")
		s = strings.TrimPrefix(s, "%")
	case 'n', 't':
		s = strings.TrimLeft(s, " \t\n")
	default:
		ok = false
	}
	return s, ok
}

func (p *parsedTime) readZone(s string) (string, bool) {
	if s == "" {
		return s, false
	}
	if s[0] == '+' || s[0] == '-' {
		h, rest, ok := takeDigits(s[1:], 2)
		if !ok {
			return s, false
		}
		rest = strings.TrimPrefix(rest, ":")
		m, after, ok := takeDigits(rest, 2)
		if !ok {
			m, after = 0, rest
		}
		off := (h*60 + m) * 60
		if s[0] == '-' {
			off = -off
		}
		p.zone = time.FixedZone("", off)
		return after, h <= 15 && m < 60
	}
	i := 0
	for i < len(s) && (s[i] >= 'A' && s[i] <= 'Z' || s[i] >= 'a' && s[i] <= 'z') {
		i++
	}
	offsets := map[string]int{"Z": 0, "UTC": 0, "GMT": 0, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7, "CET": 1, "CEST": 2, "BST": 1, "JST": 9, "IST": 5}
	off, ok := offsets[strings.ToUpper(s[:i])]
	if ok {
		p.zone = time.FixedZone(s[:i], off*3600)
		if s[:i] == "IST" {
			p.zone = time.FixedZone("IST", 19800)
		}
	}
	return s[i:], ok
}
