//go:build crashrules

package cli

import (
	"context"

	"github.com/rulebridge/rulebridge/internal/compile"
	"github.com/rulebridge/rulebridge/internal/isolate"
	"github.com/rulebridge/rulebridge/internal/migration"
)

// Rules with these titles or queries take down or hold the process that compiles them. Only tests are built with them.
const (
	overflowingRule = "test: overflow the stack"
	hangingRule     = "test: hang"
)

var wrapCompiler = func(c isolate.Compiler) isolate.Compiler { return crashing{c} }

type crashing struct{ isolate.Compiler }

func (c crashing) Compile(ctx context.Context, id string, rule migration.OriginalRule) (compile.Output, error) {
	beforeCompilation(rule)
	return c.Compiler.Compile(ctx, id, rule)
}

func beforeCompilation(rule migration.OriginalRule) {
	switch {
	case rule.Title == overflowingRule || rule.Query == overflowingRule:
		overflow(1)
	case rule.Title == hangingRule || rule.Query == hangingRule:
		for i := 1; i != 0; i |= 1 {
		}
	}
}

func overflow(n int) int {
	var room [1 << 10]int
	room[n%len(room)] = n
	return overflow(n+1) + room[n%7]
}
