package kibana

import "github.com/rulebridge/rulebridge/internal/migration"

// Make is the detection rule of a translated rule, disabled; why says what keeps it from being one.
func Make(r migration.Rule) (rule Rule, why string) {
	if why := leftOut(r); why != "" {
		return Rule{}, why
	}
	return fromRule(r), ""
}
