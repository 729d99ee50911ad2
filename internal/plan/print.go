package plan

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/rulebridge/rulebridge/internal/value"
)

// Print writes a plan for people: a line for each node in the order of the search, searches within it indented.
func Print(p *Plan) string {
	w := &printer{}
	w.node(p.Root, 0)
	for _, n := range p.Notes {
		fmt.Fprintf(&w.b, "note %d:%d: %s\n", n.At.Start.Line, n.At.Start.Column, n.Text)
	}
	return w.b.String()
}

type printer struct{ b strings.Builder }

const maxPrintDepth = 100

func (w *printer) node(n Node, depth int) {
	if depth > maxPrintDepth {
		return
	}
	var chain []Node
	for ; n != nil; n = n.From() {
		chain = append(chain, n)
	}
	for i := len(chain) - 1; i >= 0; i-- {
		n := chain[i]
		w.line(depth, name(n)+w.detail(n))
		for _, s := range Subs(n) {
			w.node(s, depth+1)
		}
		Exprs(n, func(e Expr) { w.subsearches(e, depth+1) })
	}
}

// subsearches prints the searches within an expression.
func (w *printer) subsearches(e Expr, depth int) {
	if s, ok := e.(*InRows); ok {
		w.line(depth, "rows of")
		w.node(s.Sub, depth+1)
	}
	for _, c := range Children(e) {
		w.subsearches(c, depth)
	}
}

func (w *printer) line(depth int, s string) {
	w.b.WriteString(strings.Repeat("  ", depth) + strings.TrimRight(s, " ") + "\n")
}

func name(n Node) string {
	return strings.ToLower(strings.TrimPrefix(reflect.TypeOf(n).Elem().String(), "plan."))
}

func (w *printer) detail(n Node) string {
	switch n := n.(type) {
	case *Source:
		return w.source(n)
	case *Filter:
		return " " + Text(n.Cond)
	case *Extend:
		var list []string
		for _, c := range n.Changes {
			if a, ok := c.(*Assign); ok {
				list = append(list, a.Name+" = "+Text(a.Expr)+" : "+kind(a.Expr.Desc()))
				continue
			}
			list = append(list, strings.ToLower(strings.TrimPrefix(reflect.TypeOf(c).Elem().String(), "plan."))+values(reflect.ValueOf(c).Elem()))
		}
		return " " + strings.Join(list, "; ")
	case *Aggregate:
		return aggregations(n.Aggs) + by(n.Keys) + set("fill", n.Fill)
	case *Window:
		var keys []Key
		for _, k := range n.Keys {
			keys = append(keys, Key{Name: k})
		}
		s := aggregations(n.Aggs) + by(keys)
		if n.Running {
			s += " running"
			if !n.Current {
				s += " before"
			}
			if n.Size > 0 {
				s += fmt.Sprintf(" over %d rows", n.Size)
			}
		}
		return s
	case *Sort:
		s := ""
		for _, k := range n.Keys {
			sign := "+"
			if k.Desc {
				sign = "-"
			}
			s += " " + sign + k.Func + "(" + k.Name + ")"
		}
		if n.Reverse {
			s += " reversed"
		}
		if n.Limit != 0 {
			s += fmt.Sprintf(" limit %d", n.Limit)
		}
		return s
	case *Hole:
		return " " + n.Command + ": " + n.Why
	}
	return values(reflect.ValueOf(n).Elem())
}

func (w *printer) source(n *Source) string {
	s := " " + [...]string{"events", "model", "made", "table", "above", "nothing", "times"}[n.Kind]
	return s + set("name", n.Name) + set("earliest", n.Earliest) + set(map[bool]string{false: "latest", true: "endtime"}[n.EndIn], n.Latest)
}

func set(name, v string) string {
	if v == "" {
		return ""
	}
	return " " + name + "=" + v
}

