package rulelist

import (
	"context"
	"fmt"
	"slices"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
)

// Around is the place of a rule among those that match. A rule that does not match (any more) has the neighbours that it would
// have, so that one goes on from where one is.
type Around struct {
	Total int `json:"total"` // rules that match
	At    int `json:"at"`    // from 0; -1: the rule does not match
	// Before and After are the rules beside it.
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
	// Open counts the other rules among those that match about which a person has still to decide; NextOpen is the first of
	// them behind the rule, or where there is none behind it the first of all.
	Open     int    `json:"open"`
	NextOpen string `json:"next_open,omitempty"`
}

// undecided says whether a person has still to decide about a rule, and can.
func undecided(r *Row) bool {
	return r.Review == migration.ReviewOpen && (r.Status == migration.StatusFinished || r.Status == migration.StatusError)
}

// FindAround gives the place of a rule among those that match.
func (l *Lists) FindAround(ctx context.Context, id, ruleID string, q Query) (Around, error) {
	x, found, err := l.match(ctx, id, q)
	if err != nil {
		return Around{}, err
	}
	x.mu.RLock()
	e := x.entries[ruleID]
	x.mu.RUnlock()
	if e == nil {
		return Around{}, fmt.Errorf("rule %q of migration %q: %w", ruleID, id, store.ErrNotFound)
	}
	a := Around{Total: len(found), At: slices.IndexFunc(found, func(f *entry) bool { return f.ID == ruleID })}
	before, after := a.At-1, a.At+1
	if a.At < 0 {
		after, _ = slices.BinarySearchFunc(found, e, q.compare)
		before = after - 1
	}
	if before >= 0 {
		a.Before = found[before].ID
	}
	if after < len(found) {
		a.After = found[after].ID
	}
	for i := range found {
		// From behind the rule to the end, then from the first.
		f := found[(after+i)%len(found)]
		if f.ID == ruleID || !undecided(&f.Row) {
			continue
		}
		if a.Open++; a.NextOpen == "" {
			a.NextOpen = f.ID
		}
	}
	return a, nil
}
