// Package activities does what the workflows decide: it claims and releases rules, matches and translates them, and asks
// models. Every write carries a fence, so that an attempt that comes late changes nothing.
package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/worker"
	"go.uber.org/zap"

	"github.com/rulebridge/rulebridge/internal/compile"
	"github.com/rulebridge/rulebridge/internal/isolate"
	"github.com/rulebridge/rulebridge/internal/llm"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
	"github.com/rulebridge/rulebridge/workflows"
)

// Migrations is what the activities need of the migration documents.
type Migrations interface {
	Migration(ctx context.Context, id string) (migration.Migration, error)
	SetState(ctx context.Context, id string, c store.Change) error
}

// Rules is what the activities need of the rule documents.
type Rules interface {
	Requeue(ctx context.Context, id string, epoch int64, again store.Again) (migration.Counts, error)
	Claim(ctx context.Context, id string, token migration.Token, limit int) ([]string, migration.Counts, error)
	Rule(ctx context.Context, id, ruleID string) (migration.Rule, error)
	Record(ctx context.Context, id, ruleID string, token migration.Token, change func(*migration.Rule)) error
	Release(ctx context.Context, id string, epoch int64, ruleIDs []string) (migration.Counts, error)
	Counts(ctx context.Context, id string) (migration.Counts, error)
}

// Answers keeps what models said.
type Answers interface {
	BeginCall(ctx context.Context, id, key string, c store.Call) (attempt int, answer *store.Answer, err error)
	SaveAnswer(ctx context.Context, id, key string, a store.Answer) error
	Answer(ctx context.Context, id, key string) (store.Answer, error)
}

// Matcher finds the prebuilt rules nearest to a rule. Matched, with the rule it stands for, is nil unless one can replace
// the original; compiled is the compiler's own draft, nil when there is none. Its errors are those of Compiler.
type Matcher interface {
	Match(ctx context.Context, rule migration.OriginalRule, compiled *migration.ElasticRule, diagnostics []migration.Diagnostic) (isolate.Matched, error)
}

// Compiler translates one rule of a migration, under the macros and lookups of that migration. *isolate.CrashError is the
// rule's own fault, isolate.ErrInterrupted passes, isolate.ErrPanic and compile.ErrResources do not.
type Compiler interface {
	Compile(ctx context.Context, migrationID string, rule migration.OriginalRule) (compile.Output, error)
}

// Connectors finds configured connectors; Budget is the most calls a migration may make of one, zero for no limit.
type Connectors interface {
	Connector(id string) (llm.Connector, bool)
	Budget(id string) int
}

// Known answers whether the schema has an index pattern, and whether a field exists in one of some index patterns.
type Known interface {
	Index(pattern string) bool
	Field(patterns []string, name string) bool
}

// Deps are what Activities are put together from. Matcher, Connectors and Known may be nil: nothing matches, no model is
// known, and a model's answer may read only what the draft reads.
type Deps struct {
	Migrations Migrations
	Rules      Rules
	Answers    Answers
	Compiler   Compiler
	Matcher    Matcher
	Connectors Connectors
	Known      Known
	Logger     *zap.Logger
	// Now is the clock of the documents; nil means the system's.
	Now func() time.Time
}

// Activities implements every activity of the contract.
type Activities struct {
	Deps
	flights flights
}

// New puts the activities together.
func New(d Deps) *Activities {
	if d.Logger == nil {
		d.Logger = zap.NewNop()
	}
	if d.Now == nil {
		d.Now = func() time.Time { return time.Now().UTC() }
	}
	return &Activities{Deps: d}
}

// Register makes every activity known to a worker, under the names of the contract.
func (a *Activities) Register(r worker.ActivityRegistry) {
	add := func(name string, f any) { r.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: name}) }
	add(workflows.ActivityCounts, a.Counts)
	add(workflows.ActivitySetState, a.SetState)
	add(workflows.ActivityRequeue, a.Requeue)
	add(workflows.ActivityClaimBatch, a.ClaimBatch)
	add(workflows.ActivityRelease, a.ReleaseBatch)
	add(workflows.ActivityFail, a.FailRule)
	add(workflows.ActivityMatch, a.MatchRule)
	add(workflows.ActivityTranslate, a.TranslateRule)
	add(workflows.ActivityCallModel, a.CallModel)
	add(workflows.ActivityCheckDraft, a.CheckDraft)
}

// subject is what an activity works on, for the log.
type subject struct{ migrationID, ruleID string }

// do runs the body of an activity: it heartbeats while the body runs, turns a panic into a failure of the rule, gives
// errors their type, and logs each failure once.
func do[O any](ctx context.Context, a *Activities, s subject, body func(ctx context.Context) (O, error)) (out O, err error) {
	defer beat(ctx)()
	defer func() {
		if p := recover(); p != nil {
			err = ruleError(workflows.CodeInternal)
			a.log(ctx, s).Error("activity panicked", zap.Any("panic", p), zap.Stack("stack"))
		}
	}()
	out, err = body(ctx)
	if err != nil {
		err = a.failure(ctx, s, err)
	}
	return out, err
}

// beat heartbeats until the returned function is called, so that a lost worker is noticed early and a cancellation
// arrives. Short activities never send one.
func beat(ctx context.Context) (stop func()) {
	timeout := activity.GetInfo(ctx).HeartbeatTimeout
	if timeout <= 0 {
		return func() {}
	}
	every := min(timeout/3, time.Second)
	done, ended := make(chan struct{}), make(chan struct{})
	timer := time.AfterFunc(every, func() {
		defer close(ended)
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			activity.RecordHeartbeat(ctx)
			select {
			case <-done:
				return
			case <-ticker.C:
			}
		}
	})
	return func() {
		close(done)
		if !timer.Stop() {
			// A heartbeat on its way would be cut off by the end of the activity.
			<-ended
		}
	}
}

func (a *Activities) log(ctx context.Context, s subject) *zap.Logger {
	info := activity.GetInfo(ctx)
	l := a.Logger.With(zap.String("migration_id", s.migrationID), zap.String("activity", info.ActivityType.Name), zap.Int32("attempt", info.Attempt))
	if s.ruleID != "" {
		l = l.With(zap.String("rule_id", s.ruleID))
	}
	return l
}
