package run_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/rulebridge/rulebridge/internal/plan/run"
	"github.com/rulebridge/rulebridge/internal/spl"
	"github.com/rulebridge/rulebridge/internal/value"
)

// A law says that two searches give the same rows: in the same order, or (set) in any.
type law struct {
	name, left, right string
	set               bool
}

// drawnEvents are events with fields that may be missing, hold numbers, texts or several values.
func drawnEvents(r *rand.Rand) []run.Event {
	texts := []string{"a", "b", "A", "", "10", "9", "2.50", "10.1.2.3", "x y", "ä"}
	var list []run.Event
	for range r.IntN(12) {
		e := run.Event{Names: []string{"_time"}, Values: []value.Value{value.Num(float64(1_700_000_000 + r.IntN(50)))}}
		for _, f := range []string{"s", "u", "n"} {
			var v value.Value
			switch r.IntN(6) {
			case 0:
				continue
			case 1:
				v = value.Strs([]string{texts[r.IntN(len(texts))], texts[r.IntN(len(texts))]})
			default:
				v = value.Str(texts[r.IntN(len(texts))])
			}
			if f == "n" {
				v = value.Str(fmt.Sprint(r.IntN(5) - 1))
			}
			e.Names, e.Values = append(e.Names, f), append(e.Values, v)
		}
		list = append(list, e)
	}
	return list
}

func drawnCondition(r *rand.Rand, depth int) string {
	f := []string{"s", "u", "n"}[r.IntN(3)]
	switch k := r.IntN(9); {
	case k < 2 && depth > 0:
		return "(" + drawnCondition(r, depth-1) + []string{" AND ", " OR "}[r.IntN(2)] + drawnCondition(r, depth-1) + ")"
	case k == 2 && depth > 0:
		return "NOT (" + drawnCondition(r, depth-1) + ")"
	case k == 3:
		return fmt.Sprintf("isnull(%s)", f)
	case k == 4:
		return fmt.Sprintf("match(%s,\"^[ab]\")", f)
	case k == 5:
		return fmt.Sprintf("%s%s%s", f, []string{"<", ">=", "!=", "="}[r.IntN(4)], []string{"s", "u", "n"}[r.IntN(3)])
	}
	return fmt.Sprintf("%s%s%s", f, []string{"<", ">", "=", "!=", "<=", ">="}[r.IntN(6)], []string{"2", `"a"`, `"10"`, "0"}[r.IntN(4)])
}

func drawnSearch(r *rand.Rand, depth int) string {
	f := []string{"s", "u", "n"}[r.IntN(3)]
	if depth > 0 && r.IntN(3) == 0 {
		return []string{"(%s OR %s)", "(%s %s)", "NOT (%s OR NOT %s)"}[r.IntN(3)]
	}
	return f + []string{"=a", "=*", "!=b", "=1*", ">1", "=10.0.0.0/8", "=\"\""}[r.IntN(7)]
}

func drawnSearchOf(r *rand.Rand) string {
	s := drawnSearch(r, 1)
	for strings.Contains(s, "%s") {
		s = strings.Replace(s, "%s", drawnSearch(r, 0), 1)
	}
	return s
}

