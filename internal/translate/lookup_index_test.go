package translate

import (
	"encoding/json"
	"testing"
)

// TestLookupIndexNames checks that what differs between two uses of a table is in the name of the index, since rules are
// compiled apart, and that uses that can share an index have one body.
func TestLookupIndexNames(t *testing.T) {
	table := Lookup{Name: "Vips", Columns: []string{"user", "dept", "owner"}, CaseSensitive: true, TotalRows: 70}
	for range table.TotalRows {
		n := len(table.Rows)
		table.Rows = append(table.Rows, map[string]string{"user": "u" + itoa(n), "dept": "d" + itoa(n), "owner": "o" + itoa(n)})
	}
	folded := table
	folded.Name, folded.CaseSensitive = "folded", false
	c, err := New(Options{Lookups: []Lookup{table, folded}})
	if err != nil {
		t.Fatal(err)
	}
	const source = "| from datamodel:Authentication.Authentication | stats count by user dest | "
	bodies := map[string]string{}
	for _, q := range []struct{ lookup, want string }{
		{"lookup Vips user OUTPUT owner", "lookup_vips"},
		{"lookup Vips user OUTPUT dept owner AS who", "lookup_vips"},
		{"lookup Vips user OUTPUTNEW dept", "lookup_vips"},
		{"lookup Vips user AS dest OUTPUT owner", "lookup_vips_by_host_name"},
		{"lookup Vips dept AS user OUTPUT owner", "lookup_vips_dept_by_user_name"},
		{"lookup Vips user dept AS dest OUTPUT owner", "lookup_vips_by_user_dept"},
		{"eval dept=1 | lookup Vips user OUTPUT owner", "lookup_vips_without_dept"},
		{"eval owner=dest | lookup Vips user OUTPUT owner", "lookup_vips_lookup_owner"},
		{"lookup folded user OUTPUT owner", "lookup_folded"},
		{"lookup folded user AS dest OUTPUT owner", "lookup_folded_by_host_name_lower"},
		{"lookup unknown user OUTPUT owner", "lookup_unknown"},
		{"lookup unknown user AS dest OUTPUT owner", "lookup_unknown_user_by_host_name"},
	} {
		out := c.Translate(Request{Query: source + q.lookup})
		if len(out.Lookups) != 1 {
			t.Errorf("%s: %d lookup indices\n%s", q.lookup, len(out.Lookups), out.Query)
			continue
		}
		k := out.Lookups[0]
		if k.Name != q.want {
			t.Errorf("%s: index %s, want %s", q.lookup, k.Name, q.want)
		}
		content, err := json.Marshal([]any{k.Body, k.Rows})
		if err != nil {
			t.Fatal(err)
		}
		if old, ok := bodies[k.Name]; ok && old != string(content) {
			t.Errorf("%s: two contents of %s:\n%.200s\n%.200s", q.lookup, k.Name, old, content)
		}
		bodies[k.Name] = string(content)
	}
}
