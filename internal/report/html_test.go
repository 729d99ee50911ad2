package report

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"golang.org/x/net/html"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// hostile are texts that a page or a spreadsheet could take for something else.
var hostile = []string{
	`<script>alert(1)</script>`, `</script><img src=x onerror=alert(1)>`, `{{.}} {{template "foot"}}`, "a\u2028b\u2029c", `"><svg onload=alert(1)>`,
	`' onmouseover='alert(1)`, `</pre></details></section>`, `javascript:alert(1)`, `<!--`, `]]>`, "\u202egnp.exe", "\x00\x01", `&lt;b&gt;`, "\xff\xfe",
	`=cmd|' /C calc'!A0`, `@SUM(1+1)`, `-1+1`, `+1`, "\t=1", " =1", "＝1", strings.Repeat("x", 256<<10), "</style><style>*{display:none}</style>",
}

func hostileRules() []migration.Rule {
	rules := make([]migration.Rule, len(hostile))
	for i, h := range hostile {
		d := migration.Diagnostic{Severity: "error", Code: h, Command: h, Subject: h, Message: h, Start: migration.Position{Line: 1, Column: 1}, End: migration.Position{Line: 1, Column: 3}}
		rules[i] = migration.Rule{
			ID: h, Status: migration.StatusFinished, Result: migration.Partial, CompilerVersion: h, Diagnostics: []migration.Diagnostic{d, {Severity: "info", Message: h}, {Severity: "approximation", Code: codeFilterMissing, Subject: h + "_filter"}},
			Missing:  []migration.Missing{{Kind: h, Name: h}, {Kind: "macro", Name: h + "_filter"}},
			Near:     []migration.Match{{RuleID: h, Name: h, Why: h}},
			Original: migration.OriginalRule{ID: h, Title: h, Description: h, Query: h, App: h, Note: h, Actions: []string{h}, MitreAttackIDs: []string{h, "T1059.001"}},
			Elastic: &migration.ElasticRule{Title: h, Query: h, Severity: h, Interval: h, From: h, Index: []string{h},
				Suppression: &migration.Suppression{GroupBy: []string{h}, Duration: h}, LookupIndices: []migration.LookupIndex{{Name: h}}},
		}
		if i%5 == 0 {
			rules[i].Matched = &migration.Match{RuleID: h, Name: h, Why: h}
		}
	}
	return append(rules, migration.Rule{ID: "e", Status: migration.StatusError, ErrorCode: "<b>"})
}

func reader(rules []migration.Rule) Rules {
	return func(each func(migration.Rule) error) error {
		for _, r := range rules {
			if err := each(r); err != nil {
				return err
			}
		}
		return nil
	}
}

func written(t *testing.T, format string, m migration.Migration, rules Rules) string {
	t.Helper()
	var b strings.Builder
	if err := Write(&b, format, m, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), More{}, rules); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// elements are the names of the elements and attributes of a page, and its texts.
func elements(t *testing.T, page string) (names map[string]int, texts string) {
	t.Helper()
	names = map[string]int{}
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(page))
	for {
		switch z.Next() {
		case html.ErrorToken:
			if !errors.Is(z.Err(), io.EOF) {
				t.Fatal(z.Err())
			}
			return names, b.String()
		case html.StartTagToken, html.SelfClosingTagToken:
			token := z.Token()
			names[token.Data]++
			for _, a := range token.Attr {
				names[token.Data+" "+a.Key]++
			}
		case html.CommentToken:
			names["comment"]++
		case html.TextToken:
			b.Write(z.Text())
		}
	}
}

