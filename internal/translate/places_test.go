package translate

import (
	"strings"
	"testing"

	"github.com/rulebridge/rulebridge/internal/esql"
)

// TestPlaces: a field that is read from several places keeps its value behind every command. What a command leaves behind
// STATS is a column of its own, and no draft names a place that is gone.
func TestPlaces(t *testing.T) {
	c, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	sources := []struct{ search, field, places string }{
		{"`o365_management_activity` Operation=FileDownloaded", "ObjectId", "o365.audit.ObjectId, url.original"},
		{"`linux_auditd` type IN (SERVICE_START, SERVICE_STOP)", "type", "auditd.log.record_type, event.action"},
		{"`azure_monitor_aad` category=SignInLogs", "user", "azure.signinlogs.properties.user_principal_name, azure.signinlogs.properties.service_principal_name"},
		{"`sysmon` EventCode=7", "Hashes", "file.hash.sha256, file.hash.sha1, file.hash.md5"},
	}
	pipelines := []string{
		"dedup X | table _time X host", "dedup host | table _time X host", "dedup host X | search X=a* | table X host", "dedup 2 host | table _time X",
		"dedup host sortby -_time | table X host", "dedup X sortby -_time | table X host", "eventstats count as n by host | table X host n", "eventstats count as n by X | where n>2 | table X n",
		"eventstats dc(X) as n by host | where n>2 | table host X", "eventstats values(X) as v | table X v",
		"stats count by X | dedup X | where X=\"a\"", "stats count by X host | eventstats sum(count) as all by X | where all>3", "stats values(X) as v by host | where v=\"a\"",
		"stats latest(X) as l earliest(X) as e by host | where l!=e", "stats first(X) as f list(X) as k mode(X) as m by host | search f=a*", "stats count(eval(X=\"a\")) as n by host | where n>1",
		"top limit=3 X", "rare X by host", "top 2 X by host | search X=a*", "chart count by X", "timechart span=1h count by X", "timechart span=1h dc(X) as d | where d>2",
		"transaction host maxspan=5m | where mvcount(X)>1 | table host X", "transaction X maxspan=5m | table X eventcount",
		"fillnull value=none X | stats count by X", "eval y=X | stats count by y", "rename X as y | stats count by y | search y=a*", "rename X as y | dedup y | table y",
		"eval X=lower(X) | stats count by X", "rex field=X \"(?<p>[a-z]+)\" | stats count by p", "replace a with b in X | stats count by X", "where X=\"a\" OR isnull(X) | table X",
		"streamstats count by X | where count>2", "stats count by X | streamstats sum(count) as s by X | where s>3", "mvexpand X | table X", "makemv delim=\",\" X | mvexpand X | stats count by X",
		"bin _time span=5m | stats dc(X) as d by _time host | where d>2", "sort - X | head 3 | table X", "head 5 | stats count by X", "table X host | dedup X | search X=a*", "fields X host _time | dedup host | where X!=\"a\"",
		"join host [search " + "SEARCH" + " | stats count as c by host] | table X host c", "join X [search " + "SEARCH" + " | stats count as c by X] | table X c",
		"append [search " + "SEARCH" + " | stats count by X] | stats sum(count) as n by X", "stats count by X | append [search " + "SEARCH" + " | stats count by X] | stats sum(count) as n by X",
		"iplocation X | table X Country", "convert auto(X) | table X", "addtotals X | table X Total", "eval n=len(X) | stats max(n) as m by X | where m>5", "stats count by X | sort - count | head 2 | table X count",
	}
	for _, s := range sources {
		for _, p := range pipelines {
			query := s.search + " | " + strings.ReplaceAll(strings.ReplaceAll(p, "SEARCH", strings.TrimSuffix(s.search, "|")), "X", s.field)
			out := c.Translate(Request{ID: "r", Query: query})
			if out.Query == "" {
				continue
			}
			q, err := esql.Parse(out.Query)
			if err != nil {
				t.Errorf("%s\n%v\n%s", query, err, out.Query)
				continue
			}
			for _, problem := range esql.Check(q, esql.Env{}) {
				if problem.Code == esql.CodeUnknownColumn || problem.Code == esql.CodeName || problem.Code == esql.CodeLostColumn {
					t.Errorf("%s: %s\n%s\n%s", out.Result, problem, query, out.Query)
				}
			}
		}
	}
}
