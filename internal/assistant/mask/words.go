package mask

import (
	_ "embed"
	"strings"
	"sync"
	"unicode"
)

// Everyday English words: the two smallest sizes of SCOWL (see words.LICENSE) and words that alerts use as common nouns.
//
//go:embed words.txt
var wordList string

var everydayWords = sync.OnceValue(func() map[string]bool {
	words := make(map[string]bool, 12_000)
	for w := range strings.Lines(wordList) {
		words[strings.TrimSpace(w)] = true
	}
	return words
})

// Everyday reports whether a value, without regard to case, is an everyday English word.
func Everyday(value string) bool { return everydayWords()[Fold(value)] }

// Ambiguous reports whether a value cannot be told from text: it has fewer than three letters and digits, is a number of
// fewer than four digits, or is an everyday word.
func Ambiguous(value string) bool {
	letters, digits := 0, 0
	for _, r := range value {
		switch {
		case unicode.IsDigit(r):
			digits++
		case unicode.In(r, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana):
			letters += 2 // a name of two characters can be told
		case unicode.In(r, unicode.L, unicode.N):
			letters++
		}
		if letters >= 30 {
			return false
		}
	}
	if letters+digits < 3 || letters == 0 && digits < 4 && digits > 0 {
		return true
	}
	return Everyday(value)
}

// named reports whether a value holds a letter or digit at all. Placeholders such as "-" name nobody.
func named(value string) bool {
	return strings.IndexFunc(value, func(r rune) bool { return unicode.In(r, unicode.L, unicode.N) }) >= 0
}
