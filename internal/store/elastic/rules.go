package elastic

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
)

// ruleDoc is the stored document of a rule: the API's, and the fence.
type ruleDoc struct {
	migration.Rule
	Fence migration.Token `json:"token"`
	// Writes identifies the last few records. A write that was carried out though its response was lost shows as a
	// conflict; this tells that it was, so that its change is not applied twice.
	Writes []string `json:"writes,omitempty"`
	// Changed says when the document was written last, in milliseconds, by the clock of the process that wrote it.
	Changed int64 `json:"changed,omitempty"`
	// Settled repeats migration.Rule.Settled, for queries.
	Settled bool `json:"settled,omitempty"`

	on         version
	size       int   // bytes of the document
	unreadable error // why the document cannot be decoded; the rule is then what could be read of it
}

// writesKept is more than the callers that may record one rule at the same time.
const writesKept = 16

func newRuleDoc(r migration.Rule, at time.Time) ruleDoc {
	return ruleDoc{Rule: r, Fence: r.Token, Changed: at.UnixMilli(), Settled: r.Settled()}
}

// rule decodes the document. json.Unmarshal leaves out what does not fit and goes on, so of one that cannot be decoded the
// rest is there; Elasticsearch keeps nothing that is no JSON.
func (d document) rule() ruleDoc {
	r := ruleDoc{on: d.version, size: len(d.Source)}
	r.unreadable = d.decode(&r)
	r.Token = r.Fence
	if r.unreadable != nil && r.Status == migration.StatusError {
		r.ErrorCode = migration.CodeUnreadable
	}
	return r
}

// held is what claims and releases need of a rule.
type held struct {
	ID     string           `json:"id"`
	Status migration.Status `json:"status"`
	Token  migration.Token  `json:"token"`
	// Revision is what a write of a part raises.
	Revision int64 `json:"revision"`
}

var heldFields = []string{"id", "status", "token", "revision"}

// move is the part of a document that gives a rule another status and token.
func (s *Store) move(revision int64, status migration.Status, token migration.Token) map[string]any {
	return map[string]any{"status": status, "token": token, "revision": revision + 1, "changed": s.now().UnixMilli()}
}

// free puts a rule back to pending.
func (s *Store) free(revision int64) map[string]any {
	return s.move(revision, migration.StatusPending, migration.Token{})
}

func noRule(id, ruleID string) error {
	return fmt.Errorf("rule %q of migration %q: %w", ruleID, id, store.ErrNotFound)
}

// Rule implements store.Rules.
func (s *Store) Rule(ctx context.Context, id, ruleID string) (migration.Rule, error) {
	r, err := s.rule(ctx, id, ruleID)
	switch {
	case err != nil:
	case r.unreadable != nil:
		err = fmt.Errorf("rule %q of migration %q: %w: %w", ruleID, id, store.ErrUnreadable, r.unreadable)
	default:
		s.seen.keep(s.ruleRef(id, ruleID), r)
	}
	return r.Rule, err
}

func (s *Store) rule(ctx context.Context, id, ruleID string) (r ruleDoc, err error) {
	docs, err := s.gets.do(ctx, []ref{s.migrationRef(id), s.ruleRef(id, ruleID)})
	if err != nil {
		return r, err
	}
	if _, err := live(id, docs[0]); err != nil {
		return r, err
	}
	if !docs[1].Found {
		return r, noRule(id, ruleID)
	}
	return docs[1].rule(), nil
}

