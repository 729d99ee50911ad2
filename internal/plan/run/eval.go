package run

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rulebridge/rulebridge/internal/lower"
	"github.com/rulebridge/rulebridge/internal/plan"
	"github.com/rulebridge/rulebridge/internal/value"
)

// eval gives the value of an expression for a row. The depth of expressions is bounded when they are lowered.
func (x *runner) eval(e plan.Expr, r *Row) (value.Value, error) {
	v := x.expr(e, r)
	if err := x.env.Err(); err != nil {
		return nil, place(err, e.Span())
	}
	return v, nil
}

func (x *runner) expr(e plan.Expr, r *Row) value.Value {
	switch e := e.(type) {
	case *plan.Const:
		return e.Value
	case *plan.Field:
		return x.field(r, e.Column.Name)
	case *plan.Apply:
		return x.apply(e, r)
	case *plan.Each:
		return x.each(e, r)
	case *plan.Names:
		name := x.expr(e.Name, r)
		if len(name) != 1 {
			return nil
		}
		return r.fields[name[0].Text()]
	case *plan.InRows:
		c, err := x.subsearch(e)
		if err != nil {
			x.env.Fail(err)
			return nil
		}
		return x.expr(c, r)
	case *plan.SearchText:
		text := x.expr(e.Text, r)
		if len(text) != 1 {
			return value.Bool(false)
		}
		c, err := x.searchText(text[0].Text())
		if err != nil {
			x.env.Fail(&Error{e.At, err.Error()})
			return nil
		}
		return x.expr(c, r)
	case *plan.TableCell:
		return x.tableCell(e, r)
	case *plan.TimeBound:
		t, err := x.bound(e.Text, "")
		if err != nil {
			x.env.Fail(&Error{e.At, err.Error()})
			return nil
		}
		at, ok := r.time()
		return value.Bool(ok && (at < value.Seconds(t)) == e.Latest)
	case *plan.Unknown:
		x.env.Fail(&Error{e.At, e.Why})
	}
	return nil
}

// apply evaluates the arguments it needs: AND, OR, if, case and coalesce stop at the first that settles the result.
func (x *runner) apply(e *plan.Apply, r *Row) value.Value {
	switch e.Op.Name {
	case "AND":
		for _, a := range e.Args {
			if !x.expr(a, r).True() {
				return value.Bool(false)
			}
		}
		return value.Bool(true)
	case "OR":
		for _, a := range e.Args {
			if x.expr(a, r).True() {
				return value.Bool(true)
			}
		}
		return value.Bool(false)
	case "coalesce":
		for _, a := range e.Args {
			if v := x.expr(a, r); !v.Missing() {
				return v
			}
		}
		return nil
	case "if":
		switch {
		case x.expr(e.Args[0], r).True():
			return x.expr(e.Args[1], r)
		case len(e.Args) > 2:
			return x.expr(e.Args[2], r)
		}
		return nil
	case "case", "validate":
		for i := 0; i+1 < len(e.Args); i += 2 {
			if x.expr(e.Args[i], r).True() == (e.Op.Name == "case") {
				return x.expr(e.Args[i+1], r)
			}
		}
		return nil
	}
	args := make([]value.Value, len(e.Args))
	for i, a := range e.Args {
		args[i] = x.expr(a, r)
	}
	if e.Op.Name == "present" && e.Op.Place == value.InSearch && args[0].Missing() {
		if f, ok := e.Args[0].(*plan.Field); ok && x.everyEvent[f.Column.Name] && f.Column.Desc.Missing != value.Always {
			x.note(e.At, "the events do not say their %s, which every event of Splunk has", f.Column.Name)
			return value.Bool(true)
		}
	}
	if x.anyIndex && (e.Op.Name == "=" || e.Op.Name == "present") && e.Op.Place == value.InSearch && args[0].Missing() {
		if f, ok := e.Args[0].(*plan.Field); ok && f.Column.Name == "index" && f.Column.Desc.Missing != value.Always {
			x.note(e.At, "the events do not say their index: they are taken to be in the one asked for")
			return value.Bool(true)
		}
	}
	return e.Op.Call(x.env, args)
}

// field reads a field; the raw text of an event without one is its values.
func (x *runner) field(r *Row, name string) value.Value {
	v, ok := r.fields[name]
	if ok || name != "_raw" {
		return v
	}
	var parts []string
	for _, n := range r.Names() {
		if !strings.HasPrefix(n, "_") {
			parts = append(parts, r.fields[n].Joined())
		}
	}
	x.env.Count(len(parts))
	if len(parts) == 0 {
		return nil
	}
	return value.Str(strings.Join(parts, " "))
}

func (x *runner) each(e *plan.Each, r *Row) value.Value {
	over := x.expr(e.Over, r)
	if len(over) == 0 {
		return nil
	}
	one := r.clone()
	var out value.Value
	for _, a := range over {
		one.set(e.Field, a.One())
		v := x.expr(e.Body, one)
		if x.env.Failed() {
			return nil
		}
		switch {
		case !e.Filter:
			out = append(out, v...)
		case v.True():
			out = append(out, a)
		}
	}
	return out
}

