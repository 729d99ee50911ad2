package llm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const secret = "sk-very-secret"

// service answers every request with one status, header and body, and keeps what it was sent.
type service struct {
	*httptest.Server
	status int
	header map[string]string
	body   string
	delay  time.Duration
	mu     sync.Mutex // a request that was given up may still be answered while the next one comes
	path   string
	sent   string
	auth   string
}

func newService(t *testing.T) *service {
	s := &service{status: 200}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, header, answer, delay := s.status, s.header, s.body, s.delay
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		s.mu.Lock()
		s.path, s.sent = r.URL.String(), string(body)
		s.auth = r.Header.Get("Authorization") + r.Header.Get("Api-Key") + r.Header.Get("X-Api-Key")
		s.mu.Unlock()
		select {
		case <-time.After(delay):
		case <-r.Context().Done():
			return
		}
		w.Header().Set("Content-Type", "application/json")
		for k, v := range header {
			w.Header().Set(k, v)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(s.Close)
	return s
}

var kinds = map[string]struct{ body, path, filtered string }{
	KindOpenAI: {
		`{"choices":[{"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":7,"completion_tokens":3}}`,
		"/chat/completions", `{"choices":[{"message":{"role":"assistant","content":"he"},"finish_reason":"content_filter"}]}`,
	},
	KindAzure: {
		`{"choices":[{"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":7,"completion_tokens":3}}`,
		"/openai/deployments/m/chat/completions?api-version=" + azureAPIVersion, `{"choices":[{"message":{"role":"assistant","content":"he"},"finish_reason":"content_filter"}]}`,
	},
	KindAnthropic: {
		`{"type":"message","role":"assistant","content":[{"type":"text","text":"hello"}],"stop_reason":"end_turn","usage":{"input_tokens":7,"output_tokens":3}}`,
		"/messages", `{"type":"message","role":"assistant","content":[{"type":"text","text":"he"}],"stop_reason":"refusal","usage":{"input_tokens":7,"output_tokens":3}}`,
	},
	KindOllama: {
		`{"model":"m","message":{"role":"assistant","content":"hello"},"done":true,"prompt_eval_count":7,"eval_count":3}`,
		"/api/chat", "",
	},
}

func connect(t *testing.T, kind string, s *service) Connector {
	c, err := New(Config{ID: "c1", Kind: kind, Model: "m", URL: s.URL, APIKey: secret, Timeout: 5 * time.Second, Temperature: 0.25, MaxTokens: 99})
	require.NoError(t, err)
	return c
}

var question = Request{Key: "k", Messages: []Message{{RoleSystem, "be brief"}, {RoleUser, "say hello as json"}}, Schema: &Schema{Name: "answer", JSON: []byte(`{}`)}}

func TestRemoteAnswers(t *testing.T) {
	for kind, k := range kinds {
		t.Run(kind, func(t *testing.T) {
			s := newService(t)
			s.body = k.body
			c := connect(t, kind, s)
			require.Equal(t, "c1", c.ID())
			require.Equal(t, kind, c.Kind())
			r, err := c.Generate(t.Context(), question)
			require.NoError(t, err)
			require.Equal(t, Response{Text: "hello", Model: "m", PromptTokens: 7, OutputTokens: 3}, r)
			require.Equal(t, k.path, s.path)
			require.Contains(t, s.sent, "be brief")
			require.Contains(t, s.sent, "say hello")
			require.Contains(t, s.sent, "0.25")
			require.Contains(t, s.sent, "99")
			require.True(t, json.Valid([]byte(s.sent)))
			if kind != KindOllama {
				require.Contains(t, s.auth, secret)
			}
		})
	}
}

func TestRemoteFailures(t *testing.T) {
	for _, tc := range []struct {
		name   string
		status int
		header map[string]string
		body   string
		want   Reason
		after  time.Duration
	}{
		{"bad key", 401, nil, `{"error":{"message":"Incorrect API key provided: ` + secret + `","code":"invalid_api_key"}}`, Credential, 0},
		{"forbidden", 403, nil, "no", Credential, 0},
		{"no model", 404, nil, `{"error":{"code":"model_not_found"}}`, Settings, 0},
		{"redirect", 302, map[string]string{"Location": "http://127.0.0.1:1/"}, "", Settings, 0},
		{"rate", 429, map[string]string{"Retry-After": "7"}, `{"error":{"type":"rate_limit_error"}}`, RateLimited, 7 * time.Second},
		{"rate in ms", 429, map[string]string{"Retry-After-Ms": "1500", "Retry-After": "9"}, "", RateLimited, 1500 * time.Millisecond},
		{"quota", 429, nil, `{"error":{"code":"insufficient_quota"}}`, Quota, 0},
		{"too long", 400, nil, `{"error":{"code":"context_length_exceeded","message":"index=secret"}}`, Refused, 0},
		{"bad request", 400, nil, "<html>", Refused, 0},
		{"down", 503, map[string]string{"Retry-After": "2"}, "", Transient, 2 * time.Second},
		{"overloaded", 529, nil, `{"error":{"type":"overloaded_error"}}`, Transient, 0},
		{"nonsense", 200, nil, `{"unexpected`, Transient, 0},
		{"empty", 200, nil, `{}`, Transient, 0},
	} {
		for kind := range kinds {
			t.Run(tc.name+"/"+kind, func(t *testing.T) {
				s := newService(t)
				s.status, s.header, s.body = tc.status, tc.header, tc.body
				_, err := connect(t, kind, s).Generate(t.Context(), question)
				var e *Error
				require.ErrorAs(t, err, &e)
				require.Equal(t, tc.want, e.Reason, err)
				require.Equal(t, tc.after, e.RetryAfter)
				require.NotContains(t, err.Error()+e.Advice(), secret)
				require.NotContains(t, err.Error(), "index=secret")
				if tc.status != 200 {
					require.Equal(t, tc.status, e.Status)
				}
			})
		}
	}
}

func TestRemoteFilteredAnswerIsRefused(t *testing.T) {
	for kind, k := range kinds {
		if k.filtered == "" {
			continue
		}
		s := newService(t)
		s.body = k.filtered
		_, err := connect(t, kind, s).Generate(t.Context(), question)
		var e *Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, Refused, e.Reason)
	}
}

