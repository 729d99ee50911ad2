package api

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/rulelist"
)

// Bounds of the questions whether sources are there.
const (
	presentFor    = time.Minute // how long an answer holds
	maxPresent    = 4096        // answers that are kept
	presentWithin = 10 * time.Second
	presentAtOnce = 4
)

type presence string

const (
	presentYes     presence = "yes"
	presentNo      presence = "no"
	presentUnknown presence = "unknown"
)

// GET /{id}/sources.

type sourceAnswer struct {
	Pattern string   `json:"pattern"`
	Rules   int      `json:"rules"`
	Present presence `json:"present"`
}

// sources are the index patterns that the rules read, and whether the configured cluster has something that matches.
func (s *Server) sources(ctx context.Context, r *migrationID) ([]sourceAnswer, error) {
	page, err := s.lists.Find(ctx, string(*r), rulelist.Query{Facets: true, Limit: 1})
	if err != nil {
		return nil, err
	}
	list := []sourceAnswer{}
	if page.Facets == nil {
		return list, nil
	}
	for _, f := range page.Facets.Sources {
		list = append(list, sourceAnswer{f.Name, f.Rules, presentUnknown})
	}
	if s.Cluster != nil {
		s.lookFor(ctx, list)
	}
	return list, nil
}

// lookFor asks the cluster for what is not known; what it does not answer in time stays unknown.
func (s *Server) lookFor(ctx context.Context, list []sourceAnswer) {
	ctx, cancel := context.WithTimeout(ctx, presentWithin)
	defer cancel()
	var asking errgroup.Group
	asking.SetLimit(presentAtOnce)
	var failed sync.Once
	for i := range list {
		if known, ok := s.present.Get(list[i].Pattern); ok {
			list[i].Present = known
			continue
		}
		asking.Go(func() error {
			there, err := s.Cluster.Present(ctx, list[i].Pattern)
			switch {
			case err != nil:
				failed.Do(func() { s.Log.Warn("whether sources are in Elasticsearch is not known", zap.Error(err)) })
				if ctx.Err() != nil {
					return nil
				}
			case there:
				list[i].Present = presentYes
			default:
				list[i].Present = presentNo
			}
			s.present.Add(list[i].Pattern, list[i].Present)
			return nil
		})
	}
	_ = asking.Wait() // none gives an error
}

// PrebuiltRules are the prebuilt rules that rules are matched with.
type PrebuiltRules interface {
	Rule(id string) (PrebuiltRule, bool)
}

// PrebuiltRule is a prebuilt rule as the catalogue has it.
type PrebuiltRule struct {
	ID          string             `json:"rule_id"`
	Name        string             `json:"name"`
	Description string             `json:"description"`
	Query       string             `json:"query"`
	Language    string             `json:"language"`
	Index       []string           `json:"index"`
	Severity    string             `json:"severity"`
	Threat      []migration.Threat `json:"threat"`
	Version     int                `json:"version"`
}

// GET /internal/rulebridge/prebuilt.

type prebuiltRequest struct{ id string }

func (r *prebuiltRequest) bind(_ *Server, c *gin.Context) error {
	if r.id = c.Query("rule_id"); r.id == "" {
		return badRequest("rule_id: is missing; name the rule, as ?rule_id=…")
	}
	return nil
}

func (s *Server) prebuilt(_ context.Context, r *prebuiltRequest) (PrebuiltRule, error) {
	rule, ok := s.Prebuilt.Rule(r.id)
	if !ok {
		return rule, &Error{Status: http.StatusNotFound, Message: fmt.Sprintf("rule_id: %q is not among the prebuilt rules of this gateway", clip(r.id, 64))}
	}
	if rule.Index == nil {
		rule.Index = []string{}
	}
	if rule.Threat == nil {
		rule.Threat = []migration.Threat{}
	}
	return rule, nil
}
