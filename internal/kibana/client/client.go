// Package client talks to one Kibana over HTTP: detection rules, prebuilt rules, and what its data views see. It follows no
// redirect, and no error of it holds the key.
package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// Options of one Kibana.
type Options struct {
	// URL is its address with base path, without credentials.
	URL string
	// Space is empty for the default one.
	Space string
	// Key gives the API key, encoded as Kibana shows it, whenever it is needed.
	Key func() (string, error)
	// Elasticsearch is the address of the Elasticsearch of that Kibana, which takes the same key; empty: it is not written to.
	Elasticsearch string
	// CAFile is a PEM file with the authority that signed its certificate; empty: the system's.
	CAFile string
	// Timeout bounds one request; 0 means 30 s.
	Timeout time.Duration
	// Now is the clock for Retry-After dates; nil: the system's.
	Now func() time.Time
}

// Reason says why a call failed.
type Reason string

// Reasons. Only Unavailable and Limited pass by themselves.
const (
	Unavailable Reason = "unavailable" // it does not answer, or with 5xx
	Limited     Reason = "limited"     // 429
	Credential  Reason = "credential"  // no key, 401 or 403
	Redirect    Reason = "redirect"    // it answers with a redirect, which is not followed
	NotFound    Reason = "not_found"   // 404
	Conflict    Reason = "conflict"    // 409
	Refused     Reason = "refused"     // it does not take the request: another 4xx
	Unreadable  Reason = "unreadable"  // what answers is no Kibana
)

// Error is a failed call. Message is what Kibana said, or what is wrong with the settings.
type Error struct {
	Reason     Reason
	Status     int // 0: no answer
	Message    string
	RetryAfter time.Duration
}

func (e *Error) Error() string {
	if e.Status == 0 {
		return fmt.Sprintf("kibana: %s: %s", e.Reason, e.Message)
	}
	return fmt.Sprintf("kibana: %s: %d %s: %s", e.Reason, e.Status, http.StatusText(e.Status), e.Message)
}

// ReasonOf is the reason of an error, empty when it is not one of a call.
func ReasonOf(err error) Reason {
	var e *Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return ""
}

// Client talks to one Kibana. It is safe for concurrent use.
type Client struct {
	base string
	o    Options
	http *http.Client
}

const (
	// mostAnswer bounds an answer; the list of all prebuilt rules is the longest.
	mostAnswer = 128 << 20
	// longestMessage bounds what is kept of an error's text.
	longestMessage = 500

	public   = "2023-10-31"
	internal = "1"
)

// New makes a client; nothing is sent.
func New(o Options) (*Client, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" {
		return nil, errors.New("the address of a Kibana is http(s)://host:port, without credentials")
	}
	if e, err := url.Parse(o.Elasticsearch); o.Elasticsearch != "" && (err != nil || e.Scheme != "http" && e.Scheme != "https" || e.Host == "" || e.User != nil || e.RawQuery != "") {
		return nil, errors.New("the address of an Elasticsearch is http(s)://host:port, without credentials")
	}
	o.Elasticsearch = strings.TrimSuffix(o.Elasticsearch, "/")
	if o.Timeout <= 0 {
		o.Timeout = 30 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	base := strings.TrimSuffix(u.String(), "/")
	if o.Space != "" && o.Space != "default" {
		base += "/s/" + url.PathEscape(o.Space)
	}
	t := &http.Transport{
		DialContext: (&net.Dialer{Timeout: 10 * time.Second}).DialContext, TLSHandshakeTimeout: 10 * time.Second,
		MaxIdleConnsPerHost: 8, IdleConnTimeout: 90 * time.Second, ForceAttemptHTTP2: true,
	}
	if o.CAFile != "" {
		pem, err := os.ReadFile(o.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read the authority's certificate: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate in PEM", o.CAFile)
		}
		t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	c := &http.Client{Transport: t, Timeout: o.Timeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return &Client{base: base, o: o, http: c}, nil
}

// call sends one request; in and out may be nil.
func (c *Client) call(ctx context.Context, version, method, path string, in, out any) error {
	key, err := c.o.Key()
	if err != nil {
		return &Error{Reason: Credential, Message: err.Error()}
	}
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("encode a request: %w", err)
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return fmt.Errorf("build a request: %w", err)
	}
	req.Header.Set("kbn-xsrf", "rulebridge")
	req.Header.Set("elastic-api-version", version)
	if version == internal {
		req.Header.Set("x-elastic-internal-origin", "Kibana")
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return c.answer(req, key, out)
}

// answer sends a request with the key and reads the answer.
func (c *Client) answer(req *http.Request, key string, out any) error {
	ctx := req.Context()
	req.Header.Set("Authorization", "ApiKey "+key)
	resp, err := c.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err
		}
		return &Error{Reason: Unavailable, Message: scrub(err.Error(), key)}
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode < 300 {
		if out == nil {
			_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
			return nil
		}
		if err := json.NewDecoder(io.LimitReader(resp.Body, mostAnswer)).Decode(out); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			var syntax *json.SyntaxError
			if errors.As(err, &syntax) {
				return &Error{Reason: Unreadable, Status: resp.StatusCode, Message: "the answer is no JSON; is this the address of a Kibana?"}
			}
			return &Error{Reason: Unavailable, Message: "the answer broke off: " + scrub(err.Error(), key)}
		}
		return nil
	}
	return c.failed(resp, key)
}

