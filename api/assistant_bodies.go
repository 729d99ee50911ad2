package api

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/rulebridge/rulebridge/config"
	"github.com/rulebridge/rulebridge/internal/assistant"
)

// Bounds of a question.
const (
	maxMessages     = 1000
	maxMessage      = 256 << 10 // bytes
	maxStops        = 4
	maxFields       = 10_000
	maxReplacements = 50_000
	maxReplaced     = 256 << 10
)

var (
	conversationForm = regexp.MustCompile(`^[A-Za-z0-9._:@-]{1,128}$`)
	fieldForm        = regexp.MustCompile(`^[A-Za-z0-9_@.-]{1,256}$`)
)

// executeRequest is the body of _execute, checked.
type executeRequest struct {
	question  assistant.Question
	connector Connector
	stream    bool
}

func (r *executeRequest) bind(s *Server, c *gin.Context) error {
	id := c.Param("id")
	connector, ok := s.Settings.ConnectorByID(id)
	if !ok && id == config.DeterministicID {
		connector, ok = Connector{ID: id, Kind: config.KindDeterministic}, true
	}
	if !ok {
		return badRequest("connector id in the path: %q is not declared; use one of: %s", clip(id, 64), strings.Join(s.askableIDs(), ", "))
	}
	r.connector = connector
	q := &r.question
	q.ConnectorID, q.Size, q.MaskIndex = connector.ID, assistant.DefaultSize, s.Settings.Assistant.IndexPatterns
	if err := newBody(c.Request.Body, "").execute(q); err != nil {
		return err
	}
	for _, p := range q.Index {
		if !config.IsIndexPattern(p) || !withinPatterns(s.Settings.Assistant.IndexPatterns, p) {
			return &Error{Status: 403, Message: fmt.Sprintf("alertsIndexPattern: %q is outside assistant.index_patterns (%s); name one of these or a narrower pattern",
				clip(p, 64), strings.Join(s.Settings.Assistant.IndexPatterns, ", "))}
		}
	}
	r.stream = strings.Contains(c.GetHeader("Accept"), "text/event-stream")
	return nil
}

// askableIDs are the connectors that answer questions, in quotes; the deterministic one need not be declared.
func (s *Server) askableIDs() []string {
	ids, own := s.connectorIDs(), strconv.Quote(config.DeterministicID)
	if !slices.Contains(ids, own) {
		ids = append(ids, own)
	}
	return ids
}

// withinPatterns reports whether every index that p stands for is one that a pattern of the list stands for. A star of p
// is compared as a character, which only a star of the list takes.
func withinPatterns(list []string, p string) bool {
	for _, allowed := range list {
		if covers(allowed, p) {
			return true
		}
	}
	return false
}

func covers(allowed, p string) bool {
	parts := strings.Split(allowed, "*")
	if len(parts) == 1 {
		return allowed == p
	}
	rest, ok := strings.CutPrefix(p, parts[0])
	if !ok {
		return false
	}
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(rest, part)
		if i < 0 {
			return false
		}
		rest = rest[i+len(part):]
	}
	return strings.HasSuffix(rest, parts[len(parts)-1])
}

