package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// Bounds of one request; the gateway's own limits are 10,000 rules and 64 MiB.
const (
	chunkRules     = 5_000
	firstRules     = 100 // in the request that creates a migration, so that Ctrl-C need not wait long for its answer
	chunkResources = 1_000
	chunkBytes     = 8 << 20
	pageSize       = 1_000
)

// rulesPath is where the gateway has the rule migrations.
const rulesPath = "/internal/siem_migrations/rules"

// gateway is a client of the HTTP API.
type gateway struct {
	base string // scheme, host and path before rulesPath; credentials included
	http *http.Client
	here bool // it is in this process: no gateway of the user's, which messages would name
}

func newGateway(rawURL string, transport http.RoundTripper) (*gateway, error) {
	u, err := url.Parse(rawURL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, usagef("--url: use http(s)://[user:password@]host:port of a gateway")
	}
	u.Path = strings.TrimSuffix(strings.TrimSuffix(u.Path, "/"), rulesPath)
	u.RawQuery, u.Fragment = "", ""
	_, here := transport.(inProcess)
	return &gateway{base: u.String(), http: &http.Client{Transport: transport}, here: here}, nil
}

// answerError is an answer of the gateway that is not a success.
type answerError struct {
	Status  int    `json:"statusCode"`
	Title   string `json:"error"`
	Message string `json:"message"`
	here    bool
}

func (e *answerError) Error() string {
	if e.here && e.Message != "" {
		return e.Message
	}
	return fmt.Sprintf("the gateway answered %d %s: %s", e.Status, e.Title, e.Message)
}

// fromBetween are answers that a proxy in front of a gateway gives in its own words.
var fromBetween = map[int]bool{http.StatusUnauthorized: true, http.StatusForbidden: true, http.StatusRequestEntityTooLarge: true, http.StatusTooManyRequests: true,
	http.StatusBadGateway: true, http.StatusServiceUnavailable: true, http.StatusGatewayTimeout: true}

// errUnknown says that the gateway knows no such migration.
var errUnknown = errors.New("the gateway knows no such migration")

// call sends one request about migrations and returns the answer's body, which the caller closes.
func (g *gateway) call(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	return g.send(ctx, method, rulesPath+path, body)
}

// send sends one request to any path of the gateway.
func (g *gateway) send(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	if body == nil {
		return g.stream(ctx, method, path, nil, "")
	}
	return g.stream(ctx, method, path, bytes.NewReader(body), "application/json")
}

// stream sends a body while it is read.
func (g *gateway) stream(ctx context.Context, method, path string, r io.Reader, contentType string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, g.base+path, r)
	if err != nil {
		return nil, fmt.Errorf("build a request: %w", err)
	}
	req.Header.Set("kbn-xsrf", "rulebridge")
	req.Header.Set("elastic-api-version", "1")
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := g.http.Do(req)
	if err != nil && wasInterrupted(ctx) {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		// url.Error would print credentials of the URL.
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err
		}
		return nil, fmt.Errorf("the gateway at %s does not answer: %w", req.URL.Host, err)
	}
	switch {
	case resp.StatusCode == http.StatusNoContent:
		_ = resp.Body.Close()
		return nil, errUnknown
	case resp.StatusCode >= 300:
		defer func() { _ = resp.Body.Close() }()
		e := &answerError{Status: resp.StatusCode, Title: http.StatusText(resp.StatusCode), here: g.here}
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
		e.Status = 0
		if ours := json.Unmarshal(text, e) == nil && e.Status != 0 && e.Message != ""; !ours {
			e.Status, e.Message = resp.StatusCode, strings.TrimSpace(cmp.Or(e.Message, string(text[:min(len(text), 200)])))
			if !g.here && !fromBetween[resp.StatusCode] {
				return nil, fmt.Errorf("what answers at %s is no gateway of Rulebridge: it says %d %s (%s); give --url the address that rulebridge dev or api prints",
					req.URL.Host, e.Status, e.Title, printable(e.Message))
			}
		}
		return nil, e
	}
	return resp, nil
}

func (g *gateway) do(ctx context.Context, method, path string, body, answer any) error {
	var data []byte
	if body != nil {
		var err error
		if data, err = json.Marshal(body); err != nil {
			return fmt.Errorf("encode a request: %w", err)
		}
	}
	resp, err := g.call(ctx, method, path, data)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if err := json.NewDecoder(resp.Body).Decode(answer); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) && !g.here {
			return fmt.Errorf("the answer from %s is no JSON; is this the address of a gateway of Rulebridge? (%w)", resp.Request.URL.Host, err)
		}
		return fmt.Errorf("read the answer of the gateway: %w", err)
	}
	return nil
}

// wireResource is a resource as the API takes it: a macro's definition and a lookup's rows are there also when empty.
type wireResource struct {
	migration.Resource
	Definition *string              `json:"definition,omitempty"`
	Rows       *[]map[string]string `json:"rows,omitempty"`
}

func newWireResource(r migration.Resource) wireResource {
	w := wireResource{Resource: r}
	if r.Type != migration.ResourceLookup {
		w.Definition = &r.Definition
		return w
	}
	if r.Rows == nil {
		r.Rows = []map[string]string{}
	}
	w.Rows = &r.Rows
	return w
}

