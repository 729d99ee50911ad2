package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/rulebridge/rulebridge/api"
	"github.com/rulebridge/rulebridge/config"
	"github.com/rulebridge/rulebridge/internal/compile"
	"github.com/rulebridge/rulebridge/internal/interpret"
	"github.com/rulebridge/rulebridge/internal/isolate"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/prebuilt"
	"github.com/rulebridge/rulebridge/internal/store/elastic"
)

// workbench is what a person needs who works at one rule, in the words of the gateway.
type workbench struct{ recompiler *Recompiler }

// Equip gives the gateway what people need who work at one rule: what became of its commands, checks and trials, and the
// configured Elasticsearch, if there is one. The catalogue of prebuilt rules may be nil.
func Equip(d *api.Deps, c config.Config, r *Recompiler, catalogue *prebuilt.Catalogue) error {
	w := workbench{r}
	if catalogue != nil {
		d.Prebuilt = prebuiltRules{catalogue}
	}
	d.Explainer, d.Trier, d.Checker = w, w, w
	if len(c.Elasticsearch.URLs) == 0 {
		return nil
	}
	cluster, err := elastic.NewQueries(ElasticOptions(c.Elasticsearch))
	if err != nil {
		return fmt.Errorf("queries on Elasticsearch: %w", err)
	}
	d.Cluster = queries{elastic: cluster, own: c.Elasticsearch.Prefix}
	return nil
}

// Explain implements api.Explainer.
func (w workbench) Explain(ctx context.Context, migrationID string, rule migration.OriginalRule) (api.Explained, error) {
	made, err := w.recompiler.Explain(ctx, migrationID, rule)
	if err != nil {
		return api.Explained{}, crashed(err)
	}
	e := api.Explained{Compiler: made.Compiler, Diagnostics: made.Diagnostics}
	if made.Rule != nil {
		e.Query = made.Rule.Query
	}
	for _, s := range made.Stages {
		stage := api.Stage{Command: s.Command, SPL: api.Part(s.SPL), Notes: s.Notes, ESQL: parts(s.ESQL)}
		e.Stages = append(e.Stages, stage)
	}
	return e, nil
}

// Try implements api.Trier.
func (w workbench) Try(ctx context.Context, migrationID string, t api.Trial) (api.Tried, error) {
	a, err := w.recompiler.Try(ctx, migrationID, interpret.Request{SPL: t.SPL, Events: t.Events, Now: t.Now})
	if err != nil {
		return api.Tried{}, crashed(err)
	}
	return api.Tried(a), nil
}

// Check implements api.Checker.
func (w workbench) Check(ctx context.Context, query string) ([]api.Problem, error) {
	found, err := w.recompiler.Check(ctx, query)
	if err != nil {
		return nil, crashed(err)
	}
	problems := make([]api.Problem, len(found))
	for i, p := range found {
		problems[i] = api.Problem(p)
	}
	return problems, nil
}

func parts(list []compile.Part) []api.Part {
	out := make([]api.Part, len(list))
	for i, p := range list {
		out[i] = api.Part(p)
	}
	return out
}

// crashed marks the errors of processes for the gateway.
func crashed(err error) error {
	var crash *isolate.CrashError
	if errors.As(err, &crash) || errors.Is(err, isolate.ErrPanic) {
		return fmt.Errorf("%w: %w", api.ErrCrashed, err)
	}
	return err
}

// prebuiltRules are those of a catalogue.
type prebuiltRules struct{ catalogue *prebuilt.Catalogue }

// Rule implements api.PrebuiltRules.
func (p prebuiltRules) Rule(id string) (api.PrebuiltRule, bool) {
	r, ok := p.catalogue.Rule(id)
	return api.PrebuiltRule{ID: r.ID, Name: r.Name, Description: r.Description, Query: r.Query, Language: r.Language, Index: r.Index,
		Severity: r.Severity, Threat: compile.Threats(r.MitreAttackIDs), Version: r.Version}, ok
}
