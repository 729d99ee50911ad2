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

// change writes a document that was read, or gives errConflict when it has changed since.
func (a *Assistant) change(ctx context.Context, r ref, on version, doc any) error {
	written, err := a.put(ctx, r, &on, doc)
	if err == nil && !written {
		err = errConflict
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

// ---- questions ----

type questionDoc struct {
	ID       string    `json:"id"`
	OpenedAt time.Time `json:"opened_at"`
	Content  []byte    `json:"content"`
	// Writer names the call that wrote it.
	Writer string `json:"writer"`
}

type stepDoc struct {
	QuestionID string `json:"question_id"`
	Name       string `json:"name"`
	Content    []byte `json:"content"`
}

func missingQuestion(id string) error {
	return fmt.Errorf("question %q: %w", id, assistant.ErrNotFound)
}

func (a *Assistant) question(ctx context.Context, id string) (q questionDoc, err error) {
	d, err := a.one(ctx, a.ref(questionsIndex, id))
	switch {
	case err != nil:
		return q, err
	case !d.Found:
		return q, missingQuestion(id)
	}
	return q, d.decode(&q)
}

// CreateQuestion implements assistant.Questions.
func (a *Assistant) CreateQuestion(ctx context.Context, id string, content []byte, at time.Time) error {
	q := questionDoc{ID: id, OpenedAt: at, Content: content, Writer: uuid.NewString()}
	written, err := a.put(ctx, a.ref(questionsIndex, id), nil, q)
	if err != nil || written {
		return err
	}
	there, err := a.question(ctx, id)
	if err == nil && there.Writer == q.Writer { // this call's own write, whose answer was lost
		return nil
	}
	if err == nil || errors.Is(err, assistant.ErrNotFound) {
		return fmt.Errorf("question %q: %w", id, assistant.ErrExists)
	}
	return err
}

// Question implements assistant.Questions.
func (a *Assistant) Question(ctx context.Context, id string) ([]byte, error) {
	q, err := a.question(ctx, id)
	return q.Content, err
}

// SaveStep implements assistant.Questions.
func (a *Assistant) SaveStep(ctx context.Context, id, step string, content []byte) ([]byte, error) {
	if _, err := a.question(ctx, id); err != nil {
		return nil, err
	}
	r := a.ref(stepsIndex, id, step)
	written, err := a.put(ctx, r, nil, stepDoc{id, step, content})
	if err != nil {
		return nil, err
	}
	if !written {
		return a.Step(ctx, id, step)
	}
	// A deletion that looked before the step was there would leave it.
	if _, err := a.question(ctx, id); err != nil {
		_, derr := a.s.bulk(ctx, []write{{action: "delete", ref: r}}, false)
		return nil, errors.Join(err, derr)
	}
	return content, nil
}

// Step implements assistant.Questions.
func (a *Assistant) Step(ctx context.Context, id, step string) ([]byte, error) {
	docs, err := a.s.get(ctx, []ref{a.ref(questionsIndex, id), a.ref(stepsIndex, id, step)})
	switch {
	case err != nil:
		return nil, err
	case !docs[0].Found:
		return nil, missingQuestion(id)
	case !docs[1].Found:
		return nil, fmt.Errorf("step %s of question %q: %w", step, id, assistant.ErrNotFound)
	}
	var s stepDoc
	err = docs[1].decode(&s)
	return s.Content, err
}

// Steps implements assistant.Questions.
func (a *Assistant) Steps(ctx context.Context, id string) (map[string][]byte, error) {
	if _, err := a.question(ctx, id); err != nil {
		return nil, err
	}
	steps := map[string][]byte{}
	err := a.each(ctx, stepsIndex, term("question_id", id), []string{"name"}, func(h hit) error {
		var s stepDoc
		err := h.decode(&s)
		steps[s.Name] = s.Content
		return err
	})
	if err != nil {
		return nil, err
	}
	return steps, nil
}

// DeleteQuestion implements assistant.Questions.
func (a *Assistant) DeleteQuestion(ctx context.Context, id string) error {
	if _, err := a.s.bulk(ctx, []write{{action: "delete", ref: a.ref(questionsIndex, id)}}, false); err != nil {
		return err
	}
	return a.deleteAll(ctx, stepsIndex, term("question_id", id), "name")
}

// StaleQuestions implements assistant.Questions.
func (a *Assistant) StaleQuestions(ctx context.Context, before time.Time) ([]string, error) {
	var ids []string
	err := a.each(ctx, questionsIndex, map[string]any{"range": map[string]any{"opened_at": map[string]any{"lt": before.UTC().Format(time.RFC3339Nano)}}},
		[]string{"opened_at", "id"}, func(h hit) error {
			var q questionDoc
			err := h.decode(&q)
			ids = append(ids, q.ID)
			return err
		})
	return ids, err
}

// ---- settings ----

// settingsDoc holds all settings: they change together or not at all.
type settingsDoc struct {
	Fields []assistant.FieldSetting `json:"fields"`
}

func (a *Assistant) settings(ctx context.Context) (s settingsDoc, on *version, err error) {
	d, err := a.one(ctx, a.ref(settingsIndex, "all"))
	if err != nil || !d.Found {
		return s, nil, err
	}
	return s, &d.version, d.decode(&s)
}

// FieldSettings implements assistant.FieldSettings.
func (a *Assistant) FieldSettings(ctx context.Context) ([]assistant.FieldSetting, error) {
	s, _, err := a.settings(ctx)
	return s.Fields, err
}

// SetFieldSettings implements assistant.FieldSettings.
func (a *Assistant) SetFieldSettings(ctx context.Context, settings []assistant.FieldSetting) error {
	byField := func(a, b assistant.FieldSetting) int { return strings.Compare(a.Field, b.Field) }
	return again(ctx, func() error {
		s, on, err := a.settings(ctx)
		if err != nil {
			return err
		}
		for _, f := range settings {
			i, there := slices.BinarySearchFunc(s.Fields, f, byField)
			switch {
			case f.SetBy == "" && there:
				s.Fields = slices.Delete(s.Fields, i, i+1)
			case f.SetBy == "":
			case there:
				s.Fields[i] = f
			default:
				s.Fields = slices.Insert(s.Fields, i, f)
			}
		}
		written, err := a.put(ctx, a.ref(settingsIndex, "all"), on, s)
		if err == nil && !written {
			err = errConflict
		}
		return err
	})
}
