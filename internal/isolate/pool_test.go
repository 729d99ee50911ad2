package isolate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/check"
	"github.com/rulebridge/rulebridge/internal/compile"
	"github.com/rulebridge/rulebridge/internal/interpret"
	"github.com/rulebridge/rulebridge/internal/migration"
)

const childEnv = "RULEBRIDGE_TEST_ISOLATED"

// TestMain is the compiling process of the tests when asked to be one.
func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		err := Serve(os.Stdin, os.Stdout, func(r compile.Resources) Local {
			return Local{Compiler: misbehaving{r}, Matcher: misbehaving{r}, Explainer: misbehaving{r}, Trier: misbehaving{r}, Checker: misbehaving{r}}
		})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// misbehaving is a compiler for rules whose query says what to do.
type misbehaving struct{ resources compile.Resources }

var sink [][]byte

func (c misbehaving) Compile(ctx context.Context, id string, rule migration.OriginalRule) (compile.Output, error) {
	word, arg, _ := strings.Cut(rule.Query, " ")
	switch word {
	case "overflow":
		return compile.Output{Result: migration.Result(fmt.Sprint(overflow(1)))}, nil
	case "hang":
		for i := 0; ; i++ {
			if i < 0 {
				return compile.Output{}, nil
			}
		}
	case "memory":
		for {
			b := make([]byte, 32<<20)
			for i := range b {
				b[i] = 1
			}
			sink = append(sink, b)
		}
	case "panic":
		panic("a rule that panics")
	case "wait":
		time.Sleep(200 * time.Millisecond)
	case "kill": // as somebody outside would, while the file is there
		if _, err := os.Stat(arg); err == nil {
			killSelf()
		}
	case "outside":
		killSelf()
	case "contradiction":
		return compile.Output{}, fmt.Errorf("two macros: %w", compile.ErrResources)
	}
	rs, err := c.resources.Resources(ctx, id)
	return compile.Output{Result: migration.Full, Missing: []migration.Missing{{Kind: "macro", Name: fmt.Sprint(len(rs))}}}, err
}

func (misbehaving) Match(_ context.Context, rule migration.OriginalRule, compiled *migration.ElasticRule, ds []migration.Diagnostic) (*migration.Match, []migration.Match, *migration.ElasticRule) {
	if rule.Query == "overflow" {
		overflow(1)
	}
	return &migration.Match{RuleID: compiled.Query}, []migration.Match{{Name: ds[0].Code}}, compiled
}

func (c misbehaving) Explain(ctx context.Context, id string, rule migration.OriginalRule) (compile.Explained, error) {
	o, err := c.Compile(ctx, id, rule)
	return compile.Explained{Output: o, Stages: []compile.Stage{{Command: rule.Query}}}, err
}

func (c misbehaving) Try(ctx context.Context, id string, q interpret.Request) (interpret.Answer, error) {
	o, err := c.Compile(ctx, id, migration.OriginalRule{Query: q.SPL})
	if err != nil {
		return interpret.Answer{}, err
	}
	return interpret.Answer{Columns: []string{o.Missing[0].Name}, Rows: [][]any{{json.Number("1.50"), "x", nil}}}, nil
}

func (c misbehaving) Check(query string) []check.Problem {
	if query == "good" {
		return nil
	}
	_, err := c.Compile(context.Background(), "", migration.OriginalRule{Query: query})
	return []check.Problem{{Severity: check.SeverityError, Message: fmt.Sprint(err)}}
}

func killSelf() {
	if self, err := os.FindProcess(os.Getpid()); err == nil {
		_ = self.Kill()
	}
	select {}
}

func overflow(n int) int {
	var room [1 << 10]int
	room[n%len(room)] = n
	return overflow(n+1) + room[n%7] //nolint:staticcheck // it overflows the stack on purpose
}

// given are the resources of every migration: as many macros as its id is long.
type given struct {
	mu      sync.Mutex
	version int64
	asked   int
}

func (g *given) Resources(_ context.Context, id string) ([]migration.Resource, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked++
	if id == "" {
		return nil, nil
	}
	return make([]migration.Resource, len(id)), nil
}

func (g *given) ResourcesVersion(context.Context, string) (int64, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.version, nil
}

