package cli

import (
	"strings"
	"testing"

	"github.com/rulebridge/rulebridge/internal/schema"
)

// TestSchemaShowsExceptions prints what is known of a field: values that documents have elsewhere, other spellings, values
// that stand for a missing field.
func TestSchemaShowsExceptions(t *testing.T) {
	for _, c := range []struct{ field, source, want string }{
		{"dest_port", "Network_Traffic.All_Traffic", "except      values like ^(?:[1-9]|1\\d)$, comparing with which is an approximation: Zeek"},
		{"http_user_agent", "Web.Web", `also as     " " for "+", so both are looked for`},
		{"OriginalFileName", "sysmon", "missing     stands for - in Splunk"},
		{"ObjectDN", "wineventlog_security", "field       winlog.event_data.ObjectDN (keyword)"},
		{"basic_constraints.ca", "zeek_x509", "field       none"},
	} {
		src, ok := schema.Default().Named(c.source)
		if !ok {
			t.Fatalf("no source %s", c.source)
		}
		var b strings.Builder
		for _, o := range src.Origins(c.field) {
			if err := printOrigin(&b, o); err != nil {
				t.Fatal(err)
			}
		}
		if !strings.Contains(b.String(), c.want) {
			t.Errorf("%s of %s: no %q in\n%s", c.field, c.source, c.want, b.String())
		}
	}
}
