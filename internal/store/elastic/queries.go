package elastic

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"github.com/rulebridge/rulebridge/internal/store"
)

// Queries runs ES|QL queries of users, and looks which indices are there. It only reads, and needs the privileges read and
// view_index_metadata on what the queries name.
type Queries struct{ client *client }

// NewQueries prepares the connection and sends nothing. Of the options those of the connection count. A request that is
// refused for overload is not repeated: somebody waits.
func NewQueries(opts Options) (*Queries, error) {
	opts.MaxRetries = -1
	c, err := newClient(opts.withDefaults())
	if err != nil {
		return nil, err
	}
	return &Queries{c}, nil
}

// QueryColumn is a column of a result with ES|QL's name of its type.
type QueryColumn struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// QueryResult is what a query gave. Numbers are json.Number.
type QueryResult struct {
	Columns []QueryColumn
	Rows    [][]any
}

// Run runs a query over the documents between two times in Elasticsearch's date math; empty ones leave the time open.
func (q *Queries) Run(ctx context.Context, query, from, to string) (QueryResult, error) {
	body := map[string]any{"query": query}
	if span := timeRange(from, to); span != nil {
		body["filter"] = map[string]any{"range": map[string]any{store.FieldTimestamp: span}}
	}
	text, err := json.Marshal(body)
	if err != nil {
		return QueryResult{}, err
	}
	var raw json.RawMessage
	no := false
	if err := q.client.call(ctx, esapi.EsqlQueryRequest{Body: bytes.NewReader(text), Format: "json", DropNullColumns: &no}, &raw); err != nil {
		return QueryResult{}, err
	}
	var answer struct {
		Columns   []QueryColumn `json:"columns"`
		Values    [][]any       `json:"values"`
		IsPartial bool          `json:"is_partial"`
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&answer); err != nil {
		return QueryResult{}, fmt.Errorf("read Elasticsearch's answer %q: %w", head(raw), err)
	}
	if answer.IsPartial {
		return QueryResult{}, fmt.Errorf("%w: the answer lacks shards", store.ErrUnavailable)
	}
	return QueryResult{answer.Columns, answer.Values}, nil
}

func timeRange(from, to string) map[string]any {
	span := map[string]any{}
	if from != "" {
		span["gte"] = from
	}
	if to != "" {
		span["lte"] = to
	}
	if len(span) == 0 {
		return nil
	}
	return span
}

// Has says whether an index, alias or data stream matches the pattern; nothing matches the empty one.
func (q *Queries) Has(ctx context.Context, pattern string) (bool, error) {
	if pattern == "" {
		return false, nil
	}
	yes := true
	var found struct {
		Indices []string `json:"indices"`
	}
	// A person may have written the pattern, and the client puts it into the path as it is: escaped, no other call comes of it.
	req := esapi.FieldCapsRequest{Index: []string{url.PathEscape(pattern)}, Fields: []string{"_index"}, AllowNoIndices: &yes, IgnoreUnavailable: &yes}
	err := q.client.call(ctx, req, &found)
	var re *ResponseError
	if errors.As(err, &re) && re.Status == http.StatusNotFound {
		return false, nil
	}
	return len(found.Indices) > 0, err
}

// Refusal sorts an error of Run: what Elasticsearch does not know of a query, or that it cannot be asked.
type Refusal int

// Kinds of refusals.
const (
	RefusedQuery Refusal = iota // anything else that is wrong with the query
	RefusedIndex                // no such index
	RefusedField                // no such column
	Unreachable
)

// RefusalOf sorts an error of Run and gives it in words for users.
func RefusalOf(err error) (Refusal, string) {
	var re *ResponseError
	if !errors.As(err, &re) {
		return Unreachable, "Elasticsearch does not answer"
	}
	switch {
	case re.Status == http.StatusUnauthorized, re.Status == http.StatusForbidden:
		return RefusedQuery, explain("run the query", err).Error()
	case errors.Is(err, store.ErrUnavailable) && re.Status != http.StatusInternalServerError:
		return Unreachable, "Elasticsearch cannot run the query now: " + re.Reason
	case re.Type == typeNoIndex, strings.Contains(re.Reason, "Unknown index ["):
		return RefusedIndex, re.Reason
	case strings.Contains(re.Reason, "Unknown column ["):
		return RefusedField, re.Reason
	}
	return RefusedQuery, re.Reason
}
