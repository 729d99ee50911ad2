package lower

import (
	"fmt"

	"github.com/rulebridge/rulebridge/internal/plan"
	"github.com/rulebridge/rulebridge/internal/spl"
	"github.com/rulebridge/rulebridge/internal/value"
)

// gauge gives one row with the value x and the ends of its ranges.
func (l *lowering) gauge(c *spl.Other, input plan.Node) plan.Node {
	args := texts(c.Args)
	if len(args) == 0 || len(args) == 2 {
		return hole(c.At.At, input, c.Command, "gauge takes a field or a number, and two ends of ranges at least or none")
	}
	n := &plan.Gauge{Step: plan.Step{At: c.At.At, Input: input}, Value: args[0], Ranges: args[1:]}
	if len(n.Ranges) == 0 {
		n.Ranges = []string{"0", "100"}
	}
	n.Scope = n.Scope.With(l.column("x", value.Desc{Kind: value.Number, Missing: value.Maybe, Settled: true}, plan.Computed, c.At.At))
	for i := range n.Ranges {
		n.Scope = n.Scope.With(l.column(fmt.Sprintf("y%d", i+1), value.Desc{Kind: value.Number, Missing: value.Maybe}, plan.Computed, c.At.At))
	}
	l.note(c.At.At, "no page names the fields in which gauge gives the ends of its ranges: here they are y1, y2 and so on")
	return n
}
