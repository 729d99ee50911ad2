package mask

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	hexcode "encoding/hex"
	"fmt"
	"html"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"golang.org/x/net/idna"
)

func utf16LE(s string) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return string(b)
}

func inBase64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// TestOtherForms: a masked value does not leave in another form, and the text comes back as it was.
func TestOtherForms(t *testing.T) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte("the user jdoe was here, and here, and here"))
	_ = z.Close()
	long := strings.Repeat("echo nothing of interest; ", 9) + "net use /user:jdoe"
	wrapped := inBase64(long)
	wrapped = wrapped[:76] + "\r\n" + wrapped[76:152] + "\r\n" + wrapped[152:]
	vs := kindsOf{"jdoe": User, "PAY-DB-07": Host, "Maria Oduya": User, "Anna-Lena von Berg": User, "münchen.example": Domain, "xn--kln-sna.example": Domain, "10.20.30.40": Address}
	for _, tc := range []struct{ in, want string }{
		{"by &#106;doe, &#x6a;doe, &#106&#100oe", "by <user 1>, <user 2>, <user 3>"},
		{"&lt;jdoe&gt; Maria&nbsp;Oduya PAY&#45;DB&hyphen;07", "&lt;<user 1>&gt; <user 1> <host 1>"},
		{"by &amp;#106;doe", "by <user 1>"},
		{"%6Ado%65 PAY%2DDB%2d07 %u006adoe", "<user 1> <host 1> <user 2>"},
		{"PAY%252DDB%252D07 %25256adoe", "<host 1> <user 1>"},
		{`PAY\u002dDB\x2d07 \u{6a}doe \152doe \U0000006adoe pay\-db\-07`, `<host 1> <user 1> <user 2> <user 3> <host 2>`},
		{`PAY\\u002dDB\\x2d07`, `<host 1>`},
		{"%26%23106%3Bdoe &#37;6Adoe", "<user 1> <user 2>"},
		{"by Maria  Oduya, Maria \n\t Oduya.", "by <user 1>, <user 2>."},
		{`Maria\r\n  Oduya`, "<user 1>"},
		{"Oduya, Maria; Oduya Maria; oduya,maria; Maria.Oduya Oduya_Maria", "<user 1>; <user 1>; <user 1>; <user 1> <user 1>"},
		{"von Berg, Anna-Lena", "<user 1>"},
		{"GET %2Fhome%2Fzed%2F.ssh", "GET <path 1>"},
		{`ZCORP/zed2 ZCORP\zed2 ZCORP%5Czed2 TCP/udp and/or I/O CI/cd`, `<user 1> <user 1> <user 2> TCP/udp and/or I/O CI/cd`},
		{"su - zorro; sudo -u zorro id; su zorro", "su - <user 1>; sudo -u <user 1> id; su <user 1>"},
		{`psexec.exe \\srv -accepteula -u ZCORP\zorro -p x cmd`, `psexec.exe \\srv -accepteula -u <user 1> -p x cmd`},
		{`PsExec64 -u zorro cmd & net user zorro P4ss /add`, `PsExec64 -u <user 1> cmd & net user <user 1> P4ss /add`},
		{`net localgroup administrators zorro /add`, `net localgroup administrators <user 1> /add`},
		{`runas /user:zorro cmd | schtasks /create /ru zorro`, `runas /user:<user 1> cmd | schtasks /create /ru <user 1>`},
		{"a user - net use of the passwd file", "a user - net use of the passwd file"},
		{"powershell -enc " + inBase64(utf16LE("whoami /user jdoe")), "powershell -enc <value 1>"},
		{"powershell -enc " + inBase64(utf16LE("Get-Date; Get-ChildItem C:\\Windows")), "powershell -enc " + inBase64(utf16LE("Get-Date; Get-ChildItem C:\\Windows"))},
		{inBase64("jdoe") + " " + strings.TrimRight(inBase64("jdoe"), "=") + " " + inBase64(inBase64("on pay-db-07")), "<value 1> <value 1> <value 1>"},
		{"data:text/plain;base64," + inBase64("hi jdoe!"), "data:text/plain;base64,<value 1>"},
		{"x/" + inBase64("hi jdoe!"), "x/<value 1>"},
		{url.QueryEscape(inBase64("hi %6adoe!!")), "<value 1>"},
		{base64.URLEncoding.EncodeToString([]byte("j\u00fcrgen?>~ jdoe")), "<value 1>"},
		{"0x" + hexcode.EncodeToString([]byte("jdoe")) + " " + hexcode.EncodeToString([]byte(utf16LE("PAY-DB-07"))), "<value 1> <value 1>"},
		{wrapped + ".", "<value 1>."},
		{base64.StdEncoding.EncodeToString(zipped.Bytes()), "<value 1>"},
		{"ｊｄｏｅ j\u200bdoe jd\u0301oe j\u00addoe j\x00d\x00o\x00e jdое", "<user 1> <user 2> <user 3> <user 4> <user 5> <user 6>"},
		{"www.xn--mnchen-3ya.example and köln.example", "<domain 1> and <domain 1>"},
		{"j^doe j`doe j\"\"doe 'jd'+'oe'", "<user 1> <user 2> <user 3> '<user 4>'"},
		{`\\\\\\\\\\\\`, `\\\\\\\\\\\\`},
		{"10%2E20%2E30%2E40 10&#46;20&#46;30&#46;40", "<addr 1> <addr 2>"},
		{`C:\new\table C:\Windows\Temp\x`, `C:\new\table C:\Windows\Temp\x`},
		{"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 d41d8cd98f00b204e9800998ecf8427e", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 d41d8cd98f00b204e9800998ecf8427e"},
	} {
		m, table := newMasker(t, vs)
		for _, style := range []Style{Parts, Prose, Talk} {
			got, clear, err := m.Text(tc.in, style)
			if err != nil || !clear {
				t.Fatalf("%q: clear %v, %v", tc.in, clear, err)
			}
			if plain(got) != tc.want {
				t.Errorf("%q\ngot  %q\nwant %q", tc.in, plain(got), tc.want)
			}
			if back := table.Restore(got); back != tc.in {
				t.Errorf("%q restored as %q", tc.in, back)
			}
		}
	}
}

