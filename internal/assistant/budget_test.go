package assistant

import (
	"errors"
	"testing"
)

// TestBudget: a question makes no more calls than the connector's budget allows, whatever the calls end with.
func TestBudget(t *testing.T) {
	for _, tc := range []struct {
		budget, calls int
		fault         bool
	}{{0, 8, false}, {1, 1, true}, {3, 3, true}, {8, 8, false}, {100, 8, false}} {
		b := newBench(t, nil, sayOpen)
		b.core.Budget = func(string) int { return tc.budget }
		b.core.Retry = nil
		_, err := b.core.Run(t.Context(), Question{ID: "q", ConnectorID: "model", Alerts: true, Size: 20, Index: []string{".alerts-security.alerts-default"}, Messages: user("x")})
		var fault *Fault
		if !errors.As(err, &fault) || (fault.Code == CodeBudget) != tc.fault || len(b.model.sent) != tc.calls {
			t.Errorf("budget %d: %d calls, %v", tc.budget, len(b.model.sent), err)
		}
	}
}
