package mask

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

type kindsOf map[string]Kind

// newMasker makes a masker over values and a table without replacements.
func newMasker(t testing.TB, vs kindsOf) (*Masker, *Table) {
	t.Helper()
	table, err := NewTable(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var d Dictionary
	for v, k := range vs {
		d.Add(v, k)
	}
	return d.New(table), table
}

// plain replaces the random part of tokens, so that results can be compared: host-…-2 becomes <host 2>.
var plainForm = regexp.MustCompile(`(host|user|addr|domain|mail|sid|path|value)-[a-z2-7]{12}-([0-9]+)`)

func plain(s string) string { return plainForm.ReplaceAllString(s, "<$1 $2>") }

func TestText(t *testing.T) {
	hosts := kindsOf{"PAY-DB-07": Host, "m.oduya": User, "10.20.30.40": Address, "corp.example": Domain}
	for _, tc := range []struct {
		name   string
		values kindsOf
		style  Style
		in     string
		want   string
	}{
		{"host in any case", hosts, Prose, "seen on pay-db-07, Pay-DB-07.", "seen on <host 1>, <host 2>."},
		{"host with its domain", hosts, Prose, "on PAY-DB-07.corp.example by CORP\\m.oduya (10.20.30.40)", "on <host 1> by <user 1> (<addr 1>)"},
		{"account with its domain", hosts, Prose, "M.Oduya m.oduya@corp.example CORP\\\\M.Oduya", "<user 1> <mail 2> <user 3>"},
		{"whole values only", kindsOf{"web": Host, "ubuntu": Value, "script": Value}, Parts, "7.81.0-1ubuntu1.14 website scripts recipient", "7.81.0-1ubuntu1.14 website scripts recipient"},
		{"parts of a URL", kindsOf{"web": Host}, Parts, "https://web.example/website", "https://<host 1>/website"},
		{"the longest value", kindsOf{"acme": Value, "acme corp": Value}, Prose, "by Acme Corp.", "by <value 1>."},
		{"values that overlap are one", kindsOf{"north wing": Value, "wing seven": Value}, Prose, "north wing seven!", "<value 1>!"},
		{"accents, width, invisible", kindsOf{"josé": User}, Prose, "jose JOSÉ jose\u0301 ｊosé jo\u200bse; josefine", "<user 1> <user 2> <user 3> <user 4> <user 5>; josefine"},
		{"no spaces between words", kindsOf{"田中一郎": User, "PAY-DB-07": Host}, Prose, "ホストPAY-DB-07に田中一郎がログイン", "ホスト<host 1>に<user 1>がログイン"},
		{"escapes before a value", hosts, Prose, `\nPAY-DB-07 %20PAY-DB-07 \u000apay-db-07`, `\n<host 1> %20<host 1> \u000a<host 2>`},
		{"escapes of other languages", hosts, Prose, `\x22PAY-DB-07\x22 %252FPAY-DB-07`, `\x22<host 1>\x22 %252F<host 1>`},
		{"encodings of a value", kindsOf{"Ana Öz": User, "Örn-1": Host, "2001:db8::7": Address}, Prose,
			`n=Ana%20%C3%96z&n=ana+%c3%b6z Ana_Öz "Ana \u00d6z" %C3%96rn-1 a=2001%3Adb8%3A%3A7`, `n=<user 1>&n=<user 2> <user 1> "<user 3>" <host 1> a=<addr 1>`},
		{"a name over two lines", kindsOf{"Ana Diaz": User}, Prose, "by Ana\nDiaz, Ana\tDiaz", "by <user 1>, <user 2>"},
		{"a minus sign is a dash", hosts, Prose, "PAY\u2212DB\u221207", "<host 1>"},
		{"accounts with many escapes", nil, Prose, `CORP\\\\eve CORP%255Ceve C:\\\\dir\\\\file`, `<user 1> <user 2> C:\\\\dir\\\\file`},
		{"defanged addresses", nil, Prose, "from 10[.]1[.]2[.]3, 10.1.2[.]3. a[.]b 1[.]2 x[10] 999[.]1[.]1[.]1", "from <addr 1>, <addr 1>. a[.]b 1[.]2 x[10] 999[.]1[.]1[.]1"},
		{"hardware addresses in three groups", nil, Prose, "001b.4411.3ab7 but dead.beef.cafe, 1.4411.3ab7", "<addr 1> but dead.beef.cafe, 1.4411.3ab7"},
		{"account of a machine", kindsOf{"CORP\\PAY-DB-07$": User}, Prose, "pay-db-07 and PAY-DB-07$", "<host 1> and <user 1>"},
		{"kinds of dashes and apostrophes", kindsOf{"PAY-DB-07": Host, "o'brien": User}, Prose, "PAY\u2011DB\u201107 O\u2019Brien", "<host 1> <user 1>"},
		{"addresses by form", nil, Prose, "from 192.168.7.9:443 to [2001:db8::1]:22, fe80::1%eth0, 00:1b:44:11:3a:b7, ip-10-1-2-3.ec2.internal", "from <addr 1>:443 to [<addr 1>]:22, <addr 1>%eth0, <addr 1>, <host 1>"},
		{"no addresses", nil, Prose, "at 10:12:00 version 10.0.19045.1234 and 1.2.3 of 300.1.1.1 std::string 1.2.3.4.5", "at 10:12:00 version 10.0.19045.1234 and 1.2.3 of 300.1.1.1 std::string 1.2.3.4.5"},
		{"mail and ssh accounts", nil, Prose, "mailto:eve@corp.example, user=eve%40corp.example ssh bob@web01", "mailto:<mail 1>, user=<mail 2> ssh <user 1>"},
		{"SIDs", nil, Prose, "S-1-5-21-3623811015-3361044348-30300820-1013 as S-1", "<sid 1> as S-1"},
		{"paths below a home", nil, Prose, `ran "C:\Users\Eve Ng\My Docs\a b.exe" and /home/eve/.ssh/id_rsa, C:\Users\Public\x.exe /Users/eve`, `ran "<path 1> b.exe" and <path 1>, C:\Users\Public\x.exe <path 1>`},
		{"no accounts", nil, Prose, `C:\Windows\System32\cmd.exe HKLM\SOFTWARE\Run HKCU\Run System32\cmd.exe`, `C:\Windows\System32\cmd.exe HKLM\SOFTWARE\Run HKCU\Run System32\cmd.exe`},
		{"ambiguous in talk", kindsOf{"a": Host, "it": User}, Talk, "What happened on host a? Is it a test of user it?", "What happened on host <host 1>? Is it a test of user <user 1>?"},
		{"ambiguous words in talk", kindsOf{"web": Host, "backup": User}, Talk, "Alerts on web by backup; which web backup?", "Alerts on <host 1> by <user 1>; which web backup?"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m, table := newMasker(t, tc.values)
			got, clear, err := m.Text(tc.in, tc.style)
			if err != nil {
				t.Fatal(err)
			}
			if !clear {
				t.Errorf("reported as ambiguous")
			}
			if plain(got) != tc.want {
				t.Errorf("got  %s\nwant %s", plain(got), tc.want)
			}
			if back := table.Restore(got); back != tc.in {
				t.Errorf("restored as %q", back)
			}
		})
	}
}

