// Package workflows decides and never does: the migration workflow, its steps per rule, and the contract with the
// gateway, the worker and the activities. It imports the SDK and internal/migration only.
package workflows

import (
	"time"

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
	ParkReason     string           `json:"park_reason,omitempty"`
}

// StartSignal asks for a start. NeedsModel and Simulated say how the connector is used, so that the workflow asks no
// configuration.
type StartSignal struct {
	RequestID   string `json:"request_id"`
	ConnectorID string `json:"connector_id"`
	// Mode is "deterministic" (no model), "model" (for holes only) or "simulated" (exactly one call a rule).
	Mode  string `json:"mode"`
	Retry bool   `json:"retry,omitempty"`
	By    string `json:"by,omitempty"`
	// Settings replace the run's own when set.
	Settings *Settings `json:"settings,omitempty"`
}

// StopSignal asks for a stop. Reason shutdown is given by dev at SIGTERM: resumed at the next start.
type StopSignal struct {
	RequestID string `json:"request_id"`
	By        string `json:"by,omitempty"`
	Reason    string `json:"reason,omitempty"`
}

// StartState answers QueryStart.
type StartState struct {
	RequestID string          `json:"request_id"`
	Epoch     int64           `json:"epoch"`
	State     migration.State `json:"state"`
	// Seen are the last request ids, oldest first.
	Seen []string `json:"seen,omitempty"`
}
