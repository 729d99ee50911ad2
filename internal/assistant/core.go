package assistant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/rulebridge/rulebridge/internal/assistant/mask"
)

const (
	// MaxSteps is how often a model is asked for one question.
	MaxSteps = 8
	// TimeLimit bounds one question.
	TimeLimit = 3 * time.Minute
	// valuesWindow is how far back the values lie that are masked in what is said before any alert is read, and
	// maxDistinct how many of one field are.
	valuesWindow = 30 * dayWindow
	maxDistinct  = 10_000
	// maxHistory and maxHistoryBytes bound the earlier turns that a model gets, so that a turn costs the same however long
	// the conversation is.
	maxHistory      = 20
	maxHistoryBytes = 48 << 10
	// maxReplacements bounds the values of the replacements that a caller sends, in bytes.
	maxReplacements = 8 << 20
)

// Deps are what a Core is put together from. Without Questions everything is kept in memory; without FieldSettings the
// defaults hold; without Alerts, Knowledge or Conversations there are none.
type Deps struct {
	Alerts        AlertSource
	Knowledge     Knowledge
	FieldSettings FieldSettings
	Conversations Conversations
	Questions     Questions
	// Model finds the model of a connector. A nil Model with true is the deterministic connector, which has none.
	Model func(connectorID string) (Model, bool)
	// Now is the clock; nil means the system's. Random draws tokens; nil means crypto/rand.
	Now    func() time.Time
	Random io.Reader
	// Retry, when set, says after which time an error of a model is worth another try, and whether it is. Run uses it.
	Retry func(error) (after time.Duration, again bool)
}

// Core answers questions, step by step. Each step reads what the earlier ones recorded and records its own result, so
// that a step may be repeated, by another process too, and what a model said is never asked for again.
type Core struct{ Deps }

// New makes a Core.
func New(d Deps) *Core {
	if d.Now == nil {
		d.Now = func() time.Time { return time.Now().UTC() }
	}
	if d.Questions == nil {
		d.Questions = newMemory()
	}
	if d.Model == nil {
		d.Model = func(id string) (Model, bool) { return nil, id == "deterministic" }
	}
	return &Core{d}
}

// Names of recorded steps; the numbered ones get a number.
const (
	stepPrepared = "prepared"
	stepAnswer   = "answer"
)

func stepTokens(n int) string { return fmt.Sprintf("tokens-%d", n) }
func stepSent(n int) string   { return fmt.Sprintf("sent-%d", n) }
func stepReply(n int) string  { return fmt.Sprintf("reply-%d", n) }
func stepResult(n int) string { return fmt.Sprintf("result-%d", n) }

// prepared is what a question starts from. It is read once, so that a question sees one state of settings and history.
type prepared struct {
	Fields       []FieldSetting      `json:"fields"`
	Values       map[string][]string `json:"values,omitempty"`
	History      []Message           `json:"history,omitempty"`
	HistoryCut   bool                `json:"history_cut,omitempty"`
	ValuesCut    bool                `json:"values_cut,omitempty"`
	Replacements map[string]string   `json:"replacements,omitempty"`
	Offered      []string            `json:"offered"`
	LeftOut      []LeftOut           `json:"left_out"`
	// Counts are those of the last 24 hours, against which numbers in answers are checked.
	Counts *result `json:"counts,omitempty"`
}

