package workflows

import (
	"math"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// Defaults of Settings and the bounds of one run.
const (
	defaultBatch          = 50
	defaultRunRules       = 500
	defaultRunEvents      = 10_000
	runBytes              = 8 << 20
	defaultOutageFailures = 20
	defaultOutageAfter    = 10 * time.Minute
	defaultRetryInterval  = 250 * time.Millisecond

	// drainLimit bounds how long a run waits for what is in flight before it continues as new; what is left then goes
	// back to pending.
	drainLimit = 5 * time.Minute
	// parkedEvents keeps a parked run small however many signals it ignores.
	parkedEvents = 22
	// keptRequestIDs are remembered to recognise a signal that is sent twice.
	keptRequestIDs = 100
	// modelRounds bounds how often a model is asked to fill the holes of one rule.
	modelRounds = 3
)

// profile names how an activity is run. Every attempt is bounded by StartToClose, a lost worker is noticed by the
// heartbeat, and attempts say when a transient failure counts as an outage.
type profile int

const (
	// storeStep reads or writes many documents at once.
	storeStep profile = iota
	// ruleStep works on one rule in this process.
	ruleStep
	// modelStep waits for a model; it runs on the connector's own queue.
	modelStep
	// closingStep is tried a few times only: when it fails, the parked run goes on with settleStep.
	closingStep
	// settleStep is tried until it succeeds, slowly.
	settleStep
	// askStep reads alerts or the store for a question while somebody waits.
	askStep
	// askModel waits for a model's turn in a question; it runs on the connector's own queue.
	askModel
	// askClosing records how a question ended, or deletes what it recorded.
	askClosing
	// installStep talks to a Kibana. An outage of it may last some minutes; then the installation ends, to be taken up again.
	installStep
)

// withDefaults fills what the caller left open.
func (s Settings) withDefaults() Settings {
	if s.Batch <= 0 {
		s.Batch = defaultBatch
	}
	if s.OutageFailures <= 0 {
		s.OutageFailures = defaultOutageFailures
	}
	if s.OutageAfter <= 0 {
		s.OutageAfter = defaultOutageAfter
	}
	if s.RetryInterval <= 0 {
		s.RetryInterval = defaultRetryInterval
	}
	if s.RunRules <= 0 {
		s.RunRules = defaultRunRules
	}
	if s.RunEvents <= 0 {
		s.RunEvents = defaultRunEvents
	}
	return s
}

// activityOptions are the options of one profile under the settings of the migration.
func (s Settings) activityOptions(p profile, summary string) workflow.ActivityOptions {
	retry := &temporal.RetryPolicy{
		InitialInterval:    s.RetryInterval,
		BackoffCoefficient: 2,
		MaximumInterval:    80 * s.RetryInterval,
		MaximumAttempts:    int32(s.OutageFailures),
	}
	o := workflow.ActivityOptions{
		HeartbeatTimeout:    15 * time.Second,
		WaitForCancellation: true,
		RetryPolicy:         retry,
		Summary:             summary,
	}
	switch p {
	case ruleStep:
		o.StartToCloseTimeout = time.Minute
	case closingStep:
		o.StartToCloseTimeout = 2 * time.Minute
		retry.MaximumAttempts = 3
	case settleStep:
		o.StartToCloseTimeout = 5 * time.Minute
		retry.MaximumAttempts = math.MaxInt32
		retry.MaximumInterval = 240 * s.RetryInterval
	case askStep:
		o.StartToCloseTimeout = 30 * time.Second
		retry.MaximumAttempts = 6
	case askModel:
		// A model may think for two minutes; the question's own limit ends it earlier.
		o.StartToCloseTimeout = 150 * time.Second
		retry.MaximumAttempts = 5
	case askClosing:
		o.StartToCloseTimeout = 30 * time.Second
		retry.MaximumAttempts = 20
	case installStep:
		o.StartToCloseTimeout = 2 * time.Minute
	default:
		o.StartToCloseTimeout = 5 * time.Minute
	}
	if s.HeartbeatTimeout > 0 {
		o.HeartbeatTimeout = s.HeartbeatTimeout
	}
	if s.StartToClose > 0 {
		o.StartToCloseTimeout = s.StartToClose
	}
	return o
}

// claimEvery bounds how often a nearly full window of rules that end quickly is topped up.
const claimEvery = 20 * time.Millisecond

// refill says how many places of the window must be free before more rules are claimed. Rules that end quickly refill in
// chunks, so that claims stay few. Rules that wait for a model are replaced one by one at once: there an empty place costs
// more than a claim, and the claims, which never overlap, bundle what ends meanwhile.
func (s Settings) refill(mode string, sinceClaim time.Duration) int {
	if mode == ModeSimulated || mode == ModeModel || sinceClaim >= claimEvery {
		return 1
	}
	return max(1, s.Batch/5)
}
