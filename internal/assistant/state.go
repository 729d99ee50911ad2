package assistant

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rulebridge/rulebridge/internal/assistant/mask"
)

// state is everything a question has recorded so far, with the dictionary and the tokens that follow from it.
type state struct {
	q      Question
	prep   prepared
	policy policy
	turns  []turn
	sent   map[int][]Message

	words *vocabulary
	table *mask.Table
	dict  mask.Dictionary
	masks *mask.Masker // see masker

	leftOut int // texts of alerts that were left out
}

// turn is one step: what the model said, and what the tool gave.
type turn struct {
	reply    string
	decision decision
	result   *result
	alerts   [][]field
}

// load reads a question and makes its dictionary: the values of masked fields seen before and in every alert it read,
// those of the replacements, and the accounts that texts give away.
func (c *Core) load(ctx context.Context, id string) (*state, error) {
	q, err := c.question(ctx, id)
	if err != nil {
		return nil, err
	}
	steps, err := c.Questions.Steps(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("reading the steps of the question: %w", err)
	}
	s := &state{q: q, sent: map[int][]Message{}}
	read := func(name string, v any) error {
		if err := json.Unmarshal(steps[name], v); err != nil {
			return fmt.Errorf("reading step %s: %w", name, err)
		}
		return nil
	}
	if err := read(stepPrepared, &s.prep); err != nil {
		return nil, err
	}
	replacements := map[string]string{} // that this question added
	for n := 1; n <= MaxSteps; n++ {
		if _, ok := steps[stepTokens(n)]; ok {
			if err := read(stepTokens(n), &replacements); err != nil {
				return nil, err
			}
		}
		if _, ok := steps[stepSent(n)]; ok {
			var sent []Message
			if err := read(stepSent(n), &sent); err != nil {
				return nil, err
			}
			s.sent[n] = sent
		}
		reply, ok := steps[stepReply(n)]
		if !ok {
			continue
		}
		t := turn{reply: string(reply), decision: readDecision(string(reply))}
		if content, ok := steps[stepResult(n)]; ok {
			r, err := readResult(content)
			if err != nil {
				return nil, fmt.Errorf("reading step %s: %w", stepResult(n), err)
			}
			t.result = r
		}
		s.turns = append(s.turns, t)
	}
	if s.words, err = c.vocabulary(ctx, q); err != nil {
		return nil, err
	}
	if s.table, err = mask.NewTableOver(s.words.table(), replacements, c.Random); err != nil {
		return nil, replacementsFault(err)
	}
	s.policy = newPolicy(s.prep.Fields, q)
	s.dict = mask.Over(append(s.words.sets(), c.known.set(s.prep.Values))...)
	s.learn(replacements)
	return s, nil
}

// readResult keeps numbers of alerts as they are written.
func readResult(content []byte) (*result, error) {
	var r result
	dec := json.NewDecoder(strings.NewReader(string(content)))
	dec.UseNumber()
	if err := dec.Decode(&r); err != nil {
		return nil, err
	}
	return &r, nil
}

// learn fills the dictionary with what this question brings.
func (s *state) learn(replacements map[string]string) {
	add := func(value string, kind mask.Kind) { addValue(&s.dict, value, kind) }
	for token, value := range replacements {
		add(value, mask.KindOf(token))
	}
	for i := range s.turns {
		t := &s.turns[i]
		if t.result == nil || t.result.Page == nil {
			continue
		}
		for _, a := range t.result.Page.Alerts {
			fields := a.fields()
			t.alerts = append(t.alerts, fields)
			s.policy.collect(&s.dict, fields)
		}
	}
	for _, m := range s.prep.History {
		mask.Learn(m.Content, add)
	}
	for _, m := range s.q.Messages {
		mask.Learn(m.Content, add)
	}
}

// masker is made when it is first needed: steps that mask nothing do without.
func (s *state) masker() *mask.Masker {
	if s.masks == nil {
		s.masks = s.dict.New(s.table)
	}
	return s.masks
}

// said masks what a person or a model said.
func (s *state) said(text string) (string, error) {
	masked, _, err := s.masker().Text(text, mask.Talk)
	return masked, err
}

// stop are the texts at which a model ends, masked: a model writes tokens.
func (s *state) stop() ([]string, error) {
	var list []string
	for _, text := range s.q.Stop {
		masked, err := s.said(text)
		if err != nil {
			return nil, err
		}
		list = append(list, masked)
	}
	return list, nil
}

// restored puts the values in place of the tokens in arguments. A host is also looked for without its domain, and an
// account too.
func (s *state) restored(a args) args {
	out := args{}
	for name, v := range a {
		switch v := v.(type) {
		case string:
			out[name] = s.table.Restore(v)
		case []string:
			var list []string
			for _, e := range v {
				value := s.table.Restore(e)
				list = append(list, value)
				short := value
				switch name {
				case "host":
					short, _, _ = strings.Cut(value, ".")
				case "user":
					short = mask.BareAccount(value)
				}
				if short != value && short != "" {
					list = append(list, short)
				}
			}
			out[name] = list
		default:
			out[name] = v
		}
	}
	return out
}

// shown is the result of a tool as a model gets it.
type shown struct {
	Tool      string           `json:"tool"`
	AsOf      string           `json:"as_of"`
	Hours     int              `json:"window_hours,omitempty"`
	Problem   string           `json:"problem,omitempty"`
	Counts    []Count          `json:"counts,omitempty"`
	Open      *int             `json:"open_in_all,omitempty"`
	Total     *int             `json:"alerts_in_all,omitempty"`
	Shown     *int             `json:"alerts_shown,omitempty"`
	Alerts    []map[string]any `json:"alerts,omitempty"`
	Documents []Document       `json:"documents,omitempty"`
}

