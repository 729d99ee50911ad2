package mask

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	hexcode "encoding/hex"
	"io"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	// leastBlob is the shortest run of characters that is decoded.
	leastBlob = 4
	// lineOfBlob is the shortest line of a run that goes on in the next line.
	lineOfBlob = 48
	// maxInflated bounds what the compressed blobs of one text may become, in bytes.
	maxInflated = 1 << 20
)

// blobBytes are the characters of Base64 in both alphabets, and of hexadecimal digits.
var blobBytes = func() (t [256]bool) {
	for c := range 256 {
		t[c] = letter(byte(c)) || digit(byte(c)) || strings.IndexByte("+/-_", byte(c)) >= 0
	}
	return t
}()

// sextet is the value of a character of Base64; 255 for others.
var sextet = func() (t [256]byte) {
	for i := range t {
		t[i] = 255
	}
	for i, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
		t[c] = byte(i)
	}
	t['-'], t['_'] = 62, 63
	return t
}()

// blobs calls found with each part of a text that is the Base64 or hexadecimal form of another text, and that text. When
// inflated runs out, what may be compressed is found with known false.
func blobs(text string, inflated *int, found func(start, end int, inner string, known bool)) {
	for i := 0; i < len(text); {
		if !blobBytes[text[i]] {
			i++
			continue
		}
		start := i
		line := i
		signs := false
		for i < len(text) {
			if blobBytes[text[i]] {
				signs = signs || !wordByte(text[i])
				i++
				continue
			}
			// Long blobs are written over several lines.
			next := i
			for next < len(text) && next-i < 2 && (text[next] == '\r' || text[next] == '\n') {
				next++
			}
			if next == i || i-line < lineOfBlob || next == len(text) || !blobBytes[text[next]] {
				break
			}
			i, line, signs = next, next, true
		}
		end := i
		if end-start < leastBlob {
			continue
		}
		padded := end
		for padded < len(text) && padded-end < 2 && text[padded] == '=' {
			padded++
		}
		run := text[start:end]
		blob(run, inflated, func(inner string, known bool) { found(start, padded, inner, known) })
		if signs {
			// The signs may stand between a blob and what is no part of it.
			part := start
			for at := start; at <= end; at++ {
				if at < end && strings.IndexByte("/-_+\r\n", text[at]) < 0 {
					continue
				}
				if at-part >= leastBlob {
					to := at
					if at == end {
						to = padded
					}
					blob(text[part:at], inflated, func(inner string, known bool) { found(part, to, inner, known) })
				}
				part = at + 1
			}
		}
		i = padded
	}
}

// blob decodes one run in each way that gives a text.
func blob(run string, inflated *int, found func(inner string, known bool)) {
	if len(run)%4 != 1 && mayBeText(run) {
		var small [96]byte
		if raw, ok := unbase64(small[:0], run); ok {
			texts(raw, inflated, found)
		}
	}
	digits := run
	if len(run) > 2 && run[0] == '0' && lower[run[1]] == 'x' {
		digits = run[2:]
	}
	if len(digits)%2 == 0 && hexByteIsText(digits) && allHex(digits) {
		if raw, err := hexcode.DecodeString(digits); err == nil {
			texts(raw, inflated, found)
		}
	}
}

// mayBeText looks at the first characters of a run of Base64: most words of a text are no Base64 of a text.
func mayBeText(run string) bool {
	a, b, c, d := sextet[run[0]], sextet[run[1]], sextet[run[2]], sextet[run[3]]
	if a|b|c|d > 63 {
		return false
	}
	first, second, third := a<<2|b>>4, b<<4|c>>2, c<<6|d
	switch {
	case plainByte(first) && plainByte(second) && plainByte(third) && mayBeUTF8(first, second, third):
		return true
	case second <= 0x06 || second == 0x20 || second == 0x30: // UTF-16: the upper bytes of alphabets, signs and kana
		return true
	case len(run) >= 16 && (first == 0x1f || first == 'x'): // compressed
		return true
	}
	return len(run) >= 8 && varied(run)
}

// mayBeUTF8 reports whether a text in UTF-8 may begin with three bytes.
func mayBeUTF8(first, second, third byte) bool {
	lead := func(c byte) bool { return c >= 0xc2 && c <= 0xf4 }
	follows := func(c byte) bool { return c&0xc0 == 0x80 }
	switch {
	case first >= utf8.RuneSelf:
		return lead(first) && follows(second)
	case second >= utf8.RuneSelf:
		return lead(second) && follows(third)
	}
	return third < utf8.RuneSelf || lead(third)
}

