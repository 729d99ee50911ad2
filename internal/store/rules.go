package store

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// MaxPage is the largest page of List.
const MaxPage = 1000

// Tombstones lists migrations whose deletion was begun and not finished, so that a start can finish it with
// DeleteMigration.
type Tombstones interface {
	Tombstoned(ctx context.Context) ([]string, error)
}

// NewRule is the document of a rule that was just added. The parts that are arrays in the API are empty, not null.
func NewRule(migrationID string, original migration.OriginalRule, at time.Time, by string) migration.Rule {
	return migration.Rule{
		Timestamp: at, ID: original.ID, MigrationID: migrationID, CreatedBy: by, Original: original,
		Status: migration.StatusPending, Near: []migration.Match{}, Comments: []migration.Comment{},
		Diagnostics: []migration.Diagnostic{}, History: []migration.HistoryEntry{}, UpdatedAt: at, UpdatedBy: by, Revision: 1,
	}
}

// Again says which rules at an end a start translates again: those of either kind that no person has settled
// (migration.Rule.Settled), and those that are named.
type Again struct {
	Failed  bool     // in error
	NotFull bool     // finished, and partial or untranslatable
	RuleIDs []string // whatever they came to, and whoever changed them
	By      string
}

// None reports whether no rule at an end is taken.
func (a Again) None() bool { return !a.Failed && !a.NotFull && len(a.RuleIDs) == 0 }

// Restarted is a rule at an end as Requeue leaves it: pending, with its earlier result in the history.
func Restarted(was migration.Rule, again Again, at time.Time) migration.Rule {
	earlier := &migration.Earlier{Status: was.Status, Result: was.Result, ErrorCode: was.ErrorCode, UpdatedAt: was.UpdatedAt}
	earlier.Review = was.Review
	if was.Elastic != nil {
		earlier.Query = was.Elastic.Query
	}
	if was.Edited != nil {
		earlier.EditedBy = was.Edited.By
	}
	if was.Matched != nil {
		earlier.PrebuiltRuleID = was.Matched.RuleID
	}
	for _, d := range was.Diagnostics {
		if !slices.Contains(earlier.Codes, d.Code) {
			earlier.Codes = append(earlier.Codes, d.Code)
		}
	}
	r := NewRule(was.MigrationID, was.Original, was.Timestamp, was.CreatedBy)
	r.Comments = was.Comments
	r.History = append(slices.Clip(was.History), migration.HistoryEntry{
		At: at, By: again.By, Action: migration.ActionRequeued, Detail: cmp.Or(was.ErrorCode, string(was.Result)), Earlier: earlier})
	r.UpdatedAt, r.UpdatedBy = at, again.By
	r.Revision = was.Revision
	return r
}

// CheckChange is the fence of SetState, the same in every store: state, epoch and stateEpoch are the stored ones, where
// epoch is the newest start seen and stateEpoch the start that wrote state. Within one start the state goes from running
// to stopped or finished and never back, so a late repetition of an earlier change is refused.
func CheckChange(state migration.State, epoch, stateEpoch int64, c Change) error {
	switch c.State {
	case migration.Creating, migration.Ready, migration.Running, migration.Stopped, migration.Finished:
	default:
		return fmt.Errorf("unknown state %q", c.State)
	}
	if c.Epoch < epoch {
		return fmt.Errorf("change of start %d, the current is %d: %w", c.Epoch, epoch, ErrFenced)
	}
	if state == migration.Creating && c.State == migration.Running {
		return fmt.Errorf("start while rules are still being added: %w", ErrConflict)
	}
	if c.State == state || c.Epoch > stateEpoch || c.Epoch == 0 {
		return nil
	}
	// The same start wrote the state, or rules appended since made it ready.
	if c.State == migration.Running || state == migration.Ready {
		return fmt.Errorf("start %d is %s already: %w", c.Epoch, state, ErrFenced)
	}
	return nil
}

