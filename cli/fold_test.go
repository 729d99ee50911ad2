package cli

import (
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

func TestRepeatedEntriesAreFolded(t *testing.T) {
	core, seen := observer.New(zapcore.WarnLevel)
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	log := zap.New(newFolding(core, func() time.Time { return now }))
	for i := range 313 {
		log.With(zap.Int("rule", i)).Warn("the store is unavailable")
		log.Info("not shown at this level")
		if i == 200 {
			log.Warn("another warning")
			now = now.Add(foldEvery)
		}
	}
	got := seen.All()
	if len(got) != 3 {
		t.Fatalf("%d entries, want the first of each and one with the number of repetitions: %v", len(got), got)
	}
	if got[2].ContextMap()["repeated"] != int64(200) {
		t.Errorf("the last entry says %v", got[2].ContextMap())
	}
}
