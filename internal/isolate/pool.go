package isolate

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"go.uber.org/zap"

	"github.com/rulebridge/rulebridge/internal/check"
	"github.com/rulebridge/rulebridge/internal/compile"
	"github.com/rulebridge/rulebridge/internal/interpret"
	"github.com/rulebridge/rulebridge/internal/migration"
)

const (
	// crashLimit is how many processes a rule must take down alone before it is to blame.
	crashLimit = 3
	// outsideLimit is how many processes of one rule may be killed from outside before that is no coincidence any more:
	// the system kills a process that takes all memory in this way.
	outsideLimit = 10
	// ruleLimit is how long a process may work on one rule; a rule takes milliseconds.
	ruleLimit = 10 * time.Second
	// leaveWithin is how long a rule that is being worked on is waited for when nobody wants it any more.
	leaveWithin = 500 * time.Millisecond
	// readyWithin bounds the start of a process.
	readyWithin = time.Minute
	// trackedRules bounds for how many rules crashes are remembered.
	trackedRules = 1024
)

// Options of a Pool.
type Options struct {
	// Path and Args start a process that calls Serve. Args includes the program's name.
	Path string
	Args []string
	// Resources is where the macros and lookups of migrations are.
	Resources compile.Resources
	Log       *zap.Logger
	// Size is how many processes there are at most; 0 means one for each processor.
	Size int
	// RuleLimit is how long a process may work on one rule; 0 means 10 s.
	RuleLimit time.Duration
	// Env is added to the environment of the processes.
	Env []string
}

// Pool hands rules to processes, each of which works on one at a time. Close it.
type Pool struct {
	o     Options
	idle  chan *process // nil in it stands for a process that has not been started
	drain chan struct{}
	shut  chan struct{}
	once  sync.Once
	ended sync.Once
	// crashes and outside count, by rule, processes that ended with it. They live in memory only: when this process is
	// killed, nobody is blamed.
	crashes, outside *lru.Cache[string, int]
}

