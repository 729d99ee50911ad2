package install

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rulebridge/rulebridge/internal/kibana"
	"github.com/rulebridge/rulebridge/internal/kibana/client"
)

// listThere is an exception list as a Kibana has it; its zero value is one that is not there.
type listThere struct {
	id    string                    // what the Kibana knows it by
	items map[string]map[string]any // by item_id
}

func readList(ctx context.Context, t Target, listID string) (l listThere, err error) {
	list, err := t.ExceptionList(ctx, listID)
	if err != nil || list == nil {
		return l, err
	}
	items, err := t.ExceptionItems(ctx, listID)
	if err != nil {
		return l, err
	}
	l.id, l.items = fmt.Sprint(list["id"]), map[string]map[string]any{}
	for _, item := range items {
		id, _ := item["item_id"].(string)
		l.items[id] = item
	}
	return l, nil
}

// attach has a rule go by its exception list, beside those that people gave it where it is there.
func attach(rule *kibana.Rule, x kibana.Exceptions, l listThere, there map[string]any) {
	if len(x.Items) == 0 {
		return
	}
	ref := x.List.Of(l.id)
	if l.id == "" {
		ref.ID = x.List.ListID // until there is one
	}
	given, _ := there["exceptions_list"].([]any)
	for _, one := range given {
		m, _ := one.(map[string]any)
		text := func(key string) string { s, _ := m[key].(string); return s }
		if text("list_id") == x.List.ListID && text("id") == ref.ID {
			rule.Exceptions = nil // it goes by the list already, and its lists stay as they are
			return
		}
		if text("list_id") != x.List.ListID {
			rule.Exceptions = append(rule.Exceptions, kibana.ExceptionsList{ID: text("id"), ListID: text("list_id"), NamespaceType: text("namespace_type"), Type: text("type")})
		}
	}
	rule.Exceptions = append(rule.Exceptions, ref)
}

// listChanges are the items that differ from what the migration gives: others, missing ones, and those that the migration no
// longer gives. What people added is theirs, and so are names and comments.
func listChanges(x kibana.Exceptions, l listThere) (changes []Change, err error) {
	for _, item := range x.Items {
		here, err := plainJSON(item.Entries)
		if err != nil {
			return nil, err
		}
		if there := l.items[item.ItemID]["entries"]; !same(there, here) {
			changes = append(changes, Change{Setting: "exceptions: " + item.ItemID, There: there, Here: here})
		}
	}
	for _, id := range stale(x, l) {
		changes = append(changes, Change{Setting: "exceptions: " + id, There: l.items[id]["entries"]})
	}
	return changes, nil
}

// stale are the items that an earlier installation made of exclusions that are no more.
func stale(x kibana.Exceptions, l listThere) (ids []string) {
	for id := range l.items {
		n, ours := strings.CutPrefix(id, x.List.ListID+"-")
		ours = ours && n != "" && strings.Trim(n, "0123456789") == ""
		if ours && !slices.ContainsFunc(x.Items, func(item kibana.ExceptionItem) bool { return item.ItemID == id }) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// putList makes the list of a rule and the items of it that are missing. What is there and differs is changed only when
// overwriting. The result says that the Kibana does not take it.
func putList(ctx context.Context, t Target, x kibana.Exceptions, overwrite bool) (l listThere, failed *Result, err error) {
	if l, err = readList(ctx, t, x.List.ListID); err == nil && l.id == "" {
		err = t.CreateExceptionList(ctx, x.List)
		if err == nil || client.ReasonOf(err) == client.Conflict { // an attempt whose answer was lost made it
			l, err = readList(ctx, t, x.List.ListID)
			if err == nil && l.id == "" {
				err = &client.Error{Reason: client.Unavailable, Message: "an exception list is there and cannot be read"}
			}
		}
	}
	if err == nil {
		err = putItems(ctx, t, x, l, overwrite)
	}
	var e *client.Error
	if errors.As(err, &e) && e.Reason == client.Refused {
		return l, &Result{Outcome: Failed, Code: CodeExceptions, Status: e.Status, Why: "the exception list " + x.List.ListID + ": " + e.Message}, nil
	}
	return l, nil, err
}

func putItems(ctx context.Context, t Target, x kibana.Exceptions, l listThere, overwrite bool) error {
	for _, item := range x.Items {
		there := l.items[item.ItemID]
		if there == nil {
			if err := t.CreateExceptionItem(ctx, item); err != nil && client.ReasonOf(err) != client.Conflict {
				return err
			}
			continue
		}
		here, err := plainJSON(item.Entries)
		if err != nil {
			return err
		}
		if !overwrite || same(there["entries"], here) {
			continue
		}
		if err := t.UpdateExceptionItem(ctx, changedItem(there, here)); err != nil {
			return err
		}
	}
	if !overwrite {
		return nil
	}
	for _, id := range stale(x, l) {
		if err := t.DeleteExceptionItem(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// changedItem is an item with other entries; the rest stays as people have it. Comments that are left out would count as deleted,
// which Kibana refuses.
func changedItem(there map[string]any, entries any) map[string]any {
	item := map[string]any{"entries": entries}
	for _, key := range []string{"item_id", "type", "namespace_type", "name", "description", "tags", "os_types", "meta", "expire_time"} {
		if there[key] != nil {
			item[key] = there[key]
		}
	}
	comments := []any{}
	given, _ := there["comments"].([]any)
	for _, one := range given {
		if c, _ := one.(map[string]any); c != nil {
			comments = append(comments, map[string]any{"id": c["id"], "comment": c["comment"]})
		}
	}
	item["comments"] = comments
	return item
}
