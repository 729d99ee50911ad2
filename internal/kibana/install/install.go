// Package install brings the rules of a migration into a Kibana: prebuilt rules first, then those that were translated.
// Every call may be repeated: a rule keeps its rule_id, and what is there already is left alone unless a caller says
// otherwise.
package install

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/expirable"

	"github.com/rulebridge/rulebridge/internal/kibana"
	"github.com/rulebridge/rulebridge/internal/kibana/client"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/review"
	"github.com/rulebridge/rulebridge/internal/store"
)

// Rules is what an installation reads.
type Rules interface {
	Rule(ctx context.Context, id, ruleID string) (migration.Rule, error)
	List(ctx context.Context, id string, q store.RuleQuery) (rules []migration.Rule, next string, err error)
}

// Target is one Kibana; *client.Client is one. Errors of it are *client.Error.
type Target interface {
	Check(ctx context.Context) error
	Rule(ctx context.Context, ruleID string) (map[string]any, error)
	Create(ctx context.Context, rule any) error
	Patch(ctx context.Context, settings map[string]any) error
	Installable(ctx context.Context) ([]client.Prebuilt, error)
	Bootstrap(ctx context.Context) error
	InstallPrebuilt(ctx context.Context, rules []client.Prebuilt) (failed map[string]string, err error)
	Fields(ctx context.Context, pattern string) (fields map[string]bool, ok bool, err error)
	// Lookups is nil when the configuration names no Elasticsearch of this Kibana: then nobody creates lookup indices.
	Lookups() client.LookupIndices
}

// Reviews is where it is noted that a rule is installed.
type Reviews interface {
	Amend(ctx context.Context, id string, rules []store.Amendment, change func(*migration.Rule) error, each func(store.AmendResult)) error
}

// installed notes that a Kibana has a rule as it was when it was read. A rule that was changed since is not installed as it
// is now, so that nothing is noted of it.
func (i *Installer) installed(ctx context.Context, name, migrationID, by string, r migration.Rule) error {
	if i.Reviews == nil || r.ReviewState() == migration.ReviewInstalled {
		return nil
	}
	w := review.Who{By: by, At: time.Now().UTC()}
	_, err := store.AmendOne(ctx, i.Reviews, migrationID, store.Amendment{RuleID: r.ID, Revision: r.Revision},
		func(rule *migration.Rule) error { return review.Installed(rule, name, w) })
	if errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrUnreadable) {
		return nil
	}
	return err
}

// Outcome is what became of one rule.
type Outcome string

// Outcomes.
const (
	Created   Outcome = "created"
	Updated   Outcome = "updated"
	Unchanged Outcome = "unchanged" // it is there as the migration gives it
	Kept      Outcome = "kept"      // it is there and differs; only overwriting changes it
	LeftOut   Outcome = "left_out"  // the migration gives no rule
	Failed    Outcome = "failed"    // Kibana does not take it
)

// Codes of rules that failed.
const (
	CodeRefused         = "refused"          // Kibana does not take the rule
	CodeServerError     = "server_error"     // Kibana answers 500 to it, again and again
	CodeUnknownPrebuilt = "unknown_prebuilt" // this Kibana has no prebuilt rule of that id
	CodeLookup          = "lookup"           // Elasticsearch does not take a lookup index that the rule needs
)

// ErrUnknown says that the configuration names no such Kibana.
var ErrUnknown = errors.New("the configuration names no such Kibana")

// Installer installs rules in the Kibanas that are configured.
type Installer struct {
	Rules   Rules
	Targets map[string]Target
	// Reviews notes that rules are installed; nil: nobody does.
	Reviews Reviews
	// Reasons keeps what Kibana said of rules that it did not take; nil: only the log has it.
	Reasons Reasons

	mu    sync.Mutex
	names *expirable.LRU[string, kibana.LookupNames] // by migration
}

// Names are the configured Kibanas.
func (i *Installer) Names() []string { return slices.Sorted(maps.Keys(i.Targets)) }

// Target is the Kibana of that name.
func (i *Installer) Target(name string) (Target, error) {
	if t := i.Targets[name]; t != nil {
		return t, nil
	}
	return nil, ErrUnknown
}

// Kind says how a rule of a migration gets into a Kibana.
type Kind string

// Kinds.
const (
	Custom   Kind = "custom"
	Prebuilt Kind = "prebuilt"
	Nothing  Kind = "nothing" // not at all
)

