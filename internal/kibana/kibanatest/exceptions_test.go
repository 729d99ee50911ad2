package kibanatest

import (
	"encoding/json"
	"strings"
	"testing"
)

const (
	goodList = `{"list_id":"l","name":"n","description":"d","type":"detection","namespace_type":"single","tags":[],"os_types":[]}`
	goodItem = `{"item_id":"i","list_id":"l","name":"n","description":"d","type":"simple","entries":[{"field":"f","operator":"included","type":"match","value":"v"}]}`
)

func TestRefusesException(t *testing.T) {
	used := map[string]bool{}
	for _, tc := range []struct{ check, of, with, want string }{
		{"", goodList, `{}`, ""},
		{"", goodItem, `{"entries":[{"field":"f","operator":"excluded","type":"match_any","value":["a"]},{"field":"f","operator":"included","type":"exists"}]}`, ""},
		{"required fields of exceptions", goodList, `{"description":""}`, "description"},
		{"required fields of exceptions", goodItem, `{"item_id":null}`, "item_id"},
		{"unknown keys of exceptions", goodList, `{"made_up":1}`, "made_up"},
		{"unknown keys of exceptions", goodItem, `{"version":1}`, "version"},
		{"types of exceptions", goodList, `{"type":"simple"}`, "simple"},
		{"types of exceptions", goodItem, `{"type":"detection"}`, "detection"},
		{"types of exceptions", goodList, `{"namespace_type":"all"}`, "all"},
		{"entries of exceptions", goodItem, `{"entries":[]}`, "at least one"},
		{"entries of exceptions", goodItem, `{"entries":[{"field":"f","operator":"is","type":"match","value":"v"}]}`, "operator"},
		{"entries of exceptions", goodItem, `{"entries":[{"field":"f","operator":"included","type":"regexp","value":"v"}]}`, "regexp"},
		{"entries of exceptions", goodItem, `{"entries":[{"field":"f","operator":"included","type":"match","value":1}]}`, "value"},
		{"entries of exceptions", goodItem, `{"entries":[{"field":"f","operator":"included","type":"match_any","value":"v"}]}`, "value"},
		{"entries of exceptions", goodItem, `{"entries":[{"field":"f","operator":"included","type":"exists","value":"v"}]}`, "value"},
		{"entries of exceptions", goodItem, `{"entries":[{"field":"","operator":"included","type":"exists"}]}`, "field"},
	} {
		var one map[string]any
		for _, text := range []string{tc.of, tc.with} {
			if err := json.Unmarshal([]byte(text), &one); err != nil {
				t.Fatal(err)
			}
		}
		if got := RefusesException(one); (got == "") != (tc.want == "") || !strings.Contains(got, tc.want) {
			t.Errorf("%s: %q, want %q", tc.with, got, tc.want)
		}
		used[tc.check] = true
	}
	for name, source := range ExceptionChecks() {
		if !used[name] || source == "" {
			t.Errorf("the check %q has no case or no source", name)
		}
	}
}

func TestImportExceptions(t *testing.T) {
	var k Kibana
	if errs := k.ImportExceptions([]byte(goodItem + "\n")); len(errs) != 1 || !strings.Contains(errs[0], "not found") {
		t.Errorf("an item without its list: %q", errs)
	}
	if errs := k.ImportExceptions([]byte(goodList + "\n" + goodItem + "\n")); len(errs) != 0 {
		t.Errorf("%q", errs)
	}
	if errs := k.ImportExceptions([]byte(goodList + "\n" + goodItem + "\n")); len(errs) != 2 {
		t.Errorf("a second import: %q", errs)
	}
	with := func(list string) string {
		return strings.TrimSuffix(good, "}") + `,"exceptions_list":[{"id":"x","list_id":"` + list + `","namespace_type":"single","type":"detection"}]}`
	}
	if a, err := k.Import("r.ndjson", []byte(with("l")+"\n"), false); err != nil || a.SuccessCount != 1 {
		t.Errorf("%+v, %v", a, err)
	}
	if a, err := k.Import("r.ndjson", []byte(with("other")+"\n"), true); err != nil || a.SuccessCount != 0 || !strings.Contains(a.Errors[0].Error.Message, "non existent") {
		t.Errorf("a list that is not there: %+v, %v", a, err)
	}
}
