package report_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/report"
)

// TestKnown: what is stored and not used is named in every form of the report, as text.
func TestKnown(t *testing.T) {
	known := report.KnownOf([]migration.Resource{
		{Type: migration.ResourceMacro, Name: "used"}, {Type: migration.ResourceEventtype, Name: "login"},
		{Type: migration.ResourceEventtype, Name: "</script><b>odd"}, {Type: migration.ResourceProps, Name: "syslog"},
	})
	if len(known) != 2 || known[0].Count != 2 || known[1].Names[0] != "syslog" {
		t.Fatalf("%+v", known)
	}
	none := func(func(migration.Rule) error) error { return nil }
	for format, wants := range map[string][]string{
		report.FormatHTML: {"Known, not used yet", "<code>login</code>", "&lt;/script&gt;"}, report.FormatMarkdown: {"## Known, not used yet", "`login`"},
		report.FormatJSON: {`"type": "props"`},
	} {
		var b bytes.Buffer
		if err := report.Write(&b, format, migration.Migration{ID: "m"}, time.Now(), known, none); err != nil {
			t.Fatal(err)
		}
		for _, want := range wants {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%s lacks %q", format, want)
			}
		}
		if strings.Contains(b.String(), "<b>odd") && format == report.FormatHTML {
			t.Error("a name is read as HTML")
		}
	}
}
