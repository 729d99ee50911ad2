package assistant

import (
	"context"
	"crypto/rand"
	"fmt"
)

func stepCall(n int) string { return fmt.Sprintf("call-%d", n) }

// spend takes one call of the connector's budget, which counts every call that a question makes, by whatever process and
// attempt. It is a *Fault when the budget is used up.
func (c *Core) spend(ctx context.Context, q Question) error {
	if c.Budget == nil {
		return nil
	}
	budget, mine := c.Budget(q.ConnectorID), rand.Text()
	if budget <= 0 {
		return nil
	}
	for n := 1; n <= budget; n++ {
		recorded, err := c.Questions.SaveStep(ctx, q.ID, stepCall(n), []byte(mine))
		if err != nil {
			return fmt.Errorf("counting a call of the model: %w", err)
		}
		if string(recorded) == mine {
			return nil
		}
	}
	return FaultOf(CodeBudget)
}
