package fidelity

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"

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
