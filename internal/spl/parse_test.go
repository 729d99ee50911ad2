package spl

import (
	"fmt"
	"strings"
	"testing"
)

// TestCommandNodes parses one stage of each command and names the node expected.
func TestCommandNodes(t *testing.T) {
	tests := map[string]Command{
		"search a": &Search{}, "where a=1": &Where{}, "regex a=\"b\"": &Regex{}, "eval a=1": &Eval{},
		"stats count": &Stats{}, "eventstats count": &Stats{}, "streamstats count": &Stats{}, "sistats count": &Stats{},
		"tstats count": &TStats{}, "mstats avg(a) where index=b": &TStats{}, "rename a as b": &Rename{},
		"fields a": &Fields{}, "table a": &Table{}, "rex \"(?<a>b)\"": &Rex{}, "sort a": &Sort{}, "dedup a": &Dedup{},
		"head": &Head{}, "tail": &Tail{}, "reverse": &Reverse{}, "fillnull": &FillNull{}, "filldown": &FillDown{},
		"bin a": &Bin{}, "bucket a": &Bin{}, "lookup a b": &Lookup{}, "inputlookup a": &InputLookup{},
		"outputlookup a": &OutputLookup{}, "join a [search b]": &Join{}, "append [search a]": &Append{},
		"appendcols [search a]": &Append{}, "appendpipe [stats count]": &Append{}, "union [search a]": &Multisearch{},
		"multisearch [search a] [search b]": &Multisearch{}, "transaction a": &Transaction{}, "timechart count": &Chart{},
		"chart count by a": &Chart{}, "top a": &Top{}, "rare a": &Top{}, "makemv a": &MakeMV{}, "mvexpand a": &MVExpand{},
		"mvcombine a": &MVCombine{}, "nomv a": &NoMV{}, "spath": &SPath{}, "xmlkv": &Extract{}, "extract": &Extract{},
		"kv": &Extract{}, "xpath \"//a\"": &Extract{}, "convert ctime(a)": &Convert{}, "foreach a [eval b=1]": &Foreach{},
		"map search=\"a\"": &Map{}, "iplocation a": &IPLocation{}, "from datamodel:a": &From{}, "datamodel a b": &From{},
		"makeresults": &MakeResults{}, "return a": &Return{}, "format": &Format{}, "collect index=a": &Other{},
		"apply a": &Other{}, "fit a": &Other{}, "addtotals": &Other{}, "sendemail to=a": &Other{}, "fromjson a": &Other{},
	}
	for src, want := range tests {
		q := Parse("* | "+src, Options{})
		if len(q.Problems) > 0 || len(q.Pipeline.Commands) != 2 {
			t.Errorf("%s: %v", src, q.Problems)
			continue
		}
		c := q.Pipeline.Commands[1]
		if got, want := fmt.Sprintf("%T", c), fmt.Sprintf("%T", want); got != want {
			t.Errorf("%s: got %s, want %s", src, got, want)
		}
		if word, _, _ := strings.Cut(src, " "); c.Name() != word && word != "bucket" {
			t.Errorf("%s: name is %s", src, c.Name())
		}
		if s := c.Span(); s.Start.Offset != 4 || s.End.Offset != int32(4+len(src)) {
			t.Errorf("%s: span is %v", src, s)
		}
		checkRoundTrip(t, q)
	}
}

