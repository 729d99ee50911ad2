package run_test

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/lower"
	"github.com/rulebridge/rulebridge/internal/plan"
	"github.com/rulebridge/rulebridge/internal/plan/run"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// seeds hold stages of every command, so that splices of them are searches that people could write.
var seeds = []string{
	`s=a OR n>3 NOT u=x* | where n>1 AND like(s,"a%") | eval x=n*2, y=if(x>5,"big",s."!"), {s}=n | stats count sum(x) as t values(y) as v by s`,
	`* | bin _time span=1m | timechart span=1m limit=2 sum(n) by s | untable _time s n | eventstats avg(n) as a by s | streamstats window=2 global=f current=f sum(n) as r by s`,
	`* | chart count max(n) over s by u | transpose 3 header_field=s | addtotals col=t | addcoltotals labelfield=s`,
	`| makeresults count=3 | streamstats count as i | eval m=mvrange(0,i), j=json_object("a",m), d=split("a,b",",") | mvexpand m | nomv d | mvcombine m | makemv delim="," d`,
	`* | dedup 2 s keepevents=t sortby -n | sort 3 -n, +num(s) | head (n>1) null=t keeplast=t | tail 2 | reverse | uniq | filldown n | fillnull value=0 | accum n as q | delta n p=2 as dn | autoregress n p=1-2 | trendline sma2(n) as tr`,
	`* | join type=left max=0 s [search n>2 | fields s n] | append [| inputlookup t | head 2] | appendpipe [stats sum(n) as n by s] | appendcols [search * | stats count]`,
	`[search u=x | fields s | format] OR [search u=y | return 2 s $n] | lookup t k AS n OUTPUT v AS w | rex field=s max_match=0 "(?<c>\w)(?=\w|$)" | rex mode=sed field=s "s/a/b/g" | spath input=j path=a{}.b output=z | spath input=j`,
	`* | transaction s maxspan=3s startswith=eval(n>2) endswith=(u=x) keepevicted=t mvlist=t | rename s* as z*, u as s | fields - n | replace a* WITH *b IN z* | rangemap field=n low=0-3 high=4-9 | convert auto(*) ctime(_time) as ct dur2sec(n) | foreach n u [eval <<FIELD>>_2='<<FIELD>>'.""] | foreach mode=multivalue u [eval k=<<ITEM>>]`,
	`| tstats prestats=t count dc(s) where n>1 by _time span=1s | stats count dc(s) by _time | makecontinuous _time span=1s | map maxsearches=2 search="search s=$s$ | stats count" | fieldsummary | tojson`,
	`| union [search s=a] [search s=b | eval l=1] | multisearch [search s=a] [search s=b] | set diff [search s=a | fields s] [search * | fields s] | xyseries s u n | table *`,
	`* | eval t=strftime(_time,"%Y-%m-%d %H:%M:%S.%3N"), e=strptime(t,"%Y-%m-%d %H:%M:%S.%3N"), r=relative_time(e,"-1d@w1+2h"), h=md5(s), p=printf("%05.2f %s",n,s), c=case(n=1,"a",true(),null()), mm=mvmap(split(s,""),upper(s)), f=mvfilter(match(s,"a")), q=replace(s,"(.)","\1\1"), o=tostring(n,"commas"), g=round(n,2)/3 | where NOT (cidrmatch("10.0.0.0/8",s) OR searchmatch("s=a n>1")) | top 3 s by u | rare u | strcat s "-" u z | addinfo | iplocation s | extract pairdelim=";" kvdelim="=" | xmlkv | regex s!="^b" | selfjoin s | gentimes start=-2`,
}

var spliceEvents = func() []run.Event {
	events, err := run.ReadEvents("events", strings.NewReader(fourEvents+`
{"_time":5.5,"s":["a","b","c"],"u":"10.1.2.3","n":"-7e2","j":"{\"a\":[{\"b\":1},{\"b\":[2]}]}","_raw":"x=1; y=\"two\" <a>b</a>"}
{"_time":1e9,"s":"","u":["",""],"n":"99999999999999999999"}`), time.UTC)
	if err != nil {
		panic(err)
	}
	return events
}()

var spliceLimits = run.Limits{Rows: 5000, Steps: 300_000, Bytes: 64 << 20, Depth: 8}

// runAny runs a text as a search and reports what must never be: a crash shows by itself, everything else is an error or
// rows within the limits.
func runAny(t *testing.T, query string, limits run.Limits) (steps int, err error) {
	t.Helper()
	q := spl.Parse(query, spl.Options{MaxBytes: 1 << 16})
	p := lower.Lower(q)
	plan.Print(p)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	in := run.Input{Events: spliceEvents, Limits: limits, Now: time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC),
		Lookups: map[string]run.Lookup{"t": {Columns: []string{"k", "v"}, MatchType: map[string]string{"k": "WILDCARD"}, Rows: []map[string]string{{"k": "1*", "v": "one"}, {"k": "*", "v": "any"}}}}}
	res, err := run.Run(ctx, p, in)
	if ctx.Err() != nil {
		t.Fatalf("takes longer than its budget of steps allows: %v\n%s", err, query)
	}
	if err == nil && len(res.Rows) > limits.Rows {
		t.Fatalf("%d rows beyond the limit\n%s", len(res.Rows), query)
	}
	if res != nil {
		steps = res.Steps
	}
	return steps, err
}