// execute reads the body of a question. Names that it does not know are ignored: Kibana's clients send more of them with
// every version. docs/assistant-api.md lists what is used.
func (b *body) execute(q *assistant.Question) error {
	found, message := map[string]bool{}, ""
	if err := b.expect('{', "", "an object"); err != nil {
		return err
	}
	err := b.object(func(name string) (bool, error) {
		found[name] = true
		if b.optionalNull(name) {
			return true, nil
		}
		switch name {
		case "params":
			return true, b.nested(name, func(name string) (bool, error) { return b.executeParams(name, found, q) })
		case "message":
			return true, b.optional(name, maxMessage, "", &message)
		case "subAction":
			return true, b.subAction(name)
		case "assistantLangChain", "isStream":
			_, err := b.boolean(name)
			return true, err
		case "isEnabledKnowledgeBase":
			return true, b.set(name, &q.Knowledge)
		case "isEnabledRAGAlerts":
			return true, b.set(name, &q.Alerts)
		case "trace":
			return true, b.set(name, &q.Trace)
		case "conversationId":
			return true, b.conversation(name, &q.ConversationID)
		case "alertsIndexPattern":
			return true, b.patterns(name, q)
		case "allow":
			return true, b.fieldNames(name, &q.Allow)
		case "allowReplacement":
			return true, b.fieldNames(name, &q.AllowReplacement)
		case "replacements":
			return true, b.replacements(name, q)
		case "size":
			n, err := b.integer(name, assistant.MinSize, assistant.MaxSize)
			q.Size = n
			return true, err
		}
		return false, nil
	})
	if err != nil {
		return err
	}
	if err := b.end(); err != nil {
		return err
	}
	if len(q.Messages) == 0 && message != "" {
		q.Messages = []assistant.Message{{Role: assistant.RoleUser, Content: message}}
	}
	switch {
	case len(q.Messages) == 0 && !found["params"]:
		return b.fault("params", "is missing; send params.subActionParams.messages")
	case len(q.Messages) == 0:
		return b.fault("params.subActionParams.messages", "is missing or empty; send at least the question")
	}
	if last := q.Messages[len(q.Messages)-1]; last.Role != assistant.RoleUser || strings.TrimSpace(last.Content) == "" {
		return b.fault("params.subActionParams.messages", "the last message must be the question, of role user and not empty")
	}
	return nil
}

// optionalNull takes a null for a name that was left out.
func (b *body) optionalNull(name string) bool {
	return name != "params" && b.null()
}

func (b *body) executeParams(name string, found map[string]bool, q *assistant.Question) (bool, error) {
	switch name {
	case "subAction":
		return true, b.subAction("params." + name)
	case "subActionParams":
		return true, b.nested("params."+name, func(name string) (bool, error) { return b.subActionParams(name, q) })
	}
	return false, nil
}

// nested reads an object that stands under a name.
func (b *body) nested(name string, member func(string) (bool, error)) error {
	if err := b.expect('{', name, "an object"); err != nil {
		return err
	}
	return b.object(member)
}

func (b *body) set(name string, to *bool) error {
	v, err := b.boolean(name)
	*to = v
	return err
}

func (b *body) subAction(name string) error {
	v, err := b.text(name, maxSmall, "")
	if err == nil && v != "invokeAI" && v != "invokeStream" {
		err = b.fault(name, "%q is not known; use invokeAI or invokeStream", clip(v, 64))
	}
	return err
}

func (b *body) subActionParams(name string, q *assistant.Question) (bool, error) {
	at := "params.subActionParams." + name
	if name != "messages" && b.null() {
		return true, nil
	}
	switch name {
	case "messages":
		return true, b.list(at, maxMessages, func(at string) error {
			m, err := b.message(at)
			q.Messages = append(q.Messages, m)
			return err
		})
	case "model":
		_, err := b.text(at, maxSmall, "")
		return true, err
	case "n":
		_, err := b.integer(at, 1, 1)
		return true, err
	case "stop":
		var err error
		if b.dec.PeekKind() == '"' {
			q.Stop = make([]string, 1)
			q.Stop[0], err = b.text(at, maxSmall, "")
		} else {
			q.Stop, err = b.texts(at, maxStops, maxSmall)
		}
		if err == nil && slices.Contains(q.Stop, "") {
			err = b.fault(at, "holds an empty text; leave it out")
		}
		return true, err
	case "temperature":
		f, err := b.number(at, 0, 2)
		q.Temperature = &f
		return true, err
	}
	return false, nil
}

func (b *body) message(at string) (assistant.Message, error) {
	var m assistant.Message
	err := b.nested(at, func(name string) (bool, error) {
		var err error
		switch name {
		case "role":
			if m.Role, err = b.text(at+"."+name, maxSmall, ""); err == nil {
				switch m.Role {
				case assistant.RoleUser, assistant.RoleAssistant, assistant.RoleSystem:
				default:
					err = b.fault(at+"."+name, "%q is not known; use user, assistant or system", clip(m.Role, 64))
				}
			}
		case "content":
			err = b.optional(at+"."+name, maxMessage, "", &m.Content)
		default:
			return false, nil
		}
		return true, err
	})
	if err == nil && m.Role == "" {
		err = b.fault(at+".role", "is missing")
	}
	return m, err
}

