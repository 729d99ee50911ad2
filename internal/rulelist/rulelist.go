// Package rulelist answers what a person asks of the rules of a migration at a glance: which of them match, in which order,
// and how many there are of each kind. It holds a slim row a rule and the text to search in, built by reading the rules
// once and brought up to date by what changed since, so that an answer decodes no documents.
package rulelist

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
)

// Rules is what the lists are read from.
type Rules interface {
	List(ctx context.Context, id string, q store.RuleQuery) (rules []migration.Rule, next string, err error)
	Changes(ctx context.Context, id string, mark int64) (store.Changes, error)
}

// Options bound the lists; the zero value is the default.
type Options struct {
	// Bytes is about how much all lists together may hold; the one that was asked last stays in any case. 0 means 256 MiB.
	Bytes int
	// TextRules and TextBytes bound the texts that a list holds to be searched: 50,000 rules, and half of Bytes. A list
	// beyond reads the rules for each search.
	TextRules, TextBytes int
	// Every is how long a list is taken to be up to date: 500 ms.
	Every time.Duration
	// Now is the clock; default time.Now.
	Now func() time.Time
}

// Lists are the rules of several migrations. They are safe for concurrent use.
type Lists struct {
	rules Rules
	o     Options

	mu    sync.Mutex
	lists *simplelru.LRU[string, *list]
}

// most is how many migrations are held at most, small ones too.
const most = 64

// New makes lists of the rules of a store.
func New(rules Rules, o Options) *Lists {
	o.Bytes = cmp.Or(o.Bytes, 256<<20)
	o.TextRules, o.TextBytes = cmp.Or(o.TextRules, 50_000), cmp.Or(o.TextBytes, o.Bytes/2)
	o.Every = cmp.Or(o.Every, 500*time.Millisecond)
	if o.Now == nil {
		o.Now = time.Now
	}
	lists, err := simplelru.NewLRU[string, *list](most, nil)
	if err != nil {
		panic(err) // the size is positive
	}
	return &Lists{rules: rules, o: o, lists: lists}
}

// list holds the rules of one migration.
type list struct {
	id string
	// updating is taken by the one that brings the list up to date.
	updating chan struct{}

	mu      sync.RWMutex
	checked time.Time // when it was up to date; zero: never
	// told counts how often it was told to be stale, seen how much of that the last reading may have seen.
	told, seen int64
	mark       int64
	entries    map[string]*entry
	shared     shared
	// doubted are rules that the store showed older than they were told to be.
	doubted map[string]bool
	// version counts changes; what is kept for one version is dropped with the next.
	version  int64
	facets   *Facets
	searched *searched
	texts    bool // entries have their texts
	bytes    int
}

// entry is a rule of a list.
type entry struct {
	Row
	text  string // what is searched, in lower case
	title string // what the title is sorted by
	// told is when it was told of rather than read; zero: it was read.
	told time.Time
}

// size is about what an entry takes in memory.
func (e *entry) size() int {
	return 640 + len(e.text) + len(e.title) + len(e.ID) + len(e.Title) + len(e.MatchedRule) + 16*(len(e.Causes)+len(e.Sources)+len(e.Tactics)+len(e.Techniques))
}

// get finds the list of a migration, or begins one.
func (l *Lists) get(id string) *list {
	l.mu.Lock()
	defer l.mu.Unlock()
	if x, ok := l.lists.Get(id); ok {
		return x
	}
	x := &list{id: id, updating: make(chan struct{}, 1)}
	l.lists.Add(id, x)
	return x
}

// trim drops the lists that were asked for longest ago while all together are too large.
func (l *Lists) trim() {
	l.mu.Lock()
	defer l.mu.Unlock()
	total := 0
	for _, x := range l.lists.Values() {
		x.mu.RLock()
		total += x.bytes
		x.mu.RUnlock()
	}
	for total > l.o.Bytes && l.lists.Len() > 1 {
		_, x, _ := l.lists.RemoveOldest()
		x.mu.RLock()
		total -= x.bytes
		x.mu.RUnlock()
	}
}

// Forget drops the list of a migration.
func (l *Lists) Forget(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lists.Remove(id)
}

// Stale makes the next question about a migration look for changes.
func (l *Lists) Stale(id string) {
	l.mu.Lock()
	x, ok := l.lists.Peek(id)
	l.mu.Unlock()
	if ok {
		x.mu.Lock()
		x.told++
		x.mu.Unlock()
	}
}

