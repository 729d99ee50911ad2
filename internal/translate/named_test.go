package translate

import (
	"slices"
	"strings"
	"testing"
)

// TestNamedSources: a data model reads the streams that the rule says it is written for, and says what it leaves.
func TestNamedSources(t *testing.T) {
	c, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	const linux, falcon, suricata = "logs-sysmon_linux.log-*", "logs-crowdstrike.fdr-*", "logs-suricata.eve-*"
	for _, x := range []struct {
		name, spl   string
		sources     []string
		reads, not  []string
		code        string // of a note about a named source
		result      Result
		has, hasNot string
	}{
		{name: "none named", spl: `| tstats count from datamodel=Endpoint.Processes where Processes.process="*evil*" by Processes.dest`,
			not: []string{linux, falcon}, result: Full},
		{name: "CrowdStrike", spl: `| tstats count from datamodel=Endpoint.Processes where Processes.process="*evil*" by Processes.dest`,
			sources: []string{"Sysmon EventID 1", "CrowdStrike ProcessRollup2"}, reads: []string{falcon}, not: []string{linux}, result: Full, hasNot: "CASE"},
		{name: "a column that CrowdStrike lacks", spl: `| tstats count from datamodel=Endpoint.Processes where Processes.parent_process_path="*evil*" by Processes.dest`,
			sources: []string{"Sysmon EventID 1", "CrowdStrike ProcessRollup2"}, not: []string{falcon}, code: "named_source_left", result: Full},
		{name: "only what lacks the column", spl: `| tstats count from datamodel=Endpoint.Processes where Processes.parent_process_path="*evil*" by Processes.dest`,
			sources: []string{"CrowdStrike ProcessRollup2"}, not: []string{falcon}, code: "named_sources_unread", result: Partial},
		{name: "Sysmon for Linux", spl: `| tstats count from datamodel=Endpoint.Processes where Processes.process_name=gem by Processes.dest`,
			sources: []string{"Sysmon for Linux EventID 1"}, reads: []string{linux}, result: Full, has: `REPLACE(process.executable, "^.*/", "")`},
		{name: "an account of Linux", spl: `| tstats count from datamodel=Endpoint.Processes where Processes.user=root by Processes.dest`,
			sources: []string{"Sysmon for Linux EventID 1", "Sysmon EventID 1"}, not: []string{linux}, code: "named_source_left", result: Full},
		{name: "a file", spl: `| tstats count from datamodel=Endpoint.Filesystem where Filesystem.file_name="*.service" by Filesystem.dest`,
			sources: []string{"Sysmon for Linux EventID 11"}, reads: []string{linux}, result: Full, has: `REPLACE(file.path, "^.*/", "")`},
		{name: "a model of the network", spl: `| tstats count from datamodel=Network_Traffic where All_Traffic.dest_port=4444 by All_Traffic.src`,
			sources: []string{"Suricata"}, reads: []string{suricata}, result: Full},
		{name: "what no integration collects", spl: `| tstats count from datamodel=Web where Web.url="*evil*" by Web.src`,
			sources: []string{"CrushFTP"}, code: "named_sources_unread", result: Partial},
		{name: "from", spl: `| from datamodel:Endpoint.Processes | search process_name=gem`,
			sources: []string{"Sysmon for Linux EventID 1"}, reads: []string{linux}, has: `REPLACE(process.executable, "^.*/", "")`, result: Full},
		{name: "a search that names its source", spl: "`powershell` ScriptBlockText=evil", sources: []string{"CrowdStrike ProcessRollup2"}, not: []string{falcon}},
	} {
		t.Run(x.name, func(t *testing.T) {
			out := c.Translate(Request{Query: x.spl, DataSources: x.sources})
			for _, i := range x.reads {
				if !slices.Contains(out.Index, i) {
					t.Errorf("%s is not read", i)
				}
			}
			for _, i := range x.not {
				if slices.Contains(out.Index, i) {
					t.Errorf("%s is read", i)
				}
			}
			code := ""
			for _, d := range out.Diagnostics {
				if strings.HasPrefix(d.Code, "named_source") {
					code = d.Code
				}
			}
			if code != x.code {
				t.Errorf("the note is %q, want %q", code, x.code)
			}
			if x.result != "" && out.Result != x.result {
				t.Errorf("the result is %s: %+v", out.Result, out.Diagnostics)
			}
			if !strings.Contains(out.Query, x.has) || x.hasNot != "" && strings.Contains(out.Query, x.hasNot) {
				t.Error("the draft is", out.Query)
			}
			if t.Failed() {
				t.Log(out.Query)
			}
		})
	}
}
