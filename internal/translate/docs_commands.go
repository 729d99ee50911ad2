package translate

import (
	"strings"

	"github.com/rulebridge/rulebridge/internal/schema"
)

// CommandInfo describes one SPL command for the documentation.
type CommandInfo struct {
	Name string
	// Form is what it becomes in ES|QL.
	Form  string
	Cases []CommandCase
}

// CommandCase is one way of using a command and what comes of it: the query is compiled, so that the table says what
// the compiler does.
type CommandCase struct {
	// SPL is the query, over an index events with the fields of commandTypes.
	SPL string
	// On8 and On9 are the results on each target: exact, approximation or hole.
	On8, On9 string
	// Why are the messages behind an approximation or a hole on 8.19.
	Why []string
}

// commandTypes are the fields of the examples; the others are keywords.
var commandTypes = map[string]string{"v": "long", "w": "long", "ip": "ip"}

// commandForms is the table of commands: what each becomes, and queries that show when it is exact, an approximation or
// a hole.
var commandForms = []struct {
	name, form string
	spl        []string
}{
	{"search", "WHERE", []string{`a=x b!=y* NOT k IN (p, q)`, `a=x someword`}},
	{"where", "WHERE", []string{`* | where v>3 AND like(a,"x%")`}},
	{"regex", "WHERE … RLIKE, or REPLACE", []string{`* | regex a="^x\d+"`}},
	{"eval", "EVAL", []string{`* | eval x=if(v>3,"big","small")`, `* | eval x=json_extract(a,"b")`}},
	{"stats", "STATS; earliest and latest ride behind their time through MIN and MAX, on 9.x FIRST and LAST", []string{`* | stats count max(v) as m values(a) as as latest(a) as l by k`, `* | stats list(a) as l by k`}},
	{"eventstats", "rows packed through STATS and expanded again; INLINE STATS on 9.x", []string{`* | stats count by k a | eventstats max(count) as m by k`, `* | eventstats count as c by k`}},
	{"streamstats", "the rows of a group joined to one text, of which those so far are a part", []string{
		`* | stats count by k a | sort 0 k a | streamstats sum(count) as s by k | where s>3`,
		`* | stats count by k a | sort 0 k - count | streamstats current=f last(count) as before by k | where before>3`,
		`* | sort _time | streamstats count as c by k`,
		`* | stats count by k a | streamstats stdev(count) as d by k`}},
	{"sistats", "STATS", []string{`* | sistats count by k`}},
	{"tstats", "FROM, WHERE and STATS", []string{
		`| tstats count where a=x by k, _time span=1h`,
		`| tstats prestats=t count where a=x by k | stats count by k`,
		`| tstats prestats=t count where a=x by k | tstats prestats=t append=t count where a=y by k | stats count by k`,
		`| tstats prestats=t count where a=x by k`}},
	{"mstats", "STATS over the field that the metric is", []string{`| mstats avg(_value) as m where index=events metric_name=v by k span=5m`, `| mstats rate(v) as m where index=events by k`}},
	{"rename", "an alias; columns keep their ES|QL names", []string{`* | stats count by k | rename k as key`}},
	{"table", "KEEP", []string{`* | table a k v`}},
	{"fields", "KEEP, or nothing", []string{`* | fields a k`, `* | fields - a`}},
	{"rex", "GROK; REPLACE for mode=sed", []string{`* | stats count by k | rex field=k "(?<x>\d+)"`, `* | stats count by k | rex field=k max_match=0 "(?<x>\d+)"`}},
	{"sort", "SORT and LIMIT", []string{`* | stats count by k | sort - count`}},
	{"dedup", "the newest row through STATS … MAX, whole events through INLINE STATS on 9.x", []string{`* | dedup k | table k a`, `* | dedup k | where v>3`, `* | dedup 2 k | table k a`}},
	{"head", "SORT and LIMIT", []string{`* | head 5`, `* | stats count by k | head 5`}},
	{"tail", "SORT and LIMIT the other way around", []string{`* | stats count by k | sort count | tail 5`, `* | stats count by k | tail 5`}},
	{"reverse", "SORT the other way around", []string{`* | stats count by k | sort count | reverse`}},
	{"fillnull", "COALESCE", []string{`* | stats max(v) as m by k | fillnull value=0 m`, `* | fillnull | stats count by k a`, `* | fillnull | search a=0 | stats count by k`}},
	{"filldown", "", []string{`* | stats count by k | filldown k`}},
	{"bin", "DATE_TRUNC or BUCKET", []string{`* | bin span=5m _time | stats count by _time k`, `* | bin span=1d _time | stats count by _time k`, `* | bin bins=10 v | stats count by v`}},
	{"lookup", "CASE or IN for small tables, LOOKUP JOIN for others", []string{`* | lookup small k OUTPUT owner | search owner=x`, `* | lookup unknown k OUTPUT owner | search owner=x`}},
	{"inputlookup", "", []string{`| inputlookup small | search owner=x`}},
	{"outputlookup", "reported: the alert is stored by itself", []string{`* | stats count by k | outputlookup seen`}},
	{"join", "one query over both kinds of events: STATS by side and key, WHERE both are there", []string{
		`a=x | stats count by k | join k [search a=y | stats count as c by k]`,
		`a=x | join type=left k [search a=y | fields k v] | table k v`,
		`a=x | stats count by k | join max=0 k [search * | stats count as c by k]`,
		`a=x | join k [search a=y | stats count as c by k]`,
		`a=x | stats count by k | join k [search a=y | stats count by k | head 1]`}},
	{"append", "one query over both kinds of events; FORK on 9.x where they cannot be one", []string{
		`a=x | stats count by k | append [search a=y | stats count by k] | stats sum(count) as c by k`,
		`a=x | stats count | append [search a=y | stats count]`,
		`a=x | stats count by k | append [search a=y | stats count by k | sort - count | head 3]`,
		`a=x | stats count by k | append [| inputlookup small]`}},
	{"appendpipe", "FORK on 9.x", []string{`a=x | stats count by k | appendpipe [stats sum(count) as count]`}},
	{"appendcols", "one query over both kinds of events, where each search has one row", []string{`a=x | stats count | appendcols [search a=y | stats count as c] | where c>count`, `a=x | stats count by k | appendcols [search a=y | stats count as c by k]`}},
	{"union", "one query over the events of all searches", []string{`| union [search a=x] [search a=y] | stats count by k`}},
	{"multisearch", "one query over the events of all searches", []string{`| multisearch [search a=x] [search a=y] | stats count by k`}},
	{"[subsearch]", "conditions for the rows of a lookup; a join for those of a search", []string{
		`a=x [| inputlookup small | fields k]`,
		`a=x [search a=y | fields k] | table k v`,
		`a=x [search a=y | fields k]`,
		`a=x NOT [search a=y | fields k] | table k`}},
	{"transaction", "STATS by the fields and fixed windows", []string{`* | transaction k maxspan=5m | where eventcount>3`}},
	{"mvexpand", "MV_EXPAND", []string{`* | mvexpand a | table a`, `* | mvexpand a limit=3 | table a`}},
	{"mvcombine", "STATS … VALUES by all other columns", []string{`* | stats count by k a | mvcombine a`, `* | mvcombine a`}},
	{"makemv", "SPLIT", []string{`* | makemv delim="," a | table a`, `* | makemv tokenizer="(\w+)x" a | table a`}},
	{"nomv", "MV_CONCAT", []string{`* | nomv a | table a`}},
	{"spath", "the field that the integration parsed; GROK for a name in a text", []string{`* | spath path=a.b output=x | table x`, `* | spath input=a path=b.c output=x | table x`, `* | spath input=a path=b{} output=x | table x`, `* | spath input=a | table x`}},
	{"extract", "nothing: the integration parses events", []string{`* | extract | stats count by k`, `* | stats count by k | extract`}},
	{"xmlkv", "nothing: the integration parses events", []string{`* | xmlkv | stats count by k`}},
	{"xpath", "", []string{`* | xpath outfield=x "//a" | stats count by k`}},
	{"convert", "conversions; times stay dates", []string{`* | stats max(_time) as t by k | convert ctime(t)`, `* | convert dur2sec(a) as b | table b`}},
	{"foreach", "the template once for each field", []string{`* | stats max(v) as max_v by k | foreach max_* [eval <<FIELD>>='<<FIELD>>'+1]`, `* | foreach zz_* [eval <<FIELD>>=1]`, `* | foreach mode=multivalue a [eval x=<<ITEM>>]`}},
	{"map", "", []string{`* | stats count by k | map search="search a=$k$"`}},
	{"iplocation", "the place that the integration stored beside the address", []string{`* | iplocation ip | table Country`}},
	{"from", "FROM and the data set's condition", []string{`| from savedsearch:x`}},
	{"datamodel", "FROM and the data set's condition", []string{`| datamodel Web Web search | stats count`}},
	{"chart", "STATS; STATS … WHERE for the columns that the rest names", []string{
		`* | chart count by k`,
		`* | chart limit=0 count over k by a | where x>3 AND y>0`,
		`* | chart count over k by a | where x>3`,
		`* | chart limit=0 count over k by a | where x=0`,
		`* | chart count over k by a`,
		`* | chart count over k by a | foreach * [eval <<FIELD>>=1]`}},
	{"timechart", "as chart, by intervals", []string{
		`* | timechart span=1h count | where count>3`,
		`* | timechart span=1h count`,
		`* | timechart span=1h limit=0 count by k | where x>3`,
		`* | timechart count`}},
	{"sichart", "as chart: the rows are those", []string{`* | sichart count by k`}},
	{"sitimechart", "as timechart: the rows are those", []string{`* | sitimechart span=1h count | where count>3`}},
	{"xyseries", "STATS … WHERE for the columns that the rest names", []string{`* | stats count by k a | xyseries k a count | where x>3`, `* | stats count by k a | xyseries k a count | transpose`}},
	{"untable", "nothing: behind chart and timechart the rows stay as they are", []string{`* | timechart span=1h limit=0 count by k | untable _time who n | where n>3`, `* | stats count by k | untable k a b`}},
	{"top", "STATS, SORT and LIMIT", []string{`* | top limit=5 k`}},
	{"rare", "STATS, SORT and LIMIT", []string{`* | rare limit=5 k`}},
	{"sitop", "as top: the rows are those", []string{`* | sitop limit=5 k`}},
	{"sirare", "as rare: the rows are those", []string{`* | sirare limit=5 k`}},
	{"makeresults", "", []string{`| makeresults | eval a=1`}},
	{"return", "", []string{`* | return k`}},
	{"format", "", []string{`* | format`}},
	{"addtotals", "EVAL of the sum", []string{`* | stats max(v) as a max(w) as b by k | addtotals`, `* | addtotals`, `* | stats count by k | addtotals col=t`}},
	{"rangemap", "CASE", []string{`* | stats count by k | rangemap field=count low=1-10 high=11-100 default=none | search range=high`, `* | stats count by k | rangemap field=count low=1-10 mid=5-20`, `* | stats count by k | rangemap field=count low=few`}},
	{"addinfo", "NOW for info_search_time", []string{`* | stats count by k | addinfo | eval t=info_search_time`, `* | stats count max(_time) as t by k | addinfo | where t>info_min_time`}},
	{"strcat", "CONCAT", []string{`* | strcat a "-" k x | table x`}},
	{"replace", "REPLACE", []string{`* | stats count by k | replace "a*" WITH "b*" IN k`, `* | replace a WITH b`}},
}

