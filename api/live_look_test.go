package api

import (
	"context"
	"strings"
	"testing"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// TestEventsOfTheLastLook: what the look sees during which the last viewer leaves is told to whoever comes back.
func TestEventsOfTheLastLook(t *testing.T) {
	l := newLiveBench(t)
	id := l.create(1)
	f := &feed{id: id, boot: "x", next: 2, now: map[string]migration.Stats{}, wake: make(chan struct{})}
	look := func(ctx context.Context) {
		t.Helper()
		l.clock.move()
		if err := l.server.live.poll(ctx, f); err != nil {
			t.Fatal(err)
		}
	}
	look(t.Context())
	l.step(id, 1)
	leaving, left := context.WithCancel(t.Context())
	l.reads.after.Store((*func())(&left))
	look(leaving)
	look(t.Context())
	if told := strings.Join(f.ring, ""); !strings.Contains(told, "event: rules\n") || !strings.Contains(told, "more-1") {
		t.Errorf("told %q", told)
	}
}