// Create checks a question and records it. Its id must be new.
func (c *Core) Create(ctx context.Context, q Question) error {
	if n := len(q.Messages); n == 0 || q.Messages[n-1].Role == RoleAssistant || q.Messages[n-1].Content == "" {
		return &Fault{CodeQuestion, "messages: the last one must be the question, of role user and not empty"}
	}
	if _, ok := c.Model(q.ConnectorID); !ok {
		return FaultOf(CodeUnknownConnector)
	}
	size := 0
	for _, value := range q.Replacements {
		size += len(value)
	}
	if size > maxReplacements {
		return &Fault{CodeReplacements, fmt.Sprintf("replacements: the values have %d bytes, %d are allowed; begin a new conversation", size, maxReplacements)}
	}
	if _, err := mask.NewTable(q.Replacements, c.Random); err != nil {
		return replacementsFault(err)
	}
	if q.AsOf.IsZero() {
		q.AsOf = c.Now()
	}
	history, isCut := bounded(q.Messages[:len(q.Messages)-1])
	q.Messages, q.HistoryCut = append(history[:len(history):len(history)], q.Messages[len(q.Messages)-1]), isCut
	content, err := json.Marshal(q)
	if err != nil {
		return fmt.Errorf("recording the question: %w", err)
	}
	if err := c.Questions.CreateQuestion(ctx, q.ID, content, c.Now()); err != nil {
		return fmt.Errorf("recording the question: %w", err)
	}
	return nil
}

func replacementsFault(err error) error {
	var t *mask.TokenError
	if errors.As(err, &t) {
		return &Fault{CodeReplacements, t.Error()}
	}
	return err
}

// Prepare reads what the question starts from: settings, the conversation, the values to mask, and the counts.
func (c *Core) Prepare(ctx context.Context, id string) error {
	q, err := c.question(ctx, id)
	if err != nil {
		return err
	}
	if _, err := c.Questions.Step(ctx, id, stepPrepared); !errors.Is(err, ErrNotFound) {
		return err
	}
	var p prepared
	p.Offered, p.LeftOut = applicable(c.Deps, q)
	var stored []FieldSetting
	if c.FieldSettings != nil {
		if stored, err = c.FieldSettings.FieldSettings(ctx); err != nil {
			return fmt.Errorf("reading the anonymization fields: %w", err)
		}
	}
	p.Fields = Fields(stored)
	if err := c.recall(ctx, q, &p); err != nil {
		return err
	}
	if c.Alerts != nil {
		if err := c.survey(ctx, q, &p); err != nil {
			return err
		}
	}
	return c.record(ctx, id, stepPrepared, p)
}

// recall chooses the earlier turns and joins the replacements of conversation and request.
func (c *Core) recall(ctx context.Context, q Question, p *prepared) error {
	history := q.Messages[:len(q.Messages)-1]
	p.Replacements = map[string]string{}
	if q.ConversationID != "" && c.Conversations != nil {
		saved, err := c.Conversations.Messages(ctx, q.Owner, q.ConversationID, maxHistory)
		if errors.Is(err, ErrNotFound) {
			return FaultOf(CodeConversation)
		}
		if err != nil {
			return fmt.Errorf("reading the conversation: %w", err)
		}
		if len(saved) > 0 {
			history = saved
		}
		if p.Replacements, err = c.Conversations.Replacements(ctx, q.Owner, q.ConversationID); err != nil {
			return fmt.Errorf("reading the replacements: %w", err)
		}
		if p.Replacements == nil {
			p.Replacements = map[string]string{}
		}
	}
	for token, value := range q.Replacements {
		if _, ok := p.Replacements[token]; !ok {
			p.Replacements[token] = value
		}
	}
	p.History, p.HistoryCut = bounded(history)
	p.HistoryCut = p.HistoryCut || q.HistoryCut
	return nil
}

// bounded are the last turns that a model gets, and whether there are more.
func bounded(history []Message) (last []Message, isCut bool) {
	size, from := 0, len(history)
	for from > 0 && len(history)-from < maxHistory && size+len(history[from-1].Content) <= maxHistoryBytes {
		from--
		size += len(history[from].Content)
	}
	return history[from:], from > 0
}

