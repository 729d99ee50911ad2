package translate

import (
	"strconv"

	"github.com/rulebridge/rulebridge/internal/spl"
)

const defaultIntervalSeconds = 300

// settings fills the alert-level settings.
func (c *compilation) settings(l *lowering) {
	r := &c.out.Rule
	r.Interval = "5m"
	if r.From == "" && c.req.EarliestTime != "" {
		if t, ok := parseRelative(c.req.EarliestTime); ok {
			r.From = t.dateMath()
		}
	}
	if r.From == "" {
		r.From = "now-" + windowText(max(l.longestSpan, defaultIntervalSeconds)+defaultIntervalSeconds)
	}
	r.RiskScore = 47
	if c.req.RiskScore != nil {
		r.RiskScore = min(100, max(0, *c.req.RiskScore))
	}
	r.Severity = severityFor(c.req.Severity, r.RiskScore)
}

func windowText(seconds int64) string {
	switch {
	case seconds%86400 == 0:
		return itoa64(seconds/86400) + "d"
	case seconds%3600 == 0:
		return itoa64(seconds/3600) + "h"
	case seconds%60 == 0:
		return itoa64(seconds/60) + "m"
	}
	return itoa64(seconds) + "s"
}

func severityFor(given string, risk int) string {
	switch given {
	case "low", "medium", "high", "critical":
		return given
	case "informational", "info":
		return "low"
	}
	switch {
	case risk >= 74:
		return "critical"
	case risk >= 48:
		return "high"
	case risk >= 22:
		return "medium"
	}
	return "low"
}

// noteThreshold recognizes where COUNT > N after stats.
func (l *lowering) noteThreshold(cmd *spl.Where) {
	b, ok := cmd.Expr.(*spl.Binary)
	if !ok || !l.aggregated || (b.Op != ">" && b.Op != ">=") {
		return
	}
	f, ok1 := b.L.(*spl.FieldRef)
	n, ok2 := b.R.(*spl.NumberLit)
	if !ok1 || !ok2 || (f.Name != "count" && f.Name != "eventcount") {
		return
	}
	v, err := strconv.Atoi(n.Text)
	if err != nil {
		return
	}
	if b.Op == ">" {
		v++
	}
	t := &Threshold{Value: v}
	for _, name := range l.env.order {
		if c := l.env.cols[name]; !c.computed && !c.hole {
			t.Fields = append(t.Fields, c.name)
		}
	}
	l.out.Rule.Threshold = t
}
