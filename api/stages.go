package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// stagesWithin bounds the explanation of a rule, which takes milliseconds.
const stagesWithin = 20 * time.Second

// ErrCrashed says that a rule or a search took down the process that worked on it, or held it for too long.
var ErrCrashed = errors.New("it takes down the process that works on it, or takes it too long")

// Explainer says what became of each command of a rule, with the macros and lookups of its migration; ErrCrashed where
// that ends the process that works on it, context.DeadlineExceeded where none is free in time.
type Explainer interface {
	Explain(ctx context.Context, migrationID string, rule migration.OriginalRule) (Explained, error)
}

// Explained is what the compiler makes of a rule now.
type Explained struct {
	Compiler    string
	Query       string // empty without a draft
	Diagnostics []migration.Diagnostic
	Stages      []Stage // whose notes are indices into Diagnostics
}

// Stage is a command of the search beside the ES|QL it became.
type Stage struct {
	Command string `json:"command"`
	SPL     Part   `json:"spl"`
	ESQL    []Part `json:"esql"`
	Notes   []int  `json:"notes"`
}

// Part is a piece of a text, from Start to the position after its end.
type Part struct {
	Start migration.Position `json:"start"`
	End   migration.Position `json:"end"`
	Text  string             `json:"text"`
}

// GET /{id}/rule/stages.

type stagesAnswer struct {
	Stages          []Stage `json:"stages"`
	CompilerVersion string  `json:"compiler_version"`
	// Current: the rule's query is the one that the stages belong to.
	Current bool `json:"current"`
	// Query is the one that the stages belong to; empty when the search has no draft.
	Query string `json:"query"`
}

// stages compiles the rule as it is now. Notes are those that the stored rule has too, by their place among its own.
func (s *Server) stages(ctx context.Context, r *ruleRequest) (stagesAnswer, error) {
	rule, err := s.Store.Rule(ctx, string(r.id), r.ruleID)
	if err != nil {
		return stagesAnswer{}, fmt.Errorf("reading the rule: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, stagesWithin)
	defer cancel()
	made, err := s.Explainer.Explain(ctx, string(r.id), rule.Original)
	if err != nil {
		return stagesAnswer{}, workError(err)
	}
	a := stagesAnswer{Stages: []Stage{}, CompilerVersion: made.Compiler, Query: made.Query}
	a.Current = rule.Elastic != nil && made.Query != "" && rule.Elastic.Query == made.Query
	for _, stage := range made.Stages {
		notes := []int{}
		for _, n := range stage.Notes {
			if i := slices.Index(rule.Diagnostics, made.Diagnostics[n]); i >= 0 {
				notes = append(notes, i)
			}
		}
		stage.Notes = notes
		a.Stages = append(a.Stages, stage)
	}
	return a, nil
}

// workError says what the end of a process that worked on a rule or a search means for the caller.
func workError(err error) error {
	switch {
	case errors.Is(err, ErrCrashed):
		return &Error{Status: http.StatusUnprocessableEntity, Message: err.Error()}
	case errors.Is(err, context.DeadlineExceeded):
		return &Error{Status: http.StatusServiceUnavailable, Header: map[string]string{"Retry-After": "5"},
			Message: "the processes that compile are busy; try again"}
	}
	return err
}
