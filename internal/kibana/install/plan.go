package install

import (
	"cmp"
	"context"
	"maps"
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
}

// Lack is a stream, field or lookup index that rules need.
type Lack struct {
	Kind  string `json:"kind"` // stream, field or lookup
	Name  string `json:"name"`
	Rules int    `json:"rules"`
	// Creates says that an installation creates it, with so many Rows: a lookup index.
	Creates bool `json:"creates,omitempty"`
	Rows    int  `json:"rows,omitempty"`
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
	// Changes are what differs where the rule is there already.
	Changes []Change `json:"changes,omitempty"`
}

// atOnce is how many questions a plan asks a Kibana at one moment.
const atOnce = 6

// Plan looks at a Kibana and says what an installation would do there, in the order of the rules' ids.
func (i *Installer) Plan(ctx context.Context, name, migrationID string, overwrite bool) (Plan, error) {
	plan := Plan{Kibana: name, Lacks: []Lack{}, Rules: []Step{}}
	t, err := i.Target(name)
	if err != nil {
		return plan, err
	}
	if err := t.Check(ctx); err != nil {
		return plan, err
	}
	needs := map[Lack]int{} // with Rules 0
	streams := map[string]map[string]int{}
	rows := map[string]int{}
	for after := ""; ; {
		rules, next, err := i.Rules.List(ctx, migrationID, store.RuleQuery{After: after, Size: 200})
		if err != nil {
			return plan, err
		}
		steps := make([]Step, len(rules))
		g, inner := errgroup.WithContext(ctx)
		g.SetLimit(atOnce)
		for n, r := range rules {
			rule, lookups, why, err := i.make(ctx, migrationID, r)
			if err != nil {
				return plan, err
			}
			if KindOf(r) == Custom {
				need(r, lookups, needs, streams)
			}
			for _, k := range lookups {
				rows[k.Name] = len(k.Rows)
			}
			g.Go(func() (err error) {
				steps[n], err = i.step(inner, t, r, rule, why, overwrite)
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
	plan.Lacks, err = lacks(ctx, t, needs, streams)
	for n, l := range plan.Lacks {
		if l.Kind == LackLookup {
			plan.Lacks[n].Creates, plan.Lacks[n].Rows = t.Lookups() != nil, rows[l.Name]
		}
	}
	return plan, err
}

func (i *Installer) step(ctx context.Context, t Target, r migration.Rule, rule kibana.Rule, why string, overwrite bool) (Step, error) {
	s := Step{ID: r.ID, RuleID: kibana.RuleID(r.ID), Title: r.Original.Title, Kind: KindOf(r), Outcome: Created}
	switch {
	case s.Kind == Prebuilt:
		s.RuleID = r.Matched.RuleID
	case why != "":
		s.Outcome, s.Why = LeftOut, why
		return s, nil
	}
	there, err := t.Rule(ctx, s.RuleID)
	if err != nil || there == nil {
		return s, err
	}
	s.Outcome = Unchanged
	if s.Kind == Prebuilt {
		return s, nil
	}
	if s.Changes, _, err = compare(there, rule); err == nil && len(s.Changes) > 0 {
		if s.Outcome = Kept; overwrite {
			s.Outcome = Updated
		}
	}
	return s, err
}

// need adds what a rule reads: the fields of each of its index patterns, and lookup indices.
func need(r migration.Rule, lookups []migration.LookupIndex, needs map[Lack]int, streams map[string]map[string]int) {
	for _, k := range lookups {
		needs[Lack{Kind: LackLookup, Name: k.Name}]++
	}
	fields := read(r.Elastic.Query)
	for _, pattern := range r.Elastic.Index {
		if streams[pattern] == nil {
			streams[pattern] = map[string]int{}
		}
		needs[Lack{Kind: LackStream, Name: pattern}]++
		if len(r.Elastic.Index) > 1 {
			continue // which of them has to have a field is not known
		}
		for _, f := range fields {
			streams[pattern][f]++
		}
	}
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

func lacks(ctx context.Context, t Target, needs map[Lack]int, streams map[string]map[string]int) ([]Lack, error) {
	list := []Lack{}
	var mu sync.Mutex
	g, inner := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for lack, rules := range needs {
		lack.Rules = rules
		g.Go(func() error {
			fields, ok, err := t.Fields(inner, lack.Name)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			if !ok {
				list = append(list, lack)
				return nil
			}
			for f, n := range streams[lack.Name] {
				if lack.Kind == LackStream && !fields[f] {
					list = append(list, Lack{Kind: LackField, Name: lack.Name + ": " + f, Rules: n})
				}
			}
			return nil
		})
	}
	err := g.Wait()
	slices.SortFunc(list, func(a, b Lack) int {
		return cmp.Or(-cmp.Compare(a.Kind, b.Kind), -cmp.Compare(a.Rules, b.Rules), cmp.Compare(a.Name, b.Name))
	})
	return list, err
}
