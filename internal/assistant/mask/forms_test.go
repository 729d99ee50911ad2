package mask

import (
	"encoding/base64"
	hexcode "encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

var formValues = kindsOf{"PAY-DB-07": Host, "m.oduya": User, "Maria Oduya": User, "corp.example": Domain, "10.20.30.40": Address, "Jörg Weiß": User, "Łukasz.Żak": User,
	"Søren": User, "00:1a:2b:3c:4d:5e": Address, "2001:db8::7": Address, "zorro9$": User, "Müller.K": User, "Æthelred": User}

// codesOf writes the codes of the letters of a text.
func codesOf(s, between, format string) string {
	var list []string
	for i := range len(s) {
		list = append(list, fmt.Sprintf(format, s[i]))
	}
	return strings.Join(list, between)
}

// ntlm and kerberos are parts of messages of protocols: texts in bytes that are none, with nothing between them.
var (
	ntlm     = "NTLMSSP\x00\x03\x00\x00\x00\x18\x00\x18\x00\x8a\x00\x00\x00\x05\x82\x89\xa2" + utf16LE("CORP") + utf16LE("m.oduya") + utf16LE("PAY-DB-07") + "\x9c\xff\x81\x22\x11\xfe\x88\x97"
	kerberos = "\x60\x82\x01\x02\x06\x09\x2a\x86\x48\xa1\x12\x30\x82\x1b\x09PAY-DB-07\x1b\x0cm.oduya\xa0\x82\xff\x01\x02"
)

// TestFormsInBytes: a value is found where it stands in bytes that are no text, and in lists of codes of letters.
func TestFormsInBytes(t *testing.T) {
	inJSON := strings.ReplaceAll(wrap(inBase64(strings.Repeat("nothing of interest; ", 9)+"by m.oduya")), "\r\n", `\r\n`)
	for _, form := range []string{
		"NTLM " + inBase64(ntlm), "Negotiate " + inBase64(kerberos), hexcode.EncodeToString([]byte(ntlm)), "0x" + hexcode.EncodeToString([]byte(kerberos)), inBase64("\x00\x01\x02\x03PAY-DB-07\xff\xfe\xfd\x80"),
		inBase64(`{"h":"PAY-DB-07"}`)[1:], "x" + inBase64(`{"h":"PAY-DB-07"}`), base64.RawURLEncoding.EncodeToString([]byte(kerberos)), inJSON,
		codesOf("PAY-DB-07", " ", "%02x"), codesOf("PAY-DB-07", "-", "%02X"), codesOf("PAY-DB-07", ":", "%02x"), codesOf("PAY-DB-07", ",", "0x%02x"), codesOf("PAY-DB-07", ", ", "0x%02X"),
		codesOf("m.oduya", ",", "%d"), codesOf("m.oduya", "+", "chr(%d)"), codesOf("m.oduya", " + ", "[char]%d"), codesOf("m.oduya", "||", "CHAR(%d)"), codesOf(utf16LE("m.oduya"), " ", "%02x"),
	} {
		checkForm(t, form)
	}
}

// TestFormsOfNames: a value is found as other systems write it.
func TestFormsOfNames(t *testing.T) {
	for _, form := range []string{
		"JÖRG WEISS", "Joerg Weiss", "jorg weiss", "Weiß, Jörg", "Weiss, Joerg", "LUKASZ.ZAK", "soren", "SOEREN", "Mueller.K", "MÜLLER.K", "Mu\u0308ller.k", "AETHELRED",
		"DC=corp,DC=example", "DC=corp, DC=example", `\\files\home$\q9x\a.txt`, `\\files\Profiles$\q9x`, "10-20-30-40", "10_20_30_40", "0x0a141e28", "0A141E28", "169090600", "001a2b3c4d5e", "001A.2B3C.4D5E", "00-1A-2B-3C-4D-5E", "40.30.20.10",
		"7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2", "2001:0db8:0000::0007", "20010db8000000000000000000000007", "2001-db8--7",
		"zorro9", "ZORRO9$", "m。oduya", "𝐦.𝐨𝐝𝐮𝐲𝐚", "ⓜ.ⓞⓓⓤⓨⓐ", "m\u2024oduya", "m.od\U000e0061uya", "PAY-\bDB-07", "PAY\x7f-DB-07", "PAY\u009b-DB-07",
		"J=C3=B6rg_Wei=C3=9F?=", "Maria=20Oduya?=",
	} {
		if strings.HasSuffix(form, "?=") {
			form = "=?utf-8?Q?" + form
		}
		checkForm(t, form)
	}
}

// TestFormsInBrackets: names that are written so that nobody opens them, and in regular expressions.
func TestFormsInBrackets(t *testing.T) {
	for _, form := range []string{
		"m[.]oduya", "m(.)oduya", "PAY[-]DB[-]07", "corp[.]example", "corp(dot)example", "corp[DOT]example", "m.oduya[at]corp[.]example", "m[.]oduya(at)elsewhere.test", "10[.]20[.]30[.]40", "10(dot)20(dot)30(dot)40",
		`\Qm.oduya\E`, `\bPAY-DB-07\b`, `\Am\.oduya\z`, "2001[:]db8[:][:]7",
	} {
		checkForm(t, form)
	}
}

// TestFormsInColour: control sequences of terminals before, behind and within a value.
func TestFormsInColour(t *testing.T) {
	for _, form := range []string{
		"\x1b[31mPAY-DB-07\x1b[0m", `\e[31mPAY-DB-07\e[0m`, `\033[1;31mm.oduya\033[0m`, `\x1b[1mm.oduya`, `\033[1mm.oduya`, `\033[1mPAY-DB-07`, `\u001b[38;5;196mm.oduya\u001b[0m`, "\x1b[1mPAY\x1b[0m-DB-07", "by\x1b[31mPAY-DB-07", "\x1b[?25lPAY-DB-07",
	} {
		checkForm(t, form)
	}
}

func wrap(s string) string {
	var b strings.Builder
	for len(s) > 76 {
		b.WriteString(s[:76] + "\r\n")
		s = s[76:]
	}
	return b.String() + s
}

// checkForm masks a text with a form in it, and looks for what is left of the form.
func checkForm(t *testing.T, form string) {
	t.Helper()
	m, table := newMasker(t, formValues)
	for _, text := range []string{"seen " + form + " there", "\"" + form + "\"", form} {
		for _, style := range []Style{Parts, Talk, Prose} {
			got, clear, err := m.Text(text, style)
			if err != nil || !clear {
				t.Fatalf("%q: clear %v, %v", text, clear, err)
			}
			if rest := plainForm.ReplaceAllString(got, ""); strings.Contains(got, form) || len(rest) > len(text)-4 {
				t.Errorf("%q became %q", text, got)
			}
			if back := table.Restore(got); back != text {
				t.Errorf("%q came back as %q", text, back)
			}
		}
	}
}

// TestReadableStays: what names nobody stays as it is, in every style.
func TestReadableStays(t *testing.T) {
	noise := make([]byte, 300)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	m, _ := newMasker(t, formValues)
	for _, text := range []string{
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 d41d8cd98f00b204e9800998ecf8427e SHA1 da39a3ee5e6b4b0d3255bfef95601890afd80709",
		inBase64(string(noise)), hexcode.EncodeToString(noise), codesOf(string(noise[:60]), " ", "%02x"), codesOf(string(noise[:60]), ",", "%d"),
		inBase64("Get-Process | Sort-Object CPU"), inBase64(utf16LE("Get-Process | Sort-Object CPU")), codesOf("nothing of interest", " ", "%02x"), codesOf("nothing of interest", ",", "%d"),
		"eyJhbGciOiJIUzI1NiJ9." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"service","iat":1516239022}`)) + ".SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c",
		"version 10.0.19045 build 22621.1702, OpenSSH_8.9p1, Chrome/120.0.6099.110, kernel 5.15.0-91-generic, python3.11, 1.2.3-rc.4+build.5",
		"2026-05-04T11:00:00.000Z 04/05/2026 11:00:00 1714820400 20260504 10-11-12 1, 2, 3, 4, 5, 6",
		"svchost.exe lsass.dmp ntoskrnl.exe report-2026.final.pdf libc.so.6 out.txt C:\\Windows\\System32\\config\\SAM /etc/passwd /usr/bin/env",
		"Unusual Process For a Linux Host; Potential DNS Tunneling via NsLookup; Suspicious PowerShell Engine ImageLoad; T1059.001; CVE-2024-3094; KB5034441",
		"\x1b[31merror\x1b[0m: it failed with code 0x80070005 (5), errno 13; \\e[1mbold\\e[0m",
		"OU=Servers,DC=elsewhere,DC=test uid=0(root) gid=0(root) pid 4242 port 443",
		"{3F2504E0-4F89-11D3-9A0C-0305E82C3301} 3f2504e0-4f89-11d3-9a0c-0305e82c3301", "mary had a little lamb; maria; oduya-like; pay db 07; payday",
		"see list[at] and f(.) or a[.]b, evil[.]test, x(dot)y, C:\\bin\\Appverif \\bword\\b", "=?utf-8?Q?Offer_of_the_week=21?=", "q=a+b&x=%20y&z=1", "be ad ab fe ed da, ca fe ba be", "Straße, Weissbier, Sorenson, Muellerei",
	} {
		for _, style := range []Style{Parts, Talk, Prose} {
			if got, clear, err := m.Text(text, style); err != nil || !clear || got != text {
				t.Errorf("style %d: %q became %q, %v %v", style, text, got, clear, err)
			}
		}
	}
}

// TestAddressesOfNobody: addresses that stand for none or for all have no other form: as numbers they are codes of errors,
// zeros and the like.
func TestAddressesOfNobody(t *testing.T) {
	m, _ := newMasker(t, kindsOf{"0.0.0.0": Address, "255.255.255.255": Address, "127.0.0.1": Address, "0.0.0.7": Address, "::": Address, "::1": Address, "224.0.0.251": Address, "ff:ff:ff:ff:ff:ff": Address, "00:00:00:00:00:00": Address})
	for _, text := range []string{
		"status 0x00000000 and 00000000-0000-0000-0000-000000000000, auid=4294967295, 0xffffffff, 0, 1, 7", "cmd --1 -- -x --help", "000000000000 ffffffffffff 00000000000000000000000000000000", "2130706433 7f000001 e00000fb",
	} {
		for _, style := range []Style{Parts, Talk, Prose} {
			if got, clear, err := m.Text(text, style); err != nil || !clear || got != text {
				t.Errorf("style %d: %q became %q, %v %v", style, text, got, clear, err)
			}
		}
	}
}
