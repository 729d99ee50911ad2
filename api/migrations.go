package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
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
	maxPage  = 1000
	// answerWithin is how long start and stop ask the workflow what became of them.
	answerWithin = 2 * time.Second
	// deleteWithin bounds the wait for a cancelled workflow; the tombstone makes it harmless if it lives on.
	deleteWithin = 10 * time.Second
	cleanWithin  = 50 * time.Second
)

// migrationID is the :id of a path. Whatever cannot be one is unknown, like any other unknown id.
type migrationID string

var migrationIDForm = regexp.MustCompile(`^[A-Za-z0-9._~-]{1,128}$`)

func (id *migrationID) bind(_ *Server, c *gin.Context) error {
	*id = migrationID(c.Param("id"))
	if !migrationIDForm.MatchString(string(*id)) {
		return store.ErrNotFound
	}
	return nil
}

func queryBool(c *gin.Context, name string, absent bool) (bool, error) {
	values, ok := c.Request.URL.Query()[name]
	if !ok {
		return absent, nil
	}
	v, err := strconv.ParseBool(values[0])
	if err != nil {
		return false, badRequest("%s: %q is neither true nor false", name, clip(values[0], 32))
	}
	return v, nil
}

// POST /: create.

type createRequest struct {
	rules []migration.OriginalRule
	seal  bool
}

type createAnswer struct {
	MigrationID string `json:"migration_id"`
}

func (r *createRequest) bind(s *Server, c *gin.Context) (err error) {
	if r.seal, err = queryBool(c, "seal", true); err != nil {
		return err
	}
	r.rules, err = decodeRules(c.Request.Body, s.Config.Limits)
	return err
}

func (s *Server) create(ctx context.Context, r *createRequest) (createAnswer, error) {
	now, by := s.Now().UTC(), PrincipalOf(ctx).Name
	m := migration.Migration{
		ID: uuid.NewString(), State: migration.Ready, Vendor: "splunk", Total: len(r.rules),
		CreatedAt: now, CreatedBy: by, LastUpdated: now, LastUpdateBy: by,
	}
	if !r.seal {
		m.State = migration.Creating
	}
	if err := s.Store.CreateMigration(ctx, m, r.rules); err != nil {
		return createAnswer{}, fmt.Errorf("creating a migration: %w", err)
	}
	s.all.forget("")
	return createAnswer{m.ID}, nil
}

// POST /{id}: a further chunk.

type appendRequest struct {
	id migrationID
	createRequest
}

type appendAnswer struct {
	MigrationID string `json:"migration_id"`
	Added       int    `json:"added"`
}

func (r *appendRequest) bind(s *Server, c *gin.Context) error {
	if err := r.id.bind(s, c); err != nil {
		return err
	}
	return r.createRequest.bind(s, c)
}

func (s *Server) appendRules(ctx context.Context, r *appendRequest) (appendAnswer, error) {
	id := string(r.id)
	added, err := s.Store.AppendRules(ctx, id, r.rules, r.seal, PrincipalOf(ctx).Name)
	if err != nil {
		return appendAnswer{}, fmt.Errorf("appending rules: %w", s.whileRunning(err))
	}
	s.changed(id)
	return appendAnswer{id, added}, nil
}

func (s *Server) whileRunning(err error) error {
	if errors.Is(err, store.ErrConflict) {
		return conflict("the migration is running; stop it first (PUT …/stop), or wait until it has finished")
	}
	return err
}

// POST /{id}/resources.

type resourcesRequest struct {
	id        migrationID
	resources []migration.Resource
}

type resourcesAnswer struct {
	Upserted int `json:"upserted"`
}

func (r *resourcesRequest) bind(s *Server, c *gin.Context) (err error) {
	if err = r.id.bind(s, c); err != nil {
		return err
	}
	r.resources, err = decodeResources(c.Request.Body, s.Config.Limits)
	return err
}

func (s *Server) upsertResources(ctx context.Context, r *resourcesRequest) (resourcesAnswer, error) {
	m, err := s.Store.Migration(ctx, string(r.id))
	if err != nil {
		return resourcesAnswer{}, fmt.Errorf("reading the migration: %w", err)
	}
	if m.State == migration.Running {
		return resourcesAnswer{}, s.whileRunning(store.ErrConflict)
	}
	n, err := s.Store.UpsertResources(ctx, m.ID, r.resources)
	if err != nil {
		return resourcesAnswer{}, fmt.Errorf("storing resources: %w", s.whileRunning(err))
	}
	return resourcesAnswer{n}, nil
}

// GET /{id}: the rule documents.

