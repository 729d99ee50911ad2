package sqlite

import (
	"context"
	"fmt"
	"io/fs"

	"github.com/rulebridge/rulebridge/internal/assistant"
)

// assistantID marks the assistant's file as ours ("RBAS").
const assistantID = 0x52424153

// Assistant is the embedded store of the assistant: a file of its own with alerts, conversations, questions and
// settings. It is safe for concurrent use, also by several processes on one machine.
type Assistant struct{ db *Store }

var (
	_ assistant.AlertSource   = (*Assistant)(nil)
	_ assistant.Conversations = (*Assistant)(nil)
	_ assistant.Questions     = (*Assistant)(nil)
	_ assistant.FieldSettings = (*Assistant)(nil)
)

// OpenAssistant opens or creates the assistant's file, as Open does that of migrations, with the same errors.
func OpenAssistant(ctx context.Context, path string, opts Options) (*Assistant, error) {
	sub, err := fs.Sub(embedded, "assistant")
	if err != nil {
		return nil, fmt.Errorf("open the assistant's store: %w", err)
	}
	if opts.schema == nil {
		opts.schema = sub
	}
	opts.applicationID, opts.secureDelete = assistantID, true
	db, err := Open(ctx, path, opts)
	if err != nil {
		return nil, err
	}
	return &Assistant{db}, nil
}

// Close finishes the writes that were accepted and closes the file.
func (a *Assistant) Close() error { return a.db.Close() }
