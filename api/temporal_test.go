package api

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/mock"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/mocks"
	"google.golang.org/grpc"

	"github.com/rulebridge/rulebridge/workflows"
)

func TestTemporalErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		err   error
		query error // what a query gives
		call  error // what the rest gives
	}{
		"not found":   {serviceerror.NewNotFound("no"), ErrNoWorkflow, ErrNoWorkflow},
		"exhausted":   {serviceerror.NewResourceExhausted(enumspb.RESOURCE_EXHAUSTED_CAUSE_RPS_LIMIT, "busy"), ErrUnanswered, ErrWorkflowsUnavailable},
		"deadline":    {serviceerror.NewDeadlineExceeded("late"), ErrUnanswered, ErrWorkflowsUnavailable},
		"no poller":   {serviceerror.NewFailedPrecondition("no poller"), ErrUnanswered, ErrWorkflowsUnavailable},
		"unavailable": {serviceerror.NewUnavailable("down"), ErrUnanswered, ErrWorkflowsUnavailable},
		"cancelled":   {context.Canceled, ErrUnanswered, context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			c := &mocks.Client{}
			w := NewWorkflows(c, "default")
			ctx := t.Context()
			c.On("QueryWorkflow", mock.Anything, "migration-m", "", mock.Anything).Return(nil, tt.err)
			c.On("SignalWorkflow", mock.Anything, "migration-m", "", workflows.SignalStop, mock.Anything).Return(tt.err)
			c.On("CancelWorkflow", mock.Anything, "migration-m", "").Return(tt.err)
			c.On("DescribeWorkflowExecution", mock.Anything, "migration-m", "").Return(nil, tt.err)
			c.On("CheckHealth", mock.Anything, mock.Anything).Return(nil, tt.err)
			c.On("SignalWithStartWorkflow", mock.Anything, "migration-m", workflows.SignalStart, mock.Anything, mock.Anything,
				workflows.MigrationWorkflow, mock.Anything).Return(nil, tt.err)
			_, statsErr := w.Stats(ctx, "m")
			_, stateErr := w.StartState(ctx, "m")
			_, describeErr := w.Describe(ctx, "m")
			for call, err := range map[string]error{"stats": statsErr, "state": stateErr} {
				if !errors.Is(err, tt.query) {
					t.Errorf("%s: %v", call, err)
				}
			}
			for call, err := range map[string]error{
				"describe": describeErr, "stop": w.Stop(ctx, "m", workflows.StopSignal{}), "cancel": w.Cancel(ctx, "m"),
				"ready": w.Ready(ctx), "start": w.SignalWithStart(ctx, workflows.Input{MigrationID: "m"}, workflows.StartSignal{}),
			} {
				if !errors.Is(err, tt.call) {
					t.Errorf("%s: %v", call, err)
				}
			}
		})
	}
}

func TestTemporalStart(t *testing.T) {
	c := &mocks.Client{}
	in, sig := workflows.Input{MigrationID: "m", Vendor: "splunk"}, workflows.StartSignal{RequestID: "r"}
	c.On("SignalWithStartWorkflow", mock.Anything, "migration-m", "start", sig, mock.MatchedBy(func(o client.StartWorkflowOptions) bool {
		return o.TaskQueue == workflows.TaskQueue && o.WorkflowIDReusePolicy == enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE
	}), "Migration", in).Return(nil, nil).Once()
	if err := NewWorkflows(c, "default").SignalWithStart(t.Context(), in, sig); err != nil {
		t.Fatal(err)
	}
	c.AssertExpectations(t)
}

// TestTemporalDelete: every execution that can be found is deleted, over all pages, and one that is gone is no fault.
func TestTemporalDelete(t *testing.T) {
	c := &mocks.Client{}
	service := &deleting{}
	page := func(token string, runs ...string) *workflowservice.ListWorkflowExecutionsResponse {
		r := &workflowservice.ListWorkflowExecutionsResponse{NextPageToken: []byte(token)}
		for _, run := range runs {
			r.Executions = append(r.Executions, &workflowpb.WorkflowExecutionInfo{Execution: &commonpb.WorkflowExecution{RunId: run}})
		}
		return r
	}
	matching := func(token string) any {
		return mock.MatchedBy(func(r *workflowservice.ListWorkflowExecutionsRequest) bool {
			return r.Query == "WorkflowId = 'migration-m'" && string(r.NextPageToken) == token
		})
	}
	c.On("ListWorkflow", mock.Anything, matching("")).Return(page("more", "r1", "r2"), nil).Once()
	c.On("ListWorkflow", mock.Anything, matching("more")).Return(page("", "r3"), nil).Once()
	c.On("WorkflowService").Return(service)
	if err := NewWorkflows(c, "default").Delete(t.Context(), "m"); err != nil {
		t.Fatal(err)
	}
	slices.Sort(service.runs)
	if !slices.Equal(service.runs, []string{"", "r1", "r2", "r3"}) {
		t.Errorf("deleted %q", service.runs)
	}
}

type deleting struct {
	workflowservice.WorkflowServiceClient
	runs []string
}

func (d *deleting) DeleteWorkflowExecution(_ context.Context, r *workflowservice.DeleteWorkflowExecutionRequest, _ ...grpc.CallOption) (*workflowservice.DeleteWorkflowExecutionResponse, error) {
	d.runs = append(d.runs, r.GetWorkflowExecution().GetRunId())
	if r.GetWorkflowExecution().GetRunId() == "r2" {
		return nil, serviceerror.NewNotFound("gone")
	}
	return &workflowservice.DeleteWorkflowExecutionResponse{}, nil
}
