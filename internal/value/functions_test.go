package value

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func arg(x any) Value {
	switch x := x.(type) {
	case nil:
		return nil
	case int:
		return Num(float64(x))
	case float64:
		return Num(x)
	case bool:
		return Bool(x)
	case []string:
		return Strs(x)
	}
	return Str(x.(string))
}

// TestFunctions: results after the pages of Splunk's documentation that the table names, and after what it says where
// there is no page.
func TestFunctions(t *testing.T) {
	zone := time.FixedZone("", 3600)
	day := 1767312000 // 2026-01-02T00:00:00Z, a Friday
	for _, tc := range []struct {
		op   string
		args []any
		want any // nil: missing
	}{
		{"+", []any{"10", "9"}, "19"}, {"+", []any{"a", "b"}, "ab"}, {"+", []any{0.1, 0.2}, "0.3"}, {"+", []any{"1", nil}, nil},
		{"-", []any{"5", "7"}, "-2"}, {"*", []any{"1.5", 4}, "6.0"}, {"/", []any{7, 2}, "3.5"}, {"/", []any{1, 0}, nil}, {"%", []any{7, 4}, "3"}, {"*", []any{"a", 2}, nil},
		{".", []any{2.5, "x"}, "2.5x"}, {".", []any{20000000, ""}, "20000000"}, {".", []any{[]string{"a", "b"}, "!"}, []string{"a!", "b!"}},
		{"<", []any{"10", "9"}, "False"}, {"<", []any{"10", "9a"}, "True"}, {"=", []any{"2.0", 2}, "True"}, {"=", []any{"A", "a"}, "False"}, {"!=", []any{nil, "a"}, "False"}, {"=", []any{[]string{"x", "y"}, "y"}, "True"},
		{"max", []any{"10", 9, nil}, "10"}, {"max", []any{1, "foo", "baz"}, "foo"}, {"min", []any{"9", 10, "foo"}, "9"}, {"sum", []any{1, "2", "x"}, "3"}, {"avg", []any{5, "9"}, "7"},
		{"round", []any{2.555, 2}, "2.56"}, {"round", []any{2.5, 2}, "2.50"}, {"round", []any{3.5}, "4"}, {"round", []any{-2.5}, "-3"}, {"round", []any{1234, -2}, "1200"},
		{"ceil", []any{1.9}, "2"}, {"floor", []any{-1.1}, "-2"}, {"abs", []any{-3}, "3"}, {"pow", []any{2, 10}, "1024"}, {"sqrt", []any{9}, "3"}, {"sqrt", []any{-1}, nil}, {"log", []any{8, 2}, "3"}, {"ln", []any{0}, nil}, {"exp", []any{0}, "1"},
		{"tonumber", []any{"0A4", 16}, "164"}, {"tonumber", []any{"101", 2}, "5"}, {"tonumber", []any{"abc"}, nil}, {"toint", []any{"3.9"}, "3"}, {"tobool", []any{"f"}, nil}, {"tobool", []any{"false"}, "False"}, {"toint", []any{"-3.5"}, "-4"}, {"tonumber", []any{" 5 "}, nil}, {"bit_shift_left", []any{3, 57}, "0"},
		{"tostring", []any{15, "hex"}, "0xF"}, {"tostring", []any{12345.6789, "commas"}, "12,345.68"}, {"tostring", []any{615, "duration"}, "00:10:15"}, {"tostring", []any{93784, "duration"}, "1+02:03:04"}, {"tostring", []any{true}, "True"}, {"tostring", []any{"abc", "commas"}, "abc"},
		{"isint", []any{1.5}, "False"}, {"isint", []any{"7"}, "True"}, {"isnum", []any{"x"}, "False"}, {"isstr", []any{"7"}, "False"}, {"isnull", []any{nil}, "True"}, {"isnull", []any{""}, "False"}, {"typeof", []any{"12"}, "Number"}, {"typeof", []any{nil}, "Invalid"}, {"typeof", []any{true}, "Boolean"},
		{"case", []any{false, "a", true, "b"}, "b"}, {"case", []any{false, "a"}, nil}, {"validate", []any{true, "a", false, "b"}, "b"}, {"coalesce", []any{nil, "", "x"}, ""}, {"nullif", []any{"a", "a"}, nil}, {"in", []any{"x", "a", "x"}, "True"}, {"in", []any{"x", "*"}, "False"},
		{"len", []any{"日本"}, "2"}, {"lower", []any{"ÄB"}, "äb"}, {"substr", []any{"string", 1, 3}, "str"}, {"substr", []any{"string", -3}, "ing"}, {"substr", []any{"abc", 5}, ""}, {"trim", []any{" ZZZZabcZZ ", " Z"}, "abc"}, {"ltrim", []any{"  a "}, "a "}, {"urldecode", []any{"a%2Fb%20c"}, "a/b c"},
		{"replace", []any{"1/14/2026", `^(\d{1,2})/(\d{1,2})/`, `\2/\1/`}, "14/1/2026"}, {"replace", []any{"a.b", ".", "$1"}, "$1$1$1"}, {"replace", []any{"aab", "(?<=a)b", "c"}, "aac"},
		{"like", []any{"cmd.exe", "c__.%"}, "True"}, {"like", []any{"CMD", "cmd"}, "False"}, {"like", []any{"a%b", "a%%"}, "True"}, {"match", []any{"10.1.2.3", `^\d+\.\d+`}, "True"}, {"match", []any{"foobar", `foo(?!baz)`}, "True"}, {"match", []any{"abab", `^(ab)\1$`}, "True"}, {"match", []any{"aaa", `^a++a`}, "False"},
		{"md5", []any{"abc"}, "900150983cd24fb0d6963f7d28e17f72"}, {"sha1", []any{"abc"}, "a9993e364706816aba3e25717850c26c9cd0d89d"},
		{"split", []any{"a;b;;c", ";"}, []string{"a", "b", "", "c"}}, {"mvcount", []any{[]string{"a", "b"}}, "2"}, {"mvcount", []any{nil}, nil}, {"mvindex", []any{[]string{"a", "b", "c"}, -1}, "c"}, {"mvindex", []any{[]string{"a", "b", "c"}, 0, 1}, []string{"a", "b"}}, {"mvindex", []any{[]string{"a"}, 3}, nil},
		{"mvjoin", []any{[]string{"a", "b"}, " OR "}, "a OR b"}, {"mvappend", []any{"a", nil, []string{"b", "c"}}, []string{"a", "b", "c"}}, {"mvdedup", []any{[]string{"b", "a", "b"}}, []string{"b", "a"}}, {"mvsort", []any{[]string{"9", "10", "a"}}, []string{"10", "9", "a"}}, {"mvzip", []any{[]string{"a", "b"}, []string{"1", "2"}, "|"}, []string{"a|1", "b|2"}},
		{"mvrange", []any{1, 11, 2}, []string{"1", "3", "5", "7", "9"}}, {"mvrange", []any{1514834731, 1516644331, "7d"}, []string{"1514834731", "1515439531", "1516044331"}}, {"mvfind", []any{[]string{"x", "err 42"}, `err \d+`}, "1"},
		{"strftime", []any{day, "%Y-%m-%dT%H:%M:%S.%3N %z %A %u %w %j"}, "2026-01-02T01:00:00.000 +0100 Friday 5 5 002"}, {"strftime", []any{"x", "%Y"}, nil}, {"strptime", []any{"2026-01-02 01:00:00", "%Y-%m-%d %H:%M:%S"}, "1767312000"}, {"strptime", []any{"02/Jan/2026:00:00:00 +0000", "%d/%b/%Y:%H:%M:%S %z"}, "1767312000"}, {"strptime", []any{"nothing", "%Y"}, nil},
		{"relative_time", []any{day, "-1d@d"}, "1767222000"}, {"relative_time", []any{day, "@w1"}, "1766962800"}, {"relative_time", []any{day, "+1mon@mon"}, "1769900400"}, {"relative_time", []any{day, "soon"}, nil},
		{"cidrmatch", []any{"123.132.32.0/25", "123.132.32.100"}, "True"}, {"cidrmatch", []any{"123.132.32.0/25", "123.132.32.200"}, "False"}, {"ipmask", []any{"255.255.0.0", "10.1.2.3"}, "10.1.0.0"},
		{"json_object", []any{"a", 1, "b", []string{"x", "y"}}, `{"a":1,"b":["x","y"]}`}, {"json_array", []any{1, "a"}, `[1,"a"]`}, {"json_extract", []any{`{"a":{"b":[1,{"c":"d"}]}}`, "a.b{1}.c"}, "d"}, {"json_extract", []any{`{"a":[1,2]}`, "a{}"}, "[1,2]"}, {"json_keys", []any{`{"b":1,"a":2}`}, `["b","a"]`}, {"json_valid", []any{"{x"}, "False"},
		{"json_set", []any{`{"a":1}`, "b", 2}, `{"a":1,"b":2}`}, {"json_append", []any{`{"a":[1]}`, "a", 2}, `{"a":[1,2]}`}, {"json_extend", []any{`{"a":[1]}`, "a", "[2,3]"}, `{"a":[1,2,3]}`}, {"json_delete", []any{`{"a":1,"b":2}`, "a"}, `{"b":2}`}, {"json_array_to_mv", []any{`["x","y"]`}, []string{"x", "y"}}, {"mv_to_json_array", []any{[]string{"x", "1"}}, `["x","1"]`}, {"spath", []any{`{"a":{"b":1}}`, "a.b"}, "1"},
		{"printf", []any{"%s-%05d-%.2f%%", "x", 42, 3.14159}, "x-00042-3.14%"}, {"printf", []any{"%#010x", 10}, "0x0000000a"}, {"printf", []any{"%c,%c", "abc", "Foo"}, "a,F"},
		{"bit_and", []any{5, 3}, "1"}, {"bit_or", []any{5, 3}, "7"}, {"bit_xor", []any{5, 3}, "6"}, {"bit_not", []any{5, 7}, "2"}, {"bit_shift_left", []any{1, 4}, "16"}, {"bit_shift_right", []any{16, 4}, "1"},
		{"sigfig", []any{1111.0, "1.00", "1111"}, "1110"}, {"isarray", []any{"[1]"}, "True"}, {"pi", nil, "3.14159265358"},
	} {
		o, ok := Find(tc.op, InEval)
		if !ok {
			t.Errorf("no %s", tc.op)
			continue
		}
		args := make([]Value, len(tc.args))
		for i, a := range tc.args {
			args[i] = arg(a)
		}
		e := &Env{Now: time.Unix(int64(day), 0), Zone: zone}
		got := o.Call(e, args).Texts()
		want := arg(tc.want).Texts()
		if !reflect.DeepEqual(got, want) || e.Err() != nil {
			t.Errorf("%s%v = %q, want %q", tc.op, tc.args, got, want)
		}
	}
}

