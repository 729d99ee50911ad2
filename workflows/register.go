package workflows

import (
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// RegisterOption changes how the workflows are registered.
type RegisterOption func(*workflow.RegisterOptions)

// AutoUpgrade moves open migrations to the current version of a worker deployment with their next workflow task. Only
// workers of a deployment may ask for it.
func AutoUpgrade() RegisterOption {
	return func(o *workflow.RegisterOptions) { o.VersioningBehavior = workflow.VersioningBehaviorAutoUpgrade }
}

// Register makes the workflows known to a worker.
func Register(r worker.WorkflowRegistry, options ...RegisterOption) {
	o := workflow.RegisterOptions{Name: MigrationWorkflow}
	for _, option := range options {
		option(&o)
	}
	r.RegisterWorkflowWithOptions(Migration, o)
	o.Name = AskWorkflow
	r.RegisterWorkflowWithOptions(Ask, o)
	o.Name = InstallWorkflow
	r.RegisterWorkflowWithOptions(Install, o)
}
