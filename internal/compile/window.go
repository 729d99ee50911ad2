package compile

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/spl"
	"github.com/rulebridge/rulebridge/internal/translate"
)

// The schedule of a rule. A saved search says when it runs (cron) and which time each run looks at (earliest, latest); a
// rule of Kibana has an interval, counted from when it was enabled, and a range in date math. What that cannot say is
// named: an approximation where it can change which rows alert.

// Defaults are the schedule of rules whose source gives none.
type Defaults struct {
	// Interval is the time between two runs, in seconds, of a rule whose rows are events; Margin is how much further back
	// each of its runs looks, so that late events are seen: Kibana alerts once on an event that two runs see.
	Interval, Margin int64
	// CombiningInterval is the interval, and the window, of a rule whose rows combine several events. Its runs do not
	// overlap, because Kibana does not know that two such rows are of the same events.
	CombiningInterval int64
	// Zone is the time zone of the search head, by which days and longer begin; nil for UTC, with a note.
	Zone *translate.Zone
}

// StandardDefaults are 5 minutes with 5 more of margin, and an hour where rows combine events.
func StandardDefaults() Defaults {
	return Defaults{Interval: 300, Margin: 300, CombiningInterval: 3600}
}

// window is a rule's schedule while it is worked out.
type window struct {
	rule     migration.OriginalRule
	search   translate.Window
	defaults Defaults

	given bool       // a cron schedule that can be read
	runs  recurrence // of given
	start bound
	end   bound
	// zoned is the unit that an end is rounded to, where that depends on the time zone.
	zoned       string
	notes       []note
	suppression *migration.Suppression
}

// bound is one end of the range.
type bound struct {
	kind boundKind
	at   spl.RelativeTime // of boundRelative
}

type boundKind int

const (
	boundNone     boundKind = iota // nothing given: now for the end, unknown for the start
	boundRelative                  // counted from now
	boundAll                       // all time
	boundLost                      // given, but a rule cannot keep it
)

// schedule is the interval and range of a rule, as Kibana takes them.
type schedule struct {
	interval, from, to string // to is empty for now
	suppression        *migration.Suppression
}

func (d Defaults) schedule(rule migration.OriginalRule, search translate.Window) (schedule, []note) {
	w := &window{rule: rule, search: search, defaults: d}
	w.readCron()
	w.readRange()
	interval := w.interval()
	s := schedule{interval: spl.TimeText(interval)}
	s.from, s.to = w.rangeText(interval)
	w.compare(interval)
	s.suppression = w.suppression
	return s, w.notes
}

func (w *window) say(code, subject, format string, args ...any) {
	w.notes = append(w.notes, note{code, subject, fmt.Sprintf(format, args...)})
}

// matters is the code for a loss that changes rows only where they combine events.
func (w *window) matters() string {
	if w.search.Combines {
		return CodeScheduleLost
	}
	return CodeSchedule
}

func (w *window) readCron() {
	text := strings.TrimSpace(w.rule.Cron)
	if text == "" {
		return
	}
	runs, err := parseCron(text)
	if err != nil || runs.interval <= 0 {
		w.say(CodeScheduleInvalid, "cron_schedule", "the schedule %s cannot be read (%v), so the default interval stands in its place; correct it",
			strconv.Quote(clip(text)), err)
		return
	}
	w.given, w.runs = true, runs
}

func (w *window) readRange() {
	if w.search.Start != "" { // the search's own earliest= comes before the saved search's range
		if t, ok := spl.ParseRelativeTime(w.search.Start); ok {
			w.start = bound{boundRelative, t}
		}
		return
	}
	w.start = w.read(w.rule.EarliestTime, "earliest_time", true)
	w.end = w.read(w.rule.LatestTime, "latest_time", false)
	if w.start.kind == boundRelative && w.start.at.RealTime || w.end.kind == boundRelative && w.end.at.RealTime {
		w.say(w.matters(), "earliest_time", "the search runs in real time, over a window that moves with every event; the rule looks at the same window once an interval")
	}
	if w.length() <= 0 && w.start.kind == boundRelative {
		w.say(CodeScheduleLost, "earliest_time", "the range %s to %s is empty, so the rule looks back one interval; correct the range",
			strconv.Quote(clip(w.rule.EarliestTime)), strconv.Quote(clip(w.rule.LatestTime)))
		w.start, w.end = bound{kind: boundLost}, bound{}
	}
}

