package esql

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "rewrite the goldens")

// bare clears all places, for comparison of trees.
func bare(q *Query) *Query {
	Inspect(q, func(n Node) bool { *n.at() = At{}; return true })
	return q
}

func TestParse(t *testing.T) {
	a, b := Col("a"), Col("b")
	where := func(e Expr) *Query {
		return &Query{Commands: []Command{&From{Indices: []string{"x"}}, &Where{Expr: e}}}
	}
	separator := "-"
	for _, test := range []struct {
		src  string
		want *Query
	}{
		{`from logs-*,"a b",c:d::failures metadata _id, _index`,
			&Query{Commands: []Command{&From{Indices: []string{"logs-*", "a b", "c:d::failures"}, Metadata: []string{"_id", "_index"}}}}},
		{"FROM x | where not a == b and b or a", where(Or(And(&Not{X: Op("==", a, b)}, b), a))},
		{"FROM x | where not (a == b and b)", where(&Not{X: And(Op("==", a, b), b)})},
		{"FROM x | where a - b - 1 * 2 > -1", where(Op(">", Op("-", Op("-", a, b), Op("*", Int(1), Int(2))), Int(-1)))},
		{"FROM x | where -a::long % 2.5e1 < 18446744073709551615", where(Op("<",
			Op("%", &Neg{X: &Cast{X: a, Type: "long"}}, Float(25)), &Literal{Value: uint64(18446744073709551615)}))},
		{"FROM x | where a is not null and b is null and a not in (1, null)", where(And(
			&IsNull{X: a, Not: true}, &IsNull{X: b}, &In{X: a, Not: true, List: []Expr{Int(1), Null()}}))},
		{`FROM x | where a like "x*" and b not rlike "y" and a like ("p", "q")`, where(And(
			&Like{X: a, Op: "LIKE", Patterns: []string{"x*"}}, &Like{X: b, Op: "RLIKE", Not: true, Patterns: []string{"y"}},
			&Like{X: a, Op: "LIKE", Patterns: []string{"p", "q"}}))},
		{`FROM x | where a : "v" and not a.b : -5`, where(And(Op(":", a, Str("v")), &Not{X: Op(":", Col("a.b"), Int(-5))}))},
		{`FROM x | where match(a, "v", {"operator": "AND", "boost": 2.5, "lenient": true})`, where(&Call{Func: "MATCH",
			Args: []Expr{a, Str("v")}, Options: []Option{{"operator", "AND"}, {"boost", 2.5}, {"lenient", true}}})},
		{"FROM x | where a == \"\"\"q\"uo\\te\"\"\" ", where(Op("==", a, Str(`q"uo\te`)))},
		{`FROM x | where a == """q"""""`, where(Op("==", a, Str(`q""`)))},
		{`FROM x | where a == "\t\n\r\"\\" or a == ""`, where(Or(Op("==", a, Str("\t\n\r\"\\")), Op("==", a, Str(""))))},
		{"FROM x | where `by`.`a``b`.c == @t and _d == true", where(And(Op("==", Col("by.a`b.c"), Col("@t")), Op("==", Col("_d"), Bool(true))))},
		{"FROM x | where bucket(a, 5 min) > now() - 1 hour", where(Op(">", Fn("BUCKET", a, &Duration{N: 5, Unit: "minute"}),
			Op("-", Fn("NOW"), &Duration{N: 1, Unit: "hour"})))},
		{"ROW a = [1, -2], b = [\"x\"], 3 // end", &Query{Commands: []Command{&Row{Fields: []*Assign{
			{Name: "a", Expr: &Array{Items: []Expr{Int(1), Int(-2)}}}, {Name: "b", Expr: &Array{Items: []Expr{Str("x")}}}, {Expr: Int(3)}}},
			&Comment{Text: "end"}}}},
		{"// one\n/* two\n  three */ FROM x // four\n| /* five */ LIMIT /* six */ 5", &Query{Commands: []Command{
			&Comment{Text: "one"}, &Comment{Text: "two"}, &Comment{Text: "three"}, &From{Indices: []string{"x"}},
			&Comment{Text: "four"}, &Comment{Text: "five"}, &Limit{N: 5}, &Comment{Text: "six"}}}},
		{"FROM x | stats COUNT(*), n = sum(a) where b > 1 by a, m = b + 1 | inline stats by a", &Query{Commands: []Command{&From{Indices: []string{"x"}},
			&Stats{Aggs: []*Assign{{Expr: Fn("COUNT", &Star{})}, {Name: "n", Expr: Fn("SUM", a), Where: Op(">", b, Int(1))}},
				By: []*Assign{{Expr: a}, {Name: "m", Expr: Op("+", b, Int(1))}}},
			&Stats{Inline: true, By: []*Assign{{Expr: a}}}}}},
		{"FROM x | keep a.*, `c*`, *b | drop first, `a\\b` | rename a as first, n = b | mv_expand last", &Query{Commands: []Command{&From{Indices: []string{"x"}},
			&Keep{Names: []string{"a.*", `c\*`, "*b"}}, &Drop{Names: []string{"first", `a\\b`}},
			&Rename{Pairs: []RenamePair{{"a", "first"}, {"b", "n"}}}, &MvExpand{Field: "last"}}}},
		{"FROM x | sort a desc nulls last, b asc, a nulls first | limit 10", &Query{Commands: []Command{&From{Indices: []string{"x"}},
			&Sort{Keys: []*SortKey{{Expr: a, Desc: true, Nulls: "LAST"}, {Expr: b}, {Expr: a, Nulls: "FIRST"}}}, &Limit{N: 10}}}},
		{`FROM x | dissect a "%{b}" append_separator="-" | grok concat(a, b) "%{WORD:w}"`, &Query{Commands: []Command{&From{Indices: []string{"x"}},
			&Dissect{Input: a, Pattern: "%{b}", Separator: &separator}, &Grok{Input: Fn("CONCAT", a, b), Pattern: "%{WORD:w}"}}}},
		{"FROM x | lookup join l on a, b | enrich p | enrich _any:q on a with c, d = `e f`", &Query{Commands: []Command{&From{Indices: []string{"x"}},
			&LookupJoin{Index: "l", On: []string{"a", "b"}}, &Enrich{Policy: "p"},
			&Enrich{Policy: "_any:q", On: "a", With: []RenamePair{{"c", "c"}, {"e f", "d"}}}}}},
		{"FROM x | fork (where a | limit 1) (sort b) | change_point a on b as c, d // z", &Query{Commands: []Command{&From{Indices: []string{"x"}},
			&Fork{Branches: [][]Command{{&Where{Expr: a}, &Limit{N: 1}}, {&Sort{Keys: []*SortKey{{Expr: b}}}}}},
			&Other{Word: "CHANGE_POINT", Text: "a on b as c, d"}, &Comment{Text: "z"}}}},
		{"FROM x | stats f = first(a, b), l = LAST (a, b)", &Query{Commands: []Command{&From{Indices: []string{"x"}},
			&Stats{Aggs: []*Assign{{Name: "f", Expr: Fn("FIRST", a, b)}, {Name: "l", Expr: Fn("LAST", a, b)}}}}}},
	} {
		got, err := Parse(test.src)
		if err != nil {
			t.Errorf("%s: %v", test.src, err)
			continue
		}
		if !reflect.DeepEqual(bare(got), bare(test.want)) {
			t.Errorf("%s\ngot  %s\nwant %s", test.src, Print(got), Print(test.want))
		}
		text := Print(got)
		again, err := Parse(text)
		if err != nil || !reflect.DeepEqual(bare(again), got) {
			t.Errorf("%s\nprinted as %s\nis read as %v, %v", test.src, text, again, err)
		}
	}
}

