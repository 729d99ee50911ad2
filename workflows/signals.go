package workflows

import (
	"slices"

	"go.temporal.io/sdk/workflow"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// listen takes signals as they come.
func (m *run) listen(ctx workflow.Context) {
	m.starts = workflow.GetSignalChannel(ctx, SignalStart)
	m.stops = workflow.GetSignalChannel(ctx, SignalStop)
	workflow.GoNamed(ctx, "signals", func(ctx workflow.Context) {
		s := workflow.NewSelector(ctx)
		s.AddReceive(m.starts, func(workflow.ReceiveChannel, bool) { m.receiveStart() })
		s.AddReceive(m.stops, func(workflow.ReceiveChannel, bool) { m.receiveStop() })
		for {
			s.Select(ctx)
		}
	})
}

// handOver lets the listening coroutine run once. A signal that came with the event this coroutine is woken by has been
// handed to that one already, which runs after it: it stands in no channel any more, and would be lost if the run ended.
func (m *run) handOver(ctx workflow.Context) {
	free, release := workflow.NewDisconnectedContext(ctx)
	defer release()
	ran := false
	workflow.GoNamed(free, "hand over", func(workflow.Context) { ran = true })
	_ = workflow.Await(free, func() bool { return ran })
}

// drainSignals takes what has been delivered and not been looked at yet, because a run that ends would lose it.
func (m *run) drainSignals(ctx workflow.Context) {
	m.handOver(ctx)
	for m.receiveStart() || m.receiveStop() {
	}
}

func (m *run) receiveStart() bool {
	var s StartSignal
	if !m.starts.ReceiveAsync(&s) {
		return false
	}
	m.onStart(s)
	return true
}

func (m *run) receiveStop() bool {
	var s StopSignal
	if !m.stops.ReceiveAsync(&s) {
		return false
	}
	m.onStop(s)
	return true
}

func (m *run) onStart(s StartSignal) {
	if m.repeated(s.RequestID) {
		return
	}
	switch {
	case m.start == nil:
		m.accept(&s)
	case m.ending == none || m.ending == continued:
		// Running already: a second start changes nothing.
	case m.next == nil:
		m.next = &s
		m.current = s.RequestID
	}
}

func (m *run) accept(s *StartSignal) {
	m.start, m.opened = s, false
	m.current = s.RequestID
	m.state, m.parkReason, m.unsettled, m.by = migration.Running, "", false, s.By
	if s.Settings != nil {
		m.settings = s.Settings.withDefaults()
	}
}

func (m *run) onStop(s StopSignal) {
	if m.repeated(s.RequestID) {
		return
	}
	switch {
	case m.start == nil:
		// Stopped already; but what dev would resume at its next start stays stopped now.
		if m.parkReason == ParkShutdown && s.Reason != ParkShutdown {
			m.parkReason, m.by, m.unsettled = "", s.By, true
		}
	case m.ending == none || m.ending == continued:
		m.by = s.By
		m.halt(stopped, s.Reason)
	default:
		m.next = nil
	}
}

// repeated reports whether a request id was seen before, and remembers it.
func (m *run) repeated(id string) bool {
	if id == "" {
		return false
	}
	if slices.Contains(m.seen, id) {
		return true
	}
	m.seen = append(m.seen, id)
	if n := len(m.seen) - keptRequestIDs; n > 0 {
		m.seen = slices.Clone(m.seen[n:])
	}
	return false
}
