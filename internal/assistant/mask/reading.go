package mask

import (
	"html"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// view is a text as one of its readers understands it: with escapes decoded. at[i] is the offset in the original of what
// byte i comes from, and at[len(text)] is the length of the original; nil when the text is the original.
type view struct {
	text string
	at   []int32
}

// original is the part of the original text that a part of the view comes from.
func (v view) original(start, end int) (int, int) {
	if v.at == nil {
		return start, end
	}
	for end < len(v.text) && v.at[end] == v.at[end-1] {
		end++ // within what one escape stands for
	}
	return int(v.at[start]), int(v.at[end])
}

// maxLevels is how often escapes are decoded: an escape may stand for the beginning of another.
const maxLevels = 5

// readings calls seen with every way to read a text: as it is, and with its escapes decoded, again and again. Readers
// differ in what a backslash is: the first letter of an escape or a separator of a path. left is called with the parts
// of the original that still hold escapes after the last level.
func readings(text string, seen func(view), left func(start, end int)) {
	seen = withBlanks(seen)
	seen(view{text: text})
	shell := decodeAll(text, true, seen, left)
	if shell.backslash && shell.web {
		decodeAll(text, false, seen, left)
	}
}

// escapes says which kinds of escapes were decoded.
type escapes struct{ backslash, web bool }

// withBlanks reads a text with the + of forms as a blank too, and in another reading without the escapes of mails. These are
// readings of their own, as + and = are signs of Base64 as well, and = stands before values.
func withBlanks(seen func(view)) func(view) {
	return func(v view) {
		seen(v)
		if blanks := v.spaced(strings.IndexByte(v.text, '+'), func(text string, i int) int {
			if text[i] == '+' {
				return 1
			}
			return 0
		}); blanks != nil {
			seen(*blanks)
		}
		if colours := v.spaced(strings.IndexByte(v.text, escape), func(text string, i int) int {
			if text[i] == escape {
				return colour(text[i:])
			}
			return 0
		}); colours != nil {
			seen(*colours)
		}
		if i := strings.Index(v.text, "=?"); i >= 0 {
			if mail, changed := v.mailed(); changed {
				seen(mail)
			}
		}
	}
}

// spaced is a view with blanks in place of what sign finds the length of; nil when it finds nothing.
func (v view) spaced(from int, sign func(text string, i int) int) *view {
	if from < 0 {
		return nil
	}
	var blanks []byte
	for i := from; i < len(v.text); {
		n := sign(v.text, i)
		if n == 0 {
			i++
			continue
		}
		if blanks == nil {
			blanks = []byte(v.text)
		}
		for range n {
			blanks[i] = ' '
			i++
		}
	}
	if blanks == nil {
		return nil
	}
	return &view{string(blanks), v.offsets()}
}

// mailed is a view with the escapes of headers of mails decoded: =?utf-8?Q?J=C3=B6rg_Wei=C3=9F?=.
func (v view) mailed() (view, bool) {
	out, at := make([]byte, 0, len(v.text)), make([]int32, 0, len(v.text)+1)
	changed := false
	for i := 0; i < len(v.text); {
		c, n := v.text[i], 1
		if c == '=' {
			if b, size := hexByte(v.text[i:], 1); size > 0 {
				c, n, changed = b, size, true
			}
		}
		out, at = append(out, c), append(at, v.offset(i))
		i += n
	}
	return view{string(out), append(at, v.offset(len(v.text)))}, changed
}

// offsets are those of every byte in the original.
func (v view) offsets() []int32 {
	if v.at != nil {
		return v.at
	}
	at := make([]int32, len(v.text)+1)
	for i := range at {
		at[i] = int32(i)
	}
	return at
}

func decodeAll(text string, backslash bool, seen func(view), left func(start, end int)) (all escapes) {
	v := view{text: text}
	for range maxLevels {
		next, kinds := v.decode(backslash)
		if kinds == (escapes{}) {
			return all
		}
		all = escapes{all.backslash || kinds.backslash, all.web || kinds.web}
		v = next
		seen(v)
	}
	// What is left is taken word by word.
	for i := 0; i < len(v.text); {
		_, n, _ := escapeAt(v.text, i, backslash)
		if n == 0 {
			i++
			continue
		}
		start, end := i, i+n
		for start > 0 && v.text[start-1] > ' ' {
			start--
		}
		for end < len(v.text) && v.text[end] > ' ' {
			end++
		}
		left(v.original(start, end))
		i = end
	}
	return all
}

// leads are the bytes at which an escape may begin.
var leads = func() (t [256]bool) {
	for _, c := range "%\\&^`'\"xX[(\x1b" {
		t[c] = true
	}
	return t
}()

// decode decodes the escapes of a view once.
func (v view) decode(backslash bool) (view, escapes) {
	var kinds escapes
	var out []byte
	var at []int32
	done := 0
	keep := func(to int) {
		out = append(out, v.text[done:to]...)
		for ; done < to; done++ {
			at = append(at, v.offset(done))
		}
	}
	for i := 0; i < len(v.text); {
		if !leads[v.text[i]] {
			i++
			continue
		}
		stands, n, isBackslash := escapeAt(v.text, i, backslash)
		if n == 0 {
			i++
			continue
		}
		if isBackslash {
			kinds.backslash = true
		} else {
			kinds.web = true
		}
		if at == nil {
			out, at = make([]byte, 0, len(v.text)), make([]int32, 0, len(v.text)+1)
		}
		keep(i)
		out = append(out, stands...)
		for range len(stands) {
			at = append(at, v.offset(i))
		}
		i += n
		done = i
	}
	if kinds == (escapes{}) {
		return v, kinds
	}
	keep(len(v.text))
	return view{string(out), append(at, v.offset(len(v.text)))}, kinds
}

func (v view) offset(i int) int32 {
	if v.at == nil {
		return int32(i)
	}
	return v.at[i]
}

// escapeAt is what the escape at an offset stands for, and its length; 0 when there is none.
func escapeAt(text string, i int, backslash bool) (stands string, n int, isBackslash bool) {
	rest := text[i:]
	switch rest[0] {
	case '%':
		if r, n := hexRune(rest, 2, 4); n > 0 && len(rest) > 1 && lower[rest[1]] == 'u' {
			return string(r), n, false
		}
		if b, n := hexByte(rest, 1); n > 0 {
			return string([]byte{b}), n, false
		}
	case '&':
		stands, n = reference(rest)
		return stands, n, false
	case 'x', 'X':
		stands, n = punycode(text, i)
		return stands, n, false
	case '[', '(':
		stands, n = bracketed(rest)
		return stands, n, false
	}
	if !backslash {
		return "", 0, false
	}
	switch rest[0] {
	case '\\':
		stands, n = backslashed(rest)
		return stands, n, true
	case escape:
		return "", colour(rest), true
	case '^', '`':
		// cmd and PowerShell skip the sign before a letter.
		if i > 0 && i+1 < len(text) && nameByte(text[i-1]) && nameByte(text[i+1]) {
			return "", 1, true
		}
	case '\'', '"':
		// "pay""-db" and 'pay'+'-db' are one word to a shell.
		end := i + 1
		for end < len(text) && end-i < 8 && strings.IndexByte(" +", text[end]) >= 0 {
			end++
		}
		if end < len(text) && text[end] == text[i] && i > 0 && text[i-1] > ' ' && end+1 < len(text) && text[end+1] > ' ' && !strings.HasSuffix(text[i+1:end], " ") == !strings.HasPrefix(text[i+1:end], " ") &&
			(end == i+1 || strings.Contains(text[i+1:end], "+")) {
			return "", end + 1 - i, true
		}
	}
	return "", 0, false
}

func nameByte(c byte) bool { return wordByte(c) || c == '.' || c == '-' || c == '_' }

func hexByte(s string, from int) (byte, int) {
	if len(s) < from+2 || !hex(s[from]) || !hex(s[from+1]) {
		return 0, 0
	}
	b, _ := strconv.ParseUint(s[from:from+2], 16, 8) // two hex digits
	return byte(b), from + 2
}

func hexRune(s string, from, digits int) (rune, int) {
	end := from + digits
	if len(s) < end {
		return 0, 0
	}
	for i := from; i < end; i++ {
		if !hex(s[i]) {
			return 0, 0
		}
	}
	r, err := strconv.ParseUint(s[from:end], 16, 31)
	if err != nil {
		return 0, 0
	}
	return rune(r), end
}

// reference is a character reference of HTML, also one that lacks its semicolon, as browsers take it.
func reference(s string) (string, int) {
	end := 1
	for end < len(s) && end < 34 && (letter(s[end]) || digit(s[end]) || s[end] == '#' && end == 1) {
		end++
	}
	if end == 1 {
		return "", 0
	}
	if end < len(s) && s[end] == ';' {
		end++
	}
	plain := html.UnescapeString(s[:end])
	if plain == s[:end] {
		return "", 0
	}
	return plain, end
}

// backslashed is an escape as JSON, C, shells and regular expressions write it.
func backslashed(s string) (string, int) {
	if len(s) < 2 {
		return "", 0
	}
	braced := func(from int) (string, int) {
		end := strings.IndexByte(s[:min(len(s), 14)], '}')
		if end < from {
			return "", 0
		}
		r, err := strconv.ParseUint(s[from:end], 16, 31)
		if err != nil {
			return "", 0
		}
		return string(rune(r)), end + 1
	}
	switch c := s[1]; c {
	case 'n':
		return "\n", 2
	case 'r':
		return "\r", 2
	case 't', 'f', 'v', 'b', 'B', 'A', 'Q': // the last four are places in a regular expression
		return " ", 2
	case 'e', 'E':
		if len(s) > 2 && s[2] == '[' {
			return string(rune(escape)), 2
		}
	case 'u':
		if strings.HasPrefix(s, `\u{`) {
			return braced(3)
		}
		r, n := hexRune(s, 2, 4)
		if n > 0 && utf16.IsSurrogate(r) && strings.HasPrefix(s[n:], `\u`) {
			if second, m := hexRune(s[n:], 2, 4); m > 0 {
				return string(utf16.DecodeRune(r, second)), n + m
			}
		}
		return string(r), n
	case 'U':
		r, n := hexRune(s, 2, 8)
		return string(r), n
	case 'x':
		if strings.HasPrefix(s, `\x{`) {
			return braced(3)
		}
		b, n := hexByte(s, 2)
		return string([]byte{b}), n
	case '0', '1', '2', '3':
		if len(s) >= 4 && octal(s[2]) && octal(s[3]) {
			return string([]byte{(c-'0')<<6 | (s[2]-'0')<<3 | (s[3] - '0')}), 4
		}
		if c == '0' {
			return "\x00", 2
		}
	default:
		if c < utf8.RuneSelf && !letter(c) && !digit(c) {
			return s[1:2], 2
		}
	}
	return "", 0
}

// bracketed is a sign that stands in brackets so that nobody opens a link, or by itself in a regular expression: [.], (dot),
// [at].
func bracketed(s string) (string, int) {
	end := strings.IndexAny(s[:min(len(s), 5)], "])")
	if end < 2 || s[0] == '[' && s[end] != ']' || s[0] == '(' && s[end] != ')' {
		return "", 0
	}
	switch strings.ToLower(s[1:end]) {
	case ".", "dot":
		return ".", end + 1
	case "@", "at":
		return "@", end + 1
	case "-", ":", "_":
		return s[1:end], end + 1
	}
	return "", 0
}

const escape = 0x1b

// colour is the length of a control sequence of terminals, such as those for colours; 0 when there is none.
func colour(s string) int {
	if len(s) < 3 || s[1] != '[' {
		return 0
	}
	for i := 2; i < min(len(s), 24); i++ {
		switch c := s[i]; {
		case c >= '@' && c <= '~':
			return i + 1
		case c < ' ' || c > '?':
			return 0
		}
	}
	return 0
}

func octal(c byte) bool { return c >= '0' && c <= '7' }

// punycode is the label of a domain that begins at an offset, as people write it.
func punycode(text string, i int) (string, int) {
	if len(text)-i < 5 || !sameFold(text[i:i+4], "xn--") || i > 0 && wordByte(text[i-1]) {
		return "", 0
	}
	end := i + 4
	for end < len(text) && end-i < 64 && (letter(text[end]) || digit(text[end]) || text[end] == '-') {
		end++
	}
	label, err := idna.Punycode.ToUnicode(strings.ToLower(text[i:end]))
	if err != nil || label == strings.ToLower(text[i:end]) {
		return "", 0
	}
	return label, end - i
}
