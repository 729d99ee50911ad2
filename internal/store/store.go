// Package store defines what the rest of Rulebridge needs of a database, in small interfaces, and the errors every
// store gives. internal/store/storetest holds the one suite that each store passes.
package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
)

var (
	// ErrNotFound: no such migration, rule or answer (or it carries a tombstone).
	ErrNotFound = errors.New("not found")
	// ErrFenced: the write came from a token or epoch that is no longer current; nothing was changed.
	ErrFenced = errors.New("superseded by a newer start or claim")
	// ErrConflict: the migration is in a state that does not allow the call (append while running, start while creating).
	ErrConflict = errors.New("not allowed in this state")
	// ErrBudget: a migration has made as many calls as the connector's budget allows; no attempt was counted.
	ErrBudget = errors.New("the connector's budget for this migration is used up")
	// ErrUnreadable: the stored document of one rule cannot be decoded. Record may still end the rule with an error, and
	// List gives what can be read of it.
	ErrUnreadable = errors.New("the stored document of the rule cannot be read")
	// ErrDamaged marks data that cannot be read: retrying does not help.
	ErrDamaged = errors.New("the store's data is damaged")
	// ErrUnavailable marks transient failures of the store itself: retry later.
	ErrUnavailable = errors.New("store unavailable")
)

// ConflictError says that a rule is not as it was when a person looked at it, or that it is being translated now. It is an
// ErrConflict.
type ConflictError struct {
	RuleID string
	// By and At are of the last change, Revision is the stored one.
	By       string
	At       time.Time
	Revision int64
	// Processing: a start works on the rule.
	Processing bool
}

func (e *ConflictError) Error() string {
	if e.Processing {
		return fmt.Sprintf("rule %q is being translated now: try again when that is done", e.RuleID)
	}
	return fmt.Sprintf("rule %q was changed by %s at %s: look at it again", e.RuleID, e.By, e.At.UTC().Format(time.RFC3339))
}

// Unwrap makes it an ErrConflict.
func (e *ConflictError) Unwrap() error { return ErrConflict }

// Amendment names a rule that a person changes. Revision is what the person saw of it; 0 means whatever is stored.
type Amendment struct {
	RuleID   string
	Revision int64
}

// AmendResult is what became of an Amendment: the rule before and after, or why it was not changed. Of a rule that is not there
// Err is ErrNotFound.
type AmendResult struct {
	RuleID   string
	Was, Now migration.Rule
	Err      error
}

// Store is everything; consumers name the small interface they need.
type Store interface {
	Migrations
	Rules
	Resources
	Answers
	// Ready checks that the store can be written to.
	Ready(ctx context.Context) error
	Close() error
}

// Migrations keeps migration documents.
type Migrations interface {
	// CreateMigration stores the document and its first rules in one step: all or nothing.
	CreateMigration(ctx context.Context, m migration.Migration, rules []migration.OriginalRule) error
	// AppendRules adds rules whose id is not there yet and reports how many; with seal a creating migration becomes ready.
	// A finished migration becomes ready again when rules were added. ErrConflict while running.
	AppendRules(ctx context.Context, id string, rules []migration.OriginalRule, seal bool, by string) (added int, err error)
	Migration(ctx context.Context, id string) (migration.Migration, error)
	Migrations(ctx context.Context) ([]migration.Migration, error)
	// Overview returns every migration that is not deleted, oldest first, with its counts, which may be a second old. It
	// reads no documents of rules.
	Overview(ctx context.Context) ([]Standing, error)
	// SetState records a transition. It is fenced: a Change with an epoch older than the stored one gives ErrFenced; the
	// same change twice is one change.
	SetState(ctx context.Context, id string, c Change) error
	// Rename gives a migration another name, whatever its state.
	Rename(ctx context.Context, id, name, by string) error
	// MarkDeleted sets the tombstone; afterwards every write on the migration gives ErrNotFound. DeleteMigration removes
	// documents in bounded steps and may be repeated.
	MarkDeleted(ctx context.Context, id string) error
	DeleteMigration(ctx context.Context, id string) error
}

// Standing is a migration with where its rules stand.
type Standing struct {
	migration.Migration
	Counts  migration.Counts
	Results migration.Results
}

// Change is one transition of a migration document.
type Change struct {
	State       migration.State
	Epoch       int64
	ConnectorID string              // kept when empty
	Settings    *migration.Settings // kept when nil
	ParkReason  string
	Error       string
	By          string
	At          time.Time
}

