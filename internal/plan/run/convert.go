package run

import (
	"math"
	"slices"
	"strings"

	"github.com/rulebridge/rulebridge/internal/plan"
	"github.com/rulebridge/rulebridge/internal/value"
)

// convert is one function of convert on the fields that match its pattern.
func (x *runner) convert(c *plan.Convert, r *Row, t *rows) error {
	names := []string{c.Field}
	if strings.Contains(c.Field, "*") {
		names = slices.DeleteFunc(r.Names(), func(n string) bool { return !value.Wild(n, c.Field, false) || strings.HasPrefix(n, "_") })
	}
	for _, name := range names {
		as := c.As
		if stars, ok := value.WildParts(name, c.Field); ok {
			for _, s := range stars {
				as = strings.Replace(as, "*", s, 1)
			}
		}
		v := r.fields[name]
		if v.Missing() || slices.ContainsFunc(c.Except, func(p string) bool { return value.Wild(name, p, false) }) {
			continue
		}
		if c.Func == "auto" && !x.convertible(t, name) {
			continue
		}
		var out value.Value
		for _, a := range v {
			out = append(out, x.converted(c.Func, c.Format, a.Text())...)
		}
		if c.Func == "none" {
			out = v
		}
		put(t, r, as, out)
	}
	return x.env.Err()
}

// convertible says that auto finds a number in each value of a column: otherwise it leaves all of them.
func (x *runner) convertible(t *rows, name string) bool {
	for _, r := range t.rows {
		x.env.Count(1)
		for _, a := range r.fields[name] {
			s := a.Text()
			if _, ok := value.ParseNumber(strings.TrimSpace(s)); !ok && x.guess(s).Missing() {
				return false
			}
		}
	}
	return true
}

// converted is one value; functions that make numbers give none where the text is no number, auto leaves it.
func (x *runner) converted(f, format, s string) value.Value {
	n, isNum := value.ParseNumber(strings.TrimSpace(s))
	if format == "" {
		format = "%m/%d/%Y %H:%M:%S"
	}
	switch f {
	case "ctime":
		if isNum {
			if t, ok := value.Moment(n, x.in.Zone); ok {
				return value.Str(value.Strftime(t, format))
			}
		}
		return value.Str(s)
	case "mktime":
		if t, ok := value.Strptime(s, format, x.in.Now, x.in.Zone); ok {
			return value.Num(value.Seconds(t))
		}
		return nil
	case "dur2sec":
		return durationSeconds(s)
	case "mstime":
		return minutes(s)
	case "memk":
		return kilobytes(s)
	case "rmcomma":
		return value.Str(strings.ReplaceAll(s, ",", ""))
	case "rmunit":
		if k := numberPrefix(s); k > 0 {
			n, _ := value.ParseNumber(s[:k])
			return value.Num(n)
		}
		return nil
	case "num", "auto":
		if isNum {
			return value.Num(n)
		}
		if v := x.guess(s); !v.Missing() {
			return v
		}
		if f == "num" {
			return nil
		}
	}
	return value.Str(s)
}

// guess tries the conversions that auto tries.
func (x *runner) guess(s string) value.Value {
	if n, ok := value.ParseNumber(strings.ReplaceAll(s, ",", "")); ok && strings.Contains(s, ",") {
		return value.Num(n)
	}
	if strings.Contains(s, ":") {
		if v := durationSeconds(s); !v.Missing() {
			return v
		}
	}
	if k := numberPrefix(s); k > 0 && !strings.ContainsAny(s[k:], "0123456789") {
		n, _ := value.ParseNumber(s[:k])
		return value.Num(n)
	}
	return nil
}

func numberPrefix(s string) int {
	k := 0
	for k < len(s) && (s[k] >= '0' && s[k] <= '9' || s[k] == '.' || k == 0 && (s[k] == '-' || s[k] == '+')) {
		k++
	}
	for k > 0 {
		if _, ok := value.ParseNumber(s[:k]); ok {
			return k
		}
		k--
	}
	return 0
}

// durationSeconds reads [D+]HH:MM:SS, MM:SS or a number.
func durationSeconds(s string) value.Value {
	days := 0.0
	if d, rest, ok := strings.Cut(s, "+"); ok {
		n, ok := value.ParseNumber(d)
		if !ok {
			return nil
		}
		days, s = n, rest
	}
	total := 0.0
	for _, p := range strings.Split(s, ":") {
		n, ok := value.ParseNumber(p)
		if !ok || n < 0 {
			return nil
		}
		total = total*60 + n
	}
	if strings.Count(s, ":") > 2 {
		return nil
	}
	return value.Num(days*86400 + total)
}

// minutes reads [MM:]SS[.SSS].
func minutes(s string) value.Value {
	total := 0.0
	parts := strings.Split(s, ":")
	for _, p := range parts {
		n, ok := value.ParseNumber(p)
		if !ok || len(parts) > 2 {
			return nil
		}
		total = total*60 + n
	}
	return value.Num(total)
}

// kilobytes reads a number with k, m or g behind it; k without.
func kilobytes(s string) value.Value {
	k := numberPrefix(s)
	if k == 0 {
		return nil
	}
	n, _ := value.ParseNumber(s[:k])
	switch strings.ToLower(strings.TrimSpace(s[k:])) {
	case "", "k", "kb":
	case "m", "mb":
		n *= 1024
	case "g", "gb":
		n *= 1024 * 1024
	default:
		return nil
	}
	if math.IsInf(n, 0) {
		return nil
	}
	return value.Num(n)
}