func pool(t *testing.T, o Options) *Pool {
	t.Helper()
	o.Path, o.Args, o.Env = "/proc/self/exe", []string{os.Args[0]}, []string{childEnv + "=1"}
	if _, err := os.Stat(o.Path); err != nil {
		if o.Path, err = os.Executable(); err != nil {
			t.Fatal(err)
		}
	}
	if o.Resources == nil {
		o.Resources = &given{}
	}
	p, err := NewPool(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func rule(id, query string) migration.OriginalRule {
	return migration.OriginalRule{ID: id, Query: query}
}

// wantFull compiles a rule that nothing is wrong with.
func wantFull(t *testing.T, p *Pool, migrationID string) {
	t.Helper()
	o, err := p.Compile(t.Context(), migrationID, rule("good", "good"))
	if err != nil || o.Result != migration.Full || o.Missing[0].Name != fmt.Sprint(len(migrationID)) {
		t.Errorf("a good rule: %+v, %v", o, err)
	}
}

func TestCompileAndMatch(t *testing.T) {
	g := &given{}
	p := pool(t, Options{Size: 1, Resources: g})
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		wantFull(t, p, "mig")
		wantFull(t, p, "another")
	}
	if g.asked != 2 {
		t.Errorf("the resources of two migrations were read %d times", g.asked)
	}
	wantFull(t, p, "") // a migration without any
	g.asked--
	g.version++
	wantFull(t, p, "mig")
	if g.asked != 3 {
		t.Errorf("changed resources were read %d times in all, want 3", g.asked)
	}
	m, err := p.Match(t.Context(), rule("r", "q"), &migration.ElasticRule{Query: "FROM x"}, []migration.Diagnostic{{Code: "near"}})
	if err != nil || m.Matched.RuleID != "FROM x" || m.Near[0].Name != "near" || m.Elastic.Query != "FROM x" {
		t.Errorf("match: %+v, %v", m, err)
	}
	if _, err := p.Compile(t.Context(), "mig", rule("r", "panic")); !errors.Is(err, ErrPanic) {
		t.Errorf("a rule that panics: %v", err)
	}
	if _, err := p.Compile(t.Context(), "mig", rule("r", "contradiction")); !errors.Is(err, compile.ErrResources) {
		t.Errorf("resources that contradict each other: %v", err)
	}
}

// TestRulesThatTakeTheirProcessDown: such a rule is to blame after three processes; its neighbours are compiled.
func TestRulesThatTakeTheirProcessDown(t *testing.T) {
	// The limit leaves time to fill a stack of 256 MiB on a busy machine.
	p := pool(t, Options{Size: 2, RuleLimit: 8 * time.Second})
	wantFull(t, p, "mig")
	bad := map[string]string{"overflow": "stack overflow", "hang": "more than 8s"}
	var wg sync.WaitGroup
	for query, reason := range bad {
		wg.Go(func() {
			_, err := p.Compile(t.Context(), "mig", rule(query, query))
			var crash *CrashError
			if !errors.As(err, &crash) || !strings.Contains(crash.Reason, reason) {
				t.Errorf("%s: %v, want a crash by %q", query, err, reason)
			}
		})
		wg.Go(func() { wantFull(t, p, "mig") })
	}
	wg.Wait()
	if _, err := p.Match(t.Context(), rule("m", "overflow"), nil, nil); !errors.As(err, new(*CrashError)) {
		t.Errorf("a match that overflows: %v", err)
	}
	wantFull(t, p, "mig")
}

// TestSomebodyWaits: what is explained or tried for somebody takes one process down and is not tried again.
func TestSomebodyWaits(t *testing.T) {
	p := pool(t, Options{Size: 1, RuleLimit: 8 * time.Second})
	e, err := p.Explain(t.Context(), "mig", rule("good", "good"))
	if err != nil || len(e.Stages) != 1 || e.Stages[0].Command != "good" || e.Missing[0].Name != "3" {
		t.Errorf("%+v, %v", e, err)
	}
	for _, id := range []string{"mig", ""} {
		a, err := p.Try(t.Context(), id, interpret.Request{SPL: "good"})
		if err != nil || a.Columns[0] != fmt.Sprint(len(id)) || fmt.Sprint(a.Rows) != "[[1.50 x <nil>]]" {
			t.Errorf("%+v, %v", a, err)
		}
	}
	if problems, err := p.Check(t.Context(), "good"); err != nil || len(problems) != 0 {
		t.Errorf("%+v, %v", problems, err)
	}
	if problems, err := p.Check(t.Context(), "contradiction"); err != nil || len(problems) != 1 || problems[0].Severity != "error" {
		t.Errorf("%+v, %v", problems, err)
	}
	var crash *CrashError
	if _, err := p.Check(t.Context(), "overflow"); !errors.As(err, &crash) {
		t.Errorf("a check that overflows: %v", err)
	}
	for name, call := range map[string]func(query string) error{
		"explain": func(q string) error { _, err := p.Explain(t.Context(), "mig", rule("bad", q)); return err },
		"try":     func(q string) error { _, err := p.Try(t.Context(), "mig", interpret.Request{SPL: q}); return err },
	} {
		var crash *CrashError
		if err := call("overflow"); !errors.As(err, &crash) || !crash.Once || !strings.Contains(err.Error(), "stack overflow") {
			t.Errorf("%s: %v", name, err)
		}
		if err := call("panic"); !errors.Is(err, ErrPanic) {
			t.Errorf("%s: %v", name, err)
		}
		if err := call("contradiction"); !errors.Is(err, compile.ErrResources) {
			t.Errorf("%s: %v", name, err)
		}
	}
	wantFull(t, p, "mig")
}

func TestRuleThatTakesAllMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 2 GiB")
	}
	p := pool(t, Options{Size: 1, RuleLimit: time.Minute})
	_, err := p.Compile(t.Context(), "mig", rule("m", "memory"))
	var crash *CrashError
	if !errors.As(err, &crash) || !strings.Contains(crash.Reason, "more memory than is allowed") {
		t.Errorf("a rule that takes all memory: %v", err)
	}
	wantFull(t, p, "mig")
}

