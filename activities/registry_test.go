package activities_test

import (
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/testsuite"
)

// registry lets the test environment stand for a worker.
type registry struct {
	env *testsuite.TestActivityEnvironment
}

func (r registry) RegisterActivity(a any) { r.env.RegisterActivity(a) }
func (r registry) RegisterActivityWithOptions(a any, o activity.RegisterOptions) {
	r.env.RegisterActivityWithOptions(a, o)
}
func (r registry) RegisterDynamicActivity(a any, o activity.DynamicRegisterOptions) {
	r.env.RegisterDynamicActivity(a, o)
}