// create stores the rules as one migration, in as many requests as it takes, and their resources. created, when set,
// hears of the id as soon as there is one. What was stored when a later request fails is deleted.
func (g *gateway) create(ctx context.Context, rules []migration.OriginalRule, resources []migration.Resource, created func(id string) error) (id string, err error) {
	return g.fill(ctx, "", rules, resources, created)
}

// fill completes a migration whose creation broke off; without an id it creates one.
func (g *gateway) fill(ctx context.Context, id string, rules []migration.OriginalRule, resources []migration.Resource, created func(id string) error) (_ string, err error) {
	ours := id == ""
	defer func() {
		if err != nil && id != "" && ours {
			err = g.discard(ctx, id, err)
		}
	}()
	var last []json.RawMessage
	for left := rules; len(left) > 0; {
		fresh := id == ""
		if id, last, left, err = g.storeNext(ctx, id, left, len(resources) == 0); err != nil {
			return id, err
		}
		if fresh && created != nil {
			if err := created(id); err != nil {
				return id, err
			}
		}
	}
	if _, err := g.define(ctx, id, resources); err != nil {
		return id, err
	}
	if len(resources) > 0 {
		// A repeated chunk adds nothing; without seal=false it seals.
		if err := g.add(ctx, id, last, true); err != nil {
			return id, err
		}
	}
	return id, nil
}

// storeNext stores the first of the rules, as many as one request carries, and gives those that it sent and those that are
// left. Without an id it creates the migration. seal says that the last rules make the migration ready.
func (g *gateway) storeNext(ctx context.Context, id string, rules []migration.OriginalRule, seal bool) (at string, sent []json.RawMessage, left []migration.OriginalRule, err error) {
	most := chunkRules
	if id == "" {
		most = firstRules
	}
	if sent, left, err = chunk(rules, most); err != nil {
		return id, nil, rules, err
	}
	seal = seal && len(left) == 0
	if id == "" {
		id, err = g.open(ctx, sent, seal)
	} else {
		err = g.add(ctx, id, sent, seal)
	}
	return id, sent, left, err
}

// lastWait is how long the request that creates a migration may still take after Ctrl-C.
const lastWait = time.Second

// open creates a migration of its first rules. Ctrl-C does not break the request off at once, so that what was stored has an
// id that is known, and can be deleted.
func (g *gateway) open(ctx context.Context, rules []json.RawMessage, seal bool) (id string, err error) {
	whole, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	defer context.AfterFunc(ctx, func() {
		time.AfterFunc(lastWait, func() { cancel(context.Cause(ctx)) })
	})()
	var answer struct {
		MigrationID string `json:"migration_id"`
	}
	err = g.do(whole, http.MethodPost, sealing("", seal), rules, &answer)
	return answer.MigrationID, err
}

// add appends rules to a migration.
func (g *gateway) add(ctx context.Context, id string, rules []json.RawMessage, seal bool) error {
	return g.do(ctx, http.MethodPost, sealing("/"+id, seal), rules, new(struct{}))
}

// sealing is a path for rules that says whether they are the last ones.
func sealing(path string, seal bool) string {
	if seal {
		return path
	}
	return path + "?seal=false"
}

// discard deletes a migration that is not whole, because of an error, and gives that.
func (g *gateway) discard(ctx context.Context, id string, err error) error {
	clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	if derr := g.do(clean, http.MethodDelete, "/"+id, nil, new(struct{})); derr != nil && !errors.Is(derr, errUnknown) {
		return fmt.Errorf("%w; migration %s is incomplete and could not be deleted: %w", err, id, derr)
	}
	return err
}

// concerned are rules at an end whose results resources may improve.
type concerned struct {
	Total   int      `json:"total"`
	RuleIDs []string `json:"rule_ids"`
}

// define stores macros and lookups, in as many requests as it takes, and says which rules they concern.
func (g *gateway) define(ctx context.Context, id string, resources []migration.Resource) (concerned, error) {
	var all concerned
	wire := make([]wireResource, len(resources))
	for i, r := range resources {
		wire[i] = newWireResource(r)
	}
	for len(wire) > 0 {
		part, rest, err := chunk(wire, chunkResources)
		if err != nil {
			return all, err
		}
		wire = rest
		var answer struct {
			Concerns concerned `json:"concerns"`
		}
		if err := g.do(ctx, http.MethodPost, "/"+id+"/resources", part, &answer); err != nil {
			return all, err
		}
		all.Total = max(all.Total, answer.Concerns.Total)
		for _, ruleID := range answer.Concerns.RuleIDs {
			if !slices.Contains(all.RuleIDs, ruleID) {
				all.RuleIDs = append(all.RuleIDs, ruleID)
			}
		}
	}
	all.Total = max(all.Total, len(all.RuleIDs))
	return all, nil
}