func (b *body) conversation(name string, to *string) error {
	v, err := b.text(name, maxSmall, "")
	if err == nil && !conversationForm.MatchString(v) {
		err = b.fault(name, "%q is no id of a conversation; use letters, digits and . _ : @ -, at most 128", clip(v, 64))
	}
	*to = v
	return err
}

func (b *body) patterns(name string, q *assistant.Question) error {
	v, err := b.text(name, maxSmall, "")
	if err != nil {
		return err
	}
	for p := range strings.SplitSeq(v, ",") {
		if p = strings.TrimSpace(p); p == "" {
			return b.fault(name, "is empty, or has an empty part between commas; name an index pattern or leave it out")
		}
		q.Index = append(q.Index, p)
	}
	return nil
}

func (b *body) fieldNames(name string, to *[]string) error {
	list := []string{}
	err := b.list(name, maxFields, func(at string) error {
		f, err := b.text(at, maxSmall, "")
		if err == nil && !fieldForm.MatchString(f) {
			err = b.fault(at, "%q is no name of a field; name each field, not a pattern", clip(f, 64))
		}
		list = append(list, f)
		return err
	})
	*to = list
	return err
}

func (b *body) replacements(name string, q *assistant.Question) error {
	q.Replacements = map[string]string{}
	return b.nested(name, func(token string) (bool, error) {
		at := fmt.Sprintf("%s[%q]", name, clip(token, 64))
		if len(q.Replacements) == maxReplacements {
			return true, b.fault(name, "holds more than %d replacements", maxReplacements)
		}
		v, err := b.text(at, maxReplaced, "")
		q.Replacements[token] = v
		return true, err
	})
}

// conversationRequest is the body of POST /conversations.
type conversationRequest struct{ id, title, connectorID string }

func (r *conversationRequest) bind(_ *Server, c *gin.Context) error {
	b := newBody(c.Request.Body, "")
	if err := b.expect('{', "", "an object"); err != nil {
		return err
	}
	err := b.object(func(name string) (bool, error) {
		if b.null() {
			return true, nil
		}
		switch name {
		case "id":
			return true, b.conversation(name, &r.id)
		case "title":
			return true, b.optional(name, maxSmall, "", &r.title)
		case "connector_id", "connectorId":
			return true, b.optional(name, maxSmall, "", &r.connectorID)
		}
		return false, nil
	})
	if err != nil {
		return err
	}
	return b.end()
}

// fieldsRequest is the body of PUT /anonymization_fields. reset says which settings go back to their default.
type fieldsRequest struct {
	fields []assistant.FieldSetting
	reset  []bool
}

func (r *fieldsRequest) bind(_ *Server, c *gin.Context) error {
	b := newBody(c.Request.Body, "field")
	seen := map[string]int{}
	return b.array(maxFields, func() error {
		f, reset, err := b.fieldSetting()
		if err != nil {
			return err
		}
		if first, ok := seen[f.Field]; ok {
			return b.fault("field", "stands already at [%d]; name each field once", first)
		}
		seen[f.Field] = b.index
		r.fields, r.reset = append(r.fields, f), append(r.reset, reset)
		return nil
	})
}

func (b *body) fieldSetting() (f assistant.FieldSetting, reset bool, err error) {
	found := map[string]bool{}
	err = b.object(func(name string) (bool, error) {
		found[name] = true
		var err error
		switch name {
		case "field":
			if f.Field, err = b.text(name, maxSmall, ""); err == nil && !fieldForm.MatchString(f.Field) {
				err = b.fault(name, "%q is no name of a field", clip(f.Field, 64))
			}
		case "allowed":
			err = b.set(name, &f.Allowed)
		case "anonymized":
			err = b.set(name, &f.Anonymized)
		case "reset":
			err = b.set(name, &reset)
		default:
			return false, nil
		}
		return true, err
	})
	if err != nil {
		return f, reset, err
	}
	needed := []string{"field", "allowed", "anonymized"}
	if reset {
		needed = needed[:1]
	}
	for _, name := range needed {
		if !found[name] {
			return f, reset, b.fault(name, "is missing")
		}
	}
	return f, reset, nil
}
