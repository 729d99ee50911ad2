package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/rulebridge/rulebridge/internal/assistant"
)

// events writes an answer as server-sent events.
type events struct {
	c       *gin.Context
	timeout time.Duration
	begun   bool
	answer  *assistant.Follower
}

func (e *events) begin() {
	if e.begun {
		return
	}
	e.begun = true
	h := e.c.Writer.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	e.c.Writer.WriteHeader(http.StatusOK)
}

// send writes one event at once. An error means that the caller went away.
func (e *events) send(name string, data any) error {
	text, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("writing an event: %w", err)
	}
	return e.write("event: " + name + "\ndata: " + string(text) + "\n\n")
}

// content writes a piece of the answer.
func (e *events) content(text string) error {
	return e.send("content", gin.H{"type": "content", "payload": text})
}

// ping writes a comment, which clients skip.
func (e *events) ping() error { return e.write(": waiting\n\n") }

func (e *events) write(text string) error {
	e.begin()
	extendWrite(e.c.Writer, e.timeout)
	if _, err := e.c.Writer.WriteString(text); err != nil {
		return fmt.Errorf("writing an event: %w", err)
	}
	e.c.Writer.Flush()
	return nil
}

// fail ends a stream that has begun.
func (e *events) fail(err *Error) {
	_ = e.send("error", errorBody{StatusCode: err.Status, Error: http.StatusText(err.Status), Message: err.Message})
}
