package spl

import (
	"fmt"
	"strings"
	"testing"
)

// BenchmarkParseCorpus parses the real rules with their macros; one operation is one rule.
func BenchmarkParseCorpus(b *testing.B) {
	rules, macros := corpus(b)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		if q := Parse(rules[i%len(rules)].Query, Options{Macros: macros}); len(q.Pipeline.Commands) == 0 {
			b.Fatal("nothing parsed")
		}
	}
}

// BenchmarkParseSize shows that the cost grows linearly with the length of the query.
func BenchmarkParseSize(b *testing.B) {
	for _, size := range []int{100, 1 << 10, 10 << 10, 100 << 10, 1 << 20} {
		src := "index=main" + strings.Repeat(" OR f=\"val*\"", (size-60)/12) + " | stats count by host | where count > 5"
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			b.SetBytes(int64(len(src)))
			b.ReportAllocs()
			for b.Loop() {
				if q := Parse(src, Options{}); len(q.Problems) > 0 {
					b.Fatal(q.Problems)
				}
			}
		})
	}
}
