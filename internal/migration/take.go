package migration

import (
	"fmt"
	"slices"
	"strings"
)

// Take says which of the rules that a target can have an export or an installation takes.
type Take string

// Takes. Empty is TakeAll.
const (
	// TakeAll takes every rule with a query that nobody rejected.
	TakeAll Take = "all"
	// TakeAccepted takes those of them that somebody accepted as they are now.
	TakeAccepted Take = "accepted"
)

// Takes are all of them.
func Takes() []Take { return []Take{TakeAll, TakeAccepted} }

// Has says whether a rule that a target can have is among those that are taken.
func (t Take) Has(r Rule) bool { return t != TakeAccepted || r.Accepted() }

// Accepted says whether somebody accepted the rule as it is now. An installation leaves that as it was: a rule that was
// installed without it has not been accepted by that.
func (r Rule) Accepted() bool {
	switch r.ReviewState() {
	case ReviewAccepted:
		return true
	case ReviewInstalled:
		for _, h := range slices.Backward(r.History) {
			switch h.Action {
			case ActionAccepted:
				return true
			case ActionRejected, ActionReopened, ActionRequeued, ActionEdited, ActionReset:
				return false
			}
		}
	}
	return false
}

// Omission is why a rule is left out of an export or an installation.
type Omission string

// Omissions.
const (
	OmittedRejected       Omission = "rejected"
	OmittedNotAccepted    Omission = "not_accepted" // only accepted rules are taken
	OmittedUntranslatable Omission = "untranslatable"
	OmittedError          Omission = "error"          // its translation ended in an error
	OmittedNotTranslated  Omission = "not_translated" // yet
	OmittedNoQuery        Omission = "no_query"
	OmittedRefusedQuery   Omission = "refused_query"  // what stands there is no query of the language
	OmittedOtherLanguage  Omission = "other_language" // the query is in a language that is not taken
	OmittedLookup         Omission = "lookup"         // its lookup indices collide with those of another rule
)

var omissions = []struct {
	of    Omission
	words string
}{
	{OmittedNotAccepted, "not accepted"}, {OmittedUntranslatable, "untranslatable"}, {OmittedError, "ended in an error"},
	{OmittedNotTranslated, "not translated yet"}, {OmittedNoQuery, "without a query"},
	{OmittedRefusedQuery, "with a query that is no ES|QL"}, {OmittedOtherLanguage, "in another language"},
	{OmittedLookup, "with lookup indices that collide"}, {OmittedRejected, "rejected"},
}

// Omissions counts rules that are left out.
type Omissions map[Omission]int

// Add is the counts with more added to them; neither is changed. The loops of Omissions go over the known reasons instead of
// the map, whose order is another each time: workflows use them. Of a reason that a newer worker gave, the rules stay in the
// number of all that are left out.
func (o Omissions) Add(more Omissions) Omissions {
	out := Omissions{}
	for _, known := range omissions {
		if n := o[known.of] + more[known.of]; n > 0 {
			out[known.of] = n
		}
	}
	return out
}

// String is the counts in words, such as "147 not accepted, 1 rejected".
func (o Omissions) String() string {
	var parts []string
	for _, known := range omissions {
		if n := o[known.of]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, known.words))
		}
	}
	return strings.Join(parts, ", ")
}
