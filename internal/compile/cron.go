package compile

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// recurrence is what a rule can keep of a cron schedule: how often it runs, and what only the schedule knew.
type recurrence struct {
	interval int64 // seconds, the commonest time between two runs
	longest  int64 // seconds, the longest time between two runs
	// lost names what an interval cannot say: certain hours, certain days; empty when all runs are interval apart.
	lost string
}

// regular says that all runs are equally far apart.
func (r recurrence) regular() bool { return r.lost == "" }

// parseCron reads a cron schedule of five fields, or a word such as @daily.
func parseCron(text string) (recurrence, error) {
	parsed, err := cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor).Parse(text)
	if err != nil {
		return recurrence{}, err
	}
	spec, ok := parsed.(*cron.SpecSchedule)
	if !ok {
		every, ok := parsed.(cron.ConstantDelaySchedule) // @every 90s
		if !ok {
			return recurrence{}, fmt.Errorf("a schedule of kind %T is not known", parsed)
		}
		n := int64(every.Delay / time.Second)
		return recurrence{interval: n, longest: n}, nil
	}
	return recur(spec)
}

// recur counts the times between runs over four years, so that leap years and all combinations of days are in.
func recur(spec *cron.SpecSchedule) (recurrence, error) {
	var minutes []int64 // of the day
	for h := range 24 {
		for m := range 60 {
			if spec.Hour&(1<<h) != 0 && spec.Minute&(1<<m) != 0 {
				minutes = append(minutes, int64(h*60+m))
			}
		}
	}
	gaps := map[int64]int{} // seconds between two runs: how often
	last := int64(-1)       // day of the latest run, counted from the first day looked at
	days := 0
	first := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	for day := range int64(4 * 366) {
		if !runsOn(spec, first.AddDate(0, 0, int(day))) {
			continue
		}
		days++
		if last >= 0 {
			gaps[(day-last)*86400+(minutes[0]-minutes[len(minutes)-1])*60]++
		}
		last = day
	}
	if days < 2 {
		return recurrence{}, fmt.Errorf("no two runs in four years")
	}
	for i := 1; i < len(minutes); i++ {
		gaps[(minutes[i]-minutes[i-1])*60] += days
	}
	var r recurrence
	most := 0
	for gap, n := range gaps {
		r.longest = max(r.longest, gap)
		if n > most || n == most && gap < r.interval {
			r.interval, most = gap, n
		}
	}
	if len(gaps) > 1 {
		r.lost = limits(spec)
	}
	return r, nil
}

// runsOn is cron's rule: of day of month and day of week, both given, one is enough.
func runsOn(spec *cron.SpecSchedule, t time.Time) bool {
	const star = 1 << 63
	dom := spec.Dom&(1<<uint(t.Day())) != 0
	dow := spec.Dow&(1<<uint(t.Weekday())) != 0
	if spec.Month&(1<<uint(t.Month())) == 0 {
		return false
	}
	if spec.Dom&star != 0 || spec.Dow&star != 0 {
		return dom && dow
	}
	return dom || dow
}

// limits says in words when the schedule runs.
func limits(spec *cron.SpecSchedule) string {
	var parts []string
	add := func(set uint64, least, most uint, word string, name func(int) string) {
		all := uint64(1)<<(most+1) - 1<<least
		if set&all == all {
			return
		}
		var values []string
		for v := least; v <= most; v++ {
			if set&(1<<v) == 0 {
				continue
			}
			from := v
			for v < most && set&(1<<(v+1)) != 0 {
				v++
			}
			switch {
			case v == from:
				values = append(values, name(int(from)))
			case v == from+1:
				values = append(values, name(int(from)), name(int(v)))
			default:
				values = append(values, name(int(from))+"–"+name(int(v)))
			}
		}
		const few = 8
		if len(values) > few {
			values = append(slices.Clip(values[:few]), "…")
		}
		parts = append(parts, word+" "+strings.Join(values, ", "))
	}
	number := func(n int) string { return fmt.Sprint(n) }
	if n := bits.OnesCount64(spec.Minute & (1<<60 - 1)); n < 60 && 60%n != 0 || n > 1 && spec.Hour&(1<<24-1) == 1<<24-1 {
		add(spec.Minute, 0, 59, "minutes", number)
	}
	add(spec.Hour, 0, 23, "hours", number)
	add(spec.Dom, 1, 31, "days of the month", number)
	add(spec.Month, 1, 12, "months", func(n int) string { return time.Month(n).String()[:3] })
	add(spec.Dow, 0, 6, "weekdays", func(n int) string { return time.Weekday(n).String()[:3] })
	if len(parts) == 0 {
		return "its own minutes"
	}
	return strings.Join(parts, "; ")
}
