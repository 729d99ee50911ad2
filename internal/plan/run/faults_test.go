package run_test

import (
	"strings"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/plan/run"
)

// A fault is a search that was translated wrongly once. Events are NDJSON, rows the right ones in order; "# any order"
// where the order is not defined.
type fault struct{ query, events, rows string }

const fourEvents = `{"_time":4,"s":"a","u":"x","n":"3","d":"1.5"}
{"_time":3,"s":"a","u":"y","n":"10","d":"2.0"}
{"_time":2,"s":"b","u":"x","n":"9"}
{"_time":1,"u":"z","n":"1"}`

var faults = map[string][]fault{
	// Searches that killed or held the process.
	"queries": {
		{`* | bin a_* | stats values(*) as * by host`, `{"a_1":"5","host":"h"}`, "error"},
		{`| tstats count from datamodel=Network_Traffic where All_Traffic.dest_ip=* by All_Traffic.src | lookup h _key OUTPUT domain`, `{"dest_ip":"1.2.3.4","src":"s"}`, "error"},
	},
	"values": {
		{`* | rex field=s "(?<a>\d+)-(?<b>\d+)" | where a>b | table s`, `{"s":"10-9"}`, `{"s":"10-9"}`},
		{`* | rex field=s "(?<a>\d+)" | eval m=max(a,5) | where m>9 | table m`, `{"s":"10"}`, `{"m":10}`},
		{`* | eval y=min(s,n) | table y`, `{"s":"9","n":10}`, `{"y":9}`},
		{`* | eval z=round(n/2)."%" | where z="2%" | table z`, `{"n":4}`, `{"z":"2%"}`},
		{`* | eval z=tostring(round(n/2)), y=if(n>3,n/2,"none"), x=case(n>3,n*2.5) | table z y x`, `{"n":4}`, `{"z":"2","y":2,"x":10}`},
		{`* | eval k=n/2 | lookup t k OUTPUT v | stats dc(k) as d values(v) as v`, `{"n":4}`, `{"d":1,"v":"two"}`},
		{`* | eval z=n*1000000 | eval w=z."" | table w`, `{"n":10}`, `{"w":"10000000"}`},
		{`* | eval y=1.5 | where isint(y)`, `{"n":4}`, ``},
		{`* | eval r="something"+s | table r`, `{"s":"x"}`, `{"r":"somethingx"}`},
		{`* | eval dow=strftime(_time,"%u") | where dow>5 | table n dow`,
			`{"_time":"2026-01-02T12:00:00Z","n":"fri"}` + "\n" + `{"_time":"2026-01-03T12:00:00Z","n":"sat"}` + "\n" + `{"_time":"2026-01-04T12:00:00Z","n":"sun"}`,
			`{"n":"sun","dow":"7"}` + "\n" + `{"n":"sat","dow":"6"}`},
		{`* | eval v=strftime(_time,"%V"), g=strftime(_time,"%G") | table v g`, `{"_time":"2027-01-01T12:00:00Z"}`, `{"v":"53","g":"2026"}`},
		{`* | stats min(_time) as f by s | convert timeformat="%Y" ctime(f) as y | table y s | where y="2024"`,
			`{"_time":"2024-05-01T00:00:00Z","s":"a"}` + "\n" + `{"_time":"2025-05-01T00:00:00Z","s":"b"}`, `{"y":"2024","s":"a"}`},
		{`* | eval t=tostring(s,"duration") | table t`, `{"s":"615"}`, `{"t":"00:10:15"}`},
		{`* | where typeof(zz)="Invalid" | table s`, `{"s":"a"}` + "\n" + `{"s":"b","zz":1}`, `{"s":"a"}`},
		{`* | where n!="abc" | table n`, `{"n":1}` + "\n" + `{"s":"b"}`, `{"n":"1"}`},
		{`* | bin n span=10 | search n="10-20" | table n`, `{"n":13}`, `{"n":"10-20"}`},
		{`* | bin n span=10 | where n="10-20" | table n`, `{"n":13}`, `{"n":"10-20"}`},
	},
	"rows": {
		{`* | rename s as u2 | stats count by s`, fourEvents, ``},
		{`s=none | stats sum(zz) as v`, fourEvents, ``},
		{`s=none | stats values(b) as v | fillnull value=0 v`, fourEvents, ``},
		{`s=none | stats count dc(u) as d`, fourEvents, `{"count":0,"d":0}`},
		{`* | stats sum(zz) as v | eval there="row"`, fourEvents, `{"v":null,"there":"row"}`},
		{`* | stats count by s | sort -count, s | dedup count | table s count`,
			`{"s":"a"}` + "\n" + `{"s":"b"}` + "\n" + `{"s":"c"}`, `{"s":"a","count":1}`},
		{`ip="192.0.2.0/24" | table ip`, `{"ip":"192.0.2.7"}` + "\n" + `{"ip":"192.0.3.7"}`, `{"ip":"192.0.2.7"}`},
		{`NOT ip="10.0.0.0/8" | table n`, `{"ip":"10.1.1.1","n":1}` + "\n" + `{"ip":"11.1.1.1","n":2}` + "\n" + `{"n":3}`, `{"n":"2"}` + "\n" + `{"n":"3"}`},
		{`* | stats values(n) as v by s | eval f=mvindex(v,0) | table s f`, fourEvents, `{"s":"a","f":"10"}` + "\n" + `{"s":"b","f":"9"}`},
		{`* | table u | stats count by s`, fourEvents, ``},
		{`* | stats count by u | stats count by s`, fourEvents, ``},
		{`* | top u | stats count by s`, fourEvents, ``},
		{`* | fields u | stats count by s`, fourEvents, ``},
		{`* | sort 0 n | stats first(s) as f by u`, fourEvents, `{"u":"x","f":"a"}` + "\n" + `{"u":"y","f":"a"}` + "\n" + `{"u":"z","f":null}`},
		{`* | stats count by s u | xyseries s u count | where isnull(admin) | table s x y`, fourEvents, `{"s":"a","x":1,"y":1}` + "\n" + `{"s":"b","x":1,"y":null}`},
		{`* | stats count by s u | xyseries s u count | fillnull value=none y | table s y`, fourEvents, `{"s":"a","y":1}` + "\n" + `{"s":"b","y":"none"}`},
		{`* | chart count over s by u | where y=0 | table s y`, fourEvents, `{"s":"b","y":0}`},
		{`* | stats count by s | join max=0 s [search * | fields s n] | where n>5 | table s n`, fourEvents, `{"s":"a","n":"10"}` + "\n" + `{"s":"b","n":"9"}`},
		{`* | stats max(n) as n by s | join max=0 s [search * | fields s n] | where n<4 | table s n`, fourEvents, `{"s":"a","n":"3"}`},
		{`* | eventstats max(n) as n by s | table s n`, fourEvents, `{"s":"a","n":10}` + "\n" + `{"s":"a","n":10}` + "\n" + `{"s":"b","n":9}` + "\n" + `{"s":null,"n":"1"}`},
		{`* | dedup s sortby -n | table s n`, fourEvents, `{"s":"a","n":"10"}` + "\n" + `{"s":"b","n":"9"}`},
		{`* | eval x=s.u | table x`, fourEvents, `{"x":"ax"}` + "\n" + `{"x":"ay"}` + "\n" + `{"x":"bx"}` + "\n" + `{"x":null}`},
		{`* | eval {s}=n | table a b`, fourEvents, `{"a":"3"}` + "\n" + `{"a":"10"}` + "\n" + `{"b":"9"}` + "\n" + `{"a":null}`},
		{`* | stats avg(n) as a by s | where like(a,"%.0")`, `{"s":"a","n":20}`, ``},
		{`* | stats avg(n) as a by s | eval m=if(match(a,"^20$"),"yes","no"), p=mvindex(split(a,"."),0), c=coalesce(a,"none") | strcat a "" t | table m p c t`, `{"s":"a","n":20}`, `{"m":"yes","p":"20","c":20,"t":"20"}`},
		{`* | stats sum(n) as a by s | eval c=a."!" | table c`, `{"s":"a","n":20000000}`, `{"c":"20000000!"}`},
	},
	"of the rest": {
		{`* | stats count | where count=0`, ``, `{"count":0}`},
		{`* | stats count by s | where count=0`, ``, ``},
		{`port=445 | lookup ports port OUTPUT name | table name`, `{"port":"445"}`, `{"name":null}`},
		{`f!=*`, `{"f":"x"}` + "\n" + `{"g":"y"}`, ``},
		{`dns="b" | table dns`, `{"dns":["a","b"]}`, `{"dns":["a","b"]}`},
	},
}

