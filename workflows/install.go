package workflows

import (
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// Names of the workflow that installs the rules of a migration in a Kibana; they never change.
const (
	InstallWorkflow = "Install"

	// QueryInstall is an InstallStatus.
	QueryInstall = "install_status"

	ActivityInstallCheck    = "InstallCheck"
	ActivityInstallPage     = "InstallPage"
	ActivityInstallPrebuilt = "InstallPrebuilt"
	ActivityInstallRule     = "InstallRule"
	ActivityInstallEnable   = "InstallEnable"
)

// Types of the application errors of installations.
const (
	ErrorTarget     = "Target"            // the Kibana cannot be used as it is configured; the first detail is the code
	ErrorTargetBusy = "TargetUnavailable" // transient: the Kibana does not answer, or limits the rate
)

// Codes of installations that ended early. Started again, they go on where they were: what is there is left alone.
const (
	InstallUnavailable   = "unavailable"    // the Kibana did not answer, again and again
	InstallCredential    = "credential"     // it refuses the key, or there is none
	InstallRedirect      = "redirect"       // it answers with a redirect, which is not followed
	InstallNotKibana     = "not_kibana"     // what answers is no Kibana, or has no such space
	InstallRefused       = "refused"        // it does not take the request: another version of its API, say
	InstallUnknownKibana = "unknown_kibana" // the worker's configuration names no such Kibana
	InstallGone          = "gone"           // the migration was deleted
	InstallStore         = "store"          // the store did not answer, again and again
	InstallInternal      = "internal"       // a step failed in a way nobody foresaw; the worker's log has it
	InstallCancelled     = "cancelled"      // somebody stopped it
)

// Phases of an installation.
const (
	InstallPhaseCheck    = "check"
	InstallPhasePrebuilt = "prebuilt"
	InstallPhaseCustom   = "custom"
	InstallPhaseEnable   = "enable"
	InstallPhaseDone     = "done"
)

const (
	// installPage is how many rules are looked at in one step, installWindow how many are installed at one moment.
	installPage   = 50
	installWindow = 4
	// installRun is how many rules one run handles before it continues as new, unless Settings.RunRules says otherwise.
	installRun = 400
	// InstallKeptFailures is how many rules that failed are named; the counts have them all.
	InstallKeptFailures = 500
	// InstallKeptLists is how many rules with an exception list are named.
	InstallKeptLists = 500
	// InstallSpread is the time over which rules are enabled unless a caller says otherwise. A rule runs for the first time
	// when it is enabled and then at its interval, so rules that were enabled apart go on running apart.
	InstallSpread = 5 * time.Minute
	// enableEvery is the time between two steps of enabling.
	enableEvery = 5 * time.Second
)

// InstallWorkflowID is the id of the workflow that installs a migration in a Kibana.
func InstallWorkflowID(migrationID, kibana string) string {
	return "install-" + migrationID + "-" + kibana
}

// InstallInput starts an installation. Kibana is a name of the configuration, which alone knows address and key.
type InstallInput struct {
	MigrationID string `json:"migration_id"`
	Kibana      string `json:"kibana"`
	// Overwrite changes rules that are there and differ.
	Overwrite bool `json:"overwrite,omitempty"`
	// Enable enables fully translated rules when all are there, spread over Spread.
	Enable bool          `json:"enable,omitempty"`
	Spread time.Duration `json:"spread,omitempty"`
	// Exceptions makes exception lists of the exclusions of rules.
	Exceptions bool `json:"exceptions,omitempty"`
	// Take says which rules are installed, as migration.Take has it; empty: all.
	Take     string   `json:"take,omitempty"`
	Settings Settings `json:"settings"`
	// By is who asked for it.
	By    string        `json:"by,omitempty"`
	Carry *InstallCarry `json:"carry,omitempty"`
}

// InstallCarry is what a run hands to the next one: where it stands, and what came of it so far.
type InstallCarry struct {
	After  string        `json:"after,omitempty"`
	Status InstallStatus `json:"status"`
}

// InstallStatus is where an installation stands; it is also how it ended.
type InstallStatus struct {
	Phase string `json:"phase"`
	// Code is empty unless the installation ended early.
	Code   string        `json:"code,omitempty"`
	Counts InstallCounts `json:"counts"`
	// Failures are the first rules that failed.
	Failures []InstallFailure `json:"failures,omitempty"`
	// Omitted are the rules that are left out, by reason. Installations of earlier versions have none.
	Omitted migration.Omissions `json:"left_out_by,omitempty"`
	// Lists are the first rules that go by an exception list of theirs.
	Lists []InstallList `json:"exception_lists,omitempty"`
}

// InstallList is a rule with an exception list, and how many exclusions of the rule stand there.
type InstallList struct {
	RuleID     string `json:"rule_id"`
	Exceptions int    `json:"exceptions"`
}

// InstallCounts are rules by what became of them.
type InstallCounts struct {
	Created   int `json:"created"`
	Updated   int `json:"updated"`
	Unchanged int `json:"unchanged"`
	Kept      int `json:"kept"`
	Prebuilt  int `json:"prebuilt"`
	LeftOut   int `json:"left_out"`
	Failed    int `json:"failed"`
	Enabled   int `json:"enabled"`
	// Lists are the rules that go by an exception list of theirs, Exceptions the exclusions there.
	Lists      int `json:"exception_lists,omitempty"`
	Exceptions int `json:"exceptions,omitempty"`
}

// InstallFailure is a rule that failed. Status is what the Kibana answered.
type InstallFailure struct {
	RuleID string `json:"rule_id"`
	Code   string `json:"code"`
	Status int    `json:"status,omitempty"`
	// Reason is the key under which the store has what the Kibana said; the words may hold parts of the rule.
	Reason string `json:"reason,omitempty"`
}

// InstallTarget names a Kibana.
type InstallTarget struct {
	Kibana string `json:"kibana"`
}

// InstallPageInput asks for rules after a rule.
type InstallPageInput struct {
	MigrationID string `json:"migration_id"`
	After       string `json:"after,omitempty"`
	Size        int    `json:"size"`
	Take        string `json:"take,omitempty"`
}

// InstallPageOutput are rule ids by kind, and how many are left out, also by reason; Next is empty on the last page.
type InstallPageOutput struct {
	Prebuilt []string `json:"prebuilt,omitempty"`
	Custom   []string `json:"custom,omitempty"`
	LeftOut  int      `json:"left_out,omitempty"`
	Next     string   `json:"next,omitempty"`
	Total    int      `json:"total"`

	Omitted migration.Omissions `json:"left_out_by,omitempty"`
}

// InstallPrebuiltInput asks for the prebuilt rules that rules were matched with.
type InstallPrebuiltInput struct {
	MigrationID string   `json:"migration_id"`
	Kibana      string   `json:"kibana"`
	RuleIDs     []string `json:"rule_ids"`
	By          string   `json:"by,omitempty"`
	Take        string   `json:"take,omitempty"`
}

// InstallPrebuiltOutput says what became of them.
type InstallPrebuiltOutput struct {
	Installed int              `json:"installed"`
	Failures  []InstallFailure `json:"failures,omitempty"`
}

// InstallRuleInput names a rule and a Kibana.
type InstallRuleInput struct {
	MigrationID string `json:"migration_id"`
	Kibana      string `json:"kibana"`
	RuleID      string `json:"rule_id"`
	Overwrite   bool   `json:"overwrite,omitempty"`
	Exceptions  bool   `json:"exceptions,omitempty"`
	By          string `json:"by,omitempty"`
	Take        string `json:"take,omitempty"`
}

// InstallRuleOutput is what became of the rule: created, updated, unchanged, kept, left_out or failed.
type InstallRuleOutput struct {
	Outcome string `json:"outcome"`
	Code    string `json:"code,omitempty"`
	Status  int    `json:"status,omitempty"`
	Reason  string `json:"reason,omitempty"` // see InstallFailure
	// Exceptions counts the exclusions that the rule has in its exception list.
	Exceptions int `json:"exceptions,omitempty"`
}

// InstallEnableOutput says whether the rule was enabled now.
type InstallEnableOutput struct {
	Enabled bool `json:"enabled"`
}

// InstallOptions are the options every client starts an installation with.
func InstallOptions(migrationID, kibana string) client.StartWorkflowOptions {
	return client.StartWorkflowOptions{
		ID:                       InstallWorkflowID(migrationID, kibana),
		TaskQueue:                TaskQueue,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		StaticSummary:            "Installation in Kibana " + kibana,
	}
}

// installation is one run of the workflow.
type installation struct {
	in     InstallInput
	status InstallStatus
	after  string
	done   int // rules handled in this run
}

// Install brings the rules of a migration into a Kibana: prebuilt ones, then those that were translated, disabled; then it
// enables them step by step if it was asked to. A rule that fails does not keep the others; a Kibana that cannot be used
// ends the installation with a code, and a further one goes on where it was.
func Install(ctx workflow.Context, in InstallInput) (InstallStatus, error) {
	i := &installation{in: in, status: InstallStatus{Phase: InstallPhaseCheck}}
	if c := in.Carry; c != nil {
		i.status, i.after = c.Status, c.After
	}
	if err := workflow.SetQueryHandler(ctx, QueryInstall, func() (InstallStatus, error) { return i.status, nil }); err != nil {
		return i.status, err
	}
	err := i.run(ctx)
	var again *workflow.ContinueAsNewError
	if errors.As(err, &again) {
		return i.status, err
	}
	if err != nil {
		i.status.Code = installCode(ctx, err)
	} else {
		i.status.Phase = InstallPhaseDone
	}
	i.details(ctx)
	if ctx.Err() != nil {
		return i.status, ctx.Err()
	}
	return i.status, nil
}

func (i *installation) run(ctx workflow.Context) error {
	if i.status.Phase == InstallPhaseCheck {
		if err := i.exec(ctx, installStep, ActivityInstallCheck, i.in.Kibana, InstallTarget{i.in.Kibana}, nil); err != nil {
			return err
		}
		i.enter(ctx, InstallPhasePrebuilt)
	}
	for _, phase := range []struct {
		name, next string
		page       func(workflow.Context, InstallPageOutput) error
	}{
		{InstallPhasePrebuilt, InstallPhaseCustom, i.prebuilt},
		{InstallPhaseCustom, InstallPhaseEnable, i.custom},
		{InstallPhaseEnable, InstallPhaseDone, i.enable},
	} {
		if i.status.Phase != phase.name {
			continue
		}
		if phase.name == InstallPhaseEnable && !i.in.Enable {
			return nil
		}
		for {
			var page InstallPageOutput
			ask := InstallPageInput{MigrationID: i.in.MigrationID, After: i.after, Size: min(installPage, i.most()), Take: i.in.Take}
			if err := i.exec(ctx, installStep, ActivityInstallPage, phase.name, ask, &page); err != nil {
				return err
			}
			if err := phase.page(ctx, page); err != nil {
				return err
			}
			i.details(ctx)
			if i.after = page.Next; i.after == "" {
				i.enter(ctx, phase.next)
			}
			if i.done += page.Total; i.done >= i.most() && i.status.Phase != InstallPhaseDone {
				in := i.in
				in.Carry = &InstallCarry{After: i.after, Status: i.status}
				return workflow.NewContinueAsNewError(ctx, InstallWorkflow, in)
			}
			if i.after == "" {
				break
			}
		}
	}
	return nil
}

// most is how many rules a run handles.
func (i *installation) most() int {
	if n := i.in.Settings.RunRules; n > 0 {
		return n
	}
	return installRun
}

func (i *installation) enter(ctx workflow.Context, phase string) {
	i.status.Phase, i.after = phase, ""
	i.details(ctx)
}

func (i *installation) prebuilt(ctx workflow.Context, page InstallPageOutput) error {
	i.status.Counts.LeftOut += page.LeftOut
	i.omit(page.Omitted)
	if len(page.Prebuilt) == 0 {
		return nil
	}
	var out InstallPrebuiltOutput
	in := InstallPrebuiltInput{MigrationID: i.in.MigrationID, Kibana: i.in.Kibana, RuleIDs: page.Prebuilt, By: i.in.By, Take: i.in.Take}
	if err := i.exec(ctx, installStep, ActivityInstallPrebuilt, fmt.Sprintf("%d prebuilt rules", len(page.Prebuilt)), in, &out); err != nil {
		return err
	}
	i.status.Counts.Prebuilt += out.Installed
	for _, f := range out.Failures {
		i.fail(f)
	}
	return nil
}

// omit adds rules that are left out. The status of the run before may be the one that was handed on, so Add makes a copy.
func (i *installation) omit(more migration.Omissions) {
	if all := i.status.Omitted.Add(more); len(all) > 0 {
		i.status.Omitted = all
	}
}

func (i *installation) fail(f InstallFailure) {
	i.status.Counts.Failed++
	if len(i.status.Failures) < InstallKeptFailures {
		i.status.Failures = append(i.status.Failures, f)
	}
}

// custom installs the rules of a page, a few at a time. The first error that is not one rule's own ends it when nothing is
// in flight any more.
func (i *installation) custom(ctx workflow.Context, page InstallPageOutput) error {
	var fault error
	inflight := 0
	for _, id := range page.Custom {
		if err := workflow.Await(ctx, func() bool { return inflight < installWindow || fault != nil }); err != nil {
			return err
		}
		if fault != nil {
			break
		}
		inflight++
		workflow.GoNamed(ctx, "rule", func(ctx workflow.Context) {
			defer func() { inflight-- }()
			if err := i.rule(ctx, id); err != nil && fault == nil {
				fault = err
			}
		})
	}
	if err := workflow.Await(ctx, func() bool { return inflight == 0 }); err != nil {
		return err
	}
	return fault
}

func (i *installation) rule(ctx workflow.Context, id string) error {
	var out InstallRuleOutput
	in := InstallRuleInput{MigrationID: i.in.MigrationID, Kibana: i.in.Kibana, RuleID: id, Overwrite: i.in.Overwrite, Exceptions: i.in.Exceptions, By: i.in.By, Take: i.in.Take}
	if err := i.exec(ctx, installStep, ActivityInstallRule, id, in, &out); err != nil {
		return err
	}
	c := &i.status.Counts
	if out.Exceptions > 0 {
		c.Lists++
		c.Exceptions += out.Exceptions
		if len(i.status.Lists) < InstallKeptLists {
			i.status.Lists = append(i.status.Lists, InstallList{RuleID: id, Exceptions: out.Exceptions})
		}
	}
	switch out.Outcome {
	case "created":
		c.Created++
	case "updated":
		c.Updated++
	case "unchanged":
		c.Unchanged++
	case "kept":
		c.Kept++
	case "left_out":
		c.LeftOut++
		i.omit(migration.Omissions{migration.Omission(out.Code): 1})
	default:
		i.fail(InstallFailure{RuleID: id, Code: out.Code, Status: out.Status, Reason: out.Reason})
	}
	return nil
}

// enable enables the rules of a page with a pause after each step, so that all of them take as long as was asked for.
func (i *installation) enable(ctx workflow.Context, page InstallPageOutput) error {
	spread := i.in.Spread
	if spread <= 0 {
		spread = InstallSpread
	}
	c := i.status.Counts
	step := max(1, (c.Created+c.Updated+c.Unchanged)/max(1, int(spread/enableEvery)))
	for _, id := range page.Custom {
		var out InstallEnableOutput
		in := InstallRuleInput{MigrationID: i.in.MigrationID, Kibana: i.in.Kibana, RuleID: id, Exceptions: i.in.Exceptions, Take: i.in.Take}
		if err := i.exec(ctx, installStep, ActivityInstallEnable, "enable "+id, in, &out); err != nil {
			return err
		}
		if !out.Enabled {
			continue
		}
		i.status.Counts.Enabled++
		if i.status.Counts.Enabled%step == 0 {
			pause := workflow.NewTimerWithOptions(ctx, enableEvery, workflow.TimerOptions{Summary: "enabled rules begin apart"})
			if err := pause.Get(ctx, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

func (i *installation) exec(ctx workflow.Context, p profile, activity, summary string, in, out any) error {
	options := i.in.Settings.withDefaults().activityOptions(p, summary)
	return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, options), activity, in).Get(ctx, out)
}

// details is what the Web UI shows.
func (i *installation) details(ctx workflow.Context) {
	s := i.status
	text := fmt.Sprintf("%s: %d created, %d updated, %d unchanged, %d kept, %d prebuilt, %d left out, %d failed", s.Phase, s.Counts.Created,
		s.Counts.Updated, s.Counts.Unchanged, s.Counts.Kept, s.Counts.Prebuilt, s.Counts.LeftOut, s.Counts.Failed)
	if i.in.Exceptions {
		text += fmt.Sprintf(", %d exceptions in %d lists", s.Counts.Exceptions, s.Counts.Lists)
	}
	if left := s.Omitted.String(); left != "" {
		text += " (left out: " + left + ")"
	}
	if i.in.Enable {
		text += fmt.Sprintf(", %d enabled", s.Counts.Enabled)
	}
	if s.Code != "" {
		text += "; ended early: " + s.Code
	}
	workflow.SetCurrentDetails(ctx, text)
}

// installCode reads an error that a step returned after its last attempt.
func installCode(ctx workflow.Context, err error) string {
	if ctx.Err() != nil {
		return InstallCancelled
	}
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		switch app.Type() {
		case ErrorTarget:
			code := InstallInternal
			if app.HasDetails() && app.Details(&code) != nil {
				return InstallInternal
			}
			return code
		case ErrorTargetBusy:
			return InstallUnavailable
		case ErrorGone:
			return InstallGone
		case ErrorStore:
			return InstallStore
		}
		return InstallInternal
	}
	var timeout *temporal.TimeoutError
	if errors.As(err, &timeout) {
		return InstallUnavailable
	}
	return InstallInternal
}
