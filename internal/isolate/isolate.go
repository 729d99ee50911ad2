// Package isolate runs the compiler in processes of their own, one rule at a time in each. Go cannot recover from a stack
// overflow or from memory that runs out, and cannot stop a loop that does not end: such a rule takes its process down. In
// a process of its own it takes down nothing else, and since that process worked on this rule alone, its end says whether
// the rule did it. A process that somebody else kills blames nobody.
package isolate

import (
	"context"
	"errors"
	"fmt"

	"github.com/rulebridge/rulebridge/internal/check"
	"github.com/rulebridge/rulebridge/internal/compile"
	"github.com/rulebridge/rulebridge/internal/interpret"
	"github.com/rulebridge/rulebridge/internal/migration"
)

// Compiler compiles a rule of a migration, under the macros and lookups of that migration.
type Compiler interface {
	Compile(ctx context.Context, migrationID string, rule migration.OriginalRule) (compile.Output, error)
}

// Matcher finds the prebuilt rules nearest to a rule; compiled is the compiler's draft, nil when there is none, with its
// diagnostics. matched, with the rule it stands for, is nil unless one can replace the original.
type Matcher interface {
	Match(ctx context.Context, rule migration.OriginalRule, compiled *migration.ElasticRule, diagnostics []migration.Diagnostic) (
		matched *migration.Match, near []migration.Match, elastic *migration.ElasticRule)
}

// Explainer compiles a rule and says what became of each command of its search.
type Explainer interface {
	Explain(ctx context.Context, migrationID string, rule migration.OriginalRule) (compile.Explained, error)
}

// Trier runs a search over events, with the macros and lookups of a migration, or without any where the id is empty.
type Trier interface {
	Try(ctx context.Context, migrationID string, q interpret.Request) (interpret.Answer, error)
}

// Checker says what is wrong with an ES|QL query.
type Checker interface {
	Check(query string) []check.Problem
}

// Matched is what a Matcher found.
type Matched struct {
	Matched *migration.Match       `json:"matched,omitempty"`
	Near    []migration.Match      `json:"near,omitempty"`
	Elastic *migration.ElasticRule `json:"elastic,omitempty"`
}

// CrashError says that a rule took its process down each time it ran alone.
type CrashError struct {
	// Reason says how the last process ended; it holds no text of the rule.
	Reason string
	// Once: it was tried once only.
	Once bool
}

func (e *CrashError) Error() string {
	if e.Once {
		return "the rule took its process down: " + e.Reason
	}
	return fmt.Sprintf("the rule took its process down %d times: %s", crashLimit, e.Reason)
}

var (
	// ErrInterrupted: the process was ended from outside, or could not be started; the rule may be tried again.
	ErrInterrupted = errors.New("the compiling process was interrupted")
	// ErrPanic: the compiler panicked. The process goes on.
	ErrPanic = errors.New("the compiler panicked")
)

// request is one line to a process.
type request struct {
	// Key names the resources: migration and version.
	Key string `json:"key"`
	// Resources are given when the process asked for them.
	Resources *[]migration.Resource  `json:"resources,omitempty"`
	Rule      migration.OriginalRule `json:"rule"`
	// Match asks for prebuilt rules instead of a compilation.
	Match *draft `json:"match,omitempty"`
	// Explain asks what became of each command, Try for the rows of a search.
	Explain bool               `json:"explain,omitempty"`
	Try     *interpret.Request `json:"try,omitempty"`
	// Check is a query to be checked.
	Check *string `json:"check,omitempty"`

	// once: somebody waits, so that a rule which takes its process down is not tried again.
	once bool
}

// draft is what a match is made with.
type draft struct {
	Compiled    *migration.ElasticRule `json:"compiled,omitempty"`
	Diagnostics []migration.Diagnostic `json:"diagnostics,omitempty"`
}

// response is one line back. The first, without a request, says that the process is ready.
type response struct {
	Ready         bool            `json:"ready,omitempty"`
	NeedResources bool            `json:"need_resources,omitempty"`
	Output        *compile.Output `json:"output,omitempty"`
	Matched       *Matched        `json:"matched,omitempty"`

	Explained *compile.Explained `json:"explained,omitempty"`
	Tried     *interpret.Answer  `json:"tried,omitempty"`
	Checked   *[]check.Problem   `json:"checked,omitempty"`
	// Fault names a kind of error: faultResources, faultPanic or, for anything else, faultOther.
	Fault string `json:"fault,omitempty"`
	Text  string `json:"text,omitempty"`
}

const (
	faultResources = "resources"
	faultPanic     = "panic"
	faultOther     = "other"
)

// err is the error of a response, nil if there is none.
func (r response) err() error {
	switch r.Fault {
	case "":
		return nil
	case faultResources:
		return fmt.Errorf("%w: %s", compile.ErrResources, r.Text)
	case faultPanic:
		return fmt.Errorf("%w: %s", ErrPanic, r.Text)
	}
	return errors.New(r.Text)
}

// Local compiles and matches in this process, where nothing keeps a rule from taking the process down.
type Local struct {
	Compiler
	// Matcher may be nil: nothing matches. The others may be nil where nobody asks.
	Matcher Matcher
	Explainer
	Trier
	Checker Checker
}

// Match asks the Matcher.
func (l Local) Match(ctx context.Context, rule migration.OriginalRule, compiled *migration.ElasticRule, diagnostics []migration.Diagnostic) (Matched, error) {
	if l.Matcher == nil {
		return Matched{}, nil
	}
	matched, near, elastic := l.Matcher.Match(ctx, rule, compiled, diagnostics)
	return Matched{matched, near, elastic}, ctx.Err()
}

// Check asks the Checker.
func (l Local) Check(_ context.Context, query string) ([]check.Problem, error) {
	return l.Checker.Check(query), nil
}
