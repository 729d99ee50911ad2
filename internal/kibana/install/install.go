// Package install brings the rules of a migration into a Kibana: prebuilt rules first, then those that were translated.
// Every call may be repeated: a rule keeps its rule_id, and what is there already is left alone unless a caller says
// otherwise.
package install

import (
	"cmp"
	"context"
	"errors"
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
	ExceptionList(ctx context.Context, listID string) (map[string]any, error)
	CreateExceptionList(ctx context.Context, list any) error
	ExceptionItems(ctx context.Context, listID string) ([]map[string]any, error)
	CreateExceptionItem(ctx context.Context, item any) error
	UpdateExceptionItem(ctx context.Context, item map[string]any) error
	DeleteExceptionItem(ctx context.Context, itemID string) error
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
	CodeExceptions      = "exceptions"       // Kibana does not take the exception list of the rule
)

// ErrUnknown says that the configuration names no such Kibana.
var ErrUnknown = errors.New("the configuration names no such Kibana")

// ErrNoFilters says that nothing here tells exclusions apart.
var ErrNoFilters = errors.New("exception lists were asked for, and there is no compiler that tells exclusions apart")

// Options say how rules are installed.
type Options struct {
	// Overwrite changes rules that are there and differ.
	Overwrite bool
	// Exceptions has the exclusions of rules made exception lists, where those say exactly the same.
	Exceptions bool
	// Take says which rules are installed; empty: all that the migration gives.
	Take migration.Take
}

