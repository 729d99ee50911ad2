package translate

import (
	"slices"
	"strings"
	"testing"
)

// TestStreamsWithOtherEvents reads a stream that has events of other kinds only where a condition tells those of the data set.
func TestStreamsWithOtherEvents(t *testing.T) {
	for _, c := range []struct {
		spl            string
		suricata, panw bool
	}{
		{`| tstats count from datamodel=Web where Web.url="*/login*" by Web.src`, true, true},
		{`| tstats count from datamodel=Web where Web.url="*/login*" Web.status=200 by Web.src`, true, false}, // a firewall logs no status
		{`| tstats count from datamodel=Web where Web.http_method=POST OR Web.http_user_agent=*curl* by Web.src`, true, true},
		{`| tstats count from datamodel=Web where Web.url="*/login*" OR Web.src="192.0.2.1" by Web.src`, false, false},
		{`| tstats count from datamodel=Web by Web.src`, false, false},
	} {
		out := compileWith(t, c.spl, goldenOptions{})
		for stream, want := range map[string]bool{"suricata/eve": c.suricata, "panw/panos": c.panw} {
			index := "logs-" + strings.ReplaceAll(stream, "/", ".") + "-*"
			if got := strings.Contains(out.Query, index); got != want {
				t.Errorf("%s: %s is read: %v, want %v\n%s", c.spl, index, got, want, out.Query)
			}
			told := slices.ContainsFunc(out.Diagnostics, func(d Diagnostic) bool { return d.Code == "stream_left" && d.Subject == stream })
			if told == want {
				t.Errorf("%s: a diagnostic names %s as left out: %v", c.spl, stream, told)
			}
		}
	}
}
