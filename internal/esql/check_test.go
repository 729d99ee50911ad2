package esql

import (
	"slices"
	"strings"
	"testing"
)

func testEnv() Env {
	columns := map[string]string{
		"@timestamp": "date", "host.name": "keyword", "host.ip": "ip", "process.name": "keyword", "process.pid": "long",
		"message": "text", "event.code": "keyword", "tags": "keyword", "flat": "unsupported", "mixed": "conflict",
		"ok": "boolean", "geo": "geo_point", "score": "double", "count": "integer",
	}
	return Env{
		Columns: func(patterns []string) (map[string]string, bool) {
			return columns, slices.Contains(patterns, "logs-*")
		},
		Lookup: func(index string) (map[string]string, bool) {
			return map[string]string{"host.name": "keyword", "owner": "keyword", "process.pid": "keyword"}, index == "lookup_owners"
		},
	}
}

func TestCheck(t *testing.T) {
	for _, test := range []struct {
		src  string
		want []string // place and code; empty: accepted
	}{
		{`WHERE process.name == "a" AND process.pid > 5 | KEEP host.*, process.name`, nil},
		{`WHERE nme == "a"`, []string{"2:9 unknown_column"}},
		{`WHERE Host.Name == "a"`, []string{"2:9 unknown_column"}},
		{`WHERE process.name > 5`, []string{"2:9 type"}},
		{`WHERE process.pid == "5"`, []string{"2:9 type"}},
		{`WHERE process.pid LIKE "5*"`, []string{"2:9 type"}},
		{`WHERE host.ip LIKE "10.*"`, []string{"2:9 type"}},
		{`WHERE host.ip == "10.0.0.1" OR host.ip IN ("::1", "10.0.0.300")`, []string{"2:53 value"}},
		{`WHERE @timestamp > "2026-01-01" AND @timestamp > 1700000000`, []string{"2:39 type"}},
		{`EVAL x = NOW() - @timestamp`, []string{"2:12 type"}},
		{`EVAL x = @timestamp - 1 hour, y = x + 2 days | WHERE y > x`, nil},
		{`EVAL x = CONCAT(process.name, process.pid)`, []string{"2:33 type"}},
		{`EVAL x = TO_LOWER(process.name, "x")`, []string{"2:12 argument_count"}},
		{`EVAL x = LOWER(process.name)`, []string{"2:12 unknown_function"}},
		{`EVAL x = COUNT(*)`, []string{"2:12 aggregate"}},
		{`WHERE COUNT(*) > 5`, []string{"2:9 aggregate"}},
		{`STATS n = COUNT(*) BY host.name | WHERE n > 5 AND process.pid == 1`, []string{"2:53 unknown_column"}},
		{`STATS n = COUNT(*), m = MAX(process.pid) BY host.name, window = BUCKET(@timestamp, 5 minutes)`, nil},
		{`STATS n = process.pid BY host.name`, []string{"2:13 aggregate"}},
		{`STATS n = MAX(COUNT(*))`, []string{"2:17 aggregate"}},
		{`STATS n = 5`, []string{"2:9 aggregate"}},
		{`STATS n = COUNT(*) BY MAX(process.pid)`, []string{"2:25 aggregate"}},
		{`STATS n = COUNT(*) BY n = host.name`, []string{"2:9 lost_column lint"}},
		{`STATS n = COUNT(*), n = MAX(process.pid)`, []string{"2:9 lost_column lint"}},
		{`EVAL x = BUCKET(@timestamp, 1 hour)`, []string{"2:12 grouping"}},
		{`STATS p = PERCENTILE(process.pid, score)`, []string{"2:37 constant_required"}},
		{`WHERE flat == "x"`, []string{"2:9 unsupported_field"}},
		{`WHERE mixed == "x"`, []string{"2:9 unsupported_field"}},
		{`WHERE TO_STRING(mixed) == "x" | KEEP mixed, flat`, nil},
		{`WHERE tags : "a" AND NOT host.name : "b"`, nil},
		{`WHERE message : "a"`, []string{"2:9 analysed_match lint"}},
		{`LIMIT 5 | WHERE tags : "a"`, []string{"2:19 full_text"}},
		{`STATS BY tags | WHERE tags : "a"`, []string{"2:25 full_text", "2:25 full_text"}},
		{`EVAL x = tags : "a"`, []string{"2:12 full_text"}},
		{`EVAL tags = TO_LOWER(tags) | WHERE tags : "a"`, []string{"2:38 full_text"}},
		{`EVAL x = 1 | WHERE QSTR("tags:a")`, []string{"2:22 full_text"}},
		{`WHERE QSTR("tags:/[aA].*/") AND process.pid > 1 | SORT process.pid | WHERE QSTR("tags:b")`, nil},
		{`WHERE (tags : "a") IS NULL`, []string{"2:10 full_text"}},
		{`WHERE MATCH(tags, host.name)`, []string{"2:21 constant_required"}},
		{`WHERE MATCH(message, "a", {"operator": "AND", "bogus": 1})`, []string{"2:9 argument_count", "2:9 analysed_match lint"}},
		{`WHERE process.name RLIKE "a("`, []string{"2:9 pattern"}},
		{`WHERE process.name LIKE "a\\b"`, []string{"2:9 pattern"}},
		{`WHERE process.name RLIKE ".*a.{30}b"`, []string{"2:9 pattern_too_complex"}},
		{`WHERE process.name RLIKE "` + strings.Repeat("ab", 501) + `.*"`, []string{"2:9 limit"}},
		{`WHERE process.name RLIKE ("a", "b")`, []string{"2:9 not_in_target"}},
		{`WHERE ok` + strings.Repeat(" OR ok", 300), []string{"2:9 limit"}},
		{`KEEP nosuch, host.*, no*`, []string{"2:3 unknown_column", "2:3 unknown_column"}},
		{`DROP *`, []string{"2:3 value"}},
		{`RENAME host.name AS h | WHERE h == "a" AND host.name == "a"`, []string{"2:46 unknown_column"}},
		{`RENAME host.name AS a, host.name AS b`, []string{"2:3 name"}},
		{`RENAME host.name AS a, a AS b | KEEP b`, nil},
		{`SORT geo`, []string{"2:8 type"}},
		{`MV_EXPAND nosuch`, []string{"2:3 unknown_column"}},
		{`DISSECT process.pid "%{a}"`, []string{"2:11 type"}},
		{`DISSECT process.name "%{a} %{b" | KEEP a`, nil},
		{`DISSECT process.name "abc"`, []string{"2:3 pattern"}},
		{`GROK process.name "%{WORD:w} %{NUMBER:n:int}" | WHERE n > 5 AND w == "a"`, nil},
		{`GROK process.name "%{WROD:w}"`, []string{"2:3 pattern"}},
		{`LOOKUP JOIN lookup_owners ON host.name | WHERE owner == "a"`, nil},
		{`LOOKUP JOIN lookup_owners ON process.pid`, []string{"2:3 lookup_join"}},
		{`LOOKUP JOIN lookup_nothing ON host.name | KEEP owner`, []string{"2:3 unknown_index"}},
		{`LOOKUP JOIN lookup_owners ON host.name, process.name`, []string{"2:3 not_in_target", "2:3 unknown_column"}},
		{`INLINE STATS n = COUNT(*) BY host.name`, []string{"2:3 not_in_target"}},
		{`FORK (WHERE ok) (WHERE nosuch)`, []string{"2:3 not_in_target", "2:26 unknown_column"}},
		{`EVAL x = URL_DECODE(process.name)`, []string{"2:12 not_in_target"}},
		{`EVAL x = CASE(ok, "a", process.pid > 5, "b", 5)`, []string{"2:48 type"}},
		{`EVAL x = 5 | EVAL x = "a" | WHERE x LIKE "a*"`, nil},
		{`EVAL x = CIDR_MATCH(host.ip, "10.0.0.0/33")`, []string{"2:32 value"}},
		{`EVAL x = SPLIT(process.name, ", ")`, []string{"2:32 value"}},
		{`EVAL x = DATE_EXTRACT("hours", @timestamp)`, []string{"2:25 value"}},
		{`EVAL x = DATE_FORMAT("yyyy-bb", @timestamp)`, []string{"2:24 value"}},
		{`EVAL x = 1 day`, []string{"2:8 type"}},
	} {
		q, err := Parse("FROM logs-*\n| " + test.src)
		if err != nil {
			t.Errorf("%s: %v", test.src, err)
			continue
		}
		var got []string
		for _, p := range Check(q, testEnv()) {
			line := strings.TrimPrefix(strings.SplitN(p.String(), ": ", 3)[0], "line ") + " " + string(p.Code)
			if p.Lint {
				line += " lint"
			}
			got = append(got, line)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%.80s\ngot  %v\nwant %v", test.src, Check(q, testEnv()), test.want)
		}
	}
}