func (w *window) read(given, field string, start bool) bound {
	text := strings.TrimSpace(given)
	switch strings.ToLower(text) {
	case "":
		return bound{}
	case "now", "now()", "rtnow", "rt":
		if start && text != "rt" {
			w.say(CodeScheduleLost, field, "%s=%s is no start of a range, so the rule looks back one interval; correct it", field, clip(text))
			return bound{kind: boundLost}
		}
		if start {
			return bound{kind: boundAll}
		}
		return bound{}
	}
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		switch {
		case start && n <= 1:
			w.say(w.matters(), field, "the search runs over all time; a rule looks at a window that moves, here back one interval: choose a look-back that holds what the search compares")
			return bound{kind: boundAll}
		case !start && n == 0:
			return bound{}
		}
		w.say(CodeScheduleLost, field, "%s=%s is a fixed time, which a rule's moving window cannot keep; choose a look-back", field, clip(text))
		return bound{kind: boundLost}
	}
	t, ok := spl.ParseRelativeTime(text)
	if !ok {
		w.say(CodeScheduleLost, field, "%s=%s cannot be read as a time, or lies more than 100 years away, so the rule goes without it; write a time such as -24h or -7d@d", field, strconv.Quote(clip(text)))
		return bound{kind: boundLost}
	}
	if !start && (t.LookBack() <= 0 || plain(t) == 0 && unitSeconds(t.Snap) <= 60) {
		return bound{} // now to the minute, or in the future, where nothing lies
	}
	return bound{boundRelative, t}
}

// length is the shortest time in seconds between the ends of a given range.
func (w *window) length() int64 {
	if w.start.kind != boundRelative {
		return 0
	}
	s, e := w.start.at, spl.RelativeTime{}
	if w.end.kind == boundRelative {
		e = w.end.at
	}
	n := plain(e) - plain(s)
	if s.Snap != e.Snap { // the end is rounded down, the start is not, or by less
		switch {
		case s.Snap == "" || unitSeconds(e.Snap) > unitSeconds(s.Snap):
			n -= unitSeconds(e.Snap)
		case n == 0: // @d to now
			n = unitSeconds(s.Snap)
		}
	}
	return n
}

// plain is the offset of a time without its rounding, in seconds.
func plain(t spl.RelativeTime) int64 {
	return t.Seconds + t.AfterSeconds + (t.Months+t.AfterMonths)*spl.MonthSeconds
}

func unitSeconds(name string) int64 {
	u, _ := spl.TimeUnitOf(name)
	return u.Seconds + u.Months*spl.MonthSeconds
}

// interval is the time between two runs, in seconds.
func (w *window) interval() int64 {
	if w.given {
		return w.runs.interval
	}
	length := w.length()
	switch {
	case length > 0 && w.search.Combines:
		return max(length, w.defaults.Interval)
	case length > 0:
		return min(max(length, w.defaults.Interval), w.defaults.CombiningInterval)
	case w.wholeSpan() != "":
		return unitSeconds(w.wholeSpan())
	case w.apart():
		return baselineSpans * w.search.Span
	case w.search.Span > 0:
		return max(w.search.Span, w.defaults.Interval)
	case w.search.Combines:
		return w.defaults.CombiningInterval
	}
	return w.defaults.Interval
}

