package install

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/kibana"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
)

// Plan is what an installation would do. It changes nothing.
type Plan struct {
	Kibana string `json:"kibana"`
	// Lacks is what the rules need and the Kibana does not have.
	Lacks []Lack `json:"lacks"`
	Rules []Step `json:"rules"`
	// Take is what was asked for; LeftOut counts the rules that are left out, by reason.
	Take    migration.Take      `json:"take,omitempty"`
	LeftOut migration.Omissions `json:"left_out,omitempty"`
}

// Lack is a stream, field or lookup index that rules need.
type Lack struct {
	Kind  string `json:"kind"` // stream, field or lookup
	Name  string `json:"name"`
	Rules int    `json:"rules"`
	// RuleIDs are the first mostNamed of these rules, by their ids in the migration.
	RuleIDs []string `json:"rule_ids,omitempty"`
	// Integration is the package of Elastic's that brings a stream; empty when its name tells none.
	Integration string `json:"integration,omitempty"`
	// Creates says that an installation creates it, with so many Rows: a lookup index.
	Creates bool `json:"creates,omitempty"`
	Rows    int  `json:"rows,omitempty"`
}

// mostNamed is how many of the rules that need something are named.
const mostNamed = 20

// use adds a rule.
func (l *Lack) use(ruleID string) {
	if l.Rules++; len(l.RuleIDs) < mostNamed {
		l.RuleIDs = append(l.RuleIDs, ruleID)
	}
}

// Kinds of what is lacking.
const (
	LackStream = "stream"
	LackField  = "field"
	LackLookup = "lookup"
)

// Step is what would become of one rule.
type Step struct {
	ID      string  `json:"id"`
	RuleID  string  `json:"rule_id"` // in Kibana
	Title   string  `json:"title"`
	Kind    Kind    `json:"kind"`
	Outcome Outcome `json:"outcome"`
	Why     string  `json:"why,omitempty"`
	// Result is full or partial, of a rule of Kind custom; Unsettled is what a partial one lacks, the first things first.
	Result    migration.Result `json:"translation_result,omitempty"`
	Unsettled []string         `json:"unsettled,omitempty"`
	// Changes are what differs where the rule is there already.
	Changes []Change `json:"changes,omitempty"`
	// Exceptions are the exception list that the rule goes by, where lists are asked for.
	Exceptions *kibana.Exceptions `json:"exceptions,omitempty"`
	// Kept are the exclusions that stay in the query.
	Kept []kibana.Kept `json:"exclusions_in_query,omitempty"`
}

// atOnce is how many questions a plan asks a Kibana at one moment.
const atOnce = 6

// Plan looks at a Kibana and says what an installation would do there, in the order of the rules' ids.
func (i *Installer) Plan(ctx context.Context, name, migrationID string, o Options) (Plan, error) {
	plan := Plan{Kibana: name, Lacks: []Lack{}, Rules: []Step{}, Take: cmp.Or(o.Take, migration.TakeAll), LeftOut: migration.Omissions{}}
	t, err := i.Target(name)
	if err != nil {
		return plan, err
	}
	if err := t.Check(ctx); err != nil {
		return plan, err
	}
	n := needs{streams: map[string]*Lack{}, lookups: map[string]*Lack{}, fields: map[string]*sourceNeeds{}}
	for after := ""; ; {
		rules, next, err := i.Rules.List(ctx, migrationID, store.RuleQuery{After: after, Size: 200})
		if err != nil {
			return plan, err
		}
		steps := make([]Step, len(rules))
		g, inner := errgroup.WithContext(ctx)
		g.SetLimit(atOnce)
		for at, r := range rules {
			m, err := i.make(ctx, migrationID, r, o)
			if err != nil {
				return plan, errors.Join(err, g.Wait())
			}
			if m.code != "" {
				plan.LeftOut[m.code]++
			}
			if m.why == "" && KindOf(r) == Custom {
				n.add(r, m.lookups)
			}
			g.Go(func() (err error) {
				steps[at], err = i.step(inner, t, r, m, o)
				return err
			})
		}
		if err := g.Wait(); err != nil {
			return plan, err
		}
		plan.Rules = append(plan.Rules, steps...)
		if after = next; after == "" {
			break
		}
	}
	plan.Lacks, err = n.lacks(ctx, t)
	return plan, err
}

func (i *Installer) step(ctx context.Context, t Target, r migration.Rule, m made, o Options) (Step, error) {
	kind, _ := Sort(r, o.Take)
	s := Step{ID: r.ID, RuleID: kibana.RuleID(r.ID), Title: r.Original.Title, Kind: kind, Outcome: Created}
	switch {
	case s.Kind == Prebuilt:
		s.RuleID = r.Matched.RuleID
	case m.why != "":
		s.Outcome, s.Why = LeftOut, m.why
		return s, nil
	default:
		if s.Result = migration.Full; !slices.Contains(m.rule.Tags, kibana.TagFull) {
			s.Result, s.Unsettled = migration.Partial, m.rule.Unsettled
		}
		if s.Kept = m.kept; len(m.exceptions.Items) > 0 {
			s.Exceptions = &m.exceptions
		}
	}
	there, err := t.Rule(ctx, s.RuleID)
	if err != nil || there == nil {
		return s, err
	}
	s.Outcome = Unchanged
	if s.Kind == Prebuilt {
		return s, nil
	}
	if s.Changes, _, err = m.compare(ctx, t, there); err == nil && len(s.Changes) > 0 {
		if s.Outcome = Kept; o.Overwrite {
			s.Outcome = Updated
		}
	}
	return s, err
}

