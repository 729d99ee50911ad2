package assistant

import (
	lists "container/list"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"maps"
	"sync"

	"github.com/rulebridge/rulebridge/internal/assistant/mask"
)

// vocabulary is the replacements that a question begins with, and the values to mask that follow from them. It does not
// change; a longer one shares its levels, so that a turn of a conversation prepares what is new and not what is old.
type vocabulary struct {
	levels []level
	count  int
}

// level is a part of the replacements, each less than half as large as the one before.
type level struct {
	replacements map[string]string
	table        *mask.Table // over those of the levels before
	set          *mask.Set
}

func (v *vocabulary) table() *mask.Table {
	if len(v.levels) == 0 {
		return nil
	}
	return v.levels[len(v.levels)-1].table
}

func (v *vocabulary) sets() []*mask.Set {
	sets := make([]*mask.Set, 0, len(v.levels)+1)
	for _, l := range v.levels {
		sets = append(sets, l.set)
	}
	return sets
}

// grown is the vocabulary of replacements, with the levels that they share with v; prepared is how many had to be prepared.
func (v *vocabulary) grown(replacements map[string]string, random io.Reader) (w *vocabulary, prepared int, err error) {
	fresh, same := map[string]string{}, 0
	table := v.table()
	for token, value := range replacements {
		if was, ok := table.Value(token); ok && was == value {
			same++
			continue
		}
		fresh[token] = value
	}
	levels := v.levels
	if same != v.count { // another conversation, or one that was deleted and begun again
		levels, fresh = nil, replacements
	}
	for len(fresh) > 0 && len(levels) > 0 && len(levels[len(levels)-1].replacements) < 2*len(fresh) {
		joined := maps.Clone(levels[len(levels)-1].replacements)
		maps.Copy(joined, fresh)
		levels, fresh = levels[:len(levels)-1], joined
	}
	w = &vocabulary{levels: levels[:len(levels):len(levels)], count: len(replacements)}
	if len(fresh) == 0 {
		return w, 0, nil
	}
	l := level{replacements: fresh}
	if l.table, err = mask.NewTableOver(w.table(), fresh, random); err != nil {
		return nil, 0, replacementsFault(err)
	}
	d := mask.Over(w.sets()...)
	for token, value := range fresh {
		addValue(&d, value, mask.KindOf(token))
	}
	l.set = d.Set()
	w.levels = append(w.levels, l)
	return w, len(fresh), nil
}

// addValue adds a value to mask. Truth values name nobody; policy.collect tells them from texts.
func addValue(d *mask.Dictionary, value string, kind mask.Kind) {
	if value != "true" && value != "false" {
		d.Add(value, kind)
	}
}

// vocabularies remembers the vocabularies of conversations and questions, and the sets of values of alerts, that were used
// last. It is safe for concurrent use. What is in it is checked against what the store has, or was read from it.
type vocabularies struct {
	mu     sync.Mutex
	seed   [2]maphash.Seed
	recent lists.List // of *remembered, the last used first
	byKey  map[any]*lists.Element
	// prepared counts the replacements and values that were prepared.
	prepared int
}

type remembered struct{ key, what any }

// maxRemembered is how many vocabularies and sets are remembered.
const maxRemembered = 128

type (
	conversationKey struct{ owner, id string }
	questionKey     string
	valuesKey       [2]uint64
)

func newVocabularies() *vocabularies {
	return &vocabularies{seed: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, byKey: map[any]*lists.Element{}}
}

func (v *vocabularies) get(key any) any {
	v.mu.Lock()
	defer v.mu.Unlock()
	e, ok := v.byKey[key]
	if !ok {
		return nil
	}
	v.recent.MoveToFront(e)
	return e.Value.(*remembered).what
}

func (v *vocabularies) put(key, what any, prepared int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.prepared += prepared
	if e, ok := v.byKey[key]; ok {
		e.Value.(*remembered).what = what
		v.recent.MoveToFront(e)
		return
	}
	v.byKey[key] = v.recent.PushFront(&remembered{key, what})
	for len(v.byKey) > maxRemembered {
		v.remove(v.recent.Back())
	}
}

func (v *vocabularies) remove(e *lists.Element) {
	v.recent.Remove(e)
	delete(v.byKey, e.Value.(*remembered).key)
}

func (v *vocabularies) forget(key any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if e, ok := v.byKey[key]; ok {
		v.remove(e)
	}
}

// set prepares the values of fields of alerts, or finds them prepared.
func (v *vocabularies) set(values map[string][]string) *mask.Set {
	var key valuesKey
	for name, list := range values {
		for _, value := range list {
			// The order of the values is that of the source: the sum does not depend on it.
			for i, seed := range v.seed {
				var h maphash.Hash
				h.SetSeed(seed)
				_, _ = h.WriteString(name)
				_ = h.WriteByte(0)
				_, _ = h.WriteString(value)
				key[i] += h.Sum64()
			}
		}
	}
	if s, ok := v.get(key).(*mask.Set); ok {
		return s
	}
	var d mask.Dictionary
	n := 0
	for name, list := range values {
		kind := kindOfField(name)
		for _, value := range list {
			addValue(&d, value, kind)
			n++
		}
	}
	s := d.Set()
	v.put(key, s, n)
	return s
}

// vocabulary is that of the replacements of a question and its conversation, as they were when it was first needed.
func (c *Core) vocabulary(ctx context.Context, q Question) (*vocabulary, error) {
	if v, ok := c.known.get(questionKey(q.ID)).(*vocabulary); ok {
		return v, nil
	}
	all := q.Replacements
	if q.ConversationID != "" && c.Conversations != nil {
		saved, err := c.Conversations.Replacements(ctx, q.Owner, q.ConversationID)
		if errors.Is(err, ErrNotFound) {
			c.known.forget(conversationKey{q.Owner, q.ConversationID})
			return nil, FaultOf(CodeConversation)
		}
		if err != nil {
			return nil, fmt.Errorf("reading the replacements: %w", err)
		}
		if all = saved; all == nil {
			all = map[string]string{}
		}
		for token, value := range q.Replacements {
			if _, ok := all[token]; !ok {
				all[token] = value
			}
		}
	}
	key := conversationKey{q.Owner, q.ConversationID}
	before, ok := c.known.get(key).(*vocabulary)
	if !ok {
		before = &vocabulary{}
	}
	v, prepared, err := before.grown(all, c.Random)
	if err != nil {
		return nil, err
	}
	c.known.put(key, v, prepared)
	c.known.put(questionKey(q.ID), v, 0)
	return v, nil
}
