package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.uber.org/zap"

	export "github.com/rulebridge/rulebridge/internal/kibana"
	kibana "github.com/rulebridge/rulebridge/internal/kibana/client"
	"github.com/rulebridge/rulebridge/internal/kibana/install"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/report"
	"github.com/rulebridge/rulebridge/internal/store"
	"github.com/rulebridge/rulebridge/workflows"
)

// maxSpread bounds the time over which rules are enabled.
const maxSpread = 24 * time.Hour

// Installs is what the gateway needs to install rules in a Kibana; without it, or without a configured Kibana, there are no
// such routes.
type Installs struct {
	Planner   Planner
	Workflows InstallFlows
}

// Planner knows the configured Kibanas; *install.Installer is one.
type Planner interface {
	Names() []string
	Plan(ctx context.Context, name, migrationID string, o install.Options) (install.Plan, error)
	// Why is what a Kibana said of a rule that failed, by the key that the workflow has of it.
	Why(ctx context.Context, migrationID, key string) string
}

// InstallFlows is what it needs of the workflow service.
type InstallFlows interface {
	// Start is false when one runs already.
	Start(ctx context.Context, in workflows.InstallInput) (started bool, err error)
	// Status is of the newest one; ErrNoWorkflow when there never was one.
	Status(ctx context.Context, migrationID, kibana string) (InstallState, error)
	// Stop asks it to end; ErrNoWorkflow when none runs.
	Stop(ctx context.Context, migrationID, kibana string) error
}

// InstallState is where an installation stands. Run tells one from another; Ended is its end, unless it is Running.
type InstallState struct {
	workflows.InstallStatus
	Running bool
	Run     string
	Ended   time.Time
}

// NewInstallFlows makes InstallFlows of a Temporal client.
func NewInstallFlows(c client.Client) InstallFlows { return installFlows{c} }

type installFlows struct{ client client.Client }

func (t installFlows) Start(ctx context.Context, in workflows.InstallInput) (bool, error) {
	o := workflows.InstallOptions(in.MigrationID, in.Kibana)
	o.WorkflowExecutionErrorWhenAlreadyStarted = true
	_, err := t.client.ExecuteWorkflow(ctx, o, workflows.InstallWorkflow, in)
	var there *serviceerror.WorkflowExecutionAlreadyStarted
	if errors.As(err, &there) {
		return false, nil
	}
	return err == nil, serviceError("starting the installation", err)
}

func (t installFlows) Status(ctx context.Context, migrationID, name string) (s InstallState, err error) {
	id := workflows.InstallWorkflowID(migrationID, name)
	d, err := t.client.DescribeWorkflowExecution(ctx, id, "")
	if err != nil {
		return s, serviceError("describing the installation", err)
	}
	info := d.GetWorkflowExecutionInfo()
	s.Run, s.Running, s.Ended = info.GetFirstRunId(), info.GetCloseTime() == nil, info.GetCloseTime().AsTime()
	v, err := t.client.QueryWorkflow(ctx, id, "", workflows.QueryInstall)
	if err != nil {
		return s, fmt.Errorf("querying the installation: %w: %w", ErrUnanswered, err)
	}
	if err := v.Get(&s.InstallStatus); err != nil {
		return s, fmt.Errorf("reading the state of the installation: %w", err)
	}
	return s, nil
}

func (t installFlows) Stop(ctx context.Context, migrationID, name string) error {
	return serviceError("stopping the installation", t.client.CancelWorkflow(ctx, workflows.InstallWorkflowID(migrationID, name), ""))
}

func (s *Server) registerInstall(rules *gin.RouterGroup) {
	rules.GET("/:id/installations", handle(s, s.listInstallations))
	if s.Installs == nil {
		return
	}
	rules.GET("/:id/install/plan", handle(s, s.planInstall))
	rules.POST("/:id/install", handle(s, s.startInstall))
	rules.GET("/:id/install", handle(s, s.installStatus))
	rules.DELETE("/:id/install", handle(s, s.stopInstall))
}

// kibanaName checks that a Kibana of that name is configured.
func (s *Server) kibanaName(field, name string) error {
	names := s.Installs.Planner.Names()
	for _, known := range names {
		if known == name {
			return nil
		}
	}
	if len(names) == 0 {
		return badRequest("%s: no Kibana is configured; add one to kibanas", field)
	}
	return badRequest("%s: %q is not configured; use one of: %s", field, clip(name, 64), strings.Join(names, ", "))
}

// installTarget is a migration and a Kibana.
type installTarget struct {
	id      migrationID
	kibana  string
	options install.Options
}

func (r *installTarget) bind(s *Server, c *gin.Context) (err error) {
	if err := r.id.bind(s, c); err != nil {
		return err
	}
	if r.options.Overwrite, err = queryBool(c, "overwrite", false); err != nil {
		return err
	}
	if r.options.Exceptions, err = queryBool(c, "exceptions", false); err != nil {
		return err
	}
	if err := s.tellsExclusions(r.options.Exceptions); err != nil {
		return err
	}
	if r.options.Take, err = takeOf("take", c.Query("take")); err != nil {
		return err
	}
	r.kibana = c.Query("kibana")
	return s.kibanaName("kibana", r.kibana)
}

