package arena

import "testing"

func TestValuesAreApart(t *testing.T) {
	var a Of[int]
	for round := range 3 {
		var places []*int
		var lists [][]int
		for i := range 3000 {
			p := a.New()
			if *p != 0 {
				t.Fatalf("round %d: value %d is not zero: %d", round, i, *p)
			}
			*p = i
			places = append(places, p)
			l := a.List(i % 70)
			if len(l) != 0 || cap(l) != i%70 {
				t.Fatalf("list of %d has %d values and room for %d", i%70, len(l), cap(l))
			}
			for range i % 70 {
				l = append(l, -i)
			}
			lists = append(lists, l)
		}
		for i, p := range places {
			if *p != i {
				t.Fatalf("round %d: value %d became %d", round, i, *p)
			}
			for _, v := range lists[i] {
				if v != -i {
					t.Fatalf("round %d: list %d holds %d", round, i, v)
				}
			}
		}
		a.Reset()
	}
}

func TestResetKeepsNothingAlive(t *testing.T) {
	var a Of[*int]
	first := a.List(5)
	p := a.Put(new(int))
	first = append(first, new(int))
	for range 100 {
		a.Put(new(int))
	}
	a.Reset()
	if *p != nil || first[0] != nil {
		t.Error("values are still there after Reset")
	}
	for range 5000 {
		a.Put(new(int))
	}
	a.Reset()
	kept := 0
	for _, b := range a.blocks {
		kept += len(b)
		for _, v := range b {
			if v != nil {
				t.Fatal("a value is still there after Reset")
			}
		}
	}
	if kept == 0 || kept > maxKept {
		t.Errorf("%d values are kept, want some and at most %d", kept, maxKept)
	}
}

func TestListsMemoryIsUsedAgain(t *testing.T) {
	var a Of[int]
	a.List(10)
	a.List(3)
	a.Reset()
	if n := testing.AllocsPerRun(20, func() {
		a.List(10)
		a.List(3)
		a.New()
		a.Reset()
	}); n != 0 {
		t.Errorf("%v allocations in memory that is there", n)
	}
}
