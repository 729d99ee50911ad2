package lower

import (
	"strings"

	"github.com/rulebridge/rulebridge/internal/plan"
	"github.com/rulebridge/rulebridge/internal/spl"
	"github.com/rulebridge/rulebridge/internal/value"
)

// timewrap puts periods of a timechart side by side.
func (l *lowering) timewrap(c *spl.Other, input plan.Node) plan.Node {
	if len(c.Args) != 1 {
		return hole(c.At.At, input, c.Command, "timewrap takes one span such as 1week")
	}
	n := &plan.Wrap{Step: plan.Step{At: c.At.At, Input: input}, Width: wrapSpan(c.Args[0].Text), Series: strings.ToLower(option(c.Options, "series", "relative")), Format: option(c.Options, "time_format", "")}
	if s, ok := value.ParseSpan(n.Width); !ok || s.Unit == "" || s.N < 1 || s.N > 10_000 || s.N != float64(int(s.N)) {
		return hole(c.Args[0].At.At, input, c.Command, "%s is no number of periods such as 2weeks", c.Args[0].Text)
	}
	switch align := strings.ToLower(option(c.Options, "align", "end")); align {
	case "end":
	case "now":
		n.Now = true
	default:
		return hole(c.At.At, input, c.Command, "timewrap knows align=end and align=now, not %s", align)
	}
	switch n.Series {
	case "relative", "short":
	case "exact":
		if n.Format == "" {
			return hole(c.At.At, input, c.Command, "series=exact needs time_format, by which the series are named")
		}
	default:
		return hole(c.At.At, input, c.Command, "timewrap knows series=relative, short and exact, not %s", n.Series)
	}
	if n.Series == "exact" {
		l.note(c.At.At, "no page says which time of a period names it under series=exact: here its start")
	}
	n.Scope.Open = true
	return n
}

// wrapSpan gives m its meaning in timewrap, months: in all other places it is minutes. A unit without a number is one.
func wrapSpan(s string) string {
	s = strings.ToLower(s)
	number := strings.TrimRight(s, "abcdefghijklmnopqrstuvwxyz")
	unit := s[len(number):]
	if number == "" {
		number = "1"
	}
	if unit == "m" {
		unit = "mon"
	}
	return number + unit
}
