package elastic

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
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/elastic/elastic-transport-go/v8/elastictransport"
	"github.com/elastic/go-elasticsearch/v8/esapi"

	"github.com/rulebridge/rulebridge/internal/store"
)

// ResponseError is an answer of Elasticsearch that says no.
type ResponseError struct {
	Status int
	Type   string // Elasticsearch's name of the error, such as index_not_found_exception
	Reason string
}

func (e *ResponseError) Error() string {
	if e.Type == "" {
		return fmt.Sprintf("Elasticsearch answered %d: %s", e.Status, e.Reason)
	}
	return fmt.Sprintf("Elasticsearch answered %d %s: %s", e.Status, e.Type, e.Reason)
}

// Is makes what may pass ErrUnavailable: overload, unreachable shards, and indices that were made read-only.
func (e *ResponseError) Is(target error) bool {
	return target == store.ErrUnavailable && (e.Status == http.StatusTooManyRequests || e.Status >= 500 || e.Type == typeBlocked)
}

// Names that Elasticsearch gives to errors.
const (
	typeBlocked     = "cluster_block_exception"
	typeNoIndex     = "index_not_found_exception"
	typeIndexExists = "resource_already_exists_exception"
	typeNoSearch    = "search_context_missing_exception"
	typeStrict      = "strict_dynamic_mapping_exception"
	typeDocument    = "document_parsing_exception"
	typeOldDocument = "mapper_parsing_exception"
	typeIllegal     = "illegal_argument_exception"
)

// explain adds what to do to the errors an operator can do something about.
func explain(doing string, err error) error {
	var re *ResponseError
	if !errors.As(err, &re) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	switch {
	case re.Type == typeNoIndex:
		return fmt.Errorf("%s: %w; run `rulebridge setup`, which creates the indices", doing, err)
	case re.Type == typeBlocked:
		return fmt.Errorf("%s: %w; free disk space on the nodes or lift the index block, work goes on by itself then", doing, err)
	case re.Type == typeStrict, re.Type == typeDocument, re.Type == typeOldDocument:
		return fmt.Errorf("%s: %w; the mapping is not this version's: run `rulebridge setup` of the newest version in use", doing, err)
	case re.Status == http.StatusUnauthorized:
		return fmt.Errorf("%s: %w; check elasticsearch.api_key, or elasticsearch.username and elasticsearch.password", doing, err)
	case re.Status == http.StatusForbidden:
		return fmt.Errorf("%s: %w; give the user the privileges that `rulebridge setup` prints", doing, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// client sends requests with a timeout each, and repeats them with back-off and jitter after 429, 502, 503, 504 and
// broken connections; on those the pool turns to the next host. Every write of this package can be repeated: it carries
// an id and a sequence number or create, and its outcome is read back where that matters.
type client struct {
	transport *elastictransport.Client
	timeout   time.Duration
	attempts  uint
	pause     time.Duration
}

func newClient(opts Options) (*client, error) {
	var urls []*url.URL
	for _, text := range opts.URLs {
		u, err := url.Parse(strings.TrimRight(text, "/"))
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return nil, fmt.Errorf("elasticsearch.urls: %q is not an address like https://host:9200", text)
		}
		urls = append(urls, u)
	}
	if len(urls) == 0 {
		return nil, errors.New("elasticsearch.urls: give the address of at least one node, like https://host:9200")
	}
	if opts.APIKey != "" && opts.Username != "" {
		return nil, errors.New("elasticsearch: set api_key or username, not both")
	}
	rt := opts.Transport
	if rt == nil {
		t, ok := http.DefaultTransport.(*http.Transport)
		if !ok {
			return nil, errors.New("elasticsearch: the default HTTP transport was replaced")
		}
		t = t.Clone()
		t.MaxIdleConnsPerHost = 64
		t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
		if opts.CAFile != "" {
			pool, err := readCA(opts.CAFile)
			if err != nil {
				return nil, err
			}
			t.TLSClientConfig.RootCAs = pool
		}
		rt = t
	}
	//nolint:staticcheck // New stays supported, and one struct says more than a list of options
	transport, err := elastictransport.New(elastictransport.Config{
		URLs: urls, Username: opts.Username, Password: opts.Password, APIKey: opts.APIKey, Transport: rt, DisableRetry: true,
		UserAgent: "rulebridge", CompressRequestBody: opts.Compress,
	})
	if err != nil {
		return nil, fmt.Errorf("elasticsearch: %w", err)
	}
	return &client{transport: transport, timeout: opts.Timeout, attempts: uint(opts.MaxRetries) + 1, pause: opts.retryPause}, nil
}

func readCA(name string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("elasticsearch.ca_file: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("elasticsearch.ca_file: %s holds no PEM certificate", name)
	}
	return pool, nil
}

// errTransient carries a response worth another attempt through the back-off.
type errTransient struct{ res *http.Response }

func (e *errTransient) Error() string { return e.res.Status }

// Perform implements esapi.Transport. The body of the answer is read here, within the timeout.
func (c *client) Perform(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil && req.Body != http.NoBody {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
	}
	ctx := req.Context()
	res, err := backoff.Retry(ctx, func() (*http.Response, error) {
		res, err := c.once(ctx, req, body)
		switch {
		case err != nil && (ctx.Err() != nil || isTLS(err)):
			return nil, backoff.Permanent(err)
		case err != nil:
			return nil, err
		}
		switch res.StatusCode {
		case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return nil, &errTransient{res}
		}
		return res, nil
	}, backoff.WithBackOff(c.backOff()), backoff.WithMaxTries(c.attempts), backoff.WithMaxElapsedTime(0))
	var last *errTransient
	if errors.As(err, &last) && ctx.Err() == nil {
		return last.res, nil
	}
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		var permanent *backoff.PermanentError
		if errors.As(err, &permanent) {
			err = permanent.Err
		}
		return nil, err
	}
	return res, nil
}

// backOff gives the pauses between attempts: doubled each time up to twenty times the first, each with a jitter of half
// itself, so that many clients do not come back at the same moment.
func (c *client) backOff() *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval, b.Multiplier, b.RandomizationFactor = c.pause, 20*c.pause, 2, 0.5
	b.Reset()
	return b
}

