package llm

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// outcome is where the transport leaves the failure of one call; it travels in the request's context because the library
// flattens errors to text.
type outcome struct {
	failure *Error
	stream  bool // a stream in the form of OpenAI's is asked for
}

type outcomeKey struct{}

const (
	maxErrorBody  = 64 << 10
	maxAnswerBody = 16 << 20
)

// transport turns every answer that is not a success into an *Error and bounds how much is read.
type transport struct {
	connector string
	next      http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := t.next.RoundTrip(r)
	if err != nil {
		if r.Context().Err() != nil {
			return nil, err
		}
		return nil, t.keep(r, &Error{Connector: t.connector, Reason: Transient, Detail: "the service cannot be reached"})
	}
	if response.StatusCode < 300 {
		if o, ok := r.Context().Value(outcomeKey{}).(*outcome); ok && o.stream && strings.HasPrefix(response.Header.Get("Content-Type"), "application/json") {
			response.Body = asStream(response.Body)
			return response, nil
		}
		response.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(response.Body, maxAnswerBody), response.Body}
		return response, nil
	}
	body, _ := io.ReadAll(io.LimitReader(response.Body, maxErrorBody)) // what could be read is enough to classify
	_ = response.Body.Close()
	return nil, t.keep(r, classify(t.connector, response.StatusCode, response.Header, body, time.Now()))
}

func (t *transport) keep(r *http.Request, e *Error) *Error {
	if o, ok := r.Context().Value(outcomeKey{}).(*outcome); ok {
		o.failure = e
	}
	return e
}

// classify says what a failed answer means. Of the body only known codes count: it may repeat prompt or key.
func classify(connector string, status int, header http.Header, body []byte, now time.Time) *Error {
	e := &Error{Connector: connector, Status: status, Reason: Refused, Detail: "the service refuses the request", RetryAfter: retryAfter(header, now)}
	code := errorCode(body)
	switch {
	case code == "insufficient_quota" || code == "billing_hard_limit_reached" || code == "billing_error" || status == http.StatusPaymentRequired:
		e.Reason, e.Detail = Quota, "the account's budget is used up"
	case code == "content_filter" || code == "context_length_exceeded":
		e.Detail = "the service refuses the request: " + code
	case status == http.StatusTooManyRequests:
		e.Reason, e.Detail = RateLimited, "too many requests"
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		e.Reason, e.Detail = Credential, "the service refuses the key"
	case status == http.StatusNotFound || status == http.StatusMethodNotAllowed || code == "model_not_found":
		e.Reason, e.Detail = Settings, "the service does not know the address or the model"
	case status < 400:
		e.Reason, e.Detail = Settings, "the service answers with a redirect; correct the url"
	case status == http.StatusRequestTimeout || status == http.StatusConflict || status == http.StatusTooEarly || status >= 500:
		e.Reason, e.Detail = Transient, "the service is unavailable"
	}
	return e
}

// errorCode finds the code of OpenAI's, Azure's and Anthropic's error bodies.
func errorCode(body []byte) string {
	var b struct {
		Error struct {
			Code any    `json:"code"`
			Type string `json:"type"`
		} `json:"error"`
	}
	if json.NewDecoder(bytes.NewReader(body)).Decode(&b) != nil {
		return ""
	}
	if code, ok := b.Error.Code.(string); ok && code != "" {
		return strings.ToLower(code)
	}
	return strings.ToLower(b.Error.Type)
}

// retryAfter reads the header's seconds or date, and OpenAI's and Azure's milliseconds.
func retryAfter(h http.Header, now time.Time) time.Duration {
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil && ms > 0 {
		return time.Duration(ms * float64(time.Millisecond))
	}
	value := h.Get("Retry-After")
	if s, err := strconv.ParseFloat(value, 64); err == nil && s > 0 && s < 1e6 {
		return time.Duration(s * float64(time.Second))
	}
	if at, err := http.ParseTime(value); err == nil && at.After(now) {
		return at.Sub(now)
	}
	return 0
}

// asStream makes the events of a stream of an answer that came whole, as some services do not stream. What cannot be read
// becomes a stream without an answer.
func asStream(body io.ReadCloser) io.ReadCloser {
	defer func() { _ = body.Close() }() // it was read
	var whole struct {
		Choices []struct {
			FinishReason string `json:"finish_reason"`
			Message      struct {
				Content string `json:"content"`
			} `json:"message"`
		} `json:"choices"`
		Usage any `json:"usage,omitempty"`
	}
	events := ""
	if json.NewDecoder(io.LimitReader(body, maxAnswerBody)).Decode(&whole) == nil && len(whole.Choices) > 0 {
		first := whole.Choices[0]
		for rest := first.Message.Content; ; {
			// The library reads lines of at most 64 KB, and takes each event for itself.
			n := min(len(rest), 4<<10)
			for n < len(rest) && !utf8.RuneStart(rest[n]) {
				n++
			}
			choice := map[string]any{"delta": map[string]any{"content": rest[:n]}}
			if rest = rest[n:]; rest == "" {
				choice["finish_reason"] = first.FinishReason
			}
			event, err := json.Marshal(map[string]any{"choices": []any{choice}, "usage": whole.Usage})
			if err != nil {
				break
			}
			events += "data: " + string(event) + "\n\n"
			if rest == "" {
				break
			}
		}
	}
	return io.NopCloser(strings.NewReader(events + "data: [DONE]\n\n"))
}