func TestCheckOpen(t *testing.T) {
	q, err := Parse(`FROM anything | WHERE a.b == 1 AND a.c LIKE "x*" | EVAL n = LENGTH(a.d) | STATS m = MAX(n) BY e | KEEP m, nosuch`)
	if err != nil {
		t.Fatal(err)
	}
	problems := Check(q, Env{})
	if len(problems) != 1 || problems[0].Code != CodeUnknownColumn || !strings.Contains(problems[0].Message, "nosuch") {
		t.Errorf("without columns, only what STATS drops is unknown; got %v", problems)
	}
	env := Env{Columns: func([]string) (map[string]string, bool) { return map[string]string{"n": "long"}, true }, DefaultType: "keyword"}
	q, err = Parse(`FROM anything | WHERE a == "x" AND n == 5 AND b > 5`)
	if err != nil {
		t.Fatal(err)
	}
	if problems = Check(q, env); len(problems) != 1 || problems[0].Code != CodeType {
		t.Errorf("with a default type: got %v", problems)
	}
}

func TestCheckLater(t *testing.T) {
	env := testEnv()
	env.Version = V9
	q, err := Parse(`FROM logs-*
| INLINE STATS n = COUNT(*), f = FIRST(process.name, @timestamp) BY host.name
| WHERE n > process.pid AND f == URL_DECODE(process.name) AND process.name RLIKE ("a.*", "b.*")
| FORK (WHERE ok) (LIMIT 5)`)
	if err != nil {
		t.Fatal(err)
	}
	if problems := Check(q, env); len(problems) > 0 {
		t.Errorf("got %v", problems)
	}
}

