package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/rulebridge/rulebridge/internal/changes"
	"github.com/rulebridge/rulebridge/internal/review"
	"github.com/rulebridge/rulebridge/internal/store"
)

var (
	// ErrNoWorkflow: the migration has no workflow, or none that still runs.
	ErrNoWorkflow = errors.New("no such workflow")
	// ErrUnanswered: a query found nobody to answer it in time.
	ErrUnanswered = errors.New("the workflow did not answer")
	// ErrWorkflowsUnavailable: the workflow service cannot be reached.
	ErrWorkflowsUnavailable = errors.New("the workflow service is unavailable")
	// errClientGone: the answer could not be written, because the caller hung up.
	errClientGone = errors.New("the caller went away")
)

// Error is an answer other than success. Message is for the caller: what is wrong, where, and what to do.
type Error struct {
	Status  int
	Message string
	Header  map[string]string
	conflictBody
}

// conflictBody says, of a conflict over a rule, who changed it last and what its revision is.
type conflictBody struct {
	By       string     `json:"by,omitempty"`
	At       *time.Time `json:"at,omitempty"`
	Revision int64      `json:"revision,omitempty"`
}

func (e *Error) Error() string { return e.Message }

func badRequest(format string, args ...any) *Error {
	return &Error{Status: http.StatusBadRequest, Message: fmt.Sprintf(format, args...)}
}

func conflict(format string, args ...any) *Error {
	return &Error{Status: http.StatusConflict, Message: fmt.Sprintf(format, args...)}
}

// statusClientGone is logged for a caller that hung up; nobody reads it.
const statusClientGone = 499

// errorBody is the shape of every error.
type errorBody struct {
	StatusCode int    `json:"statusCode"`
	Error      string `json:"error"`
	Message    string `json:"message"`
	conflictBody
}

// answerFor is the one place that maps errors to HTTP.
func answerFor(err error, requestID string) *Error {
	var e *Error
	var tooLarge *http.MaxBytesError
	var changed *store.ConflictError
	why, refused := review.Refused(err)
	switch {
	case errors.As(err, &e):
		return e
	case errors.As(err, &changed):
		return conflictOf(changed)
	case refused:
		return refusedChange(why)
	case errors.Is(err, store.ErrNotFound):
		return &Error{Status: http.StatusNoContent}
	case errors.As(err, &tooLarge):
		return &Error{Status: http.StatusRequestEntityTooLarge,
			Message: fmt.Sprintf("the body is larger than %d bytes; send it in chunks, or raise limits.body", tooLarge.Limit)}
	case errors.Is(err, store.ErrConflict):
		return conflict("the state of the migration does not allow this; stop it if it is running, seal it if it is being created, and try again")
	case errors.Is(err, store.ErrFenced):
		return conflict("the migration was started again meanwhile; look at its state and try again")
	case errors.Is(err, store.ErrUnreadable):
		return conflict("the stored document of the rule cannot be read; translate the rule again (retry)")
	case errors.Is(err, changes.ErrResources):
		return conflict("no compiler can be made of the macros and lookups of the migration: %s", err)
	case errors.Is(err, context.Canceled), errors.Is(err, errClientGone):
		return &Error{Status: statusClientGone, Message: "the caller went away"}
	case errors.Is(err, store.ErrUnavailable), errors.Is(err, ErrWorkflowsUnavailable), errors.Is(err, ErrUnanswered),
		errors.Is(err, context.DeadlineExceeded):
		what := "the store"
		if errors.Is(err, ErrWorkflowsUnavailable) || errors.Is(err, ErrUnanswered) {
			what = "the workflow service"
		}
		return &Error{Status: http.StatusServiceUnavailable, Header: map[string]string{"Retry-After": "5"},
			Message: what + " is not available now; try again. The log has the cause under request id " + requestID}
	}
	return &Error{Status: http.StatusInternalServerError, Message: "something went wrong here; the log has the cause under request id " + requestID}
}

// fail answers with the error. The access log, written once, carries it.
func (s *Server) fail(c *gin.Context, err error) {
	e := answerFor(err, requestID(c.Request.Context()))
	c.Abort()
	if e.Status >= 400 {
		_ = c.Error(err)
	}
	if c.Writer.Written() {
		return // an answer has begun; stream breaks the connection off
	}
	writeError(c.Writer, e)
	c.Writer.WriteHeaderNow()
}

func writeError(w http.ResponseWriter, e *Error) {
	h := w.Header()
	maps.Copy(h, headerOf(e.Header))
	if e.Status == http.StatusNoContent {
		w.WriteHeader(e.Status)
		return
	}
	text := http.StatusText(e.Status)
	if text == "" {
		text = "Client Closed Request"
	}
	body, _ := json.Marshal(errorBody{StatusCode: e.Status, Error: text, Message: e.Message, conflictBody: e.conflictBody})
	h.Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(e.Status)
	_, _ = w.Write(append(body, '\n'))
}

func headerOf(m map[string]string) http.Header {
	h := http.Header{}
	for k, v := range m {
		h.Set(k, v)
	}
	return h
}
