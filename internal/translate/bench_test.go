package translate

import "testing"

// BenchmarkCorpus compiles the real rules, one a step.
func BenchmarkCorpus(b *testing.B) {
	c, reqs := corpus(b)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		c.Translate(reqs[i%len(reqs)])
	}
}
