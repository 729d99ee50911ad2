package value

import (
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"
)

const (
	pageAggregate Page = "SearchReference/Aggregatefunctions"
	pageOrder     Page = "SearchReference/Eventorderfunctions"
	pageMultiStat Page = "SearchReference/Multivaluefunctions"
	pageTimeStat  Page = "SearchReference/Timefunctions"
)

// Sample is what one row gives to an aggregation, in the order of the rows.
type Sample struct {
	Value Value
	// Time is _time of the row; HasTime says that the row has one.
	Time    float64
	HasTime bool
}

// Aggregation is one function of stats with its number (perc95: 95).
type Aggregation struct {
	Name  string
	Param float64
	op    *Op
}

// FindAggregation reads a name such as count, dc or perc95; false when there is none.
func FindAggregation(name string) (Aggregation, bool) {
	if o, ok := Find(name, InStats); ok {
		return Aggregation{Name: name, op: o}, true
	}
	for _, prefix := range []string{"exactperc", "upperperc", "perc", "p"} {
		rest, ok := strings.CutPrefix(name, prefix)
		if !ok {
			continue
		}
		if n, err := strconv.ParseFloat(rest, 64); err == nil && n >= 0 && n <= 100 {
			if prefix == "p" {
				prefix = "perc"
			}
			o, _ := Find(prefix, InStats)
			return Aggregation{Name: prefix, Param: n, op: o}, true
		}
	}
	return Aggregation{}, false
}

// Describe is the description of the result.
func (a Aggregation) Describe(arg Desc) Desc {
	d := a.op.Describe([]Desc{arg})
	if d.Kind == Any {
		d.Kind = arg.Kind
	}
	d.Sorted = a.Name == "values"
	return d
}

// Of computes the aggregation over the rows of a group.
func (a Aggregation) Of(e *Env, rows []Sample) Value {
	cost := 1 + len(rows)
	switch a.Name {
	case "values", "dc", "distinct_count", "estdc", "mode", "median", "perc", "exactperc", "upperperc": // tables of texts, sorting
		cost *= 8
	}
	if !e.spend(cost) {
		return nil
	}
	return aggregates[a.Name](e, rows, a.Param)
}

func aggregateOps() []Op {
	op := func(name string, result Kind, missing, several Often, does string, page Page) Op {
		return Op{Name: name, Place: InStats, Min: 0, Max: 1, Lazy: true, Rows: []Row{{Kinds: kinds(Any), Result: result, Missing: missing, Several: several, Does: does, Page: page}}}
	}
	num := func(name, does string) Op {
		return op(name, Number, Maybe, Never, does+"; what is no number does not count, without any number missing", pageAggregate)
	}
	perc := func(name, does string) Op {
		o := num(name, does)
		o.Rows[0].Page = "" // the page contradicts itself
		return o
	}
	const count = "the number of rows, or of the values of a field; of eval(condition) the rows for which it holds; 0 when there is none"
	const distinct = "the number of different values of a field, by their text"
	return []Op{
		op("count", Number, Never, Never, count, pageAggregate), op("c", Number, Never, Never, count, pageAggregate),
		op("dc", Number, Never, Never, distinct, pageAggregate), op("distinct_count", Number, Never, Never, distinct, pageAggregate),
		op("estdc", Number, Never, Never, "an estimate of dc; here exact", pageAggregate),
		op("estdc_error", Number, Never, Never, "the error of estdc; here 0", pageAggregate),
		num("sum", "the sum"), num("avg", "the average"), num("mean", "the average"), num("sumsq", "the sum of the squares"),
		num("range", "the greatest number less the least"),
		num("median", "the number in the middle, of an even count the higher of both"),
		perc("perc", "the number below which a share of them lies, between two ranks in proportion; the page says the nearest rank and computes this"),
		perc("exactperc", "as perc, exact"), perc("upperperc", "as perc; differs above 1,000 values only"),
		num("stdev", "the standard deviation of a sample (n-1); 0 for one number"), num("stdevp", "the standard deviation of the population (n)"),
		num("var", "the variance of a sample (n-1); 0 for one number"), num("varp", "the variance of the population (n)"),
		op("max", Numeral, Maybe, Never, "the greatest value: numbers by their value before texts, texts by code point", pageAggregate),
		op("min", Numeral, Maybe, Never, "the least value: numbers by their value before texts, texts by code point", pageAggregate),
		op("mode", Any, Maybe, Never, "the most frequent value; of several the first by text", ""),
		op("values", Any, Maybe, Maybe, "the different values, sorted as text: 10 before 9", pageMultiStat),
		op("list", Any, Maybe, Maybe, "the values in the order of the rows, the first 100", pageMultiStat),
		op("first", Any, Maybe, Maybe, "the value of the first row that has the field, in the order of the rows", pageOrder),
		op("last", Any, Maybe, Maybe, "the value of the last row that has the field, in the order of the rows", pageOrder),
		op("earliest", Any, Maybe, Maybe, "the value of the row with the least _time that has the field", pageTimeStat),
		op("latest", Any, Maybe, Maybe, "the value of the row with the greatest _time that has the field", pageTimeStat),
		op("earliest_time", Time, Maybe, Never, "the _time of the row that earliest takes", pageTimeStat),
		op("latest_time", Time, Maybe, Never, "the _time of the row that latest takes", pageTimeStat),
		op("rate", Number, Maybe, Never, "the latest value less the earliest one, by the seconds between them", pageTimeStat),
		op("sparkline", Numeral, Maybe, Maybe, "the word ##__SPARKLINE__## and the value of an aggregation for each interval of time", ""),
		op("per_second", Number, Maybe, Never, "of timechart: the sum by the seconds of the span", pageTimeStat),
		op("per_minute", Number, Maybe, Never, "of timechart: the sum by the minutes of the span", pageTimeStat),
		op("per_hour", Number, Maybe, Never, "of timechart: the sum by the hours of the span", pageTimeStat),
		op("per_day", Number, Maybe, Never, "of timechart: the sum by the days of the span", pageTimeStat),
		op("eps", Number, Maybe, Never, "of timechart: the number of events by the seconds of the span", ""),
	}
}