// rangeText is the range in date math.
func (w *window) rangeText(interval int64) (from, to string) {
	if w.end.kind == boundRelative {
		to = w.dateMath(w.end.at, "latest_time")
	}
	if w.start.kind == boundRelative {
		if w.search.PartLookBack > w.start.at.LookBack() {
			w.partLooksBack()
			return "now-" + spl.TimeText(w.search.PartLookBack), to
		}
		if w.search.Start != "" { // its rounding is a condition of the draft
			return "now-" + spl.TimeText(w.start.at.LookBack()), to
		}
		return w.dateMath(w.start.at, "earliest_time"), to
	}
	if w.search.PartLookBack > 0 {
		if w.search.OpenPart {
			w.partLooksBack()
		}
		return "now-" + spl.TimeText(w.search.PartLookBack), to
	}
	if unit := w.wholeSpan(); unit != "" && to == "" {
		if w.search.Span%spl.DaySeconds != 0 { // its intervals begin by the clock of UTC, and so does the range
			round := map[string]string{"hour": "/h", "day": "/d"}[unit]
			return "now-" + spl.TimeText(interval) + round, "now" + round
		}
		t := spl.RelativeTime{Seconds: -w.search.Span, Snap: unit}
		from, to = w.dateMath(t, "earliest_time"), w.dateMath(spl.RelativeTime{Snap: unit}, "latest_time")
		w.zoned = "" // what the draft says of its intervals holds of the range too
		return from, to
	}
	back := interval + w.defaults.Margin
	if w.search.Combines {
		back = interval
	}
	if w.search.Span > 0 {
		back = max(w.search.Span, interval) + interval
		switch {
		case w.search.Baseline:
			back = baselineSpans * w.search.Span
		case w.search.Combines && !w.suppressible():
			back = interval
		}
	}
	if w.end.kind == boundRelative { // the same length, before the given end
		back += w.end.at.LookBack()
	}
	return "now-" + spl.TimeText(back), to
}

// baselineSpans is how many intervals the window of a rule holds that compares them with each other.
const baselineSpans = 30

// wholeSpan is the unit of a rule by intervals of time for whose range nothing is given: each of its runs looks at the whole
// hours or days before it, so that every interval is seen whole and once. These are rules by hours and days, and those by
// parts of them whose alerts cannot be suppressed where two runs see the same interval. It is empty for other rules.
func (w *window) wholeSpan() string {
	span := w.search.Span
	if span <= 0 || w.start.kind != boundNone || w.end.kind != boundNone || !w.search.Combines || w.search.Baseline {
		return ""
	}
	given := strings.TrimSpace(w.rule.Cron) != ""
	if !given && span == 3600 {
		return "hour"
	}
	if !given && span == spl.DaySeconds {
		return "day"
	}
	if w.suppressible() || given && !w.given {
		return ""
	}
	for _, unit := range []string{"hour", "day"} {
		if n := unitSeconds(unit); n%span == 0 && (!w.given || w.runs.interval%n == 0) {
			return unit
		}
	}
	return ""
}

// suppressible says that Kibana can suppress by the keys of the rows.
func (w *window) suppressible() bool {
	return len(w.search.Keys) > 0 && len(w.search.Keys) <= mostSuppressed
}

// apart says that the runs of a rule that compares intervals with each other follow each other without overlap: nothing is
// given of its schedule, Kibana cannot suppress what several runs would see, and one run holds a day at most, which is how
// late its alerts can come.
func (w *window) apart() bool {
	s := w.search
	return s.Span > 0 && s.Baseline && s.Combines && !w.suppressible() && w.start.kind == boundNone && w.end.kind == boundNone && s.Start == "" &&
		s.PartLookBack == 0 && strings.TrimSpace(w.rule.Cron) == "" && baselineSpans*s.Span <= spl.DaySeconds && baselineSpans*s.Span >= w.defaults.Interval
}