type listRequest struct {
	id    migrationID
	query store.RuleQuery
	paged bool
}

func (r *listRequest) bind(s *Server, c *gin.Context) error {
	if err := r.id.bind(s, c); err != nil {
		return err
	}
	q := c.Request.URL.Query()
	if v, ok := q["page_size"]; ok {
		n, err := strconv.Atoi(v[0])
		if err != nil || n < 1 || n > maxPage {
			return badRequest("page_size: %q is not allowed; use 1 to %d", clip(v[0], 32), maxPage)
		}
		r.query.Size, r.paged = n, true
	}
	var err error
	if r.query.After, err = readCursor(q.Get("after")); err != nil {
		return err
	}
	r.query.Status = migration.Status(q.Get("status"))
	statuses := []migration.Status{"", migration.StatusPending, migration.StatusProcessing, migration.StatusFinished, migration.StatusError}
	if !slices.Contains(statuses, r.query.Status) {
		return badRequest("status: %q is not known; use pending, processing, finished or error", clip(q.Get("status"), 32))
	}
	r.query.Result = migration.Result(q.Get("translation_result"))
	if !slices.Contains([]migration.Result{"", migration.Full, migration.Partial, migration.Untranslatable}, r.query.Result) {
		return badRequest("translation_result: %q is not known; use full, partial or untranslatable", clip(q.Get("translation_result"), 32))
	}
	return nil
}

// A cursor is the id it comes after; one that could not stand in a header and in a URL as it is gets encoded.
const cursorPrefix = "b64."

var plainCursor = regexp.MustCompile(`^[A-Za-z0-9._~-]+$`)

func writeCursor(id string) string {
	if plainCursor.MatchString(id) && !strings.HasPrefix(id, cursorPrefix) {
		return id
	}
	return cursorPrefix + base64.RawURLEncoding.EncodeToString([]byte(id))
}

func readCursor(s string) (string, error) {
	encoded, ok := strings.CutPrefix(s, cursorPrefix)
	if !ok {
		return s, nil
	}
	id, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return "", badRequest("after: %q is no cursor; send what X-Next-After said", clip(s, 64))
	}
	return string(id), nil
}

// ruleList streams rule documents page by page.
type ruleList struct {
	s     *Server
	id    string
	query store.RuleQuery
	paged bool
	first []migration.Rule
	next  string
}

// Sizes of the pages a list without page_size is read in: as many rules as fill about pageBytes.
const (
	firstPage = 100
	pageBytes = 4 << 20
)

func (s *Server) list(ctx context.Context, r *listRequest) (*ruleList, error) {
	id := string(r.id)
	if _, err := s.Store.Migration(ctx, id); err != nil {
		return nil, fmt.Errorf("reading the migration: %w", err)
	}
	l := &ruleList{s: s, id: id, query: r.query, paged: r.paged}
	if !l.paged {
		l.query.Size = firstPage
	}
	var err error
	if l.first, l.next, err = s.Store.List(ctx, id, l.query); err != nil {
		return nil, fmt.Errorf("listing rules: %w", err)
	}
	return l, nil
}

func (l *ruleList) header(h http.Header) {
	h.Set("Content-Type", "application/json; charset=utf-8")
	if l.paged && l.next != "" {
		h.Set("X-Next-After", writeCursor(l.next))
	}
}

func (l *ruleList) stream(ctx context.Context, w http.ResponseWriter) error {
	w.WriteHeader(http.StatusOK)
	rules, next := l.first, l.next
	l.first = nil
	lead := []byte{'['}
	for {
		extendWrite(w, l.s.Config.HTTP.WriteTimeout)
		size := 0
		for i := range rules {
			doc, err := json.Marshal(complete(&rules[i]))
			if err != nil {
				return fmt.Errorf("encoding rule %s: %w", rules[i].ID, err)
			}
			if _, err := w.Write(append(lead, doc...)); err != nil {
				return fmt.Errorf("%w: %w", context.Canceled, err)
			}
			lead = []byte{',', '\n'}
			size += len(doc)
		}
		if l.paged || next == "" {
			break
		}
		if len(rules) > 0 && size > 0 {
			l.query.Size = min(max(pageBytes/(size/len(rules)+1), 10), maxPage)
		}
		l.query.After = next
		var err error
		if rules, next, err = l.s.Store.List(ctx, l.id, l.query); err != nil {
			return fmt.Errorf("listing rules after %s: %w", clip(l.query.After, 64), err)
		}
	}
	end := []byte("]\n")
	if lead[0] == '[' {
		end = []byte("[]\n")
	}
	_, err := w.Write(end)
	if err != nil {
		return fmt.Errorf("%w: %w", context.Canceled, err)
	}
	return nil
}

