package fidelity

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/lower"
	"github.com/rulebridge/rulebridge/internal/plan/run"
	"github.com/rulebridge/rulebridge/internal/spl"
	"github.com/rulebridge/rulebridge/internal/translate"
	"github.com/rulebridge/rulebridge/internal/value"
	"github.com/rulebridge/rulebridge/test/elasticsearch"
)

// randomSearches is how many searches a run draws, unless SEARCHES is another number.
const randomSearches = 60

// TestRandomSearches draws small searches over small events and compares the rows that the interpreter gives with those of
// the draft on a real node. A draft that is called full must give the same rows; what is not full is counted and left out.
// Where the draft says that a value differs that is only shown, the columns that the search computes are left out: the rows
// must be the same ones. The draw is the same in every run, unless SEARCH_SEED is another number.
func TestRandomSearches(t *testing.T) {
	node, ctx := elasticsearch.Start(t), context.Background()
	seed := uint64(1)
	if n, err := strconv.ParseUint(os.Getenv("SEARCH_SEED"), 10, 64); err == nil {
		seed = n
	}
	draw := rand.New(rand.NewPCG(20261201, seed))
	events := searchEvents(draw, 40)
	index := "random_searches"
	properties := typeProperties(searchTypes)
	properties["@timestamp"] = map[string]any{"type": "date"}
	if err := node.DeleteIndex(ctx, index); err != nil {
		t.Fatal(err)
	}
	if err := node.CreateIndex(ctx, index, map[string]any{"mappings": map[string]any{"properties": properties}}); err != nil {
		t.Fatal(err)
	}
	in := run.Input{Now: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)}
	var docs []any
	for i, e := range events {
		at := pipelineStart.Add(time.Duration(i) * time.Minute)
		doc := map[string]any{"@timestamp": at.Format(time.RFC3339)}
		ev := run.Event{Names: []string{"_time"}, Values: []value.Value{value.Num(value.Seconds(at))}}
		for _, name := range sortedNames(e) {
			doc[name] = e[name]
			ev.Names, ev.Values = append(ev.Names, name), append(ev.Values, value.Strs(e[name]))
		}
		docs = append(docs, doc)
		in.Events = append(in.Events, ev)
	}
	if err := node.Bulk(ctx, index, docs...); err != nil {
		t.Fatal(err)
	}
	compiler, err := translate.New(translate.Options{Index: []string{index}})
	if err != nil {
		t.Fatal(err)
	}
	count := randomSearches
	if n, err := strconv.Atoi(os.Getenv("SEARCHES")); err == nil {
		count = n
	}
	figures := tally{}
	for range count {
		g := searchDraw{draw: draw, events: events}
		text := g.search()
		out := compiler.Translate(translate.Request{Query: text, Types: searchTypes})
		if out.Result != translate.Full {
			figures.add(string(out.Result))
			continue
		}
		want, err := interpret(ctx, text, in)
		if err != nil {
			figures.add("not run by the interpreter")
			continue
		}
		if exponentAside(text, out.Diagnostics) {
			figures.add("full, with the note that equality leaves numerals with an exponent out")
			continue
		}
		result, err := node.ESQL(ctx, out.Query, elasticsearch.ESQLOptions{})
		if err != nil {
			figures.add("rejected")
			t.Errorf("REJECTED %s\n  %v\n%s", text, err, out.Query)
			continue
		}
		shown := slices.ContainsFunc(out.Diagnostics, func(d translate.Diagnostic) bool { return d.Code == "display_only" })
		if why := differentRows(want, result, shown); why != "" {
			figures.add("wrong")
			t.Errorf("NOT EXACT %s\n  %s\n%s", text, why, out.Query)
			continue
		}
		if shown {
			figures.add("full, with the same rows and a value that differs where it is shown")
			continue
		}
		figures.add("full, with the same rows")
	}
	t.Logf("FIGURE random searches: %d", count)
	for _, line := range figures.lines(0) {
		t.Logf("FIGURE %s", line)
	}
}

// exponentAside says that a search asks for the number of the one word with an exponent, and that the draft says that it
// leaves such words out.
func exponentAside(text string, diagnostics []translate.Diagnostic) bool {
	return strings.Contains(text, "1000") && slices.ContainsFunc(diagnostics, func(d translate.Diagnostic) bool {
		return d.Code == "numeric_comparison" && strings.Contains(d.Message, "1000") && strings.Contains(d.Message, "with an exponent aside")
	})
}

