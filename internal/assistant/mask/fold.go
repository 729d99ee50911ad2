package mask

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// folded is a text without what does not tell values apart: case, accents, compatibility forms, kinds of dashes and
// apostrophes, and invisible characters.
// at[i] is the offset in the original of the rune that byte i comes from; nil for an ASCII text, where the two are equal.
type folded struct {
	bytes []byte
	at    []int32
}

// lower folds ASCII bytes.
var lower = func() (t [256]byte) {
	for i := range t {
		t[i] = byte(i)
		if i >= 'A' && i <= 'Z' {
			t[i] = byte(i) + 'a' - 'A'
		}
	}
	return t
}()

// folding is lower with the kinds of blanks made one, as a name of two words may be written over two lines, and with
// control characters, which nobody sees, made 0.
var folding = func() (t [256]byte) {
	t = lower
	for c := range byte(' ') {
		t[c] = 0
	}
	for _, c := range "\t\n\v\f\r" {
		t[c] = ' '
	}
	t[0x7f] = 0
	return t
}()

// fold reuses the buffers of f.
func (f *folded) fold(text string) {
	if cap(f.bytes) < len(text) {
		f.bytes = make([]byte, 0, len(text)+len(text)/4)
	}
	to := f.bytes[:len(text)]
	i := 0
	before := byte(0)
	for i < len(text) {
		c := folding[text[i]]
		if c >= utf8.RuneSelf || c == 0 || c == ' ' && before == ' ' {
			break
		}
		to[i] = c
		before = c
		i++
	}
	f.bytes, f.at = to[:i], f.at[:0]
	blank := before == ' ' // the byte before is one
	if i == len(text) {
		f.at = nil
		return
	}
	for j := range i {
		f.at = append(f.at, int32(j))
	}
	for i < len(text) {
		size, was := 1, len(f.bytes)
		if c := text[i]; c < utf8.RuneSelf {
			if c = folding[c]; c != 0 {
				f.bytes = append(f.bytes, c)
			}
		} else {
			var r rune
			if r, size = utf8.DecodeRuneInString(text[i:]); r == utf8.RuneError && size == 1 {
				f.bytes = append(f.bytes, text[i])
			} else {
				f.bytes = foldRune(f.bytes, r)
			}
		}
		if len(f.bytes) == was+1 && f.bytes[was] == ' ' {
			if blank {
				f.bytes = f.bytes[:was]
			}
			blank = true
		} else if len(f.bytes) > was {
			blank = false
		}
		for range len(f.bytes) - was {
			f.at = append(f.at, int32(i))
		}
		i += size
	}
}

func (f *folded) offset(i int) int {
	if f.at == nil {
		return i
	}
	return int(f.at[i])
}

// foldRune appends a rune that is not ASCII in its folded form, which may be empty.
func foldRune(to []byte, r rune) []byte {
	var in [utf8.UTFMax]byte
	n := utf8.EncodeRune(in[:], r)
	var buf [32]byte
	for _, d := range string(norm.NFKD.Append(buf[:0], in[:n]...)) {
		switch {
		case d == '\u2028' || d == '\u2029' || d == '\u0085':
			to = append(to, ' ')
			continue
		case unicode.In(d, unicode.Mn, unicode.Cf, unicode.Cc):
			continue
		case d == '\u3002': // a dot between the labels of a domain, as browsers take it
			to = append(to, '.')
			continue
		case unicode.Is(unicode.Pd, d), d == '\u2212': // the minus sign is drawn as a dash
			to = append(to, '-')
			continue
		case d == '\u115f' || d == '\u1160' || d == '\u3164' || d == '\uffa0' || d == '\u2800': // letters that are drawn as nothing
			continue
		case d == '\u2018' || d == '\u2019' || d == '\u02bc':
			to = append(to, '\'')
			continue
		}
		// The least rune of the orbit stands for all spellings: ſ and S, K (Kelvin) and k.
		least := d
		for o := unicode.SimpleFold(d); o != d; o = unicode.SimpleFold(o) {
			least = min(least, o)
		}
		if least < utf8.RuneSelf {
			to = append(to, lower[byte(least)])
			continue
		}
		plain := unicode.ToLower(least)
		if two, ok := inTwo[plain]; ok {
			to = append(to, two...)
			continue
		}
		if latin, ok := alike[plain]; ok {
			to = append(to, latin)
			continue
		}
		to = utf8.AppendRune(to, plain)
	}
	return to
}

