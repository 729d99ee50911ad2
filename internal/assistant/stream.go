package assistant

import (
	"iter"
	"unicode/utf8"

	"github.com/rulebridge/rulebridge/internal/assistant/mask"
)

// pieceSize is how much of an answer becomes one piece of a stream, in bytes.
const pieceSize = 48

// Pieces gives a text piece by piece; runes come whole.
func Pieces(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for text != "" {
			n := min(pieceSize, len(text))
			for n < len(text) && !utf8.RuneStart(text[n]) {
				n++
			}
			if !yield(text[:n]) {
				return
			}
			text = text[n:]
		}
	}
}

// Restore puts the values back into messages that were saved with tokens.
func Restore(messages []Message, replacements map[string]string) ([]Message, error) {
	table, err := mask.NewTable(replacements, nil)
	if err != nil {
		return nil, err
	}
	out := make([]Message, len(messages))
	for i, m := range messages {
		out[i] = Message{Role: m.Role, Content: table.Restore(m.Content)}
	}
	return out, nil
}
