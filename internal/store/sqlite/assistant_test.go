package sqlite

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/assistant"
	"github.com/rulebridge/rulebridge/internal/assistant/alertfile"
	"github.com/rulebridge/rulebridge/internal/store"
	"github.com/rulebridge/rulebridge/internal/store/storetest"
	"github.com/rulebridge/rulebridge/samples"
)

func openAssistant(t testing.TB, path string) *Assistant {
	t.Helper()
	a, err := OpenAssistant(context.Background(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

type filled struct{ *Assistant }

func (f filled) Fill(t *testing.T, alerts []assistant.Alert) {
	t.Helper()
	if _, _, err := f.ImportAlerts(t.Context(), alerts); err != nil {
		t.Fatal(err)
	}
}

func (filled) Index() string { return store.DefaultAlertIndex }

func TestAssistantSuite(t *testing.T) {
	for _, where := range []string{"file", "memory"} {
		t.Run(where, func(t *testing.T) {
			path := func(t *testing.T) string {
				if where == "memory" {
					return Memory
				}
				return filepath.Join(t.TempDir(), "assistant.db")
			}
			storetest.RunAlerts(t, func(t *testing.T) storetest.Alerts { return filled{openAssistant(t, path(t))} })
			storetest.RunAssistant(t, func(t *testing.T) storetest.AssistantStore { return openAssistant(t, path(t)) })
		})
	}
}

// manyAlerts are n alerts like the samples, all of the hour before now.
func manyAlerts(t testing.TB, n int, now time.Time) []assistant.Alert {
	t.Helper()
	text, err := samples.Alerts(now)
	if err != nil {
		t.Fatal(err)
	}
	var list []assistant.Alert
	for alert, err := range alertfile.Read("samples", bytes.NewReader(text)) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, alert)
	}
	all := make([]assistant.Alert, n)
	for i := range all {
		all[i] = assistant.Alert{ID: fmt.Sprintf("%s-%d", list[i%len(list)].ID, i), Source: maps.Clone(list[i%len(list)].Source)}
		all[i].Source["@timestamp"] = now.Add(-time.Duration(i*7919%3600) * time.Second).UTC().Format(time.RFC3339)
		all[i].Source["process.entity_id"] = fmt.Sprintf("entity-%d", i)
		all[i].Source["host.hostname"] = fmt.Sprintf("machine-%d", i%2000)
	}
	return all
}

// BenchmarkAlerts reads a window of 10,000 alerts, as the tools do.
func BenchmarkAlerts(b *testing.B) {
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	a := openAssistant(b, filepath.Join(b.TempDir(), "assistant.db"))
	begin := time.Now()
	if _, _, err := a.ImportAlerts(b.Context(), manyAlerts(b, 10_000, now)); err != nil {
		b.Fatal(err)
	}
	b.Logf("10,000 alerts imported in %.1f s", time.Since(begin).Seconds())
	s := assistant.Scope{Index: []string{".alerts-security.alerts-*"}, From: now.Add(-24 * time.Hour), To: now}
	fields := []string{"host.name", "host.hostname", "user.name", "user.domain", "user.email", "host.ip", "source.ip", "destination.ip",
		"destination.domain", "process.entity_id", "dns.question.name", "file.path", "process.working_directory"}
	for _, call := range []struct {
		name string
		run  func() error
	}{
		{"counts", func() error { _, err := a.Counts(b.Context(), s); return err }},
		{"open-100", func() error { _, err := a.Open(b.Context(), s, 100); return err }},
		{"search-100", func() error {
			_, err := a.Search(b.Context(), s, assistant.Filter{Host: []string{"hbr-ws-014"}, Rule: "powershell", OS: "windows"}, 100)
			return err
		}},
		{"values", func() error { _, err := a.Values(b.Context(), s, fields, 5000); return err }},
	} {
		b.Run(call.name, func(b *testing.B) {
			for b.Loop() {
				if err := call.run(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