// TestSearchComparisons: value, sign and literal of the search grammar.
func TestSearchComparisons(t *testing.T) {
	for _, tc := range []struct {
		value   any
		op, lit string
		want    bool
	}{
		{"CMD.exe", "=", "cmd.EXE", true}, {"cmd.exe", "=", "*.exe", true}, {"cmd.exe", "=", "cmd", false}, {"2.0", "=", "2", false}, {"2.0", "!=", "2", true}, {"010", "=", "10", false}, {2.0, "=", "2", true}, {"a?b", "=", "a?b", true}, {"axb", "=", "a?b", false},
		{"10.1.2.3", "=", "10.0.0.0/8", true}, {"11.1.2.3", "=", "10.0.0.0/8", false}, {"10", ">", "9", true}, {"abc", ">", "9", true}, {nil, "!=", "x", false}, {[]string{"x", "y"}, "!=", "x", true}, {[]string{"x", "y"}, "=", "Y", true}, {"Straße", "=", "STRASSE", false}, {"ÄÖ", "=", "äö", true}, {"line\nbreak", "=", "line*break", true},
	} {
		o, _ := Find(tc.op, InSearch)
		if got := o.Call(&Env{}, []Value{arg(tc.value), Str(tc.lit)}).True(); got != tc.want {
			t.Errorf("%v %s %s: %v, want %v", tc.value, tc.op, tc.lit, got, tc.want)
		}
	}
}

