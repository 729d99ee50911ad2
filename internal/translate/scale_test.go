package translate

import (
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/rulebridge/rulebridge/internal/esql"
)

// repeated joins n pieces.
func repeated(n int, sep string, piece func(i int) string) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteString(sep)
		}
		b.WriteString(piece(i))
	}
	return b.String()
}

// name is a field name that no schema knows.
func name(prefix string, i int) string { return prefix + strconv.Itoa(i) }

const scaleSearch = "`sysmon` EventCode=1 "

// scaled are queries that grow in one way each; unit is the n with which the growth is measured first.
var scaled = []struct {
	name string
	unit int
	make func(n int) string
}{
	{"or chain of one field", 300, func(n int) string {
		return scaleSearch + "(" + repeated(n, " OR ", func(i int) string { return "CommandLine=\"*arg" + strconv.Itoa(i) + "*\"" }) + ")"
	}},
	{"or chain of several fields", 300, func(n int) string {
		fields := []string{"Image", "CommandLine", "ParentImage"}
		return scaleSearch + "(" + repeated(n, " OR ", func(i int) string { return fields[i%3] + "=\"*v" + strconv.Itoa(i) + "\"" }) + ")"
	}},
	{"and of nots", 300, func(n int) string {
		fields := []string{"Image", "CommandLine", "ParentImage"}
		return scaleSearch + repeated(n, " ", func(i int) string { return "NOT " + fields[i%3] + "=\"v" + strconv.Itoa(i) + "\"" })
	}},
	{"or of ands", 300, func(n int) string {
		return scaleSearch + "(" + repeated(n, " OR ", func(i int) string { return "(Image=a" + strconv.Itoa(i) + " CommandLine=b)" }) + ")"
	}},
	{"in", 2500, func(n int) string {
		return scaleSearch + "Image IN (" + repeated(n, ", ", func(i int) string { return name("value", i) }) + ")"
	}},
	{"in of patterns", 500, func(n int) string {
		return scaleSearch + "Image IN (" + repeated(n, ", ", func(i int) string { return "*" + name("value", i) + "*" }) + ")"
	}},
	{"where in", 1000, func(n int) string {
		return scaleSearch + "| where Image IN (" + repeated(n, ", ", func(i int) string { return strconv.Quote(name("value", i)) }) + ")"
	}},
	{"where chain", 300, func(n int) string {
		return scaleSearch + "| where " + repeated(n, " OR ", func(i int) string { return "Image==" + strconv.Quote(name("value", i)) })
	}},
	{"wheres", 250, func(n int) string {
		return scaleSearch + repeated(n, "", func(i int) string { return " | where ProcessId>" + strconv.Itoa(i) })
	}},
	{"searches", 250, func(n int) string {
		return scaleSearch + repeated(n, "", func(i int) string { return " | search Image=\"" + name("x", i) + "\"" })
	}},
	{"evals", 250, func(n int) string {
		return scaleSearch + repeated(n, "", func(i int) string { return " | eval " + name("e", i) + "=ProcessId+" + strconv.Itoa(i) })
	}},
	{"evals of one another", 250, func(n int) string {
		return scaleSearch + "| eval e0=ProcessId" + repeated(n, "", func(i int) string { return " | eval " + name("e", i+1) + "=" + name("e", i) + "+1" })
	}},
	{"one eval of many", 250, func(n int) string {
		return scaleSearch + "| eval " + repeated(n, ", ", func(i int) string { return name("e", i) + "=lower(Image)" })
	}},
	{"case", 250, func(n int) string {
		return scaleSearch + "| eval c=case(" + repeated(n, ", ", func(i int) string { return "Image=\"" + name("v", i) + "\", \"r\"" }) + ")"
	}},
	{"concatenation", 250, func(n int) string {
		return scaleSearch + "| eval c=" + repeated(n, ".", func(i int) string { return "\"" + name("v", i) + "\"" })
	}},
	{"sum", 250, func(n int) string {
		return scaleSearch + "| eval c=" + repeated(n, "+", func(i int) string { return "ProcessId" })
	}},
	{"renames", 250, func(n int) string {
		return scaleSearch + repeated(n, "", func(i int) string { return " | rename " + name("a", i) + " as " + name("b", i) })
	}},
	{"one rename of many", 250, func(n int) string {
		return scaleSearch + "| rename " + repeated(n, ", ", func(i int) string { return name("a", i) + " as " + name("b", i) })
	}},
	{"evals and renames", 250, func(n int) string {
		return scaleSearch + repeated(n, "", func(i int) string {
			return " | eval " + name("e", i) + "=1 | rename " + name("e", i) + " as " + name("f", i)
		})
	}},
	{"aggregations", 250, func(n int) string {
		return scaleSearch + "| stats " + repeated(n, " ", func(i int) string { return "values(Image) as " + name("v", i) }) + " by Computer"
	}},
	{"groups", 250, func(n int) string {
		return scaleSearch + "| eval " + repeated(n, ", ", func(i int) string { return name("e", i) + "=ProcessId" }) + " | stats count by " + repeated(n, " ", func(i int) string { return name("e", i) })
	}},
	{"table", 250, func(n int) string {
		return scaleSearch + "| eval " + repeated(n, ", ", func(i int) string { return name("e", i) + "=ProcessId" }) + " | table " + repeated(n, " ", func(i int) string { return name("e", i) })
	}},
	{"stats after stats", 250, func(n int) string {
		return scaleSearch + repeated(n, "", func(i int) string { return " | stats count by Image" })
	}},
	{"unknown fields", 250, func(n int) string {
		return scaleSearch + repeated(n, " ", func(i int) string { return name("nobody", i) + "=1" })
	}},
	{"unknown macros", 250, func(n int) string {
		return scaleSearch + repeated(n, "", func(i int) string { return " | `" + name("nobody", i) + "`" })
	}},
	{"unknown commands", 250, func(n int) string {
		return scaleSearch + repeated(n, "", func(i int) string { return " | " + name("nobody", i) })
	}},
	{"macro calls", 250, func(n int) string {
		return scaleSearch + repeated(n, " ", func(int) string { return "`one(svchost.exe)`" })
	}},
	{"large macros", 25, func(n int) string {
		return scaleSearch + repeated(n, " ", func(int) string { return "`large`" })
	}},
	{"rex", 100, func(n int) string {
		return scaleSearch + repeated(n, "", func(i int) string { return " | rex field=CommandLine \"x(?<" + name("g", i) + ">\\d+)\"" })
	}},
	{"fillnull", 250, func(n int) string {
		return scaleSearch + "| stats count by Image" + repeated(n, "", func(i int) string { return " | fillnull value=0 count" })
	}},
	{"sort", 250, func(n int) string {
		return scaleSearch + repeated(n, "", func(i int) string { return " | sort - ProcessId" })
	}},
	{"dedup", 60, func(n int) string {
		return scaleSearch + repeated(n, "", func(i int) string { return " | dedup Image" })
	}},
	{"mvexpand", 100, func(n int) string {
		return scaleSearch + "| eval m=split(CommandLine, \" \")" + repeated(n, "", func(i int) string { return " | mvexpand m" })
	}},
	{"subsearches", 100, func(n int) string {
		return scaleSearch + repeated(n, " ", func(i int) string { return "[search `sysmon` EventCode=3 | fields Image]" })
	}},
	{"appends", 30, func(n int) string {
		return scaleSearch + "| stats count by Image" + repeated(n, "", func(i int) string { return " | append [search `sysmon` EventCode=3 | stats count by Image]" })
	}},
	{"joins", 20, func(n int) string {
		return scaleSearch + "| stats count by Image" + repeated(n, "", func(i int) string {
			return " | join Image [search `sysmon` EventCode=3 | stats count as " + name("c", i) + " by Image]"
		})
	}},
	{"seds", 100, func(n int) string {
		return scaleSearch + repeated(n, "", func(i int) string {
			return " | rex mode=sed field=CommandLine \"s/" + name("a", i) + "/b/g\""
		})
	}},
	{"spaths", 100, func(n int) string {
		return scaleSearch + repeated(n, "", func(i int) string { return " | spath path=" + name("a", i) + " output=" + name("b", i) })
	}},
	{"converts", 100, func(n int) string {
		return scaleSearch + repeated(n, "", func(i int) string { return " | convert ctime(_time) as " + name("t", i) })
	}},
	{"foreach", 100, func(n int) string {
		return scaleSearch + "| eval " + repeated(n, ", ", func(i int) string { return name("e", i) + "=ProcessId" }) + " | foreach e* [eval <<FIELD>>=<<FIELD>>+1]"
	}},
	{"lookups", 60, func(n int) string {
		return scaleSearch + repeated(n, "", func(i int) string { return " | lookup " + name("nobody", i) + " Image OUTPUT " + name("o", i) })
	}},
	{"replaces", 100, func(n int) string {
		return scaleSearch + repeated(n, "", func(i int) string {
			return " | eval CommandLine=replace(CommandLine, \"a(b+)\", \"" + name("r", i) + "\")"
		})
	}},
	{"matches", 100, func(n int) string {
		return scaleSearch + "| where " + repeated(n, " OR ", func(i int) string { return "match(CommandLine, \"(?i)x+" + strconv.Itoa(i) + "\")" })
	}},
	{"networks", 250, func(n int) string {
		return scaleSearch + "| where " + repeated(n, " OR ", func(i int) string { return "cidrmatch(\"10." + strconv.Itoa(i%256) + ".0.0/16\", DestinationIp)" })
	}},
	{"long names", 100, func(n int) string {
		return scaleSearch + repeated(n, " ", func(i int) string { return strings.Repeat("n", 100) + strconv.Itoa(i) + "=1" })
	}},
	{"macros that call macros", 100, func(n int) string {
		return scaleSearch + repeated(n, " ", func(int) string { return "`outer(svchost.exe)`" })
	}},
	{"strings", 20000, func(n int) string { return scaleSearch + "CommandLine=\"*" + strings.Repeat("x", n) + "*\"" }},
	{"escapes", 20000, func(n int) string { return scaleSearch + "| where CommandLine=\"" + strings.Repeat(`\\`, n) + "\"" }},
	{"regexes", 2000, func(n int) string {
		return scaleSearch + "| regex CommandLine=\"" + strings.Repeat("a[bc]d?", n) + "\""
	}},
	{"comments", 2000, func(n int) string { return scaleSearch + strings.Repeat("```c``` ", n) }},
	{"blanks", 20000, func(n int) string { return scaleSearch + strings.Repeat(" ", n) + "| stats count" }},
	{"lines", 2000, func(n int) string { return scaleSearch + strings.Repeat("\n", n) + "Image=x" }},
	{"beyond ASCII", 2000, func(n int) string {
		return scaleSearch + repeated(n, " ", func(i int) string { return "é" + strconv.Itoa(i) })
	}},
	{"wildcard fields", 100, func(n int) string {
		return scaleSearch + repeated(n, "", func(i int) string { return " | rename " + name("a", i) + ".* as " + name("b", i) + ".*" }) + " | search b0.x=1"
	}},
	{"stars", 2000, func(n int) string { return scaleSearch + "CommandLine=\"" + strings.Repeat("a*", n) + "\"" }},
	{"unclosed", 2000, func(n int) string { return scaleSearch + strings.Repeat("[search a ", n) }},
	{"parentheses", 2000, func(n int) string { return scaleSearch + strings.Repeat("(", n) + "a=1" + strings.Repeat(")", n) }},
	{"calls", 2000, func(n int) string {
		return scaleSearch + "| eval a=" + strings.Repeat("lower(", n) + "a" + strings.Repeat(")", n)
	}},
	{"pipes", 2000, func(n int) string { return scaleSearch + strings.Repeat("|", n) }},
}

