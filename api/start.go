package api

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
	"go.uber.org/zap"

	"github.com/rulebridge/rulebridge/config"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
	"github.com/rulebridge/rulebridge/workflows"
)

const (
	maxBatch = 1000
	// answerWithin is how long start and stop ask the workflow what became of them.
	answerWithin = 2 * time.Second
)

// PUT /{id}/start.

type startRequest struct {
	id          migrationID
	requestID   string
	connectorID string
	retry       bool
	filter      *retryFilter
	batch       int
	pause       time.Duration
	timeZone    *string // of the search head; nil keeps what the migration has
}

type startAnswer struct {
	Started bool `json:"started"`
}

var idempotencyForm = regexp.MustCompile(`^[!-~]{1,128}$`)

func (r *startRequest) bind(s *Server, c *gin.Context) error {
	var id migrationID
	if err := id.bind(s, c); err != nil {
		return err
	}
	key := uuid.NewString()
	if values := c.Request.Header.Values("Idempotency-Key"); len(values) > 0 {
		if key = values[0]; !idempotencyForm.MatchString(key) {
			return badRequest("Idempotency-Key: use 1 to 128 printable ASCII characters without spaces")
		}
	}
	req, err := decodeStart(c.Request.Body, s.Settings.Migration)
	req.id, req.requestID = id, key
	*r = req
	return err
}

func parsePause(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 || d > 24*time.Hour {
		return 0, fmt.Errorf("%q is not allowed; use a duration from 0s to 24h, such as 500ms or 10s", clip(s, 32))
	}
	return d, nil
}

// mode says how the workflow uses a connector.
func mode(kind string) string {
	switch kind {
	case config.KindDeterministic:
		return workflows.ModeDeterministic
	case config.KindSimulated:
		return workflows.ModeSimulated
	}
	return workflows.ModeModel
}

func (s *Server) start(ctx context.Context, r *startRequest) (startAnswer, error) {
	id, no := string(r.id), startAnswer{}
	m, err := s.Store.Migration(ctx, id)
	if err != nil {
		return no, fmt.Errorf("reading the migration: %w", err)
	}
	connector, ok := s.Settings.ConnectorByID(r.connectorID)
	if !ok {
		return no, badRequest("connectorId: %q is not declared; use one of: %s", clip(r.connectorID, 64), strings.Join(s.connectorIDs(), ", "))
	}
	if m.State == migration.Creating {
		return no, conflict("chunks are still being appended; send the last one, or any of them again, without seal=false, then start; or add the same files to it (POST …/import), or delete it (DELETE)")
	}
	counts, err := s.Store.Counts(ctx, id)
	if err != nil {
		return no, fmt.Errorf("counting rules: %w", err)
	}
	todo := counts.Pending + counts.Processing
	if r.retry && todo == 0 {
		some, err := s.retriesFailed(ctx, id, counts)
		if err != nil {
			return no, err
		}
		if some {
			todo = counts.Failed
		}
	}
	again, more, err := s.again(ctx, id, r.filter, counts)
	if err != nil {
		return no, err
	}
	if todo == 0 && !more {
		return no, nil
	}
	if err := s.setTimeZone(ctx, m, r.timeZone); err != nil {
		return no, err
	}
	settings := s.settings(r)
	in := workflows.Input{MigrationID: id, Vendor: m.Vendor, Settings: settings}
	sig := workflows.StartSignal{
		RequestID: r.requestID, ConnectorID: connector.ID, Mode: mode(connector.Kind),
		Retry: r.retry || r.filter != nil && r.filter.failed, Again: again,
		By: PrincipalOf(ctx).Name, Settings: &settings,
	}
	if err := s.Workflows.SignalWithStart(ctx, in, sig); err != nil {
		return no, fmt.Errorf("starting the migration: %w", err)
	}
	s.asked.set(id)
	started := s.opened(ctx, id, r.requestID, m.State != migration.Running)
	s.stats.forget(id)
	s.lists.Stale(id)
	if started {
		m.State, m.ParkReason, m.LastUpdated = migration.Running, "", s.Now().UTC()
		s.recent.put(statsOf(m, counts), startShows)
	}
	return startAnswer{started}, nil
}

