package run

import (
	"math"
	"strings"

	"github.com/rulebridge/rulebridge/internal/plan"
	"github.com/rulebridge/rulebridge/internal/value"
)

// bin puts the values of a column into intervals.
func (x *runner) bin(n *plan.Extend, c *plan.Bin, t *rows) error {
	span, log := c.Span, false
	if strings.Contains(span, "log") {
		log = true
	}
	isTime := c.Field == "_time"
	span, _, _ = strings.Cut(span, "@")
	var w value.Span
	switch {
	case log:
	case span != "":
		w, _ = value.ParseSpan(span)
		isTime = isTime || w.Unit != ""
	default:
		w = x.binWidth(c, t, isTime)
	}
	align, err := x.alignment(c)
	if err != nil {
		return err
	}
	for _, r := range t.rows {
		if err := x.spend(1); err != nil {
			return err
		}
		v := r.fields[c.Field]
		var out value.Value
		for _, a := range v {
			f, ok := a.Number()
			switch {
			case !ok:
				out = append(out, a)
			case log:
				out = append(out, logBin(f, c.Span)...)
			case isTime:
				b, ok := x.binTime(f, c.Span, w, align)
				if !ok {
					out = append(out, a)
					continue
				}
				out = append(out, value.Num(b)...)
			default:
				out = append(out, rangeText(f, w.N)...)
			}
		}
		put(t, r, c.As, out)
	}
	return nil
}

func (x *runner) alignment(c *plan.Bin) (float64, error) {
	switch c.Align {
	case "":
		return 0, nil
	case "earliest", "latest":
		from, to, err := x.bounds(x.source)
		if err != nil {
			return 0, err
		}
		at := from
		if c.Align == "latest" {
			at = to
		}
		if math.IsInf(at, 0) {
			return 0, nil
		}
		return value.FloorMod(at, c.Span), nil
	}
	at, err := x.bound(c.Align, "")
	if err != nil {
		return 0, &Error{x.at, err.Error()}
	}
	return value.FloorMod(value.Seconds(at), c.Span), nil
}

// binWidth is the least round width with which the values need no more bins than asked for.
func (x *runner) binWidth(c *plan.Bin, t *rows, isTime bool) value.Span {
	low, high := math.Inf(1), math.Inf(-1)
	for _, r := range t.rows {
		for _, a := range r.fields[c.Field] {
			if f, ok := a.Number(); ok {
				low, high = math.Min(low, f), math.Max(high, f)
			}
		}
	}
	if s, ok := value.ParseNumber(c.Start); ok {
		low = math.Min(low, s)
	}
	if e, ok := value.ParseNumber(c.End); ok {
		high = math.Max(high, e)
	}
	bins := c.Bins
	if bins <= 0 {
		bins = 100
	}
	least, _ := value.SpanSeconds(c.MinSpan)
	return value.RoundWidth(low, high, bins, isTime, least)
}

// logBin is the interval of a logarithmic span such as 2log10.
func logBin(f float64, span string) value.Value {
	a, b, _ := strings.Cut(span, "log")
	factor, base := 1.0, 10.0
	if n, ok := value.ParseNumber(a); ok {
		factor = n
	}
	if n, ok := value.ParseNumber(b); ok {
		base = n
	}
	if f <= 0 || base <= 1 || factor <= 0 {
		return value.Num(f)
	}
	e := math.Floor(math.Log(f/factor)/math.Log(base) + 1e-12)
	low, high := factor*math.Pow(base, e), factor*math.Pow(base, e+1)
	return value.Str(value.FormatNumber(value.Tidy(low, 0), -1) + "-" + value.FormatNumber(value.Tidy(high, 0), -1))
}
