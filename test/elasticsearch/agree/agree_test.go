package agree

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rulebridge/rulebridge/internal/compile"
	"github.com/rulebridge/rulebridge/internal/esql"
	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/splunk"
	"github.com/rulebridge/rulebridge/internal/translate"
	"github.com/rulebridge/rulebridge/test/elasticsearch"
)

// fields is a column of every type that the test node can map, with a value.
var fields = []struct {
	name, typ string
	value     any
}{
	{"b", "boolean", true}, {"i", "integer", 1}, {"l", "long", 2}, {"d", "double", 1.5}, {"k", "keyword", "10.0.0.0/8"},
	{"t", "text", "hello world"}, {"dt", "date", "2026-01-02T03:04:05Z"}, {"dn", "date_nanos", "2026-01-02T03:04:05.123456789Z"},
	{"ip", "ip", "10.1.2.3"}, {"v", "version", "1.2.3"}, {"gp", "geo_point", "POINT(1 2)"}, {"k2", "keyword", "x"},
	{"fl", "flattened", map[string]any{"a": "b"}},
}

// others are columns of the types that no mapping has there.
const others = ` | EVAL ul = TO_UNSIGNED_LONG(l), gs = TO_GEOSHAPE("POINT(1 2)"), cp = TO_CARTESIANPOINT("POINT(1 2)"), cs = TO_CARTESIANSHAPE("POINT(1 2)")`

// operands are expressions of every type.
var operands = []struct{ typ, text string }{
	{"boolean", "b"}, {"integer", "i"}, {"long", "l"}, {"double", "d"}, {"unsigned_long", "ul"}, {"keyword", "k"}, {"text", "t"},
	{"date", "dt"}, {"date_nanos", "dn"}, {"ip", "ip"}, {"version", "v"}, {"geo_point", "gp"}, {"geo_shape", "gs"},
	{"cartesian_point", "cp"}, {"cartesian_shape", "cs"}, {"date_period", "1 day"}, {"time_duration", "1 hour"},
	{"unsupported", "fl"}, {"null", "null"}, {"string", `"abc"`}, {"ip string", `"10.0.0.1"`}, {"date string", `"2026-01-01"`},
	{"span string", `"1 day"`}, {"small", "3"}, {"large", "3000000000"}, {"fraction", "0.5"}, {"huge", "9223372036854775808"},
	{"true", "true"}, {"unknown", "nosuch"},
}

func newWorld(t *testing.T) (*World, context.Context) {
	node, ctx := elasticsearch.Start(t), t.Context()
	w := &World{Client: node.Client, Indices: map[string]map[string]string{}, Lookups: map[string]map[string]string{}}
	create := func(name string, lookup bool, properties map[string]any, docs ...any) {
		t.Helper()
		if err := node.DeleteIndex(ctx, name); err != nil {
			t.Fatal(err)
		}
		settings := map[string]any{"number_of_replicas": 0}
		if lookup {
			settings = map[string]any{"index.mode": "lookup"}
		}
		body := map[string]any{"settings": settings, "mappings": map[string]any{"properties": properties}}
		if err := node.CreateIndex(ctx, name, body); err != nil {
			t.Fatal(err)
		}
		if err := node.Bulk(ctx, name, docs...); err != nil {
			t.Fatal(err)
		}
	}
	properties, doc, columns := map[string]any{}, map[string]any{}, map[string]string{}
	for _, f := range fields {
		properties[f.name], doc[f.name], columns[f.name] = map[string]any{"type": f.typ}, f.value, f.typ
	}
	columns["fl"] = "unsupported"
	create("types", false, properties, doc, map[string]any{"k": "only"})
	w.Indices["types"] = columns
	create("types2", false, map[string]any{"k": map[string]any{"type": "long"}, "l": map[string]any{"type": "long"},
		"i": map[string]any{"type": "long"}, "only2": map[string]any{"type": "keyword"}}, map[string]any{"k": 1, "l": 1})
	w.Indices["types2"] = map[string]string{"k": "long", "l": "long", "i": "long", "only2": "keyword"}
	create("lk", true, map[string]any{"k": map[string]any{"type": "keyword"}, "l": map[string]any{"type": "long"},
		"t": map[string]any{"type": "text"}, "extra": map[string]any{"type": "keyword"}, "vip": map[string]any{"type": "boolean"},
		"dt": map[string]any{"type": "date"}, "ip": map[string]any{"type": "ip"}}, map[string]any{"k": "only", "extra": "e"})
	w.Lookups["lk"] = map[string]string{"k": "keyword", "l": "long", "t": "text", "extra": "keyword", "vip": "boolean", "dt": "date", "ip": "ip"}
	return w, ctx
}