func (w *window) partLooksBack() {
	w.say(CodeWindowEdges, "earliest", "a part of the search looks back %s, so the rule does: the parts without a range of their own see more events than in Splunk", spl.TimeText(w.search.PartLookBack))
}

// dateMath writes a time for Kibana, which rounds to hours, days, months and years as Splunk does.
func (w *window) dateMath(t spl.RelativeTime, field string) string {
	var b strings.Builder
	b.WriteString("now")
	offset := func(seconds, months int64) {
		for _, part := range []struct {
			n    int64
			text string
		}{{months, strconv.FormatInt(max(months, -months), 10) + "M"}, {seconds, spl.TimeText(max(seconds, -seconds))}} {
			switch {
			case part.n < 0:
				b.WriteString("-" + part.text)
			case part.n > 0:
				b.WriteString("+" + part.text)
			}
		}
	}
	round := map[string]string{"hour": "/h", "day": "/d", "month": "/M", "year": "/y"}[t.Snap]
	switch t.Snap {
	case "week", "quarter":
		w.say(w.matters(), field, "%s rounds to the start of a %s, which a rule's range cannot; the rule looks back as far as that can reach", field, t.Snap)
		if field == "latest_time" {
			offset(t.Seconds, t.Months)
			return b.String()
		}
		return "now-" + spl.TimeText(t.LookBack())
	case "second", "minute": // a run is not on the minute anyway
	default:
		if t.Zoned() {
			w.zoned = t.Snap
		}
	}
	shift := int64(0)
	if z := w.defaults.Zone; z != nil && round != "" && (t.Zoned() || z.Offset%3600 != 0) {
		shift = z.Offset // midnight there: ahead to its clock, down to its day, and back
	}
	offset(t.Seconds, t.Months)
	offset(shift, 0)
	b.WriteString(round)
	offset(-shift, 0)
	offset(t.AfterSeconds, t.AfterMonths)
	return b.String()
}

// compare says what the rule's schedule has of the search's.
func (w *window) compare(interval int64) {
	length := w.length()
	if w.search.Span > 0 && length > 0 && length < w.search.Span {
		w.say(CodeWindowEdges, "span", "the search looks back %s, less than one interval of %s: intervals are cut by the window's edges", spl.TimeText(length), spl.TimeText(w.search.Span))
	}
	switch {
	case !w.given && w.start.kind == boundNone && strings.TrimSpace(w.rule.Cron) == "":
		w.sayDefault(interval)
	case !w.given:
		if strings.TrimSpace(w.rule.Cron) == "" {
			w.say(CodeScheduleDefault, "cron_schedule", "no schedule is given; the rule runs every %s, so that each event is seen; set its interval if Splunk runs it otherwise", spl.TimeText(interval))
		}
	case w.start.kind == boundNone && w.wholeSpan() != "":
		w.say(CodeScheduleDefault, "earliest_time", "no time range is given; each run looks at the whole %ss since the run before it, so that each interval of %s is seen whole and once; set the range if Splunk's is another. Kibana's form does not show its end, its API does", w.wholeSpan(), spl.TimeText(w.search.Span))
		w.irregular(interval)
	case w.start.kind == boundNone:
		w.say(CodeScheduleDefault, "earliest_time", "no time range is given; each run looks back as far as the run before it; set the look-back if Splunk's range is another")
		w.overlap(interval)
		w.irregular(interval)
	default:
		w.covered(interval, length)
	}
	w.ends()
}

