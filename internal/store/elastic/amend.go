package elastic

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
)

// Amend implements store.Rules. A step is one reading and one bulk request; documents that changed in between are looked at
// again.
func (s *Store) Amend(ctx context.Context, id string, rules []store.Amendment, change func(*migration.Rule) error, each func(store.AmendResult)) error {
	for step := range slices.Chunk(rules, store.AmendStep) {
		w := amender{id: id, me: strconv.FormatUint(rand.Uint64(), 36), sent: map[string]store.AmendResult{}}
		err := again(ctx, func() (err error) {
			if step, err = s.amendStep(ctx, w, step, change, each); err == nil && len(step) > 0 {
				return errConflict
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("change rules of migration %q: %w", id, err)
		}
	}
	return nil
}

// amender is one caller of Amend at work on one step.
type amender struct {
	id string // the migration's
	me string // the mark that the caller leaves in each document it writes
	// sent has by rule id what the caller last sent: where the answer of Elasticsearch is lost, the mark in the document says
	// that the change was written, and sent says what the rule was before.
	sent map[string]store.AmendResult
}

// amendStep writes under the mark of the caller and gives the rules that have to be looked at again.
func (s *Store) amendStep(ctx context.Context, w amender, step []store.Amendment, change func(*migration.Rule) error, each func(store.AmendResult)) ([]store.Amendment, error) {
	id := w.id
	refs := []ref{s.migrationRef(id)}
	for _, a := range step {
		refs = append(refs, s.ruleRef(id, a.RuleID))
	}
	docs, err := s.get(ctx, refs)
	if err != nil {
		return nil, err
	}
	if _, err := live(id, docs[0]); err != nil {
		return nil, err
	}
	var writes []write
	var results []store.AmendResult // of writes
	var amendments []store.Amendment
	for i, a := range step {
		d := docs[i+1]
		if !d.Found {
			each(store.AmendResult{RuleID: a.RuleID, Err: noRule(id, a.RuleID)})
			continue
		}
		was := d.rule()
		if slices.Contains(was.Writes, w.me) {
			each(w.sent[a.RuleID]) // the change was written, and its answer was lost
			continue
		}
		now, changed, err := store.Amended(was.Rule, a.Revision, change, s.now())
		if err == nil && was.unreadable != nil {
			err = fmt.Errorf("rule %q of migration %q: %w: %w", a.RuleID, id, store.ErrUnreadable, was.unreadable)
		}
		if err != nil || !changed {
			each(store.AmendResult{RuleID: a.RuleID, Was: was.Rule, Now: was.Rule, Err: err})
			continue
		}
		now.Revision = was.Revision + 1
		writes = append(writes, write{action: "index", ref: refs[i+1], on: &was.on, doc: s.marked(was, now, w.me)})
		w.sent[a.RuleID] = store.AmendResult{RuleID: a.RuleID, Was: was.Rule, Now: now}
		results = append(results, w.sent[a.RuleID])
		amendments = append(amendments, a)
	}
	outcomes, err := s.bulk(ctx, writes, false)
	if err != nil {
		return nil, err
	}
	var left []store.Amendment
	for i, o := range outcomes {
		if o.ok() {
			each(results[i])
		} else {
			left = append(left, amendments[i])
		}
	}
	return left, nil
}
