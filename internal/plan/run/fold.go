package run

import (
	"slices"
	"strings"

	"github.com/rulebridge/rulebridge/internal/plan"
	"github.com/rulebridge/rulebridge/internal/value"
)

// fold is what a running aggregation over all rows of a group so far remembers in the place of their values: 100,000
// rows are then 100,000 steps, not their square.
type fold struct {
	name   string // of the aggregation
	count  float64
	sum    float64
	result value.Value
	set    value.Value // the different values, sorted by their texts
}

// newFold is nil for an aggregation that needs all values, and for a window of some rows, which values leave.
func newFold(n *plan.Window, a plan.Agg) *fold {
	if n.Size > 0 || n.Seconds > 0 || n.AllNum {
		return nil
	}
	switch a.Func.Name {
	case "count", "c", "sum", "avg", "mean", "min", "max", "first", "last", "list", "values", "dc", "distinct_count", "estdc":
		return &fold{name: a.Func.Name}
	}
	return nil
}

// add takes the values of one more row.
func (f *fold) add(x *runner, a plan.Agg, s value.Sample) error {
	switch f.name {
	case "count", "c":
		f.count += float64(len(s.Value))
		f.result = value.Num(f.count)
	case "sum", "avg", "mean":
		for _, n := range value.Numbers([]value.Sample{s}) {
			f.sum += n
			f.count++
		}
		if f.count > 0 && f.name == "sum" {
			f.result = value.Num(f.sum)
		} else if f.count > 0 {
			f.result = value.Num(f.sum / f.count)
		}
	case "values", "dc", "distinct_count", "estdc":
		return f.distinct(x, s)
	default: // of the result so far and one more row is what it is of all rows
		v, err := x.ofSamples(a, []value.Sample{{Value: f.result}, s}, false)
		f.result = v
		return err
	}
	return nil
}

// distinct adds values that are new. Rows share the list of values until it grows.
func (f *fold) distinct(x *runner, s value.Sample) error {
	for _, v := range s.Value {
		i, found := slices.BinarySearchFunc(f.set, v.Text(), func(a value.Atom, t string) int { return strings.Compare(a.Text(), t) })
		if found {
			continue
		}
		cost := 1 + len(f.set)/16
		if f.name == "values" {
			cost = 1 + len(f.set)
		}
		if err := x.spend(cost); err != nil {
			return err
		}
		if f.name == "values" {
			f.set = slices.Clip(f.set) // Insert then makes a list of its own
		}
		f.set = slices.Insert(f.set, i, v)
	}
	if f.name == "values" {
		f.result = f.set
	} else {
		f.result = value.Num(float64(len(f.set)))
	}
	return nil
}