// stages are the stages of searches as text, macros expanded; those that cannot be run are left out.
func stages(queries []string, m spl.Macros) []string {
	var list []string
	seen := map[string]bool{}
	for _, q := range queries {
		p := spl.Parse(q, spl.Options{Macros: m})
		for _, c := range p.Pipeline.Commands {
			s := spl.PrintCommand(c)
			if s == "" || seen[s] {
				continue
			}
			seen[s] = true
			if _, _, err := search("* | "+s, run.Input{Limits: run.Limits{Steps: 1000}}); err == nil {
				list = append(list, s)
			}
		}
	}
	return list
}

func splice(r *rand.Rand, list []string) string {
	var b strings.Builder
	for i := range 1 + r.IntN(8) {
		s := list[r.IntN(len(list))]
		if i == 0 && r.IntN(3) > 0 {
			b.WriteString("* ")
		}
		if r.IntN(12) == 0 {
			s = "append [search * | " + s + " | " + list[r.IntN(len(list))] + "]"
		}
		b.WriteString("| " + s + " ")
	}
	return b.String()
}

// TestSplices runs stages of the seeds and of real searches spliced into one another.
func TestSplices(t *testing.T) {
	list := stages(seeds, nil)
	n := 4000
	if !testing.Short() {
		n = 40_000
		m := macros{}
		for _, line := range lines(dataFile(t, "spl/macros.jsonl")) {
			var d struct {
				Name, Definition string
				Arguments        []string
			}
			if err := json.Unmarshal(line, &d); err != nil {
				t.Fatal(err)
			}
			m.add(d.Name, d.Definition, d.Arguments)
		}
		var queries []string
		for _, line := range lines(dataFile(t, "spl/rules.jsonl")) {
			var r struct{ Query string }
			if err := json.Unmarshal(line, &r); err != nil {
				t.Fatal(err)
			}
			queries = append(queries, r.Query)
		}
		list = append(list, stages(queries, m)...)
	}
	r := rand.New(rand.NewPCG(7, 14))
	ended, rows, steps := 0, 0, 0
	for range n {
		n, err := runAny(t, splice(r, list), spliceLimits)
		steps += n
		var limit *run.LimitError
		switch {
		case err == nil:
			rows++
		case errors.As(err, &limit):
			ended++
			steps += spliceLimits.Steps
		}
	}
	t.Logf("FIGURE searches spliced of %d stages without a crash: %d; %d gave their rows, %d ended at a limit, the others are errors; %d steps", len(list), n, rows, ended, steps)
}

// FuzzRun changes searches as bytes; two seeds in one are spliced at a pipe.
func FuzzRun(f *testing.F) {
	for _, s := range seeds {
		f.Add(s, uint64(0))
		f.Add(s, uint64(1))
	}
	list := stages(seeds, nil)
	f.Fuzz(func(t *testing.T, query string, seed uint64) {
		if seed > 0 {
			query += " | " + splice(rand.New(rand.NewPCG(seed, 1)), list)
		}
		_, _ = runAny(t, query, spliceLimits)
	})
}

// TestLimits shows that each limit ends a search with an error that says so.
func TestLimits(t *testing.T) {
	for _, tc := range []struct {
		query  string
		limits run.Limits
		what   string
	}{
		{`| makeresults count=1000000000`, run.Limits{Rows: 1000}, "rows"},
		{`| makeresults count=900 | eval k=mvrange(0,900) | mvexpand k`, run.Limits{Rows: 10_000}, "rows"},
		{`| makeresults count=900 | streamstats median(x) as y`, run.Limits{Steps: 10_000}, "steps"},
		{`| makeresults | eval a="xxxxxxxxxxxxxxxx" | foreach 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 [eval a=a.a]`, run.Limits{}, "8 MiB"},
		{`| makeresults count=500 | eval a=mvjoin(mvrange(0,5000),"-")`, run.Limits{Bytes: 1 << 20}, "bytes"},
		{`* [search * [search * [search * [search * [search *]]]]]`, run.Limits{Depth: 3}, "searches within one another"},
		{`| makeresults | eval m=mvrange(0,1000000)`, run.Limits{}, "100,000 values"},
		{`| makeresults | eval s=mvjoin(mvrange(0,2000),"a") | where match(s,"^(?:(?:[0-9a]+)+)+(?=!)$")`, run.Limits{}, "steps"},
	} {
		q := spl.Parse(tc.query, spl.Options{})
		_, err := run.Run(context.Background(), lower.Lower(q), run.Input{Events: spliceEvents, Limits: tc.limits})
		if err == nil || !strings.Contains(err.Error(), tc.what) {
			t.Errorf("%s: %v; want an error about %s", tc.query, err, tc.what)
		}
	}
}