// operatorQueries combines all operators with operands of all types.
func operatorQueries() []Query {
	var list []Query
	add := func(expr string) {
		list = append(list, Query{Name: "operator", Text: "FROM types" + others + " | EVAL x = " + expr + " | KEEP x"})
	}
	for _, l := range operands {
		for _, r := range operands {
			for _, op := range []string{"==", "!=", "<", ">=", "+", "-", "*", "/", "%", "AND", "OR"} {
				add(l.text + " " + op + " " + r.text)
			}
			add(fmt.Sprintf("%s IN (%s)", l.text, r.text))
			add(fmt.Sprintf("%s NOT IN (%s, %[1]s)", l.text, r.text))
		}
		for _, format := range []string{"-%s", "NOT %s", "%s IS NULL", "%s IS NOT NULL", `%s LIKE "a*"`, `%s NOT LIKE ("a*", "*b")`, `%s RLIKE "a.*"`} {
			add(fmt.Sprintf(format, l.text))
		}
		for _, typ := range []string{"boolean", "bool", "integer", "int", "long", "double", "unsigned_long", "keyword", "string", "text",
			"date", "datetime", "date_nanos", "ip", "version", "geo_point", "geo_shape", "cartesian_point", "cartesian_shape",
			"date_period", "time_duration", "short", "float", "null", "foo"} {
			add(fmt.Sprintf("(%s)::%s", l.text, typ))
		}
	}
	return list
}

// functionQueries calls every function with each number of arguments, and with each argument of every type while the
// others are right.
func functionQueries() []Query {
	var list []Query
	for _, name := range esql.Functions(esql.V8) {
		f, _ := esql.LookupFunction(name)
		if f.Kind == esql.FullText || name == "CATEGORIZE" { // the first have tests of their own, the second never returns
			continue
		}
		add := func(args []string) {
			call := name + "(" + strings.Join(args, ", ") + ")"
			text := "FROM types" + others
			switch f.Kind {
			case esql.Aggregate:
				text += " | STATS x = " + call
			case esql.Grouping:
				text += " | STATS BY x = " + call
			default:
				text += " | EVAL x = " + call + " | KEEP x"
			}
			list = append(list, Query{Name: "function " + name, Text: text})
		}
		least, most := len(f.Params), len(f.Params)
		for i, p := range f.Params {
			if p.Optional || p.Repeated && i > 0 {
				least = min(least, i)
			}
			if p.Repeated {
				most++
			}
		}
		for n := max(0, least-1); n <= most+1; n++ {
			for _, base := range baselines(f, n) {
				add(base)
				if n < least || n > most {
					continue // the number is wrong already
				}
				for i := range base {
					for _, o := range operands {
						args := append([]string{}, base...)
						args[i] = o.text
						add(args)
					}
				}
			}
		}
	}
	return list
}

