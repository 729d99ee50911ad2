package kibanatest

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
)

// Paths of the API of rules, prebuilt rules and fields.
const (
	RulesPath     = "/api/detection_engine/rules"
	ReviewPath    = "/internal/detection_engine/prebuilt_rules/installation/_review"
	PerformPath   = "/internal/detection_engine/prebuilt_rules/installation/_perform"
	BootstrapPath = "/internal/detection_engine/prebuilt_rules/_bootstrap"
	FieldsPath    = "/internal/data_views/_fields_for_wildcard"
)

// Server is a Kibana over HTTP: the API of rules, with a key. Its rules are those of Kibana.
type Server struct {
	Kibana
	*httptest.Server
	// Key is the API key it takes; Space, when set, is the one space it has besides the default one.
	Key, Space string
	// Prebuilt are prebuilt rules that can be installed, with their versions; Fetch are those that come with a bootstrap.
	Prebuilt, Fetch map[string]int
	// Indices are index patterns with their fields.
	Indices map[string][]string

	mu sync.Mutex
	// before, when set, may answer a request in the server's place.
	before func(w http.ResponseWriter, r *http.Request, body []byte) bool
	log    []string
}

// NewServer starts one; close it.
func NewServer(key string) *Server {
	s := &Server{Key: key, Prebuilt: map[string]int{}, Fetch: map[string]int{}, Indices: map[string][]string{}}
	s.Kibana.rules = map[string]map[string]any{}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	return s
}

// Before lets f answer requests in the server's place; it says whether it did. nil takes it away.
func (s *Server) Before(f func(w http.ResponseWriter, r *http.Request, body []byte) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = f
}

// Log are the requests that were let in: method, path and what names a rule.
func (s *Server) Log() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

// Writes counts the requests that were let in and begin with this.
func (s *Server) Writes(prefix string) int {
	n := 0
	for _, line := range s.Log() {
		if strings.HasPrefix(line, prefix) {
			n++
		}
	}
	return n
}

// Put puts a rule there, as a person would.
func (s *Server) Put(rule map[string]any) {
	s.Kibana.mu.Lock()
	defer s.Kibana.mu.Unlock()
	s.rules[rule["rule_id"].(string)] = rule
}

func refuse(w http.ResponseWriter, status int, why string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"statusCode": status, "error": http.StatusText(status), "message": why})
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	before := s.before
	s.mu.Unlock()
	if before != nil && before(w, r, body) {
		return
	}
	path := r.URL.Path
	if rest, ok := strings.CutPrefix(path, "/s/"); ok {
		space, inner, _ := strings.Cut(rest, "/")
		if path = "/" + inner; space != s.Space {
			refuse(w, http.StatusNotFound, "Not Found")
			return
		}
	}
	if r.Header.Get("Authorization") != "ApiKey "+s.Key {
		refuse(w, http.StatusUnauthorized, "[security_exception] missing authentication credentials")
		return
	}
	if _, ok := r.Header["Kbn-Xsrf"]; !ok && r.Method != http.MethodGet {
		refuse(w, http.StatusBadRequest, "Request must contain a kbn-xsrf header.")
		return
	}
	version := "2023-10-31"
	if strings.HasPrefix(path, "/internal/") {
		version = "1"
		if r.Header.Get("x-elastic-internal-origin") == "" {
			refuse(w, http.StatusBadRequest, "uri ["+path+"] is not available with the current configuration")
			return
		}
	}
	if r.Header.Get("elastic-api-version") != version {
		refuse(w, http.StatusBadRequest, "No version available; available versions are: ["+version+"]")
		return
	}
	var in map[string]any
	if len(body) > 0 {
		if err := json.Unmarshal(body, &in); err != nil {
			refuse(w, http.StatusBadRequest, err.Error())
			return
		}
	}
	id, _ := in["rule_id"].(string)
	if id == "" {
		id = r.URL.Query().Get("rule_id")
	}
	s.mu.Lock()
	named := id
	for _, key := range []string{"item_id", "list_id"} {
		if one, _ := in[key].(string); one != "" && named == "" {
			named = one
		}
	}
	s.log = append(s.log, strings.TrimSpace(r.Method+" "+path+" "+named))
	s.mu.Unlock()
	status, out := s.answer(r, path, in, id)
	if status >= 400 {
		refuse(w, status, fmt.Sprint(out))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(out)
}

