package elastic

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
)

// claimDoc is what a claim was given. It is created once for each token, so that several attempts of one claim share one
// list and never hold more than it together.
type claimDoc struct {
	MigrationID string   `json:"migration_id"`
	Epoch       int64    `json:"epoch"`
	Claim       int64    `json:"claim"`
	RuleIDs     []string `json:"rule_ids"`
	// Done: the rules were claimed; a later attempt only looks at what is left of them.
	Done bool `json:"done"`
}

// candidate is a rule as it was before the claim.
type candidate struct {
	ruleID string
	status migration.Status
	// revision is the document's.
	revision int64
	on       version
}

// Claim implements store.Rules.
//
// The first attempt looks for pending rules, creates the claim document with their ids, and then turns each rule that has
// not changed since to processing. An attempt that finds a claim document takes over its list: it reads the rules, then
// the document once more. If that is not done yet, the versions read are from before the claim was completed and the
// writes fail for whatever was claimed or released since. Such an attempt reads back what the token holds. At the end
// every attempt gives up what it holds if the start was fenced meanwhile.
func (s *Store) Claim(ctx context.Context, id string, token migration.Token, limit int) ([]string, migration.Counts, error) {
	ids, counts, err := s.claim(ctx, id, token, limit)
	if err != nil {
		return nil, migration.Counts{}, fmt.Errorf("claim rules of migration %q: %w", id, err)
	}
	if counts == nil {
		c, err := s.countsOf(ctx, id)
		return ids, c, err
	}
	return ids, *counts, nil
}

// claim returns no counts when they have to be read anew.
func (s *Store) claim(ctx context.Context, id string, token migration.Token, limit int) ([]string, *migration.Counts, error) {
	at := s.claimRef(id, token.Epoch, token.Claim)
	docs, err := s.gets.do(ctx, []ref{s.migrationRef(id), at})
	if err != nil {
		return nil, nil, err
	}
	m, err := live(id, docs[0])
	if err != nil {
		return nil, nil, err
	}
	if err := store.CheckClaim(m.State, m.Epoch, m.StateEpoch, token); err != nil {
		return nil, nil, err
	}
	if token.Epoch > m.Epoch {
		if err := s.raise(ctx, id, token.Epoch); err != nil {
			return nil, nil, err
		}
	}
	if docs[1].Found {
		ids, err := s.claimAgain(ctx, id, token, at)
		return ids, nil, err
	}
	list, counts, err := s.candidates(ctx, id, token.Epoch, limit)
	if err != nil {
		return nil, nil, err
	}
	c := claimDoc{MigrationID: id, Epoch: token.Epoch, Claim: token.Claim, RuleIDs: make([]string, len(list)), Done: len(list) == 0}
	for i, k := range list {
		c.RuleIDs[i] = k.ruleID
	}
	o, err := s.writes.do(ctx, write{action: "create", ref: at, doc: c})
	if err != nil {
		return nil, nil, err
	}
	if !o.ok() {
		ids, err := s.claimAgain(ctx, id, token, at)
		return ids, nil, err
	}
	if c.Done {
		return nil, counts, nil
	}
	ours, err := s.take(ctx, id, token, list)
	if err != nil {
		return nil, nil, err
	}
	marked := make(chan error, 1)
	go func() { marked <- s.markDone(ctx, at) }()
	docs, err = s.gets.do(ctx, []ref{s.migrationRef(id)})
	if err := errors.Join(err, <-marked); err != nil {
		return nil, nil, err
	}
	if !slices.Contains(ours, false) && counts != nil {
		// Nobody else had a hand in it: the token holds what was written, and the counts changed by just that.
		for _, k := range list {
			if k.status == migration.StatusPending {
				counts.Pending--
				counts.Processing++
			}
		}
		return c.RuleIDs, counts, s.confirm(ctx, id, token, c.RuleIDs, docs[0])
	}
	ids, err := s.holds(ctx, id, token, c.RuleIDs)
	return ids, nil, err
}

// claimAgain carries on with a claim that another attempt has begun.
func (s *Store) claimAgain(ctx context.Context, id string, token migration.Token, at ref) ([]string, error) {
	c, _, err := s.readClaim(ctx, at)
	if err != nil {
		return nil, err
	}
	list, err := s.stillPending(ctx, id, token.Epoch, c.RuleIDs)
	if err != nil {
		return nil, err
	}
	c, there, err := s.readClaim(ctx, at)
	if err != nil {
		return nil, err
	}
	if !there {
		return nil, fmt.Errorf("claim %d of start %d was removed: %w", token.Claim, token.Epoch, store.ErrFenced)
	}
	if !c.Done {
		if _, err := s.take(ctx, id, token, list); err != nil {
			return nil, err
		}
		if err := s.markDone(ctx, at); err != nil {
			return nil, err
		}
	}
	return s.holds(ctx, id, token, c.RuleIDs)
}

// take turns the rules to processing under the token and says of each whether that was written.
func (s *Store) take(ctx context.Context, id string, token migration.Token, list []candidate) (ours []bool, err error) {
	writes := make([]write, len(list))
	for i, k := range list {
		writes[i] = write{action: "update", ref: s.ruleRef(id, k.ruleID), on: &k.on,
			doc: s.move(k.revision, migration.StatusProcessing, token)}
	}
	outcomes, err := s.bulk(ctx, writes, false)
	for _, o := range outcomes {
		ours = append(ours, o.ok())
	}
	return ours, err
}

