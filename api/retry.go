package api

import (
	"context"
	"fmt"
	"strings"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/splunk"
	"github.com/rulebridge/rulebridge/internal/store"
	"github.com/rulebridge/rulebridge/workflows"
)

// Bounds of the rules that one start names: they stand in the signal that starts the workflow.
const (
	maxRetryIDs   = 5000
	maxRetryBytes = 256 << 10
	// maxConcerned bounds the ids in the answer about resources; the number beside them is not bounded.
	maxConcerned = 1000
)

// retryFilter says which rules at an end a start translates again; what its members take adds up. Only ids take rules that
// a person has edited, accepted or rejected.
type retryFilter struct {
	failed, notFull bool
	ids             []string
	// revisions, when given, are those of ids as the person saw them: what somebody decided since is told and not undone.
	revisions []int64
	resources []migration.Resource
}

func (b *body) retryFilter() (*retryFilter, error) {
	if b.null() {
		return nil, nil
	}
	f := &retryFilter{}
	if err := b.expect('{', "retry_filter", "an object"); err != nil {
		return nil, err
	}
	err := b.object(func(key string) (bool, error) {
		var err error
		field := "retry_filter." + clip(key, 64)
		switch key {
		case "failed":
			f.failed, err = b.boolean(field)
		case "not_fully_translated":
			f.notFull, err = b.boolean(field)
		case "ids":
			f.ids, err = b.texts(field, maxRetryIDs, maxID)
		case "revisions":
			if !b.null() {
				err = b.list(field, maxRetryIDs, func(at string) error {
					n, err := b.revision(at)
					f.revisions = append(f.revisions, n)
					return err
				})
			}
		case "resources":
			var names []string
			if names, err = b.texts(field, maxColumns, maxSmall); err != nil {
				return true, err
			}
			for _, name := range names {
				kind, rest, _ := strings.Cut(name, ":")
				r := migration.Resource{Type: migration.ResourceType(kind), Name: rest}
				if rest == "" || r.Type != migration.ResourceMacro && r.Type != migration.ResourceLookup {
					return true, b.fault(field, "%q is no resource; write macro:NAME or lookup:NAME", clip(name, 64))
				}
				f.resources = append(f.resources, r)
			}
		default:
			err = b.fault(field, "is not known; use failed, not_fully_translated, ids, revisions or resources")
		}
		return true, err
	})
	if err == nil && !f.failed && !f.notFull && len(f.ids)+len(f.resources) == 0 {
		err = b.fault("retry_filter", "takes no rule; set failed or not_fully_translated to true, or name ids or resources")
	}
	if err == nil && len(f.revisions) > 0 && len(f.revisions) != len(f.ids) {
		err = b.fault("retry_filter.revisions", "has %d elements and ids has %d; give one for each", len(f.revisions), len(f.ids))
	}
	return f, err
}

