package fidelity

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"

	"github.com/rulebridge/rulebridge/internal/schema/pipeline"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// wanted is what the conditions of a search ask of one field.
type wanted struct {
	is, not []string // patterns with *
	over    string   // a number that the value has to exceed, as text
	least   int      // how long the value has to be
}

// solver reads the values that a search asks for out of its conditions. Where a condition leaves a choice, choice says
// which alternative is taken: the caller tries one number after the other. Whether a choice is right, the interpreter says.
type solver struct {
	want   map[string]*wanted
	vary   map[string]bool // fields of which a threshold counts the values
	keys   []string        // fields that rows are grouped by
	choice int
	set    string              // the data model, or the data set of it, that tstats reads
	made   map[string]bool     // names that a command of the search makes, which no raw event has
	under  []string            // what "rename properties.* as *" takes off names
	as     map[string]string   // the field that a name made by rename, or by eval in one of its cases, stands for
	cut    map[string]cutOut   // the names that rex cuts out of a field
	among  map[string][]string // the values that a search takes a field for
	failed string              // a condition that gives no values
}

// cutOut is the field that a name is cut out of, with the expression.
type cutOut struct{ field, pattern string }

// stands is the field that a name stands for.
func (s *solver) stands(name string) string {
	for range 8 {
		of, ok := s.as[name]
		if !ok || of == name {
			return name
		}
		name = of
	}
	return name
}

// plainCase is the field that an expression is in one of its cases: if(match(x, "^[0-9A-F]+$"), decoded, x) is x.
func plainCase(e spl.Expr) string {
	switch e := e.(type) {
	case *spl.FieldRef:
		return e.Name
	case *spl.Call:
		if e.Func == "if" && len(e.Args) == 3 {
			if f := plainCase(e.Args[2]); f != "" {
				return f
			}
			return plainCase(e.Args[1])
		}
	}
	return ""
}

func (s *solver) pick(n int) int {
	if n <= 1 {
		return 0
	}
	i := s.choice % n
	s.choice /= n
	return i
}

func (s *solver) field(name string) *wanted {
	// data sets have names before their fields: Processes.process_name
	if set, rest, ok := strings.Cut(name, "."); ok && set != "" && (set[0] >= 'A' && set[0] <= 'Z' || strings.EqualFold(set, s.set)) {
		name = rest[strings.LastIndexByte(rest, '.')+1:]
	}
	if of := s.stands(name); of != name {
		name = of
	} else if s.made[name] {
		return &wanted{}
	}
	if s.want[name] == nil {
		s.want[name] = &wanted{}
	}
	return s.want[name]
}

// makes notes the names that a command makes.
func (s *solver) makes(c spl.Command) {
	switch c := c.(type) {
	case *spl.Eval:
		for _, a := range c.Assigns {
			s.made[a.Field.Text] = true
			if f := plainCase(a.Expr); f != "" {
				s.as[a.Field.Text] = s.stands(f)
			}
		}
	case *spl.Rename:
		for _, p := range c.Pairs {
			switch from, wild := strings.CutSuffix(p.From.Text, "*"); {
			case wild && p.To.Text == "*":
				s.under = append(s.under, from)
			case !strings.Contains(p.To.Text, "*"):
				s.as[p.To.Text] = s.stands(p.From.Text)
				s.made[p.To.Text] = true
			}
		}
	case *spl.Rex:
		for _, m := range groupName.FindAllStringSubmatch(c.Pattern.Text, -1) {
			s.made[m[1]] = true
			if !c.Sed {
				s.cut[m[1]] = cutOut{s.stands(c.Field.Text), c.Pattern.Text}
			}
		}
	case *spl.Stats:
		s.outputs(c.Aggs)
	case *spl.TStats:
		s.outputs(c.Aggs)
	}
}

func (s *solver) outputs(aggs []spl.Agg) {
	for _, a := range aggs {
		switch f, _ := a.Arg.(*spl.FieldRef); {
		case a.As != nil && (f == nil || f.Name != a.As.Text):
			s.made[a.As.Text] = true
		case a.Arg == nil && a.As == nil:
			s.made[a.Func] = true
		}
	}
}

var groupName = regexp.MustCompile(`\(\?P?<(\w+)>`)

// solve reads a pipeline up to what is beyond it.
func solve(p *spl.Pipeline, choice int) *solver {
	s := &solver{want: map[string]*wanted{}, vary: map[string]bool{}, made: map[string]bool{}, choice: choice,
		as: map[string]string{}, cut: map[string]cutOut{}, among: map[string][]string{}}
	for _, c := range p.Commands {
		if rex, ok := c.(*spl.Rex); ok && !rex.Sed && s.pick(2) == 1 {
			s.matches(rex.Field.Text, rex.Pattern.Text)
		}
		switch c := c.(type) {
		case *spl.Search:
			s.search(c.Expr, true)
		case *spl.TStats:
			if c.From != nil {
				s.set, _, _ = strings.Cut(c.From.Text, ".")
			}
			if c.Where != nil {
				s.search(c.Where, true)
			}
			s.grouped(c.Aggs, c.By)
		case *spl.Where:
			s.eval(c.Expr, true)
		case *spl.Regex:
			if !c.Negated {
				s.matches(c.Field.Text, c.Pattern.Text)
			}
		case *spl.Stats:
			s.grouped(c.Aggs, c.By)
		}
		s.makes(c)
	}
	return s
}