func (c *Client) failed(resp *http.Response, key string) error {
	e := &Error{Status: resp.StatusCode, RetryAfter: c.retryAfter(resp.Header.Get("Retry-After"))}
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	var said struct {
		Message any `json:"message"`
		Error   any `json:"error"` // of an Elasticsearch: an object with the reason
	}
	message := ""
	if json.Unmarshal(text, &said) == nil {
		if cause, ok := said.Error.(map[string]any); ok && cause["reason"] != nil {
			said.Message = cause["reason"]
		}
		if said.Message != nil {
			message = fmt.Sprint(said.Message)
		}
	}
	switch s := resp.StatusCode; {
	case s < 400:
		e.Reason, message = Redirect, "it answers with a redirect"+to(resp.Header.Get("Location"))+", which is not followed: set the address it leads to"
	case s == http.StatusUnauthorized:
		e.Reason = Credential
	case s == http.StatusForbidden:
		e.Reason = Credential
	case s == http.StatusNotFound:
		e.Reason = NotFound
	case s == http.StatusConflict:
		e.Reason = Conflict
	case s == http.StatusTooManyRequests:
		e.Reason = Limited
	case s >= 500:
		e.Reason = Unavailable
	default:
		e.Reason = Refused
	}
	e.Message = scrub(message, key)
	return e
}

// to says where a redirect leads: scheme and host alone, since a path or a name may hold a secret.
func to(location string) string {
	u, err := url.Parse(location)
	if err != nil || u.Host == "" {
		return ""
	}
	return " to " + scrub((&url.URL{Scheme: u.Scheme, Host: u.Host}).String(), "")
}

// retryAfter reads seconds or a date.
func (c *Client) retryAfter(text string) time.Duration {
	if n, err := strconv.Atoi(strings.TrimSpace(text)); err == nil && n >= 0 {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(c.o.Now()))
	}
	return 0
}

// scrub bounds a message and takes the key out of it, should somebody have put it there.
func scrub(message, key string) string {
	if key != "" {
		message = strings.ReplaceAll(message, key, "[redacted]")
	}
	message = strings.Join(strings.Fields(message), " ")
	if r := []rune(message); len(r) > longestMessage {
		message = string(r[:longestMessage]) + "…"
	}
	return message
}

const rulesPath = "/api/detection_engine/rules"

// Check asks for one rule, so that address, space and key are known to be right.
func (c *Client) Check(ctx context.Context) error {
	return c.call(ctx, public, http.MethodGet, rulesPath+"/_find?per_page=1", nil, new(struct{}))
}

// Rule is the rule of that rule_id; nil when there is none.
func (c *Client) Rule(ctx context.Context, ruleID string) (map[string]any, error) {
	var rule map[string]any
	err := c.call(ctx, public, http.MethodGet, rulesPath+"?rule_id="+url.QueryEscape(ruleID), nil, &rule)
	if ReasonOf(err) == NotFound {
		return nil, nil
	}
	if err == nil && rule["rule_id"] != ruleID {
		err = &Error{Reason: Unreadable, Status: http.StatusOK, Message: "the answer is no detection rule; is this the address of a Kibana?"}
	}
	return rule, err
}

// Create makes a rule; Conflict when its rule_id is there.
func (c *Client) Create(ctx context.Context, rule any) error {
	return c.call(ctx, public, http.MethodPost, rulesPath, rule, nil)
}

// Patch changes those settings of a rule that are given, rule_id among them.
func (c *Client) Patch(ctx context.Context, settings map[string]any) error {
	return c.call(ctx, public, http.MethodPatch, rulesPath, settings, nil)
}

// Prebuilt is a prebuilt rule that can be installed.
type Prebuilt struct {
	RuleID  string `json:"rule_id"`
	Version int    `json:"version"`
}

// Installable are the prebuilt rules that can be installed and are not yet.
func (c *Client) Installable(ctx context.Context) ([]Prebuilt, error) {
	var answer struct {
		Rules []Prebuilt `json:"rules"`
	}
	err := c.call(ctx, internal, http.MethodPost, "/internal/detection_engine/prebuilt_rules/installation/_review",
		map[string]any{"page": 1, "per_page": 10_000}, &answer)
	return answer.Rules, err
}

// Bootstrap makes Kibana fetch the packages that prebuilt rules come with.
func (c *Client) Bootstrap(ctx context.Context) error {
	return c.call(ctx, internal, http.MethodPost, "/internal/detection_engine/prebuilt_rules/_bootstrap", map[string]any{}, nil)
}

// InstallPrebuilt installs prebuilt rules, and gives the ids that failed.
func (c *Client) InstallPrebuilt(ctx context.Context, rules []Prebuilt) (failed map[string]string, err error) {
	var answer struct {
		Errors []struct {
			Message string     `json:"message"`
			Rules   []Prebuilt `json:"rules"`
		} `json:"errors"`
	}
	err = c.call(ctx, internal, http.MethodPost, "/internal/detection_engine/prebuilt_rules/installation/_perform",
		map[string]any{"mode": "SPECIFIC_RULES", "rules": rules}, &answer)
	failed = map[string]string{}
	for _, e := range answer.Errors {
		for _, r := range e.Rules {
			failed[r.RuleID] = scrub(e.Message, "")
		}
	}
	return failed, err
}

// Fields are the fields that an index pattern has; ok is false when no index matches it.
func (c *Client) Fields(ctx context.Context, pattern string) (fields map[string]bool, ok bool, err error) {
	var answer struct {
		Fields []struct {
			Name string `json:"name"`
		} `json:"fields"`
	}
	err = c.call(ctx, internal, http.MethodGet, "/internal/data_views/_fields_for_wildcard?pattern="+url.QueryEscape(pattern), nil, &answer)
	if ReasonOf(err) == NotFound {
		return nil, false, nil
	}
	fields = map[string]bool{}
	for _, f := range answer.Fields {
		fields[f.Name] = true
	}
	return fields, err == nil, err
}
