// Package splunk reads what users have on disk: rules as JSON arrays or NDJSON, macros and lookups as NDJSON.
package splunk

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// MaxRecord is the longest rule, macro or lookup that is read, in bytes of JSON.
const MaxRecord = 64 << 20

// Error is a fault in one record of a file.
type Error struct {
	File string // as given by the caller
	// Line counts lines of an NDJSON file from 1, Item elements of a JSON array from 1; one of them is set.
	Line, Item int
	// Field is the member at fault, empty when it is the whole record.
	Field string
	Msg   string
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	switch {
	case e.Line > 0:
		fmt.Fprintf(&b, ":%d", e.Line)
	case e.Item > 0:
		fmt.Fprintf(&b, ": item %d", e.Item)
	}
	if e.Field != "" {
		fmt.Fprintf(&b, ": %s", e.Field)
	}
	return b.String() + ": " + e.Msg
}

// Record is one JSON value of a file with its place.
type Record struct {
	Line, Item int
	JSON       json.RawMessage
}

func (r Record) fault(file, field, format string, args ...any) *Error {
	return &Error{File: file, Line: r.Line, Item: r.Item, Field: field, Msg: fmt.Sprintf(format, args...)}
}

// Records yields the objects of a JSON array or of an NDJSON file, told apart by the first character. Only one record is
// held in memory. In NDJSON a bad line is yielded as an error and reading goes on; in an array the first error is the last.
func Records(file string, r io.Reader) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		br := bufio.NewReaderSize(r, 64<<10)
		first, skipped, err := firstByte(br)
		switch {
		case errors.Is(err, io.EOF):
			return
		case err != nil:
			yield(Record{}, fmt.Errorf("read %s: %w", file, err))
		case first == '[':
			array(file, br, yield)
		case first == '{' && wrapped(br):
			rows(file, br, yield)
		case printed(br):
			values(file, br, yield)
		default:
			lines(file, br, skipped, yield)
		}
	}
}

// firstByte skips a byte order mark and white space, counting lines, and leaves the first other byte unread.
func firstByte(br *bufio.Reader) (b byte, newlines int, err error) {
	if mark, err := br.Peek(3); err == nil && bytes.Equal(mark, []byte("\xef\xbb\xbf")) {
		_, _ = br.Discard(3)
	}
	for {
		b, err := br.ReadByte()
		if err != nil {
			return 0, newlines, err
		}
		switch b {
		case '\n':
			newlines++
		case ' ', '\t', '\r':
		default:
			return b, newlines, br.UnreadByte()
		}
	}
}

// printed says that an object is spread over several lines: its first line ends within it, and the next begins no other.
func printed(br *bufio.Reader) bool {
	const enough = 4096
	head, _ := br.Peek(enough)
	line, rest, more := bytes.Cut(head, []byte("\n"))
	line, rest = bytes.TrimSpace(line), bytes.TrimSpace(rest)
	if !more || len(line) == 0 || line[0] != '{' || json.Valid(line) {
		return false
	}
	return bytes.ContainsAny(line[len(line)-1:], "{[,") || len(rest) > 0 && rest[0] != '{'
}

// values yields objects that follow one another, each over any number of lines. The first fault is the last.
func values(file string, r io.Reader, yield func(Record, error) bool) {
	g := &guard{r: r}
	d := json.NewDecoder(g)
	for item := 1; ; item++ {
		g.next()
		rec := Record{Item: item}
		err := d.Decode(&rec.JSON)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			yield(rec, rec.unread(file, err))
			return
		}
		if !yieldRecord(file, rec, yield) {
			return
		}
	}
}

func array(file string, r io.Reader, yield func(Record, error) bool) {
	g := &guard{r: r}
	d := json.NewDecoder(g)
	if _, err := d.Token(); err != nil {
		yield(Record{}, &Error{File: file, Msg: "is no JSON array: " + err.Error()})
		return
	}
	item := 0
	for d.More() {
		item++
		g.next()
		rec := Record{Item: item}
		if err := d.Decode(&rec.JSON); err != nil {
			yield(rec, rec.unread(file, err))
			return
		}
		g.next() // what is read ahead from here on is no part of it
		if !yieldRecord(file, rec, yield) {
			return
		}
	}
	if _, err := d.Token(); err != nil {
		yield(Record{}, &Error{File: file, Item: item + 1, Msg: "the array does not end: " + err.Error()})
		return
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		yield(Record{}, &Error{File: file, Msg: "something follows the array; give one array, or one object a line"})
	}
}

// forms are what import reads, for someone who gave something else.
const forms = ".conf files, btool output, exports of saved searches as JSON or CSV, detections as YAML, and .tgz or .spl archives of them"

