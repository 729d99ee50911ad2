package run

import (
	"fmt"

	"github.com/rulebridge/rulebridge/internal/plan"
	"github.com/rulebridge/rulebridge/internal/value"
)

// gauge is one row: a number stands for itself, a field for its first value.
func (x *runner) gauge(n *plan.Gauge, t *rows) (*rows, error) {
	out := &rows{names: []string{"x"}, fixed: true}
	r := &Row{fields: map[string]value.Value{}}
	r.set("x", first(n.Value, t))
	for i, end := range n.Ranges {
		put(out, r, fmt.Sprintf("y%d", i+1), first(end, t))
	}
	out.rows = []*Row{r}
	return out, x.holds(r)
}

// first is a number as it is written, or the first value of a field.
func first(text string, t *rows) value.Value {
	if n, ok := value.ParseNumber(text); ok {
		return value.Num(n)
	}
	for _, r := range t.rows {
		if v := r.fields[text]; len(v) > 0 {
			return v[:1]
		}
	}
	return nil
}
