// Package alertfile reads alert documents from files: NDJSON, an array, or the answer of a search.
package alertfile

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/rulebridge/rulebridge/internal/assistant"
)

// MaxDocument is the longest document, in bytes.
const MaxDocument = 16 << 20

// Error names the place of a document that could not be read. The others are read all the same, unless Last.
type Error struct {
	// Name is the file's; Line counts from 1 in NDJSON, Item from 1 in an array. The other one is 0.
	Name       string
	Line, Item int
	// Last: nothing can be read after this place.
	Last bool
	Err  error
}

func (e *Error) Error() string {
	place := fmt.Sprintf("%s:%d", e.Name, e.Line)
	if e.Item > 0 {
		place = fmt.Sprintf("%s: item %d", e.Name, e.Item)
	}
	if e.Last {
		return fmt.Sprintf("%s: %v; what follows was not read", place, e.Err)
	}
	return fmt.Sprintf("%s: %v", place, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// Read returns the alerts of a file in order. check, which may be nil, refuses documents for a reason of the caller's. Each document has its _id in it, or is a hit of a search with _id, _index
// and _source. A document without _id takes kibana.alert.uuid. Errors are *Error and do not end the reading; the first one of
// the file itself does.
func Read(name string, r io.Reader, check func(assistant.Alert) error) iter.Seq2[assistant.Alert, error] {
	return func(yield func(assistant.Alert, error) bool) {
		in := bufio.NewReaderSize(r, 64<<10)
		first, err := skipSpace(in)
		switch {
		case errors.Is(err, io.EOF):
			return
		case err != nil:
			yield(assistant.Alert{}, fmt.Errorf("read %s: %w", name, err))
		case first == '[':
			readArray(name, in, check, yield)
		default:
			readLines(name, in, check, yield)
		}
	}
}

// skipSpace returns the first character that is none, without taking it, and leaves out a byte order mark.
func skipSpace(in *bufio.Reader) (byte, error) {
	if mark, err := in.Peek(3); err == nil && string(mark) == "\uFEFF" {
		_, _ = in.Discard(3) // it was just seen
	}
	// Lines before the first document count, so only one that is not empty ends the search.
	next, err := in.Peek(1)
	for n := 1; err == nil && strings.ContainsRune(" \t\r\n", rune(next[n-1])); n++ {
		next, err = in.Peek(n + 1)
	}
	if err != nil {
		return 0, err
	}
	return next[len(next)-1], nil
}

func readArray(name string, in *bufio.Reader, check func(assistant.Alert) error, yield func(assistant.Alert, error) bool) {
	decoder := json.NewDecoder(in)
	if _, err := decoder.Token(); err != nil {
		yield(assistant.Alert{}, &Error{Name: name, Item: 1, Last: true, Err: err})
		return
	}
	item := 0
	for decoder.More() {
		item++
		var raw json.RawMessage
		if err := decoder.Decode(&raw); err != nil {
			yield(assistant.Alert{}, &Error{Name: name, Item: item, Last: true, Err: plain(err)})
			return
		}
		alert, err := parse(raw, check)
		if err != nil {
			err = &Error{Name: name, Item: item, Err: err}
		}
		if !yield(alert, err) {
			return
		}
	}
	if _, err := decoder.Token(); err != nil {
		yield(assistant.Alert{}, &Error{Name: name, Item: item + 1, Last: true, Err: plain(err)})
	}
}

func readLines(name string, in *bufio.Reader, check func(assistant.Alert) error, yield func(assistant.Alert, error) bool) {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 0, 64<<10), MaxDocument)
	n := 0
	for lines.Scan() {
		n++
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		alert, err := parse(line, check)
		if err != nil {
			err = &Error{Name: name, Line: n, Err: err}
		}
		if !yield(alert, err) {
			return
		}
	}
	if err := lines.Err(); err != nil {
		if errors.Is(err, bufio.ErrTooLong) {
			err = fmt.Errorf("the line is longer than %d MiB", MaxDocument>>20)
		}
		yield(assistant.Alert{}, &Error{Name: name, Line: n + 1, Last: true, Err: err})
	}
}

// plain says in words what a decoder means.
func plain(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return errors.New("the file ends within a document")
	}
	return err
}

func parse(document []byte, check func(assistant.Alert) error) (assistant.Alert, error) {
	alert, err := Parse(document)
	if err == nil && check != nil {
		err = check(alert)
	}
	return alert, err
}

// Parse reads one document.
func Parse(document []byte) (assistant.Alert, error) {
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.UseNumber()
	var source map[string]any
	if err := decoder.Decode(&source); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) {
			return assistant.Alert{}, fmt.Errorf("an alert is a JSON object, not a %s", wrong.Value)
		}
		return assistant.Alert{}, fmt.Errorf("the document is no JSON: %w", plain(err))
	}
	if source == nil {
		return assistant.Alert{}, errors.New("an alert is a JSON object, not null")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return assistant.Alert{}, errors.New("something follows the JSON object")
	}
	alert := assistant.Alert{Source: source}
	alert.ID, _ = source["_id"].(string)
	alert.Index, _ = source["_index"].(string)
	if inner, ok := source["_source"].(map[string]any); ok {
		alert.Source = inner
	}
	for _, name := range []string{"_id", "_index", "_score", "_version", "_seq_no", "_primary_term", "sort"} {
		if name != "sort" || alert.Index != "" {
			delete(alert.Source, name)
		}
	}
	if alert.ID == "" {
		alert.ID = uuid(alert.Source)
	}
	if alert.ID == "" {
		return assistant.Alert{}, errors.New("the document has neither _id nor kibana.alert.uuid")
	}
	if len(alert.ID) > 512 {
		return assistant.Alert{}, fmt.Errorf("the _id has %d bytes, at most 512 are allowed", len(alert.ID))
	}
	return alert, nil
}

// uuid is kibana.alert.uuid, with dots or nested.
func uuid(source map[string]any) string {
	if id, ok := source["kibana.alert.uuid"].(string); ok {
		return id
	}
	kibana, _ := source["kibana"].(map[string]any)
	alert, _ := kibana["alert"].(map[string]any)
	id, _ := alert["uuid"].(string)
	return id
}