func (s *solver) grouped(aggs []spl.Agg, by []spl.By) {
	for _, a := range aggs {
		if f, ok := a.Arg.(*spl.FieldRef); ok && (a.Func == "dc" || a.Func == "distinct_count" || a.Func == "estdc" || a.Func == "values") {
			s.field(f.Name)
			if a.Func != "values" {
				s.vary[f.Name] = true
			}
		}
	}
	for _, b := range by {
		if b.Field.Text != "_time" && !strings.Contains(b.Field.Text, "*") {
			s.field(b.Field.Text)
			s.keys = append(s.keys, b.Field.Text)
		}
	}
}

func (s *solver) search(e spl.SearchExpr, holds bool) {
	switch e := e.(type) {
	case *spl.SearchAnd:
		s.all(len(e.Exprs), holds, func(i int) { s.search(e.Exprs[i], holds) })
	case *spl.SearchOr:
		s.all(len(e.Exprs), !holds, func(i int) { s.search(e.Exprs[i], holds) })
	case *spl.SearchNot:
		s.search(e.Expr, !holds)
	case *spl.Compare:
		s.compare(e.Field.Text, e.Op, e.Value.Text, holds)
	case *spl.SearchIn:
		values := e.Values
		if holds { // a data model's word for no value is none that an event has
			values = slices.DeleteFunc(slices.Clone(values), func(v spl.Value) bool { return len(values) > 1 && v.Text == "unknown" })
		}
		if holds {
			for _, v := range values {
				s.among[s.stands(e.Field.Text)] = append(s.among[s.stands(e.Field.Text)], v.Text)
			}
		}
		s.all(len(values), !holds, func(i int) { s.compare(e.Field.Text, "=", values[i].Text, holds) })
	case *spl.Term:
		if strings.Trim(e.Value.Text, "*") != "" && holds {
			s.field("_raw").is = append(s.field("_raw").is, "*"+strings.Trim(e.Value.Text, "*")+"*")
		}
	case *spl.SubsearchExpr:
		s.failed = "a subsearch"
	}
}

// all visits every part, or one of them.
func (s *solver) all(n int, every bool, visit func(int)) {
	if !every {
		visit(s.pick(n))
		return
	}
	for i := range n {
		visit(i)
	}
}

func (s *solver) compare(field, op, v string, holds bool) {
	if c, ok := s.cut[field]; ok && (op == "=") == holds && !strings.Contains(v, "*") {
		if re, err := syntax.Parse(c.pattern, syntax.Perl); err == nil {
			w := s.field(c.field)
			w.is = append(w.is, sample(re, field, v))
		}
		return
	}
	w := s.field(field)
	switch {
	case op == "=" && holds, op == "!=" && !holds:
		w.is = append(w.is, v)
	case op == "=", op == "!=":
		w.not = append(w.not, v)
	case (op == ">" || op == ">=") && holds, (op == "<" || op == "<=") && !holds:
		w.over = v
	}
}

func (s *solver) eval(e spl.Expr, holds bool) {
	switch e := e.(type) {
	case *spl.Unary:
		if e.Op == "NOT" {
			s.eval(e.X, !holds)
		}
	case *spl.Binary:
		f, isField := e.L.(*spl.FieldRef)
		v, isText := literal(e.R)
		switch {
		case e.Op == "AND":
			s.all(2, holds, func(i int) { s.eval([]spl.Expr{e.L, e.R}[i], holds) })
		case e.Op == "OR":
			s.all(2, !holds, func(i int) { s.eval([]spl.Expr{e.L, e.R}[i], holds) })
		case isField && isText && e.Op == "LIKE":
			s.compare(f.Name, "=", strings.NewReplacer("%", "*", "_", "?").Replace(v), holds)
		case isField && isText:
			s.compare(f.Name, strings.Replace(e.Op, "==", "=", 1), v, holds)
		}
	case *spl.Call:
		if len(e.Args) == 0 {
			return
		}
		f, ok := e.Args[0].(*spl.FieldRef)
		if !ok {
			return
		}
		text := ""
		if len(e.Args) > 1 {
			text, _ = literal(e.Args[1])
		}
		switch {
		case e.Func == "like":
			s.compare(f.Name, "=", strings.NewReplacer("%", "*").Replace(text), holds)
		case e.Func == "match" && holds:
			s.matches(f.Name, text)
		case e.Func == "isnotnull":
			s.field(f.Name)
		case e.Func == "in":
			s.all(len(e.Args)-1, !holds, func(i int) {
				if v, ok := literal(e.Args[i+1]); ok {
					s.compare(f.Name, "=", v, holds)
				}
			})
		}
	}
}

