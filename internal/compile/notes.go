package compile

import (
	"strings"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/translate"
)

// Codes of what is said about the settings of a rule, beside the compiler's about its query.
const (
	CodeSchedule         = "schedule"
	CodeScheduleDefault  = "schedule_default"
	CodeScheduleLost     = "schedule_lost"
	CodeScheduleInvalid  = "schedule_invalid"
	CodeTimeRange        = "time_range"
	CodeTimeZone         = "time_zone"
	CodeWindowEdges      = "window_edges"
	CodeSeverity         = "severity_default"
	CodeUnknownTechnique = "unknown_technique"
	CodeTrigger          = "trigger"
)

// codes are the severities and meanings of the codes that the compiler does not know.
var codes = []translate.CodeInfo{
	{Code: CodeSchedule, Severity: translate.Info, Meaning: "what an interval cannot say of the schedule or range, where it changes no alerting row"},
	{Code: CodeScheduleDefault, Severity: translate.Info, Meaning: "no schedule or no time range is given, and the default stands in its place"},
	{Code: CodeSeverity, Severity: translate.Info, Meaning: "a severity that is none of Splunk's, taken as medium"},
	{Code: CodeUnknownTechnique, Severity: translate.Info, Meaning: "a MITRE ATT&CK id that is not known"},
	{Code: CodeScheduleLost, Severity: translate.Approximation, Meaning: "a part of the schedule or range that the rule cannot keep and that decides what alerts"},
	{Code: CodeTrigger, Severity: translate.Approximation, Meaning: "a trigger condition of the saved search, which the draft does not ask for"},
	{Code: CodeScheduleInvalid, Severity: translate.Approximation, Meaning: "a schedule that cannot be read"},
}

// Codes lists every code that a translation can carry: the compiler's, then those of the settings.
func Codes() []translate.CodeInfo { return append(translate.Codes(), codes...) }

// note is a finding about the settings of a rule; it concerns the rule as a whole.
type note struct{ code, subject, message string }

func severityOfCode(code string) translate.Severity {
	for _, c := range Codes() {
		if string(c.Code) == code {
			return c.Severity
		}
	}
	panic("the code " + code + " is in no table")
}

// diagnostics places notes on the whole query.
func diagnostics(query string, notes []note) []migration.Diagnostic {
	start := migration.Position{Line: 1, Column: 1}
	end := migration.Position{Line: 1 + strings.Count(query, "\n")}
	end.Column = len([]rune(query[strings.LastIndexByte(query, '\n')+1:])) + 1
	var out []migration.Diagnostic
	for _, n := range notes {
		out = append(out, migration.Diagnostic{
			Code: n.code, Severity: string(severityOfCode(n.code)), Message: n.message, Subject: n.subject, Start: start, End: end,
		})
	}
	return out
}
