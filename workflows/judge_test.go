package workflows

import (
	"testing"

	"go.temporal.io/sdk/temporal"
)

// TestUnknownKeyParks: a worker that cannot decrypt the input of an activity says so below the SDK's own words.
func TestUnknownKeyParks(t *testing.T) {
	key := temporal.NewApplicationError("a payload is encrypted with key \"x\"", ErrorUnknownKey)
	for name, err := range map[string]error{
		"as it is": key,
		"as the SDK wraps it": temporal.NewApplicationErrorWithOptions("unable to decode the activity function input payload", "wrapError",
			temporal.ApplicationErrorOptions{Cause: temporal.NewApplicationErrorWithOptions("unable to decode argument: 0", "wrapError",
				temporal.ApplicationErrorOptions{Cause: key})}),
	} {
		if v, reason := judge(err); v != outage || reason != ParkKey {
			t.Errorf("%s: %v, %q, want an outage and %q", name, v, reason, ParkKey)
		}
	}
	other := temporal.NewApplicationErrorWithOptions("outer", "wrapError", temporal.ApplicationErrorOptions{Cause: temporal.NewApplicationError("inner", "other")})
	if v, reason := judge(other); v != outage || reason != ParkInternal {
		t.Errorf("another cause: %v, %q", v, reason)
	}
}