// baselines returns right arguments for n parameters of a function, once per type of the first one.
func baselines(f *esql.Function, n int) [][]string {
	if n == 0 || len(f.Params) == 0 {
		args := []string{}
		for range n {
			args = append(args, "l")
		}
		return [][]string{args}
	}
	var list [][]string
	for _, first := range f.Params[0].Types {
		args := []string{column(first)}
		for i := 1; i < n; i++ {
			p := f.Params[min(i, len(f.Params)-1)]
			typ := p.Types[0]
			for _, t := range p.Types {
				if t == first {
					typ = t
				}
			}
			text := column(typ)
			if p.Constant {
				text = constant(typ)
			}
			args = append(args, text)
		}
		switch f.Name {
		case "CASE":
			args[0] = "b"
			for i := 1; i < n; i++ {
				args[i] = column(first)
			}
			if n == 4 {
				args[2] = "b"
			}
		case "TOP":
			if n > 2 {
				args[1], args[2] = "3", `"asc"`
			}
		}
		list = append(list, args)
		if f.Name != "CASE" && len(list) >= 3 && n > 2 {
			break
		}
	}
	return list
}

func column(typ string) string {
	for _, o := range operands {
		if o.typ == typ {
			return o.text
		}
	}
	return "null"
}

func constant(typ string) string {
	switch typ {
	case "keyword", "text":
		return `"asc"`
	case "double":
		return "0.5"
	case "date_period":
		return "1 day"
	case "time_duration":
		return "1 hour"
	case "date", "date_nanos":
		return `"2026-01-01"`
	}
	return "3"
}

// some returns every tenth query, or all of them with FIDELITY=all.
func some(list []Query) []Query {
	if os.Getenv("FIDELITY") == "all" {
		return list
	}
	var out []Query
	for i := 0; i < len(list); i += 10 {
		out = append(out, list[i])
	}
	return out
}

// handwritten reads testdata/*.esql: one query a line, // for remarks.
func handwritten(t *testing.T) []Query {
	files, err := filepath.Glob("testdata/*.esql")
	if err != nil || len(files) == 0 {
		t.Fatalf("no queries: %v", err)
	}
	var list []Query
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for line := range strings.Lines(string(data)) {
			n++
			line = strings.TrimSpace(line)
			if line == "" || strings.HasPrefix(line, "//") {
				continue
			}
			list = append(list, Query{Name: fmt.Sprintf("%s:%d", filepath.Base(file), n), Text: line})
		}
	}
	return list
}

// tolerated are the disagreements that the checker cannot or should not follow, by a part of the node's error or of the
// query.
var tolerated = []struct{ engine, query, why string }{
	{"is not an IP string literal", "CIDR_MATCH(", "the value is in the data, not in the query"},
	{"delimiter must be single byte", "SPLIT(", "the value is in the data, not in the query"},
	{"Invalid format: [", "DATE_FORMAT(", "the value is in the data, not in the query"},
	{"current license is non-compliant", "ST_EXTENT_AGG(", "the licence of the cluster is not known"},
	{"does not have same position count", "TO_AGGREGATE_METRIC_DOUBLE(", "a fault of this release with constants"},
	{"Failed to parse KQL query", "", "the test node's KQL cannot read lists of values; parts are missing there"},
	{"", "CIDR_MATCH(ip, k, \"", "refused although this data happens not to reach the constant, which is no address block"},
}

func isTolerated(v Verdict) bool {
	for _, known := range tolerated {
		engine := ""
		if v.Engine != nil {
			engine = v.Engine.Error()
		}
		if strings.Contains(v.Text, known.query) && (known.engine == "") == (v.Engine == nil) && strings.Contains(engine, known.engine) {
			return true
		}
	}
	return false
}

// report fails for every disagreement that is not tolerated.
func report(t *testing.T, r Report) {
	t.Helper()
	t.Log(r)
	known := 0
	for _, list := range [][]Verdict{r.CheckerOnly, r.EngineOnly, r.Columns} {
		shown := 0
		for _, v := range list {
			if isTolerated(v) {
				known++
				continue
			}
			if shown++; shown > 50 {
				t.Errorf("… and more of this kind, %d in all", len(list))
				break
			}
			text := v.String()
			if len(text) > 3000 {
				text = text[:1000] + " … " + text[len(text)-1000:]
			}
			t.Error(text)
		}
	}
	t.Logf("%d disagreements are tolerated", known)
}

