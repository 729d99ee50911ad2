package translate

import (
	"strconv"
	"strings"
	"time"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// The search's own time range: earliest and latest. Kibana filters by time itself, so a plain offset from now becomes the
// rule's window; what a sliding window cannot say (a snap, an end in the past, a range in an alternative or in a
// subsearch) is a condition on @timestamp, which the window covers.

func timeModifier(field string) bool {
	switch field {
	case "earliest", "latest", "_index_earliest", "_index_latest", "earliest_time", "latest_time",
		"starttime", "endtime", "starttimeu", "endtimeu":
		return true
	}
	return false
}

// timeModifier lowers earliest= or latest=.
func (l *lowering) timeModifier(e *spl.Compare, neg bool) esql.Expr {
	field, text := e.Field.Text, e.Value.Text
	start := strings.Contains(field, "earliest") || strings.HasPrefix(field, "start")
	column, indexed := col("@timestamp"), strings.HasPrefix(field, "_index")
	if indexed {
		known := false
		if l.src != nil {
			_, known = l.src.Known(ingestedField)
		}
		if !known || l.schema.IsIdentity() {
			l.diag("window_edges", e.Span(), field, field+"="+text+" goes by the time of indexing, which the draft does not know; the rule's window goes by the time of the event")
			return boolean(!neg)
		}
		column = col(ingestedField)
	}
	top := l.depth == 1 && l.nested == 0 && !neg
	if start && !indexed {
		l.ranged = true
	}
	if start && (text == "0" || text == "1") {
		l.diag("window_edges", e.Span(), field, field+"="+text+" searches all time, a rule a window; choose its look-back")
		return boolean(!neg)
	}
	bound, r, zoned, ok := l.timeBound(text)
	if ok && top && !indexed && r != nil {
		l.emptyRange(start, *r, e.Span())
	}
	if !ok {
		l.diag("window_edges", e.Span(), field, field+"="+text+" cannot be read as a time, or lies more than 100 years away, so it cannot become the rule's window; write a time such as -24h or -7d@d, or set the rule's look-back by hand")
		return boolean(!neg)
	}
	switch {
	case !start && r != nil && r.Seconds == 0 && r.Months == 0 && r.Snap == "": // until now
		l.diag("time_range", e.Span(), field, field+"="+text+" became the rule's own window")
		return boolean(!neg)
	case top && start && !indexed && r != nil && r.Snap == "":
		l.windowStart = text
		l.diag("time_range", e.Span(), field, field+"="+text+" became the rule's own window")
		return boolean(!neg)
	case top && start && r != nil && !indexed:
		l.windowStart = text
	case start && r != nil:
		l.branchLook = max(l.branchLook, r.LookBack())
	case start:
		l.diag("window_edges", e.Span(), field, field+"="+text+" is a fixed time, which the rule's sliding window leaves behind; the draft keeps the condition")
	}
	if zoned {
		l.zoned("time_rounding", e.Span(), field, field+"="+text+" is a condition in the draft, in UTC; Splunk takes it in the user's time zone")
	} else {
		l.diag("time_range", e.Span(), field, field+"="+text+" is a condition in the draft, which the rule's window covers")
	}
	if indexed {
		l.diag("mapping_medium", e.Span(), field, "the time of indexing is read from "+ingestedField+", which the integration sets when an event arrives")
	}
	op := "<"
	if start {
		op = ">="
	}
	x := binary(op, column, bound)
	if neg {
		return not(x)
	}
	return x
}

// emptyRange says so where the search's own range ends before it begins. An end that is not given is now.
func (l *lowering) emptyRange(start bool, r spl.RelativeTime, at spl.Span) {
	if start {
		l.begins = &r
	} else {
		l.ends = &r
	}
	if l.begins == nil {
		return
	}
	end := spl.RelativeTime{}
	if l.ends != nil {
		end = *l.ends
	}
	if l.begins.Snap == "" && end.Snap == "" && l.begins.Months == end.Months && l.begins.Seconds >= end.Seconds {
		l.diag("window_edges", at, "", "the range of the search ends before it begins, or where it begins: Splunk refuses it or finds nothing, and the draft alerts on nothing or goes without it; correct earliest and latest")
	}
}

// ingestedField is when an event arrived.
const ingestedField = "event.ingested"

// timeBound reads the value of earliest or latest: a relative time (r), seconds since 1970, or a date. zoned says that it
// depends on the time zone.
func (l *lowering) timeBound(text string) (x esql.Expr, r *spl.RelativeTime, zoned, ok bool) {
	text = strings.TrimSpace(text)
	if f, err := strconv.ParseFloat(text, 64); err == nil && !isHexOrWord(text) && f > 1 {
		return call("TO_DATETIME", integer(int64(f*1000))), nil, false, true
	}
	if rel, ok := spl.ParseRelativeTime(text); ok && text != "" {
		return l.relative(rel, call("NOW")), &rel, rel.Zoned(), true
	}
	for _, f := range []struct {
		layout string
		zoned  bool
	}{{"01/02/2006:15:04:05", true}, {time.RFC3339Nano, false}, {"2006-01-02T15:04:05", true}, {"01/02/2006", true}} {
		if t, err := time.Parse(f.layout, text); err == nil {
			if f.zoned {
				t = t.Add(-time.Duration(l.offset()) * time.Second)
			}
			return call("TO_DATETIME", str(t.UTC().Format("2006-01-02T15:04:05.000Z"))), nil, f.zoned, true
		}
	}
	return nil, nil, false, false
}
