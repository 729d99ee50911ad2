package translate

import (
	"strconv"
	"strings"

	"github.com/rulebridge/rulebridge/internal/spl"
)

// defaultIntervalSeconds is how often a rule runs where nothing says otherwise, and the overlap of its windows.
const defaultIntervalSeconds = 300

// settings fills the alert-level settings: schedule and window, severity, threat.
func (c *compilation) settings(l *lowering) {
	r := &c.out.Rule
	interval := int64(defaultIntervalSeconds)
	if s, ok := cronInterval(c.req.Cron); ok {
		interval = s
	}
	r.Interval = windowText(interval)
	window := int64(0) // seconds that the search looks back
	from := c.windowStart
	if from == "" {
		from = strings.TrimSpace(c.req.EarliestTime)
	}
	if t, ok := parseRelative(from); ok && from != "" && from != "0" {
		window = t.lookBack()
		if plain := -t.seconds - t.months*monthSeconds; c.windowStart == "" && plain > 0 {
			window = plain // the snap of a schedule's range only rounds it
		}
	}
	if c.branchLook > window {
		if window > 0 || c.openRange {
			c.diag("window_edges", wholeSpan(c.req.Query), "earliest", "a part of the search looks back "+windowText(c.branchLook)+", so the rule does: the parts without a range of their own see more events than in Splunk")
		}
		window = c.branchLook
	}
	switch {
	case window <= 0:
		// the interval and its like again, so that late events are seen; and a whole span of bin or tstats
		window = max(l.longestSpan, interval) + interval
	case window < l.longestSpan:
		command := c.command
		c.command = "bin"
		c.diag("window_edges", wholeSpan(c.req.Query), "span", "the search looks back "+windowText(window)+", less than one interval of "+windowText(l.longestSpan)+": intervals are cut by the window's edges")
		c.command = command
	}
	r.From = "now-" + windowText(window)
	r.RiskScore = 47
	if c.req.RiskScore != nil {
		r.RiskScore = min(100, max(0, *c.req.RiskScore))
	}
	r.Severity = severityFor(c.req.Severity, r.RiskScore)
	if len(c.req.SuppressFields) > 0 {
		s := &Suppression{Duration: "5m"}
		if p, ok := parseSpan(c.req.SuppressPeriod); ok && p.length() > 0 {
			s.Duration = windowText(p.length())
		}
		for _, f := range c.req.SuppressFields {
			if k := l.peek(f, wholeSpan(c.req.Query)); !k.hole && k.constant == nil {
				s.Fields = appendNew(s.Fields, k.name)
			}
		}
		r.Suppression = s
	}
	r.Threat = threats(c.req.MitreAttackIDs)
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

// severityFor takes the given severity, else the one Kibana pairs with the risk score.
func severityFor(given string, risk int) string {
	switch strings.ToLower(strings.TrimSpace(given)) {
	case "low", "medium", "high", "critical":
		return strings.ToLower(strings.TrimSpace(given))
	case "informational", "info":
		return "low"
	}
	switch {
	case risk > 73:
		return "critical"
	case risk > 47:
		return "high"
	case risk > 21:
		return "medium"
	}
	return "low"
}

// cronInterval is the time between two runs of a regular cron schedule, in seconds.
func cronInterval(cron string) (int64, bool) {
	f := strings.Fields(cron)
	if len(f) != 5 {
		return 0, false
	}
	step := func(s string) (int64, bool) {
		if s == "*" {
			return 1, true
		}
		rest, ok := strings.CutPrefix(s, "*/")
		if !ok {
			if a, b, cut := strings.Cut(s, "/"); cut && strings.Contains(a, "-") {
				rest, ok = b, true
			}
		}
		n, err := strconv.ParseInt(rest, 10, 32)
		return n, ok && err == nil && n > 0
	}
	fixed := func(s string) bool { _, err := strconv.Atoi(s); return err == nil }
	if n, ok := step(f[0]); ok && f[1] == "*" {
		return n * 60, true
	}
	if parts := strings.Split(f[0], ","); len(parts) > 1 && f[1] == "*" {
		return 3600 / int64(len(parts)), true
	}
	switch {
	case !fixed(f[0]):
		return 0, false
	case f[1] == "*":
		return 3600, true
	case strings.HasPrefix(f[1], "*/"):
		n, ok := step(f[1])
		return n * 3600, ok
	case fixed(f[1]) && f[2] == "*" && f[3] == "*" && f[4] == "*":
		return 86400, true
	case fixed(f[1]) && f[2] == "*" && f[3] == "*" && fixed(f[4]):
		return 7 * 86400, true
	}
	return 0, false
}

// noteThreshold recognizes where COUNT > N after stats.
func (l *lowering) noteThreshold(cmd *spl.Where) {
	b, ok := cmd.Expr.(*spl.Binary)
	if !ok || !l.aggregated || (b.Op != ">" && b.Op != ">=") {
		return
	}
	f, ok1 := b.L.(*spl.FieldRef)
	n, ok2 := b.R.(*spl.NumberLit)
	if !ok1 || !ok2 {
		return
	}
	c := l.env.cols[f.Name]
	if c == nil || !c.computed || c.hole || !(f.Name == "count" || c.typ == "long" && c.nonNull) {
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
		if c := l.env.cols[name]; !c.computed && !c.hole && c.constant == nil {
			t.Fields = appendNew(t.Fields, c.name)
		}
	}
	l.out.Rule.Threshold = t
	l.diag("threshold", cmd.Span(), f.Name, "a condition on a number by group; a threshold rule of "+itoa(v)+" would also say it, the query keeps it")
}
