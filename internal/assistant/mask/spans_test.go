package mask

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestSpansInOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var sorter spanSorter
	for range 2000 {
		var spans []span
		for range r.IntN(40) {
			start := r.IntN(12)
			spans = append(spans, span{start: start, end: start + r.IntN(4), kind: kinds[r.IntN(len(kinds))]})
		}
		want := slices.Clone(spans)
		slices.SortStableFunc(want, func(a, b span) int { return cmp.Or(a.start-b.start, b.end-a.end) })
		if got := sorter.sort(slices.Clone(spans)); !slices.Equal(got, want) {
			t.Fatalf("%v\nbecame %v\nwant   %v", spans, got, want)
		}
	}
}

// TestKindOfAnAddress: a value that a field calls otherwise, and whose form says what it is, gets a token by its form,
// however many other values stand in the text.
func TestKindOfAnAddress(t *testing.T) {
	m, _ := newMasker(t, kindsOf{"10.20.30.40": Value, "PAY-DB-07": Host})
	text := ""
	for range 40 {
		text += "PAY-DB-07 10.20.30.40 "
	}
	got, _, err := m.Text(text, Prose)
	if err != nil {
		t.Fatal(err)
	}
	want := ""
	for range 40 {
		want += "<host 1> <addr 1> "
	}
	if plain(got) != want {
		t.Errorf("%s", plain(got))
	}
}
