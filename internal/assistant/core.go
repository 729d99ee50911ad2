package assistant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
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
	// Budget is the most calls one question may make of a connector; nil, or zero, is no limit.
	Budget func(connectorID string) int
	// Now is the clock; nil means the system's. Random draws tokens; nil means crypto/rand.
	Now    func() time.Time
	Random io.Reader
	// Retry, when set, says after which time an error of a model is worth another try, and whether it is. Run uses it.
	Retry func(error) (after time.Duration, again bool)
}

// Core answers questions, step by step. Each step reads what the earlier ones recorded and records its own result, so
// that a step may be repeated, by another process too, and what a model said is never asked for again.
type Core struct {
	Deps
	known *vocabularies
}

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
	return &Core{d, newVocabularies()}
}

// Names of recorded steps; the numbered ones get a number.
const (
	stepPrepared = "prepared"
	stepAnswer   = "answer"
	stepSaved    = "saved" // the conversation has the answer
)

func stepTokens(n int) string { return fmt.Sprintf("tokens-%d", n) }
func stepSent(n int) string   { return fmt.Sprintf("sent-%d", n) }
func stepReply(n int) string  { return fmt.Sprintf("reply-%d", n) }
func stepResult(n int) string { return fmt.Sprintf("result-%d", n) }

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
		if err := c.spend(ctx, s.q); err != nil {
			return Decision{}, err
		}
		if s.q.Stream {
			r := c.newRecorder(ctx, id, s.table)
			request.Stream = r.next
			defer r.end()
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
	var stop []string
	messages, err := c.settled(ctx, s, step, func() (messages []Message, err error) {
		if stop, err = s.stop(); err != nil {
			return nil, err
		}
		return s.prompt(step == MaxSteps)
	})
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
		Schema: s.schema(step == MaxSteps), Temperature: s.q.Temperature, Stop: stop,
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
