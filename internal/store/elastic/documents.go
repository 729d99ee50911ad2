package elastic

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"github.com/rulebridge/rulebridge/internal/store"
)

const (
	bulkOps   = 1000
	bulkBytes = 8 << 20
	pageSize  = 1000
)

// ref names a document.
type ref struct {
	Index string `json:"_index"`
	ID    string `json:"_id"`
}

// version is the state of a document that a write was based on.
type version struct {
	SeqNo       int64 `json:"_seq_no"`
	PrimaryTerm int64 `json:"_primary_term"`
}

// document is an answer of a get by id, which sees every write without a refresh.
type document struct {
	ref
	version
	Found  bool            `json:"found"`
	Source json.RawMessage `json:"_source"`
	Error  *cause          `json:"error"`
}

func (d document) decode(into any) error {
	if err := json.Unmarshal(d.Source, into); err != nil {
		return fmt.Errorf("read document %s in %s: %w", d.ID, d.Index, err)
	}
	return nil
}

// get reads documents by id, in the order asked for. fields limits what is returned.
func (s *Store) get(ctx context.Context, refs []ref, fields ...string) ([]document, error) {
	docs := make([]document, 0, len(refs))
	for len(refs) > 0 {
		n := min(len(refs), pageSize)
		body, err := json.Marshal(map[string]any{"docs": refs[:n]})
		if err != nil {
			return nil, err
		}
		refs = refs[n:]
		var answer struct {
			Docs []document `json:"docs"`
		}
		if err := s.client.call(ctx, esapi.MgetRequest{Body: bytes.NewReader(body), SourceIncludes: fields}, &answer); err != nil {
			return nil, explain("read documents", err)
		}
		if len(answer.Docs) != n {
			return nil, fmt.Errorf("read documents: asked for %d, got %d: %w", n, len(answer.Docs), store.ErrUnavailable)
		}
		for _, d := range answer.Docs {
			if d.Error != nil {
				status := http.StatusServiceUnavailable
				if d.Error.Type == typeNoIndex {
					status = http.StatusNotFound
				}
				return nil, explain("read documents", d.Error.response(status))
			}
		}
		docs = append(docs, answer.Docs...)
	}
	return docs, nil
}

// write is one operation of a bulk request.
type write struct {
	action string // create, index, update (merges doc into the document) or delete
	ref
	on  *version // the write fails with 409 if the document has changed since
	doc any
}

// outcome of a write: 200 or 201; 404 for an update or delete of nothing; 409 for a conflict.
type outcome struct {
	status int
	version
}

func (o outcome) ok() bool { return o.status == http.StatusOK || o.status == http.StatusCreated }

// bulk writes in order, in requests of bounded size. Operations that Elasticsearch could not take are repeated; what
// fails for another reason than 404 and 409 is an error, with the outcomes so far unknown to the caller, who must be able
// to repeat everything. With refresh, searches see the writes afterwards.
func (s *Store) bulk(ctx context.Context, writes []write, refresh bool) ([]outcome, error) {
	outcomes := make([]outcome, 0, len(writes))
	for len(writes) > 0 {
		n, lines, err := encode(writes)
		if err != nil {
			return nil, err
		}
		part, err := s.bulkRequest(ctx, lines, refresh)
		if err != nil {
			return nil, explain("write documents", err)
		}
		outcomes = append(outcomes, part...)
		writes = writes[n:]
	}
	return outcomes, nil
}

// encode gives the lines of as many writes as fit one request.
func encode(writes []write) (n int, lines [][]byte, err error) {
	size := 0
	for n < len(writes) && n < bulkOps && size < bulkBytes {
		w := writes[n]
		meta := map[string]any{"_index": w.Index, "_id": w.ID}
		if w.action != "delete" {
			// Without this a write to a missing index would create it, with a mapping that nobody wanted.
			meta["require_alias"] = true
		}
		if w.on != nil {
			meta["if_seq_no"], meta["if_primary_term"] = w.on.SeqNo, w.on.PrimaryTerm
		}
		line, err := json.Marshal(map[string]any{w.action: meta})
		if err != nil {
			return 0, nil, err
		}
		line = append(line, '\n')
		if w.action != "delete" {
			doc := w.doc
			if w.action == "update" {
				doc = map[string]any{"doc": doc}
			}
			text, err := json.Marshal(doc)
			if err != nil {
				return 0, nil, fmt.Errorf("document %s in %s: %w", w.ID, w.Index, err)
			}
			line = append(append(line, text...), '\n')
		}
		lines = append(lines, line)
		size += len(line)
		n++
	}
	return n, lines, nil
}

