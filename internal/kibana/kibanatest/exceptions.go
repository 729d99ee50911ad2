package kibanatest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// ExceptionsImportPath is the route of the import of exception lists.
const ExceptionsImportPath = "/api/exception_lists/_import"

const (
	listTypes = "elastic/kibana, packages/kbn-securitysolution-io-ts-list-types/src/request"
	entryType = "elastic/kibana, packages/kbn-securitysolution-io-ts-list-types/src/common"
)

// ExceptionLists are the imported lists by list_id, and ExceptionItems their items by item_id.
func (k *Kibana) ExceptionLists() (lists, items map[string]map[string]any) {
	k.mu.Lock()
	defer k.mu.Unlock()
	lists, items = map[string]map[string]any{}, map[string]map[string]any{}
	for id, l := range k.lists {
		lists[id] = l
	}
	for id, i := range k.items {
		items[id] = i
	}
	return lists, items
}

// ImportExceptions takes a file of exception lists and items; a list stands before its items.
func (k *Kibana) ImportExceptions(file []byte) (errors []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.lists == nil {
		k.lists, k.items = map[string]map[string]any{}, map[string]map[string]any{}
	}
	lines := bufio.NewScanner(bytes.NewReader(file))
	lines.Buffer(nil, MaxBytes)
	for lines.Scan() {
		var one map[string]any
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			errors = append(errors, err.Error())
			continue
		}
		if _, summary := one["exported_exception_list_count"]; summary {
			continue
		}
		_, isItem := one["entries"]
		why := RefusesException(one)
		listID, _ := one["list_id"].(string)
		itemID, _ := one["item_id"].(string)
		switch {
		case why != "":
		case isItem && k.lists[listID] == nil:
			why = fmt.Sprintf("Exception list with list_id: %q, not found for exception list item with item_id: %q", listID, itemID)
		case isItem && k.items[itemID] != nil:
			why = fmt.Sprintf("Found that item_id: %q already exists", itemID)
		case !isItem && k.lists[listID] != nil:
			why = fmt.Sprintf("Found that list_id: %q already exists", listID)
		}
		switch {
		case why != "":
			errors = append(errors, why)
		case isItem:
			k.items[itemID] = one
		default:
			k.lists[listID] = one
		}
	}
	if err := lines.Err(); err != nil {
		errors = append(errors, err.Error())
	}
	return errors
}

// unknownLists says which lists of a rule are not there.
func (k *Kibana) unknownLists(rule map[string]any) string {
	for _, one := range items(rule["exceptions_list"]) {
		l, _ := one.(map[string]any)
		if id, _ := l["list_id"].(string); k.lists[id] == nil {
			return fmt.Sprintf("Rule with rule_id: %q references a non existent exception list of list_id: %q", rule["rule_id"], id)
		}
	}
	return ""
}

// wrongLists says which lists of a rule are not there, or are there under another id. Kibana's API takes such a rule; its page
// then shows no exceptions, so that no test may pass with one.
func (k *Kibana) wrongLists(rule map[string]any) string {
	if why := k.unknownLists(rule); why != "" {
		return why
	}
	for _, one := range items(rule["exceptions_list"]) {
		l, _ := one.(map[string]any)
		if id, _ := l["list_id"].(string); k.lists[id]["id"] != l["id"] {
			return fmt.Sprintf("exceptions_list: the list %q has the id %v, not %v", id, k.lists[id]["id"], l["id"])
		}
	}
	return ""
}

// RefusesException is why Kibana refuses an exception list or an item of one; empty when it takes it.
func RefusesException(one map[string]any) string {
	var all []string
	for _, c := range exceptionChecks {
		if why := c.refuses(one); why != "" {
			all = append(all, why)
		}
	}
	return strings.Join(all, ", ")
}

// ExceptionChecks names each check with where Kibana makes it.
func ExceptionChecks() map[string]string {
	out := map[string]string{}
	for _, c := range exceptionChecks {
		out[c.name] = c.source
	}
	return out
}

// listKeys and itemKeys are those that an imported list and an imported item may have.
var (
	listKeys = strings.Fields(`list_id name description type namespace_type tags os_types meta version id created_at created_by
		immutable tie_breaker_id updated_at updated_by _version`)
	itemKeys = strings.Fields(`item_id list_id name description type namespace_type entries comments tags os_types meta expire_time id
		created_at created_by tie_breaker_id updated_at updated_by _version`)
)

var exceptionChecks = []struct {
	name, source string
	refuses      func(map[string]any) string
}{
	{"required fields of exceptions", listTypes + "/import_exception_list_schema, …/import_exception_item_schema", func(o map[string]any) string {
		keys := []string{"list_id", "name", "description", "type"}
		if _, item := o["entries"]; item {
			keys = append(keys, "item_id")
		}
		for _, key := range keys {
			if s, ok := o[key].(string); !ok || s == "" {
				return key + ": Required"
			}
		}
		return ""
	}},
	{"unknown keys of exceptions", listTypes + ": the schemas are exact", func(o map[string]any) string {
		known := listKeys
		if _, item := o["entries"]; item {
			known = itemKeys
		}
		for key := range o {
			if !slices.Contains(known, key) {
				return "invalid keys " + key
			}
		}
		return ""
	}},
	{"types of exceptions", entryType + "/exception_list, …/exception_list_item_type, …/namespace_type", func(o map[string]any) string {
		types := []string{"detection", "rule_default", "endpoint", "endpoint_events"}
		if _, item := o["entries"]; item {
			types = []string{"simple"}
		}
		if t, _ := o["type"].(string); !slices.Contains(types, t) {
			return fmt.Sprintf("type: Invalid value %q", t)
		}
		if n := o["namespace_type"]; n != nil && n != "single" && n != "agnostic" {
			return fmt.Sprintf("namespace_type: Invalid value %q", n)
		}
		return ""
	}},
	{"entries of exceptions", entryType + "/entries, …/entry_match, …/entry_match_any, …/list_operator", func(o map[string]any) string {
		given, item := o["entries"]
		if !item {
			return ""
		}
		list := items(given)
		if len(list) == 0 {
			return "entries: Expected at least one"
		}
		for _, one := range list {
			if why := refusesEntry(one); why != "" {
				return "entries: " + why
			}
		}
		return ""
	}},
}

func refusesEntry(one any) string {
	e, _ := one.(map[string]any)
	if f, _ := e["field"].(string); f == "" {
		return "field: Required"
	}
	if op, _ := e["operator"].(string); op != "included" && op != "excluded" {
		return fmt.Sprintf("operator: Invalid value %q", op)
	}
	known := []string{"field", "operator", "type"}
	switch e["type"] {
	case "match", "wildcard":
		if v, _ := e["value"].(string); v == "" {
			return "value: Expected a text that is not empty"
		}
		known = append(known, "value")
	case "match_any":
		if len(items(e["value"])) == 0 || !texts(e["value"]) {
			return "value: Expected texts"
		}
		known = append(known, "value")
	case "exists":
	default:
		return fmt.Sprintf("type: Invalid value %q", e["type"])
	}
	for key := range e {
		if !slices.Contains(known, key) {
			return "invalid keys " + key
		}
	}
	return ""
}

// serveExceptions answers the import of exception lists.
func (k *Kibana) serveExceptions(w http.ResponseWriter, file []byte) {
	errors := k.ImportExceptions(file)
	_ = json.NewEncoder(w).Encode(map[string]any{"success": len(errors) == 0, "errors": errors})
}
