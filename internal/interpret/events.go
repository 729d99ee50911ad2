package interpret

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rulebridge/rulebridge/internal/plan/run"
	"github.com/rulebridge/rulebridge/internal/value"
)

// events reads what was pasted. Where something is taken for what it may not be, a note says so.
func events(texts []string, now time.Time) (list []run.Event, notes []string, err error) {
	lines, timeless := 0, 0
	for i, text := range texts {
		e, isLine, err := event(strings.TrimSpace(text))
		if err != nil {
			return nil, nil, fmt.Errorf("event %d: %w", i+1, err)
		}
		if isLine {
			lines++
		}
		if !slices.Contains(e.Names, "_time") {
			timeless++
			e.Names, e.Values = append(e.Names, "_time"), append(e.Values, value.Num(value.Seconds(now)))
		}
		list = append(list, e)
	}
	if lines > 0 {
		notes = append(notes, fmt.Sprintf("%s no JSON objects: of these only _raw is known, and what the search itself extracts", count(lines, "event is", "events are")))
	}
	if timeless > 0 {
		notes = append(notes, fmt.Sprintf("%s no _time and no @timestamp: the time of the search is taken for it", count(timeless, "event has", "events have")))
	}
	return list, notes, nil
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func event(text string) (e run.Event, isLine bool, err error) {
	if !strings.HasPrefix(text, "{") {
		return run.Event{Names: []string{"_raw"}, Values: []value.Value{value.Str(text)}}, true, nil
	}
	if e, err = run.ReadEvent([]byte(exported(text)), time.UTC); err != nil {
		return e, false, err
	}
	if i := slices.Index(e.Names, "@timestamp"); i >= 0 && !slices.Contains(e.Names, "_time") {
		if t, err := time.Parse(time.RFC3339Nano, e.Values[i].Joined()); err == nil {
			e.Names, e.Values = append(e.Names, "_time"), append(e.Values, value.Num(value.Seconds(t)))
		}
	}
	return e, false, nil
}

// exported is the event within a line of Splunk's export of results as JSON, {"preview": false, "result": {…}}, or the
// text as it is.
func exported(text string) string {
	var line map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &line) != nil {
		return text
	}
	result := strings.TrimSpace(string(line["result"]))
	for name := range line {
		if !slices.Contains([]string{"preview", "offset", "lastrow", "result"}, name) {
			return text
		}
	}
	if !strings.HasPrefix(result, "{") {
		return text
	}
	return result
}