// needs is what rules read.
type needs struct {
	streams, lookups map[string]*Lack
	// fields are those that rules ask for, by the index patterns that a rule reads.
	fields map[string]*sourceNeeds
}

type sourceNeeds struct {
	patterns []string
	fields   map[string]*Lack
}

// add adds what a rule reads: index patterns, their fields, and lookup indices.
func (n needs) add(r migration.Rule, lookups []migration.LookupIndex) {
	for _, k := range lookups {
		lackOf(n.lookups, Lack{Kind: LackLookup, Name: k.Name, Rows: len(k.Rows)}).use(r.ID)
	}
	for _, pattern := range r.Elastic.Index {
		lackOf(n.streams, Lack{Kind: LackStream, Name: pattern, Integration: integration(pattern)}).use(r.ID)
	}
	source := strings.Join(r.Elastic.Index, ", ")
	of := n.fields[source]
	if of == nil {
		of = &sourceNeeds{r.Elastic.Index, map[string]*Lack{}}
		n.fields[source] = of
	}
	for _, f := range read(r.Elastic.Query) {
		l := lackOf(of.fields, Lack{Kind: LackField, Name: source + ": " + f})
		l.use(r.ID)
	}
}

func lackOf(known map[string]*Lack, l Lack) *Lack {
	if known[l.Name] == nil {
		known[l.Name] = &l
	}
	return known[l.Name]
}

var dataStream = regexp.MustCompile(`^(?:logs|metrics|traces)-([a-z0-9_]+)\.[a-z0-9_.]+(?:-|\*|$)`)

// integration is the package that a data stream belongs to: the first part of its data set. Source: Elastic's naming scheme
// of data streams, type-dataset-namespace, with package.stream as data set.
func integration(pattern string) string {
	if m := dataStream.FindStringSubmatch(pattern); m != nil {
		return m[1]
	}
	return ""
}

// read are the fields that a query reads from the index; what it makes itself is none of them. It stops where columns
// begin to come from elsewhere.
func read(query string) []string {
	q, err := esql.Parse(query)
	if err != nil {
		return nil
	}
	made, fields := map[string]bool{}, map[string]bool{}
	take := func(e esql.Expr) {
		esql.InspectExpr(e, func(n esql.Node) bool {
			if c, ok := n.(*esql.Column); ok && !made[c.Name] && !strings.HasPrefix(c.Name, "_") {
				fields[c.Name] = true
			}
			return true
		})
	}
	for _, c := range q.Commands {
		switch c := c.(type) {
		case *esql.From, *esql.Comment, *esql.Limit, *esql.Keep, *esql.Drop:
		case *esql.Where:
			take(c.Expr)
		case *esql.Sort:
			for _, k := range c.Keys {
				take(k.Expr)
			}
		case *esql.Eval:
			for _, a := range c.Assigns {
				take(a.Expr)
				made[a.ColumnName()] = true
			}
		case *esql.Stats:
			for _, a := range slices.Concat(c.Aggs, c.By) {
				take(a.Expr)
				take(a.Where)
			}
			return slices.Sorted(maps.Keys(fields))
		default:
			return slices.Sorted(maps.Keys(fields))
		}
	}
	return slices.Sorted(maps.Keys(fields))
}

// lacks asks which of the needs the target does not have. A field is lacking where none of the patterns that a rule reads,
// and that are there, has it.
func (n needs) lacks(ctx context.Context, t Target) ([]Lack, error) {
	list := []Lack{}
	there := map[string]map[string]bool{} // the fields of each pattern that is there
	var mu sync.Mutex
	g, inner := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for _, l := range slices.Concat(slices.Collect(maps.Values(n.streams)), slices.Collect(maps.Values(n.lookups))) {
		g.Go(func() error {
			fields, ok, err := t.Fields(inner, l.Name)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			switch {
			case !ok:
				l.Creates = l.Kind == LackLookup && t.Lookups() != nil
				list = append(list, *l)
			case l.Kind == LackStream:
				there[l.Name] = fields
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return list, err
	}
	for _, source := range n.fields {
		var have []map[string]bool
		for _, pattern := range source.patterns {
			if fields := there[pattern]; fields != nil {
				have = append(have, fields)
			}
		}
		for name, l := range source.fields {
			field := strings.TrimPrefix(name, strings.Join(source.patterns, ", ")+": ")
			if len(have) > 0 && !slices.ContainsFunc(have, func(fields map[string]bool) bool { return fields[field] }) {
				list = append(list, *l)
			}
		}
	}
	slices.SortFunc(list, func(a, b Lack) int {
		return cmp.Or(-cmp.Compare(a.Kind, b.Kind), -cmp.Compare(a.Rules, b.Rules), cmp.Compare(a.Name, b.Name))
	})
	return list, nil
}
