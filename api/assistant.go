package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
	"go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"github.com/rulebridge/rulebridge/config"
	"github.com/rulebridge/rulebridge/internal/assistant"
	"github.com/rulebridge/rulebridge/workflows"
)

// AssistantPath is where the assistant's API is.
const AssistantPath = "/internal/elastic_assistant"

const executeRoute = "/actions/connector/:id/_execute"

// Assistant is what the gateway needs to answer questions about alerts.
type Assistant struct {
	Core          AssistantCore
	Workflows     Questions
	Conversations assistant.Conversations
	Fields        assistant.FieldSettings
}

// AssistantCore records questions and gives their answers.
type AssistantCore interface {
	// Create records a question; *assistant.Fault when it cannot be asked.
	Create(ctx context.Context, q assistant.Question) error
	// Answer gives assistant.ErrNotFound until there is one, and *assistant.Fault when there will be none.
	Answer(ctx context.Context, id string) (assistant.Answer, error)
	// Follow reads the answer while the model gives it.
	Follow(id string) *assistant.Follower
	Forget(ctx context.Context, id string) error
}

// Questions runs one workflow a question; NewQuestions makes one of a Temporal client.
type Questions interface {
	Ask(ctx context.Context, in workflows.AskInput) error
	// Delivered lets the workflow delete what the question recorded.
	Delivered(ctx context.Context, questionID string) error
	Cancel(ctx context.Context, questionID string) error
}

// NewQuestions makes Questions of a Temporal client.
func NewQuestions(c client.Client) Questions { return questions{c} }

type questions struct{ client client.Client }

func (q questions) Ask(ctx context.Context, in workflows.AskInput) error {
	_, err := q.client.ExecuteWorkflow(ctx, workflows.AskOptions(in.QuestionID), workflows.AskWorkflow, in)
	return serviceError("starting the question", err)
}

func (q questions) Delivered(ctx context.Context, id string) error {
	return serviceError("ending the question", q.client.SignalWorkflow(ctx, workflows.AskWorkflowID(id), "", workflows.SignalDelivered, nil))
}

func (q questions) Cancel(ctx context.Context, id string) error {
	return serviceError("cancelling the question", q.client.CancelWorkflow(ctx, workflows.AskWorkflowID(id), ""))
}

const (
	// answerEvery is how often, at most, the store is asked for an answer; it begins ten times as often.
	answerEvery = 200 * time.Millisecond
	// answerMargin is how much longer than the time limit of its steps a question is waited for.
	answerMargin = 20 * time.Second
	// pingEvery keeps a stream alive while it waits, and shows whether the caller is still there.
	pingEvery = 10 * time.Second
	// endWithin bounds what is done for a question after its answer, or after its caller went away.
	endWithin = 10 * time.Second
)

// executeAnswer is the answer to a question.
type executeAnswer struct {
	Status       string            `json:"status"`
	ConnectorID  string            `json:"connector_id"`
	Data         string            `json:"data"`
	Replacements map[string]string `json:"replacements"`
	Notes        []string          `json:"notes,omitempty"`
	Trace        *assistant.Trace  `json:"trace,omitempty"`
}

func (s *Server) registerAssistant(e *gin.Engine) {
	a := e.Group(AssistantPath, s.kibanaHeaders)
	a.POST(executeRoute, s.execute)
	a.GET("/conversations", handle(s, s.listConversations))
	a.POST("/conversations", handle(s, s.createConversation))
	a.GET("/conversations/:id", handle(s, s.getConversation))
	a.DELETE("/conversations/:id", handle(s, s.deleteConversation))
	a.GET("/anonymization_fields", handle(s, s.getFields))
	a.PUT("/anonymization_fields", handle(s, s.putFields))
}

// execute answers one question, however long it takes within its limit, as JSON or as a stream of events.
func (s *Server) execute(c *gin.Context) {
	raw := c.Request.Body
	var r executeRequest
	if err := s.bind(c, &r); err != nil {
		s.drain(c, raw, int64(s.Settings.Limits.Body)+(16<<20))
		s.fail(c, err)
		return
	}
	limit := workflows.AskLimit + answerMargin
	extendWrite(c.Writer, limit+s.Settings.HTTP.WriteTimeout)
	ctx, cancel := context.WithTimeout(c.Request.Context(), limit)
	defer cancel()
	q := r.question
	q.ID, q.Owner, q.AsOf = uuid.NewString(), PrincipalOf(ctx).Name, s.Now().UTC()
	var out *events
	if r.stream {
		out = &events{c: c, timeout: s.Settings.HTTP.WriteTimeout, answer: s.Assistant.Core.Follow(q.ID)}
		q.Stream = r.connector.Kind != config.KindDeterministic
	}
	answer, err := s.ask(ctx, q, r.connector, out)
	if err != nil {
		err = askError(err)
		if out != nil && out.begun {
			failed := *answerFor(err, requestID(ctx))
			if out.answer.Given() {
				failed.Message = "the answer ends before its end: " + failed.Message
			}
			out.fail(&failed)
			_ = c.Error(err)
			return
		}
		s.fail(c, err)
		return
	}
	full := executeAnswer{Status: "ok", ConnectorID: q.ConnectorID, Data: answer.Text + notesText(answer.Notes),
		Replacements: answer.Replacements, Notes: answer.Notes, Trace: answer.Trace}
	if out == nil {
		s.write(c, full)
		return
	}
	rest, err := out.answer.Rest(answer)
	if err != nil {
		err = askError(err)
		out.fail(answerFor(err, requestID(ctx)))
		_ = c.Error(err)
		return
	}
	for piece := range assistant.Pieces(rest) {
		if out.content(piece) != nil {
			return // the caller went away
		}
	}
	if text := notesText(answer.Notes); text != "" {
		_ = out.content(text) // done fails too then
	}
	_ = out.send("done", full) // nothing follows that could say so
}

