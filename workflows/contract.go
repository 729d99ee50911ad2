// Package workflows decides and never does: the migration workflow, its steps per rule, and the contract with the
// gateway, the worker and the activities. It imports the SDK and internal/migration only.
package workflows

import (
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// Names that are registered, and therefore never change.
const (
	MigrationWorkflow = "Migration"

	SignalStart = "start"
	SignalStop  = "stop"

	QueryStats = "stats"
	QueryStart = "start_request" // the request id that opened the current start epoch

	ActivityRequeue    = "Requeue"
	ActivitySetState   = "SetState"
	ActivityClaimBatch = "ClaimBatch"
	ActivityMatch      = "MatchRule"
	ActivityTranslate  = "TranslateRule"
	ActivityCallModel  = "CallModel"
	ActivityCheckDraft = "CheckDraft"
	ActivityFail       = "FailRule"
	ActivityRelease    = "ReleaseBatch"
	ActivityCounts     = "Counts"

	// TaskQueue is where migrations and their activities run; model calls run on LLMTaskQueue(connector).
	TaskQueue = "migrations"
)

// Search attributes; migrations run without them when they are not registered.
const (
	SearchAttributeState  = "RulebridgeState"
	SearchAttributeVendor = "RulebridgeVendor"
)

// WorkflowID is the id of a migration's workflow.
func WorkflowID(migrationID string) string { return "migration-" + migrationID }

// LLMTaskQueue is the queue of one connector's model calls.
func LLMTaskQueue(connectorID string) string { return "llm-" + connectorID }

// Settings are everything configurable a migration runs with. They reach the workflow in its input only.
type Settings struct {
	Batch int           `json:"batch"` // 0: 50
	Pause time.Duration `json:"pause"`
	// HeartbeatTimeout and StartToClose override the profiles' defaults (tests); zero keeps them.
	HeartbeatTimeout time.Duration `json:"heartbeat_timeout,omitempty"`
	StartToClose     time.Duration `json:"start_to_close,omitempty"`
	// SearchAttributes says whether they are registered.
	SearchAttributes bool `json:"search_attributes,omitempty"`
	// OutageFailures and OutageAfter park a migration; zero means 20 and 10 minutes.
	OutageFailures int           `json:"outage_failures,omitempty"`
	OutageAfter    time.Duration `json:"outage_after,omitempty"`
	// RetryInterval is the wait before the first retry of a transient failure; it doubles up to 80 times itself. Zero
	// means 250 ms.
	RetryInterval time.Duration `json:"retry_interval,omitempty"`
	// RunRules and RunEvents bound one run before it continues as new; zero means 500 rules and 10,000 events.
	RunRules  int `json:"run_rules,omitempty"`
	RunEvents int `json:"run_events,omitempty"`
}

// Input starts a run. Carry is set by continue-as-new only.
type Input struct {
	MigrationID string   `json:"migration_id"`
	Vendor      string   `json:"vendor,omitempty"`
	Settings    Settings `json:"settings"`
	Carry       *Carry   `json:"carry,omitempty"`
}

// Carry is what a run hands to the next one.
type Carry struct {
	Epoch          int64            `json:"epoch"`
	Claim          int64            `json:"claim"`
	State          migration.State  `json:"state"`
	Counts         migration.Counts `json:"counts"`
	LastUpdated    time.Time        `json:"last_updated"`
	RequestIDs     []string         `json:"request_ids,omitempty"` // the last 100
	CurrentRequest string           `json:"current_request,omitempty"`
	Start          *StartSignal     `json:"start,omitempty"` // the start being carried out
	PendingStop    bool             `json:"pending_stop,omitempty"`
	PendingStart   *StartSignal     `json:"pending_start,omitempty"`
	// Next is the start that was accepted while Start or PendingStart is being closed.
	Next       *StartSignal `json:"next,omitempty"`
	ParkReason string       `json:"park_reason,omitempty"`
	// Unsettled says that the store does not yet know how the last epoch ended; the parked run tells it, however long
	// that takes.
	Unsettled bool `json:"unsettled,omitempty"`
	// By is who asked for what is being settled.
	By string `json:"by,omitempty"`
}

// Modes of a start: how the connector is used.
const (
	ModeDeterministic = "deterministic" // no model
	ModeModel         = "model"         // for holes only
	ModeSimulated     = "simulated"     // exactly one call a rule, whatever the compiler says
)

// Park reasons. A migration that stopped for one of them has state stopped; starting it again resumes it.
const (
	ParkShutdown     = "shutdown"              // the process was asked to end; dev resumes it at its next start
	ParkStore        = "store_unavailable"     // transient failures of the store beyond the limits
	ParkConnector    = "connector_unavailable" // transient failures of the connector beyond the limits
	ParkNoProgress   = "no_progress"           // no step succeeded for Settings.OutageAfter
	ParkDamaged      = "store_damaged"         // the store's data cannot be read, or not all of it
	ParkCredential   = "credential"            // the connector refused its credential for good
	ParkSettings     = "connector_settings"    // the connector's service does not know the address or the model
	ParkTerminated   = "workflow_ended"        // somebody terminated the workflow outside of Rulebridge, or it was lost
	ParkBudget       = "budget_exhausted"
	ParkConnectorID  = "unknown_connector" // no worker knows the connector
	ParkNotReady     = "not_ready"         // chunks are still being appended
	ParkResources    = "resources"         // macros or lookups that contradict each other
	ParkInconsistent = "inconsistent"      // the store neither hands out nor finishes the rules it counts
	ParkKey          = "unknown_key"       // payloads are encrypted with a key that the workers do not have
	ParkInternal     = "internal"          // a step failed in a way nobody foresaw; the worker's log has it
)

// StartSignal asks for a start. Mode says how the connector is used, so that the workflow asks no configuration.
type StartSignal struct {
	RequestID   string `json:"request_id"`
	ConnectorID string `json:"connector_id"`
	// Mode is one of ModeDeterministic (the default), ModeModel and ModeSimulated.
	Mode  string `json:"mode"`
	Retry bool   `json:"retry,omitempty"`
	// Again are further rules at an end that are translated again; dropped once they are pending.
	Again *Again `json:"again,omitempty"`
	By    string `json:"by,omitempty"`
	// Settings replace the run's own when set.
	Settings *Settings `json:"settings,omitempty"`
}

// Again names rules at an end beside those in error: all that are not fully translated, and chosen ones.
type Again struct {
	NotFull bool     `json:"not_full,omitempty"`
	RuleIDs []string `json:"rule_ids,omitempty"`
}

// StopSignal asks for a stop. Reason shutdown is given by dev at SIGTERM: resumed at the next start.
type StopSignal struct {
	RequestID string `json:"request_id"`
	By        string `json:"by,omitempty"`
	Reason    string `json:"reason,omitempty"`
}

// StartState answers QueryStart. State is running as soon as a start has been accepted, also while the one before is
// still being closed.
type StartState struct {
	RequestID string          `json:"request_id"`
	Epoch     int64           `json:"epoch"`
	State     migration.State `json:"state"`
	// Seen are the last request ids, oldest first.
	Seen []string `json:"seen,omitempty"`
}

// Types of the application errors that activities return; the history carries nothing else of an error. Those that are
// not retried come from activities/errors.go.
const (
	ErrorFenced           = "Fenced"           // superseded by a newer start or claim; nothing was written
	ErrorNotFound         = "NotFound"         // no such rule
	ErrorGone             = "MigrationGone"    // no such migration, or it is being deleted
	ErrorConflict         = "Conflict"         // the migration's state does not allow it
	ErrorRule             = "Rule"             // the rule fails for good; the first detail is the code
	ErrorCredential       = "Credential"       // the connector refused its credential
	ErrorBudget           = "Budget"           // the connector's budget is used up
	ErrorUnknownConnector = "UnknownConnector" // this worker has no such connector
	ErrorResources        = "Resources"        // macros or lookups that contradict each other
	ErrorStore            = "Store"            // transient: the store is unavailable
	ErrorConnector        = "Connector"        // transient: the connector is unavailable or limits the rate
	ErrorTimeout          = "Timeout"          // transient: the attempt used up its time
	ErrorInterrupted      = "Interrupted"      // transient: the process that compiles was ended from outside
	ErrorDamaged          = "Damaged"          // the store's data cannot be read; trying again does not help
	ErrorSettings         = "Settings"         // the connector's service does not know the address or the model
	ErrorUnknownKey       = "UnknownKeyError"  // transient: this worker cannot decrypt the step's input; another one may
)

// Codes of rules whose status is error.
const (
	CodeCrashed    = "crashed"                // the rule took its process down, or held it past its limit, each time it ran alone
	CodeUnreadable = migration.CodeUnreadable // the rule's document in the store cannot be decoded
	CodeTimeout    = "timeout"                // a step did not end in time, again and again
	CodeInternal   = "internal"               // a step panicked or failed in a way nobody foresaw
	CodeRefused    = "refused"                // the model's service refused the request for good
)

// SetStateInput asks for one transition of the migration document.
type SetStateInput struct {
	MigrationID string          `json:"migration_id"`
	State       migration.State `json:"state"`
	Epoch       int64           `json:"epoch"`
	ConnectorID string          `json:"connector_id,omitempty"`
	// Settings are kept in the store for a restart without this workflow; nil keeps what is there.
	Settings   *migration.Settings `json:"settings,omitempty"`
	ParkReason string              `json:"park_reason,omitempty"`
	By         string              `json:"by,omitempty"`
}

// StateOutput is what the store holds, read after the write. Applied is false when the store's epoch is newer.
type StateOutput struct {
	Applied bool             `json:"applied"`
	Epoch   int64            `json:"epoch"`
	State   migration.State  `json:"state"`
	Counts  migration.Counts `json:"counts"`
	At      time.Time        `json:"at"`
}

// CountsInput asks for the state, epoch and counts of a migration; the answer is a StateOutput.
type CountsInput struct {
	MigrationID string `json:"migration_id"`
}

// RequeueInput opens an epoch in the rule documents; the answer is a StateOutput.
type RequeueInput struct {
	MigrationID string `json:"migration_id"`
	Epoch       int64  `json:"epoch"`
	RetryErrors bool   `json:"retry_errors,omitempty"`
	// RetryNotFull and RuleIDs take further rules at an end; By is who asked for them.
	RetryNotFull bool     `json:"retry_not_full,omitempty"`
	RuleIDs      []string `json:"rule_ids,omitempty"`
	By           string   `json:"by,omitempty"`
}

// ClaimInput claims at most Limit rules under the token.
type ClaimInput struct {
	MigrationID string          `json:"migration_id"`
	Token       migration.Token `json:"token"`
	Limit       int             `json:"limit"`
}

// ClaimOutput are the claimed rules and the counts after the claim.
type ClaimOutput struct {
	RuleIDs []string         `json:"rule_ids"`
	Counts  migration.Counts `json:"counts"`
	At      time.Time        `json:"at"`
}

// ReleaseInput puts rules of the epoch back to pending, all that are processing when RuleIDs is empty; the answer is a
// StateOutput.
type ReleaseInput struct {
	MigrationID string   `json:"migration_id"`
	Epoch       int64    `json:"epoch"`
	RuleIDs     []string `json:"rule_ids,omitempty"`
}

// RuleInput names the rule a step works on.
type RuleInput struct {
	MigrationID string          `json:"migration_id"`
	RuleID      string          `json:"rule_id"`
	Token       migration.Token `json:"token"`
}

// MatchOutput says what was found, in numbers.
type MatchOutput struct {
	Matched bool `json:"matched,omitempty"`
	Near    int  `json:"near,omitempty"`
}

// TranslateInput asks for a compilation. It finishes the rule unless LeaveHoles is set and there are holes.
type TranslateInput struct {
	RuleInput
	// LeaveHoles keeps a rule with holes in processing, for a model to fill them.
	LeaveHoles bool `json:"leave_holes,omitempty"`
}

// TranslateOutput says how far the compiler came. Finished is false when the rule waits for a model.
type TranslateOutput struct {
	Finished bool             `json:"finished"`
	Result   migration.Result `json:"result,omitempty"`
	Holes    int              `json:"holes,omitempty"`
}

// CallInput asks a connector about a rule. Round counts from 1; Previous is the key of the answer of the round before.
type CallInput struct {
	RuleInput
	ConnectorID string `json:"connector_id"`
	Mode        string `json:"mode"`
	Round       int    `json:"round"`
	Previous    string `json:"previous,omitempty"`
}

// CallOutput names the recorded answer.
type CallOutput struct {
	Key     string `json:"key"`
	Attempt int    `json:"attempt"`
}

// CheckInput asks whether the answer under Key fills the holes. Last finishes the rule whatever the answer is worth.
type CheckInput struct {
	RuleInput
	Key   string `json:"key"`
	Round int    `json:"round"`
	Last  bool   `json:"last,omitempty"`
}

// CheckOutput says whether the rule is finished, and how many holes and problems are left.
type CheckOutput struct {
	Finished bool             `json:"finished"`
	Result   migration.Result `json:"result,omitempty"`
	Holes    int              `json:"holes,omitempty"`
	Problems int              `json:"problems,omitempty"`
}

// FailInput makes a rule error with a code.
type FailInput struct {
	RuleInput
	Code string `json:"code"`
	Step string `json:"step"` // the activity that failed
}

// StartOptions are the options every client starts a migration's workflow with.
func StartOptions(migrationID string) client.StartWorkflowOptions {
	return client.StartWorkflowOptions{
		ID:                       WorkflowID(migrationID),
		TaskQueue:                TaskQueue,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		StaticSummary:            "Rule migration " + migrationID,
	}
}
