package app

import (
	"context"

	"go.uber.org/zap"

	"github.com/rulebridge/rulebridge/config"
	"github.com/rulebridge/rulebridge/internal/check"
	"github.com/rulebridge/rulebridge/internal/compile"
	"github.com/rulebridge/rulebridge/internal/isolate"
)

// Recompiler compiles and explains rules, and runs searches, outside of migrations, in processes of its own that are
// started when they are needed. Close it.
type Recompiler struct {
	isolate.Compiler
	isolate.Explainer
	isolate.Trier
	// Check says what is wrong with an ES|QL query.
	Check func(ctx context.Context, query string) ([]check.Problem, error)
	// Version names the compiler.
	Version string
	pool    *isolate.Pool
}

// recompilers is how many processes there are: a comparison keeps one busy while somebody looks at a rule.
const recompilers = 2

// NewRecompiler compiles with the macros and lookups that resources has.
func NewRecompiler(c config.Config, resources compile.Resources, compilers Compilers, log *zap.Logger) (*Recompiler, error) {
	how, err := readCompilation(c.Schema, TranslationSettings(c.Translation))
	if err != nil {
		return nil, err
	}
	r := &Recompiler{Version: how.version}
	if compilers.Path == "" {
		local := how.local(nil)(resources)
		r.Compiler, r.Explainer, r.Trier, r.Check = local, local, local, local.Check
		return r, nil
	}
	r.pool, err = isolate.NewPool(isolate.Options{Path: compilers.Path, Args: compilers.Args, Resources: resources, Size: recompilers, Log: log.Named("compilers")})
	r.Compiler, r.Explainer, r.Trier, r.Check = r.pool, r.pool, r.pool, r.pool.Check
	return r, err
}

// Close ends the process.
func (r *Recompiler) Close() {
	if r.pool != nil {
		r.pool.Close()
	}
}
