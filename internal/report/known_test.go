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
	needs := migration.Rule{ID: "r", Status: migration.StatusFinished, Result: migration.Partial, Missing: []migration.Missing{
		{Kind: "eventtype", Name: "login"}, {Kind: "eventtype", Name: "logout"}, {Kind: "macro", Name: "syslog"},
	}}
	rules := func(yield func(migration.Rule) error) error { return yield(needs) }
	for format, wants := range map[string][]string{
		report.FormatHTML: {"Known, not used yet", "<code>login</code> <small>1 rule; came with the rules; not read yet<", "<code>logout</code> <small>1 rule<", "&lt;/script&gt;"}, report.FormatMarkdown: {"## Known, not used yet", "| eventtype | `login` | 1 | came with the rules; not read yet |", "| macro | `syslog` | 1 |  |"},
		report.FormatJSON: {`"type": "props"`, `"known": true`},
	} {
		var b bytes.Buffer
		if err := report.Write(&b, format, migration.Migration{ID: "m"}, time.Now(), report.More{Known: known}, rules); err != nil {
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