func laws(r *rand.Rand) []law {
	a, b := drawnCondition(r, 3), drawnCondition(r, 3)
	x, y := drawnSearchOf(r), drawnSearchOf(r)
	k := []string{"s", "u", "n"}[r.IntN(3)]
	o := []string{"+n", "-n", "s", "-u", "num(s)", "str(n)", "ip(s)", "-_time, s"}[r.IntN(8)]
	n := 1 + r.IntN(4)
	return []law{
		{"filters commute", fmt.Sprintf("* | where %s | where %s", a, b), fmt.Sprintf("* | where %s | where %s", b, a), false},
		{"two filters are one with AND", fmt.Sprintf("* | where %s | where %s", a, b), fmt.Sprintf("* | where (%s) AND (%s)", a, b), false},
		{"two searches are one", fmt.Sprintf("* | search %s | search %s", x, y), fmt.Sprintf("* | search (%s) (%s)", x, y), false},
		{"NOT twice is nothing", "* | where NOT (NOT (" + a + "))", "* | where " + a, false},
		{"De Morgan", fmt.Sprintf("* | where NOT ((%s) OR (%s))", a, b), fmt.Sprintf("* | where (NOT (%s)) AND (NOT (%s))", a, b), false},
		{"De Morgan in search", fmt.Sprintf("* | search NOT ((%s) (%s))", x, y), fmt.Sprintf("* | search NOT (%s) OR NOT (%s)", x, y), false},
		{"a condition and its NOT are everything", fmt.Sprintf("* | where %s | append [search * | where NOT (%s)]", a, a), "*", true},
		{"head after sort is sort with a number", fmt.Sprintf("* | sort 0 %s | head %d", o, n), fmt.Sprintf("* | sort %d %s", n, o), false},
		{"sorting twice is sorting once", fmt.Sprintf("* | sort 0 %s | sort 0 %s", o, o), "* | sort 0 " + o, false},
		{"a filter goes before a sort", fmt.Sprintf("* | sort 0 %s | where %s", o, a), fmt.Sprintf("* | where %s | sort 0 %s", a, o), false},
		{"reverse twice is nothing", "* | reverse | reverse", "*", false},
		{"tail is head of the reverse", fmt.Sprintf("* | tail %d", n), fmt.Sprintf("* | reverse | head %d", n), false},
		{"dedup twice is dedup", fmt.Sprintf("* | dedup %d %s | dedup %d %s", n, k, n, k), fmt.Sprintf("* | dedup %d %s", n, k), false},
		{"a new column that goes again is nothing", "* | eval zz=s.n, zy=len(zz) | fields - zz zy", "*", false},
		{"table of a table", "* | table s u n | table s", "* | table s", false},
		{"rename and back", "* | rename n as zz | rename zz as n", "*", false},
		{"stats over disjoint keys", fmt.Sprintf("* | where mvcount(%s)=1 | stats count sum(n) as t values(u) as v by %s", k, k),
			fmt.Sprintf("* | where mvcount(%s)=1 AND %s<\"9\" | stats count sum(n) as t values(u) as v by %s | append [search * | where mvcount(%s)=1 AND NOT %s<\"9\" | stats count sum(n) as t values(u) as v by %s]", k, k, k, k, k, k), true},
		{"stats of stats", "* | stats count sum(n) as t by s u | stats sum(count) as c sum(t) as t by s", "* | where isnotnull(u) | mvexpand u | stats count as c sum(n) as t by s", false},
		{"eventstats has what stats has", fmt.Sprintf("* | where mvcount(%s)=1 | eventstats count as c max(n) as m by %s | stats max(c) as c max(m) as m by %s", k, k, k), fmt.Sprintf("* | where mvcount(%s)=1 | stats count as c max(n) as m by %s", k, k), false},
		{"the last running count is the count", fmt.Sprintf("* | where mvcount(%s)=1 | streamstats count as c by %s | stats max(c) as c by %s", k, k, k), fmt.Sprintf("* | where mvcount(%s)=1 | stats count as c by %s", k, k), false},
		{"running sums are sums", "* | streamstats sum(n) as t | tail 1 | table t", "* | accum n as t | filldown t | tail 1 | table t", false},
		{"untable of xyseries", "* | stats count as c by s u | xyseries s u c | untable s u c", "* | stats count as c by s u", true},
		{"mvexpand and mvcombine", "* | where mvcount(s)>0 | table _time s n | streamstats count as id | mvexpand s | mvcombine s", "* | where mvcount(s)>0 | table _time s n | streamstats count as id", false},
		{"top counts", "* | top limit=0 s showperc=f", "* | stats count by s | sort 0 -num(count), -str(s)", false},
		{"chart counts", "* | chart limit=0 count by s", "* | stats count by s", false},
		{"inner joins are left joins with a match", "* | table n s | join type=left max=0 n [search * | stats count as c by n] | where isnotnull(c)", "* | table n s | join max=0 n [search * | stats count as c by n]", false},
		{"union commutes with a filter", fmt.Sprintf("| union [search %s] [search %s] | where %s", x, y, a), fmt.Sprintf("| union [search %s | where %s] [search %s | where %s]", x, a, y, a), true},
		{"a subsearch is its conditions", "* [search n>0 | head 3 | fields n | format]", "* [search n>0 | head 3 | fields n]", false},
		{"coalesce is case", "* | eval z=coalesce(s,u,\"none\") | table z", "* | eval z=case(isnotnull(s),s,isnotnull(u),u,true(),\"none\") | table z", false},
		{"in is or", `* | where n IN (1,2,"a")`, `* | where n=1 OR n=2 OR n="a"`, false},
		{"a comparison turned round", "* | where s<n", "* | where n>s", false},
		{"fillnull is coalesce", "* | fillnull value=q s | table s n", "* | eval s=coalesce(s,\"q\") | table s n", false},
		{"text and back", "* | where isnum(n) | eval z=tonumber(tostring(n)) | where z!=n", "* | where 1=2", false},
		{"the printed search is the search", printed("* | where " + a), "* | where " + a, false},
	}
}

func printed(q string) string { return spl.Print(spl.Parse(q, spl.Options{})) }

// TestLaws draws events, conditions and orders, and compares searches that must give the same rows.
func TestLaws(t *testing.T) {
	r := rand.New(rand.NewPCG(14, 7))
	n, rounds := 0, 150
	if !testing.Short() {
		rounds = 1500
	}
	failed := map[string]bool{}
	for range rounds {
		events := drawnEvents(r)
		in := run.Input{Events: events, Now: time.Unix(1_700_000_100, 0)}
		for _, l := range laws(r) {
			n++
			a, errA := lawRows(l.left, in)
			b, errB := lawRows(l.right, in)
			if errA != nil || errB != nil {
				t.Fatalf("%s: %v %v\n%s\n%s", l.name, errA, errB, l.left, l.right)
			}
			if l.set {
				sort.Strings(a)
				sort.Strings(b)
			}
			if !slices.Equal(a, b) && !failed[l.name] {
				failed[l.name] = true
				t.Errorf("%s:\n%s\n  %s\n%s\n  %s", l.name, l.left, strings.Join(a, "\n  "), l.right, strings.Join(b, "\n  "))
			}
		}
	}
	t.Logf("FIGURE drawn searches whose laws hold: %d, of %d laws", n, len(laws(r)))
}

func lawRows(query string, in run.Input) ([]string, error) {
	res, _, err := search(query, in)
	if err != nil {
		return nil, err
	}
	var list []string
	for _, r := range res.Rows {
		var cells []string
		for _, n := range r.Names() {
			cells = append(cells, n+"="+fmt.Sprintf("%q", r.Get(n).Texts()))
		}
		list = append(list, strings.Join(cells, " "))
	}
	return list, nil
}
