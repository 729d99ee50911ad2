package run

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rulebridge/rulebridge/internal/value"
)

// maxLine is the length of a line of events in bytes.
const maxLine = 16 << 20

// ReadEvents reads events from NDJSON: an object a line, flat. _time is in seconds since 1970 or a time in ISO 8601.
// Lists are several values, null is no value, objects keep their JSON. A list of such objects is read as well, and a file
// .csv whose first line names the fields. All faults are told together, at most ten.
func ReadEvents(name string, r io.Reader, zone *time.Location) ([]Event, error) {
	if strings.HasSuffix(strings.ToLower(name), ".csv") {
		return csvEvents(name, r, zone)
	}
	in := bufio.NewReaderSize(r, 64<<10)
	if first := firstByte(in); first == '[' {
		return listedEvents(name, in, zone)
	}
	s := bufio.NewScanner(in)
	s.Buffer(make([]byte, 64<<10), maxLine)
	var events []Event
	var faults []string
	line := 1
	for ; s.Scan(); line++ {
		text := bytes.TrimSpace(s.Bytes())
		if len(text) == 0 {
			continue
		}
		e, err := ReadEvent(text, zone)
		if err != nil {
			if faults = append(faults, fmt.Sprintf("%s:%d: %v", name, line, err)); len(faults) == 10 {
				break
			}
			continue
		}
		events = append(events, e)
	}
	switch err := s.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		faults = append(faults, fmt.Sprintf("%s:%d: the line is longer than %d MiB", name, line, maxLine>>20))
	case err != nil:
		faults = append(faults, fmt.Sprintf("%s:%d: %v", name, line, err))
	}
	if len(faults) > 0 {
		return nil, fmt.Errorf("events that cannot be read:\n%s", strings.Join(faults, "\n"))
	}
	return events, nil
}

// firstByte is the first byte that is no blank, which stays to be read; blanks before it go.
func firstByte(r *bufio.Reader) byte {
	for {
		b, err := r.Peek(1)
		if err != nil {
			return 0
		}
		if b[0] != ' ' && b[0] != '\t' && b[0] != '\r' {
			return b[0]
		}
		_, _ = r.Discard(1)
	}
}

// listedEvents reads a list of objects.
func listedEvents(name string, r io.Reader, zone *time.Location) ([]Event, error) {
	d := json.NewDecoder(r)
	if _, err := d.Token(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var events []Event
	for d.More() {
		var text json.RawMessage
		if err := d.Decode(&text); err != nil {
			return nil, fmt.Errorf("%s: event %d: %w", name, len(events)+1, err)
		}
		if len(text) > maxLine {
			return nil, fmt.Errorf("%s: event %d is longer than %d MiB", name, len(events)+1, maxLine>>20)
		}
		e, err := ReadEvent(text, zone)
		if err != nil {
			return nil, fmt.Errorf("%s: event %d: %w", name, len(events)+1, err)
		}
		events = append(events, e)
	}
	if _, err := d.Token(); err != nil {
		return nil, fmt.Errorf("%s: the list is not closed: %w", name, err)
	}
	return events, nil
}

// csvEvents reads a table whose first line names the fields; an empty cell is no value.
func csvEvents(name string, r io.Reader, zone *time.Location) ([]Event, error) {
	c := csv.NewReader(r)
	c.FieldsPerRecord = -1
	names, err := c.Read()
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	names = slices.Clone(names)
	names[0] = strings.TrimPrefix(names[0], "\ufeff")
	var events []Event
	for {
		cells, err := c.Read()
		if errors.Is(err, io.EOF) {
			return events, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		line, _ := c.FieldPos(0)
		if len(cells) > len(names) {
			return nil, fmt.Errorf("%s:%d: %d cells, but %d fields are named", name, line, len(cells), len(names))
		}
		var e Event
		for i, s := range cells {
			v := value.Str(s)
			switch {
			case s == "":
				continue
			case names[i] == "_time":
				var ok bool
				if v, ok = eventTime(s, zone); !ok {
					return nil, fmt.Errorf("%s:%d: _time %q is neither seconds since 1970 nor a time such as 2026-01-02T03:04:05Z", name, line, s)
				}
			}
			e.Names, e.Values = append(e.Names, names[i]), append(e.Values, v)
		}
		events = append(events, e)
	}
}

// ReadEvent reads one event.
func ReadEvent(text []byte, zone *time.Location) (Event, error) {
	j, ok := value.ParseJSON(string(text))
	if !ok || !bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
		return Event{}, fmt.Errorf("an event is one JSON object a line")
	}
	var e Event
	for i, k := range j.Keys() {
		x := j.Elements()[i]
		v := valueOf(x)
		if k == "_time" {
			if v, ok = eventTime(x.Text(), zone); !ok {
				return Event{}, fmt.Errorf("_time %q is neither seconds since 1970 nor a time such as 2026-01-02T03:04:05Z", x.Text())
			}
		}
		e.Names, e.Values = append(e.Names, k), append(e.Values, v)
	}
	return e, nil
}

// valueOf is the value of a field of an event. In Splunk every field is text: numbers keep their digits.
func valueOf(j *value.JSON) value.Value {
	switch {
	case j.IsList():
		var v value.Value
		for _, x := range j.Elements() {
			v = append(v, valueOf(x)...)
		}
		return v
	case j.IsNull():
		return nil
	}
	s := j.Text()
	if !j.IsNumber() {
		return value.Str(s)
	}
	if strings.ContainsAny(s, "eE") {
		if n, ok := value.ParseNumber(s); ok {
			s = value.FormatNumber(n, -1)
		}
	}
	return value.Written(s)
}

func eventTime(s string, zone *time.Location) (value.Value, bool) {
	if n, ok := value.ParseNumber(s); ok {
		return value.Num(n), true
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, s, zone); err == nil {
			return value.Num(math.Round(value.Seconds(t)*1e6) / 1e6), true
		}
	}
	return nil, false
}

// WriteRow writes a row as one line of JSON: fields in the order of the columns, several values as a list, missing ones
// left out. Computed numbers and what the events hold as numbers are numbers, everything else is text.
func WriteRow(w io.Writer, columns []string, r Row) error {
	var b bytes.Buffer
	b.WriteByte('{')
	n := 0
	for _, c := range columns {
		v := r.Get(c)
		if v.Missing() {
			continue
		}
		if n > 0 {
			b.WriteByte(',')
		}
		n++
		writeText(&b, c)
		b.WriteByte(':')
		if len(v) == 1 {
			writeAtom(&b, v[0])
			continue
		}
		b.WriteByte('[')
		for i, a := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			writeAtom(&b, a)
		}
		b.WriteByte(']')
	}
	b.WriteString("}\n")
	_, err := w.Write(b.Bytes())
	return err
}

func writeAtom(b *bytes.Buffer, a value.Atom) {
	s := a.Text()
	if a.Kind() == value.Number || a.IsWritten() {
		if f, err := strconv.ParseFloat(s, 64); err == nil && !math.IsInf(f, 0) {
			b.WriteString(s)
			return
		}
	}
	writeText(b, s)
}

func writeText(b *bytes.Buffer, s string) {
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	_ = e.Encode(strings.ToValidUTF8(s, "\uFFFD")) // a text always encodes
	b.Truncate(b.Len() - 1)
}
