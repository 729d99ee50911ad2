package lower

import (
	"strings"

	"github.com/rulebridge/rulebridge/internal/plan"
	"github.com/rulebridge/rulebridge/internal/spl"
	"github.com/rulebridge/rulebridge/internal/value"
)

// outlier moves or removes numbers that lie far from the others.
func (l *lowering) outlier(c *spl.Other, input plan.Node) plan.Node {
	n := &plan.Outliers{Step: step(c.At.At, input), Fields: texts(c.Args), Lower: truth(c.Options, "uselower", false), Mark: truth(c.Options, "mark", false)}
	param, ok := value.ParseNumber(option(c.Options, "param", "2.5"))
	if !ok || param < 0 {
		return hole(c.At.At, input, c.Command, "param=%s is no number of distances between the quartiles", option(c.Options, "param", ""))
	}
	n.Param = param
	switch action := strings.ToLower(option(c.Options, "action", "transform")); action {
	case "rm", "remove":
		n.Remove = true
	case "tf", "transform":
	default:
		return hole(c.At.At, input, c.Command, "outlier knows action=transform and action=remove, not %s", action)
	}
	return n
}
