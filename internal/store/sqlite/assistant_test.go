package sqlite

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/rulebridge/rulebridge/internal/assistant"
	"github.com/rulebridge/rulebridge/internal/store"
	"github.com/rulebridge/rulebridge/internal/store/storetest"
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
