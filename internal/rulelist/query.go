package rulelist

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
)

// Query selects rules. Of a filter with several values one has to hold; an empty one always does.
type Query struct {
	// Words have all to occur in title, description, search, query or id, without case.
	Words      []string
	Status     []string
	Result     []string
	Matched    []string // yes, no or near
	Cause      []string // keys of causes or of their items, or codes of their kinds
	Source     []string
	Tactic     []string
	Technique  []string // one with its sub-techniques
	Review     []string
	App        []string
	Holes      *bool
	Edited     bool
	EditedBy   string // empty: by anybody
	Sort       string // one of Sorts; empty: by id
	Descending bool
	Offset     int
	Limit      int
	Facets     bool

	causes map[string]bool // keys of those that Cause names
}

// Page is a part of the rules that match.
type Page struct {
	Total  int       `json:"total"` // rules that match
	Offset int       `json:"offset"`
	Rows   []Row     `json:"rows"`
	Facets *Facets   `json:"facets,omitempty"`
	AsOf   time.Time `json:"as_of"`
}

// IDs are the ids of all rules that match, in order, each with the revision that the listing knows: who changes them all sends
// these back, so that a rule that somebody changed meanwhile is told.
type IDs struct {
	Total     int      `json:"total"`
	IDs       []string `json:"ids"`
	Revisions []int64  `json:"revisions"`
}

// Find gives a page of the rules that match.
func (l *Lists) Find(ctx context.Context, id string, q Query) (Page, error) {
	x, found, err := l.match(ctx, id, q)
	if err != nil {
		return Page{}, err
	}
	x.mu.RLock()
	p := Page{Total: len(found), Offset: q.Offset, Rows: []Row{}, AsOf: x.checked.UTC()}
	x.mu.RUnlock()
	for _, e := range found[min(q.Offset, len(found)):min(q.Offset+q.Limit, len(found))] {
		p.Rows = append(p.Rows, e.Row)
	}
	if q.Facets {
		p.Facets = x.count()
	}
	return p, nil
}

// FindIDs gives the ids of all rules that match.
func (l *Lists) FindIDs(ctx context.Context, id string, q Query) (IDs, error) {
	_, found, err := l.match(ctx, id, q)
	ids := IDs{Total: len(found), IDs: make([]string, len(found)), Revisions: make([]int64, len(found))}
	for i, e := range found {
		ids.IDs[i], ids.Revisions[i] = e.ID, e.Revision
	}
	return ids, err
}