// GET /{id}/install/plan.

func (s *Server) planInstall(ctx context.Context, r *installTarget) (install.Plan, error) {
	if _, err := s.Store.Migration(ctx, string(r.id)); err != nil {
		return install.Plan{}, fmt.Errorf("reading the migration: %w", err)
	}
	plan, err := s.Installs.Planner.Plan(ctx, r.kibana, string(r.id), r.options)
	return plan, kibanaError(r.kibana, err)
}

// kibanaError says what a Kibana did not do.
func kibanaError(name string, err error) error {
	var e *kibana.Error
	if !errors.As(err, &e) {
		return err
	}
	message, status := fmt.Sprintf("the Kibana %s: %s", name, e.Message), ""
	if e.Status != 0 { // it has answered
		status = fmt.Sprintf(" (%d)", e.Status)
	}
	switch {
	case e.Reason == kibana.Credential && e.Status == 0:
		message = fmt.Sprintf("there is no key for the Kibana %s, nothing was asked of it: %s; see to api_key_env or api_key_file of it", name, e.Message)
	case e.Reason == kibana.Credential:
		message = fmt.Sprintf("the Kibana %s refuses the key (%d): see to api_key_env or api_key_file of it, and that the key may manage rules: %s", name, e.Status, e.Message)
	case e.Reason == kibana.Unavailable, e.Reason == kibana.Limited:
		message = fmt.Sprintf("the Kibana %s does not answer now%s: %s", name, status, e.Message)
	case e.Reason == kibana.NotFound:
		message = fmt.Sprintf("the Kibana %s has no such address (404): see to url and space of it", name)
	}
	return &Error{Status: http.StatusBadGateway, Message: message}
}

// POST /{id}/install.

type startInstallRequest struct {
	id                migrationID
	kibana            string
	overwrite, enable bool
	exceptions        bool
	take              migration.Take
	spread            time.Duration
}

func (r *startInstallRequest) bind(s *Server, c *gin.Context) error {
	if err := r.id.bind(s, c); err != nil {
		return err
	}
	b := newBody(c.Request.Body, "")
	if err := b.expect('{', "", `an object such as {"kibana": "prod"}`); err != nil {
		return err
	}
	err := b.object(func(name string) (bool, error) {
		var err error
		switch name {
		case "kibana":
			r.kibana, err = b.text(name, maxID, "")
		case "overwrite":
			r.overwrite, err = b.boolean(name)
		case "enable":
			r.enable, err = b.boolean(name)
		case "exceptions":
			r.exceptions, err = b.boolean(name)
		case "take":
			var text string
			if text, err = b.text(name, maxSmall, ""); err == nil {
				r.take, err = takeOf(name, text)
			}
		case "spread":
			var text string
			if text, err = b.text(name, maxSmall, ""); err == nil {
				if r.spread, err = time.ParseDuration(text); err != nil || r.spread <= 0 || r.spread > maxSpread {
					err = b.fault(name, "%q is not allowed; use a duration up to 24h, such as 5m", clip(text, 32))
				}
			}
		default:
			err = b.fault(clip(name, 64), "is not known; use kibana, take, overwrite, enable, exceptions or spread")
		}
		return true, err
	})
	if err != nil {
		return err
	}
	if err := b.end(); err != nil {
		return err
	}
	if err := s.tellsExclusions(r.exceptions); err != nil {
		return err
	}
	return s.kibanaName("kibana", r.kibana)
}

// tellsExclusions refuses to have exception lists made where nothing tells exclusions apart.
func (s *Server) tellsExclusions(asked bool) error {
	if asked && s.Filters == nil {
		return badRequest("exceptions: this gateway has no compiler, which tells exclusions apart; leave it out")
	}
	return nil
}

func (s *Server) startInstall(ctx context.Context, r *startInstallRequest) (startAnswer, error) {
	m, err := s.Store.Migration(ctx, string(r.id))
	if err != nil {
		return startAnswer{}, fmt.Errorf("reading the migration: %w", err)
	}
	switch m.State {
	case migration.Running, migration.Creating:
		return startAnswer{}, conflict("the migration is %s; install its rules when it has finished or is stopped", m.State)
	}
	settings := s.Settings.Migration
	started, err := s.Installs.Workflows.Start(ctx, workflows.InstallInput{
		By:          PrincipalOf(ctx).Name,
		MigrationID: m.ID, Kibana: r.kibana, Overwrite: r.overwrite, Enable: r.enable, Exceptions: r.exceptions, Take: string(r.take), Spread: r.spread,
		Settings: workflows.Settings{HeartbeatTimeout: settings.Heartbeat, StartToClose: settings.StartToClose},
	})
	return startAnswer{started}, err
}

// GET /{id}/install.