// TestFaults runs the searches of the list of faults over small events: the right values and rows.
func TestFaults(t *testing.T) {
	lookups := map[string]run.Lookup{
		"t":     {Columns: []string{"k", "v"}, Rows: []map[string]string{{"k": "2", "v": "two"}, {"k": "2.0", "v": "wrong"}}},
		"ports": {Columns: []string{"port", "name"}, Rows: []map[string]string{{"port": "0445", "name": "wrong"}}},
	}
	right, all := 0, 0
	for kind, list := range faults {
		for _, f := range list {
			all++
			t.Run(kind+"/"+f.query, func(t *testing.T) {
				events, err := run.ReadEvents("events", strings.NewReader(f.events), time.UTC)
				if err != nil {
					t.Fatal(err)
				}
				res, _, err := search(f.query, run.Input{Events: events, Lookups: lookups, Now: time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC)})
				if f.rows == "error" {
					if err == nil {
						t.Errorf("no error, %d rows", len(res.Rows))
						return
					}
					right++
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				want, any, err := wantedRows([]byte(f.rows))
				if err != nil {
					t.Fatal(err)
				}
				if err := sameRows(res, want, any); err != nil {
					t.Error(err)
					return
				}
				right++
			})
		}
	}
	t.Logf("FIGURE faults with the right rows: %d of %d", right, all)
}

// A line of events that is too long is named with its number and the limit.
func TestTooLongLine(t *testing.T) {
	for want, text := range map[string]string{
		"f:2: the line is longer than 16 MiB": `{"a":"1"}` + "\n" + `{"a":"` + strings.Repeat("x", 17<<20) + `"}`,
		"f: event 2 is longer than 16 MiB":    `[{"a":"1"},{"a":"` + strings.Repeat("x", 17<<20) + `"}]`,
	} {
		if _, err := run.ReadEvents("f", strings.NewReader(text), time.UTC); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q: %v", want, err)
		}
	}
}
