package migration

import (
	"encoding/json"
	"slices"
	"testing"
)

func TestWords(t *testing.T) {
	for in, want := range map[string][]string{
		`["Sysmon EventID 1", "Suricata"]`: {"Sysmon EventID 1", "Suricata"},
		`"Sysmon EventID 1"`:               {"Sysmon EventID 1"},
		`["a", 1, null, ""]`:               {"a"},
		`null`:                             nil,
		`{"name": "x"}`:                    nil,
	} {
		var r OriginalRule
		if err := json.Unmarshal([]byte(`{"data_source": `+in+`}`), &r); err != nil || !slices.Equal(r.DataSource, want) {
			t.Errorf("%s: have %q, %v; want %q", in, r.DataSource, err, want)
		}
	}
}