// survey reads the values that are masked in what is said, and the counts.
func (c *Core) survey(ctx context.Context, q Question, p *prepared) error {
	indices := q.MaskIndex
	if len(indices) == 0 {
		indices = q.Index
	}
	if len(indices) > 0 {
		s := Scope{Index: indices, From: q.AsOf.Add(-valuesWindow), To: q.AsOf}
		values, err := c.Alerts.Values(ctx, s, newPolicy(p.Fields, q).masks(), maxDistinct)
		if err != nil {
			return fmt.Errorf("reading the values to mask: %w", err)
		}
		p.Values = values
		for _, list := range values {
			p.ValuesCut = p.ValuesCut || len(list) >= maxDistinct
		}
	}
	for _, name := range p.Offered {
		if name == ToolCounts {
			counts, err := runCounts(ctx, c.Deps, q, nil)
			if err != nil {
				return err
			}
			p.Counts = &counts
		}
	}
	return nil
}

// Decision is what a model wants next.
type Decision struct {
	// Final: the model has answered. Otherwise Tool is the name of a tool, or empty when what it said is of no use.
	Final bool
	Tool  string
}

// Decide asks the model for the step, counted from 1, unless it is recorded.
func (c *Core) Decide(ctx context.Context, id string, step int) (Decision, error) {
	s, err := c.load(ctx, id)
	if err != nil {
		return Decision{}, err
	}
	if step <= len(s.turns) {
		return s.turns[step-1].decision.summary(), nil
	}
	model, ok := c.Model(s.q.ConnectorID)
	if !ok {
		return Decision{}, FaultOf(CodeUnknownConnector)
	}
	var text string
	if model == nil {
		if text, err = c.plan(ctx, s, step); err != nil {
			return Decision{}, err
		}
	} else {
		request, err := c.request(ctx, s, step)
		if err != nil {
			return Decision{}, err
		}
		reply, err := model.Generate(ctx, request)
		if err != nil {
			return Decision{}, err
		}
		text = reply.Text
	}
	recorded, err := c.Questions.SaveStep(ctx, id, stepReply(step), []byte(text))
	if err != nil {
		return Decision{}, fmt.Errorf("recording the model's answer: %w", err)
	}
	return readDecision(string(recorded)).summary(), nil
}

// request builds what the model is asked, and records the new tokens before any of it leaves.
func (c *Core) request(ctx context.Context, s *state, step int) (ModelRequest, error) {
	messages, err := c.settled(ctx, s, step, func() ([]Message, error) { return s.prompt(step == MaxSteps) })
	if err != nil {
		return ModelRequest{}, err
	}
	if s.q.Trace {
		if err := c.record(ctx, s.q.ID, stepSent(step), messages); err != nil {
			return ModelRequest{}, err
		}
	}
	return ModelRequest{
		Key: fmt.Sprintf("%s/%d", s.q.ID, step), Attempt: 1, Messages: messages, SchemaName: "decision",
		Schema: s.schema(step == MaxSteps), Temperature: s.q.Temperature, Stop: s.q.Stop,
	}, nil
}

// settled builds masked messages and records the tokens that were new. When another attempt recorded its own first,
// those are used.
func (c *Core) settled(ctx context.Context, s *state, step int, build func() ([]Message, error)) ([]Message, error) {
	messages, err := build()
	if err != nil {
		return nil, err
	}
	fresh := s.table.Fresh()
	if len(fresh) == 0 {
		return messages, nil
	}
	mine, err := json.Marshal(fresh)
	if err != nil {
		return nil, fmt.Errorf("recording tokens: %w", err)
	}
	recorded, err := c.Questions.SaveStep(ctx, s.q.ID, stepTokens(step), mine)
	if err != nil {
		return nil, fmt.Errorf("recording tokens: %w", err)
	}
	if string(recorded) == string(mine) {
		return messages, nil
	}
	if *s, err = c.reload(ctx, s.q.ID); err != nil {
		return nil, err
	}
	return build()
}

func (c *Core) reload(ctx context.Context, id string) (state, error) {
	s, err := c.load(ctx, id)
	if err != nil {
		return state{}, err
	}
	return *s, nil
}

