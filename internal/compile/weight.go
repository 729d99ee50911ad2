package compile

import (
	"strconv"
	"strings"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// Severities of Kibana with the risk score that Kibana proposes for each.
var riskOf = map[string]int{"low": 21, "medium": 47, "high": 73, "critical": 99}

// weight is the severity and risk score of a rule. A given risk score stays; a given severity is Splunk's number or word,
// or the notable's; where one is missing the other gives it.
func weight(given string, risk *int) (severity string, score int, notes []note) {
	text := strings.ToLower(strings.TrimSpace(given))
	severity, known := migration.SplunkSeverity(text)
	if !known {
		notes = append(notes, note{CodeSeverity, clip(given), "severity " + strconv.Quote(clip(given)) +
			" is none of Splunk's (1 to 6, debug to fatal) and was taken as medium; choose one"})
	}
	switch {
	case risk != nil:
		score = min(100, max(0, *risk))
		if text == "" {
			severity = severityOfRisk(score)
		}
	default:
		score = riskOf[severity]
	}
	return severity, score, notes
}

// severityOfRisk is the severity that Kibana pairs with a risk score.
func severityOfRisk(risk int) string {
	switch {
	case risk > 73:
		return "critical"
	case risk > 47:
		return "high"
	case risk > 21:
		return "medium"
	}
	return "low"
}