func TestParsePlaces(t *testing.T) {
	q, err := Parse("FROM x\n| WHERE é == 1")
	if err == nil {
		t.Fatalf("a letter beyond ASCII outside of backticks was read as %s", Print(q))
	}
	q, err = Parse("FROM x\n| WHERE `é` == 1 AND b")
	if err != nil {
		t.Fatal(err)
	}
	and := q.Commands[1].(*Where).Expr.(*Binary)
	if got, want := and.Place(), (Span{Start: Pos{15, 2, 9}, End: Pos{30, 2, 23}}); got != want {
		t.Errorf("AND is at %v, want %v", got, want)
	}
	if got, want := and.L.(*Binary).R.Place(), (Span{Start: Pos{23, 2, 16}, End: Pos{24, 2, 17}}); got != want {
		t.Errorf("1 is at %v, want %v", got, want)
	}
	if got, want := q.Commands[1].Place(), (Span{Start: Pos{9, 2, 3}, End: Pos{30, 2, 23}}); got != want {
		t.Errorf("WHERE is at %v, want %v", got, want)
	}
}

func TestParseErrors(t *testing.T) {
	for _, test := range []struct{ src, want string }{
		{"", "line 1:1: expected a command, found the end of the query"},
		{"WHERE a", "line 1:1: a query starts with FROM, ROW, SHOW or TS, not [WHERE]"},
		{"FROM x | FROM y", "line 1:10: unknown command [FROM]"},
		{"FROM x |", "line 1:9: expected a command, found the end of the query"},
		{"FROM x, | LIMIT 1", "line 1:9: expected an index pattern, found [|]"},
		{"FROM x | WHERE a = 1", "line 1:18: expected a pipe, found [=]"},
		{"FROM x | WHERE a == 'b'", "line 1:21: unexpected character '\\''"},
		{"FROM x | WHERE by == 1", "line 1:16: by is a keyword; as a name it needs backticks"},
		{"FROM x | WHERE a == \"b\nc\"", "line 1:21: a string must not contain a line break; write \\n"},
		{`FROM x | WHERE a == "\d"`, `line 1:21: unknown escape \d in a string; a backslash is written \\`},
		{`FROM x | WHERE a == "b`, `line 1:21: the string does not end; close it with "`},
		{"FROM x | WHERE a == 1 == 2", "line 1:23: expected a pipe, found [==]"},
		{`FROM x | WHERE a == 1 LIKE "b"`, "line 1:23: expected AND or OR, found [LIKE]"},
		{"FROM x | WHERE a NOT b", "line 1:22: expected IN, LIKE or RLIKE, found [b]"},
		{"FROM x | WHERE a LIKE b", "line 1:23: expected a pattern in quotes, found [b]"},
		{"FROM x | WHERE 1 : 2", "line 1:18: the match operator (:) needs a column on its left"},
		{"FROM x | WHERE a : b", "line 1:20: expected an expression, found [b]"},
		{"FROM x | WHERE f(a,)", "line 1:20: expected an argument, found [)]"},
		{"FROM x | WHERE (a", "line 1:18: expected [)], found the end of the query"},
		{"FROM x | WHERE a == ?p", "line 1:21: parameters (?) are not supported"},
		{"FROM x | EVAL a = 5 parsecs", "line 1:21: unknown unit of time [parsecs]"},
		{"FROM x | EVAL a = 1e400", "line 1:19: the number 1e400 is too large"},
		{`FROM x | EVAL a = [1, "b"]`, "line 1:23: an array holds only strings, only numbers or only truth values"},
		{"FROM x | STATS", "line 1:10: STATS needs an aggregation or BY"},
		{"FROM x | LIMIT many", "line 1:16: LIMIT needs a whole number of rows, found [many]"},
		{"FROM x | RENAME a b", "line 1:19: expected AS, found [b]"},
		{"FROM x | KEEP a-b", "line 1:16: expected a pipe, found [-]"},
		{"FROM x | KEEP 5", "line 1:15: expected a name, found [5]"},
		{"FROM x | LOOKUP JOIN l", "line 1:23: expected ON, found the end of the query"},
		{"FROM x /* y", "line 1:8: the comment does not end; close it with */"},
		{"FROM x | WHERE `a", "line 1:16: the name in backticks does not end"},
		{"FROM x | WHERE a == \xff", "line 1:1: the query is not valid UTF-8"},
		{"FROM x | WHERE " + strings.Repeat("(", 3000) + "a", "line 1:2016: the expression nests deeper than 2000"},
	} {
		q, err := Parse(test.src)
		if err == nil {
			t.Errorf("%s: read as %s", test.src, Print(q))
			continue
		}
		var e *SyntaxError
		if !errors.As(err, &e) || err.Error() != test.want {
			t.Errorf("%.60s\ngot  %v\nwant %s", test.src, err, test.want)
		}
	}
}

