package splunk

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// definition is a macro or lookup, and where it lives. private says that no other app sees it.
type definition struct {
	resource migration.Resource
	item     Item
	layer    layer
	private  bool
}

// rank orders definitions of one name as a search sees them that is in none of their apps: what is private to a user comes
// last, then what is private to an app, then the rest by their layers.
func (d definition) rank() string {
	switch {
	case d.layer.owner != "":
		return "0" + d.layer.rank()
	case d.private:
		return "1" + d.layer.rank()
	}
	return "2" + d.layer.rank()
}

// define keeps a definition beside the others of its name.
func (in *importer) define(all map[string][]definition, key string, d definition) {
	if why := fitResource(d.resource); why != "" {
		d.item.Outcome, d.item.Why = Fault, why
		d.item.Name = shorten(d.item.Name)
		in.say(d.item)
		return
	}
	in.found++
	all[key] = append(all[key], d)
}

// settle hands over the macros and lookups. A migration has one name space for all of its rules; Splunk has one for each app
// and user. So where several definitions of a name differ, the one is taken that the rules see which use the name. Rules
// that see different ones would get each other's, and that is worse than none: then the name is left out, and said so.
func (in *importer) settle() error {
	in.flush()
	uses := in.uses()
	for _, all := range []map[string][]definition{in.macros, in.lookups} {
		for _, key := range slices.Sorted(maps.Keys(all)) {
			in.choose(all[key], uses)
			delete(all, key) // rows of lookups are many; those that were handed over are not held
		}
	}
	for _, key := range slices.Sorted(maps.Keys(in.others)) {
		in.hand(in.others[key].resource)
	}
	if len(in.settled) > 0 && in.failed == nil {
		in.failed = in.to.Resources(in.settled)
	}
	return in.failed
}

// hand gives a resource to the sink, with some others.
func (in *importer) hand(r migration.Resource) {
	in.settled = append(in.settled, r)
	in.cells += 1 + len(r.Definition)/100
	for _, row := range r.Rows {
		in.cells += len(row)
	}
	const most = 20_000 // cells of lookups
	if in.cells < most {
		return
	}
	if in.failed == nil {
		in.failed = in.to.Resources(in.settled)
	}
	in.settled, in.cells = nil, 0
}

// choose takes one definition of a name, or none: a definition that only rules of other apps or users name is private to
// its own, and those rules lack it in Splunk too. One that is taken carries whose it is, so that others lack it as well.
func (in *importer) choose(all []definition, uses func(name string) []place) {
	slices.SortStableFunc(all, func(a, b definition) int { return cmp.Compare(b.rank(), a.rank()) })
	best := all[0]
	differ := slices.ContainsFunc(all, func(d definition) bool { return !sameDefinition(d.resource, best.resource) })
	var blind []place
	if differ || !slices.ContainsFunc(all, func(d definition) bool { return !d.private }) {
		var seen []definition
		for _, p := range uses(bare(best.resource.Name)) {
			d, ok := p.sees(all)
			if !ok {
				blind = append(blind, p)
			} else if !slices.ContainsFunc(seen, func(s definition) bool { return sameDefinition(s.resource, d.resource) }) {
				seen = append(seen, d)
			}
		}
		switch {
		case len(seen) > 1:
			where := make([]string, len(seen))
			for i, d := range seen {
				where[i] = d.item.place()
			}
			best.item.Outcome = Fault
			best.item.Why = fmt.Sprintf("rules that use it see different definitions (%s), and a migration has one for all: it is left out, and these rules lack it; import the apps as a migration each, or give one definition with --%ss of migrate",
				strings.Join(where, ", "), best.item.Kind)
			in.say(best.item)
			return
		case len(seen) == 1:
			best = seen[0]
		case len(blind) > 0:
			best.item.Outcome = Skipped
			best.item.Why = fmt.Sprintf("%s, and the rules that name it are in %s, where Splunk does not see it; export it in the metadata of its app, or give it with --%ss of migrate",
				best.privacy(), inPlaces(blind), best.item.Kind)
			in.say(best.item)
			return
		}
	}
	for _, d := range all {
		if !sameDefinition(d.resource, best.resource) {
			d.item.Outcome = Skipped
			d.item.Why = fmt.Sprintf("the definition in %s is taken, which is the one that the rules see", best.item.place())
			in.say(d.item)
		}
	}
	best.item.Outcome = Taken
	if best.private {
		best.resource.App, best.resource.Owner = best.layer.app, best.layer.owner
		if len(blind) > 0 {
			best.item.Why = fmt.Sprintf("%s; rules in %s name it too, where Splunk does not see it: they lack it here too", best.privacy(), inPlaces(blind))
		}
	}
	in.hand(best.resource)
	in.say(best.item)
}

// privacy says to whom a definition belongs that other apps do not see.
func (d definition) privacy() string {
	if d.layer.owner != "" {
		return "it is private to the user " + d.layer.owner
	}
	return "it is private to the app " + d.layer.app
}

// inPlaces names the apps of some places, the first few.
func inPlaces(places []place) string {
	var apps []string
	for _, p := range places {
		if !slices.Contains(apps, p.app) {
			apps = append(apps, p.app)
		}
	}
	const most = 5
	if more := len(apps) - most; more > 0 {
		return fmt.Sprintf("the apps %s and %d more", strings.Join(apps[:most], ", "), more)
	}
	if len(apps) == 1 {
		return "the app " + apps[0]
	}
	return "the apps " + strings.Join(apps, ", ")
}

func sameDefinition(a, b migration.Resource) bool {
	a.Name, b.Name = "", ""
	return reflect.DeepEqual(a, b)
}

// place is the app and user in whose name a search runs.
type place struct{ app, owner string }

// sees is the definition that Splunk takes for a search in a place: the user's own, then the app's own, then the first of
// those that are not private to another. A place without an app is not known, and sees all. all is sorted by rank, the
// highest first, and not empty.
func (p place) sees(all []definition) (definition, bool) {
	for _, d := range all {
		if p.owner != "" && d.layer.owner == p.owner && d.layer.app == p.app {
			return d, true
		}
	}
	for _, d := range all {
		if p.app != "" && d.layer.owner == "" && d.layer.app == p.app {
			return d, true
		}
	}
	if best := all[0]; p.app == "" || !best.private { // what is not private is in front
		return best, true
	}
	return definition{}, false
}

func comparePlaces(a, b place) int {
	return cmp.Or(cmp.Compare(a.app, b.app), cmp.Compare(a.owner, b.owner))
}

// bare is a macro's name without the number of its arguments.
func bare(name string) string {
	name, _, _ = strings.Cut(name, "(")
	return strings.TrimSpace(name)
}
