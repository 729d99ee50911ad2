package mask

import (
	"encoding/base64"
	hexcode "encoding/hex"
	"fmt"
	"strings"
	"testing"
)

func TestZZ(t *testing.T) {
	vs := kindsOf{"PAY-DB-07": Host, "m.oduya": User, "Maria Oduya": User, "corp.example": Domain, "10.20.30.40": Address, "Jörg Weiß": User, "Łukasz.Żak": User, "Søren": User, "00:1a:2b:3c:4d:5e": Address, "2001:db8::7": Address, "S-1-5-21-11-22-33-1104": SID, "zorro9$": User, "Müller.K": User}
	wide := utf16LE
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	spaced := func(s, sep, f string) string {
		var p []string
		for i := range len(s) {
			p = append(p, fmt.Sprintf(f, s[i]))
		}
		return strings.Join(p, sep)
	}
	ntlm := "NTLMSSP\x00\x03\x00\x00\x00\x18\x00\x18\x00\x8a\x00\x00\x00\x05\x82\x89\xa2" + wide("CORP") + wide("m.oduya") + wide("PAY-DB-07") + "\x9c\xff\x81\x22\x11\xfe\x88\x97"
	kerb := "\x60\x82\x01\x02\x06\x09\x2a\x86\x48\xa1\x12\x30\x82\x1b\x09PAY-DB-07\x1b\x0cm.oduya\xa0\x82\xff\x01\x02"
	for _, f := range []string{
		"\x1b[31mPAY-DB-07\x1b[0m", `\e[31mPAY-DB-07\e[0m`, `\033[1;31mm.oduya\033[0m`, "\x1b[1mPAY\x1b[0m-DB-07", "\x1b]0;PAY-DB-07\x07",
		"NTLM " + b64(ntlm), "Negotiate " + b64(kerb), hexcode.EncodeToString([]byte(ntlm)), hexcode.EncodeToString([]byte(kerb)),
		spaced("PAY-DB-07", " ", "%02x"), spaced("PAY-DB-07", "-", "%02X"), spaced("PAY-DB-07", ":", "%02x"), spaced("PAY-DB-07", ",", "0x%02x"), spaced("PAY-DB-07", ", ", "0x%02X"), spaced("m.oduya", ",", "%d"), spaced("m.oduya", "+", "chr(%d)"), spaced("m.oduya", "+", "[char]%d"), spaced(wide("m.oduya"), " ", "%02x"),
		"0x" + hexcode.EncodeToString([]byte("PAY-DB-07")), hexcode.EncodeToString([]byte(wide("PAY-DB-07"))), strings.ToUpper(hexcode.EncodeToString([]byte("m.oduya"))), "x'" + hexcode.EncodeToString([]byte("m.oduya")) + "'",
		"JÖRG WEISS", "Joerg Weiss", "jorg weiss", "LUKASZ.ZAK", "soren", "SOEREN", "Mueller.K", "MÜLLER.K", "muller.k",
		"OU=Servers,DC=corp,DC=example", "CN=Maria Oduya,OU=x", "ip-10-20-30-40.ec2.internal", "ec2-10-20-30-40.compute", "40.30.20.10.in-addr.arpa", "0x0a141e28", "0A141E28", "169090600",
		"001a2b3c4d5e", "001a.2b3c.4d5e", "00-1A-2B-3C-4D-5E", "7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", "2001:0db8:0000::0007", "[2001:db8::7]:443", "20010db8000000000000000000000007", "2001-db8--7.ipv6-literal.net",
		"=?utf-8?B?" + b64("Maria Oduya") + "?=", "=?utf-8?Q?Maria_Oduya?=", "m=2Eoduya", "=?utf-8?Q?J=C3=B6rg_Wei=C3=9F?=",
		"zorro9", "ZORRO9$@CORP.EXAMPLE", `corp\zorro9`, "m.oduya@corp.example", "m_oduya", "PAY-\bDB-07", "PAY-DB-\r07", "<b>PAY</b>-DB-07", "PAY<wbr>-DB-07", "PAY‐DB‐07", "PAY﹣DB﹣07",
		b64("\x00\x01\x02\x03PAY-DB-07\xff\xfe\xfd\x80"), b64("{\"h\":\"PAY-DB-07\"}")[1:], "x" + b64("{\"h\":\"PAY-DB-07\"}"), strings.ReplaceAll(b64("logon of m.oduya on PAY-DB-07"), "b", "b\\n"),
		"eyJhbGciOiJIUzI1NiJ9." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"m.oduya","host":"PAY-DB-07"}`)) + ".c2lnbmF0dXJl",
		"m.oduya%00", "%6d%2e%6f%64%75%79%61", "&#x6d;&#x2e;oduya", "m。oduya", "𝐦.𝐨𝐝𝐮𝐲𝐚", "ⓜ.ⓞⓓⓤⓨⓐ", "m\u2024oduya", "m\u0338.oduya", "m.o\u00addu\u2060ya", "m.od\U000e0061uya", "m.oduyа",
		"user%3Dm.oduya", `{"user":"m.oduya"}`, "'m.oduya'", "m.oduya's", "m.oduya_old", "_m.oduya_", "~m.oduya", "$m.oduya", "@m.oduya", "m.oduya.", "C:/Users/m.oduya", "file:///C:/Users/q9x/x", "/Users/q9x/Library", "/var/home/q9x/", "C:\\Users\\q9x.CORP\\", "\\\\srv\\home$\\q9x\\", "/export/home/q9x/x", "/root/x", "%USERPROFILE%",
	} {
		m, _ := newMasker(t, vs)
		got, clear, err := m.Text("seen "+f+" there", Prose)
		fmt.Printf("%-50.80q → %v %v %.150q\n", f, clear, err, plain(got))
	}
}
