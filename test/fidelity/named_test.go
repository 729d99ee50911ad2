package fidelity

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/schema/pipeline"
	"github.com/rulebridge/rulebridge/internal/translate"
	"github.com/rulebridge/rulebridge/test/elasticsearch"
)

// TestNamedSourceRows: a rule that names a source finds its events, as the pipeline leaves them, and shows what Splunk shows.
func TestNamedSourceRows(t *testing.T) {
	catalogue := loadCatalogue(t)
	node, ctx := elasticsearch.Start(t), context.Background()
	events := map[string][]pipeline.Event{
		"sysmon_linux/log": {
			{"EventID": {"1"}, "Image": {"/usr/bin/gem"}, "CommandLine": {"gem open -e x"}, "ParentImage": {"/bin/bash"}, "ParentCommandLine": {"bash"}, "User": {"root"}, "ProcessId": {"7"}},
			{"EventID": {"1"}, "Image": {"/usr/bin/gemini"}, "CommandLine": {"gemini"}, "ParentImage": {"/bin/bash"}, "User": {"root"}, "ProcessId": {"8"}},
			{"EventID": {"11"}, "Image": {"/bin/sh"}, "TargetFilename": {"/etc/cron.d/evil.sh"}, "ProcessId": {"9"}},
		},
		"crowdstrike/fdr": {
			{"event_simpleName": {"ProcessRollup2"}, "event_platform": {"Win"}, "ImageFileName": {`\Device\HarddiskVolume1\Windows\System32\certutil.exe`}, "CommandLine": {"certutil -urlcache x"}, "ParentBaseFileName": {"winword.exe"}, "UserName": {"zq"}, "TargetProcessId": {"77"}},
			{"event_simpleName": {"EndOfProcess"}, "event_platform": {"Win"}, "ImageFileName": {`\Device\HarddiskVolume1\Windows\System32\certutil.exe`}, "TargetProcessId": {"77"}},
		},
	}
	for name, list := range events {
		index := strings.ReplaceAll(name, "/", ".")
		streams := catalogue.Match("logs-" + index + "-*")
		if len(streams) != 1 {
			t.Fatalf("%s: %d streams", name, len(streams))
		}
		if _, err := node.EnsureIndex(ctx, streams[0].Index(), catalogue.Mapping(streams[0])); err != nil {
			t.Fatal(err)
		}
		for i, raw := range list {
			doc := document(pipeline.Streams()[name], raw, time.Now())
			if err := putDoc(ctx, node, streams[0].Index(), fmt.Sprint(i), doc); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := catalogue.Ensure(ctx, node.Client, "logs-windows.sysmon_operational-*"); err != nil {
		t.Fatal(err)
	}
	if err := node.Do(ctx, "POST", "/logs-*/_refresh", nil, nil); err != nil {
		t.Fatal(err)
	}
	compiler, err := translate.New(translate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		source, spl string
		want        []string // the first value of each row
	}{
		{"Sysmon for Linux EventID 1", `| tstats count from datamodel=Endpoint.Processes where Processes.process_name=gem by Processes.process_name`, []string{"gem"}},
		{"Sysmon for Linux EventID 1", `| tstats count from datamodel=Endpoint.Processes where Processes.parent_process_name=bash by Processes.process_name`, []string{"gem", "gemini"}},
		{"Sysmon for Linux EventID 1", `| tstats count from datamodel=Endpoint.Processes where NOT Processes.process_name=gem Processes.process_name=gem* by Processes.process_name`, []string{"gemini"}},
		{"Sysmon for Linux EventID 11", `| tstats count from datamodel=Endpoint.Filesystem where Filesystem.file_name="*.sh" by Filesystem.file_name`, []string{"evil.sh"}},
		{"CrowdStrike ProcessRollup2", `| tstats count from datamodel=Endpoint.Processes where Processes.process_name=certutil.exe Processes.parent_process_name=winword.exe by Processes.user`, []string{"zq"}},
	} {
		out := compiler.Translate(translate.Request{Query: c.spl, DataSources: []string{c.source}})
		if out.ESQL == nil {
			t.Errorf("%s: no draft", c.spl)
			continue
		}
		result, err := node.ESQL(ctx, esql.Print(out.ESQL), elasticsearch.ESQLOptions{})
		if err != nil {
			t.Errorf("%s: %v\n%s", c.spl, err, out.Query)
			continue
		}
		var got []string
		for _, row := range result.Values {
			got = append(got, fmt.Sprint(row[1]))
		}
		slices.Sort(got)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s gives %v, want %v\n%s", c.spl, result.Values, c.want, out.Query)
		}
	}
}

// namedScenes are ordinary events of the streams that data models read for the rules that name them, by what stands for the
// data set of a search.
var namedScenes = map[string]map[string]string{
	"sysmon_linux/log": {"host": "lxzq", "ProcessId": "4242", "ProcessGuid": "{a-1}", "Image": "/usr/bin/zq", "CommandLine": "zq", "CurrentDirectory": "/tmp", "ParentImage": "/usr/bin/zq9",
		"ParentCommandLine": "zq9", "ParentProcessId": "4241", "ParentProcessGuid": "{a-2}", "User": "root"},
	"crowdstrike/fdr": {"event_simpleName": "ProcessRollup2", "event_platform": "Win", "ComputerName": "WSZQ", "ImageFileName": `\Device\zq7\zq7.exe`, "CommandLine": "zq7", "ParentBaseFileName": "zq9.exe",
		"RawProcessId": "4242", "TargetProcessId": "77", "ParentProcessId": "76", "UserName": "zqa", "aid": "zq"},
}

// TestNamedSourcesFire tries the full rules that read a stream because they name it on an event of that stream: they alert on
// one with the values that they ask for, and not on one that misses by a condition.
func TestNamedSourcesFire(t *testing.T) {
	catalogue := loadCatalogue(t)
	node, ctx := elasticsearch.Start(t), context.Background()
	macros := macroTable(goldenMacros(t))
	start := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	made := map[string]string{}
	rules := corpus(t)
	for _, stream := range slices.Sorted(maps.Keys(namedScenes)) {
		index := "logs-" + strings.ReplaceAll(stream, "/", ".") + "-*"
		read, tried, fired, quiet, quietTried := 0, 0, 0, 0, 0
		untried := tally{}
		for i, r := range rules {
			if r.out.Result != translate.Full || !slices.Contains(r.out.Index, index) {
				continue
			}
			read++
			if !all() && i%12 != 0 {
				continue
			}
			usual := maps.Clone(namedScenes[stream])
			if stream == "sysmon_linux/log" {
				usual["EventID"] = "1"
				if slices.Contains(r.out.Index, "logs-endpoint.events.file-*") {
					usual["EventID"], usual["TargetFilename"] = "11", "/tmp/zq8"
					if strings.Contains(r.request.Query, "action=deleted") {
						usual["EventID"] = "23"
					}
				}
			}
			tr := &trial{rule: r, at: start.Add(time.Duration(i) * 2 * time.Hour), of: &scene{stream, usual}}
			if why := tr.prepare(ctx, macros); why != "" {
				untried.add(why)
				continue
			}
			tr.index(ctx, t, node, catalogue, fmt.Sprintf("named-%d", i), made)
			rows, err := tr.alerts(ctx, node, tr.at)
			if err == nil && rows == 0 && slices.ContainsFunc(slices.Collect(maps.Keys(tr.hit[0])), func(name string) bool { return usual[name] == "" && !tr.stream.Knows(name) }) {
				untried.add("the event has a field that no event of the stream has")
				continue
			}
			tried++
			if err != nil || rows == 0 {
				t.Logf("NOT FIRED %s on %s: %v\n  spl: %s\n  raw: %v\n%s", r.request.Title, stream, err, r.request.Query, tr.hit[0], r.out.Query)
			} else {
				fired++
			}
			if tr.miss == nil {
				continue
			}
			quietTried++
			if rows, err := tr.alerts(ctx, node, tr.at.Add(time.Hour)); err == nil && rows == 0 {
				quiet++
			} else {
				t.Logf("FIRED WRONGLY %s on %s without %s: %d rows, %v\n%s", r.request.Title, stream, tr.changed, rows, err, r.out.Query)
			}
		}
		t.Logf("FIGURE full rules that read %s because they name it: %d; tried: %d; alerted: %d; of %d events that miss by a condition, not alerted on: %d", stream, read, tried, fired, quietTried, quiet)
		for _, line := range untried.lines(10) {
			t.Logf("FIGURE   not tried on %s: %s", stream, line)
		}
		if tried == 0 || fired*100 < tried*95 || quiet*100 < quietTried*97 {
			t.Errorf("%s: %d of %d rules fired, %d of %d stayed quiet", stream, fired, tried, quiet, quietTried)
		}
	}
}