type installAnswer struct {
	Kibana  string `json:"kibana"`
	Running bool   `json:"running"`
	workflows.InstallStatus
	// In place of the workflow's.
	Failures []installFailure       `json:"failures,omitempty"`
	Lists    []report.ExceptionList `json:"exception_lists,omitempty"`
}

// installFailure is a rule that failed, with what the Kibana said.
type installFailure struct {
	RuleID string `json:"rule_id"`
	Code   string `json:"code"`
	Status int    `json:"status,omitempty"`
	Why    string `json:"why,omitempty"`
}

func (s *Server) installStatus(ctx context.Context, r *installTarget) (installAnswer, error) {
	if _, err := s.Store.Migration(ctx, string(r.id)); err != nil {
		return installAnswer{}, fmt.Errorf("reading the migration: %w", err)
	}
	state, err := s.Installs.Workflows.Status(ctx, string(r.id), r.kibana)
	if errors.Is(err, ErrNoWorkflow) {
		// No content, as of a migration that is not there: nothing went wrong for who asks whether there was one.
		return installAnswer{}, fmt.Errorf("the migration was never installed in %q: %w", r.kibana, store.ErrNotFound)
	}
	a := installAnswer{Kibana: r.kibana, Running: state.Running, InstallStatus: state.InstallStatus}
	for _, f := range state.Failures {
		a.Failures = append(a.Failures, installFailure{f.RuleID, f.Code, f.Status, s.Installs.Planner.Why(ctx, string(r.id), f.Reason)})
	}
	for _, l := range state.Lists {
		a.Lists = append(a.Lists, report.ExceptionList{RuleID: l.RuleID, ListID: export.ListID(l.RuleID), Exceptions: l.Exceptions})
	}
	if err == nil && !state.Running {
		s.recordInstall(ctx, string(r.id), state.Run, state.Ended, a)
	}
	return a, err
}

// recordInstall keeps what came of an installation with the migration: the workflow is forgotten after a while, and a report is
// also made where none runs.
func (s *Server) recordInstall(ctx context.Context, id, run string, ended time.Time, a installAnswer) {
	i := report.Installation{Kibana: a.Kibana, Run: run, Ended: ended.UTC(), Code: a.Code, Created: a.Counts.Created, Updated: a.Counts.Updated, Unchanged: a.Counts.Unchanged,
		Kept: a.Counts.Kept, Prebuilt: a.Counts.Prebuilt, LeftOut: a.Counts.LeftOut, LeftOutBy: a.Omitted, Failed: a.Counts.Failed, Enabled: a.Counts.Enabled,
		Lists: a.Counts.Lists, Exceptions: a.Counts.Exceptions, ExceptionLists: a.Lists}
	for _, f := range a.Failures {
		i.Failures = append(i.Failures, report.NotInstalled{RuleID: f.RuleID, Code: f.Code, Status: f.Status, Why: f.Why})
	}
	if err := install.Record(ctx, s.Store, id, i); err != nil {
		s.Log.Warn("what an installation came to could not be kept for reports", zap.String("migration_id", id), zap.String("kibana", a.Kibana), zap.Error(err))
	}
}

// GET /{id}/installations.

func (s *Server) listInstallations(ctx context.Context, r *migrationID) ([]report.Installation, error) {
	if _, err := s.Store.Migration(ctx, string(*r)); err != nil {
		return nil, fmt.Errorf("reading the migration: %w", err)
	}
	return s.installations(ctx, string(*r))
}

// installations are those of a migration that ended. One that nobody asked for since its end is looked for.
func (s *Server) installations(ctx context.Context, id string) ([]report.Installation, error) {
	if s.Installs != nil {
		for _, name := range s.Installs.Planner.Names() {
			_, err := s.installStatus(ctx, &installTarget{id: migrationID(id), kibana: name})
			var never *Error
			if err != nil && !errors.As(err, &never) {
				s.Log.Info("where an installation stands is not known", zap.String("migration_id", id), zap.String("kibana", name), zap.Error(err))
			}
		}
	}
	return install.Recorded(ctx, s.Store, id)
}

// DELETE /{id}/install.

func (s *Server) stopInstall(ctx context.Context, r *installTarget) (stopAnswer, error) {
	state, err := s.Installs.Workflows.Status(ctx, string(r.id), r.kibana)
	if errors.Is(err, ErrNoWorkflow) || err == nil && !state.Running {
		return stopAnswer{}, nil
	}
	err = s.Installs.Workflows.Stop(ctx, string(r.id), r.kibana)
	if errors.Is(err, ErrNoWorkflow) {
		return stopAnswer{}, nil
	}
	return stopAnswer{err == nil}, err
}

// endInstalls asks the installations of a deleted migration to end; each finds that it is gone if that fails.
func (s *Server) endInstalls(ctx context.Context, id string) {
	if s.Installs == nil {
		return
	}
	for _, name := range s.Installs.Planner.Names() {
		if err := s.Installs.Workflows.Stop(ctx, id, name); err != nil && !errors.Is(err, ErrNoWorkflow) {
			s.Log.Warn("ending an installation of a deleted migration", zap.String("migration_id", id), zap.Error(err))
		}
	}
}
