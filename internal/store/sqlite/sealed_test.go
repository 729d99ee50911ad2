package sqlite

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/assistant"
	"github.com/rulebridge/rulebridge/internal/assistant/sealed"
	"github.com/rulebridge/rulebridge/internal/codec"
	"github.com/rulebridge/rulebridge/internal/store/storetest"
)

// keptConversations and keptSettings are the interfaces under names that their own methods do not have.
type (
	keptConversations = assistant.Conversations
	keptSettings      = assistant.FieldSettings
)

// sealedStore is a store whose contents are encrypted.
type sealedStore struct {
	keptConversations
	assistant.Questions
	keptSettings
}

func ring(t *testing.T) *codec.Codec {
	t.Helper()
	c, err := codec.New("k", map[string][]byte{"k": bytes.Repeat([]byte{7}, codec.KeySize)})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSealedSuite(t *testing.T) {
	storetest.RunAssistant(t, func(t *testing.T) storetest.AssistantStore {
		a, c := openAssistant(t, filepath.Join(t.TempDir(), "assistant.db")), ring(t)
		return sealedStore{sealed.Conversations(a, c), sealed.Questions(a, c), a}
	})
}

// TestNothingStaysInTheFile looks for contents in the bytes of the file: with a key they never stand there, and after a
// deletion they do not either.
func TestNothingStaysInTheFile(t *testing.T) {
	const secret = "WIN-DC-SECRET-07"
	write := func(t *testing.T, conversations assistant.Conversations, questions assistant.Questions) {
		t.Helper()
		at := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
		for _, err := range []error{
			conversations.CreateConversation(t.Context(), assistant.Conversation{ID: "c", Owner: "ann", Title: "About " + secret, CreatedAt: at, UpdatedAt: at}),
			conversations.AppendExchange(t.Context(), "ann", "c", assistant.Exchange{QuestionID: "q", At: at,
				Messages: []assistant.Message{{Role: "user", Content: "What is on " + secret + "?"}}, Replacements: map[string]string{"HOST-1": secret}}),
			questions.CreateQuestion(t.Context(), "q", []byte("ask "+secret), at),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		if _, err := questions.SaveStep(t.Context(), "q", "tool", []byte("found "+secret)); err != nil {
			t.Fatal(err)
		}
	}
	holds := func(t *testing.T, path string) bool {
		t.Helper()
		files, err := filepath.Glob(path + "*")
		if err != nil || len(files) == 0 {
			t.Fatalf("%v, %v", files, err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(data, []byte(secret)) {
				return true
			}
		}
		return false
	}
	open := func(t *testing.T) (*Assistant, string) {
		t.Helper()
		path := filepath.Join(t.TempDir(), "assistant.db")
		a, err := OpenAssistant(t.Context(), path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		return a, path
	}
	t.Run("encrypted", func(t *testing.T) {
		a, path := open(t)
		c := ring(t)
		write(t, sealed.Conversations(a, c), sealed.Questions(a, c))
		if holds(t, path) {
			t.Error("a content stands in the file although a key is set")
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("deleted", func(t *testing.T) {
		a, path := open(t)
		write(t, a, a)
		if !holds(t, path) {
			t.Fatal("without a key the content does not stand in the file: the test looks at the wrong place")
		}
		if err := a.DeleteConversation(t.Context(), "ann", "c"); err != nil {
			t.Fatal(err)
		}
		if err := a.DeleteQuestion(t.Context(), "q"); err != nil {
			t.Fatal(err)
		}
		if err := a.Close(); err != nil { // writes the log back
			t.Fatal(err)
		}
		if holds(t, path) {
			t.Error("a deleted content stands in the file")
		}
	})
}