// TestKillsFromOutsideBlameNobody: a process that is killed says nothing about its rule, however often.
func TestKillsFromOutsideBlameNobody(t *testing.T) {
	p := pool(t, Options{Size: 1})
	file := t.TempDir() + "/killing"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(300*time.Millisecond, func() { _ = os.Remove(file) })
	done := make(chan error, 1)
	go func() {
		for {
			_, err := p.Compile(t.Context(), "mig", rule("k", "kill "+file))
			if !errors.As(err, new(*CrashError)) { // a fast machine kills ten times within the time
				done <- err
				return
			}
		}
	}()
	if err := <-done; err != nil {
		t.Errorf("a rule whose process was killed from outside: %v", err)
	}
	// A process that is always killed takes all memory, as far as anybody can tell.
	if _, err := p.Compile(t.Context(), "mig", rule("o", "outside")); !errors.As(err, new(*CrashError)) {
		t.Errorf("a rule whose process is always killed: %v", err)
	}
	wantFull(t, p, "mig")
}

// TestNobodyWaits: whoever no longer waits for a rule gets the process back soon, and the rule is not blamed.
func TestNobodyWaits(t *testing.T) {
	p := pool(t, Options{Size: 1})
	wantFull(t, p, "mig")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := p.Compile(ctx, "mig", rule("h", "hang")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a rule that hangs, given up: %v", err)
	}
	// What takes a little longer is waited for, since its process is worth more.
	ctx, cancel = context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := p.Compile(ctx, "mig", rule("w", "wait")); err != nil {
		t.Errorf("a rule that is nearly done: %v", err)
	}
	hung := make(chan error, 1)
	go func() {
		_, err := p.Compile(t.Context(), "mig", rule("h", "hang"))
		hung <- err
	}()
	time.Sleep(200 * time.Millisecond)
	p.Drain()
	if err := <-hung; !errors.Is(err, ErrInterrupted) {
		t.Errorf("a rule that hangs while the program ends: %v", err)
	}
	wantFull(t, p, "mig")
	p.Close()
	if _, err := p.Compile(t.Context(), "mig", rule("w", "wait")); !errors.Is(err, ErrInterrupted) {
		t.Errorf("after the end: %v", err)
	}
}

func TestNoProcess(t *testing.T) {
	p := pool(t, Options{Size: 1})
	p.o.Path = "/nowhere/rulebridge"
	if err := p.Start(t.Context()); !errors.Is(err, ErrInterrupted) {
		t.Errorf("a program that is not there: %v", err)
	}
	p.o.Path, p.o.Env = "/bin/true", nil
	if err := p.Start(t.Context()); !errors.Is(err, ErrInterrupted) || !strings.Contains(err.Error(), "did not start") {
		t.Errorf("another program: %v", err)
	}
}