func (s *Store) bulkRequest(ctx context.Context, lines [][]byte, refresh bool) ([]outcome, error) {
	outcomes := make([]outcome, len(lines))
	left := make([]int, len(lines))
	for i := range left {
		left[i] = i
	}
	pause := s.client.backOff()
	for attempt := uint(1); ; attempt++ {
		var body bytes.Buffer
		for _, i := range left {
			body.Write(lines[i])
		}
		req := esapi.BulkRequest{Body: &body}
		if refresh {
			req.Refresh = "true"
		}
		var answer struct {
			Items []map[string]struct {
				version
				Status int    `json:"status"`
				Error  *cause `json:"error"`
			} `json:"items"`
		}
		if err := s.client.call(ctx, req, &answer); err != nil {
			return nil, err
		}
		if len(answer.Items) != len(left) {
			return nil, fmt.Errorf("%w: %d writes got %d answers", store.ErrUnavailable, len(left), len(answer.Items))
		}
		var again []int
		var failure *ResponseError
		for k, item := range answer.Items {
			for _, r := range item {
				switch {
				case r.Status == http.StatusOK, r.Status == http.StatusCreated, r.Status == http.StatusConflict,
					r.Status == http.StatusNotFound && (r.Error == nil || r.Error.Type != typeNoIndex):
					outcomes[left[k]] = outcome{status: r.Status, version: r.version}
				default:
					re := (&cause{Reason: "write refused"}).response(r.Status)
					if r.Error != nil {
						re = r.Error.response(r.Status)
					}
					if re.Is(store.ErrUnavailable) && re.Type != typeBlocked && attempt < s.client.attempts {
						again = append(again, left[k])
					} else if failure == nil {
						failure = re
					}
				}
			}
		}
		switch {
		case failure != nil:
			return nil, failure
		case len(again) == 0:
			return outcomes, nil
		}
		left = again
		select {
		case <-time.After(pause.NextBackOff()):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// hit is a document that a search found. It is as old as the last refresh; its version makes writes based on it safe.
type hit struct {
	document
	Sort []json.RawMessage `json:"sort"`
}

// found is the answer of a search.
type found struct {
	PIT      string `json:"pit_id"`
	TimedOut bool   `json:"timed_out"`
	Shards   struct {
		Failed   int `json:"failed"`
		Failures []struct {
			Reason cause `json:"reason"`
		} `json:"failures"`
	} `json:"_shards"`
	Hits struct {
		Total struct {
			Value int `json:"value"`
		} `json:"total"`
		Hits []hit `json:"hits"`
	} `json:"hits"`
	Aggregations map[string]json.RawMessage `json:"aggregations"`
}

// search runs a search; an answer that lacks shards is an error, since it would look like fewer documents.
func (s *Store) search(ctx context.Context, index string, body map[string]any) (found, error) {
	var f found
	text, err := json.Marshal(body)
	if err != nil {
		return f, err
	}
	no := false
	req := esapi.SearchRequest{Body: bytes.NewReader(text)}
	if index != "" { // a search in a point in time must not name indices, nor say how to treat missing shards
		req.Index, req.AllowPartialSearchResults = []string{index}, &no
	}
	if err := s.client.call(ctx, req, &f); err != nil {
		return f, explain("search "+index, err)
	}
	if f.TimedOut || f.Shards.Failed > 0 {
		reason := "timed out"
		if len(f.Shards.Failures) > 0 {
			reason = f.Shards.Failures[0].Reason.Reason
		}
		return f, fmt.Errorf("search %s: %w: %d shards failed: %s", index, store.ErrUnavailable, f.Shards.Failed, reason)
	}
	return f, nil
}

// openPIT opens a point in time on the index as last refreshed.
func (s *Store) openPIT(ctx context.Context, index string) (string, error) {
	var answer struct {
		ID string `json:"id"`
	}
	err := s.client.call(ctx, esapi.OpenPointInTimeRequest{Index: []string{index}, KeepAlive: pitKeepAlive}, &answer)
	if err != nil {
		return "", explain("open a point in time of "+index, err)
	}
	return answer.ID, nil
}

// closePIT frees it; if that fails Elasticsearch does it after the keep-alive.
func (s *Store) closePIT(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	body, _ := json.Marshal(map[string]string{"id": id}) // a string cannot fail
	_ = s.client.call(ctx, esapi.ClosePointInTimeRequest{Body: bytes.NewReader(body)}, nil)
}

// scan calls f with page after page of what a query finds in the index as last refreshed. What fits one page takes one
// search, which sees one moment anyway; more is read from a point in time.
func (s *Store) scan(ctx context.Context, index string, query map[string]any, sort []string, fields []string, f func([]hit) error) error {
	body := map[string]any{"query": query, "size": s.opts.pageSize, "sort": ascending(sort), "seq_no_primary_term": true,
		"track_total_hits": false}
	if fields != nil {
		body["_source"] = fields
	}
	first, err := s.search(ctx, index, body)
	switch {
	case err != nil:
		return err
	case len(first.Hits.Hits) == 0:
		return nil
	case len(first.Hits.Hits) < s.opts.pageSize:
		return f(first.Hits.Hits)
	}
	pit, err := s.openPIT(ctx, index)
	if err != nil {
		return err
	}
	defer func() { s.closePIT(ctx, pit) }()
	for {
		body["pit"] = map[string]any{"id": pit, "keep_alive": pitKeepAlive}
		page, err := s.search(ctx, "", body)
		if err != nil {
			return err
		}
		if page.PIT != "" {
			pit = page.PIT
		}
		if len(page.Hits.Hits) > 0 {
			if err := f(page.Hits.Hits); err != nil {
				return err
			}
		}
		if len(page.Hits.Hits) < s.opts.pageSize {
			return nil
		}
		body["search_after"] = page.Hits.Hits[len(page.Hits.Hits)-1].Sort
	}
}

func ascending(fields []string) []map[string]string {
	sort := make([]map[string]string, len(fields))
	for i, f := range fields {
		sort[i] = map[string]string{f: "asc"}
	}
	return sort
}

// Queries.
func all(clauses ...map[string]any) map[string]any {
	return map[string]any{"bool": map[string]any{"filter": clauses}}
}

func anyOf(clauses ...map[string]any) map[string]any {
	return map[string]any{"bool": map[string]any{"should": clauses, "minimum_should_match": 1}}
}

func not(clause map[string]any) map[string]any {
	return map[string]any{"bool": map[string]any{"must_not": []any{clause}}}
}

func term(field string, value any) map[string]any {
	return map[string]any{"term": map[string]any{field: value}}
}

func below(field string, value int64) map[string]any {
	return map[string]any{"range": map[string]any{field: map[string]any{"lt": value}}}
}

// refresher makes an index's writes visible to searches. Callers that wait at one moment share a refresh; each gets one
// that began after its call.
type refresher struct {
	run func(ctx context.Context) error

	mu      sync.Mutex
	next    *refresh // waits for the running one
	running bool
	last    time.Time // when the last successful one began
}

type refresh struct {
	done chan struct{}
	err  error
}

func (r *refresher) do(ctx context.Context) error {
	r.mu.Lock()
	if r.next == nil {
		r.next = &refresh{done: make(chan struct{})}
		if !r.running {
			r.running = true
			go r.loop()
		}
	}
	mine := r.next
	r.mu.Unlock()
	select {
	case <-mine.done:
		return mine.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// atMost refreshes unless one began within age.
func (r *refresher) atMost(ctx context.Context, age time.Duration) error {
	r.mu.Lock()
	fresh := time.Since(r.last) < age
	r.mu.Unlock()
	if fresh {
		return nil
	}
	return r.do(ctx)
}

func (r *refresher) loop() {
	for {
		r.mu.Lock()
		f := r.next
		r.next = nil
		if f == nil {
			r.running = false
			r.mu.Unlock()
			return
		}
		r.mu.Unlock()
		began := time.Now()
		f.err = r.run(context.Background())
		if f.err == nil {
			r.mu.Lock()
			r.last = began
			r.mu.Unlock()
		}
		close(f.done)
	}
}

// refreshIndex refreshes one index and insists on every shard that is there.
func (s *Store) refreshIndex(ctx context.Context, index string) error {
	var answer struct {
		Shards struct {
			Failed int `json:"failed"`
		} `json:"_shards"`
	}
	if err := s.client.call(ctx, esapi.IndicesRefreshRequest{Index: []string{index}}, &answer); err != nil {
		return explain("refresh "+index, err)
	}
	if answer.Shards.Failed > 0 {
		return fmt.Errorf("refresh %s: %w: %d shards failed", index, store.ErrUnavailable, answer.Shards.Failed)
	}
	return nil
}
