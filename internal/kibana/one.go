package kibana

import "github.com/rulebridge/rulebridge/internal/migration"

// Make is the detection rule of a translated rule, disabled, with the lookup indices that it joins with under the names that
// it is to use; why says what keeps it from being one.
func Make(r migration.Rule, names LookupNames) (rule Rule, lookups []migration.LookupIndex, why string, err error) {
	if why := leftOut(r); why != "" {
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
func Makes(r migration.Rule) bool { return leftOut(r) == "" }
