// Package assistant answers questions about alerts. It masks what a connector may not see, gives a model tools that read
// alerts, and restores what was masked in the answer. It knows neither Temporal nor HTTP nor a database: this file holds
// the small interfaces it needs of them.
package assistant

import (
	"context"
	"errors"
	"time"
)

var (
	// ErrNotFound: there is no such conversation, question or step, or it was deleted.
	ErrNotFound = errors.New("not found")
	// ErrExists: a conversation or question with this id is there already.
	ErrExists = errors.New("exists already")
)

// Alert is one alert document. ID is its _id, and Source the document as encoding/json decodes it with UseNumber: nested
// maps, or flat names with dots such as "host.name", or both in one document. Source does not repeat _id.
type Alert struct {
	ID     string         `json:"_id"`
	Index  string         `json:"_index,omitempty"`
	Source map[string]any `json:"_source"`
}

// Workflow statuses and severities of alerts, as Elastic spells them.
const (
	StatusOpen         = "open"
	StatusAcknowledged = "acknowledged"
	StatusClosed       = "closed"
)

// Severities of alerts, the worst first.
var Severities = []string{"critical", "high", "medium", "low"}

var statuses = []string{StatusOpen, StatusAcknowledged, StatusClosed}

// Scope says which alerts a read covers: those of the index patterns whose @timestamp is in [From, To]. No source ever
// reads building blocks: alerts with a field kibana.alert.building_block_type. To is also the time the result is as of.
type Scope struct {
	Index    []string
	From, To time.Time
}

// AlertSource reads alerts. It never writes. Results of the same documents are the same from every source.
type AlertSource interface {
	// Counts counts every alert of the scope by severity and workflow status. An alert without a status is open, an alert
	// without a severity is counted under "". The counts are in the order of Severities, then by status.
	Counts(ctx context.Context, s Scope) ([]Count, error)
	// Open returns at most size open alerts, by kibana.alert.risk_score descending, then newest, then _id ascending, and
	// how many there are in all.
	Open(ctx context.Context, s Scope, size int) (Page, error)
	// Search returns at most size alerts that meet every condition of the filter, in the order of Open.
	Search(ctx context.Context, s Scope, f Filter, size int) (Page, error)
	// Values returns the distinct values that the fields hold in the scope, at most limit a field, in no order. The core
	// masks them in questions and earlier turns, before any alert is read. Fields without a value are left out.
	Values(ctx context.Context, s Scope, fields []string, limit int) (map[string][]string, error)
}

// Count is the number of alerts of one severity and workflow status.
type Count struct {
	Severity string `json:"severity"`
	Status   string `json:"status"`
	Alerts   int    `json:"alerts"`
}

// Page is the answer to a read: some alerts and how many there are in all.
type Page struct {
	Alerts []Alert `json:"alerts"`
	Total  int     `json:"total"`
}

// Filter holds the conditions of a search. Empty ones hold for every alert. Within a list one value must match. Values
// are compared without regard to the case of ASCII letters, never as patterns or query text, and any value of a field
// with several values may match.
type Filter struct {
	// Severity and Status are compared with kibana.alert.severity and kibana.alert.workflow_status (absent: open).
	Severity []string `json:"severity,omitempty"`
	Status   []string `json:"status,omitempty"`
	// Host is compared with host.name and host.hostname, User with user.name; the whole value.
	Host []string `json:"host,omitempty"`
	User []string `json:"user,omitempty"`
	// Rule is contained in kibana.alert.rule.name.
	Rule string `json:"rule,omitempty"`
	// Technique is an id such as T1059 or T1059.001, compared with kibana.alert.rule.threat.technique.id and
	// kibana.alert.rule.threat.technique.subtechnique.id (and the same below threat.).
	Technique []string `json:"technique,omitempty"`
	// OS is windows, linux or macos, compared with host.os.type, host.os.family and host.os.platform; windows also with
	// host.os.name that begins with "Windows".
	OS string `json:"os,omitempty"`
}

// Message is one turn of a conversation.
type Message struct {
	Role    string `json:"role"` // RoleUser or RoleAssistant
	Content string `json:"content"`
}

// Roles of messages.
const (
	RoleSystem    = "system"
	RoleUser      = "user"
	RoleAssistant = "assistant"
)