// TestGoldens checks testdata/*.txtar: the file print is what the file query looks like when printed.
func TestGoldens(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no goldens: %v", err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var query string
		for i, f := range archive.Files {
			switch {
			case strings.HasSuffix(f.Name, ".query"):
				query = string(f.Data)
			case strings.HasSuffix(f.Name, ".print"):
				q, err := Parse(query)
				if err != nil {
					t.Errorf("%s: %s: %v", file, f.Name, err)
					continue
				}
				got := Print(q) + "\n"
				if *update {
					archive.Files[i].Data = []byte(got)
				} else if got != string(f.Data) {
					t.Errorf("%s: %s\ngot:\n%swant:\n%s", file, f.Name, got, f.Data)
				}
				again, err := Parse(got)
				if err != nil || !reflect.DeepEqual(bare(again), bare(q)) {
					t.Errorf("%s: %s does not read back to the same tree: %v", file, f.Name, err)
				}
			}
		}
		if *update {
			if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, part := range archive.Files {
			f.Add(string(part.Data))
		}
	}
	f.Add("FROM x | FORK (WHERE a : \"b\" | LIMIT 1) (SAMPLE 0.1) // c")
	f.Add("ROW a = -(-5) % 3.0e-7::long, `b``c`.d = [1, 2] /* /* */ */")
	f.Fuzz(func(t *testing.T, src string) {
		q, err := Parse(src)
		if err != nil {
			return
		}
		text := Print(q)
		again, err := Parse(text)
		if err != nil {
			t.Fatalf("%q\nprinted as\n%s\nis refused: %v", src, text, err)
		}
		if !reflect.DeepEqual(bare(again), bare(q)) {
			t.Fatalf("%q\nprinted as\n%s\nis another tree, printed as\n%s", src, text, Print(again))
		}
		if other, _ := PrintWithOrigins(q); other != text {
			t.Fatalf("with origins:\n%s\nwithout:\n%s", other, text)
		}
	})
}
