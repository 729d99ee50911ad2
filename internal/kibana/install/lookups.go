package install

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	"github.com/hashicorp/golang-lru/v2/expirable"

	"github.com/rulebridge/rulebridge/internal/kibana"
	"github.com/rulebridge/rulebridge/internal/kibana/client"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
)

const (
	// namesFor is how long the names of a migration's lookup indices hold. They are a matter of all rules of a migration, and
	// asked for by each of them.
	namesFor = 20 * time.Second
	// namesKept is of how many migrations they are kept.
	namesKept = 16
)

// lookupNames reads all rules of a migration, in the order of an export.
func (i *Installer) lookupNames(ctx context.Context, migrationID string) (kibana.LookupNames, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.names == nil {
		i.names = expirable.NewLRU[string, kibana.LookupNames](namesKept, nil, namesFor)
	}
	if names, ok := i.names.Get(migrationID); ok {
		return names, nil
	}
	names := kibana.LookupNames{}
	for after := ""; ; {
		rules, next, err := i.Rules.List(ctx, migrationID, store.RuleQuery{After: after, Size: 200})
		if err != nil {
			return nil, err
		}
		for _, r := range rules {
			if KindOf(r) != Custom || len(r.Elastic.LookupIndices) == 0 {
				continue
			}
			if _, _, _, err := names.Add(r); err != nil {
				return nil, err
			}
		}
		if after = next; after == "" {
			break
		}
	}
	i.names.Add(migrationID, names)
	return names, nil
}

// made is what an installation makes of a rule.
type made struct {
	rule    kibana.Rule
	lookups []migration.LookupIndex
	// exceptions are those that the rule is to go by, kept the exclusions that stay in its query.
	exceptions kibana.Exceptions
	kept       []kibana.Kept
	why        string // what keeps it from being a rule
	code       migration.Omission
}

// make is kibana.Make with the names of the migration, which are read only for rules that join with lookup indices.
func (i *Installer) make(ctx context.Context, migrationID string, r migration.Rule, o Options) (m made, err error) {
	if o.Exceptions && i.Filters == nil {
		return m, ErrNoFilters
	}
	if m.code, m.why = kibana.Omitted(r, o.Take); m.code != "" {
		return m, nil
	}
	if o.Exceptions && KindOf(r) == Custom {
		if r, m.exceptions, m.kept, err = kibana.MoveExclusions(ctx, i.Filters, r); err != nil {
			return m, err
		}
	}
	var names kibana.LookupNames
	if r.Elastic != nil && len(r.Elastic.LookupIndices) > 0 {
		if names, err = i.lookupNames(ctx, migrationID); err != nil {
			return m, err
		}
	}
	if m.rule, m.lookups, m.why, err = kibana.Make(r, names); m.why != "" && KindOf(r) == Custom {
		m.code = migration.OmittedLookup
	}
	return m, err
}

// lookups creates the lookup indices of a rule that are not there, with their rows. What is there is left alone: analysts
// edit rows. An index whose rows did not all arrive, because a worker died, gets them again. The result says that
// Elasticsearch does not take one.
func (i *Installer) lookups(ctx context.Context, t Target, list []migration.LookupIndex) (*Result, error) {
	es := t.Lookups()
	if es == nil {
		return nil, nil
	}
	for _, k := range list {
		whole, err := es.Whole(ctx, k.Name)
		if err == nil && !whole {
			err = es.Put(ctx, k.Name, k.Body, k.Rows)
		}
		var e *client.Error
		switch {
		case err == nil:
		case errors.As(err, &e) && e.Reason != client.Unavailable && e.Reason != client.Limited:
			return &Result{Outcome: Failed, Code: CodeLookup, Status: e.Status, Why: "the lookup index " + k.Name + ": " + e.Message}, nil
		default:
			return nil, err
		}
	}
	return nil, nil
}

// Reasons keeps texts of a migration under keys; histories have the keys only. store.Store is one.
type Reasons interface {
	SaveAnswer(ctx context.Context, id, key string, a store.Answer) error
	Answer(ctx context.Context, id, key string) (store.Answer, error)
}

// Keep stores why a rule failed, and gives the key of it; empty when it could not be kept, which fails nothing.
func (i *Installer) Keep(ctx context.Context, migrationID, why string) string {
	if i.Reasons == nil || why == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(why))
	key := "install-" + hex.EncodeToString(sum[:8])
	if err := i.Reasons.SaveAnswer(ctx, migrationID, key, store.Answer{Text: why, At: time.Now().UTC()}); err != nil {
		return ""
	}
	return key
}

// Why is what was kept under a key; empty when there is nothing.
func (i *Installer) Why(ctx context.Context, migrationID, key string) string {
	if i.Reasons == nil || key == "" {
		return ""
	}
	a, err := i.Reasons.Answer(ctx, migrationID, key)
	if err != nil {
		return ""
	}
	return a.Text
}