// KindOf sorts a rule.
func KindOf(r migration.Rule) Kind {
	if kibana.Prebuilds(r) {
		return Prebuilt
	}
	if !kibana.Makes(r) {
		return Nothing
	}
	return Custom
}

// Result is what became of one rule; Code is set for those that failed, Why is for a log.
type Result struct {
	Outcome Outcome
	Code    string
	Status  int
	Why     string
}

func failure(err error) (Result, error) {
	var e *client.Error
	if errors.As(err, &e) && e.Reason == client.Refused {
		return Result{Outcome: Failed, Code: CodeRefused, Status: e.Status, Why: e.Message}, nil
	}
	return Result{}, err
}

// Install brings one translated rule into a Kibana, and notes who had it installed.
func (i *Installer) Install(ctx context.Context, name, migrationID, ruleID, by string, overwrite bool) (Result, error) {
	r, err := i.Rules.Rule(ctx, migrationID, ruleID)
	if err != nil {
		return Result{}, err
	}
	result, err := i.install(ctx, name, migrationID, r, overwrite)
	if err != nil {
		return result, err
	}
	switch result.Outcome {
	case Created, Updated, Unchanged: // unchanged also when an attempt made it whose answer was lost
		return result, i.installed(ctx, name, migrationID, by, r)
	}
	return result, nil
}

func (i *Installer) install(ctx context.Context, name, migrationID string, r migration.Rule, overwrite bool) (Result, error) {
	t, err := i.Target(name)
	if err != nil {
		return Result{}, err
	}
	rule, lookups, why, err := i.make(ctx, migrationID, r)
	if err != nil {
		return Result{}, err
	}
	if why != "" {
		return Result{Outcome: LeftOut, Why: why}, nil
	}
	if failed, err := i.lookups(ctx, t, lookups); err != nil || failed != nil {
		return *cmp.Or(failed, &Result{}), err
	}
	there, err := t.Rule(ctx, rule.RuleID)
	if err != nil {
		return failure(err)
	}
	if there == nil {
		err := t.Create(ctx, rule)
		if err == nil {
			return Result{Outcome: Created}, nil
		}
		if client.ReasonOf(err) != client.Conflict {
			return failure(err)
		}
		// An attempt whose answer was lost made it, or somebody else did just now.
		if there, err = t.Rule(ctx, rule.RuleID); err != nil || there == nil {
			return failure(errors.Join(err, &client.Error{Reason: client.Unavailable, Message: "a rule is there and cannot be read"}))
		}
	}
	changes, settings, err := compare(there, rule)
	switch {
	case err != nil:
		return Result{}, err
	case len(changes) == 0:
		return Result{Outcome: Unchanged}, nil
	case !overwrite:
		return Result{Outcome: Kept}, nil
	}
	if err := t.Patch(ctx, settings); err != nil {
		return failure(err)
	}
	return Result{Outcome: Updated}, nil
}

// Enable enables a rule that is there, disabled, fully translated and just as the migration gives it.
func (i *Installer) Enable(ctx context.Context, name, migrationID, ruleID string) (enabled bool, err error) {
	t, err := i.Target(name)
	if err != nil {
		return false, err
	}
	r, err := i.Rules.Rule(ctx, migrationID, ruleID)
	if err != nil {
		return false, err
	}
	rule, lookups, why, err := i.make(ctx, migrationID, r)
	if err != nil || why != "" || !slices.Contains(rule.Tags, kibana.TagFull) {
		return false, err
	}
	there, err := t.Rule(ctx, rule.RuleID)
	if err != nil || there == nil || there["enabled"] == true {
		return false, err
	}
	if changes, _, err := compare(there, rule); err != nil || len(changes) > 0 {
		return false, err
	}
	for _, k := range lookups { // without it the rule would fail at every run
		if _, ok, err := t.Fields(ctx, k.Name); err != nil || !ok {
			return false, err
		}
	}
	return true, t.Patch(ctx, map[string]any{"rule_id": rule.RuleID, "enabled": true})
}

