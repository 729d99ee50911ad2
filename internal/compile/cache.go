package compile

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	prepared  *lru.Cache[string, *prepared]
	preparing singleflight.Group
}

// prepared is a compiler with what it was made of.
type prepared struct {
	*translate.Compiler
	defaults  Defaults // with the migration's own time zone
	resources []migration.Resource
	private   bool // some of resources are hidden from some rules
}

// keptCompilers bounds the memory that prepared compilers take.
const keptCompilers = 8

// NewCache compiles with base, to whose macros and lookups each migration adds its own; of two with one name the
// migration's wins. Rules whose source gives no schedule get the one of defaults.
func NewCache(resources Resources, base translate.Options, defaults Defaults) *Cache {
	kept, err := lru.New[string, *prepared](keptCompilers)
	if err != nil {
		panic(err) // only a size below one is refused
	}
	return &Cache{resources: resources, base: base, defaults: defaults, prepared: kept}
}

// Named makes the cache say in every output which compiler made it.
func (c *Cache) Named(version string) *Cache {
	c.version = version
	return c
}

// Compile compiles a rule with the macros and lookups of its migration.
func (c *Cache) Compile(ctx context.Context, migrationID string, rule migration.OriginalRule) (Output, error) {
	compiler, err := c.compiler(ctx, migrationID, rule)
	if err != nil {
		return Output{}, err
	}
	out, err := compiler.TranslateContext(ctx, Request(rule))
	if err != nil {
		return Output{}, err
	}
	made := compiler.defaults.FromOutput(rule, out)
	made.Compiler = c.version
	return made, nil
}

// compiler is the prepared compiler of a migration for a rule. Callers who need the same one wait for a single preparation,
// each for as long as its own context allows; the preparation itself goes on when the first caller leaves.
func (c *Cache) compiler(ctx context.Context, migrationID string, rule migration.OriginalRule) (*prepared, error) {
	version, err := c.resources.ResourcesVersion(ctx, migrationID)
	if err != nil {
		return nil, err
	}
	key := migrationID + "@" + strconv.FormatInt(version, 10)
	all, err := c.once(ctx, key, func(ctx context.Context) (*prepared, error) {
		resources, err := c.resources.Resources(ctx, migrationID)
		if err != nil {
			return nil, err
		}
		return c.prepare(migrationID, resources, nil)
	})
	if err != nil {
		return nil, err
	}
	if !all.private {
		return all, nil
	}
	var seen, hidden []migration.Resource
	for _, r := range all.resources {
		if r.HiddenFrom(rule) {
			hidden = append(hidden, r)
		} else {
			seen = append(seen, r)
		}
	}
	if len(hidden) == 0 {
		return all, nil
	}
	of, err := c.once(ctx, key+"\x00"+rule.App+"\x00"+rule.Owner, func(context.Context) (*prepared, error) { return c.prepare(migrationID, seen, hidden) })
	if err != nil {
		return nil, err
	}
	return of, nil
}

// once gives what is prepared under a key, or has it prepared.
func (c *Cache) once(ctx context.Context, key string, prepare func(context.Context) (*prepared, error)) (*prepared, error) {
	if p, ok := c.prepared.Get(key); ok {
		return p, nil
	}
	made := c.preparing.DoChan(key, func() (any, error) {
		if p, ok := c.prepared.Get(key); ok {
			return p, nil
		}
		p, err := prepare(context.WithoutCancel(ctx))
		if err == nil {
			c.prepared.Add(key, p)
		}
		return p, err
	})
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case r := <-made:
		if r.Err != nil {
			return nil, r.Err
		}
		return r.Val.(*prepared), nil
	}
}

func (c *Cache) prepare(migrationID string, seen, hidden []migration.Resource) (*prepared, error) {
	options, defaults := withHidden(WithResources(c.base, seen), hidden), c.defaults
	zone, own, err := ownZone(seen)
	if err == nil {
		if own {
			options.Zone, defaults.Zone = zone, zone
		}
		var compiler *translate.Compiler
		if compiler, err = translate.New(options); err == nil {
			private := slices.ContainsFunc(seen, func(r migration.Resource) bool { return r.App != "" })
			return &prepared{compiler, defaults, seen, private}, nil
		}
	}
	return nil, fmt.Errorf("prepare the compiler of migration %s: %w: %w", migrationID, ErrResources, err)
}

// ownZone is the time zone of the search head that a migration's settings name.
func ownZone(resources []migration.Resource) (zone *translate.Zone, own bool, err error) {
	for _, r := range resources {
		if r.Type == migration.ResourceSetting && r.Name == migration.SettingTimeZone && r.Definition != "" {
			zone, err = Zone(r.Definition)
			return zone, true, err
		}
	}
	return nil, false, nil
}
