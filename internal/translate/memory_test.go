package translate

import (
	"encoding/json"
	"reflect"
	"runtime/debug"
	"testing"

	"github.com/rulebridge/rulebridge/internal/esql"
)

// TestOutputKeepsItsOwnMemory checks that an output stays as it was when others are compiled in the memory that its
// compilation gave back.
func TestOutputKeepsItsOwnMemory(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // so that the memory is not collected but used again
	shared, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	var queries []string
	for _, archive := range goldens(t) {
		for _, s := range archive.Files {
			if s.Name == "spl" {
				queries = append(queries, string(s.Data))
			}
		}
	}
	outs := make([]Output, len(queries))
	for i, q := range queries {
		outs[i] = shared.Translate(Request{Query: q})
	}
	for i, q := range queries {
		fresh, err := New(Options{})
		if err != nil {
			t.Fatal(err)
		}
		want := fresh.Translate(Request{Query: q})
		if !reflect.DeepEqual(outs[i].ESQL, want.ESQL) {
			t.Errorf("the tree of %q is another one", q)
		}
		if outs[i].ESQL != nil && esql.Print(outs[i].ESQL) != want.Query {
			t.Errorf("the tree of %q is not that of its text", q)
		}
		outs[i].ESQL, want.ESQL = nil, nil
		got, err := json.Marshal(outs[i])
		if err != nil {
			t.Fatal(err)
		}
		expected, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(expected) {
			t.Errorf("%q\n got %s\nwant %s", q, got, expected)
		}
	}
}