// Record implements store.Rules. The document is replaced only if it is still the one that was read, so neither a deleted
// rule comes back nor a concurrent change is lost. Who read the rule a moment ago need not read it again.
func (s *Store) Record(ctx context.Context, id, ruleID string, token migration.Token, change func(*migration.Rule)) error {
	at := s.ruleRef(id, ruleID)
	me := strconv.FormatUint(rand.Uint64(), 36)
	if was, ok := s.seen.take(at); ok {
		if r, changed, err := store.Apply(was.Rule, token, change, s.now()); err == nil && changed {
			done, err := s.replaceLive(ctx, id, at, was, r, me)
			if err != nil {
				return fmt.Errorf("record rule %q of migration %q: %w", ruleID, id, err)
			}
			if done {
				return nil
			}
		}
	}
	return again(ctx, func() error {
		was, err := s.rule(ctx, id, ruleID)
		if err != nil {
			return err
		}
		if slices.Contains(was.Writes, me) {
			return nil
		}
		r, changed, err := store.Apply(was.Rule, token, change, s.now())
		if err == nil {
			err = store.Readable(r, was.unreadable)
		}
		if err != nil {
			return fmt.Errorf("record rule %q of migration %q: %w", ruleID, id, err)
		}
		if !changed {
			return nil
		}
		done, err := s.replace(ctx, at, was, r, me)
		if err != nil {
			return fmt.Errorf("record rule %q of migration %q: %w", ruleID, id, err)
		}
		if !done {
			return errConflict
		}
		return nil
	})
}

// replace writes r, under the mark of the writer, over the document it was made of; done is false if that has changed.
func (s *Store) replace(ctx context.Context, at ref, was ruleDoc, r migration.Rule, me string) (done bool, err error) {
	r.Revision = was.Revision + 1
	o, err := s.writes.do(ctx, write{action: "index", ref: at, on: &was.on, doc: s.marked(was, r, me)})
	return o.ok(), err
}

// marked is the document of r under the mark of the writer.
func (s *Store) marked(was ruleDoc, r migration.Rule, me string) ruleDoc {
	doc := newRuleDoc(r, s.now())
	doc.Writes = append(slices.Clone(was.Writes), me)
	doc.Writes = doc.Writes[max(0, len(doc.Writes)-writesKept):]
	return doc
}

// replaceLive is replace for a document whose migration was not looked at: that happens at the same time. What is
// written to a migration that is being deleted goes with it.
func (s *Store) replaceLive(ctx context.Context, id string, at ref, was ruleDoc, r migration.Rule, me string) (done bool, err error) {
	gone := make(chan error, 1)
	go func() {
		_, err := s.head(ctx, id)
		gone <- err
	}()
	done, err = s.replace(ctx, at, was, r, me)
	if headErr := <-gone; headErr != nil {
		return false, headErr
	}
	return done, err
}

// seenRules are the rules that were read last and not written since. They save reading a rule twice for one change; the
// write tells if it has changed meanwhile.
type seenRules struct {
	mu    sync.Mutex
	rules map[ref]ruleDoc
	order []ref // oldest first, with some that were taken
	bytes int   // of the documents of rules
}

const (
	// seenKept is more than the rules that one process works on at a time.
	seenKept = 512
	// seenBytes bounds what they hold: a rule with its lookups and comments can have hundreds of KiB.
	seenBytes = 16 << 20
)

func (s *seenRules) keep(at ref, r ruleDoc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rules == nil {
		s.rules = map[ref]ruleDoc{}
	}
	s.drop(at)
	s.rules[at] = r
	s.bytes += r.size
	s.order = append(s.order, at)
	for len(s.order) > seenKept || s.bytes > seenBytes {
		s.drop(s.order[0])
		s.order = s.order[1:]
	}
}

func (s *seenRules) take(at ref) (ruleDoc, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.drop(at)
}

func (s *seenRules) drop(at ref) (ruleDoc, bool) {
	r, ok := s.rules[at]
	delete(s.rules, at)
	s.bytes -= r.size
	return r, ok
}

// sweep frees the rules that a query finds, until it finds none. What changed meanwhile is looked at again.
func (s *Store) sweep(ctx context.Context, query map[string]any) error {
	index := s.index(rulesIndex)
	return again(ctx, func() error {
		if err := s.rulesRefresh.do(ctx); err != nil {
			return err
		}
		found := false
		err := s.scan(ctx, index, query, []string{"id"}, []string{"revision"}, func(hits []hit) error {
			found = true
			writes := make([]write, len(hits))
			for i, h := range hits {
				var r held
				if err := h.decode(&r); err != nil {
					return err
				}
				writes[i] = write{action: "update", ref: ref{index, h.ID}, on: &h.version, doc: s.free(r.Revision)}
			}
			_, err := s.bulk(ctx, writes, false)
			return err
		})
		if err == nil && found {
			return errConflict
		}
		return err
	})
}