// Act runs the tool that the model asked for in a step, unless its result is recorded.
func (c *Core) Act(ctx context.Context, id string, step int) error {
	s, err := c.load(ctx, id)
	if err != nil {
		return err
	}
	if step > len(s.turns) {
		return fmt.Errorf("step %d: there is no answer of a model to act on", step)
	}
	if s.turns[step-1].result != nil {
		return nil
	}
	r, err := c.tool(ctx, s, s.turns[step-1].decision)
	if err != nil {
		return err
	}
	return c.record(ctx, id, stepResult(step), r)
}

// tool runs one tool. What is wrong with the call is told to the model; an error is a source that failed.
func (c *Core) tool(ctx context.Context, s *state, d decision) (result, error) {
	fault := func(why string) (result, error) { return result{Tool: d.tool(), AsOf: s.q.AsOf, Fault: why}, nil }
	if !contains(s.prep.Offered, d.Tool) {
		return fault("there is no such tool; the tools are: " + joined(s.prep.Offered))
	}
	t, _ := toolByName(d.Tool)
	a, err := t.check(d.Arguments)
	var wrong *ArgumentError
	if errors.As(err, &wrong) {
		return fault(wrong.Error())
	}
	if err != nil {
		return result{}, err
	}
	r, err := t.run(ctx, c.Deps, s.q, s.restored(a))
	if err != nil {
		// A source may repeat in its error what it was asked for.
		text, maskErr := s.said(err.Error())
		if maskErr != nil {
			return result{}, maskErr
		}
		return result{}, &maskedError{text, err}
	}
	if r.Page != nil {
		for i, a := range r.Page.Alerts {
			r.Page.Alerts[i] = s.policy.prune(a)
		}
	}
	return r, nil
}

// maskedError is an error whose text has been masked.
type maskedError struct {
	text string
	err  error
}

func (e *maskedError) Error() string { return e.text }
func (e *maskedError) Unwrap() error { return e.err }

// Conclude builds the answer from what the model said last, records it, and appends it to the conversation.
func (c *Core) Conclude(ctx context.Context, id string) error {
	s, err := c.load(ctx, id)
	if err != nil {
		return err
	}
	if _, err := c.Questions.Step(ctx, id, stepAnswer); err == nil {
		return c.save(ctx, s.q) // an attempt before this one may have ended between the two
	} else if !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("reading the answer: %w", err)
	}
	if len(s.turns) == 0 || !s.turns[len(s.turns)-1].decision.final() {
		return FaultOf(CodeNoAnswer)
	}
	model, ok := c.Model(s.q.ConnectorID)
	answer, exchange, err := s.answer(ok && model == nil)
	if err != nil {
		return err
	}
	// The tokens of this answer must last: a repeated attempt would draw others.
	if err := c.record(ctx, id, stepAnswer, recordedAnswer{Answer: answer, Exchange: exchange}); err != nil {
		return err
	}
	return c.save(ctx, s.q)
}

// Fail records that a question ends without an answer, unless there is one.
func (c *Core) Fail(ctx context.Context, id, code string) error {
	return c.record(ctx, id, stepAnswer, recordedAnswer{Code: code})
}

// recordedAnswer is an answer with what it adds to the conversation, or the code of a fault.
type recordedAnswer struct {
	Code     string   `json:"code,omitempty"`
	Answer   Answer   `json:"answer"`
	Exchange Exchange `json:"exchange"`
}

// save appends the recorded exchange to the conversation.
func (c *Core) save(ctx context.Context, q Question) error {
	if q.ConversationID == "" || c.Conversations == nil {
		return nil
	}
	a, err := c.recorded(ctx, q.ID)
	if err != nil {
		return err
	}
	a.Exchange.QuestionID, a.Exchange.At = q.ID, q.AsOf
	err = c.Conversations.AppendExchange(ctx, q.Owner, q.ConversationID, a.Exchange)
	if errors.Is(err, ErrNotFound) {
		return nil // deleted meanwhile: it does not come back
	}
	if err != nil {
		return fmt.Errorf("saving the answer in the conversation: %w", err)
	}
	return nil
}