// TestBlanksOfPatterns: \s is every blank of PCRE, the vertical tab among them, in and out of classes.
func TestBlanksOfPatterns(t *testing.T) {
	for _, tc := range []struct {
		expr, text string
		want       bool
	}{
		{`^a\s+b$`, "a\vb", true}, {`^a\s+b$`, "a \t\f\r\nb", true}, {`^a\s+b$`, "a_b", false}, {`^a\Sb$`, "a\vb", false}, {`^a\Sb$`, "a_b", true},
		{`^a[\s,]+b$`, "a,\vb", true}, {`^a[^\s]b$`, "a\vb", false}, {`^a[\S]b$`, "a\vb", false}, {`^a[\S,]b$`, "axb", true}, {`^[]\s]+$`, "]\v", true}, {`^[[:alpha:]\s]+$`, "x\vy", true},
		{`\\s`, `a\s`, true}, {`\\s`, "a ", false}, {`\Q\s\E`, `\s`, true}, {`^[^]\s]+$`, "ab", true}, {`(?<x>\s)`, "\v", true},
	} {
		p, err := Compile(tc.expr)
		if err != nil {
			t.Errorf("%s: %v", tc.expr, err)
			continue
		}
		if got := p.Match(&Env{}, tc.text); got != tc.want {
			t.Errorf("%s in %q: %v, want %v", tc.expr, tc.text, got, tc.want)
		}
	}
}

