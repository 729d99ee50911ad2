package schema

import (
	"hash/maphash"
	"strings"
	"sync/atomic"
)

// Caps of a fieldCache: the names come from rules that nobody vouches for. A thousand real rules ask one source for 74
// names that its tables do not list.
const (
	cachedNames        = 256 // a power of two
	maxCachedNameBytes = 80
)

// fieldCache remembers what a source says of names: each name has one place, which the last name that came to it holds.
// So a flood of names costs what it would without a cache, and none of it stays. It is safe for concurrent use.
type fieldCache struct {
	seed   maphash.Seed
	places [cachedNames]atomic.Pointer[cachedField]
}

type cachedField struct {
	name  string
	field Field
}

func newFieldCache() *fieldCache { return &fieldCache{seed: maphash.MakeSeed()} }

// get returns the field of a name, from find where it is not known.
func (c *fieldCache) get(name string, find func(name string) Field) *Field {
	if len(name) > maxCachedNameBytes {
		f := find(name)
		return &f
	}
	place := &c.places[maphash.String(c.seed, name)%cachedNames]
	if known := place.Load(); known != nil && known.name == name {
		return &known.field
	}
	name = strings.Clone(name) // not the query around it
	known := &cachedField{name: name, field: find(name)}
	place.Store(known)
	return &known.field
}
