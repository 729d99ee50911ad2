package esql

import (
	"strings"
	"testing"
)

func TestPrintExample(t *testing.T) {
	lower := func(c string) Expr { return Fn("TO_LOWER", Col(c)) }
	q := &Query{Commands: []Command{
		&From{Indices: []string{"logs-endpoint.events.process-*", "logs-windows.sysmon_operational-*", "logs-system.security-*"}},
		&Where{Expr: And(Op(":", Col("event.category"), Str("process")), Op(":", Col("event.type"), Str("start")))},
		&Where{Expr: And(
			Or(Op("==", lower("process.name"), Str("cmd.exe")), &Like{X: lower("process.name"), Op: "LIKE", Patterns: []string{"powershell*"}}),
			&Like{X: lower("process.command_line"), Op: "LIKE", Patterns: []string{"*get-aduserresultantpasswordpolicy*"}},
		)},
		&Stats{Aggs: []*Assign{
			{Name: "count", Expr: Fn("COUNT", &Star{})},
			{Name: "firstTime", Expr: Fn("MIN", Col("@timestamp"))},
			{Name: "lastTime", Expr: Fn("MAX", Col("@timestamp"))},
		}, By: []*Assign{{Expr: Col("host.name")}, {Expr: Col("user.name")}, {Expr: Col("process.parent.command_line")}, {Expr: Col("process.name")}}},
	}}
	want := strings.TrimPrefix(`
FROM logs-endpoint.events.process-*, logs-windows.sysmon_operational-*, logs-system.security-*
| WHERE event.category : "process" AND event.type : "start"
| WHERE (TO_LOWER(process.name) == "cmd.exe" OR TO_LOWER(process.name) LIKE "powershell*")
    AND TO_LOWER(process.command_line) LIKE "*get-aduserresultantpasswordpolicy*"
| STATS count = COUNT(*), firstTime = MIN(@timestamp), lastTime = MAX(@timestamp)
    BY host.name, user.name, process.parent.command_line, process.name`, "\n")
	if got := Print(q); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestPrintExpr(t *testing.T) {
	a, b, c := Col("a"), Col("b"), Col("c")
	for _, test := range []struct {
		expr Expr
		want string
	}{
		{Or(And(a, b), c), `(a AND b) OR c`},
		{And(Or(a, b), c), `(a OR b) AND c`},
		{Op("AND", a, Op("AND", b, c)), `a AND (b AND c)`},
		{&Not{X: Op("==", a, Str("x"))}, `NOT a == "x"`},
		{&Not{X: Or(a, b)}, `NOT (a OR b)`},
		{Op("-", a, Op("-", b, c)), `a - (b - c)`},
		{Op("*", Op("+", a, b), c), `(a + b) * c`},
		{Op(">", Op("+", a, Op("*", b, c)), Int(-1)), `a + b * c > -1`},
		{&Neg{X: Int(5)}, `-(5)`},
		{&Neg{X: Op("+", a, b)}, `-(a + b)`},
		{Op("==", a, Op("==", b, c)), `a == (b == c)`},
		{&IsNull{X: Op("+", a, b), Not: true}, `a + b IS NOT NULL`},
		{&In{X: Col("by"), Not: true, List: []Expr{Str(`C:\a"b`), Null()}}, "`by` NOT IN (\"C:\\\\a\\\"b\", null)"},
		{&Like{X: a, Op: "LIKE", Patterns: []string{EscapeLike(`c:\x*`) + "*"}}, `a LIKE "c:\\\\x\\**"`},
		{&Like{X: a, Op: "RLIKE", Patterns: []string{".*" + EscapeRegex(`a.b`)}}, `a RLIKE ".*a\\.b"`},
		{&Like{X: a, Op: "LIKE", Patterns: []string{"x*", "y*"}}, `a LIKE ("x*", "y*")`},
		{Fn("BUCKET", Col("@timestamp"), &Duration{N: 5, Unit: "minute"}), `BUCKET(@timestamp, 5 minutes)`},
		{&Duration{N: 1, Unit: "hour"}, `1 hour`},
		{&Cast{X: Op("+", a, b), Type: "long"}, `(a + b)::long`},
		{&Call{Func: "MATCH", Args: []Expr{a, Str("x")}, Options: []Option{{"operator", "AND"}}}, `MATCH(a, "x", {"operator": "AND"})`},
		{Float(3), `3.0`},
		{Col("a-b"), "`a-b`"},
		{Col("x.{}"), "`x.{}`"},
		{Col("a`b"), "`a``b`"},
		{Col("winlog.last"), "`winlog.last`"},
		{Col("@timestamp"), "@timestamp"},
		{Col("_time"), "_time"},
		{Col("2fa"), "`2fa`"},
	} {
		if got := PrintExpr(test.expr); got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
}

func TestPrintWithOrigins(t *testing.T) {
	q := &Query{Commands: []Command{
		&From{Indices: []string{"a"}},
		&Where{Expr: Op("==", &Column{At: At{Origin: Origin{3, 9}}, Name: "é"}, Str("x"))},
	}}
	text, spans := PrintWithOrigins(q)
	if len(spans) != 1 {
		t.Fatalf("%d spans, want 1", len(spans))
	}
	s := spans[0]
	if got := text[s.Text.Start.Offset:s.Text.End.Offset]; got != "`é`" {
		t.Errorf("span covers %q", got)
	}
	if s.Origin != (Origin{3, 9}) || s.Text.Start != (Pos{Offset: 15, Line: 2, Column: 9}) || s.Text.End != (Pos{19, 2, 12}) {
		t.Errorf("got %+v", s)
	}
}
