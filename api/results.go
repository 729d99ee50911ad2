package api

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/rulebridge/rulebridge/internal/changes"
	"github.com/rulebridge/rulebridge/internal/kibana"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/report"
	"github.com/rulebridge/rulebridge/internal/store"
)

// result is an answer that is made of all rules of a migration, page by page. What goes wrong before its first byte is an
// error of the agreed shape; after it, the connection breaks off.
type result struct {
	s       *Server
	m       migration.Migration
	headers map[string]string
	write   func(ctx context.Context, w http.ResponseWriter, rules report.Rules) error
}

func (r *result) stream(ctx context.Context, w http.ResponseWriter) error {
	began := &began{ResponseWriter: w, headers: r.headers}
	return r.write(ctx, began, func(each func(migration.Rule) error) error { return r.s.readRules(ctx, w, r.m.ID, each) })
}

// began sets the headers with the first byte.
type began struct {
	http.ResponseWriter
	headers map[string]string
}

// Unwrap lets the time to write and the flushing through.
func (b *began) Unwrap() http.ResponseWriter { return b.ResponseWriter }

func (b *began) Write(p []byte) (int, error) {
	for name, value := range b.headers {
		b.Header().Set(name, value)
	}
	b.headers = nil
	n, err := b.ResponseWriter.Write(p)
	if err != nil {
		err = fmt.Errorf("%w: %w", errClientGone, err)
	}
	return n, err
}

// readRules calls each with every rule of a migration, in the order of their ids. The time to write begins anew with each page.
func (s *Server) readRules(ctx context.Context, w http.ResponseWriter, id string, each func(migration.Rule) error) error {
	q := store.RuleQuery{Size: firstPage}
	for {
		extendWrite(w, s.Settings.HTTP.WriteTimeout)
		rules, next, err := s.Store.List(ctx, id, q)
		if err != nil {
			return fmt.Errorf("listing rules after %q: %w", clip(q.After, 64), err)
		}
		for _, rule := range rules {
			if err := each(*complete(&rule)); err != nil {
				return err
			}
		}
		if next == "" {
			return nil
		}
		q.After = next
	}
}

// GET /{id}/report.

type reportRequest struct {
	id     migrationID
	format string
}

var reportTypes = map[string]string{
	report.FormatHTML: "text/html; charset=utf-8", report.FormatCSV: "text/csv; charset=utf-8",
	report.FormatMarkdown: "text/markdown; charset=utf-8", report.FormatJSON: "application/json; charset=utf-8",
}

func (r *reportRequest) bind(s *Server, c *gin.Context) error {
	r.format = c.DefaultQuery("format", report.FormatJSON)
	if reportTypes[r.format] == "" {
		return badRequest("format: %q is not known; use %s", clip(r.format, 32), strings.Join(report.Formats(), ", "))
	}
	return r.id.bind(s, c)
}

func (s *Server) report(ctx context.Context, r *reportRequest) (*result, error) {
	m, err := s.Store.Migration(ctx, string(r.id))
	if err != nil {
		return nil, fmt.Errorf("reading the migration: %w", err)
	}
	headers := map[string]string{"Content-Type": reportTypes[r.format]}
	switch r.format {
	case report.FormatHTML:
		headers["Content-Security-Policy"] = report.PagePolicy()
	case report.FormatCSV:
		headers["Content-Disposition"] = `attachment; filename="rules.csv"`
	}
	resources, err := s.Store.Resources(ctx, string(r.id))
	if err != nil {
		return nil, fmt.Errorf("reading the resources: %w", err)
	}
	more := report.More{Known: report.KnownOf(resources)}
	if more.Installations, err = s.installations(ctx, m.ID); err != nil {
		return nil, err
	}
	return &result{s, m, headers, func(_ context.Context, w http.ResponseWriter, rules report.Rules) error {
		return report.Write(w, r.format, m, s.Now(), more, rules)
	}}, nil
}

// GET /{id}/export.

type exportRequest struct {
	id      migrationID
	options kibana.Options
	// exceptions asks for exclusions as exception lists.
	exceptions bool
}

func (r *exportRequest) bind(s *Server, c *gin.Context) (err error) {
	r.options.Format = c.DefaultQuery("format", kibana.FormatNDJSON)
	if !slices.Contains(kibana.Formats(), r.options.Format) {
		return badRequest("format: %q is not known; use %s", clip(r.options.Format, 32), strings.Join(kibana.Formats(), ", "))
	}
	if r.exceptions, err = queryBool(c, "exceptions", false); err != nil {
		return err
	}
	if err := s.tellsExclusions(r.exceptions); err != nil {
		return err
	}
	if r.options.Take, err = takeOf("take", c.Query("take")); err != nil {
		return err
	}
	return r.id.bind(s, c)
}

