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

// maxPlace is how many parts of a JSON pointer a message names: a body may be nested thousands of levels deep.
const maxPlace = 8

// place turns a JSON pointer into the form of at.
func place(p jsontext.Pointer, noun string) string {
	if p == "" {
		return "the body"
	}
	var s strings.Builder
	parts := 0
	position := ""
	for token := range p.Tokens() {
		if parts == maxPlace {
			s.WriteString("…")
			break
		}
		n, err := strconv.Atoi(token)
		switch {
		case err == nil:
			fmt.Fprintf(&s, "[%d]", n)
			if parts == 0 {
				position = fmt.Sprintf(" (%s %d)", noun, n+1)
			}
		default:
			if parts > 0 {
				s.WriteByte('.')
			}
			s.WriteString(clip(token, 64))
		}
		parts++
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
	case errors.Is(err, io.EOF):
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
