package model_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/assistant"
	"github.com/rulebridge/rulebridge/internal/llm"
)

// streams answers in pieces, as OpenAI does. Before each piece but the first it waits for next, when that is not nil.
// With cut it ends the connection in place of the end of the answer.
func streams(content string, size int, next <-chan struct{}, cut bool) reply {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		send := func(choice map[string]any) {
			event, _ := json.Marshal(map[string]any{"choices": []any{choice}})
			_, _ = fmt.Fprintf(w, "data: %s\n\n", event)
			w.(http.Flusher).Flush()
		}
		for i := 0; i < len(content); i += size {
			if i > 0 && next != nil {
				select {
				case <-next:
				case <-r.Context().Done():
					return
				}
			}
			send(map[string]any{"delta": map[string]any{"content": content[i:min(len(content), i+size)]}})
		}
		if cut {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				_ = conn.Close()
			}
			return
		}
		send(map[string]any{"delta": map[string]any{}, "finish_reason": "stop"})
		_, _ = fmt.Fprint(w, "data: [DONE]\n\n")
	}
}

// streamed asks and follows: seen gets all that has come each time something does.
func streamed(t *testing.T, c *assistant.Core, seen func(all string)) (given string, answer assistant.Answer, err error) {
	t.Helper()
	q := assistant.Question{ID: "ask-1", ConnectorID: "gpt", Alerts: true, Size: 20, Stream: true, Index: []string{".alerts-security.alerts-default"},
		Messages: []assistant.Message{{Role: "user", Content: "What is on PAY-DB-07?"}}}
	f, done := c.Follow(q.ID), make(chan struct{})
	go func() {
		defer close(done)
		answer, err = c.Run(t.Context(), q)
	}()
	for ended := false; ; {
		text, readErr := f.Next(t.Context())
		if readErr != nil {
			t.Fatal(readErr)
		}
		if given += text; text != "" && seen != nil {
			seen(given)
		}
		if ended {
			break
		}
		select {
		case <-done:
			ended = true
		case <-time.After(2 * time.Millisecond):
		}
	}
	if err == nil {
		var rest string
		if rest, err = f.Rest(answer); err == nil {
			given += rest
		}
	}
	return given, answer, err
}

// TestStream: the first piece is with the reader before the service sends the next one; no call of a tool is.
func TestStream(t *testing.T) {
	next := make(chan struct{}, 1000)
	const text = "Three alerts on the host are open; look at the first one before the others."
	s := newServer(t, streams(openAlerts, 7, nil, false), streams(`{"action":"answer","answer":"`+text+`"}`, 12, next, false))
	go func() {
		// The first four pieces hold the frame of the object and the first words.
		for range 4 {
			next <- struct{}{}
		}
	}()
	firsts := []string{}
	given, answer, err := streamed(t, newCore(t, s), func(all string) {
		firsts = append(firsts, all)
		next <- struct{}{} // the service goes on only now
	})
	if err != nil || given != answer.Text || !strings.HasPrefix(given, text) {
		t.Fatalf("%q, %v", given, err)
	}
	if len(firsts) < 3 || !strings.HasPrefix(text, firsts[0]) || len(firsts[0]) > len(text)/2 {
		t.Errorf("came as %q", firsts)
	}
	for _, f := range firsts {
		if strings.ContainsAny(f, `{"`) {
			t.Errorf("part of the object was given: %q", f)
		}
	}
}

// TestStreamsThatEnd: a stream that is cut off never doubles text: it goes on, or ends with an error that says so.
func TestStreamsThatEnd(t *testing.T) {
	answer := func(text string) string { return `{"action":"answer","answer":"` + text + `"}` }
	for name, tc := range map[string]struct {
		replies []reply
		want    string
		fault   string
	}{
		"goes on":         {[]reply{streams(`{"action":"answer","answer":"Three al`, 9, nil, true), streams(answer("Three alerts."), 9, nil, false)}, "Three alerts.", ""},
		"without an end":  {[]reply{streams(`{"action":"answer","answer":"Three al`, 9, nil, true), streams(answer("Three alerts."), 9, nil, true), streams(answer("Three alerts."), 9, nil, false)}, "Three alerts.", ""},
		"another answer":  {[]reply{streams(`{"action":"answer","answer":"Seven al`, 9, nil, true), streams(answer("Three alerts."), 9, nil, false)}, "", assistant.CodeAnotherAnswer},
		"cut for ever":    {[]reply{streams(`{"action":"answer","answer":"Three al`, 9, nil, true)}, "", string(llm.Transient)},
		"does not stream": {[]reply{says(answer("Three alerts."))}, "Three alerts.", ""},
		"500, then":       {[]reply{status(500), streams(answer("Three alerts."), 3, nil, false)}, "Three alerts.", ""},
		"talks":           {[]reply{streams("Well: ```json\\n"+answer("Three alerts.")+"```", 5, nil, false)}, "Three alerts.", ""},
		"no object":       {[]reply{streams("I cannot.", 3, nil, false), streams(answer("Three alerts."), 3, nil, false)}, "Three alerts.", ""},
		"garbage":         {[]reply{garbage, streams(answer("Three alerts."), 3, nil, false)}, "Three alerts.", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, tc.replies...)
			given, _, err := streamed(t, newCore(t, s), nil)
			var fault *assistant.Fault
			var of *llm.Error
			switch {
			case tc.fault == "":
				if err != nil || !strings.HasPrefix(given, tc.want) || strings.Count(given, "Three") != 1 {
					t.Errorf("%q, %v", given, err)
				}
			case errors.As(err, &fault) && fault.Code == tc.fault, errors.As(err, &of) && string(of.Reason) == tc.fault:
			default:
				t.Errorf("%q, error %v, want %s", given, err, tc.fault)
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			for _, body := range s.bodies {
				noneIn(t, "a request", body)
				if !strings.Contains(body, `"stream":true`) {
					t.Errorf("no stream was asked for: %.200s", body)
				}
			}
		})
	}
}

// TestStreamedTokensAreRestored: a token that the service cuts in two comes as the name it stands for.
func TestStreamedTokensAreRestored(t *testing.T) {
	s := newServer(t, says(openAlerts))
	s.replies = append(s.replies, func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		body := s.bodies[len(s.bodies)-1]
		s.mu.Unlock()
		token := body[strings.LastIndex(body, "host-"):]
		token = token[:strings.IndexFunc(token, func(c rune) bool { return c != '-' && (c < 'a' || c > 'z') && (c < '0' || c > '9') })]
		streams(`{"action":"answer","answer":"On `+token+` and **`+token+`**: three."}`, 1, nil, false)(w, r)
	})
	given, _, err := streamed(t, newCore(t, s), func(all string) {
		if strings.Contains(all, "host-") {
			t.Errorf("a token was given: %q", all)
		}
	})
	if err != nil || !strings.HasPrefix(given, "On PAY-DB-07 and **PAY-DB-07**: three.") && !strings.HasPrefix(given, "On PAY-DB-07.corp.example and **PAY-DB-07.corp.example**: three.") {
		t.Errorf("%q, %v", given, err)
	}
}
