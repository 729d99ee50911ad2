package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
)

// LookupIndices are the indices in lookup mode of the Elasticsearch of a Kibana.
type LookupIndices interface {
	// Whole says whether the index is there with the rows that Put gave it. One that Put did not make is whole.
	Whole(ctx context.Context, index string) (bool, error)
	// Put makes an index and fills it. It may be repeated after it broke off: rows have ids.
	Put(ctx context.Context, index string, body map[string]any, rows []map[string]any) error
}

// Lookups is nil when no address of an Elasticsearch is set.
func (c *Client) Lookups() LookupIndices {
	if c.o.Elasticsearch == "" {
		return nil
	}
	return elasticsearch{c}
}

type elasticsearch struct{ *Client }

// A mark in the mapping says that rows are still to come.
const (
	markKey  = "rulebridge"
	mostBulk = 4 << 20
)

func mark(whole bool) map[string]any {
	return map[string]any{"_meta": map[string]any{markKey: map[string]any{"whole": whole}}}
}

func (e elasticsearch) call(ctx context.Context, method, path, contentType string, body []byte, out any) error {
	key, err := e.o.Key()
	if err != nil {
		return &Error{Reason: Credential, Message: err.Error()}
	}
	req, err := http.NewRequestWithContext(ctx, method, e.o.Elasticsearch+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("build a request: %w", err)
	}
	if body != nil {
		req.Header.Set("Content-Type", contentType)
	}
	return e.answer(req, key, out)
}

func (e elasticsearch) json(ctx context.Context, method, path string, in any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("encode a request: %w", err)
	}
	return e.call(ctx, method, path, "application/json", body, nil)
}

// Whole implements LookupIndices.
func (e elasticsearch) Whole(ctx context.Context, index string) (bool, error) {
	var answer map[string]struct {
		Mappings struct {
			Meta map[string]struct {
				Whole *bool `json:"whole"`
			} `json:"_meta"`
		} `json:"mappings"`
	}
	err := e.call(ctx, http.MethodGet, "/"+url.PathEscape(index)+"/_mapping", "", nil, &answer)
	if ReasonOf(err) == NotFound {
		return false, nil
	}
	for _, i := range answer {
		if m := i.Mappings.Meta[markKey].Whole; m != nil && !*m {
			return false, err
		}
	}
	return err == nil, err
}

// Put implements LookupIndices.
func (e elasticsearch) Put(ctx context.Context, index string, body map[string]any, rows []map[string]any) error {
	at := "/" + url.PathEscape(index)
	body = maps.Clone(body)
	mappings, _ := body["mappings"].(map[string]any)
	marked := map[string]any{}
	maps.Copy(marked, mappings)
	maps.Copy(marked, mark(false))
	body["mappings"] = marked
	err := e.json(ctx, http.MethodPut, at, body)
	if ReasonOf(err) == Refused { // an earlier attempt made it, or somebody else just now
		if there, err2 := e.there(ctx, at); err2 == nil && there {
			err = nil
		}
	}
	if err != nil {
		return err
	}
	if err := e.fill(ctx, at, rows); err != nil {
		return err
	}
	return e.json(ctx, http.MethodPut, at+"/_mapping", mark(true))
}

func (e elasticsearch) there(ctx context.Context, at string) (bool, error) {
	err := e.call(ctx, http.MethodGet, at+"/_mapping", "", nil, nil)
	if ReasonOf(err) == NotFound {
		return false, nil
	}
	return err == nil, err
}

// fill writes the rows under numbers, so that a row that is written twice is there once.
func (e elasticsearch) fill(ctx context.Context, at string, rows []map[string]any) error {
	var b bytes.Buffer
	flush := func() error {
		if b.Len() == 0 {
			return nil
		}
		var answer struct {
			Errors bool `json:"errors"`
			Items  []map[string]struct {
				Status int `json:"status"`
				Error  struct {
					Reason string `json:"reason"`
				} `json:"error"`
			} `json:"items"`
		}
		if err := e.call(ctx, http.MethodPost, at+"/_bulk?refresh=true", "application/x-ndjson", b.Bytes(), &answer); err != nil {
			return err
		}
		b.Reset()
		for _, item := range answer.Items {
			for _, did := range item {
				switch {
				case did.Status == http.StatusTooManyRequests || did.Status >= 500:
					return &Error{Reason: Unavailable, Status: did.Status, Message: scrub(did.Error.Reason, "")}
				case did.Status >= 300:
					return &Error{Reason: Refused, Status: did.Status, Message: "a row is refused: " + scrub(did.Error.Reason, "")}
				}
			}
		}
		return nil
	}
	for i, row := range rows {
		line, err := json.Marshal(row)
		if err != nil {
			return fmt.Errorf("write row %d: %w", i+1, err)
		}
		fmt.Fprintf(&b, "{\"index\":{\"_id\":\"%d\"}}\n%s\n", i+1, line)
		if b.Len() >= mostBulk {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}