// sayDefault says that nothing was given, and covers with suppression what two runs see.
func (w *window) sayDefault(interval int64) {
	switch {
	case w.search.Start != "" || w.search.PartLookBack > 0:
		w.say(CodeScheduleDefault, "cron_schedule", "no schedule is given; the rule runs every %s over the range that the search names; set its interval if Splunk runs it otherwise", spl.TimeText(interval))
	case w.wholeSpan() != "":
		w.say(CodeScheduleDefault, "cron_schedule", "no schedule and no time range are given; each run looks at the whole %s before it, and runs are %s apart, so that each interval is seen whole and once; set both as in Splunk. Kibana's form does not show the end of the range, its API does", w.wholeSpan(), spl.TimeText(interval))
	case w.search.Span > 0 && w.search.Baseline:
		w.say(CodeScheduleDefault, "cron_schedule", "no schedule and no time range are given, and the search compares intervals of %s with each other; the rule runs every %s and looks back %s, for %d of them: how far back Splunk looks decides what alerts, so set both as there", spl.TimeText(w.search.Span), spl.TimeText(interval), spl.TimeText(baselineSpans*w.search.Span), baselineSpans)
		w.overlap(interval)
	case w.search.Span > 0 && w.search.Combines && !w.suppressible():
		w.say(CodeScheduleDefault, "cron_schedule", "no schedule and no time range are given; the rule runs every %s and looks back as far; set both as in Splunk", spl.TimeText(interval))
		w.overlap(interval)
	case w.search.Span > 0:
		w.say(CodeScheduleDefault, "cron_schedule", "no schedule and no time range are given; the rule runs every %s and looks back far enough to hold a whole interval of %s; set both as in Splunk", spl.TimeText(interval), spl.TimeText(w.search.Span))
		w.overlap(interval)
	case w.search.Combines:
		w.say(CodeScheduleDefault, "cron_schedule", "no schedule and no time range are given; the rule runs every %s over the last %s, so that no event counts twice; set both as in Splunk, since they decide what a threshold means", spl.TimeText(interval), spl.TimeText(interval))
	default:
		w.say(CodeScheduleDefault, "cron_schedule", "no schedule and no time range are given; the rule runs every %s and looks back %s more, for late events; set both as in Splunk", spl.TimeText(interval), spl.TimeText(w.defaults.Margin))
	}
}

// mostSuppressed is how many fields Kibana suppresses alerts by.
const mostSuppressed = 3

// overlap covers what two runs of a rule by spans see, where Kibana can. Where it cannot, runs do not overlap, and intervals
// that are no parts of an hour or a day are cut by the edges of the window.
func (w *window) overlap(interval int64) {
	if w.search.Span == 0 || !w.search.Combines {
		return
	}
	back := max(w.search.Span, interval) + interval
	if w.search.Baseline {
		back = max(back, baselineSpans*w.search.Span)
	}
	span, runs := spl.TimeText(w.search.Span), back/interval
	n := len(w.search.Keys)
	switch {
	case w.suppressible():
		w.suppression = &migration.Suppression{GroupBy: w.search.Keys, Duration: spl.TimeText(back)}
		w.say(CodeSchedule, "suppression", "an interval of %s is seen by %d runs; alerts are suppressed by %s, which needs a Platinum licence, so that one row alerts once", span, runs, strings.Join(w.search.Keys, ", "))
	case !w.search.Baseline && w.wholeSpan() != "":
	case !w.search.Baseline:
		w.say(CodeWindowEdges, "span", "runs look back one interval of the rule and do not overlap, because Kibana suppresses by one to %d fields and the rows have %d keys: intervals of %s are cut by the window's edges; set the range as in Splunk", mostSuppressed, n, span)
	case w.apart():
		w.say(CodeSchedule, "suppression", "%s; runs therefore do not overlap: each looks at the %s before it, so that a row alerts once, up to %s late, and the first intervals of a run are compared with those behind them alone. Set schedule and range as in Splunk", w.notSuppressed(), spl.TimeText(back), spl.TimeText(interval))
	default:
		w.say(CodeScheduleLost, "suppression", "an interval of %s is seen by %d runs and may alert in each: %s. Set the range as in Splunk, or group by one to %d fields", span, runs, w.notSuppressed(), mostSuppressed)
	}
}