// takeOf reads which rules are to be taken; empty is all.
func takeOf(field, text string) (migration.Take, error) {
	if text == "" {
		return migration.TakeAll, nil
	}
	if take := migration.Take(text); slices.Contains(migration.Takes(), take) {
		return take, nil
	}
	return "", badRequest("%s: %q is not known; use all or accepted", field, clip(text, 32))
}

// GET /{id}/export/counts.

// exportCounts says what an export or an installation would take and leave out.
func (s *Server) exportCounts(ctx context.Context, r *migrationID) (kibana.Counts, error) {
	counts := kibana.Counts{LeftOut: migration.Omissions{}}
	q := store.RuleQuery{Size: 200}
	for {
		rules, next, err := s.Store.List(ctx, string(*r), q)
		if err != nil {
			return counts, fmt.Errorf("listing rules after %q: %w", clip(q.After, 64), err)
		}
		for _, rule := range rules {
			counts.Add(rule)
		}
		if q.After = next; next == "" {
			return counts, nil
		}
	}
}

// export answers with an archive of the files that the command export writes.
func (s *Server) export(ctx context.Context, r *exportRequest) (*result, error) {
	m, err := s.Store.Migration(ctx, string(r.id))
	if err != nil {
		return nil, fmt.Errorf("reading the migration: %w", err)
	}
	headers := map[string]string{"Content-Type": "application/zip", "Content-Disposition": `attachment; filename="rulebridge-export.zip"`}
	options := r.options
	options.MigrationID = m.ID
	return &result{s, m, headers, func(ctx context.Context, w http.ResponseWriter, rules report.Rules) error {
		options.Context = ctx
		if r.exceptions {
			options.Filters = s.Filters
		}
		archive := zip.NewWriter(w)
		e := kibana.NewExporter(options, func(name string) (kibana.File, error) { return &archived{to: archive, name: name}, nil })
		defer e.Abandon()
		if err := rules(e.Add); err != nil {
			return err
		}
		if _, err := e.Finish(); err != nil {
			return err
		}
		return archive.Close()
	}}, nil
}

// archived is a file of an archive. Several are written at once, and an archive takes one after the other, so each is held
// until it is whole: a file of rules has 8 MiB at most, the others have a line a rule.
type archived struct {
	bytes.Buffer
	to   *zip.Writer
	name string
}

func (a *archived) Finish() error {
	w, err := a.to.Create(a.name)
	if err != nil {
		return fmt.Errorf("writing %s to the archive: %w", a.name, err)
	}
	_, err = a.WriteTo(w)
	return err
}

func (a *archived) Abandon() { a.Reset() }

// GET /{id}/diff.

type diffRequest struct {
	id   migrationID
	full bool
}

func (r *diffRequest) bind(s *Server, c *gin.Context) (err error) {
	if r.full, err = queryBool(c, "full", false); err != nil {
		return err
	}
	return r.id.bind(s, c)
}

// Compiler compiles rules outside of their migrations; Version names it.
type Compiler struct {
	changes.Compiler
	Version string
}

// diff answers with what the compiler of this gateway would make differently: a line of JSON a rule, and a last one with the
// sum. One comparison runs at a time, since each compiles all rules.
func (s *Server) diff(ctx context.Context, r *diffRequest) (*result, error) {
	m, err := s.Store.Migration(ctx, string(r.id))
	if err != nil {
		return nil, fmt.Errorf("reading the migration: %w", err)
	}
	headers := map[string]string{"Content-Type": "application/x-ndjson; charset=utf-8"}
	return &result{s, m, headers, func(ctx context.Context, w http.ResponseWriter, rules report.Rules) error {
		select {
		case s.comparing <- struct{}{}:
			defer func() { <-s.comparing }()
		default:
			return &Error{Status: http.StatusTooManyRequests, Header: map[string]string{"Retry-After": "10"},
				Message: "another comparison runs here, and each compiles all rules of a migration; try again when it is done"}
		}
		o := changes.Options{MigrationID: m.ID, Compiler: s.Compiler, Version: s.Compiler.Version, Full: r.full}
		_, err := changes.WriteNDJSON(flushed{w}, func(found func(changes.Change) error) (changes.Summary, error) {
			return changes.Run(ctx, o, func(each func(migration.Rule) error) error {
				return rules(func(rule migration.Rule) error {
					extendWrite(w, s.Settings.HTTP.WriteTimeout)
					return each(rule)
				})
			}, found)
		})
		return err
	}}, nil
}

// flushed hands every line on at once.
type flushed struct{ http.ResponseWriter }

func (f flushed) Write(p []byte) (int, error) {
	n, err := f.ResponseWriter.Write(p)
	if err == nil {
		_ = http.NewResponseController(f.ResponseWriter).Flush()
	}
	return n, err
}
