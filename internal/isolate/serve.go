package isolate

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"runtime/metrics"
	"syscall"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/rulebridge/rulebridge/internal/check"
	"github.com/rulebridge/rulebridge/internal/compile"
	"github.com/rulebridge/rulebridge/internal/migration"
)

const (
	// stackLimit ends a recursion without end long before it has eaten the machine's memory.
	stackLimit = 256 << 20
	// memoryLimit ends a process whose rule takes all memory it can get.
	memoryLimit = 2 << 30
	// keptResources is how many migrations' macros and lookups a process keeps.
	keptResources = 4
	// exitMemory is the exit code of a process that reached memoryLimit.
	exitMemory = 71
)

// Serve is the other side of a Pool: it reads requests from in and answers them on out, one at a time, until in ends.
// Build makes the compiler from the resources of the migrations.
//
// It changes the whole process: interrupts are ignored, since the process that asks ends this one by closing in, and stack
// and memory are bounded.
func Serve(in io.Reader, out io.Writer, build func(compile.Resources) Local) error {
	signal.Ignore(os.Interrupt, syscall.SIGTERM)
	debug.SetMaxStack(stackLimit)
	debug.SetMemoryLimit(memoryLimit * 3 / 4)
	go watchMemory()
	return serve(in, out, build)
}

func serve(in io.Reader, out io.Writer, build func(compile.Resources) Local) error {
	kept, err := newKnown()
	if err != nil {
		return err
	}
	work := build(kept)
	w := bufio.NewWriter(out)
	answer := func(r response) error {
		if err := json.NewEncoder(w).Encode(r); err != nil {
			return err
		}
		return w.Flush()
	}
	if err := answer(response{Ready: true}); err != nil {
		return err
	}
	requests := make(chan request)
	failed := make(chan error, 1)
	go func() {
		d := json.NewDecoder(in)
		for {
			var q request
			if err := d.Decode(&q); err != nil {
				if errors.Is(err, io.EOF) {
					// Whoever asked is gone or needs nothing more; a rule that is still being worked on is nobody's.
					err = nil
				}
				failed <- err
				return
			}
			requests <- q
		}
	}()
	answered := make(chan error, 1)
	for {
		select {
		case err := <-failed:
			return err
		case q := <-requests:
			go func() { answered <- answer(do(work, kept, q)) }()
			select {
			case err := <-failed:
				return err
			case err := <-answered:
				if err != nil {
					return err
				}
			}
		}
	}
}

// do answers one request; a panic is an answer too.
func do(work Local, kept *known, q request) (r response) {
	defer func() {
		if p := recover(); p != nil {
			r = response{Fault: faultPanic, Text: fmt.Sprintf("%v\n%s", p, debug.Stack())}
		}
	}()
	ctx := context.Background()
	if q.Match != nil {
		m, err := work.Match(ctx, q.Rule, q.Match.Compiled, q.Match.Diagnostics)
		if err != nil {
			return fault(err)
		}
		return response{Matched: &m}
	}
	if q.Check != nil && work.Checker != nil {
		problems := append([]check.Problem{}, work.Checker.Check(*q.Check)...) // null would be no answer
		return response{Checked: &problems}
	}
	if q.Resources != nil {
		kept.resources.Add(q.Key, *q.Resources)
	} else if !kept.resources.Contains(q.Key) {
		return response{NeedResources: true}
	}
	switch {
	case q.Explain && work.Explainer != nil:
		o, err := work.Explain(ctx, q.Key, q.Rule)
		if err != nil {
			return fault(err)
		}
		return response{Explained: &o}
	case q.Try != nil && work.Trier != nil:
		a, err := work.Try(ctx, q.Key, *q.Try)
		if err != nil {
			return fault(err)
		}
		return response{Tried: &a}
	case q.Explain || q.Try != nil || q.Check != nil:
		return fault(errors.New("this process compiles only"))
	}
	o, err := work.Compile(ctx, q.Key, q.Rule)
	if err != nil {
		return fault(err)
	}
	return response{Output: &o}
}

func fault(err error) response {
	kind := faultOther
	if errors.Is(err, compile.ErrResources) {
		kind = faultResources
	}
	return response{Fault: kind, Text: err.Error()}
}

// known are the resources that were sent, by key. To the compiler, a key is a migration whose resources never change.
type known struct {
	resources *lru.Cache[string, []migration.Resource]
}

func newKnown() (*known, error) {
	c, err := lru.New[string, []migration.Resource](keptResources)
	return &known{c}, err
}

// Resources implements compile.Resources.
func (k *known) Resources(_ context.Context, key string) ([]migration.Resource, error) {
	rs, ok := k.resources.Get(key)
	if !ok {
		return nil, fmt.Errorf("the resources of %s were not sent", key)
	}
	return rs, nil
}

// ResourcesVersion implements compile.Resources.
func (k *known) ResourcesVersion(context.Context, string) (int64, error) { return 0, nil }

// watchMemory ends the process when it has taken too much. The limit of the Go runtime is a wish; this is not.
func watchMemory() {
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	for range time.Tick(50 * time.Millisecond) {
		metrics.Read(sample)
		if sample[0].Value.Uint64()-sample[1].Value.Uint64() > memoryLimit {
			fmt.Fprintln(os.Stderr, "fatal error: the rule takes more memory than is allowed")
			os.Exit(exitMemory)
		}
	}
}
