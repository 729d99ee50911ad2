package app

import (
	"os"
	"runtime/debug"
)

const (
	// batchGCPercent lets the heap of a batch grow to five times what lives, which is about 8 MiB: the compiler drops
	// 19 KiB a rule, and with Go's 100 it would be collected forty times a second.
	batchGCPercent = 400
	// batchMemory is where the collector runs as often as it must all the same: a query of 1 MiB holds far more.
	batchMemory = 1 << 30
)

// CollectForBatch sets the garbage collector for a process that does nothing but compile one rule after the other. What
// GOGC and GOMEMLIMIT say goes first. It returns a function that takes the settings back.
func CollectForBatch() (restore func()) {
	var undo []func()
	if os.Getenv("GOGC") == "" {
		old := debug.SetGCPercent(batchGCPercent)
		undo = append(undo, func() { debug.SetGCPercent(old) })
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		old := debug.SetMemoryLimit(batchMemory)
		undo = append(undo, func() { debug.SetMemoryLimit(old) })
	}
	return func() {
		for _, f := range undo {
			f()
		}
	}
}