func TestProblems(t *testing.T) {
	macros := macroMap{"m(2)": {Name: "m", Arguments: []string{"a", "b"}, Definition: "x=$a$ y=$b$"},
		"bad": {Name: "bad", Arguments: []string{"a"}, Definition: "x=$a$"}}
	tests := []struct {
		name, src, code string
		line, column    int32
		message         string
	}{
		{"empty list", "a IN ()", CodeSyntax, 1, 6, "the list of a IN is empty"},
		{"second line", "a=1\n| where (", CodeSyntax, 2, 10, "expression ends too early"},
		{"columns count characters", "ä=\"ß\" | wherever x", CodeUnknownCommand, 1, 9, "wherever is not a Splunk command"},
		{"arity", "`m(1)`", CodeMacroArity, 1, 1, "macro m is defined for 2 arguments, the call has 1"},
		{"arity of the definition", "a `bad`", CodeMacroArity, 1, 3, "macro bad takes 1 arguments, the call has 0"},
		{"value is missing", "a= | head", CodeSyntax, 1, 3, "value expected after a="},
		{"OR without a right side", "a OR", CodeSyntax, 1, 5, "condition expected after OR"},
		{"AND first", "AND a", CodeSyntax, 1, 1, "AND has no condition before it"},
		{"lower case", "a or b", CodeLowercaseOperator, 1, 3, "write OR if the operator is meant"},
		{"two tables", "| inputlookup a | outputlookup a b", CodeSyntax, 1, 32, "one lookup table expected, found 2"},
		{"a number", "| makeresults | rex max_match=x \"a\"", CodeSyntax, 1, 21, "a number is expected"},
		{"aggregation", "* | stats host", CodeSyntax, 1, 11, "is no aggregation"},
		{"an unclosed comment", "a ```b", CodeUnterminatedComment, 1, 3, "never closed"},
		{"a macro in a list", "* | table a `none` b", CodeUnknownMacro, 1, 13, "macro none has no definition"},
		{"left over", "* | where a=1 b", CodeSyntax, 1, 15, "unexpected \"b\""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q := Parse(tt.src, Options{Macros: macros})
			if len(q.Problems) != 1 {
				t.Fatalf("problems: %v", q.Problems)
			}
			p := q.Problems[0]
			if p.Code != tt.code || !strings.Contains(p.Message, tt.message) ||
				p.Span().Start.Line != tt.line || p.Span().Start.Column != tt.column {
				t.Errorf("got %s at %d:%d: %s", p.Code, p.Span().Start.Line, p.Span().Start.Column, p.Message)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	bomb := macroMap{}
	for i := range 60 {
		next := fmt.Sprintf("`b%d`", i+1)
		bomb[fmt.Sprintf("b%d", i)] = MacroDef{Name: fmt.Sprintf("b%d", i), Definition: next + " " + next}
	}
	deep := macroMap{}
	for i := range 300 {
		deep[fmt.Sprintf("d%d", i)] = MacroDef{Name: fmt.Sprintf("d%d", i), Definition: fmt.Sprintf("`d%d`", i+1)}
	}
	tests := []struct {
		name, src, code string
		opts            Options
	}{
		{"parentheses", strings.Repeat("(", 100_000), CodeTooDeep, Options{}},
		{"expression", "| where " + strings.Repeat("(", 100_000), CodeTooDeep, Options{}},
		{"signs", "| eval a=" + strings.Repeat("-", 100_000), CodeTooDeep, Options{}},
		{"NOT", strings.Repeat("NOT ", 100_000) + "a", CodeTooDeep, Options{}},
		{"calls", "| eval a=" + strings.Repeat("f(", 100_000), CodeTooDeep, Options{}},
		{"subsearches", strings.Repeat("[search ", 300) + "a" + strings.Repeat("]", 300), CodeTooDeep, Options{}},
		{"sum", "| eval a=1" + strings.Repeat("+1", 100_000), CodeTooDeep, Options{}},
		{"bytes", strings.Repeat("a", 11), CodeTooLong, Options{MaxBytes: 10}},
		{"tokens", "a b c d e f g", CodeTooLong, Options{MaxTokens: 5}},
		{"macro bomb", "`b0`", CodeTooLong, Options{Macros: bomb}},
		{"macro depth", "`d0`", CodeTooDeep, Options{Macros: deep}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q := Parse(tt.src, tt.opts)
			if len(q.Problems) == 0 || q.Problems[0].Code != tt.code {
				t.Fatalf("want %s, got %.300v", tt.code, q.Problems)
			}
			if tt.name == "bytes" || tt.name == "tokens" {
				return
			}
			if Print(q) == "" {
				t.Error("nothing was kept of the query")
			}
		})
	}
}

func TestWideChainsStayShallow(t *testing.T) {
	src := "| where a=1" + strings.Repeat(" OR a=1", 50_000)
	q := Parse(src, Options{})
	if len(q.Problems) > 0 {
		t.Fatal(q.Problems)
	}
	depth := 0
	var e Expr = q.Pipeline.Commands[0].(*Where).Expr
	for {
		b, ok := e.(*Binary)
		if !ok || b.Op != "OR" {
			break
		}
		e = b.L
		depth++
	}
	if depth > 20 {
		t.Errorf("the chain is %d deep", depth)
	}
}

func TestParseExpr(t *testing.T) {
	tests := []struct{ src, want string }{
		{"a+b*c", "a + b * c"}, {"(a+b)*c", "(a + b) * c"}, {"a-(b-c)", "a - (b - c)"}, {"NOT (a AND b)", "NOT (a AND b)"},
		{"(NOT a)=b", "(NOT a) = b"}, {"a AND (b OR c)", "a AND (b OR c)"}, {"a XOR b OR c", "a XOR b OR c"},
		{"-(-a)", "--a"}, {"-(a+b)", "-(a + b)"}, {"x in(1,2)", "x IN (1, 2)"}, {"IN(x,1)", "x IN (1)"},
		{"a.b.\"c\"", "a.b . \"c\""}, {"5.\"x\"", "5 . \"x\""}, {"'a b'.c", "'a b' . c"}, {"f ( )", "f()"}, {"!isnull(a) AND b", "NOT isnull(a) AND b"},
	}
	for _, tt := range tests {
		e, err := ParseExpr(tt.src)
		if err != nil {
			t.Errorf("%s: %v", tt.src, err)
			continue
		}
		if got := PrintExpr(e); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.src, got, tt.want)
		}
		again, err := ParseExpr(PrintExpr(e))
		if err != nil || dump(again, false) != dump(e, false) {
			t.Errorf("%s: the printed expression parses to another tree: %v", tt.src, err)
		}
	}
	for _, src := range []string{"", "a +", "(a", "f(a", "a b", "\"x", "'x", "a IN b", "a IN ()", "a[0]"} {
		if e, err := ParseExpr(src); err == nil {
			t.Errorf("%q: no error, got %s", src, PrintExpr(e))
		}
	}
}

func TestTokens(t *testing.T) {
	var got []string
	for _, tok := range Tokens("a!=\"b | c\" `m(\"x`y\")` ```no | pipe``` | eval d=f(1,2)>=3 [search e]") {
		got = append(got, string(tok.Kind)+":"+tok.Text)
	}
	want := []string{"word:a", "punct:!=", "string:\"b | c\"", "macro:`m(\"x`y\")`", "comment:```no | pipe```", "pipe:|",
		"word:eval", "word:d", "punct:=", "word:f", "punct:(", "word:1", "punct:,", "word:2", "punct:)", "punct:>=",
		"word:3", "punct:[", "word:search", "word:e", "punct:]"}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