func (c *Core) recorded(ctx context.Context, id string) (recordedAnswer, error) {
	var a recordedAnswer
	content, err := c.Questions.Step(ctx, id, stepAnswer)
	if err != nil {
		return a, fmt.Errorf("reading the answer: %w", err)
	}
	if err := json.Unmarshal(content, &a); err != nil {
		return a, fmt.Errorf("reading the answer: %w", err)
	}
	return a, nil
}

// Answer returns the recorded answer, or the *Fault that was recorded; ErrNotFound when there is none yet, or no more.
func (c *Core) Answer(ctx context.Context, id string) (Answer, error) {
	a, err := c.recorded(ctx, id)
	if err == nil && a.Code != "" {
		return Answer{}, FaultOf(a.Code)
	}
	return a.Answer, err
}

// staleAfter is how old a question must be for the sweep: far beyond the time limit of a question and of its answer.
const staleAfter = time.Hour

// Sweep deletes what questions left behind that no workflow ended: their process was killed before there was one.
func (c *Core) Sweep(ctx context.Context) error {
	ids, err := c.Questions.StaleQuestions(ctx, c.Now().Add(-staleAfter))
	if err != nil {
		return fmt.Errorf("listing stale questions: %w", err)
	}
	for _, id := range ids {
		if err := c.Forget(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// Forget deletes everything that was recorded for a question.
func (c *Core) Forget(ctx context.Context, id string) error {
	if err := c.Questions.DeleteQuestion(ctx, id); err != nil {
		return fmt.Errorf("deleting the question: %w", err)
	}
	return nil
}

// Run answers a question in this process, within the time limit, and forgets it.
func (c *Core) Run(ctx context.Context, q Question) (Answer, error) {
	run, cancel := context.WithTimeout(ctx, TimeLimit)
	defer cancel()
	if err := c.Create(run, q); err != nil {
		return Answer{}, err
	}
	answer, err := c.steps(run, q.ID)
	forget, done := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer done()
	err = errors.Join(err, c.Forget(forget, q.ID))
	if run.Err() != nil && ctx.Err() == nil {
		return Answer{}, FaultOf(CodeTimeLimit)
	}
	return answer, err
}

func (c *Core) steps(ctx context.Context, id string) (Answer, error) {
	if err := c.Prepare(ctx, id); err != nil {
		return Answer{}, err
	}
	for step := 1; step <= MaxSteps; step++ {
		d, err := c.persist(ctx, id, step)
		if err != nil {
			return Answer{}, err
		}
		if d.Final {
			break
		}
		if d.Tool != "" {
			if err := c.Act(ctx, id, step); err != nil {
				return Answer{}, err
			}
		}
	}
	if err := c.Conclude(ctx, id); err != nil {
		return Answer{}, err
	}
	return c.Answer(ctx, id)
}

// persist tries a step again as long as that is of use.
func (c *Core) persist(ctx context.Context, id string, step int) (Decision, error) {
	const attempts = 4
	for attempt := 1; ; attempt++ {
		d, err := c.Decide(ctx, id, step)
		if err == nil || c.Retry == nil || attempt == attempts {
			return d, err
		}
		after, again := c.Retry(err)
		if !again {
			return d, err
		}
		timer := time.NewTimer(max(after, time.Duration(attempt)*250*time.Millisecond))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return d, ctx.Err()
		}
	}
}

func (c *Core) question(ctx context.Context, id string) (Question, error) {
	var q Question
	content, err := c.Questions.Question(ctx, id)
	if err != nil {
		return q, fmt.Errorf("reading the question: %w", err)
	}
	if err := json.Unmarshal(content, &q); err != nil {
		return q, fmt.Errorf("reading the question: %w", err)
	}
	return q, nil
}

func (c *Core) record(ctx context.Context, id, step string, v any) error {
	content, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("recording step %s: %w", step, err)
	}
	if _, err := c.Questions.SaveStep(ctx, id, step, content); err != nil {
		return fmt.Errorf("recording step %s: %w", step, err)
	}
	return nil
}
