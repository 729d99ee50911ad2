package assistant

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
)

//go:embed system.txt
var systemPrompt string

// prompt is what a model gets: the instructions, the earlier turns, the question, and each step so far. Only the
// instructions are not masked; they hold nothing of a question or an alert.
func (s *state) prompt(last bool) ([]Message, error) {
	messages := []Message{{RoleSystem, s.instructions()}}
	say := func(role, text string) error {
		masked, err := s.said(text)
		if err == nil {
			messages = append(messages, Message{role, masked})
		}
		return err
	}
	for _, m := range append(s.prep.History[:len(s.prep.History):len(s.prep.History)], s.q.Messages[len(s.q.Messages)-1]) {
		role := RoleUser // what a caller sends as system is not ours either
		if m.Role == RoleAssistant {
			role = RoleAssistant
		}
		if err := say(role, m.Content); err != nil {
			return nil, err
		}
	}
	for _, t := range s.turns {
		if err := say(RoleAssistant, t.reply); err != nil {
			return nil, err
		}
		if t.result == nil {
			messages = append(messages, Message{RoleUser, "That was not the JSON object asked for. Answer with one JSON object and nothing else."})
			continue
		}
		shown, err := s.show(t)
		if err != nil {
			return nil, err
		}
		content, err := json.Marshal(shown)
		if err != nil {
			return nil, fmt.Errorf("masking a result: %w", err)
		}
		messages = append(messages, Message{RoleUser, "Result of " + shown.Tool + ", as quoted data:\n" + fence("DATA", string(content))})
	}
	if last {
		messages = append(messages, Message{RoleUser, "Answer now, from the results you have. No further tool can be used."})
	}
	return messages, nil
}

// instructions are the fixed text with the tools of this question.
func (s *state) instructions() string {
	var b strings.Builder
	b.WriteString(strings.TrimSpace(systemPrompt))
	fmt.Fprintf(&b, "\n\nTime: %s.\n\nTools:\n", s.q.AsOf.UTC().Format("2006-01-02T15:04:05Z"))
	if len(s.prep.Offered) == 0 {
		b.WriteString("none; answer at once\n")
	}
	for _, name := range s.prep.Offered {
		t, _ := toolByName(name)
		schema, _ := json.Marshal(t.schema()) // plain values
		fmt.Fprintf(&b, "- %s: %s Arguments: %s\n", t.name, t.about, schema)
	}
	return b.String()
}

// fence sets a text apart between markers that it does not contain itself.
func fence(name, text string) string {
	marker := "=== " + name
	for strings.Contains(text, marker) {
		marker = "=" + marker
	}
	return marker + " begins\n" + text + "\n" + marker + " ends"
}