// Installer installs rules in the Kibanas that are configured.
type Installer struct {
	Rules   Rules
	Targets map[string]Target
	// Reviews notes that rules are installed; nil: nobody does.
	Reviews Reviews
	// Reasons keeps what Kibana said of rules that it did not take; nil: only the log has it.
	Reasons Reasons
	// Filters tell exclusions apart; nil: no exception lists can be asked for.
	Filters kibana.Filters

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

// Sort is KindOf where take is asked for; what is left out has the reason.
func Sort(r migration.Rule, take migration.Take) (Kind, migration.Omission) {
	if code, _ := kibana.Omitted(r, take); code != "" {
		return Nothing, code
	}
	return KindOf(r), ""
}

// Result is what became of one rule; Code is set for those that failed or are left out, Why is for a log.
type Result struct {
	Outcome Outcome
	Code    string
	Status  int
	Why     string
	// Exceptions counts the exclusions that the rule has in its exception list.
	Exceptions int
}

func failure(err error) (Result, error) {
	var e *client.Error
	if errors.As(err, &e) && e.Reason == client.Refused {
		return Result{Outcome: Failed, Code: CodeRefused, Status: e.Status, Why: e.Message}, nil
	}
	return Result{}, err
}

// Install brings one translated rule into a Kibana, and notes who had it installed.
func (i *Installer) Install(ctx context.Context, name, migrationID, ruleID, by string, o Options) (Result, error) {
	r, err := i.Rules.Rule(ctx, migrationID, ruleID)
	if err != nil {
		return Result{}, err
	}
	result, err := i.install(ctx, name, migrationID, r, o)
	if err != nil {
		return result, err
	}
	switch result.Outcome {
	case Created, Updated, Unchanged: // unchanged also when an attempt made it whose answer was lost
		return result, i.installed(ctx, name, migrationID, by, r)
	}
	return result, nil
}

func (i *Installer) install(ctx context.Context, name, migrationID string, r migration.Rule, o Options) (Result, error) {
	t, err := i.Target(name)
	if err != nil {
		return Result{}, err
	}
	m, err := i.make(ctx, migrationID, r, o)
	if err != nil {
		return Result{}, err
	}
	if m.why != "" {
		return Result{Outcome: LeftOut, Code: string(m.code), Why: m.why}, nil
	}
	if failed, err := i.lookups(ctx, t, m.lookups); err != nil || failed != nil {
		return *cmp.Or(failed, &Result{}), err
	}
	there, err := t.Rule(ctx, m.rule.RuleID)
	if err != nil {
		return failure(err)
	}
	if there == nil {
		result, err := m.create(ctx, t, o)
		if client.ReasonOf(err) != client.Conflict {
			return result, err
		}
		// An attempt whose answer was lost made it, or somebody else did just now.
		if there, err = t.Rule(ctx, m.rule.RuleID); err != nil || there == nil {
			return failure(errors.Join(err, &client.Error{Reason: client.Unavailable, Message: "a rule is there and cannot be read"}))
		}
	}
	changes, _, err := m.compare(ctx, t, there)
	switch {
	case err != nil:
		return failure(err)
	case len(changes) == 0:
		return Result{Outcome: Unchanged, Exceptions: len(m.exceptions.Items)}, nil
	case !o.Overwrite:
		return Result{Outcome: Kept}, nil
	}
	return m.update(ctx, t, there, o)
}

// create makes a rule, after its exception list. Conflict, as an error, says that the rule is there.
func (m made) create(ctx context.Context, t Target, o Options) (Result, error) {
	if len(m.exceptions.Items) > 0 {
		l, failed, err := putList(ctx, t, m.exceptions, o.Overwrite)
		if err != nil || failed != nil {
			return *cmp.Or(failed, &Result{}), err
		}
		attach(&m.rule, m.exceptions, l, nil)
	}
	if err := t.Create(ctx, m.rule); err != nil {
		return failure(err)
	}
	return Result{Outcome: Created, Exceptions: len(m.exceptions.Items)}, nil
}

// update changes a rule that is there, after its exception list.
func (m made) update(ctx context.Context, t Target, there map[string]any, o Options) (Result, error) {
	if len(m.exceptions.Items) > 0 {
		_, failed, err := putList(ctx, t, m.exceptions, o.Overwrite)
		if err != nil || failed != nil {
			return *cmp.Or(failed, &Result{}), err
		}
	}
	_, settings, err := m.compare(ctx, t, there) // with the id of the list
	if err != nil {
		return failure(err)
	}
	if err := t.Patch(ctx, settings); err != nil {
		return failure(err)
	}
	return Result{Outcome: Updated, Exceptions: len(m.exceptions.Items)}, nil
}

// Enable enables a rule that is there, disabled, fully translated and just as the migration gives it.
func (i *Installer) Enable(ctx context.Context, name, migrationID, ruleID string, o Options) (enabled bool, err error) {
	t, err := i.Target(name)
	if err != nil {
		return false, err
	}
	r, err := i.Rules.Rule(ctx, migrationID, ruleID)
	if err != nil {
		return false, err
	}
	m, err := i.make(ctx, migrationID, r, o)
	if err != nil || m.why != "" || !slices.Contains(m.rule.Tags, kibana.TagFull) {
		return false, err
	}
	there, err := t.Rule(ctx, m.rule.RuleID)
	if err != nil || there == nil || there["enabled"] == true {
		return false, err
	}
	if changes, _, err := m.compare(ctx, t, there); err != nil || len(changes) > 0 {
		return false, err
	}
	for _, k := range m.lookups { // without it the rule would fail at every run
		if _, ok, err := t.Fields(ctx, k.Name); err != nil || !ok {
			return false, err
		}
	}
	return true, t.Patch(ctx, map[string]any{"rule_id": m.rule.RuleID, "enabled": true})
}

// Prebuilt installs the prebuilt rules that rules of a migration were matched with, and gives the result of each.
func (i *Installer) Prebuilt(ctx context.Context, name, migrationID, by string, ruleIDs []string, take migration.Take) (map[string]Result, error) {
	read := map[string]migration.Rule{}
	out, err := i.prebuilt(ctx, name, migrationID, ruleIDs, take, read)
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
func (i *Installer) prebuilt(ctx context.Context, name, migrationID string, ruleIDs []string, take migration.Take, read map[string]migration.Rule) (map[string]Result, error) {
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
		if kind, code := Sort(r, take); kind != Prebuilt {
			out[ruleID] = Result{Outcome: LeftOut, Code: string(code)}
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