// notesText ends an answer with its notes, for clients that show nothing else.
func notesText(notes []string) string {
	text := ""
	for _, n := range notes {
		text += "\n\nNote: " + n
	}
	return text
}

// ask records the question, runs its workflow, and waits for the answer. Whatever happens, the workflow is told that
// nobody waits any more.
func (s *Server) ask(ctx context.Context, q assistant.Question, connector Connector, out *events) (assistant.Answer, error) {
	if err := s.Assistant.Core.Create(ctx, q); err != nil {
		return assistant.Answer{}, err
	}
	in := workflows.AskInput{QuestionID: q.ID, ConnectorID: connector.ID, Mode: workflows.ModeModel}
	if connector.Kind == config.KindDeterministic {
		in.Mode = workflows.ModeDeterministic
	}
	end, done := context.WithTimeout(context.WithoutCancel(ctx), workflows.AskLimit+2*endWithin)
	defer done()
	if err := s.Assistant.Workflows.Ask(ctx, in); err != nil {
		s.ended(end, q.ID, "deleting a question that did not start", s.Assistant.Core.Forget(end, q.ID))
		if ctx.Err() != nil {
			// Nobody knows whether it started.
			s.ended(end, q.ID, "cancelling a question", s.Assistant.Workflows.Cancel(end, q.ID))
		}
		return assistant.Answer{}, err
	}
	answer, err := s.await(ctx, q.ID, out)
	if err != nil && ctx.Err() != nil {
		s.ended(end, q.ID, "cancelling a question whose caller went away", s.Assistant.Workflows.Cancel(end, q.ID))
		return answer, err
	}
	s.ended(end, q.ID, "ending a question", s.Assistant.Workflows.Delivered(end, q.ID))
	return answer, err
}

// ended logs what could not be done at the end of a question. The workflow ends by itself a little later.
func (s *Server) ended(ctx context.Context, id, doing string, err error) {
	if err != nil && !errors.Is(err, ErrNoWorkflow) {
		s.Log.Warn(doing, zap.String("question_id", id), zap.String("request_id", requestID(ctx)), zap.Error(err))
	}
}

// await asks the store for the answer until there is one.
func (s *Server) await(ctx context.Context, id string, out *events) (assistant.Answer, error) {
	pinged := time.Now()
	for wait := answerEvery / 10; ; wait = min(2*wait, answerEvery) {
		answer, err := s.Assistant.Core.Answer(ctx, id)
		if !errors.Is(err, assistant.ErrNotFound) {
			return answer, err
		}
		if out != nil {
			text, err := out.answer.Next(ctx)
			if err != nil && ctx.Err() == nil {
				return answer, err
			}
			switch {
			case text != "":
				err = out.content(text)
				pinged, wait = time.Now(), answerEvery/10
			case time.Since(pinged) > pingEvery:
				pinged = time.Now()
				err = out.ping()
			}
			if err != nil {
				return answer, fmt.Errorf("%w: %w", errClientGone, err)
			}
		}
		if !sleep(ctx, wait) {
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return answer, assistant.FaultOf(assistant.CodeTimeLimit)
			}
			return answer, ctx.Err()
		}
	}
}

// askError gives a fault of a question its status.
func askError(err error) error {
	var fault *assistant.Fault
	if !errors.As(err, &fault) {
		return err
	}
	e := &Error{Status: http.StatusBadGateway, Message: fault.Message}
	switch fault.Code {
	case assistant.CodeQuestion, assistant.CodeReplacements, assistant.CodeUnknownConnector, assistant.CodeConversation:
		e.Status = http.StatusBadRequest
	case assistant.CodeTimeLimit:
		e.Status = http.StatusGatewayTimeout
	case assistant.CodeUnavailable, assistant.CodeRateLimited:
		e.Status, e.Header = http.StatusServiceUnavailable, map[string]string{"Retry-After": "5"}
	case assistant.CodeInternal, assistant.CodeUnknownKey:
		e.Status = http.StatusInternalServerError
	}
	return e
}