func (s *Store) markDone(ctx context.Context, at ref) error {
	_, err := s.writes.do(ctx, write{action: "update", ref: at, doc: map[string]any{"done": true}})
	return err
}

func (s *Store) readClaim(ctx context.Context, at ref) (c claimDoc, there bool, err error) {
	docs, err := s.gets.do(ctx, []ref{at})
	if err != nil || !docs[0].Found {
		return c, false, err
	}
	return c, true, docs[0].decode(&c)
}

// candidates are the first pending rules by id, and the counts of the migration at that moment; none if it took several
// pages. Rules that a broken-off attempt of an older start has taken after the requeue count as pending: nothing can be
// recorded under that start any more.
func (s *Store) candidates(ctx context.Context, id string, epoch int64, limit int) ([]candidate, *migration.Counts, error) {
	if limit <= 0 {
		return nil, nil, nil
	}
	if err := s.rulesRefresh.do(ctx); err != nil {
		return nil, nil, err
	}
	free := anyOf(term("status", migration.StatusPending), all(term("status", migration.StatusProcessing), below("token.epoch", epoch)))
	var list []candidate
	read := func(hits []hit) error {
		for _, h := range hits {
			var k held
			if err := h.decode(&k); err != nil {
				return err
			}
			if len(list) < limit {
				list = append(list, candidate{k.ID, k.Status, k.Revision, h.version})
			}
		}
		if len(list) == limit {
			return errEnough
		}
		return nil
	}
	fields := []string{"id", "status", "revision"}
	if limit > s.opts.pageSize {
		err := s.scan(ctx, s.index(rulesIndex), all(term("migration_id", id), free), []string{"id"}, fields, read)
		if errors.Is(err, errEnough) {
			err = nil
		}
		return list, nil, err
	}
	// The aggregation sees all rules of the migration, the hits only those that are free.
	f, err := s.search(ctx, s.index(rulesIndex), map[string]any{"query": all(term("migration_id", id)), "post_filter": free,
		"size": limit, "sort": ascending([]string{"id"}), "_source": fields, "seq_no_primary_term": true, "track_total_hits": false,
		"aggs": statusCounts})
	if err != nil {
		return nil, nil, err
	}
	counts, err := f.counts()
	if err != nil {
		return nil, nil, err
	}
	if err := read(f.Hits.Hits); err != nil && !errors.Is(err, errEnough) {
		return nil, nil, err
	}
	return list, &counts, nil
}

// errEnough ends a scan early.
var errEnough = errors.New("enough")

// stillPending reads those of the rules that can be claimed under the epoch.
func (s *Store) stillPending(ctx context.Context, id string, epoch int64, ruleIDs []string) ([]candidate, error) {
	var list []candidate
	_, err := s.eachHeld(ctx, id, ruleIDs, func(h held, on version) {
		if h.Status == migration.StatusPending || h.Status == migration.StatusProcessing && h.Token.Epoch < epoch {
			list = append(list, candidate{h.ID, h.Status, h.Revision, on})
		}
	})
	return list, err
}

// holds reads which of the rules the token holds.
func (s *Store) holds(ctx context.Context, id string, token migration.Token, ruleIDs []string) ([]string, error) {
	var ids []string
	last, err := s.eachHeld(ctx, id, ruleIDs, func(h held, _ version) {
		if h.Status == migration.StatusProcessing && h.Token == token {
			ids = append(ids, h.ID)
		}
	})
	if err != nil {
		return nil, err
	}
	if err := s.confirm(ctx, id, token, ids, last); err != nil {
		return nil, err
	}
	slices.Sort(ids)
	return ids, nil
}

// confirm frees the rules again if the migration, as read after they were taken, does not let the token hold them.
func (s *Store) confirm(ctx context.Context, id string, token migration.Token, ids []string, now document) error {
	m, err := live(id, now)
	if err != nil {
		return err
	}
	if err := store.CheckClaim(m.State, m.Epoch, m.StateEpoch, token); err != nil {
		return errors.Join(err, s.releaseIf(ctx, id, ids, func(h held) bool { return h.Token == token }))
	}
	return nil
}

// eachHeld reads rules, those that are there, and then the migration.
func (s *Store) eachHeld(ctx context.Context, id string, ruleIDs []string, f func(held, version)) (document, error) {
	refs := make([]ref, len(ruleIDs), len(ruleIDs)+1)
	for i, ruleID := range ruleIDs {
		refs[i] = s.ruleRef(id, ruleID)
	}
	fields := append(slices.Clone(heldFields), "state", "epoch", "state_epoch", "deleted", "staged")
	docs, err := s.get(ctx, append(refs, s.migrationRef(id)), fields...)
	if err != nil {
		return document{}, err
	}
	for _, d := range docs[:len(ruleIDs)] {
		if !d.Found {
			continue
		}
		var h held
		if err := d.decode(&h); err != nil {
			return document{}, err
		}
		f(h, d.version)
	}
	return docs[len(ruleIDs)], nil
}