type aggregate func(e *Env, rows []Sample, param float64) Value

// Numbers are the numbers that sum and avg take of the values of rows.
func Numbers(rows []Sample) []float64 { return numbers(rows) }

// numbers are the numbers among the values of the rows.
func numbers(rows []Sample) []float64 {
	var list []float64
	for _, r := range rows {
		for _, x := range r.Value {
			if n, ok := x.Number(); ok {
				list = append(list, n)
			} else if x.kind == Boolean { // sum(eval(status=404)): the rows for which the condition holds
				list = append(list, x.number)
			}
		}
	}
	return list
}

func ofNumbers(f func(list []float64, param float64) float64) aggregate {
	return func(_ *Env, rows []Sample, param float64) Value {
		list := numbers(rows)
		if len(list) == 0 {
			return nil
		}
		return Num(f(list, param))
	}
}

// sumOf adds numbers as they are held in the machine, whose fractions are binary: a page of Splunk's shows 3.9900000000000055
// as the average of a hundred times 3.99.
func sumOf(list []float64) float64 {
	total := 0.0
	for _, n := range list {
		total += n
	}
	return total
}

func variance(list []float64, less float64) float64 {
	n := float64(len(list))
	if n-less <= 0 {
		return 0
	}
	mean := sumOf(list) / n
	total := 0.0
	for _, x := range list {
		total += (x - mean) * (x - mean)
	}
	return tidy(total/(n-less), 12)
}

// percentile interpolates between the two ranks, as the worked results of the page are computed: the 95th of 1 to 10 is
// 9.55. Its prose names the nearest rank instead.
func percentile(list []float64, p float64) float64 {
	sort.Float64s(list)
	rank := p / 100 * float64(len(list)-1)
	low := int(math.Floor(rank))
	if low+1 >= len(list) {
		return list[len(list)-1]
	}
	return tidy(list[low]+(rank-float64(low))*(list[low+1]-list[low]), 10)
}

func median(list []float64, _ float64) float64 {
	sort.Float64s(list)
	return list[len(list)/2]
}

// extremeOf is min and max of stats.
func extremeOf(sign int) aggregate {
	return func(_ *Env, rows []Sample, _ float64) Value {
		var best Atom
		found := false
		for _, r := range rows {
			for _, x := range r.Value {
				if !found || sign*compareRanked(x, best) > 0 {
					best, found = x, true
				}
			}
		}
		if !found {
			return nil
		}
		return best.plain()
	}
}

// inOrder is first and last.
func inOrder(last bool) aggregate {
	return func(_ *Env, rows []Sample, _ float64) Value {
		var v Value
		for _, r := range rows {
			if len(r.Value) > 0 {
				v = r.Value
				if !last {
					break
				}
			}
		}
		return v
	}
}

// byTime finds the row with the least or greatest time that has the field.
func byTime(rows []Sample, sign float64) *Sample {
	var best *Sample
	for i := range rows {
		r := &rows[i]
		if len(r.Value) == 0 || !r.HasTime {
			continue
		}
		if best == nil || sign*(r.Time-best.Time) > 0 {
			best = r
		}
	}
	return best
}

func timed(sign float64, f func(*Sample) Value) aggregate {
	return func(_ *Env, rows []Sample, _ float64) Value {
		if s := byTime(rows, sign); s != nil {
			return f(s)
		}
		return nil
	}
}

func countOf(_ *Env, rows []Sample, _ float64) Value {
	n := 0
	for _, r := range rows {
		n += len(r.Value)
	}
	return Num(float64(n))
}

