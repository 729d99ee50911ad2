package run

import (
	"encoding/csv"
	"fmt"
	"math"
	"sort"
	"strings"
	"time"

	"github.com/rulebridge/rulebridge/internal/plan"
	"github.com/rulebridge/rulebridge/internal/spl"
	"github.com/rulebridge/rulebridge/internal/value"
)

// spanned is the place of a command.
type spanned = spl.Span

// read gives the rows of a source.
func (x *runner) read(n *plan.Source) (*rows, error) {
	switch n.Kind {
	case plan.Events, plan.Model:
		x.source = n
		return x.events(n)
	case plan.Made:
		return x.made(n)
	case plan.Table:
		return x.table(n)
	case plan.Above:
		if len(x.above) == 0 {
			return &rows{}, nil
		}
		return x.above[len(x.above)-1], nil
	case plan.Generated:
		return x.times(n)
	}
	return &rows{}, nil
}

// bound reads a time of a search: a modifier, a number of seconds, or a time in the format.
func (x *runner) bound(s, format string) (time.Time, error) {
	s = strings.TrimSpace(s)
	if n, ok := value.ParseNumber(s); ok && s[0] != '-' && s[0] != '+' {
		if t, ok := value.Moment(n, x.in.Zone); ok {
			return t, nil
		}
	}
	formats := []string{format, "%m/%d/%Y:%H:%M:%S", "%Y-%m-%dT%H:%M:%S.%Q%z", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S", "%m/%d/%Y"}
	if len(s) > 5 && (s[0] >= '0' && s[0] <= '9') {
		for _, f := range formats {
			if f == "" {
				continue
			}
			if t, ok := value.Strptime(s, f, x.in.Now, x.in.Zone); ok {
				return t, nil
			}
		}
	}
	return value.Relative(x.in.Now.In(x.in.Zone), strings.TrimPrefix(s, "rt"))
}

// bounds are the times from which and up to which events are read, infinite where the search says nothing.
func (x *runner) bounds(n *plan.Source) (from, to float64, err error) {
	from, to = math.Inf(-1), math.Inf(1)
	if n == nil {
		return from, to, nil
	}
	for _, b := range []struct {
		text string
		into *float64
	}{{n.Earliest, &from}, {n.Latest, &to}} {
		if b.text == "" {
			continue
		}
		t, err := x.bound(b.text, n.Format)
		if err != nil {
			return 0, 0, &Error{n.At, err.Error()}
		}
		*b.into = value.Seconds(t)
	}
	return from, to, nil
}

// events are the events in the time range, newest first. Events of the same time keep their order.
func (x *runner) events(n *plan.Source) (*rows, error) {
	from, to, err := x.bounds(n)
	if err != nil {
		return nil, err
	}
	type timed struct {
		row *Row
		at  float64
	}
	var list []timed
	t := &rows{}
	for i := range x.in.Events {
		ev := &x.in.Events[i]
		r := &Row{fields: make(map[string]value.Value, len(ev.Names))}
		for k, name := range ev.Names {
			r.set(name, ev.Values[k])
		}
		at, ok := r.time()
		within := at >= from && (at < to || n.EndIn && at == to)
		if !ok && (!math.IsInf(from, -1) || !math.IsInf(to, 1)) || ok && !within {
			continue
		}
		if n.Kind == plan.Model {
			if !inModel(r, n.Name) {
				continue
			}
			if !n.Flat {
				x.model(r, n.Name)
			}
		}
		for _, name := range ev.Names {
			t.add(name)
		}
		if err := x.holds(r); err != nil {
			return nil, err
		}
		list = append(list, timed{r, at})
	}
	sort.SliceStable(list, func(i, j int) bool { return list[i].at > list[j].at })
	for _, e := range list {
		t.rows = append(t.rows, e.row)
	}
	return t, nil
}

// inModel says whether an event is in a data set. An event can name its data sets in the field datamodel, such as
// Endpoint.Processes; one that names none is in every data set.
func inModel(r *Row, name string) bool {
	sets := r.fields["datamodel"]
	if sets.Missing() {
		return true
	}
	for _, s := range sets.Texts() {
		if s == name || strings.HasPrefix(s, name+".") || strings.HasPrefix(name, s+".") {
			return true
		}
	}
	return false
}

// model gives the fields of an event the names of a data set, beside their own: Processes.dest for dest.
func (x *runner) model(r *Row, name string) {
	prefix := name
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		prefix = name[i+1:]
	}
	for _, f := range r.Names() {
		if !strings.HasPrefix(f, "_") && !strings.HasPrefix(f, prefix+".") {
			if _, ok := r.fields[prefix+"."+f]; !ok {
				r.fields[prefix+"."+f] = r.fields[f]
			}
		}
	}
}

// made are the rows of makeresults.
func (x *runner) made(n *plan.Source) (*rows, error) {
	t := &rows{names: []string{"_time"}}
	now := value.Num(float64(x.in.Now.Unix()))
	if n.Text != "" {
		return x.madeOf(n, t, now)
	}
	if n.Count > x.limits.Rows {
		return nil, &LimitError{fmt.Sprintf("%d rows", x.limits.Rows), n.At}
	}
	for range n.Count {
		r := &Row{fields: map[string]value.Value{"_time": now}}
		if err := x.holds(r); err != nil {
			return nil, err
		}
		t.rows = append(t.rows, r)
	}
	return t, nil
}