// match finds the entries, which never change once they are there, in order.
func (l *Lists) match(ctx context.Context, id string, q Query) (*list, []*entry, error) {
	if _, ok := sorts[cmp.Or(q.Sort, "id")]; !ok {
		return nil, nil, fmt.Errorf("there is no order by %q", q.Sort)
	}
	x, err := l.current(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	words := lower(q.Words)
	x.mu.RLock()
	scan := len(words) > 0 && !x.texts
	x.mu.RUnlock()
	var in map[string]bool
	if scan {
		if in, err = l.scan(ctx, x, words); err != nil {
			return nil, nil, err
		}
	}
	x.mu.RLock()
	q.causes = x.keysOf(q.Cause)
	var found []*entry
	for _, e := range x.entries {
		if q.takes(&e.Row) && (scan && in[e.ID] || !scan && contains(e.text, words)) {
			found = append(found, e)
		}
	}
	x.mu.RUnlock()
	slices.SortFunc(found, q.compare)
	return x, found, nil
}

// compare is the order of the query, in which no two rules stand at one place.
func (q *Query) compare(a, b *entry) int {
	order := sorts[cmp.Or(q.Sort, "id")]
	n := order.compare(a, b)
	if q.Descending {
		n = -n
	}
	return cmp.Or(order.unknownLast(&a.Row, &b.Row), n, cmp.Compare(a.ID, b.ID))
}

func lower(words []string) []string {
	var out []string
	for _, w := range words {
		for _, part := range strings.Fields(w) {
			out = append(out, strings.ToLower(part))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func contains(text string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

// searched is what a search of the store found, for the further pages of it.
type searched struct {
	words string
	in    map[string]bool
}

// scan searches the rules in the store, a page of documents at a time.
func (l *Lists) scan(ctx context.Context, x *list, words []string) (map[string]bool, error) {
	key := strings.Join(words, " ")
	x.mu.RLock()
	had, version := x.searched, x.version
	x.mu.RUnlock()
	if had != nil && had.words == key {
		return had.in, nil
	}
	in := map[string]bool{}
	for q := (store.RuleQuery{Size: page}); ; {
		rules, next, err := l.rules.List(ctx, x.id, q)
		if err != nil {
			return nil, fmt.Errorf("searching rules after %q: %w", q.After, err)
		}
		for _, r := range rules {
			if contains(text(r), words) {
				in[r.ID] = true
			}
		}
		if q.After = next; next == "" {
			break
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.version == version {
		x.searched = &searched{key, in}
	}
	return in, nil
}

func oneOf(values []string, v string) bool { return len(values) == 0 || slices.Contains(values, v) }

func anyOf(values, of []string) bool {
	return len(values) == 0 || slices.ContainsFunc(of, func(v string) bool { return slices.Contains(values, v) })
}

func (q *Query) takes(r *Row) bool {
	switch {
	case !oneOf(q.Status, string(r.Status)), !oneOf(q.Result, string(r.Result)), !oneOf(q.Matched, matchOf(r)),
		!oneOf(q.Review, string(r.Review)), !oneOf(q.App, r.App),
		len(q.Cause) > 0 && !slices.ContainsFunc(r.Causes, func(key string) bool { return q.causes[key] }), !anyOf(q.Source, r.Sources), !anyOf(q.Tactic, r.Tactics):
		return false
	case q.Holes != nil && *q.Holes != (r.Holes > 0):
		return false
	case q.Edited && (r.Edited == nil || q.EditedBy != "" && r.Edited.By != q.EditedBy):
		return false
	case len(q.Technique) > 0 && !slices.ContainsFunc(r.Techniques, func(id string) bool {
		parent, _, _ := strings.Cut(id, ".")
		return slices.Contains(q.Technique, id) || slices.Contains(q.Technique, parent)
	}):
		return false
	}
	return true
}

// keysOf are the keys of the causes that are named by their own key, by that of their item, or by their kind. The list is locked.
func (x *list) keysOf(named []string) map[string]bool {
	keys := map[string]bool{}
	if len(named) == 0 {
		return keys
	}
	for key, c := range x.shared.causes {
		keys[key] = slices.ContainsFunc(named, c.Is)
	}
	return keys
}

// matchOf says in one word whether a prebuilt rule takes the place of a rule.
func matchOf(r *Row) string {
	switch {
	case r.matched:
		return "yes"
	case r.Near > 0:
		return "near"
	}
	return "no"
}

// order is an order of rows. Rows that have no place in it come last in either direction, in the order of their ids.
type order struct {
	compare func(a, b *entry) int
	known   func(r *Row) bool // nil: every row has a place
}

func (o order) unknownLast(a, b *Row) int {
	if o.known == nil {
		return 0
	}
	x, y := o.known(a), o.known(b)
	switch {
	case x == y:
		return 0
	case x:
		return -1
	}
	return 1
}

// ranked is the order of the values of a column.
func ranked(values []string, of func(r *Row) string) order {
	return order{
		func(a, b *entry) int {
			return cmp.Compare(slices.Index(values, of(&a.Row)), slices.Index(values, of(&b.Row)))
		},
		func(r *Row) bool { return slices.Contains(values, of(r)) },
	}
}

// sorts are the orders that a query may name.
var sorts = map[string]order{
	"id":         {compare: func(a, b *entry) int { return cmp.Compare(a.ID, b.ID) }},
	"title":      {compare: func(a, b *entry) int { return cmp.Compare(a.title, b.title) }},
	"result":     ranked(results, func(r *Row) string { return string(r.Result) }),
	"holes":      {compare: func(a, b *entry) int { return cmp.Compare(a.Holes, b.Holes) }},
	"severity":   ranked(severities, func(r *Row) string { return r.Severity }),
	"updated_at": {compare: func(a, b *entry) int { return a.UpdatedAt.Compare(b.UpdatedAt) }},
}

// Sorts are the orders that a query may name.
func Sorts() []string { return slices.Sorted(maps.Keys(sorts)) }

var (
	results    = []string{string(migration.Full), string(migration.Partial), string(migration.Untranslatable)}
	severities = []string{"informational", "low", "medium", "high", "critical"}
)