// TestTooDeep: what is encoded more often than it is decoded does not leave.
func TestTooDeep(t *testing.T) {
	m, table := newMasker(t, kindsOf{"jdoe": User})
	b64 := "by jdoe here"
	for range 12 {
		b64 = inBase64(b64)
	}
	web := "%" + strings.Repeat("25", 30) + "6adoe"
	for _, text := range []string{b64, web, strings.Repeat(`\`, 1<<10) + "u006adoe"} {
		got, _, err := m.Text("see "+text+" now", Prose)
		if err != nil || plain(got) != "see <value 1> now" {
			t.Errorf("%.60q became %.200q, %v", text, got, err)
		}
		if table.Restore(got) != "see "+text+" now" {
			t.Errorf("%.60q did not come back", text)
		}
	}
}

// TestBombs: a small text that inflates to a large one is not held in memory.
func TestBombs(t *testing.T) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	zeros := strings.Repeat("nothing here ", 1<<10)
	for range 2000 {
		_, _ = z.Write([]byte(zeros))
	}
	_ = z.Close()
	m, _ := newMasker(t, kindsOf{"jdoe": User})
	got, _, err := m.Text(base64.StdEncoding.EncodeToString(zipped.Bytes()), Prose)
	if err != nil || plain(got) != "<value 1>" {
		t.Errorf("%.100s, %v", got, err)
	}
}

// encoder writes a text in a form that some reader understands.
type encoder struct {
	name string
	do   func(r *rand.Rand, s string) string
	// whole: what it makes is not to be encoded letter by letter any more, and stands for itself.
	whole bool
}

func letters(r *rand.Rand, s string, one func(c rune) string) string {
	var b strings.Builder
	n := 0
	for _, c := range s {
		if r.IntN(2) == 0 || n == 0 || strings.ContainsRune(`\%&`, c) { // encoders never leave their own sign
			b.WriteString(one(c))
			n++
		} else {
			b.WriteRune(c)
		}
	}
	return b.String()
}

var encoders = []encoder{
	{"percent", func(r *rand.Rand, s string) string {
		return letters(r, s, func(c rune) string { return percent(string(c)) })
	}, false},
	{"entity", func(r *rand.Rand, s string) string {
		return letters(r, s, func(c rune) string {
			return []string{fmt.Sprintf("&#%d;", c), fmt.Sprintf("&#x%x;", c), fmt.Sprintf("&#X%05X;", c)}[r.IntN(3)]
		})
	}, false},
	{"html", func(_ *rand.Rand, s string) string { return html.EscapeString(s) }, false},
	{"unicode", func(r *rand.Rand, s string) string {
		return letters(r, s, func(c rune) string { return unicodeEscape(c) })
	}, false},
	{"octal", func(r *rand.Rand, s string) string {
		return letters(r, s, func(c rune) string {
			var b strings.Builder
			for i := range len(string(c)) {
				fmt.Fprintf(&b, `\%03o`, string(c)[i])
			}
			return b.String()
		})
	}, false},
	{"hexadecimal escapes", func(r *rand.Rand, s string) string {
		return letters(r, s, func(c rune) string {
			var b strings.Builder
			for i := range len(string(c)) {
				fmt.Fprintf(&b, `\x%02x`, string(c)[i])
			}
			return b.String()
		})
	}, false},
	{"query", func(_ *rand.Rand, s string) string { return url.QueryEscape(s) }, false},
	{"base64", func(r *rand.Rand, s string) string {
		return []string{base64.StdEncoding.EncodeToString([]byte("x " + s)), base64.RawStdEncoding.EncodeToString([]byte(s + " y")), base64.URLEncoding.EncodeToString([]byte(s)), inBase64(utf16LE(s))}[r.IntN(4)]
	}, true},
	{"hex", func(_ *rand.Rand, s string) string { return hexcode.EncodeToString([]byte(s)) }, true},
	{"wide", func(r *rand.Rand, s string) string {
		return letters(r, s, func(c rune) string {
			if c > ' ' && c < 0x7f {
				return string(c - '!' + '！')
			}
			return string(c)
		})
	}, false},
	{"zero width", func(r *rand.Rand, s string) string {
		return letters(r, s, func(c rune) string { return "\u200b" + string(c) })
	}, false},
	{"blanks", func(_ *rand.Rand, s string) string { return strings.ReplaceAll(s, " ", " \t ") }, false},
	{"case", func(_ *rand.Rand, s string) string { return strings.ToUpper(s) }, false},
}

func percent(s string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, "%%%02X", s[i])
	}
	return b.String()
}

func unicodeEscape(c rune) string {
	var b strings.Builder
	for _, u := range utf16.Encode([]rune{c}) {
		fmt.Fprintf(&b, `\u%04x`, u)
	}
	return b.String()
}

// encode applies up to three encodings, one on the other; nothing but a whole one may follow Base64.
func encode(r *rand.Rand, s string) (encoded string, names []string) {
	whole, escaped := false, false
	for range 1 + r.IntN(3) {
		e := encoders[r.IntN(len(encoders))]
		if escaped && (e.name == "wide" || e.name == "zero width" || e.name == "case") {
			continue // no reader takes an escape in such letters for one
		}
		escaped = escaped || e.name != "wide" && e.name != "zero width" && e.name != "case" && e.name != "blanks"
		s, names, whole = e.do(r, s), append(names, e.name), whole || e.whole
	}
	return s, names
}

var encodedValues = kindsOf{"jdoe.adm": User, "PAY-DB-07": Host, "Maria Oduya": User, "Ünal Çelik": User, "10.20.30.40": Address, "corp-x.example": Domain, "田中一郎": User}

// checkEncoded masks a text with an encoded value in it: the encoded form must be gone, and come back.
func checkEncoded(t *testing.T, r *rand.Rand) {
	t.Helper()
	m, table := newMasker(t, encodedValues)
	values := []string{"jdoe.adm", "PAY-DB-07", "Maria Oduya", "Oduya, Maria", "Ünal Çelik", "10.20.30.40", "corp-x.example", "田中一郎"}
	value := values[r.IntN(len(values))]
	encoded, names := encode(r, value)
	around := []string{" ", "\n", "=", "(", ";", ", "}
	before, after := "seen"+around[r.IntN(len(around))], around[r.IntN(len(around))][:1]+" then"
	if strings.HasPrefix(after, "=") {
		after = " then" // padding would go on
	}
	text := before + encoded + after
	for _, style := range []Style{Parts, Talk, Prose} {
		masked, _, err := m.Text(text, style)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(masked, encoded) {
			t.Fatalf("%q as %v is left: %q", value, names, masked)
		}
		// Escapes before and behind what was masked, such as those of invisible characters, may be left.
		if rest := plainForm.ReplaceAllString(masked, ""); rest == masked || !slices.Contains(names, "zero width") && len(rest) > len(before)+len(after)+16 {
			t.Fatalf("%q as %v is left in part: %q of %q", value, names, rest, text)
		}
		if back := table.Restore(masked); back != text {
			t.Fatalf("%q came back as %q", text, back)
		}
	}
}

// TestEncodedValues: random encodings, also one in another.
func TestEncodedValues(t *testing.T) {
	for seed := range uint64(4000) {
		checkEncoded(t, rand.New(rand.NewPCG(seed, 1)))
	}
}

// FuzzEncodings lets the fuzzer choose the encodings and the values.
func FuzzEncodings(f *testing.F) {
	for i := range uint64(8) {
		f.Add(i, i*77)
	}
	f.Fuzz(func(t *testing.T, a, b uint64) { checkEncoded(t, rand.New(rand.NewPCG(a, b))) })
}

// TestPunycode checks what the test above takes for granted.
func TestPunycode(t *testing.T) {
	if ascii, err := idna.Punycode.ToASCII("münchen.example"); err != nil || ascii != "xn--mnchen-3ya.example" {
		t.Errorf("%s, %v", ascii, err)
	}
}

// TestLearnFromOtherForms: accounts that an encoded text gives away are masked in others too.
func TestLearnFromOtherForms(t *testing.T) {
	for text, want := range map[string]string{
		"net%20user%20zorro9": "zorro9", "powershell -enc " + inBase64(utf16LE("net user zorro9 /add")): "zorro9",
		"su - zorro9": "zorro9", "ZCORP/zorro9": "zorro9", "%2Fhome%2Fzorro9": "zorro9", `psexec -u zorro9`: "zorro9",
	} {
		found := map[string]bool{}
		Learn(text, func(v string, _ Kind) { found[v] = true })
		if !found[want] {
			t.Errorf("%q: %v, want %q", text, found, want)
		}
	}
}

// TestNestedReadingsAreBounded: each text within a text is looked at once, though it stands in every reading of the text
// around it, and no more is looked at than a text of its length allows.
func TestNestedReadingsAreBounded(t *testing.T) {
	text := "jdoe"
	for range 3 {
		text = `%2525252541 \\\\\\\\u0041 a+b ` + inBase64(text)
	}
	m, table := newMasker(t, kindsOf{"jdoe": User})
	if _, _, err := m.Text(text, Prose); err != nil {
		t.Fatal(err)
	}
	if n := len(m.inner.seen); n > 100 {
		t.Errorf("%d texts were looked at", n)
	}
	if m.inner.left < 0 {
		t.Error("the small text used up the bound")
	}
	many := strings.Repeat(text+" ", 2000)
	masked, _, err := m.Text(many, Prose)
	if err != nil || strings.Contains(masked, inBase64("jdoe")) || table.Restore(masked) != many {
		t.Errorf("%v, %.200s", err, masked)
	}
}

// TestNumbersOfTokensEnd: a caller's replacement with the last number does not make tokens that cannot be restored.
func TestNumbersOfTokensEnd(t *testing.T) {
	table, err := NewTable(map[string]string{"host-abcdefghijkl-999999999": "PAY-DB-07"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	token, err := table.Token("pay-db-07", Host)
	if err != nil || table.Restore("on "+token+".") != "on pay-db-07." {
		t.Errorf("%s restores as %s, %v", token, table.Restore(token), err)
	}
}
