package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json/jsontext"
)

// Bounds of a trial.
const (
	maxTryEvents = 1000
	maxTryBytes  = 1 << 20 // of all events
	maxTryRows   = 100     // of the cluster
	maxTryBody   = 4 << 20
	maxTryRange  = 64
	tryWithin    = 20 * time.Second
	// maxTrials is how many trials a gateway carries out at once.
	maxTrials = 4
	// tryBack is where a trial on the cluster begins when nothing says so.
	tryBack = "now-1h"
)

// Trier runs a search over events that somebody pasted, with the errors of Explainer. What is wrong with the search or
// the events stands in what it gives.
type Trier interface {
	Try(ctx context.Context, migrationID string, t Trial) (Tried, error)
}

// Trial is a search and the events it runs over: JSON objects, or lines as a log has them.
type Trial struct {
	SPL    string
	Events []string
	Now    time.Time
}

// Tried is what a search gave; Error is set, and the rest empty, when it could not be run. Rows have a value a column: a
// text, a number, a list of these, or null.
type Tried struct {
	Columns   []string `json:"columns"`
	Rows      [][]any  `json:"rows"`
	Truncated bool     `json:"truncated"`
	Notes     []string `json:"notes"`
	Error     string   `json:"error,omitempty"`
}

// POST /internal/rulebridge/try.

type tryRequest struct {
	migrationID, ruleID string
	trial               Trial
	query, from, to     string
}

type tryAnswer struct {
	SPL  Tried      `json:"spl"`
	ESQL triedQuery `json:"esql"`
}

type triedQuery struct {
	State     string          `json:"state"` // ran, not_configured or failed
	Columns   []ClusterColumn `json:"columns"`
	Rows      [][]any         `json:"rows"`
	Truncated bool            `json:"truncated"`
	Error     string          `json:"error,omitempty"`
}

// timeForm is a time in date math, or one in ISO 8601.
var timeForm = regexp.MustCompile(`^(now([+-][0-9]{1,6}[smhHdwMy])*(/[smhHdwMy])?|[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.]{5,18}(Z|[+-][0-9]{2}:[0-9]{2}))?)$`)

func (r *tryRequest) bind(s *Server, c *gin.Context) error {
	b := newBody(http.MaxBytesReader(c.Writer, c.Request.Body, maxTryBody), "")
	if err := b.expect('{', "", `an object such as {"spl": "status=500", "events": "{\"status\": 500}"}`); err != nil {
		return err
	}
	query := int64(s.Settings.Limits.Query)
	err := b.object(func(name string) (bool, error) {
		if b.null() {
			return true, nil
		}
		var err error
		switch name {
		case "migration_id":
			r.migrationID, err = b.text(name, maxID, "")
		case "rule_id":
			r.ruleID, err = b.text(name, maxID, "")
		case "spl":
			r.trial.SPL, err = b.text(name, query, " (limits.query)")
		case "query":
			r.query, err = b.text(name, query, " (limits.query)")
		case "events":
			r.trial.Events, err = b.events()
		case "from":
			r.from, err = b.moment(name)
		case "to":
			r.to, err = b.moment(name)
		default:
			err = b.fault(clip(name, 64), "is not known; use migration_id, rule_id, spl, query, events, from or to")
		}
		return true, err
	})
	if err != nil {
		return err
	}
	if r.trial.SPL == "" && r.query == "" {
		return b.fault("", "has neither spl nor query; send the search, the query or both")
	}
	if r.migrationID != "" && !migrationIDForm.MatchString(r.migrationID) {
		return b.fault("migration_id", "%q is no id of a migration", clip(r.migrationID, 64))
	}
	if r.ruleID != "" && r.migrationID == "" {
		return b.fault("rule_id", "needs migration_id")
	}
	return b.end()
}

func (b *body) moment(name string) (string, error) {
	text, err := b.text(name, maxTryRange, "")
	if err == nil && text != "" && !timeForm.MatchString(text) {
		err = b.fault(name, "%q is no time; write now-1h, now-7d/d or 2026-01-02T03:04:05Z", text)
	}
	return text, err
}

