package queries

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/rulebridge/rulebridge/test/elasticsearch"
)

// IndexName is the index that the events are in, of the stream whose events they are.
const IndexName = "logs-windows.sysmon_operational-queries"

// types are the fields of the index. A keyword longer than 1,024 characters is not indexed.
var types = map[string]string{
	"@timestamp": "date",
	"host.name":  "keyword", "host.ip": "ip",
	"user.name": "keyword", "user.domain": "keyword", "user.id": "keyword", "related.user": "keyword",
	"event.code": "keyword", "event.category": "keyword", "event.type": "keyword", "event.action": "keyword",
	"process.name": "keyword", "process.executable": "keyword", "process.command_line": "keyword", "process.args": "keyword",
	"process.pid": "long", "process.entity_id": "keyword", "process.hash.sha256": "keyword",
	"process.pe.original_file_name": "keyword", "process.pe.company": "keyword",
	"process.parent.name": "keyword", "process.parent.executable": "keyword", "process.parent.command_line": "keyword", "process.parent.pid": "long",
	"winlog.event_data.IntegrityLevel": "keyword",
	"source.ip":                        "ip", "source.port": "long",
	"destination.ip": "ip", "destination.port": "long", "destination.domain": "keyword",
}

// Load creates the index with n events, unless it already holds as many, and lets ES|QL return more rows than by default.
// progress is told how many are in.
func Load(ctx context.Context, c *elasticsearch.Client, n int, progress func(int)) error {
	if err := c.Do(ctx, "PUT", "/_cluster/settings", map[string]any{"persistent": map[string]any{
		"esql.query.result_truncation_default_size": mostRows}}, nil); err != nil {
		return err
	}
	var count struct{ Count int }
	err := c.Do(ctx, "GET", "/"+IndexName+"/_count", nil, &count)
	if err == nil && count.Count == n {
		return nil
	}
	var refused *elasticsearch.Error
	if err != nil && !errors.As(err, &refused) {
		return err
	}
	if err := c.DeleteIndex(ctx, IndexName); err != nil {
		return err
	}
	properties := map[string]any{}
	for name, t := range types {
		properties[name] = map[string]any{"type": t}
		if t == "keyword" {
			properties[name] = map[string]any{"type": t, "ignore_above": 1024}
		}
	}
	if err := c.CreateIndex(ctx, IndexName, map[string]any{
		"settings": map[string]any{"index": map[string]any{"number_of_shards": 1, "number_of_replicas": 0, "refresh_interval": "-1"}},
		"mappings": map[string]any{"dynamic": false, "properties": properties},
	}); err != nil {
		return err
	}
	if err := fill(ctx, c, n, progress); err != nil {
		return err
	}
	if err := c.Do(ctx, "POST", "/"+IndexName+"/_refresh", nil, nil); err != nil {
		return err
	}
	return settle(ctx, c)
}

// fill sends the events in order, a request being encoded while the node works on the one before.
func fill(ctx context.Context, c *elasticsearch.Client, n int, progress func(int)) error {
	const chunk = 5_000
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	bodies := make(chan []byte, 1)
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(bodies)
		for from := 0; from < n; from += chunk {
			body, err := encode(from, min(from+chunk, n), n)
			if err != nil {
				cancel(err)
				return
			}
			select {
			case bodies <- body:
			case <-ctx.Done():
				return
			}
		}
	})
	defer wg.Wait()
	sent := 0
	for body := range bodies {
		var answer struct{ Errors bool }
		if err := c.Do(ctx, "POST", "/"+url.PathEscape(IndexName)+"/_bulk?filter_path=errors", body, &answer); err != nil {
			cancel(err)
			return err
		}
		if answer.Errors {
			err := errors.New("the index refused events")
			cancel(err)
			return err
		}
		sent = min(sent+chunk, n)
		if progress != nil {
			progress(sent)
		}
	}
	return context.Cause(ctx)
}

func encode(from, to, n int) ([]byte, error) {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	for i := from; i < to; i++ {
		fmt.Fprintf(&body, "{\"create\":{\"_id\":\"%d\"}}\n", i)
		if err := encoder.Encode(Event(i, n)); err != nil {
			return nil, fmt.Errorf("encode event %d: %w", i, err)
		}
	}
	return body.Bytes(), nil
}

// settle waits until the node has merged what it wants to merge, which would disturb the figures.
func settle(ctx context.Context, c *elasticsearch.Client) error {
	for {
		var stats struct {
			All struct {
				Total struct {
					Merges struct{ Current int }
				}
			} `json:"_all"`
		}
		if err := c.Do(ctx, "GET", "/"+IndexName+"/_stats/merge", nil, &stats); err != nil {
			return err
		}
		if stats.All.Total.Merges.Current == 0 {
			return nil
		}
		select {
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
