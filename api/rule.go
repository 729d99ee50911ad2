package api

import (
	"context"
	"fmt"

	"github.com/gin-gonic/gin"

	"github.com/rulebridge/rulebridge/internal/migration"
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

func (s *Server) rule(ctx context.Context, r *ruleRequest) (*migration.Rule, error) {
	rule, err := s.Store.Rule(ctx, string(r.id), r.ruleID)
	if err != nil {
		return nil, fmt.Errorf("reading the rule: %w", err)
	}
	return complete(&rule), nil
}
