package esql

import (
	"fmt"
	"testing"
)

const typical = `FROM logs-* METADATA _id, _index, _version
| WHERE tags : "process" AND host.name : "start"
| WHERE (TO_LOWER(process.name) == "cmd.exe" OR TO_LOWER(process.name) LIKE "powershell*")
    AND TO_LOWER(process.name) LIKE "*get-aduserresultantpasswordpolicy*"
    AND (NOT TO_LOWER(event.code) == "s-1-5-18" OR event.code IS NULL)
| EVAL window = DATE_TRUNC(5 minutes, @timestamp)
| STATS count = COUNT(*), firstTime = MIN(@timestamp), lastTime = MAX(@timestamp)
    BY host.name, event.code, process.name, process.pid, window
| WHERE count > 5
| KEEP host.name, process.name, count, firstTime, lastTime`

func BenchmarkPrint(b *testing.B) {
	q, err := Parse(typical)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		Print(q)
	}
}

func BenchmarkPrintWithOrigins(b *testing.B) {
	q, err := Parse(typical)
	if err != nil {
		b.Fatal(err)
	}
	i := int32(0)
	Inspect(q, func(n Node) bool {
		i++
		n.at().Origin = Origin{i, i + 1}
		return true
	})
	b.ReportAllocs()
	for b.Loop() {
		PrintWithOrigins(q)
	}
}

// BenchmarkPrintLong shows that the cost grows with the length, not with its square.
func BenchmarkPrintLong(b *testing.B) {
	for _, n := range []int{10, 100, 1000, 10_000} {
		var list []Expr
		for i := range n {
			list = append(list, And(Op("==", Fn("TO_LOWER", Col("process.name")), Str(fmt.Sprint("value ", i))), &IsNull{X: Col("a")}))
		}
		q := &Query{Commands: []Command{&From{Indices: []string{"logs-*"}}, &Where{Expr: Or(list...)}}}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Print(q)
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(typical); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	q, err := Parse(typical)
	if err != nil {
		b.Fatal(err)
	}
	env := testEnv()
	if problems := Check(q, env); !Accepted(problems) {
		b.Fatal(problems)
	}
	b.ReportAllocs()
	for b.Loop() {
		Check(q, env)
	}
}
