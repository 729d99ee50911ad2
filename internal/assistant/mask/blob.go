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

// content is what a blob stands for.
type content byte

const (
	// aText: the blob is a text in another form.
	aText content = iota
	// scraps: the blob is no text, and there are texts in it, with a line break between each two.
	scraps
	// unknown: the blob may be compressed, and too much was inflated already.
	unknown
)

// blobs calls found with each part of a text that is the Base64 or hexadecimal form of another text, or a list of the
// codes of its letters, and that text. When inflated runs out, what may be compressed is found as unknown.
func blobs(text string, inflated *int, found func(start, end int, inner string, is content)) {
	codes(text, func(start, end int, raw []byte) {
		texts(raw, inflated, func(inner string, is content) { found(start, end, inner, is) })
	})
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
		blob(run, inflated, func(inner string, is content) { found(start, padded, inner, is) })
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
					blob(text[part:at], inflated, func(inner string, is content) { found(part, to, inner, is) })
				}
				part = at + 1
			}
		}
		i = padded
	}
}

// leastShifted is the shortest run of Base64 that is decoded from its second, third and fourth character too: the letters
// before a blob, or a cut, hide where it begins.
const leastShifted = 16

// blob decodes one run in each way that gives a text.
func blob(run string, inflated *int, found func(inner string, is content)) {
	isText := false
	if len(run)%4 != 1 && mayBeText(run) {
		var small [96]byte
		if raw, ok := unbase64(small[:0], run); ok {
			isText = texts(raw, inflated, found)
		}
	}
	digits := run
	if len(run) > 2 && run[0] == '0' && lower[run[1]] == 'x' {
		digits = run[2:]
	}
	if len(digits)%2 == 0 && (hexByteIsText(digits) || len(digits) >= leastShifted) && allHex(digits) {
		if raw, err := hexcode.DecodeString(digits); err == nil {
			isText = texts(raw, inflated, found) || isText
		}
	}
	if isText || len(run) < leastShifted || !varied(run) {
		return
	}
	var small [96]byte
	for from := range 4 {
		part := run[from:]
		if len(part)%4 == 1 {
			part = part[:len(part)-1]
		}
		if raw, ok := unbase64(small[:0], part); ok {
			if s := scrapsOf(raw); s != "" {
				found(s, scraps)
			}
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

// texts calls found with the texts that bytes may be, and reports whether they are one: UTF-8, UTF-16 as PowerShell takes
// it, and either one compressed. Of bytes that are none, it is what can be read in them.
func texts(raw []byte, inflated *int, found func(inner string, is content)) bool {
	if s, sure, ok := asText(raw); ok {
		found(s, aText)
		if sure {
			return true
		}
	}
	if r := inflater(raw); r != nil {
		if *inflated <= 0 {
			found("", unknown)
			return true
		}
		plain, err := io.ReadAll(io.LimitReader(r, int64(*inflated)+1))
		if err == nil || len(plain) >= 16 {
			if *inflated -= len(plain); *inflated <= 0 {
				found("", unknown)
				return true
			}
			if s, _, ok := asText(plain); ok {
				found(s, aText)
				return true
			}
			raw = append(raw[:len(raw):len(raw)], plain...)
		}
	}
	if s := scrapsOf(raw); s != "" {
		found(s, scraps)
	}
	return false
}

// leastScrap is the shortest text within bytes that is looked at, in characters.
const leastScrap = 5

// scrapsOf are the texts within bytes that are none as a whole, such as messages of protocols: in ASCII and in UTF-16.
func scrapsOf(raw []byte) string {
	var b strings.Builder
	take := func(from, step int) {
		for i := from; i < len(raw); {
			start := i
			for i < len(raw) && raw[i] >= ' ' && raw[i] < 0x7f && (step == 1 || i+1 < len(raw) && raw[i+1] == 0) {
				i += step
			}
			if (i-start)/step >= leastScrap {
				for at := start; at < i; at += step {
					b.WriteByte(raw[at])
				}
				b.WriteByte('\n')
			}
			if i == start {
				i += step
			}
		}
	}
	take(0, 1)
	take(0, 2)
	take(1, 2)
	return b.String()
}

// asText is the text that bytes are in UTF-8 or UTF-16. sure is false for bytes that may as well be something else.
func asText(raw []byte) (text string, sure, ok bool) {
	if utf8.Valid(raw) {
		strange := 0
		for _, c := range raw {
			if !plainByte(c) || c == 0 {
				strange++
			}
		}
		if strange == 0 || strange*20 < len(raw) {
			return string(raw), true, true
		}
	}
	if len(raw)%2 != 0 || len(raw) < 4 {
		return "", false, false
	}
	for _, high := range []int{1, 0} {
		low, drawn := 0, true
		for i := 0; i < len(raw); i += 2 {
			if raw[i+high] <= '0' {
				low++
			}
			if drawn {
				r := rune(raw[i+high])<<8 | rune(raw[i+1-high])
				drawn = utf16.IsSurrogate(r) || !unprintable(r)
			}
		}
		most := low*8 >= len(raw)*3 // three of four
		if !most && (!drawn || len(raw) < 8) {
			continue
		}
		units := make([]uint16, 0, len(raw)/2)
		for i := 0; i < len(raw); i += 2 {
			units = append(units, uint16(raw[i+high])<<8|uint16(raw[i+1-high]))
		}
		return string(utf16.Decode(units)), most && drawn, true
	}
	return "", false, false
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
