package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"path"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
	"go.uber.org/zap"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/splunk"
	"github.com/rulebridge/rulebridge/internal/store"
)

const (
	// maxImportItems is how many things that an import found are named; the counts have them all.
	maxImportItems = 10_000
	// maxImportFiles bounds the parts of one request.
	maxImportFiles = 10_000
)

// POST /import and POST /{id}/import: files as a Splunk user has them.

type importRequest struct {
	id   migrationID // empty: a new migration
	all  bool
	next func() (name string, r io.Reader, err error)
}

// bodyLimit is larger than that of other requests: a file is read piece by piece.
func (*importRequest) bodyLimit(s *Server) int64 { return int64(s.Settings.Limits.Import) }

func (r *importRequest) bind(_ *Server, c *gin.Context) (err error) {
	if r.all, err = queryBool(c, "all", false); err != nil {
		return err
	}
	r.next, err = uploads(c.Request, c.Query("name"))
	return err
}

// intoRequest adds to a migration that is there.
type intoRequest struct{ importRequest }

func (r *intoRequest) bind(s *Server, c *gin.Context) error {
	if err := r.id.bind(s, c); err != nil {
		return err
	}
	// Before a long upload is read, not after.
	m, err := s.Store.Migration(c.Request.Context(), string(r.id))
	if err != nil {
		return fmt.Errorf("reading the migration: %w", err)
	}
	if m.State == migration.Running {
		return s.whileRunning(store.ErrConflict)
	}
	return r.importRequest.bind(s, c)
}

func readError(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return &Error{Status: http.StatusRequestEntityTooLarge,
			Message: fmt.Sprintf("the upload is larger than %d bytes; send the apps one by one, or raise limits.import", tooLarge.Limit)}
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return badRequest("the upload could not be read to its end: %s", err)
}

// uploads gives the files of a request one after another: the parts of a form, or the body itself.
func uploads(r *http.Request, name string) (func() (string, io.Reader, error), error) {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err == nil && kind == "multipart/form-data" {
		if params["boundary"] == "" {
			return nil, badRequest("Content-Type: multipart/form-data without a boundary")
		}
		parts := multipart.NewReader(r.Body, params["boundary"])
		n := 0
		return func() (string, io.Reader, error) {
			for {
				part, err := parts.NextPart()
				if err != nil {
					if err != io.EOF && errors.Is(err, io.EOF) { // a form that ends within a part wraps it
						err = io.ErrUnexpectedEOF
					}
					return "", nil, err
				}
				if part.FileName() == "" {
					continue // a field of the form
				}
				if n++; n > maxImportFiles {
					return "", nil, badRequest("the form has more than %d files; send a folder as .tgz", maxImportFiles)
				}
				return cleanName(part.FileName()), part, nil
			}
		}, nil
	}
	if name == "" {
		name = map[string]string{"text/csv": "upload.csv", "application/yaml": "upload.yml", "application/x-tar": "upload.tar"}[kind]
	}
	if name == "" {
		name = "upload"
	}
	done := false
	return func() (string, io.Reader, error) {
		if done {
			return "", nil, io.EOF
		}
		done = true
		return cleanName(name), r.Body, nil
	}, nil
}

// cleanName is a file's name without folders and control characters: it is shown, never opened.
func cleanName(name string) string {
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	return clip(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, name), maxID)
}

// importAnswer says what was found and what became of it.
type importAnswer struct {
	MigrationID string `json:"migration_id"`
	Added       int    `json:"added"`    // rules that are new
	Upserted    int    `json:"upserted"` // macros, lookups and what else the files define
	splunk.Report
	Concerns concerned `json:"concerns"`
}

// importSink stores what an import finds while it is read: rules in parts, then resources, then the seal.
type importSink struct {
	*splunk.Tally
	s      *Server
	ctx    context.Context
	answer *importAnswer
	names  []migration.Resource // without rows
	err    error                // of the store
}

// Rules implements splunk.Sink.
func (k *importSink) Rules(rules []migration.OriginalRule) error {
	if k.answer.MigrationID == "" {
		k.err = k.create(rules)
		return k.err
	}
	n, err := k.s.Store.AppendRules(k.ctx, k.answer.MigrationID, rules, false, PrincipalOf(k.ctx).Name)
	if err != nil {
		k.err = fmt.Errorf("appending rules: %w", k.s.whileRunning(err))
	}
	k.answer.Added += n
	return k.err
}

