package api

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rulebridge/rulebridge/config"
	"github.com/rulebridge/rulebridge/internal/migration"
)

const (
	maxID           = 256 // bytes of a rule id or a resource's name
	maxSmall        = 1 << 10
	maxMitre        = 1000
	maxColumns      = 1000
	maxResourceRows = 1_000_000
)

// body decodes a request body token by token, so that a fault is found where it is and nothing needs to be held twice.
// jsontext refuses invalid UTF-8, lone surrogates and members that stand twice.
type body struct {
	dec   *jsontext.Decoder
	noun  string // what the elements of the array are: rule
	index int    // of the element being read; -1 outside
	id    string // of the element, when known
}

func newBody(r io.Reader, noun string) *body {
	return &body{dec: jsontext.NewDecoder(r), noun: noun, index: -1}
}

// at names a place: [2].query (rule 3).
func (b *body) at(field string) string {
	var s strings.Builder
	if b.index >= 0 {
		fmt.Fprintf(&s, "[%d]", b.index)
		if field != "" {
			s.WriteByte('.')
		}
	}
	s.WriteString(field)
	if b.index >= 0 {
		fmt.Fprintf(&s, " (%s %d", b.noun, b.index+1)
		if b.id != "" {
			fmt.Fprintf(&s, ", id %q", clip(b.id, 64))
		}
		s.WriteByte(')')
	}
	return s.String()
}

func (b *body) fault(field, format string, args ...any) *Error {
	where := b.at(field)
	if where == "" {
		where = "the body"
	}
	return badRequest("%s: %s", where, fmt.Sprintf(format, args...))
}

// broken explains an error of the decoder: too large, cut off, or no JSON.
func (b *body) broken(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return tooLarge
	}
	var syntax *jsontext.SyntacticError
	switch {
	case errors.As(err, &syntax):
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return badRequest("the body is no complete JSON: it ends at byte %d, within %s", syntax.ByteOffset, place(syntax.JSONPointer, b.noun))
		}
		return badRequest("the body is no valid JSON: %s at byte %d, in %s", syntax.Err, syntax.ByteOffset, place(syntax.JSONPointer, b.noun))
	case errors.Is(err, io.EOF):
		return badRequest("the body is empty; send JSON")
	}
	return badRequest("the body could not be read to its end: %s", err)
}

// place turns a JSON pointer into the form of at.
func place(p jsontext.Pointer, noun string) string {
	if p == "" {
		return "the body"
	}
	var s strings.Builder
	first := true
	position := ""
	for token := range p.Tokens() {
		n, err := strconv.Atoi(token)
		switch {
		case err == nil:
			fmt.Fprintf(&s, "[%d]", n)
			if first {
				position = fmt.Sprintf(" (%s %d)", noun, n+1)
			}
		default:
			if !first {
				s.WriteByte('.')
			}
			s.WriteString(clip(token, 64))
		}
		first = false
	}
	return s.String() + position
}

var kindNames = map[jsontext.Kind]string{'n': "null", 't': "a boolean", 'f': "a boolean", '"': "a text", '0': "a number", '{': "an object", '[': "an array"}

// expect peeks for a kind. A syntax error found on the way is reported as such.
func (b *body) expect(kind jsontext.Kind, field, want string) error {
	k := b.dec.PeekKind()
	if k == kind {
		return nil
	}
	name, ok := kindNames[k]
	if !ok { // an error: reading tells which
		if _, err := b.dec.ReadToken(); err != nil {
			return b.broken(err)
		}
		name = "the end"
	}
	return b.fault(field, "must be %s, not %s", want, name)
}

// array reads the whole body as an array of objects; element reads one. It refuses an empty one and more than most.
func (b *body) array(most int, element func() error) error {
	if err := b.expect('[', "", "an array of "+b.noun+"s"); err != nil {
		return err
	}
	if _, err := b.dec.ReadToken(); err != nil {
		return b.broken(err)
	}
	for n := 0; ; n++ {
		if b.dec.PeekKind() == ']' {
			if n == 0 {
				return b.fault("", "the array is empty; send at least one %s", b.noun)
			}
			break
		}
		b.index, b.id = n, ""
		if n >= most {
			return badRequest("the array holds more than %d %ss; send the rest in further requests", most, b.noun)
		}
		if err := b.expect('{', "", "an object"); err != nil {
			return err
		}
		if err := element(); err != nil {
			return err
		}
	}
	b.index = -1
	if _, err := b.dec.ReadToken(); err != nil {
		return b.broken(err)
	}
	return b.end()
}

