package rulelist

import (
	"cmp"
	"slices"
	"strings"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/mitre"
	"github.com/rulebridge/rulebridge/internal/report"
)

// Facets count all rules of a migration by what a query can ask for.
type Facets struct {
	Status  map[string]int `json:"status"`
	Result  map[string]int `json:"result"`
	Review  map[string]int `json:"review"`
	Matched map[string]int `json:"matched"`
	// Edited counts the rules that people changed, by their names.
	Edited     map[string]int `json:"edited"`
	Causes     []report.Cause `json:"causes"`
	Sources    []Facet        `json:"sources"`
	Tactics    []Facet        `json:"tactics"`    // in the order of an attack
	Techniques []Facet        `json:"techniques"` // each with the rules of its sub-techniques
	Apps       []Facet        `json:"apps"`
}

// Facet is a value with the number of rules it concerns.
type Facet struct {
	ID    string `json:"id,omitempty"`
	Name  string `json:"name"`
	Rules int    `json:"rules"`
}

// count counts once for each version of the list.
func (x *list) count() *Facets {
	x.mu.RLock()
	f, version := x.facets, x.version
	if f == nil {
		f = x.countAll()
	}
	x.mu.RUnlock()
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.version == version {
		x.facets = f
	}
	return f
}

func (x *list) countAll() *Facets {
	f := &Facets{Status: map[string]int{}, Result: map[string]int{}, Review: map[string]int{}, Matched: map[string]int{}, Edited: map[string]int{},
		Causes: []report.Cause{}, Sources: []Facet{}, Tactics: []Facet{}, Techniques: []Facet{}, Apps: []Facet{}}
	for _, s := range []migration.Status{migration.StatusPending, migration.StatusProcessing, migration.StatusFinished, migration.StatusError} {
		f.Status[string(s)] = 0
	}
	causes, sources, tactics, techniques, apps := map[string]report.Cause{}, map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}
	for _, e := range x.entries {
		f.Status[string(e.Status)]++
		f.Review[string(e.Review)]++
		f.Matched[matchOf(&e.Row)]++
		if e.Result != "" {
			f.Result[string(e.Result)]++
		}
		if e.Edited != nil {
			f.Edited[e.Edited.By]++
		}
		for _, key := range e.Causes {
			c, ok := causes[key]
			if !ok {
				c = x.shared.causes[key]
			}
			c.Rules++
			if len(e.Causes) == 1 {
				c.Sole++
			}
			causes[key] = c
		}
		for _, s := range e.Sources {
			sources[s]++
		}
		for _, t := range e.Tactics {
			tactics[t]++
		}
		named := map[string]bool{}
		for _, t := range e.Techniques {
			parent, _, _ := strings.Cut(t, ".")
			named[t], named[parent] = true, true
		}
		for t := range named {
			techniques[t]++
		}
		if e.App != "" {
			apps[e.App]++
		}
	}
	for _, c := range causes {
		f.Causes = append(f.Causes, c)
	}
	report.SortCauses(f.Causes)
	f.Sources, f.Apps = facets(sources, false), facets(apps, false)
	f.Tactics, f.Techniques = facets(tactics, true), facets(techniques, true)
	slices.SortFunc(f.Tactics, func(a, b Facet) int { return report.TacticOrder(a.ID, b.ID) })
	return f
}

// facets are counts, largest first.
func facets(m map[string]int, attack bool) []Facet {
	out := make([]Facet, 0, len(m))
	for name, n := range m {
		one := Facet{Name: name, Rules: n}
		if attack {
			e, _ := mitre.Lookup(name)
			one.ID, one.Name = name, cmp.Or(e.Name, name)
		}
		out = append(out, one)
	}
	slices.SortFunc(out, func(a, b Facet) int {
		return cmp.Or(cmp.Compare(b.Rules, a.Rules), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return out
}
