package lower

import (
	"strings"

	"github.com/rulebridge/rulebridge/internal/plan"
	"github.com/rulebridge/rulebridge/internal/spl"
	"github.com/rulebridge/rulebridge/internal/value"
)

// localize gives the periods of time in which events follow one another.
func (l *lowering) localize(c *spl.Other, input plan.Node) plan.Node {
	n := &plan.Regions{Step: plan.Step{At: c.At.At, Input: input}}
	for _, o := range []struct {
		name, otherwise string
		to              *float64
	}{{"maxpause", "1m", &n.MaxPause}, {"timebefore", "30s", &n.Before}, {"timeafter", "30s", &n.After}} {
		text := option(c.Options, o.name, o.otherwise)
		seconds, ok := value.SpanSeconds(text)
		if !ok && strings.TrimRight(text, "smhd") != "0" {
			return hole(c.At.At, input, c.Command, "%s=%s is no time such as 5m", o.name, text)
		}
		*o.to = seconds
	}
	for _, name := range []string{"_time", "starttime", "endtime", "count", "duration", "density"} {
		n.Scope = n.Scope.With(l.column(name, value.Desc{Kind: value.Number, Settled: true}, plan.Computed, c.At.At))
	}
	l.note(c.At.At, "no page names the fields in which localize gives the number of events, the duration and the density: here they are count, duration and density, of the widened period")
	return n
}
