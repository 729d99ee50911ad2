package elasticsearch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// callTimeout bounds a call whose context has no deadline.
const callTimeout = 60 * time.Second

// Client makes the few calls that tests need. Every call ends within a minute unless its context says otherwise.
type Client struct {
	URL  string // without a trailing slash
	http *http.Client
}

// NewClient returns a client for a node at a base URL.
func NewClient(base string) *Client {
	transport := &http.Transport{MaxIdleConnsPerHost: 8}
	return &Client{URL: base, http: &http.Client{Transport: transport}}
}

// Error is an answer with a status of 400 or more.
type Error struct {
	Status       int
	Type, Reason string
	Body         string
}

func (e *Error) Error() string {
	if e.Type == "" {
		return fmt.Sprintf("status %d: %s", e.Status, e.Body)
	}
	return fmt.Sprintf("%s: %s", e.Type, e.Reason)
}

// Do sends a request and decodes the answer into out, if that is not nil. The body is sent as JSON, a []byte as it is
// (NDJSON). Numbers are decoded as json.Number into interfaces.
func (c *Client) Do(ctx context.Context, method, path string, body, out any) error {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, callTimeout)
		defer cancel()
	}
	var reader io.Reader
	contentType := "application/json"
	switch body := body.(type) {
	case nil:
	case []byte:
		reader, contentType = bytes.NewReader(body), "application/x-ndjson"
	default:
		data, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("encode the body of %s %s: %w", method, path, err)
		}
		reader = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.URL+path, reader)
	if err != nil {
		return err
	}
	if reader != nil {
		req.Header.Set("Content-Type", contentType)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		return fmt.Errorf("%s %s: read the answer: %w", method, path, err)
	}
	if res.StatusCode >= 400 {
		return newError(res.StatusCode, data)
	}
	if out == nil {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if err := decoder.Decode(out); err != nil {
		return fmt.Errorf("%s %s: decode the answer: %w", method, path, err)
	}
	return nil
}

func newError(status int, data []byte) *Error {
	e := &Error{Status: status, Body: string(data)}
	var answer struct {
		Error json.RawMessage `json:"error"`
	}
	if json.Unmarshal(data, &answer) != nil {
		return e
	}
	var detail struct {
		Type   string `json:"type"`
		Reason string `json:"reason"`
	}
	if json.Unmarshal(answer.Error, &detail) == nil {
		e.Type, e.Reason = detail.Type, detail.Reason
	}
	return e
}

// CreateIndex creates an index; body holds settings and mappings. One shard and no replica are the defaults here.
func (c *Client) CreateIndex(ctx context.Context, name string, body map[string]any) error {
	return c.Do(ctx, "PUT", "/"+url.PathEscape(name), body, nil)
}

// EnsureIndex is CreateIndex that accepts an index that exists already, and reports whether it was made.
func (c *Client) EnsureIndex(ctx context.Context, name string, body map[string]any) (created bool, err error) {
	err = c.CreateIndex(ctx, name, body)
	var e *Error
	if errors.As(err, &e) && e.Type == "resource_already_exists_exception" {
		return false, nil
	}
	return err == nil, err
}

// DeleteIndex deletes an index; one that does not exist is no error.
func (c *Client) DeleteIndex(ctx context.Context, name string) error {
	return c.Do(ctx, "DELETE", "/"+url.PathEscape(name)+"?ignore_unavailable=true", nil, nil)
}

// Bulk indexes documents, which may be anything that encodes to a JSON object, and refreshes. It fails if any document
// is refused, and names the first.
func (c *Client) Bulk(ctx context.Context, index string, docs ...any) error {
	if len(docs) == 0 {
		return nil
	}
	var body bytes.Buffer
	for i, doc := range docs {
		data, err := json.Marshal(doc)
		if err != nil {
			return fmt.Errorf("encode document %d: %w", i, err)
		}
		// create, not index: the same operation for data streams
		body.WriteString("{\"create\":{}}\n")
		body.Write(data)
		body.WriteByte('\n')
	}
	var answer struct {
		Errors bool
		Items  []struct {
			Create struct {
				Error json.RawMessage
			}
		}
	}
	if err := c.Do(ctx, "POST", "/"+url.PathEscape(index)+"/_bulk?refresh=true", body.Bytes(), &answer); err != nil {
		return err
	}
	if answer.Errors {
		for i, item := range answer.Items {
			if len(item.Create.Error) > 0 {
				return fmt.Errorf("index %s refused document %d: %s", index, i, item.Create.Error)
			}
		}
	}
	return nil
}

// Column is a column of a result.
type Column struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// Result is the answer to an ES|QL query. Values holds rows; a value is nil, bool, string, int64, float64 or a slice of
// these for several values.
type Result struct {
	Columns   []Column `json:"columns"`
	Values    [][]any  `json:"values"`
	IsPartial bool     `json:"is_partial"`
	// Took is what the node says, in whole milliseconds.
	Took time.Duration `json:"-"`
}

// Rows returns the values by column name.
func (r Result) Rows() []map[string]any {
	rows := make([]map[string]any, len(r.Values))
	for i, values := range r.Values {
		rows[i] = make(map[string]any, len(values))
		for j, v := range values {
			rows[i][r.Columns[j].Name] = v
		}
	}
	return rows
}

// ESQLOptions are optional parts of a query's request.
type ESQLOptions struct {
	// Filter is a query in the Query DSL that is applied first, as Kibana does with its time range.
	Filter any
	// Timeout bounds the call; zero means 30 s.
	Timeout time.Duration
}

// ErrPartial says that the node answered with status 200 and a part of the result only.
var ErrPartial = errors.New("the result is partial (is_partial)")

// ESQL runs a query. A partial result is an error that is ErrPartial.
func (c *Client) ESQL(ctx context.Context, query string, opts ESQLOptions) (Result, error) {
	timeout := opts.Timeout
	if timeout == 0 {
		timeout = 30 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	body := map[string]any{"query": query}
	if opts.Filter != nil {
		body["filter"] = opts.Filter
	}
	var answer struct {
		Result
		Took int64 `json:"took"`
	}
	if err := c.Do(ctx, "POST", "/_query?allow_partial_results=false", body, &answer); err != nil {
		return Result{}, err
	}
	result := answer.Result
	result.Took = time.Duration(answer.Took) * time.Millisecond
	for _, row := range result.Values {
		for j := range row {
			row[j] = number(row[j], result.Columns[j].Type)
		}
	}
	if result.IsPartial {
		return result, ErrPartial
	}
	return result, nil
}

// number turns JSON numbers into int64, or float64 where the column holds decimals.
func number(v any, columnType string) any {
	switch v := v.(type) {
	case json.Number:
		if columnType != "double" {
			if n, err := v.Int64(); err == nil {
				return n
			}
		}
		f, err := v.Float64()
		if err != nil {
			return v.String()
		}
		return f
	case []any:
		for i := range v {
			v[i] = number(v[i], columnType)
		}
	}
	return v
}
