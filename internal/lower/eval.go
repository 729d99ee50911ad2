package lower

import (
	"strings"

	"github.com/rulebridge/rulebridge/internal/plan"
	"github.com/rulebridge/rulebridge/internal/spl"
	"github.com/rulebridge/rulebridge/internal/value"
)

// where filters by an expression.
func (l *lowering) where(c *spl.Where, input plan.Node) plan.Node {
	return &plan.Filter{Step: step(c.At.At, input), Cond: l.expr(c.Expr, input.Behind())}
}

// NoBoolean is the error of a condition that eval stores: SearchReference/Eval says that a field cannot hold one.
const NoBoolean = `a field cannot hold the result of a condition: write if(…, "true", "false") or tostring(…)`

// eval assigns, from left to right: later assignments see earlier ones.
func (l *lowering) eval(c *spl.Eval, input plan.Node) plan.Node {
	e := &plan.Extend{Step: step(c.At.At, input)}
	for _, a := range c.Assigns {
		x := l.expr(a.Expr, e.Scope)
		if x.Desc().Kind == value.Boolean {
			x = plan.NewUnknown(a.Expr.Span(), NoBoolean)
		}
		e.Changes = append(e.Changes, &plan.Assign{Name: a.Field.Text, Expr: x})
		if strings.Contains(a.Field.Text, "{") {
			e.Scope.Open = true
			continue
		}
		e.Scope = e.Scope.With(l.column(a.Field.Text, x.Desc(), plan.Computed, a.At.At))
	}
	return e
}
