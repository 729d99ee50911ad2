package assistant

import (
	"iter"
	"unicode/utf8"

	"github.com/rulebridge/rulebridge/internal/assistant/mask"
)

// pieceSize is how much of a masked answer becomes one piece of a stream, in bytes.
const pieceSize = 48

// Pieces gives the answer piece by piece, restored: tokens that a cut falls into come whole.
func (a Answer) Pieces() iter.Seq[string] {
	return func(yield func(string) bool) {
		table, err := mask.NewTable(a.Replacements, nil)
		if err != nil {
			yield(a.Text) // replacements of ours always make a table
			return
		}
		r := table.Restorer()
		held := ""
		for rest := a.Masked; rest != ""; {
			n := min(pieceSize, len(rest))
			piece := held + r.Next(rest[:n])
			rest = rest[n:]
			// A piece ends where a character does.
			whole := len(piece)
			for back := 1; back <= min(utf8.UTFMax-1, len(piece)); back++ {
				if at := len(piece) - back; utf8.RuneStart(piece[at]) {
					if !utf8.FullRuneInString(piece[at:]) {
						whole = at
					}
					break
				}
			}
			held = piece[whole:]
			if whole > 0 && !yield(piece[:whole]) {
				return
			}
		}
		if last := held + r.End(); last != "" {
			yield(last)
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
