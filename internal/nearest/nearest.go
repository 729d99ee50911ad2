// Package nearest finds the name that a misspelt one was probably meant to be.
package nearest

import (
	"slices"
	"strings"
)

// Name is the candidate nearest to a name, without regard to case: at most one edit away for names of up to four letters,
// two for longer ones; an edit adds, drops, changes or swaps letters. Empty when none is near. Of equally near ones the first
// in the order of the alphabet wins.
func Name(name string, candidates []string) string {
	const short = 4
	name = strings.ToLower(name)
	limit := 2
	if len(name) <= short {
		limit = 1
	}
	best, distance := "", limit+1
	for _, c := range slices.Sorted(slices.Values(candidates)) {
		if abs(len(c)-len(name)) > limit || c == "" {
			continue
		}
		if d := edits(name, strings.ToLower(c)); d < distance && d < len(c) {
			best, distance = c, d
		}
	}
	return best
}

// Hint is " (did you mean …?)" for the nearest candidate, empty when none is near.
func Hint(name string, candidates []string) string {
	if c := Name(name, candidates); c != "" && !strings.EqualFold(c, name) {
		return " (did you mean " + c + "?)"
	}
	return ""
}

func abs(n int) int { return max(n, -n) }

// edits counts the single changes that make b of a; swapped neighbours are one.
func edits(a, b string) int {
	before, last, now := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		now[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			now[j] = min(last[j]+1, now[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				now[j] = min(now[j], before[j-2]+1)
			}
		}
		before, last, now = last, now, before
	}
	return last[len(b)]
}
