package lower

import (
	"github.com/rulebridge/rulebridge/internal/plan"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// rtorder passes rows through a buffer that gives the earliest first. How long an event waits by the clock has no
// meaning for events that are all there: the size of the buffer alone counts.
func (l *lowering) rtorder(c *spl.Other, input plan.Node) plan.Node {
	n := &plan.Buffer{Step: step(c.At.At, input), Size: count(c.Options, "max_buffer_size", 50_000), Discard: truth(c.Options, "discard", false)}
	if n.Size < 1 {
		return hole(c.At.At, input, c.Command, "max_buffer_size is one row at least")
	}
	l.note(c.At.At, "rtorder orders what arrives in real time; the events here are all there, so that only max_buffer_size counts and buffer_span does not")
	return n
}
