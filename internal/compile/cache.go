package compile

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/translate"
)

// ErrResources says that no compiler can be prepared from the macros and lookups of a migration.
var ErrResources = errors.New("the macros and lookups contradict each other")

// Resources is what a Cache needs of the store.
type Resources interface {
	Resources(ctx context.Context, id string) ([]migration.Resource, error)
	ResourcesVersion(ctx context.Context, id string) (int64, error)
}

// Cache compiles with the macros and lookups of each migration. Preparing a compiler reads and indexes all of them, so
// the compilers of the last few migrations are kept, by migration and version of its resources.
type Cache struct {
	resources Resources
	base      translate.Options
	defaults  Defaults
	version   string
	prepared  *lru.Cache[string, *translate.Compiler]
	preparing singleflight.Group
}

// keptCompilers bounds the memory that prepared compilers take.
const keptCompilers = 8

// NewCache compiles with base, to whose macros and lookups each migration adds its own; of two with one name the
// migration's wins. Rules whose source gives no schedule get the one of defaults.
func NewCache(resources Resources, base translate.Options, defaults Defaults) *Cache {
	prepared, err := lru.New[string, *translate.Compiler](keptCompilers)
	if err != nil {
		panic(err) // only a size below one is refused
	}
	return &Cache{resources: resources, base: base, defaults: defaults, prepared: prepared}
}

// Named makes the cache say in every output which compiler made it.
func (c *Cache) Named(version string) *Cache {
	c.version = version
	return c
}

// Compile compiles a rule with the macros and lookups of its migration.
func (c *Cache) Compile(ctx context.Context, migrationID string, rule migration.OriginalRule) (Output, error) {
	compiler, err := c.compiler(ctx, migrationID)
	if err != nil {
		return Output{}, err
	}
	out, err := compiler.TranslateContext(ctx, Request(rule))
	if err != nil {
		return Output{}, err
	}
	made := c.defaults.FromOutput(rule, out)
	made.Compiler = c.version
	return made, nil
}

// compiler is the prepared compiler of a migration. Callers who need the same one wait for a single preparation, each
// for as long as its own context allows; the preparation itself goes on when the first caller leaves.
func (c *Cache) compiler(ctx context.Context, migrationID string) (*translate.Compiler, error) {
	version, err := c.resources.ResourcesVersion(ctx, migrationID)
	if err != nil {
		return nil, err
	}
	key := migrationID + "@" + strconv.FormatInt(version, 10)
	if compiler, ok := c.prepared.Get(key); ok {
		return compiler, nil
	}
	prepared := c.preparing.DoChan(key, func() (any, error) { return c.prepare(context.WithoutCancel(ctx), key, migrationID) })
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case r := <-prepared:
		if r.Err != nil {
			return nil, r.Err
		}
		return r.Val.(*translate.Compiler), nil
	}
}

func (c *Cache) prepare(ctx context.Context, key, migrationID string) (*translate.Compiler, error) {
	if compiler, ok := c.prepared.Get(key); ok {
		return compiler, nil
	}
	resources, err := c.resources.Resources(ctx, migrationID)
	if err != nil {
		return nil, err
	}
	compiler, err := translate.New(WithResources(c.base, resources))
	if err != nil {
		return nil, fmt.Errorf("prepare the compiler of migration %s: %w: %w", migrationID, ErrResources, err)
	}
	c.prepared.Add(key, compiler)
	return compiler, nil
}