func distinctOf(_ *Env, rows []Sample, _ float64) Value {
	seen := map[string]bool{}
	for _, r := range rows {
		for _, x := range r.Value {
			seen[x.Text()] = true
		}
	}
	return Num(float64(len(seen)))
}

func valuesOf(e *Env, rows []Sample, _ float64) Value {
	seen := map[string]bool{}
	var out Value
	for _, r := range rows {
		for _, x := range r.Value {
			if t := x.Text(); !seen[t] {
				seen[t] = true
				out = append(out, x)
			}
		}
	}
	slices.SortFunc(out, func(x, y Atom) int { return strings.Compare(x.Text(), y.Text()) })
	return bounded(e, out)
}

// maxList is how many values list() keeps, Splunk's default.
const maxList = 100

func listOf(_ *Env, rows []Sample, _ float64) Value {
	var out Value
	for _, r := range rows {
		out = append(out, r.Value...)
		if len(out) >= maxList {
			return out[:maxList]
		}
	}
	return out
}

func modeOf(_ *Env, rows []Sample, _ float64) Value {
	counts := map[string]int{}
	for _, r := range rows {
		for _, x := range r.Value {
			counts[x.Text()]++
		}
	}
	best, most := "", 0
	for t, n := range counts {
		if n > most || n == most && t < best {
			best, most = t, n
		}
	}
	if most == 0 {
		return nil
	}
	return Str(best)
}

func rateOf(_ *Env, rows []Sample, _ float64) Value {
	a, b := byTime(rows, -1), byTime(rows, 1)
	if a == nil || b == nil || a.Time == b.Time {
		return nil
	}
	x, ok1 := number(a.Value)
	y, ok2 := number(b.Value)
	if !ok1 || !ok2 {
		return nil
	}
	return Num((y - x) / (b.Time - a.Time))
}

// perTime is per_second and its kin: the sum by the units of time in the span, which is missing outside of timechart.
func perTime(unit float64) aggregate {
	return func(_ *Env, rows []Sample, w float64) Value {
		list := numbers(rows)
		if w == 0 || len(list) == 0 {
			return nil
		}
		return NumPlaces(roundTo(sumOf(list)*unit/w, 6), 6) // the page's rates show six decimals
	}
}

var aggregates = map[string]aggregate{
	"count": countOf, "c": countOf, "dc": distinctOf, "distinct_count": distinctOf, "estdc": distinctOf,
	"estdc_error": func(*Env, []Sample, float64) Value { return Num(0) },
	"sum":         ofNumbers(func(l []float64, _ float64) float64 { return sumOf(l) }),
	"avg":         ofNumbers(func(l []float64, _ float64) float64 { return sumOf(l) / float64(len(l)) }),
	"mean":        ofNumbers(func(l []float64, _ float64) float64 { return sumOf(l) / float64(len(l)) }),
	"sumsq": ofNumbers(func(l []float64, _ float64) float64 {
		total := 0.0
		for _, n := range l {
			total += n * n
		}
		return tidy(total, 12)
	}),
	"range": ofNumbers(func(l []float64, _ float64) float64 {
		a, b := slices.Max(l), slices.Min(l)
		return tidy(a-b, max(decimals(a), decimals(b)))
	}),
	"median": ofNumbers(median), "perc": ofNumbers(percentile), "exactperc": ofNumbers(percentile), "upperperc": ofNumbers(percentile),
	"stdev":  ofNumbers(func(l []float64, _ float64) float64 { return math.Sqrt(variance(l, 1)) }),
	"stdevp": ofNumbers(func(l []float64, _ float64) float64 { return math.Sqrt(variance(l, 0)) }),
	"var":    ofNumbers(func(l []float64, _ float64) float64 { return variance(l, 1) }),
	"varp":   ofNumbers(func(l []float64, _ float64) float64 { return variance(l, 0) }),
	"max":    extremeOf(1), "min": extremeOf(-1), "mode": modeOf, "values": valuesOf, "list": listOf,
	"first": inOrder(false), "last": inOrder(true),
	"earliest": timed(-1, func(s *Sample) Value { return s.Value }), "latest": timed(1, func(s *Sample) Value { return s.Value }),
	"earliest_time": timed(-1, func(s *Sample) Value { return Num(s.Time) }), "latest_time": timed(1, func(s *Sample) Value { return Num(s.Time) }),
	"rate":       rateOf,
	"sparkline":  func(*Env, []Sample, float64) Value { return nil },
	"per_second": perTime(1), "per_minute": perTime(60), "per_hour": perTime(3600), "per_day": perTime(86400),
	"eps": func(_ *Env, rows []Sample, w float64) Value {
		if w == 0 {
			return nil // there is no span
		}
		return Num(float64(len(rows)) / w)
	},
}
