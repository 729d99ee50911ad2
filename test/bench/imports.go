package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// imports measures reading an app folder into a data folder: one stanza, which is what the process costs by itself, then
// 10,000 and 50,000.
func imports(ctx context.Context, r *run) error {
	for _, n := range []int{1, r.rules(10_000), r.rules(50_000)} {
		dir, err := os.MkdirTemp("", "bench-import-")
		if err != nil {
			return err
		}
		if err := importStanzas(ctx, r, dir, n); err != nil {
			_ = os.RemoveAll(dir)
			return err
		}
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	return nil
}

func importStanzas(ctx context.Context, r *run, dir string, n int) error {
	conf := filepath.Join(dir, "app", "default", "savedsearches.conf")
	if err := os.MkdirAll(filepath.Dir(conf), 0o755); err != nil {
		return err
	}
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `[Rule %d]
action.correlationsearch.enabled = 1
action.correlationsearch.annotations = {"mitre_attack": ["T1059.001"]}
cron_schedule = */%d * * * *
description = What the search number %d finds, in as many words as such descriptions have
dispatch.earliest_time = -70m@m
dispatch.latest_time = -10m@m
search = index=sysmon EventCode=1 CommandLine="*payload%d*" Image="*\\tool%d.exe" \
| stats count min(_time) as firstTime max(_time) as lastTime by dest user Image CommandLine \
| where count > %d
`, i, i%30+1, i, i, i%97, i%9)
	}
	if err := os.WriteFile(conf, []byte(b.String()), 0o644); err != nil {
		return err
	}
	c := exec.CommandContext(ctx, r.bin, "import", filepath.Join(dir, "app"), "--data-dir", filepath.Join(dir, "data")) //nolint:gosec // the program under test
	began := time.Now()
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("import %d stanzas: %w: %s", n, err, out)
	}
	took := time.Since(began)
	name := fmt.Sprintf("%d stanzas", n)
	r.add("import", name, took.Seconds(), "s", fmt.Sprintf("%.1f MB", float64(b.Len())/1e6))
	if usage, ok := c.ProcessState.SysUsage().(*syscall.Rusage); ok {
		r.add("import", name+", peak memory", float64(usage.Maxrss)/1024, "MiB", "")
	}
	return nil
}
