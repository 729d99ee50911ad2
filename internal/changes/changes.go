// Package changes says what a compiler would make differently of rules that are translated already. It changes nothing.
package changes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/rulebridge/rulebridge/internal/compile"
	"github.com/rulebridge/rulebridge/internal/migration"
)

// Compiler compiles a rule with the macros and lookups of its migration.
type Compiler interface {
	Compile(ctx context.Context, migrationID string, rule migration.OriginalRule) (compile.Output, error)
}

// ErrResources says that no compiler can be made of the macros and lookups of the migration.
var ErrResources = compile.ErrResources

// Change is what would become of a rule.
type Change struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	// Before and After are the result of the translation; Before is error for a rule that ended in error.
	Before string `json:"result_before"`
	After  string `json:"result_after,omitempty"`
	// CompilerBefore made the translation that is there.
	CompilerBefore string `json:"compiler_before,omitempty"`
	// Appeared and Vanished are the diagnostics that only one of the two has, causes and notes.
	Appeared []migration.Diagnostic `json:"appeared"`
	Vanished []migration.Diagnostic `json:"vanished"`
	// Settings names what else of the rule changes, such as interval and threat.
	Settings []string `json:"settings"`
	// Added and Removed count the lines of the query that change; Query is the unified diff, when it is asked for.
	Added   int    `json:"query_lines_added"`
	Removed int    `json:"query_lines_removed"`
	Query   string `json:"query_diff,omitempty"`
	// Prebuilt says that a prebuilt rule stands in the rule's place: the change concerns the translation beside it.
	Prebuilt bool `json:"prebuilt,omitempty"`
	// Fault is why the rule could not be compiled again.
	Fault string `json:"fault,omitempty"`
}

// Summary is the end of a comparison.
type Summary struct {
	MigrationID string `json:"migration_id"`
	Compiler    string `json:"compiler_version"`
	Rules       int    `json:"rules"`
	Compared    int    `json:"compared"`
	Changed     int    `json:"changed"`
	// Faults counts rules that could not be compiled again.
	Faults int `json:"faults"`
	// Waiting counts rules that are not translated yet, Model those whose draft a model completed: what the compiler made of
	// them before is not kept, and a migration would ask the model again.
	Waiting int `json:"waiting"`
	Model   int `json:"completed_by_a_model"`
}

// Options of a comparison.
type Options struct {
	MigrationID string
	Compiler    Compiler
	// Version is the compiler's.
	Version string
	// Full asks for the differences of the queries.
	Full bool
}

// Codes of diagnostics that the steps after the compiler leave, see package activities.
const (
	modelFilled   = "model_filled"
	modelUnusable = "model_unusable"
)

// Run compiles the rules again and calls found with each that would change, in their order.
func Run(ctx context.Context, o Options, rules func(each func(migration.Rule) error) error, found func(Change) error) (Summary, error) {
	sum := Summary{MigrationID: o.MigrationID, Compiler: o.Version}
	err := rules(func(r migration.Rule) error {
		sum.Rules++
		switch {
		case r.Status != migration.StatusFinished && r.Status != migration.StatusError:
			sum.Waiting++
			return nil
		case hasCode(r, modelFilled):
			sum.Model++
			return nil
		}
		out, err := o.Compiler.Compile(ctx, o.MigrationID, r.Original)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, ErrResources):
			return err
		case err != nil:
			sum.Faults++
			c := begin(r)
			c.Fault = err.Error()
			return found(c)
		}
		sum.Compared++
		c, changed := Compare(r, out, o.Full)
		if !changed {
			return nil
		}
		sum.Changed++
		return found(c)
	})
	return sum, err
}

func hasCode(r migration.Rule, code string) bool {
	return slices.ContainsFunc(r.Diagnostics, func(d migration.Diagnostic) bool { return d.Code == code })
}

func begin(r migration.Rule) Change {
	c := Change{ID: r.ID, Title: r.Original.Title, Before: string(r.Result), CompilerBefore: r.CompilerVersion, Prebuilt: r.Matched != nil,
		Appeared: []migration.Diagnostic{}, Vanished: []migration.Diagnostic{}, Settings: []string{}}
	if r.Status == migration.StatusError {
		c.Before = string(migration.StatusError)
	}
	return c
}

// Compare says what of a rule would change; changed is false when nothing would.
func Compare(r migration.Rule, out compile.Output, full bool) (c Change, changed bool) {
	c = begin(r)
	c.After = string(out.Result)
	before := slices.DeleteFunc(slices.Clone(r.Diagnostics), func(d migration.Diagnostic) bool { return d.Code == modelUnusable })
	c.Appeared, c.Vanished = missing(out.Diagnostics, before), missing(before, out.Diagnostics)
	old := r.Elastic
	switch {
	case r.Matched != nil:
		old = r.Compiled
	case r.Edited != nil:
		old = r.Draft
	}
	c.Settings = settings(old, out.Rule)
	if from, to := query(old), query(out.Rule); from != to {
		text := unified(from, to)
		c.Added, c.Removed = text.added, text.removed
		if full {
			c.Query = text.diff
		}
		changed = true
	}
	return c, changed || c.Before != c.After || len(c.Appeared) > 0 || len(c.Vanished) > 0 || len(c.Settings) > 0
}

// missing are the diagnostics of list that others lacks, each as often as it is missing.
func missing(list, others []migration.Diagnostic) []migration.Diagnostic {
	left := map[migration.Diagnostic]int{}
	for _, d := range others {
		left[d]++
	}
	out := []migration.Diagnostic{}
	for _, d := range list {
		if left[d] > 0 {
			left[d]--
			continue
		}
		out = append(out, d)
	}
	return out
}

func query(e *migration.ElasticRule) string {
	if e == nil {
		return ""
	}
	return e.Query
}

// settings names the members of a rule that differ, but for the query, in their order. A rule that appears or vanishes as
// a whole has none: its result says so.
func settings(before, after *migration.ElasticRule) []string {
	names := []string{}
	if before == nil || after == nil {
		return names
	}
	x, y := plain(*before), plain(*after)
	kind := reflect.TypeFor[migration.ElasticRule]()
	for i := range kind.NumField() {
		name, _, _ := strings.Cut(kind.Field(i).Tag.Get("json"), ",")
		if name != "query" && !reflect.DeepEqual(x[name], y[name]) {
			names = append(names, name)
		}
	}
	return names
}

// plain is a rule as it comes out of a store, so that a rule that does compares equal to one that does not.
func plain(e migration.ElasticRule) map[string]any {
	data, err := json.Marshal(e)
	var m map[string]any
	if err == nil {
		err = json.Unmarshal(data, &m)
	}
	if err != nil {
		panic(fmt.Sprintf("a rule that is no JSON: %v", err)) // it came out of JSON, or goes there
	}
	for name, value := range m {
		if list, ok := value.([]any); ok && len(list) == 0 || value == nil {
			delete(m, name)
		}
	}
	return m
}
