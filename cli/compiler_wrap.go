//go:build !crashrules

package cli

import (
	"github.com/rulebridge/rulebridge/internal/isolate"
	"github.com/rulebridge/rulebridge/internal/migration"
)

// wrapCompiler stands around the compiler in the tests of rules that take their process down; here it is nothing.
var wrapCompiler func(isolate.Compiler) isolate.Compiler

// beforeCompilation does the same for translate, which compiles in its own process.
func beforeCompilation(migration.OriginalRule) {}
