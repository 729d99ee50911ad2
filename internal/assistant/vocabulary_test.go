package assistant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"testing"

	"github.com/rulebridge/rulebridge/internal/assistant/mask"
)

// unused are the calls that a question does not make.
type unused interface {
	CreateConversation(ctx context.Context, c Conversation) error
	Conversation(ctx context.Context, owner, id string) (Conversation, error)
	Conversations(ctx context.Context, owner string) ([]Conversation, error)
	DeleteConversation(ctx context.Context, owner, id string) error
}

// notes are the conversations of one test.
type notes struct {
	unused
	messages     []Message
	replacements map[string]string
	appending    func(questionID string) // called before an exchange is appended; nil: nothing
}

func (n *notes) Messages(_ context.Context, _, _ string, last int) ([]Message, error) {
	return n.messages[max(0, len(n.messages)-last):], nil
}

func (n *notes) Replacements(context.Context, string, string) (map[string]string, error) {
	return maps.Clone(n.replacements), nil
}

func (n *notes) AppendExchange(_ context.Context, _, _ string, e Exchange) error {
	if n.appending != nil {
		n.appending(e.QuestionID)
	}
	n.messages = append(n.messages, e.Messages...)
	for token, value := range e.Replacements {
		if _, ok := n.replacements[token]; !ok {
			n.replacements[token] = value
		}
	}
	return nil
}

// TestTurnsOfAConversationPrepareWhatIsNew: what a turn prepares does not grow with the replacements of the conversation.
func TestTurnsOfAConversationPrepareWhatIsNew(t *testing.T) {
	const turns, each = 200, 10
	var alerts []Alert
	for i := range each {
		alerts = append(alerts, Alert{ID: fmt.Sprintf("al-%d", i), Source: map[string]any{"@timestamp": "2026-05-04T10:00:00Z", "kibana.alert.workflow_status": "open",
			"kibana.alert.risk_score": json.Number("5"), "message": "x"}})
	}
	kept := &notes{replacements: map[string]string{}}
	b := newBench(t, alerts, sayOpen)
	b.core.Conversations = kept
	var took []int
	for turn := range turns {
		for i := range alerts { // ten new users a turn, whom no masked field of another turn holds
			alerts[i].Source["user.name"] = fmt.Sprintf("user.%d.%d", turn, i)
		}
		before := b.core.known.prepared
		b.model.sent, b.model.says = nil, []string{sayOpen, sayDone}
		a := b.ask(t, Question{ID: fmt.Sprintf("q-%d", turn), Owner: "ana", ConversationID: "c", Messages: user(fmt.Sprintf("What of user.%d.1?", max(0, turn-1)))})
		took = append(took, b.core.known.prepared-before)
		if want := each * (turn + 1); len(a.Replacements) < want {
			t.Fatalf("turn %d has %d replacements, want %d", turn, len(a.Replacements), want)
		}
		noneOf(t, "what was sent", b.model.all(), fmt.Sprintf("user.%d.1", max(0, turn-1)), fmt.Sprintf("user.%d.1", turn))
	}
	sum := func(list []int) (n int) {
		for _, v := range list {
			n += v
		}
		return n
	}
	// Levels are joined now and then: each replacement is prepared again once for each level, and there are few.
	if first, last := sum(took[:50]), sum(took[turns-50:]); last > 4*first {
		t.Errorf("turns 1 to 50 prepared %d values, turns 151 to 200 %d", first, last)
	}
	if all, flat := sum(took), turns*turns*each/2; all > flat/4 {
		t.Errorf("%d values were prepared; anew each turn it would be %d", all, flat)
	}
	if v, ok := b.core.known.get(conversationKey{"ana", "c"}).(*vocabulary); !ok || len(v.levels) > 12 {
		t.Errorf("%d levels", len(v.levels))
	}
	// A conversation that was deleted and begun again has none of its old names.
	kept.replacements, kept.messages = map[string]string{"user-abcdefghijkl-1": "someone.else"}, nil
	b.model.sent, b.model.says = nil, []string{sayDone}
	if a := b.ask(t, Question{ID: "again", Owner: "ana", ConversationID: "c", Messages: user("What of someone.else?")}); len(a.Replacements) != 1 {
		t.Errorf("%d replacements", len(a.Replacements))
	}
}

// TestAnswerIsGivenOnceItIsSaved: a caller who has the answer finds it in the conversation.
func TestAnswerIsGivenOnceItIsSaved(t *testing.T) {
	b := newBench(t, nil, sayDone)
	asked := 0
	b.core.Conversations = &notes{replacements: map[string]string{}, appending: func(questionID string) {
		asked++
		if a, err := b.core.Answer(t.Context(), questionID); !errors.Is(err, ErrNotFound) {
			t.Errorf("before the conversation has it, the answer is %+v, %v", a, err)
		}
	}}
	if a := b.ask(t, Question{ID: "q", Owner: "ana", ConversationID: "c", Messages: user("What now?")}); asked != 1 || a.Text == "" {
		t.Errorf("%d exchanges, answer %+v", asked, a)
	}
}

// TestVocabularyIsTheSameInLevels: a masker over levels masks as one over all values at once.
func TestVocabularyIsTheSameInLevels(t *testing.T) {
	all := map[string]string{}
	v := &vocabulary{}
	for i := range 100 {
		all[fmt.Sprintf("host-abcdefghijkl-%d", i+1)] = fmt.Sprintf("SRV-%02d", i)
		all[fmt.Sprintf("value-bbcdefghijkl-%d", i+1)] = fmt.Sprintf("srv-%02d north %d", i, i)
		var err error
		if v, _, err = v.grown(all, nil); err != nil {
			t.Fatal(err)
		}
	}
	whole, _, err := (&vocabulary{}).grown(all, nil)
	if err != nil || len(whole.levels) != 1 || len(v.levels) < 2 {
		t.Fatalf("%d and %d levels, %v", len(whole.levels), len(v.levels), err)
	}
	if got := v.table().All(); !maps.Equal(got, all) || !maps.Equal(whole.table().All(), all) {
		t.Errorf("%d replacements, want %d", len(got), len(all))
	}
	for i := range 100 {
		text := fmt.Sprintf("on SRV-%02d and srv-%02d north %d by nobody", i, i, i)
		var out []string
		for _, w := range []*vocabulary{v, whole} {
			d := mask.Over(w.sets()...)
			masked, clear, err := d.New(w.table()).Text(text, mask.Prose)
			if err != nil || !clear {
				t.Fatalf("%q: clear %v, %v", text, clear, err)
			}
			out = append(out, masked)
		}
		if out[0] != out[1] {
			t.Errorf("%q: %q in levels, %q at once", text, out[0], out[1])
		}
	}
}
