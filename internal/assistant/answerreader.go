package assistant

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// answerReader takes the text of the answer out of a decision while it comes: {"action":"answer","answer":"…"}. Nothing
// else of what a model says is given out. What is not such an object gives nothing; readDecision judges it when it is whole.
type answerReader struct {
	state  readerState
	key    string
	action string
	text   strings.Builder // of the string being read, decoded
	escape string          // the part of an escape that has come
	depth  int             // of a value that is skipped
	quoted bool            // within a string of such a value
	slash  bool            // behind a backslash there
	taken  int             // how much of the answer was given out
}

type readerState byte

const (
	beforeObject readerState = iota
	beforeKey
	inKey
	beforeColon
	beforeValue
	inString
	inSkipped
	afterValue
	finished
)

// next takes a piece and returns what it adds to the answer.
func (r *answerReader) next(piece string) string {
	for i := 0; i < len(piece) && r.state != finished; i++ {
		r.byte(piece[i])
	}
	if r.key != "answer" || r.action != "answer" {
		return ""
	}
	text := r.text.String()[r.taken:]
	r.taken += len(text)
	return text
}

func (r *answerReader) byte(c byte) {
	blank := c == ' ' || c == '\t' || c == '\n' || c == '\r'
	switch r.state {
	case beforeObject:
		if c == '{' {
			r.state = beforeKey
		}
	case beforeKey, beforeColon, beforeValue, afterValue:
		if !blank {
			r.punctuation(c)
		}
	case inKey, inString:
		r.string(c)
	case inSkipped:
		r.skip(c)
	}
}

func (r *answerReader) punctuation(c byte) {
	switch {
	case r.state == beforeKey && c == '"':
		r.text.Reset()
		r.state, r.key = inKey, ""
	case r.state == beforeColon && c == ':':
		r.state = beforeValue
	case r.state == beforeValue && c == '"' && (r.key == "action" || r.key == "answer"):
		r.text.Reset()
		r.taken = 0
		r.state = inString
	case r.state == beforeValue && r.key != "action" && r.key != "answer":
		r.state, r.depth, r.quoted, r.slash = inSkipped, 0, false, false
		r.skip(c)
	case r.state == afterValue && c == ',':
		r.state = beforeKey
	default:
		r.state = finished
	}
}

// skip passes over a value that is not needed.
func (r *answerReader) skip(c byte) {
	switch {
	case r.slash:
		r.slash = false
	case r.quoted:
		r.slash, r.quoted = c == '\\', c != '"'
		if !r.quoted && r.depth == 0 {
			r.state = afterValue
		}
	case c == '"':
		r.quoted = true
	case c == '{' || c == '[':
		r.depth++
	case (c == '}' || c == ']') && r.depth > 0:
		if r.depth--; r.depth == 0 {
			r.state = afterValue
		}
	case r.depth == 0 && (c == ',' || c == '}'):
		r.state = afterValue
		r.punctuation(c)
	}
}

// string takes a byte of a key or of a text.
func (r *answerReader) string(c byte) {
	if r.escape != "" {
		r.escape += string([]byte{c})
		r.unescape()
		return
	}
	switch {
	case c == '\\':
		r.escape = `\`
	case c < ' ':
		r.state = finished
	case c != '"':
		r.text.WriteByte(c)
	case r.state == inKey:
		r.key, r.state = r.text.String(), beforeColon
		if r.key == "answer" {
			r.text.Reset()
		}
	case r.key == "action":
		r.action, r.state = r.text.String(), afterValue
		if r.action != "answer" {
			r.state = finished
		}
	default:
		// The answer is whole. One before its action is given out when the decision is whole.
		r.state = finished
	}
}

// unescape decodes an escape when it is whole.
func (r *answerReader) unescape() {
	const plain = `"\/bfnrt`
	e := r.escape
	if e[1] != 'u' {
		if i := strings.IndexByte(plain, e[1]); i >= 0 {
			r.text.WriteByte("\"\\/\b\f\n\r\t"[i])
			r.escape = ""
			return
		}
		r.state = finished
		return
	}
	if len(e) < 6 {
		return
	}
	first, err := strconv.ParseUint(e[2:6], 16, 16)
	if err != nil {
		r.state = finished
		return
	}
	if !utf16.IsSurrogate(rune(first)) {
		r.text.WriteRune(rune(first))
		r.escape = ""
		return
	}
	switch {
	case len(e) == 7 && e[6] != '\\' || len(e) == 8 && e[7] != 'u':
		r.state = finished // half a pair: readDecision judges it
	case len(e) == 12:
		second, err := strconv.ParseUint(e[8:12], 16, 16)
		if pair := utf16.DecodeRune(rune(first), rune(second)); err == nil && pair != utf8.RuneError {
			r.text.WriteRune(pair)
			r.escape = ""
			return
		}
		r.state = finished
	}
}
