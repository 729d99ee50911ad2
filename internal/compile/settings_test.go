package compile_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rulebridge/rulebridge/internal/compile"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/schema"
	"github.com/rulebridge/rulebridge/internal/translate"
)

func TestZoneByName(t *testing.T) {
	for name, want := range map[string]*translate.Zone{
		"":                    nil,
		"UTC":                 {Name: "UTC"},
		"Asia/Kolkata":        {Name: "Asia/Kolkata", Offset: 19800},
		"America/Phoenix":     {Name: "America/Phoenix", Offset: -25200},
		"Europe/Berlin":       {Name: "Europe/Berlin", Offset: 3600, Summer: true},
		"America/New_York":    {Name: "America/New_York", Offset: -18000, Summer: true},
		"Australia/Melbourne": {Name: "Australia/Melbourne", Offset: 36000, Summer: true},
		"Asia/Tokyo":          {Name: "Asia/Tokyo", Offset: 32400},
	} {
		got, err := compile.Zone(name)
		require.NoError(t, err, name)
		require.Equal(t, want, got, name)
	}
	for _, name := range []string{"Local", "CEST", "Berlin", "../etc/passwd", "+02:00"} {
		_, err := compile.Zone(name)
		require.Error(t, err, name)
	}
}

func TestSettings(t *testing.T) {
	d, err := compile.Settings{}.Defaults()
	require.NoError(t, err)
	require.Equal(t, compile.StandardDefaults(), d)
	d, err = compile.Settings{TimeZone: "Asia/Tokyo", Interval: 10 * time.Minute, Margin: 20 * time.Minute, CombiningInterval: 4 * time.Hour}.Defaults()
	require.NoError(t, err)
	require.Equal(t, "10m now-30m", settledWith(t, d, "a=1", "", ""))
	require.Equal(t, "4h now-4h", settledWith(t, d, "a=1 | stats count by user", "", ""))
	for _, s := range []compile.Settings{{Interval: 90 * time.Second}, {Margin: time.Second}, {CombiningInterval: -time.Hour}, {TimeZone: "Nowhere"}} {
		_, err := s.Defaults()
		require.Error(t, err, s)
	}
}

// TestZonedRange: a range by days begins at midnight of the search head, and nothing is lost where the zone has no summer
// time.
func TestZonedRange(t *testing.T) {
	for _, c := range []struct{ zone, earliest, latest, want, result string }{
		{"", "-1d@d", "@d", "1d now-1d/d now/d", "partial"},
		{"UTC", "-1d@d", "@d", "1d now-1d/d now/d", "full"},
		{"Asia/Tokyo", "-1d@d", "@d", "1d now-1d+9h/d-9h now+9h/d-9h", "full"},
		{"Asia/Kolkata", "-1d@d", "@d", "1d now-1d+330m/d-330m now+330m/d-330m", "full"},
		{"America/Phoenix", "-1d@d", "@d", "1d now-1d-7h/d+7h now-7h/d+7h", "full"},
		{"Europe/Berlin", "-1d@d", "@d", "1d now-1d+1h/d-1h now+1h/d-1h", "partial"},
		{"Asia/Tokyo", "-24h@h", "@h", "1d now-1d/h now/h", "partial"}, // the hour of the schedule is lost
	} {
		d, err := compile.Settings{TimeZone: c.zone}.Defaults()
		require.NoError(t, err)
		got := settledWith(t, d, "a=1 | stats count by user", c.earliest, c.latest)
		require.Equal(t, c.want, got, c.zone)
		out := compiled(t, d, "a=1 | stats count by user", c.earliest, c.latest)
		require.Equal(t, c.result, string(out.Result), "%s: %v", c.zone, out.Diagnostics)
	}
}

// TestMaxSignals: a run alerts as often as the draft has rows.
func TestMaxSignals(t *testing.T) {
	for query, want := range map[string]int{
		"a=1": 1000, "a=1 | stats count by user": 1000, "a=1 | head 5": 5, "a=1 | stats count by user | sort - count | head 20": 20,
		"a=1 | head 5000": 1000,
	} {
		out := compiled(t, compile.StandardDefaults(), query, "", "")
		require.Equal(t, want, out.Rule.MaxSignals, query)
	}
}

func compiled(t *testing.T, d compile.Defaults, query, earliest, latest string) compile.Output {
	t.Helper()
	c, err := translate.New(translate.Options{Schema: schema.Identity([]string{"events"}, nil), Index: []string{"events"}, Zone: d.Zone})
	require.NoError(t, err)
	r := migration.OriginalRule{ID: "r", Query: query, EarliestTime: earliest, LatestTime: latest}
	if earliest != "" {
		r.Cron = "0 6 * * *"
	}
	return d.FromOutput(r, c.Translate(compile.Request(r)))
}

func settledWith(t *testing.T, d compile.Defaults, query, earliest, latest string) string {
	t.Helper()
	out := compiled(t, d, query, earliest, latest)
	require.NotNil(t, out.Rule, out.Diagnostics)
	text := out.Rule.Interval + " " + out.Rule.From
	if out.Rule.To != "" {
		text += " " + out.Rule.To
	}
	return text
}

// TestLostHoursNameTheirClock: hours of a schedule that no interval can keep are those of the search head.
func TestLostHoursNameTheirClock(t *testing.T) {
	for zone, want := range map[string]string{"": "(hours 8–17)", "Asia/Tokyo": "(hours 8–17, by the clock of Asia/Tokyo)"} {
		d, err := compile.Settings{TimeZone: zone}.Defaults()
		require.NoError(t, err)
		c, err := translate.New(translate.Options{Schema: schema.Identity([]string{"events"}, nil), Index: []string{"events"}, Zone: d.Zone})
		require.NoError(t, err)
		r := migration.OriginalRule{ID: "r", Query: "a=1", Cron: "0 8-17 * * *", EarliestTime: "-60m", LatestTime: "now"}
		out := d.FromOutput(r, c.Translate(compile.Request(r)))
		told := ""
		for _, x := range out.Diagnostics {
			told += x.Message + "\n"
		}
		require.Contains(t, told, want, zone)
	}
}

// TestTarget: a setting that the target does not have is refused with plain words.
func TestTarget(t *testing.T) {
	o, err := compile.Settings{Target: "9.x", UnmappedFields: true}.Options(nil)
	require.NoError(t, err)
	require.True(t, o.UnmappedNull)
	_, err = compile.Settings{UnmappedFields: true}.Options(nil)
	require.ErrorContains(t, err, "8.19 refuses it")
	_, err = compile.Settings{Target: "8.19", UnmappedFields: true}.Options(nil)
	require.ErrorContains(t, err, "needs the target 9.x")
	_, err = compile.Settings{Target: "7"}.Options(nil)
	require.Error(t, err)
}
