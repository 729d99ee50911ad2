package kibanatest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
)

// Elasticsearch is one for tests that keeps indices in lookup mode, and refuses what a real one refuses: a second creation,
// a body without the mode, rows for an index that is not there.
type Elasticsearch struct {
	*httptest.Server
	Key string

	mu      sync.Mutex
	indices map[string]*lookupIndex
	before  func(w http.ResponseWriter, r *http.Request) bool
	created int
}

type lookupIndex struct {
	meta any
	rows map[string]map[string]any
}

// NewElasticsearch starts one; close it.
func NewElasticsearch(key string) *Elasticsearch {
	e := &Elasticsearch{Key: key, indices: map[string]*lookupIndex{}}
	e.Server = httptest.NewServer(http.HandlerFunc(e.serve))
	return e
}

// Before lets f answer requests in the server's place; it says whether it did. nil takes it away.
func (e *Elasticsearch) Before(f func(w http.ResponseWriter, r *http.Request) bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.before = f
}

// Rows are the rows of an index by their ids; nil when it is not there.
func (e *Elasticsearch) Rows(index string) map[string]map[string]any {
	e.mu.Lock()
	defer e.mu.Unlock()
	if i := e.indices[index]; i != nil {
		return i.rows
	}
	return nil
}

// Created counts the indices that were created.
func (e *Elasticsearch) Created() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.created
}

func (e *Elasticsearch) serve(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	before := e.before
	e.mu.Unlock()
	if before != nil && before(w, r) {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	refuse := func(status int, kind, reason string) {
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"type": kind, "reason": reason}, "status": status})
	}
	if r.Header.Get("Authorization") != "ApiKey "+e.Key {
		refuse(http.StatusUnauthorized, "security_exception", "unable to authenticate")
		return
	}
	name, action, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	index := e.indices[name]
	body, _ := io.ReadAll(r.Body)
	if index == nil && (r.Method != http.MethodPut || action != "") {
		refuse(http.StatusNotFound, "index_not_found_exception", "no such index ["+name+"]")
		return
	}
	switch r.Method + " " + action {
	case "PUT ":
		var in struct {
			Settings map[string]any `json:"settings"`
			Mappings map[string]any `json:"mappings"`
		}
		mode := func() any {
			if inner, ok := in.Settings["index"].(map[string]any); ok {
				return inner["mode"]
			}
			return in.Settings["index.mode"]
		}
		switch {
		case index != nil:
			refuse(http.StatusBadRequest, "resource_already_exists_exception", "index ["+name+"] already exists")
			return
		case json.Unmarshal(body, &in) != nil || mode() != "lookup":
			refuse(http.StatusBadRequest, "illegal_argument_exception", "the index is not in lookup mode")
			return
		}
		e.created++
		e.indices[name] = &lookupIndex{meta: in.Mappings["_meta"], rows: map[string]map[string]any{}}
	case "PUT _mapping":
		var in map[string]any
		_ = json.Unmarshal(body, &in)
		index.meta = in["_meta"]
	case "GET _mapping":
		_ = json.NewEncoder(w).Encode(map[string]any{name: map[string]any{"mappings": map[string]any{"_meta": index.meta}}})
		return
	case "POST _bulk":
		lines := bytes.Split(bytes.TrimSpace(body), []byte("\n"))
		for i := 0; i+1 < len(lines); i += 2 {
			var head struct {
				Index struct {
					ID string `json:"_id"`
				} `json:"index"`
			}
			var row map[string]any
			if json.Unmarshal(lines[i], &head) != nil || json.Unmarshal(lines[i+1], &row) != nil || head.Index.ID == "" {
				refuse(http.StatusBadRequest, "parse_exception", "malformed")
				return
			}
			index.rows[head.Index.ID] = row
		}
	}
	_, _ = w.Write([]byte("{}"))
}