func aggregations(list []Agg) string {
	var parts []string
	for _, a := range list {
		arg := a.Field
		if a.Arg != nil {
			arg = Text(a.Arg)
		}
		f := a.Func.Name
		if a.Func.Param != 0 {
			f += strconv.FormatFloat(a.Func.Param, 'f', -1, 64)
		}
		parts = append(parts, a.Name+" = "+f+"("+arg+")")
	}
	return " " + strings.Join(parts, "; ")
}

func by(keys []Key) string {
	if len(keys) == 0 {
		return ""
	}
	var parts []string
	for _, k := range keys {
		parts = append(parts, k.Name+set("span", k.Span))
	}
	return " by " + strings.Join(parts, ", ")
}

// values prints the fields of a struct that are not zero.
func values(v reflect.Value) string {
	var b strings.Builder
	t := v.Type()
	for i := range t.NumField() {
		f := v.Field(i)
		if t.Field(i).Name == "Step" || t.Field(i).Name == "Sub" || t.Field(i).Name == "Subs" || f.IsZero() {
			continue
		}
		var s string
		switch x := f.Interface().(type) {
		case Expr:
			s = Text(x)
		case []Agg:
			s = strings.TrimSpace(aggregations(x))
		case *Key:
			s = strings.TrimPrefix(by([]Key{*x}), " by ")
		case []Pair:
			var parts []string
			for _, p := range x {
				parts = append(parts, p.From+" → "+p.To)
			}
			s = strings.Join(parts, ", ")
		case []LookupField:
			var parts []string
			for _, p := range x {
				parts = append(parts, p.Column+" as "+p.Field)
			}
			s = strings.Join(parts, ", ")
		case []string:
			s = strings.Join(x, ", ")
		case string:
			s = strconv.Quote(x)
		case bool:
			b.WriteString(" " + strings.ToLower(t.Field(i).Name))
			continue
		default:
			s = fmt.Sprint(x)
		}
		b.WriteString(" " + strings.ToLower(t.Field(i).Name) + "=" + s)
	}
	return b.String()
}

func kind(d value.Desc) string {
	s := d.Kind.String()
	if d.Missing != value.Never {
		s += ", " + d.Missing.String() + " missing"
	}
	if d.Several != value.Never {
		s += ", " + d.Several.String() + " several"
	}
	if !d.Settled {
		s += ", no page"
	}
	return s
}

// Text writes an expression for people.
func Text(e Expr) string { return text(e, 0) }

func text(e Expr, depth int) string {
	if depth > maxPrintDepth {
		return "…"
	}
	switch e := e.(type) {
	case *Field:
		return e.Column.Name
	case *Const:
		switch {
		case len(e.Value) == 0:
			return "null"
		case len(e.Value) == 1 && e.Value[0].Kind() == value.Number:
			return e.Value[0].Text()
		}
		return strconv.Quote(e.Value.Joined())
	case *Apply:
		var args []string
		for _, a := range e.Args {
			args = append(args, text(a, depth+1))
		}
		n := e.Op.Name
		if c := n[0]; len(args) == 2 && (c < 'A' || c == '|') {
			if e.Op.Place == value.InSearch {
				n += "~"
			}
			return "(" + args[0] + " " + n + " " + args[1] + ")"
		}
		if n == "AND" || n == "OR" || n == "XOR" {
			return "(" + strings.Join(args, " "+n+" ") + ")"
		}
		return n + "(" + strings.Join(args, ", ") + ")"
	case *Each:
		if e.Filter {
			return "values of " + e.Field + " where " + text(e.Body, depth+1)
		}
		return "each " + e.Field + ": " + text(e.Body, depth+1)
	case *InRows:
		return "in rows of a subsearch"
	case *SearchText:
		return "search(" + text(e.Text, depth+1) + ")"
	case *TableCell:
		return "lookup(" + e.Table + ", " + text(e.Keys, depth+1) + ", " + text(e.Outputs, depth+1) + ")"
	case *Names:
		return "field named " + text(e.Name, depth+1)
	case *TimeBound:
		return map[bool]string{false: "from ", true: "before "}[e.Latest] + e.Text
	case *Unknown:
		return "unknown: " + e.Why
	}
	return "?"
}