func TestPageShowsHostileTextAsText(t *testing.T) {
	rules := hostileRules()
	page := written(t, FormatHTML, migration.Migration{ID: "m", Name: `<script>x</script>`, State: migration.Stopped, ParkReason: "<i>"}, reader(rules))
	names, texts := elements(t, page)
	for name, want := range map[string]int{"script": 1, "style": 1, "img": 0, "b onload": 0, "svg onload": 0, "comment": 0, "link": 0, "iframe": 0, "i onmouseover": 0} {
		if names[name] != want {
			t.Errorf("%d of %q, want %d", names[name], name, want)
		}
	}
	for name := range names {
		if _, attribute, ok := strings.Cut(name, " "); ok && (strings.HasPrefix(attribute, "on") || attribute == "src" || attribute == "style") {
			t.Errorf("the page has the attribute %q", name)
		}
	}
	if n := names["details data-class"]; n != len(rules) {
		t.Errorf("%d rules of %d", n, len(rules))
	}
	for _, h := range hostile {
		shown := strings.ToValidUTF8(strings.ReplaceAll(h, "\x00", "\uFFFD"), "\uFFFD")
		if !strings.Contains(texts, shown) && !strings.Contains(texts, h) {
			t.Errorf("the page does not show %.60q", h)
		}
	}
}

// The page loads nothing: its policy forbids all but its own style and script.
func TestPageIsOneFile(t *testing.T) {
	page := written(t, FormatHTML, migration.Migration{ID: "m", State: migration.Finished}, reader(hostileRules()[:1]))
	policy := html.UnescapeString(regexp.MustCompile(`Content-Security-Policy" content="([^"]*)"`).FindStringSubmatch(page)[1])
	for tag, directive := range map[string]string{"style": "style-src", "script": "script-src"} {
		text := regexp.MustCompile(`(?s)<` + tag + `>(.*?)</` + tag + `>`).FindStringSubmatch(page)[1]
		if want := directive + " '" + hash(text) + "'"; !strings.Contains(policy, want) {
			t.Errorf("the policy %q lacks %q", policy, want)
		}
		if regexp.MustCompile(`(?i)url\(|@import|https?:|//`).MatchString(text) {
			t.Errorf("the %s refers to elsewhere", tag)
		}
	}
	if !strings.Contains(policy, "default-src 'none'") || !strings.HasPrefix(PagePolicy(), policy) {
		t.Errorf("policy %q", policy)
	}
	if strings.Contains(page, "href=\"http") || strings.Contains(page, " src=") {
		t.Error("the page refers to elsewhere")
	}
}

