package spl

import (
	"strconv"
	"strings"
)

// RelativeTime is Splunk's relative time: [+-]N UNIT @SNAP [+-]N UNIT, counted from now.
type RelativeTime struct {
	RealTime bool   // written with rt in front
	Seconds  int64  // the offset's part in seconds to weeks
	Months   int64  // the offset's part in months to years
	Snap     string // what the time is rounded down to: second … year as ES|QL and SQL call them, or empty
	Weekday  int64  // of Snap "week": days from Monday to the day on which the week starts, -1 for Sunday
	// AfterSeconds and AfterMonths are the offset behind the snap.
	AfterSeconds, AfterMonths int64
}

// TimeUnit is the length of a unit of time: seconds, or months for those whose length differs.
type TimeUnit struct {
	Seconds, Months int64
	Name            string
}

// DaySeconds is a day, MonthSeconds the longest month.
const (
	DaySeconds   = 86400
	MonthSeconds = 31 * DaySeconds
)

// TimeUnitOf finds a unit by any of the names that Splunk takes, in lower case.
func TimeUnitOf(name string) (TimeUnit, bool) {
	switch name {
	case "s", "sec", "secs", "second", "seconds":
		return TimeUnit{1, 0, "second"}, true
	case "m", "min", "mins", "minute", "minutes":
		return TimeUnit{60, 0, "minute"}, true
	case "h", "hr", "hrs", "hour", "hours":
		return TimeUnit{3600, 0, "hour"}, true
	case "d", "day", "days":
		return TimeUnit{DaySeconds, 0, "day"}, true
	case "w", "week", "weeks":
		return TimeUnit{7 * DaySeconds, 0, "week"}, true
	case "mon", "month", "months":
		return TimeUnit{0, 1, "month"}, true
	case "q", "qtr", "qtrs", "quarter", "quarters":
		return TimeUnit{0, 3, "quarter"}, true
	case "y", "yr", "yrs", "year", "years":
		return TimeUnit{0, 12, "year"}, true
	}
	return TimeUnit{}, false
}

// farthest is how many months a relative time may be away: no event is a hundred years old.
const farthest = 1200

// ParseRelativeTime reads -24h@h, @d+8h, @w1, now, 0; ok is false for anything else, and for what is more than 100 years away.
func ParseRelativeTime(s string) (r RelativeTime, ok bool) {
	s = strings.TrimSpace(strings.ToLower(s))
	s, r.RealTime = strings.CutPrefix(s, "rt")
	s = strings.TrimPrefix(s, "now")
	offset, snap, snapped := strings.Cut(s, "@")
	if r.Seconds, r.Months, ok = parseTimeOffset(offset); !ok || !snapped {
		return r, ok
	}
	unit, after := snap, ""
	if i := strings.IndexAny(snap, "+-"); i >= 0 {
		unit, after = snap[:i], snap[i:]
	}
	if r.AfterSeconds, r.AfterMonths, ok = parseTimeOffset(after); !ok {
		return r, false
	}
	if len(unit) == 2 && unit[0] == 'w' && unit[1] >= '0' && unit[1] <= '7' { // @w0 and @w7 are Sunday, @w1 is Monday
		r.Snap, r.Weekday = "week", int64(unit[1]-'1')
		if unit[1] == '0' || unit[1] == '7' {
			r.Weekday = -1
		}
		return r, true
	}
	u, ok := TimeUnitOf(unit)
	if !ok {
		return r, false
	}
	r.Snap = u.Name
	if u.Name == "week" {
		r.Weekday = -1 // @w is @w0
	}
	return r, true
}

// parseTimeOffset reads offsets such as -1d+2h; the empty text and 0 are none.
func parseTimeOffset(s string) (seconds, months int64, ok bool) {
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
		u, found := TimeUnitOf(s[:j])
		if !found {
			return 0, 0, false
		}
		s = s[j:]
		seconds += sign * n * u.Seconds
		months += sign * n * u.Months
		if max(seconds, -seconds) > farthest*MonthSeconds || max(months, -months) > farthest {
			return 0, 0, false
		}
	}
	return seconds, months, true
}

// LookBack is the longest time in seconds between now and the time meant.
func (r RelativeTime) LookBack() int64 {
	back := -(r.Seconds + r.AfterSeconds) - (r.Months+r.AfterMonths)*MonthSeconds
	if u, ok := TimeUnitOf(r.Snap); ok {
		return back + u.Seconds + u.Months*MonthSeconds
	}
	return back
}

// Zoned says that the time depends on the time zone: midnight is elsewhere in each.
func (r RelativeTime) Zoned() bool {
	switch r.Snap {
	case "", "second", "minute", "hour":
		return false
	}
	return true
}

// TimeText writes seconds in the largest unit up to days that holds them whole: 90m, 2h, 7d.
func TimeText(seconds int64) string {
	for _, u := range []struct {
		seconds int64
		name    string
	}{{DaySeconds, "d"}, {3600, "h"}, {60, "m"}} {
		if seconds != 0 && seconds%u.seconds == 0 {
			return strconv.FormatInt(seconds/u.seconds, 10) + u.name
		}
	}
	return strconv.FormatInt(seconds, 10) + "s"
}
