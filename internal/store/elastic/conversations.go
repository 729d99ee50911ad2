package elastic

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/rulebridge/rulebridge/internal/assistant"
)

// conversationDoc is the head of a conversation. Its exchanges are documents of their own under the instance, a random
// name: a conversation that comes later under the same id has nothing of a deleted one.
type conversationDoc struct {
	ID          string    `json:"id"`
	Owner       string    `json:"owner"`
	Instance    string    `json:"instance"`
	Title       string    `json:"title"`
	ConnectorID string    `json:"connector_id"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
	Messages    int       `json:"messages"`
	// Next is the place of the next message. Open are the places that exchanges took which are not written yet, by
	// question: an exchange that is appended again finds the place it had.
	Next int            `json:"next"`
	Open map[string]int `json:"open,omitempty"`
}

func (d conversationDoc) conversation() assistant.Conversation {
	return assistant.Conversation{ID: d.ID, Owner: d.Owner, Title: d.Title, ConnectorID: d.ConnectorID, CreatedAt: d.CreatedAt,
		UpdatedAt: d.UpdatedAt, Messages: d.Messages}
}

type exchangeDoc struct {
	Instance     string              `json:"instance"`
	QuestionID   string              `json:"question_id"`
	Place        int                 `json:"place"`
	Messages     []assistant.Message `json:"messages"`
	Replacements []replacement       `json:"replacements,omitempty"`
	At           time.Time           `json:"at"`
}

// replacement is a pair; tokens as names of fields would be read as paths.
type replacement struct {
	Token string `json:"token"`
	Value string `json:"value"`
}

func missingConversation(id string) error {
	return fmt.Errorf("conversation %q: %w", id, assistant.ErrNotFound)
}

// head reads the owner's conversation; others do not exist.
func (a *Assistant) head(ctx context.Context, owner, id string) (c conversationDoc, on version, err error) {
	d, err := a.one(ctx, a.ref(conversationsIndex, id))
	if err != nil {
		return c, on, err
	}
	if d.Found {
		err = d.decode(&c)
	}
	if err == nil && (!d.Found || c.Owner != owner) {
		err = missingConversation(id)
	}
	return c, d.version, err
}

// CreateConversation implements assistant.Conversations.
func (a *Assistant) CreateConversation(ctx context.Context, c assistant.Conversation) error {
	doc := conversationDoc{ID: c.ID, Owner: c.Owner, Instance: uuid.NewString(), Title: c.Title, ConnectorID: c.ConnectorID,
		CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt}
	r := a.ref(conversationsIndex, c.ID)
	written, err := a.put(ctx, r, nil, doc)
	if err != nil || written {
		return err
	}
	// The write of an attempt whose answer was lost looks like somebody else's.
	d, err := a.one(ctx, r)
	if err != nil {
		return err
	}
	var there conversationDoc
	if d.Found {
		if err := d.decode(&there); err != nil {
			return err
		}
	}
	if there.Instance == doc.Instance {
		return nil
	}
	return fmt.Errorf("conversation %q: %w", c.ID, assistant.ErrExists)
}

// Conversation implements assistant.Conversations.
func (a *Assistant) Conversation(ctx context.Context, owner, id string) (assistant.Conversation, error) {
	c, _, err := a.head(ctx, owner, id)
	return c.conversation(), err
}

// Conversations implements assistant.Conversations.
func (a *Assistant) Conversations(ctx context.Context, owner string) ([]assistant.Conversation, error) {
	var list []assistant.Conversation
	err := a.each(ctx, conversationsIndex, term("owner", owner), []string{"id"}, func(h hit) error {
		var c conversationDoc
		err := h.decode(&c)
		list = append(list, c.conversation())
		return err
	})
	slices.SortStableFunc(list, func(a, b assistant.Conversation) int { return b.UpdatedAt.Compare(a.UpdatedAt) })
	return list, err
}

// exchanges calls f with those of a conversation, in order.
func (a *Assistant) exchanges(ctx context.Context, owner, id string, f func(exchangeDoc)) error {
	c, _, err := a.head(ctx, owner, id)
	if err != nil {
		return err
	}
	return a.each(ctx, exchangesIndex, term("instance", c.Instance), []string{"place", "question_id"}, func(h hit) error {
		var e exchangeDoc
		if err := h.decode(&e); err != nil {
			return err
		}
		f(e)
		return nil
	})
}

// Messages implements assistant.Conversations.
func (a *Assistant) Messages(ctx context.Context, owner, id string, last int) ([]assistant.Message, error) {
	var list []assistant.Message
	if last <= 0 {
		err := a.exchanges(ctx, owner, id, func(e exchangeDoc) { list = append(list, e.Messages...) })
		return list, err
	}
	c, _, err := a.head(ctx, owner, id)
	if err != nil {
		return nil, err
	}
	index := a.s.index(exchangesIndex)
	if err := a.s.othersRefresh[index].do(ctx); err != nil {
		return nil, err
	}
	// An exchange has a message at least, so as many exchanges are enough.
	f, err := a.s.search(ctx, index, map[string]any{"query": all(term("instance", c.Instance)), "size": min(last, maxWindow),
		"track_total_hits": false, "sort": []map[string]string{{"place": "desc"}, {"question_id": "desc"}}})
	if err != nil {
		return nil, err
	}
	for _, h := range slices.Backward(f.Hits.Hits) {
		var e exchangeDoc
		if err := h.decode(&e); err != nil {
			return nil, err
		}
		list = append(list, e.Messages...)
	}
	return list[max(0, len(list)-last):], nil
}

// Replacements implements assistant.Conversations.
func (a *Assistant) Replacements(ctx context.Context, owner, id string) (map[string]string, error) {
	replacements := map[string]string{}
	err := a.exchanges(ctx, owner, id, func(e exchangeDoc) {
		for _, r := range e.Replacements {
			if _, taken := replacements[r.Token]; !taken {
				replacements[r.Token] = r.Value
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return replacements, nil
}

// AppendExchange implements assistant.Conversations. The exchange first takes its place in the head, then it is written,
// then the head counts it; a call that was broken off between may be repeated.
func (a *Assistant) AppendExchange(ctx context.Context, owner, id string, e assistant.Exchange) error {
	c, done, err := a.takePlace(ctx, owner, id, e)
	if err != nil || done {
		return err
	}
	doc := exchangeDoc{Instance: c.Instance, QuestionID: e.QuestionID, Place: c.Open[e.QuestionID], Messages: e.Messages, At: e.At}
	for token, value := range e.Replacements {
		doc.Replacements = append(doc.Replacements, replacement{token, value})
	}
	slices.SortFunc(doc.Replacements, func(a, b replacement) int { return strings.Compare(a.Token, b.Token) })
	at := a.ref(exchangesIndex, c.Instance, e.QuestionID)
	if _, err := a.put(ctx, at, nil, doc); err != nil { // one that is there is this one
		return err
	}
	err = again(ctx, func() error {
		now, on, err := a.head(ctx, owner, id)
		if err != nil {
			return err
		}
		if now.Instance != c.Instance {
			return missingConversation(id)
		}
		if _, open := now.Open[e.QuestionID]; !open {
			return nil // another attempt has counted it
		}
		delete(now.Open, e.QuestionID)
		now.Messages += len(e.Messages)
		if e.At.After(now.UpdatedAt) {
			now.UpdatedAt = e.At
		}
		return a.change(ctx, a.ref(conversationsIndex, id), on, now)
	})
	if errors.Is(err, assistant.ErrNotFound) {
		// A deletion that looked before the exchange was there would leave it.
		_, derr := a.s.bulk(ctx, []write{{action: "delete", ref: at}}, false)
		return errors.Join(err, derr)
	}
	return err
}

// takePlace gives the exchange its place in the conversation's head; done says that it was appended before.
func (a *Assistant) takePlace(ctx context.Context, owner, id string, e assistant.Exchange) (c conversationDoc, done bool, err error) {
	err = again(ctx, func() error {
		var on version
		if c, on, err = a.head(ctx, owner, id); err != nil {
			return err
		}
		if _, open := c.Open[e.QuestionID]; open {
			return nil
		}
		there, err := a.one(ctx, a.ref(exchangesIndex, c.Instance, e.QuestionID))
		if err != nil {
			return err
		}
		if done = there.Found; done {
			return nil
		}
		if c.Open == nil {
			c.Open = map[string]int{}
		}
		c.Open[e.QuestionID] = c.Next
		c.Next += len(e.Messages)
		return a.change(ctx, a.ref(conversationsIndex, id), on, c)
	})
	return c, done, err
}

// DeleteConversation implements assistant.Conversations.
func (a *Assistant) DeleteConversation(ctx context.Context, owner, id string) error {
	var instance string
	err := again(ctx, func() error {
		c, on, err := a.head(ctx, owner, id)
		if err != nil {
			return err
		}
		instance = c.Instance
		outcomes, err := a.s.bulk(ctx, []write{{action: "delete", ref: a.ref(conversationsIndex, id), on: &on}}, false)
		if err == nil && !outcomes[0].ok() {
			err = errConflict
		}
		return err
	})
	if err != nil {
		return err
	}
	return a.deleteAll(ctx, exchangesIndex, term("instance", instance), "question_id")
}