// maxShown bounds the alerts of one result as a model gets them, in bytes.
const maxShown = 200 << 10

// show masks the result of a turn.
func (s *state) show(t turn) (shown, error) {
	r := t.result
	out := shown{Tool: r.Tool, AsOf: r.AsOf.UTC().Format("2006-01-02T15:04:05Z"), Hours: r.Hours, Problem: r.Fault, Documents: r.Documents}
	if r.Tool == ToolCounts && r.Fault == "" {
		open := openOf(r.Counts)
		out.Counts, out.Open = plainCounts(r.Counts), &open
	}
	if r.Page == nil {
		return out, nil
	}
	size := 0
	for _, fields := range t.alerts {
		v, err := s.policy.show(fields, &s.dict, s.masker(), s.table)
		if err != nil {
			return out, err
		}
		one, err := json.Marshal(v.Fields)
		if err != nil {
			return out, fmt.Errorf("masking an alert: %w", err)
		}
		if size += len(one); size > maxShown && len(out.Alerts) > 0 {
			break
		}
		s.leftOut += v.LeftOut
		out.Alerts = append(out.Alerts, v.Fields)
	}
	n := len(out.Alerts)
	out.Total, out.Shown = &r.Page.Total, &n
	return out, nil
}

// another stands for a severity or status that Elastic Security does not know. Anything can be in those fields, also a
// value to mask that no alert read here holds.
const another = "other"

// plainCounts are counts whose severities and statuses are those that Elastic Security knows.
func plainCounts(counts []Count) []Count {
	var out []Count
	for _, c := range counts {
		if c.Severity != "" && !contains(Severities, c.Severity) {
			c.Severity = another
		}
		if !contains(statuses, c.Status) {
			c.Status = another
		}
		if i := slices.IndexFunc(out, func(o Count) bool { return o.Severity == c.Severity && o.Status == c.Status }); i >= 0 {
			out[i].Alerts += c.Alerts
		} else {
			out = append(out, c)
		}
	}
	return out
}

func openOf(counts []Count) int {
	n := 0
	for _, c := range counts {
		if c.Status == StatusOpen {
			n += c.Alerts
		}
	}
	return n
}

// answer is the answer that the last turn holds, with what it adds to the conversation. The deterministic connector's
// numbers are counts already.
func (s *state) answer(deterministic bool) (Answer, Exchange, error) {
	last := s.turns[len(s.turns)-1]
	text := strings.TrimSpace(last.decision.Answer)
	notes := []string{}
	if line := s.counted(text); line != "" && !deterministic {
		text += "\n\n" + line
	}
	var trace *Trace
	s.leftOut = 0
	if s.q.Trace {
		var err error
		if trace, err = s.trace(); err != nil {
			return Answer{}, Exchange{}, err
		}
	} else {
		for _, t := range s.turns {
			if t.result != nil {
				if _, err := s.show(t); err != nil {
					return Answer{}, Exchange{}, err
				}
			}
		}
	}
	if s.leftOut > 0 {
		notes = append(notes, fmt.Sprintf("Free text was left out in %s: a masked value there is too short, or an everyday word, to be told from the text.", places(s.leftOut)))
	}
	if s.prep.HistoryCut {
		notes = append(notes, fmt.Sprintf("Only the last turns of the conversation were used: at most %d messages and %d KB.", maxHistory, maxHistoryBytes>>10))
	}
	if s.prep.ValuesCut {
		notes = append(notes, fmt.Sprintf("A field has more than %d values in the last 30 days: of those that no alert read here holds, some may not have been masked in what was said.", maxDistinct))
	}
	question, err := s.said(s.q.Messages[len(s.q.Messages)-1].Content)
	if err != nil {
		return Answer{}, Exchange{}, err
	}
	masked, err := s.said(text)
	if err != nil {
		return Answer{}, Exchange{}, err
	}
	all := s.table.All()
	added := maps.Clone(all)
	if s.q.ConversationID != "" {
		// Those of the conversation are saved already; those of the request may be new to it.
		maps.DeleteFunc(added, func(token, _ string) bool {
			_, old := s.words.table().Value(token)
			_, mine := s.q.Replacements[token]
			return old && !mine
		})
	}
	return Answer{Text: s.table.Restore(text), Masked: masked, Replacements: all, Notes: notes, Trace: trace},
		Exchange{Messages: []Message{{RoleUser, question}, {RoleAssistant, masked}}, Replacements: added}, nil
}

func places(n int) string {
	if n == 1 {
		return "1 place"
	}
	return fmt.Sprintf("%d places", n)
}

// trace says how the answer came about, in tokens.
func (s *state) trace() (*Trace, error) {
	t := &Trace{Offered: s.prep.Offered, LeftOut: s.prep.LeftOut, AsOf: s.q.AsOf, Steps: []Step{}}
	for i, turn := range s.turns {
		received, err := s.said(turn.reply)
		if err != nil {
			return nil, err
		}
		t.Steps = append(t.Steps, Step{Name: "model", Sent: s.sent[i+1], Received: received})
		if turn.result == nil {
			continue
		}
		shown, err := s.show(turn)
		if err != nil {
			return nil, err
		}
		args, err := s.said(string(turn.decision.Arguments))
		if err != nil {
			return nil, err
		}
		content, err := json.Marshal(shown)
		if err != nil {
			return nil, fmt.Errorf("masking a result: %w", err)
		}
		t.Steps = append(t.Steps, Step{Name: turn.result.Tool, Args: args, Alerts: len(shown.Alerts), Received: string(content)})
	}
	return t, nil
}

func contains(list []string, s string) bool { return slices.Contains(list, s) }

func joined(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}
