package api

import (
	"context"
	"fmt"

	"github.com/gin-gonic/gin"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/review"
)

// GET /{id}/rule.

type ruleRequest struct {
	id     migrationID
	ruleID string
}

func (r *ruleRequest) bind(s *Server, c *gin.Context) error {
	if err := r.id.bind(s, c); err != nil {
		return err
	}
	var err error
	r.ruleID, err = named(c)
	return err
}

// named is the rule that a query names.
func named(c *gin.Context) (string, error) {
	id := c.Query("rule_id")
	if id == "" {
		return "", badRequest("rule_id: is missing; name the rule, as ?rule_id=…")
	}
	c.Set(ruleIDKey, id)
	return id, nil
}

// newest is how many comments and steps of its history come with a rule; GET /{id}/rule/history has all, by pages.
const newest = 50

// oneRule is a rule as the calls about one give it: with the newest of its comments and history, and how many there are.
type oneRule struct {
	*migration.Rule
	Comments int `json:"comments_total"`
	History  int `json:"history_total"`
}

func one(rule migration.Rule) *oneRule {
	o := &oneRule{Rule: complete(&rule), Comments: len(rule.Comments), History: len(rule.History)}
	rule.Comments = rule.Comments[max(0, o.Comments-newest):]
	rule.History = rule.History[max(0, o.History-newest):]
	return o
}

func (s *Server) rule(ctx context.Context, r *ruleRequest) (*oneRule, error) {
	rule, err := s.Store.Rule(ctx, string(r.id), r.ruleID)
	if err != nil {
		return nil, fmt.Errorf("reading the rule: %w", err)
	}
	return one(rule), nil
}

// GET /{id}/rule/history.

const maxEvents = 200

type historyRequest struct {
	ruleRequest
	before, limit int
}

func (r *historyRequest) bind(s *Server, c *gin.Context) error {
	if err := r.ruleRequest.bind(s, c); err != nil {
		return err
	}
	p := params{values: c.Request.URL.Query()}
	r.before, r.limit = p.number("before", 0, 1, 1<<31-1), p.number("limit", newest, 1, maxEvents)
	return p.err
}

type historyBody struct {
	Total  int            `json:"total"`
	Events []review.Event `json:"events"`
}

func (s *Server) ruleHistory(ctx context.Context, r *historyRequest) (historyBody, error) {
	rule, err := s.Store.Rule(ctx, string(r.id), r.ruleID)
	if err != nil {
		return historyBody{}, fmt.Errorf("reading the rule: %w", err)
	}
	events, total := review.Events(rule, r.before, r.limit)
	return historyBody{total, events}, nil
}