// Prebuilt installs the prebuilt rules that rules of a migration were matched with, and gives the result of each.
func (i *Installer) Prebuilt(ctx context.Context, name, migrationID, by string, ruleIDs []string) (map[string]Result, error) {
	read := map[string]migration.Rule{}
	out, err := i.prebuilt(ctx, name, migrationID, ruleIDs, read)
	if err != nil {
		return out, err
	}
	for ruleID, result := range out {
		if result.Outcome == Created || result.Outcome == Unchanged {
			if err := i.installed(ctx, name, migrationID, by, read[ruleID]); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// prebuilt keeps in read the rules as they were.
func (i *Installer) prebuilt(ctx context.Context, name, migrationID string, ruleIDs []string, read map[string]migration.Rule) (map[string]Result, error) {
	t, err := i.Target(name)
	if err != nil {
		return nil, err
	}
	out := map[string]Result{}
	wanted := map[string][]string{} // rules of ours by prebuilt rule
	for _, ruleID := range ruleIDs {
		r, err := i.Rules.Rule(ctx, migrationID, ruleID)
		if err != nil {
			return nil, err
		}
		read[ruleID] = r
		if KindOf(r) != Prebuilt {
			out[ruleID] = Result{Outcome: LeftOut}
			continue
		}
		there, err := t.Rule(ctx, r.Matched.RuleID)
		if err != nil {
			return nil, err
		}
		if there != nil {
			out[ruleID] = Result{Outcome: Unchanged}
			continue
		}
		wanted[r.Matched.RuleID] = append(wanted[r.Matched.RuleID], ruleID)
	}
	if len(wanted) == 0 {
		return out, nil
	}
	found, err := installable(ctx, t, wanted)
	if err != nil {
		return nil, err
	}
	failed := map[string]string{}
	if len(found) > 0 {
		if failed, err = t.InstallPrebuilt(ctx, found); err != nil {
			return nil, err
		}
	}
	for prebuilt, ours := range wanted {
		result := Result{Outcome: Created}
		if !slices.ContainsFunc(found, func(p client.Prebuilt) bool { return p.RuleID == prebuilt }) {
			result = Result{Outcome: Failed, Code: CodeUnknownPrebuilt, Why: "this Kibana has no prebuilt rule " + prebuilt}
		} else if why, bad := failed[prebuilt]; bad {
			result = Result{Outcome: Failed, Code: CodeRefused, Why: why}
		}
		for _, ruleID := range ours {
			out[ruleID] = result
		}
	}
	return out, nil
}

// installable finds the wanted prebuilt rules with their versions. A Kibana that has none yet is asked to fetch them once.
func installable(ctx context.Context, t Target, wanted map[string][]string) ([]client.Prebuilt, error) {
	for fetched := false; ; fetched = true {
		all, err := t.Installable(ctx)
		if err != nil {
			return nil, err
		}
		var found []client.Prebuilt
		for _, p := range all {
			if wanted[p.RuleID] != nil {
				found = append(found, p)
			}
		}
		if len(found) == len(wanted) || fetched {
			return found, nil
		}
		if err := t.Bootstrap(ctx); err != nil {
			if client.ReasonOf(err) == client.Unavailable || client.ReasonOf(err) == client.Limited {
				return nil, err
			}
			return found, nil // without the packages' service the rest is not to be had
		}
	}
}

// Change is one setting of an installed rule that differs from what the migration gives.
type Change struct {
	Setting string `json:"setting"`
	There   any    `json:"there"`
	Here    any    `json:"here"`
}

// compare lists what differs, and gives the settings that overwrite it. Whether the rule is enabled, and what is set there
// and not here, is the business of those who run that Kibana.
func compare(there map[string]any, rule kibana.Rule) ([]Change, map[string]any, error) {
	data, err := json.Marshal(rule)
	if err != nil {
		return nil, nil, fmt.Errorf("compare with an installed rule: %w", err)
	}
	var here map[string]any
	if err := json.Unmarshal(data, &here); err != nil {
		return nil, nil, fmt.Errorf("compare with an installed rule: %w", err)
	}
	for _, key := range []string{"enabled", "version"} {
		delete(here, key)
	}
	var changes []Change
	for _, key := range slices.Sorted(maps.Keys(here)) {
		if !same(there[key], here[key]) {
			changes = append(changes, Change{Setting: key, There: there[key], Here: here[key]})
		}
	}
	return changes, here, nil
}

// same compares two JSON values; what is empty is as good as absent.
func same(a, b any) bool {
	x, errX := json.Marshal(trim(a))
	y, errY := json.Marshal(trim(b))
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

func trim(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, inner := range v {
			if inner = trim(inner); inner != nil {
				out[key] = inner
			}
		}
		if len(out) > 0 {
			return out
		}
		return nil
	case []any:
		out := make([]any, 0, len(v))
		for _, inner := range v {
			out = append(out, trim(inner))
		}
		if len(out) > 0 {
			return out
		}
		return nil
	case string:
		if v == "" {
			return nil
		}
	}
	return v
}
