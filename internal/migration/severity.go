package migration

// SplunkSeverity is the severity of Elastic Security (low, medium, high, critical) for Splunk's alert.severity, a number from 1
// to 6 or its word, and for the severity of a notable; text is in lower case. Nothing is Splunk's default, 3. Known is false for
// anything else, which counts as the default.
func SplunkSeverity(text string) (severity string, known bool) {
	switch text {
	case "1", "2", "debug", "info", "informational", "low":
		return "low", true
	case "", "3", "warn", "warning", "medium":
		return "medium", true
	case "4", "error", "high":
		return "high", true
	case "5", "6", "severe", "fatal", "critical":
		return "critical", true
	}
	return "medium", false
}