// end makes sure that nothing follows.
func (b *body) end() error {
	_, err := b.dec.ReadToken()
	switch {
	case err == io.EOF:
		return nil
	case err != nil:
		return b.broken(err)
	}
	return badRequest("the body goes on after its JSON value, at byte %d; send one value", b.dec.InputOffset())
}

// object reads an object whose opening brace is next; member reads the value of one, or says false to skip it.
func (b *body) object(member func(name string) (bool, error)) error {
	if _, err := b.dec.ReadToken(); err != nil {
		return b.broken(err)
	}
	for b.dec.PeekKind() != '}' {
		t, err := b.dec.ReadToken()
		if err != nil {
			return b.broken(err)
		}
		name := t.String()
		if k := b.dec.PeekKind(); k == 0 {
			_, err := b.dec.ReadToken()
			return b.broken(err)
		}
		known, err := member(name)
		if err != nil {
			return err
		}
		if !known {
			if err := b.dec.SkipValue(); err != nil {
				return b.broken(err)
			}
		}
	}
	if _, err := b.dec.ReadToken(); err != nil {
		return b.broken(err)
	}
	return nil
}

// null consumes a null: an optional member without a value.
func (b *body) null() bool {
	if b.dec.PeekKind() != 'n' {
		return false
	}
	_, _ = b.dec.ReadToken()
	return true
}

// text reads a string of at most limit bytes, without NUL.
func (b *body) text(field string, limit int64, key string) (string, error) {
	if err := b.expect('"', field, "a text"); err != nil {
		return "", err
	}
	t, err := b.dec.ReadToken()
	if err != nil {
		return "", b.broken(err)
	}
	s := t.String()
	if i := strings.IndexByte(s, 0); i >= 0 {
		return "", b.fault(field, "holds a NUL character at offset %d; remove it", i)
	}
	if int64(len(s)) > limit {
		return "", b.fault(field, "is %d bytes long; at most %d are allowed%s", len(s), limit, key)
	}
	return s, nil
}

func (b *body) optional(field string, limit int64, key string, to *string) error {
	if b.null() {
		return nil
	}
	s, err := b.text(field, limit, key)
	*to = s
	return err
}

// number reads a number in a range.
func (b *body) number(field string, least, most float64) (float64, error) {
	if err := b.expect('0', field, "a number"); err != nil {
		return 0, err
	}
	t, err := b.dec.ReadToken()
	if err != nil {
		return 0, b.broken(err)
	}
	f, err := strconv.ParseFloat(t.String(), 64)
	if err != nil || f < least || f > most {
		return 0, b.fault(field, "%s is out of range; use %g to %g", clip(t.String(), 32), least, most)
	}
	return f, nil
}

func (b *body) integer(field string, least, most float64) (int, error) {
	f, err := b.number(field, least, most)
	if err == nil && f != math.Trunc(f) {
		err = b.fault(field, "%g is no whole number", f)
	}
	return int(f), err
}

func (b *body) boolean(field string) (bool, error) {
	if k := b.dec.PeekKind(); k != 't' && k != 'f' {
		return false, b.expect('t', field, "true or false")
	}
	t, err := b.dec.ReadToken()
	if err != nil {
		return false, b.broken(err)
	}
	return t.Bool(), nil
}

// texts reads an array of strings; null is an empty one.
func (b *body) texts(field string, most int, limit int64) ([]string, error) {
	list := []string{}
	if b.null() {
		return list, nil
	}
	err := b.list(field, most, func(at string) error {
		s, err := b.text(at, limit, "")
		list = append(list, s)
		return err
	})
	return list, err
}

func (b *body) list(field string, most int, element func(at string) error) error {
	if err := b.expect('[', field, "an array"); err != nil {
		return err
	}
	if _, err := b.dec.ReadToken(); err != nil {
		return b.broken(err)
	}
	for n := 0; b.dec.PeekKind() != ']'; n++ {
		if n >= most {
			return b.fault(field, "holds more than %d elements", most)
		}
		if err := element(fmt.Sprintf("%s[%d]", field, n)); err != nil {
			return err
		}
	}
	if _, err := b.dec.ReadToken(); err != nil {
		return b.broken(err)
	}
	return nil
}

