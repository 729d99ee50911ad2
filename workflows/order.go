package workflows

import (
	"slices"

	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/workflow"
)

// Interceptor lets migrations take starts and stops in the order in which they were delivered. The SDK keeps signals by
// name, which loses the order between names; a stop and a start that wait together mean the opposite of a start and a
// stop. Every worker and replayer that registers the workflows has it among its interceptors.
func Interceptor() interceptor.WorkerInterceptor { return &orderInterceptor{} }

type orderInterceptor struct {
	interceptor.WorkerInterceptorBase
}

// InterceptWorkflow implements interceptor.WorkerInterceptor. It is called once for each execution in memory.
func (*orderInterceptor) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &orderedWorkflow{WorkflowInboundInterceptorBase: interceptor.WorkflowInboundInterceptorBase{Next: next}, order: &order{}}
}

type orderedWorkflow struct {
	interceptor.WorkflowInboundInterceptorBase
	order *order
}

// ExecuteWorkflow implements interceptor.WorkflowInboundInterceptor.
func (w *orderedWorkflow) ExecuteWorkflow(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (any, error) {
	return w.Next.ExecuteWorkflow(workflow.WithValue(ctx, orderKey{}, w.order), in)
}

// HandleSignal implements interceptor.WorkflowInboundInterceptor. The order comes from the history, so a replay sees the
// same.
func (w *orderedWorkflow) HandleSignal(ctx workflow.Context, in *interceptor.HandleSignalInput) error {
	if in.SignalName == SignalStart || in.SignalName == SignalStop {
		w.order.names = append(w.order.names, in.SignalName)
	}
	return w.Next.HandleSignal(ctx, in)
}

type orderKey struct{}

// order are the names of the signals that were delivered and not taken yet, oldest first.
type order struct{ names []string }

// orderOf finds the order of the execution, an empty one without the interceptor.
func orderOf(ctx workflow.Context) *order {
	if o, ok := ctx.Value(orderKey{}).(*order); ok {
		return o
	}
	return &order{}
}

// take gives the oldest name.
func (o *order) take() (name string, ok bool) {
	if len(o.names) == 0 {
		return "", false
	}
	name = o.names[0]
	o.names = slices.Delete(o.names, 0, 1)
	return name, true
}