func TestColumns(t *testing.T) {
	for _, test := range []struct{ src, want string }{
		{`KEEP host.name, process.*`, "host.name:keyword process.name:keyword process.pid:long"},
		{`KEEP process.*, host.name, process.name`, "process.pid:long host.name:keyword process.name:keyword"},
		{`KEEP host.name | EVAL n = 1, m = n / 2.0, host.name = NOW()`, "n:integer m:double host.name:date"},
		{`STATS COUNT(*), u = COUNT_DISTINCT(process.name) BY host.name, BUCKET(@timestamp, 1 hour)`,
			"COUNT(*):long u:long host.name:keyword BUCKET(@timestamp, 1 hour):date"},
		{`STATS n = SUM(count), v = VALUES(message), a = AVG(count), x = MAX(message) BY day = DATE_TRUNC(1 day, @timestamp)`,
			"n:long v:keyword a:double x:keyword day:date"},
		{`KEEP host.name, process.pid, geo | RENAME process.pid AS pid, host.name AS h | DROP g*`, "h:keyword pid:long"},
		{`KEEP process.name | GROK process.name "%{WORD:w} %{NUMBER:n:int} %{NUMBER:f:float}" | DISSECT w "%{a}-%{?b}-%{c}"`,
			"process.name:keyword f:double n:integer w:keyword a:keyword c:keyword"},
		{`KEEP host.name | LOOKUP JOIN lookup_owners ON host.name`, "host.name:keyword owner:keyword process.pid:keyword"},
		{`EVAL a = COALESCE(process.pid, 1), b = TO_STRING(a), c = host.ip::string, d = MV_COUNT(tags) | KEEP a, b, c, d`,
			"a:long b:keyword c:keyword d:integer"},
		{`KEEP flat, mixed`, "flat:unsupported mixed:unsupported"},
	} {
		q, err := Parse("FROM logs-* | " + test.src)
		if err != nil {
			t.Fatal(err)
		}
		if problems := Check(q, testEnv()); !Accepted(problems) {
			t.Errorf("%s: %v", test.src, problems)
		}
		columns, known := Columns(q, testEnv())
		var got []string
		for _, c := range columns {
			got = append(got, c.Name+":"+c.Type)
		}
		if text := strings.Join(got, " "); text != test.want || !known {
			t.Errorf("%s\ngot  %s %v\nwant %s", test.src, text, known, test.want)
		}
	}
}

