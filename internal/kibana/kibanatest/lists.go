package kibanatest

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Paths of the API of exception lists.
const (
	ListsPath = "/api/exception_lists"
	ItemsPath = ListsPath + "/items"
)

// Keys that a list and an item may be created or replaced with; what Kibana adds itself is not among them. Source: Elastic's
// API reference, "Create an exception list", "Create an exception list item", "Update an exception list item".
var (
	newListKeys    = strings.Fields("list_id name description type namespace_type tags os_types meta version")
	newItemKeys    = strings.Fields("item_id list_id name description type namespace_type entries comments tags os_types meta expire_time")
	changeItemKeys = strings.Fields("id item_id list_id name description type namespace_type entries comments tags os_types meta expire_time _version")
)

// serveLists answers the API of exception lists; ok is false for another route.
func (s *Server) serveLists(r *http.Request, path string, in map[string]any) (status int, out any, ok bool) {
	if !strings.HasPrefix(path, ListsPath) {
		return 0, nil, false
	}
	if s.lists == nil {
		s.lists, s.items = map[string]map[string]any{}, map[string]map[string]any{}
	}
	q := r.URL.Query()
	status, out = http.StatusNotFound, "Not Found"
	switch r.Method + " " + path {
	case "GET " + ListsPath:
		status, out = s.list(q.Get("list_id"))
	case "POST " + ListsPath:
		status, out = s.createList(in)
	case "GET " + ItemsPath + "/_find":
		status, out = s.findItems(q.Get("list_id"), q.Get("page"), q.Get("per_page"))
	case "POST " + ItemsPath:
		status, out = s.createItem(in)
	case "PUT " + ItemsPath:
		status, out = s.changeItem(in)
	case "DELETE " + ItemsPath:
		id := q.Get("item_id")
		if status, out = http.StatusNotFound, any(fmt.Sprintf("exception list item item_id: %q does not exist", id)); s.items[id] != nil {
			status, out = http.StatusOK, s.items[id]
			delete(s.items, id)
		}
	}
	return status, out, true
}

func (s *Server) list(id string) (int, any) {
	if s.lists[id] == nil {
		return http.StatusNotFound, fmt.Sprintf("exception list list_id: %q does not exist", id)
	}
	return http.StatusOK, s.lists[id]
}

func (s *Server) createList(in map[string]any) (int, any) {
	id, _ := in["list_id"].(string)
	if why := unknownKeys(in, newListKeys, RefusesException(in)); why != "" {
		return http.StatusBadRequest, "[request body]: " + why
	}
	if s.lists[id] != nil {
		return http.StatusConflict, fmt.Sprintf("exception list id: %q already exists", id)
	}
	s.lists[id] = added(in, map[string]any{"id": "so-" + id, "immutable": false, "version": 1.0})
	return http.StatusOK, s.lists[id]
}

func (s *Server) findItems(listID, page, size string) (int, any) {
	if s.lists[listID] == nil {
		return http.StatusNotFound, fmt.Sprintf("exception list id: %q does not exist", listID)
	}
	p, errPage := strconv.Atoi(page)
	n, errSize := strconv.Atoi(size)
	if errPage != nil || errSize != nil || p < 1 || n < 1 {
		return http.StatusBadRequest, "page and per_page: Expected a number"
	}
	all := []any{}
	for _, id := range slices.Sorted(maps.Keys(s.items)) {
		if s.items[id]["list_id"] == listID {
			all = append(all, s.items[id])
		}
	}
	from := min(len(all), (p-1)*n)
	return http.StatusOK, map[string]any{"data": all[from:min(len(all), from+n)], "page": p, "per_page": n, "total": len(all)}
}

func (s *Server) createItem(in map[string]any) (int, any) {
	id, _ := in["item_id"].(string)
	listID, _ := in["list_id"].(string)
	if why := unknownKeys(in, newItemKeys, RefusesException(in)); why != "" {
		return http.StatusBadRequest, "[request body]: " + why
	}
	if s.lists[listID] == nil {
		return http.StatusNotFound, fmt.Sprintf("exception list id: %q does not exist", listID)
	}
	if s.items[id] != nil {
		return http.StatusConflict, fmt.Sprintf("exception list item id: %q already exists", id)
	}
	s.items[id] = added(in, map[string]any{"id": "so-" + id, "comments": []any{}})
	return http.StatusOK, s.items[id]
}

func (s *Server) changeItem(in map[string]any) (int, any) {
	id, _ := in["item_id"].(string)
	there := s.items[id]
	if there == nil {
		return http.StatusNotFound, fmt.Sprintf("exception list item item_id: %q does not exist", id)
	}
	whole := maps.Clone(in)
	whole["list_id"] = there["list_id"]
	if why := unknownKeys(in, changeItemKeys, RefusesException(whole)); why != "" {
		return http.StatusBadRequest, "[request body]: " + why
	}
	if len(items(in["comments"])) < len(items(there["comments"])) {
		return http.StatusForbidden, "Comments cannot be deleted, only new comments may be added"
	}
	s.items[id] = added(whole, map[string]any{"id": there["id"]})
	return http.StatusOK, s.items[id]
}

func unknownKeys(in map[string]any, known []string, otherwise string) string {
	for key := range in {
		if !slices.Contains(known, key) {
			return "invalid keys " + key
		}
	}
	return otherwise
}

// added is what Kibana keeps of a request: with what it adds.
func added(in, more map[string]any) map[string]any {
	kept := maps.Clone(in)
	for key, v := range more {
		if kept[key] == nil || len(items(kept[key])) == 0 {
			kept[key] = v
		}
	}
	return kept
}

// PutItem puts an item into a list, as a person would.
func (s *Server) PutItem(item map[string]any) {
	s.Kibana.mu.Lock()
	defer s.Kibana.mu.Unlock()
	s.items[item["item_id"].(string)] = item
}

// RemoveItem removes an item, as a person would.
func (s *Server) RemoveItem(id string) {
	s.Kibana.mu.Lock()
	defer s.Kibana.mu.Unlock()
	delete(s.items, id)
}
