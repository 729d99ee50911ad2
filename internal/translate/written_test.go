package translate

import (
	"regexp"
	"strings"
	"testing"
)

// TestWrittenAlternatives checks that alternatives come back in the order and form of their author.
func TestWrittenAlternatives(t *testing.T) {
	for _, test := range []struct{ pattern, want string }{
		{`\.(au3|a3x|exe|aut|aup)$`, `.*\.(au3|a3x|exe|aut|aup)`},
		{`^(?:powershell|pwsh|power_ise)\.exe`, `(powershell|pwsh|power_ise)\.exe.*`},
		{`a|b|c`, `(.*a.*|.*b.*|.*c.*)`},
		{`x(a|b)+y`, `.*x(a|b)+y.*`},
		{`(foo|foobar)\d{2,3}`, `.*(foo|foobar)[0-9]{2,3}.*`},
		{`^(abc|abd|)$`, `(abc|abd|())`},
		{`^abc|^abd|xyz$`, `(abc.*|abd.*|.*xyz)`},
		{`[a|b](c|d)`, `.*[ab\|](c|d).*`},
		{`\((one|only)\)`, `.*\((one|only)\).*`},
		{`(?P<n>aa|ab)`, `.*(aa|ab).*`},
		{`no alternatives`, `.*no alternatives.*`},
	} {
		re, err := parseWritten(test.pattern)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := lucene(re, false, false)
		if !ok || got != test.want {
			t.Errorf("%s: got %s, want %s", test.pattern, got, test.want)
		}
	}
}

// TestWrittenMeaning checks that an expression means the same with its alternatives as written.
func TestWrittenMeaning(t *testing.T) {
	texts := strings.Fields("a b ab abc abd x xy powershell.exe pwsh.exe AU3 au3 .aut foo foobar12 | [ ] () aa 12 -")
	texts = append(texts, "", "a b", "line\nline", "x|y")
	for _, pattern := range []string{
		`a|ab|abc`, `^(a|ab)(c|bcd)*$`, `(?i)(AU3|aut)$`, `(|a)b`, `(?:x|y|)z?`, `[|(]a|b`, `\||\(`, `(a(b|c)|ab(c|d))`, `(?i:a|B)b`,
		`^$|a`, `(?s).|x`, `(a|b|ab)+?c`, `a{1,2}|b`, `[^|]|x`, `[[:alpha:]|]y|z`,
	} {
		re, err := parseWritten(pattern)
		if err != nil {
			t.Fatal(err)
		}
		want, got := regexp.MustCompile(pattern), regexp.MustCompile(re.String())
		for _, text := range texts {
			if want.MatchString(text) != got.MatchString(text) {
				t.Errorf("%s as %s: differs on %q", pattern, re, text)
			}
		}
	}
}
