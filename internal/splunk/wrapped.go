package splunk

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// wrappers are the members that hold the rows of a search's export and of Splunk's REST answers.
var wrappers = []string{"results", "entry"}

// errTooLong says that a record is longer than MaxRecord.
var errTooLong = fmt.Errorf("is longer than %d MiB", MaxRecord>>20)

// guard bounds how much is read for one record.
type guard struct {
	r    io.Reader
	read int
}

// Read implements io.Reader.
func (g *guard) Read(p []byte) (int, error) {
	if g.read > MaxRecord {
		return 0, errTooLong
	}
	n, err := g.r.Read(p)
	g.read += n
	return n, err
}

// next begins a further record.
func (g *guard) next() { g.read = 0 }

// unread is why a record of a JSON text could not be read, after which the rest of the text cannot be either.
func (r Record) unread(file string, err error) *Error {
	if errors.Is(err, errTooLong) {
		return r.fault(file, "", "%v; nothing after it in this file is read", errTooLong)
	}
	return r.fault(file, "", "is no JSON: %v", err)
}

// wrapped says that an object holds rows in a list, which are then read one by one: such an object is as long as all of them.
func wrapped(br *bufio.Reader) bool {
	head, _ := br.Peek(br.Size())
	d := json.NewDecoder(bytes.NewReader(head))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return false
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return false
		}
		if name, ok := key.(string); ok && slices.Contains(wrappers, name) {
			t, err := d.Token()
			return err == nil && t == json.Delim('[')
		}
		if d.Decode(new(json.RawMessage)) != nil {
			return false
		}
	}
	return false
}

// rows yields the elements of the lists in objects that wrap rows. The first fault is the last.
func rows(file string, r io.Reader, yield func(Record, error) bool) {
	g := &guard{r: r}
	d := json.NewDecoder(g)
	item := 0
	for {
		err := eachRow(d, func(row json.RawMessage) bool {
			g.next()
			item++
			return yieldRecord(file, Record{Item: item, JSON: row}, yield)
		})
		switch {
		case errors.Is(err, errStop), errors.Is(err, io.EOF):
			return
		case err != nil:
			rec := Record{Item: item + 1}
			yield(rec, rec.unread(file, err))
			return
		}
	}
}

// yieldRecord yields a record that was read; one that is too long goes as a fault, and those after it are read.
func yieldRecord(file string, rec Record, yield func(Record, error) bool) bool {
	if len(rec.JSON) > MaxRecord {
		return yield(Record{Line: rec.Line, Item: rec.Item}, rec.fault(file, "", "%v", errTooLong))
	}
	return yield(rec, nil)
}

// errStop says that no more rows are wanted.
var errStop = errors.New("no more rows are wanted")

// eachRow reads one object. io.EOF says that there is none.
func eachRow(d *json.Decoder, take func(json.RawMessage) bool) error {
	switch t, err := d.Token(); {
	case err != nil:
		return err
	case t != json.Delim('{'):
		return errors.New("an object is expected")
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return within(err)
		}
		name, _ := key.(string)
		if !slices.Contains(wrappers, name) {
			if err := d.Decode(new(json.RawMessage)); err != nil {
				return within(err)
			}
			continue
		}
		if t, err := d.Token(); err != nil || t != json.Delim('[') {
			return errors.Join(within(err), fmt.Errorf("%s is no list", name))
		}
		for d.More() {
			var row json.RawMessage
			if err := d.Decode(&row); err != nil {
				return within(err)
			}
			if !take(row) {
				return errStop
			}
		}
		if _, err := d.Token(); err != nil {
			return within(err)
		}
	}
	_, err := d.Token()
	return within(err)
}

// within is the error of a text that ends too soon, rather than of its end.
func within(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
