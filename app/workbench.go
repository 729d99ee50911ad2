package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/rulebridge/rulebridge/api"
	"github.com/rulebridge/rulebridge/internal/compile"
	"github.com/rulebridge/rulebridge/internal/isolate"
	"github.com/rulebridge/rulebridge/internal/migration"
)

// workbench is what a person needs who works at one rule, in the words of the gateway.
type workbench struct {
	recompiler *Recompiler
}

// Equip gives the gateway what people need who work at one rule.
func Equip(d *api.Deps, r *Recompiler) {
	w := &workbench{recompiler: r}
	d.Explainer = w
}

// Explain implements api.Explainer.
func (w *workbench) Explain(ctx context.Context, migrationID string, rule migration.OriginalRule) (api.Explained, error) {
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