// computedName is a name that searchDraw gives a column that a search computes.
var computedName = regexp.MustCompile(`^[ec]\d+$`)

// searchTypes are the types of the fields: s, t and u are text; no event has m.
var searchTypes = map[string]string{"n": "long", "k": "long", "d": "double", "s": "keyword", "t": "keyword", "u": "keyword", "m": "keyword", "ip": "ip"}

// searchWords has 1e3, which is the number 1000 to where, isnum and isint. Equality with 1000 leaves it out of a column that
// may hold several values, which the note numeric_comparison says: see exponentAside.
var searchWords = []string{
	"x", "X", "abc", "ABC", "aXc", "a b", `C:\Win\cmd.exe`, `C:\Temp\`, "100%", "x_y", "xyz", "é", "É", "日本語", "", `say "x"`, "a*b", "a|b", "-", "N/A",
	"true", "null", "1", "1.0", "01", "2", "10", "9", "-5", "2.5", "1000", "1e3", "0x1F", "1d", " 5 ", "10.0.0.1", "10.1.2.3", "192.168.0.1", "a,b,c", "k=v", "2026-01-02",
	"user@example.com", "CORP\\bob", "bob", "$m", "a.b.c",
}

func searchEvents(draw *rand.Rand, n int) []map[string][]string {
	var out []map[string][]string
	word := func() string { return searchWords[draw.IntN(len(searchWords))] }
	for i := range n {
		e := map[string][]string{"n": {strconv.Itoa(i)}}
		for _, f := range []string{"s", "t"} {
			if draw.IntN(6) > 0 {
				e[f] = []string{word()}
			}
		}
		if draw.IntN(6) > 0 { // few values, so that groups have several events
			e["u"] = []string{[]string{"a", "b", "B", "10", "9", ""}[draw.IntN(6)]}
		}
		if draw.IntN(6) > 0 {
			e["k"] = []string{[]string{"0", "1", "2", "3", "5", "10", "-4", "1000"}[draw.IntN(8)]}
		}
		if draw.IntN(6) > 0 {
			e["d"] = []string{[]string{"0.5", "1.5", "2.5", "-1.25", "3.75", "10.125"}[draw.IntN(6)]}
		}
		if draw.IntN(6) > 0 {
			e["ip"] = []string{[]string{"10.0.0.1", "10.1.2.3", "9.9.9.9", "192.168.0.1", "100.64.0.1"}[draw.IntN(5)]}
		}
		out = append(out, e)
	}
	return out
}

func sortedNames(e map[string][]string) []string {
	var names []string
	for n := range e {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// interpret runs a search over events.
func interpret(ctx context.Context, text string, in run.Input) (*run.Result, error) {
	text, err := run.Values(ctx, text, in)
	if err != nil {
		return nil, err
	}
	q := spl.Parse(text, spl.Options{})
	if len(q.Problems) > 0 {
		return nil, fmt.Errorf("%s", q.Problems[0].Message)
	}
	return run.Run(ctx, lower.Lower(q), in)
}

// differentRows says how the rows of a draft differ from those of the interpreter, in the columns that both have. A column
// that only the interpreter has must be empty in the draft's mind too, which the columns that decide show. storedOnly leaves
// out the columns that the search computes.
func differentRows(want *run.Result, got elasticsearch.Result, storedOnly bool) string {
	var names []string
	var at []int
	for _, name := range want.Columns {
		if storedOnly && computedName.MatchString(name) {
			continue
		}
		if i := slices.IndexFunc(got.Columns, func(c elasticsearch.Column) bool { return c.Name == name }); i >= 0 && name[0] != '_' {
			names, at = append(names, name), append(at, i)
		}
	}
	var a, b []string
	for _, r := range want.Rows {
		var cells []string
		for _, n := range names {
			cells = append(cells, n+"="+plainCell(r.Get(n).Texts()))
		}
		a = append(a, strings.Join(cells, " "))
	}
	for _, r := range got.Values {
		var cells []string
		for i, n := range names {
			var texts []string
			switch v := r[at[i]].(type) {
			case nil:
			case []any:
				for _, x := range v {
					texts = append(texts, cell(x))
				}
			default:
				texts = []string{cell(v)}
			}
			cells = append(cells, n+"="+plainCell(texts))
		}
		b = append(b, strings.Join(cells, " "))
	}
	sort.Strings(a)
	sort.Strings(b)
	if slices.Equal(a, b) {
		return ""
	}
	only := func(x, y []string) string {
		var out []string
		y = slices.Clone(y)
		for _, line := range x {
			if i := slices.Index(y, line); i >= 0 {
				y = slices.Delete(y, i, i+1)
			} else if len(out) < 4 {
				out = append(out, line)
			}
		}
		return strings.Join(out, "\n    ")
	}
	return fmt.Sprintf("%d rows in Splunk, %d in the draft; only in Splunk:\n    %s\n  only in the draft:\n    %s", len(a), len(b), only(a, b), only(b, a))
}

// plainCell writes the values of a cell so that a number looks the same whatever it was.
func plainCell(texts []string) string {
	out := make([]string, len(texts))
	for i, s := range texts {
		switch f, ok := value.ParseNumber(s); {
		case ok && math.Abs(f) < 1e15:
			out[i] = value.FormatNumber(math.Round(f*1e6)/1e6, -1)
		case s == "True" || s == "False":
			out[i] = strings.ToLower(s)
		default:
			out[i] = strconv.Quote(s)
		}
	}
	sort.Strings(out)
	return strings.Join(out, "|")
}

// searchDraw draws a search.
type searchDraw struct {
	draw   *rand.Rand
	events []map[string][]string
	text   []string // columns of text
	number []string // columns of numbers
	made   int
}

func (g *searchDraw) one(list ...string) string { return list[g.draw.IntN(len(list))] }

func (g *searchDraw) search() string {
	g.text, g.number = []string{"s", "t", "u", "s", "t", "ip"}, []string{"k", "d", "n"}
	first := "*"
	if g.draw.IntN(3) == 0 {
		first = g.searchChain()
	}
	stages := []string{first}
	for range 1 + g.draw.IntN(3) {
		stages = append(stages, g.stage())
	}
	return strings.Join(stages, " | ")
}

func (g *searchDraw) stage() string {
	switch g.draw.IntN(14) {
	case 0, 1, 2:
		return "where " + g.whereChain()
	case 3:
		return "search " + g.searchChain()
	case 4, 5, 6:
		return g.eval()
	case 7, 8:
		return g.stats()
	case 9:
		by := g.by(" by ") // before the aggregate, which is no key of itself
		return g.one("eventstats", "streamstats") + " " + g.aggregate() + by
	case 10:
		return "dedup " + g.one("", "2 ") + g.column() + g.one("", " keepempty=t", " sortby -n")
	case 11:
		return g.one("sort 0 ", "sort ", "sort 5 ") + g.one("n", "-n", "k, n", "-s, n", "ip, n", "num(s), n", "str(k), -n") + g.one("", " | head 3")
	case 12:
		return g.one("fillnull "+g.column(), `fillnull value="-" `+g.column(), "fillnull value=0 k d", "top limit=0 "+g.column(), "rare limit=0 "+g.column(),
			"head 5", "tail 3", "bin k span=5", "bin span=2 d", "makemv delim=\",\" s", "regex s=\"^[a-z]+$\"", `regex s!="\d"`)
	}
	return g.one(`rex field=s "(?<w>[a-z]+)"`, `rex field=s "^(?<w>\d+)"`, `rex field=s "(?<w>\w+)\.(?<v>\w+)"`, "rename u as w", "mvexpand m", "table n s t u k", "fields n, s, k, u",
		"fields - t", "stats values(s) as m by u | mvexpand m", "stats list(s) as m by u | eval w=mvcount(m)", "stats values(s) as m by u | where mvcount(m)>2")
}

func (g *searchDraw) column() string {
	if g.draw.IntN(3) == 0 {
		return g.one(g.number...)
	}
	return g.one(g.text...)
}

func (g *searchDraw) by(before string) string {
	switch g.draw.IntN(4) {
	case 0:
		return ""
	case 1:
		return before + "u k"
	}
	return before + g.column()
}

func (g *searchDraw) aggregate() string {
	g.made++
	name := "c" + strconv.Itoa(g.made)
	n, s := g.one(g.number...), g.column()
	a := g.one("count", "dc("+s+")", "sum("+n+")", "avg("+n+")", "min("+n+")", "max("+n+")", "min("+s+")", "max("+s+")", "values("+s+")", "median("+n+")", "count("+s+")",
		"perc50("+n+")", "range("+n+")", "first("+s+")", "last("+s+")", "earliest("+s+")", "latest("+s+")", "count(eval("+g.whereLeaf()+"))", "sum("+s+")", "mode(u)", "stdev("+n+")",
		"var("+n+")", "list("+s+")", "sumsq("+n+")", "dc(eval("+g.textExpr(1)+"))")
	defer func() { g.number = append(g.number, name) }()
	return a + " as " + name
}

func (g *searchDraw) stats() string {
	by := g.by(" by ") // before the aggregates, none of which is a key of its own
	before := g.number
	a := g.aggregate()
	if g.draw.IntN(3) == 0 {
		g.number = before // the first is no field of the second
		a += " " + g.aggregate()
	}
	made := g.number[len(g.number)-1:]
	keys := strings.Fields(strings.TrimPrefix(by, " by "))
	g.text, g.number = append(keys, made...), made
	return "stats " + a + by
}

func (g *searchDraw) eval() string {
	g.made++
	name := "e" + strconv.Itoa(g.made)
	if g.draw.IntN(3) == 0 {
		x := g.numberExpr(2)
		g.number = append(g.number, name, name)
		return "eval " + name + "=" + x
	}
	x := g.textExpr(2)
	g.text = append(g.text, name, name)
	return "eval " + name + "=" + x
}

// value is a value of an event, as it stands in quotes.
func (g *searchDraw) value() string {
	if g.draw.IntN(4) == 0 {
		return searchWords[g.draw.IntN(len(searchWords))]
	}
	for {
		e := g.events[g.draw.IntN(len(g.events))]
		if v := e[g.one("s", "t", "u", "k", "d", "ip")]; len(v) > 0 {
			return v[0]
		}
	}
}

func (g *searchDraw) numeral() string {
	return g.one("0", "1", "2", "1.0", "5", "-4", "2.5", "10", "3", "100")
}

func (g *searchDraw) literal() string {
	if g.draw.IntN(3) == 0 {
		return g.numeral()
	}
	return quoted(g.value())
}

func (g *searchDraw) textExpr(depth int) string {
	f := g.column()
	if depth == 0 {
		return g.one(f, f, g.literal())
	}
	x := g.textExpr(depth - 1)
	switch g.draw.IntN(24) {
	case 0:
		return g.one("lower", "upper", "trim", "ltrim", "rtrim", "urldecode") + "(" + x + ")"
	case 1:
		return "substr(" + f + "," + g.one("1", "2", "-2", "3", "-3", "0") + g.one("", ",1", ",2", ",10") + ")"
	case 2:
		return "replace(" + f + "," + g.one(`"a"`, `"^(.)(.*)$"`, `"[0-9]+"`, `"\\."`, `"(\w)"`) + "," + g.one(`"_"`, `"\2\1"`, `"<\1>"`, `""`) + ")"
	case 3:
		return "coalesce(" + f + "," + x + ")"
	case 4:
		return "if(" + g.whereLeaf() + "," + x + "," + g.textExpr(depth-1) + ")"
	case 5:
		return "case(" + g.whereLeaf() + "," + x + "," + g.whereLeaf() + "," + g.textExpr(depth-1) + ")"
	case 6:
		return "tostring(" + f + ")"
	case 7, 8:
		return f + "." + x
	case 9:
		return "mvindex(split(" + f + "," + g.one(`","`, `"."`, `"/"`) + ")," + g.one("0", "1", "-1") + ")"
	case 10:
		return "mvjoin(split(" + f + `,","),"-")`
	case 11:
		return "nullif(" + f + "," + x + ")"
	case 12:
		return "typeof(" + f + ")"
	case 13:
		return g.one("min", "max") + "(" + f + "," + x + ")"
	case 14:
		return "strftime(_time,\"" + g.one("%H:%M", "%Y-%m-%d", "%d", "%j", "%a", "%u", "%w") + "\")"
	case 15:
		return "trim(" + f + `,"a ")`
	case 16:
		return "if(isnull(" + f + "),null()," + x + ")"
	case 17:
		return "validate(" + g.whereLeaf() + "," + x + ")"
	case 18:
		return "printf(\"%s-%d\"," + f + ",k)"
	case 19:
		return f + "+" + x
	case 20:
		return "mvfilter(match(" + f + ",\"a\"))"
	}
	return x
}

func (g *searchDraw) numberExpr(depth int) string {
	n := g.one(g.number...)
	if depth == 0 {
		return g.one(n, n, g.numeral())
	}
	x := g.numberExpr(depth - 1)
	switch g.draw.IntN(16) {
	case 0, 1:
		return "(" + n + g.one("+", "-", "*", "/", "%") + x + ")"
	case 2:
		return "round(" + x + g.one("", ",1", ",0") + ")"
	case 3:
		return g.one("floor", "ceil", "ceiling", "abs", "sqrt", "exp", "ln") + "(" + x + ")"
	case 4:
		return "len(" + g.column() + ")"
	case 5, 6:
		return "tonumber(" + g.column() + ")"
	case 7:
		return "mvcount(split(" + g.one(g.text...) + `,","))`
	case 8:
		return g.one("min", "max") + "(" + n + "," + x + ")"
	case 9:
		return "coalesce(" + n + "," + x + ")"
	case 10:
		return "if(" + g.whereLeaf() + "," + x + "," + g.numberExpr(depth-1) + ")"
	case 11:
		return "pow(" + n + ",2)"
	case 12:
		return g.one(g.text...) + g.one("+", "-", "*") + g.numeral()
	}
	return x
}

func (g *searchDraw) whereChain() string {
	x := g.whereOperand()
	for range g.draw.IntN(3) {
		x += g.one(" AND ", " OR ") + g.whereOperand()
	}
	return x
}

func (g *searchDraw) whereOperand() string {
	x := g.whereLeaf()
	if g.draw.IntN(3) == 0 {
		return "NOT " + x
	}
	return x
}

func (g *searchDraw) whereLeaf() string {
	f := g.column()
	switch g.draw.IntN(16) {
	case 0, 1, 2:
		return f + g.one("=", "!=", "<", ">", "<=", ">=", "=") + g.literal()
	case 3, 4:
		return f + g.one("=", "!=", "<", ">=", "==") + g.column()
	case 5:
		return g.one("isnull", "isnotnull", "isnum", "isstr", "isint") + "(" + f + ")"
	case 6:
		return "like(" + f + "," + quoted(g.one("%a%", "_", "a%", "%", "x_y", "1%", "%0.%", "%\\%", "100%%", "A%", "")) + ")"
	case 7:
		return "match(" + f + "," + quoted(g.one("a", "^a", "a$", "^$", `^\d+$`, "(?i)abc", "[^a-z]", `\.`, "^.$", "x|b", `\\`, "^[A-Z]{3}$")) + ")"
	case 8:
		return "cidrmatch(" + quoted(g.one("10.0.0.0/8", "192.168.0.0/24", "0.0.0.0/0", "9.9.9.9/32")) + "," + g.one("ip", "s", "ip") + ")"
	case 9:
		return f + " IN (" + g.literal() + "," + g.literal() + "," + g.literal() + ")"
	case 10:
		return "in(" + f + "," + g.literal() + "," + g.literal() + ")"
	case 11:
		return "len(" + f + ")" + g.one(">", "=", "<") + g.one("0", "1", "3")
	case 12:
		return g.numberExpr(1) + g.one("=", ">", "<=", "!=") + g.numeral()
	case 13:
		return "lower(" + f + ")=" + quoted(strings.ToLower(g.value()))
	case 14:
		return g.textExpr(1) + g.one("=", "!=", "<") + g.literal()
	}
	return "searchmatch(" + quoted(g.one("s=abc", "s=a*", "u=b k=1", "NOT s=*")) + ")"
}

func (g *searchDraw) searchChain() string {
	x := g.searchLeaf()
	for range g.draw.IntN(3) {
		x += g.one(" ", " OR ", " AND ") + g.searchLeaf()
	}
	return x
}

func (g *searchDraw) searchLeaf() string {
	f := g.column()
	word := func() string {
		w := g.value()
		if r := []rune(w); g.draw.IntN(3) == 0 {
			at := g.draw.IntN(len(r) + 1)
			w = string(r[:at]) + "*" + string(r[min(len(r), at+g.draw.IntN(3)):])
		}
		if g.draw.IntN(4) == 0 {
			w = strings.ToUpper(w)
		}
		return quoted(w)
	}
	x := ""
	switch g.draw.IntN(8) {
	case 0, 1, 2:
		x = f + g.one("=", "!=", "=") + word()
	case 3:
		x = f + " IN (" + word() + ", " + word() + ")"
	case 4:
		x = f + g.one("=*", "!=*")
	case 5:
		x = f + g.one("<", ">", "<=", ">=") + g.numeral()
	case 6:
		x = "ip=" + g.one("10.0.0.0/8", `"192.168.0.0/16"`, "10.*", `"9.9.9.9"`)
	default:
		x = f + "=" + g.numeral()
	}
	if g.draw.IntN(4) == 0 {
		return "NOT " + x
	}
	return x
}