// madeOf reads the rows of makeresults data=.
func (x *runner) madeOf(n *plan.Source, t *rows, now value.Value) (*rows, error) {
	if strings.EqualFold(n.TextFormat, "json") {
		j, ok := value.ParseJSON(n.Text)
		if !ok {
			return nil, &Error{n.At, "data= of makeresults is no JSON"}
		}
		objects := j.Elements()
		if !j.IsList() {
			objects = []*value.JSON{j}
		}
		for _, o := range objects {
			r := &Row{fields: map[string]value.Value{"_time": now}}
			for i, k := range o.Keys() {
				r.set(k, valueOf(o.Elements()[i]))
				t.add(k)
			}
			if err := x.holds(r); err != nil {
				return nil, err
			}
			t.rows = append(t.rows, r)
		}
		return t, nil
	}
	c := csv.NewReader(strings.NewReader(strings.ReplaceAll(n.Text, `\n`, "\n")))
	c.FieldsPerRecord, c.LazyQuotes, c.TrimLeadingSpace = -1, true, true
	lines, err := c.ReadAll()
	if err != nil || len(lines) == 0 {
		return nil, &Error{n.At, "data= of makeresults is no CSV with a header"}
	}
	for _, line := range lines[1:] {
		r := &Row{fields: map[string]value.Value{"_time": now}}
		for i, cell := range line {
			if i < len(lines[0]) && cell != "" {
				r.set(lines[0][i], value.Str(cell))
			}
		}
		if err := x.holds(r); err != nil {
			return nil, err
		}
		t.rows = append(t.rows, r)
	}
	for _, name := range lines[0] {
		t.add(name)
	}
	return t, nil
}

// table are the rows of a lookup table.
func (x *runner) table(n *plan.Source) (*rows, error) {
	l, ok := x.in.Lookups[n.Name]
	if !ok {
		return nil, &Error{n.At, fmt.Sprintf("lookup %s is not defined: supply it with the lookups", n.Name)}
	}
	t := &rows{names: append([]string{}, l.Columns...), fixed: true}
	for i := n.Start; i < len(l.Rows) && len(t.rows) < n.Max; i++ {
		r := &Row{fields: map[string]value.Value{}}
		for k, cell := range l.Rows[i] {
			if cell != "" {
				r.set(k, value.Str(cell))
			}
		}
		if err := x.holds(r); err != nil {
			return nil, err
		}
		t.rows = append(t.rows, r)
	}
	return t, nil
}

// times are the rows of gentimes: the end is not included (SearchReference/Gentimes).
func (x *runner) times(n *plan.Source) (*rows, error) {
	at := func(s string) (time.Time, error) {
		if d, ok := value.ParseNumber(s); ok {
			return value.Relative(x.in.Now.In(x.in.Zone), fmt.Sprintf("%+dd@d", int(d)))
		}
		format := "%m/%d/%y" // as in 10/1/26, which older pages of the manual show
		switch {
		case strings.Contains(s, ":"):
			format = "%m/%d/%Y:%H:%M:%S"
		case len(s)-strings.LastIndexByte(s, '/') > len("/26"):
			format = "%m/%d/%Y"
		}
		t, ok := value.Strptime(s, format, x.in.Now, x.in.Zone)
		if !ok {
			return t, &Error{n.At, s + " is no day: write it as 10/1/2026 or as a number of days ago"}
		}
		return t, nil
	}
	start, err := at(n.Generate.Start)
	if err != nil {
		return nil, err
	}
	end, err := value.Relative(x.in.Now.In(x.in.Zone), "@d")
	if n.Generate.End != "" {
		end, err = at(n.Generate.End)
	}
	if err != nil {
		return nil, err
	}
	span, ok := value.ParseSpan(n.Generate.Step)
	if !ok {
		return nil, &Error{n.At, "increment=" + n.Generate.Step + " is no span of time such as 1d"}
	}
	t := &rows{names: []string{"starttime", "starthuman", "endtime", "endhuman"}, listed: true}
	for from := value.Seconds(start); from < value.Seconds(end); {
		to, ok := value.NextBin(from, span, x.in.Zone)
		if !ok || to <= from {
			break
		}
		a, _ := value.Moment(from, x.in.Zone)
		b, _ := value.Moment(to-1, x.in.Zone)
		r := &Row{fields: map[string]value.Value{"starttime": value.Num(from), "starthuman": value.Str(value.Strftime(a, "%a %b %e %H:%M:%S %Y")),
			"endtime": value.Num(to - 1), "endhuman": value.Str(value.Strftime(b, "%a %b %e %H:%M:%S %Y"))}}
		if err := x.holds(r); err != nil {
			return nil, err
		}
		if t.rows = append(t.rows, r); len(t.rows) > x.limits.Rows {
			return t, nil
		}
		from = to
	}
	return t, nil
}