// Requeue implements store.Rules. A call that broke off may be repeated.
func (s *Store) Requeue(ctx context.Context, id string, epoch int64, again store.Again) (migration.Counts, error) {
	if err := s.raise(ctx, id, epoch); err != nil {
		return migration.Counts{}, fmt.Errorf("requeue rules: %w", err)
	}
	stuck := all(term("migration_id", id), term("status", migration.StatusProcessing), not(term("token.epoch", epoch)))
	if err := s.sweep(ctx, stuck); err != nil {
		return migration.Counts{}, fmt.Errorf("requeue rules: %w", err)
	}
	if err := s.restart(ctx, id, epoch, again); err != nil {
		return migration.Counts{}, fmt.Errorf("requeue rules: %w", err)
	}
	if err := s.deleteAll(ctx, s.index(claimsIndex), all(term("migration_id", id), below("epoch", epoch))); err != nil {
		return migration.Counts{}, fmt.Errorf("requeue rules: remove old claims: %w", err)
	}
	return s.Counts(ctx, id)
}

// restart puts the rules at an end that again takes back to pending, until it finds none.
func (s *Store) restart(ctx context.Context, id string, epoch int64, take store.Again) error {
	var kinds []map[string]any
	if take.Failed {
		kinds = append(kinds, all(term("status", migration.StatusError), not(term("settled", true))))
	}
	if take.NotFull {
		kinds = append(kinds, all(term("status", migration.StatusFinished), not(term("translation_result", migration.Full)), not(term("settled", true))))
	}
	ended := anyOf(term("status", migration.StatusFinished), term("status", migration.StatusError))
	for ids := range slices.Chunk(take.RuleIDs, idsAtOnce) {
		kinds = append(kinds, all(ended, map[string]any{"terms": map[string]any{"id": ids}}))
	}
	index := s.index(rulesIndex)
	for _, kind := range kinds {
		query := all(term("migration_id", id), kind, not(term("token.epoch", epoch)))
		err := again(ctx, func() error {
			if err := s.rulesRefresh.do(ctx); err != nil {
				return err
			}
			found := false
			err := s.scan(ctx, index, query, []string{"id"}, nil, func(hits []hit) error {
				found = true
				// A start that has taken over meanwhile may hold some of them.
				if err := s.raise(ctx, id, epoch); err != nil {
					return err
				}
				var writes []write
				for _, h := range hits {
					was := h.rule()
					r := store.Restarted(was.Rule, take, s.now())
					r.Revision++
					doc := newRuleDoc(r, s.now())
					doc.Writes = was.Writes
					writes = append(writes, write{action: "index", ref: ref{index, h.ID}, on: &h.version, doc: doc})
				}
				_, err := s.bulk(ctx, writes, false)
				return err
			})
			if err == nil && found {
				return errConflict
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// idsAtOnce bounds the ids of one query.
const idsAtOnce = 1000

// Release implements store.Rules.
func (s *Store) Release(ctx context.Context, id string, epoch int64, ruleIDs []string) (migration.Counts, error) {
	if _, err := s.head(ctx, id); err != nil {
		return migration.Counts{}, err
	}
	var err error
	if len(ruleIDs) == 0 {
		err = s.sweep(ctx, all(term("migration_id", id), term("status", migration.StatusProcessing), term("token.epoch", epoch)))
	} else {
		err = s.releaseIf(ctx, id, ruleIDs, func(h held) bool { return h.Token.Epoch == epoch })
	}
	if err != nil {
		return migration.Counts{}, fmt.Errorf("release rules of migration %q: %w", id, err)
	}
	return s.Counts(ctx, id)
}

// releaseIf frees those of the rules that are processing and for which mine holds.
func (s *Store) releaseIf(ctx context.Context, id string, ruleIDs []string, mine func(held) bool) error {
	refs := make([]ref, len(ruleIDs))
	for i, ruleID := range ruleIDs {
		refs[i] = s.ruleRef(id, ruleID)
	}
	return again(ctx, func() error {
		docs, err := s.get(ctx, refs, heldFields...)
		if err != nil {
			return err
		}
		var writes []write
		for i, d := range docs {
			if !d.Found {
				continue
			}
			var h held
			if err := d.decode(&h); err != nil {
				return err
			}
			if h.Status == migration.StatusProcessing && mine(h) {
				writes = append(writes, write{action: "update", ref: refs[i], on: &d.version, doc: s.free(h.Revision)})
			}
		}
		outcomes, err := s.bulk(ctx, writes, false)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(outcomes, func(o outcome) bool { return !o.ok() }) {
			return errConflict
		}
		return nil
	})
}

// Counts implements store.Rules.
func (s *Store) Counts(ctx context.Context, id string) (migration.Counts, error) {
	if _, err := s.head(ctx, id); err != nil {
		return migration.Counts{}, err
	}
	return s.countsOf(ctx, id)
}

// statusCounts is the aggregation that counts rules by status.
var statusCounts = map[string]any{"statuses": map[string]any{"terms": map[string]any{"field": "status", "size": 10}}}

// countsOf counts the rules of a migration that was just seen to exist.
func (s *Store) countsOf(ctx context.Context, id string) (c migration.Counts, err error) {
	if err := s.rulesRefresh.do(ctx); err != nil {
		return c, err
	}
	f, err := s.search(ctx, s.index(rulesIndex), map[string]any{"size": 0, "track_total_hits": false, "query": all(term("migration_id", id)),
		"aggs": statusCounts})
	if err != nil {
		return c, err
	}
	return f.counts()
}

// counts reads statusCounts.
func (f *found) counts() (c migration.Counts, err error) {
	var statuses struct {
		Buckets []struct {
			Key   migration.Status `json:"key"`
			Count int              `json:"doc_count"`
		} `json:"buckets"`
	}
	if err := json.Unmarshal(f.Aggregations["statuses"], &statuses); err != nil {
		return c, fmt.Errorf("count rules: %w", err)
	}
	for _, b := range statuses.Buckets {
		c.Add(b.Key, b.Count)
	}
	return c, nil
}

// DeleteRule removes one rule; one that is not there gives ErrNotFound.
func (s *Store) DeleteRule(ctx context.Context, id, ruleID string) error {
	if _, err := s.rule(ctx, id, ruleID); err != nil {
		return err
	}
	// Not there any more is as good: an attempt whose response was lost may have deleted it.
	if _, err := s.writes.do(ctx, write{action: "delete", ref: s.ruleRef(id, ruleID)}); err != nil {
		return err
	}
	return s.rulesRefresh.do(ctx)
}

// ErrorCodes implements store.Rules.
func (s *Store) ErrorCodes(ctx context.Context, id string) (map[string]int, error) {
	if _, err := s.head(ctx, id); err != nil {
		return nil, err
	}
	if err := s.rulesRefresh.do(ctx); err != nil {
		return nil, err
	}
	f, err := s.search(ctx, s.index(rulesIndex), map[string]any{"size": 0, "track_total_hits": false,
		"query": all(term("migration_id", id), term("status", migration.StatusError)),
		"aggs":  map[string]any{"codes": map[string]any{"terms": map[string]any{"field": "error_code", "size": 100}}}})
	if err != nil {
		return nil, err
	}
	var found struct {
		Buckets []struct {
			Key   string `json:"key"`
			Count int    `json:"doc_count"`
		} `json:"buckets"`
	}
	if err := json.Unmarshal(f.Aggregations["codes"], &found); err != nil {
		return nil, fmt.Errorf("count error codes: %w", err)
	}
	codes := map[string]int{}
	for _, b := range found.Buckets {
		codes[b.Key] = b.Count
	}
	return codes, nil
}
