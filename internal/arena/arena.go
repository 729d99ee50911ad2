// Package arena hands out values of one type in blocks of memory that are used again: for trees and lists that are made
// many times a second and all forgotten at once.
package arena

const (
	firstBlock = 4
	maxBlock   = 64
	// maxKept is the number of values that Reset keeps the memory of; what one large job took beyond it goes.
	maxKept = 1024
)

// Of is memory for values of type T; the zero value is ready to use. It is not safe for concurrent use.
type Of[T any] struct {
	blocks [][]T // of full length; those before at are handed out
	at     int   // the block in use
	used   int   // of the block in use
}

// New returns a zero value, valid until Reset.
func (a *Of[T]) New() *T {
	if a.at >= len(a.blocks) || a.used == len(a.blocks[a.at]) {
		a.next(1)
	}
	a.used++
	return &a.blocks[a.at][a.used-1]
}

// Put returns a place that holds v, valid until Reset.
func (a *Of[T]) Put(v T) *T {
	p := a.New()
	*p = v
	return p
}

// List returns an empty list with room for n values, valid until Reset; appending more moves it out of the arena.
func (a *Of[T]) List(n int) []T {
	if n > maxBlock {
		return make([]T, 0, n)
	}
	if a.at >= len(a.blocks) || len(a.blocks[a.at])-a.used < n {
		a.next(n)
	}
	l := a.blocks[a.at][a.used : a.used : a.used+n]
	a.used += n
	return l
}

// Append appends to a list that List or Append returned, or to none; a list that is full moves within the arena.
func (a *Of[T]) Append(list []T, v T) []T {
	if len(list) == cap(list) {
		list = append(a.List(max(4, 2*len(list))), list...)
	}
	return append(list, v)
}

// next goes on to a block with room for n values.
func (a *Of[T]) next(n int) {
	if a.at < len(a.blocks) && (a.used > 0 || len(a.blocks[a.at]) < n) {
		a.at++
	}
	a.used = 0
	for a.at < len(a.blocks) && len(a.blocks[a.at]) < n {
		a.at++
	}
	if a.at == len(a.blocks) {
		size := firstBlock
		if last := len(a.blocks) - 1; last >= 0 {
			size = min(2*len(a.blocks[last]), maxBlock)
		}
		a.blocks = append(a.blocks, make([]T, max(size, n)))
	}
}

// Reset takes all values back and clears them, so that they keep nothing else alive. No value handed out may be used
// afterwards.
func (a *Of[T]) Reset() {
	kept := 0
	for i, b := range a.blocks {
		if kept+len(b) > maxKept {
			clear(a.blocks[i:])
			a.blocks = a.blocks[:i]
			break
		}
		kept += len(b)
		switch {
		case i < a.at:
			clear(b)
		case i == a.at:
			clear(b[:a.used])
		}
	}
	a.at, a.used = 0, 0
}
