package elastic

import (
	"context"
	"strings"

	"github.com/rulebridge/rulebridge/internal/assistant"
)

// Assistant keeps conversations, questions under way and settings in indices of their own, which are installed only
// where the assistant is on. It is safe for concurrent use, also by several processes.
type Assistant struct{ s *Store }

var (
	_ assistant.Conversations = (*Assistant)(nil)
	_ assistant.Questions     = (*Assistant)(nil)
	_ assistant.FieldSettings = (*Assistant)(nil)
)

const (
	conversationsIndex = "conversations"
	exchangesIndex     = "exchanges"
	questionsIndex     = "questions"
	stepsIndex         = "steps"
	settingsIndex      = "fields"
)

var assistantIndices = []string{conversationsIndex, exchangesIndex, questionsIndex, stepsIndex, settingsIndex}

// NewAssistant prepares a store and sends nothing. Its indices stand beside those of migrations, under the same prefix.
func NewAssistant(opts Options) (*Assistant, error) {
	if opts.kinds == nil {
		var err error
		if opts.kinds, err = readKinds(assistantIndices); err != nil {
			return nil, err
		}
	}
	s, err := New(opts)
	if err != nil {
		return nil, err
	}
	return &Assistant{s}, nil
}

// Setup installs templates and indices as Store.Setup does.
func (a *Assistant) Setup(ctx context.Context) error { return a.s.Setup(ctx) }

// CheckIndices says whether every index is there with this version's mapping.
func (a *Assistant) CheckIndices(ctx context.Context) error { return a.s.CheckIndices(ctx) }

// Close refuses further calls.
func (a *Assistant) Close() error { return a.s.Close() }

func (a *Assistant) ref(index, id string, rest ...string) ref {
	return ref{a.s.index(index), documentID(id, strings.Join(rest, ":"))}
}

// one reads a document by id.
func (a *Assistant) one(ctx context.Context, r ref) (document, error) {
	docs, err := a.s.get(ctx, []ref{r})
	if err != nil {
		return document{}, err
	}
	return docs[0], nil
}

// put writes one document and reports whether it was written: not if it is there (create) or has changed (on).
func (a *Assistant) put(ctx context.Context, r ref, on *version, doc any) (bool, error) {
	w := write{action: "create", ref: r, doc: doc}
	if on != nil {
		w.action, w.on = "index", on
	}
	outcomes, err := a.s.bulk(ctx, []write{w}, false)
	if err != nil {
		return false, err
	}
	return outcomes[0].ok(), nil
}

// each calls f with all that a query finds, what was just written included.
func (a *Assistant) each(ctx context.Context, name string, query map[string]any, sort []string, f func(hit) error) error {
	index := a.s.index(name)
	if err := a.s.othersRefresh[index].do(ctx); err != nil {
		return err
	}
	return a.s.scan(ctx, index, all(query), sort, nil, func(hits []hit) error {
		for _, h := range hits {
			if err := f(h); err != nil {
				return err
			}
		}
		return nil
	})
}

// change writes a document that was read, or gives errConflict when it has changed since.
func (a *Assistant) change(ctx context.Context, r ref, on version, doc any) error {
	written, err := a.put(ctx, r, &on, doc)
	if err == nil && !written {
		err = errConflict
	}
	return err
}

// deleteAll deletes what a query finds, until it finds nothing.
func (a *Assistant) deleteAll(ctx context.Context, name string, query map[string]any, sort string) error {
	for {
		var writes []write
		err := a.each(ctx, name, query, []string{sort}, func(h hit) error {
			writes = append(writes, write{action: "delete", ref: ref{a.s.index(name), h.ID}})
			return nil
		})
		if err != nil || len(writes) == 0 {
			return err
		}
		if _, err := a.s.bulk(ctx, writes, false); err != nil {
			return err
		}
	}
}
