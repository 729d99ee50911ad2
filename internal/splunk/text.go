package splunk

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// decodeText is a file's text in UTF-8: UTF-8 with or without a mark, UTF-16 with a mark, and Latin-1 for what is neither.
func decodeText(b []byte) string {
	switch {
	case bytes.HasPrefix(b, []byte("\xef\xbb\xbf")):
		b = b[3:]
	case bytes.HasPrefix(b, []byte("\xff\xfe")):
		return decode16(b[2:], 0, 1)
	case bytes.HasPrefix(b, []byte("\xfe\xff")):
		return decode16(b[2:], 1, 0)
	}
	if utf8.Valid(b) {
		return string(b)
	}
	return latin1(b)
}

func decode16(b []byte, low, high int) string {
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = uint16(b[2*i+low]) | uint16(b[2*i+high])<<8
	}
	return string(utf16.Decode(units))
}

// decoded reads a file in UTF-8, whatever it is written in. Without a mark, lines that are no UTF-8 are Latin-1. What is
// longer than limit is an error.
func decoded(r io.Reader, limit int64) io.Reader {
	br := bufio.NewReaderSize(&capped{r: r, left: limit, limit: limit}, 64<<10)
	head, _ := br.Peek(3)
	switch {
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		return transform.NewReader(br, unicode.UTF16(unicode.BigEndian, unicode.ExpectBOM).NewDecoder())
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		_, _ = br.Discard(3)
	}
	return &lineDecoder{r: br}
}

// lineDecoder decodes line by line; a very long line in pieces that end where a character does.
type lineDecoder struct {
	r    *bufio.Reader
	rest []byte
	err  error
}

// Read implements io.Reader.
func (d *lineDecoder) Read(p []byte) (int, error) {
	for len(d.rest) == 0 {
		if d.err != nil {
			return 0, d.err
		}
		line, err := d.r.ReadSlice('\n')
		if !errors.Is(err, bufio.ErrBufferFull) {
			d.err = err
		}
		d.rest = line
		if !utf8.Valid(line) {
			if cut := wholeRunes(line); errors.Is(err, bufio.ErrBufferFull) && utf8.Valid(line[:cut]) {
				// The buffer ended within a character: its first bytes come with what follows.
				d.rest = append(bytes.Clone(line[:cut]), d.complete(line[cut:])...)
				break
			}
			d.rest = []byte(latin1(line))
		}
	}
	n := copy(p, d.rest)
	d.rest = d.rest[n:]
	return n, nil
}

// complete reads the further bytes of a character that has begun.
func (d *lineDecoder) complete(begun []byte) []byte {
	out := bytes.Clone(begun)
	for !utf8.FullRune(out) {
		b, err := d.r.ReadByte()
		if err != nil {
			d.err = err
			break
		}
		out = append(out, b)
	}
	if utf8.Valid(out) {
		return out
	}
	return []byte(latin1(out))
}

// wholeRunes is the length without a character that has only begun at the end.
func wholeRunes(b []byte) int {
	for i := len(b) - 1; i >= 0 && i >= len(b)-utf8.UTFMax; i-- {
		if utf8.RuneStart(b[i]) {
			if !utf8.FullRune(b[i:]) {
				return i
			}
			break
		}
	}
	return len(b)
}

func latin1(b []byte) string {
	runes := make([]rune, len(b))
	for i, c := range b {
		runes[i] = rune(c)
	}
	return string(runes)
}

// capped fails when more is read than allowed.
type capped struct {
	r           io.Reader
	left, limit int64
}

// Read implements io.Reader.
func (c *capped) Read(p []byte) (int, error) {
	if c.left <= 0 {
		var one [1]byte
		if n, err := c.r.Read(one[:]); n == 0 {
			return 0, err
		}
		return 0, fmt.Errorf("it is longer than %d MiB", c.limit>>20)
	}
	n, err := c.r.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	return n, err
}