// Commands lists the SPL commands with what becomes of them, for the documentation.
func Commands() ([]CommandInfo, error) {
	var out []CommandInfo
	add := func(name, form string, queries []string) error {
		info := CommandInfo{Name: name, Form: form}
		for _, q := range queries {
			c := CommandCase{SPL: q}
			for _, target := range []Target{Target8, Target9} {
				o, err := commandExample(q, target)
				if err != nil {
					return err
				}
				how, why := outcome(o)
				if target == Target8 {
					c.On8, c.Why = how, why
				} else {
					c.On9 = how
				}
			}
			info.Cases = append(info.Cases, c)
		}
		out = append(out, info)
		return nil
	}
	named := map[string]bool{}
	for _, c := range commandForms {
		named[c.name] = true
		if err := add(c.name, c.form, c.spl); err != nil {
			return nil, err
		}
	}
	for _, name := range sortedKeys(others) {
		if named[name] {
			continue
		}
		form := ""
		switch others[name].code {
		case "side_effect", "display_only", "option_ignored":
			form = "nothing: " + others[name].message
		}
		if err := add(name, form, []string{"* | stats count by k | " + name + " x"}); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func commandExample(q string, target Target) (Output, error) {
	c, err := New(Options{
		Schema: schema.Identity([]string{"events"}, commandTypes), Index: []string{"events"}, Target: target,
		Lookups: []Lookup{{Name: "small", Columns: []string{"k", "owner"}, Rows: []map[string]string{{"k": "x", "owner": "y"}}, TotalRows: 1}},
	})
	if err != nil {
		return Output{}, err
	}
	return c.Translate(Request{Query: q, Types: commandTypes}), nil
}

// outcome sums an output up in a word, with the messages that say why it is not exact. That the identity schema does not
// know which fields hold one value is not the command's matter.
func outcome(o Output) (how string, why []string) {
	worst := Info
	for _, d := range o.Diagnostics {
		switch {
		case d.Severity == Error:
			worst = Error
		case d.Severity == Approximation && d.Code != "array_approximate" && worst == Info:
			worst = Approximation
		}
	}
	for _, d := range o.Diagnostics {
		if d.Severity == worst && worst != Info && d.Code != "depends_on_hole" && d.Code != "no_draft" {
			why = appendNew(why, d.Message)
		}
	}
	for _, d := range o.Diagnostics {
		if len(why) == 0 && d.Severity == worst && worst != Info {
			why = appendNew(why, d.Message)
		}
	}
	switch worst {
	case Error:
		return "hole", why
	case Approximation:
		return "approximation", why
	}
	return "exact", nil
}

// Reference writes the tables of commands, aggregations, functions and diagnostics as Markdown.
func Reference() (string, error) {
	commands, err := Commands()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	cell := func(s string) string {
		return strings.NewReplacer("|", `\|`, "\n", " ").Replace(s)
	}
	code := func(s string) string { return "`" + cell(s) + "`" }
	b.WriteString(`# What becomes of SPL

Generated from the compiler's tables: run ` + "`go test ./internal/translate -run TestReference -update`" + ` after a change.

- **exact**: the alerting rows and their keys cannot differ; the notes of a rule say what else is worth knowing.
- **approximation**: they can differ; the message says when.
- **hole**: this part has no counterpart; the draft goes on without it and the message says what to do.

## Commands

Each example was compiled over an index of plain fields for Elasticsearch 8.19 and for 9.x. Fields, data models and lookups
that are not known are holes of their own.

| command | becomes | example | 8.19 | 9.x | why, and what to do |
|---|---|---|---|---|---|
`)
	for _, c := range commands {
		for i, e := range c.Cases {
			name, form := "", ""
			if i == 0 {
				name, form = code(c.Name), cell(c.Form)
			}
			b.WriteString("| " + name + " | " + form + " | " + code(e.SPL) + " | " + e.On8 + " | " + e.On9 + " | " + cell(strings.Join(e.Why, "; ")) + " |\n")
		}
	}
	b.WriteString("\n## Functions of eval and where\n\n| function | becomes |\n|---|---|\n")
	for _, f := range Functions() {
		form := f.Form
		if !f.Supported {
			form = "**hole**: " + form
		}
		b.WriteString("| " + code(f.Name) + " | " + cell(form) + " |\n")
	}
	b.WriteString("\n## Functions of stats\n\n")
	var names []string
	for _, a := range Aggregations() {
		names = append(names, "`"+a+"`")
	}
	b.WriteString(strings.Join(names, ", ") + " and percentiles (`p95`, `perc95`, `exactperc95`, `upperperc95`). Others are a hole.\n")
	b.WriteString("\n## Diagnostics\n\n| code | severity | meaning |\n|---|---|---|\n")
	for _, c := range Codes() {
		b.WriteString("| " + code(string(c.Code)) + " | " + string(c.Severity) + " | " + cell(c.Meaning) + " |\n")
	}
	return b.String(), nil
}