// varied reports whether a run has capitals, small letters, and digits or signs, as most runs of Base64 do.
func varied(run string) bool {
	var capital, small, rest bool
	for i := range len(run) {
		switch c := run[i]; {
		case c >= 'A' && c <= 'Z':
			capital = true
		case c >= 'a' && c <= 'z':
			small = true
		default:
			rest = true
		}
		if capital && small && rest {
			return true
		}
	}
	return len(run) >= 40
}

func hexByteIsText(run string) bool {
	if !hex(run[0]) || !hex(run[1]) {
		return false
	}
	b, _ := hexByte(run, 0)
	return plainByte(b) || b == 0x1f
}

func allHex(run string) bool {
	for i := range len(run) {
		if !hex(run[i]) {
			return false
		}
	}
	return true
}

// plainByte is a byte of a text in UTF-8 or UTF-16.
func plainByte(c byte) bool {
	return c >= ' ' && c != 0x7f || c == '\t' || c == '\n' || c == '\r' || c == 0
}

// unbase64 appends what a run stands for.
func unbase64(raw []byte, run string) ([]byte, bool) {
	var four uint32
	n := 0
	for i := range len(run) {
		s := sextet[run[i]]
		if s > 63 {
			if run[i] == '\r' || run[i] == '\n' {
				continue
			}
			return nil, false
		}
		four = four<<6 | uint32(s)
		if n++; n == 4 {
			raw = append(raw, byte(four>>16), byte(four>>8), byte(four))
			four, n = 0, 0
		}
	}
	switch n {
	case 2:
		raw = append(raw, byte(four>>4))
	case 3:
		raw = append(raw, byte(four>>10), byte(four>>2))
	}
	return raw, true
}

// texts calls found with the texts that bytes may be: UTF-8, UTF-16 as PowerShell takes it, and either one compressed.
func texts(raw []byte, inflated *int, found func(inner string, known bool)) {
	if s, ok := asText(raw); ok {
		found(s, true)
		return
	}
	r := inflater(raw)
	if r == nil {
		return
	}
	if *inflated <= 0 {
		found("", false)
		return
	}
	plain, err := io.ReadAll(io.LimitReader(r, int64(*inflated)+1))
	if err != nil && len(plain) < 16 {
		return
	}
	if *inflated -= len(plain); *inflated <= 0 {
		found("", false)
		return
	}
	if s, ok := asText(plain); ok {
		found(s, true)
	}
}

func asText(raw []byte) (string, bool) {
	if utf8.Valid(raw) {
		strange := 0
		for _, c := range raw {
			if !plainByte(c) || c == 0 {
				strange++
			}
		}
		if strange == 0 || strange*20 < len(raw) {
			return string(raw), true
		}
	}
	if len(raw)%2 != 0 || len(raw) < 4 {
		return "", false
	}
	for _, high := range []int{1, 0} {
		low, drawn := 0, len(raw) >= 8
		for i := 0; i < len(raw); i += 2 {
			if raw[i+high] <= '0' {
				low++
			}
			if drawn {
				r := rune(raw[i+high])<<8 | rune(raw[i+1-high])
				drawn = utf16.IsSurrogate(r) || !unprintable(r)
			}
		}
		if low*8 < len(raw)*3 && !drawn { // three of four
			continue
		}
		units := make([]uint16, 0, len(raw)/2)
		for i := 0; i < len(raw); i += 2 {
			units = append(units, uint16(raw[i+high])<<8|uint16(raw[i+1-high]))
		}
		return string(utf16.Decode(units)), true
	}
	return "", false
}

func unprintable(r rune) bool {
	return r == utf8.RuneError || !unicode.IsPrint(r) && !unicode.IsSpace(r) && !unicode.Is(unicode.Cf, r)
}

func inflater(raw []byte) io.Reader {
	if len(raw) < 12 {
		return nil
	}
	switch {
	case raw[0] == 0x1f && raw[1] == 0x8b:
		if r, err := gzip.NewReader(bytes.NewReader(raw)); err == nil {
			return r
		}
	case raw[0] == 0x78 && (uint(raw[0])<<8|uint(raw[1]))%31 == 0:
		if r, err := zlib.NewReader(bytes.NewReader(raw)); err == nil {
			return r
		}
	case len(raw) >= 24:
		return flate.NewReader(bytes.NewReader(raw))
	}
	return nil
}