func TestRemoteCancelledAndLate(t *testing.T) {
	for kind, k := range kinds {
		t.Run(kind, func(t *testing.T) {
			s := newService(t)
			s.body, s.delay = k.body, 10*time.Second
			c := connect(t, kind, s)
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			_, err := c.Generate(ctx, question)
			require.ErrorIs(t, err, context.DeadlineExceeded)

			c.(*remote).config.Timeout = 50 * time.Millisecond
			_, err = c.Generate(t.Context(), question)
			var e *Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, Transient, e.Reason)

			s.CloseClientConnections()
			s.Close()
			_, err = c.Generate(t.Context(), question)
			require.ErrorAs(t, err, &e)
			require.Equal(t, Transient, e.Reason)
			require.NotContains(t, err.Error(), s.URL)
		})
	}
}

func TestConfigFaults(t *testing.T) {
	for _, tc := range []struct {
		c    Config
		want string
	}{
		{Config{Kind: KindOpenAI}, "needs an id"},
		{Config{ID: "a", Kind: "gpt"}, `unknown kind "gpt"`},
		{Config{ID: "a", Kind: KindOpenAI, APIKey: secret}, "model is missing"},
		{Config{ID: "a", Kind: KindOpenAI, Model: "m"}, "api_key_env"},
		{Config{ID: "a", Kind: KindAnthropic, Model: "m"}, "api_key_env"},
		{Config{ID: "a", Kind: KindAzure, Model: "m", APIKey: secret}, "url is missing"},
		{Config{ID: "a", Kind: KindOllama, Model: "m", URL: "ftp://x"}, "no http"},
		{Config{ID: "a", Kind: KindSimulated, Jitter: 2}, "jitter"},
		{Config{ID: "a", Kind: KindSimulated, Latency: -1}, "latency"},
		{Config{ID: "a", Kind: KindSimulated, ErrorRate: -1}, "error_rate"},
	} {
		_, err := New(tc.c)
		require.ErrorContains(t, err, tc.want)
		require.NotContains(t, err.Error(), secret)
	}
	_, err := NewSet([]Config{{ID: "a", Kind: KindSimulated}, {ID: "a", Kind: KindSimulated}})
	require.ErrorContains(t, err, "declared twice")
}

func TestSet(t *testing.T) {
	s, err := NewSet([]Config{{ID: "sim", Kind: KindSimulated, Budget: 3}})
	require.NoError(t, err)
	c, ok := s.Connector(DeterministicID)
	require.True(t, ok)
	require.Equal(t, KindDeterministic, c.Kind())
	_, err = c.Generate(t.Context(), Request{})
	require.Error(t, err)
	_, ok = s.Connector("nobody")
	require.False(t, ok)
	require.Equal(t, 3, s.Budget("sim"))
	require.Zero(t, s.Budget(DeterministicID))
}

func TestSimulatedIsReproducible(t *testing.T) {
	s, err := NewSimulated(Config{ID: "sim", Latency: 2 * time.Second, Jitter: 0.5, ErrorRate: 0.2, Seed: 7})
	require.NoError(t, err)
	var sum time.Duration
	failures, seen := 0, map[time.Duration]bool{}
	const n = 2000
	for i := range n {
		key := SimulatedKey(fmt.Sprint("rule", i))
		d := s.Latency(key)
		require.Equal(t, d, s.Latency(key))
		require.GreaterOrEqual(t, d, time.Second)
		require.Less(t, d, 3*time.Second)
		seen[d] = true
		sum += d
		if s.Fails(key, 1) {
			failures++
		}
	}
	require.InDelta(t, 2, (sum / n).Seconds(), 0.05)
	require.InDelta(t, 0.2, float64(failures)/n, 0.04)
	require.Len(t, seen, n)
	other, err := NewSimulated(Config{ID: "sim", Latency: 2 * time.Second, Jitter: 0.5, Seed: 8})
	require.NoError(t, err)
	require.NotEqual(t, s.Latency("x"), other.Latency("x"))
}

func TestSimulatedGenerate(t *testing.T) {
	s, err := NewSimulated(Config{ID: "sim", ErrorRate: 1})
	require.NoError(t, err)
	_, err = s.Generate(t.Context(), Request{Key: "k", Attempt: 1})
	var e *Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, Transient, e.Reason)

	slow, err := NewSimulated(Config{ID: "sim", Latency: time.Hour})
	require.NoError(t, err)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("stop"))
	_, err = slow.Generate(ctx, Request{Key: "k"})
	require.ErrorIs(t, err, context.Canceled)
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"":    0,
		"3":   3 * time.Second,
		"0.5": 500 * time.Millisecond,
		"-1":  0,
		"x":   0,
		"1e9": 0,
		now.Add(time.Minute).Format(http.TimeFormat):  time.Minute,
		now.Add(-time.Minute).Format(http.TimeFormat): 0,
	} {
		require.Equal(t, want, retryAfter(http.Header{"Retry-After": {value}}, now), value)
	}
	require.True(t, strings.HasPrefix(SimulatedKey("a"), "simulated/"))
}
