//go:build crashrules

package cli

import (
	"context"

	"github.com/rulebridge/rulebridge/internal/compile"
	"github.com/rulebridge/rulebridge/internal/isolate"
	"github.com/rulebridge/rulebridge/internal/migration"
)

// wrapCompiler makes rules with these titles take their process down. Only tests are built with it.
var wrapCompiler = func(c isolate.Compiler) isolate.Compiler { return crashing{c} }

type crashing struct{ isolate.Compiler }

func (c crashing) Compile(ctx context.Context, id string, rule migration.OriginalRule) (compile.Output, error) {
	switch rule.Title {
	case "test: overflow the stack":
		overflow(1)
	case "test: hang":
		for i := 1; i != 0; i |= 1 {
		}
	}
	return c.Compiler.Compile(ctx, id, rule)
}

func overflow(n int) int {
	var room [1 << 10]int
	room[n%len(room)] = n
	return overflow(n+1) + room[n%7]
}
