package elasticsearch

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestNode(t *testing.T) {
	node, ctx := Start(t), context.Background()
	index := "node_test"
	if err := node.DeleteIndex(ctx, index); err != nil {
		t.Fatal(err)
	}
	err := node.CreateIndex(ctx, index, map[string]any{"mappings": map[string]any{"properties": map[string]any{
		"name": map[string]any{"type": "keyword"}, "size": map[string]any{"type": "long"},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	if created, err := node.EnsureIndex(ctx, index, nil); err != nil || created {
		t.Errorf("EnsureIndex of an existing index: %v, %v", created, err)
	}
	docs := []any{map[string]any{"name": []string{"b", "a"}, "size": 1}, map[string]any{"size": 1 << 60}}
	if err := node.Bulk(ctx, index, docs...); err != nil {
		t.Fatal(err)
	}
	if err := node.Bulk(ctx, index, map[string]any{"size": "many"}); err == nil || !strings.Contains(err.Error(), "document 0") {
		t.Errorf("a refused document: %v", err)
	}
	result, err := node.ESQL(ctx, "FROM node_test | EVAL half = size / 2.0 | SORT size | KEEP name, size, half", ESQLOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := []map[string]any{
		{"name": []any{"a", "b"}, "size": int64(1), "half": 0.5},
		{"name": nil, "size": int64(1 << 60), "half": float64(1 << 59)},
	}
	if got := result.Rows(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}

	_, err = node.ESQL(ctx, "FROM node_test | WHERE nme == 1", ESQLOptions{})
	var e *Error
	if !errors.As(err, &e) || e.Status != 400 || !strings.Contains(e.Reason, "nme") {
		t.Errorf("an unknown column: %v", err)
	}
	// fails on the shards, at run time
	_, err = node.ESQL(ctx, `FROM node_test | WHERE name RLIKE "x.*`+strings.Repeat("a", 1000)+`" | STATS c = COUNT(*)`, ESQLOptions{})
	if err == nil {
		t.Error("a regular expression beyond the limit: no error")
	}
	result, err = node.ESQL(ctx, "FROM node_test | STATS c = COUNT(*)", ESQLOptions{
		Filter: map[string]any{"exists": map[string]any{"field": "name"}}})
	if err != nil || !reflect.DeepEqual(result.Values, [][]any{{int64(1)}}) {
		t.Errorf("with a filter: %v, %v", result.Values, err)
	}
}

func TestCloseRemovesEverything(t *testing.T) {
	Start(t) // skips where there are no parts
	node, err := NewNode(context.Background(), Options{Heap: "512m"})
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := node.ESQL(context.Background(), "ROW a = 1", ESQLOptions{}); err == nil {
		t.Error("the node still answers")
	}
}
