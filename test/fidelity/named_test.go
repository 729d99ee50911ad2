package fidelity

import (
	"context"
	"fmt"
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
