package workflows

import (
	"slices"

	"go.temporal.io/sdk/workflow"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// listen takes signals as they come. They stay in their channels until they are taken, not in a blocked receiver: a run
// that ends before this coroutine has its turn finds them there.
func (m *run) listen(ctx workflow.Context) {
	m.starts = workflow.GetSignalChannel(ctx, SignalStart)
	m.stops = workflow.GetSignalChannel(ctx, SignalStop)
	m.order = orderOf(ctx)
	ctx, _ = workflow.NewDisconnectedContext(ctx) // signals are listened to until the run ends, cancelled or not
	workflow.GoNamed(ctx, "signals", func(ctx workflow.Context) {
		for {
			if workflow.Await(ctx, func() bool { return m.starts.Len()+m.stops.Len() > 0 }) != nil {
				return
			}
			m.drainSignals()
		}
	})
}

// drainSignals takes what has been delivered and not been looked at yet, in the order of delivery, because a run that
// ends would lose it.
func (m *run) drainSignals() {
	for {
		name, ok := m.order.take()
		switch {
		case ok && name == SignalStart:
			m.receiveStart()
		case ok:
			m.receiveStop()
		case !m.receiveStart() && !m.receiveStop():
			return
		}
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