func TestPageSums(t *testing.T) {
	rule := func(id string, change func(*migration.Rule)) migration.Rule {
		r := migration.Rule{ID: id, Status: migration.StatusFinished, Result: migration.Full, CompilerVersion: "c1",
			Original: migration.OriginalRule{Title: "T " + id, Query: "search a=1\n| foo b", App: "app", MitreAttackIDs: []string{"T1059.001"}},
			Elastic:  &migration.ElasticRule{Query: "FROM logs-" + id, Index: []string{"logs-*"}}}
		if change != nil {
			change(&r)
		}
		return r
	}
	hole := migration.Diagnostic{Severity: "error", Code: "unsupported_command", Command: "foo", Message: "foo is not known",
		Start: migration.Position{Line: 2, Column: 3}, End: migration.Position{Line: 2, Column: 6}}
	rules := []migration.Rule{
		rule("a", nil),
		rule("b", func(r *migration.Rule) {
			r.Result = migration.Partial
			r.Diagnostics = []migration.Diagnostic{{Severity: "error", Code: "depends_on_hole", Message: "only follows"}, hole}
		}),
		rule("c", func(r *migration.Rule) {
			r.Result, r.Elastic, r.Diagnostics = migration.Untranslatable, nil, []migration.Diagnostic{hole}
		}),
		rule("d", func(r *migration.Rule) { r.Status, r.Result, r.Elastic = migration.StatusPending, "", nil }),
	}
	m := migration.Migration{ID: "m", State: migration.Running}
	page := written(t, FormatHTML, m, reader(rules))
	_, texts := elements(t, page)
	for _, want := range []string{"1 of 4 rules carry over whole", "This migration is running: 3 of 4 rules", "foo is not known", "T b", "FROM logs-b", "no query", "Execution"} {
		if !strings.Contains(texts, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(texts, "only follows") {
		t.Error("the page shows a consequence as a cause")
	}
	if !strings.Contains(page, `<mark class="hole" title="foo is not known">foo</mark> b`) {
		t.Error("the hole is not marked in the search")
	}
	b := NewBuilder(m, time.Time{})
	for _, r := range rules {
		b.Add(r)
	}
	r := b.Report()
	got, err := json.Marshal([]any{r.Classes, r.BySource, r.ByApp, r.MITRE, r.Compilers})
	if err != nil {
		t.Fatal(err)
	}
	want := `[{"full":1,"partial":1,"untranslatable":1,"waiting":1},` +
		`[{"name":"logs-*","rules":2,"by":{"full":1,"partial":1}},{"name":"no query","rules":2,"by":{"untranslatable":1,"waiting":1}}],` +
		`[{"name":"app","rules":4,"by":{"full":1,"partial":1,"untranslatable":1,"waiting":1}}],` +
		`{"tactics":[{"id":"TA0002","name":"Execution","rules":4,"by":{"full":1,"partial":1,"untranslatable":1,"waiting":1}}],"techniques":[{"id":"T1059.001","name":"PowerShell","rules":4,"by":{"full":1,"partial":1,"untranslatable":1,"waiting":1},"tactics":["TA0002"]}],"techniques_before":1,"techniques_after":1,"unknown":[]},` +
		`[{"name":"c1","rules":4}]]`
	if string(got) != want {
		t.Errorf("sums\n%s, want\n%s", got, want)
	}
}

// Beyond the rules that a page can show it says where they are, and reads them once.
func TestPageOfManyRules(t *testing.T) {
	reads := 0
	many := func(each func(migration.Rule) error) error {
		reads++
		for i := range MostInFull + 1 {
			if err := each(migration.Rule{ID: fmt.Sprint(i), Status: migration.StatusFinished, Result: migration.Full}); err != nil {
				return err
			}
		}
		return nil
	}
	page := written(t, FormatHTML, migration.Migration{ID: "m", State: migration.Finished}, many)
	if reads != 1 || strings.Contains(page, `<details class="rule"`) || !strings.Contains(page, "--format csv") || !strings.Contains(page, "2\u2009001") {
		t.Errorf("%d reads, %d bytes", reads, len(page))
	}
}

// TestTableOfStreams: a row says what each data stream has of the fields that the draft needs.
func TestTableOfStreams(t *testing.T) {
	rule := migration.Rule{ID: "r", Elastic: &migration.ElasticRule{Query: "FROM a", Streams: []migration.DataStream{
		{Stream: "a/b", Index: "logs-a.b-*", Lacks: []string{}, Read: true}, {Stream: "c/d", Index: "logs-c.d-*", Lacks: []string{"x.y", "z"}},
	}}}
	text := written(t, FormatCSV, migration.Migration{ID: "m"}, reader([]migration.Rule{rule}))
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\ufeff"))).ReadAll()
	if err != nil || len(rows) != 2 {
		t.Fatalf("%d rows: %v", len(rows), err)
	}
	at := slices.Index(rows[0], "data streams")
	if want := "logs-a.b-*: has every field\nlogs-c.d-*: lacks x.y, z; not read"; at < 0 || rows[1][at] != want {
		t.Errorf("%d %q, want %q", at, rows[1], want)
	}
}

func TestTable(t *testing.T) {
	rules := hostileRules()
	text := written(t, FormatCSV, migration.Migration{ID: "m"}, reader(rules))
	body, ok := strings.CutPrefix(text, "\ufeff")
	if !ok {
		t.Fatal("no byte order mark")
	}
	rows, err := csv.NewReader(strings.NewReader(body)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != len(rules)+1 || len(rows[0]) != len(columns) {
		t.Fatalf("%d rows of %d cells", len(rows), len(rows[0]))
	}
	for i, row := range rows {
		for _, cell := range row {
			if strings.ContainsRune("=+-@＝", []rune(strings.TrimSpace(cell) + " ")[0]) {
				t.Errorf("row %d: the cell %.40q is a formula", i, cell)
			}
			if n := len(utf16.Encode([]rune(cell))); n > 32_767 {
				t.Errorf("row %d: a cell of %d characters", i, n)
			}
			if strings.ContainsAny(cell, "\x00\x01") {
				t.Errorf("row %d: the cell %q has characters that no spreadsheet holds", i, cell)
			}
		}
	}
	if got := rows[1+len(hostile)]; got[0] != "e" || got[4] != "error" || got[18] != "<b>" {
		t.Errorf("the rule in error: %q", got)
	}
	plain := migration.Rule{ID: "1", Status: migration.StatusFinished, Result: migration.Full, Original: migration.OriginalRule{Title: "a,b \"c\"\nd", Query: "index=x | stats count"},
		Elastic: &migration.ElasticRule{Query: "FROM x"}}
	rows, err = csv.NewReader(strings.NewReader(strings.TrimPrefix(written(t, FormatCSV, migration.Migration{}, reader([]migration.Rule{plain})), "\ufeff"))).ReadAll()
	if err != nil || rows[1][1] != plain.Original.Title || rows[1][20] != plain.Original.Query || rows[1][21] != "FROM x" {
		t.Errorf("rows %q, %v", rows, err)
	}
}

func TestMark(t *testing.T) {
	at := func(line, from, toLine, to int) migration.Diagnostic {
		return migration.Diagnostic{Severity: "error", Start: migration.Position{Line: line, Column: from}, End: migration.Position{Line: toLine, Column: to}}
	}
	for _, tc := range []struct {
		query string
		at    []migration.Diagnostic
		want  string
	}{
		{"ab cd", nil, "ab cd"},
		{"", nil, ""},
		{"ab cd", []migration.Diagnostic{at(1, 4, 1, 6)}, "ab [cd]"},
		{"é ü\nx yz", []migration.Diagnostic{at(1, 3, 1, 4), at(2, 3, 2, 5)}, "é [ü]\nx [yz]"},
		{"ab cd", []migration.Diagnostic{at(1, 1, 1, 6)}, "ab cd"},
		{"abcdef", []migration.Diagnostic{at(1, 1, 1, 5), at(1, 2, 1, 3)}, "[abcd]ef"},
		{"ab", []migration.Diagnostic{at(0, 0, 0, 0), at(7, 1, 7, 2), at(1, 9, 1, 10), at(1, 2, 1, 1)}, "ab"},
		{"a\xffb", []migration.Diagnostic{at(1, 2, 1, 3)}, "a[\xff]b"},
	} {
		var got strings.Builder
		for _, m := range mark(tc.query, tc.at) {
			if m.Mark != "" {
				got.WriteString("[" + m.Text + "]")
			} else {
				got.WriteString(m.Text)
			}
		}
		if got.String() != tc.want {
			t.Errorf("%q: %q, want %q", tc.query, got.String(), tc.want)
		}
	}
}

// A page whose reader or writer fails is no page.
func TestFailures(t *testing.T) {
	broken := errors.New("broken")
	for _, format := range Formats() {
		if err := Write(io.Discard, format, migration.Migration{}, time.Time{}, More{}, func(func(migration.Rule) error) error { return broken }); !errors.Is(err, broken) {
			t.Errorf("%s: %v", format, err)
		}
		if err := Write(failing{}, format, migration.Migration{}, time.Time{}, More{}, reader(hostileRules())); !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("%s to a full disk: %v", format, err)
		}
	}
	if err := Write(io.Discard, "pdf", migration.Migration{}, time.Time{}, More{}, reader(nil)); err == nil {
		t.Error("an unknown format is written")
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrShortWrite }
