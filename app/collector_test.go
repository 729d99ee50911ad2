package app

import (
	"runtime/debug"
	"testing"
)

func TestCollectForBatch(t *testing.T) {
	// percent reads what is in effect, which only setting it tells.
	percent := func() int {
		p := debug.SetGCPercent(100)
		debug.SetGCPercent(p)
		return p
	}
	for _, c := range []struct {
		name, gogc string
		want       int
		limit      string
		wantLimit  int64
	}{
		{name: "nothing said", want: batchGCPercent, wantLimit: batchMemory},
		{name: "the user's GOGC", gogc: "50", want: 100, wantLimit: batchMemory}, // the runtime read it at the start
		{name: "the user's GOMEMLIMIT", limit: "3GiB", want: batchGCPercent, wantLimit: 2 << 30},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("GOGC", c.gogc)
			t.Setenv("GOMEMLIMIT", c.limit)
			oldPercent, oldLimit := debug.SetGCPercent(100), debug.SetMemoryLimit(2<<30)
			defer debug.SetGCPercent(oldPercent)
			defer debug.SetMemoryLimit(oldLimit)
			restore := CollectForBatch()
			if got := percent(); got != c.want {
				t.Errorf("GC percent %d, want %d", got, c.want)
			}
			if got := debug.SetMemoryLimit(-1); got != c.wantLimit {
				t.Errorf("memory limit %d, want %d", got, c.wantLimit)
			}
			restore()
			if got := percent(); got != 100 {
				t.Errorf("GC percent %d after restoring, want 100", got)
			}
			if got := debug.SetMemoryLimit(-1); got != 2<<30 {
				t.Errorf("memory limit %d after restoring, want 2 GiB", got)
			}
		})
	}
}
