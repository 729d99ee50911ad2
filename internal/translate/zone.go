package translate

import (
	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// Zone is the time zone of Splunk's search head: days, hours and weekdays begin by it, and texts without a zone are read in
// it. ES|QL knows UTC only, so the draft shifts times by the zone's distance from UTC and back.
type Zone struct {
	Name string
	// Offset is the distance from UTC in seconds, east of Greenwich positive: in winter, where the zone has summer time.
	Offset int64
	// Summer says that the zone has summer time, so that one distance is right for a part of the year only.
	Summer bool
}

// offset is the zone's distance from UTC in seconds; 0 where no zone is given.
func (l *lowering) offset() int64 {
	if l.opts.Zone == nil {
		return 0
	}
	return l.opts.Zone.Offset
}

// local gives a time the clock of the search head, utc takes it back.
func (l *lowering) local(x esql.Expr) esql.Expr { return shiftSeconds(x, l.offset()) }

func (l *lowering) utc(x esql.Expr) esql.Expr { return shiftSeconds(x, -l.offset()) }

// zoned says what becomes of a value that depends on the time zone: with none given, code and message, which are about UTC.
func (l *lowering) zoned(code Code, at spl.Span, subject, message string) {
	z := l.opts.Zone
	switch {
	case z == nil:
		l.diag(code, at, subject, message+"; give the search head's time zone, and the draft goes by it")
	case z.Summer:
		l.diag(code, at, subject, "the draft goes by the winter time of "+z.Name+", "+z.Distance()+": while summer time is in force it is an hour off")
	default:
		l.diag("time_zone", at, subject, "the draft goes by the time zone "+z.Name+", "+z.Distance())
	}
}

// Distance is the zone's distance from UTC in words.
func (z Zone) Distance() string {
	switch {
	case z.Offset > 0:
		return spl.TimeText(z.Offset) + " ahead of UTC"
	case z.Offset < 0:
		return spl.TimeText(-z.Offset) + " behind UTC"
	}
	return "which is UTC"
}

// relative counts a relative time from x; what it snaps to begins by the clock of the search head.
func (l *lowering) relative(r spl.RelativeTime, x esql.Expr) esql.Expr {
	if r.Zoned() || r.Snap == "hour" && l.offset()%3600 != 0 {
		return l.utc(applyRelative(r, l.local(x)))
	}
	return applyRelative(r, x)
}
