package translate

import (
	"slices"
	"strings"
	"testing"
)

// TestDroppedGroups counts by a field that some events have with a placeholder, which the pipeline drops: the group of those
// events is missing, unless the codes say that every event has the field.
func TestDroppedGroups(t *testing.T) {
	c, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		spl  string
		says bool
		has  string
	}{
		{`source="XmlWinEventLog:Security" | stats count by DisplayName`, true, "BY winlog.event_data.DisplayName"},
		{`source="XmlWinEventLog:Security" EventCode=4742 | stats count by DisplayName`, false, "WHERE event.code == \"4742\"\n| STATS"},
		{`source="XmlWinEventLog:Security" DisplayName="A*" | stats count by DisplayName`, false, "BY winlog.event_data.DisplayName"},
		{`source="XmlWinEventLog:Security" EventCode=4720 | stats count by SubjectUserName`, false, "BY winlog.event_data.SubjectUserName"},
	} {
		out := c.Translate(Request{ID: "x", Query: x.spl})
		says := slices.ContainsFunc(out.Diagnostics, func(d Diagnostic) bool { return strings.Contains(d.Message, "in no group here") })
		if says != x.says || !strings.Contains(out.Query, x.has) {
			t.Errorf("%s: says %t, want %t and %s\n%s", x.spl, says, x.says, x.has, out.Query)
		}
	}
}
