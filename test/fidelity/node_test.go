package fidelity

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/schema/pipeline"
	"github.com/rulebridge/rulebridge/test/elasticsearch"
)

// bulkSize is how many documents go into one request.
const bulkSize = 4000

// bulkIDs indexes documents under ids of the caller's and refreshes once.
func bulkIDs(ctx context.Context, node *elasticsearch.Node, index string, ids []string, docs []any) error {
	for from := 0; from < len(docs); from += bulkSize {
		to := min(from+bulkSize, len(docs))
		var body bytes.Buffer
		encode := json.NewEncoder(&body)
		encode.SetEscapeHTML(false)
		for i := from; i < to; i++ {
			if err := encode.Encode(map[string]any{"create": map[string]any{"_id": ids[i]}}); err != nil {
				return err
			}
			if err := encode.Encode(docs[i]); err != nil {
				return err
			}
		}
		var answer struct {
			Errors bool
			Items  []struct {
				Create struct{ Error json.RawMessage }
			}
		}
		if err := node.Do(ctx, "POST", "/"+url.PathEscape(index)+"/_bulk", body.Bytes(), &answer); err != nil {
			return err
		}
		for i, item := range answer.Items {
			if len(item.Create.Error) > 0 {
				return fmt.Errorf("index %s refused document %s: %s", index, ids[from+i], item.Create.Error)
			}
		}
	}
	return node.Do(ctx, "POST", "/"+url.PathEscape(index)+"/_refresh", nil, nil)
}

// putDoc indexes one document under an id, replacing what was there.
func putDoc(ctx context.Context, node *elasticsearch.Node, index, id string, doc any) error {
	return node.Do(ctx, "PUT", "/"+url.PathEscape(index)+"/_doc/"+url.PathEscape(id), doc, nil)
}

// index has the node hold what one trial needs: the streams that the rule reads, the events in theirs, and the lookup indices.
// made has the lookup indices of earlier trials; name tells the documents of the trials apart.
func (t *trial) index(ctx context.Context, tb testing.TB, node *elasticsearch.Node, catalogue *elasticsearch.Catalogue, name string, made map[string]string) {
	tb.Helper()
	if _, err := catalogue.Ensure(ctx, node.Client, t.rule.out.Index...); err != nil {
		tb.Fatal(err)
	}
	var ids []string
	var docs []any
	for part, events := range [][]pipeline.Event{t.hit, t.miss} {
		for k, raw := range events {
			ids = append(ids, fmt.Sprintf("%s-%d-%d", name, part, k))
			docs = append(docs, document(t.stream, raw, t.at.Add(time.Duration(part)*time.Hour+time.Duration(k)*time.Second)))
		}
	}
	index := "logs-" + strings.ReplaceAll(t.stream.Name, "/", ".") + "-*"
	if err := bulkIDs(ctx, node, catalogue.Match(index)[0].Index(), ids, docs); err != nil {
		tb.Errorf("%s: %v", t.rule.request.Title, err)
	}
	if err := node.Do(ctx, "POST", "/logs-*/_refresh", nil, nil); err != nil {
		tb.Fatal(err)
	}
	if err := createLookups(ctx, node, t.rule.out.Lookups, made); err != nil {
		tb.Fatal(err)
	}
}
