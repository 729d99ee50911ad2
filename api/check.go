package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// checkWithin bounds a check, that of the cluster included.
const checkWithin = 20 * time.Second

// Checker says what is wrong with an ES|QL query, without asking a cluster, with the errors of Explainer.
type Checker interface {
	Check(ctx context.Context, query string) ([]Problem, error)
}

// Problem is something wrong with a query, from Start to the position after its end.
type Problem struct {
	Severity string             `json:"severity"` // error, or warning: it may be meant so
	Message  string             `json:"message"`
	Start    migration.Position `json:"start"`
	End      migration.Position `json:"end"`
}

// ClusterState is what the configured cluster says of a query.
type ClusterState string

// States of a query at the cluster.
const (
	ClusterPassed        ClusterState = "passed"
	ClusterFailed        ClusterState = "failed"
	ClusterUnknownIndex  ClusterState = "unknown_index"
	ClusterUnknownField  ClusterState = "unknown_field"
	ClusterNotConfigured ClusterState = "not_configured"
	ClusterUnreachable   ClusterState = "unreachable"
)

// Cluster is the configured Elasticsearch. It is only read.
type Cluster interface {
	// Check has the cluster read a query without running it.
	Check(ctx context.Context, query string) (state ClusterState, message string)
	// Run runs a query over the documents between two times in date math. An error is for the caller to read.
	Run(ctx context.Context, query, from, to string, most int) (ClusterRows, error)
	// Present says whether something matches an index pattern.
	Present(ctx context.Context, pattern string) (bool, error)
}

// ClusterRows are what a query gave, at most as many as were asked for.
type ClusterRows struct {
	Columns   []ClusterColumn
	Rows      [][]any
	Truncated bool
}

// ClusterColumn is a column with ES|QL's name of its type.
type ClusterColumn struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// POST /internal/rulebridge/check.

type checkRequest struct {
	query   string
	cluster bool
}

type checkAnswer struct {
	Problems []Problem      `json:"problems"`
	Cluster  *clusterAnswer `json:"cluster,omitempty"`
}

type clusterAnswer struct {
	State   ClusterState `json:"state"`
	Message string       `json:"message"`
}

func (r *checkRequest) bind(s *Server, c *gin.Context) error {
	b := newBody(http.MaxBytesReader(c.Writer, c.Request.Body, 2*int64(s.Settings.Limits.Query)+(64<<10)), "")
	if err := b.expect('{', "", `an object such as {"query": "FROM logs-*"}`); err != nil {
		return err
	}
	asked := false
	err := b.object(func(name string) (bool, error) {
		var err error
		switch name {
		case "query":
			asked = true
			r.query, err = b.text(name, int64(s.Settings.Limits.Query), " (limits.query)")
		case "cluster":
			r.cluster, err = b.boolean(name)
		default:
			err = b.fault(clip(name, 64), "is not known; use query or cluster")
		}
		return true, err
	})
	if err != nil {
		return err
	}
	if !asked {
		return b.fault("query", "is missing")
	}
	return b.end()
}

func (s *Server) check(ctx context.Context, r *checkRequest) (checkAnswer, error) {
	ctx, cancel := context.WithTimeout(ctx, checkWithin)
	defer cancel()
	a := checkAnswer{Problems: []Problem{}}
	found, err := s.Checker.Check(ctx, r.query)
	switch {
	case errors.Is(err, ErrCrashed):
		place := migration.Position{Line: 1, Column: 1}
		a.Problems = append(a.Problems, Problem{"warning", "the query could not be checked: " + err.Error(), place, place})
	case err != nil:
		return checkAnswer{}, workError(err)
	}
	a.Problems = append(a.Problems, found...)
	switch {
	case !r.cluster:
	case s.Cluster == nil:
		a.Cluster = &clusterAnswer{ClusterNotConfigured, "no Elasticsearch is configured (elasticsearch.urls)"}
	default:
		a.Cluster = &clusterAnswer{}
		a.Cluster.State, a.Cluster.Message = s.Cluster.Check(ctx, r.query)
	}
	return a, nil
}
