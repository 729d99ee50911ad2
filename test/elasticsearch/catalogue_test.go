package elasticsearch

import (
	"context"
	"path/filepath"
	"testing"
	"time"
)

func TestCatalogue(t *testing.T) {
	c, err := LoadCatalogue(filepath.Join(DataDir(t), "ecs"))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(c.Streams()); n != 201 {
		t.Errorf("%d streams, want 201: 199 of the shared data and two of the project's own list", n)
	}
	columns := c.Columns("logs-windows.sysmon_operational-*")
	for name, want := range map[string]string{
		"@timestamp": "date", "process.name": "keyword", "process.name.text": "text", "source.ip": "ip",
		"event.code": "keyword", "process.pid": "long", "event.category": "keyword",
	} {
		if columns[name] != want {
			t.Errorf("%s is %q, want %q", name, columns[name], want)
		}
	}
	node, ctx := Start(t), context.Background()
	for _, s := range c.Match("logs-windows.sysmon_operational-*", "logs-endpoint.events.process-*", "logs-o365.audit-*", "logs-okta.system-*", "logs-auditd_manager.auditd-*") {
		start := time.Now()
		if _, err := c.Ensure(ctx, node.Client, s.Pattern); err != nil {
			t.Fatal(err)
		}
		result, err := node.ESQL(ctx, "FROM "+s.Pattern, ESQLOptions{})
		if err != nil {
			t.Fatalf("%s: %v", s.Pattern, err)
		}
		t.Logf("%s: %d columns, %d rows, %v", s.Pattern, len(result.Columns), len(result.Values), time.Since(start))
		want := c.Columns(s.Pattern)
		seen := map[string]bool{}
		for _, column := range result.Columns {
			seen[column.Name] = true
			if want[column.Name] != column.Type {
				t.Errorf("%s: %s is %s on the node, %q here", s.Pattern, column.Name, column.Type, want[column.Name])
			}
		}
		for name, typ := range want {
			if !seen[name] {
				t.Errorf("%s: %s (%s) is not on the node", s.Pattern, name, typ)
			}
		}
	}
}
