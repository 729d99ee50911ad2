package splunk

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
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
	runes := make([]rune, len(b))
	for i, c := range b {
		runes[i] = rune(c)
	}
	return string(runes)
}

func decode16(b []byte, low, high int) string {
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = uint16(b[2*i+low]) | uint16(b[2*i+high])<<8
	}
	return string(utf16.Decode(units))
}