// TestTerms: words in raw text.
func TestTerms(t *testing.T) {
	for _, tc := range []struct {
		raw, term string
		want      bool
	}{
		{"failed password for root", "PASSWORD", true}, {"failed passwords", "password", false}, {"failed passwords", "password*", true}, {"user=root from 10.1.2.3", "10.1.2.3", true}, {"x 110.1.2.3", "10.1.2.3", false}, {"access denied here", "access denied", true}, {"abc", "*", true}, {"error", "", true},
	} {
		if got := findTerm(tc.raw, tc.term, false); got != tc.want {
			t.Errorf("%q in %q: %v, want %v", tc.term, tc.raw, got, tc.want)
		}
	}
}

// TestAggregations: what stats makes of the values of its rows.
func TestAggregations(t *testing.T) {
	rows := func(values ...any) []Sample {
		var list []Sample
		for i, v := range values {
			list = append(list, Sample{Value: arg(v), Time: float64(100 - i), HasTime: true})
		}
		return list
	}
	mixed := rows("10", "9", nil, "100", "9")
	for _, tc := range []struct {
		name string
		rows []Sample
		want any
	}{
		{"count", mixed, "4"}, {"dc", mixed, "3"}, {"sum", mixed, "128"}, {"avg", mixed, "32"}, {"max", mixed, "100"}, {"min", mixed, "9"}, {"range", mixed, "91"}, {"mode", mixed, "9"},
		{"max", rows("10", "abc", "9"), "abc"}, {"min", rows("10", "abc", "9"), "9"}, {"sum", rows("a", nil), nil}, {"values", mixed, []string{"10", "100", "9"}}, {"list", mixed, []string{"10", "9", "100", "9"}},
		{"first", rows(nil, "a", "b"), "a"}, {"last", rows("a", "b", nil), "b"}, {"earliest", rows("new", "old", nil), "old"}, {"latest", rows(nil, "new", "old"), "new"},
		{"median", rows(1, 3, 2), "2"}, {"median", rows(1, 2, 3, 4), "3"}, {"perc50", rows(1, 2, 3, 4), "2.5"}, {"p95", rows(1, 2, 3, 4), "3.85"}, {"perc100", rows(5, 7), "7"},
		{"stdev", rows(2, 4, 4, 4, 5, 5, 7, 9), "2.138089935"}, {"stdevp", rows(2, 4, 4, 4, 5, 5, 7, 9), "2"}, {"var", rows(1, 2, 3), "1"}, {"varp", rows(1, 3), "1"}, {"sumsq", rows(1, 2, 3), "14"}, {"rate", rows(30, 10), "20"},
		{"dc", rows("1", "1.0", "01"), "3"}, {"count", nil, "0"}, {"avg", nil, nil},
	} {
		a, ok := FindAggregation(tc.name)
		if !ok {
			t.Errorf("no %s", tc.name)
			continue
		}
		got, want := a.Of(&Env{}, tc.rows).Texts(), arg(tc.want).Texts()
		if len(got) == 1 && len(want) == 1 && strings.HasPrefix(got[0], want[0]) && tc.name == "stdev" {
			continue
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %q, want %q", tc.name, got, want)
		}
	}
	for _, name := range []string{"nosuch", "perc101", "percx", "p"} {
		if _, ok := FindAggregation(name); ok {
			t.Errorf("%s is an aggregation", name)
		}
	}
}
