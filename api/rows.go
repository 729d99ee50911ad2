package api

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/rulelist"
)

const (
	// maxRows is the largest page of rows.
	maxRows = 200
	// firstRows is the page when no limit is given.
	firstRows = 50
	// maxWords and maxValues bound what one query asks for.
	maxWords  = 20
	maxValues = 100
)

// registerRules adds the routes of single rules and of their list. Ids of rules are texts of users, so they stand in a
// parameter or in the body, never in the path.
func (s *Server) registerRules(rules *gin.RouterGroup) {
	rules.GET("/:id/rows", handle(s, s.rows))
	rules.GET("/:id/rows/ids", handle(s, s.rowIDs))
	rules.GET("/:id/rows/around", handle(s, s.rowsAround))
	rules.GET("/:id/rule", handle(s, s.rule))
	rules.GET("/:id/rule/history", handle(s, s.ruleHistory))
}

// GET /{id}/rows and /{id}/rows/ids.

type rowsRequest struct {
	id    migrationID
	query rulelist.Query
}

// choices are the values that a filter takes.
var choices = map[string][]string{
	"status":  {string(migration.StatusPending), string(migration.StatusProcessing), string(migration.StatusFinished), string(migration.StatusError)},
	"result":  {string(migration.Full), string(migration.Partial), string(migration.Untranslatable)},
	"review":  {string(migration.ReviewOpen), string(migration.ReviewAccepted), string(migration.ReviewRejected), string(migration.ReviewInstalled)},
	"matched": {"yes", "no", "near"}, "holes": {"yes", "no"}, "edited": {"yes", "me"}, "order": {"asc", "desc"}, "sort": rulelist.Sorts(),
}

func (r *rowsRequest) bind(s *Server, c *gin.Context) error {
	if err := r.id.bind(s, c); err != nil {
		return err
	}
	p := params{values: c.Request.URL.Query()}
	q := &r.query
	*q = rulelist.Query{
		Words:  strings.Fields(p.one("q")),
		Status: p.chosen("status"), Result: p.chosen("result"), Review: p.chosen("review"), Matched: p.chosen("matched"),
		Cause: p.many("cause"), Source: p.many("source"), Tactic: p.many("tactic"), Technique: p.many("technique"), App: p.many("app"),
		Sort: p.choice("sort"), Descending: p.choice("order") == "desc",
		Offset: p.number("offset", 0, 0, 1<<31-1), Limit: p.number("limit", firstRows, 0, maxRows),
	}
	if holes := p.choice("holes"); holes != "" {
		yes := holes == "yes"
		q.Holes = &yes
	}
	if edited := p.choice("edited"); edited != "" {
		q.Edited = true
		if edited == "me" {
			q.EditedBy = PrincipalOf(c.Request.Context()).Name
		}
	}
	if len(q.Words) > maxWords {
		p.fail("q", "has %d words; at most %d are searched", len(q.Words), maxWords)
	}
	var err error
	if q.Facets, err = queryBool(c, "facets", false); err != nil {
		return err
	}
	return p.err
}

// params reads the parameters of a query; err is what was wrong first.
type params struct {
	values url.Values
	err    error
}

func (p *params) fail(name, format string, args ...any) {
	if p.err == nil {
		p.err = badRequest("%s: %s", name, fmt.Sprintf(format, args...))
	}
}

func (p *params) one(name string) string {
	v := p.values.Get(name)
	if len(v) > maxSmall {
		p.fail(name, "is %d bytes long; at most %d are allowed", len(v), maxSmall)
	}
	return v
}

// many are the values of a parameter that may stand several times; empty ones ask for nothing.
func (p *params) many(name string) []string {
	var list []string
	for _, v := range p.values[name] {
		if v != "" {
			list = append(list, v)
		}
	}
	if len(list) > maxValues {
		p.fail(name, "stands %d times; at most %d are allowed", len(list), maxValues)
	}
	return list
}

func (p *params) chosen(name string) []string {
	list := p.many(name)
	for _, v := range list {
		if !slices.Contains(choices[name], v) {
			p.fail(name, "%q is not known; use %s", clip(v, 32), strings.Join(choices[name], ", "))
		}
	}
	return list
}

func (p *params) choice(name string) string {
	if list := p.chosen(name); len(list) > 0 {
		return list[0]
	}
	return ""
}

func (p *params) number(name string, absent, least, most int) int {
	v := p.one(name)
	if v == "" {
		return absent
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < least || n > most {
		p.fail(name, "%q is not allowed; use %d to %d", clip(v, 32), least, most)
	}
	return n
}

func (s *Server) rows(ctx context.Context, r *rowsRequest) (rulelist.Page, error) {
	return s.lists.Find(ctx, string(r.id), r.query)
}

func (s *Server) rowIDs(ctx context.Context, r *rowsRequest) (rulelist.IDs, error) {
	return s.lists.FindIDs(ctx, string(r.id), r.query)
}

// GET /{id}/rows/around.

type aroundRequest struct {
	rowsRequest
	ruleID string
}

func (r *aroundRequest) bind(s *Server, c *gin.Context) error {
	if err := r.rowsRequest.bind(s, c); err != nil {
		return err
	}
	var err error
	r.ruleID, err = named(c)
	return err
}

func (s *Server) rowsAround(ctx context.Context, r *aroundRequest) (rulelist.Around, error) {
	return s.lists.FindAround(ctx, string(r.id), r.ruleID, r.query)
}