// Conversation is a saved conversation without its messages. A conversation belongs to its owner: to others it does not
// exist.
type Conversation struct {
	ID          string    `json:"id"`
	Owner       string    `json:"owner"`
	Title       string    `json:"title"`
	ConnectorID string    `json:"connector_id,omitempty"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
	// Messages is how many messages the conversation holds.
	Messages int `json:"messages"`
}

// Exchange is what one question adds to a conversation. Replacements are the new ones only.
type Exchange struct {
	QuestionID   string            `json:"question_id"`
	Messages     []Message         `json:"messages"`
	Replacements map[string]string `json:"replacements,omitempty"` // token → value
	At           time.Time         `json:"at"`
}

// Conversations keeps saved conversations. Message contents and replacement values may be sealed texts: a store treats
// them as opaque and never looks into them. An exchange is appended in time that does not depend on how many there are.
type Conversations interface {
	// CreateConversation gives ErrExists when the id is taken, by whomever.
	CreateConversation(ctx context.Context, c Conversation) error
	// Conversation and the calls below give ErrNotFound for a conversation of another owner.
	Conversation(ctx context.Context, owner, id string) (Conversation, error)
	// Conversations lists those of the owner, the most recently updated first.
	Conversations(ctx context.Context, owner string) ([]Conversation, error)
	// Messages returns the last messages in order, at most last; 0 means all.
	Messages(ctx context.Context, owner, id string, last int) ([]Message, error)
	// Replacements returns all of the conversation: token → value.
	Replacements(ctx context.Context, owner, id string) (map[string]string, error)
	// AppendExchange adds messages and replacements; with the same QuestionID again it changes nothing. The first value of
	// a token wins. ErrNotFound when the conversation was deleted: it does not come back.
	AppendExchange(ctx context.Context, owner, id string, e Exchange) error
	// DeleteConversation removes the conversation with its messages and replacements.
	DeleteConversation(ctx context.Context, owner, id string) error
}

// Questions keeps what questions under way need: contents are here and never in a workflow history. Contents may be
// sealed. All of a question is deleted after its answer; a write after that gives ErrNotFound.
type Questions interface {
	// CreateQuestion opens a question; ErrExists when it is there.
	CreateQuestion(ctx context.Context, id string, content []byte, at time.Time) error
	Question(ctx context.Context, id string) ([]byte, error)
	// SaveStep records the result of a step under its name. The first write wins: a later one changes nothing and
	// returns what is recorded. ErrNotFound when there is no such question.
	SaveStep(ctx context.Context, id, step string, content []byte) (recorded []byte, err error)
	// Step gives ErrNotFound when the step is not recorded.
	Step(ctx context.Context, id, step string) ([]byte, error)
	// Steps returns every recorded step of a question by name.
	Steps(ctx context.Context, id string) (map[string][]byte, error)
	// DeleteQuestion removes the question and its steps; doing so twice is no error.
	DeleteQuestion(ctx context.Context, id string) error
	// StaleQuestions lists questions opened before a time, for a sweep of what a crash left behind.
	StaleQuestions(ctx context.Context, before time.Time) ([]string, error)
}

// FieldSetting says whether a field of alerts may leave and whether its values are masked. A field that is anonymized
// is masked whatever a request says.
type FieldSetting struct {
	Field      string `json:"field"`
	Allowed    bool   `json:"allowed"`
	Anonymized bool   `json:"anonymized"`
	// SetBy is who set it; empty for a default of the program.
	SetBy string    `json:"set_by,omitempty"`
	SetAt time.Time `json:"set_at,omitzero"`
}

// FieldSettings keeps what people set. Defaults are not stored: they are in the program, and what a person set wins over
// them at any version (see Fields).
type FieldSettings interface {
	// FieldSettings returns everything that is stored.
	FieldSettings(ctx context.Context) ([]FieldSetting, error)
	// SetFieldSettings stores the settings, any number of them, all or none. A setting without SetBy removes what is
	// stored for its field, so that the default holds again.
	SetFieldSettings(ctx context.Context, settings []FieldSetting) error
}

// Document is a page of the ES|QL knowledge base.
type Document struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	Kind  string `json:"kind"`  // command, function or operator
	Since string `json:"since"` // version of Elasticsearch, such as "8.19" or "9.1"
	State string `json:"state"` // GA or preview
	Text  string `json:"text"`
}

// Knowledge searches the ES|QL knowledge base, offline. The best document comes first; there may be none.
type Knowledge interface {
	Search(query string, limit int) []Document
}

// Model is one connector that answers with structured output. Errors say by themselves whether trying again helps: the
// core returns them as they are. internal/assistant/model makes one of a connector of internal/llm.
type Model interface {
	Generate(ctx context.Context, r ModelRequest) (ModelReply, error)
}

// ModelRequest is one call. Everything in it has been masked.
type ModelRequest struct {
	// Key names the call: the same key is the same call. Attempt counts from 1.
	Key      string
	Attempt  int
	Messages []Message
	// SchemaName and Schema are the JSON schema of the answer.
	SchemaName string
	Schema     []byte
	// Temperature, when not nil, replaces the connector's own.
	Temperature *float64
	// Stop are texts at which the model ends its answer.
	Stop []string
	// Stream, when not nil, is called with what the model says while it says it. The pieces together are the reply.
	Stream func(piece string)
}

// ModelReply is what a model said, as it came.
type ModelReply struct {
	Text         string
	Model        string
	PromptTokens int
	OutputTokens int
}

// Question is what is asked. Replacements, Messages and Allow come from the caller; Owner, Index and AsOf from the
// server.
type Question struct {
	ID          string    `json:"id"`
	Owner       string    `json:"owner"`
	ConnectorID string    `json:"connector_id"`
	Messages    []Message `json:"messages"` // the last one is the question
	// HistoryCut is set by the core when earlier messages were left out.
	HistoryCut bool `json:"history_cut,omitempty"`
	// ConversationID names the saved conversation the question belongs to; empty for none.
	ConversationID string `json:"conversation_id,omitempty"`
	// Alerts gives the alert tools, Knowledge the ES|QL knowledge base.
	Alerts    bool `json:"alerts"`
	Knowledge bool `json:"knowledge"`
	// Index are the alert index patterns; Size is how many alerts a tool gives at most, 10 to 100.
	Index []string `json:"index,omitempty"`
	Size  int      `json:"size,omitempty"`
	// MaskIndex are patterns whose masked values are masked in what is said, also when no tool may read them.
	MaskIndex []string `json:"mask_index,omitempty"`
	// Allow are the fields that may leave, within the server's own list; nil means the server's list. AllowReplacement
	// are fields masked in addition to those that the server masks.
	Allow            []string          `json:"allow,omitempty"`
	AllowReplacement []string          `json:"allow_replacement,omitempty"`
	Replacements     map[string]string `json:"replacements,omitempty"` // token → value
	Temperature      *float64          `json:"temperature,omitempty"`
	Stop             []string          `json:"stop,omitempty"`
	Trace            bool              `json:"trace,omitempty"`
	// Stream records the answer while the model gives it; see Core.Follow.
	Stream bool `json:"stream,omitempty"`
	// AsOf is the end of every window; windows are 24 hours, or up to 7 days for a search.
	AsOf time.Time `json:"as_of"`
}

// Answer is the answer to a question. Text and Notes are restored.
type Answer struct {
	Text string `json:"text"`
	// Masked is the text as it was before it was restored: with tokens.
	Masked string `json:"masked"`
	// Replacements are all of the conversation so far, with those of this question.
	Replacements map[string]string `json:"replacements"`
	// Notes say what the reader should know, such as that free text was left out.
	Notes []string `json:"notes,omitempty"`
	Trace *Trace   `json:"trace,omitempty"`
}

// Trace says how an answer came about. It holds tokens, never masked values.
type Trace struct {
	Offered []string  `json:"offered"`
	LeftOut []LeftOut `json:"left_out"`
	Steps   []Step    `json:"steps"`
	AsOf    time.Time `json:"as_of"`
}

// LeftOut is a tool that the model was not given, and why.
type LeftOut struct {
	Tool string `json:"tool"`
	Why  string `json:"why"`
}

// Step is one turn of the loop: what a model was sent and said, or what a tool was asked and gave. It is masked.
type Step struct {
	Name     string    `json:"name"` // a tool's name, or "model"
	Sent     []Message `json:"sent,omitempty"`
	Received string    `json:"received,omitempty"`
	Args     string    `json:"args,omitempty"`
	Alerts   int       `json:"alerts,omitempty"`
}
