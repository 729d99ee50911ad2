//go:build !crashrules

package cli

import "github.com/rulebridge/rulebridge/internal/isolate"

// wrapCompiler stands around the compiler in the tests of rules that take their process down; here it is nothing.
var wrapCompiler func(isolate.Compiler) isolate.Compiler
