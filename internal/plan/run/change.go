package run

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/rulebridge/rulebridge/internal/lower"
	"github.com/rulebridge/rulebridge/internal/plan"
	"github.com/rulebridge/rulebridge/internal/value"
)

// extend changes rows one by one. Each row is copied once and counted before the next one is made, so that large values end
// at the limit of bytes; bin and convert look at
// all rows of a column.
func (x *runner) extend(n *plan.Extend, t *rows) (*rows, error) {
	out := t.like()
	if !slices.ContainsFunc(n.Changes, ofColumns) {
		return x.extendEach(n, t, out)
	}
	for _, r := range t.rows {
		c := r.clone()
		out.rows = append(out.rows, c)
	}
	for _, c := range n.Changes {
		if b, ok := c.(*plan.Bin); ok {
			if err := x.bin(n, b, out); err != nil {
				return nil, err
			}
			continue
		}
		for _, r := range out.rows {
			if err := x.change(c, r, out); err != nil {
				return nil, err
			}
		}
		x.columns(c, out)
	}
	for _, r := range out.rows {
		if err := x.holds(r); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// ofColumns says that a change of a row depends on the other rows.
func ofColumns(c plan.Change) bool {
	switch c.(type) {
	case *plan.Bin, *plan.Convert:
		return true
	}
	return false
}

func (x *runner) extendEach(n *plan.Extend, t, out *rows) (*rows, error) {
	for _, c := range n.Changes {
		x.columns(c, out)
	}
	for _, r := range t.rows {
		r = r.clone()
		out.rows = append(out.rows, r)
		for _, c := range n.Changes {
			if err := x.change(c, r, out); err != nil {
				return nil, err
			}
		}
		if err := x.holds(r); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// columns adds the names that a change makes whatever the rows hold.
func (x *runner) columns(c plan.Change, t *rows) {
	switch c := c.(type) {
	case *plan.Assign:
		if !strings.Contains(c.Name, "{") {
			t.add(c.Name)
		}
	case *plan.Total:
		t.add(c.Name)
	}
}

// put sets a field and keeps the name.
func put(t *rows, r *Row, name string, v value.Value) {
	r.set(name, v)
	if !v.Missing() {
		t.add(name)
	}
}

func (x *runner) change(c plan.Change, r *Row, t *rows) error {
	if err := x.spend(1); err != nil {
		return err
	}
	switch c := c.(type) {
	case *plan.Assign:
		v, err := x.eval(c.Expr, r)
		if err != nil {
			return err
		}
		if v.IsBool() {
			return &Error{c.Expr.Span(), lower.NoBoolean}
		}
		name, ok := x.assignee(c.Name, r)
		if !ok {
			return &Error{c.Expr.Span(), fmt.Sprintf("the name %q is made of values that name fields in braces again, without an end: give the fields other values", clip(c.Name))}
		}
		put(t, r, name, v.Stored())
	case *plan.Match:
		return x.match(c, r, t)
	case *plan.Edit:
		return x.edit(c, r, t)
	case *plan.ReadTree:
		return x.readTree(c, r, t)
	case *plan.ReadPairs:
		return x.readPairs(c, r, t)
	case *plan.ReadXML:
		return x.readXML(c, r, t)
	case *plan.Convert:
		return x.convert(c, r, t)
	case *plan.Replace:
		x.replace(c, r, t)
	case *plan.Split:
		return x.split(c, r, t)
	case *plan.Total:
		x.total(c, r, t)
	case *plan.Ranges:
		x.ranges(c, r, t)
	case *plan.SearchInfo:
		return x.searchInfo(r, t)
	case *plan.ToJSON:
		x.toJSON(c, r, t)
	case *plan.Joined:
		if v := r.fields[c.Field]; len(v) > 1 {
			put(t, r, c.Field, value.Str(strings.Join(v.Texts(), c.Delim)))
		}
	case *plan.Ago:
		x.ago(r, t)
	case *plan.Place:
		// There is no database of places.
	}
	return x.env.Err()
}

// assignee is the name on the left side of an assignment: {field} stands for the value of that field, which may have
// braces again; false where this does not end.
func (x *runner) assignee(name string, r *Row) (string, bool) {
	for range 10 {
		a := strings.IndexByte(name, '{')
		b := strings.IndexByte(name[a+1:], '}')
		if a < 0 || b <= 0 {
			return name, true
		}
		v := r.fields[name[a+1:a+1+b]]
		if len(v) == 0 {
			return name, true
		}
		name = name[:a] + v[0].Text() + name[a+1+b+1:]
	}
	return name, false
}

// match is rex: every value of the field is searched, and a group that takes part sets its field.
func (x *runner) match(c *plan.Match, r *Row, t *rows) error {
	p, err := x.env.Pattern(c.Pattern)
	if err != nil {
		return err
	}
	groups := p.Groups()
	found := make([]value.Value, len(groups))
	var offsets []string
	left := c.Max
	matched := false
	for _, a := range x.field(r, c.Field) {
		s := a.Text()
		for _, m := range p.All(x.env, s, left) {
			matched = true
			for i := range groups {
				if groups[i] == "" || m[2*i+2] < 0 {
					continue
				}
				found[i] = append(found[i], value.Str(s[m[2*i+2]:m[2*i+3]])...)
				offsets = append(offsets, groups[i]+"="+strconv.Itoa(m[2*i+2])+"-"+strconv.Itoa(m[2*i+3]-1))
			}
			if left--; left == 0 {
				break
			}
		}
		if c.Max > 0 && left <= 0 {
			break
		}
	}
	if matched {
		for i, g := range groups {
			if g != "" && len(found[i]) > 0 {
				put(t, r, g, found[i])
			}
		}
		if c.Offset != "" {
			put(t, r, c.Offset, value.Str(strings.Join(offsets, "&")))
		}
	}
	return x.env.Err()
}

// edit is rex mode=sed: s/regex/replacement/flags or y/from/to/.
func (x *runner) edit(c *plan.Edit, r *Row, t *rows) error {
	v := x.field(r, c.Field)
	if v.Missing() {
		return nil
	}
	var out value.Value
	for _, a := range v {
		s, err := x.sed(c.Script, a.Text())
		if err != nil {
			return err
		}
		out = append(out, value.Str(s)...)
	}
	put(t, r, c.Field, out)
	return nil
}

func (x *runner) sed(script, s string) (string, error) {
	bad := &Error{x.at, "the script of mode=sed is s/regular expression/replacement/flags or y/from/to/"}
	script = strings.TrimSpace(script)
	if len(script) < 4 || script[0] != 's' && script[0] != 'y' {
		return "", bad
	}
	delim := script[1]
	var parts []string
	part := ""
	i := 2
	for ; i < len(script) && len(parts) < 2; i++ {
		switch {
		case script[i] == '\\' && i+1 < len(script) && script[i+1] == delim:
			part += string(delim)
			i++
		case script[i] == '\\' && i+1 < len(script):
			part += script[i : i+2]
			i++
		case script[i] == delim:
			parts, part = append(parts, part), ""
		default:
			part += script[i : i+1]
		}
	}
	if len(parts) < 2 {
		return "", bad
	}
	flags := strings.TrimSpace(script[i:])
	if script[0] == 'y' {
		from, to := []rune(parts[0]), []rune(parts[1])
		if len(from) != len(to) {
			return "", &Error{x.at, "both lists of y/from/to/ must have as many characters"}
		}
		return strings.Map(func(c rune) rune {
			if k := slices.Index(from, c); k >= 0 {
				return to[k]
			}
			return c
		}, s), nil
	}
	expr := parts[0]
	if strings.ContainsAny(flags, "iI") {
		expr = "(?i)" + expr
	}
	p, err := x.env.Pattern(expr)
	if err != nil {
		return "", err
	}
	which := 1
	if strings.Contains(flags, "g") {
		which = 0
	} else if n, err := strconv.Atoi(strings.TrimFunc(flags, func(c rune) bool { return c < '0' || c > '9' })); err == nil {
		which = n
	}
	return p.ReplaceNth(x.env, s, parts[1], which), x.env.Err()
}

// replace changes whole values that match a pattern; stars of the new text stand for what those of the pattern matched.
func (x *runner) replace(c *plan.Replace, r *Row, t *rows) {
	for _, name := range r.Names() {
		if !slices.ContainsFunc(c.Fields, func(p string) bool { return value.Wild(name, p, false) }) || strings.HasPrefix(name, "_") && !slices.Contains(c.Fields, name) {
			continue
		}
		var out value.Value
		for _, a := range r.fields[name] {
			s := a.Text()
			for _, p := range c.Pairs {
				stars, ok := value.WildParts(s, p.From)
				if !ok {
					continue
				}
				s = p.To
				for _, star := range stars {
					s = strings.Replace(s, "*", star, 1)
				}
				a = value.Str(s)[0]
			}
			out = append(out, a)
		}
		put(t, r, name, out)
	}
}

// split is makemv.
func (x *runner) split(c *plan.Split, r *Row, t *rows) error {
	v := x.field(r, c.Field)
	if v.Missing() {
		return nil
	}
	var out value.Value
	for _, a := range v {
		s := a.Text()
		if c.Tokenizer != "" {
			p, err := x.env.Pattern(c.Tokenizer)
			if err != nil {
				return err
			}
			for _, m := range p.All(x.env, s, 0) {
				i := 0
				if len(m) > 2 {
					i = 2
				}
				if m[i] >= 0 && (m[i+1] > m[i] || c.AllowEmpty) {
					out = append(out, value.Str(s[m[i]:m[i+1]])...)
				}
			}
			continue
		}
		for _, part := range strings.Split(s, c.Delim) {
			if part != "" || c.AllowEmpty {
				out = append(out, value.Str(part)...)
			}
		}
	}
	if err := x.spend(len(out)); err != nil {
		return err
	}
	put(t, r, c.Field, out)
	return x.env.Err()
}

// total is addtotals.
func (x *runner) total(c *plan.Total, r *Row, t *rows) {
	sum, _ := value.Find("sum", value.InEval)
	var args []value.Value
	for _, name := range r.Names() {
		if strings.HasPrefix(name, "_") && !slices.Contains(c.Fields, name) {
			continue
		}
		if len(c.Fields) == 0 || slices.ContainsFunc(c.Fields, func(p string) bool { return value.Wild(name, p, false) }) {
			args = append(args, r.fields[name])
		}
	}
	total := value.Num(0)
	if len(args) > 0 {
		if v := sum.Call(x.env, args); !v.Missing() {
			total = v
		}
	}
	put(t, r, c.Name, total)
}

// ranges is rangemap.
func (x *runner) ranges(c *plan.Ranges, r *Row, t *rows) {
	var out value.Value
	if v := r.fields[c.Field]; len(v) == 1 {
		if n, ok := v[0].Number(); ok {
			for _, g := range c.Ranges {
				if n >= g.Low && n <= g.Top {
					out = append(out, value.Str(g.Name)...)
				}
			}
		}
	}
	if out.Missing() {
		out = value.Str(c.Default)
	}
	put(t, r, "range", out)
}

// searchInfo is addinfo.
func (x *runner) searchInfo(r *Row, t *rows) error {
	from, to, err := x.bounds(x.source)
	if err != nil {
		return err
	}
	low, high := value.Num(0), value.Str("+Infinity")
	if !math.IsInf(from, 0) {
		low = value.Num(from)
	}
	if !math.IsInf(to, 0) {
		high = value.Num(to)
	}
	put(t, r, "info_min_time", low)
	put(t, r, "info_max_time", high)
	put(t, r, "info_search_time", value.Num(value.Seconds(x.in.Now)))
	put(t, r, "info_sid", value.Str(value.FormatNumber(value.Seconds(x.in.Now), -1)))
	return nil
}
