package sqlite

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"
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
	for alert, err := range alertfile.Read("samples", bytes.NewReader(text), nil) {
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
			var times []time.Duration
			for b.Loop() {
				begin := time.Now()
				if err := call.run(); err != nil {
					b.Fatal(err)
				}
				times = append(times, time.Since(begin))
			}
			slices.Sort(times)
			b.ReportMetric(times[len(times)*99/100].Seconds()*1000, "ms-p99")
		})
	}
}

// TestSettingsSurviveUpgrades: what a person set is there after a step of the schema, and wins over the program's
// defaults; what nobody set takes the defaults of the new version.
func TestSettingsSurviveUpgrades(t *testing.T) {
	path := filepath.Join(t.TempDir(), "assistant.db")
	at := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	set := []assistant.FieldSetting{
		{Field: "host.name", Allowed: true, Anonymized: false, SetBy: "ann", SetAt: at}, // the default masks
		{Field: "event.action", Allowed: false, SetBy: "ann", SetAt: at},                // the default allows
		{Field: "house.own_field", Allowed: true, Anonymized: true, SetBy: "bob", SetAt: at},
	}
	old, err := OpenAssistant(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := old.SetFieldSettings(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	first, err := embedded.ReadFile("assistant/00001_init.sql")
	if err != nil {
		t.Fatal(err)
	}
	next := fstest.MapFS{"00001_init.sql": {Data: first},
		"00002_step.sql": {Data: []byte("-- +goose Up\nALTER TABLE field_settings ADD COLUMN note TEXT NOT NULL DEFAULT '';")}}
	a, err := OpenAssistant(t.Context(), path, Options{schema: next})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Close() }()
	stored, err := a.FieldSettings(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	effective := map[string]assistant.FieldSetting{}
	for _, f := range assistant.Fields(stored) {
		effective[f.Field] = f
	}
	for _, want := range set {
		if got := effective[want.Field]; got.Allowed != want.Allowed || got.Anonymized != want.Anonymized || got.SetBy != want.SetBy {
			t.Errorf("%s is %+v after the upgrade, want %+v", want.Field, got, want)
		}
	}
	for _, d := range assistant.DefaultFields() {
		if got := effective[d.Field]; d.Field != "host.name" && d.Field != "event.action" && got != d {
			t.Errorf("%s, which nobody set, is %+v, want the default %+v", d.Field, got, d)
		}
	}
	if backups, err := filepath.Glob(path + ".v1.*.bak"); err != nil || len(backups) != 1 {
		t.Errorf("back-ups before the step: %v, %v", backups, err)
	}
}

// TestSeveralIndices: a scope reads the indices that its patterns stand for, and no others.
func TestSeveralIndices(t *testing.T) {
	a := openAssistant(t, Memory)
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	var alerts []assistant.Alert
	for i, index := range []string{".alerts-security.alerts-default", ".alerts-security.alerts-red", "other"} {
		alerts = append(alerts, assistant.Alert{ID: "same", Index: index, Source: map[string]any{
			"@timestamp": "2026-05-04T11:00:00Z", "host.name": fmt.Sprintf("host-%d", i), "kibana.alert.severity": "high"}})
	}
	if added, replaced, err := a.ImportAlerts(t.Context(), alerts); err != nil || added != 3 || replaced != 0 {
		t.Fatalf("%d added, %d replaced, %v", added, replaced, err)
	}
	for _, test := range []struct {
		patterns []string
		hosts    []string
	}{
		{[]string{".alerts-security.alerts-*"}, []string{"host-0", "host-1"}},
		{[]string{".alerts-security.alerts-red", "oth*r"}, []string{"host-1", "host-2"}},
		{[]string{"o*", ".a*"}, []string{"host-0", "host-1", "host-2"}},
	} {
		s := assistant.Scope{Index: test.patterns, From: now.Add(-24 * time.Hour), To: now}
		values, err := a.Values(t.Context(), s, []string{"host.name"}, 10)
		slices.Sort(values["host.name"])
		if err != nil || !slices.Equal(values["host.name"], test.hosts) {
			t.Errorf("%v: hosts %v, %v", test.patterns, values, err)
		}
		page, err := a.Open(t.Context(), s, 10)
		if err != nil || page.Total != len(test.hosts) || len(page.Alerts) != len(test.hosts) {
			t.Errorf("%v: %d of %d alerts, %v", test.patterns, len(page.Alerts), page.Total, err)
		}
		counts, err := a.Counts(t.Context(), s)
		if err != nil || len(counts) != 1 || counts[0].Alerts != len(test.hosts) {
			t.Errorf("%v: counts %v, %v", test.patterns, counts, err)
		}
		found, err := a.Search(t.Context(), s, assistant.Filter{Host: []string{"HOST-1"}}, 10)
		if err != nil || found.Total != 1 || found.Alerts[0].Index != ".alerts-security.alerts-red" {
			t.Errorf("%v: search finds %+v, %v", test.patterns, found, err)
		}
	}
}