func TestCheckAlert(t *testing.T) {
	for _, test := range []struct {
		src  string
		want int
	}{
		{`FROM a METADATA _id, _index, _version | WHERE x | KEEP x, _id, _index, _version, @timestamp`, 0},
		{`FROM a METADATA _id, _index, _version | KEEP *`, 0},
		{`FROM a METADATA _id | WHERE x`, 2},
		{`FROM a METADATA _id, _index, _version | KEEP x, _id`, 2},
		{`FROM a METADATA _id, _index, _version | DROP _i* | RENAME _version AS v`, 3},
		{`FROM a | STATS n = COUNT(*)`, 0},
		{`FROM a | FORK (WHERE x | STATS n = COUNT(*)) (STATS n = COUNT(*))`, 0},
		{`FROM a | FORK (WHERE x | STATS n = COUNT(*)) (WHERE y)`, 3},
		{`FROM a | INLINE STATS n = COUNT(*)`, 3},
	} {
		q, err := Parse(test.src)
		if err != nil {
			t.Fatal(err)
		}
		got := CheckAlert(q)
		if len(got) != test.want {
			t.Errorf("%s: got %v, want %d problems", test.src, got, test.want)
		}
		for _, p := range got {
			if !p.Lint || p.Code != CodeAlertKeys {
				t.Errorf("%s: %v is no lint about alert keys", test.src, p)
			}
		}
	}
}

func TestFunctionTable(t *testing.T) {
	if n := len(Functions(V8)); n < 130 {
		t.Errorf("%d functions of 8.19", n)
	}
	for _, name := range Functions(V9) {
		f, ok := LookupFunction(name)
		if !ok || f.Result == "" {
			t.Errorf("%s has no result", name)
		}
		for i, p := range f.Params {
			if p.Name == "" || len(p.Types) == 0 {
				t.Errorf("%s: parameter %d is not read: %+v", name, i, p)
			}
			for _, typ := range p.Types {
				if typ == "" || !slices.Contains(typeGroups["any"], typ) && !isSpan(typ) {
					t.Errorf("%s: %s is not a type", name, typ)
				}
			}
		}
	}
	if f, ok := LookupFunction("TO_STR"); !ok || f.canonical() != "TO_STRING" {
		t.Error("TO_STR is no alias of TO_STRING")
	}
}

func TestEscape(t *testing.T) {
	const nasty = "a*b?c\\d.e+f|g{h}i[j]k(l)m\"n#o@p&q<r>s~t/u v:w"
	for _, test := range []struct{ got, want string }{
		{EscapeLike(nasty), `a\*b\?c\\d.e+f|g{h}i[j]k(l)m"n#o@p&q<r>s~t/u v:w`},
		{EscapeRegex(nasty), `a\*b\?c\\d\.e\+f\|g\{h\}i\[j\]k\(l\)m\"n\#o\@p\&q\<r\>s\~t/u v:w`},
		{EscapeLuceneRegex("a/b.c"), `a\/b\.c`},
		{EscapeLucene("C:\\a b (c) OR"), `C\:\\a\ b\ \(c\)\ OR`},
		{EscapeLucene("NOT"), `\NOT`},
		{LucenePhrase(`a "b" \c`), `"a \"b\" \\c"`},
		{EscapePattern(`COUNT(*)`), `COUNT(\*)`},
	} {
		if test.got != test.want {
			t.Errorf("got %s, want %s", test.got, test.want)
		}
	}
	node, err := parseRegex(EscapeRegex(nasty))
	if err != nil || !node.fixed() {
		t.Errorf("an escaped literal is not one string: %v", err)
	}
	if node, err = wildcardNode(EscapeLike(nasty)); err != nil || !node.fixed() {
		t.Errorf("an escaped literal is not one string: %v", err)
	}
}

func TestLongChains(t *testing.T) {
	var list []Expr
	for range 5000 {
		list = append(list, Op("==", Col("a"), Str("b")))
	}
	e := Or(list...)
	if d := depth(e, precLowest); d > maxExprDepth {
		t.Errorf("5,000 alternatives are %d deep", d)
	}
	n := 0
	InspectExpr(e, func(n2 Node) bool {
		if _, ok := n2.(*Column); ok {
			n++
		}
		return true
	})
	if n != 5000 {
		t.Errorf("%d of 5,000 alternatives are left", n)
	}
	if And(nil, nil) != nil || And(nil, Col("a")).(*Column).Name != "a" {
		t.Error("nil operands are not left out")
	}
}
