package migration

import (
	"maps"
	"testing"
)

func TestOmissions(t *testing.T) {
	seen := Omissions{OmittedRejected: 1, OmittedNotAccepted: 146}
	more := Omissions{OmittedNotAccepted: 1, OmittedLookup: 2, "of a newer worker": 3}
	all := seen.Add(more)
	if want := (Omissions{OmittedRejected: 1, OmittedNotAccepted: 147, OmittedLookup: 2}); !maps.Equal(all, want) {
		t.Errorf("the sum is %v, want %v", all, want)
	}
	if seen[OmittedNotAccepted] != 146 || more[OmittedNotAccepted] != 1 {
		t.Errorf("adding changed %v or %v", seen, more)
	}
	if got, want := all.String(), "147 not accepted, 2 with lookup indices that collide, 1 rejected"; got != want {
		t.Errorf("in words %q, want %q", got, want)
	}
	if sum := Omissions(nil).Add(nil); len(sum) != 0 || sum.String() != "" {
		t.Errorf("nothing and nothing is %v, %q", sum, sum)
	}
}