func scaleCompiler(t testing.TB) *Compiler {
	t.Helper()
	c, err := New(Options{Macros: []Macro{
		{Name: "one", Arguments: []string{"a"}, Definition: `Image="*\\$a$"`},
		{Name: "outer", Arguments: []string{"b"}, Definition: "(`one($b$)` OR `one(x)`)"},
		{Name: "large", Definition: "(" + repeated(100, " OR ", func(i int) string { return "Image=\"*\\\\" + name("tool", i) + ".exe\"" }) + ")"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestGrowth checks that the work for a query and its draft grow with its length, not with a power of it. Work is
// counted in bytes allocated, which do not depend on the machine.
func TestGrowth(t *testing.T) {
	c := scaleCompiler(t)
	for _, s := range scaled {
		t.Run(s.name, func(t *testing.T) {
			query := s.make(s.unit)
			longer := s.make(4 * s.unit)
			work, draft := allocated(t, c, query)
			moreWork, moreDraft := allocated(t, c, longer)
			// Names grow by a digit and slices by doubling: a power would show as 16.
			const most = 6
			grown := max(4, float64(len(longer))/float64(len(query)))
			if ratio := float64(moreWork) / float64(work); ratio > grown*most/4 {
				t.Errorf("a query %.1f times as long takes %.1f times the work: %d bytes, then %d", grown, ratio, work, moreWork)
			}
			if ratio := float64(moreDraft) / float64(max(1, draft)); draft > 0 && ratio > grown*most/4 {
				t.Errorf("a query %.1f times as long has a draft %.1f times as long: %d bytes, then %d", grown, ratio, draft, moreDraft)
			}
		})
	}
}

// TestLinear checks that a byte of a query costs the same from 10 KB to the cap of 1 MiB, whatever the query grows in.
func TestLinear(t *testing.T) {
	c := scaleCompiler(t)
	fields := []string{"Image", "CommandLine", "ParentImage"}
	shapes := []struct {
		name, head, tail string
		piece            func(i int) string
	}{
		{"alternatives", "(Image=x", ")", func(i int) string { return " OR " + fields[i%3] + "=*v" + strconv.Itoa(i) + "*" }},
		{"conditions", "Image=x", "", func(i int) string { return " NOT " + fields[i%3] + "=v" + strconv.Itoa(i) }},
		{"list", "Image IN (x", ")", func(i int) string { return ", " + name("tool", i) }},
		{"patterns", "Image IN (x", ")", func(i int) string { return ", *" + name("tool", i) + "*" }},
		{"assignments", "| eval x=1", "", func(i int) string { return ", " + name("e", i) + "=lower(Image)" }},
		{"aggregations", "| stats count", " by host", func(i int) string { return " values(Image) as " + name("v", i) }},
		{"commands", "", "", func(i int) string { return " | where ProcessId>" + strconv.Itoa(i) }},
		{"expressions", "", "", func(i int) string { return " | rex field=CommandLine \"x(?<" + name("g", i) + ">\\d+)\"" }},
		{"macros", "", "", func(int) string { return " `one(svchost.exe)`" }},
		{"subsearches", "", "", func(int) string { return " [search `sysmon` EventCode=3 | fields Image]" }},
		{"nesting", "", "", func(int) string { return "(" }},
		{"string", "CommandLine=\"*", "*\"", func(int) string { return "abcdefgh" }},
	}
	for _, s := range shapes {
		t.Run(s.name, func(t *testing.T) {
			query := func(size int) string {
				var b strings.Builder
				b.WriteString(scaleSearch + s.head)
				for i := 0; ; i++ {
					p := s.piece(i)
					if b.Len()+len(p)+len(s.tail) > size {
						break
					}
					b.WriteString(p)
				}
				return b.String() + s.tail
			}
			small, large := query(10_000), query(1<<20)
			work, _ := allocated(t, c, small)
			moreWork, _ := allocated(t, c, large)
			a, b := float64(work)/float64(len(small)), float64(moreWork)/float64(len(large))
			t.Logf("%.0f and %.0f bytes a byte", a, b)
			if b > 2*a {
				t.Errorf("a byte costs %.0f bytes of memory in a query of %d, %.0f in one of %d", a, len(small), b, len(large))
			}
		})
	}
}

// allocated compiles a query and gives the bytes that takes and those of the draft: the least of several counts, since
// the collector may have emptied a pool before one.
func allocated(t *testing.T, c *Compiler, query string) (work uint64, draft int) {
	t.Helper()
	c.Translate(Request{Query: query}) // what is made once and kept is made now
	for i := range 3 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		out := c.Translate(Request{Query: query})
		runtime.ReadMemStats(&after)
		for _, d := range out.Diagnostics {
			if d.Code == "internal_error" {
				t.Fatal(d.Message)
			}
		}
		if bytes := after.TotalAlloc - before.TotalAlloc; i == 0 || bytes < work {
			work = bytes
		}
		draft = len(out.Query)
	}
	return work, draft
}

// TestCaps checks that queries beyond a cap say so, and that the longest ones within it give a draft that parses.
func TestCaps(t *testing.T) {
	c := scaleCompiler(t)
	cases := []struct {
		name, query, code string
	}{
		{"bytes", scaleSearch + strings.Repeat(" ", 1<<20), "too_large"},
		{"commands", scaleSearch + repeated(maxCommands, "", func(i int) string { return " | where ProcessId>" + strconv.Itoa(i) }), "too_large"},
		{"eventstats", scaleSearch + "| stats " + repeated(maxPacked+1, " ", func(i int) string { return "max(ProcessId) as " + name("m", i) }) + " | eventstats max(m0) as x", "too_large"},
		{"parentheses", scaleSearch + strings.Repeat("(", 500) + "Image=x" + strings.Repeat(")", 500), "syntax"},
		{"calls", scaleSearch + "| eval a=" + strings.Repeat("lower(", 500) + "Image" + strings.Repeat(")", 500), "syntax"},
		{"subsearches", scaleSearch + strings.Repeat("[search a ", 500) + strings.Repeat("]", 500), "syntax"},
		{"macros", scaleSearch + strings.Repeat("`large` ", 5000), "syntax"},
		{"deepest parentheses", scaleSearch + strings.Repeat("(", 150) + "Image=x" + strings.Repeat(")", 150), ""},
		{"most commands", scaleSearch + repeated(maxCommands-1, "", func(i int) string { return " | where ProcessId>" + strconv.Itoa(i) }), "too_complex"}, // Elasticsearch takes 500
		{"longest string", scaleSearch + "CommandLine=\"*" + strings.Repeat("x", 1<<20-60) + "*\"", ""},
		{"in of 10,000", scaleSearch + "Image IN (" + repeated(10_000, ", ", func(i int) string { return name("v", i) }) + ")", ""},
		{"or of 5,000", scaleSearch + "(" + repeated(5_000, " OR ", func(i int) string { return name("Image=v", i) + " OR CommandLine=" + name("*v", i) }) + ")", ""},
		{"1,000 evals", scaleSearch + "| eval " + repeated(1_000, ", ", func(i int) string { return name("e", i) + "=ProcessId+" + strconv.Itoa(i) }), ""},
		{"500 renames", scaleSearch + "| rename " + repeated(500, ", ", func(i int) string { return name("a", i) + " as " + name("b", i) }), ""},
	}
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			out := c.Translate(Request{Query: tt.query})
			found := false
			for _, d := range out.Diagnostics {
				found = found || d.Code == tt.code
				if d.Code == "internal_error" || tt.code == "" && (d.Code == "too_large" || d.Code == "syntax") {
					t.Errorf("%s: %s", d.Code, clip(d.Message))
				}
			}
			if tt.code != "" && !found {
				t.Errorf("there is no %s among %d diagnostics", tt.code, len(out.Diagnostics))
			}
			if out.Query != "" {
				if _, err := esql.Parse(out.Query); err != nil {
					t.Errorf("the draft does not parse: %v", err)
				}
			} else if tt.code == "" {
				t.Error("there is no draft")
			}
		})
	}
}
