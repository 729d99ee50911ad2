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
	r.ruleID = c.Query("rule_id")
	if r.ruleID == "" {
		return badRequest("rule_id: is missing; name the rule, as ?rule_id=…")
	}
	c.Set(ruleIDKey, r.ruleID)
	return nil
}

func (s *Server) rule(ctx context.Context, r *ruleRequest) (*migration.Rule, error) {
	rule, err := s.Store.Rule(ctx, string(r.id), r.ruleID)
	if err != nil {
		return nil, fmt.Errorf("reading the rule: %w", err)
	}
	return complete(&rule), nil
}