// decodeRules reads the rules of one request. Members it does not know are ignored, as exports carry more.
func decodeRules(r io.Reader, l config.Limits) ([]migration.OriginalRule, error) {
	b := newBody(r, "rule")
	var rules []migration.OriginalRule
	seen := map[string]int{}
	err := b.array(l.Rules, func() error {
		rule, err := b.rule(l)
		if err != nil {
			return err
		}
		if first, ok := seen[rule.ID]; ok {
			return b.fault("id", "stands already at [%d] (rule %d); ids are unique within a migration", first, first+1)
		}
		seen[rule.ID] = b.index
		rules = append(rules, rule)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return rules, nil
}

func (b *body) rule(l config.Limits) (migration.OriginalRule, error) {
	r := migration.OriginalRule{MitreAttackIDs: []string{}}
	found := map[string]bool{}
	err := b.object(func(name string) (bool, error) {
		found[name] = true
		var err error
		switch name {
		case "id":
			if r.ID, err = b.text(name, maxID, ""); err == nil {
				err = b.identifier(name, r.ID)
				b.id = r.ID
			}
		case "vendor":
			r.Vendor, err = b.text(name, maxSmall, "")
		case "title":
			err = b.optional(name, int64(l.Title), " (limits.title)", &r.Title)
		case "description":
			err = b.optional(name, int64(l.Description), " (limits.description)", &r.Description)
		case "query":
			r.Query, err = b.text(name, int64(l.Query), " (limits.query)")
		case "query_language":
			r.QueryLanguage, err = b.text(name, maxSmall, "")
		case "mitre_attack_ids":
			r.MitreAttackIDs, err = b.texts(name, maxMitre, maxID)
		case "severity":
			err = b.optional(name, maxSmall, "", &r.Severity)
		case "risk_score":
			if b.null() {
				break
			}
			var f float64
			if f, err = b.number(name, 0, 100); err == nil {
				n := int(math.Round(f))
				r.RiskScore = &n
			}
		case "earliest_time":
			err = b.optional(name, maxSmall, "", &r.EarliestTime)
		case "latest_time":
			err = b.optional(name, maxSmall, "", &r.LatestTime)
		case "cron_schedule":
			err = b.optional(name, maxSmall, "", &r.Cron)
		default:
			return false, nil
		}
		return true, err
	})
	if err != nil {
		return r, err
	}
	for _, name := range []string{"id", "vendor", "query", "query_language"} {
		if !found[name] {
			return r, b.fault(name, "is missing")
		}
	}
	switch {
	case strings.TrimSpace(r.Query) == "":
		return r, b.fault("query", "is empty; send the search")
	case r.Vendor != "splunk":
		return r, b.fault("vendor", "%q is not known; use \"splunk\"", clip(r.Vendor, 64))
	case r.QueryLanguage != "spl":
		return r, b.fault("query_language", "%q is not known; use \"spl\"", clip(r.QueryLanguage, 64))
	}
	return r, nil
}

func (b *body) identifier(field, s string) error {
	if strings.TrimSpace(s) == "" {
		return b.fault(field, "is empty")
	}
	for i, r := range s {
		if r < ' ' || r == 0x7f {
			return b.fault(field, "holds a control character at offset %d; remove it", i)
		}
	}
	return nil
}

// decodeResources reads macros and lookups.
func decodeResources(r io.Reader, l config.Limits) ([]migration.Resource, error) {
	b := newBody(r, "resource")
	var list []migration.Resource
	seen := map[string]int{}
	err := b.array(l.Resources, func() error {
		x, err := b.resource(l)
		if err != nil {
			return err
		}
		key := string(x.Type) + " " + x.Name
		if first, ok := seen[key]; ok {
			return b.fault("name", "%s %q stands already at [%d]", x.Type, clip(x.Name, 64), first)
		}
		seen[key] = b.index
		list = append(list, x)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

func (b *body) resource(l config.Limits) (migration.Resource, error) {
	var x migration.Resource
	found := map[string]bool{}
	err := b.object(func(name string) (bool, error) {
		if b.null() {
			return true, nil
		}
		found[name] = true
		var err error
		switch name {
		case "type":
			var s string
			s, err = b.text(name, maxSmall, "")
			x.Type = migration.ResourceType(s)
		case "name":
			if x.Name, err = b.text(name, maxID, ""); err == nil {
				err = b.identifier(name, x.Name)
			}
		case "definition":
			x.Definition, err = b.text(name, int64(l.Query), " (limits.query)")
		case "arguments":
			x.Arguments, err = b.texts(name, maxColumns, maxSmall)
		case "iseval":
			x.IsEval, err = b.boolean(name)
		case "kind":
			x.Kind, err = b.text(name, maxSmall, "")
		case "columns":
			x.Columns, err = b.texts(name, maxColumns, maxSmall)
		case "rows":
			x.Rows, err = b.rows(name, int64(l.Query))
		case "total_rows":
			x.TotalRows, err = b.integer(name, 0, 1e12)
		case "match_type":
			x.MatchType, err = b.text(name, int64(l.Description), "")
		case "case_sensitive_match":
			var v bool
			v, err = b.boolean(name)
			x.CaseSensitiveMatch = &v
		case "max_matches":
			x.MaxMatches, err = b.integer(name, 0, 1e9)
		case "min_matches":
			x.MinMatches, err = b.integer(name, 0, 1e9)
		case "default_match":
			x.DefaultMatch, err = b.text(name, maxSmall, "")
		default:
			return false, nil
		}
		return true, err
	})
	switch {
	case err != nil:
		return x, err
	case !found["type"]:
		return x, b.fault("type", "is missing; use \"macro\" or \"lookup\"")
	case x.Type != migration.ResourceMacro && x.Type != migration.ResourceLookup:
		return x, b.fault("type", "%q is not known; use \"macro\" or \"lookup\"", clip(string(x.Type), 64))
	case !found["name"]:
		return x, b.fault("name", "is missing")
	case x.Type == migration.ResourceMacro && !found["definition"]:
		return x, b.fault("definition", "is missing; a macro needs one, if only an empty text")
	case x.Type == migration.ResourceMacro && found["rows"]:
		return x, b.fault("rows", "belongs to lookups; a macro has a definition")
	case x.Type == migration.ResourceLookup && !found["rows"]:
		return x, b.fault("rows", "is missing; a lookup needs them, if only an empty array")
	case x.Type == migration.ResourceLookup && found["definition"]:
		return x, b.fault("definition", "belongs to macros; a lookup has rows")
	}
	return x, nil
}

// rows reads lookup rows: objects whose values are texts, numbers, booleans or null (an empty text).
func (b *body) rows(field string, limit int64) ([]map[string]string, error) {
	rows := []map[string]string{}
	err := b.list(field, maxResourceRows, func(at string) error {
		if err := b.expect('{', at, "an object"); err != nil {
			return err
		}
		row := map[string]string{}
		rows = append(rows, row)
		return b.object(func(name string) (bool, error) {
			if strings.IndexByte(name, 0) >= 0 || len(name) > maxSmall {
				return true, b.fault(at, "a column's name holds a NUL character or is longer than %d bytes", maxSmall)
			}
			where := at + "." + clip(name, 64)
			switch k := b.dec.PeekKind(); k {
			case '"':
				s, err := b.text(where, limit, " (limits.query)")
				row[name] = s
				return true, err
			case 'n', 't', 'f', '0':
				t, err := b.dec.ReadToken()
				if err != nil {
					return true, b.broken(err)
				}
				row[name] = ""
				if k != 'n' {
					row[name] = t.String()
				}
				return true, nil
			}
			return true, b.expect('"', where, "a text, number or boolean")
		})
	})
	return rows, err
}

// decodeStart reads the body of a start. Members it does not know are ignored, since clients of the same API elsewhere
// send more; within settings they are refused.
func decodeStart(r io.Reader, d config.Migration) (startRequest, error) {
	b := newBody(r, "")
	req := startRequest{batch: d.Batch, pause: d.Pause}
	if err := b.expect('{', "", "an object such as {\"connectorId\": \"deterministic\"}"); err != nil {
		return req, err
	}
	err := b.object(func(name string) (bool, error) {
		var err error
		switch name {
		case "connectorId":
			req.connectorID, err = b.text(name, maxID, "")
		case "retry":
			req.retry, err = b.boolean(name)
		case "settings":
			if err = b.expect('{', name, "an object"); err == nil {
				err = b.object(func(key string) (bool, error) { return b.setting(key, &req) })
			}
		default:
			return false, nil
		}
		return true, err
	})
	if err != nil {
		return req, err
	}
	if req.connectorID == "" {
		return req, b.fault("connectorId", "is missing; name a connector, for example \"deterministic\"")
	}
	return req, b.end()
}

func (b *body) setting(key string, req *startRequest) (bool, error) {
	var err error
	field := "settings." + clip(key, 64)
	switch key {
	case "batch":
		req.batch, err = b.integer(field, 1, maxBatch)
	case "pause":
		var s string
		if s, err = b.text(field, maxSmall, ""); err == nil {
			req.pause, err = parsePause(s)
			if err != nil {
				err = b.fault(field, "%s", err)
			}
		}
	default:
		err = b.fault(field, "is not known; use batch or pause")
	}
	return true, err
}