// alike are letters of other alphabets, folded, that are drawn as one of the Latin alphabet (Unicode TR 39).
var alike = map[rune]byte{
	'а': 'a', 'с': 'c', 'ԁ': 'd', 'е': 'e', 'һ': 'h', 'і': 'i', 'ј': 'j', 'ӏ': 'l', 'о': 'o', 'р': 'p', 'ԛ': 'q', 'ѕ': 's', 'ԝ': 'w', 'х': 'x', 'у': 'y',
	'м': 'm', 'т': 't', 'к': 'k', 'в': 'b', 'н': 'h', 'ѵ': 'v',
	'α': 'a', 'ο': 'o', 'ν': 'v', 'ρ': 'p', 'τ': 't', 'υ': 'u', 'κ': 'k', 'ι': 'i', 'χ': 'x', 'ϳ': 'j', 'β': 'b', 'ε': 'e', 'η': 'h', 'μ': 'm', 'ζ': 'z', 'γ': 'y',
	'ı': 'i', 'ɑ': 'a', 'ɡ': 'g', 'ɩ': 'i', 'ʋ': 'v',
	// Letters with a stroke, which are written without where a keyboard has none.
	'ø': 'o', 'ł': 'l', 'đ': 'd', 'ð': 'd', 'ħ': 'h', 'ŧ': 't',
}

// inTwo are letters that are two where they are written in capitals, or where a keyboard has none.
var inTwo = map[rune]string{'ß': "ss", 'æ': "ae", 'œ': "oe", 'þ': "th"}

// Fold is the form in which spellings of one value are the same.
func Fold(text string) string {
	var f folded
	f.fold(text)
	return string(f.bytes)
}

// class says how a rune takes part in words.
type class byte

const (
	other   class = iota
	spaced        // letters, digits and marks of scripts that put something between words
	running       // letters of scripts that do not
)

func classOf(r rune) class {
	switch {
	case r < utf8.RuneSelf:
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return spaced
		}
		return other
	case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar):
		return running
	case unicode.In(r, unicode.L, unicode.N, unicode.M):
		return spaced
	}
	return other
}

// wordStart reports whether a whole value can begin at offset i.
func wordStart(text string, i int) bool {
	if i == 0 || i >= len(text) {
		return true
	}
	before, size := utf8.DecodeLastRuneInString(text[:i])
	// A mark belongs to the letter before it; without one it is no part of a word.
	for at := i - size; unicode.Is(unicode.Mn, before); at -= size {
		if before, size = utf8.DecodeLastRuneInString(text[:at]); at == 0 {
			return true
		}
	}
	if classOf(before) != spaced {
		return true
	}
	after, _ := utf8.DecodeRuneInString(text[i:])
	return classOf(after) != spaced
}

// wordEnd reports whether a whole value can end at offset i.
func wordEnd(text string, i int) bool {
	if i <= 0 || i >= len(text) {
		return true
	}
	after, _ := utf8.DecodeRuneInString(text[i:])
	if classOf(after) != spaced {
		return true
	}
	before, _ := utf8.DecodeLastRuneInString(text[:i])
	return classOf(before) != spaced
}

// asciiWord says which bytes are ASCII letters and digits.
var asciiWord = func() (t [256]bool) {
	for c := range byte(utf8.RuneSelf) {
		t[c] = letter(c) || digit(c)
	}
	return t
}()

func hex(c byte) bool { return digit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' }

func digit(c byte) bool { return c >= '0' && c <= '9' }

func letter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// wordByte is a byte of a word, or of a rune beyond ASCII.
func wordByte(c byte) bool { return letter(c) || digit(c) || c >= utf8.RuneSelf }
