package cli

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"unicode"
)

const (
	nameUsage = "`name` of the migration (default: the names of its files and folders)"
	// mostNamed is how many files and folders stand in the name of a migration that was given none.
	mostNamed = 3
)

// nameOf is what a migration is called that was given no name: its files and folders.
func nameOf(paths []string) string {
	var names []string
	for _, path := range paths[:min(len(paths), mostNamed)] {
		if whole, err := filepath.Abs(path); err == nil {
			path = whole
		}
		// A name that a terminal or a header would act on is no name.
		names = append(names, strings.Map(func(c rune) rune {
			if !unicode.IsPrint(c) {
				return '?'
			}
			return c
		}, strings.ToValidUTF8(filepath.Base(path), "?")))
	}
	name := strings.Join(names, ", ")
	if more := len(paths) - len(names); more > 0 {
		name += fmt.Sprintf(" and %d more", more)
	}
	return name
}

// name gives a new migration its name. The migration is whole without one, so a failure is told and ends nothing.
func (p Program) name(ctx context.Context, g *gateway, id, name string) {
	if name == "" || id == "" { // nothing was taken: there is no migration
		return
	}
	if err := g.do(ctx, http.MethodPatch, "/"+id, map[string]string{"name": name}, new(struct{})); err != nil && ctx.Err() == nil {
		_, _ = fmt.Fprintf(p.Stderr, "rulebridge: migration %s has no name: %v\n", id, err)
	}
}
