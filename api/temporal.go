package api

import (
	"context"
	"errors"
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/workflows"
)

// NewWorkflows makes Workflows of a Temporal client.
func NewWorkflows(c client.Client, namespace string) Workflows { return temporal{c, namespace} }

type temporal struct {
	client    client.Client
	namespace string
}

func (t temporal) SignalWithStart(ctx context.Context, in workflows.Input, sig workflows.StartSignal) error {
	_, err := t.client.SignalWithStartWorkflow(ctx, workflows.WorkflowID(in.MigrationID), workflows.SignalStart, sig,
		workflows.StartOptions(in.MigrationID), workflows.MigrationWorkflow, in)
	return serviceError("starting the workflow", err)
}

func (t temporal) Stop(ctx context.Context, id string, sig workflows.StopSignal) error {
	return serviceError("signalling the workflow", t.client.SignalWorkflow(ctx, workflows.WorkflowID(id), "", workflows.SignalStop, sig))
}

func (t temporal) Stats(ctx context.Context, id string) (migration.Stats, error) {
	var s migration.Stats
	err := t.query(ctx, id, workflows.QueryStats, &s)
	return s, err
}

func (t temporal) StartState(ctx context.Context, id string) (workflows.StartState, error) {
	var s workflows.StartState
	err := t.query(ctx, id, workflows.QueryStart, &s)
	return s, err
}

func (t temporal) query(ctx context.Context, id, query string, to any) error {
	v, err := t.client.QueryWorkflow(ctx, workflows.WorkflowID(id), "", query)
	if err != nil {
		var notFound *serviceerror.NotFound
		if errors.As(err, &notFound) {
			return fmt.Errorf("querying %s: %w", query, ErrNoWorkflow)
		}
		return fmt.Errorf("querying %s: %w: %w", query, ErrUnanswered, err)
	}
	if err := v.Get(to); err != nil {
		return fmt.Errorf("reading the answer to %s: %w", query, err)
	}
	return nil
}

func (t temporal) Cancel(ctx context.Context, id string) error {
	return serviceError("cancelling the workflow", t.client.CancelWorkflow(ctx, workflows.WorkflowID(id), ""))
}

func (t temporal) Describe(ctx context.Context, id string) (bool, error) {
	d, err := t.client.DescribeWorkflowExecution(ctx, workflows.WorkflowID(id), "")
	if err != nil {
		return false, serviceError("describing the workflow", err)
	}
	return d.GetWorkflowExecutionInfo().GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, nil
}

// Delete removes the newest execution, which needs no visibility, and the earlier ones that visibility knows of. What
// visibility has not seen yet goes with Temporal's retention.
func (t temporal) Delete(ctx context.Context, id string) error {
	workflowID := workflows.WorkflowID(id)
	runs := map[string]bool{"": true}
	req := &workflowservice.ListWorkflowExecutionsRequest{
		Namespace: t.namespace, PageSize: 500, Query: fmt.Sprintf("WorkflowId = '%s'", workflowID),
	}
	for {
		page, err := t.client.ListWorkflow(ctx, req)
		if err != nil {
			return serviceError("listing the executions", err)
		}
		for _, x := range page.GetExecutions() {
			runs[x.GetExecution().GetRunId()] = true
		}
		if len(page.GetNextPageToken()) == 0 {
			break
		}
		req.NextPageToken = page.GetNextPageToken()
	}
	var faults []error
	for run := range runs {
		_, err := t.client.WorkflowService().DeleteWorkflowExecution(ctx, &workflowservice.DeleteWorkflowExecutionRequest{
			Namespace: t.namespace, WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: workflowID, RunId: run},
		})
		if err = serviceError("deleting an execution", err); err != nil && !errors.Is(err, ErrNoWorkflow) {
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}

func (t temporal) Ready(ctx context.Context) error {
	_, err := t.client.CheckHealth(ctx, &client.CheckHealthRequest{})
	return serviceError("checking the service", err)
}

func serviceError(doing string, err error) error {
	if err == nil {
		return nil
	}
	var notFound *serviceerror.NotFound
	if errors.As(err, &notFound) {
		return fmt.Errorf("%s: %w", doing, ErrNoWorkflow)
	}
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return fmt.Errorf("%s: %w: %w", doing, ErrWorkflowsUnavailable, err)
}
