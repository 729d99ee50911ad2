package report

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/mitre"
)

// Class says what became of a rule in one word; each rule has one.
type Class string

// The classes, best first.
const (
	ClassFull           Class = "full"
	ClassMatched        Class = "matched"        // a prebuilt rule takes its place
	ClassApproximations Class = "approximations" // partial, without a hole
	ClassPartial        Class = "partial"        // with a hole
	ClassUntranslatable Class = "untranslatable"
	ClassError          Class = "error"
	ClassWaiting        Class = "waiting" // pending, or being worked on
)

// Classes are all of them, best first.
func Classes() []Class {
	return []Class{ClassFull, ClassMatched, ClassApproximations, ClassPartial, ClassUntranslatable, ClassError, ClassWaiting}
}

// ClassOf is the class of a rule.
func ClassOf(r migration.Rule) Class {
	switch {
	case r.Status == migration.StatusError:
		return ClassError
	case r.Status != migration.StatusFinished:
		return ClassWaiting
	case r.Replaced():
		return ClassMatched
	case r.Result == migration.Full:
		return ClassFull
	case r.Result != migration.Partial:
		return ClassUntranslatable
	case slices.ContainsFunc(r.Diagnostics, func(d migration.Diagnostic) bool { return d.Severity == "error" }):
		return ClassPartial
	}
	return ClassApproximations
}

// Breakdown counts the rules of a part of the migration by class.
type Breakdown struct {
	ID    string        `json:"id,omitempty"`
	Name  string        `json:"name"`
	Rules int           `json:"rules"`
	By    map[Class]int `json:"by"`
}

// Tactics are the tactics of MITRE ATT&CK that the rules name, before and after the migration.
type Tactics struct {
	// Tactics has those that a rule in Splunk serves, in the order of an attack; By says what became of these rules.
	Tactics []Breakdown `json:"tactics"`
	// Techniques has the techniques and sub-techniques that a rule names, by id; By says what became of these rules.
	Techniques []Technique `json:"techniques"`
	// Before counts the techniques that a rule names, After those that a rule with a query names.
	Before int `json:"techniques_before"`
	After  int `json:"techniques_after"`
	// Unknown are ids that MITRE ATT&CK does not know, with the number of rules.
	Unknown []Count `json:"unknown"`
}

// Technique counts the rules that name a technique.
type Technique struct {
	Breakdown
	// Tactics are the ids of those that it serves.
	Tactics []string `json:"tactics"`
}

// covers says whether the class leaves something to install.
func (c Class) covers() bool {
	return c == ClassFull || c == ClassMatched || c == ClassApproximations || c == ClassPartial
}

// breakdowns count by name.
type breakdowns map[string]*Breakdown

func (b breakdowns) add(name string, class Class) {
	one := b[name]
	if one == nil {
		one = &Breakdown{Name: name, By: map[Class]int{}}
		b[name] = one
	}
	one.count(class)
}

// list is what was counted, largest first.
func (b breakdowns) list() []Breakdown {
	out := make([]Breakdown, 0, len(b))
	for _, one := range b {
		out = append(out, *one)
	}
	slices.SortFunc(out, func(x, y Breakdown) int { return cmp.Or(cmp.Compare(y.Rules, x.Rules), cmp.Compare(x.Name, y.Name)) })
	return out
}

// noSource stands for the source of rules without a query.
const noSource = "no query"

// Sources are what a rule is filed under: Patterns, or that there is no query.
func Sources(r migration.Rule) []string {
	if patterns := Patterns(r); len(patterns) > 0 {
		return patterns
	}
	return []string{noSource}
}

// Patterns are the index patterns that the query of a rule reads: a person's, or the translation's, also beside a prebuilt
// rule; none where there is no query.
func Patterns(r migration.Rule) []string {
	e := r.Compiled
	if e == nil || r.Edited != nil {
		e = r.Elastic
	}
	if e == nil {
		return nil
	}
	return slices.Compact(slices.Sorted(slices.Values(e.Index)))
}

// tacticOrder is the order of an attack; tactics that are not in it come after.
var tacticOrder = []string{"TA0043", "TA0042", "TA0001", "TA0002", "TA0003", "TA0004", "TA0005", "TA0006", "TA0007", "TA0008", "TA0009", "TA0011", "TA0010", "TA0040"}

// coverage counts tactics and techniques.
type coverage struct {
	tactics       map[string]*Breakdown
	techniques    map[string]*Technique
	before, after map[string]bool
	unknown       map[string]int
}

func newCoverage() coverage {
	return coverage{tactics: map[string]*Breakdown{}, techniques: map[string]*Technique{}, before: map[string]bool{}, after: map[string]bool{}, unknown: map[string]int{}}
}

// Attack are the tactics that a rule serves, by themselves or by its techniques, the techniques and sub-techniques that it
// names, and ids that MITRE ATT&CK does not know.
func Attack(r migration.Rule) (tactics, techniques, unknown []string) {
	for _, given := range r.Original.MitreAttackIDs {
		id := strings.ToUpper(strings.TrimSpace(given))
		e, ok := mitre.Lookup(id)
		switch {
		case !ok && id != "":
			unknown = append(unknown, id)
		case ok && len(e.Tactics) == 0:
			tactics = append(tactics, id)
		case ok:
			techniques = append(techniques, id)
			tactics = append(tactics, e.Tactics...)
		}
	}
	slices.Sort(tactics)
	return slices.Compact(tactics), techniques, unknown
}

// TacticOrder sorts ids of tactics by the order of an attack.
func TacticOrder(a, b string) int {
	place := func(id string) int {
		if i := slices.Index(tacticOrder, id); i >= 0 {
			return i
		}
		return len(tacticOrder)
	}
	return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(a, b))
}

func (c coverage) add(r migration.Rule, class Class) {
	tactics, techniques, unknown := Attack(r)
	for _, id := range unknown {
		c.unknown[id]++
	}
	slices.Sort(techniques)
	for _, id := range slices.Compact(techniques) { // a rule that names one twice is one rule
		c.technique(id).count(class)
		c.before[id] = true
		if class.covers() {
			c.after[id] = true
		}
	}
	for _, id := range tactics {
		t := c.tactics[id]
		if t == nil {
			e, _ := mitre.Lookup(id)
			t = &Breakdown{ID: id, Name: e.Name, By: map[Class]int{}}
			c.tactics[id] = t
		}
		t.count(class)
	}
}

func (b *Breakdown) count(class Class) {
	b.Rules++
	b.By[class]++
}

func (c coverage) technique(id string) *Technique {
	t := c.techniques[id]
	if t == nil {
		e, _ := mitre.Lookup(id)
		t = &Technique{Breakdown: Breakdown{ID: id, Name: e.Name, By: map[Class]int{}}, Tactics: e.Tactics}
		c.techniques[id] = t
	}
	return t
}

func (c coverage) sum() Tactics {
	out := Tactics{Tactics: []Breakdown{}, Techniques: []Technique{}, Before: len(c.before), After: len(c.after), Unknown: counts(c.unknown)}
	for _, t := range c.tactics {
		out.Tactics = append(out.Tactics, *t)
	}
	for _, id := range slices.Sorted(maps.Keys(c.techniques)) {
		out.Techniques = append(out.Techniques, *c.techniques[id])
	}
	slices.SortFunc(out.Tactics, func(x, y Breakdown) int { return TacticOrder(x.ID, y.ID) })
	return out
}