// again turns the filter into what the workflow is told, and says whether it takes any rule. Rules that are chosen, or that
// concern a resource, are looked up and named, so that the histories carry ids and nothing else.
func (s *Server) again(ctx context.Context, id string, f *retryFilter, c migration.Counts) (again *workflows.Again, todo bool, err error) {
	if f == nil {
		return nil, false, nil
	}
	if f.failed {
		if todo, err = s.retriesFailed(ctx, id, c); err != nil {
			return nil, false, err
		}
	}
	if f.notFull {
		for _, result := range []migration.Result{migration.Partial, migration.Untranslatable} {
			rules, _, err := s.Store.List(ctx, id, store.RuleQuery{Size: 1, Status: migration.StatusFinished, Result: result, Unsettled: true})
			if err != nil {
				return nil, false, fmt.Errorf("looking for rules to translate again: %w", err)
			}
			todo = todo || len(rules) > 0
		}
	}
	again = &workflows.Again{NotFull: f.notFull}
	if len(f.ids)+len(f.resources) == 0 {
		return again, todo, nil
	}
	chosen := map[string]int64{} // the revision that was seen, 0 where none is given
	for i, ruleID := range f.ids {
		chosen[ruleID] = 0
		if len(f.revisions) > 0 {
			chosen[ruleID] = f.revisions[i]
		}
	}
	mentions, err := s.mentions(ctx, id, f.resources)
	if err != nil {
		return nil, false, err
	}
	size, since := 0, []migration.Rule{}
	err = s.eachRule(ctx, id, func(r migration.Rule) {
		seen, named := chosen[r.ID]
		delete(chosen, r.ID)
		if named && seen != 0 && seen != r.Revision && r.Settled() {
			since = append(since, r)
		}
		if r.Ended() && (named || !r.Settled() && (mentions.In(r.Original.Query) || mentions.Missing(r.Missing))) {
			again.RuleIDs = append(again.RuleIDs, r.ID)
			size += len(r.ID) + 3
		}
	})
	if err != nil {
		return nil, false, err
	}
	if len(since) > 0 {
		return nil, false, conflict("%d of these rules were edited or decided about meanwhile, such as %q by %s; nothing was started, look at them again",
			len(since), clip(since[0].ID, 64), since[0].UpdatedBy)
	}
	for _, ruleID := range f.ids {
		if _, left := chosen[ruleID]; left {
			return nil, false, badRequest("retry_filter.ids: the migration has no rule %q", clip(ruleID, 64))
		}
	}
	if len(again.RuleIDs) > maxRetryIDs || size > maxRetryBytes {
		return nil, false, badRequest("retry_filter: %d rules are more than one start can name (%d, or %d bytes of ids); use not_fully_translated, or several starts",
			len(again.RuleIDs), maxRetryIDs, maxRetryBytes)
	}
	return again, todo || len(again.RuleIDs) > 0, nil
}

// retriesFailed says whether a start that takes the rules in error finds one: those that a person has settled stay.
func (s *Server) retriesFailed(ctx context.Context, id string, c migration.Counts) (bool, error) {
	if c.Failed == 0 {
		return false, nil
	}
	rules, _, err := s.Store.List(ctx, id, store.RuleQuery{Size: 1, Status: migration.StatusError, Unsettled: true})
	if err != nil {
		return false, fmt.Errorf("looking for rules to translate again: %w", err)
	}
	return len(rules) > 0, nil
}

func (s *Server) mentions(ctx context.Context, id string, given []migration.Resource) (splunk.Mentions, error) {
	var all []migration.Resource
	if len(given) > 0 {
		var err error
		if all, err = s.Store.Resources(ctx, id); err != nil {
			return splunk.Mentions{}, fmt.Errorf("reading the resources: %w", err)
		}
	}
	return splunk.NewMentions(given, all), nil
}

func (s *Server) eachRule(ctx context.Context, id string, f func(migration.Rule)) error {
	for after := ""; ; {
		rules, next, err := s.Store.List(ctx, id, store.RuleQuery{After: after, Size: store.MaxPage})
		if err != nil {
			return fmt.Errorf("reading the rules: %w", err)
		}
		for _, r := range rules {
			f(r)
		}
		if after = next; after == "" {
			return nil
		}
	}
}

// concerned are rules at an end that resources concern, and that no person has settled: their results may be better now.
type concerned struct {
	Total   int      `json:"total"`
	RuleIDs []string `json:"rule_ids"` // the first maxConcerned
}

func (s *Server) concerns(ctx context.Context, id string, given []migration.Resource) (concerned, error) {
	c := concerned{RuleIDs: []string{}}
	counts, err := s.Store.Counts(ctx, id)
	if err != nil {
		return c, fmt.Errorf("counting rules: %w", err)
	}
	if counts.Finished+counts.Failed == 0 {
		return c, nil
	}
	mentions, err := s.mentions(ctx, id, given)
	if err != nil {
		return c, err
	}
	err = s.eachRule(ctx, id, func(r migration.Rule) {
		if !r.Ended() || r.Settled() || !mentions.In(r.Original.Query) && !mentions.Missing(r.Missing) {
			return
		}
		if c.Total++; c.Total <= maxConcerned {
			c.RuleIDs = append(c.RuleIDs, r.ID)
		}
	})
	return c, err
}
