package schema

import "testing"

// TestFieldsWithSeveralValues names fields that documents fill with lists and whose field lists do not say so.
func TestFieldsWithSeveralValues(t *testing.T) {
	for _, c := range []struct {
		source, field string
		want          Array
	}{
		{"cloudtrail", "resources{}.ARN", MaybeArray},
		{"o365_management_activity", "Actor{}.ID", MaybeArray},
		{"zeek_dns", "answers{}", MaybeArray},
		{"zeek_dns", "answer", MaybeArray},
		{"zeek_dns", "query", Single},
		{"wineventlog_security", "PrivilegeList", MaybeArray},
		{"wineventlog_security", "TargetUserName", Single},
		{"sysmon", "Details", AlwaysArray},
	} {
		src := sourceNamed(t, c.source)
		if f := src.Field(c.field, Hint{}); f.Array != c.want {
			t.Errorf("%s %s: %s has array %d, want %d", c.source, c.field, f.Name, f.Array, c.want)
		}
	}
	for name, want := range map[string]bool{
		"dns.answers.data": true, "zeek.dns.answers": true, "tags": true, "x.y.categories": true, "user.name": false,
		"event.action": false, "rule.category": false,
	} {
		if holdsSeveral(name) != want {
			t.Errorf("%s: want %t", name, want)
		}
	}
}

// sourceNamed is a source of the built-in schema by its name in the tables.
func sourceNamed(t *testing.T, name string) *Source {
	t.Helper()
	src := Default().byName[name]
	if src == nil {
		t.Fatalf("no source %s", name)
	}
	return src
}
