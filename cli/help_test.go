package cli

import "testing"

func TestRewrap(t *testing.T) {
	got := rewrap("one two three\nfour five\n\n  kept as it is written here\nsix seven", 10)
	want := "one two\nthree four\nfive\n\n  kept as it is written here\nsix seven"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
