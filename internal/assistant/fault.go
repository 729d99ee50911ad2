package assistant

// Codes of faults.
const (
	CodeNoAnswer         = "no_answer"
	CodeTimeLimit        = "time_limit"
	CodeUnavailable      = "unavailable"
	CodeInternal         = "internal"
	CodeUnknownKey       = "unknown_key"
	CodeCredential       = "credential"
	CodeQuota            = "quota"
	CodeRefused          = "refused"
	CodeRateLimited      = "rate_limited"
	CodeUnknownConnector = "unknown_connector"
	CodeConversation     = "unknown_conversation"
	CodeReplacements     = "replacements"
	CodeQuestion         = "question"
	CodeAnotherAnswer    = "another_answer"
	CodeBudget           = "budget"
)

// Fault is a question that cannot be answered. Its text says what to do and holds no content.
type Fault struct{ Code, Message string }

func (f *Fault) Error() string { return f.Message }

// FaultOf puts a code into words.
func FaultOf(code string) *Fault {
	text, ok := faults[code]
	if !ok {
		code, text = CodeInternal, faults[CodeInternal]
	}
	return &Fault{code, text}
}

var faults = map[string]string{
	CodeNoAnswer:         "the model gave no answer within 8 steps; ask again, ask for less at once, or use another connector",
	CodeTimeLimit:        "there was no answer within the time limit of 3 minutes; ask again, ask for less at once, or use a faster connector",
	CodeUnavailable:      "the store, the alerts or the connector could not be reached; try again, the log has the cause",
	CodeInternal:         "a step of the question failed unexpectedly; the log of the worker has the cause",
	CodeUnknownKey:       "the workers do not have the key that the question was encrypted with; add it to codec.keys of every gateway and worker",
	CodeCredential:       "the connector's service refuses its key, model or address; check the connector in the configuration",
	CodeQuota:            "the account behind the connector is used up; raise its budget or use another connector",
	CodeRefused:          "the connector's service refused the question; word it differently or use another connector",
	CodeRateLimited:      "the connector's service allows no more calls now; try again later, or use another connector",
	CodeUnknownConnector: "the connector is not declared; add it to connectors in the configuration, or use deterministic",
	CodeBudget:           "the question made as many calls as the connector's budget allows; ask for less at once, or raise budget of the connector in the configuration",
	CodeAnotherAnswer:    "the model's answer was cut off, and what it said when it was asked again reads otherwise; what was given so far does not count, ask again",
	CodeConversation:     "conversationId: there is no such conversation; create it first, or leave conversationId out",
}
