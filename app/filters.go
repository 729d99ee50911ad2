package app

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"sync"

	"go.uber.org/zap"

	"github.com/rulebridge/rulebridge/config"
	"github.com/rulebridge/rulebridge/internal/compile"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// Filters tell what rules leave out by filter macros, whose names end in _filter and which do nothing but filter, and by
// lookups of what is allowed: there houses keep their exclusions. They implement kibana.Filters. Close them.
type Filters struct {
	resources compile.Resources
	bare      *Recompiler // compiles with filter macros that leave nothing out
	emptied   *Recompiler // compiles with lookups that have one row of nothing
	known     compile.Known

	mu      sync.Mutex
	defined map[migrationVersion]*defined
}

type migrationVersion struct {
	id      string
	version int64
}

// NewFilters reads the macros that resources has.
func NewFilters(c config.Config, resources compile.Resources, compilers Compilers, log *zap.Logger) (*Filters, error) {
	mapping, err := Schema(c.Schema)
	if err != nil {
		return nil, err
	}
	bare, err := NewRecompiler(c, unfiltered{resources}, compilers, log)
	if err != nil {
		return nil, err
	}
	empty, err := NewRecompiler(c, emptied{resources}, compilers, log)
	if err != nil {
		bare.Close()
		return nil, err
	}
	return &Filters{resources: resources, bare: bare, emptied: empty, known: compile.Known{Schema: mapping}, defined: map[migrationVersion]*defined{}}, nil
}

// Close ends what compiles.
func (f *Filters) Close() {
	f.bare.Close()
	f.emptied.Close()
}

// Plain says whether a field of the indices holds one value at most, and is compared as a whole and with case.
func (f *Filters) Plain(indices []string, field string) bool { return f.known.Plain(indices, field) }

var usedFilter = regexp.MustCompile("`\\s*([A-Za-z0-9_]+_filter)\\s*[(`]")

// Without is the query of a rule whose filter macros leave nothing out, and the names of those macros.
func (f *Filters) Without(ctx context.Context, rule migration.Rule) (query string, macros []string, err error) {
	defined, err := f.of(ctx, rule.MigrationID)
	if err != nil {
		return "", nil, err
	}
	for _, m := range usedFilter.FindAllStringSubmatch(rule.Original.Query, -1) {
		if defined.filters[m[1]] && !slices.Contains(macros, m[1]) {
			macros = append(macros, m[1])
		}
	}
	if len(macros) == 0 {
		return "", nil, nil
	}
	out, err := f.bare.Compile(ctx, rule.MigrationID, rule.Original)
	if err == nil && out.Rule == nil {
		err = errors.New("there is no query without them")
	}
	if err != nil {
		return "", macros, err
	}
	return out.Rule.Query, macros, nil
}

// of reads what a migration has of resources. Every rule of it asks, and reading them takes longer than compiling a rule.
func (f *Filters) of(ctx context.Context, id string) (*defined, error) {
	version, err := f.resources.ResourcesVersion(ctx, id)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	key := migrationVersion{id, version}
	if d := f.defined[key]; d != nil {
		return d, nil
	}
	all, err := f.resources.Resources(ctx, id)
	if err != nil {
		return nil, err
	}
	d := &defined{filters: map[string]bool{}, macros: map[string]string{}, columns: map[string][]string{}}
	for _, r := range all {
		switch {
		case r.Type == migration.ResourceMacro:
			d.macros[macroName(r)] += "\n| " + r.Definition
			if isFilter(r) && strings.TrimSpace(r.Definition) != passAll {
				d.filters[macroName(r)] = true
			}
		case r.Type == migration.ResourceLookup:
			d.columns[r.Name] = append(d.columns[r.Name], r.Columns...)
		}
	}
	clear(f.defined) // one migration at a time is exported
	f.defined[key] = d
	return d, nil
}

// defined is what the resources of a migration define.
type defined struct {
	filters map[string]bool   // filter macros that leave something out
	macros  map[string]string // definitions, each behind a pipe; those of several arities of one name together
	columns map[string][]string
}

// passAll is a filter macro that leaves nothing out, as it stands behind a pipe; passAny within a search.
const (
	passAll = "search *"
	passAny = "*"
)

func macroName(r migration.Resource) string {
	name, _, _ := strings.Cut(r.Name, "(")
	return name
}

// isFilter says that a macro leaves events out and does nothing else: its name ends in _filter, and its definition is a
// condition of a search, or commands that filter. One that computes something is none, whatever its name says.
func isFilter(r migration.Resource) bool {
	return r.Type == migration.ResourceMacro && strings.HasSuffix(macroName(r), "_filter") && onlyFilters(r)
}

// onlyFilters reads a definition as it stands behind a pipe, or, where it does not begin with a command, within a search.
func onlyFilters(r migration.Resource) bool {
	if r.IsEval {
		return false // a text that is computed from the arguments
	}
	definition := strings.TrimPrefix(strings.TrimSpace(r.Definition), "|")
	q := spl.Parse("search * | "+definition, spl.Options{})
	if len(q.Pipeline.Commands) > 1 {
		if _, unknown := q.Pipeline.Commands[1].(*spl.Unknown); unknown {
			q = spl.Parse("search "+definition, spl.Options{})
		}
	}
	return len(q.Problems) == 0 && !slices.ContainsFunc(q.Pipeline.Commands, func(c spl.Command) bool {
		switch c.(type) {
		case *spl.Search, *spl.Where, *spl.Regex:
			return false
		}
		return true
	})
}

var beginsWithCommand = regexp.MustCompile(`^\s*\|?\s*(search|where|regex)\s`)

// unfiltered are resources whose filter macros leave nothing out.
type unfiltered struct{ of compile.Resources }

func (u unfiltered) Resources(ctx context.Context, id string) ([]migration.Resource, error) {
	all, err := u.of.Resources(ctx, id)
	all = slices.Clone(all)
	for i, r := range all {
		if !isFilter(r) {
			continue
		}
		all[i].Definition, all[i].IsEval = passAny, false
		if beginsWithCommand.MatchString(r.Definition) {
			all[i].Definition = passAll
		}
	}
	return all, err
}

func (u unfiltered) ResourcesVersion(ctx context.Context, id string) (int64, error) {
	return u.of.ResourcesVersion(ctx, id)
}
