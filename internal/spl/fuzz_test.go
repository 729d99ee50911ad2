package spl

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

var seeds = []string{
	"",
	"index=main sourcetype=\"x y\" NOT user=admin OR (a!=1 b>2) | stats count by host",
	"`sysmon` EventCode=1 Image=\"*\\\\cmd.exe\" `other(a, \"b,c\")` | `my_filter`",
	"| tstats summariesonly=true count min(_time) as first from datamodel=Endpoint.Processes where nodename=x Processes.process_name IN (a, \"b c\") by _time span=5m Processes.dest | rename Processes.* as *",
	"search a | eval x=if(a==1 AND NOT b like \"%x\", \"y\".z.\"w\", -3 * (2+1)), 'f g'=null() | where x IN (1,2) XOR y",
	"a [search b | return 5 $c] | join type=left k [| inputlookup t where a=b] | map search=\"search $x$\"",
	"a ```comment | [ ``` | rex field=x max_match=0 \"(?<y>\\\\d+)\" | rex mode=sed \"s/a/b/g\" | regex f!=\"x|y\"",
	"a | transaction user startswith=\"login ok\" endswith=eval(x>1) maxspan=5m | timechart span=1h count by host limit=5",
	"a | foreach x* y [eval <<FIELD>>=1] | sort 5 -count +str(x) d | dedup 2 a sortby -b | head (x<3) keeplast=t",
	"a | stats sparkline(count(x), 1h) as s dc(eval(a*b)) values(foo{}.bar) as \"q r\" p95(x) by \"g h\" | chart sum(x) over y by z",
	"a | convert timeformat=\"%F\" ctime(x) as y | lookup t k as f OUTPUTNEW c as d | spath input=x path=a{}.b | top 5 a by b",
	"| from datamodel:\"A\".\"B\" | datamodel X Y search | union [search a] b | collect index=x | fit M a from b into c",
	"x=\"unclosed | stats count | `open ```never",
	"| unknowncmd a b | stats count by",
	"a\r\n| eval é='ü ö'\u00a0| where ﬁeld=\"ß\"",
	"TERM(10.0.0.1) CASE(Foo) source::x host::y a=*(b)* | makeresults | reverse | return a=b $c",
	"a | eval x=[search b | stats avg(y) as z | return $z]*2 . [[search c]] | where n>[| inputlookup t | return $l] OR f([a | eval q=[b]])",
	"a (((((b)))))) ]] | where ((a=1) | stats values(eval(if(x==\"|\",1,null))) as y",
}

// FuzzLex checks that tokens cover the source without gaps and in order.
func FuzzLex(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		at := int32(0)
		for _, tok := range Tokens(src) {
			a, b := tok.Span.Start.Offset, tok.Span.End.Offset
			if a < at || b <= a || src[a:b] != tok.Text {
				t.Fatalf("token %q at %d-%d after %d", tok.Text, a, b, at)
			}
			if trimmed(src[at:a]) != "" {
				t.Fatalf("no token covers %q", src[at:a])
			}
			at = b
		}
		if trimmed(src[at:]) != "" {
			t.Fatalf("no token covers %q", src[at:])
		}
	})
}

// loneHash is a # that stands alone: as the name of a column in a list there is no way to print it that is not read as
// the start of a comment, as people mean it.
var loneHash = regexp.MustCompile(`(^|\s)# `)

// FuzzParse checks that no input makes the parser fail, that spans lie in the source and in their parents, and that
// what is printed parses back to the same tree.
func FuzzParse(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	macros := macroMap{
		"sysmon":   {Name: "sysmon", Definition: "source=a OR source=b"},
		"m(1)":     {Name: "m", Arguments: []string{"x"}, Definition: "eval y=$x$ | stats count by \"$x$\""},
		"loop":     {Name: "loop", Definition: "`loop`"},
		"evalm(1)": {Name: "evalm", Arguments: []string{"x"}, Definition: "\"a=\" . \"$x$\"", Eval: true},
	}
	f.Fuzz(func(t *testing.T, src string) {
		if len(src) > 1<<14 {
			t.Skip("long")
		}
		q := Parse(src, Options{Macros: macros})
		checkSpans(t, src, q)
		if !utf8.ValidString(src) || strings.Contains(src, "`") {
			// Broken text and half-expanded macro calls are read, but need not be printed as they were.
			return
		}
		for _, p := range q.Problems {
			if p.Code != CodeUnknownCommand {
				return
			}
		}
		if loneHash.MatchString(Print(q)) {
			return
		}
		checkRoundTrip(t, q)
	})
}

func checkSpans(t *testing.T, src string, q *Query) {
	t.Helper()
	check := func(s, outer Span) {
		if s.Start.Offset < outer.Start.Offset || s.End.Offset > outer.End.Offset || s.Start.Offset > s.End.Offset {
			t.Fatalf("span %v is not within %v", s, outer)
		}
	}
	all := Span{End: Pos{Offset: int32(len(src))}}
	pipeline := func(pl *Pipeline, outer Span) {
		check(pl.Span(), outer)
		for _, c := range pl.Commands {
			check(c.Span(), outer)
			Walk(c, func(n Node) bool {
				if n.Span() != (Span{}) {
					check(n.Span(), c.Span())
				}
				return true
			})
		}
	}
	pipeline(q.Pipeline, all)
	for _, p := range q.Problems {
		check(p.Span(), all)
	}
	for _, m := range q.Macros {
		check(m.Span(), all)
	}
}