func TestHandwritten(t *testing.T) {
	w, ctx := newWorld(t)
	r, err := Run(ctx, w, handwritten(t))
	if err != nil {
		t.Fatal(err)
	}
	report(t, r)
	if r.BothReject < 150 {
		t.Errorf("only %d wrong queries", r.BothReject)
	}
}

// tooBroad reports whether a query is over so many streams, such as logs-*, that it would take minutes to create them.
func tooBroad(w *World, q *esql.Query) bool {
	broad := false
	esql.Inspect(q, func(n esql.Node) bool {
		if from, ok := n.(*esql.From); ok {
			broad = len(w.Catalogue.Match(from.Indices...)) > 20
		}
		return true
	})
	return broad
}

// TestCorpus compares on the drafts of the real rules.
func TestCorpus(t *testing.T) {
	w, ctx := newWorld(t)
	dir := elasticsearch.DataDir(t)
	var err error
	if w.Catalogue, err = elasticsearch.LoadCatalogue(filepath.Join(dir, "ecs")); err != nil {
		t.Fatal(err)
	}
	open := func(name string) *os.File {
		f, err := os.Open(filepath.Join(dir, "spl", name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	var resources []migration.Resource
	for _, list := range []iter.Seq2[migration.Resource, error]{
		splunk.Macros("macros.jsonl", open("macros.jsonl")), splunk.Lookups("lookups.jsonl", open("lookups.jsonl")),
	} {
		for r, err := range list {
			if err != nil {
				t.Fatal(err)
			}
			resources = append(resources, r)
		}
	}
	compiler, err := translate.New(compile.WithResources(translate.Options{}, resources))
	if err != nil {
		t.Fatal(err)
	}
	var list []Query
	broad := 0
	for r, err := range splunk.Rules("rules.jsonl", open("rules.jsonl")) {
		if err != nil {
			t.Fatal(err)
		}
		out := compiler.Translate(compile.Request(r.OriginalRule))
		if out.ESQL == nil {
			continue
		}
		for _, lookup := range out.Lookups {
			addLookup(ctx, t, w, lookup)
		}
		if tooBroad(w, out.ESQL) {
			broad++
			continue
		}
		list = append(list, Query{Name: r.OriginalRule.Title, Text: out.Query})
	}
	r, err := Run(ctx, w, list)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d drafts over very many streams are left out", broad)
	for _, v := range r.Refused {
		t.Logf("refused by both: %v", v)
	}
	report(t, r)
}

// addLookup creates the lookup index of a translation, once a name.
func addLookup(ctx context.Context, t *testing.T, w *World, lookup translate.LookupIndex) {
	t.Helper()
	if w.Lookups[lookup.Name] != nil {
		return
	}
	data, err := json.Marshal(lookup.Body)
	if err != nil {
		t.Fatal(err)
	}
	var body struct {
		Mappings struct {
			Properties map[string]struct{ Type string }
		}
	}
	if err := json.Unmarshal(data, &body); err != nil {
		t.Fatal(err)
	}
	columns := map[string]string{}
	for name, field := range body.Mappings.Properties {
		columns[name] = field.Type
	}
	if err := w.Client.DeleteIndex(ctx, lookup.Name); err != nil {
		t.Fatal(err)
	}
	if err := w.Client.CreateIndex(ctx, lookup.Name, lookup.Body); err != nil {
		t.Fatalf("create lookup index %s: %v", lookup.Name, err)
	}
	w.Lookups[lookup.Name] = columns
}

// TestComplexity compares where Lucene gives up on patterns.
func TestComplexity(t *testing.T) {
	w, ctx := newWorld(t)
	var list []Query
	add := func(name, where string) {
		list = append(list, Query{Name: name, Text: "FROM types | WHERE " + where + " | KEEP k | LIMIT 1"})
	}
	words := []string{"alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliett", "kilo", "lima",
		"mike", "november", "oscar", "papa", "quebec", "romeo", "sierra", "tango", "uniform", "victor", "whiskey", "xray"}
	for n := 1; n <= len(words); n++ {
		quoted := make([]string, n)
		for i, word := range words[:n] {
			quoted[i] = esql.QuoteString("*" + word + "*")
		}
		add(fmt.Sprintf("LIKE list of %d", n), "k LIKE ("+strings.Join(quoted, ", ")+")")
		add(fmt.Sprintf("RLIKE union of %d", n), "k RLIKE "+esql.QuoteString(".*("+strings.Join(words[:n], "|")+").*"))
		add(fmt.Sprintf("RLIKE union with gaps of %d", n), "k RLIKE "+esql.QuoteString(".*("+strings.Join(words[:n], ".*x|")+").*"))
		add(fmt.Sprintf("LIKE of %d pieces", n), "k LIKE "+esql.QuoteString("*"+strings.Join(words[:n], "*")+"*"))
		add(fmt.Sprintf("RLIKE with %d any", n), fmt.Sprintf(`k RLIKE ".*a.{%d}b"`, n))
		add(fmt.Sprintf("LIKE with %d any", n), `k LIKE "*a`+strings.Repeat("?", n)+`b*"`)
		add(fmt.Sprintf("RLIKE with %d classes", n), fmt.Sprintf(`k RLIKE ".*[a-f]{%d,}[0-9]+.*"`, n))
		add(fmt.Sprintf("RLIKE counted %d", n), fmt.Sprintf(`k RLIKE "([a-z]{1,%d}\.){2,%d}com"`, 3*n, n+2))
		add(fmt.Sprintf("RLIKE case %d", n), "k RLIKE "+esql.QuoteString(".*"+strings.Repeat("[eE][xX]", n)+".*"))
	}
	for _, n := range []int{100, 300, 440, 450, 990, 1000, 1001, 2000} {
		add(fmt.Sprintf("LIKE of %d letters", n), "k LIKE "+esql.QuoteString("*"+letters(n)+"*"))
		add(fmt.Sprintf("LIKE of %d same letters", n), "k LIKE "+esql.QuoteString("*"+strings.Repeat("a", n)+"*"))
		add(fmt.Sprintf("RLIKE of %d letters", n), "k RLIKE "+esql.QuoteString(".*"+letters(n-2)))
		add(fmt.Sprintf("RLIKE of %d letters alone", n), "k RLIKE "+esql.QuoteString(letters(n)))
		add(fmt.Sprintf("RLIKE of %d letters, computed", n), "CONCAT(k, k) RLIKE "+esql.QuoteString(".*"+letters(n-2)))
		add(fmt.Sprintf("RLIKE of %d letters, lower", n), "TO_LOWER(k) RLIKE "+esql.QuoteString(".*"+letters(n-2)))
		add(fmt.Sprintf("RLIKE of %d letters, text", n), "t RLIKE "+esql.QuoteString(".*"+letters(n-2)))
		add(fmt.Sprintf("QSTR of %d letters", n), "QSTR("+esql.QuoteString("k:/"+letters(n)+"/")+")")
		add(fmt.Sprintf("QSTR wildcard of %d letters", n), "QSTR("+esql.QuoteString("k:*"+letters(n)+"*")+")")
	}
	r, err := Run(ctx, w, list)
	if err != nil {
		t.Fatal(err)
	}
	report(t, r)
}

// letters returns n letters without much repetition.
func letters(n int) string {
	b := make([]byte, n)
	x := uint32(7)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = 'a' + byte(x>>24)%26
	}
	return string(b)
}

// TestLimits compares the limits of depth and size.
func TestLimits(t *testing.T) {
	w, ctx := newWorld(t)
	var list []Query
	add := func(name, text string) { list = append(list, Query{Name: name, Text: "FROM types" + text}) }
	for _, n := range []int{10, 49, 50, 98, 99, 100, 147, 148, 149, 150, 296, 297, 298, 299, 300, 301} {
		rep := strings.Repeat
		add(fmt.Sprintf("%d OR", n), " | WHERE b"+rep(" OR b", n-1))
		add(fmt.Sprintf("%d OR of equalities", n), ` | WHERE k == "a"`+rep(` OR k == "a"`, n-1))
		add(fmt.Sprintf("%d AND of LIKE", n), ` | WHERE TO_LOWER(k) LIKE "a*"`+rep(` AND TO_LOWER(k) LIKE "a*"`, n-1))
		add(fmt.Sprintf("%d OR of match", n), ` | WHERE k : "a"`+rep(` OR k : "a"`, n-1))
		add(fmt.Sprintf("%d parentheses", n), " | WHERE b OR "+rep("(b OR ", n)+"b"+rep(")", n))
		add(fmt.Sprintf("%d NOT", n), " | WHERE "+rep("NOT ", n)+"b")
		add(fmt.Sprintf("%d NOT in parentheses", n), " | WHERE "+rep("NOT (b OR ", n)+"b"+rep(")", n))
		add(fmt.Sprintf("%d calls", n), " | EVAL x = "+rep("ABS(", n)+"l"+rep(")", n)+" | KEEP x")
		add(fmt.Sprintf("%d sums", n), " | EVAL x = l"+rep(" + l", n-1)+" | KEEP x")
		add(fmt.Sprintf("%d casts", n), " | EVAL x = l"+rep("::long", n)+" | KEEP x")
		add(fmt.Sprintf("%d CASE", n), " | EVAL x = "+rep("CASE(b, 1, ", n)+"2"+rep(")", n)+" | KEEP x")
	}
	for _, n := range []int{499, 500, 501} {
		add(fmt.Sprintf("%d commands", n), strings.Repeat(" | WHERE b", n))
	}
	add("1,000 alternatives", " | WHERE "+esql.PrintExpr(alternatives(1000)))
	add("3,000 values", " | WHERE "+esql.PrintExpr(&esql.In{X: esql.Col("k"), List: values(3000)}))
	add("a million characters", " | WHERE k == "+esql.QuoteString(strings.Repeat("a", 999_900)))
	add("more than a million characters", " | WHERE k == "+esql.QuoteString(strings.Repeat("a", 1_000_001)))
	r, err := Run(ctx, w, list)
	if err != nil {
		t.Fatal(err)
	}
	report(t, r)
}

func values(n int) []esql.Expr {
	list := make([]esql.Expr, n)
	for i := range list {
		list[i] = esql.Str(fmt.Sprintf("v%d", i))
	}
	return list
}

func alternatives(n int) esql.Expr {
	list := values(n)
	for i, v := range list {
		list[i] = esql.Op("==", esql.Col("k"), v)
	}
	return esql.Or(list...)
}

// TestPrebuilt compares on the ES|QL of Elastic's own rules.
func TestPrebuilt(t *testing.T) {
	w, ctx := newWorld(t)
	dir := elasticsearch.DataDir(t)
	var err error
	if w.Catalogue, err = elasticsearch.LoadCatalogue(filepath.Join(dir, "ecs")); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "prebuilt", "rules.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var list []Query
	broad := 0
	for line := range strings.Lines(string(data)) {
		var rule struct{ Name, Language, Query string }
		if err := json.Unmarshal([]byte(line), &rule); err != nil {
			t.Fatal(err)
		}
		if rule.Language != "esql" {
			continue
		}
		if q, err := esql.Parse(rule.Query); err == nil {
			if tooBroad(w, q) {
				broad++
				continue
			}
		}
		list = append(list, Query{Name: rule.Name, Text: rule.Query})
	}
	r, err := Run(ctx, w, list)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d queries over very many streams are left out", broad)
	report(t, r)
}

func TestOperators(t *testing.T) {
	w, ctx := newWorld(t)
	r, err := Run(ctx, w, some(operatorQueries()))
	if err != nil {
		t.Fatal(err)
	}
	report(t, r)
}

func TestFunctions(t *testing.T) {
	w, ctx := newWorld(t)
	r, err := Run(ctx, w, some(functionQueries()))
	if err != nil {
		t.Fatal(err)
	}
	report(t, r)
}
