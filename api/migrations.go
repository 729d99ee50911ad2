package api

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
	"go.uber.org/zap"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
)

const (
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
	r.rules, err = decodeRules(c.Request.Body, s.Settings.Limits)
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
	ids := make(map[string]bool, len(r.rules))
	for _, rule := range r.rules {
		ids[rule.ID] = true
	}
	s.recent.put(statsOf(m, migration.Counts{Total: len(ids), Pending: len(ids)}), 0)
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
	// Concerns are the rules at an end that the resources concern: a start can translate them again.
	Concerns concerned `json:"concerns"`
}

func (r *resourcesRequest) bind(s *Server, c *gin.Context) (err error) {
	if err = r.id.bind(s, c); err != nil {
		return err
	}
	r.resources, err = decodeResources(c.Request.Body, s.Settings.Limits)
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
	concerns, err := s.concerns(ctx, m.ID, r.resources)
	return resourcesAnswer{n, concerns}, err
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
		s.endInstalls(ctx, id)
	}
	if err := s.Store.DeleteMigration(ctx, id); err != nil && !errors.Is(err, store.ErrNotFound) {
		return deleteAnswer{}, fmt.Errorf("deleting documents (repeat the call to go on): %w", err)
	}
	if err := s.Workflows.Delete(ctx, id); err != nil && !errors.Is(err, ErrNoWorkflow) {
		return deleteAnswer{}, fmt.Errorf("deleting executions (repeat the call to go on): %w", err)
	}
	s.changed(id)
	s.lists.Forget(id)
	return deleteAnswer{true}, marked
}

// FinishDeletions carries on with deletions that broke off after their tombstone. Several gateways may do so at once.
func (s *Server) FinishDeletions(ctx context.Context) {
	tombstones, ok := s.Store.(store.Tombstones)
	if !ok {
		return
	}
	ids, err := tombstones.Tombstoned(ctx)
	if err != nil {
		s.Log.Warn("deletions that were begun cannot be looked for", zap.Error(err))
		return
	}
	for _, id := range ids {
		if ctx.Err() != nil {
			return
		}
		r := migrationID(id)
		if _, err := s.remove(ctx, &r); err != nil && !errors.Is(err, store.ErrNotFound) {
			s.Log.Warn("a deletion that was begun could not be finished; repeat it", zap.String("migration_id", id), zap.Error(err))
			continue
		}
		s.Log.Info("a deletion that was begun is finished", zap.String("migration_id", id))
	}
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