// complete makes the arrays of a document arrays, also when they are empty.
func complete(r *migration.Rule) *migration.Rule {
	if r.Near == nil {
		r.Near = []migration.Match{}
	}
	if r.Comments == nil {
		r.Comments = []migration.Comment{}
	}
	if r.Diagnostics == nil {
		r.Diagnostics = []migration.Diagnostic{}
	}
	if r.History == nil {
		r.History = []migration.HistoryEntry{}
	}
	if r.Original.MitreAttackIDs == nil {
		r.Original.MitreAttackIDs = []string{}
	}
	return r
}

// PUT /{id}/start.

type startRequest struct {
	id          migrationID
	requestID   string
	connectorID string
	retry       bool
	batch       int
	pause       time.Duration
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
	req, err := decodeStart(c.Request.Body, s.Config.Migration)
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
	connector, ok := s.Config.ConnectorByID(r.connectorID)
	if !ok {
		return no, badRequest("connectorId: %q is not declared; use one of: %s", clip(r.connectorID, 64), strings.Join(s.connectorIDs(), ", "))
	}
	if m.State == migration.Creating {
		return no, conflict("chunks are still being appended; send the last one without seal=false, then start")
	}
	counts, err := s.Store.Counts(ctx, id)
	if err != nil {
		return no, fmt.Errorf("counting rules: %w", err)
	}
	todo := counts.Pending + counts.Processing
	if r.retry {
		todo += counts.Failed
	}
	if todo == 0 {
		return no, nil
	}
	settings := s.settings(r)
	in := workflows.Input{MigrationID: id, Vendor: m.Vendor, Settings: settings}
	sig := workflows.StartSignal{
		RequestID: r.requestID, ConnectorID: connector.ID, Mode: mode(connector.Kind), Retry: r.retry,
		By: PrincipalOf(ctx).Name, Settings: &settings,
	}
	if err := s.Workflows.SignalWithStart(ctx, in, sig); err != nil {
		return no, fmt.Errorf("starting the migration: %w", err)
	}
	s.asked.set(id)
	started := s.opened(ctx, id, r.requestID, m.State != migration.Running)
	s.changed(id)
	return startAnswer{started}, nil
}

func (s *Server) connectorIDs() []string {
	ids := make([]string, len(s.Config.Connectors))
	for i, c := range s.Config.Connectors {
		ids[i] = strconv.Quote(c.ID)
	}
	return ids
}

func (s *Server) settings(r *startRequest) workflows.Settings {
	m := s.Config.Migration
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
	if !running && m.ParkReason != workflows.ParkShutdown {
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

// DELETE /{id}.

type deleteAnswer struct {
	Deleted bool `json:"deleted"`
}

// remove sets the tombstone, ends the workflow, then removes documents and executions. Whoever hangs up does not stop
// it. A repeated call of one that broke off cleans up the rest.
func (s *Server) remove(ctx context.Context, r *migrationID) (deleteAnswer, error) {
	id := string(*r)
	marked := s.Store.MarkDeleted(ctx, id)
	if marked != nil && !errors.Is(marked, store.ErrNotFound) {
		return deleteAnswer{}, fmt.Errorf("marking the migration as deleted: %w", marked)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanWithin)
	defer cancel()
	s.changed(id)
	if marked == nil {
		s.end(ctx, id)
	}
	if err := s.Store.DeleteMigration(ctx, id); err != nil && !errors.Is(err, store.ErrNotFound) {
		return deleteAnswer{}, fmt.Errorf("deleting documents (repeat the call to go on): %w", err)
	}
	if err := s.Workflows.Delete(ctx, id); err != nil && !errors.Is(err, ErrNoWorkflow) {
		return deleteAnswer{}, fmt.Errorf("deleting executions (repeat the call to go on): %w", err)
	}
	s.changed(id)
	return deleteAnswer{true}, marked
}

// end cancels the workflow and waits for it within bounds.
func (s *Server) end(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(ctx, deleteWithin)
	defer cancel()
	err := s.Workflows.Cancel(ctx, id)
	for wait := 10 * time.Millisecond; err == nil; wait = min(2*wait, 250*time.Millisecond) {
		var running bool
		if running, err = s.Workflows.Describe(ctx, id); err == nil && (!running || !sleep(ctx, wait)) {
			break
		}
	}
	if err != nil && !errors.Is(err, ErrNoWorkflow) {
		s.Log.Warn("ending the workflow of a deleted migration", zap.String("migration_id", id), zap.Error(err))
	}
}