// chunk takes from the front of a list what fits one request, by count and size, and gives the rest.
func chunk[T any](all []T, most int) (part []json.RawMessage, rest []T, err error) {
	size := 0
	for i, x := range all {
		data, err := json.Marshal(x)
		if err != nil {
			return nil, nil, fmt.Errorf("encode a request: %w", err)
		}
		if len(part) > 0 && (len(part) == most || size+len(data) > chunkBytes) {
			return part, all[i:], nil
		}
		part, size = append(part, data), size+len(data)+1
	}
	return part, nil, nil
}

func (g *gateway) start(ctx context.Context, id, connector string, batch int, pause *time.Duration, zone string, again *retryFilter) (started bool, err error) {
	body := map[string]any{"connectorId": connector}
	if again != nil {
		body["retry_filter"] = again
	}
	settings := map[string]any{}
	if batch > 0 {
		settings["batch"] = batch
	}
	if pause != nil {
		settings["pause"] = pause.String()
	}
	if zone != "" {
		settings["time_zone"] = zone
	}
	if len(settings) > 0 {
		body["settings"] = settings
	}
	var answer struct {
		Started bool `json:"started"`
	}
	err = g.do(ctx, http.MethodPut, "/"+id+"/start", body, &answer)
	return answer.Started, err
}

func (g *gateway) stop(ctx context.Context, id string) error {
	return g.do(ctx, http.MethodPut, "/"+id+"/stop", nil, new(struct{}))
}

func (g *gateway) stats(ctx context.Context, id string) (migration.Stats, error) {
	var s migration.Stats
	err := g.do(ctx, http.MethodGet, "/"+id+"/stats", nil, &s)
	return s, err
}

// all are the migrations the gateway knows, oldest first.
func (g *gateway) all(ctx context.Context) ([]migration.Stats, error) {
	var all []migration.Stats
	err := g.do(ctx, http.MethodGet, "/stats", nil, &all)
	return all, err
}

// rules calls f with every rule document, as sent and as decoded, page by page in id order.
func (g *gateway) rules(ctx context.Context, id string, f func(json.RawMessage, migration.Rule) error) error {
	after := ""
	for {
		q := url.Values{"page_size": {strconv.Itoa(pageSize)}}
		if after != "" {
			q.Set("after", after)
		}
		resp, err := g.call(ctx, http.MethodGet, "/"+id+"?"+q.Encode(), nil)
		if err != nil {
			return err
		}
		err = eachRule(resp.Body, f)
		after = resp.Header.Get("X-Next-After")
		_ = resp.Body.Close()
		if err != nil || after == "" {
			return err
		}
	}
}

func eachRule(r io.Reader, f func(json.RawMessage, migration.Rule) error) error {
	d := json.NewDecoder(r)
	if _, err := d.Token(); err != nil {
		return fmt.Errorf("read the rules from the gateway: %w", err)
	}
	for d.More() {
		var raw json.RawMessage
		var rule migration.Rule
		if err := d.Decode(&raw); err != nil {
			return fmt.Errorf("read the rules from the gateway: %w", err)
		}
		if err := json.Unmarshal(raw, &rule); err != nil {
			return fmt.Errorf("read a rule from the gateway: %w", err)
		}
		if err := f(raw, rule); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return fmt.Errorf("the list of rules broke off: %w", err)
	}
	return nil
}

// inProcess sends requests to a handler without a network.
type inProcess struct{ handler http.Handler }

// inProcessURL is the base URL of a gateway behind inProcess.
const inProcessURL = "http://127.0.0.1"

// RoundTrip implements http.RoundTripper. The answer is streamed; whoever closes it early ends the handler's writes.
func (t inProcess) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := req.Context().Err(); err != nil {
		return nil, err // a server would not hear of it either
	}
	r := req.Clone(req.Context())
	r.RequestURI, r.RemoteAddr = r.URL.RequestURI(), "127.0.0.1:0"
	if r.Host == "" {
		r.Host = r.URL.Host
	}
	if r.Body == nil {
		r.Body = http.NoBody
	}
	pr, pw := io.Pipe()
	w := &pipeWriter{header: http.Header{}, body: pw, ready: make(chan struct{})}
	go func() {
		defer func() {
			var err error
			if p := recover(); p != nil {
				err = fmt.Errorf("the answer was broken off: %v", p)
			}
			w.WriteHeader(http.StatusOK)
			_ = pw.CloseWithError(err)
		}()
		t.handler.ServeHTTP(w, r)
	}()
	select {
	case <-w.ready:
	case <-req.Context().Done():
		_ = pr.CloseWithError(req.Context().Err())
		return nil, req.Context().Err()
	}
	return &http.Response{
		StatusCode: w.status, Status: strconv.Itoa(w.status) + " " + http.StatusText(w.status),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: w.sent, Body: pr, ContentLength: -1, Request: req,
	}, nil
}

// pipeWriter is the handler's side of an in-process answer.
type pipeWriter struct {
	header, sent http.Header
	status       int
	body         *io.PipeWriter
	ready        chan struct{}
}

func (w *pipeWriter) Header() http.Header { return w.header }

func (w *pipeWriter) WriteHeader(status int) {
	if w.status != 0 {
		return
	}
	w.status, w.sent = status, w.header.Clone()
	close(w.ready)
}

func (w *pipeWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(p)
}
