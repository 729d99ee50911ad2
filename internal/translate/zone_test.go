package translate

import (
	"strings"
	"testing"

	"github.com/rulebridge/rulebridge/internal/schema"
)

// TestZone: what depends on the time zone goes by the search head's, exactly where the zone has no summer time.
func TestZone(t *testing.T) {
	kolkata := &Zone{Name: "Asia/Kolkata", Offset: 19800}
	newYork := &Zone{Name: "America/New_York", Offset: -18000, Summer: true}
	utc := &Zone{Name: "UTC"}
	for _, c := range []struct {
		spl, want string
		zone      *Zone
		result    Result
		code      string // that is said of the time zone
	}{
		{`a=1 | eval h=strftime(_time, "%H") | where h="03"`, `DATE_FORMAT("HH", @timestamp)`, nil, Partial, "time_rounding"},
		{`a=1 | eval h=strftime(_time, "%H") | where h="03"`, `DATE_FORMAT("HH", @timestamp)`, utc, Full, "time_zone"},
		{`a=1 | eval h=strftime(_time, "%H") | where h="03"`, `DATE_FORMAT("HH", @timestamp + 330 minutes)`, kolkata, Full, "time_zone"},
		{`a=1 | eval h=strftime(_time, "%H") | where h="03"`, `DATE_FORMAT("HH", @timestamp - 5 hours)`, newYork, Partial, "time_rounding"},
		{`a=1 | eval d=strftime(_time, "%w") | where d="0"`, `DATE_EXTRACT("DAY_OF_WEEK", @timestamp + 330 minutes)`, kolkata, Full, "time_zone"},
		{`a=1 | eval s=strftime(_time, "%s") | where s="0"`, `TO_LONG(@timestamp)`, kolkata, Full, ""},
		{`a=1 | eval s=strftime(_time, "%H %z") | where s="0"`, `DATE_FORMAT("HH Z", @timestamp)`, kolkata, Full, "time_zone"},
		{`a=1 | bin _time span=1d | stats count by _time`, `DATE_TRUNC(1 day, @timestamp + 330 minutes) - 330 minutes`, kolkata, Full, "time_zone"},
		{`a=1 | bin _time span=1d | stats count by _time`, `DATE_TRUNC(1 day, @timestamp)`, utc, Full, "time_zone"},
		{`a=1 | bin _time span=1d | stats count by _time`, `DATE_TRUNC(1 day, @timestamp - 5 hours) + 5 hours`, newYork, Partial, "window_edges"},
		{`a=1 | bin _time span=1h | stats count by _time`, `DATE_TRUNC(1 hour, @timestamp)`, kolkata, Full, ""},
		{`a=1 | timechart span=1d count`, `DATE_TRUNC(1 day, @timestamp + 330 minutes) - 330 minutes`, kolkata, "", "time_zone"},
		{`a=1 | where _time >= relative_time(now(), "@d")`, `DATE_TRUNC(1 day, NOW() + 330 minutes) - 330 minutes`, kolkata, Full, "time_zone"},
		{`a=1 | where _time >= relative_time(now(), "-1h")`, `NOW() - 1 hour`, kolkata, Full, ""},
		{`earliest=-1d@d a=1`, `DATE_TRUNC(1 day, NOW() + 330 minutes - 1 day) - 330 minutes`, kolkata, "", "time_zone"},
		{`earliest="01/02/2026:00:00:00" a=1`, `TO_DATETIME("2026-01-01T18:30:00.000Z")`, kolkata, "", "time_zone"},
		{`a=1 | eval t=strptime(b, "%Y-%m-%d") | where t > now()`, `DATE_PARSE("yyyy-MM-dd", b) - 330 minutes`, kolkata, Full, "time_zone"},
		{`a=1 | eval t=strptime(b, "%Y-%m-%dT%H:%M:%S%z") | where t > now()`, `DATE_PARSE("yyyy-MM-dd'T'HH:mm:ssZ", b)`, kolkata, Full, ""},
		{`a=1 date_hour=3`, `DATE_EXTRACT("HOUR_OF_DAY", @timestamp + 330 minutes)`, kolkata, Partial, ""},
	} {
		compiler, err := New(Options{Schema: schema.Identity([]string{"events"}, nil), Zone: c.zone})
		if err != nil {
			t.Fatal(err)
		}
		out := compiler.Translate(Request{Query: c.spl})
		text := strings.Join(strings.Fields(out.Query), " ")
		text = strings.ReplaceAll(strings.ReplaceAll(text, "( ", "("), " )", ")")
		if !strings.Contains(text, c.want) {
			t.Errorf("%s in %v\n got %s\nwant %s", c.spl, c.zone, text, c.want)
		}
		if c.result != "" && out.Result != c.result {
			t.Errorf("%s in %v is %s, want %s: %v", c.spl, c.zone, out.Result, c.result, out.Diagnostics)
		}
		said := ""
		for _, d := range out.Diagnostics {
			switch d.Code {
			case "time_zone", "time_rounding", "window_edges":
				said = d.Code
			}
		}
		if said != c.code {
			t.Errorf("%s in %v says %q, want %q", c.spl, c.zone, said, c.code)
		}
	}
}