// Put tells of rules that were just written, so that the next question sees them whatever the store shows by then.
func (l *Lists) Put(id string, rules ...migration.Rule) {
	l.mu.Lock()
	x, ok := l.lists.Peek(id)
	l.mu.Unlock()
	if !ok {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, r := range rules {
		if e := x.entries[r.ID]; e != nil { // one that is not there yet comes with the next update
			x.put(r, l.o.Now())
		}
	}
}

// current is the list of a migration, up to date.
func (l *Lists) current(ctx context.Context, id string) (*list, error) {
	x := l.get(id)
	if l.fresh(x) {
		return x, nil
	}
	select {
	case x.updating <- struct{}{}:
		defer func() { <-x.updating }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if l.fresh(x) {
		return x, nil
	}
	if err := l.update(ctx, x); err != nil {
		if errors.Is(err, store.ErrNotFound) {
			l.Forget(id)
		}
		return nil, err
	}
	l.trim()
	return x, nil
}

func (l *Lists) fresh(x *list) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return !x.checked.IsZero() && x.told == x.seen && l.o.Now().Sub(x.checked) < l.o.Every
}

// page is how many documents are read at a time: documents can be large, and they are let go one page after the other.
const page = 200

// manyChanged is from how many changed rules on all rules are read in their order instead of those by name.
const manyChanged = 2000

// update asks what changed, and reads that.
func (l *Lists) update(ctx context.Context, x *list) error {
	x.mu.RLock()
	mark, told := x.mark, x.told
	x.mu.RUnlock()
	at := l.o.Now()
	c, err := l.rules.Changes(ctx, x.id, mark)
	if err != nil {
		return fmt.Errorf("looking for changed rules: %w", err)
	}
	changed := x.stale(c.Rules, at)
	if mark == 0 {
		x.begin(c.Counts.Total <= l.o.TextRules)
	}
	if err := l.read(ctx, x, changed); err != nil {
		return err
	}
	// Rules that were deleted, and changes that a clock hid, show in the counts only.
	if mark > 0 && !x.agrees(c.Counts, len(changed) == 0) {
		if c, err = l.rules.Changes(ctx, x.id, 0); err != nil {
			return fmt.Errorf("looking for changed rules: %w", err)
		}
		x.keep(c.Rules)
		if err := l.read(ctx, x, x.stale(c.Rules, at)); err != nil {
			return err
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.mark, x.checked, x.seen = c.Mark, at, told
	if x.texts && (x.bytes > l.o.TextBytes || len(x.entries) > l.o.TextRules) {
		x.texts, x.searched = false, nil
		for _, e := range x.entries {
			x.bytes -= len(e.text)
			e.text = ""
		}
	}
	return nil
}

// read reads rules by their ids, or all.
func (l *Lists) read(ctx context.Context, x *list, ids []string) error {
	if len(ids) > manyChanged {
		for q := (store.RuleQuery{Size: page}); ; {
			rules, next, err := l.rules.List(ctx, x.id, q)
			if err != nil {
				return fmt.Errorf("reading rules after %q: %w", q.After, err)
			}
			x.take(rules)
			if q.After = next; next == "" {
				return nil
			}
		}
	}
	for some := range slices.Chunk(ids, page) {
		rules, _, err := l.rules.List(ctx, x.id, store.RuleQuery{Size: page, IDs: some})
		if err != nil {
			return fmt.Errorf("reading changed rules: %w", err)
		}
		x.take(rules)
	}
	return nil
}

func (x *list) begin(texts bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.entries, x.doubted, x.shared, x.texts, x.bytes = map[string]*entry{}, map[string]bool{}, newShared(), texts, 0
}

// settles is within which time a store shows everywhere what was written to it: less than the ClockSkew by which the changes
// that it lists overlap.
const settles = 10 * time.Second

// stale are the rules whose revision is not the one that is known. A rule that has gone back was deleted and added again; or
// it was just told of, and what the store shows is older than that: then it is doubted, and looked at when that time is over.
func (x *list) stale(changes []store.RuleChange, now time.Time) []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	var ids []string
	add := func(id string, e *entry, back bool) {
		if back {
			x.drop(e)
		}
		delete(x.doubted, id)
		ids = append(ids, id)
	}
	for _, c := range changes {
		e := x.entries[c.ID]
		switch {
		case e == nil:
			add(c.ID, nil, false)
		case e.Revision == c.Revision:
			delete(x.doubted, c.ID)
		case e.Revision > c.Revision && now.Sub(e.told) < settles:
			x.doubted[c.ID] = true
		default:
			add(c.ID, e, e.Revision > c.Revision)
		}
	}
	for id := range x.doubted {
		if e := x.entries[id]; e == nil || now.Sub(e.told) >= settles {
			add(id, e, e != nil)
		}
	}
	return ids
}

// agrees compares the list with counts of the store: the number of rules, and with each the numbers by status.
func (x *list) agrees(c migration.Counts, each bool) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if len(x.entries) != c.Total {
		return false
	}
	if !each {
		return true
	}
	var mine migration.Counts
	for _, e := range x.entries {
		mine.Total++
		switch e.Status {
		case migration.StatusPending:
			mine.Pending++
		case migration.StatusProcessing:
			mine.Processing++
		case migration.StatusFinished:
			mine.Finished++
		case migration.StatusError:
			mine.Failed++
		}
	}
	return mine == c
}

// keep drops the rules that are not among those that are there.
func (x *list) keep(there []store.RuleChange) {
	ids := make(map[string]bool, len(there))
	for _, r := range there {
		ids[r.ID] = true
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for id, e := range x.entries {
		if !ids[id] {
			x.drop(e)
		}
	}
}

func (x *list) drop(e *entry) {
	delete(x.entries, e.ID)
	x.bytes -= e.size()
	x.changed()
}

// changed is called for each change, with the lock held.
func (x *list) changed() {
	x.version++
	x.facets, x.searched = nil, nil
}

func (x *list) take(rules []migration.Rule) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, r := range rules {
		x.put(r, time.Time{})
	}
}

// put holds a rule unless a newer state of it is known. told is when somebody told of it; zero: it was read.
func (x *list) put(r migration.Rule, told time.Time) {
	if was := x.entries[r.ID]; was != nil {
		if was.Revision > r.Revision {
			return
		}
		x.drop(was)
	}
	x.shared.shrink(x.entries)
	e := &entry{Row: x.shared.row(r), told: told}
	e.title = x.shared.titles.key(e.Title)
	if x.texts {
		e.text = text(r)
	}
	x.entries[r.ID] = e
	x.bytes += e.size()
	x.changed()
}

// text is what is searched of a rule.
func text(r migration.Rule) string {
	parts := []string{r.ID, r.Original.Title, r.Original.Description, r.Original.Query}
	if e := r.Elastic; e != nil {
		parts = append(parts, e.Query)
		if e.Title != r.Original.Title {
			parts = append(parts, e.Title)
		}
		if e.Description != r.Original.Description {
			parts = append(parts, e.Description)
		}
	}
	return strings.ToLower(strings.Join(parts, "\n"))
}