func TestAmbiguousProseIsReported(t *testing.T) {
	m, _ := newMasker(t, kindsOf{"a": Host, "it": User, "backup": User, "80": Value})
	for text, clear := range map[string]bool{
		"it is a test": false, "IT services": false, "Backup finished": false, "port 80": false, "port 8080 of an item": true,
	} {
		if _, got, err := m.Text(text, Prose); got != clear || err != nil {
			t.Errorf("%q: clear %v, %v", text, got, err)
		}
	}
}

func TestSpellingsShareAStem(t *testing.T) {
	table, err := NewTable(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	token := func(v string, k Kind) string {
		got, err := table.Token(v, k)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	stemOf := func(token string) string { _, s, _, _ := parts(token); return s }
	a, b, c := token("PAY-DB-07", Host), token("pay-db-07", Host), token("pay-db-07.corp.example", Host)
	if a == b || b == c || stemOf(a) != stemOf(b) || stemOf(b) != stemOf(c) {
		t.Errorf("hosts: %s %s %s", a, b, c)
	}
	u, v, w := token(`CORP\eve`, User), token("eve@corp.example", Mail), token("Eve", User)
	if stemOf(u) != stemOf(v) || stemOf(v) != stemOf(w) || stemOf(u) == stemOf(a) {
		t.Errorf("users: %s %s %s", u, v, w)
	}
	// A later question goes on with the same stems.
	again, err := NewTable(table.All(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := again.Token("PAY-DB-07", Host); got != a {
		t.Errorf("token of an earlier turn is %s, was %s", got, a)
	}
	if got, _ := again.Token("Pay-db-07", Host); stemOf(got) != stemOf(a) || got == a || got == b || got == c {
		t.Errorf("a further spelling got %s", got)
	}
	if len(again.Fresh()) != 1 {
		t.Errorf("fresh: %v", again.Fresh())
	}
}

func TestReplacementsOfCallers(t *testing.T) {
	const uuid = "3f2b8c1e-9d4a-4c6b-8e2f-1a2b3c4d5e6f"
	table, err := NewTable(map[string]string{uuid: "PAY-DB-07"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := table.Token("PAY-DB-07", Host); got != uuid {
		t.Errorf("the UUID was not reused: %s", got)
	}
	if got := table.Restore("on " + uuid + ", x" + strings.ToUpper(uuid) + " but not " + uuid + "0"); got != "on PAY-DB-07, xPAY-DB-07 but not "+uuid+"0" {
		t.Error(got)
	}
	for token, value := range map[string]string{"a": "x", "it": "x", "": "x", "host-abc-1": "x", "host-abcdefghijkl-01": "x", uuid: ""} {
		if _, err := NewTable(map[string]string{token: value}, nil); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q", token)) {
			t.Errorf("%q: %q was taken: %v", token, value, err)
		}
	}
}

// TestNamesNextToEachOther: what was said has a token right before a name that gets one now.
func TestNamesNextToEachOther(t *testing.T) {
	table, err := NewTable(map[string]string{"host-aaaaaaaaaaaa-1": "PAY-DB-07", "0f8fad5b-d9cb-469f-a165-70867728950e": "DC01"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var d Dictionary
	d.Add("田中一郎", User)
	m := d.New(table)
	for _, text := range []string{"host-aaaaaaaaaaaa-1田中一郎が", "0f8fad5b-d9cb-469f-a165-70867728950e田中一郎", "host-aaaaaaaaaaaa-1田中\\eve"} {
		masked, _, err := m.Text(text, Talk)
		if err != nil || strings.Contains(masked, "田中") {
			t.Fatalf("%q became %q: %v", text, masked, err)
		}
		want := table.Restore(text)
		if got := table.Restore(masked); got != want {
			t.Errorf("%q became %q and came back as %q, want %q", text, masked, got, want)
		}
		for cut := range masked {
			r := table.Restorer()
			if got := r.Next(masked[:cut]) + r.Next(masked[cut:]) + r.End(); got != want {
				t.Errorf("%q cut at %d came back as %q, want %q", masked, cut, got, want)
			}
		}
	}
}

func TestRestoreTouchesWholeTokensOnly(t *testing.T) {
	const token = "host-abcdefghijkl-1"
	table, err := NewTable(map[string]string{token: "a"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for in, want := range map[string]string{
		token: "a", "(" + token + ")": "(a)", token + ".": "a.", token + "-old": "a-old", "Host" + token[4:] + " is": "a is",
		token + "0": token + "0", token + "x": token + "x", token[:10]: token[:10], "a host": "a host",
	} {
		if got := table.Restore(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

func TestLearn(t *testing.T) {
	for text, want := range map[string]string{
		"session opened for vagrant":                       "vagrant",
		"session opened for user deploy by (uid=0)":        "deploy",
		"Failed password for invalid user oracle9 from x":  "oracle9",
		`by CORP\m.oduya`:                                  "m.oduya",
		`Windows\Temp`:                                     "",
		"mail of eve.ng@corp.example":                      "eve.ng",
		"to info@corp.example":                             "",
		`C:\Users\jdoe\a.exe`:                              "jdoe",
		"/home/jdoe":                                       "jdoe",
		"user agent and user activity, the user was added": "",
		"User Account Control; account lockout":            "",
		"Account Name:\t\tjdoe\r\nAccount Domain:\tX":      "jdoe",
		`Account Name:\t\tjdoe\r\n`:                        "jdoe",
		"Account Name:\t\t-\n\tAccount Domain:\t\t-":       "",
		"TargetUserName: jdoe":                             "jdoe",
		"acct=\"svc_sql\"":                                 "svc_sql",
		"xsession opened for user deploy2":                 "deploy2", // the words in front of a name are a shorter cue
	} {
		found := map[string]bool{}
		Learn(text, func(v string, _ Kind) { found[v] = true })
		if want == "" && len(found) > 0 || want != "" && (!found[want] || len(found) != 1) {
			t.Errorf("%q: %v, want %q", text, found, want)
		}
	}
}

// words of a random text: parts of values, separators and everything that stands near a value in a real text.
var pieces = []string{
	"a", "it", "PAY-DB-07", "pay-db-07", ".corp.example", "CORP\\", "m.oduya", "@corp.example", "10.20.30.40", "/home/", "C:\\Users\\",
	" ", " ", " ", "-", "_", ".", ":", "/", "\\", "\"", "'", "(", ")", ",", "\n", "\\n", "%20", "%40", "é", "e\u0301", "田中", "ß", "ﬁ", "\xff", "1", "7",
	"web", "ubuntu", "S-1-5-21-1-2-3", "2001:db8::1", "acme corp", "user", "host", "x", "host-", "-1", "0",
}

func randomText(r *rand.Rand, n int) string {
	var b strings.Builder
	for range n {
		b.WriteString(pieces[r.IntN(len(pieces))])
	}
	return b.String()
}

// TestMaskedTextHoldsNoValue: over random texts, nothing that was masked is left as a whole value, and the text comes
// back exactly, in one piece and in many.
func TestMaskedTextHoldsNoValue(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 11))
	for range 1000 {
		vs := kindsOf{}
		for range 1 + r.IntN(6) {
			v := strings.TrimSpace(randomText(r, 1+r.IntN(4)))
			if named(v) && !Ambiguous(v) {
				vs[v] = kinds[r.IntN(len(kinds))]
			}
		}
		m, table := newMasker(t, vs)
		text := randomText(r, 1+r.IntN(60))
		masked, _, err := m.Text(text, Prose)
		if err != nil {
			t.Fatal(err)
		}
		if back := table.Restore(masked); back != text {
			t.Fatalf("values %q\ntext     %q\nmasked   %q\nrestored %q", vs, text, masked, back)
		}
		rest := plainForm.ReplaceAllString(masked, "\x00")
		for v := range vs {
			if at := wholeIn(rest, v); at >= 0 {
				t.Fatalf("value %q is left in %q (text %q)", v, rest, text)
			}
		}
		stream := table.Restorer()
		var b strings.Builder
		for left := masked; left != ""; {
			n := min(len(left), 1+r.IntN(7))
			b.WriteString(stream.Next(left[:n]))
			left = left[n:]
		}
		b.WriteString(stream.End())
		if b.String() != text {
			t.Fatalf("stream of %q gave %q, want %q", masked, b.String(), text)
		}
	}
}

// wholeIn finds a whole value by comparing at every offset.
func wholeIn(text, value string) int {
	want := Fold(value)
	for i := range len(text) {
		for j := i + 1; j <= min(len(text), i+4*len(value)+8); j++ {
			if j-i >= len(want)/3 && wordStart(text, i) && wordEnd(text, j) && validCut(text, i, j) && Fold(text[i:j]) == want {
				return i
			}
		}
	}
	return -1
}

func validCut(text string, i, j int) bool { return runeStart(text, i) == i && runeStart(text, j) == j }

func FuzzMaskRestore(f *testing.F) {
	for _, s := range [][2]string{
		{"PAY-DB-07|m.oduya", "on pay-db-07.corp.example by CORP\\m.oduya (10.20.30.40)"}, {"a|it", "it is a test"},
		{"josé|田中", "jose\u0301と田中 \\nJOSE"}, {"foo$|/home/x", "foo$1foo$/home/x_foo$"}, {"\xff1|x y", "\xff1\xffx y"}, {"ß|ﬁ", "SS ss fi ﬁ ﬁx"},
	} {
		f.Add(s[0], s[1], uint8(3))
	}
	f.Fuzz(func(t *testing.T, list, text string, cut uint8) {
		table, err := NewTable(nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		var d Dictionary
		for i, v := range strings.Split(list, "|") {
			d.Add(v, kinds[i%len(kinds)])
		}
		m := d.New(table)
		for _, style := range []Style{Parts, Talk, Prose} {
			masked, _, err := m.Text(text, style)
			if err != nil {
				t.Fatal(err)
			}
			if back := table.Restore(masked); back != text {
				t.Fatalf("style %d: %q became %q and came back as %q", style, text, masked, back)
			}
			again, _, err := m.Text(masked, style)
			if err != nil {
				t.Fatal(err)
			}
			if back := table.Restore(again); back != text {
				t.Fatalf("masked twice: %q became %q and came back as %q", masked, again, back)
			}
			stream, n := table.Restorer(), int(cut)%len(masked+"x")
			if got := stream.Next(masked[:n]) + stream.Next(masked[n:]) + stream.End(); got != text {
				t.Fatalf("cut at %d: %q gave %q", n, masked, got)
			}
			if style == Parts {
				rest := plainForm.ReplaceAllString(masked, "\x00")
				for v := range d.entries {
					// The letters of an escape before a token, as in \n, are no value.
					if Ambiguous(v) || strings.ContainsAny(rest, `\%&`) {
						continue
					}
					// A value that holds the sign that stands for tokens here would be found beside one.
					if len(rest) < 300 && len(v) < 50 && !strings.Contains(v, "\x00") && wholeIn(rest, v) >= 0 {
						t.Fatalf("value %q is left in %q (text %q)", v, rest, text)
					}
				}
			}
		}
	})
}

func BenchmarkMask(b *testing.B) {
	vs := kindsOf{}
	for i := range 2000 {
		vs[fmt.Sprintf("SRV-%04d", i)] = Host
		vs[fmt.Sprintf("user%04d.name", i)] = User
	}
	m, _ := newMasker(b, vs)
	var text strings.Builder
	for i := 0; text.Len() < 1<<20; i++ {
		fmt.Fprintf(&text, "authentication event with process sshd on srv-%04d.corp.example by CORP\\user%04d.name (10.2.%d.%d): session opened, the command line was cmd /c echo finished > C:\\Windows\\Temp\\out.txt. ", i%2000, i*7%2000, i%250, i%31)
	}
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		if _, _, err := m.Text(text.String(), Prose); err != nil {
			b.Fatal(err)
		}
	}
}
