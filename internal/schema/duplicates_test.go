package schema

import "testing"

// TestNoLineIsShadowed finds names that a block lists twice without event codes to tell the lines apart: the later line
// would never be read.
func TestNoLineIsShadowed(t *testing.T) {
	defs, order, err := parseTables()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range order {
		for field, ms := range defs[name].maps {
			plain := 0
			for _, m := range ms {
				if len(m.codes) == 0 {
					plain++
				}
			}
			if plain > 1 {
				t.Errorf("%s lists %s %d times", name, field, plain)
			}
		}
	}
}
