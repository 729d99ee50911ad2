package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
)

// GET /migrations.

// summary is a migration as a list of them shows it.
type summary struct {
	ID          string           `json:"id"`
	Name        string           `json:"name"`
	State       migration.State  `json:"state"`
	Total       int              `json:"total"`
	ConnectorID string           `json:"connector_id"`
	CreatedAt   time.Time        `json:"created_at"`
	CreatedBy   string           `json:"created_by"`
	LastUpdated time.Time        `json:"last_updated_at"`
	ParkReason  string           `json:"park_reason"`
	Error       string           `json:"error"`
	Rules       migration.Counts `json:"rules"`
	// Results are of the overview that the list is made of: absent where there is none yet.
	Results *migration.Results `json:"results,omitempty"`
}

func summaryOf(m migration.Migration, c migration.Counts) summary {
	return summary{ID: m.ID, Name: m.Name, State: m.State, Total: m.Total, ConnectorID: m.ConnectorID, CreatedAt: m.CreatedAt,
		CreatedBy: m.CreatedBy, LastUpdated: m.LastUpdated, ParkReason: m.ParkReason, Error: m.Error, Rules: c}
}

// summaries are all migrations, oldest first, from the overview that GET /stats answers from.
func (s *Server) summaries(ctx context.Context, _ *nothing) ([]summary, error) {
	o, err := s.overview(ctx)
	if err != nil {
		return nil, err
	}
	known := make(map[string]store.Standing, len(o.standings))
	for _, m := range o.standings {
		known[m.ID] = m
	}
	list := make([]summary, 0, len(o.standings))
	for _, st := range s.recent.over(o) {
		m, seen := known[st.MigrationID]
		if !seen {
			// Created here since the overview: few, and only until the next.
			if m.Migration, err = s.Store.Migration(ctx, st.MigrationID); errors.Is(err, store.ErrNotFound) {
				continue
			} else if err != nil {
				return nil, fmt.Errorf("reading the migration: %w", err)
			}
		}
		m.State, m.Total, m.ParkReason = st.Status, st.Rules.Total, st.ParkReason
		if st.LastUpdated.After(m.LastUpdated) {
			m.LastUpdated = st.LastUpdated
		}
		row := summaryOf(m.Migration, st.Rules)
		if seen {
			row.Results = &m.Results
		}
		list = append(list, row)
	}
	slices.SortStableFunc(list, func(a, b summary) int { return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID)) })
	return list, nil
}

// PATCH /{id}: rename.

type renameRequest struct {
	id   migrationID
	name string
}

func (r *renameRequest) bind(s *Server, c *gin.Context) error {
	if err := r.id.bind(s, c); err != nil {
		return err
	}
	b := newBody(c.Request.Body, "")
	if err := b.expect('{', "", `an object such as {"name": "Windows rules"}`); err != nil {
		return err
	}
	err := b.object(func(name string) (bool, error) {
		if name != "name" {
			return true, b.fault(clip(name, 64), "is not known; use name")
		}
		text, err := b.text(name, int64(s.Settings.Limits.Title), " (limits.title)")
		if r.name = strings.TrimSpace(text); err == nil {
			err = b.identifier(name, r.name)
		}
		return true, err
	})
	if err != nil {
		return err
	}
	if r.name == "" {
		return b.fault("name", "is missing")
	}
	return b.end()
}

func (s *Server) rename(ctx context.Context, r *renameRequest) (summary, error) {
	id := string(r.id)
	if err := s.Store.Rename(ctx, id, r.name, PrincipalOf(ctx).Name); err != nil {
		return summary{}, fmt.Errorf("renaming the migration: %w", err)
	}
	s.changed(id)
	m, err := s.Store.Migration(ctx, id)
	if err != nil {
		return summary{}, fmt.Errorf("reading the migration: %w", err)
	}
	counts, err := s.Store.Counts(ctx, id)
	if err != nil {
		return summary{}, fmt.Errorf("counting rules: %w", err)
	}
	return summaryOf(m, counts), nil
}
