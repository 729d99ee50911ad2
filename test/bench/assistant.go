package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/rulebridge/rulebridge/internal/assistant"
	"github.com/rulebridge/rulebridge/internal/assistant/mask"
	"github.com/rulebridge/rulebridge/internal/store/sqlite"
)

// alertsInWindow is how many alerts the last 24 hours hold, alertsShown how many a tool gives.
const (
	alertsInWindow = 10_000
	alertsShown    = 100
	benchIndex     = ".alerts-security.alerts-default"
)

// questions measures the assistant without a model: what the tools take over 10,000 alerts in a file, how fast texts are
// masked, and whether the turns of a long conversation stay as fast as its first.
func questions(ctx context.Context, r *run) (err error) {
	dir, err := os.MkdirTemp("", "rulebridge-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	db, err := sqlite.OpenAssistant(ctx, filepath.Join(dir, "assistant.db"), sqlite.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	now := time.Now().UTC()
	if _, _, err := db.ImportAlerts(ctx, benchAlerts(now, r.rules(alertsInWindow))); err != nil {
		return err
	}
	if err := toolTimes(ctx, r, db, now); err != nil {
		return err
	}
	if err := maskSpeed(r); err != nil {
		return err
	}
	return longConversation(ctx, r, db, now)
}

// benchAlerts are alerts of 500 hosts and 300 users, spread over a day.
func benchAlerts(now time.Time, n int) []assistant.Alert {
	alerts := make([]assistant.Alert, n)
	for i := range alerts {
		host, user := fmt.Sprintf("SRV-%03d", i%500), fmt.Sprintf("user%03d.name", i*7%300)
		alerts[i] = assistant.Alert{ID: fmt.Sprintf("alert-%06d", i), Index: benchIndex, Source: map[string]any{
			"@timestamp":            now.Add(-time.Duration(i) * 23 * time.Hour / time.Duration(n)).Format(time.RFC3339),
			"kibana.alert.severity": assistant.Severities[i%4], "kibana.alert.workflow_status": []string{"open", "open", "acknowledged", "closed"}[i/4%4],
			"kibana.alert.risk_score": json.Number(fmt.Sprint(i * 13 % 100)), "kibana.alert.rule.name": fmt.Sprintf("Rule %d", i%60),
			"host.name": host, "user.name": user, "source.ip": fmt.Sprintf("10.%d.%d.%d", i%200, i%250, i%31),
			"kibana.alert.reason":  fmt.Sprintf("event on %s.corp.example by CORP\\%s created alert Rule %d", strings.ToLower(host), user, i%60),
			"process.command_line": fmt.Sprintf(`C:\Windows\System32\cmd.exe /c whoami & net use \\%s\share`, host),
		}}
	}
	return alerts
}

// toolTimes measures each read, and whole questions of the deterministic connector.
func toolTimes(ctx context.Context, r *run, db *sqlite.Assistant, now time.Time) error {
	const times = 200
	scope := assistant.Scope{Index: []string{benchIndex}, From: now.Add(-24 * time.Hour), To: now}
	core := assistant.New(assistant.Deps{Alerts: db, Questions: db, FieldSettings: db, Now: func() time.Time { return now }})
	var all []float64
	for _, m := range []struct {
		name string
		tool bool
		do   func(i int) error
	}{
		{"alert-counts", true, func(int) error { _, err := db.Counts(ctx, scope); return err }},
		{"open-alerts", true, func(int) error { _, err := db.Open(ctx, scope, alertsShown); return err }},
		{"alert-search", true, func(i int) error {
			_, err := db.Search(ctx, scope, assistant.Filter{Host: []string{fmt.Sprintf("srv-%03d", i%500)}}, alertsShown)
			return err
		}},
		{"values to mask", false, func(int) error {
			_, err := db.Values(ctx, assistant.Scope{Index: scope.Index, From: now.Add(-30 * 24 * time.Hour), To: now}, []string{"host.name", "user.name", "source.ip"}, 10_000)
			return err
		}},
		{"a whole question", false, func(i int) error {
			_, err := core.Run(ctx, assistant.Question{ID: fmt.Sprintf("bench-%s-%d", "tool", i), ConnectorID: "deterministic", Alerts: true, Size: alertsShown,
				Index: scope.Index, AsOf: now, Messages: []assistant.Message{{Role: "user", Content: "Which alerts should I look at first?"}}})
			return err
		}},
	} {
		var took []float64
		for i := range times {
			began := time.Now()
			if err := m.do(i); err != nil {
				return fmt.Errorf("%s: %w", m.name, err)
			}
			took = append(took, float64(time.Since(began).Microseconds())/1000)
		}
		if m.tool {
			all = append(all, took...)
		}
		r.add("assistant", m.name+" p50", quantile(took, 0.5), "ms", "")
		r.add("assistant", m.name+" p99", quantile(took, 0.99), "ms", "")
	}
	r.add("assistant", "tools p99", quantile(all, 0.99), "ms", fmt.Sprintf("%d alerts, size %d; under 100 ms is the aim", r.rules(alertsInWindow), alertsShown))
	return nil
}

// maskSpeed masks 64 MiB of alert texts with 4,000 values.
func maskSpeed(r *run) error {
	table, err := mask.NewTable(nil, nil)
	if err != nil {
		return err
	}
	var d mask.Dictionary
	for i := range 2000 {
		d.Add(fmt.Sprintf("SRV-%04d", i), mask.Host)
		d.Add(fmt.Sprintf("user%04d.name", i), mask.User)
	}
	m := d.New(table)
	var text strings.Builder
	for i := 0; text.Len() < mib; i++ {
		fmt.Fprintf(&text, "authentication event with process sshd on srv-%04d.corp.example by CORP\\user%04d.name (10.2.%d.%d): session opened, the command line was cmd /c echo finished > C:\\Windows\\Temp\\out.txt. ", i%2000, i*7%2000, i%250, i%31)
	}
	const times = 64
	var took []float64
	for range times {
		began := time.Now()
		if _, _, err := m.Text(text.String(), mask.Prose); err != nil {
			return err
		}
		took = append(took, time.Since(began).Seconds())
	}
	speed := func(seconds float64) float64 { return float64(text.Len()) / mib / seconds }
	r.add("assistant", "masking p50", speed(quantile(took, 0.5)), "MB/s", "one core, a value in each 50 bytes; 20 is the aim")
	r.add("assistant", "masking best", speed(quantile(took, 0)), "MB/s", "the pass that other programs disturbed least")
	return nil
}

// longConversation asks 200 questions in one conversation.
func longConversation(ctx context.Context, r *run, db *sqlite.Assistant, now time.Time) error {
	const turns, part = 200, 50
	c := assistant.Conversation{ID: "bench", Owner: "bench", CreatedAt: now, UpdatedAt: now}
	if err := db.CreateConversation(ctx, c); err != nil {
		return err
	}
	core := assistant.New(assistant.Deps{Alerts: db, Questions: db, FieldSettings: db, Conversations: db, Now: func() time.Time { return now }})
	var took []float64
	for i := range turns {
		began := time.Now()
		if _, err := core.Run(ctx, assistant.Question{ID: fmt.Sprintf("turn-%d", i), Owner: c.Owner, ConnectorID: "deterministic", ConversationID: c.ID, Alerts: true,
			Size: 10, Index: []string{benchIndex}, AsOf: now, Messages: []assistant.Message{{Role: "user", Content: fmt.Sprintf("Any alerts on SRV-%03d?", i)}}}); err != nil {
			return err
		}
		took = append(took, time.Since(began).Seconds()*1000)
	}
	first, last := quantile(took[:part], 0.5), quantile(took[turns-part:], 0.5)
	r.add("assistant", "turns 1 to 50 p50", first, "ms", "")
	r.add("assistant", "turns 151 to 200 p50", last, "ms", fmt.Sprintf("%.2f times the first; 1 is linear", last/first))
	return nil
}

// quantile is the value that a share of the values does not exceed.
func quantile(values []float64, share float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(len(sorted)-1, int(share*float64(len(sorted))))]
}
