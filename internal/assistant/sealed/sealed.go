// Package sealed encrypts what conversations and questions hold before a store sees it. Ids, owners, roles, tokens and
// times stay readable: they are what stores find things by.
package sealed

import (
	"context"
	"time"

	"github.com/rulebridge/rulebridge/internal/assistant"
)

// Cipher encrypts content for one place, and decrypts it there. Content that was never encrypted passes.
type Cipher interface {
	Seal(place string, content []byte) ([]byte, error)
	Open(place string, content []byte) ([]byte, error)
}

// Conversations encrypts titles, messages and the values of replacements.
func Conversations(kept assistant.Conversations, c Cipher) assistant.Conversations {
	return conversations{kept, c}
}

// Questions encrypts questions and their steps.
func Questions(kept assistant.Questions, c Cipher) assistant.Questions { return questions{kept, c} }

type conversations struct {
	kept   assistant.Conversations
	cipher Cipher
}

var _ assistant.Conversations = conversations{}

func text(f func(string, []byte) ([]byte, error), place string, in *string) error {
	out, err := f(place, []byte(*in))
	*in = string(out)
	return err
}

func titleOf(id string) string              { return "title:" + id }
func messageOf(id string) string            { return "message:" + id }
func replacementOf(id, token string) string { return "replacement:" + id + ":" + token }

func (s conversations) CreateConversation(ctx context.Context, c assistant.Conversation) error {
	if err := text(s.cipher.Seal, titleOf(c.ID), &c.Title); err != nil {
		return err
	}
	return s.kept.CreateConversation(ctx, c)
}

func (s conversations) Conversation(ctx context.Context, owner, id string) (assistant.Conversation, error) {
	c, err := s.kept.Conversation(ctx, owner, id)
	if err == nil {
		err = text(s.cipher.Open, titleOf(id), &c.Title)
	}
	return c, err
}

// unreadable is the title of a conversation whose key is missing: the list is there all the same, so that it can be deleted.
const unreadable = "(cannot be decrypted)"

func (s conversations) Conversations(ctx context.Context, owner string) ([]assistant.Conversation, error) {
	list, err := s.kept.Conversations(ctx, owner)
	for i := range list {
		if text(s.cipher.Open, titleOf(list[i].ID), &list[i].Title) != nil {
			list[i].Title = unreadable
		}
	}
	return list, err
}

func (s conversations) Messages(ctx context.Context, owner, id string, last int) ([]assistant.Message, error) {
	list, err := s.kept.Messages(ctx, owner, id, last)
	for i := range list {
		if err := text(s.cipher.Open, messageOf(id), &list[i].Content); err != nil {
			return nil, err
		}
	}
	return list, err
}

func (s conversations) Replacements(ctx context.Context, owner, id string) (map[string]string, error) {
	all, err := s.kept.Replacements(ctx, owner, id)
	for token, value := range all {
		if err := text(s.cipher.Open, replacementOf(id, token), &value); err != nil {
			return nil, err
		}
		all[token] = value
	}
	return all, err
}

func (s conversations) AppendExchange(ctx context.Context, owner, id string, e assistant.Exchange) error {
	messages := make([]assistant.Message, len(e.Messages))
	for i, m := range e.Messages {
		if err := text(s.cipher.Seal, messageOf(id), &m.Content); err != nil {
			return err
		}
		messages[i] = m
	}
	replacements := make(map[string]string, len(e.Replacements))
	for token, value := range e.Replacements {
		if err := text(s.cipher.Seal, replacementOf(id, token), &value); err != nil {
			return err
		}
		replacements[token] = value
	}
	e.Messages, e.Replacements = messages, replacements
	return s.kept.AppendExchange(ctx, owner, id, e)
}

// DeleteConversation has nothing to encrypt.
func (s conversations) DeleteConversation(ctx context.Context, owner, id string) error {
	return s.kept.DeleteConversation(ctx, owner, id)
}

type questions struct {
	assistant.Questions
	cipher Cipher
}

func questionOf(id string) string   { return "question:" + id }
func stepOf(id, step string) string { return "step:" + id + ":" + step }

func (s questions) CreateQuestion(ctx context.Context, id string, content []byte, at time.Time) error {
	content, err := s.cipher.Seal(questionOf(id), content)
	if err != nil {
		return err
	}
	return s.Questions.CreateQuestion(ctx, id, content, at)
}

func (s questions) Question(ctx context.Context, id string) ([]byte, error) {
	content, err := s.Questions.Question(ctx, id)
	if err != nil {
		return nil, err
	}
	return s.cipher.Open(questionOf(id), content)
}

func (s questions) SaveStep(ctx context.Context, id, step string, content []byte) ([]byte, error) {
	content, err := s.cipher.Seal(stepOf(id, step), content)
	if err != nil {
		return nil, err
	}
	if content, err = s.Questions.SaveStep(ctx, id, step, content); err != nil {
		return nil, err
	}
	return s.cipher.Open(stepOf(id, step), content)
}

func (s questions) Step(ctx context.Context, id, step string) ([]byte, error) {
	content, err := s.Questions.Step(ctx, id, step)
	if err != nil {
		return nil, err
	}
	return s.cipher.Open(stepOf(id, step), content)
}

func (s questions) Steps(ctx context.Context, id string) (map[string][]byte, error) {
	all, err := s.Questions.Steps(ctx, id)
	for step, content := range all {
		if all[step], err = s.cipher.Open(stepOf(id, step), content); err != nil {
			return nil, err
		}
	}
	return all, err
}
