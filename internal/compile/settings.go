package compile

import (
	"fmt"
	"time"

	"github.com/rulebridge/rulebridge/internal/schema"
	"github.com/rulebridge/rulebridge/internal/translate"
)

// mostSignals is what Kibana lets a rule alert at most in one run unless its configuration says more; it is also how many
// rows Elasticsearch gives without a LIMIT.
const mostSignals = 1000

// maxSignals is the most alerts of one run: as many as the draft has rows, where it limits them.
func maxSignals(rows int) int {
	if rows > 0 {
		return min(rows, mostSignals)
	}
	return mostSignals
}

// Settings are what a house can set of the schedules and times of its rules; zero values are the standard.
type Settings struct {
	// TimeZone is that of the search head, such as Europe/Berlin; empty where it is not known.
	TimeZone string
	// Interval, Margin and CombiningInterval are those of Defaults.
	Interval, Margin, CombiningInterval time.Duration
	// Target is the Elasticsearch that drafts are written for; empty for 8.19. UnmappedFields lets those for 9.x read a field
	// that no index maps as null.
	Target         string
	UnmappedFields bool
}

// Options are those of the compiler, but for what the house defines.
func (s Settings) Options(fields *schema.Schema) (translate.Options, error) {
	d, err := s.Defaults()
	if err != nil {
		return translate.Options{}, err
	}
	o := translate.Options{Schema: fields, Zone: d.Zone, Target: translate.Target(s.Target), UnmappedNull: s.UnmappedFields}
	_, err = translate.New(o) // a target that is not known, or one that does not know the setting
	return o, err
}

// Defaults are the schedule of rules that give none, and the time zone of all of them.
func (s Settings) Defaults() (Defaults, error) {
	d := StandardDefaults()
	for _, x := range []struct {
		name  string
		given time.Duration
		to    *int64
	}{{"interval", s.Interval, &d.Interval}, {"margin", s.Margin, &d.Margin}, {"combining interval", s.CombiningInterval, &d.CombiningInterval}} {
		switch {
		case x.given == 0:
		case x.given < time.Minute || x.given%time.Minute != 0:
			return d, fmt.Errorf("the %s %s is no whole number of minutes; Kibana runs rules by the minute", x.name, x.given)
		default:
			*x.to = int64(x.given / time.Second)
		}
	}
	zone, err := Zone(s.TimeZone)
	d.Zone = zone
	return d, err
}

// Zone is a time zone as the compiler takes it; nil for an empty name.
func Zone(name string) (*translate.Zone, error) {
	if name == "" {
		return nil, nil
	}
	if name == "Local" {
		return nil, fmt.Errorf("the time zone Local depends on the machine; write it as Europe/Berlin or UTC")
	}
	place, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("the time zone %q is not known; write it as Europe/Berlin or UTC", name)
	}
	z := &translate.Zone{Name: name}
	const from, years = 2025, 6 // what the coming years have, whatever the zone did before
	for month := range years * 12 {
		_, offset := time.Date(from, time.Month(1+month), 1, 12, 0, 0, 0, place).Zone()
		if month == 0 {
			z.Offset = int64(offset)
		}
		z.Summer = z.Summer || int64(offset) != z.Offset
		z.Offset = min(z.Offset, int64(offset))
	}
	return z, nil
}