// Rules keeps rule documents. All counts are read after the write they come with, never from a stale view.
type Rules interface {
	// Requeue is the first step of a start epoch: processing rules whose token's epoch is not Epoch go back to pending;
	// recorded steps stay. So do the rules at an end that again takes: they begin anew, and what they had come to is kept
	// in their history. A rule that reached its end under this very epoch stays, as the call may be a late repetition.
	Requeue(ctx context.Context, id string, epoch int64, again Again) (migration.Counts, error)
	// Claim turns at most limit pending rules, in id order, to processing under the token and returns their ids with the
	// counts after it; what others wrote while it ran may be missing in those. Called again with the same token it
	// returns what that token already holds and claims no more. A token whose epoch is older than the migration's gives
	// ErrFenced, and so does a start that is stopped or finished.
	// A store may count rules that are still processing under an older start as pending.
	Claim(ctx context.Context, id string, token migration.Token, limit int) (ids []string, counts migration.Counts, err error)
	Rule(ctx context.Context, id, ruleID string) (migration.Rule, error)
	// Record applies change to the rule document if the rule is processing under the token, and stores it; otherwise
	// ErrFenced. A deleted rule gives ErrNotFound and does not come back. The change must be a pure function: a store may
	// call it again after a concurrent write. A rule that is already finished under the same token returns nil without
	// a second write when the change asks for finished: recording twice is recording once.
	Record(ctx context.Context, id, ruleID string, token migration.Token, change func(*migration.Rule)) error
	// Amend changes rules as a person asks, in a bounded number of round trips, and tells each what became of one; what
	// fails for one rule changes nothing for the others. It is optimistic: a rule whose revision is another than that of the
	// amendment, and one that is processing, gives *ConflictError and stays as it is, so that the same amendment twice is
	// told and not doubled. A change that alters nothing writes nothing. The change must be a pure function: a store may
	// call it again after a concurrent write. A deleted rule does not come back.
	Amend(ctx context.Context, id string, rules []Amendment, change func(*migration.Rule) error, each func(AmendResult)) error
	// Release puts the given rules back to pending if they are processing under the epoch; recorded steps stay. With no ids
	// it releases every processing rule of the epoch.
	Release(ctx context.Context, id string, epoch int64, ruleIDs []string) (migration.Counts, error)
	// Counts are exact at the time of the call.
	Counts(ctx context.Context, id string) (migration.Counts, error)
	// ErrorCodes counts the rules in error by their code; rules without one are not in it.
	ErrorCodes(ctx context.Context, id string) (map[string]int, error)
	// List returns one page in id order and the cursor of the next, empty on the last.
	List(ctx context.Context, id string, q RuleQuery) (rules []migration.Rule, next string, err error)
	// Changes lists the rules that changed after a mark, with the revisions they have now: the mark that an earlier call
	// gave, or 0 for all rules. It reads no documents. A store may list rules that changed a little earlier too, and one
	// whose processes have clocks that differ by more than ClockSkew may leave some out; the counts beside show that.
	Changes(ctx context.Context, id string, mark int64) (Changes, error)
	// DeleteRule removes one rule.
	DeleteRule(ctx context.Context, id, ruleID string) error
}

// RuleQuery selects rule documents. Size is at most 1,000.
type RuleQuery struct {
	After  string
	Size   int
	Status migration.Status
	Result migration.Result
	// IDs, at most 1,000, are the rules to look at; empty means all. Those that are not there are left out.
	IDs []string
	// Unsettled leaves out the rules that a person has settled (migration.Rule.Settled).
	Unsettled bool
}

// AmendOne is Amend of one rule.
func AmendOne(ctx context.Context, rules interface {
	Amend(ctx context.Context, id string, rules []Amendment, change func(*migration.Rule) error, each func(AmendResult)) error
}, id string, a Amendment, change func(*migration.Rule) error) (migration.Rule, error) {
	var one AmendResult
	if err := rules.Amend(ctx, id, []Amendment{a}, change, func(r AmendResult) { one = r }); err != nil {
		return migration.Rule{}, err
	}
	return one.Now, one.Err
}

// AmendStep is how many rules Amend reads and writes at a time.
const AmendStep = 200

// ClockSkew is how far the clocks of processes that share a store may be apart.
const ClockSkew = 30 * time.Second

// Changes are rules that changed, in no order, and how many rules there are by status at that moment.
type Changes struct {
	Rules  []RuleChange
	Mark   int64 // of the next call
	Counts migration.Counts
}

// RuleChange is a rule that changed, with its revision now.
type RuleChange struct {
	ID       string `json:"id"`
	Revision int64  `json:"revision"`
}

// Resources keeps the macros and lookups of a migration.
type Resources interface {
	UpsertResources(ctx context.Context, id string, rs []migration.Resource) (upserted int, err error)
	Resources(ctx context.Context, id string) ([]migration.Resource, error)
	// ResourcesVersion changes whenever a resource of the migration does; it lets workers cache a prepared compiler.
	ResourcesVersion(ctx context.Context, id string) (int64, error)
}

// Answers keeps what models said, under deterministic keys, so that a recorded answer is never asked for again.
type Answers interface {
	// BeginCall counts an attempt for the key, or returns the recorded answer if there is one. With a budget the attempt
	// is counted only while the migration's attempts at the connector stay within the budget, whoever else begins calls
	// at the same time; otherwise ErrBudget.
	BeginCall(ctx context.Context, id, key string, c Call) (attempt int, answer *Answer, err error)
	SaveAnswer(ctx context.Context, id, key string, a Answer) error
	Answer(ctx context.Context, id, key string) (Answer, error)
	// CallStats sums the attempts and recorded answers of a migration.
	CallStats(ctx context.Context, id string) (attempts, answers int, err error)
}

// Call says at whose cost a model is asked.
type Call struct {
	ConnectorID string
	// Budget is the most attempts of one migration at the connector; 0 means no limit.
	Budget int
}

// Answer is one model answer.
type Answer struct {
	Text         string    `json:"text"`
	ConnectorID  string    `json:"connector_id"`
	Model        string    `json:"model,omitempty"`
	PromptTokens int       `json:"prompt_tokens,omitempty"`
	OutputTokens int       `json:"output_tokens,omitempty"`
	At           time.Time `json:"at"`
}
