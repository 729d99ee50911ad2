// Package replay holds the workflow against recorded histories: every change of it has to make the decisions that
// earlier releases made.
package replay

// Marker stands in every text of a recorded rule, so that the test notices a history that carries one.
const Marker = "never-in-a-history"

// AskRecording begins the names of recordings of questions about alerts, RetryRecording those of starts that translate
// rules again, InstallRecording those of installations in Kibana; the others are of migrations.
const (
	AskRecording     = "ask-"
	RetryRecording   = "retry-"
	InstallRecording = "install-"
)
