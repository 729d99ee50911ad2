// Package budget bounds the work of one compilation, so that no query can hold or end the process: steps are counted in
// loops, depth in recursions, because Go cannot recover from a stack overflow, and both ask whether the caller has given up.
//
// A spent budget ends the work as a panic with an *Exceeded, which Catch turns back into an error. The compiler's passes
// are some hundred functions that call each other in circles and build trees; a returned error in each of them would be
// ignored somewhere, and the place where it is ignored would be the next endless loop.
package budget

import (
	"context"
	"fmt"
)

// Limits of one compilation. The most expensive of 1,158 real rules takes 1,200 steps and is less than 500 calls deep.
const (
	// DefaultSteps are about a second of work.
	DefaultSteps = 1_000_000
	// DefaultDepth is the number of nested calls of counted functions; the stack stays far below Go's limit of 1 GB.
	DefaultDepth = 20_000
)

// pollEvery is the number of steps after which the context is asked again; they take less than a millisecond.
const pollEvery = 256

// Budget is the work that is left. It belongs to one goroutine. A nil *Budget has no limits.
type Budget struct {
	ctx                context.Context
	steps, depth       int // used so far
	maxSteps, maxDepth int
	nextPoll           int
}

// New is a budget of steps and of depth that also ends when ctx does. Limits of 0 or less are the defaults.
func New(ctx context.Context, steps, depth int) *Budget {
	if steps <= 0 {
		steps = DefaultSteps
	}
	if depth <= 0 {
		depth = DefaultDepth
	}
	return &Budget{ctx: ctx, maxSteps: steps, maxDepth: depth}
}

// Exceeded says which limit ended the work. It unwraps to the context's error where that was the reason.
type Exceeded struct {
	Limit string // steps, depth or context
	Max   int    // of steps or depth
	Err   error  // of the context
}

func (e *Exceeded) Error() string {
	if e.Err != nil {
		return "the work was given up: " + e.Err.Error()
	}
	return fmt.Sprintf("the work took more than %d in %s", e.Max, e.Limit)
}

func (e *Exceeded) Unwrap() error { return e.Err }

// Step takes n steps, at least 1.
func (b *Budget) Step(n int) {
	if b == nil {
		return
	}
	b.steps += max(n, 1)
	if b.steps > b.maxSteps {
		panic(&Exceeded{Limit: "steps", Max: b.maxSteps})
	}
	if b.steps >= b.nextPoll {
		b.nextPoll = b.steps + pollEvery
		if err := b.ctx.Err(); err != nil {
			panic(&Exceeded{Limit: "context", Err: err})
		}
	}
}

// Enter takes a step and goes one call deeper; every Enter has its Leave, as `defer b.Enter().Leave()`.
func (b *Budget) Enter() *Budget {
	if b == nil {
		return nil
	}
	b.Step(1)
	if b.depth++; b.depth > b.maxDepth {
		panic(&Exceeded{Limit: "depth", Max: b.maxDepth})
	}
	return b
}

// Leave ends an Enter.
func (b *Budget) Leave() {
	if b != nil {
		b.depth--
	}
}

// Used are the steps taken so far.
func (b *Budget) Used() int {
	if b == nil {
		return 0
	}
	return b.steps
}

// Catch is deferred where the work begins: it puts the end of a budget into err and lets any other panic pass.
func Catch(err *error) {
	switch p := recover().(type) {
	case nil:
	case *Exceeded:
		*err = p
	default:
		panic(p)
	}
}
