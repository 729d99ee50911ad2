package lower

import (
	"github.com/rulebridge/rulebridge/internal/plan"
	"github.com/rulebridge/rulebridge/internal/spl"
)

func sortKeys(keys []spl.SortKey) []plan.SortKey {
	var list []plan.SortKey
	for _, k := range keys {
		f := k.Func
		if f == "" {
			f = "auto"
		}
		list = append(list, plan.SortKey{Name: k.Field.Text, Desc: k.Desc, Func: f})
	}
	return list
}

func (l *lowering) sort(c *spl.Sort, input plan.Node) plan.Node {
	return &plan.Sort{Step: step(c.At.At, input), Keys: sortKeys(c.Keys), Limit: c.Limit, Reverse: c.Desc}
}

// dedup keeps the first rows of each combination of values.
func (l *lowering) dedup(c *spl.Dedup, input plan.Node) plan.Node {
	if c.Count == 0 {
		return hole(c.At.At, input, "dedup", "dedup keeps at least one row: give a number above 0")
	}
	return &plan.Limit{Step: step(c.At.At, input), Count: c.Count, Per: texts(c.Fields), SortBy: sortKeys(c.SortBy),
		KeepEmpty: truth(c.Options, "keepempty", false), Consecutive: truth(c.Options, "consecutive", false), KeepEvents: truth(c.Options, "keepevents", false)}
}

func (l *lowering) head(c *spl.Head, input plan.Node) plan.Node {
	n := &plan.Limit{Step: step(c.At.At, input), Count: c.Count, NullOK: truth(c.Options, "null", false), KeepLast: truth(c.Options, "keeplast", false)}
	if c.Expr != nil {
		n.While = l.expr(c.Expr, input.Behind())
		if n.Count == 10 && option(c.Options, "limit", "") == "" {
			n.Count = 0 // the default of 10 is of head without a condition
		}
	}
	return n
}