// events reads what was pasted: a list of objects and lines, or a text of them.
func (b *body) events() (list []string, err error) {
	size := 0
	add := func(text string) error {
		if text = strings.TrimSpace(text); text == "" {
			return nil
		}
		if size += len(text); size > maxTryBytes {
			return b.fault("events", "are more than %d bytes in all; send fewer", maxTryBytes)
		}
		if len(list) == maxTryEvents {
			return b.fault("events", "are more than %d; send fewer", maxTryEvents)
		}
		list = append(list, text)
		return nil
	}
	if b.dec.PeekKind() != '"' {
		err := b.list("events", maxTryEvents, func(at string) error {
			v, err := b.dec.ReadValue()
			if err != nil {
				return b.broken(err)
			}
			return b.event(at, v, add)
		})
		return list, err
	}
	text, err := b.text("events", maxTryBytes, "")
	if err != nil {
		return nil, err
	}
	if values, ok := jsonValues(text); ok {
		for i, v := range values {
			if err := b.event(fmt.Sprintf("events[%d]", i), v, add); err != nil {
				return nil, err
			}
		}
		return list, nil
	}
	for line := range strings.Lines(text) {
		if err := add(line); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (b *body) event(at string, v jsontext.Value, add func(string) error) error {
	switch v.Kind() {
	case '{':
		return add(string(v))
	case '"':
		var line string
		if err := json.Unmarshal(v, &line); err != nil {
			return b.fault(at, "cannot be read")
		}
		return add(line)
	}
	return b.fault(at, "must be an object or a text, not %s", kindNames[v.Kind()])
}

// jsonValues are the objects of a text that is a list of them, or nothing but objects, however they are laid out.
func jsonValues(text string) (list []jsontext.Value, ok bool) {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "[") {
		var values []json.RawMessage
		if json.Unmarshal([]byte(text), &values) != nil {
			return nil, false
		}
		for _, v := range values {
			list = append(list, jsontext.Value(bytes.TrimSpace(v)))
		}
		return list, true
	}
	if !strings.HasPrefix(text, "{") {
		return nil, false
	}
	for d := json.NewDecoder(strings.NewReader(text)); ; {
		var v json.RawMessage
		if err := d.Decode(&v); err != nil {
			return list, !d.More() && len(list) > 0
		}
		if list = append(list, jsontext.Value(v)); len(list) > maxTryEvents+1 {
			return list, true
		}
	}
}

// try runs the search over the events and the query on the cluster, at the same time.
func (s *Server) try(ctx context.Context, r *tryRequest) (tryAnswer, error) {
	select {
	case s.trying <- struct{}{}:
		defer func() { <-s.trying }()
	default:
		return tryAnswer{}, &Error{Status: http.StatusTooManyRequests, Header: map[string]string{"Retry-After": "2"},
			Message: fmt.Sprintf("%d trials run here already, and no more at once; try again in a moment", maxTrials)}
	}
	ctx, cancel := context.WithTimeout(ctx, tryWithin)
	defer cancel()
	if err := s.lookBack(ctx, r); err != nil {
		return tryAnswer{}, err
	}
	a := tryAnswer{SPL: Tried{Columns: []string{}, Rows: [][]any{}, Notes: []string{}, Error: "no search was given"}}
	var both sync.WaitGroup
	both.Go(func() { a.ESQL = s.tryQuery(ctx, r) })
	var err error
	if r.trial.SPL != "" {
		r.trial.Now = s.Now().UTC()
		if a.SPL, err = s.Trier.Try(ctx, r.migrationID, r.trial); errors.Is(err, ErrCrashed) {
			a.SPL, err = Tried{Columns: []string{}, Rows: [][]any{}, Notes: []string{}, Error: err.Error()}, nil
		}
	}
	both.Wait()
	if err != nil {
		return tryAnswer{}, workError(err)
	}
	return a, nil
}

// lookBack makes sure that the migration is there, and takes the beginning of the range of the rule where none is given.
func (s *Server) lookBack(ctx context.Context, r *tryRequest) error {
	if r.migrationID != "" {
		if _, err := s.Store.Migration(ctx, r.migrationID); err != nil {
			return fmt.Errorf("reading the migration: %w", err)
		}
	}
	if r.ruleID != "" && r.from == "" {
		rule, err := s.Store.Rule(ctx, r.migrationID, r.ruleID)
		if err != nil {
			return fmt.Errorf("reading the rule: %w", err)
		}
		if rule.Elastic != nil && timeForm.MatchString(rule.Elastic.From) {
			r.from = rule.Elastic.From
		}
	}
	if r.from == "" {
		r.from = tryBack
	}
	return nil
}

func (s *Server) tryQuery(ctx context.Context, r *tryRequest) triedQuery {
	a := triedQuery{Columns: []ClusterColumn{}, Rows: [][]any{}}
	switch {
	case s.Cluster == nil:
		a.State, a.Error = "not_configured", "no Elasticsearch is configured (elasticsearch.urls)"
		return a
	case r.query == "":
		a.State, a.Error = "failed", "no query was given"
		return a
	}
	rows, err := s.Cluster.Run(ctx, r.query, r.from, r.to, maxTryRows)
	if err != nil {
		a.State, a.Error = "failed", err.Error()
		return a
	}
	a.State, a.Truncated = "ran", rows.Truncated
	a.Columns, a.Rows = append(a.Columns, rows.Columns...), append(a.Rows, rows.Rows...)
	return a
}