// assistantRole is the role that a call of the assistant needs: settings are an admin's, the rest is reading. other is
// true for calls of other parts.
func assistantRole(r *http.Request) (role string, ours bool) {
	if !strings.HasPrefix(r.URL.Path, AssistantPath+"/") {
		return "", false
	}
	if isWrite(r.Method) && strings.HasPrefix(r.URL.Path, AssistantPath+"/anonymization_fields") {
		return config.RoleAdmin, true
	}
	return config.RoleReader, true
}

// Conversations.

type conversationAnswer struct {
	assistant.Conversation
	Turns        []assistant.Message `json:"turns,omitempty"`
	Replacements map[string]string   `json:"replacements,omitempty"`
}

type noBody struct{}

func (*noBody) bind(*Server, *gin.Context) error { return nil }

func (s *Server) listConversations(ctx context.Context, _ *noBody) ([]assistant.Conversation, error) {
	list, err := s.Assistant.Conversations.Conversations(ctx, PrincipalOf(ctx).Name)
	if err != nil {
		return nil, fmt.Errorf("listing conversations: %w", err)
	}
	if list == nil {
		list = []assistant.Conversation{}
	}
	return list, nil
}

// conversationID is the id in the path.
type conversationID string

func (id *conversationID) bind(_ *Server, c *gin.Context) error {
	*id = conversationID(c.Param("id"))
	if !conversationForm.MatchString(string(*id)) {
		return noConversation()
	}
	return nil
}

func noConversation() *Error {
	return &Error{Status: http.StatusNotFound, Message: "there is no such conversation; GET " + AssistantPath + "/conversations lists yours"}
}

func conversationError(doing string, err error) error {
	if errors.Is(err, assistant.ErrNotFound) {
		return noConversation()
	}
	return fmt.Errorf("%s: %w", doing, err)
}

func (s *Server) getConversation(ctx context.Context, r *conversationID) (conversationAnswer, error) {
	owner, id, none := PrincipalOf(ctx).Name, string(*r), conversationAnswer{}
	found, err := s.Assistant.Conversations.Conversation(ctx, owner, id)
	if err != nil {
		return none, conversationError("reading the conversation", err)
	}
	turns, err := s.Assistant.Conversations.Messages(ctx, owner, id, 0)
	if err != nil {
		return none, conversationError("reading the conversation", err)
	}
	replacements, err := s.Assistant.Conversations.Replacements(ctx, owner, id)
	if err != nil {
		return none, conversationError("reading the replacements", err)
	}
	if turns, err = assistant.Restore(turns, replacements); err != nil {
		return none, fmt.Errorf("restoring the conversation: %w", err)
	}
	return conversationAnswer{Conversation: found, Turns: turns, Replacements: replacements}, nil
}

func (s *Server) createConversation(ctx context.Context, r *conversationRequest) (assistant.Conversation, error) {
	now := s.Now().UTC()
	c := assistant.Conversation{ID: r.id, Owner: PrincipalOf(ctx).Name, Title: r.title, ConnectorID: r.connectorID, CreatedAt: now, UpdatedAt: now}
	if c.ID == "" {
		c.ID = uuid.NewString()
	}
	err := s.Assistant.Conversations.CreateConversation(ctx, c)
	if errors.Is(err, assistant.ErrExists) {
		return c, conflict("id: a conversation with this id is there already; choose another id, or leave it out")
	}
	if err != nil {
		return c, fmt.Errorf("creating the conversation: %w", err)
	}
	return c, nil
}

type deletedAnswer struct {
	Deleted bool `json:"deleted"`
}

func (s *Server) deleteConversation(ctx context.Context, r *conversationID) (deletedAnswer, error) {
	if err := s.Assistant.Conversations.DeleteConversation(ctx, PrincipalOf(ctx).Name, string(*r)); err != nil {
		return deletedAnswer{}, conversationError("deleting the conversation", err)
	}
	return deletedAnswer{true}, nil
}

// Anonymization fields.

type fieldsAnswer struct {
	Total int                      `json:"total"`
	Data  []assistant.FieldSetting `json:"data"`
}

func (s *Server) getFields(ctx context.Context, _ *noBody) (fieldsAnswer, error) {
	stored, err := s.Assistant.Fields.FieldSettings(ctx)
	if err != nil {
		return fieldsAnswer{}, fmt.Errorf("reading the anonymization fields: %w", err)
	}
	fields := assistant.Fields(stored)
	return fieldsAnswer{len(fields), fields}, nil
}

func (s *Server) putFields(ctx context.Context, r *fieldsRequest) (fieldsAnswer, error) {
	by, at := PrincipalOf(ctx).Name, s.Now().UTC()
	for i := range r.fields {
		if !r.reset[i] {
			r.fields[i].SetBy, r.fields[i].SetAt = by, at
		}
	}
	if err := s.Assistant.Fields.SetFieldSettings(ctx, r.fields); err != nil {
		return fieldsAnswer{}, fmt.Errorf("storing the anonymization fields: %w", err)
	}
	return s.getFields(ctx, nil)
}
