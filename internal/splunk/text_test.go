package splunk

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"
)

func TestDecoded(t *testing.T) {
	utf16le := func(s string, mark bool) string {
		var b []byte
		if mark {
			b = []byte{0xff, 0xfe}
		}
		for _, u := range utf16.Encode([]rune(s)) {
			b = append(b, byte(u), byte(u>>8))
		}
		return string(b)
	}
	long := strings.Repeat("x", 64<<10-1) + "é" + strings.Repeat("日本語", 60_000) + "\nend é\n"
	for name, tt := range map[string][2]string{
		"empty":                {"", ""},
		"UTF-8":                {"a é\n", "a é\n"},
		"UTF-8 with a mark":    {"\xef\xbb\xbfa é\n", "a é\n"},
		"UTF-16":               {utf16le("a é 😀\n", true), "a é 😀\n"},
		"UTF-16 big endian":    {"\xfe\xff\x00a\x00\n", "a\n"},
		"Latin-1":              {"caf\xe9\nplain\n", "café\nplain\n"},
		"Latin-1 and UTF-8":    {"caf\xe9\ncafé\n", "café\ncafé\n"},
		"no line feed":         {"caf\xe9", "café"},
		"a character cut off":  {"é\n\xc3", "é\nÃ"},
		"a line over a buffer": {long, long},
		"long Latin-1":         {strings.Repeat("\xe9", 100_000), strings.Repeat("é", 100_000)},
	} {
		for how, r := range map[string]io.Reader{"whole": strings.NewReader(tt[0]), "byte by byte": iotest.OneByteReader(strings.NewReader(tt[0]))} {
			got, err := io.ReadAll(decoded(r, 1<<20))
			if err != nil || string(got) != tt[1] {
				t.Errorf("%s, %s: %d bytes, %v; want %d bytes", name, how, len(got), err, len(tt[1]))
			}
		}
	}
}

func TestDecodedLimit(t *testing.T) {
	for n, want := range map[int]string{1 << 20: "", 1<<20 + 1: "longer than 1 MiB"} {
		got, err := io.ReadAll(decoded(strings.NewReader(strings.Repeat("a\n", n/2)+strings.Repeat("a", n%2)), 1<<20))
		switch {
		case want == "" && (err != nil || len(got) != n):
			t.Errorf("%d bytes: read %d, %v", n, len(got), err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%d bytes: read %d, %v", n, len(got), err)
		}
	}
	if _, err := io.ReadAll(decoded(iotest.ErrReader(io.ErrClosedPipe), 1<<20)); err == nil {
		t.Error("an error of the file got lost")
	}
}