// CheckClaim is the fence of Claim, with the same arguments: a start claims only until it is stopped or finished.
func CheckClaim(state migration.State, epoch, stateEpoch int64, token migration.Token) error {
	if token.Epoch < epoch {
		return fmt.Errorf("claim of start %d, the current is %d: %w", token.Epoch, epoch, ErrFenced)
	}
	if state == migration.Creating {
		return fmt.Errorf("claim while rules are still being added: %w", ErrConflict)
	}
	if token.Epoch == stateEpoch && token.Epoch > 0 && state != migration.Running {
		return fmt.Errorf("claim of start %d, which is %s: %w", token.Epoch, state, ErrFenced)
	}
	return nil
}

// Apply is the heart of Record, the same in every store: it runs the change on a copy of the stored rule and says whether
// there is something to write. ErrFenced if the rule is not processing under the token; a rule already at the end the
// change asks for, under the same token, needs no write. Identity, origin and token are not the change's to alter; a
// change to pending gives the rule back and clears its token.
func Apply(was migration.Rule, token migration.Token, change func(*migration.Rule), now time.Time) (r migration.Rule, write bool, err error) {
	if was.Token != token || was.Status == migration.StatusPending {
		return r, false, fmt.Errorf("rule is %s under claim %d of start %d, the write is of claim %d of start %d: %w",
			was.Status, was.Token.Claim, was.Token.Epoch, token.Claim, token.Epoch, ErrFenced)
	}
	before, err := content(was)
	if err != nil {
		return r, false, err
	}
	r = was
	change(&r)
	if was.Status != migration.StatusProcessing {
		if r.Status == was.Status {
			return was, false, nil
		}
		return r, false, fmt.Errorf("rule is %s already: %w", was.Status, ErrFenced)
	}
	switch r.Status {
	case migration.StatusPending, migration.StatusProcessing, migration.StatusFinished, migration.StatusError:
	default:
		return r, false, fmt.Errorf("the change set the unknown status %q", r.Status)
	}
	r.Timestamp, r.ID, r.MigrationID, r.CreatedBy, r.Original = was.Timestamp, was.ID, was.MigrationID, was.CreatedBy, was.Original
	r.Token, r.Revision = was.Token, was.Revision
	if r.Status == migration.StatusPending {
		r.Token = migration.Token{}
	}
	after, err := content(r)
	if err != nil {
		return r, false, err
	}
	if bytes.Equal(before, after) {
		return was, false, nil
	}
	if r.UpdatedAt.Equal(was.UpdatedAt) {
		r.UpdatedAt = now
	}
	return r, true, nil
}

// Amended is the heart of Amend, the same in every store: it runs a person's change on a copy of the stored rule and says
// whether there is something to write. Identity, origin, status and token are not the change's to alter.
func Amended(was migration.Rule, revision int64, change func(*migration.Rule) error, now time.Time) (r migration.Rule, write bool, err error) {
	if was.Status == migration.StatusProcessing || revision != 0 && revision != was.Revision {
		return was, false, &ConflictError{RuleID: was.ID, By: was.UpdatedBy, At: was.UpdatedAt, Revision: was.Revision,
			Processing: was.Status == migration.StatusProcessing}
	}
	before, err := content(was)
	if err != nil {
		return was, false, err
	}
	r = was
	if err := change(&r); err != nil {
		return was, false, err
	}
	r.Timestamp, r.ID, r.MigrationID, r.CreatedBy, r.Original = was.Timestamp, was.ID, was.MigrationID, was.CreatedBy, was.Original
	r.Token, r.Revision, r.Status = was.Token, was.Revision, was.Status
	after, err := content(r)
	if err != nil {
		return was, false, err
	}
	if bytes.Equal(before, after) {
		return was, false, nil
	}
	if r.UpdatedAt.Equal(was.UpdatedAt) {
		r.UpdatedAt = now
	}
	return r, true, nil
}

// content is what a change can alter; comparing it does not depend on what a change did to shared slices.
func content(r migration.Rule) ([]byte, error) {
	r.Original = migration.OriginalRule{}
	return json.Marshal(r)
}

// Readable refuses a change of a rule whose document could not be decoded for the reason given: what could be read of it
// may end with an error, and nothing else.
func Readable(r migration.Rule, reason error) error {
	if reason == nil || r.Status == migration.StatusError {
		return nil
	}
	return fmt.Errorf("rule %q of migration %q: %w: %w", r.ID, r.MigrationID, ErrUnreadable, reason)
}