// NewPool starts no process yet; Start does.
func NewPool(o Options) (*Pool, error) {
	if o.Size <= 0 {
		o.Size = runtime.GOMAXPROCS(0)
	}
	if o.RuleLimit <= 0 {
		o.RuleLimit = ruleLimit
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	p := &Pool{o: o, idle: make(chan *process, o.Size), drain: make(chan struct{}), shut: make(chan struct{})}
	for range o.Size {
		p.idle <- nil
	}
	var err, err2 error
	p.crashes, err = lru.New[string, int](trackedRules)
	p.outside, err2 = lru.New[string, int](trackedRules)
	return p, errors.Join(err, err2)
}

// Start starts a process, to find out whether that is possible here.
func (p *Pool) Start(ctx context.Context) error {
	proc, err := p.take(ctx)
	if err != nil {
		return err
	}
	if proc == nil {
		proc, err = start(ctx, p.o)
	}
	p.idle <- proc
	return err
}

// Drain makes rules end soon that are being worked on for long, with ErrInterrupted: the program is about to end. Others
// are still compiled.
func (p *Pool) Drain() { p.once.Do(func() { close(p.drain) }) }

// Close ends the processes, and rules that are still being worked on with ErrInterrupted.
func (p *Pool) Close() {
	p.Drain()
	p.ended.Do(func() {
		close(p.shut)
		for range p.o.Size {
			if proc := <-p.idle; proc != nil {
				proc.end()
			}
		}
	})
}

// Compile compiles a rule in one of the processes. Besides the compiler's own errors it gives *CrashError for a rule that
// took its process down each time, and ErrInterrupted.
func (p *Pool) Compile(ctx context.Context, migrationID string, rule migration.OriginalRule) (compile.Output, error) {
	version, err := p.o.Resources.ResourcesVersion(ctx, migrationID)
	if err != nil {
		return compile.Output{}, err
	}
	q := request{Key: resourcesKey(migrationID, version), Rule: rule}
	r, err := p.ask(ctx, migrationID, q)
	if err != nil {
		return compile.Output{}, err
	}
	if r.Output == nil {
		return compile.Output{}, fmt.Errorf("%w: an answer without an output", ErrInterrupted)
	}
	return *r.Output, nil
}

// Match matches a rule in one of the processes, with the errors of Compile.
func (p *Pool) Match(ctx context.Context, rule migration.OriginalRule, compiled *migration.ElasticRule, diagnostics []migration.Diagnostic) (Matched, error) {
	r, err := p.ask(ctx, "", request{Rule: rule, Match: &draft{compiled, diagnostics}})
	if err != nil {
		return Matched{}, err
	}
	if r.Matched == nil {
		return Matched{}, fmt.Errorf("%w: an answer without a match", ErrInterrupted)
	}
	return *r.Matched, nil
}

// Explain explains a rule in one of the processes, with the errors of Compile. It is tried once.
func (p *Pool) Explain(ctx context.Context, migrationID string, rule migration.OriginalRule) (compile.Explained, error) {
	version, err := p.o.Resources.ResourcesVersion(ctx, migrationID)
	if err != nil {
		return compile.Explained{}, err
	}
	r, err := p.ask(ctx, migrationID, request{Key: resourcesKey(migrationID, version), Rule: rule, Explain: true, once: true})
	if err != nil {
		return compile.Explained{}, err
	}
	if r.Explained == nil {
		return compile.Explained{}, fmt.Errorf("%w: an answer without an explanation", ErrInterrupted)
	}
	return *r.Explained, nil
}

// Try runs a search in one of the processes, with the errors of Compile. It is tried once.
func (p *Pool) Try(ctx context.Context, migrationID string, in interpret.Request) (interpret.Answer, error) {
	q := request{Key: "none", Try: &in, once: true, Resources: &[]migration.Resource{}}
	if migrationID != "" {
		version, err := p.o.Resources.ResourcesVersion(ctx, migrationID)
		if err != nil {
			return interpret.Answer{}, err
		}
		q.Key, q.Resources = resourcesKey(migrationID, version), nil
	}
	r, err := p.ask(ctx, migrationID, q)
	if err != nil {
		return interpret.Answer{}, err
	}
	if r.Tried == nil {
		return interpret.Answer{}, fmt.Errorf("%w: an answer without rows", ErrInterrupted)
	}
	return *r.Tried, nil
}

// Check checks a query in one of the processes, with the errors of Match. It is tried once.
func (p *Pool) Check(ctx context.Context, query string) ([]check.Problem, error) {
	r, err := p.ask(ctx, "", request{Key: "none", Check: &query, once: true, Resources: &[]migration.Resource{}})
	if err != nil {
		return nil, err
	}
	if r.Checked == nil {
		return nil, fmt.Errorf("%w: an answer without problems", ErrInterrupted)
	}
	return *r.Checked, nil
}

func resourcesKey(migrationID string, version int64) string {
	return migrationID + "@" + strconv.FormatInt(version, 10)
}

// ask has a request answered. A process that ends with a rule it did not work on alone, because it had others before, is
// replaced and nobody blamed: the rule then begins in a new one.
func (p *Pool) ask(ctx context.Context, migrationID string, q request) (response, error) {
	proc, err := p.take(ctx)
	if err != nil {
		return response{}, err
	}
	defer func() { p.idle <- proc }()
	rule := migrationID + "/" + q.Rule.ID
	for {
		if proc == nil {
			if proc, err = start(ctx, p.o); err != nil {
				proc = nil
				return response{}, err
			}
		}
		r, how := p.answered(ctx, proc, q)
		if how == nil && r.NeedResources {
			resources, err := p.o.Resources.Resources(ctx, migrationID)
			if err != nil {
				return response{}, err
			}
			if resources == nil {
				resources = []migration.Resource{} // sent, and none
			}
			q.Resources = &resources
			r, how = p.answered(ctx, proc, q)
			q.Resources = nil
		}
		if how == nil {
			proc.served++
			p.crashes.Remove(rule)
			p.outside.Remove(rule)
			return r, r.err()
		}
		alone := proc.served == 0
		proc = nil
		if err := p.blame(ctx, rule, q, alone, how); err != nil {
			return response{}, err
		}
	}
}

// blame decides what the end of a process means for the rule it worked on; nil means that it is tried again.
func (p *Pool) blame(ctx context.Context, rule string, q request, alone bool, how *ending) error {
	log := p.o.Log.With(zap.String("rule_id", q.Rule.ID), zap.String("how", how.text), zap.Bool("alone", alone))
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case how.kind == endedByUs:
		return fmt.Errorf("%w: %s", ErrInterrupted, how.text)
	case how.kind == endedFromOutside:
		n, _ := p.outside.Get(rule)
		p.outside.Add(rule, n+1)
		log.Warn("a compiling process was ended from outside; the rule is tried again")
		if n+1 >= outsideLimit {
			return &CrashError{Reason: how.text}
		}
		return nil
	case !alone:
		log.Warn("a compiling process ended; the rule is tried again in a new one")
		return nil
	case q.once:
		log.Warn("a rule that somebody waits for took its process down while it ran alone")
		return &CrashError{Reason: how.text, Once: true}
	}
	n, _ := p.crashes.Get(rule)
	p.crashes.Add(rule, n+1)
	log.Error("a rule took its process down while it ran alone", zap.Int("times", n+1))
	if n+1 >= crashLimit {
		p.crashes.Remove(rule)
		return &CrashError{Reason: how.text}
	}
	return nil
}

// take waits for a process, or for the place of one that has not been started.
func (p *Pool) take(ctx context.Context) (*process, error) {
	select {
	case proc := <-p.idle:
		return proc, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-p.shut:
		return nil, fmt.Errorf("%w: the program ends", ErrInterrupted)
	}
}

// answered sends a request and waits for the answer, or says how the process ended.
func (p *Pool) answered(ctx context.Context, proc *process, q request) (response, *ending) {
	if how := proc.send(q); how != nil {
		return response{}, how
	}
	limit := time.NewTimer(p.o.RuleLimit)
	defer limit.Stop()
	done, drain := ctx.Done(), p.drain
	var leave <-chan time.Time
	for {
		select {
		case r, ok := <-proc.responses:
			if !ok {
				return r, proc.ended()
			}
			return r, nil
		case <-limit.C:
			proc.kill()
			return response{}, &ending{endedByRule, "it worked on the rule for more than " + p.o.RuleLimit.String()}
		case <-leave:
			proc.kill()
			return response{}, &ending{endedByUs, "nobody waits for the rule any more"}
		case <-done:
			done, leave = nil, time.After(leaveWithin)
		case <-drain:
			drain, leave = nil, time.After(leaveWithin)
		}
	}
}
