package app

import (
	"context"
	"io"

	sdkworker "go.temporal.io/sdk/worker"

	"github.com/rulebridge/rulebridge/activities"
	"github.com/rulebridge/rulebridge/config"
	"github.com/rulebridge/rulebridge/internal/check"
	"github.com/rulebridge/rulebridge/internal/compile"
	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/interpret"
	"github.com/rulebridge/rulebridge/internal/isolate"
	"github.com/rulebridge/rulebridge/internal/llm"
	"github.com/rulebridge/rulebridge/internal/prebuilt"
	"github.com/rulebridge/rulebridge/internal/store"
	"github.com/rulebridge/rulebridge/internal/translate"

	"go.uber.org/zap"
)

// Activities are the activities over a store, ready to be registered. Close them after the worker that runs them.
type Activities struct {
	activities *activities.Activities
	pool       *isolate.Pool // nil: rules are compiled in this process
}

// Compilers say how processes are started that compile rules apart from this one, so that a rule that takes its process
// down does not take down the worker: see ServeCompiler. An empty Path compiles in this process.
type Compilers struct {
	Path string
	Args []string // with the program's name
}

// NewActivities builds the activities over a store.
func NewActivities(ctx context.Context, c config.Config, s store.Store, catalogue *prebuilt.Catalogue, compilers Compilers, log *zap.Logger) (*Activities, error) {
	connectors, err := llm.NewSet(connectorConfigs(c.Connectors))
	if err != nil {
		return nil, err
	}
	// Read here too: a fault in the overrides is the user's to mend before anything starts.
	how, err := readCompilation(c.Schema, TranslationSettings(c.Translation))
	if err != nil {
		return nil, err
	}
	d := activities.Deps{
		Migrations: s, Rules: s, Answers: s, Connectors: connectors, Logger: log.Named("activities"),
		Known: compile.Known{Schema: how.options.Schema},
	}
	a := &Activities{}
	if compilers.Path != "" {
		pool, err := isolate.NewPool(isolate.Options{Path: compilers.Path, Args: compilers.Args, Resources: s, Log: log.Named("compilers")})
		if err == nil {
			err = pool.Start(ctx)
		}
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			log.Warn("no process can be started to compile rules in; they are compiled in this process, which a rule can then take down", zap.Error(err))
		default:
			a.pool = pool
		}
	}
	if a.pool != nil {
		d.Compiler = a.pool
		if catalogue != nil {
			d.Matcher = a.pool
		}
	} else {
		local := how.local(catalogue)(s)
		d.Compiler = local
		if catalogue != nil {
			d.Matcher = local
		}
	}
	a.activities = activities.New(d)
	return a, nil
}

// TranslationSettings are the settings of the translation as the compiler takes them.
func TranslationSettings(c config.Translation) compile.Settings {
	return compile.Settings{TimeZone: c.TimeZone, Interval: c.Interval, Margin: c.Margin, CombiningInterval: c.CombiningInterval,
		Target: c.Target, UnmappedFields: c.UnmappedFields}
}

// compilation is how rules are compiled: what the configuration says of fields and schedules, and the compiler's name.
type compilation struct {
	options  translate.Options
	defaults compile.Defaults
	language esql.Version
	version  string
}

func readCompilation(schemaFile string, settings compile.Settings) (compilation, error) {
	mapping, err := Schema(schemaFile)
	if err != nil {
		return compilation{}, err
	}
	defaults, err := settings.Defaults()
	if err != nil {
		return compilation{}, err
	}
	options, err := settings.Options(mapping)
	if err != nil {
		return compilation{}, err
	}
	version, err := CompilerVersion(schemaFile, settings)
	return compilation{options, defaults, language(options.Target), version}, err
}

// language is the version of ES|QL that drafts for a target are written in.
func language(target translate.Target) esql.Version {
	if target == translate.Target9 {
		return esql.V9
	}
	return esql.V8
}

// local compiles and matches in the process that calls it; without a catalogue it only compiles.
func (c compilation) local(catalogue *prebuilt.Catalogue) func(compile.Resources) isolate.Local {
	return func(r compile.Resources) isolate.Local {
		cache := compile.NewCache(r, c.options, c.defaults).Named(c.version)
		local := isolate.Local{Compiler: cache, Explainer: cache, Trier: interpret.Runner{Resources: r},
			Checker: check.Checker{Known: compile.Known{Schema: c.options.Schema}, Version: c.language}}
		if catalogue != nil {
			local.Matcher = prebuilt.Matcher{Catalogue: catalogue}
		}
		return local
	}
}

// ServeCompiler is the process that Compilers start: it compiles the rules that come in and answers on out, until in
// ends. wrap may stand around the compiler; nil leaves it as it is.
func ServeCompiler(in io.Reader, out io.Writer, schemaFile string, settings compile.Settings, catalogue *prebuilt.Catalogue, wrap func(isolate.Compiler) isolate.Compiler) error {
	how, err := readCompilation(schemaFile, settings)
	if err != nil {
		return err
	}
	build := how.local(catalogue)
	return isolate.Serve(in, out, func(r compile.Resources) isolate.Local {
		local := build(r)
		if wrap != nil {
			local.Compiler = wrap(local.Compiler)
		}
		return local
	})
}

// Register makes the activities known to a worker.
func (a *Activities) Register(r sdkworker.Registry) { a.activities.Register(r) }

// Drain makes rules end soon that hold their process for long: the program is about to end.
func (a *Activities) Drain() {
	if a != nil && a.pool != nil {
		a.pool.Drain()
	}
}

// Close ends the processes.
func (a *Activities) Close() {
	if a != nil && a.pool != nil {
		a.pool.Close()
	}
}

func connectorConfigs(cs []config.Connector) []llm.Config {
	out := make([]llm.Config, len(cs))
	for i, c := range cs {
		out[i] = llm.Config{
			ID: c.ID, Kind: c.Kind, Latency: c.Latency, Jitter: c.Jitter.Of(c.Latency), ErrorRate: float64(c.ErrorRate), Seed: c.Seed,
			Model: c.Model, URL: c.URL, APIVersion: c.APIVersion, APIKey: c.APIKey.Reveal(), Timeout: c.Timeout,
			MaxTokens: c.MaxTokens, Temperature: c.Temperature, Budget: c.Budget,
		}
	}
	return out
}