func literal(e spl.Expr) (string, bool) {
	switch e := e.(type) {
	case *spl.StringLit:
		return e.Value, true
	case *spl.NumberLit:
		return e.Text, true
	}
	return "", false
}

// raw makes a raw event of a stream with the values that the solver found. usual are the values of fields that the search
// asks nothing of.
func (s *solver) raw(st *pipeline.Stream, usual map[string]string) (pipeline.Event, error) {
	code := usual[st.By]
	code = s.code(st, code)
	wants := map[string]*wanted{}
	of := func(name string) *wanted {
		if wants[name] == nil {
			wants[name] = &wanted{}
		}
		return wants[name]
	}
	for name, w := range s.want {
		raw, back, ok := s.from(st, usual, name, code)
		if !ok {
			return nil, fmt.Errorf("no raw field is known for %s", name)
		}
		to := of(raw)
		for _, p := range w.is {
			to.is = append(to.is, back(p))
		}
		for _, p := range w.not {
			to.not = append(to.not, back(p))
		}
		if w.over != "" {
			to.over = w.over
		}
		if long := s.want[name+"_length"]; long != nil && long.over != "" {
			if n, err := strconv.Atoi(long.over); err == nil {
				to.least = n + 1
			}
		}
	}
	out := pipeline.Event{}
	for name, v := range usual {
		out[name] = []string{v}
	}
	for name, w := range wants {
		u := usual[name]
		if u == "" {
			u = ordinary(name)
		}
		v, ok := w.fill(u)
		if !ok {
			return nil, fmt.Errorf("no value fits what is asked of %s", name)
		}
		out[name] = []string{v}
	}
	return out, nil
}

// from is the raw field behind a name of the search, with what a pattern of the name asks of it.
func (s *solver) from(st *pipeline.Stream, usual map[string]string, name, code string) (string, func(string) string, bool) {
	same := func(p string) string { return p }
	if _, own := usual[name]; own {
		return name, same, true
	}
	for _, prefix := range s.under {
		if _, is := usual[prefix+name]; is || st.Knows(prefix+name) {
			return prefix + name, same, true
		}
	}
	return behind(st, name, code)
}

// code is the value of the field that tells events of a stream apart, if the search asks for one under any of its names.
func (s *solver) code(st *pipeline.Stream, usual string) string {
	names := []string{st.By}
	for _, a := range st.Names {
		if a.Source == st.By && len(a.Steps) == 0 {
			names = append(names, a.Name)
		}
	}
	for _, n := range names {
		if w := s.want[n]; w != nil && len(w.is) > 0 && !strings.Contains(w.is[0], "*") {
			return w.is[0]
		}
	}
	return usual
}

// ordinary is a value of the form that fields of such a name have.
func ordinary(name string) string {
	switch {
	case addressName.MatchString(name):
		return "198.51.100.9"
	case numberName.MatchString(name):
		return "7"
	}
	return "zq7"
}

var (
	addressName = regexp.MustCompile(`(?:^|[._a-z])(?:ip|IP|Ip|ipAddress|IpAddress|IPAddress|src|dest)$`)
	dwordNumber = regexp.MustCompile(`^0x[0-9a-fA-F]{8}$`)
	numberName  = regexp.MustCompile(`(?:Count|Port|_port|Pid|ProcessId|ProcessID)$`)
)

// behind is the raw field behind a name of Splunk's add-on, with what a pattern of the name asks of it.
func behind(st *pipeline.Stream, name, code string) (raw string, back func(string) string, ok bool) {
	for _, a := range st.Names {
		if a.Name != name || len(a.Codes) > 0 && slices.Contains(a.Codes, code) == a.Not {
			continue
		}
		if len(a.Steps) == 0 {
			return a.Source, func(p string) string { return p }, true
		}
		step := a.Steps[0]
		switch {
		case step.Name == "base" || step.Name == "match" && step.Arg == `([^\\]*)$`:
			if st.Name == "sysmon_linux/log" {
				return a.Source, func(p string) string { return `*/` + p }, true
			}
			return a.Source, func(p string) string { return `*\` + p }, true
		case step.Name == "match" && strings.HasPrefix(step.Arg, `^DWORD `):
			return a.Source, func(p string) string {
				if dwordNumber.MatchString(p) {
					return "DWORD (" + p + ")"
				}
				return p
			}, true
		case step.Name == "before" && step.Arg == "@":
			return a.Source, func(p string) string { return p + "@example.com" }, true
		case step.Name == "is":
			return a.Source, func(p string) string {
				for pair := range strings.SplitSeq(step.Arg, ";") {
					if from, to, ok := strings.Cut(pair, "="); ok && strings.EqualFold(to, p) {
						return from
					}
				}
				return p
			}, true
		}
	}
	return name, func(p string) string { return p }, true
}