func (k *importSink) create(rules []migration.OriginalRule) error {
	now, by := k.s.Now().UTC(), PrincipalOf(k.ctx).Name
	m := migration.Migration{
		ID: uuid.NewString(), State: migration.Creating, Vendor: "splunk", Total: len(rules), CreatedAt: now, CreatedBy: by, LastUpdated: now, LastUpdateBy: by,
	}
	if err := k.s.Store.CreateMigration(k.ctx, m, rules); err != nil {
		return fmt.Errorf("creating a migration: %w", err)
	}
	k.answer.MigrationID, k.answer.Added = m.ID, len(rules)
	return nil
}

// Resources implements splunk.Sink. Without rules there is no migration that they could belong to.
func (k *importSink) Resources(list []migration.Resource) error {
	if k.answer.MigrationID == "" {
		return nil
	}
	n, err := k.s.Store.UpsertResources(k.ctx, k.answer.MigrationID, list)
	if err != nil {
		k.err = fmt.Errorf("storing resources: %w", k.s.whileRunning(err))
		return k.err
	}
	k.answer.Upserted += n
	for _, r := range list {
		k.names = append(k.names, migration.Resource{Type: r.Type, Name: r.Name})
	}
	return nil
}

func (s *Server) importNew(ctx context.Context, r *importRequest) (importAnswer, error) {
	answer, err := s.importFiles(ctx, r)
	if id := answer.MigrationID; err != nil && id != "" {
		// Half an import must not pass for a whole one.
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanWithin)
		defer cancel()
		if derr := s.Store.DeleteMigration(clean, id); derr != nil {
			s.Log.Warn("an import that broke off could not be deleted", zap.String("migration_id", id), zap.Error(derr))
		}
	}
	return answer, err
}

func (s *Server) importInto(ctx context.Context, r *intoRequest) (importAnswer, error) {
	return s.importFiles(ctx, &r.importRequest)
}

// importFiles reads the files of a request and stores what is in them. Rules that were stored when it fails stay in a
// migration that was there before: the same import again adds the rest.
func (s *Server) importFiles(ctx context.Context, r *importRequest) (importAnswer, error) {
	a := importAnswer{MigrationID: string(r.id), Concerns: concerned{RuleIDs: []string{}}}
	k := &importSink{Tally: splunk.NewTally(maxImportItems), s: s, ctx: ctx, answer: &a}
	err := splunk.StreamParts(splunk.Options{All: r.all}, r.next, k)
	a.Report = k.Report()
	if a.MigrationID != "" {
		defer s.changed(a.MigrationID)
	}
	switch {
	case k.err != nil:
		return a, k.err
	case err != nil:
		return a, readError(err)
	case a.Report.Of(splunk.Taken) == 0 && a.Upserted == 0 || a.MigrationID == "":
		return a, nothingFound(a.Report)
	}
	if _, err := s.Store.AppendRules(ctx, a.MigrationID, nil, true, PrincipalOf(ctx).Name); err != nil {
		return a, fmt.Errorf("ending an import: %w", s.whileRunning(err))
	}
	a.Concerns, err = s.concerns(ctx, a.MigrationID, k.names)
	return a, err
}

// nothingFound says why, with the first faults.
func nothingFound(found splunk.Report) error {
	const most = 10
	faults := found.Faults()
	if len(faults) == 0 {
		return badRequest("the upload holds no alerts; with all=true reports and searches that fill lookups or summaries are taken too")
	}
	lines := make([]string, 0, most)
	for _, f := range faults[:min(len(faults), most)] {
		lines = append(lines, f.String())
	}
	if n := found.Of(splunk.Fault) - most; n > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", n))
	}
	return badRequest("no rule could be read: %s", strings.Join(lines, "; "))
}

// GET /{id}/resources: what a migration knows beside its rules, without rows.

type resourceList []listedResource

type listedResource struct {
	Type      migration.ResourceType `json:"type"`
	Name      string                 `json:"name"`
	Arguments []string               `json:"arguments,omitempty"`
	Columns   []string               `json:"columns,omitempty"`
	Rows      int                    `json:"rows"`
	// Used says whether translations use things of this type; others are kept for later versions.
	Used bool `json:"used"`
}

func (s *Server) listResources(ctx context.Context, r *migrationID) (resourceList, error) {
	all, err := s.Store.Resources(ctx, string(*r))
	if err != nil {
		return nil, fmt.Errorf("reading the resources: %w", err)
	}
	list := make(resourceList, 0, len(all))
	for _, x := range all {
		list = append(list, listedResource{Type: x.Type, Name: x.Name, Arguments: x.Arguments, Columns: x.Columns,
			Rows: max(x.TotalRows, len(x.Rows)), Used: x.Type.Used()})
	}
	return list, nil
}
