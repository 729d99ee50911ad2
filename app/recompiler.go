package app

import (
	"go.uber.org/zap"

	"github.com/rulebridge/rulebridge/config"
	"github.com/rulebridge/rulebridge/internal/compile"
	"github.com/rulebridge/rulebridge/internal/isolate"
)

// Recompiler compiles rules outside of their migrations, in a process of its own that is started with the first rule.
// Close it.
type Recompiler struct {
	isolate.Compiler
	// Version names the compiler.
	Version string
	pool    *isolate.Pool
}

// NewRecompiler compiles with the macros and lookups that resources has.
func NewRecompiler(c config.Config, resources compile.Resources, compilers Compilers, log *zap.Logger) (*Recompiler, error) {
	how, err := readCompilation(c.Schema, TranslationSettings(c.Translation))
	if err != nil {
		return nil, err
	}
	r := &Recompiler{Version: how.version}
	if compilers.Path == "" {
		r.Compiler = how.local(nil)(resources)
		return r, nil
	}
	r.pool, err = isolate.NewPool(isolate.Options{Path: compilers.Path, Args: compilers.Args, Resources: resources, Size: 1, Log: log.Named("compilers")})
	r.Compiler = r.pool
	return r, err
}

// Close ends the process.
func (r *Recompiler) Close() {
	if r.pool != nil {
		r.pool.Close()
	}
}
