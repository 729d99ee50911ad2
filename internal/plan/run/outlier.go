package run

import (
	"slices"
	"strings"

	"github.com/rulebridge/rulebridge/internal/plan"
	"github.com/rulebridge/rulebridge/internal/value"
)

// outliers is outlier: beyond the quartile by Param times the distance between the quartiles.
func (x *runner) outliers(n *plan.Outliers, t *rows) (*rows, error) {
	type bound struct {
		name      string
		low, high float64
	}
	var bounds []bound
	for _, name := range t.names {
		if !taken(n.Fields, name) {
			continue
		}
		low, ok1, err := x.quartile(name, "perc25", t)
		if err != nil {
			return nil, err
		}
		high, ok2, err := x.quartile(name, "perc75", t)
		if err != nil {
			return nil, err
		}
		if ok1 && ok2 {
			d := n.Param * (high - low)
			bounds = append(bounds, bound{name, low - d, high + d})
		}
	}
	out := t.like()
	for _, r := range t.rows {
		c, gone := r.clone(), false
		for _, b := range bounds {
			v := r.fields[b.name]
			if len(v) != 1 {
				continue
			}
			f, ok := v[0].Number()
			to := b.high
			if n.Lower && f < b.low {
				to = b.low
			}
			if !ok || f <= b.high && to == b.high {
				continue
			}
			gone = true
			c.set(b.name, moved(to, n.Mark))
		}
		if gone && n.Remove {
			continue
		}
		if err := x.holds(c); err != nil {
			return nil, err
		}
		out.rows = append(out.rows, c)
	}
	return out, nil
}

// moved is a number that was moved to a bound.
func moved(to float64, mark bool) value.Value {
	if v := value.Num(to); !mark {
		return v
	}
	return value.Str("000" + value.FormatNumber(to, -1))
}

// taken says whether a command that takes fields, or all fields when it names none, takes this one. Fields that begin
// with _ are taken by their names only.
func taken(patterns []string, name string) bool {
	if len(patterns) == 0 {
		return !strings.HasPrefix(name, "_")
	}
	return slices.ContainsFunc(patterns, func(p string) bool { return value.Wild(name, p, false) })
}

func (x *runner) quartile(name, function string, t *rows) (float64, bool, error) {
	f, _ := value.FindAggregation(function)
	v, err := x.aggregation(plan.Agg{Func: f, Field: name, Name: name}, t.rows, false)
	if err != nil || len(v) != 1 {
		return 0, false, err
	}
	number, ok := v[0].Number()
	return number, ok, nil
}
