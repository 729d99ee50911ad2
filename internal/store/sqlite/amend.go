package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
)

// Amend implements store.Rules. The changes of one step run on the caller's goroutine and are written in one transaction;
// rules that changed between the reading and the writing are looked at again.
func (s *Store) Amend(ctx context.Context, id string, rules []store.Amendment, change func(*migration.Rule) error, each func(store.AmendResult)) error {
	for step := range slices.Chunk(rules, store.AmendStep) {
		for len(step) > 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			var err error
			if step, err = s.amendStep(ctx, id, step, change, each); err != nil {
				return fmt.Errorf("change rules of migration %q: %w", id, err)
			}
		}
	}
	return nil
}

// amendment is a change that is ready to be written.
type amendment struct {
	of  store.Amendment
	was stored
	now migration.Rule
	doc string
}

// amendStep gives the rules that have to be looked at again.
func (s *Store) amendStep(ctx context.Context, id string, step []store.Amendment, change func(*migration.Rule) error, each func(store.AmendResult)) ([]store.Amendment, error) {
	read, err := s.named(ctx, id, step)
	if err != nil {
		return nil, err
	}
	var changes []amendment
	var last time.Time
	for _, a := range step {
		was, ok := read[a.RuleID]
		if !ok {
			each(store.AmendResult{RuleID: a.RuleID, Err: noRule(id, a.RuleID)})
			continue
		}
		now, write, err := store.Amended(was.Rule, a.Revision, change, s.now())
		if err == nil && was.unreadable != nil {
			err = fmt.Errorf("rule %q of migration %q: %w: %w", a.RuleID, id, store.ErrUnreadable, was.unreadable)
		}
		if err != nil || !write {
			each(store.AmendResult{RuleID: a.RuleID, Was: was.Rule, Now: was.Rule, Err: err})
			continue
		}
		doc, err := encode(now)
		if err != nil {
			return nil, fmt.Errorf("rule %q: %w", a.RuleID, err)
		}
		now.Revision++
		changes = append(changes, amendment{a, was, now, doc})
		if now.UpdatedAt.After(last) {
			last = now.UpdatedAt
		}
	}
	if len(changes) == 0 {
		return nil, nil
	}
	stale := make([]bool, len(changes))
	err = s.write(ctx, func(ctx context.Context, q *statements) error {
		clear(stale)
		written := false
		for i, c := range changes {
			n, err := replace(ctx, q, c.was, c.now, c.doc)
			if err != nil {
				return err
			}
			stale[i] = n == 0
			written = written || n > 0
		}
		if !written {
			return nil
		}
		return countChangeAt(ctx, q, changes[0].was.m, last)
	})
	if err != nil {
		return nil, err
	}
	var again []store.Amendment
	for i, c := range changes {
		if stale[i] {
			again = append(again, c.of)
			continue
		}
		each(store.AmendResult{RuleID: c.of.RuleID, Was: c.was.Rule, Now: c.now})
	}
	return again, nil
}

// named reads rules by id.
func (s *Store) named(ctx context.Context, id string, rules []store.Amendment) (map[string]stored, error) {
	ids := make([]string, len(rules))
	for i, a := range rules {
		ids[i] = a.RuleID
	}
	list, err := json.Marshal(ids)
	if err != nil {
		return nil, err
	}
	found := map[string]stored{}
	err = s.read(ctx, func(ctx context.Context, q *statements) error {
		clear(found)
		h, err := readHead(ctx, q, id)
		if err != nil {
			return err
		}
		return q.each(ctx, "SELECT "+ruleColumns+` FROM rules r JOIN originals o ON o.m = r.m AND o.id = r.id
			WHERE r.m = ? AND r.id IN (SELECT value FROM json_each(?))`, []any{h.n, string(list)}, func(rows *sql.Rows) error {
			r, err := scanRule(rows, id)
			found[r.ID] = r
			return err
		})
	})
	return found, err
}