func (s *Server) answer(r *http.Request, path string, in map[string]any, id string) (int, any) {
	s.Kibana.mu.Lock()
	defer s.Kibana.mu.Unlock()
	if status, out, ok := s.serveLists(r, path, in); ok {
		return status, out
	}
	switch r.Method + " " + path {
	case "GET " + RulesPath + "/_find":
		return http.StatusOK, map[string]any{"page": 1, "perPage": 1, "total": len(s.rules), "data": []any{}}
	case "GET " + RulesPath:
		if rule := s.rules[id]; rule != nil {
			return http.StatusOK, rule
		}
		return http.StatusNotFound, fmt.Sprintf("rule_id: %q not found", id)
	case "POST " + RulesPath:
		if why := Refuses(in); why != "" {
			return http.StatusBadRequest, "[request body]: " + why
		}
		if s.rules[id] != nil {
			return http.StatusConflict, fmt.Sprintf("rule_id: %q already exists", id)
		}
		if why := s.wrongLists(in); why != "" {
			return http.StatusBadRequest, why
		}
		// What Kibana adds: ids, times, and defaults of what is left out.
		rule := map[string]any{"id": "so-" + id, "immutable": false, "revision": 0.0, "created_by": "elastic", "actions": []any{}, "exceptions_list": []any{},
			"enabled": true, "author": []any{}, "setup": "", "note": ""}
		maps.Copy(rule, in)
		s.rules[id] = rule
		return http.StatusOK, rule
	case "PATCH " + RulesPath:
		rule := s.rules[id]
		if rule == nil {
			return http.StatusNotFound, fmt.Sprintf("rule_id: %q not found", id)
		}
		changed := maps.Clone(rule)
		maps.Copy(changed, in)
		if why := Refuses(changed); why != "" {
			return http.StatusBadRequest, "[request body]: " + why
		}
		if why := s.wrongLists(changed); why != "" {
			return http.StatusBadRequest, why
		}
		s.rules[id] = changed
		return http.StatusOK, changed
	case "POST " + ReviewPath:
		rules := []any{}
		for id, version := range s.Prebuilt {
			if s.rules[id] == nil {
				rules = append(rules, map[string]any{"rule_id": id, "version": version, "name": "Prebuilt " + id})
			}
		}
		return http.StatusOK, map[string]any{"stats": map[string]any{"num_rules_to_install": len(rules)}, "rules": rules}
	case "POST " + BootstrapPath:
		maps.Copy(s.Prebuilt, s.Fetch)
		return http.StatusOK, map[string]any{"packages": []any{}}
	case "POST " + PerformPath:
		return s.perform(in)
	case "GET " + FieldsPath:
		fields, ok := s.Indices[r.URL.Query().Get("pattern")]
		if !ok {
			return http.StatusNotFound, "No indices match pattern"
		}
		list := []any{}
		for _, f := range fields {
			list = append(list, map[string]any{"name": f})
		}
		return http.StatusOK, map[string]any{"fields": list, "indices": []any{"i"}}
	}
	return http.StatusNotFound, "Not Found"
}

func (s *Server) perform(in map[string]any) (int, any) {
	created, skipped, errors := []any{}, []any{}, []any{}
	for _, one := range items(in["rules"]) {
		rule, _ := one.(map[string]any)
		id, _ := rule["rule_id"].(string)
		version, known := s.Prebuilt[id]
		switch {
		case s.rules[id] != nil:
			skipped = append(skipped, map[string]any{"rule_id": id, "reason": "ALREADY_INSTALLED"})
		case !known || rule["version"] != float64(version):
			errors = append(errors, map[string]any{"message": "no such version", "rules": []any{map[string]any{"rule_id": id}}})
		default:
			s.rules[id] = map[string]any{"rule_id": id, "immutable": true, "enabled": false, "version": float64(version)}
			created = append(created, s.rules[id])
		}
	}
	return http.StatusOK, map[string]any{"results": map[string]any{"created": created, "skipped": skipped}, "errors": errors}
}