func (c *client) once(ctx context.Context, req *http.Request, body []byte) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	r := req.Clone(ctx)
	if body != nil {
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	res, err := c.transport.Perform(r)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(res.Body)
	res.Body.Close()
	if err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(data))
	return res, nil
}

// isTLS reports failures that another attempt will not mend.
func isTLS(err error) bool {
	var verification *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	return errors.As(err, &verification) || errors.As(err, &record)
}

// request is what the structs of esapi have in common.
type request interface {
	Do(ctx context.Context, t esapi.Transport) (*esapi.Response, error)
}

// call sends a request and decodes its answer into out, if that is not nil. Its errors are ErrUnavailable for broken
// connections and timeouts, *ResponseError for an answer that says no, and the context's own when that has ended.
func (c *client) call(ctx context.Context, req request, out any) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	res, err := req.Do(ctx, c)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		return fmt.Errorf("%w: read the answer: %w", store.ErrUnavailable, err)
	}
	if res.IsError() {
		return responseError(res.StatusCode, data)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(data, out); err != nil {
		return fmt.Errorf("read Elasticsearch's answer %q: %w", head(data), err)
	}
	return nil
}

// cause is Elasticsearch's error object.
type cause struct {
	Type     string `json:"type"`
	Reason   string `json:"reason"`
	CausedBy *cause `json:"caused_by"`
}

func (c *cause) response(status int) *ResponseError {
	re := &ResponseError{Status: status, Type: c.Type, Reason: c.Reason}
	for in := c.CausedBy; in != nil; in = in.CausedBy {
		if in.Reason != "" && !strings.Contains(re.Reason, in.Reason) {
			re.Reason += ": " + in.Reason
		}
		if in.Type == typeStrict {
			re.Type = typeStrict
		}
	}
	return re
}

func responseError(status int, data []byte) *ResponseError {
	var full struct {
		Error cause `json:"error"`
	}
	if json.Unmarshal(data, &full) == nil && full.Error.Type != "" {
		return full.Error.response(status)
	}
	var short struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(data, &short) == nil && short.Error != "" {
		return &ResponseError{Status: status, Reason: short.Error}
	}
	return &ResponseError{Status: status, Reason: head(data)}
}

// head is the beginning of an answer, for messages.
func head(data []byte) string {
	text := strings.Join(strings.Fields(string(data)), " ")
	if len(text) > 200 {
		text = strings.ToValidUTF8(text[:200], "") + "…"
	}
	return text
}

// isTimeout reports a timeout of the connection or of one attempt.
func isTimeout(err error) bool {
	var ne net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &ne) && ne.Timeout()
}
