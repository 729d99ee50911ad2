package kibana

import "github.com/rulebridge/rulebridge/internal/migration"

// Make is the detection rule of a translated rule, disabled, with the lookup indices that it joins with under the names that
// it is to use; why says what keeps it from being one.
func Make(r migration.Rule, names LookupNames) (rule Rule, lookups []migration.LookupIndex, why string, err error) {
	if _, why := leftOut(r); why != "" {
		return Rule{}, nil, why, nil
	}
	r, _, why, err = names.Apply(r)
	if err != nil || why != "" {
		return Rule{}, nil, why, err
	}
	return fromRule(r), r.Elastic.LookupIndices, "", nil
}

// Prebuilds says whether a prebuilt rule is to be installed in the place of a rule: it is matched, and nobody has written
// another query or rejected it.
func Prebuilds(r migration.Rule) bool {
	return r.Replaced() && r.Status == migration.StatusFinished && r.ReviewState() != migration.ReviewRejected
}

// Makes says whether the migration gives a detection rule for a rule.
func Makes(r migration.Rule) bool {
	code, _ := leftOut(r)
	return code == ""
}

// Omitted is why a rule is left out where take is asked for, and that in words; empty when it is taken.
func Omitted(r migration.Rule, take migration.Take) (code migration.Omission, why string) {
	if !Prebuilds(r) {
		if code, why = leftOut(r); code != "" {
			return code, why
		}
	}
	if !take.Has(r) {
		return migration.OmittedNotAccepted, "nobody has accepted it, and only accepted rules are taken"
	}
	return "", ""
}

// Counts are the rules of a migration by what an export or an installation would take.
type Counts struct {
	// All have a query, or a prebuilt rule in their place, and nobody rejected them; Partial of them are partial.
	All     int `json:"all"`
	Partial int `json:"partial"`
	// Accepted of All are accepted, AcceptedPartial of these are partial.
	Accepted        int `json:"accepted"`
	AcceptedPartial int `json:"accepted_partial"`
	// LeftOut are the others.
	LeftOut migration.Omissions `json:"left_out"`
}

// Add counts a rule.
func (c *Counts) Add(r migration.Rule) {
	code, _ := Omitted(r, migration.TakeAll)
	if code != "" {
		if c.LeftOut == nil {
			c.LeftOut = migration.Omissions{}
		}
		c.LeftOut[code]++
		return
	}
	partial := 0
	if !Prebuilds(r) && tagOf(r) != TagFull {
		partial = 1
	}
	c.All++
	c.Partial += partial
	if r.Accepted() {
		c.Accepted++
		c.AcceptedPartial += partial
	}
}