// notSuppressed says why Kibana cannot suppress by the keys of the rows.
func (w *window) notSuppressed() string {
	if n := len(w.search.Keys); n > 0 {
		return fmt.Sprintf("Kibana suppresses by one to %d fields, and the rows have %d keys", mostSuppressed, n)
	}
	return "no column tells the rows apart, so that Kibana cannot suppress by one"
}

// irregular says what is lost of a schedule that no interval can say.
func (w *window) irregular(interval int64) {
	if w.runs.regular() {
		return
	}
	w.say(CodeScheduleLost, "cron_schedule", "the schedule %s runs at certain times only (%s); the rule runs every %s at all times, so that it also sees events that Splunk does not look at",
		strconv.Quote(clip(strings.TrimSpace(w.rule.Cron))), w.lostTimes(), spl.TimeText(interval))
}

// lostTimes says when the schedule runs, by the clock of the search head where its zone is known: cron counts hours there.
func (w *window) lostTimes() string {
	if z := w.defaults.Zone; z != nil && strings.Contains(w.runs.lost, "hours ") {
		return w.runs.lost + ", by the clock of " + z.Name
	}
	return w.runs.lost
}

// covered compares a given schedule with a given range.
func (w *window) covered(interval, length int64) {
	known := w.start.kind == boundRelative
	if known && w.search.Combines && length > interval {
		w.say(CodeSchedule, "suppression", "each run looks at %s, runs are %s apart: the same rows alert at every run, as in Splunk without throttling; suppress alerts in Kibana to have them once", spl.TimeText(length), spl.TimeText(interval))
	}
	switch {
	case known && length < interval:
		w.say(CodeScheduleLost, "earliest_time", "each run looks at %s, but runs are %s apart: the times between are not seen, in the rule others than in Splunk; correct the range unless that is meant", spl.TimeText(length), spl.TimeText(interval))
	case !w.runs.regular() && known && length < w.runs.longest:
		w.irregular(interval)
	case !w.runs.regular():
		w.say(w.matters(), "cron_schedule", "the schedule %s runs at certain times only (%s); the rule runs every %s, and each run looks at the same range",
			strconv.Quote(clip(strings.TrimSpace(w.rule.Cron))), w.lostTimes(), spl.TimeText(interval))
	case interval >= spl.DaySeconds && !w.daysMatch():
		w.say(w.matters(), "cron_schedule", "the hour (and day) of the schedule %s is lost: the rule runs every %s from when it is enabled, so its windows begin at another hour",
			strconv.Quote(clip(strings.TrimSpace(w.rule.Cron))), spl.TimeText(interval))
	}
}

// daysMatch says that every run of a day looks at the same range, whatever its hour.
func (w *window) daysMatch() bool {
	return w.runs.interval == spl.DaySeconds && w.start.kind == boundRelative && w.start.at.Snap == "day" &&
		w.end.kind == boundRelative && w.end.at.Snap == "day"
}

// ends says what becomes of the ends of the range.
func (w *window) ends() {
	switch z := w.defaults.Zone; {
	case w.zoned == "":
	case z == nil:
		w.say(w.matters(), "earliest_time", "the range begins or ends at the start of a %s: of UTC in Elastic, of the user's time zone in Splunk; give the search head's time zone, and the range goes by it", w.zoned)
	case z.Summer:
		w.say(w.matters(), "earliest_time", "the range begins or ends at the start of a %s by the winter time of %s, %s: while summer time is in force it is an hour off", w.zoned, z.Name, z.Distance())
	default:
		w.say(CodeTimeZone, "earliest_time", "the range begins or ends at the start of a %s of the time zone %s, %s", w.zoned, z.Name, z.Distance())
	}
	if w.end.kind == boundRelative {
		w.say(CodeTimeRange, "latest_time", "the range ends at latest_time=%s, which the rule keeps in its field to; Kibana's form does not show that field, its API does", clip(strings.TrimSpace(w.rule.LatestTime)))
	}
}