// subsearch runs a subsearch once and makes a condition of its rows.
func (x *runner) subsearch(e *plan.InRows) (plan.Expr, error) {
	if c, ok := x.subs[e]; ok {
		return c, nil
	}
	at := x.at
	t, err := x.node(e.Sub)
	x.at = at
	if err != nil {
		return nil, err
	}
	text, whole := x.asText(e.Sub, t, e.Limit)
	if whole {
		c, err := x.searchText(text)
		if err != nil {
			return nil, &Error{e.At, err.Error()}
		}
		x.subs[e] = c
		return c, nil
	}
	var alternatives []plan.Expr
	for i, r := range t.rows {
		if i == e.Limit {
			x.note(e.At, "only the first %d rows of the subsearch count", e.Limit)
			break
		}
		if c := x.agrees(e, t, r); c != nil {
			alternatives = append(alternatives, c)
		}
	}
	c := x.op(e, "OR", alternatives...)
	x.subs[e] = c
	return c, nil
}

// agrees is the condition that a row has the values of a row of a subsearch; nil for a row without any.
func (x *runner) agrees(e *plan.InRows, t *rows, r *Row) plan.Expr {
	var all []plan.Expr
	for _, n := range t.names {
		v := r.fields[n]
		if v.Missing() || strings.HasPrefix(n, "_") { // internal fields are no conditions
			continue
		}
		var one []plan.Expr
		for _, a := range v {
			if n == "search" || n == "query" {
				c, err := x.searchText(a.Text())
				if err != nil {
					x.env.Fail(&Error{e.At, err.Error()})
					return nil
				}
				one = append(one, c)
				continue
			}
			f := plan.NewField(e.At, plan.Column{Name: n})
			if strings.Trim(a.Text(), "*") == "" && a.Text() != "" {
				one = append(one, x.present(e, f))
				continue
			}
			eq, _ := value.Find("=", value.InSearch)
			one = append(one, plan.NewApply(e.At, eq, f, plan.NewConst(e.At, value.Str(a.Text()))))
		}
		all = append(all, x.op(e, "OR", one...))
	}
	if len(all) == 0 {
		return nil
	}
	return x.op(e, "AND", all...)
}

func (x *runner) present(e *plan.InRows, f plan.Expr) plan.Expr {
	op, _ := value.Find("present", value.InSearch)
	return plan.NewApply(e.At, op, f)
}

func (x *runner) op(e *plan.InRows, name string, args ...plan.Expr) plan.Expr {
	if len(args) == 1 {
		return args[0]
	}
	op, _ := value.Find(name, value.InSearch)
	return plan.NewApply(e.At, op, args...)
}

// asText is the text that format or return gave; whole says that the subsearch ends in one of them.
func (x *runner) asText(n plan.Node, t *rows, limit int) (string, bool) {
	if _, ok := n.(*plan.ToSearch); !ok || len(t.rows) == 0 {
		return "", false
	}
	return t.rows[0].fields["search"].Joined(), true
}

// searchText reads the text of a condition; an empty text holds for no row.
func (x *runner) searchText(text string) (plan.Expr, error) {
	if c, ok := x.texts[text]; ok {
		return c, nil
	}
	if err := x.spend(1 + len(text)); err != nil {
		return nil, err
	}
	var c plan.Expr
	var err error
	// NOT( ) is what format gives for no rows.
	if bare := strings.Join(strings.Fields(text), ""); bare == "" || strings.EqualFold(bare, "NOT()") {
		c, err = lower.Condition("NOT *", plan.Scope{Open: true})
	} else {
		c, err = lower.Condition(text, plan.Scope{Open: true})
	}
	if err == nil {
		err = x.checkExpr(c, x.depth)
	}
	if err != nil {
		return nil, err
	}
	if len(x.texts) > 10_000 {
		x.texts = map[string]plan.Expr{}
	}
	x.texts[text] = c
	return c, nil
}

func (x *runner) note(at spanned, format string, args ...any) {
	n := plan.Note{At: at, Text: fmt.Sprintf(format, args...)}
	if len(x.notes) < 100 && !slices.Contains(x.notes, n) {
		x.notes = append(x.notes, n)
	}
}

// tableCell is the lookup function of eval.
func (x *runner) tableCell(e *plan.TableCell, r *Row) value.Value {
	table, ok := x.in.Lookups[e.Table]
	if !ok {
		x.env.Fail(&Error{e.At, fmt.Sprintf("lookup %s is not defined: supply it with the lookups", e.Table)})
		return nil
	}
	keys, ok1 := value.ParseJSON(x.expr(e.Keys, r).Joined())
	wanted, ok2 := value.ParseJSON(x.expr(e.Outputs, r).Joined())
	if !ok1 || !ok2 {
		return nil
	}
	var match []keyOf
	keys.Fields(x.env, func(name string, v value.Value) { match = append(match, keyOf{name, v.Joined()}) })
	found, err := x.matches(&table, match)
	if err != nil {
		x.env.Fail(err)
		return nil
	}
	if len(found) == 0 {
		return nil
	}
	object, _ := value.Find("json_object", value.InEval)
	var args []value.Value
	wanted.Fields(x.env, func(_ string, v value.Value) {
		var cells value.Value
		for _, row := range found {
			cells = append(cells, value.Str(row[v.Joined()])...)
		}
		args = append(args, v, cells)
	})
	return object.Call(x.env, args)
}