func lines(file string, br *bufio.Reader, skipped int, yield func(Record, error) bool) {
	for n := skipped + 1; ; n++ {
		line, tooLong, err := readLine(br)
		rec := Record{Line: n}
		switch {
		case tooLong:
			if !yield(rec, rec.fault(file, "", "is longer than %d MiB", MaxRecord>>20)) {
				return
			}
		case len(bytes.TrimSpace(line)) > 0:
			rec.JSON = line
			var fault error
			if !json.Valid(line) {
				fault = rec.fault(file, "", "is no JSON object: %v", json.Unmarshal(line, new(any)))
				if n == skipped+1 && !bytes.HasPrefix(bytes.TrimSpace(line), []byte("{")) {
					fault = rec.fault(file, "", "is no JSON object, and the file is none of the forms that import reads: %s", forms)
				}
			}
			if !yield(rec, fault) {
				return
			}
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				yield(Record{}, fmt.Errorf("read %s: %w", file, err))
			}
			return
		}
	}
}

// readLine reads up to a line feed; what is too long is skipped, not held.
func readLine(br *bufio.Reader) (line []byte, tooLong bool, err error) {
	for {
		part, err := br.ReadSlice('\n')
		if len(line)+len(part) > MaxRecord {
			line, tooLong = nil, true
		}
		if !tooLong {
			line = append(line, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, tooLong, err
		}
	}
}

// Rule is a rule as found on disk; RiskScore is a number in any form.
type Rule struct {
	migration.OriginalRule
	RiskScore Number `json:"risk_score"`
	// FieldTypes are Elasticsearch types of fields, for the identity schema.
	FieldTypes map[string]string `json:"field_types,omitempty"`
}

// ParseRule reads one rule. Vendor, language and title are filled in when missing; id and query must be there.
func ParseRule(file string, rec Record) (Rule, error) {
	var r Rule
	if fault := decode(file, rec, &r); fault != nil {
		return r, fault
	}
	switch {
	case strings.TrimSpace(r.ID) == "":
		return r, rec.fault(file, "id", "is missing or empty; every rule needs an id of its own")
	case strings.TrimSpace(r.Query) == "":
		return r, rec.fault(file, "query", "is missing or empty (rule %s)", r.ID)
	case r.Vendor != "" && r.Vendor != "splunk":
		return r, rec.fault(file, "vendor", "%q is not supported, only splunk is (rule %s)", r.Vendor, r.ID)
	case r.QueryLanguage != "" && r.QueryLanguage != "spl":
		return r, rec.fault(file, "query_language", "%q is not supported, only spl is (rule %s)", r.QueryLanguage, r.ID)
	}
	r.Vendor, r.QueryLanguage = "splunk", "spl"
	if r.Title == "" {
		r.Title = r.ID
	}
	if r.MitreAttackIDs == nil {
		r.MitreAttackIDs = []string{}
	}
	r.OriginalRule.RiskScore = r.RiskScore.Int()
	return r, nil
}

// Rules yields the rules of a file. A faulty one is yielded as an *Error; NDJSON goes on after it.
func Rules(file string, r io.Reader) iter.Seq2[Rule, error] {
	return func(yield func(Rule, error) bool) {
		for rec, err := range Records(file, r) {
			var rule Rule
			if err == nil {
				rule, err = ParseRule(file, rec)
			}
			if !yield(rule, err) {
				return
			}
		}
	}
}

// decode reads the record into v; its error is an *Error that names the member.
func decode(file string, rec Record, v any) error {
	if !utf8.Valid(rec.JSON) {
		return rec.fault(file, "", "is not valid UTF-8")
	}
	err := json.Unmarshal(rec.JSON, v)
	var typeErr *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &typeErr) && typeErr.Field != "":
		// The decoder puts the embedded struct's name in front.
		return rec.fault(file, strings.TrimPrefix(typeErr.Field, "OriginalRule."), "holds a %s where a %s belongs", typeErr.Value, typeErr.Type)
	case errors.As(err, &typeErr):
		return rec.fault(file, "", "is %s where an object belongs", withArticle(typeErr.Value))
	}
	return rec.fault(file, "", "%v", err)
}

func withArticle(kind string) string {
	if strings.ContainsAny(kind[:1], "aeiou") {
		return "an " + kind
	}
	return "a " + kind
}

// Number reads a JSON number, a number in quotes, or null.
type Number struct {
	Set   bool
	Value float64
}

// UnmarshalJSON implements json.Unmarshaler.
func (n *Number) UnmarshalJSON(b []byte) error {
	text := strings.Trim(string(b), `"`)
	if text == "null" || text == "" {
		return nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return fmt.Errorf("%s is no number", b)
	}
	*n = Number{Set: true, Value: f}
	return nil
}

// Int is the number rounded, nil when there is none.
func (n Number) Int() *int {
	if !n.Set {
		return nil
	}
	i := int(math.Round(min(max(n.Value, math.MinInt32), math.MaxInt32)))
	return &i
}
