package assistant

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/rulebridge/rulebridge/internal/assistant/mask"
)

// What a model answers is recorded while it comes, piece by piece, restored: whoever waits for the answer reads the pieces
// from the store, in whatever process the step runs. Each attempt of a step has pieces of its own, numbered from 1.

// maxAttempts bounds the attempts of one question whose pieces are recorded.
const maxAttempts = 64

func stepPiece(attempt, n int) string { return fmt.Sprintf("piece-%d-%d", attempt, n) }

// piece is a part of an answer. By tells the attempts of two processes apart.
type piece struct {
	By   string `json:"by"`
	Text string `json:"text"`
}

// recorder records an answer while it comes. A piece is whatever came while the piece before was written.
type recorder struct {
	questions Questions
	id, by    string
	answer    answerReader
	restorer  *mask.Restorer
	held      string // blanks, and bytes of a rune that is not whole: what may not be part of the answer
	begun     bool

	mu      sync.Mutex
	pending string
	ended   bool
	wake    chan struct{}
	done    chan struct{}
}

func (c *Core) newRecorder(ctx context.Context, id string, t *mask.Table) *recorder {
	r := &recorder{questions: c.Questions, id: id, by: rand.Text(), restorer: t.Restorer(), wake: make(chan struct{}, 1), done: make(chan struct{})}
	go r.write(ctx)
	return r
}

// next takes what the model said.
func (r *recorder) next(raw string) {
	text := r.answer.next(raw)
	if text == "" {
		return
	}
	text = r.held + r.restorer.Next(text)
	if !r.begun {
		text = strings.TrimLeftFunc(text, unicode.IsSpace)
		r.begun = text != ""
	}
	// Blanks at the end of an answer are no part of it; runes leave whole.
	whole := text
	for back := 1; back < utf8.UTFMax && back <= len(whole); back++ {
		if at := len(whole) - back; utf8.RuneStart(whole[at]) {
			if !utf8.FullRuneInString(whole[at:]) {
				whole = whole[:at]
			}
			break
		}
	}
	whole = strings.TrimRightFunc(whole, unicode.IsSpace)
	r.held = text[len(whole):]
	if whole == "" {
		return
	}
	r.mu.Lock()
	r.pending += whole
	r.mu.Unlock()
	r.signal()
}

func (r *recorder) signal() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// end waits until what came is recorded. The rest of an answer is not a piece: it comes with the whole answer.
func (r *recorder) end() {
	r.mu.Lock()
	r.ended = true
	r.mu.Unlock()
	r.signal()
	<-r.done
}

// write records pieces until the end. What cannot be recorded comes with the whole answer.
func (r *recorder) write(ctx context.Context) {
	defer close(r.done)
	attempt, n, failed := 0, 0, false
	for range r.wake {
		r.mu.Lock()
		text, ended := r.pending, r.ended
		r.pending = ""
		r.mu.Unlock()
		if text != "" && !failed {
			n++
			var err error
			if attempt, err = r.save(ctx, attempt, n, text); err != nil {
				failed = true
			}
		}
		if ended {
			return
		}
	}
}

// save records a piece; the first one chooses the attempt.
func (r *recorder) save(ctx context.Context, attempt, n int, text string) (int, error) {
	mine, err := json.Marshal(piece{r.by, text})
	if err != nil {
		return attempt, fmt.Errorf("recording a piece of the answer: %w", err)
	}
	for first := attempt == 0; ; {
		if first {
			if attempt++; attempt > maxAttempts {
				return attempt, errors.New("recording a piece of the answer: too many attempts")
			}
		}
		recorded, err := r.questions.SaveStep(ctx, r.id, stepPiece(attempt, n), mine)
		if err != nil {
			return attempt, fmt.Errorf("recording a piece of the answer: %w", err)
		}
		if !first || string(recorded) == string(mine) {
			return attempt, nil
		}
	}
}

// Follower reads an answer while it is given.
type Follower struct {
	core       *Core
	id         string
	attempt, n int // of the piece read last
	at         int // how much of what was given this attempt has repeated
	given      strings.Builder
	another    bool // this attempt reads otherwise than what was given
}

// Follow begins to read the answer to a question.
func (c *Core) Follow(id string) *Follower { return &Follower{core: c, id: id, attempt: 1} }

// Next is what has come since the last call; it may be nothing. When the model had to be asked again, only what goes
// beyond what was given counts.
func (f *Follower) Next(ctx context.Context) (text string, err error) {
	for {
		p, found, err := f.read(ctx, f.attempt, f.n+1)
		if err != nil {
			return text, err
		}
		if !found {
			// Another attempt begins where this one was cut off.
			if p, found, err = f.read(ctx, f.attempt+1, 1); err != nil || !found {
				return text, err
			}
			f.attempt, f.n, f.at, f.another = f.attempt+1, 0, 0, false
		}
		f.n++
		if f.another {
			continue
		}
		given := f.given.String()
		repeats := min(len(p.Text), len(given)-f.at)
		if p.Text[:repeats] != given[f.at:f.at+repeats] {
			f.another = true
			continue
		}
		f.at += len(p.Text)
		f.given.WriteString(p.Text[repeats:])
		text += p.Text[repeats:]
	}
}

func (f *Follower) read(ctx context.Context, attempt, n int) (p piece, found bool, err error) {
	content, err := f.core.Questions.Step(ctx, f.id, stepPiece(attempt, n))
	if errors.Is(err, ErrNotFound) {
		return p, false, nil
	}
	if err != nil {
		return p, false, fmt.Errorf("reading the answer: %w", err)
	}
	if err := json.Unmarshal(content, &p); err != nil {
		return p, false, fmt.Errorf("reading the answer: %w", err)
	}
	return p, true, nil
}

// Given reports whether anything was given.
func (f *Follower) Given() bool { return f.given.Len() > 0 }

// Rest is what the answer has beyond what was given. It is a *Fault when the answer reads otherwise, as the model had to
// be asked again.
func (f *Follower) Rest(a Answer) (string, error) {
	rest, ok := strings.CutPrefix(a.Text, f.given.String())
	if !ok {
		return "", FaultOf(CodeAnotherAnswer)
	}
	return rest, nil
}