// setTimeZone keeps the search head's time zone with the migration, among what its translations use, so that those of later
// starts and those that a person asks for go by it.
func (s *Server) setTimeZone(ctx context.Context, m migration.Migration, zone *string) error {
	if zone == nil {
		return nil
	}
	if m.State == migration.Running {
		return s.whileRunning(store.ErrConflict)
	}
	_, err := s.Store.UpsertResources(ctx, m.ID, []migration.Resource{{Type: migration.ResourceSetting, Name: migration.SettingTimeZone, Definition: *zone}})
	if err != nil {
		return fmt.Errorf("storing the time zone: %w", s.whileRunning(err))
	}
	return nil
}

func (s *Server) connectorIDs() []string {
	ids := make([]string, len(s.Settings.Connectors))
	for i, c := range s.Settings.Connectors {
		ids[i] = strconv.Quote(c.ID)
	}
	return ids
}

func (s *Server) settings(r *startRequest) workflows.Settings {
	m := s.Settings.Migration
	return workflows.Settings{
		Batch: r.batch, Pause: r.pause, HeartbeatTimeout: m.Heartbeat, StartToClose: m.StartToClose,
		OutageFailures: m.OutageFailures, OutageAfter: m.OutageAfter, SearchAttributes: s.SearchAttributes,
	}
}

// opened asks the workflow whether the request opened the current epoch. When nobody answers in time, the guess is that
// it did if the migration was not running before.
func (s *Server) opened(ctx context.Context, id, request string, guess bool) bool {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, 200*time.Millisecond) {
		st, err := s.Workflows.StartState(ctx, id)
		if err == nil && st.RequestID == request {
			return true
		}
		if err == nil && slices.Contains(st.Seen, request) {
			return false
		}
		if !sleep(ctx, wait) {
			if err != nil {
				s.Log.Warn("the workflow did not say which request started it", zap.String("migration_id", id), zap.Error(err))
			}
			return guess
		}
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// PUT /{id}/stop.

type stopAnswer struct {
	Stopped bool `json:"stopped"`
}

func (s *Server) stop(ctx context.Context, r *migrationID) (stopAnswer, error) {
	id, no := string(*r), stopAnswer{}
	m, err := s.Store.Migration(ctx, id)
	if err != nil {
		return no, fmt.Errorf("reading the migration: %w", err)
	}
	running := m.State == migration.Running
	ask, cancel := context.WithTimeout(ctx, answerWithin)
	st, err := s.Workflows.StartState(ask, id)
	cancel()
	switch {
	case err == nil:
		running = st.State == migration.Running
	case errors.Is(err, ErrNoWorkflow) && running:
		return s.stopLost(ctx, m)
	}
	// A workflow that does not say may have been started a moment ago; the stop is then for it to hear later.
	silent := err != nil && !errors.Is(err, ErrNoWorkflow)
	if !running && !silent && m.ParkReason != workflows.ParkShutdown {
		return no, nil
	}
	// A migration that a shutdown paused would be resumed by itself; after this it is not, though it was not running.
	err = s.Workflows.Stop(ctx, id, workflows.StopSignal{RequestID: uuid.NewString(), By: PrincipalOf(ctx).Name})
	if errors.Is(err, ErrNoWorkflow) {
		return no, nil // it ended meanwhile
	}
	if err != nil {
		return no, fmt.Errorf("stopping the migration: %w", err)
	}
	s.settled(ctx, id)
	s.asked.set(id)
	s.changed(id)
	return stopAnswer{running}, nil
}

// settled waits, within bounds, until the workflow no longer runs, so that a call after the stop finds it stopped.
func (s *Server) settled(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, 200*time.Millisecond) {
		st, err := s.Workflows.StartState(ctx, id)
		if err != nil || st.State != migration.Running || !sleep(ctx, wait) {
			return
		}
	}
}

// stopLost stops a migration that the store has as running and no workflow carries out.
func (s *Server) stopLost(ctx context.Context, m migration.Migration) (stopAnswer, error) {
	change := store.Change{State: migration.Stopped, Epoch: m.Epoch, By: PrincipalOf(ctx).Name, At: s.Now().UTC()}
	if err := s.Store.SetState(ctx, m.ID, change); err != nil {
		return stopAnswer{}, fmt.Errorf("stopping the migration: %w", err)
	}
	if _, err := s.Store.Release(ctx, m.ID, m.Epoch, nil); err != nil {
		return stopAnswer{}, fmt.Errorf("releasing its rules: %w", err)
	}
	s.changed(m.ID)
	return stopAnswer{true}, nil
}
